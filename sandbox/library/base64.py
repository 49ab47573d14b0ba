"""The module `base64`: Python's functions, of bytes and texts up to a size."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

from sandbox.fuel import charge
from sandbox.hooks import Hooks
from sandbox.seal import Module, make_module, sealed

# Done in C, at a gigabyte a second; the others are written in Python and take up to 100 ms for this much.
_IN_C: Final = (
    "b16decode", "b16encode", "b64decode", "b64encode", "decodebytes", "encodebytes", "standard_b64decode",
    "standard_b64encode", "urlsafe_b64decode", "urlsafe_b64encode",
)
_IN_PYTHON: Final = (
    "a85decode", "a85encode", "b32decode", "b32encode", "b32hexdecode", "b32hexencode", "b85decode", "b85encode",
)
SIZE_MAX: Final = 64 * 1024 * 1024
SLOW_SIZE_MAX: Final = 256 * 1024
_KINDS: Final = frozenset({bool, bytes, int, str, type(None)})


def _bounded(name: str, size_max: int, size_per_tick: int) -> Callable[..., Any]:
    function = getattr(base64, name)

    def call(*arguments: Any, **keywords: Any) -> bytes:
        for value in (*arguments, *keywords.values()):
            if type(value) not in _KINDS:
                raise TypeError(f"{name}() takes bytes, not a {type(value).__name__}")
            if type(value) in (bytes, str):
                if len(value) > size_max:
                    raise OverflowError(f"{name}() takes up to {size_max} bytes, not {len(value)}; do it in pieces")
                if len(value) >= size_per_tick:
                    charge(len(value) // size_per_tick)
        return function(*arguments, **keywords)  # type: ignore[no-any-return]

    return call


def make_base64(hooks: Hooks) -> Module:
    functions = {name: _bounded(name, SIZE_MAX, 32) for name in _IN_C}
    functions |= {name: _bounded(name, SLOW_SIZE_MAX, 2) for name in _IN_PYTHON}
    return make_module("base64", {name: sealed(function, name) for name, function in functions.items()})
