"""The module `statistics`: Python's functions of numbers, up to a size.

They are written in Python and compute with fractions, so the data are made a list first, which pays for each number;
what would take much longer than that is refused (benchmarks by hand: 100,000 floats take 0.1 to 0.25 s).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.policy import INT_BITS_MAX
from sandbox.seal import Module, Row, make_module, make_row, sealed

# Of numbers, computed exactly.
_EXACT: Final = (
    "covariance", "correlation", "geometric_mean", "harmonic_mean", "linear_regression", "mean", "median_grouped",
    "pstdev", "pvariance", "stdev", "variance",
)
# Of numbers, computed in C.
_FAST: Final = ("fmean", "quantiles")
# Of values that have an order or can be counted.
_ANY: Final = ("median", "median_high", "median_low", "mode", "multimode")
_TWO: Final = frozenset({"correlation", "covariance", "linear_regression"})

COUNT_MAX: Final = 100_000
FAST_COUNT_MAX: Final = 1_000_000
# Bits of all numbers together, a float counted as 64: what is squared and added up.
_BITS_MAX: Final = COUNT_MAX * 64
# An exact number may come with a denominator of its own: the common one is as long as all of them.
DENOMINATOR_BITS_MAX: Final = INT_BITS_MAX // 4
_FLOAT_BITS: Final = 64
_ORDINARY: Final = frozenset({bool, float})
LinearRegression: Final = make_row("LinearRegression", ("slope", "intercept"))


def _check_numbers(name: str, numbers: list[Any]) -> None:
    bits = denominators = 0
    seen: set[int] = set()
    for number in numbers:
        kind = type(number)
        if kind in _ORDINARY:
            bits += _FLOAT_BITS
        elif kind is int:
            bits += max(_FLOAT_BITS, number.bit_length())
        elif kind is Fraction:
            bits += max(_FLOAT_BITS, number.numerator.bit_length() + number.denominator.bit_length())
            if number.denominator not in seen:
                seen.add(number.denominator)
                denominators += number.denominator.bit_length()
        elif kind is Decimal:
            _, digits, exponent = number.as_tuple()
            places = abs(exponent) if type(exponent) is int else 0
            bits += max(_FLOAT_BITS, 4 * (len(digits) + places))
            denominators = max(denominators, 4 * places)
        elif number is not None:
            raise TypeError(f"{name}() takes numbers, not a {kind.__name__}")
    if bits > _BITS_MAX or denominators > DENOMINATOR_BITS_MAX:
        raise OverflowError(f"{name}() would take too long with numbers this long; make them floats first")


def _function(name: str, meter: Meter) -> Callable[..., Any]:
    function = getattr(statistics, name)
    exact = name in _EXACT
    count_max = COUNT_MAX if exact else FAST_COUNT_MAX

    def listed(data: Any) -> list[Any]:
        numbers = list(meter.paid(data))
        if len(numbers) > count_max:
            raise OverflowError(
                f"{name}() takes up to {count_max} values, not {len(numbers)}; fmean() takes more, sum(x) / len(x) any"
            )
        if name not in _ANY or any(type(number) in (Decimal, Fraction, int) for number in numbers[:1]):
            _check_numbers(name, numbers) if exact or name in _FAST else None
        return numbers

    def call(*data: Any, **options: Any) -> Any:
        count = 2 if name in _TWO else 1
        values = [listed(part) for part in data[:count]]
        others = list(data[count:])
        for key in ("data", "weights", "x", "y", "xbar", "mu"):
            if key in options and options[key] is not None and key not in ("xbar", "mu"):
                options[key] = listed(options[key])
        if name in ("fmean", "harmonic_mean") and others and others[0] is not None:
            others[0] = listed(others[0])
        for option in (*others, *options.values()):
            if type(option) is int and name == "quantiles" and option > COUNT_MAX:
                raise OverflowError(f"quantiles() makes up to {COUNT_MAX} groups")
            if type(option) is not list and type(option) is not str:
                _check_numbers(name, [option])
        result = function(*values, *others, **options)
        return LinearRegression(*result) if name == "linear_regression" else result

    return call


def make_statistics(hooks: Hooks) -> Module:
    meter = Meter(hooks)
    names = (*_EXACT, *_FAST, *_ANY)
    values: dict[str, Any] = {name: sealed(_function(name, meter), name) for name in names}
    assert issubclass(LinearRegression, Row)
    return make_module("statistics", values | {"StatisticsError": statistics.StatisticsError})
