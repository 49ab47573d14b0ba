"""Checkpoints: what changed goes to LMDB, in slices, while snippets go on running.

    engine thread   freeze --> slice, put --> slice, put --> ... --> digest --> finish
    writer thread   begin                                          sync of the log, commit with the mark

A slice is bounded by a count of objects and of bytes, not by time: the engine knows no clock, and the pause a slice
makes is what encoding and putting that much costs. Between two slices batches run; an object that is about to change
before its turn is written down first (Heap.touch).

The transaction is begun and committed by a thread of its own: the commit, which waits for the disk, is one call without
the interpreter's lock. Records are put by the engine's thread, in 0.8 us each: a thread beside it, which gives the lock
up and wants it back for every record, took as much time again for changing hands, and kept clients waiting behind it in
every call of the system.

When LMDB's map is full the transaction is given up, the engine's thread doubles the map and writes what it had again.
For that it keeps it, when the map is not ample.

Promise: LMDB holds the state as of the CHECKPOINT entry, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from ..errors import MapFull
from ..heap import Heap
from ..log import Head
from ..store import Store, Writer
from .divergence import Written

__all__ = ["SLICE_COUNT", "SLICE_COUNT_LONG", "Checkpoint"]

# Objects of a slice, some 0.25 ms (benchmarks/checkpoint.py): each client that asks meanwhile waits so long. And of one
# behind which much waits, some 12 ms.
SLICE_COUNT: Final = 32
SLICE_COUNT_LONG: Final = 1_600
# Bytes of records that take as long as one of them.
_RECORD_SIZE: Final = 1_024

# Pieces of containers wait until so many, or bytes, are put at once: in long runs they fill LMDB's pages better
# (Writer.put). Their keys are longer than those of objects.
_OBJECT_KEY_SIZE: Final = 8
_PUT_COUNT: Final = 256
_PUT_SIZE: Final = 256 * 1024

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
        Raises:
            StorageFailed, MemoryError: LMDB refuses to begin.
        """
        heap.frozen.begin()
        self.head = head
        self.seq = head.seq
        self.next_oid = heap.next_oid
        self.committing = False  # everything is handed over; the commit ends by itself
        self._heap = heap
        self._store = store
        self.written = Written(head.seq) if notes else None
        self._digest = RecordsDigest()
        self._digested = self._sliced = False
        self._waiting: Batch = []  # records to put
        self._waiting_size = 0
        self._kept: list[Batch] | None = None if store.is_ample else []  # what was put, to put it again
        self._mark = b""
        self._transaction = _Transaction(store)

    def slice(self, count: int = SLICE_COUNT) -> bool:
        """Write the records of the next `count` objects or so; False when there are none left, and `digest` is final.

        Raises:
            StorageFailed, MemoryError: the disk is full or refuses, or there is no room for it in memory.
        """
        frozen = self._heap.frozen
        if not self._digested:
            records = frozen.slice(count, count * _RECORD_SIZE)
            if records:
                digests = self._digest.add(records)
                if self.written is not None:
                    self.written.add(records, digests)
                self._put(records)
                return True
            self._digested = True
        for _ in range(0, count, SLICE_COUNT):
            reclaimed = frozen.reclaim_slice()
            if reclaimed is None:
                self._put_waiting()
                self._sliced = True
                return False
            self._put(reclaimed)
        return True

    @property
    def digest(self) -> bytes:
        """The digest of all records. After the last slice."""
        assert self._sliced
        return self._digest.digest()

    def commit(self, mark: bytes, first: Callable[[], None] | None = None) -> None:
        """Begin the commit, with what the checkpoint stands for. `ended` tells when it is done.

        Args:
            first: what has to be done before it, by its thread.
        """
        assert self._sliced
        self.committing = True
        self._mark = mark
        self._transaction.commit(mark, first)

    def ended(self, *, wait: bool = False) -> bool:
        """Return whether the commit is done; the heap may then evict what was written.

        Raises:
            StorageFailed: nothing was written; the disk is full or refuses.
        """
        while True:
            try:
                if not self._transaction.ended(wait=wait):
                    return False
                break
            except MapFull as full:
                self._put_again(full)
                self._transaction.commit(self._mark)
        self._heap.frozen.settle()
        return True

    def abandon(self) -> None:
        """Write nothing. The heap is not to be used any more."""
        self._transaction.abandon()

    def _put(self, records: Batch) -> None:
        waiting = self._waiting
        waiting += records
        self._waiting_size += sum([len(record) for _, record in records if record is not None])
        is_run = waiting and len(waiting[-1][0]) > _OBJECT_KEY_SIZE
        if not is_run or len(waiting) >= _PUT_COUNT or self._waiting_size >= _PUT_SIZE:
            self._put_waiting()

    def _put_waiting(self) -> None:
        records, self._waiting, self._waiting_size = self._waiting, [], 0
        if self._kept is not None:
            self._kept.append(records)
        try:
            self._transaction.put(records)
        except MapFull as full:
            self._put_again(full)

    def _put_again(self, full: MapFull) -> None:
        """Put everything again, in a larger map. Raises MapFull: there is no address space for it."""
        assert self._kept is not None, f"{full}, though it was ample"
        while True:
            self._transaction.abandon()
            self._store.grow()
            self._transaction = _Transaction(self._store)
            try:
                for records in self._kept:
                    self._transaction.put(records)
                return
            except MapFull:
                pass


class _Transaction:
    """LMDB's write transaction, begun and ended by a thread of its own.

    Its lock belongs to the thread that took it. In between that one sleeps, and another one may put.
    """

    def __init__(self, store: Store) -> None:
        """Begin. Raises StorageFailed, MemoryError."""
        self._told: SimpleQueue[Writer | BaseException | None] = SimpleQueue()  # by the thread: it has begun, or ended
        # Of it: to commit with a mark, after something else, or to abort.
        self._asked: SimpleQueue[tuple[bytes, Callable[[], None] | None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, args=(store,), name="checkpoint", daemon=True)
        self._thread.start()
        told = self._told.get()
        if isinstance(told, BaseException):
            self._thread.join()
            raise told
        assert told is not None
        self._writer = told

    def put(self, records: Batch) -> None:
        """Raises MapFull, StorageFailed."""
        self._writer.put(records)

    def commit(self, mark: bytes, first: Callable[[], None] | None = None) -> None:
        self._asked.put((mark, first))

    def ended(self, *, wait: bool) -> bool:
        """Return whether the commit is done. Raises MapFull, StorageFailed: nothing was written."""
        try:
            told = self._told.get(block=wait)
        except Empty:
            return False
        self._thread.join()
        if isinstance(told, BaseException):
            raise told
        return True

    def abandon(self) -> None:
        """Abort, unless it was ended. Returns when LMDB may be closed."""
        self._asked.put(None)
        self._thread.join()

    def _run(self, store: Store) -> None:
        try:
            with store.writer() as writer:
                self._told.put(writer)
                asked = self._asked.get()
                if asked is None:
                    writer.abort()
                else:
                    mark, first = asked
                    if first is not None:
                        first()
                    writer.commit(mark)
            self._told.put(None)
        except BaseException as error:
            self._told.put(error)
