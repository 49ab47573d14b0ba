"""Checkpoints: what changed goes to LMDB, in slices, while snippets go on running.

    engine thread   freeze --> slice --> slice --> ... --> digest --> finish
                                 |         |                            |
    writer thread              put       put                     commit with the mark

A slice is bounded by a count of objects and of bytes, not by time: the engine knows no clock, and the pause a slice
makes is what encoding that much costs. Between two slices batches run; an object that is about to change before its
turn is written down first (Heap.touch). The transaction belongs to the writer thread, which spends its time in LMDB
without the interpreter's lock.

When LMDB's map is full the writer gives up its transaction, the engine's thread doubles the map, since it alone knows
that nobody reads, and the writer writes what it had again. For that it keeps it, when the map is not ample.

Promise: LMDB holds the state as of the CHECKPOINT entry, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import chain
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from ..errors import MapFull
from ..heap import Heap
from ..log import Head
from ..store import Store
from .divergence import Written

__all__ = ["Checkpoint"]

# Some 3 ms of encoding: measured 2 to 5 us for a small object (benchmarks/checkpoint.py).
SLICE_COUNT: Final = 500
SLICE_SIZE: Final = 512 * 1024

Batch = list[tuple[bytes, bytes | None]]


class RecordsDigest:
    """A digest of records that does not depend on their order: the sum of the BLAKE2b of each with its key.

    Order must not matter: an object that changes early is written early, on one replica and not on another.
    Source: AdHash (Bellare and Micciancio, 1997); here against accidents, not against forgery.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, records: Batch) -> list[bytes]:
        """Add records, with None for what was deleted. Returns the digest of each."""
        # The key's length, or none for what was deleted, tells where the key ends. BLAKE2b as it is: with a key, a name
        # or another length it takes nearly twice as long.
        digests = [
            blake2b(b"\0" + key if record is None else _LENGTHS[len(key)] + key + record).digest()
            for key, record in records
        ]
        self._sum = (self._sum + sum([int.from_bytes(digest, "big") for digest in digests])) & _DIGEST_MAX
        return digests

    def digest(self) -> bytes:
        return self._sum.to_bytes(_DIGEST_SIZE, "big")


_DIGEST_SIZE: Final = 16
_DIGEST_MAX: Final = (1 << 8 * _DIGEST_SIZE) - 1
# By the length of a key: that length, as a byte.
_LENGTHS: Final = [bytes([length]) for length in range(256)]


class Checkpoint:
    """One checkpoint, from `begin` to commit. Its methods belong to the engine's thread."""

    def __init__(self, heap: Heap, store: Store, head: Head, *, notes: bool = False) -> None:
        """Freeze the heap as of the CHECKPOINT entry `head`, and begin to write.

        Args:
            notes: whether to note what is written, for a comparison with other nodes.
        """
        heap.frozen.begin()
        self.head = head
        self.seq = head.seq
        self.next_oid = heap.next_oid
        self.committing = False  # everything is handed over; the writer ends by itself
        self._heap = heap
        self._store = store
        self.written = Written(head.seq) if notes else None
        self._digest = RecordsDigest()
        # Not bounded: what waits in it is a part of what is in memory already, as objects.
        self._queue: SimpleQueue[Batch | bytes | None] = SimpleQueue()
        self._digested = self._sliced = False
        self._keeps = not store.is_ample  # what was written, to write it again
        self._told: SimpleQueue[BaseException | None] = SimpleQueue()  # by the writer: it is done, or wants room
        self._room: SimpleQueue[bool] = SimpleQueue()  # for the writer: there is room, or there is nothing more to do
        self._thread = Thread(target=self._write, name="checkpoint", daemon=True)
        self._thread.start()

    def slice(self) -> bool:
        """Hand over the next records; False when there are none left, and `digest` is final."""
        frozen = self._heap.frozen
        records: Batch | None = frozen.slice(SLICE_COUNT, SLICE_SIZE) if not self._digested else []
        assert records is not None
        if records:
            digests = self._digest.add(records)
            if self.written is not None:
                self.written.add(records, digests)
        else:
            self._digested = True
            records = frozen.reclaim_slice()
        if records:
            self._queue.put(records)
        self._sliced = records is None
        return not self._sliced

    @property
    def digest(self) -> bytes:
        """The digest of all records. After the last slice."""
        assert self._sliced
        return self._digest.digest()

    def commit(self, mark: bytes) -> None:
        """Let the writer commit, with what the checkpoint stands for. `ended` tells when it has."""
        assert self._sliced
        self.committing = True
        self._queue.put(mark)

    def ended(self, *, wait: bool = False) -> bool:
        """Return whether the commit is done; the heap may then evict what was written.

        Raises:
            StorageFailed: nothing was written; the disk is full or refuses.
        """
        while True:
            try:
                told = self._told.get(block=wait)
            except Empty:
                return False
            if not isinstance(told, MapFull):
                break
            self._store.grow()
            self._room.put(True)
        self._thread.join()
        if told is not None:
            raise told
        self._heap.frozen.settle()
        return True

    def abandon(self) -> None:
        """Write nothing. The heap is not to be used any more."""
        self._queue.put(None)
        self._room.put(False)
        self._thread.join()

    def _write(self) -> None:
        given: list[Batch | bytes | None] = []
        try:
            while True:
                try:
                    self._write_all(given)
                    break
                except MapFull as full:
                    assert self._keeps, f"{full}, though it was ample"
                    self._told.put(full)
                    if not self._room.get():
                        break
            self._told.put(None)
        except BaseException as error:
            self._told.put(error)

    def _write_all(self, given: list[Batch | bytes | None]) -> None:
        """Write what was given before, then what is given now, in one transaction. Raises MapFull, StorageFailed."""
        with self._store.writer() as writer:
            for item in chain([*given], self._items(given)):
                if isinstance(item, bytes):
                    writer.commit(item)
                    return
                if item is None:
                    writer.abort()
                    return
                writer.put(item)

    def _items(self, given: list[Batch | bytes | None]) -> Iterator[Batch | bytes | None]:
        while True:
            item = self._queue.get()
            if self._keeps:
                given.append(item)
            yield item
