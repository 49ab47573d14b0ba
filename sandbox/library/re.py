"""The module `re`: Python's expressions, matched as sandbox/regex.py does, so that no text makes one run for ever.

A Pattern is its text and flags, and nothing else: one object for one such pair, so that the heap can keep it as these.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final, NoReturn
from weakref import WeakValueDictionary

from sandbox.hooks import Hooks
from sandbox.iterators import Meter, make_kind, wrap
from sandbox.regex import FLAGS_ALLOWED, Regex
from sandbox.seal import Made, Module, Sealed, make_module, sealed
from sandbox.work import FREE_COUNT

_FLAG_NAMES: Final = {
    "A": re.ASCII, "ASCII": re.ASCII, "DOTALL": re.DOTALL, "I": re.IGNORECASE, "IGNORECASE": re.IGNORECASE,
    "M": re.MULTILINE, "MULTILINE": re.MULTILINE, "NOFLAG": 0, "S": re.DOTALL, "U": re.UNICODE, "UNICODE": re.UNICODE,
    "VERBOSE": re.VERBOSE, "X": re.VERBOSE,
}
# Patterns that stay compiled. What a snippet computes or pays does not depend on it.
_CACHE_COUNT_MAX: Final = 256
_TEXTS: Final = (str, bytes)


class error(Exception, metaclass=Sealed):
    """The text is no expression: `msg`, `pattern` and where, as `pos`, `lineno` and `colno`."""

    def __init__(self, msg: str, pattern: Any = None, pos: int | None = None) -> None:
        self.msg, self.pattern, self.pos = msg, pattern, pos
        known = re.error(msg, pattern, pos)
        self.lineno, self.colno = known.lineno, known.colno
        super().__init__(str(known))


class _Fixed(metaclass=Made):
    """What has attributes that can't be changed: a Pattern outlives its snippet."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"attribute {name!r} can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"attribute {name!r} can't be deleted")


def _fixed(cls: Any, **attributes: Any) -> Any:
    made = object.__new__(cls)
    for name, value in attributes.items():
        object.__setattr__(made, name, value)
    return made


class Match(_Fixed):
    __slots__ = ("__found__", "__weakref__", "endpos", "pos", "re", "string")

    __found__: Any
    re: Pattern
    string: Any
    pos: int
    endpos: int

    def group(self, *groups: Any) -> Any:
        if len(groups) > 1:
            return tuple([self[group] for group in groups])
        return self[groups[0] if groups else 0]

    __iter__ = None  # as in CPython, where no match is a sequence

    def __getitem__(self, group: Any) -> Any:
        start, end = self.span(group)
        return None if start < 0 else self.string[start:end]

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        return tuple([
            default if start < 0 else self.string[start:end] for start, end in self.__found__[0][1:]
        ])

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        names = self.re.__regex__.names
        return {name: default if self.span(name)[0] < 0 else self[name] for name in names}

    def span(self, group: Any = 0, /) -> tuple[int, int]:
        spans: tuple[tuple[int, int], ...] = self.__found__[0]
        index: Any = self.re.__regex__.names.get(group) if type(group) is str else group
        if type(index) not in (bool, int) or not 0 <= index < len(spans):
            raise IndexError("no such group")
        return spans[index]

    def start(self, group: Any = 0, /) -> int:
        return self.span(group)[0]

    def end(self, group: Any = 0, /) -> int:
        return self.span(group)[1]

    def expand(self, template: Any) -> Any:
        return _expanded(_template(template, self.re), self)

    @property
    def regs(self) -> tuple[tuple[int, int], ...]:
        spans: tuple[tuple[int, int], ...] = self.__found__[0]
        return spans

    @property
    def lastindex(self) -> int | None:
        return self.__found__[1] or None

    @property
    def lastgroup(self) -> str | None:
        return next((name for name, index in self.re.__regex__.names.items() if index == self.lastindex), None)

    def __made_as__(self) -> tuple[str, Any]:
        return "re", (*self.re.__made_as__()[1], self.string, self.pos, self.endpos, self.__found__)

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.span()}, match={self[0]!r}>"


