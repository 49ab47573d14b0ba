"""Fuel: a snippet may make so many steps and no more, on every machine the same number.

A tick is `.next(.fuel)`, at the entry of a function and in each pass of a loop or comprehension: one item of a C
iterator, asked for by Python's own `next`. That costs 13 ns, where the iterator's `__next__` costs 19, a counter in
Python 42 and a function 65.

What loops in C is charged: `charge(count)` makes that many ticks at once, of the fuel of whichever snippet called
(work). So it needs no host, and does nothing where no snippet runs.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, compress, islice, repeat
from operator import length_hint
from typing import Any, Final, NoReturn

from sandbox.errors import OutOfFuel


def _stop(_: None) -> NoReturn:
    raise OutOfFuel("the snippet ran out of fuel; check that its loops end, or do less at once, in several requests")


def _impure(_: None) -> NoReturn:
    raise TypeError("a comparison or hash method reached another function; it may only compare attributes")


# Raises for ever. A `map` and no class of ours: `chain` asks for the iterator in C, and where that runs into the
# recursion limit, as it can with a method in Python, `chain` ends and no tick raises OutOfFuel again.
EMPTY: Final[Iterator[Any]] = map(_stop, repeat(None))
_FENCE: Final[Iterator[Any]] = map(_impure, repeat(None))


class Fuel:
    """The fuel of the snippet that runs now. One for each dict of builtins.

    Once it is used up every later tick raises OutOfFuel again, until the next `refill`.

    Attributes:
        left: an iterator of the ticks that are left; `operator.length_hint` tells how many.
    """

    def __init__(self, builtins: dict[str, Any]) -> None:
        self._builtins = builtins
        self.left: Any = repeat(True, 0)
        self._builtins[".fuel"] = chain(self.left, EMPTY)

    def refill(self, count: int) -> None:
        """Let the next snippet make `count` ticks. Not needed where the last one made none."""
        self.left = left = repeat(True, count)
        self._builtins[".fuel"] = chain(left, EMPTY)

    @property
    def remaining(self) -> int:
        """Ticks that are left."""
        return length_hint(self.left)


def running() -> Iterator[Any] | None:
    """Return the fuel of the snippet that called, directly or through functions of the host; None where none did."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        names = frame.f_builtins
        fuel: Iterator[Any] | None = names.get(".fuel")
        if fuel is not None:
            return names[".paid"][0] if fuel is _FENCE else fuel
        frame = frame.f_back
    return None


def charge(count: int) -> None:
    """Make `count` ticks at once."""
    if count > 0 and (fuel := running()) is not None:
        deque(islice(fuel, count), maxlen=0)


def charged(items: Iterable[Any]) -> Iterable[Any]:
    """Return an iterator over `items` that makes a tick for each."""
    fuel = running()
    return items if fuel is None else compress(items, fuel)


def in_comparison(builtins: dict[str, Any]) -> bool:
    """Whether a comparison or hash method of the snippet runs now."""
    return builtins[".fuel"] is _FENCE


def fence(builtins: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return `.enter` and `.leave`, between which every tick raises TypeError: the pure methods run between them.

    Entering costs one tick, so that comparisons are paid for like other calls.
    """
    # Where `charge` finds the fuel while the fence stands in its place.
    paid = builtins[".paid"] = [EMPTY]

    def enter() -> Any:
        fuel = builtins[".fuel"]
        if fuel is not _FENCE:
            paid[0] = fuel
            builtins[".fuel"] = _FENCE
        try:
            next(paid[0])
        except BaseException:
            builtins[".fuel"] = fuel
            raise
        return fuel

    def leave(fuel: Any) -> None:
        builtins[".fuel"] = fuel

    return enter, leave
