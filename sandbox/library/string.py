"""The module `string`: Python's constants and `capwords`."""

from __future__ import annotations

import string
from typing import Any, Final

from sandbox.fuel import charge
from sandbox.hooks import Hooks
from sandbox.seal import Module, make_module, sealed

_SAME: Final = (
    "ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits", "octdigits", "printable",
    "punctuation", "whitespace",
)


def capwords(s: Any, sep: Any = None) -> str:
    if type(s) is not str or type(sep) not in (str, type(None)):
        raise TypeError("capwords() takes texts")
    charge(len(s) // 16)
    return str(string.capwords(s, sep))


def make_string(hooks: Hooks) -> Module:
    constants = {name: getattr(string, name) for name in _SAME}
    return make_module("string", constants | {"capwords": sealed(capwords)})
