"""Changes: what one snippet did to the heap, kept as records for whoever has to explain it.

    touched, created, root names --> [Changes], before commit or rollback --> records, after it

Made only for a snippet of the log that comes to another result than it had: what it changed here is then compared with
what another node has. Of a container in pieces, the entries of a dict are told; of a list, only that it changed.

Promise: it reads, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .containers import PAGED, STATES
from .paged_dict import Entry, PagedDict
from .records import ROOT_OID, record_key
from .root import INTERNAL

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Changes"]


class Changes:
    """The objects, entries and names that a snippet changed.

    Attributes:
        names: of the root.
    """

    def __init__(self, heap: Heap, objects: Sequence[Any], names: Iterable[str], *, stay: bool) -> None:
        """
        Args:
            objects: after adoption, before commit or rollback.
            stay: whether commit follows.
        """
        self.names = frozenset(names)
        self._heap = heap
        self._objects = objects
        self._entries: list[tuple[int, Entry]] = []  # (storage, entry) of dicts in pieces
        for obj in objects if stay else ():
            if type(obj) in STATES and type(items := obj.__items__) is PagedDict:
                self._entries += [(items.storage, entry) for entry in items.changed_in_snippet()]

    def records(self) -> dict[bytes, bytes | None]:
        """Return key -> record of what was changed, as it is now: None when it is not there, b"" for a container in
        pieces. The root's has all names."""
        heap = self._heap
        found: dict[bytes, bytes | None] = {}
        if self.names:
            root, pack = heap.root, heap.records.pack
            names = root.packed | {
                name: pack(value) for name, value in root.namespace.items() if name not in INTERNAL
            }
            found[record_key(ROOT_OID)] = b"r" + pack(dict(sorted(names.items())))
        for obj in self._objects:
            oid = heap.refer_if_kept(obj)
            if oid is not None and heap.live.get(oid) is obj:
                found[record_key(oid)] = b"" if _is_in_pieces(obj) else heap.pack_object(obj)
        for storage, (place, value, base, key) in self._entries:
            if place:
                found[record_key(storage, place)] = heap.records.pack([key, value])
            elif base:
                found[record_key(storage, base)] = None
        return found


def _is_in_pieces(obj: Any) -> bool:
    return type(obj) in STATES and type(obj.__items__) in PAGED
