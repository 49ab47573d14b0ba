"""What nothing reaches is deleted, what something reaches never is, and the counts are exact at every commit."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from objserver.engine import Options
from objserver.engine.entries import CHECKPOINT
from objserver.engine.verify import verify
from objserver.heap import reclaim
from objserver.heap.buckets import BUCKETS_END
from objserver.heap.heap import Heap
from objserver.heap.reclaim import CENSUS, COUNTS, KINDS, PENDING, RESERVED, STORAGES
from objserver.heap.records import LARGE, ROOT_OID
from objserver.heap.references import class_of, piece_references, references
from objserver.store import Store
from tests.heap.reachable import reachable

from .bench import Bench, Failed
from .test_containers import bounds


def parts(store: Store) -> tuple[dict[int, bytes], dict[tuple[int, int], bytes]]:
    """Return all records of objects by oid, and all pieces by (storage, number)."""
    objects, pieces = {}, {}
    for key, record in store.scan(b"", b"\xff" * 17, 1 << 31):
        first = int.from_bytes(key[:8], "big")
        if len(key) == 8:
            objects[first] = record
        else:
            pieces[first, int.from_bytes(key[8:], "big")] = record
    return objects, pieces


def noted(pieces: dict[tuple[int, int], bytes], reserved: int) -> dict[int, Any]:
    return {number: msgpack.unpackb(record) for (storage, number), record in pieces.items() if storage == reserved}


def check_notes(store: Store, *, sweeping: bool = False) -> None:
    """Count everything anew, and compare. While a sweep deletes circles, what is left of them refers to nothing."""
    objects, pieces = parts(store)
    pending = noted(pieces, PENDING)
    counts: dict[int, int] = {}
    storages: dict[int, list[int]] = {}
    census: dict[int, list[int]] = {}
    for oid, record in objects.items():
        for mentioned in references(record) - {oid}:
            counts[mentioned] = counts.get(mentioned, 0) + 1
        number = class_of(record) if record[:1] == b"i" else KINDS + record[record[:1] == LARGE]
        sums = census.setdefault(number, [0, 0])
        sums[0] += 1
        sums[1] += len(record)
    kinds = {storage: kind for storage, (kind, *_) in noted(pieces, STORAGES).items()}
    for (storage, number), record in pieces.items():
        if storage < RESERVED and number >= BUCKETS_END:
            for mentioned in piece_references(record):
                counts[mentioned] = counts.get(mentioned, 0) + 1
            what = storages.setdefault(storage, [kinds[storage], 0, 0, -1, 0])
            what[1] += 1
            what[2] += len(record)
            what[4] += bool(piece_references(record))
            census.setdefault(KINDS + kinds[storage], [0, 0])[1] += len(record)
    assert sweeping or counts.keys() <= objects.keys(), "a reference to nothing"
    expected = {oid: counts.get(oid, 0) for oid in objects if oid != ROOT_OID and oid not in pending}
    found = noted(pieces, COUNTS)
    assert {oid: found.get(oid, 1) for oid in expected} == expected
    assert all(count != 1 and oid in objects for oid, count in found.items())
    known = {number: what for number, what in noted(pieces, STORAGES).items() if what[1]}
    assert {number: [*what[:3], what[4]] for number, what in known.items()} == {
        number: [*what[:3], what[4]] for number, what in storages.items()
    }
    sums = noted(pieces, CENSUS)
    assert sums.pop(0, [0, 0]) == [len(pending), sum(size for _, size in pending.values())]
    assert sums == census
    reached = {int.from_bytes(key[:8], "big") for key in reachable(store)}
    assert not reached & pending.keys(), "dead, and reachable"


def checkpoint(bench: Bench) -> None:
    """Write a checkpoint, whether something changed or not, and check what it leaves."""
    bench.engine._changed = True
    bench.engine.checkpoint()
    check_notes(bench.engine._heap.store, sweeping=reclaim.SWEEP_COUNT < 1_000)


def everything(bench: Bench) -> tuple[set[int], set[int]]:
    """Return the oids and storages that are there, and those that the root reaches."""
    store = bench.engine._heap.store
    objects, pieces = parts(store)
    there = {*objects, *(storage for storage, _ in pieces if storage < RESERVED)}
    return there, {int.from_bytes(key[:8], "big") for key in reachable(store)}


def advance(bench: Bench) -> None:
    """Do one slice of what is waiting, or wait for the writer."""
    engine = bench.engine
    if not engine.tend() and engine._checkpoint is not None:
        engine._finish_checkpoint()


def sweep(bench: Bench) -> None:
    """Have a sweep begin, unless one is under way, and go on until it has ended."""
    reclaiming = bench.engine._heap.reclaim
    reclaiming.want_sweep()
    before = reclaiming.sweep_count
    while reclaiming.sweep_count == before or reclaiming.is_due() or bench.engine._checkpoint is not None:
        advance(bench)


NODES = """
class Node:
    def __init__(self, n): self.n, self.links = n, []