class Pattern(_Fixed):
    __slots__ = ("__kinds__", "__meter__", "__regex__", "__weakref__", "flags", "groups", "pattern")

    __regex__: Regex
    __meter__: Meter
    __kinds__: Any
    pattern: Any
    flags: int
    groups: int

    @property
    def groupindex(self) -> dict[str, int]:
        return dict(self.__regex__.names)

    def search(self, string: Any, pos: Any = 0, endpos: Any = None) -> Match | None:
        return self.__find__("search", string, pos, endpos)

    def match(self, string: Any, pos: Any = 0, endpos: Any = None) -> Match | None:
        return self.__find__("match", string, pos, endpos)

    def fullmatch(self, string: Any, pos: Any = 0, endpos: Any = None) -> Match | None:
        return self.__find__("fullmatch", string, pos, endpos)

    def finditer(self, string: Any, pos: Any = 0, endpos: Any = None) -> Any:
        return wrap(self.__kinds__, self.__each__(string, *self.__bounds__(string, pos, endpos)), 0)

    def findall(self, string: Any, pos: Any = 0, endpos: Any = None) -> list[Any]:
        pos, endpos = self.__bounds__(string, pos, endpos)
        empty = string[:0]
        found = []
        for spans, _ in self.__regex__.find_all(self.__meter__, string, pos, endpos):
            texts = [string[start:end] if start >= 0 else empty for start, end in spans]
            found.append(texts[-1] if len(texts) <= 2 else tuple(texts[1:]))
        return found

    def split(self, string: Any, maxsplit: Any = 0) -> list[Any]:
        parts, last = [], 0
        _count(maxsplit)
        if maxsplit < 0:
            return [string]
        for match in self.__each__(string, *self.__bounds__(string, 0, None)):
            parts += [string[last:match.start()], *match.groups()]
            last = match.end()
            maxsplit -= 1
            if not maxsplit:
                break
        return [*parts, string[last:]]

    def sub(self, repl: Any, string: Any, count: Any = 0) -> Any:
        return self.subn(repl, string, count)[0]

    def subn(self, repl: Any, string: Any, count: Any = 0) -> tuple[Any, int]:
        _count(count)
        bounds = self.__bounds__(string, 0, None)
        template = None if callable(repl) else _template(repl, self)
        parts, last, made = [], 0, 0
        if count >= 0:
            for match in self.__each__(string, *bounds):
                parts.append(string[last:match.start()])
                part = repl(match) if template is None else _expanded(template, match)
                if part is not None and type(part) is not type(string):
                    raise TypeError(f"expected {type(string).__name__}, {type(part).__name__} found")
                parts.append(part or string[:0])
                last = match.end()
                made += 1
                if made == count:
                    break
        return string[:0].join([*parts, string[last:]]), made

    def __find__(self, how: str, string: Any, pos: Any, endpos: Any) -> Match | None:
        pos, endpos = self.__bounds__(string, pos, endpos)
        found = None if pos > endpos else self.__regex__.find(self.__meter__, string, pos, endpos, how)
        return None if found is None else _match(self, string, pos, endpos, found)

    def __each__(self, string: Any, pos: int, endpos: int) -> Iterator[Match]:
        for found in self.__regex__.find_all(self.__meter__, string, pos, endpos):
            yield _match(self, string, pos, endpos, found)

    def __bounds__(self, string: Any, pos: Any, endpos: Any) -> tuple[int, int]:
        if type(string) not in _TEXTS:
            raise TypeError(f"expected string or bytes-like object, got {type(string).__name__!r}")
        if type(string) is not type(self.pattern):
            kinds = ("string", "bytes-like object") if type(self.pattern) is str else ("bytes", "string")
            raise TypeError(f"cannot use a {kinds[0]} pattern on a {kinds[1]}")
        if type(pos) is not int or type(endpos) not in (int, type(None)):
            raise TypeError("positions are numbers")
        size = len(string)
        end = size if endpos is None else max(0, min(endpos, size))
        return max(0, min(pos, size)), end

    def __repr__(self) -> str:
        return repr(self.__regex__.own)

    def __made_as__(self) -> tuple[str, Any]:
        """Return the name of the module, and what its `__make__` makes this of."""
        return "re", (self.pattern, self.flags)


# A match is what it is made of, as a pattern is: one object while anything refers to it.
_matches: Final[WeakValueDictionary[Any, Match]] = WeakValueDictionary()


def _match(pattern: Pattern, string: Any, pos: int, endpos: int, found: Any) -> Match:
    key = pattern, string, pos, endpos, found
    made = _matches.get(key)
    if made is None:
        made = _matches[key] = _fixed(Match, re=pattern, string=string, pos=pos, endpos=endpos, __found__=found)
    return made


