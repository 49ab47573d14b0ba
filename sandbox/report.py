"""Report: an exception as text for the one whose snippet it was. Shows the snippet's lines and nothing of ours.

    File <cell>, line 2
      users[k].nmae              the line, and where in it
      ^^^^^^^^^^^^^
    File <User version 3>, line 7, in User.name        stored functions and classes, by the version that runs
    AttributeError: ...; did you mean 'name'?          the message, and a hint (hints)

Promise: no code of the snippet runs here (no `__str__`, no `__repr__`, no property), and the text is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import CodeType, TracebackType
from typing import Any, Final, NamedTuple
from unicodedata import combining, east_asian_width

from sandbox.errors import SnippetRefused
from sandbox.text import scrub

# Enough to find the place; a reply is not the place for a thousand frames of a recursion.
FRAME_COUNT_MAX: Final = 20
CHAIN_COUNT_MAX: Final = 5
MESSAGE_SIZE_MAX: Final = 4_000
LINE_SIZE_MAX: Final = 200
# Of a frame that follows itself, as in a recursion, so many are shown.
REPEAT_COUNT_MAX: Final = 3
_DEPTH_MAX: Final = 4
_ITEM_COUNT_MAX: Final = 20

_ARGS: Final[Any] = BaseException.args
_TYPE_NAME: Final[Any] = type.__dict__["__name__"].__get__
Sources = Mapping[str, str] | Callable[[CodeType], str | None]


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """`line` is the line of the snippet (of the outermost source) where it happened, None where no line is known."""

    type: str
    message: str
    line: int | None
    traceback: str


def describe_error(
    error: BaseException, sources: Sources, hint: str = "", ended: tuple[int, str] | None = None
) -> ErrorReport:
    """Describe an exception that came out of a cell.

    Args:
        sources: source text of a code, or by its file name; frames of code that it does not know are left out.
        hint: what to do about it (hints), put behind its message.
        ended: number and text of a line of the cell, for an exception that was raised when it had ended.
    """
    find = (lambda code: sources.get(code.co_filename)) if isinstance(sources, Mapping) else sources
    if isinstance(error, SnippetRefused):
        # The beginning of the line needs no mark.
        column = (error.column, error.column + 1) if error.column and error.text[: error.column].strip() else None
        shown = "\n".join([f"  File <cell>, line {error.line}", *_marked(error.text, column)])
        return ErrorReport("SnippetRefused", error.message, error.line, f"{shown}\nSnippetRefused: {error.message}")
    message = _message(error)
    frames = _frames(error.__traceback__, find)
    lines = _chain(error, find)
    if ended is None or frames:
        line = next((frame.line for frame in reversed(frames) if frame.file == frames[0].file), None)
    else:
        line, text = ended
        lines[-1:-1] = ["Traceback (most recent call last):", f"  File <cell>, line {line}", *_marked(text, None)]
    if hint and not message:
        hint = hint.removeprefix("; ")
        lines[-1] += ": "
    return ErrorReport(_name(error), message + hint, line, "\n".join(lines) + hint)


def _chain(error: BaseException, find: Callable[[CodeType], str | None]) -> list[str]:
    """Return the lines for `error` after those of what caused it, oldest first."""
    parts: list[list[str]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    link = ""
    while current is not None and id(current) not in seen and len(parts) < CHAIN_COUNT_MAX:
        seen.add(id(current))
        shown = _shown(_frames(current.__traceback__, find))
        lines = ["Traceback (most recent call last):", *shown] if shown else []
        name, message = _name(current), _message(current)
        lines.append(f"{name}: {message}" if message else name)
        parts.append([*lines, link] if link else lines)
        if current.__cause__ is not None:
            current, link = current.__cause__, "\nThe above exception was the direct cause of the following:\n"
        else:
            current = None if current.__suppress_context__ else current.__context__
            link = "\nDuring handling of the above exception, another one occurred:\n"
    return [line for part in reversed(parts) for line in part]


class Frame(NamedTuple):
    """A place in a source that is known. `position` is the offset of the instruction in the code."""

    file: str
    line: int
    name: str
    text: str
    code: CodeType
    position: int


def _frames(trace: TracebackType | None, find: Callable[[CodeType], str | None]) -> list[Frame]:
    """Return each frame whose source is known, outermost first."""
    found: list[Frame] = []
    lines: dict[int, list[str] | None] = {}  # by id: equal codes may stand in texts that differ
    while trace is not None:
        code = trace.tb_frame.f_code
        if id(code) not in lines:
            source = find(code)
            lines[id(code)] = None if source is None else source.split("\n")
        known = lines[id(code)]
        number = trace.tb_lineno or code.co_firstlineno
        # Methods made for a class, such as a dataclass's, have the lines behind its own.
        if known is not None and 1 <= number <= len(known):
            found.append(Frame(code.co_filename, number, code.co_qualname, known[number - 1], code, trace.tb_lasti))
        trace = trace.tb_next
    return found


def _shown(frames: list[Frame]) -> list[str]:
    shown: list[str] = []
    half = FRAME_COUNT_MAX // 2
    runs: list[list[Frame]] = []
    for frame in frames:
        if runs and frame == runs[-1][0]:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    for index, run in enumerate(runs):
        if len(runs) > FRAME_COUNT_MAX and half <= index < len(runs) - half:
            if index == half:
                shown.append(f"  ... {sum(map(len, runs[half:-half]))} more")
            continue
        lines = _placed(run[0])
        shown += lines * min(len(run), REPEAT_COUNT_MAX)
        if len(run) > REPEAT_COUNT_MAX:
            shown.append(f"  ... the same {len(run) - REPEAT_COUNT_MAX} times more")
    return shown


def _placed(frame: Frame) -> list[str]:
    """Return the lines for one frame."""
    file, number, name, text, code, position = frame
    # What stands in the cell itself stands in no function.
    place = "" if name.startswith("<cell>") and "." not in name else f", in {name.removeprefix('<cell>.<locals>.')}"
    first, last, start, end = next(islice(code.co_positions(), position // 2, None), (None, None, None, None))
    columns = None
    if first == number and start is not None and end is not None:
        data = text.encode()
        columns = len(data[:start].decode(errors="replace")), len(data[:end].decode(errors="replace"))
        if last != first:
            columns = columns[0], len(text.rstrip())
    return [f"  File {file}, line {number}{place}", *_marked(text, columns)]


def _marked(text: str, columns: tuple[int, int] | None) -> list[str]:
    """Return a line of source as it is shown, and the marks under a part of it, unless the part is all of it."""
    shown = text.strip()
    if not shown:
        return []
    lines = [f"    {_cut(shown, LINE_SIZE_MAX)}"]
    if columns is not None:
        indent = len(text) - len(text.lstrip())
        start, end = max(columns[0] - indent, 0), min(columns[1] - indent, LINE_SIZE_MAX)
        if start < end and (start, end) != (0, len(shown)):
            # Tabs stay tabs, so that the marks stand where they belong; wide characters take two places.
            blank = "".join("\t" if each == "\t" else " " * _width(each) for each in shown[:start])
            lines.append(f"    {blank}{'^' * max(sum(map(_width, shown[start:end])), 1)}")
    return lines


def _width(character: str) -> int:
    """Return how many places a character takes on a terminal."""
    if character.isascii():
        return 1
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "FW" else 1


def _name(error: BaseException) -> str:
    return _TYPE_NAME(type(error))  # type: ignore[no-any-return]


_RECURSION: Final = "maximum recursion depth exceeded"


def _message(error: BaseException) -> str:
    """Return what `str(error)` would, but for objects of classes, whose own text is code of the snippet."""
    arguments = _ARGS.__get__(error)
    if len(arguments) == 1:
        only = arguments[0]
        if type(error) is RecursionError and type(only) is str and only.startswith(_RECURSION):
            return _RECURSION  # "in comparison" or not: what CPython did at the last step
        text = only if type(only) is str and not isinstance(error, KeyError) else _plain(only, 0)
    else:
        text = _special(error, arguments) or (_plain(arguments, 0) if arguments else "")
    return _cut(scrub(text).replace("<cell>.<locals>.", ""), MESSAGE_SIZE_MAX)


def _special(error: BaseException, arguments: tuple[Any, ...]) -> str | None:
    """Return the text of the exceptions that make one of several arguments: that of a new one, which is all ours."""
    for kind in (OSError, UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError):
        if isinstance(error, kind) and arguments and all(type(part) in (bytes, int, str) for part in arguments):
            try:
                return str(kind(*arguments))
            except TypeError:
                return None
    return None


def _plain(value: Any, depth: int) -> str:
    """Return `repr(value)` for builtin types, bounded; for others the name of their class."""
    kind = type(value)
    if kind in (str, bytes):
        return repr(value[:MESSAGE_SIZE_MAX])
    if kind is int and value.bit_length() > MESSAGE_SIZE_MAX:
        return f"<int of {value.bit_length()} bits>"
    if kind in (bool, complex, float, int, type(None)):
        return repr(value)
    if isinstance(value, type):
        return f"<class {_TYPE_NAME(value)!r}>"
    if kind in (dict, list, tuple) and depth < _DEPTH_MAX:
        more = ["..."] if len(value) > _ITEM_COUNT_MAX else []
        if kind is dict:
            pairs = list(value.items())[:_ITEM_COUNT_MAX]
            return f"{{{', '.join([f'{_plain(k, depth + 1)}: {_plain(v, depth + 1)}' for k, v in pairs] + more)}}}"
        items = ", ".join([_plain(item, depth + 1) for item in value[:_ITEM_COUNT_MAX]] + more)
        if kind is list:
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    return f"<{_TYPE_NAME(kind)}>"


def _cut(text: str, size_max: int) -> str:
    return text if len(text) <= size_max else f"{text[:size_max]}... ({len(text)} characters)"