"""
# Of a class that gets another kind of base, and with it another identity, by the same text.
METHODS = """
class C(base):
    def m(self, x=[nodes[1]]): return x
    @property
    def p(self): return self
    old = K.m if K else [nodes[4]]
"""
OPERATIONS = [
    "nodes[a] = Node(a)",
    "nodes[a].links.append(nodes[b])",
    "nodes[a].links = [nodes[b], nodes[c], nodes[b]]",
    "nodes[a].links.clear()",
    "nodes[a].own = {'me': nodes[a], 'other': (nodes[b], [a])}",
    "nodes[a].own = None",
    "nodes[a].big = {i: (nodes[b] if i % 3 else i) for i in range(c * 4)}",
    "nodes[a].row = [nodes[(b + i) % 8] for i in range(c * 5)]",
    "nodes[a].row = nodes[b]\nnodes[a].big = nodes[c]",
    "nodes[a].row = getattr(nodes[b], 'row', None)\nif isinstance(nodes[a].row, list): nodes[a].row.clear()",
    "nodes[a].big = nodes[a].row = nodes[a].index = 0",
    "kept = nodes[a]",
    "kept = [kept, nodes[b]]",
    "del kept\nkept = 1",
    "nodes[a].index = SortedDict({i: nodes[b] for i in range(c)})",
    "nodes[a].queue = deque(nodes[b] for i in range(c * 2))\nnodes[a].seen = {(nodes[c], i) for i in range(b)}",
    "def f(x=nodes[3]): return x",
    "nodes[a].f = (lambda x: lambda y: (x, y))(nodes[b])",
    "class P(Node): top = nodes[5]",
    "P.top = [nodes[a]]",
    "nodes[b] = P(a)",
    "1 / 0",
    # Definitions, and what is taken from them.
    "K = C\nbase = [Node, list, Enum, object][a % 4]",
    METHODS,
    METHODS.replace("return x", "return x, 1"),
    "kept = C.m\nnodes[a].f = getattr(C, 'old', None)",
    "nodes[a].own = K.m if K else 0\nK = None",
    "C.tag = [nodes[a]]\ndel C\nC = None",
    "class Outer:\n    row = (nodes[3], [nodes[1]])\n    class Inner:\n        def m(self, x=[nodes[2]]): return x",
    "nodes[a].own = Outer.Inner if Outer else 0\nOuter = None",
    "nodes[a].own = Outer.Inner() if Outer else 0",
    "class Colour(Enum):\n    RED = 1\n    BLUE = [nodes[2]]",
    "class Colour(Enum):\n    RED = [nodes[1]]\n    GREEN = (nodes[6], 2)",
    "nodes[a].seen = {Colour.RED: nodes[b], (Colour.RED, c): 1} if Colour else 0",
    "Colour = None",
    "class T(NamedTuple):\n    a: object\n    b: object = None\n    def first(self): return self.a",
    "nodes[a].own = {T(b, c): [T(nodes[b], (nodes[c],))]} if T else 0",
    "T = None",
    "@around\ndef g(x=nodes[2]): return x, 1",
    "@around\ndef g(x=nodes[a % 2]): return x, 2",
    "nodes[a].f = g\ng = around = None\ndef around(f):\n    return lambda *given: f(*given)",
    "nodes[a].index = defaultdict(Node if a else around, {i: nodes[b] for i in range(c * 3)})",
    "nodes[a].index = defaultdict(lambda: [nodes[0]])",
    f"{NODES.strip()}\n    def __upgrade__(self, v): self.up = [v, self.links]",
    f"{NODES.strip()}\n    up = [nodes[5]]",
    "nodes[a].f = partial(C.m if C else around, nodes[b])",
    "nodes[a].links += [nodes[a].links, [nodes[a].links]]\nnodes[a].links = []",
]


class Graphs(RuleBasedStateMachine):
    """Objects that refer to each other in all ways, changed at random."""

    @initialize(cache=st.sampled_from([1, 1 << 30]), small=st.booleans(), budget=st.sampled_from([20, 200, 50_000]))
    def open(self, cache: int, small: bool, budget: int) -> None:
        self.bounds = bounds(small)
        self.bounds.__enter__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(reclaim, "SWEEP_COUNT", budget)
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(
            Path(self.folder.name) / "data", Options(cache_size=cache, checkpoint_count=20, durability="none")
        )
        self.bench.eval(
            "from collections import defaultdict, deque\nfrom enum import Enum\nfrom functools import partial\n"
            f"from typing import NamedTuple\n{NODES}\nclass P(Node): pass\n"
            "base, C, K, Outer, Colour, T, g = Node, None, None, None, None, None, None"
        )
        self.bench.eval("nodes = [Node(i) for i in range(8)]\nkept = 0\ndef around(f): return lambda *given: f(*given)")
        self.bench.eval(METHODS)

    @rule(text=st.sampled_from(OPERATIONS), a=st.integers(0, 7), b=st.integers(0, 7), c=st.integers(0, 7))
    def change(self, text: str, a: int, b: int, c: int) -> None:
        try:
            self.bench.eval(text, a=a, b=b, c=c)
        except Failed:
            assert text == "1 / 0" or text.startswith(("C.", "class C", "nodes[a].seen = {Colour", "kept = C"))

    @rule()
    def checkpoint(self) -> None:
        checkpoint(self.bench)

    @rule(count=st.integers(1, 5))
    def some_slices(self, count: int) -> None:
        for _ in range(count):
            self.bench.engine.tend()

    @rule()
    def begin_sweep(self) -> None:
        self.bench.engine._heap.reclaim.want_sweep()

    @rule()
    def reopen(self) -> None:
        self.bench.reopen()

    @rule()
    def crash(self) -> None:
        self.bench.crash()

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            bench = self.bench
            for _ in range(3):  # what was dead or newer when a sweep began is left to the next one
                checkpoint(bench)
                sweep(bench)
            check_notes(bench.engine._heap.store)
            there, reached = everything(bench)
            assert there - {ROOT_OID} == reached - {ROOT_OID}
            bench.eval("[(n.n, len(n.links)) for n in nodes]")
            bench.kill()
            self.folder.cleanup()
            self.patch.undo()
            self.bounds.__exit__(None, None, None)


def test_what_nothing_reaches_is_deleted_and_nothing_else() -> None:
    bounds = settings(max_examples=25, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(Graphs, settings=bounds)


@pytest.mark.long
def test_what_nothing_reaches_is_deleted_in_long_runs() -> None:
    bounds = settings(max_examples=400, stateful_step_count=80, deadline=None)
    run_state_machine_as_test(Graphs, settings=bounds)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    bench = Bench(tmp_path / "data", Options(durability="none"))
    yield bench
    bench.kill()


def test_the_neighbour_of_a_container_that_was_emptied_stays(bench: Bench) -> None:
    """Its record stands right behind the pieces: the object that got the next number."""
    large = Heap.paged_above + 1
    bench.eval("x = []\ny = {}")
    bench.eval(f"x.extend(range({large}))")  # its storage has the number before that of the list in y
    bench.eval("y['list'] = ['here']")
    checkpoint(bench)
    bench.eval("x.clear()")
    for _ in range(3):
        checkpoint(bench)
    bench.crash()
    assert bench.query("y") == {"list": ["here"]}


def test_a_tree_of_any_depth_is_deleted_in_slices(bench: Bench) -> None:
    """Each slice does a bounded amount of work, however much died at once."""
    count = 3_000
    bench.eval(
        f"chain = None\nfor i in range({count}): chain = [i, chain]\n"
        f"users = {{i: {{'name': str(i), 'tags': [i]}} for i in range({count})}}"
    )
    checkpoint(bench)
    bench.eval("del chain, users")
    engine = bench.engine
    reclaiming = engine._heap.reclaim
    checkpoint(bench)
    assert reclaiming.pending[0] + reclaiming.reclaimed_count > 0
    checkpoint(bench)
    assert reclaiming.reclaimed_count == 3 * count + 1
    there, reached = everything(bench)
    assert there == reached


def test_what_changed_and_was_dropped_before_one_checkpoint_is_given_back_without_another_change(bench: Bench) -> None:
    bench.eval("users = {i: {'n': i} for i in range(100)}")
    checkpoint(bench)
    bench.eval("for user in users.values(): user['n'] += 1")
    bench.eval("del users")
    engine = bench.engine
    reclaiming = engine._heap.reclaim
    wanted = 0
    while engine.want_checkpoint():
        wanted += 1
        while engine.tend() or engine._checkpoint is not None:
            advance(bench)
    assert wanted == 2 and reclaiming.pending[0] == 0
    there, reached = everything(bench)
    assert there == reached


def test_slices_are_bounded_and_what_is_left_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objserver.heap.reclaim.SWEEP_COUNT", 700)
    count = 2_000
    bench.eval(f"users = {{i: {{'n': i}} for i in range({count})}}")
    checkpoint(bench)
    bench.eval("del users")
    engine = bench.engine
    reclaiming = engine._heap.reclaim
    written: list[int] = []
    slices = reclaiming.slices
    monkeypatch.setattr(reclaiming, "slices", lambda: (written.append(len(each)) or each for each in slices()))
    checkpoint(bench)
    assert reclaiming.is_due()
    while reclaiming.is_due() or engine._checkpoint is not None:
        advance(bench)
        if engine._checkpoint is None:
            check_notes(engine._heap.store)
    assert reclaiming.reclaimed_count == count + 1
    assert max(written) <= 2_000
    there, reached = everything(bench)
    assert there == reached


def test_cycles_are_swept_while_the_heap_changes(bench: Bench) -> None:
    bench.eval(NODES)
    bench.eval("def pair(n):\n    a, b = Node(n), Node(-n)\n    a.links.append(b)\n    b.links.append(a)\n    return a")
    bench.eval("kept = [pair(n) for n in range(300)]\nlost = [pair(n) for n in range(300)]")
    checkpoint(bench)
    bench.eval("del lost")
    for _ in range(3):
        checkpoint(bench)
    there, reached = everything(bench)
    assert len(there - reached) == 1_200  # each node and its list, in cycles
    reclaiming = bench.engine._heap.reclaim
    reclaiming.want_sweep()
    number = 0
    while not reclaiming.sweep_count:
        bench.engine.tend()
        bench.eval(
            "i = n % 299\nkept[i], kept[i + 1] = kept[i + 1], kept[i]\nkept[i].links.append([kept[i + 1]])", n=number
        )
        number += 1
    checkpoint(bench)
    there, reached = everything(bench)
    assert there == reached
    assert bench.query("sorted(p.n for p in kept)") == list(range(300))


def test_ghosts_of_what_is_dead_are_forgotten(bench: Bench) -> None:
    bench.eval("many = [[i] for i in range(200)]")
    checkpoint(bench)
    known = len(bench.engine._heap.live)
    bench.eval("many = 0")
    checkpoint(bench)
    checkpoint(bench)
    assert len(bench.engine._heap.live) <= known - 200
    assert bench.engine._heap.loaded.keys() <= bench.engine._heap.live.keys()


def test_circles_that_take_more_than_one_checkpoint(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a class goes before its instances do."""
    monkeypatch.setattr("objserver.heap.reclaim.SWEEP_COUNT", 400)
    bench.eval(NODES)
    bench.eval(
        "ring = [Node(i) for i in range(600)]\n"
        "for i in range(600): ring[i].links += [ring[i - 1], ring[(i + 1) % 600], Node]\n"
        "Node.first = ring[0]"
    )
    checkpoint(bench)
    bench.eval("del ring, Node")
    checkpoint(bench)
    engine = bench.engine
    reclaiming = engine._heap.reclaim
    reclaiming.want_sweep()
    named = set()
    while not reclaiming.sweep_count or reclaiming.is_due() or engine._checkpoint is not None:
        advance(bench)
        if engine._checkpoint is None:
            named |= engine.statistics()["stored"].keys()
            check_notes(engine._heap.store, sweeping=True)
            copy = bench.folder.parent / str(engine.seq)
            shutil.copytree(bench.folder, copy, dirs_exist_ok=True)
            report = verify(copy)
            assert report.sound, report
    assert "instance of a deleted class" in named
    check_notes(engine._heap.store)
    there, reached = everything(bench)
    assert there == reached


