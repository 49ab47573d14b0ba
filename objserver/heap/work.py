"""Work: a container that is made of many items at once pays for them, as the language has it (sandbox/work.py).

    list(source) -> List.__init__ -> [work] -> what the engine gave to use_charge -> the fuel of the snippet that runs

Who counts the steps is not known here. What is made of fewer items than FREE_COUNT is free, and looked at in place:
`if len(items) >= FREE_COUNT: pay(items)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any, Final, TypeVar

__all__ = ["FREE_COUNT", "given", "paid", "pay", "use_charge"]

Items = TypeVar("Items", bound=Sized)

FREE_COUNT: Final = 256
_ITEMS_PER_STEP: Final = 8
_PLAIN: Final = frozenset({bytes, dict, list, range, str, tuple})

_charge: Callable[[int], object] = int


def use_charge(charge: Callable[[int], object]) -> None:
    """Let `charge(count)` make so many steps. It is the same for all heaps of the process."""
    global _charge
    _charge = charge


def pay(items: Sized) -> None:
    """Pay for what looks at each of the items."""
    _charge(len(items) // _ITEMS_PER_STEP)


def paid(items: Items) -> Items:
    """Return `items`, each of which is about to be looked at, and pay for that."""
    if len(items) >= FREE_COUNT:
        pay(items)
    return items


def given(source: Any) -> Any:
    """Return what a container is made of, of which less may come out: it pays for all that is there."""
    return paid(source) if type(source) in _PLAIN else source
