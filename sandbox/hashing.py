"""Hashing: `hash` as snippets see it: the same number on every machine and in every run.

Python's own hash of a text depends on a seed of the process, that of None, a class or a plain object on its address.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from types import FunctionType
from typing import Any, Final
from uuid import UUID

from sandbox.fuel import charge
from sandbox.work import FREE_COUNT, ITEMS_PER_TICK, given

_NUMBERS: Final = frozenset({Decimal, Fraction, bool, complex, float, int})
_DATES: Final = frozenset({date, datetime, time, timedelta})
# Bytes of a digest for one tick.
_SIZE_PER_TICK: Final = 500


def hash_builtin(value: Any, /) -> int:
    """Return the hash of a number, text, date, tuple or frozenset of such, or of an object that defines `__hash__`.

    Equal values have equal hashes.

    Raises:
        TypeError: the value has none that is the same everywhere.
    """
    kind = type(value)
    if kind in _NUMBERS:
        if (kind is Decimal and value.is_snan()) or value != value:
            # A nan hashes by its address.
            return 0
        return hash(value)
    if kind is str:
        return _digest(value.encode("utf-8", "surrogatepass"))
    if kind is bytes:
        return _digest(value)
    if issubclass(kind, tuple):
        return _hash_tuple(value, {})
    if hasattr(kind, "__frozen__"):
        given(value)
        # Python's own of a set, of numbers that are the same everywhere: the order has no part in it.
        return hash(frozenset([hash_builtin(item) for item in value]))
    if value is None:
        return 1
    if kind is UUID:
        return _digest(value.bytes)
    if kind in _DATES:
        return _digest(_date_text(value).encode())
    method = getattr(kind, "__hash__", None)
    source: str | None = getattr(kind, "__hash_of__", None)
    if source is not None:
        owner = next(parent for parent in kind.__mro__ if "__hash__" in parent.__dict__)
        if owner is object or "__enum__" in owner.__dict__:
            return hash_builtin(getattr(value, source))  # a member of an enum, which has no other
    if type(method) is FunctionType:
        return hash(value)
    if method is None:
        raise TypeError(f"unhashable type: {kind.__name__!r}")
    if isinstance(value, type):
        raise TypeError("a class has no hash that is the same everywhere; use its __name__")
    raise TypeError(f"{kind.__name__} has no hash that is the same everywhere; use a key of your own")


def _date_text(value: Any) -> str:
    """Return a text that equal dates and times have in common: times of different zones can be equal."""
    zone = getattr(value, "tzinfo", None)
    if zone is None:
        return repr(value.replace(fold=0) if hasattr(value, "fold") else value)
    if type(value) is datetime:
        # Not by astimezone, which fails at the first and the last hours there are.
        offset = value.utcoffset()
        assert offset is not None
        return f"UTC {value.replace(tzinfo=UTC, fold=0) - datetime(1, 1, 1, tzinfo=UTC) - offset!r}"
    offset = value.utcoffset()
    clock = timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
    return f"UTC {clock - offset!r}"


def _hash_tuple(value: tuple[Any, ...], known: dict[int, int]) -> int:
    # Each tuple once: of tuples that hold one tuple twice, at each of n levels, there are 2**n ways to the innermost.
    found = known.get(id(value))
    if found is None:
        if len(value) >= FREE_COUNT:
            charge(len(value) // ITEMS_PER_TICK)
        parts = [_hash_tuple(item, known) if isinstance(item, tuple) else hash_builtin(item) for item in value]
        known[id(value)] = found = hash(tuple(parts))
    return found


def _digest(data: bytes) -> int:
    if len(data) >= _SIZE_PER_TICK:
        charge(len(data) // _SIZE_PER_TICK)
    return int.from_bytes(blake2b(data, digest_size=7).digest(), "big")