def test_slices_are_bounded_by_references_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = bench.engine
    reclaiming = engine._heap.reclaim
    frozen = engine._heap.frozen
    written: list[int] = []
    account, account_pieces, slices = reclaiming.account, reclaiming.account_pieces, frozen.slice
    monkeypatch.setattr(
        reclaiming, "account",
        lambda notes: (written.extend(len(references(record)) for _, record, _, _ in notes), account(notes))[1],
    )
    monkeypatch.setattr(
        reclaiming, "account_pieces",
        lambda pieces, refers: (
            written.extend(len(piece_references(record or b"")) for _, record in pieces), account_pieces(pieces, refers)
        )[1],
    )
    monkeypatch.setattr(frozen, "slice", lambda *bounds: (written.append(-sum(written)), slices(*bounds))[1])
    bench.eval(
        "nodes = [[i] for i in range(256)]\n"
        "many = [dict(enumerate(nodes)) for i in range(256)]\n"
        "flat = [nodes[i % 256] for i in range(60_000)]"
    )
    checkpoint(bench)
    assert sum(each for each in written if each > 0) > 100_000
    assert all(-each <= 10_000 for each in written)  # of each slice
    reclaiming.want_sweep()
    checkpoint(bench)
    sweep = reclaiming.sweep
    assert sweep is not None
    met: list[int] = []
    meet = sweep.meet
    sweep.meet = lambda oid: (met.append(oid), meet(oid))[1]  # type: ignore[method-assign, assignment, func-returns-value]
    most = 0
    while reclaiming.advance():
        most = max(most, len(met))
        met.clear()
    assert 0 < most <= 10_000
    bench.eval("del many, flat")
    engine._begin_checkpoint(engine._append(CHECKPOINT, b""))
    running = engine._checkpoint
    assert running is not None
    most, before = 0, 0
    while running.slice():
        most = max(most, reclaiming._lost_count - before)
        before = reclaiming._lost_count
    assert 0 < most <= 10_000
    engine._finish_checkpoint()
    while reclaiming.is_due() or engine._checkpoint is not None:
        advance(bench)
    check_notes(engine._heap.store)
    assert bench.query("len(nodes)") == 256


