"""Regular expressions whose matching is paid for, step by step.

    text --re._parser--> tree -> [program] -> run, a tick for each step
                           `---> bound of the steps of re itself -> re, where that is small for this text

Python's `re` tries one way after the other, and for some expressions there are more ways than atoms in the world. It
can't be stopped deterministically, so here it does only what is known to be short: single characters, fixed texts, runs
of one kind of character, and whole expressions whose number of steps on a text of this length is bounded by STEPS_MAX.
Everything else is done by the same algorithm in Python, which pays for each step.

Promise: matches are those of `re`, whichever of the two finds them (tests/sandbox/test_library_re.py).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.iterators import Meter

# Python's own parser: what it accepts is what is accepted here. Private modules, the same in 3.11 to 3.13.
_parser: Final[Any] = re._parser  # type: ignore[attr-defined]
_compiler: Final[Any] = re._compiler  # type: ignore[attr-defined]
_sre: Final[Any] = _compiler._sre

PATTERN_SIZE_MAX: Final = 2_000
GROUP_COUNT_MAX: Final = 100
# Steps that `re` itself may need at most to be asked: 5 to 10 ns each.
STEPS_MAX: Final = 1_000_000
_STEPS_PER_TICK: Final = 200
# Characters that a run of one kind may take for one tick.
_SIZE_PER_TICK: Final = 64
# Ways that are still open; each takes some 150 bytes.
_OPEN_COUNT_MAX: Final = 1_000_000
_UNBOUNDED: Final = float("inf")

FLAGS_ALLOWED: Final = int(re.ASCII | re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.UNICODE)

_SINGLE: Final = frozenset({_parser.ANY, _parser.IN, _parser.LITERAL, _parser.NOT_LITERAL})
_REPEATS: Final = frozenset({_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT})

(_LEAF, _RUN, _LAZY, _SPLIT, _JUMP, _MARK, _ENTER, _UNTIL, _BACK, _WHETHER, _LOOK, _ATOMIC, _FAIL, _END) = range(14)

# (start, end) of each group, the whole first, -1 where it took no part; and the index of the group closed last, or 0.
Found = tuple[tuple[tuple[int, int], ...], int]
Marks = tuple[int, ...]


class Regex:
    """A compiled expression. Never reached by a snippet."""

    __slots__ = ("_code", "_groups", "_steps", "_tree", "names", "own")

    def __init__(self, pattern: Any, flags: int) -> None:
        """Raises re.error, or ValueError for an expression that is too large."""
        if len(pattern) > PATTERN_SIZE_MAX:
            raise ValueError(f"a pattern of {len(pattern)} characters is longer than {PATTERN_SIZE_MAX}")
        if pattern.count("(" if isinstance(pattern, str) else b"(") > GROUP_COUNT_MAX:
            raise ValueError(f"a pattern has more than {GROUP_COUNT_MAX} groups")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._tree: Any = _parser.parse(pattern, flags)
            self.own: Any = re.compile(pattern, flags)
        self._groups: int = self.own.groups
        self.names: dict[str, int] = dict(self.own.groupindex)
        self._code: list[Any] | None = None
        self._steps: dict[tuple[int, bool], float] = {}

    def _short(self, meter: Meter, size: int, *, anywhere: bool) -> bool:
        """Whether `re` itself may be asked for a text of this size; if so, that is paid.

        Args:
            anywhere: a match may begin at any place.
        """
        size = 1 << size.bit_length()
        key = size, anywhere
        steps = self._steps.get(key)
        if steps is None:
            # What is found takes no more steps than it has characters, so a last run of characters, after which
            # nothing can fail, counts once for the text and not for each place where a match may begin.
            tree = list(self._tree)
            steps = (size + 1) * _cost(tree, size, last=True)[0] + size if anywhere else _cost(tree, size)[0]
            self._steps[key] = steps
        if steps > STEPS_MAX:
            return False
        meter.pay(int(steps) // _STEPS_PER_TICK + 1)
        return True

    def find(self, meter: Meter, text: Any, pos: int, end: int, how: str) -> Found | None:
        """Return the match that `search`, `match` or `fullmatch` of `re` finds in `text[pos:end]`."""
        if self._short(meter, end - pos, anywhere=how == "search"):
            match = getattr(self.own, how)(text, pos, end)
            return None if match is None else (match.regs, match.lastindex or 0)
        if how == "search":
            return self._search(meter, text, pos, end, must_advance=False)
        return self._at(meter, text, pos, end, lambda stop: how == "match" or stop == end)

    def find_all(self, meter: Meter, text: Any, pos: int, end: int) -> Iterator[Found]:
        """Yield the matches that `finditer` of `re` finds."""
        if self._short(meter, end - pos, anywhere=True):
            for match in self.own.finditer(text, pos, end):
                meter.tick()
                yield match.regs, match.lastindex or 0
            return
        must_advance = False
        while pos <= end:
            found = self._search(meter, text, pos, end, must_advance=must_advance)
            if found is None:
                return
            yield found
            start, pos = found[0][0]
            # After an empty match the next one may begin at the same place, but must not be empty.
            must_advance = start == pos

    # --- one match, in Python -----------------------------------------------------------------------------------------

    def _search(self, meter: Meter, text: Any, pos: int, end: int, *, must_advance: bool) -> Found | None:
        first = self._program()[0]
        # Finds in C where a match can begin at all.
        begins = first[2] if first[0] == _LEAF else first[3] if first[0] == _RUN else None
        start = pos
        while start <= end:
            if begins is not None:
                begin = begins(text, start, end)
                meter.pay(((end if begin is None else begin.start()) - start) // _SIZE_PER_TICK)
                if begin is None:
                    return None
                start = begin.start()
            refused = pos if must_advance and start == pos else -1
            found = self._at(meter, text, start, end, refused.__ne__)
            if found is not None:
                return found
            start += 1
        return None

    def _at(self, meter: Meter, text: Any, pos: int, end: int, accept: Callable[[int], bool]) -> Found | None:
        unset = (-1,) * (2 * self._groups) + (0,)
        found = _run(self._program(), text, pos, end, unset, meter, accept)
        if found is None:
            return None
        stop, marks = found
        pairs = zip(marks[:-1:2], marks[1:-1:2], strict=True)
        groups = [(start, stop) if stop >= 0 else (-1, -1) for start, stop in pairs]
        return ((pos, stop), *groups), marks[-1]

    def _program(self) -> list[Any]:
        if self._code is None:
            self._code = []
            _emit(list(self._tree), self._tree.state.flags, self._code)
            self._code.append((_END,))
        return self._code


# --- how many steps ---------------------------------------------------------------------------------------------------


def _cost(items: Any, size: int, *, last: bool = False) -> tuple[float, float]:
    """Return bounds of the steps of matching these items in sequence at one place, and of the ways to do it.

    Args:
        last: nothing follows them, so that a run of characters at the end is tried in one way alone.
    """
    items = list(items)
    steps, ways = 1.0, 1.0
    for index, (op, value) in enumerate(items):
        final = last and index == len(items) - 1
        if final and op is _parser.SUBPATTERN:
            own_steps, own_ways = _cost(value[3], size, last=True)
        elif final and op in _REPEATS and len(value[2]) == 1 and value[2][0][0] in _SINGLE:
            own_steps, own_ways = value[0] + 1.0, 1.0
        else:
            own_steps, own_ways = _cost_of(op, value, size)
        steps += ways * own_steps
        ways *= own_ways
    return steps, ways


def _cost_of(op: Any, value: Any, size: int) -> tuple[float, float]:
    if op in _SINGLE:
        return (1.0 + len(value) if op is _parser.IN else 1.0), 1.0
    if op in _REPEATS:
        low, high, body = value
        steps, ways = _cost(body, size)
        low = int(low)
        count = size if high is _parser.MAXREPEAT else min(int(high), size)
        if ways == 1.0 and body.getwidth()[0] > 0:
            return max(count, min(low, size)) * steps + 1, max(count - low, 0) + 1.0
        count = max(count, low)
        if count > 4:
            return _UNBOUNDED, _UNBOUNDED
        return sum(steps * ways**turn for turn in range(count)) + 1, sum(ways**turn for turn in range(count + 1))
    if op is _parser.BRANCH:
        costs = [_cost(branch, size) for branch in value[1]]
        return sum(steps for steps, _ in costs) + 1, sum(ways for _, ways in costs)
    if op is _parser.SUBPATTERN:
        return _cost(value[3], size)
    if op is _parser.ATOMIC_GROUP:
        return _cost(value, size)[0], 1.0
    if op in (_parser.ASSERT, _parser.ASSERT_NOT):
        return _cost(value[1], size)[0] + 1, 1.0
    if op is _parser.GROUPREF:
        return size + 1.0, 1.0
    if op is _parser.GROUPREF_EXISTS:
        yes, no = _cost(value[1], size), _cost(value[2] or [], size)
        return yes[0] + no[0], max(yes[1], no[1])
    return 1.0, 1.0


# --- tree to program --------------------------------------------------------------------------------------------------


def _own(items: list[Any], flags: int) -> Any:
    """Return these items of a tree as a compiled pattern of `re`."""
    state = _parser.State()
    state.flags, state.str = flags, ""
    return _compiler.compile(_parser.SubPattern(state, items), 0)


def _emit(items: list[Any], flags: int, code: list[Any]) -> None:
    fixed: list[Any] = []
    for op, value in [*items, (None, None)]:
        if op in _SINGLE or op is _parser.AT:
            fixed.append((op, value))
            continue
        if fixed:
            # There is one way to match these, so `re` does it in one step.
            leaf = _own(fixed, flags)
            code.append((_LEAF, leaf.match, leaf.search))
            fixed = []
        if op is not None:
            _emit_one(op, value, flags, code)


def _emit_one(op: Any, value: Any, flags: int, code: list[Any]) -> None:
    if op is _parser.SUBPATTERN:
        group, added, removed, body = value
        inner = (flags | added) & ~removed
        if group is None:
            _emit(list(body), inner, code)
        else:
            code.append((_MARK, 2 * group - 2, 0))
            _emit(list(body), inner, code)
            code.append((_MARK, 2 * group - 1, group))
    elif op is _parser.BRANCH:
        _emit_branches([list(branch) for branch in value[1]], flags, code)
    elif op in _REPEATS:
        _emit_repeat(op, value, flags, code)
    elif op is _parser.ATOMIC_GROUP:
        code.append((_ATOMIC, _program_of(list(value), flags)))
    elif op in (_parser.ASSERT, _parser.ASSERT_NOT):
        direction, body = value
        back = body.getwidth()[0] if direction < 0 else 0
        code.append((_LOOK, _program_of(list(body), flags), op is _parser.ASSERT_NOT, back))
    elif op is _parser.GROUPREF:
        code.append((_BACK, value, _folding(flags)))
    elif op is _parser.GROUPREF_EXISTS:
        group, yes, no = value
        at = len(code)
        code.append(None)
        _emit(list(yes), flags, code)
        code.append(None)
        code[at] = (_WHETHER, group, len(code))
        over = len(code) - 1
        _emit(list(no or []), flags, code)
        code[over] = (_JUMP, len(code))
    else:
        assert op is _parser.FAILURE, op
        code.append((_FAIL,))


def _emit_branches(branches: list[list[Any]], flags: int, code: list[Any]) -> None:
    jumps = []
    for branch in branches[:-1]:
        at = len(code)
        code.append(None)
        _emit(branch, flags, code)
        jumps.append(len(code))
        code.append(None)
        code[at] = (_SPLIT, len(code))
    _emit(branches[-1], flags, code)
    for at in jumps:
        code[at] = (_JUMP, len(code))


def _emit_repeat(op: Any, value: Any, flags: int, code: list[Any]) -> None:
    low, high, body = value
    low = int(low)
    if len(body) == 1 and body[0][0] in _SINGLE:
        if op is _parser.MIN_REPEAT:
            least = _own([(_parser.POSSESSIVE_REPEAT, (low, low, body))], flags) if low else None
            left = -1 if high is _parser.MAXREPEAT else int(high) - low
            code.append((_LAZY, None if least is None else least.match, _own(list(body), flags).match, left))
        else:
            run = _own([(_parser.POSSESSIVE_REPEAT, (low, high, body))], flags)
            if op is _parser.POSSESSIVE_REPEAT:
                code.append((_LEAF, run.match, run.search))
            else:
                code.append((_RUN, run.match, low, _own(list(body), flags).search if low else None))
        return
    if op is _parser.POSSESSIVE_REPEAT:
        code.append((_ATOMIC, _program_of([(_parser.MAX_REPEAT, (low, high, body))], flags)))
        return
    code.append((_ENTER,))
    at = len(code)
    code.append(None)
    _emit(list(body), flags, code)
    code.append((_JUMP, at))
    most = -1 if high is _parser.MAXREPEAT else int(high)
    code[at] = (_UNTIL, low, most, op is _parser.MIN_REPEAT, len(code))


def _program_of(items: list[Any], flags: int) -> list[Any]:
    code: list[Any] = []
    _emit(items, flags, code)
    code.append((_END,))
    return code


def _folding(flags: int) -> Callable[[int], int] | None:
    if not flags & re.IGNORECASE:
        return None
    lower: Callable[[int], int] = _sre.unicode_tolower if flags & re.UNICODE else _sre.ascii_tolower
    return lower


# --- running a program ------------------------------------------------------------------------------------------------


def _run(
    code: list[Any], text: Any, pos: int, end: int, marks: Marks, meter: Meter, accept: Callable[[int], bool]
) -> tuple[int, Marks] | None:
    """Return where the first way to match at `pos` that is accepted ends, and its marks.

    A way that is still open is (instruction, position, marks, loops, more): `more` of a run of characters is the
    position at which it may end at the earliest, of a lazy run what it may take another character with. `loops` is the
    innermost repetition that goes on: (count, where its last turn began, the one around it).
    """
    tick = meter.tick
    open_ways: list[tuple[int, int, Marks, Any, Any]] = []
    at = 0
    loops: Any = None
    while True:
        tick()
        instruction = code[at]
        kind = instruction[0]
        at += 1
        if kind == _LEAF:
            match = instruction[1](text, pos, end)
            if match is not None:
                meter.pay((match.end() - pos) // _SIZE_PER_TICK)
                pos = match.end()
                continue
        elif kind == _RUN:
            match = instruction[1](text, pos, end)
            if match is not None:
                least = pos + instruction[2]
                meter.pay((match.end() - pos) // _SIZE_PER_TICK)
                pos = match.end()
                if pos > least:
                    open_ways.append((at, pos - 1, marks, loops, least))
                continue
        elif kind == _LAZY:
            match = None if instruction[1] is None else instruction[1](text, pos, end)
            if match is not None or instruction[1] is None:
                pos = pos if match is None else match.end()
                if instruction[3]:
                    open_ways.append((at, pos, marks, loops, (instruction[2], instruction[3])))
                continue
        elif kind == _SPLIT:
            open_ways.append((instruction[1], pos, marks, loops, None))
            continue
        elif kind == _JUMP:
            at = instruction[1]
            continue
        elif kind == _MARK:
            _, index, group = instruction
            marks = (*marks[:index], pos, *marks[index + 1:-1], group or marks[-1])
            continue
        elif kind == _ENTER:
            loops = (0, -1, loops)
            continue
        elif kind == _UNTIL:
            _, low, most, lazy, after = instruction
            count, last, outer = loops
            if count < low:
                loops = (count + 1, last, outer)
                continue
            again = (count < most or most < 0) and pos != last
            if lazy:
                if again:
                    open_ways.append((at, pos, marks, (count + 1, pos, outer), None))
                at, loops = after, outer
            elif again:
                open_ways.append((after, pos, marks, outer, None))
                loops = (count + 1, pos, outer)
            else:
                at, loops = after, outer
            continue
        elif kind == _BACK:
            _, group, fold = instruction
            start, stop = marks[2 * group - 2], marks[2 * group - 1]
            meter.pay((stop - start) // _SIZE_PER_TICK)
            if stop >= 0 and _same_text(text, start, stop, pos, end, fold):
                pos += stop - start
                continue
        elif kind == _WHETHER:
            if marks[2 * instruction[1] - 1] < 0:
                at = instruction[2]
            continue
        elif kind == _LOOK:
            _, inner, negated, back = instruction
            found = None
            if pos - back >= 0:
                found = _run(inner, text, pos - back, end, marks, meter, _anywhere)
            if negated and found is None:
                continue
            if not negated and found is not None:
                marks = found[1]
                continue
        elif kind == _ATOMIC:
            found = _run(instruction[1], text, pos, end, marks, meter, _anywhere)
            if found is not None:
                pos, marks = found
                continue
        elif kind == _END and accept(pos):
            return pos, marks
        # This way ends here: on with the one that was left open last.
        while True:
            if not open_ways:
                return None
            if len(open_ways) > _OPEN_COUNT_MAX:
                raise ValueError("the pattern has too many ways to match this text; make it more definite")
            at, pos, marks, loops, more = open_ways.pop()
            if more is None:
                break
            if type(more) is int:
                if pos > more:
                    open_ways.append((at, pos - 1, marks, loops, more))
                break
            single, left = more
            match = single(text, pos, end)
            if match is not None:
                pos += 1
                if left != 1:
                    open_ways.append((at, pos, marks, loops, (single, left - 1)))
                break
            tick()


def _anywhere(stop: int) -> bool:
    return True


def _same_text(text: Any, start: int, stop: int, pos: int, end: int, fold: Callable[[int], int] | None) -> bool:
    if pos + stop - start > end:
        return False
    first, second = text[start:stop], text[pos:pos + stop - start]
    if fold is None or first == second:
        return bool(first == second)
    if isinstance(text, bytes):
        return all(fold(a) == fold(b) for a, b in zip(first, second, strict=True))
    return all(fold(ord(a)) == fold(ord(b)) for a, b in zip(first, second, strict=True))
