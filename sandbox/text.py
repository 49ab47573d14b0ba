"""Text: what `str`, `repr`, `format`, `%` and f-strings make, without addresses and of bounded width.

Python shows functions, generators and bound methods with their address (`<function f at 0x7f...>`). It differs between
replicas, so it is cut out of every text that is made from an object.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from sandbox.codecs import decode, encode
from sandbox.dates import DATES, format_date
from sandbox.fuel import charge
from sandbox.policy import FORMAT_WIDTH_MAX
from sandbox.work import FREE_COUNT

# Only in the form that Python's own texts have: `0x` and what follows it up to the closing bracket.
_ADDRESS: Final = re.compile(r" at 0x[0-9A-Fa-f]+(?=[>,;:])")
# Values of these types have a text of their own, so that it needs no cleaning.
_PLAIN: Final = frozenset({bool, complex, float, int, str, type(None)})

# Types for which the format `n` asks the locale.
_LOCALIZED: Final = frozenset({Decimal, bool, complex, float, int})
# Characters that are written out, and looked through for addresses, for one tick.
_SHOWN_PER_TICK: Final = 128
_NUMBER: Final = re.compile(r"[0-9]+")
# Width and precision after `%` or, with a key, after `%(key)`.
_PERCENT: Final = re.compile(r"[%)][-+ #0]*(\*|[0-9]*)(?:\.(\*|[0-9]*))?")

def scrub(text: str) -> str:
    """Return `text` without the addresses in it."""
    return _ADDRESS.sub("", text) if " at 0x" in text else text


def _made(text: str) -> str:
    """Return `text`, which was made anew, without the addresses in it, and pay for its length."""
    charge(len(text) // _SHOWN_PER_TICK)
    return scrub(text)


def make_repr(value: object) -> str:
    text = repr(value)
    return text if len(text) < FREE_COUNT and " at 0x" not in text else _made(text)


def make_ascii(value: object) -> str:
    return _made(ascii(value))


def make_str(*arguments: Any, **keywords: Any) -> str:
    if len(arguments) != 1 or keywords:
        return _made(_make_str(*arguments, **keywords)) if arguments or keywords else ""
    text = str(arguments[0])
    return text if len(text) < FREE_COUNT and " at 0x" not in text else _made(text)


def _make_str(object: Any = b"", encoding: Any = ..., errors: Any = ...) -> str:
    given = {name: value for name, value in (("encoding", encoding), ("errors", errors)) if value is not ...}
    if given and type(object) is bytes and {str}.issuperset(map(type, given.values())):
        return decode(object, **given)
    return str(object, **given)  # a TypeError, where a name is given


def make_bytes(source: Any = b"", encoding: Any = ..., errors: Any = ...) -> bytes:
    given = {name: value for name, value in (("encoding", encoding), ("errors", errors)) if value is not ...}
    if "encoding" in given and type(source) is str and {str}.issuperset(map(type, given.values())):
        return encode(source, **given)
    return bytes(source, **given)  # likewise


_make_str.__qualname__ = "str"
make_bytes.__qualname__ = "bytes"


def shown(value: object) -> object:
    """Return what an f-string shows for `value`: itself where it is plain."""
    if type(value) in _PLAIN:
        return value
    text = format(value, "")
    return text if len(text) < FREE_COUNT and " at 0x" not in text else _made(text)


def make_format(value: object, spec: str = "") -> str:
    """Return `format(value, spec)`.

    Raises:
        ValueError: a width or precision above FORMAT_WIDTH_MAX, or a date code that depends on the machine.
    """
    if type(spec) is not str:
        raise TypeError("a format is a str")
    if isinstance(value, DATES) and spec:
        return format_date(value, spec)
    if any(_too_wide(number) for number in _NUMBER.findall(spec)):
        raise ValueError(f"the format {spec[:40]!r} asks for more than {FORMAT_WIDTH_MAX} characters")
    if spec.endswith("n") and type(value) in _LOCALIZED:
        # The process may have set a locale; without one it means this.
        spec = spec[:-1] + ("d" if isinstance(value, int) else "g")
    text = format(value, spec)
    return text if len(text) < FREE_COUNT and " at 0x" not in text else _made(text)


def check_percent_format(template: str) -> None:
    """Refuse `template % ...` of a width that is too large or not in the template.

    Raises:
        ValueError: such a width.
    """
    for match in _PERCENT.finditer(template):
        for number in match.groups(""):
            if number == "*":
                raise ValueError("'*' in a '%' format is not available; use an f-string: f'{value:{width}}'")
            if number and _too_wide(number):
                raise ValueError(f"a '%' format asks for more than {FORMAT_WIDTH_MAX} characters")


def _too_wide(number: str) -> bool:
    return len(number) > 9 or int(number) > FORMAT_WIDTH_MAX
