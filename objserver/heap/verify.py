"""Verify: whether the records of a checkpoint are a heap, without making one.

    survey      every record once, in order of keys: checksums, what kind each object is of, which storages are there
    mark        from the root, name by name: each record is read, each reference looked up, pieces walked over
    the rest    what the mark did not reach is read too: from what is PENDING on, then what waits for the sweep
    accounts    counts and sums (objserver/heap/verify_accounts.py)

What the root does not reach may refer to objects that were deleted before it, as cycles do; so it is only counted.

What is kept meanwhile is two bytes for what each object is, one for how often it is referred to, and a bit for each
question (objserver/heap/numbers.py): some 400 MB for a hundred million objects. Each record is read twice.

Promise: what the heap would stumble over some day is found today, and nothing is made, run or changed
(tests/engine/test_verify.py). A finding does not end the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ..findings import REPORT, RESTORE, Findings
from ..store import Snapshot
from .numbers import Numbers, Table
from .plain_records import KIND_NAMES, Held, Large, PlainRecords, Unreadable, kind_of
from .reclaim import KINDS, RESERVED
from .records import KIND_CLASS, KIND_INSTANCE, LARGE, LIBRARY_OID, ROOT_OID, record_key
from .verify_accounts import Accounts
from .verify_pieces import Pieces

__all__ = ["HeapCheck", "Progress"]

# (records looked at, of so many)
Progress = Callable[[int, int], None]

# Records between two words about the progress.
_STEP_COUNT: Final = 5_000

# Objects that wait for their turn as numbers; more of them wait as bits.
_STACK_COUNT_MAX: Final = 1 << 20

# What stands in the table for an object: its kind and one more; for an instance the class, numbered as they are met.
_ROOT: Final = 100
_UNREADABLE: Final = 101
_CLASSES: Final = 102
_CLASS_COUNT_MAX: Final = (1 << 16) - 1 - _CLASSES


_FIGURES: Final = ("objects", "pieces", "size", "pending_objects", "pending_size", "cycle_objects", "cycle_size")


class _Object:
    """The name of an object, for a finding that may never be made."""

    __slots__ = ("_check", "_oid")

    def __init__(self, check: HeapCheck, oid: int) -> None:
        self._check = check
        self._oid = oid

    def __str__(self) -> str:
        return self._check.name(self._oid)


class HeapCheck:
    """One look at a snapshot.

    Attributes:
        figures: counts and bytes of what was found, for people.
    """

    def __init__(self, store: Snapshot, *, next_oid: int, findings: Findings, progress: Progress) -> None:
        """
        Args:
            next_oid: the first number that the checkpoint says was given to nobody.
        """
        self._store = store
        self._next_oid = next_oid
        self._findings = findings
        self._progress = progress
        self._seen_count = 0
        self._records = PlainRecords()
        self._kinds = Table()
        self._classes: list[int] = []  # oids
        self._class_numbers: dict[int, int] = {}
        self._storages = Numbers()  # that there are pieces of
        self._claimed = Numbers()  # that a container has
        self._is_whole = True  # every record could be read
        self._accounts = Accounts(store, self._add)
        self._reached = Numbers()
        self._waiting = Numbers()
        self._stack: list[int] = []
        self._marking = True  # what is referred to gets its turn
        self._strict = True  # the root reaches it
        self._from = ""  # where the mark came from
        self.figures = dict.fromkeys(_FIGURES, 0)
        self._pieces = Pieces(
            store, self._records, self._claim, self._refer_from_piece, self._accounts.check_storage, self._step,
            findings,
        )  # fmt: skip

    def run(self) -> None:
        """Look at everything. Raises DataDamaged when LMDB can't go on."""
        self._accounts.read_pending()
        self._survey()
        self._mark_root()
        self._read_rest()
        self._read_storages()
        if self._is_whole:
            self._accounts.check(self._kinds, self._storages)

    def _step(self) -> None:
        """One more record was looked at."""
        self._seen_count += 1
        if not self._seen_count % _STEP_COUNT:
            self._progress(self._seen_count, 2 * self._store.count)

    # --- survey -----------------------------------------------------------------------------------------------------

    def _survey(self) -> None:
        figures = self.figures
        for key, record in self._store.walk():
            self._step()
            number = int.from_bytes(key[:8], "big")
            if record is None:
                self._is_whole = False
                self._add(_record_name(key), "does not match its checksum", RESTORE)
            if len(key) not in (8, 16):
                self._add(f"record {key.hex()}", "has a key that none of ours has")
                continue
            if number >= RESERVED and len(key) == 16:
                continue
            if number >= self._next_oid:
                what = "object" if len(key) == 8 else "storage"
                self._add(f"{what} {number}", f"is there, but the checkpoint gave no number from {self._next_oid} on")
                if number >= LIBRARY_OID:
                    continue
            figures["size"] += len(record or b"")
            if len(key) == 16:
                figures["pieces"] += 1
                self._storages.add(number)
            else:
                figures["objects"] += 1
                self._kinds[number] = self._entry_of(number, record)

    def _entry_of(self, oid: int, record: bytes | None) -> int:
        """Return what the table says of an object."""
        if record is None:
            return _UNREADABLE
        take = self._accounts.take
        if oid == ROOT_OID:
            take(KINDS + record[0], len(record))
            return _ROOT
        kind = kind_of(record)
        if kind is None:
            self._add(f"object {oid}", f"is of kind {record[:2]!r}, which this version does not know")
            self._is_whole = False
            return _UNREADABLE
        if kind != KIND_INSTANCE:
            take(KINDS + record[record[:1] == LARGE], len(record))
            return kind + 1
        try:
            class_oid = self._records.read(record)[0][0]
        except Unreadable:  # the mark will tell
            self._is_whole = False
            return _UNREADABLE
        take(class_oid, len(record))
        return self._class_entry(class_oid)

    def _class_entry(self, class_oid: int) -> int:
        number = self._class_numbers.get(class_oid)
        if number is None:
            number = self._class_numbers[class_oid] = min(len(self._classes), _CLASS_COUNT_MAX)
            if number < _CLASS_COUNT_MAX:
                self._classes.append(class_oid)
        return _CLASSES + number

    # --- mark -------------------------------------------------------------------------------------------------------

    def _mark_root(self) -> None:
        record = self._store.get(record_key(ROOT_OID))
        if record is None:
            if self._store.count and self._kinds[ROOT_OID] != _UNREADABLE:
                self._add("the root", "has no record")
            return
        self._step()
        self._reached.add(ROOT_OID)
        met: list[Held] = []
        try:
            names = self._records.read_root(record)
        except Unreadable as error:
            self._is_whole = False
            self._add("the root", str(error))
            return
        for name, packed in names.items():
            where = f"root {name.removeprefix('def ')!r}"
            self._from = f", reached from {where}"
            try:
                self._records.read_value(packed)
            except Unreadable as error:
                self._is_whole = False
                self._add(where, str(error))
            met += self._records.met
            for held in self._records.met:
                self._look_up(where, held)
            self._drain()
        for oid in {held.oid for held in met}:
            self._accounts.counts.add(oid)

    def _drain(self) -> tuple[int, int]:
        """Read what waits, and what that refers to. Returns how many objects that were, and their size in bytes."""
        stack = self._stack
        count = size = 0
        while True:
            while stack:
                count += 1
                size += self._read(stack.pop())
            stack += self._waiting.take()
            if not stack:
                return count, size

    def _read(self, oid: int) -> int:
        """Read an object, and look up what it refers to. Returns its size in bytes, with its pieces."""
        record = self._store.get(record_key(oid))
        self._step()
        if record is None:
            return 0  # the survey has told
        where = _Object(self, oid)
        try:
            content = self._records.read(record)
        except Unreadable as error:
            self._is_whole = False
            self._add(where, str(error))
            return len(record)
        met = self._records.met
        kind = kind_of(record)
        if kind == KIND_INSTANCE:
            met = [*met, Held(KIND_CLASS, content[0][0], 0)]
        self._refer(where, met, oid)
        size = len(record)
        if type(content) is Large:
            size += self._pieces.check(where, content, strict=self._strict)
        return size

    def _refer_from_piece(self, where: object) -> int:
        """Look up what the piece that was read last refers to. Returns how many objects that are."""
        return self._refer(where, self._records.met)

    def _refer(self, where: object, met: Iterable[Held], own: int = 0) -> int:
        """Look references up, and count them. That of an object to itself, `own`, is not counted."""
        oids = set()
        for held in set(met) if met else ():
            self._look_up(where, held)
            if held.oid < LIBRARY_OID and held.oid != own:
                oids.add(held.oid)
        for oid in oids:
            self._accounts.counts.add(oid)
        return len(oids)

    def _look_up(self, where: object, held: Held) -> None:
        """Check a reference, and let the object have its turn."""
        kind, oid, class_oid = held
        if oid >= LIBRARY_OID and kind == KIND_CLASS:
            return
        found = self._kinds[oid]
        if not found:
            if self._strict:
                self._add(where, f"refers to {KIND_NAMES.get(kind, 'object')} {oid}, which has no record")
            return
        if found != _UNREADABLE:
            if found < _CLASSES:
                if found != kind + 1:
                    is_kind = "the root" if found == _ROOT else f"a {KIND_NAMES[found - 1]}"
                    self._add(where, f"refers to {KIND_NAMES.get(kind, 'object')} {oid}, which is {is_kind}")
            elif kind != KIND_INSTANCE:
                self._add(where, f"refers to {KIND_NAMES.get(kind, 'object')} {oid}, which is an instance")
            elif class_oid != (own := self._class_of(found, oid)):
                self._add(where, f"refers to instance {oid} of class {class_oid}, which is one of class {own}")
        if self._marking and self._reached.add(oid):
            stack = self._stack
            stack.append(oid)
            if len(stack) > _STACK_COUNT_MAX:
                for each in stack[: _STACK_COUNT_MAX // 2]:
                    self._waiting.add(each)
                del stack[: _STACK_COUNT_MAX // 2]

    def _class_of(self, found: int, oid: int) -> int:
        number = found - _CLASSES
        if number < _CLASS_COUNT_MAX:
            return self._classes[number]
        record = self._store.get(record_key(oid))  # of the classes beyond those that have a number
        assert record is not None
        return self._records.read(record)[0][0]  # type: ignore[no-any-return]

    def _claim(self, where: object, storage: int) -> bool:
        """Note that a container has a storage. Returns: whether it is the first to say so."""
        if storage >= self._next_oid:
            self._add(where, f"has its pieces in storage {storage}, a number that nobody was given")
            return False
        if self._claimed.add(storage):
            return True
        self._add(where, f"has its pieces in storage {storage}, which another container has")
        return False

    # --- what was not reached ---------------------------------------------------------------------------------------

    def _read_rest(self) -> None:
        """Read what the root does not reach."""
        figures, reached = self.figures, self._reached
        self._from = ", which waits to be deleted"
        self._strict = False
        for oid in self._accounts.pending_objects:
            if oid in reached:
                self._add(self._kind_and_oid(oid), "is PENDING, to be deleted, but the root reaches it")
            elif self._kinds[oid]:
                reached.add(oid)
                self._stack.append(oid)
                count, size = self._drain()
                figures["pending_objects"] += count
                figures["pending_size"] += size
        self._from = ", which waits for the sweep"
        self._marking = False
        for oid, _ in self._kinds.items():
            if oid not in reached:
                figures["cycle_objects"] += 1
                figures["cycle_size"] += self._read(oid)

    def _read_storages(self) -> None:
        """Read pieces that no container has."""
        pending = self._accounts.pending_storages
        for storage in self._storages:
            if storage in self._claimed:
                if storage in pending:
                    self._add(f"storage {storage}", "is PENDING, to be deleted, but a container has it")
                continue
            if storage not in pending:
                self._add(f"storage {storage}", "has pieces, but no container has it, nor is it PENDING")
            self.figures["pending_size"] += self._pieces.read_apart(f"storage {storage}", storage)

    # --- words ------------------------------------------------------------------------------------------------------

    def name(self, oid: int) -> str:
        """Return what a finding calls an object."""
        return f"{self._kind_and_oid(oid)}{self._from}"

    def _kind_and_oid(self, oid: int) -> str:
        found = self._kinds[oid]
        kind = "instance" if found >= _CLASSES else KIND_NAMES.get(found - 1, "object")
        return f"{kind} {oid}"

    def _add(self, where: object, what: str, remedy: str = REPORT) -> None:
        self._findings.add(f"{self._store.path}: {where}", what, remedy)


def _record_name(key: bytes) -> str:
    """Return what a finding calls a record of which no more is known."""
    number = int.from_bytes(key[:8], "big")
    if len(key) == 8:
        return f"object {number}, record {key.hex()}"
    if len(key) == 16 and number < RESERVED:
        return f"piece {int.from_bytes(key[8:], 'big')} of storage {number}, record {key.hex()}"
    return f"record {key.hex()}"
