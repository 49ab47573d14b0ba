"""Verify, part two: containers in pieces.

    dict       entries by place, count, ends;  groups and buckets: every entry where its key leads, and no other
    list       root -> branches -> leaves: counts, sizes, each piece used once;  SortedDict: keys in order too

A storage is read from end to end in order, whatever its size. That the entries of a dict and its buckets say the same
is seen by two sums: of the (tag, place) that the entries should have, and of those that the buckets have. Only where
these differ it is looked which ones.

Promise: what the operations of objserver/heap/paged_dict.py and paged_list.py rely on holds, or is a finding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, Final

from ..findings import REPORT, Findings
from ..store import Snapshot
from . import buckets, paged_list
from .buckets import BUCKETS_END, GONE, GROUPS_FIRST, TAG_BITS
from .keyhash import KeyHash
from .numbers import Numbers
from .paged_dict import Shape
from .plain_records import Held, Large, Named, PlainRecords, Unreadable, Valued, check_order
from .records import KIND_DEQUE, KIND_INSTANCE, KIND_LIST, KIND_SET, KIND_SORTEDDICT, RECORD_OF, record_key

__all__ = ["Pieces"]

# Of one container that is wrong in many places these are named.
_NAMED_COUNT_MAX: Final = 20

_SUM_MASK: Final = (1 << 64) - 1

# What stands for a member of an enum when it is a key (sandbox/library/enum.py); None: it is hashed by its oid.
_HASHED_BY: Final = (None, "_value_", "_name_")


class Pieces:
    """The containers in pieces of one snapshot."""

    def __init__(
        self,
        store: Snapshot,
        records: PlainRecords,
        claim: Callable[[object, int], bool],
        refer: Callable[[object], int],
        account: Callable[[object, int, int | None, list[int]], None],
        step: Callable[[], None],
        findings: Findings,
    ) -> None:
        """
        Args:
            claim: (where, storage) -> whether nobody else has the storage.
            refer: called after each piece that was read, to look up what it refers to; returns how many objects.
            account: called for each storage that was read: (where, storage, kind, what was found).
            step: called for each piece.
        """
        self._store = store
        self._records = records
        self._claim = claim
        self._refer = refer
        self._account = account
        self._step = step
        self._findings = findings
        self._hash = KeyHash(self._identify).hash_of
        self._hashed_by: dict[int, str | None] = {}  # class oid -> attribute
        self.tally = [0, 0, -1, 0]  # of one storage, buckets left out: pieces, bytes, last number, pieces that refer

    def check(self, where: object, large: Large, *, strict: bool) -> int:
        """Check the pieces of a container, and look up what they refer to. Returns their size in bytes.

        Args:
            strict: what is going to be deleted is only read: keys of a dict may be gone before it.
        """
        shape = large.shape
        is_tree = large.kind in (KIND_LIST, KIND_DEQUE, KIND_SORTEDDICT)
        if is_tree and (len(shape) != 5 or [type(part) for part in shape] != [int, int, list, list, list]):
            self._add(where, "has no shape of a list in pieces")
            return 0
        if not is_tree and (len(shape) != len(Shape._fields) or any(type(part) is not int for part in shape)):
            self._add(where, "has no shape of a dict in pieces")
            return 0
        if not is_tree and (shape[-1] not in range(1, 1 << TAG_BITS) or shape[-1] & (shape[-1] - 1)):
            self._add(where, f"has {shape[-1]} groups, which is no power of two")
            return 0
        storage: int = shape[0]
        if not self._claim(where, storage):
            return 0
        kind = RECORD_OF[large.kind][0]
        if not strict:
            return self.read_apart(where, storage, kind)
        self.tally = [0, 0, -1, 0]
        if is_tree:
            _Tree(self, where, large).check()
        else:
            self._check_dict(where, Shape(*shape), is_set=large.kind == KIND_SET)
        size = self.tally[1]
        self._account(where, storage, kind, self.tally)
        return size

    def read_apart(self, where: object, storage: int, kind: int | None = None) -> int:
        """Read the pieces of a storage, whatever they are. Returns their size in bytes."""
        self.tally = [0, 0, -1, 0]
        for number, record in self.pieces(storage):
            if record is not None:
                self.read(where, number, record)
        size = self.tally[1]
        self._account(where, storage, kind, self.tally)
        return size

    def pieces(self, storage: int) -> Iterator[tuple[int, bytes | None]]:
        """Yield number and record of all but the buckets, and tally them."""
        tally = self.tally
        for number, record in self._walk(storage, BUCKETS_END, 1 << 64):
            tally[0] += 1
            tally[1] += len(record or b"")
            tally[2] = number
            yield number, record

    def read(self, where: object, number: int, record: bytes) -> Any:
        """Return what a piece holds, None when that is unreadable, and look up what it refers to."""
        try:
            content = self._records.read_value(record)
        except Unreadable as error:
            self._add(where, f"its piece {number} {error}")
            return None
        if self._records.met and self._refer(_Piece(where, number)):
            self.tally[3] += 1
        return content

    def _walk(self, storage: int, first: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        for key, record in self._store.walk(_key(storage, first), _key(storage, end)):
            self._step()
            yield int.from_bytes(key[8:], "big"), record

    def _add(self, where: object, what: str) -> None:
        self._findings.add(f"{self._store.path}: {where}", what, REPORT)

    # --- dict and set -----------------------------------------------------------------------------------------------

    def _check_dict(self, where: object, shape: Shape, *, is_set: bool) -> None:
        count = unreadable = expected = 0
        wrong = _Named(self, where)
        for place, record in self.pieces(shape.storage):
            count += 1
            if not shape.first <= place <= shape.last:
                wrong.add(f"its entry at place {place} lies outside of {shape.first} to {shape.last}")
            if record is None:  # the survey has told
                unreadable += 1
                continue
            entry = self._entry(where, place, record, is_set=is_set)
            tag = None if entry is None else self._tag(entry[0], place, shape)
            if tag is None:
                unreadable += 1
                if entry is not None:
                    wrong.add(f"its entry at place {place} has a key that can't be looked up: {entry[0]!r:.100}")
            else:
                expected += hash((tag, place))
        if count != shape.entry_count:
            self._add(where, f"has {count} entries, its record says {shape.entry_count}")
        if not shape.front < shape.first or not shape.last < shape.next:
            self._add(where, f"would put its next entries at places {shape.front} and {shape.next}, between others")
        held, found = self._check_index(where, shape)
        if unreadable or held != count or (expected - found) & _SUM_MASK:
            self._compare(where, shape)

    def _entry(self, where: object, place: int, record: bytes, *, is_set: bool) -> Any:
        entry = self.read(where, place, record)
        if entry is not None and (type(entry) is not list or len(entry) != 2 or (is_set and entry[1] is not None)):
            self._add(where, f"its piece {place} is no entry")
            return None
        return entry

    def _check_index(self, where: object, shape: Shape) -> tuple[int, int]:
        """Check groups and buckets by themselves. Returns how many entries they have, and the sum of these."""
        wrong = _Named(self, where)
        shift = buckets.shift_of(shape.groups)
        count = total = end = 0
        for number, record in self._groups(shape):
            if number >= shape.groups:
                wrong.add(f"its group {number} is one too many, there are {shape.groups}")
                continue
            for bucket, _ in self._walk(shape.storage, end, number << shift):
                wrong.add(f"its bucket {bucket} has no group")
            end = (number + 1) << shift
            if record is None:  # the survey has told
                continue
            live = self._check_group(shape, number, record, wrong)
            count += len(live)
            total += sum(map(hash, live))
            live.sort()
            for before, entry in pairwise(live):
                if before[0] == entry[0] and self._same_key(shape.storage, entry[1], before[1]):
                    wrong.add(f"its entries at places {before[1]} and {entry[1]} have one key")
        for bucket, _ in self._walk(shape.storage, end, GROUPS_FIRST):
            wrong.add(f"its bucket {bucket} has no group")
        return count, total

    def _check_group(self, shape: Shape, number: int, record: bytes, wrong: _Named) -> list[tuple[int, int]]:
        """Check a group and its buckets. Returns (tag, place) of all that it has."""
        shift = buckets.shift_of(shape.groups)
        what = f"its group {number}"
        waiting, bits = _entries(record[:-1]), buckets.bits_of(record)
        if waiting is None or not record:
            wrong.add(f"{what} has {len(record)} bytes, which is no number of entries and one")
            waiting = []
        if bits and not TAG_BITS - shift <= bits <= TAG_BITS:
            wrong.add(f"{what} names its buckets by {bits} bits")
            bits = 0
        if len(waiting) > buckets.limit_of(number):
            wrong.add(f"{what} has {len(waiting)} entries that wait, more than {buckets.limit_of(number)}")
        self._check_entries(what, waiting, lambda tag: tag >> shift == number, wrong)
        live = [(tag, place) for tag, place in waiting if place < GONE]
        gone = {(tag, place - GONE) for tag, place in waiting if place >= GONE}
        for bucket, content in self._walk(shape.storage, number << shift, (number + 1) << shift):
            if not bits or buckets.bucket_of(bucket, bits) != bucket:
                wrong.add(f"its bucket {bucket} is one too many, those of group {number} are named by {bits} bits")
                continue
            entries = [] if content is None else _entries(content)
            if entries is None:
                wrong.add(f"its bucket {bucket} has {len(content or b'')} bytes, which is no number of entries")
                continue
            own = partial(_is_in, bucket, bits)
            self._check_entries(f"its bucket {bucket}", entries, own, wrong)
            live += [entry for entry in entries if entry not in gone]
            gone.difference_update(entries)
        for _, place in sorted(gone):
            wrong.add(f"{what} takes the entry at place {place} out of a bucket that does not have it")
        return live

    def _check_entries(
        self, what: str, entries: list[tuple[int, int]], belongs: Callable[[int], bool], wrong: _Named
    ) -> None:
        last = -1
        for tag, place in entries:
            if not belongs(tag):
                wrong.add(f"{what} has the entry at place {place}, which belongs into another")
            if place <= last:
                wrong.add(f"{what} has its entries out of order")
            last = place

    def _groups(self, shape: Shape) -> Iterator[tuple[int, bytes | None]]:
        for number, record in self._walk(shape.storage, GROUPS_FIRST, BUCKETS_END):
            yield number - GROUPS_FIRST, record

    def _compare(self, where: object, shape: Shape) -> None:
        """Say which entries no bucket has, and what buckets have that is no entry."""
        wrong = _Named(self, where)
        for place, record in self._walk(shape.storage, BUCKETS_END, 1 << 64):
            try:
                key = None if record is None else self._records.read_value(record)[0]
            except (IndexError, TypeError, Unreadable):
                continue
            tag = None if record is None else self._tag(key, place, shape)
            if tag is not None and place not in self._places(shape, tag):
                wrong.add(f"its entry at place {place} is in no bucket, so its key {key!r:.100} is not found")
        for number, group in self._groups(shape):
            self._compare_entries(f"its group {number}", shape, _entries((group or b"")[:-1]) or [], wrong)
        for number, bucket in self._walk(shape.storage, 0, GROUPS_FIRST):
            self._compare_entries(f"its bucket {number}", shape, _entries(bucket) or [], wrong)

    def _compare_entries(self, what: str, shape: Shape, entries: list[tuple[int, int]], wrong: _Named) -> None:
        for tag, place in entries:
            if place >= GONE or place not in self._places(shape, tag):
                continue  # it was taken out
            try:
                record = self._store.get(_key(shape.storage, place))
                key = None if record is None else self._records.read_value(record)[0]
            except (IndexError, TypeError, Unreadable):
                continue
            if record is None:
                if not self._is_there(_key(shape.storage, place)):
                    wrong.add(f"{what} has an entry at place {place}, where none is")
            elif self._tag(key, place, shape) != tag:
                wrong.add(f"{what} has place {place} under another key than {key!r:.100}")

    def _is_there(self, key: bytes) -> bool:
        return any(True for _ in self._store.walk(key, key + b"\0"))

    def _same_key(self, storage: int, place: int, other: int) -> bool:
        found = []
        for each in (place, other):
            record = self._store.get(_key(storage, each))
            try:
                found.append(None if record is None else self._records.read_value(record)[0])
            except (IndexError, TypeError, Unreadable):
                return False
        return bool(found[0] == found[1])

    def _places(self, shape: Shape, tag: int) -> list[int]:
        group = self._store.get(_key(shape.storage, GROUPS_FIRST + (tag >> buckets.shift_of(shape.groups)))) or b""
        bits = buckets.bits_of(group)
        bucket = self._store.get(_key(shape.storage, buckets.bucket_of(tag, bits))) if 0 < bits <= TAG_BITS else None
        return buckets.places(group, bucket or b"", tag)

    def _tag(self, key: Any, place: int, shape: Shape) -> int | None:
        """Return the tag of a key, None when it can have none."""
        if type(key) is Held and key.kind == KIND_INSTANCE and key.class_oid not in self._hashed_by:
            # The language decides by what members of an enum are hashed: this dict tells, by the first of them.
            for attribute in _HASHED_BY:
                self._hashed_by[key.class_oid] = attribute
                tag = self._tag(key, place, shape)
                if tag is not None and place in self._places(shape, tag):
                    return tag
            self._hashed_by[key.class_oid] = None
        try:
            key_hash = self._hash(key)
        except (AttributeError, TypeError, ValueError):
            return None
        return None if key_hash is None else buckets.tag_of(key_hash)

    def _identify(self, key: Any) -> Any:
        if type(key) is Held:
            attribute = self._hashed_by.get(key.class_oid) if key.kind == KIND_INSTANCE else None
            if attribute is None:
                return b"%d" % key.oid
            record = self._store.get(record_key(key.oid))
            try:
                return self._records.read(record)[1].get(attribute, b"") if record is not None else b""
            except Unreadable:
                return b""
        if type(key) is Named:
            return key.name.encode()
        return tuple(key) if type(key) is Valued else b""


# --- list, deque, SortedDict ----------------------------------------------------------------------------------------


class _Tree:
    """One list in pieces."""

    def __init__(self, pieces: Pieces, where: object, large: Large) -> None:
        self._pieces = pieces
        self._where = where
        self._kind = large.kind
        self._storage, self._next, self._root, self._head, self._tail = large.shape
        self._beside = large.beside
        self._used = Numbers()
        self._wrong = _Named(pieces, where)
        self._last: list[Any] = []  # the last key so far, of a SortedDict

    def check(self) -> None:
        is_sorted = self._kind == KIND_SORTEDDICT
        for what, items in (("head", self._head), ("tail", self._tail)):
            count = len(items) // (2 if is_sorted else 1)
            if count > paged_list.LEAF_COUNT:
                self._wrong.add(f"its {what} has {count} items, more than {paged_list.LEAF_COUNT}")
        self._check_keys("its head", self._head, None)
        count = 0
        for row in self._root:
            if self._is_row(row, "its root"):
                self._check_branch(*row)
                count += row[1]
        self._check_keys("its tail", self._tail, None)
        if self._kind == KIND_DEQUE:
            maxlen = self._beside[0] if self._beside else None
            length = count + len(self._head) + len(self._tail)
            if maxlen is not None and (type(maxlen) is not int or length > maxlen):
                self._wrong.add(f"has {length} items, more than its maxlen of {maxlen}")
        for number, _ in self._pieces._walk(self._storage, 0, BUCKETS_END):
            self._wrong.add(f"its piece {number} has the number of a bucket")
        for number, _ in self._pieces.pieces(self._storage):
            if number not in self._used:
                self._wrong.add(f"its piece {number} is in no place of it")

    def _is_row(self, row: Any, where: object) -> bool:
        good = type(row) is list and len(row) == 3 and type(row[0]) is int and type(row[1]) is int and row[1] > 0
        if not good:
            self._wrong.add(f"{where} has a row that is none: {row!r:.100}")
        return good

    def _check_branch(self, number: int, count: int, first: Any) -> None:
        rows = self._piece(number)
        if rows is None:
            return
        what = f"its branch {number}"
        if type(rows) is not list or not 0 < len(rows) <= paged_list.BRANCH_COUNT:
            self._wrong.add(f"{what} has not 1 to {paged_list.BRANCH_COUNT} rows")
            return
        found = 0
        for at, row in enumerate(rows):
            if self._is_row(row, what):
                found += row[1]
                if at == 0:
                    self._check_first(what, first, row[2])
                self._check_leaf(*row)
        if found != count:
            self._wrong.add(f"{what} has {found} items, its root says {count}")

    def _check_leaf(self, number: int, count: int, first: Any) -> None:
        items = self._piece(number)
        if items is None:
            return
        what = f"its leaf {number}"
        if type(items) is not list:
            self._wrong.add(f"{what} is none")
            return
        found = len(items) // 2 if self._kind == KIND_SORTEDDICT else len(items)
        if found != count:
            self._wrong.add(f"{what} has {found} items, its branch says {count}")
        if found > paged_list.LEAF_COUNT:
            self._wrong.add(f"{what} has {found} items, more than {paged_list.LEAF_COUNT}")
        self._check_keys(what, items, [first])

    def _check_keys(self, what: str, items: list[Any], first: list[Any] | None) -> None:
        """Check the keys of a part: in order, behind those before, and from the one that its row names."""
        if self._kind != KIND_SORTEDDICT:
            if first is not None and first[0] is not None:
                self._wrong.add(f"{what} has a key in its row")
            return
        if len(items) % 2:
            self._wrong.add(f"{what} has a key without a value")
        keys = items[::2]
        try:
            check_order([*self._last, *keys])
        except Unreadable as error:
            self._wrong.add(f"{what} {error}")
        if keys:
            if first is not None:
                self._check_first(what, first[0], keys[0])
            self._last = keys[-1:]

    def _check_first(self, what: str, first: Any, found: Any) -> None:
        if first != found:
            self._wrong.add(f"{what} begins with {found!r:.100}, the row above it says {first!r:.100}")

    def _piece(self, number: int) -> Any:
        """Return a piece that is used here, None when there is none to look at."""
        if not BUCKETS_END <= number < self._next:
            self._wrong.add(f"its piece {number} has a number that was not given, the next is {self._next}")
            return None
        if not self._used.add(number):
            self._wrong.add(f"its piece {number} stands in two places of it")
            return None
        key = _key(self._storage, number)
        record = self._pieces._store.get(key)
        if record is None:
            if not self._pieces._is_there(key):
                self._wrong.add(f"its piece {number} is missing")
            return None
        return self._pieces.read(self._where, number, record)


class _Piece:
    """The name of a piece, for a finding that may never be made."""

    __slots__ = ("_number", "_where")

    def __init__(self, where: object, number: int) -> None:
        self._where = where
        self._number = number

    def __str__(self) -> str:
        return f"{self._where}, piece {self._number}"


class _Named:
    """Findings of one container, of which the first are told."""

    def __init__(self, pieces: Pieces, where: object) -> None:
        self._pieces = pieces
        self._where = where
        self._count = 0

    def add(self, what: str) -> None:
        self._count += 1
        if self._count <= _NAMED_COUNT_MAX:
            self._pieces._add(self._where, what)
        elif self._count == _NAMED_COUNT_MAX + 1:
            self._pieces._add(self._where, "is wrong in more places of this kind, which are not listed")


def _key(storage: int, number: int) -> bytes:
    """Return the key of a piece, or for 1 << 64 the one behind all of them."""
    if number == 1 << 64:
        return record_key(storage + 1)
    return storage.to_bytes(8, "big") + number.to_bytes(8, "big")


def _is_in(bucket: int, bits: int, tag: int) -> bool:
    return buckets.bucket_of(tag, bits) == bucket


def _entries(bucket: bytes | None) -> list[tuple[int, int]] | None:
    """Return what a bucket holds, None when it can't be read."""
    if bucket is None:
        return None
    try:
        return buckets.entries_of(bucket)
    except struct.error:
        return None
