"""Buckets: the index of a large dict on disk, from the hash of a key to the place of its entry.

    hash -> number of the bucket -> bucket -> place of an entry

    | tag 5 bytes | place 6 bytes | tag | place | ...            in order of the places, little-endian

An entry is eleven bytes, or the number that these are, whose order is that of the places.
A bucket is bytes and never changes: another one takes its place. A new entry has, mostly, the last place of all, so
that one is the old bytes and some more. Their number grows by linear hashing (Litwin, 1980):
with n buckets a key lies in that of its lowest bits, and one bucket more takes half of what another one has, so no
directory is needed. A tag is the lowest 40 bits of the hash: enough to find the bucket again for any n, and to tell the
keys in one apart but for one in millions, which the entry itself decides.

Promise: a function of what was put in, in any order of putting (tests/heap/test_buckets.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from struct import Struct
from typing import Final

__all__ = [
    "BUCKETS_END",
    "BUCKET_COUNT",
    "TAG_MASK",
    "bucket_of",
    "change",
    "count_for",
    "entries_of",
    "entry_of",
    "find",
    "make",
    "parent_of",
    "share",
    "tag_of",
]

# Among the pieces of a container, buckets have the numbers below, and nothing else has.
BUCKETS_END: Final = 1 << 42

# Entries of a bucket on average: 350 bytes, ten to a page of LMDB. Larger ones take longer to search and to write anew,
# which a checkpoint does for about each key that was added.
BUCKET_COUNT: Final = 32

_TAG_SIZE: Final = 5
_PLACE_SIZE: Final = 6
_ENTRY_SIZE: Final = _TAG_SIZE + _PLACE_SIZE
_ENTRY: Final = Struct(f"{_TAG_SIZE}s{_PLACE_SIZE}s")

TAG_MASK: Final = (1 << 8 * _TAG_SIZE) - 1

# What is read of a bucket: (tag, place).
Entry = tuple[int, int]


def entry_of(tag: int, place: int) -> int:
    """Return an entry as a number."""
    return place << 8 * _TAG_SIZE | tag


def tag_of(key_hash: int) -> int:
    return key_hash & TAG_MASK


def count_for(entry_count: int) -> int:
    """Return how many buckets so many entries have."""
    return -(-entry_count // BUCKET_COUNT) or 1


def bucket_of(tag: int, count: int) -> int:
    """Return the number of the bucket, of `count`, that has this tag."""
    bits = (count - 1).bit_length()
    number = tag & ((1 << bits) - 1)
    return number if number < count else number & ((1 << (bits - 1)) - 1)


def parent_of(number: int) -> int:
    """Return the bucket whose entries the bucket `number`, which is not 0, took over when it was made."""
    return number & ~(1 << (number.bit_length() - 1))


def find(bucket: bytes, tag: int, start: int) -> tuple[int, int]:
    """Return the first place that a bucket has for a tag, and where to go on; (-1, 0) when there is none."""
    mark = tag.to_bytes(_TAG_SIZE, "little")
    at = bucket.find(mark, start)
    while at >= 0:
        end = at + _ENTRY_SIZE
        if not at % _ENTRY_SIZE:
            return int.from_bytes(bucket[at + _TAG_SIZE : end], "little"), end
        at = bucket.find(mark, at + 1)
    return -1, 0


def entries_of(bucket: bytes) -> list[Entry]:
    """Return what a bucket holds, in order of the places."""
    number = int.from_bytes
    return [(number(tag, "little"), number(place, "little")) for tag, place in _ENTRY.iter_unpack(bucket)]


def share(sources: Collection[bytes], count: int) -> dict[int, bytes]:
    """Return the buckets, of `count`, that have what is in some of another number; leaves out those that are empty."""
    low = (1 << (count - 1).bit_length()) - 1
    shares: dict[int, list[bytes]] = {}
    number_of = int.from_bytes
    for bucket in sources:
        for at in range(0, len(bucket), _ENTRY_SIZE):
            entry = bucket[at : at + _ENTRY_SIZE]
            number = number_of(entry[:_TAG_SIZE], "little") & low  # as `bucket_of`: a call each would double the time
            shares.setdefault(number if number < count else number & low >> 1, []).append(entry)
    if len(sources) > 1:
        for entries in shares.values():
            entries.sort(key=lambda entry: number_of(entry[_TAG_SIZE:], "little"))
    return {number: b"".join(entries) for number, entries in shares.items()}


def make(entries: Iterable[Entry]) -> bytes:
    """Return a bucket of these entries."""
    return _joined([entry_of(tag, place) for tag, place in entries])


def change(bucket: bytes, gone: Collection[int], new: Collection[int]) -> bytes:
    """Return the bucket without the entries `gone` and with those that are `new`, all as numbers (`entry_of`)."""
    for entry in gone:
        piece = entry.to_bytes(_ENTRY_SIZE, "little")
        at = bucket.find(piece)
        while at >= 0 and at % _ENTRY_SIZE:
            at = bucket.find(piece, at + 1)
        if at >= 0:
            bucket = bucket[:at] + bucket[at + _ENTRY_SIZE :]
    if new:
        if bucket and int.from_bytes(bucket[-_ENTRY_SIZE:], "little") > min(new):
            held = [bucket[at : at + _ENTRY_SIZE] for at in range(0, len(bucket), _ENTRY_SIZE)]
            return _joined([*new, *[int.from_bytes(entry, "little") for entry in held]])
        bucket += _joined(new)
    return bucket


def _joined(entries: Iterable[int]) -> bytes:
    return b"".join([entry.to_bytes(_ENTRY_SIZE, "little") for entry in sorted(entries)])
