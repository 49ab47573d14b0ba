"""References: which objects a record mentions, found in its bytes without loading anything.

    record of an object -> [references] -> {oid, ...}        record of a piece -> [piece_references] -> {oid, ...}

An instance's record mentions its class too, by the first number of its shape (objserver/heap/upgrades.py). What is
packed once more inside a record (the attributes of a class, the cells of a function, the values of roots) counts. Most
records hold plain values: a look for two marks tells, without decoding.

Promise: every oid that loading the record would ask for, and no other; but for the class that a reference to an
instance names, which lives as long as the instance does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgpack

from .records import FUNCTION_CODE, LARGE, LIBRARY_OID, REFERENCE_CODE, TEXT_CODES

__all__ = ["class_of", "content_of", "mention_the_same", "piece_references", "references"]

# What a reference begins with as a msgpack extension: its size, 9 or 17 bytes, and its code. Plain data may look so.
_MARK: Final = msgpack.packb(msgpack.ExtType(REFERENCE_CODE, bytes(9)))[:3]
_MARK_OF_INSTANCE: Final = msgpack.packb(msgpack.ExtType(REFERENCE_CODE, bytes(17)))[:3]
# What both begin with: the search for one byte takes a tenth of the time.
_BYTE: Final = _MARK[0]
assert _MARK_OF_INSTANCE[0] == _BYTE

# An instance's record up to the oid of its class: its kind, an array of two, one of any length, a number; in bytes.
_INSTANCE: Final = b"i"[0]
_HEAD_SIZE: Final = 1 + 1 + 5 + 9


def references(record: bytes) -> set[int]:
    """Return the oids that the record of an object refers to; classes of the language have none."""
    kind = record[:1]
    if kind != b"i" and not _may_refer(record):
        return set()
    found = _Found()
    if kind == b"r":
        for packed in found.unpack(record[1:]).values():
            found.unpack(packed)
    elif kind == LARGE:
        found.unpack(record[2:])
    else:
        content = found.unpack(record[1:])
        if kind == b"i":
            found.oids.add(content[0][0])
        elif kind == b"c":
            found.unpack(content[3])
            found.unpack(content[4])
        elif kind == b"f":
            found.unpack(content[5])
    return {oid for oid in found.oids if oid < LIBRARY_OID}


def mention_the_same(old: bytes, record: bytes, mentioned: Collection[int]) -> bool:
    """Return whether two records of an object refer to the same, if a look tells; `mentioned` is what the new one does.

    So it is when both hold plain values; those of instances mention their class by their beginning.
    """
    if _BYTE in old:
        return False
    if old[0] != _INSTANCE:
        return not mentioned
    return len(mentioned) == 1 and old[:_HEAD_SIZE] == record[:_HEAD_SIZE]


def piece_references(record: bytes) -> set[int]:
    """Return the oids that a piece of a container refers to."""
    if not _may_refer(record):
        return set()
    found = _Found()
    found.unpack(record)
    return {oid for oid in found.oids if oid < LIBRARY_OID}


def _may_refer(record: bytes) -> bool:
    return _BYTE in record and (_MARK in record or _MARK_OF_INSTANCE in record)


def class_of(record: bytes) -> int:
    """Return the oid of the class of an instance, from its record."""
    oid: int = content_of(record)[0][0]
    return oid


def content_of(record: bytes) -> Any:
    """Return what an object's record holds, texts as bytes, extensions as None."""
    return _Found().unpack(record[2:] if record[:1] == LARGE else record[1:])


class _Found:
    """The oids met while something is unpacked."""

    __slots__ = ("oids",)

    def __init__(self) -> None:
        self.oids: set[int] = set()

    def unpack(self, data: bytes) -> Any:
        return msgpack.unpackb(data, ext_hook=self._meet, raw=True, strict_map_key=False)

    def _meet(self, code: int, data: bytes) -> None:
        if code == REFERENCE_CODE:
            self.oids.add(int.from_bytes(data[1:9], "big"))
        elif code == FUNCTION_CODE:
            self.unpack(self.unpack(data)[2])
        elif code not in TEXT_CODES:
            self.unpack(data)
