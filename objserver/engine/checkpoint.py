"""Checkpoints: what changed goes to LMDB, in slices, while snippets go on running.

    engine thread   freeze --> slice --> slice --> ... --> digest --> finish
                                 |         |                            |
    writer thread              put       put                     commit with the mark

A slice is bounded by a count of objects and of bytes, not by time: the engine knows no clock, and the pause a slice
makes is what encoding that much costs. Between two slices batches run; an object that is about to change before its
turn is written down first (Heap.touch). The transaction belongs to the writer thread, which spends its time in LMDB
without the interpreter's lock.

Promise: LMDB holds the state as of the CHECKPOINT entry, whole or not at all.
"""

from __future__ import annotations

from hashlib import blake2b
from queue import SimpleQueue
from threading import Thread
from typing import Final

from ..heap import Heap
from ..store import Store

__all__ = ["Checkpoint"]

# Some 3 ms of encoding: measured 2 to 5 us for a small object (benchmarks/checkpoint.py).
SLICE_COUNT: Final = 500
SLICE_SIZE: Final = 512 * 1024

Batch = list[tuple[bytes, bytes | None]]


class RecordsDigest:
    """A digest of records that does not depend on their order: the sum of each one's BLAKE2b.

    Order must not matter: an object that changes early is written early, on one replica and not on another.
    Source: AdHash (Bellare and Micciancio, 1997); here against accidents, not against forgery.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, key: bytes, record: bytes | None) -> None:
        """Add a record, or that one was deleted."""
        person = b"deleted" if record is None else b""
        digest = blake2b(record or b"", digest_size=16, key=key, person=person).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) & ((1 << 128) - 1)

    def digest(self) -> bytes:
        return self._sum.to_bytes(16, "big")


class Checkpoint:
    """One checkpoint, from freeze to commit. Its methods belong to the engine's thread."""

    def __init__(self, heap: Heap, store: Store, seq: int, entry_digest: bytes) -> None:
        """Freeze the heap as of log position `seq`, whose entry has this digest, and begin to write."""
        heap.freeze()
        self.seq = seq
        self.entry_digest = entry_digest
        self.next_oid = heap.next_oid
        self.committing = False  # everything is handed over; the writer ends by itself
        self._heap = heap
        self._digest = RecordsDigest()
        # Not bounded: what waits in it is a part of what is in memory already, as objects.
        self._queue: SimpleQueue[Batch | bytes | None] = SimpleQueue()
        self._sliced = False
        self._error: BaseException | None = None
        self._committed = False
        self._thread = Thread(target=self._write, args=(store,), name="checkpoint", daemon=True)
        self._thread.start()

    def slice(self) -> bool:
        """Hand over the next records; False when there are none left, and `digest` is final."""
        records = self._heap.frozen_slice(SLICE_COUNT, SLICE_SIZE)
        for key, record in records:
            self._digest.add(key, record)
        if records:
            self._queue.put(records)
        self._sliced = not records
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
        if wait:
            self._thread.join()
        if self._thread.is_alive():
            return False
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._committed
        self._heap.settle()
        return True

    def abandon(self) -> None:
        """Write nothing. The heap is not to be used any more."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _write(self, store: Store) -> None:
        try:
            with store.writer() as writer:
                while True:
                    item = self._queue.get()
                    if isinstance(item, bytes):
                        writer.commit(item)
                        self._committed = True
                        return
                    if item is None:
                        writer.abort()
                        return
                    writer.put(item)
        except BaseException as error:
            self._error = error
