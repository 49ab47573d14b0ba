"""Index: where a large dict finds the place of a key on disk; its groups in memory, its buckets in LMDB.

    read         tag -> group (objserver/heap/kept.py) -> bucket -> places              one read of LMDB, mostly
    checkpoint   changes, by group -> group -> as many more as are many: buckets        in slices

Promise: what is written follows from the index as it was and from what changed, whatever is in memory
(tests/heap/test_containers.py).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .buckets import (
    ENTRY_SIZE,
    GROUPS_FIRST,
    TAG_BITS,
    TAG_SIZE,
    bits_for,
    bits_of,
    bucket_of,
    change_group,
    find,
    limit_of,
    pass_on,
    places,
    shift_of,
    split,
)

if TYPE_CHECKING:
    from .kept import Kept
    from .pager import Pager

__all__ = ["Changes", "Index"]

# Bytes of records that take as long to write as a bucket that is split.
_SPLIT_SIZE: Final = 2_000

# By group: entries that go, entries that come.
Changes = dict[int, tuple[list[int], list[int]]]


class Index:
    """The index of one dict, as of the snapshot of LMDB.

    Attributes:
        count: groups, 0 when LMDB has none.
    """

    __slots__ = ("_kept", "_next", "_pager", "_shift", "_storage", "count")

    def __init__(self, pager: Pager, kept: Kept, storage: int, count: int) -> None:
        self.count = count
        self._kept = kept
        self._next: dict[int, bytes] = {}  # groups as the checkpoint under way has them
        self._pager = pager
        self._shift = shift_of(count)
        self._storage = storage

    def places(self, tag: int) -> Sequence[int]:
        """Return the places of keys with this tag. There are groups. With READ_DEPTH to spare. Raises DataDamaged."""
        # For each cold key: each call takes a fiftieth of its time.
        group = self._kept.groups.get(tag >> self._shift)
        if group is None:
            group = self._read_group(tag >> self._shift)
        bucket = None
        if group and (bits := group[-1]):
            pager = self._pager
            bucket = pager.heap.store.get(pager.key(self._storage, tag & -1 << TAG_BITS - bits))
        mark = tag.to_bytes(TAG_SIZE, "little")
        if group.find(mark) >= 0:
            return places(group, bucket or b"", tag)
        if not bucket or (at := bucket.find(mark)) < 0:
            return ()
        if at % ENTRY_SIZE or bucket.find(mark, at + 1) >= 0:
            return find(bucket, tag)
        return (int.from_bytes(bucket[at + TAG_SIZE : at + ENTRY_SIZE], "little"),)

    def _read_group(self, number: int) -> bytes:
        group = self._pager.get(self._storage, GROUPS_FIRST + number) or b""
        self._kept.keep_groups({number: group})
        return group

    # --- checkpoint -----------------------------------------------------------------------------------------------

    def change(self, changes: Changes, count: int) -> Iterator[tuple[bytes, bytes | None]]:
        """Return the records of the index with these changes; takes them out of `changes`. `settle` follows when they
        are committed.

        Args:
            count: groups that it has then, a power of two and no less than now.
        """
        key, storage = self._pager.key, self._storage
        shift = shift_of(count)
        spread = count // (self.count or count)  # groups that one is divided into
        for number in range(count) if spread > 1 else sorted(changes):
            group = self._group(number // spread)
            bits, waiting = bits_of(group), group[:-1]
            if spread > 1:
                waiting = split(waiting, TAG_BITS - shift).get(number << shift, b"")
            waiting = change_group(waiting, *changes.pop(number, ((), ())))
            # Two groups of one bucket have too little of it to go on so.
            if len(waiting) > limit_of(number) * ENTRY_SIZE or 0 < bits < TAG_BITS - shift:
                bits = yield from self._pass_on(number, shift, bits, waiting)
                waiting = b""
            group = waiting + bytes((bits,)) if waiting or bits else b""
            self._next[number] = group
            yield key(storage, GROUPS_FIRST + number), group or None

    def _group(self, number: int) -> bytes:
        if not self.count:
            return b""
        group = self._kept.groups.get(number)
        return self._pager.get(self._storage, GROUPS_FIRST + number) or b"" if group is None else group

    def _pass_on(
        self, number: int, shift: int, before: int, waiting: bytes
    ) -> Generator[tuple[bytes, bytes | None], None, int]:
        """Return the buckets of a group with what waited in it, of which each was named by `before` bits. Gives: by how
        many now."""
        pager, storage = self._pager, self._storage
        first, end = number << shift, (number + 1) << shift
        step = 1 << (TAG_BITS - before) if before else 1 << shift
        held: dict[int, bytes] = {first: b""}
        if before:
            held = {bucket: pager.get(storage, bucket) or b"" for bucket in range(bucket_of(first, before), end, step)}
        count = (sum(map(len, held.values())) + len(waiting)) // ENTRY_SIZE
        bits = bits_for(count, TAG_BITS - shift, before)
        waits = split(waiting, bits)
        if bits == before:
            for bucket in sorted(waits):
                yield pager.key(storage, bucket), pass_on(held[bucket], waits[bucket]) or None
            return bits
        for old, content in held.items():
            shares = split(content, bits)
            for bucket in range(max(first, old), min(old + step, end), 1 << (TAG_BITS - bits)):
                record = pass_on(shares.get(bucket, b""), waits.get(bucket, b""))
                if record or (before and bucket == old):
                    pager.effort = _SPLIT_SIZE
                    yield pager.key(storage, bucket), record or None
        return bits

    def settle(self, count: int) -> None:
        """What was changed is in LMDB, in so many groups."""
        if count != self.count:
            self._kept.drop_groups()
        self._kept.keep_groups(self._next)
        self._next = {}
        self.count = count
        self._shift = shift_of(count)
