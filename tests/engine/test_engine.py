"""What the engine promises of a snippet: all or nothing, in order, kept, the same when it is run again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from objserver.engine import Engine, FaultKind, make_request
from objserver.errors import DataDamaged, DataFolderInUse, Diverged, ObjserverError
from objserver.wire import ErrorCode

from .bench import Bench, Failed

QUEUE = """
class Queue:
    limit = 3
    def __init__(self, *items):
        self.items = list(items)
    def push(self, item):
        if len(self.items) >= self.limit:
            raise ValueError("full")
        self.items.append(item)
        return len(self.items)
    def pop(self):
        return self.items.pop(0)
    @property
    def size(self):
        return len(self.items)
    @classmethod
    def of(cls, *items):
        return cls(*items)
    @staticmethod
    def double(n):
        return 2 * n
"""


def test_names_bound_by_a_cell_are_kept_and_those_of_loops_are_not(engine: Bench) -> None:
    assert engine.eval("total = 0\nfor n in [1, 2, 3]:\n    total += n\ntotal") == 6
    assert engine.eval("total") == 6
    with pytest.raises(Failed, match="NameError"):
        engine.eval("n")


def test_value_of_a_cell_is_that_of_its_last_expression(engine: Bench) -> None:
    assert engine.eval("1 + 1") == 2
    assert engine.eval("x = 1") is None
    assert engine.eval("'text'") == "text"


def test_parameters_are_the_cells_own(engine: Bench) -> None:
    engine.eval("users = {}")
    assert engine.eval("users[k] = v\nusers", k="bob", v={"age": 41}) == {"bob": {"age": 41}}
    with pytest.raises(Failed, match="NameError"):
        engine.eval("k")


@pytest.mark.parametrize("end", ["1 / 0", "raise ValueError('no')", "missing", "while True: pass"])
def test_snippet_that_fails_leaves_the_heap_and_the_log_as_they_were(make: Callable[..., Bench], end: str) -> None:
    engine = make(fuel=10_000)
    engine.eval(QUEUE)
    engine.eval("users = {'bob': {'age': 41}}; q = Queue(1); names = ['a']; s = {1, 2}")
    state = "users, q.items, names, s, Queue.limit, list(users)"
    before, seq = engine.eval(state), engine.engine.seq
    change = (
        "users['al'] = q; users['bob']['age'] += 1; del users['bob']; q.push(2); q.new = 1; names[:] = []; s.add(3)\n"
        "Queue.limit = 9\nextra = [q]\ndel names\n"
    )
    with pytest.raises(Failed):
        engine.eval(change + end)
    assert engine.eval(state) == before
    with pytest.raises(Failed):
        engine.eval("extra")
    with pytest.raises(Failed):
        engine.eval("q.new")
    assert engine.engine.seq == seq
    engine.crash()
    assert engine.eval(state) == before


def test_snippet_that_changes_nothing_is_not_logged(engine: Bench) -> None:
    engine.eval("d = {'a': 1}")
    seq = engine.engine.seq
    engine.eval("d['a']; d.get('b'); d.setdefault('a', 2); d.pop('b', None); [1, 2].append(3); len(d)")
    assert engine.engine.seq == seq


def test_class_defined_remotely_lives_through_restart_and_crash(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("jobs = Queue('a')")
    assert engine.call("jobs.push", {"task": 1}) == 2
    for again in (engine.reopen, engine.crash):
        again()
        assert engine.eval("jobs.items, jobs.size, Queue.double(4), isinstance(jobs, Queue)") == (
            ["a", {"task": 1}],
            2,
            8,
            True,
        )
        assert engine.eval("Queue.of(1, 2).items") == [1, 2]
    engine.call("jobs.push", 3)
    with pytest.raises(Failed, match="ValueError: full"):
        engine.call("jobs.push", 4)


def test_redefined_class_changes_living_instances_at_once(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("jobs = Queue(1, 2)")
    engine.reopen()
    engine.eval(QUEUE.replace("return self.items.pop(0)", "return 'new', self.items.pop(0)"))
    assert engine.call("jobs.pop") == ("new", 1)
    with pytest.raises(Failed):
        engine.eval(QUEUE.replace("limit = 3", "limit = 1 / 0"))
    with pytest.raises(Failed):
        engine.eval(QUEUE.replace("limit = 3", "limit = 7") + "\n1 / 0")
    assert engine.eval("Queue.limit") == 3
    engine.crash()
    assert engine.call("jobs.pop") == ("new", 2)


def test_class_prints_the_same_before_and_after_a_restart(engine: Bench) -> None:
    engine.eval(QUEUE)
    for again in (lambda: None, engine.reopen, engine.crash):
        again()
        assert engine.eval("f'{Queue} {Queue()} {[Queue]}'") == "<class 'Queue'> <Queue object> [<class 'Queue'>]"


def test_subclass_and_super_work_after_restart(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("class Loud(Queue):\n    def push(self, item):\n        return 'pushed', super().push(item)\n")
    engine.eval("q = Loud()")
    for again in (lambda: None, engine.reopen, engine.crash):
        again()
        assert engine.eval("q.push(1)")[0] == "pushed"
        assert engine.eval("isinstance(q, Queue), type(q).__name__") == (True, "Loud")


def test_functions_are_kept_with_their_defaults(engine: Bench) -> None:
    engine.eval("n = 1\ndef count(x, seen=[], *, step=n):\n    seen.append(x)\n    return len(seen) * step\n")
    assert engine.call("count", "a") == 1
    assert engine.eval("count('b')") == 2
    engine.reopen()
    assert engine.eval("count('c')") == 3
    engine.crash()
    assert engine.call("count", "d", step=10) == 40


def test_imported_module_is_a_root_that_stored_functions_use(engine: Bench) -> None:
    engine.eval("import math\nfrom math import sqrt\ndef side(area): return sqrt(area) + math.floor(0.5)\nf = len")
    for again in (lambda: None, engine.reopen, engine.crash):
        again()
        assert engine.eval("side(16), math.pi > 3, f([1]), sqrt is math.sqrt") == (4.0, True, 1, True)
    assert engine.engine.statistics()["roots"]["math"] == "Module"


def test_functions_find_roots_and_each_other_after_restart(engine: Bench) -> None:
    engine.eval("base = 10\ndef one(): return base + 1\ndef two(): return one() + 1\ntable = {'f': two}")
    engine.reopen()
    assert engine.eval("table['f']()") == 12
    engine.eval("base = 20")
    assert engine.call("two") == 22
    engine.eval("def bump():\n    global base\n    base += 1\n    return base\n")
    engine.reopen()
    assert engine.call("bump") == 21
    engine.crash()
    assert engine.eval("base") == 21


def test_identity_aliasing_and_cycles_are_true_across_restarts(engine: Bench) -> None:
    engine.eval("x = []; pair = [x, x]; d = {}; d['me'] = d; t = (x, 1)")
    for again in (lambda: None, engine.reopen, engine.crash):
        again()
        assert engine.eval("pair[0] is pair[1], pair[0] is x, d['me'] is d, t[0] is x") == (True,) * 4
    engine.eval("pair[0].append(1)")
    assert engine.eval("pair, x") == ([[1], [1]], [1])


@pytest.mark.parametrize("value", ["{'n': n}", "[n]", "set([n])", "Queue(n)"])
def test_large_containers_of_one_kind_of_object_are_kept(engine: Bench, value: str) -> None:
    engine.eval(QUEUE)
    engine.eval("d = {}; l = []")
    engine.eval(f"for n in range(200):\n    d[n if n % 2 else (n, 'k')] = {value}\n    l.append({value})")
    engine.eval("l.append(d[1]); same = [l, l]")
    state = "list(d), len(l), l[200] is d[1], same[0] is l, f'{l[7]}{d[9]}', type(l[3]).__name__"
    before = engine.eval(state)
    for again in (engine.reopen, engine.crash, engine.reopen):
        again()
        assert engine.eval(state) == before
    engine.eval("d['odd'] = 1; l[0] = None; d['f'] = len")
    engine.reopen()
    assert engine.eval("d['odd'], l[0], d['f']([1]), len(l)") == (1, None, 1, 201)


def test_order_of_dicts_and_sets_is_kept(engine: Bench) -> None:
    engine.eval("d = {'z': 1, 'a': 2}; d['m'] = 3; s = {'z', 'a'}; s.add('m')")
    engine.eval("d['z'] = 9; del d['a']; d['a'] = 1")
    for again in (engine.reopen, engine.crash):
        again()
        assert engine.eval("list(d), list(s)") == (["z", "m", "a"], ["z", "a", "m"])


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("d = {'a': [1, iter([])]}", r"d\['a'\]\[1\] is a generator"),
        ("g = (n for n in [1])", "g is a generator"),
        ("m = [].append", "m is a "),
        ("class A: pass\na = A()\na.f = iter([])", r"a\.f is a generator"),
        ("def f():\n    class Inner: pass\n    return Inner()\nx = f()", "x is an instance of 'Inner'"),
        ("v = {}.values()", "v is a dict_values"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_path(engine: Bench, source: str, path: str) -> None:
    with pytest.raises(Failed, match=path) as failed:
        engine.eval(source)
    assert failed.value.fault.code == FaultKind.NOT_STORABLE
    assert engine.engine.seq == 0
    assert engine.eval("1") == 1


def test_query_sees_everything_and_changes_nothing(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("users = {'bob': 1}; q = Queue(1)")
    seq = engine.engine.seq
    assert engine.query("n = len(users)\nn + q.size") == 2
    for source in ("users['al'] = 2", "q.push(2)", "q.x = 1", "users.clear()", "Queue.limit = 1"):
        with pytest.raises(Failed) as failed:
            engine.query(source)
        assert failed.value.fault.code == FaultKind.READ_ONLY
    assert engine.query("users, q.items, Queue.limit") == ({"bob": 1}, [1], 3)
    engine.query("users = 5")
    assert engine.eval("users") == {"bob": 1}
    assert engine.engine.seq == seq


def test_call_takes_paths_of_roots_and_nothing_else(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("jobs = Queue(); users = {'bob': {'tags': []}}")
    assert engine.call("users.get", "bob") == {"tags": []}
    for path in (
        *("jobs.__class__", "jobs._x", "missing", "jobs.missing", "", "jobs..push", "1 + 1", "len", "__builtins__"),
        *(".root", "jobs.items", "jobs.push.__globals__"),
    ):
        with pytest.raises(Failed):
            engine.call(path)
    assert engine.call("Queue.double", n=4) == 8


def test_output_comes_back_beside_the_value(engine: Bench) -> None:
    ((value, _, _, output),) = engine.run(make_request("eval", "print('a', 1)\nprint('b', end='')\n2"))
    assert (value, output) == (b"2", "a 1\nb")
    ((_, _, _, output),) = engine.run(make_request("eval", "3"))
    assert output == ""


def test_time_is_the_entrys_and_replay_sees_it_again(engine: Bench) -> None:
    engine.eval("t = now()")
    first = engine.eval("t")
    engine.crash()
    assert engine.eval("t") == first
    assert engine.eval("now() >= t")


def test_arguments_are_logged_as_they_came(engine: Bench) -> None:
    """The snippet changes what it was given after it kept it; the replay must begin from the original."""
    engine.eval("doc['n'] = 1\ndocs = [doc]\ndocs[0]['m'] = 2", doc={"a": [1]})
    engine.crash()
    assert engine.eval("docs") == [{"a": [1], "n": 1, "m": 2}]


@pytest.mark.parametrize("argument", [[1e15] * 900_001, [[]] * 600_000, "x" * (16 << 20)], ids=["long", "many", "text"])
def test_arguments_too_large_for_the_log_are_an_outcome(engine: Bench, argument: object) -> None:
    """They were encoded outside of what rolls back, and ended the process."""
    engine.eval("n = 0")
    for request in (
        make_request("eval", "n += 1\nx = a\n0", {"a": argument}),
        make_request("call", "len", {}, [argument]),
    ):
        ((value, fault, _, _),) = engine.run(request)
        assert fault is not None or value == b"0"
    deep: list[object] = []
    for _ in range(199):
        deep = [deep]
    ((_, fault, _, _),) = engine.run(make_request("call", "missing", {}, [deep]))
    assert fault is not None
    kept = engine.eval("n")
    engine.crash()
    assert engine.eval("n") == kept


def test_values_of_every_kind_are_kept(engine: Bench) -> None:
    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal
    from fractions import Fraction
    from uuid import UUID

    values = {
        "int": 1 << 200, "negative": -(1 << 70), "float": -0.0, "inf": float("inf"), "text": "ü\ud800", "bytes": b"\0",
        "tuple": (1, (2, [3])), "date": date(2024, 2, 29), "datetime": datetime(2024, 1, 1, tzinfo=UTC),
        "time": time(1, 2, 3, 4), "delta": timedelta(-1, 5, 7), "decimal": Decimal("1.10"), "fraction": Fraction(1, 3),
        "uuid": UUID(int=5), "complex": 1 + 2j, "none": None, "true": True, "keys": {(1, "a"): 1, None: 2, 1.5: 3},
    }  # fmt: skip
    engine.eval("kept = v", v=values)
    for again in (engine.reopen, engine.crash):
        again()
        found = engine.eval("kept")
        assert found == values and repr(found["float"]) == "-0.0"
    engine.eval("nan = v", v=float("nan"))
    engine.reopen()
    assert engine.eval("nan") != engine.eval("nan")


def test_batch_is_one_entry_and_each_snippet_stands_alone(engine: Bench) -> None:
    engine.eval("n = 0")
    seq = engine.engine.seq
    outcomes = engine.run(
        make_request("eval", "n += 1\nn"),
        make_request("eval", "n += 1\n1 / 0"),
        make_request("query", "n"),
        make_request("eval", "n += 1\nn"),
    )
    assert [value for value, _, _, _ in outcomes] == [b"1", None, b"1", b"2"]
    assert [as_of for _, _, as_of, _ in outcomes] == [seq + 1] * 4
    assert engine.engine.seq == seq + 1
    engine.crash()
    assert engine.eval("n") == 2


def test_result_too_large_is_rolled_back(engine: Bench) -> None:
    with pytest.raises(Failed) as failed:
        engine.eval("big = ['x' * 1000000] * 50\nbig")
    assert failed.value.fault.code == FaultKind.RESULT_TOO_LARGE
    with pytest.raises(Failed, match="NameError"):
        engine.eval("big")


def test_depth_cuts_results_and_instances_show_public_attributes(engine: Bench) -> None:
    engine.eval("class P:\n    def __init__(self):\n        self.name = 'p'\n        self._secret = 1\n")
    engine.eval("p = P(); d = {'a': {'b': [p]}}")
    assert engine.eval("p") == {"$class": "P", "name": "p"}
    cut = engine.eval("d", 1)
    assert cut["a"]["$class"] == "dict" and isinstance(cut["a"]["$ref"], int)
    assert engine.eval("d") == {"a": {"b": [{"$class": "P", "name": "p"}]}}


def test_depth_reads_nothing_below_the_cut(engine: Bench) -> None:
    engine.eval(QUEUE)
    engine.eval("d = {}\nfor n in range(100):\n    d[str(n)] = {'n': [n]}\nd['q'] = Queue()")
    engine.reopen()
    assert len(engine.value(make_request("eval", "d", {}, [], 1))) == 101
    assert engine.engine.statistics()["objects_loaded"] == 3  # the dict, the class of one of its values, and its text


def test_checkpoint_leaves_nothing_to_replay_and_a_crash_finds_the_rest(make: Callable[..., Bench]) -> None:
    engine = make(checkpoint_count=10, cache_size=1)
    engine.eval("d = {}")
    for n in range(200):
        engine.eval("d[n % 7] = {'n': n, 'l': [n]}", n=n)
        engine.engine.tend()
        while n % 20 == 0 and engine.engine.statistics()["checkpoint_running"]:
            engine.engine.tend()  # its thread ends when it ends
    assert engine.engine.statistics()["checkpoints"] > 3
    expected = engine.eval("d")
    engine.crash()
    assert engine.eval("d") == expected
    engine.reopen()
    assert engine.engine.statistics()["log_size_since_checkpoint"] < 500
    assert engine.eval("d") == expected


def test_checkpoint_is_written_in_slices_however_much_changed_before_it(make: Callable[..., Bench]) -> None:
    """Its first slice paid for all that had changed since the one before: it was a pause of half a second."""
    engine = make(checkpoint_count=20_000)
    engine.eval("d = {}")
    for first in range(0, 20_000, 1000):
        engine.eval("d.update(more)", more=[[n, n] for n in range(first, first + 1000)])
    engine.engine.tend()
    turns = 0
    while engine.engine.statistics()["checkpoint_running"]:
        engine.engine.tend()
        turns += 1
    assert turns > 20_000 / 500


@pytest.mark.parametrize("change", ["d.update((k, str(k)) for k in keys)", "x.extend(range(10 * len(keys)))"])
def test_load_that_does_not_pause_waits_for_the_disk_before_it_fills_the_memory(
    make: Callable[..., Bench], change: str
) -> None:
    bench = make(cache_size=1)
    bench.eval("d = dict.fromkeys(range(-300, 0))\nx = list(range(300))")
    bench.engine.checkpoint()
    engine, heap = bench.engine, bench.engine._heap
    waiting, left = 0, 0
    for number in range(60):
        bench.eval(change, keys=list(range(2000 * number, 2000 * number + 2000)))
        engine.tend()  # once, as a server does with the next request before it
        waiting = max(waiting, heap.changed_weight())
        left = max(left, heap.pager.leftovers._size)
    assert bench.engine.statistics()["checkpoints"] > 5
    bound = engine._changed_weight_max
    assert bound <= waiting < 2 * bound
    assert left < 4 * bound * 650  # bytes of what is freed in slices: beside checkpoints, too


def test_key_that_is_changed_again_and_again_waits_once(engine: Bench) -> None:
    engine.eval("d = dict.fromkeys(range(300))\nx = list(range(300))")
    engine.tend()
    before = engine.engine._heap.changed_weight()
    for number in range(100):
        engine.eval("d[5] = n\nx[5] = n\nx.append(n)\nx.pop()", n=number)
    assert engine.engine._heap.changed_weight() < before + 20


def test_log_is_trimmed_behind_the_checkpoint(make: Callable[..., Bench]) -> None:
    engine = make(checkpoint_size=4096, retention_size=0, segment_size=8192)
    engine.eval("x = []")
    for _ in range(300):
        engine.eval("x.append(text)", text="a" * 100)
        engine.tend()
    assert engine.engine.statistics()["first_seq"] > 100
    engine.crash()
    assert engine.eval("len(x)") == 300


def test_disk_without_room_for_the_lock_is_a_storage_failure(tmp_path: Path) -> None:
    """It was a bare OSError. RLIMIT_FSIZE stands in for the disk."""
    script = """
