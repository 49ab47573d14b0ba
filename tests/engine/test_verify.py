"""`verify` finds nothing in a sound folder, and each kind of damage in one that is not: one fault is planted at a time,
past the store, with a right checksum unless the checksum is the fault."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import msgpack
import pytest
from google_crc32c import value as crc32c
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from objserver.engine import Options
from objserver.engine.entries import BATCH, CHECKPOINT, DIGEST, Row, code_digest, pack_batch, pack_digest
from objserver.engine.verify import Report, verify
from objserver.heap import buckets, reclaim, sweep
from objserver.heap.reclaim import CENSUS, COUNTS, KINDS, PENDING, STORAGES
from objserver.heap.records import KIND_DICT, KIND_INSTANCE, ROOT_OID, pack_reference, record_key

from .bench import Bench
from .test_reclaim import Graphs

SETUP = """
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import NamedTuple
class Point(NamedTuple):
    x: int
Pair = namedtuple('Pair', 'a b')
class Plain(Enum):
    A = 1
class Number(IntEnum):
    A = 10
@dataclass(eq=False)
class Person:
    name: str
    friends: list
    def greet(self): return self.name
class Other: pass
def add(x, y=[1]): return x + len(y)
def times(n):
    def by(x): return n * x
    return by
double = times(2)
plain = {'one': [1], 'two': {2, 3}}
bob = Person('bob', [])
bob.friends.append(bob)
other = Other()
people = {i: [i] for i in range(1000)}
wide = dict.fromkeys(range(5000))
keys = {**{(i, str(i)): i for i in range(300)}, **{Point(i): i for i in range(300)}, Plain.A: 1, Number.A: 2, add: 3,
        Person: 4, int: 5, Pair(1, 2): 6, 2.5: 7, None: 8, bob: 9, frozenset([1, 2]): 10, date(2020, 1, 1): 11,
        Decimal('1.5'): 12, b'x': 13, True: 14}
