"""Work: what a function of the language does in C for all of a text or container pays for its length.

    copy.copy(given(value)), text.encode(...) -> charge(ticks) -> the fuel of the snippet that called

Whatever is shorter than FREE_COUNT is free: it takes no longer than a few ticks. What is longer pays one tick for so
many items or characters as C does in the time of a tick or a few. What it pays follows from lengths alone, so it is the
same in every run. Containers that are made at once pay where they are made (Hooks.states, the host's).

Methods of values, operators, slices and `in` are CPython's own, and pay one tick however long their operands are:
looking at these would cost what is short a third to six times its time. So would a look at what a text is made of,
which pays when it is made. A host ends what takes too long.

Promise: n calls on operands of length m pay n * m / 1000 ticks at least (tests/sandbox/test_work.py).
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from sandbox.fuel import charge
from sandbox.hooks import Hooks

FREE_COUNT: Final = 256
# Characters, or items, for one tick: of what is copied.
SIZE_PER_TICK: Final = 1_000
ITEMS_PER_TICK: Final = 8
# Bits of one number times bits of the other: what is multiplied within a tick or a few.
PRODUCT_BITS_FREE: Final = 1 << 21

_TEXTS: Final = frozenset({bytes, str})
_VIEWS: Final[tuple[type, ...]] = (type({}.items()), type({}.keys()), type({}.values()))
# All kinds of containers, the host's among them, in each of their states.
CONTAINERS: Final[set[type]] = {deque, dict, frozenset, list, range, set, tuple, *_VIEWS}


def know_containers(hooks: Hooks) -> None:
    """Let the host's containers be known."""
    CONTAINERS.update(
        (hooks.dict_type, hooks.frozenset_type, hooks.list_type, hooks.set_type), hooks.collections.values(),
        hooks.states,
    )


def given(value: Any) -> Any:
    """Return `value`, all of which is about to be copied, and pay for that."""
    kind = type(value)
    if kind in _TEXTS:
        if len(value) >= FREE_COUNT:
            charge(len(value) // SIZE_PER_TICK)
    elif kind in CONTAINERS and len(value) >= FREE_COUNT:
        charge(len(value) // ITEMS_PER_TICK)
    return value


def charge_product(bits: int, others: int) -> None:
    """Pay for a product of two numbers of so many bits: up to 3 ms for what the bounds allow."""
    if bits * others >= PRODUCT_BITS_FREE:
        charge(bits * others // PRODUCT_BITS_FREE)