import resource, signal, sys
from pathlib import Path
from objserver.engine.lock import FolderLock
from objserver.errors import StorageFailed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
try:
    FolderLock(Path(sys.argv[1]))
except StorageFailed as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
FolderLock(Path(sys.argv[1])).release()
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert f"{tmp_path}/lock: " in done.stdout and "make room on its disk" in done.stdout


def test_log_is_trimmed_although_no_run_writes_as_much_as_is_kept(make: Callable[..., Bench]) -> None:
    """What was written was counted from each start anew, so the log of a server that is restarted daily only grew."""
    engine = make(checkpoint_size=4096, retention_size=20_000, segment_size=8192)
    engine.eval("x = 0")
    for _ in range(30):
        for _ in range(5):
            engine.eval("x += len(text)", text="a" * 1000)
            engine.tend()
        engine.reopen()
        log_size = sum(path.stat().st_size for path in engine.folder.glob("log/*.log"))
        assert log_size <= 60_000, "what is kept, a header for each 4 KiB of it, the segment that is written to"
    assert log_size >= 20_000
    assert engine.eval("x") == 150_000


def test_a_query_does_not_wait_for_the_digest_of_a_checkpoint(engine: Bench) -> None:
    """Its sync stood behind the commit of the checkpoint, which keeps the disk busy: 40 ms for every reader."""
    inner = engine.engine
    log = inner.log

    def commit() -> None:
        engine.eval("x = 1")
        inner.want_checkpoint()
        assert inner.tend()
        engine.query("x")
        assert log.synced_seq == inner.seq, "the CHECKPOINT is waited for"
        while inner._checkpoint is not None and not inner._checkpoint.committing:
            inner.tend()

    commit()
    engine.query("x")
    assert log.synced_seq == inner.seq - 1
    while inner._checkpoint is not None:
        inner.tend()
    assert log.synced_seq == inner.seq, "in the end it is durable, too"
    commit()
    engine.eval("x = 2")
    assert log.synced_seq == inner.seq


