"""The module `textwrap`: Python's functions, of texts up to a size.

They are written in Python and look at each piece of a text again for each line that it makes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any, Final

from sandbox.guards import check_count
from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.seal import Module, make_module, sealed

# Characters, with tabs written out, that `wrap` takes 0.1 s for, whatever they are.
WRAPPED_LENGTH_MAX: Final = 100_000
# Of narrow lines there are many, and a long word is copied for each.
_NARROW_LENGTH_MAX: Final = 10_000
_LENGTH_PER_COLUMN: Final = 1_500
LENGTH_MAX: Final = 500_000
_OPTIONS: Final = {
    "break_long_words": (bool, int), "break_on_hyphens": (bool, int), "drop_whitespace": (bool, int),
    "expand_tabs": (bool, int), "fix_sentence_endings": (bool, int), "initial_indent": (str,),
    "max_lines": (int, type(None)), "placeholder": (str,), "replace_whitespace": (bool, int),
    "subsequent_indent": (str,), "tabsize": (int,),
}


def _text(name: str, text: Any, length_max: int) -> str:
    if type(text) is not str:
        raise TypeError(f"{name}() takes a str, not a {type(text).__name__}")
    if len(text) > length_max:
        raise OverflowError(f"{name}() takes up to {length_max} characters here, not {len(text)}; do it in pieces")
    return text


def _wrapping(name: str, meter: Meter) -> Callable[..., Any]:
    function = getattr(textwrap, name)

    def call(text: Any, width: Any = 70, **options: Any) -> Any:
        if type(width) is not int:
            raise TypeError("the width is an int")
        for option, value in options.items():
            if option not in _OPTIONS:
                raise TypeError(f"{name}() has no option {option!r}")
            if type(value) not in _OPTIONS[option]:
                raise TypeError(f"{option} can't be a {type(value).__name__}")
        length_max = min(WRAPPED_LENGTH_MAX, _NARROW_LENGTH_MAX + max(width, 0) * _LENGTH_PER_COLUMN)
        _text(name, text, length_max)
        tabsize = options.get("tabsize", 8)
        indents = [options.get(option, "") for option in ("initial_indent", "subsequent_indent", "placeholder")]
        if len(text) + text.count("\t") * max(tabsize, 0) > length_max:
            raise OverflowError(f"{name}() takes up to {length_max} characters here, tabs written out")
        # An indent of the full width leaves one column for the text.
        room = width - max(len(indents[0]), len(indents[1]))
        if room < width // 2:
            _text(name, text, _NARROW_LENGTH_MAX)
        check_count((len(text) + 1) * (len(indents[0]) + len(indents[1]) + 1) + len(indents[2]), "the text")
        meter.pay(len(text) // 32)
        return function(text, width, **options)

    return call


def make_textwrap(hooks: Hooks) -> Module:
    meter = Meter(hooks)

    def dedent(text: Any) -> str:
        meter.pay(len(_text("dedent", text, LENGTH_MAX)) // 32)
        return textwrap.dedent(text)

    def indent(text: Any, prefix: Any, predicate: Any = None) -> str:
        _text("indent", text, LENGTH_MAX)
        if type(prefix) is not str:
            raise TypeError("the prefix is a str")
        lines = text.count("\n") + 1
        check_count(len(text) + lines * len(prefix), "the text")
        meter.pay(lines)
        return textwrap.indent(text, prefix, predicate)

    functions: dict[str, Callable[..., Any]] = {"dedent": dedent, "indent": indent}
    functions |= {name: _wrapping(name, meter) for name in ("fill", "shorten", "wrap")}
    return make_module("textwrap", {name: sealed(function, name) for name, function in functions.items()})
