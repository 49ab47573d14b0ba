"""Sweep: what the root reached when the sweep began, marked in slices, and then what is not marked.

    mark    root --> records, pieces --> what they refer to        between batches; reads LMDB, loads nothing
    unreached    oids that are not marked                          within checkpoints, which delete them

Part of objserver/heap/reclaim.py, which says why the marks stay right while the heap changes. A mark is a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .buckets import BUCKETS_END
from .records import LARGE, ROOT_OID, record_key
from .references import content_of, piece_references, references

if TYPE_CHECKING:
    from ..store import Store
    from .pager import Pager

__all__ = ["Sweep"]

_CHUNK_SIZE: Final = 4_096  # bytes of marks that are there or not
_CHUNK_BITS: Final = 8 * _CHUNK_SIZE

_SCAN_COUNT: Final = 100
_STEPS_OF_SCAN: Final = 20
_REFERENCES_OF_STEP: Final = 8
_KEY_COUNT: Final = 100


class Sweep:
    """One sweep.

    Attributes:
        bound: it looks at objects with lower oids only.
        marked_count: objects that were reached so far.
        is_marked: all are.
        is_ended: all that were not reached were returned.
    """

    def __init__(self, pager: Pager, store: Store, bound: int, refers: Callable[[int], bool]) -> None:
        """
        Args:
            refers: storage -> whether its pieces refer to objects.
        """
        self._pager = pager
        self._store = store
        self._refers = refers
        self.bound = bound
        self.marked_count = 0
        self.is_marked = self.is_ended = False
        self._marks: dict[int, bytearray] = {}
        self._grey: list[int] = []  # marked, and not yet looked at
        self._scans: list[tuple[int, int]] = []  # (storage, next piece)
        self._next = ROOT_OID + 1
        self.meet(ROOT_OID)

    def meet(self, oid: int) -> None:
        """An object could be reached when the sweep began: something refers to it, or did then. After marking that
        says nothing: what refers to it is being deleted."""
        if oid < self.bound and not self.is_marked and not self._is_reached(oid):
            at, bit = divmod(oid, _CHUNK_BITS)
            marks = self._marks.get(at)
            if marks is None:
                marks = self._marks[at] = bytearray(_CHUNK_SIZE)
            marks[bit >> 3] |= 1 << (bit & 7)
            self.marked_count += 1
            self._grey.append(oid)

    def _is_reached(self, oid: int) -> bool:
        at, bit = divmod(oid, _CHUNK_BITS)
        marks = self._marks.get(at)
        return marks is not None and bool(marks[bit >> 3] >> (bit & 7) & 1)

    def mark(self, count: int) -> bool:
        """Go on for about `count` records. Returns: whether there is more to mark."""
        store, pager = self._store, self._pager
        while count > 0 and not self.is_marked:
            if self._grey:
                record = store.get(record_key(self._grey.pop()))
                count -= 1
                if record is not None:
                    count -= self._meet_all(references(record))
                    if record[:1] == LARGE and self._refers(storage := content_of(record)[0][0]):
                        self._scans.append((storage, BUCKETS_END))
            elif self._scans:
                storage, first = self._scans.pop()
                found = store.scan(pager.key(storage, first), record_key(storage + 1), _SCAN_COUNT)
                count -= _STEPS_OF_SCAN
                for _, record in found:
                    count -= self._meet_all(piece_references(record))
                if len(found) == _SCAN_COUNT:
                    self._scans.append((storage, int.from_bytes(found[-1][0][8:], "big") + 1))
            else:
                self.is_marked = True
        return not self.is_marked

    def _meet_all(self, oids: set[int]) -> int:
        """Meet each. Returns: the steps that this was."""
        for oid in oids:
            self.meet(oid)
        return len(oids) // _REFERENCES_OF_STEP

    def unreached(self) -> list[int]:
        """After marking: return the next oids that were not reached, of some hundred objects."""
        keys = self._store.object_keys(record_key(self._next), _KEY_COUNT)
        oids = [int.from_bytes(key, "big") for key in keys]
        self._next = oids[-1] + 1 if oids else self.bound
        self.is_ended = self._next >= self.bound
        return [oid for oid in oids if oid < self.bound and not self._is_reached(oid)]