def test_second_engine_on_a_folder_is_refused_by_name_of_the_first(engine: Bench) -> None:
    import os

    with pytest.raises(DataFolderInUse, match=f"process {os.getpid()}"):
        Bench(engine.folder)


def plant_another_clock(engine: Bench) -> None:
    """Let this engine compute what no replay will: a real difference, in one builtin."""
    builtins = engine.engine._heap.root.namespace["__builtins__"]
    builtins["now"] = lambda: datetime(2000, 1, 1)


def test_snippet_with_another_result_when_it_is_run_again_stops_the_start(engine: Bench) -> None:
    engine.eval("x = 1")
    plant_another_clock(engine)
    engine.eval("y = [now().year]\ny[0]")
    with pytest.raises(Diverged, match="entry 2, snippet 0.*now '2023'"):
        engine.crash()


def test_digest_finds_a_heap_that_differs_though_every_result_was_the_same(engine: Bench) -> None:
    plant_another_clock(engine)
    engine.eval("y = [now()]\n0")
    with pytest.raises(Diverged, match="entry 3.*digest"):
        engine.crash_in_commit()


def test_missing_parts_of_a_folder_are_damage_not_an_empty_heap(make: Callable[..., Bench]) -> None:
    import shutil

    engine = make(checkpoint_size=1024, retention_size=0, segment_size=8192)
    engine.eval("x = []")
    for _ in range(100):
        engine.eval("x.append(text)", text="a" * 200)
        engine.tend()
    engine.engine.close()
    copy = engine.folder.with_name("copy")
    for part in ("log", "heap"):
        shutil.copytree(engine.folder, copy)
        shutil.rmtree(copy / part)
        with pytest.raises(DataDamaged):
            Bench(copy)
        shutil.rmtree(copy)


