"""Report: an exception as text for the one whose snippet it was. Shows the snippet's lines and nothing of ours.

Promise: no code of the snippet runs here (no `__str__`, no `__repr__`, no property), and the text is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from types import TracebackType
from typing import Any, Final

from sandbox import policy
from sandbox.errors import SnippetRefused
from sandbox.text import scrub

# Enough to find the place; a reply is not the place for a thousand frames of a recursion.
FRAME_COUNT_MAX: Final = 20
CHAIN_COUNT_MAX: Final = 5
MESSAGE_SIZE_MAX: Final = 4_000
LINE_SIZE_MAX: Final = 200
# Names looked at for what may have been meant.
NAME_COUNT_MAX: Final = 1_000
_DEPTH_MAX: Final = 4
_ITEM_COUNT_MAX: Final = 20

_ARGS: Final[Any] = BaseException.args
Sources = Mapping[str, str] | Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """`line` is the line of the snippet (of the outermost source) where it happened, None where no line is known."""

    type: str
    message: str
    line: int | None
    traceback: str


def describe_error(error: BaseException, sources: Sources, names: Callable[[], Iterable[str]] = tuple) -> ErrorReport:
    """Describe an exception that came out of a cell.

    Args:
        sources: source text by filename of the code; frames of files that it does not know are left out.
        names: returns what a name that is not defined may have been meant to be, beside the builtins.
    """
    find = sources.get if isinstance(sources, Mapping) else sources
    if isinstance(error, SnippetRefused):
        source = f"\n    {_cut(error.text.strip(), LINE_SIZE_MAX)}" if error.text.strip() else ""
        shown = f"  File <cell>, line {error.line}{source}\nSnippetRefused: {error.message}"
        return ErrorReport("SnippetRefused", error.message, error.line, shown)
    name, message = _name(error), _message(error)
    frames = _frames(error.__traceback__, find)
    line = next((number for file, number, _, _ in reversed(frames) if file == frames[0][0]), None)
    hint = _hint(error, names)
    return ErrorReport(name, message + hint, line, "\n".join(_chain(error, find)) + hint)


def _hint(error: BaseException, names: Callable[[], Iterable[str]]) -> str:
    """Return what to do about an exception that CPython raised, when its own text does not say so."""
    if isinstance(error, RecursionError):
        return "; a function calls itself, or calls go in a circle, too deep: check where it ends, or use a loop"
    if type(error) is not NameError or type(error.name) is not str:
        return ""
    if error.name in policy.MODULES:
        return f"; write: import {error.name}"
    if error.name in policy.BUILTINS_REFUSED:
        return f"; {policy.BUILTINS_REFUSED[error.name]}"
    known = sorted({*islice(names(), NAME_COUNT_MAX), *policy.BUILTINS, *_locals(error.__traceback__)})
    found = get_close_matches(error.name[:100], known, 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _locals(trace: TracebackType | None) -> tuple[str, ...]:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return () if trace is None else trace.tb_frame.f_code.co_varnames


def _chain(error: BaseException, find: Callable[[str], str | None]) -> list[str]:
    """Return the lines for `error` after those of what caused it, oldest first."""
    parts: list[list[str]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    link = ""
    while current is not None and id(current) not in seen and len(parts) < CHAIN_COUNT_MAX:
        seen.add(id(current))
        lines = ["Traceback (most recent call last):", *_shown(_frames(current.__traceback__, find))]
        name, message = _name(current), _message(current)
        lines.append(f"{name}: {message}" if message else name)
        parts.append([*lines, link] if link else lines)
        if current.__cause__ is not None:
            current, link = current.__cause__, "\nThe above exception was the direct cause of the following:\n"
        else:
            current = None if current.__suppress_context__ else current.__context__
            link = "\nDuring handling of the above exception, another one occurred:\n"
    return [line for part in reversed(parts) for line in part]


Frame = tuple[str, int, str, str]


def _frames(trace: TracebackType | None, find: Callable[[str], str | None]) -> list[Frame]:
    """Return (file, line, function, source line) of each frame whose source is known, outermost first."""
    found: list[Frame] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        source = find(code.co_filename)
        if source is not None:
            lines = source.split("\n")
            number = trace.tb_lineno or code.co_firstlineno
            text = lines[number - 1].strip() if 1 <= number <= len(lines) else ""
            found.append((code.co_filename, number, code.co_qualname, text))
        trace = trace.tb_next
    return found


def _shown(frames: list[Frame]) -> list[str]:
    shown: list[str] = []
    half = FRAME_COUNT_MAX // 2
    for index, (file, number, name, text) in enumerate(frames):
        if len(frames) > FRAME_COUNT_MAX and half <= index < len(frames) - half:
            if index == half:
                shown.append(f"  ... {len(frames) - FRAME_COUNT_MAX} more")
            continue
        # What stands in the cell itself stands in no function.
        place = "" if name.startswith("<cell>") and "." not in name else f", in {name.removeprefix('<cell>.<locals>.')}"
        shown.append(f"  File {file}, line {number}{place}")
        if text:
            shown.append(f"    {_cut(text, LINE_SIZE_MAX)}")
    return shown


def _name(error: BaseException) -> str:
    return type.__dict__["__name__"].__get__(type(error))  # type: ignore[no-any-return]


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
    return _cut(scrub(text), MESSAGE_SIZE_MAX)


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
    if kind in (dict, list, tuple) and depth < _DEPTH_MAX:
        more = ["..."] if len(value) > _ITEM_COUNT_MAX else []
        if kind is dict:
            pairs = list(value.items())[:_ITEM_COUNT_MAX]
            return f"{{{', '.join([f'{_plain(k, depth + 1)}: {_plain(v, depth + 1)}' for k, v in pairs] + more)}}}"
        items = ", ".join([_plain(item, depth + 1) for item in value[:_ITEM_COUNT_MAX]] + more)
        if kind is list:
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    return f"<{type.__dict__['__name__'].__get__(kind)}>"


def _cut(text: str, size_max: int) -> str:
    return text if len(text) <= size_max else f"{text[:size_max]}... ({len(text)} characters)"
