"""Frozen: what a checkpoint writes of the heap, in slices, while snippets go on changing it.

    dirty --begin--> frozen --slice--> records --> engine: digest, LMDB
                        |                 `-----> reclaim.py: what they refer to, and who is dead
                        `-- an object that is about to change is written down first

Promise: the records are those of the moment of `begin`, whatever runs in between; until `settle` nothing of it is
evicted, and what is in pieces is read as of the checkpoint before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from . import instances
from .containers import PAGED, STATES
from .reclaim import KINDS, Note, Pair
from .records import LARGE, RECORD_OF, ROOT_OID
from .references import references
from .root import INTERNAL

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Frozen"]

# Bytes of text that take as long to write as one reference: it is packed by a call, and counted by one.
_REFERENCE_SIZE: Final = 100

_NOTHING: Final[frozenset[int]] = frozenset()


class Frozen:
    """The objects of one heap that the checkpoint under way has still to write.

    Attributes:
        objects: by oid.
        pinned: oids of what was written and is not yet committed: it must not be evicted.
    """

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self.objects: dict[int, Any] = {}
        self.pinned: set[int] = set()
        self._oids: Iterator[int] = iter(())  # in order; popping a dict from its front would walk what is gone
        self._early: list[Note] = []  # records of objects that changed before their turn
        self._paged: list[Any] = []
        self._streams: list[Iterator[Pair]] = []  # records of what is in pieces
        self._reclaiming: Iterator[list[Pair]] = iter(())

    def begin(self) -> None:
        """Set aside what changed since the last checkpoint, as it is now; later changes belong to the next one."""
        heap = self._heap
        assert not self.objects and not self.pinned and not heap.touched, "one checkpoint at a time, between snippets"
        heap.store.hold()  # what is in pieces is read as of the last checkpoint until this one ends
        self.objects, heap.dirty = heap.dirty, {}
        for oid, obj in heap.paged_dirty.items():
            items = obj.__items__
            if type(items) in PAGED and oid in heap.live:
                del self.objects[oid]
                self.pinned.add(oid)
                kind = RECORD_OF[heap.kind_code(obj)]
                mentioned = heap.records.mentioned = set()
                record = LARGE + kind + heap.records.pack([list(items.freeze()), *obj.__beside__()])
                heap.records.mentioned = set()  # what is packed next is no affair of this one
                mentioned.discard(oid)
                self._early.append((oid, record, KINDS + kind[0], mentioned))
                self._paged.append(items)
                self._streams.append(items.records())
        heap.paged_dirty = {}
        heap.pager.changed_count = heap.pager.changed_weight = 0
        heap.reclaim.begin(heap.next_oid)
        self._oids = iter(list(self.objects))
        self._reclaiming = heap.reclaim.slices()
        if heap.root_dirty:
            heap.root_dirty = False
            names = heap.root.packed | {
                name: heap.records.pack(value)
                for name, value in heap.root.namespace.items()
                if name not in INTERNAL
            }
            record = b"r" + heap.records.pack(dict(sorted(names.items())))
            self._early.append((ROOT_OID, record, KINDS + record[0], references(record) - {ROOT_OID}))

    def slice(self, count_max: int, size_max: int) -> list[Pair]:
        """Return the next records of what was frozen, at least one, with None for what is deleted; [] when all were
        returned.

        Stops at `count_max` objects or pieces, or after exceeding `size_max` bytes. A reference counts as some more of
        these, since each takes time.
        """
        notes, self._early = self._early, []
        size = sum(map(_size, notes))
        objects, live = self.objects, self._heap.live
        oid = -1
        while len(notes) < count_max and size <= size_max:
            oid = next(self._oids, 0)
            if not oid:
                break
            if oid in objects:
                obj = objects.pop(oid)
                if oid in live:  # else it was dead already, and something touched it all the same
                    note = self._note(oid, obj)
                    notes.append(note)
                    size += _size(note)
        records = self._heap.reclaim.account(notes)
        if not oid:
            while self._streams and len(records) < count_max and size <= size_max:
                pieces, size, more = self._pieces(self._streams[-1], count_max - len(records), size, size_max)
                records += pieces
                if not more:
                    self._streams.pop()
        return records

    def _pieces(
        self, stream: Iterator[Pair], count_max: int, size: int, size_max: int
    ) -> tuple[list[Pair], int, bool]:
        """Return the next pieces of a container, the new size, and whether there may be more."""
        pager = self._heap.pager
        mentioned = self._heap.records.mentioned  # by the piece that comes
        pieces: list[Pair] = []
        refers = False
        for piece in stream:
            pieces.append(piece)
            if piece[1] is not None:
                size += len(piece[1])
            if pager.effort:
                size += pager.effort
                pager.effort = 0
            if mentioned:
                refers = True
                size += _REFERENCE_SIZE * len(mentioned)
                mentioned.clear()
            if size > size_max or len(pieces) >= count_max:
                break
        else:
            self._heap.reclaim.account_pieces(pieces, refers)
            return pieces, size, False
        self._heap.reclaim.account_pieces(pieces, refers)
        return pieces, size, True

    def reclaim_slice(self) -> list[Pair] | None:
        """After the last slice: return what goes together with it, None when that is all. No part of the digest: what
        nothing refers to is no content, and one replica may be rid of it before another."""
        return next(self._reclaiming, None)

    def settle(self) -> None:
        """The records are committed: their objects may be evicted."""
        assert not self.objects and not self._early and not self._streams
        for items in self._paged:
            items.settle()
        self._paged.clear()
        self.pinned.clear()
        self._heap.evict_above = 0
        self._heap.reclaim.settle()
        self._heap.store.release()

    def write_early(self, oid: int) -> None:
        """A frozen object is about to change: write it down as it was."""
        # A snippet near its recursion limit may be stopped in here, and go on.
        self._early.append(self._note(oid, self.objects[oid]))
        del self.objects[oid]

    def _note(self, oid: int, obj: Any) -> Note:
        heap = self._heap
        self.pinned.add(oid)
        mentioned: set[int] = set()
        heap.records.mentioned = mentioned
        body = heap.pack_object(obj)
        if type(obj) in STATES:
            number = KINDS + body[0]
            heap.account(oid, len(body))
        elif instances.is_code(obj):
            number = KINDS + body[0]
        else:
            number = instances.shape_of(obj)[0]
            mentioned.add(number)
            heap.account(oid, len(body))
        if not mentioned:
            return oid, body, number, _NOTHING  # what is packed next may be noted in that set
        heap.records.mentioned = set()
        mentioned.discard(oid)
        return oid, body, number, mentioned


def _size(note: Note) -> int:
    _, record, _, mentioned = note
    return len(record) + _REFERENCE_SIZE * len(mentioned)