def test_closed_engine_runs_nothing(engine: Bench) -> None:
    engine.engine.close()
    with pytest.raises(ObjserverError, match="closed"):
        engine.eval("1")
    engine.engine.close()


def test_fault_numbers_are_those_of_the_protocol() -> None:
    assert {kind.value for kind in FaultKind} <= {code.value for code in ErrorCode}


def test_engine_is_public() -> None:
    assert Engine.open.__doc__


@pytest.mark.parametrize("name", ["a b", "$set", "", "class", "__x__", "1"])
def test_what_can_not_name_a_parameter_is_refused(engine: Bench, name: str) -> None:
    """Whoever sends it: the door passes the names of arguments on as they are."""
    for request in (make_request("eval", "1", {name: 1}), make_request("query", "1", {name: 1})):
        ((value, fault, _, _),) = engine.run(request)
        assert value is None and fault is not None
        assert (fault.code, "can't name a parameter" in fault.message) == (FaultKind.REFUSED, True)


def test_checkpoint_begins_when_a_replay_would_take_long(engine: Bench) -> None:
    """However short the log is: whoever waits for the next start waits for its snippets to run again."""
    now = 0

    def clock() -> int:
        nonlocal now
        now += 1_000_000_000  # each look at it a second later
        return now

    engine.eval("n = 0")
    engine.tend()
    before = engine.engine.statistics()["checkpoints"]
    for _ in range(10):
        engine.engine.run([make_request("query", "n")], engine.time_ns, clock, 1 << 60)
        engine.tend()
    assert engine.engine.statistics()["checkpoints"] == before, "what is not logged is not run again"
    for _ in range(3):
        engine.engine.run([make_request("eval", "n += 1")], engine.time_ns, clock, 1 << 60)
    engine.engine.tend()
    assert engine.engine.statistics()["checkpoint_running"]
