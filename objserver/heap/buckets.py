"""Buckets: the index of a large dict on disk, from the hash of a key to the place of its entry; as bytes.

    tag: 40 bits of the hash        its first bits --> group: entries that wait, and how many bits name a bucket
                                       more of them --> bucket: all other entries

    bucket   | tag 5 bytes | place 6 bytes | tag | place | ...              in order of the places, little-endian
    group    | the same; one that is taken out of its bucket has place + GONE | bits 1 byte, 0: no buckets |

What a checkpoint adds lies all over the index. So it is written into the groups, of which there are few, and a group
whose entries are many goes on to its buckets with all of them: a page of LMDB that is written anew takes some ten
entries and not one. A bucket is named by the least tag that it may have, so those of a group lie beside each other, and
one that is split stays where it is. There is one group, or twice as many each time that they have grown too large.
After the buffer tree (Arge, 1995), of two levels, below a directory as in extendible hashing (Fagin and others, 1979).

A tag is enough to tell the keys in one bucket apart but for one in millions, which the entry itself decides.

Promise: what was put in and not taken out is found, whatever the order (tests/heap/test_buckets.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from struct import Struct
from typing import Final

__all__ = [
    "BUCKETS_END",
    "BUCKET_COUNT",
    "ENTRY_SIZE",
    "GONE",
    "GROUPS_FIRST",
    "GROUP_COUNT",
    "TAG_BITS",
    "TAG_MASK",
    "TAG_SIZE",
    "WAIT_COUNT",
    "bits_for",
    "bits_of",
    "bucket_of",
    "change",
    "change_group",
    "entries_of",
    "entry_of",
    "find",
    "groups_for",
    "limit_of",
    "make",
    "parts_of",
    "pass_on",
    "places",
    "shift_of",
    "split",
    "tag_of",
]

# Among the pieces of a container, groups and buckets have the numbers below, and nothing else has; groups from
# GROUPS_FIRST on, buckets before.
BUCKETS_END: Final = 1 << 42
GROUPS_FIRST: Final = 1 << 41

# Entries of a bucket when it is split: 1 KiB, three to a page of LMDB. Larger ones take longer to search.
BUCKET_COUNT: Final = 96

# Entries of a group on average when their number is doubled.
GROUP_COUNT: Final = 4_096

# Entries that wait in a group: at least so many, at most two and a half times that. Each checkpoint of a large dict
# writes all that wait anew; those that go on at once are to be some for each bucket. A record beyond 2 KB would have
# pages of its own.
WAIT_COUNT: Final = 64

TAG_SIZE: Final = 5
_PLACE_SIZE: Final = 6
ENTRY_SIZE: Final = TAG_SIZE + _PLACE_SIZE
_ENTRY: Final = Struct(f"{TAG_SIZE}s{_PLACE_SIZE}s")

# The first bits of a tag, of which some name a bucket, as one number: a look at each entry, and none at a long int.
_TOP_BITS: Final = 32
_TOP: Final = Struct(f"<{TAG_SIZE - _TOP_BITS // 8}xI{_PLACE_SIZE}x")

TAG_BITS: Final = 8 * TAG_SIZE
TAG_MASK: Final = (1 << TAG_BITS) - 1
assert 1 << TAG_BITS <= GROUPS_FIRST

# Added to the place, and its bit in the entry.
GONE: Final = 1 << 8 * _PLACE_SIZE - 1
_GONE_BIT: Final = GONE << TAG_BITS
_GONE_BYTE: Final = 1 << 7  # in the last byte of the entry


def tag_of(key_hash: int) -> int:
    return key_hash & TAG_MASK


def entry_of(tag: int, place: int) -> int:
    """Return an entry as a number: their order is that of the places."""
    return place << TAG_BITS | tag


def shift_of(count: int) -> int:
    """Return by how many bits a tag is shifted to be the number of its group, of `count`."""
    return TAG_BITS + 1 - count.bit_length()


def groups_for(entry_count: int, before: int) -> int:
    """Return how many groups so many entries have, if they had `before`: there are never less again."""
    count = max(before, 1)
    while count * GROUP_COUNT < entry_count:
        count *= 2
    return count


def limit_of(number: int) -> int:
    """Return how many entries may wait in a group. It differs, so that not all go on to their buckets at once."""
    return WAIT_COUNT + number * 37 % (WAIT_COUNT + WAIT_COUNT // 2 + 1)


def bits_of(group: bytes) -> int:
    """Return how many bits of a tag name a bucket of this group, 0 when it has none."""
    return group[-1] if group else 0


def bits_for(count: int, group_bits: int, before: int) -> int:
    """Return how many they are for `count` entries in the buckets of a group, if they were `before`."""
    bits = max(group_bits, before, 1)
    while count > BUCKET_COUNT << (bits - group_bits) and bits < _TOP_BITS:
        bits += 1
    return bits


def bucket_of(tag: int, bits: int) -> int:
    """Return the number of the bucket that has this tag."""
    return tag & -1 << (TAG_BITS - bits)


def find(part: bytes, tag: int) -> list[int]:
    """Return the places that a bucket or group has for a tag."""
    mark = tag.to_bytes(TAG_SIZE, "little")
    found = []
    at = part.find(mark)
    while at >= 0:
        if not at % ENTRY_SIZE:
            found.append(int.from_bytes(part[at + TAG_SIZE : at + ENTRY_SIZE], "little"))
        at = part.find(mark, at + 1)
    return found


def places(group: bytes, bucket: bytes, tag: int) -> list[int]:
    """Return the places of a tag, of the group and the bucket that it leads to."""
    found, held = find(group, tag), find(bucket, tag)
    return [place for place in found if place < GONE] + [place for place in held if place + GONE not in found]


def entries_of(part: bytes) -> list[tuple[int, int]]:
    """Return (tag, place) of what a bucket holds, or a group without its last byte, in order of the places."""
    number = int.from_bytes
    return [(number(tag, "little"), number(place, "little")) for tag, place in _ENTRY.iter_unpack(part)]


def make(entries: Iterable[int]) -> bytes:
    """Return a bucket of these entries."""
    return b"".join([entry.to_bytes(ENTRY_SIZE, "little") for entry in sorted(entries)])


def parts_of(bucket: bytes) -> list[bytes]:
    """Return the bytes of each entry of a bucket."""
    return [bucket[at : at + ENTRY_SIZE] for at in range(0, len(bucket), ENTRY_SIZE)]


def split(bucket: bytes, bits: int) -> dict[int, bytes]:
    """Return the buckets, named by so many bits, that have these entries; leaves out those that are empty."""
    mask = -1 << (_TOP_BITS - bits)
    shares: dict[int, list[bytes]] = {}
    for (top,), part in zip(_TOP.iter_unpack(bucket), parts_of(bucket), strict=True):
        number = top & mask
        if number in shares:
            shares[number].append(part)
        else:
            shares[number] = [part]
    return {number << (TAG_BITS - _TOP_BITS): b"".join(parts) for number, parts in shares.items()}


def change(bucket: bytes, gone: Collection[int], new: Collection[int]) -> bytes:
    """Return the bucket without the entries `gone` and with those that are `new`."""
    for entry in gone:
        at = _find(bucket, entry)
        if at >= 0:
            bucket = bucket[:at] + bucket[at + ENTRY_SIZE :]
    if new:
        if bucket and _number(bucket[-ENTRY_SIZE:]) > min(new):
            return make([*map(_number, parts_of(bucket)), *new])
        bucket += make(new)
    return bucket


def change_group(waiting: bytes, gone: Collection[int], new: Collection[int]) -> bytes:
    """Return what waits in a group, without its last byte, when these entries come and go: those that wait there are
    taken out, the others are noted."""
    if not gone:
        return change(waiting, (), new)
    here = {entry for entry in gone if _find(waiting, entry) >= 0}
    return change(waiting, here, [*new, *(entry | _GONE_BIT for entry in gone if entry not in here)])


def pass_on(bucket: bytes, waiting: bytes) -> bytes:
    """Return the bucket with what waited for it in its group."""
    if not waiting:
        return bucket
    if waiting[-1] & _GONE_BYTE or (bucket and _number(bucket[-ENTRY_SIZE:]) > _number(waiting[:ENTRY_SIZE])):
        entries = [_number(part) for part in parts_of(waiting)]
        gone = [entry ^ _GONE_BIT for entry in entries if entry & _GONE_BIT]
        return change(bucket, gone, [entry for entry in entries if not entry & _GONE_BIT])
    return bucket + waiting


def _number(part: bytes) -> int:
    return int.from_bytes(part, "little")


def _find(part: bytes, entry: int) -> int:
    piece = entry.to_bytes(ENTRY_SIZE, "little")
    at = part.find(piece)
    while at >= 0 and at % ENTRY_SIZE:
        at = part.find(piece, at + 1)
    return at
