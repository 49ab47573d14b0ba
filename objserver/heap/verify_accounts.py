"""Verify, part three: the accounts of objserver/heap/reclaim.py, against what the records say.

    COUNTS     as often as records and pieces refer to an object           PENDING    names what is there, and dead
    STORAGES   what the pieces of each storage come to                     CENSUS     what all objects of a kind come to

A count that is too high keeps an object for ever, one that is too low deletes what is in use. They can be told only
when every record was read: where one could not be, nothing is said of sums.

Promise: after a sound checkpoint the accounts are exact (tests/engine/test_verify.py); nothing is kept that is neither
reached, nor counted, nor PENDING.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgpack

from ..store import Snapshot
from .numbers import Counts, Numbers, Table
from .reclaim import CENSUS, COUNTS, KINDS, PENDING, STORAGES
from .records import ROOT_OID

__all__ = ["Accounts"]

# The sum of what is PENDING, in the census.
_PENDING_SUM: Final = 0

_KEY_SIZE: Final = 16


class Accounts:
    """What a snapshot's accounts say, and what they should.

    Attributes:
        counts: oid -> records that refer to it, as they are read.
        census: number -> [objects, bytes], likewise.
        pending_objects, pending_storages: what is PENDING.
    """

    def __init__(self, store: Snapshot, add: Callable[[object, str], None]) -> None:
        """
        Args:
            add: (where, what) of a finding.
        """
        self._store = store
        self._add = add
        self.counts = Counts()
        self.census: dict[int, list[int]] = {}
        self.pending_objects = Numbers()
        self.pending_storages = Numbers()
        self._pending = [0, 0]
        self._told = Numbers()  # storages

    def read_pending(self) -> None:
        for number, content in self._entries(PENDING, "PENDING"):
            what, size = content if type(content) is list and len(content) == 2 else (None, None)
            if what not in ("object", "pieces") or type(size) is not int:
                self._add(f"PENDING of {number}", f"is none: {content!r:.100}")
                continue
            (self.pending_objects if what == "object" else self.pending_storages).add(number)
            self._pending[0] += 1
            self._pending[1] += size

    def take(self, number: int, size: int) -> None:
        """Take an object and its bytes into the census."""
        sums = self.census.setdefault(number, [0, 0])
        sums[0] += 1
        sums[1] += size

    def check_storage(self, where: object, storage: int, kind: int | None, found: list[int]) -> None:
        """Compare a storage with what is known of it, and take its pieces into the census.

        Args:
            kind: the byte of its container's kind, None when it has no container.
            found: pieces, bytes, last number, pieces that refer to objects.
        """
        self._told.add(storage)
        record = self._store.get(_key(STORAGES, storage))
        content = None if record is None else _unpack(record)
        if type(content) is not list or [type(part) for part in content] != [int] * 5:
            self._add(where, f"has storage {storage}, of which STORAGES says {content!r:.100}")
            return
        known_kind, *known = content
        if kind is not None and known_kind != kind:
            self._add(where, f"has storage {storage}, which STORAGES gives to kind {known_kind}, not {kind}")
        last, known_last = found.pop(2), known.pop(2)
        if known != found or known_last < last:
            self._add(
                where,
                f"has storage {storage} with {found[0]} pieces of {found[1]} bytes, {found[2]} that refer to objects, "
                f"the last is {last}; STORAGES says {known[0]}, {known[1]}, {known[2]}, {known_last}",
            )
        self.census.setdefault(KINDS + known_kind, [0, 0])[1] += found[1]

    def check(self, kinds: Table, storages: Numbers) -> None:
        """After everything was read: compare the sums.

        Args:
            kinds: what has a record.
            storages: those that there are pieces of.
        """
        self._check_counts(kinds)
        for oid in self.pending_objects:
            if not kinds[oid]:
                self._add(f"PENDING of object {oid}", "names an object that has no record")
        for storage in self.pending_storages:
            if storage in storages:
                continue
            where = f"PENDING of storage {storage}"
            if self._store.get(_key(STORAGES, storage)) is None:
                self._add(where, "names a storage that has no pieces")
            else:  # its last pieces went with the last that a checkpoint had time for
                self.check_storage(where, storage, None, [0, 0, -1, 0])
        for storage, content in self._entries(STORAGES, "STORAGES"):
            if storage not in self._told:
                self._add(f"STORAGES of {storage}", f"says {content!r:.100}, but nothing has it")
        self._check_census()

    def _check_counts(self, kinds: Table) -> None:
        stated = self._entries(COUNTS, "COUNTS")
        oid, count = next(stated, (-1, 0))
        for each, _ in kinds.items():
            while -1 < oid < each:
                self._add(f"COUNTS of object {oid}", f"says {count}, but the object has no record")
                oid, count = next(stated, (-1, 0))
            says = 1
            if oid == each:
                says = count
                oid, count = next(stated, (-1, 0))
            if each == ROOT_OID or each in self.pending_objects:
                continue  # the one never dies, the others have no count any more
            found = self.counts[each]
            if found != says:
                self._add(f"object {each}", f"is referred to by {found} records, COUNTS says {says}")
            elif not found:
                self._add(f"object {each}", "is referred to by no record, and is not PENDING")
        while oid > -1:
            self._add(f"COUNTS of object {oid}", f"says {count}, but the object has no record")
            oid, count = next(stated, (-1, 0))

    def _check_census(self) -> None:
        stated = dict(self._entries(CENSUS, "CENSUS"))
        pending = stated.pop(_PENDING_SUM, [0, 0])
        if pending != self._pending:
            self._add("CENSUS of what is PENDING", f"says {pending!r:.100}, found {self._pending}")
        for number in sorted(stated.keys() | self.census.keys()):
            says, found = stated.get(number, [0, 0]), self.census.get(number, [0, 0])
            if says != found:
                what = f"kind {bytes([number - KINDS])!r}" if KINDS <= number < KINDS + 256 else f"class {number}"
                self._add(f"CENSUS of {what}", f"says {says!r:.100}, found {found}")

    def _entries(self, storage: int, name: str) -> Iterator[tuple[int, Any]]:
        """Yield number and content of what an account holds."""
        for key, record in self._store.walk(_key(storage, 0), _key(storage, (1 << 64) - 1) + b"\0"):
            if len(key) == _KEY_SIZE and record is not None:
                number, content = int.from_bytes(key[8:], "big"), _unpack(record)
                if content is None:
                    self._add(f"{name} of {number}", "does not decode")
                else:
                    yield number, content


def _key(storage: int, number: int) -> bytes:
    return storage.to_bytes(8, "big") + number.to_bytes(8, "big")


def _unpack(record: bytes) -> Any:
    """Return what an entry says, None when it does not decode."""
    try:
        return msgpack.unpackb(record)
    except (TypeError, ValueError):
        return None
