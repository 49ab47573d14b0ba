"""Settled: whether what a snippet changed holds anything that adoption has to look at.

    touched, all settled  -->  commit                      a number that replaces a number
    one that is not       -->  objserver/heap/adopt.py     and the walk goes over everything, in its order

Promise: of what is settled, adoption would adopt nothing and refuse nothing (tests/heap/test_settled.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from .atoms import ATOMS
from .containers import STATES, Dict, List

__all__ = ["are_all_settled"]

_TEXT: Final = frozenset({str})

# Atoms that equal themselves, and dicts and lists that the heap has already: none that is clean or a ghost is new.
_SETTLED: Final = (ATOMS - {float, complex, Decimal}) | {
    Dict.__clean__, Dict.__ghost__, List.__clean__, List.__ghost__
}  # fmt: skip


def are_all_settled(touched: Iterable[Any]) -> bool:
    """Whether these objects are small dicts with texts for keys, and lists, that hold only what the heap can keep as it
    is. False may also mean that a closer look is needed."""
    for obj in touched:
        kind = type(obj)
        items: Any = obj.__items__ if kind is Dict or kind is List else None
        values = items
        if type(items) is dict:
            if not _TEXT.issuperset(map(type, items)):
                return False
            values = items.values()
        elif type(items) is not list:
            return False
        if not _SETTLED.issuperset(map(type, values)):
            for value in values:
                kind = type(value)
                if kind is float:
                    if value != value:
                        return False
                elif kind not in _SETTLED and not (kind in STATES and value.__oid__):
                    return False
    return True
