"""Reclaim: what nothing refers to any more is given back, by counts kept in the checkpoint and a sweep for cycles.

    records of a checkpoint --> account: what each refers to now, and what the one before it did --> changes of counts
                                                                                                        |
    count 0 --> PENDING --> deleted, and what it referred to counted down, SWEEP_COUNT at a checkpoint <-'
    sweep: root --> mark, a slice between batches --> what was not reached --> deleted likewise

In LMDB, as pieces of storages that no container has:

    COUNTS     oid -> how many records refer to the object, where that is not one
    PENDING    oid or storage -> ["object" or "pieces", bytes]: dead; what it refers to still counts it
    STORAGES   storage -> [kind, pieces, bytes, last number, pieces that refer to objects], buckets left out
    CENSUS     class oid of instances, or KINDS + kind -> [objects, bytes of their records and pieces]

A count is of records, however often each mentions the object, and is exact at every commit: it is changed in the
transaction that changes the records. What a snippet can reach is reachable from the root, so what was dead at a
checkpoint stays dead, and nothing in memory needs to be asked.

The sweep (snapshot at the beginning: Yuasa, 1990) begins at a commit and marks what could be reached then: it reads
the records of now, and `account` tells it of each reference that went away meanwhile. Newer objects are none of its
business. So it holds no old pages, and a restart only makes it begin again.

Promise: what the root reaches is never deleted; a slice does a bounded amount of work, whatever died. When something
is deleted is no part of a heap's content: two replicas may differ in it, and in nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Set
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import msgpack

from .buckets import BUCKETS_END
from .records import LARGE, LIBRARY_OID, ROOT_OID, record_key
from .references import class_of, content_of, mention_the_same, piece_references, references
from .sweep import Sweep

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["CENSUS", "COUNTS", "KINDS", "Note", "PENDING", "RESERVED", "STORAGES", "Pair", "Reclaim"]

Pair = tuple[bytes, bytes | None]

COUNTS: Final = (1 << 64) - 1
PENDING: Final = (1 << 64) - 2
STORAGES: Final = (1 << 64) - 3
CENSUS: Final = (1 << 64) - 4
RESERVED: Final = CENSUS  # the first of them

# In the census: containers by the first byte of their record. And what is PENDING, in sum.
KINDS: Final = 1 << 63
_PENDING_SUM: Final = 0

# The key of a piece: storage, number.
_PIECE: Final = Struct(">QQ")

# What one checkpoint deletes, counted in records and the references in them: each dirties a page of LMDB, which stays
# in memory until the commit.
SWEEP_COUNT: Final = 50_000

# Steps of one slice: each some 10 us, a read from LMDB and what is counted for it.
_SLICE_COUNT: Final = 25
_LOOK_COUNT: Final = 1_000  # objects looked at in a slice, in memory
_SCAN_COUNT: Final = 50
_STEPS_OF_SCAN: Final = 20
_REFERENCES_OF_STEP: Final = 8  # that go away with a record: each is found in its bytes, and counted

# Bytes of memory of an item in a dict of numbers.
_NUMBERS_SIZE: Final = 120

# A sweep begins when so many objects were written since the last one, and twice as many as there are.
_SWEEP_AFTER: Final = 200_000


# The record of an object that a checkpoint writes: oid, record, number in the census, oids that it refers to, without
# its own. A plain tuple: with names for its items it takes six times as long to make.
Note = tuple[int, bytes, int, Set[int]]


class Reclaim:
    """The counts of one heap, and what waits to be deleted.

    Attributes:
        bound: LMDB has no object and no storage from this number on.
        pending: [count, bytes] of what is dead and still there: objects, and containers' pieces as one.
        reclaimed_count: objects deleted since the heap was opened.
        sweep: the sweep for cycles that is under way.
        sweep_count: sweeps that came to their end since then.
    """

    def __init__(self, heap: Heap, bound: int) -> None:
        self._heap = heap
        self._pager = heap.pager
        self._store = heap.store
        self.bound = self._next_bound = bound
        self._census: dict[int, list[int]] = dict(self._scan(CENSUS, 0, 1 << 31))
        self.pending = self._census.setdefault(_PENDING_SUM, [0, 0])
        self.reclaimed_count = self.sweep_count = 0
        self.sweep: Sweep | None = None
        self._sweep_wanted = False
        self._written_count = 0  # objects, since the last sweep
        self._waiting: set[int] = set()  # storages whose pieces are PENDING, since the heap was opened
        self._is_short = False  # the last checkpoint had no time for all that is dead
        # Of the checkpoint under way:
        self._changes: dict[int, int] = {}  # oid -> records that refer to it, more or less
        self._written: dict[int, int] = {}  # oid -> bytes of its new record
        self._new: list[int] = []
        self._storages: dict[int, list[int]] = {}  # those that changed
        self._counted: set[int] = set()  # of the census, what changed
        self._discarded: deque[int] = deque()  # storages that nothing uses
        self._candidates: deque[int] = deque()  # objects that lost a reference
        self._gone: set[int] = set()  # not there, deleted, or dead and put down as PENDING
        self._lost_count = 0  # references that went away
        self._left = 0

    # --- what a checkpoint writes ---------------------------------------------------------------------------------

    def begin(self, next_oid: int) -> None:
        """A checkpoint begins; what is newer than `next_oid` belongs to the one after it."""
        self._next_bound = next_oid
        self._discarded.extend(self._pager.garbage)
        self._pager.garbage.clear()
        self._left = SWEEP_COUNT

    def account(self, notes: Iterable[Note]) -> list[Pair]:
        """Take notice of records that are about to be written. Returns: the key of each, and itself."""
        get, bound, changes, written = self._store.get, self.bound, self._changes, self._written
        records: list[Pair] = []
        for oid, record, number, mentioned in notes:
            key = oid.to_bytes(8, "big")
            size = written[oid] = len(record)
            old = get(key) if oid < bound else None
            if old is not None:
                if not mention_the_same(old, record, mentioned):
                    before = references(old)
                    before.discard(oid)
                    self._change({each for each in mentioned if each < LIBRARY_OID}, before)
                self._count(number, 0, size - len(old))
            else:
                if oid != ROOT_OID:
                    self._new.append(oid)
                for each in mentioned:
                    if each < LIBRARY_OID:
                        changes[each] = changes.get(each, 0) + 1
                self._count(number, 1, size)
            if record[:1] == LARGE:
                self._storage(content_of(record)[0][0])[0] = record[1]
            records.append((key, record))
        return records

    def account_pieces(self, pieces: Iterable[Pair], refers: bool) -> None:
        """The same for pieces of one container, None for those that are deleted.

        Args:
            refers: whether one of the records may refer to objects: most hold plain values, and are not searched.
        """
        get, unpack = self._store.get, _PIECE.unpack
        what: list[int] = []
        last = -1  # what LMDB has of it
        size = 0
        for key, record in pieces:
            storage, number = unpack(key)
            if number < BUCKETS_END:
                continue
            if not what:
                what = self._storage(storage)
                last = what[3] if storage < self.bound else -1
            if record is not None:
                size += len(record)
                what[1] += 1
            old = get(key) if number <= last else None
            if old is not None:
                size -= len(old)
                what[1] -= 1
            elif number > what[3]:
                what[3] = number
            if refers or old is not None:
                mentioned = piece_references(record) if refers and record is not None else set()
                before = piece_references(old) if old is not None else set()
                if mentioned or before:
                    what[4] += bool(mentioned) - bool(before)
                    self._change(mentioned, before)
        if what:
            what[2] += size
            self._count(KINDS + what[0], 0, size)

    def _change(self, mentioned: set[int], before: set[int]) -> None:
        """A record that referred to `before` refers to `mentioned` now."""
        if mentioned != before:
            self._lost_count += len(before)
            changes = self._changes
            for oid in mentioned - before:
                changes[oid] = changes.get(oid, 0) + 1
            for oid in before - mentioned:
                changes[oid] = changes.get(oid, 0) - 1
                self._candidates.append(oid)
                if self.sweep is not None:
                    self.sweep.meet(oid)  # it could be reached when the sweep began

    # --- what is dead -----------------------------------------------------------------------------------------------

    def slices(self) -> Iterator[list[Pair]]:
        """After all records of the checkpoint: return what is deleted and what is noted with it, in slices."""
        out: list[Pair] = []
        weight = 0
        for count, oid in enumerate(self._new, 1):
            if not self._changes.get(oid):
                self._doom(oid, out)
                weight += 1
            if weight >= _SLICE_COUNT or count % _LOOK_COUNT == 0:
                yield out
                out, weight = [], 0
        lost_count = self._lost_count
        for step_weight, step in self._steps():
            out += step
            weight += step_weight + (self._lost_count - lost_count) // _REFERENCES_OF_STEP
            lost_count = self._lost_count
            if weight >= _SLICE_COUNT:
                yield out
                out, weight = [], 0
        yield out
        yield from self._notes()

    def _steps(self) -> Iterator[tuple[int, list[Pair]]]:
        """Do the next bit of what there is to do, as long as there is time. Returns: its weight, what it writes."""
        first = 0
        while self._left > 0 and (found := self._scan(PENDING, first, _SCAN_COUNT)):
            for number, (what, size) in found:
                if self._left <= 0:
                    break
                if what == "object" and number in self._written:
                    self._gone.add(number)  # by the next checkpoint, which finds the new record
                    continue
                if what == "object":
                    yield 1, self._delete(number)
                    self._count(_PENDING_SUM, -1, -size)
                    yield 0, [(self._pager.key(PENDING, number), None)]
                else:
                    yield from self._clear(number, size)
            first = found[-1][0] + 1
        while True:
            while self._candidates or self._discarded:
                if self._candidates:
                    yield 1, self._judge(self._candidates.popleft())
                else:
                    yield from self._clear(self._discarded.popleft())
            if self.sweep is None or not self.sweep.is_marked or self._left <= 0:
                break
            yield from self._sweep_up(self.sweep)
        self._is_short = self._left <= 0

    def _judge(self, oid: int) -> list[Pair]:
        """Delete an object that lost a reference, if that was the last one."""
        out: list[Pair] = []
        if oid not in self._gone and oid != ROOT_OID and self._count_of(oid) + self._changes[oid] <= 0:
            if oid in self._written or self._left <= 0:
                self._doom(oid, out)
            else:
                out = self._delete(oid)
        return out

    def _count_of(self, oid: int) -> int:
        """Return how many records refer to an object as of the last checkpoint."""
        if oid >= self.bound:
            return 0
        packed = self._store.get(self._pager.key(COUNTS, oid))
        count: int = 1 if packed is None else msgpack.unpackb(packed)
        return count

    def _doom(self, oid: int, out: list[Pair]) -> None:
        """Leave a dead object to the next checkpoint."""
        size = self._written.get(oid)
        if size is None:
            record = self._store.get(record_key(oid))
            if record is None:
                self._gone.add(oid)  # see _delete
                return
            size = len(record)
        self._gone.add(oid)
        self._put_pending(oid, "object", size, out)

    def _put_pending(self, number: int, what: str, size: int, out: list[Pair]) -> None:
        self._count(_PENDING_SUM, 1, size)
        out.append((self._pager.key(PENDING, number), msgpack.packb([what, size])))

    def _delete(self, oid: int) -> list[Pair]:
        """Delete a dead object; what it referred to may be dead with it."""
        record = self._store.get(record_key(oid))
        if oid in self._gone:
            return []
        self._gone.add(oid)
        if record is None:
            # It was in a cycle, and what refers to it is deleted at a later checkpoint: there is no count to be kept.
            return []
        self.reclaimed_count += 1
        mentioned = references(record)
        mentioned.discard(oid)
        self._left -= 1 + len(mentioned)
        self._change(set(), mentioned)
        if record[:1] == LARGE:
            self._discarded.append(content_of(record)[0][0])
        number = class_of(record) if record[:1] == b"i" else KINDS + record[record[:1] == LARGE]
        self._count(number, -1, -len(record))
        self._heap.forget(oid)
        return [(record_key(oid), None), (self._pager.key(COUNTS, oid), None)]

    def _clear(self, storage: int, pending: int | None = None) -> Iterator[tuple[int, list[Pair]]]:
        """Delete the pieces of a storage that nothing uses.

        Args:
            pending: its bytes as PENDING says, None when it is not there.
        """
        if storage >= self.bound or storage in self._gone:
            return  # never written
        pager, what = self._pager, self._storage(storage)
        size = what[2]
        # Behind the pieces comes the record of the object that has the next number.
        first, end = pager.key(storage, 0), record_key(storage + 1)
        while self._left > 0:
            found = self._store.scan(first, end, _SCAN_COUNT)
            out: list[Pair] = []
            for key, record in found:
                out.append((key, None))
                if int.from_bytes(key[8:], "big") >= BUCKETS_END:
                    mentioned = piece_references(record) if what[4] else set()
                    what[1] -= 1
                    what[2] -= len(record)
                    what[4] -= bool(mentioned)
                    self._left -= len(mentioned)
                    self._change(set(), mentioned)
            self._left -= len(found)
            yield _STEPS_OF_SCAN, out
            if len(found) < _SCAN_COUNT:
                self._count(KINDS + what[0], 0, what[2] - size)
                if pending is not None:
                    self._count(_PENDING_SUM, -1, -pending)
                del self._storages[storage]
                self._gone.add(storage)
                self._waiting.discard(storage)
                yield 0, [(pager.key(PENDING, storage), None), (pager.key(STORAGES, storage), None)]
                return
            first = found[-1][0] + b"\0"
        self._count(KINDS + what[0], 0, what[2] - size)
        if pending is not None:
            self._count(_PENDING_SUM, -1, -pending)
        out = []
        self._waiting.add(storage)
        self._put_pending(storage, "pieces", what[2], out)
        yield 0, out

    def _sweep_up(self, sweep: Sweep) -> Iterator[tuple[int, list[Pair]]]:
        """Delete what a sweep did not reach, of some hundred objects."""
        yield _SLICE_COUNT // 2, []
        for oid in sweep.unreached():
            if self._store.get(self._pager.key(PENDING, oid)) is None:
                self._changes.setdefault(oid, 0)
                out: list[Pair] = []
                if oid in self._written:
                    self._doom(oid, out)
                else:
                    out = self._delete(oid)
                yield 1, out
        if sweep.is_ended:
            self.sweep = None
            self.sweep_count += 1

    def _notes(self) -> Iterator[list[Pair]]:
        """Return the counts and sums that this checkpoint changed, in slices."""
        pager = self._pager
        out: list[Pair] = []
        for step, (oid, change) in enumerate(self._changes.items(), 1):
            if change and oid not in self._gone:
                before = self._count_of(oid)
                count = before + change
                if count != 1:
                    out.append((pager.key(COUNTS, oid), msgpack.packb(count)))
                elif oid < self.bound:
                    out.append((pager.key(COUNTS, oid), None))
            if step % _SLICE_COUNT == 0:
                yield out
                out = []
        for storage, what in self._storages.items():
            out.append((pager.key(STORAGES, storage), msgpack.packb(what)))
            if len(out) >= _SLICE_COUNT:
                yield out
                out = []
        for number in sorted(self._counted):
            content = self._census[number]
            out.append((pager.key(CENSUS, number), msgpack.packb(content) if any(content) else None))
        yield out

    def settle(self) -> None:
        """The checkpoint is committed."""
        self._written_count += len(self._written)
        self.bound = self._next_bound
        for numbers in (self._changes, self._written):
            self._pager.leftovers.add(numbers, _NUMBERS_SIZE)
        self._changes, self._written = {}, {}
        self._storages.clear()
        for number in self._counted:
            if number != _PENDING_SUM and not any(self._census[number]):
                del self._census[number]  # of a class that is no more
        self._counted.clear()
        self._gone = set()
        self._new = []
        if self.sweep is None and (
            self._sweep_wanted or self._written_count >= _SWEEP_AFTER + 2 * self.object_count()
        ):
            self._sweep_wanted = False
            self._written_count = 0
            self.sweep = Sweep(self._pager, self._store, self.bound, self._scan_storage)

    def is_due(self) -> bool:
        """Whether a checkpoint should begin for what is dead: the last one left some, or a sweep waits for it."""
        marked = self.sweep is not None and self.sweep.is_marked
        return self._is_short or self._sweep_wanted or marked

    def advance(self) -> bool:
        """Mark for a moment, if a sweep is under way. Returns: whether there is more to mark."""
        if self.sweep is None or self._waiting:
            return False  # such pieces may have had the only references to what the sweep has yet to meet
        return self.sweep.mark(_SLICE_COUNT)

    def want_sweep(self) -> None:
        """Let a sweep begin with the next checkpoint, unless one is under way."""
        self._sweep_wanted = self.sweep is None

    # --- sums -------------------------------------------------------------------------------------------------------

    def statistics(self) -> dict[str, Any]:
        """Return what is dead and what is done about it: counts (objects) and sizes (bytes)."""
        sweep = self.sweep
        return {
            "pending_objects": self.pending[0],
            "pending_size": self.pending[1],
            "deleted_objects": self.reclaimed_count,
            "sweeps": self.sweep_count,
            "sweep": "none" if sweep is None else "deleting" if sweep.is_marked else "marking",
            "sweep_marked": 0 if sweep is None else sweep.marked_count,
            "sweep_objects": self.object_count(),
        }

    def object_count(self) -> int:
        """Return how many objects LMDB has."""
        return sum(count for number, (count, _) in self._census.items() if number != _PENDING_SUM)

    def census(self) -> dict[int, tuple[int, int]]:
        """Return (objects, bytes) by class oid, and by KINDS + kind for all else."""
        return {
            number: (count, size) for number, (count, size) in self._census.items() if number != _PENDING_SUM and count
        }

    def _count(self, number: int, count: int, size: int) -> None:
        sums = self._census.get(number)
        if sums is None:
            sums = self._census[number] = [0, 0]
        sums[0] += count
        sums[1] += size
        self._counted.add(number)

    def _storage(self, storage: int) -> list[int]:
        """Return what is known of a storage, to be changed."""
        what = self._storages.get(storage)
        if what is None:
            packed = self._store.get(self._pager.key(STORAGES, storage)) if storage < self.bound else None
            what = self._storages[storage] = [0, 0, 0, -1, 0] if packed is None else msgpack.unpackb(packed)
        return what

    def _scan_storage(self, storage: int) -> bool:
        """Whether pieces of a storage refer to objects, as of the last checkpoint."""
        packed = self._store.get(self._pager.key(STORAGES, storage))
        return packed is not None and bool(msgpack.unpackb(packed)[4])

    def _scan(self, storage: int, first: int, count_max: int) -> list[tuple[int, Any]]:
        """Return (number, content) of a reserved storage."""
        end = self._pager.key(storage, (1 << 64) - 1) + b"\0"
        found = self._store.scan(self._pager.key(storage, first), end, count_max)
        return [(int.from_bytes(key[8:], "big"), msgpack.unpackb(record)) for key, record in found]
