"""Fuel: a snippet may make so many steps and no more, on every machine the same number.

A tick is one call of the builtin `.tick`: at the entry of a function, in each pass of a loop or comprehension. It is
the `__next__` of a C iterator, which costs 11 to 13 ns, where a counter in Python costs 42 and a function 65.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from operator import length_hint
from typing import Any, Final, NoReturn

from sandbox.errors import OutOfFuel


def _stop(_: None) -> NoReturn:
    raise OutOfFuel("the snippet ran out of fuel; do less at once, in several requests")


# Raises for ever. A `map` and no class of ours: `chain` asks for the iterator in C, and where that runs into the
# recursion limit, as it can with a method in Python, `chain` ends and no tick raises OutOfFuel again.
EMPTY: Final = map(_stop, repeat(None))


class Fuel:
    """The fuel of the snippet that runs now. One for each dict of builtins.

    Once it is used up every later tick raises OutOfFuel again, until the next `refill`.

    Attributes:
        left: an iterator of the ticks that are left; `operator.length_hint` tells how many.
    """

    def __init__(self, builtins: dict[str, Any]) -> None:
        self._builtins = builtins
        self.left: Any = repeat(True, 0)
        self._builtins[".tick"] = chain(self.left, EMPTY).__next__

    def refill(self, count: int) -> None:
        """Let the next snippet make `count` ticks. Not needed where the last one made none."""
        self.left = left = repeat(True, count)
        self._builtins[".tick"] = chain(left, EMPTY).__next__

    @property
    def remaining(self) -> int:
        """Ticks that are left."""
        return length_hint(self.left)


def fence(builtins: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return `.enter` and `.leave`, between which every tick raises TypeError: the pure methods run between them.

    Entering costs one tick, so that comparisons are paid for like other calls.
    """
    def impure() -> NoReturn:
        raise TypeError("a comparison or hash method reached another function; it may only compare attributes")

    paid: Any = EMPTY.__next__

    def enter() -> Any:
        nonlocal paid
        tick = builtins[".tick"]
        if tick is not impure:
            paid = tick
            builtins[".tick"] = impure
        try:
            paid()
        except BaseException:
            builtins[".tick"] = tick
            raise
        return tick

    def leave(tick: Any) -> None:
        builtins[".tick"] = tick

    return enter, leave
