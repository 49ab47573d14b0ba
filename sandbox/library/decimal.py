"""The module `decimal`: Decimal with Python's default context, whose precision and rounding stay as they are."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sandbox.exact import DecimalTuple, check_decimal, decimal_tuple
from sandbox.hooks import Hooks
from sandbox.kinds import make_kind
from sandbox.policy import DECIMAL_DIGITS_MAX
from sandbox.seal import Module, make_module

_SAME: Final = (
    "Clamped", "DecimalException", "DivisionByZero", "FloatOperation", "Inexact", "InvalidOperation", "Overflow",
    "ROUND_05UP", "ROUND_CEILING", "ROUND_DOWN", "ROUND_FLOOR", "ROUND_HALF_DOWN", "ROUND_HALF_EVEN", "ROUND_HALF_UP",
    "ROUND_UP", "Rounded", "Subnormal", "Underflow",
)
_CONTEXT: Final = "the precision is always 28 digits; round with quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)"
# An int of more bits has more digits; made a Decimal, it would take quadratic time.
_BITS_MAX: Final = DECIMAL_DIGITS_MAX * 4


def _construct(value: Any = "0", *extra: Any) -> Decimal:
    if extra:
        raise TypeError(f"Decimal() takes one argument; {_CONTEXT}")
    kind = type(value)
    if kind is str or isinstance(value, tuple):
        if len(value) > DECIMAL_DIGITS_MAX * 10:
            raise OverflowError(f"the decimal would have more than {DECIMAL_DIGITS_MAX} digits")
    elif kind is int:
        if value.bit_length() > _BITS_MAX:
            raise OverflowError(f"the decimal would have more than {DECIMAL_DIGITS_MAX} digits")
    elif kind is Fraction:
        raise TypeError("conversion from Fraction to Decimal is not supported; divide: Decimal(x.numerator) / "
                        "x.denominator")
    elif kind not in (Decimal, bool, float):
        if kind.__name__ != "List" and kind is not list:
            raise TypeError(f"conversion from {kind.__name__} to Decimal is not supported")
        value = tuple(value)
    return check_decimal(Decimal(value))


def from_float(number: Any, /) -> Decimal:
    if type(number) not in (bool, float, int):
        raise TypeError("argument must be int or float")
    return _construct(number)


def make_decimal(hooks: Hooks) -> Module:
    kind = make_kind(Decimal, _construct, as_tuple=decimal_tuple, from_float=from_float)
    values = {name: getattr(decimal, name) for name in _SAME}
    return make_module("decimal", values | {"Decimal": kind, "DecimalTuple": DecimalTuple})
