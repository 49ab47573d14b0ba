"""Atoms: the types whose values can't change and are stored inline as they are.

Their comparison and hash are Python's own and run no code of a client. A nan is unequal to itself, so `n in [n]` asks
whether it is the same object, which a value read again from disk is not: every float nan that is kept becomes the one
object `NAN`, on the way in and on the way out of a record.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

__all__ = ["ATOMS", "NAN", "WITH_NAN", "are_settled", "is_nan"]

NAN: Final = float("nan")

ATOMS: Final[frozenset[type]] = frozenset(
    {
        type(None), bool, int, float, complex, str, bytes,
        date, datetime, time, timedelta, timezone, range, Decimal, Fraction, UUID,
    }
)

# Those that may be a nan.
WITH_NAN: Final[frozenset[type]] = frozenset({float, complex, Decimal})


def is_nan(value: Any) -> bool:
    """Whether an atom is unequal to itself."""
    kind = type(value)
    if kind is Decimal:
        return bool(value.is_nan())
    return kind in WITH_NAN and bool(value != value)


def are_settled(values: Collection[Any], *, keys: bool = False) -> bool:
    """Whether all are atoms that can be kept as they are; as keys, with no nan among them."""
    kinds = set(map(type, values))
    if not kinds <= ATOMS:
        return False
    return kinds.isdisjoint(WITH_NAN) or not any(is_nan(value) and (keys or value is not NAN) for value in values)
