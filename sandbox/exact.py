"""Exact numbers: bounds of decimals and fractions, whose size is not bounded by that of their text.

`int(Decimal('1e999999999'))` or `Fraction(3, 2) ** 10**9` computes for hours and can't be interrupted. So what makes a
Decimal or Fraction looks at its size, and so do the operators by which it grows fast (guards). Sums grow by no more
than what is added.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sandbox.policy import DECIMAL_DIGITS_MAX, DECIMAL_EXPONENT_MAX, FRACTION_BITS_MAX
from sandbox.seal import make_row

# What decimals are computed with, always: Python's own defaults, with exponents that are quickly written out.
CONTEXT: Final = decimal.Context(
    prec=28, rounding=decimal.ROUND_HALF_EVEN, Emin=-DECIMAL_EXPONENT_MAX, Emax=DECIMAL_EXPONENT_MAX, capitals=1,
    clamp=0, flags=[], traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
# An int is made a Decimal of as many digits before it is computed with.
POWER_BITS_MAX: Final = DECIMAL_DIGITS_MAX * 4
EXACT: Final = frozenset({Decimal, Fraction})

DecimalTuple: Final = make_row("DecimalTuple", ("sign", "digits", "exponent"))


def check_decimal(value: Decimal) -> Decimal:
    """Return `value`.

    Raises:
        OverflowError: too many digits, or too large an exponent.
    """
    if value.is_finite():
        _, digits, exponent = value.as_tuple()
        if len(digits) > DECIMAL_DIGITS_MAX:
            raise OverflowError(f"the decimal would have {len(digits)} digits, more than {DECIMAL_DIGITS_MAX}")
        # A sum of decimals in these bounds stays in those of the context, or is rounded into them.
        if abs(exponent + len(digits) - 1) > DECIMAL_EXPONENT_MAX:  # type: ignore[operator]
            raise OverflowError(f"the decimal would have an exponent beyond {DECIMAL_EXPONENT_MAX}")
    return value


def fraction_bits(value: Any) -> int:
    """Return the bits of a number in a Fraction; 0 of one that makes no Fraction."""
    if type(value) is int or type(value) is Fraction:
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    return 0


def check_bits(bits: int) -> None:
    if bits > FRACTION_BITS_MAX:
        raise OverflowError(f"the fraction would have {bits} bits, more than {FRACTION_BITS_MAX}; round it on the way")


def check_fraction(value: Fraction) -> Fraction:
    """Return `value`.

    Raises:
        OverflowError: its numerator or denominator has too many bits.
    """
    check_bits(fraction_bits(value))
    return value


def check_operands(left: Any, right: Any) -> None:
    """Raise OverflowError when a product or quotient of two numbers, one of them exact, would be too large."""
    if type(left) is Fraction or type(right) is Fraction:
        check_bits(fraction_bits(left) + fraction_bits(right))


def check_power_of(base: Any, exponent: Any) -> None:
    """Raise OverflowError when a power, with an exact number in it, would be too large or take too long."""
    if type(base) is Decimal or type(exponent) is Decimal:
        for number in (base, exponent):
            if type(number) is int and number.bit_length() > POWER_BITS_MAX:
                raise OverflowError(f"a power of a Decimal takes numbers up to {POWER_BITS_MAX} bits")
    elif type(base) is Fraction or type(exponent) is Fraction:
        whole = exponent.numerator if type(exponent) in (Fraction, int) and exponent.denominator == 1 else 0
        bits = fraction_bits(base)
        # Of 0, 1 and -1 every power is small.
        if bits > 1:
            check_bits(bits * abs(whole))


def decimal_tuple(value: Decimal) -> Any:
    """Return `value.as_tuple()`, of a class of ours: Python's own has a dict that can be changed."""
    return DecimalTuple(*value.as_tuple())


def limit_denominator(value: Fraction, max_denominator: Any = 1_000_000) -> Fraction:
    """Return `value.limit_denominator(max_denominator)`, which takes a step for each bit."""
    if type(max_denominator) is not int:
        raise TypeError("limit_denominator() takes an int")
    return check_fraction(value).limit_denominator(max_denominator)
