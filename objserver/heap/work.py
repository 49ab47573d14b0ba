"""Work: a container that is made of many items at once pays for them, as the language has it (sandbox/work.py), and so
does whatever walks over one that is in pieces, or looks many keys up in it.

    list(source) -> List.__init__ -> [work] -> what the engine gave to use_charge -> the fuel of the snippet that runs
    item in large -> PagedList._walk -'

Who counts the steps is not known here; where no snippet runs nobody pays. What is made of fewer items than FREE_COUNT
is free, and looked at in place: `if len(items) >= FREE_COUNT: pay(items)`. A walk pays for what was walked over, each
time that it has come WALK_COUNT entries further, so whoever ends it early pays no more.

Promise: the steps follow from what is in the containers, never from what of them is in memory
(tests/engine/test_walks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import chain, compress
from typing import Any, Final, TypeVar

__all__ = ["FREE_COUNT", "WALK_COUNT", "given", "meter", "metered", "paid", "pay", "pay_for", "use_charge"]

Item = TypeVar("Item")
Items = TypeVar("Items", bound=Sized)

FREE_COUNT: Final = 256
# Entries of a container in pieces that are walked over between two payments; as many are free.
WALK_COUNT: Final = 64
_ITEMS_PER_STEP: Final = 8
assert WALK_COUNT % _ITEMS_PER_STEP == 0
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


def pay_for(count: int) -> None:
    """Pay for so many entries of a container in pieces."""
    if count >= WALK_COUNT:
        _charge(count // _ITEMS_PER_STEP)


def metered(entries: Iterable[Item]) -> Iterator[Item]:
    """Return the entries, for whose reading, looking up or changing in pieces is paid as they go by."""
    return compress(entries, meter())


def meter() -> Iterator[bool]:
    """Return what `metered` lets entries go by with, for a walk in several parts: `compress(part, meter)` for each."""
    return chain.from_iterable(_selectors())


def _selectors() -> Iterator[tuple[bool, ...]]:
    selectors = (True,) * WALK_COUNT
    while True:
        yield selectors
        _charge(WALK_COUNT // _ITEMS_PER_STEP)