def test_two_classes_of_one_text_share_no_method(bench: Bench) -> None:
    """One that is dead is not changed when a method of the other, taken from it, becomes an object of its own."""
    text = "class C(B):\n    def m(self, x=[7]): return x\n    old = K.m if K else None"
    bench.eval("class B: pass\nK = None\nx = 0")
    bench.eval(text)
    bench.eval("K = C\nB = list")  # with this base it is another class
    bench.eval(text)
    assert bench.query("K is C, C.old is K.m") == (False, True)
    checkpoint(bench)
    bench.crash()
    assert bench.query("K is C, C.old is K.m") == (False, True)
    bench.eval("K.tag = 1\nK = None")  # changed and dead: deleted by the next checkpoint
    checkpoint(bench)
    bench.eval("x = C.old")
    for _ in range(3):
        checkpoint(bench)
    bench.crash()
    assert bench.eval("x(1)") == [7]
    assert bench.eval("C.old(1)") == [7]


def test_sums_of_a_class_that_is_gone_are_forgotten(bench: Bench) -> None:
    numbers = set()
    for _ in range(5):
        bench.eval("class Gone: pass\nx = [Gone(), Gone()]")
        checkpoint(bench)
        bench.eval("x = 0\ndel Gone")
        for _ in range(3):
            checkpoint(bench)
        numbers.add(len(bench.engine._heap.reclaim._census))
    assert len(numbers) == 1


def test_what_left_an_emptied_container_survives_a_sweep(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pieces had the only references as of the beginning, and wait to be deleted while the sweep goes on."""
    monkeypatch.setattr("objserver.heap.reclaim.SWEEP_COUNT", 300)
    bench.eval("full = {i: [i] for i in range(900)}\nheld = None")
    reclaiming = bench.engine._heap.reclaim
    reclaiming.want_sweep()
    checkpoint(bench)
    assert reclaiming.sweep is not None and not reclaiming.sweep.is_marked
    bench.eval("held = [[each] for each in full.values()]\nfull.clear()")
    checkpoint(bench)
    assert reclaiming.is_due() and not reclaiming.advance()
    number = 0
    while not reclaiming.sweep_count or reclaiming.is_due() or bench.engine._checkpoint is not None:
        advance(bench)
        number += 1
        if number % 7 == 0:
            bench.eval("held[n % 900], held[n * 7 % 900] = [held[n * 7 % 900][0]], held[n % 900]", n=number)
    check_notes(bench.engine._heap.store)
    bench.crash()
    assert sorted(each[0][0] for each in bench.query("held")) == list(range(900))