members = {Person(str(i), []): i for i in range(300)}
tags = set(range(1000))
rows = [[i] for i in range(100)] + list(range(20_000))
queue = deque(range(1000), maxlen=1000)
ranks = SortedDict({i: [i] for i in range(5000)})
groups = defaultdict(list, {i: [i] for i in range(400)})
counted = Counter({i: i for i in range(400)})
ordered = OrderedDict((i, i) for i in range(400))
gone = [1]; also = [gone]; gone.append(also); gone.append({i: i for i in range(300)})
unused = [[1], [2]]; shared = [plain['one']]
little = SortedDict({'a': 1, 'b': 2}); few = deque([1, 2], 2); both = Counter('aab'), OrderedDict(a=1), defaultdict(int)
"""
CHANGES = """
for i in range(0, 1000, 3): del people[i]
for i in range(0, 5000, 100): del wide[i]
wide.update(dict.fromkeys(range(5000, 5050)))
for i in range(3000): del rows[i * 3]
rows[50:60] = []
for i in range(700): del ranks[i * 3]
queue.rotate(3)
queue.appendleft([5])
members.clear()
tags.discard(5); tags.add('new')
def add(x, y=[2]): return x - len(y)
ordered.move_to_end(5, last=False); ordered.move_to_end(6)
bob.friends = [other]
del gone, also, unused
"""


class Known(NamedTuple):
    """A folder with a sound heap, and where things are in it."""

    folder: Path
    oids: dict[str, int]
    storages: dict[str, int]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder = tmp_path_factory.mktemp("known") / "data"
    bench = Bench(folder, Options(segment_size=64 * 1024))
    bench.eval(SETUP)
    bench.engine.checkpoint()
    bench.eval(CHANGES)
    bench.engine.checkpoint()
    heap = bench.engine._heap
    oids, storages = {}, {}
    for name in heap.root.names():
        value = heap.value_of(name)
        if (oid := heap.refer_if_kept(value)) is not None:
            oids[name] = oid
            storage = getattr(getattr(value, "__items__", None), "storage", None)
            if storage is not None:
                storages[name] = storage
    oids["one"] = heap.value_of("plain")["one"].__oid__
    bench.eval("after = 1")
    bench.kill()
    return Known(folder, oids, storages)


class Planting:
    """A copy of that folder, to be changed."""

    def __init__(self, known: Known, folder: Path) -> None:
        self.folder = folder
        self.oids, self.storages = known.oids, known.storages
        shutil.copytree(known.folder, folder)

    @contextmanager
    def records(self) -> Iterator[lmdb.Transaction]:
        with lmdb.open(str(self.folder / "heap"), max_dbs=2, map_size=1 << 30, sync=False) as env:
            self.meta = env.open_db(b"meta")
            with env.begin(write=True, db=env.open_db(b"records")) as txn:
                yield txn

    def put(self, key: bytes, record: bytes | None) -> None:
        with self.records() as txn:
            if record is None:
                assert txn.delete(key)
            else:
                txn.put(key, record + crc32c(record).to_bytes(4, "little"))

    def get(self, key: bytes) -> bytes:
        with self.records() as txn:
            stored = txn.get(key)
            assert stored is not None
            return bytes(stored[:-4])

    def change(self, key: bytes, head: int, change: Callable[[Any], Any]) -> None:
        """Change what a record holds behind its first `head` bytes: in place, or return another."""
        record = self.get(key)
        content = msgpack.unpackb(record[head:], strict_map_key=False)
        changed = change(content)
        self.put(key, record[:head] + msgpack.packb(content if changed is None else changed))

    def of(self, name: str) -> bytes:
        return record_key(self.oids[name])

    def piece(self, name: str, number: int) -> bytes:
        return self.storages[name].to_bytes(8, "big") + number.to_bytes(8, "big")

    def numbers(self, name: str) -> list[int]:
        """Return the numbers of the pieces of a container, its index left out."""
        return [number for number in self.all_numbers(name) if number >= buckets.BUCKETS_END]

    def all_numbers(self, name: str) -> list[int]:
        first = self.storages[name].to_bytes(8, "big")
        with self.records() as txn:
            return [int.from_bytes(key[8:], "big") for key, _ in txn.cursor() if key[:8] == first and len(key) == 16]

    def buckets(self, name: str) -> list[int]:
        """Return the numbers of the buckets of a dict."""
        return [number for number in self.all_numbers(name) if number < buckets.GROUPS_FIRST]

    def held_by(self, name: str) -> list[list[tuple[int, int]]]:
        """Return (tag, place) of what each bucket of a dict has."""
        return [buckets.entries_of(self.get(self.piece(name, number))) for number in self.buckets(name)]

    def set_bucket(self, name: str, at: int, change: Callable[[list[Any]], list[Any]]) -> None:
        key = self.piece(name, self.buckets(name)[at])
        entries = change(buckets.entries_of(self.get(key)))
        self.put(key, buckets.make(buckets.entry_of(tag, place) for tag, place in entries))

    def waiting(self, name: str, tag: int) -> list[tuple[int, int]]:
        """Return (tag, place) of what waits in the group of a tag."""
        return buckets.entries_of(self.get(self._group(name, tag))[:-1])

    def set_group(self, name: str, change: Callable[[list[Any]], list[Any]], tag: int = 0) -> None:
        key = self._group(name, tag)
        entries = change(self.waiting(name, tag))
        bits = self.get(key)[-1:]
        self.put(key, buckets.make(buckets.entry_of(tag, place) for tag, place in entries) + bits)

    def _group(self, name: str, tag: int) -> bytes:
        return self.piece(name, buckets.GROUPS_FIRST + (tag >> buckets.shift_of(self.shape(name)[6])))

    def shape(self, name: str) -> list[Any]:
        shape: list[Any] = msgpack.unpackb(self.get(self.of(name))[2:], strict_map_key=False)[0]
        return shape

    def set_shape(self, name: str, at: int, change: Callable[[Any], Any]) -> None:
        def apply(content: Any) -> None:
            content[0][at] = change(content[0][at])

        self.change(self.of(name), 2, apply)

    def branch(self, name: str, at: int = 0) -> int:
        """Return the number of a branch of a list."""
        number: int = self.shape(name)[2][at][0]
        return number

    def leaf(self, name: str, at: int = 0) -> int:
        """Return the number of a leaf in its first branch."""
        number: int = msgpack.unpackb(self.get(self.piece(name, self.branch(name))))[at][0]
        return number

    def change_mark(self, change: Callable[[list[Any]], Any]) -> None:
        with self.records() as txn:
            mark = msgpack.unpackb(txn.get(b"checkpoint", db=self.meta))
            change(mark)
            txn.put(b"checkpoint", msgpack.packb(mark), db=self.meta)

    def segment(self) -> Path:
        return min((self.folder / "log").glob("*.log"))


def reference(kind: int, oid: int, class_oid: int = 0) -> msgpack.ExtType:
    return msgpack.ExtType(1, pack_reference((kind, oid, class_oid)))


def said(report: Report) -> str:
    return "\n".join(map(str, report.findings.kept))


def test_sound_folder_has_no_findings(known: Known) -> None:
    report = verify(known.folder)
    assert report.sound, said(report)
    assert not report.running and not report.notes
    assert report.heap["objects"] > 5_000 and report.heap["pieces"] > 1_000
    # two lists that hold each other, and what they hold
    assert report.heap["cycle_objects"] == 3 and report.heap["cycle_size"] > 1_000
    assert report.log["first_seq"] == 1 and report.seq < report.log["last_seq"]


def test_what_does_not_fit_on_the_stack_is_read_too(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = verify(known.folder)
    monkeypatch.setattr("objserver.heap.verify._STACK_COUNT_MAX", 10)
    found = verify(known.folder)
    assert found.sound, said(found)
    assert found.heap == expected.heap


def test_classes_beyond_those_that_have_a_number_are_told_apart(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objserver.heap.verify._CLASS_COUNT_MAX", 1)
    found = verify(known.folder)
    assert found.sound, said(found)


def test_verify_changes_no_byte_of_the_data(known: Known) -> None:
    def content() -> dict[str, bytes]:
        files = [path for path in known.folder.rglob("*") if path.is_file() and path.name != "lock.mdb"]
        return {str(path): path.read_bytes() for path in files}

    before = content()
    verify(known.folder)
    assert content() == before


def test_empty_folder_and_one_never_checkpointed_are_sound(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.kill()
    assert verify(tmp_path / "data").sound
    bench = Bench(tmp_path / "data")
    bench.eval("x = [1]")
    bench.kill()
    assert verify(tmp_path / "data").sound


def test_entry_that_a_crash_left_half_written_is_no_finding(known: Known, tmp_path: Path) -> None:
    planting = Planting(known, tmp_path / "data")
    path = planting.segment()
    content = bytearray(path.read_bytes())
    end = len(content.rstrip(b"\0"))
    content[end - 3 : end] = bytes(3)  # of the last entry's payload
    path.write_bytes(content)
    report = verify(planting.folder)
    assert report.sound, said(report)
    assert "not whole" in report.notes[0]


# --- one fault at a time ----------------------------------------------------------------------------------------------

PLANTS: dict[str, tuple[Callable[[Planting], Any], str]] = {}


def plant(expected: str) -> Callable[[Callable[[Planting], Any]], Callable[[Planting], Any]]:
    """Register a fault, and what a finding must say of it: a pattern, with {name} for the oid of a root."""

    def register(function: Callable[[Planting], Any]) -> Callable[[Planting], Any]:
        PLANTS[function.__name__] = function, expected
        return function

    return register


@plant(r"dict {plain}, reached from root 'plain': refers to list {one}, which has no record")
def record_is_gone(folder: Planting) -> None:
    folder.put(folder.of("one"), None)


@plant(r"dict {plain}, reached from root 'plain': refers to list 1152921504606846976, which has no record")
def reference_leads_nowhere(folder: Planting) -> None:
    folder.change(folder.of("plain"), 1, lambda content: content.update(one=reference(1, 1 << 60)))


@plant(r"root 'bob': refers to instance \d+, which has no record")
def reference_of_the_root_leads_nowhere(folder: Planting) -> None:
    folder.put(folder.of("bob"), None)


@plant(r"dict {plain}, .*: refers to dict {one}, which is a list")
def reference_names_another_kind(folder: Planting) -> None:
    folder.change(folder.of("plain"), 1, lambda content: content.update(one=reference(KIND_DICT, folder.oids["one"])))


@plant(r"dict {plain}, .*: refers to list {bob}, which is an instance")
def reference_names_another_kind_than_instance(folder: Planting) -> None:
    folder.change(folder.of("plain"), 1, lambda content: content.update(one=reference(1, folder.oids["bob"])))


@plant(r"dict {plain}, .*: refers to instance {bob} of class {Other}, which is one of class {Person}")
def reference_names_another_class(folder: Planting) -> None:
    held = reference(KIND_INSTANCE, folder.oids["bob"], folder.oids["Other"])
    folder.change(folder.of("plain"), 1, lambda content: content.update(one=held))


@plant(r"instance {bob}, .*: refers to class 1152921504606846976, which has no record")
def class_of_an_instance_is_gone(folder: Planting) -> None:
    folder.change(folder.of("bob"), 1, lambda content: content[0].__setitem__(0, 1 << 60))


@plant(r"object {bob}, record {bob:016x}: does not match its checksum")
def checksum_is_wrong(folder: Planting) -> None:
    with folder.records() as txn:
        stored = bytearray(txn.get(folder.of("bob")))
        stored[-1] ^= 1
        txn.put(folder.of("bob"), bytes(stored))


@plant(r"piece \d+ of storage \d+, record [0-9a-f]{{32}}: does not match its checksum")
def checksum_of_a_piece_is_wrong(folder: Planting) -> None:
    key = folder.piece("rows", folder.leaf("rows"))
    with folder.records() as txn:
        txn.put(key, txn.get(key)[:-4] + b"1234")


@plant(r"list {one}, .*: does not decode")
def record_does_not_decode(folder: Planting) -> None:
    folder.put(folder.of("one"), b"l\xc1")


@plant(r"object {one}: is of kind b'z")
def record_is_of_no_kind(folder: Planting) -> None:
    folder.put(folder.of("one"), b"z\x90")


@plant(r"list {one}, .*: has not what its kind must have: items")
def record_has_another_content(folder: Planting) -> None:
    folder.put(folder.of("one"), b"l" + msgpack.packb({}))


@plant(r"the root: has no record")
def root_is_gone(folder: Planting) -> None:
    folder.put(record_key(ROOT_OID), None)


@plant(r"the root: has its names out of order")
def root_is_out_of_order(folder: Planting) -> None:
    folder.change(record_key(ROOT_OID), 1, lambda names: dict(reversed(names.items())))


@plant(r"root 'plain': does not decode")
def value_of_a_root_does_not_decode(folder: Planting) -> None:
    folder.change(record_key(ROOT_OID), 1, lambda names: names.update(plain=b"\xc1"))


@plant(r"SortedDict {little}, .*: has not what its kind must have: its keys in order")
def small_sorted_dict_is_out_of_order(folder: Planting) -> None:
    folder.change(folder.of("little"), 1, lambda content: ["b", 2, "a", 1])


@plant(r"deque {few}, .*: has not what its kind must have: items up to its maxlen")
def small_deque_is_too_long(folder: Planting) -> None:
    folder.change(folder.of("few"), 1, lambda content: [2, [1, 2, 3]])


@plant(r"class {Person}, .*: does not decode")
def body_of_a_class_does_not_decode(folder: Planting) -> None:
    folder.change(folder.of("Person"), 1, lambda content: content.__setitem__(4, b"\xc1"))


@plant(r"function {double}, .*: refers to version 1152921504606846976, which has no record")
def text_of_a_function_is_gone(folder: Planting) -> None:
    folder.change(folder.of("double"), 1, lambda content: content.__setitem__(1, reference(10, 1 << 60)))


@plant(r"record 0102: has a key that none of ours has")
def key_is_none_of_ours(folder: Planting) -> None:
    folder.put(b"\1\2", b"x")


@plant(r"object \d+: is there, but the checkpoint gave no number from")
def object_has_a_number_not_given(folder: Planting) -> None:
    folder.put(record_key(1 << 40), b"l\x90")


@plant(r"object \d+: is there, but the checkpoint gave no number from 100 on")
def mark_gives_numbers_again(folder: Planting) -> None:
    folder.change_mark(lambda mark: mark.__setitem__(1, 100))


# --- dicts in pieces


@plant(r"dict {people}, .*: has 666 entries, its record says 667")
def count_is_off_by_one(folder: Planting) -> None:
    folder.set_shape("people", 1, lambda count: count + 1)


@plant(r"dict {people}, .*: its bucket \d+ has an entry at place \d+, where none is")
def entry_is_gone(folder: Planting) -> None:
    folder.put(folder.piece("people", folder.numbers("people")[5]), None)


@plant(r"dict {people}, .*: its entry at place \d+ is in no bucket, so its key \d+ is not found")
def entry_of_a_bucket_is_gone(folder: Planting) -> None:
    folder.set_bucket("people", 0, lambda entries: entries[1:])


@plant(r"dict {keys}, .*: its entry at place \d+ is in no bucket")
def entry_of_a_bucket_of_other_keys_is_gone(folder: Planting) -> None:
    folder.set_bucket("keys", 2, lambda entries: entries[:-1])


@plant(r"dict {wide}, .*: its entry at place \d+ is in no bucket")
def entry_of_a_group_is_gone(folder: Planting) -> None:
    folder.set_group("wide", lambda waiting: [each for each in waiting if each[1] >= buckets.GONE])


@plant(r"dict {wide}, .*: its group \d+ takes the entry at place \d+ out of a bucket that does not have it")
def entry_is_taken_out_twice(folder: Planting) -> None:
    tag, place = folder.held_by("wide")[-1][0]
    folder.set_group("wide", lambda waiting: [*waiting, (tag, place + 1 + buckets.GONE)], tag)


@plant(r"dict {wide}, .*: its entry at place \d+ is in no bucket, so its key")
def entry_is_taken_out_that_is_there(folder: Planting) -> None:
    tag, place = folder.held_by("wide")[-1][0]
    folder.set_group("wide", lambda waiting: [*waiting, (tag, place + buckets.GONE)], tag)


@plant(r"dict {wide}, .*: its bucket \d+ has an entry at place \d+, where none is")
def entry_is_not_taken_out(folder: Planting) -> None:
    folder.set_group("wide", lambda waiting: [each for each in waiting if each[1] < buckets.GONE])


@plant(r"dict {wide}, .*: its group \d+ has the entry at place \d+, which belongs into another")
def entry_waits_in_another_group(folder: Planting) -> None:
    mine = folder.waiting("wide", 0)
    folder.set_group("wide", lambda waiting: [])
    folder.set_group("wide", lambda waiting: [*waiting, *mine], (1 << buckets.TAG_BITS) - 1)


@plant(r"dict {wide}, .*: its group 0 has \d+ bytes, which is no number of entries and one")
def group_is_cut(folder: Planting) -> None:
    folder.put(folder.piece("wide", buckets.GROUPS_FIRST), b"123456789")


@plant(r"dict {wide}, .*: its bucket \d+ is one too many, those of group 0 are named by \d+ bits")
def group_names_its_buckets_by_less(folder: Planting) -> None:
    key = folder.piece("wide", buckets.GROUPS_FIRST)
    group = folder.get(key)
    folder.put(key, group[:-1] + bytes((group[-1] - 1,)))


@plant(r"dict {wide}, .*: its group 0 names its buckets by 41 bits")
def group_names_its_buckets_by_too_much(folder: Planting) -> None:
    key = folder.piece("wide", buckets.GROUPS_FIRST)
    folder.put(key, folder.get(key)[:-1] + bytes((41,)))


@plant(r"dict {wide}, .*: its bucket \d+ has no group")
def group_is_gone(folder: Planting) -> None:
    folder.put(folder.piece("wide", buckets.GROUPS_FIRST + 1), None)


@plant(r"dict {wide}, .*: its group 2 is one too many, there are 2")
def group_is_too_many(folder: Planting) -> None:
    folder.put(folder.piece("wide", buckets.GROUPS_FIRST + 2), b"\0")


@plant(r"dict {wide}, .*: its group 0 has \d+ entries that wait, more than \d+")
def group_has_too_many(folder: Planting) -> None:
    folder.set_group("wide", lambda waiting: [*waiting, *((0, place) for place in range(1 << 46, (1 << 46) + 200))])


@plant(r"dict {wide}, .*: has 3 groups, which is no power of two")
def groups_are_three(folder: Planting) -> None:
    folder.set_shape("wide", 6, lambda _: 3)


@plant(r"set {tags}, .*: its entry at place \d+ is in no bucket")
def bucket_is_gone(folder: Planting) -> None:
    folder.put(folder.piece("tags", folder.buckets("tags")[3]), None)


@plant(r"set {tags}, .*: its bucket 40 is one too many")
def bucket_is_too_many(folder: Planting) -> None:
    folder.put(folder.piece("tags", 40), b"")


@plant(r"set {tags}, .*: its bucket \d+ has 7 bytes")
def bucket_is_cut(folder: Planting) -> None:
    folder.put(folder.piece("tags", folder.buckets("tags")[1]), b"1234567")


@plant(r"dict {people}, .*: its bucket 0 has the entry at place \d+, which belongs into another")
def entry_stands_in_another_bucket(folder: Planting) -> None:
    theirs = folder.held_by("people")[1]
    folder.set_bucket("people", 0, lambda entries: [*entries, theirs[0]])
    folder.set_bucket("people", 1, lambda entries: entries[1:])


@plant(r"dict {people}, .*: its bucket 0 has its entries out of order")
def bucket_is_out_of_order(folder: Planting) -> None:
    key = folder.piece("people", 0)
    bucket = folder.get(key)
    folder.put(key, b"".join(bucket[at : at + 11] for at in reversed(range(0, len(bucket), 11))))


@plant(r"dict {people}, .*: its entry at place \d+ is in no bucket, so its key 'other' is not found")
def entry_has_another_key(folder: Planting) -> None:
    folder.change(folder.piece("people", folder.numbers("people")[7]), 0, lambda entry: ["other", entry[1]])


@plant(r"dict {people}, .*: its entries at places \d+ and \d+ have one key")
def key_is_there_twice(folder: Planting) -> None:
    place, next_place = folder.numbers("people")[3], folder.shape("people")[4]
    entry = folder.get(folder.piece("people", place))
    folder.put(folder.piece("people", next_place), entry)
    for at, held in enumerate(folder.held_by("people")):
        for tag, other in held:
            if other == place:
                folder.set_bucket("people", at, lambda entries, tag=tag: [*entries, (tag, next_place)])
    for at in (1, 3, 4):
        folder.set_shape("people", at, lambda number: number + 1)


@plant(r"dict {people}, .*: its entry at place \d+ lies outside of")
def entry_lies_outside(folder: Planting) -> None:
    folder.set_shape("people", 2, lambda first: first + 10)


@plant(r"dict {people}, .*: would put its next entries at places")
def next_place_is_taken(folder: Planting) -> None:
    folder.set_shape("people", 4, lambda place: place - 500)


@plant(r"set {tags}, .*: its piece \d+ is no entry")
def member_has_a_value(folder: Planting) -> None:
    folder.change(folder.piece("tags", folder.numbers("tags")[7]), 0, lambda entry: [entry[0], 1])


@plant(r"dict {people}, .*, piece \d+: refers to list 1152921504606846976, which has no record")
def reference_of_a_piece_leads_nowhere(folder: Planting) -> None:
    piece = folder.piece("people", folder.numbers("people")[7])
    folder.change(piece, 0, lambda entry: [entry[0], reference(1, 1 << 60)])


@plant(r"dict {people}, .*: has no shape of a dict in pieces")
def shape_is_none(folder: Planting) -> None:
    folder.set_shape("people", 3, str)


@plant(r"(set|dict) \d+, .*: has its pieces in storage \d+, which another container has")
def storage_is_shared(folder: Planting) -> None:
    folder.set_shape("tags", 0, lambda _: folder.storages["people"])


@plant(r"storage \d+: has pieces, but no container has it, nor is it PENDING")
def storage_is_nobodys(folder: Planting) -> None:
    folder.put(folder.of("tags"), b"s\x90")


@plant(r"set {tags}, .*: has its pieces in storage 1099511627776, a number that nobody was given")
def storage_has_a_number_not_given(folder: Planting) -> None:
    folder.set_shape("tags", 0, lambda _: 1 << 40)


# --- lists, deques and SortedDicts in pieces


@plant(r"list {rows}, .*: its branch \d+ has \d+ items, its root says \d+")
def count_of_a_branch_is_off(folder: Planting) -> None:
    folder.set_shape("rows", 2, lambda root: [[root[0][0], root[0][1] + 1, None], *root[1:]])


@plant(r"list {rows}, .*: its leaf \d+ has \d+ items, its branch says \d+")
def count_of_a_leaf_is_off(folder: Planting) -> None:
    key = folder.piece("rows", folder.branch("rows"))
    folder.change(key, 0, lambda rows: [[rows[0][0], rows[0][1] + 1, None], *rows[1:]])


@plant(r"list {rows}, .*: its piece \d+ is missing")
def leaf_is_gone(folder: Planting) -> None:
    folder.put(folder.piece("rows", folder.leaf("rows", 2)), None)


@plant(r"list {rows}, .*: its piece \d+ is missing")
def branch_is_gone(folder: Planting) -> None:
    folder.put(folder.piece("rows", folder.branch("rows", 1)), None)


@plant(r"list {rows}, .*: its piece 4398054288881 is in no place of it")
def piece_is_an_orphan(folder: Planting) -> None:
    folder.put(folder.piece("rows", buckets.BUCKETS_END + 7777777), msgpack.packb([1]))


@plant(r"list {rows}, .*: its piece \d+ stands in two places of it")
def leaf_is_used_twice(folder: Planting) -> None:
    folder.change(folder.piece("rows", folder.branch("rows")), 0, lambda rows: [rows[0], rows[0], *rows[2:]])


@plant(r"list {rows}, .*: its piece \d+ has a number that was not given, the next is 3")
def next_number_is_taken(folder: Planting) -> None:
    folder.set_shape("rows", 1, lambda _: 3)


@plant(r"list {rows}, .*: its leaf \d+ has 65 items, more than 64")
def leaf_is_too_long(folder: Planting) -> None:
    folder.put(folder.piece("rows", folder.leaf("rows")), msgpack.packb([1] * 65))


@plant(r"list {rows}, .*: its branch \d+ has not 1 to 256 rows")
def branch_is_empty(folder: Planting) -> None:
    folder.put(folder.piece("rows", folder.branch("rows")), msgpack.packb([]))


@plant(r"list {rows}, .*: its tail has 100 items, more than 64")
def tail_is_too_long(folder: Planting) -> None:
    folder.set_shape("rows", 4, lambda _: [1] * 100)


@plant(r"list {rows}, .*: its root has a row that is none")
def row_is_none(folder: Planting) -> None:
    folder.set_shape("rows", 2, lambda root: [*root, [1]])


@plant(r"deque {queue}, .*: has 1000 items, more than its maxlen of 10")
def deque_is_too_long(folder: Planting) -> None:
    folder.change(folder.of("queue"), 2, lambda content: content.__setitem__(1, 10))


@plant(r"SortedDict {ranks}, .*: its leaf \d+ has not what its kind must have: its keys in order")
def keys_are_out_of_order(folder: Planting) -> None:
    def swap(items: list[Any]) -> None:
        items[2], items[4] = items[4], items[2]

    folder.change(folder.piece("ranks", folder.leaf("ranks", 3)), 0, swap)


@plant(r"SortedDict {ranks}, .*: its leaf \d+ begins with \d+, the row above it says -1")
def row_has_another_key(folder: Planting) -> None:
    def change(rows: list[Any]) -> None:
        rows[3][2] = -1

    folder.change(folder.piece("ranks", folder.branch("ranks")), 0, change)


@plant(r"SortedDict {ranks}, .*: its branch \d+ begins with \d+, the row above it says -1")
def root_has_another_key(folder: Planting) -> None:
    folder.set_shape("ranks", 2, lambda root: [[root[0][0], root[0][1], -1], *root[1:]])


@plant(r"SortedDict {ranks}, .*: its leaf \d+ has keys that don't compare")
def keys_do_not_compare(folder: Planting) -> None:
    folder.change(folder.piece("ranks", folder.leaf("ranks", 3)), 0, lambda items: items.__setitem__(2, "text"))


# --- the accounts


def account(storage: int, number: int) -> bytes:
    return storage.to_bytes(8, "big") + number.to_bytes(8, "big")


@plant(r"object {one}: is referred to by 2 records, COUNTS says 3")
def count_of_references_is_off(folder: Planting) -> None:
    folder.put(account(COUNTS, folder.oids["one"]), msgpack.packb(3))


@plant(r"object {one}: is referred to by 2 records, COUNTS says 1")
def count_of_references_is_gone(folder: Planting) -> None:
    folder.put(account(COUNTS, folder.oids["one"]), None)


@plant(r"object {one}: is referred to by 1 records, COUNTS says 2")
def reference_is_gone(folder: Planting) -> None:
    folder.change(folder.of("shared"), 1, lambda content: [])


@plant(r"object {queue}: is referred to by 0 records, COUNTS says 1")
def object_is_nobodys(folder: Planting) -> None:
    folder.change(record_key(ROOT_OID), 1, lambda names: names.pop("queue") and None)


@plant(r"object {queue}: is referred to by no record, and is not PENDING")
def object_is_nobodys_and_counted_so(folder: Planting) -> None:
    object_is_nobodys(folder)
    folder.put(account(COUNTS, folder.oids["queue"]), msgpack.packb(0))


@plant(r"COUNTS of object 1099511627776: says 2, but the object has no record")
def count_is_of_no_object(folder: Planting) -> None:
    folder.put(account(COUNTS, 1 << 40), msgpack.packb(2))


@plant(r"COUNTS of 5: does not decode")
def count_does_not_decode(folder: Planting) -> None:
    folder.put(account(COUNTS, 5), b"\xc1")


@plant(r"list {one}: is PENDING, to be deleted, but the root reaches it")
def pending_object_is_reached(folder: Planting) -> None:
    folder.put(account(PENDING, folder.oids["one"]), msgpack.packb(["object", 10]))


@plant(r"storage \d+: is PENDING, to be deleted, but a container has it")
def pending_storage_is_in_use(folder: Planting) -> None:
    folder.put(account(PENDING, folder.storages["tags"]), msgpack.packb(["pieces", 10]))


@plant(r"PENDING of object 1099511627776: names an object that has no record")
def pending_object_is_none(folder: Planting) -> None:
    folder.put(account(PENDING, 1 << 40), msgpack.packb(["object", 10]))


@plant(r"PENDING of storage 1099511627776: names a storage that has no pieces")
def pending_storage_is_none(folder: Planting) -> None:
    folder.put(account(PENDING, 1 << 40), msgpack.packb(["pieces", 10]))


@plant(r"PENDING of 7: is none")
def pending_is_none(folder: Planting) -> None:
    folder.put(account(PENDING, 7), msgpack.packb("object"))


@plant(r"CENSUS of what is PENDING: says \[0, 0\], found \[1, 10\]")
def sum_of_what_is_pending_is_off(folder: Planting) -> None:
    folder.put(account(PENDING, 1 << 40), msgpack.packb(["object", 10]))


@pytest.mark.parametrize("at", range(1, 5))
def test_account_of_a_storage_that_is_off_is_found(at: int, known: Known, tmp_path: Path) -> None:
    planting = Planting(known, tmp_path / "data")
    key = account(STORAGES, planting.storages["people"])
    planting.change(key, 0, lambda sums: [*sums[:at], sums[at] - 100, *sums[at + 1 :]])
    found = said(verify(planting.folder))
    assert re.search(r"dict \d+, .*: has storage \d+ with 666 pieces of \d+ bytes, 666 that", found)


@plant(r"dict {people}, .*: has storage \d+, of which STORAGES says None")
def account_of_a_storage_is_gone(folder: Planting) -> None:
    folder.put(account(STORAGES, folder.storages["people"]), None)


@plant(r"dict {people}, .*: has storage \d+, which STORAGES gives to kind 115, not 100")
def account_of_a_storage_names_another_kind(folder: Planting) -> None:
    folder.change(account(STORAGES, folder.storages["people"]), 0, lambda sums: [ord("s"), *sums[1:]])


@plant(r"STORAGES of 1099511627776: says \[100, 1, 1, 1, 1\], but nothing has it")
def account_is_of_no_storage(folder: Planting) -> None:
    folder.put(account(STORAGES, 1 << 40), msgpack.packb([100, 1, 1, 1, 1]))


@plant(r"CENSUS of kind b'd': says \[\d+, 1\], found")
def census_of_a_kind_is_off(folder: Planting) -> None:
    folder.change(account(CENSUS, KINDS + ord("d")), 0, lambda sums: [sums[0], 1])


@plant(r"CENSUS of class {Person}: says \[0, 0\], found \[1, ")
def census_of_a_class_is_gone(folder: Planting) -> None:
    folder.put(account(CENSUS, folder.oids["Person"]), None)


def test_storage_whose_last_piece_is_gone_may_be_pending(known: Known, tmp_path: Path) -> None:
    """A checkpoint may have had no time to look whether there are more."""
    planting = Planting(known, tmp_path / "data")
    planting.put(account(STORAGES, 7), msgpack.packb([ord("q"), 0, 0, buckets.BUCKETS_END + 2, 0]))
    planting.put(account(PENDING, 7), msgpack.packb(["pieces", 0]))
    planting.put(account(CENSUS, 0), msgpack.packb([1, 0]))
    report = verify(planting.folder)
    assert report.sound, said(report)


# --- the mark, the log, the files


@plant(r"data.mdb: the mark of the checkpoint: names entry \d+ of term 1 with digest 0+; the log")
def digest_of_the_mark_is_wrong(folder: Planting) -> None:
    folder.change_mark(lambda mark: mark[0].__setitem__(2, bytes(16)))


@plant(r"data.mdb: the mark of the checkpoint: is none")
def mark_is_none(folder: Planting) -> None:
    folder.change_mark(lambda mark: mark.clear())


@plant(r"log: ends with entry \d+, but the checkpoint holds all up to entry 1000")
def mark_is_ahead_of_the_log(folder: Planting) -> None:
    folder.change_mark(lambda mark: mark[0].__setitem__(0, 1000))


@plant(r"the mark of the checkpoint: names entry 1, which begins no checkpoint")
def mark_names_another_entry(folder: Planting) -> None:
    from objserver.log.recovery import examine
    from objserver.log.verify import entries

    first = next(entries(examine(folder.folder / "log")))
    folder.change_mark(lambda mark: mark.__setitem__(0, [1, first.term, first.digest, first.time_ns]))


@plant(r"0000000000000001.log: offset 4096: .* says that entry 1 was on disk")
def byte_of_the_log_is_flipped(folder: Planting) -> None:
    flip(folder.segment(), 4096 + 100)


@plant(r"0000000000000001.log: offset 0: the header is not what was written")
def header_of_the_log_is_flipped(folder: Planting) -> None:
    flip(folder.segment(), 20)


@plant(r"log: is missing")
def log_is_gone(folder: Planting) -> None:
    shutil.rmtree(folder.folder / "log")


@plant(r"log: ends with entry 0, but the checkpoint holds")
def segment_is_gone(folder: Planting) -> None:
    folder.segment().unlink()


@plant(r"data.mdb: is missing")
def records_are_gone(folder: Planting) -> None:
    (folder.folder / "heap" / "data.mdb").unlink()


@plant(r"data.mdb: is cut at offset 20000")
def records_are_cut(folder: Planting) -> None:
    with (folder.folder / "heap" / "data.mdb").open("r+b") as file:
        file.truncate(20_000)


@plant(r"data.mdb: offset 0: no meta page of LMDB")
def records_are_something_else(folder: Planting) -> None:
    (folder.folder / "heap" / "data.mdb").write_bytes(b"x" * 20_000)


@plant(r"data: is no data folder")
def folder_is_none(folder: Planting) -> None:
    shutil.rmtree(folder.folder)
    folder.folder.mkdir()


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("name", PLANTS)
def test_fault_is_found(name: str, known: Known, tmp_path: Path) -> None:
    plant, expected = PLANTS[name]
    planting = Planting(known, tmp_path / "data")
    plant(planting)
    report = verify(planting.folder)
    assert re.search(expected.format(**known.oids), said(report)), said(report)


# --- what entries of the log say to one another -----------------------------------------------------------------------


CODE = code_digest("x = 1")
ROW: Row = (0, CODE, b"{}", None, "", "", 0)
ENTRIES = {
    "digest of a checkpoint that is none": ([(DIGEST, pack_digest(1, bytes(16)))], "has the digest of checkpoint 1"),
    "digest of no bytes": ([(CHECKPOINT, b""), (DIGEST, pack_digest(4, b"1"))], "has a digest that is none: b'1'"),
    "text of another digest": ([(BATCH, pack_batch([ROW], {CODE: "x = 2"}))], "which is not its own"),
    "text that is missing": (
        [(CHECKPOINT, b""), (BATCH, pack_batch([ROW], {}))], "whose text does not stand before it",
    ),
    "payload that is none": ([(BATCH, b"\xc1")], "entry 3: does not decode"),
    "kind that nobody knows": ([(77, b"")], "entry 3: is of kind 77, which this version does not know"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_entry_that_makes_no_sense_is_found(name: str, tmp_path: Path) -> None:
    payloads, expected = ENTRIES[name]
    bench = Bench(tmp_path / "data")
    bench.eval("y = 1")
    bench.eval("x = 1")
    for kind, payload in payloads:
        bench.engine._append(kind, payload)
    bench.engine.sync()
    bench.kill()
    assert expected in said(verify(tmp_path / "data"))


# --- what is given back in small steps --------------------------------------------------------------------------------

# As many as can be deleted at a checkpoint, and what is looked at in one step: a sweep takes many checkpoints.
SMALL_STEPS = [
    (reclaim, "SWEEP_COUNT", 6),
    (reclaim, "_SCAN_COUNT", 3),
    (sweep, "_SCAN_COUNT", 3),
    (sweep, "_KEY_COUNT", 3),
]


@contextmanager
def small_steps() -> Iterator[None]:
    before = [getattr(module, name) for module, name, _ in SMALL_STEPS]
    try:
        for module, name, value in SMALL_STEPS:
            setattr(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(SMALL_STEPS, before, strict=True):
            setattr(module, name, value)


def test_sweep_that_takes_many_checkpoints_is_sound_after_each(tmp_path: Path) -> None:
    """A count was left behind of an object that was deleted before another one of its cycle."""
    with small_steps():
        bench = Bench(tmp_path / "data", Options(durability="none", segment_size=64 * 1024))
        bench.eval(
            "class Node: pass\nnodes = [Node() for i in range(20)]\n"
            "for i in range(20): nodes[i].next, nodes[i].links = nodes[i - 1], [nodes[i - 7], nodes[i // 2]]\n"
            "nodes[3].large = {i: nodes[i % 20] for i in range(300)}\nkept = nodes[:2]"
        )
        bench.engine.checkpoint()
        bench.eval("kept[0].next = kept[1].next = kept[0].links = kept[1].links = nodes = None")
        reclaim = bench.engine._heap.reclaim
        reclaim.want_sweep()
        found = []
        while not reclaim.sweep_count:
            bench.engine._changed = True
            bench.engine.checkpoint()
            while reclaim.advance():
                pass
            copy = shutil.copytree(bench.folder, tmp_path / f"copy{len(found)}")
            report = verify(copy)
            assert report.sound, said(report)
            found.append(report.heap["cycle_objects"] + report.heap["pending_objects"])
            shutil.rmtree(copy)
        assert found[0] > 30 and found[-1] == 0 and len(set(found)) > 3
        bench.kill()


class SmallSteps(Graphs):
    """At whatever moment of deleting and sweeping the process ends, the folder is sound."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = small_steps()
        self.steps.__enter__()

    @rule(count=st.integers(1, 3))
    def checkpoint(self, count: int) -> None:
        for _ in range(count):
            self.bench.engine._changed = True
            self.bench.engine.checkpoint()

    @rule()
    def crash(self) -> None:
        self.bench.kill()
        report = verify(self.bench.folder)
        assert report.sound, said(report)
        self.bench.crash()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.crash()
            self.checkpoint(2)
            self.crash()
            self.bench.kill()
            self.folder.cleanup()
            self.bounds.__exit__(None, None, None)
        self.steps.__exit__(None, None, None)


def test_folder_is_sound_at_every_step_of_giving_back() -> None:
    run_state_machine_as_test(SmallSteps, settings=settings(max_examples=15, stateful_step_count=40, deadline=None))


@pytest.mark.long
def test_folder_is_sound_at_every_step_of_giving_back_in_long_runs() -> None:
    run_state_machine_as_test(SmallSteps, settings=settings(max_examples=400, stateful_step_count=80, deadline=None))
