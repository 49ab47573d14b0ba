"""`__upgrade__`: an instance of an older class is brought forward when a snippet first touches it, wherever it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from objserver.engine import Options, make_request
from tests.heap.reachable import reachable

from .bench import Bench, Failed

OLD = "class Account:\n    def __init__(self, cents): self.cents = cents\n"
NEW = """class Account:
    def __init__(self, euros): self.euros = euros
    def __upgrade__(self, from_version):
        seen.append(from_version)
        self.euros = self.cents / 100
        del self.cents
"""

# How the instances lie when they are touched: as the snippet left them, all ghosts, read from disk, replayed.
PLACES = ["loaded", "evicted", "reopened", "crashed"]


def move(bench: Bench, place: str) -> None:
    if place == "evicted":
        bench.engine.checkpoint()
        bench.engine._heap.evict(0, count_max=10_000)
    elif place == "reopened":
        bench.reopen()
    elif place == "crashed":
        bench.crash()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "data", Options(durability="none"))
    bench.eval(OLD + "seen = []\na = Account(250)\nrows = [Account(100), Account(200), a]")
    yield bench
    bench.kill()


@pytest.mark.parametrize("before", PLACES)
@pytest.mark.parametrize("after", PLACES)
def test_instance_is_upgraded_once_by_the_first_touch(bench: Bench, before: str, after: str) -> None:
    move(bench, before)
    bench.eval(NEW)
    assert bench.query("seen") == []
    move(bench, after)
    assert bench.eval("a.euros") == 2.5
    assert bench.eval("[a.euros, rows[2] is a, len(seen)]") == [2.5, True, 1]
    move(bench, after)
    assert bench.eval("[r.euros for r in rows] + [seen]") == [1.0, 2.0, 2.5, [1, 1, 1]]
    bench.crash()
    assert bench.eval("[r.euros for r in rows] + [seen]") == [1.0, 2.0, 2.5, [1, 1, 1]]
    bench.reopen()
    assert bench.eval("[r.euros for r in rows] + [seen]") == [1.0, 2.0, 2.5, [1, 1, 1]]


@pytest.mark.parametrize("place", PLACES)
def test_query_sees_the_upgrade_and_keeps_nothing_of_it(bench: Bench, place: str) -> None:
    bench.eval(NEW)
    move(bench, place)
    seq = bench.engine.seq
    assert bench.query("[a.euros, a.euros, seen]") == [2.5, 2.5, [1]]
    assert bench.query("seen") == []
    for change in ("a.euros = 1", "a.euros\na.euros = 1", "a.euros\ndel a.euros"):
        with pytest.raises(Failed, match="ReadOnly"):
            bench.query(change)
    assert bench.query("a")["euros"] == 2.5
    assert bench.engine.seq == seq
    assert bench.eval("[a.euros, seen]") == [2.5, [1]]


@pytest.mark.parametrize("place", PLACES)
def test_instance_that_is_only_shown_is_upgraded_too(bench: Bench, place: str) -> None:
    bench.eval(NEW)
    move(bench, place)
    assert bench.eval("rows", 1)[0].keys() == {"$ref", "$class"}
    assert bench.query("seen") == []
    shown = bench.eval("rows")
    assert [row.get("euros") for row in shown[:2]] == [1.0, 2.0]
    assert bench.query("seen") == [1, 1, 1]
    bench.crash()
    assert bench.query("seen") == [1, 1, 1]


def test_upgrade_may_show_others_that_need_it(bench: Bench) -> None:
    bench.eval("class Node:\n    def __init__(self, n): self.n = n\nhead = None\nfor n in range(5):\n"
        "    node = Node(n)\n    node.later = head\n    head = node")  # fmt: skip
    bench.eval("class Node:\n    def __upgrade__(self, v):\n        self.next = [self.later]\n        del self.later")
    shown = bench.eval("head")
    for n in (4, 3, 2, 1):
        assert shown["n"] == n
        (shown,) = shown["next"]
    assert bench.query("head.next[0].next[0].n") == 2


def test_upgrade_in_a_reply_changes_what_its_snippet_made(bench: Bench) -> None:
    """The list was adopted before the reply was made; what the upgrade puts in there is, too."""
    bench.eval("class P: pass\np = P()\nbox = {}")
    bench.reopen()
    bench.eval("class P:\n    def __upgrade__(self, version): box['log'].append({'a': [version]})")
    assert bench.eval("box['log'] = []\np") == {"$class": "P"}
    bench.reopen()
    bench.eval("box['log'][0]['a'].append(2)")
    bench.reopen()
    assert bench.eval("box") == {"log": [{"a": [1, 2]}]}


def test_version_several_behind_is_told_once(bench: Bench) -> None:
    bench.eval("class Account:\n    def __upgrade__(self, v): seen.append((2, v))")
    bench.eval("rows[0].cents")
    bench.eval("class Account:\n    def other(self): pass")
    bench.eval("class Account:\n    def __upgrade__(self, v): seen.append((4, v))")
    bench.eval("[r.cents for r in rows]")
    assert bench.query("seen") == [(2, 1), (4, 2), (4, 1), (4, 1)]


def test_same_text_again_is_the_same_version(bench: Bench) -> None:
    bench.eval(NEW)
    bench.eval("a.euros")
    bench.eval(NEW)
    assert bench.eval("[a.euros, seen]") == [2.5, [1]]


def test_new_instances_are_of_the_new_version(bench: Bench) -> None:
    assert bench.eval(NEW + "b = Account(3)\n[b.euros, a.euros, seen]") == [3, 2.5, [1]]
    assert bench.eval("[b.euros, seen]") == [3, [1]]


@pytest.mark.parametrize("place", PLACES)
def test_what_the_snippet_had_changed_before_waits_for_the_next(bench: Bench, place: str) -> None:
    move(bench, place)
    bench.eval("a.cents += 1\n" + NEW + "a.cents += 1\n_ = rows[0].euros")
    move(bench, place)
    assert bench.query("seen") == [1]
    assert bench.eval("[a.euros, seen]") == [2.52, [1, 1]]


@pytest.mark.parametrize("place", PLACES)
def test_upgrade_that_raises_fails_the_snippet_and_leaves_the_instance(bench: Bench, place: str) -> None:
    bench.eval("class Account:\n    def __upgrade__(self, v):\n        self.half = 1\n        1 / 0")
    move(bench, place)
    for run in (bench.eval, bench.query):
        with pytest.raises(Failed, match="UpgradeFailed") as caught:
            run("done = 1\ntry:\n    a.cents\nexcept Exception:\n    pass" if run == bench.eval else "a.cents")
        fault = caught.value.fault
        assert "Account.__upgrade__(1) raised ZeroDivisionError" in fault.message
        assert "line 4, in Account.__upgrade__\n    1 / 0" in fault.traceback
        assert ".py" not in fault.traceback
    bench.eval("class Account:\n    def __upgrade__(self, v): seen.append([v, hasattr(self, 'half')])")
    assert bench.eval("[a.cents, seen]") == [250, [[1, False]]]


def test_definition_that_is_rolled_back_upgrades_nothing(bench: Bench) -> None:
    with pytest.raises(Failed, match="ZeroDivisionError"):
        bench.eval(NEW + "a.euros\n1 / 0")
    assert bench.eval("[a.cents, [r.cents for r in rows], seen]") == [250, [100, 200, 250], []]
    seq = bench.engine.seq
    assert bench.eval("a.cents") == 250
    assert bench.engine.seq == seq
    bench.eval(NEW)
    assert bench.eval("[a.euros, seen]") == [2.5, [1]]


@pytest.mark.parametrize("place", PLACES)
def test_bases_are_asked_first_each_with_its_own_version(bench: Bench, place: str) -> None:
    bench.eval("class Base: pass\nclass Mid(Base): pass\nclass Leaf(Mid): pass\nx = Leaf()\nx.n = 1")
    move(bench, place)
    bench.eval("class Leaf(Mid):\n    def __upgrade__(self, v): seen.append(('leaf', v))")
    bench.eval("class Base:\n    def one(self): pass")
    bench.eval("class Base:\n    def __upgrade__(self, v): seen.append(('base', v))")
    move(bench, place)
    assert bench.eval("[x.n, seen]") == [1, [("base", 1), ("leaf", 1)]]
    bench.eval("class Base:\n    def __upgrade__(self, v): seen.append(('again', v))")
    move(bench, place)
    assert bench.eval("[x.n, seen[2:]]") == [1, [("again", 3)]]


@pytest.mark.parametrize("place", PLACES)
def test_new_base_is_asked_from_version_0(bench: Bench, place: str) -> None:
    bench.eval("class Old: pass\nclass New:\n    def __upgrade__(self, v): seen.append(v)\nclass C(Old): pass\nx = C()")
    bench.eval("x.n = 1")
    bench.eval("class C(New):\n    def two(self): pass")
    move(bench, place)
    # Its class has another base, and no class above has a new version: nothing marks what is in memory but the class.
    assert bench.eval("[x.n, seen]") == [1, [0]]


def test_redefinition_reaches_subclasses_and_instances_wherever_they_are(bench: Bench) -> None:
    bench.eval("class P:\n    def hi(self): return 1\nclass Q(P): pass\nps = [P(), Q()]")
    for place in PLACES:
        bench.eval(f"class P:\n    def hi(self): return {place!r}")
        move(bench, place)
        assert bench.eval("[p.hi() for p in ps]") == [place, place]


def test_comparison_can_not_upgrade(bench: Bench) -> None:
    bench.eval("class Card:\n    def __init__(self, n): self.n = n\n"
        "    def __lt__(self, other): return self.n < other.n\ncards = [Card(2), Card(1)]")  # fmt: skip
    bench.eval("class Card:\n    def __upgrade__(self, v): self.n += 10\n"
        "    def __lt__(self, other): return self.n < other.n")  # fmt: skip
    for place in PLACES:
        move(bench, place)
        with pytest.raises(Failed, match="UpgradeFailed"):
            bench.eval("sorted(cards)\nNone")
    assert bench.eval("_ = [c.n for c in cards]\n[c.n for c in sorted(cards)]") == [11, 12]


def test_isinstance_is_no_touch(bench: Bench) -> None:
    bench.eval(NEW)
    for place in PLACES:
        move(bench, place)
        assert bench.eval("[isinstance(a, dict), isinstance(a, Account), type(a) is Account, a.__class__ is Account,"
            "a is rows[2], seen]") == [False, True, True, True, True, []]  # fmt: skip


def test_call_touches(bench: Bench) -> None:
    bench.eval(NEW + "    def get(self): return self.euros")
    assert bench.call("a.get") == 2.5
    assert bench.query("seen") == [1]


@pytest.mark.parametrize("place", PLACES)
def test_dataclasses_are_upgraded_like_others(bench: Bench, place: str) -> None:
    bench.eval("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 0\np = P(4)")
    bench.eval("@dataclass\nclass P:\n    y: int = 0\n    def __upgrade__(self, v):\n        self.y = -self.x\n"
        "        del self.x")  # fmt: skip
    move(bench, place)
    assert bench.eval("[repr(p), p.y]") == ["P(y=-4)", -4]
    move(bench, place)
    assert bench.eval("[repr(p), p == P(-4)]") == ["P(y=-4)", True]


# --- any run of it all ------------------------------------------------------------------------------------------------

# A class text for each number: with an upgrade or without, with a base or another.
def text(name: str, number: int, upgrade: bool, base: str) -> str:
    lines = [f"class {name}{base}:", f"    number = {number}"]
    if upgrade:
        lines += [
            "    def __upgrade__(self, version):",
            f"        self.steps = (getattr(self, 'steps', '')) + ' {name}{number}<' + str(version)",
            "        self.more = [self.n]",
        ]
    return "\n".join(lines)


SNIPPETS = [
    "x[i].n += 1", "x[i].n", "x[i] = Leaf()\nx[i].n = i", "x[i], x[i - 1] = x[i - 1], x[i]",
    "[hasattr(o, 'more') for o in x]", "x[i].n\n1 / 0", "isinstance(x[i], Other)", "x[i].more.append(x[i - 1])",
    "x", "x[i].n += 1\n1 / 0", "del x[i].more",
]  # fmt: skip


class UpgradesAnywhere(RuleBasedStateMachine):
    """Two engines get the same snippets; one keeps all in memory, the other is moved about. They never differ."""

    @initialize(cache=st.sampled_from([1, 3_000]), checkpoint=st.sampled_from([1, 5]))
    def open(self, cache: int, checkpoint: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.count = 0
        small = Options(cache_size=cache, checkpoint_count=checkpoint, durability="none", segment_size=64 * 1024)
        self.still = Bench(Path(self.folder.name) / "still", Options(durability="none", segment_size=64 * 1024))
        self.moved = Bench(Path(self.folder.name) / "moved", small)
        self.both("eval", "class Base: pass\nclass Other: pass\nclass Leaf(Base): pass\nx = [Leaf(), Leaf(), Leaf()]\n"
            "for o in x: o.n = 1")  # fmt: skip

    def both(self, kind: Any, source: str, **args: Any) -> None:
        results = []
        for bench in (self.still, self.moved):
            ((value, error, _, _),) = bench.run(make_request(kind, source, dict(args)))
            results.append((value, error and error.message))
        assert results[0] == results[1], source

    @rule(
        name=st.sampled_from(["Base", "Leaf", "Other"]), upgrade=st.booleans(), other=st.booleans(),
        action=st.sampled_from(["", *SNIPPETS]), first=st.sampled_from(["", *SNIPPETS]), i=st.integers(0, 2),
    )  # fmt: skip
    def define(self, name: str, upgrade: bool, other: bool, action: str, first: str, i: int) -> None:
        self.count += 1
        base = "" if name != "Leaf" else "(Other)" if other else "(Base)"
        self.both("eval", f"{first}\n{text(name, self.count, upgrade, base)}\n{action}", i=i)

    @rule(source=st.sampled_from(SNIPPETS), i=st.integers(0, 2))
    def run(self, source: str, i: int) -> None:
        self.both("eval", source, i=i)

    @rule(source=st.sampled_from(SNIPPETS), i=st.integers(0, 2))
    def look(self, source: str, i: int) -> None:
        self.both("query", source, i=i)

    @rule(place=st.sampled_from(PLACES))
    def move(self, place: str) -> None:
        move(self.moved, place)

    @rule()
    def tend(self) -> None:
        self.moved.tend()

    @invariant()
    def equal(self) -> None:
        if hasattr(self, "still"):
            self.both("query", "[(o.n, getattr(o, 'steps', None), getattr(o, 'more', None), o.number) "
                "for o in x if hasattr(o, 'number')]")  # fmt: skip

    def teardown(self) -> None:
        if hasattr(self, "still"):
            digests = []
            for bench in (self.still, self.moved):
                bench.engine.checkpoint()
                digests.append(reachable(bench.engine._heap.store))
                bench.end()
            self.folder.cleanup()
            assert digests[0] == digests[1]


def test_where_instances_are_makes_no_difference() -> None:
    bounds = settings(max_examples=30, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(UpgradesAnywhere, settings=bounds)
