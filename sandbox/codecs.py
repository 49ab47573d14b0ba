"""Codecs: between texts and bytes by name, of encodings and error handlers that are listed here and of no others.

    text.encode(name, errors), str(data, name, errors) ... -> [encode, decode] -> Python's own, by the one name it has

Python looks any other name up as a module, which it imports from disk and remembers for ever; some of what it finds is
quadratic (`punycode`, `idna`), or no text encoding. What is listed is loaded when this module is, and every spelling of
it (`UTF8`, `Latin-1`) is one name to Python, so no snippet leaves anything behind.

Promise: a listed encoding gives what Python gives, in time in proportion to the text (tests/sandbox/test_codecs.py).
"""

from __future__ import annotations

import codecs
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Any, Final, NoReturn

from sandbox.fuel import charge
from sandbox.policy import ENCODINGS, ERROR_HANDLERS, SEQUENCE_COUNT_MAX

_NAMES: Final[dict[str, str]] = {name.replace("-", "_"): name for name in ENCODINGS}
_NAMES.update({alias: _NAMES[name] for alias, name in aliases.items() if name in _NAMES})
# Longer than any spelling of these.
_NAME_SIZE_MAX: Final = 40
# Characters or bytes for one tick.
_SIZE_PER_TICK: Final = 64

for _name in ENCODINGS:
    codecs.lookup(_name)


def encode(text: str, encoding: Any = "utf-8", errors: Any = "strict") -> bytes:
    """`text.encode(encoding, errors)`.

    Raises:
        LookupError: the encoding, or the handler of errors, is none of those listed.
        OverflowError: written out by the handler, the text could become too long.
    """
    return text.encode(*_paid(text, encoding, errors))


def decode(data: bytes, encoding: Any = "utf-8", errors: Any = "strict") -> str:
    """`data.decode(encoding, errors)`. Raises as `encode`."""
    return data.decode(*_paid(data, encoding, errors))


def _paid(value: str | bytes, encoding: Any, errors: Any) -> tuple[Any, Any]:
    """Return encoding and errors, checked, and pay for the length of what they are about to be used on."""
    encoding, errors = _checked(encoding, errors)
    if not value.isascii():
        _check_size(len(value), errors)
    if len(value) >= _SIZE_PER_TICK:
        charge(len(value) // _SIZE_PER_TICK)
    return encoding, errors


def _checked(encoding: Any, errors: Any) -> tuple[Any, Any]:
    """Return both as Python is to see them; what is no text is Python's to refuse."""
    if type(encoding) is str and encoding != "utf-8":
        name = _NAMES.get(normalize_encoding(encoding).lower()) if len(encoding) <= _NAME_SIZE_MAX else None
        if name is None:
            _refuse(f"unknown encoding: {encoding[:_NAME_SIZE_MAX]}", ENCODINGS)
        encoding = name
    if type(errors) is str and errors not in ERROR_HANDLERS:
        # Python says so too, but only when it meets an error, or always in its development mode.
        _refuse(f"unknown error handler name {errors[:_NAME_SIZE_MAX]!r}", tuple(ERROR_HANDLERS))
    return encoding, errors


def _refuse(what: str, known: tuple[str, ...]) -> NoReturn:
    raise LookupError(f"{what}; there are {', '.join(known)}")


def _check_size(count: int, errors: Any) -> None:
    if type(errors) is str and count * ERROR_HANDLERS[errors] > SEQUENCE_COUNT_MAX:
        raise OverflowError(f"with errors={errors!r} {count} items may become more than {SEQUENCE_COUNT_MAX}")
