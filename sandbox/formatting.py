"""Formatting: `str.format` and `str.format_map`, whose text has names and formats that are judged as those of code.

    guards.guard("{0.name:>{w}}", "format") -> [format_text] -> getattr of guards, make_format of text

Promise: what CPython makes, with its messages; no attribute that code can't read (tests/sandbox/test_formatting.py).
"""

from __future__ import annotations

from _string import formatter_field_name_split, formatter_parser  # type: ignore[import-not-found]  # of C, no stubs
from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.fuel import charge
from sandbox.policy import SEQUENCE_COUNT_MAX
from sandbox.text import make_ascii, make_format, make_repr, make_str
from sandbox.work import FREE_COUNT, SIZE_PER_TICK

# Characters of a text with places in it: each place takes a microsecond or two, and none pays a step.
TEMPLATE_LENGTH_MAX: Final = 65_536
_CONVERSIONS: Final[dict[str, Callable[[Any], str]]] = {"a": make_ascii, "r": make_repr, "s": make_str}


class _Fields:
    """Finds the values for the places of one text."""

    __slots__ = ("arguments", "get", "keywords", "next")

    def __init__(self, arguments: tuple[Any, ...] | None, keywords: Any, get: Callable[[Any, str], Any]) -> None:
        self.arguments = arguments
        self.keywords = keywords
        self.get = get
        self.next: int | None = 0  # of the places without a name; None once one had a number

    def value(self, name: str) -> Any:
        first, rest = formatter_field_name_split(name)
        value = self.numbered(first) if first == "" or type(first) is int else self.keywords[first]
        for is_attribute, key in rest:
            value = self.get(value, key) if is_attribute else value[key]
        return value

    def numbered(self, number: Any) -> Any:
        if self.arguments is None:
            raise ValueError("Format string contains positional fields")
        if number == "":
            if self.next is None:
                raise ValueError("cannot switch from manual field specification to automatic field numbering")
            number = self.next
            self.next += 1
        else:
            if self.next:
                raise ValueError("cannot switch from automatic field numbering to manual field specification")
            self.next = None
        if number >= len(self.arguments):
            raise IndexError(f"Replacement index {number} out of range for positional args tuple")
        return self.arguments[number]


def format_text(
    template: str, arguments: tuple[Any, ...] | None, keywords: Mapping[str, Any], get: Callable[[Any, str], Any]
) -> str:
    """Return the text with its places filled.

    Args:
        arguments: None for `format_map`.
        get: reads an attribute by its name, which it judges.
    """
    if len(template) > TEMPLATE_LENGTH_MAX:
        raise ValueError(f"a text of {len(template)} characters can't be formatted, {TEMPLATE_LENGTH_MAX} can")
    return _filled(template, _Fields(arguments, keywords, get), 2)


def _filled(template: str, fields: _Fields, depth: int) -> str:
    if depth < 1:
        raise ValueError("Max string recursion exceeded")
    parts: list[str] = []
    length = 0
    for literal, name, spec, conversion in formatter_parser(template):
        parts.append(literal)
        if name is not None:
            value = fields.value(name)
            if conversion is not None:
                if conversion not in _CONVERSIONS:
                    raise ValueError(f"Unknown conversion specifier {conversion}")
                value = _CONVERSIONS[conversion](value)
            parts.append(make_format(value, _filled(spec, fields, depth - 1) if "{" in spec else spec))
        length += len(literal) + len(parts[-1])
        if length > SEQUENCE_COUNT_MAX:
            raise ValueError(f"the formatted text has more than {SEQUENCE_COUNT_MAX} characters")
    if length >= FREE_COUNT:
        charge(length // SIZE_PER_TICK)
    return "".join(parts)
