"""The module `math`: Python's, with bounds on what grows beyond its arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from sandbox.guards import make_times
from sandbox.hooks import Hooks
from sandbox.seal import Module, make_module, sealed
from sandbox.work import CONTAINERS, FREE_COUNT, given

times = make_times(frozenset({bytes, list, str, tuple}))

# A factorial of 5000 has 16 thousand digits and takes 1 ms.
ARGUMENT_MAX: Final = 5_000
_SAME: Final = (
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "copysign", "cos", "cosh", "degrees",
    "dist", "e", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "floor", "fmod", "frexp", "fsum", "gamma", "gcd",
    "hypot", "inf", "isclose", "isfinite", "isinf", "isnan", "isqrt", "ldexp", "lgamma", "log", "log10", "log1p",
    "log2", "modf", "nan", "nextafter", "pi", "pow", "radians", "remainder", "sin", "sinh", "sqrt", "tan", "tanh",
    "tau", "trunc", "ulp",
)


def _check(name: str, *numbers: Any) -> None:
    if any(type(number) is int and number > ARGUMENT_MAX for number in numbers):
        raise OverflowError(f"{name} takes numbers up to {ARGUMENT_MAX}")


def factorial(n: Any, /) -> int:
    _check("factorial", n)
    return math.factorial(n)


def comb(n: Any, k: Any, /) -> int:
    _check("comb", n, k)
    return math.comb(n, k)


def perm(n: Any, k: Any = None, /) -> int:
    _check("perm", n, k)
    return math.perm(n, k)


def prod(iterable: Iterable[Any], /, *, start: Any = 1) -> Any:
    if type(iterable) in CONTAINERS and len(iterable) >= FREE_COUNT:  # type: ignore[arg-type]
        given(iterable)
    for number in iterable:
        start = times(start, number)
    return start


def lcm(*integers: Any) -> int:
    result = 1
    for number in integers:
        result = times(result, number // math.gcd(result, number)) if number else 0
    return abs(result)


_BOUNDED: Final = (comb, factorial, lcm, perm, prod)


def make_math(hooks: Hooks) -> Module:
    functions = {function.__name__: sealed(function) for function in _BOUNDED}
    return make_module("math", {name: getattr(math, name) for name in _SAME} | functions)
