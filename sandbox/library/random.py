"""The module `random`: the numbers that look random to a snippet and are the same on every replica.

    random.choice(..)      draws from the snippet's generator, seeded by its place in the log
    random.Random(seed)    a generator of the snippet's own; `getstate()` is what can be kept of it

The functions are Python's own, so that a seed gives the numbers it gives elsewhere. What draws many makes a tick for
each, in pieces.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable
from itertools import accumulate
from typing import Any, Final, cast

from sandbox.guards import check_count
from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.seal import Module, Sealed, make_module, sealed

# What makes them: Mersenne Twister, whose numbers for a seed are the same on every Python.
Generator = random.Random

# Functions of single numbers.
_SINGLE: Final = (
    "betavariate", "expovariate", "gammavariate", "gauss", "getrandbits", "lognormvariate", "normalvariate",
    "paretovariate", "randint", "random", "randrange", "triangular", "uniform", "vonmisesvariate", "weibullvariate",
)
_NUMBERS: Final = frozenset({bool, float, int, type(None)})
_BITS_MAX: Final = 1 << 17
# Drawn between two payments.
_PIECE: Final = 1_000


def make_generator(time_ns: int, seq: int, index: int) -> Generator:
    """Return the generator of one snippet, seeded by where it stands.

    Args:
        time_ns, seq: of the log entry it is in, or would be.
        index: its position in that entry.
    """
    return Generator((time_ns << 96) | (seq << 32) | index)


def _single(name: str) -> Callable[..., Any]:
    def draw(generator: Generator, *arguments: Any, **named: Any) -> Any:
        for number in (*arguments, *named.values()):
            if type(number) not in _NUMBERS:
                raise TypeError(f"{name}() takes numbers, not a {type(number).__name__}")
            if type(number) is int and number.bit_length() > _BITS_MAX:
                raise OverflowError(f"{name}() takes numbers up to {_BITS_MAX} bits")
        if name == "getrandbits" and arguments and arguments[0] > _BITS_MAX:
            raise OverflowError(f"getrandbits() makes up to {_BITS_MAX} bits")
        return getattr(generator, name)(*arguments, **named)

    return draw


def _many(meter: Meter) -> dict[str, Callable[..., Any]]:
    """Return the functions that draw many numbers, of a generator."""
    def choice(generator: Generator, seq: Any) -> Any:
        if not len(seq):
            raise IndexError("Cannot choose from an empty sequence")
        return seq[generator.choice(range(len(seq)))]

    def choices(generator: Generator, population: Any, weights: Any = None, *, cum_weights: Any = None,
                k: Any = 1) -> list[Any]:
        _check_count(k)
        count = len(population)
        if cum_weights is not None:
            if weights is not None:
                raise TypeError("Cannot specify both weights and cumulative weights")
            cum_weights = list(meter.paid(cum_weights))
        elif weights is not None:
            if type(weights) is int:
                raise TypeError(f"The number of choices must be a keyword argument: k={weights}")
            cum_weights = list(accumulate(meter.paid(weights)))
        if cum_weights is not None and any(type(weight) not in _WEIGHTS for weight in cum_weights):
            raise TypeError("weights are numbers")
        drawn: list[Any] = []
        while len(drawn) < k or not drawn:
            part = min(_PIECE, k - len(drawn))
            meter.pay(part)
            places = generator.choices(range(count), cum_weights=cum_weights, k=part)
            drawn += [population[place] for place in places]
            if part <= 0:
                break
        return drawn

    def sample(generator: Generator, population: Any, k: Any, *, counts: Any = None) -> list[Any]:
        _check_count(k)
        meter.pay(k)
        if counts is None:
            # Python's own chooses by places, whatever stands there.
            return [population[place] for place in generator.sample(range(len(population)), k)]
        sums = list(accumulate(meter.paid(counts)))
        if len(sums) != len(population):
            raise ValueError("The number of counts does not match the population")
        if any(type(total) is not int for total in sums):
            raise TypeError("Counts must be integers")
        total = sums[-1] if sums else 0
        if total < 0:
            raise ValueError("Total of counts must be greater than zero")
        return [population[bisect(sums, place)] for place in generator.sample(range(total), k)]

    def shuffle(generator: Generator, x: Any) -> None:
        # As Python's, which draws for every place but the first; in pieces.
        count = len(x)
        for place in meter.paid(range(count - 1, 0, -1)):
            other = generator.randrange(place + 1)
            x[place], x[other] = x[other], x[place]

    def randbytes(generator: Generator, n: Any) -> bytes:
        if type(n) is not int:
            raise TypeError("randbytes() takes a count that is an int")
        check_count(n, "the bytes")
        meter.pay(n // _PIECE)
        return generator.randbytes(n)

    return {"choice": choice, "choices": choices, "randbytes": randbytes, "sample": sample, "shuffle": shuffle}


_WEIGHTS: Final = frozenset({bool, float, int})


def _check_count(k: Any) -> None:
    if type(k) is not int:
        raise TypeError("the number of choices is an int")
    check_count(k, "the choices")


class _RandomKind(Sealed):
    def __call__(cls, *seed: Any) -> Any:
        if len(seed) != 1 or type(seed[0]) not in (int, float, str, bytes):
            raise TypeError(
                "Random() takes a seed that is an int, float, str or bytes; without one use the functions of the module"
            )
        made: Any = object.__new__(cast(Any, cls))
        made.__generator__ = Generator(seed[0])
        return made


def _getstate(generator: Generator) -> Any:
    return generator.getstate()


def _setstate(generator: Generator, state: Any) -> None:
    version, inner, gauss = state
    if version != 3 or type(gauss) not in (float, type(None)) or type(inner) is not tuple or (
        any(type(word) is not int or not 0 <= word < 1 << 32 for word in inner)
    ):
        raise ValueError("not a state that getstate() gave")
    generator.setstate((3, inner, gauss))


def _seed(generator: Generator, a: Any) -> None:
    if type(a) not in (int, float, str, bytes):
        raise TypeError("seed() takes an int, float, str or bytes")
    generator.seed(a)


def make_random(hooks: Hooks) -> Module:
    functions = {name: _single(name) for name in _SINGLE} | _many(Meter(hooks))
    values: dict[str, Any] = {name: sealed(_of_snippet(function, hooks), name) for name, function in functions.items()}
    methods = functions | {"getstate": _getstate, "seed": _seed, "setstate": _setstate}
    space: dict[str, Any] = {name: _of_instance(function, name) for name, function in methods.items()}
    space |= {"__slots__": ("__generator__",), "__module__": "random", "__repr__": _show}
    return make_module("random", values | {"Random": _RandomKind("Random", (), space)})


def _of_snippet(function: Callable[..., Any], hooks: Hooks) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return function(hooks.random(), *arguments, **named)

    return call


def _of_instance(function: Callable[..., Any], name: str) -> Any:
    def call(self: Any, /, *arguments: Any, **named: Any) -> Any:
        return function(self.__generator__, *arguments, **named)

    call.__name__ = call.__qualname__ = name
    return call


def _show(self: Any) -> str:
    return "<random.Random object>"
