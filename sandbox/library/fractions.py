"""The module `fractions`: Fraction, with bounds on what grows beyond its arguments."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sandbox.exact import check_decimal, check_fraction, limit_denominator
from sandbox.hooks import Hooks
from sandbox.kinds import make_kind
from sandbox.policy import FRACTION_BITS_MAX
from sandbox.seal import Module, make_module

# Decimal digits of a number within the bound; a text has no more of them than that, twice.
_DIGITS_MAX: Final = int(FRACTION_BITS_MAX / 3.32)
_EXPONENT: Final = re.compile(r"[eE]([-+]?[0-9_]{1,20})\s*\Z")
_KINDS: Final = frozenset({Decimal, Fraction, bool, float, int, str})


def _construct(numerator: Any = 0, denominator: Any = None) -> Fraction:
    for number in (numerator, denominator):
        if type(number) not in _KINDS and number is not None:
            raise TypeError(f"a Fraction is made of numbers or a text, not of a {type(number).__name__}")
        if type(number) is Fraction:
            check_fraction(number)
        elif type(number) is Decimal:
            check_decimal(number)
    if type(numerator) is str:
        if len(numerator) > 2 * _DIGITS_MAX:
            raise OverflowError(f"the text of a fraction has up to {2 * _DIGITS_MAX} characters")
        exponent = _EXPONENT.search(numerator)
        if exponent is not None and abs(int(exponent[1].replace("_", ""))) > _DIGITS_MAX:
            raise OverflowError(f"the fraction would have more than {FRACTION_BITS_MAX} bits")
        if ("e" in numerator or "E" in numerator) and exponent is None:
            raise ValueError(f"Invalid literal for Fraction: {numerator[:80]!r}")
    elif type(numerator) is int:
        _check_int(numerator)
    if type(denominator) is int:
        _check_int(denominator)
    return check_fraction(Fraction(numerator, denominator))


def _check_int(number: int) -> None:
    if number.bit_length() > FRACTION_BITS_MAX:
        raise OverflowError(f"the fraction would have {number.bit_length()} bits, more than {FRACTION_BITS_MAX}")


def from_float(number: Any) -> Fraction:
    if type(number) not in (bool, float, int):
        raise TypeError(f"Fraction.from_float() only takes floats, not {number!r} ({type(number).__name__})")
    return _construct(number)


def from_decimal(number: Any) -> Fraction:
    if type(number) not in (Decimal, bool, int):
        raise TypeError(f"Fraction.from_decimal() only takes Decimals, not {number!r} ({type(number).__name__})")
    return _construct(number)


def make_fractions(hooks: Hooks) -> Module:
    kind = make_kind(
        Fraction, _construct, limit_denominator=limit_denominator, from_float=from_float, from_decimal=from_decimal
    )
    return make_module("fractions", {"Fraction": kind})