def _count(value: Any) -> None:
    if type(value) is not int:
        raise TypeError("a count is a number")


def _template(template: Any, pattern: Pattern) -> list[Any]:
    """Return a replacement as texts and the numbers of groups."""
    if type(template) is not type(pattern.pattern):
        raise TypeError(f"expected a {type(pattern.pattern).__name__}, not {type(template).__name__}")
    if ("\\" if type(template) is str else b"\\") not in template:
        return [template]
    try:
        parsed: Any = re._parser.parse_template(template, pattern.__regex__.own)  # type: ignore[attr-defined]
    except re.error as failed:
        raise error(failed.msg, failed.pattern, failed.pos) from None
    if isinstance(parsed, tuple):  # 3.11: the groups with their places, and the texts with None at these
        groups, parts = dict(parsed[0]), parsed[1]
        return [groups[index] if part is None else part for index, part in enumerate(parts)]
    return list(parsed)


def _expanded(template: list[Any], match: Match) -> Any:
    empty = match.string[:0]
    return empty.join([(match[part] or empty) if type(part) is int else part for part in template])


def make_re(hooks: Hooks) -> Module:
    meter = Meter(hooks)
    live: WeakValueDictionary[Any, Pattern] = WeakValueDictionary()
    cached: OrderedDict[Any, Pattern] = OrderedDict()
    matches = make_kind("callable_iterator", _closed)

    def make(pattern: Any, flags: int) -> Pattern:
        key = type(pattern), pattern, flags
        made = live.get(key)
        if made is None:
            regex = Regex(pattern, flags)
            key = type(pattern), pattern, regex.own.flags
            made = live.get(key)
            if made is None:
                made = live[key] = _fixed(
                    Pattern, pattern=pattern, flags=regex.own.flags, groups=regex.own.groups, __regex__=regex,
                    __meter__=meter, __kinds__=matches,
                )
        cached[key] = made
        cached.move_to_end(key)
        if len(cached) > _CACHE_COUNT_MAX:
            cached.popitem(last=False)
        return made

    def compile_(pattern: Any, flags: Any = 0) -> Pattern:
        if type(pattern) is Pattern:
            if flags:
                raise ValueError("cannot process flags argument with a compiled pattern")
            return pattern
        if type(pattern) not in _TEXTS:
            raise TypeError("first argument must be string or compiled pattern")
        if type(flags) is not int or flags & ~FLAGS_ALLOWED:
            raise ValueError("these flags are not available; use those of this module")
        # Compiling takes some 10 us for a character.
        meter.pay(len(pattern) * 4 + 1)
        try:
            return make(pattern, flags)
        except re.error as failed:
            raise error(failed.msg, failed.pattern, failed.pos) from None

    def method(name: str) -> Any:
        def call(pattern: Any, *arguments: Any, flags: Any = 0, **keywords: Any) -> Any:
            most = {"split": 2, "sub": 3, "subn": 3}.get(name, 1)
            if len(arguments) == most + 1:
                *arguments_left, flags = arguments
                return getattr(compile_(pattern, flags), name)(*arguments_left, **keywords)
            if len(arguments) > most:
                raise TypeError(f"{name}() takes {most + 2} arguments at most")
            return getattr(compile_(pattern, flags), name)(*arguments, **keywords)

        return sealed(call, name)

    def escape(pattern: Any) -> Any:
        if type(pattern) not in _TEXTS:
            raise TypeError("escape() takes a text or bytes")
        if len(pattern) >= FREE_COUNT:
            meter.pay(len(pattern) // 32)
        return re.escape(pattern)

    def make_again(pattern: Any, flags: int, *match: Any) -> Any:
        made = make(pattern, flags)
        return _match(made, *match) if match else made

    names = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn")
    values: dict[str, Any] = {name: int(flag) for name, flag in _FLAG_NAMES.items()}
    values |= {name: method(name) for name in names}
    values |= {"Match": Match, "Pattern": Pattern, "error": error}
    values |= {"compile": sealed(compile_, "compile"), "escape": sealed(escape, "escape")}
    return make_module("re", values | {"__make__": sealed(make_again, "make")})


def _closed(*_: Any) -> tuple[Any, int]:
    raise TypeError("it is made by finditer() alone")
