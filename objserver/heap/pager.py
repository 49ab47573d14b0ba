"""Pager: how large containers reach their pieces on disk, and what they share.

    PagedDict, PagedList  <->  [pager]  <->  store: key of 16 bytes -> record

A container in pieces has a number of its own, its storage, taken from the same row as the oids; the key of a piece is
storage and number of the piece, 8 bytes each. A container that is emptied leaves its storage behind, to be given back
in slices (objserver/heap/reclaim.py).

Promise: what a piece holds is what was written, or DataDamaged is raised, and noted as the heap's fault, since a
snippet might catch it.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any, Final

from ..errors import DataDamaged, MachineError
from .containers import STATES
from .instances import KINDS
from .kept import READ_DEPTH
from .keyhash import KeyHash
from .layout import has_fixed_place
from .leftovers import Leftovers

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Pager"]

_KEY: Final = struct.Struct(">QQ")


class Pager:
    """The pieces of one heap.

    Attributes:
        heap: whose they are.
        key: (storage, number of a piece) -> its key.
        changed_count: changes of pieces and entries since the last freeze.
        changed_weight: what was changed and waits in memory for a checkpoint, in entries of a dict.
        effort: bytes of records that take as long to write as what else was done for the last piece.
        garbage: storages that nothing uses any more since the last freeze, oldest first.
        leftovers: what containers held in memory, to be freed in slices.
    """

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self._store = heap.store
        self.key: Final = _KEY.pack
        self.key_hash = KeyHash(self._identify).hash_of
        self.changed_count = self.changed_weight = 0
        self.effort = 0
        self.garbage: dict[int, None] = {}
        self.leftovers = Leftovers()

    def allocate(self) -> int:
        """Return the number of a new storage. When a snippet is committed: it is never undone."""
        number = self.heap.next_oid
        self.heap.next_oid += 1
        return number

    def get(self, storage: int, number: int) -> bytes | None:
        """Return a record as bytes. Raises DataDamaged."""
        try:
            return self._store.get(self.key(storage, number))
        except MachineError as error:
            self.heap.fault = error
            raise

    def read(self, storage: int, number: int) -> tuple[Any, int]:
        """Return what a record holds, and the record's size. With READ_DEPTH to spare. Raises DataDamaged."""
        try:
            record = self._store.get(self.key(storage, number))
            if record is None:
                raise self.missing(storage, number)
            content = self.heap.records.unpack(record)
            self.heap.link_loaded()
        except MachineError as error:
            self.heap.fault = error
            raise
        return content, len(record)

    def missing(self, storage: int, number: int) -> DataDamaged:
        return DataDamaged(
            f"{self._store.path}: piece {number} of {storage} is missing; restore the folder from a backup"
        )

    def scan(
        self, storage: int, first: int, end: int, count_max: int, *, backwards: bool = False
    ) -> list[tuple[int, Any]]:
        """Return (number, content) of pieces from `first` up to `end`, or from `end` down. Raises DataDamaged."""
        try:
            found = self._store.scan(self.key(storage, first), self.key(storage, end), count_max, backwards=backwards)
            contents = self._decode([record for _, record in found])
        except MachineError as error:
            self.heap.fault = error
            raise
        numbers = [number for _, number in _KEY.iter_unpack(b"".join([key for key, _ in found]))]
        return list(zip(numbers, contents, strict=True))

    def record(self, storage: int, number: int, content: Any) -> tuple[bytes, bytes]:
        """Return key and record of a piece."""
        return self.key(storage, number), self.heap.records.pack(content)

    def _decode(self, records: list[bytes]) -> list[Any]:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + READ_DEPTH)
        try:
            contents = self.heap.records.unpack_all(records)
            self.heap.link_loaded()
            return contents
        finally:
            sys.setrecursionlimit(limit)

    # --- keys and memory ------------------------------------------------------------------------------------------

    def check_key(self, key: Any) -> None:
        """Refuse a key whose place in a dict a client's code decides: no index on disk can follow that.

        Raises:
            TypeError: says what to use instead.
        """
        if type(key) not in STATES and not has_fixed_place(key, self.heap):
            hash(key)  # which may say that it has none
            raise TypeError(
                f"a key of class {type(key).__name__!r}, which defines __eq__ or __hash__, can't be looked up in a "
                "large dict; use a text, a number or a tuple of such that stands for it"
            )

    def _identify(self, key: Any) -> Any:
        hashed = getattr(type(key), "__hash_of__", None)  # a member of an enum: the attribute that it hashes by
        if hashed is not None and type(type(key)) in KINDS:
            return getattr(key, hashed)
        oid = self.heap.refer_if_kept(key)
        return b"%d" % oid if oid else (self.heap.builtin_name(key) or "").encode()

    def account(self, size: int) -> bool:
        """Count bytes of memory as used, or given back when negative.

        Returns: whether so much was read that it should not all be kept until the snippet ends: somewhat more than
        there is room for, since what was just read has not had the time to be wanted again.
        """
        heap = self.heap
        heap.loaded_size += size
        return heap.loaded_size > heap.cache_size + heap.cache_size // 8
