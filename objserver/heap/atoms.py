"""Atoms: the types whose values can't change and are stored inline as they are.

Their comparison and hash are Python's own and run no code of a client.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

__all__ = ["ATOMS"]

ATOMS: Final[frozenset[type]] = frozenset(
    {type(None), bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Decimal, Fraction, UUID}
)
