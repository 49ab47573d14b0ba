"""A hash of keys that is the same in every process, for the index of a large dict on disk (objserver/heap/buckets.py).

    key that can be kept -> 64 bits

Python's own hash of texts depends on the process's seed. Keys that are equal have the same hash, whatever their types:
1, 1.0, True, Decimal(1) and Fraction(1) are one key of a dict. An object of the heap, which is equal to itself alone,
is hashed by its oid.

Promise: `a == b` means the same hash (tests/heap/test_keyhash.py). Of texts, bytes and integers of 64 bits no two are
found with the same hash by trying: it is BLAKE2b.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from struct import Struct
from typing import Any, Final
from uuid import UUID

from .named import NamedTupleType
from .sets import FrozenSet

__all__ = ["KeyHash"]

_HASH_SIZE: Final = 8
_first_of: Final = Struct("<Q").unpack_from
_DAY: Final = timedelta(days=1)
_MICROSECOND: Final = timedelta(microseconds=1)


class KeyHash:
    """
    Args:
        identify: object -> bytes that it is stored as, b"" for one that is not stored yet; or another key that it may
            be equal to, such as the number of a member of an IntEnum.
    """

    def __init__(self, identify: Callable[[Any], Any]) -> None:
        self._identify = identify

    def hash_of(self, key: Any) -> int | None:
        """Return the hash of a key, None for an object that is not in the heap yet."""
        # Texts first, and without a call more than they need.
        data = b"s" + key.encode("utf-8", "surrogatepass") if type(key) is str else self._data(key)
        # A piece of the long digest: asking for a short one costs half as much again, in reading the argument.
        return _first_of(blake2b(data).digest())[0] if data else None

    def _data(self, key: Any) -> bytes:
        """Return bytes that two keys share when they are equal, b"" for what is not in the heap yet."""
        cls = type(key)
        if cls is int or cls is bool or cls in _NUMBERS:
            return _number(key)
        form = _FORMS.get(cls)
        if form is not None:
            return form(key)
        if cls is tuple or issubclass(type(cls), NamedTupleType):
            parts = [self._part(item) for item in key]
            return b"" if None in parts else b"t" + b"".join(parts)  # type: ignore[arg-type]
        if cls is FrozenSet:
            parts = [self._part(item) for item in key]
            return b"" if None in parts else b"F" + b"".join(sorted(parts))  # type: ignore[type-var,arg-type]
        identity = self._identify(key)
        if type(identity) is not bytes:
            return self._data(identity)
        return identity and b"o" + identity

    def _part(self, item: Any) -> bytes | None:
        found = self.hash_of(item)
        return None if found is None else found.to_bytes(_HASH_SIZE, "little")


def _number(value: Any) -> bytes:
    # By value and not by type. Beyond 64 bits, and for fractions, Python's hash of numbers: it has no seed.
    if value == value and not (type(value) is complex and value.imag):
        real = value.real
        if -(1 << 63) <= real < (1 << 64) and (whole := int(real)) == real:
            return b"i%d" % whole
    return b"h%d" % hash(value)


def _moment(value: datetime) -> bytes:
    # Equal across zones, and apart from those that have none; `fold` is not compared.
    offset = value.utcoffset()
    since = (value.toordinal() * _DAY) + timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
    return b"D%d" % (since // _MICROSECOND) if offset is None else b"Z%d" % ((since - offset) // _MICROSECOND)


def _time(value: time) -> bytes:
    offset = value.utcoffset()
    since = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return b"T%d" % (since // _MICROSECOND) if offset is None else b"Y%d" % ((since - offset) // _MICROSECOND)


_NUMBERS: Final = frozenset({float, complex, Decimal, Fraction})

_FORMS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda key: b"n",
    str: lambda key: b"s" + key.encode("utf-8", "surrogatepass"),
    bytes: lambda key: b"b" + key,
    date: lambda key: b"d%d" % key.toordinal(),
    datetime: _moment,
    time: _time,
    timedelta: lambda key: b"l%d" % (key // _MICROSECOND),
    timezone: lambda key: b"z%d" % (key.utcoffset(None) // _MICROSECOND),
    UUID: lambda key: b"u" + key.bytes,
}
