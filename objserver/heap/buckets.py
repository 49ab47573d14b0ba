"""Buckets: the index of a large dict on disk, from the hash of a key to the place of its entry.

    hash -> number of the bucket -> bucket: tags (5 bytes each), then places (6 bytes each) -> place of an entry

A bucket is bytes and never changes: another one takes its place. Their number grows by linear hashing (Litwin, 1980):
with n buckets a key lies in that of its lowest bits, and one bucket more takes half of what another one has, so no
directory is needed. A tag is the lowest 40 bits of the hash: enough to find the bucket again for any n, and to tell the
keys in one apart but for one in millions, which the entry itself decides.

Promise: a function of what was put in, in any order of putting (tests/heap/test_buckets.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["BUCKET_COUNT", "bucket_of", "count_for", "entries_of", "find", "make", "parent_of", "tag_of"]

# Entries of a bucket on average: 700 bytes, six to a page of LMDB.
BUCKET_COUNT: Final = 64

_TAG_SIZE: Final = 5
_PLACE_SIZE: Final = 6
_ENTRY_SIZE: Final = _TAG_SIZE + _PLACE_SIZE

# (tag, place)
Entry = tuple[int, int]


def tag_of(key_hash: int) -> int:
    return key_hash & ((1 << 8 * _TAG_SIZE) - 1)


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


def find(bucket: bytes, tag: int) -> list[int]:
    """Return the places that a bucket has for a tag."""
    mark = tag.to_bytes(_TAG_SIZE, "little")
    end = len(bucket) // _ENTRY_SIZE * _TAG_SIZE
    found = []
    at = bucket.find(mark, 0, end)
    while at >= 0:
        index, beside = divmod(at, _TAG_SIZE)
        if not beside:
            place = end + index * _PLACE_SIZE
            found.append(int.from_bytes(bucket[place : place + _PLACE_SIZE], "little"))
        at = bucket.find(mark, at + 1, end)
    return found


def entries_of(bucket: bytes) -> list[Entry]:
    """Return what a bucket holds."""
    count = len(bucket) // _ENTRY_SIZE
    number = int.from_bytes
    middle = count * _TAG_SIZE
    tags = [number(bucket[at : at + _TAG_SIZE], "little") for at in range(0, middle, _TAG_SIZE)]
    places = [number(bucket[at : at + _PLACE_SIZE], "little") for at in range(middle, len(bucket), _PLACE_SIZE)]
    return list(zip(tags, places, strict=True))


def make(entries: Iterable[Entry]) -> bytes:
    """Return a bucket of these entries."""
    ordered = sorted(entries)
    return b"".join(
        [tag.to_bytes(_TAG_SIZE, "little") for tag, _ in ordered]
        + [place.to_bytes(_PLACE_SIZE, "little") for _, place in ordered]
    )
