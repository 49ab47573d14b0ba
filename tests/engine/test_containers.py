"""Containers against CPython's: the conformance kit. Snippets run on a real engine and, the same text, in plain Python,
through failures, evictions, checkpoints, restarts and crashes; everything that shows is compared after each.

    operations.py   what is done, for each kind          models.py   what CPython has no container for
    graph.py        what is compared: content, order, types, identity, sharing; results and exceptions with their text

Sizes: what is done in bulk moves a container across any bound up to some 2,000 items, both ways. `SMALL` lowers the
bounds at which containers are kept otherwise, so that a few items cross them too; half of the runs have them.
"""

from __future__ import annotations

import ast
import collections
import copy
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from objserver.engine import Options
from objserver.heap import buckets, fronts, heap, paged_list

from .bench import Bench, Failed
from .graph import graph
from .operations import ARGUMENTS, HEAD, KINDS, MODEL, SETUP, Kind, our_words

# Every bound at which a container is kept, changed or undone in another way: (module, name, its value in small).
SMALL: list[tuple[Any, str, int]] = [
    (buckets, "BUCKET_COUNT", 4),
    (buckets, "GROUP_COUNT", 8),
    (buckets, "WAIT_COUNT", 3),
    (fronts, "COUNT", 8),
    (fronts, "COUNT_MIN", 4),
    (heap.Heap, "paged_above", 5),
    (heap.Heap, "plain_below", 3),
    (paged_list, "BRANCH_COUNT", 4),
    (paged_list, "LEAF_COUNT", 4),
]

ROOTS = ("out", "pool", "x", "y", "z")
ATTRIBUTES = {"Node": ("n",)}

# A container is made anew when it, with all that it holds, would be longer than this: spelled out, nests grow quickly.
WEIGHT_MAX = 20_000


@contextmanager
def bounds(small: bool) -> Iterator[None]:
    before = [getattr(module, name) for module, name, _ in SMALL]
    try:
        for module, name, value in SMALL if small else ():
            setattr(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(SMALL, before, strict=True):
            setattr(module, name, value)


# --- texts --------------------------------------------------------------------------------------------------------


class _Numbered(ast.NodeTransformer):
    """Gives the arguments of one operation names of their own."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.used: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in ARGUMENTS:
            self.used[node.id] = node.id = f"{node.id}{self.number}"
        return node


@cache
def statements(text: str, number: int) -> tuple[str, dict[str, str]]:
    """Return the operation as statements that bind `out`, and its arguments: name -> name in the snippet."""
    numbered = _Numbered(number)
    tree = numbered.visit(ast.parse(text))
    only = tree.body[0] if len(tree.body) == 1 else None
    if isinstance(only, ast.Expr):
        return f"out = ({ast.unparse(only.value)})", numbered.used
    return f"out = None\n{ast.unparse(tree)}", numbered.used


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


CAUGHT = "try:\n{}except Exception as _error:\n    out = [type(_error).__name__, {}]\n"
# In the model: what no snippet can catch ends it, and texts are ours.
CAUGHT_BY_MODEL = (
    "try:\n{}except RecursionError:\n    raise\nexcept Exception as _error:\n"
    "    out = [type(_error).__name__, our_words({})]\n"
)


@cache
def compiled(source: str) -> CodeType:
    return compile(source, "<cell>", "exec", dont_inherit=True)


# --- the machine --------------------------------------------------------------------------------------------------


def weight(value: Any, known: dict[int, int]) -> int:
    """Return how many items `value` has, spelled out; what is inside itself counts once."""
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        return 1
    if id(value) not in known:
        known[id(value)] = 1
        items = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(weight(item, known) for item in items)
    return known[id(value)]


class Containers(RuleBasedStateMachine):
    """Any run of operations, failures, evictions, checkpoints, restarts and crashes equals plain Python."""

    kind: Kind
    roots = ROOTS

    @initialize(
        size=st.sampled_from([0, 3, 70, 1000, 2000]), cache_size=st.sampled_from([1, 10_000, 1 << 30]),
        checkpoint=st.sampled_from([1, 5, 1000]), small=st.booleans(),
    )  # fmt: skip
    def open(self, size: int, cache_size: int, checkpoint: int, small: bool) -> None:
        self.bounds = bounds(small)
        self.bounds.__enter__()
        self.folder = tempfile.TemporaryDirectory()
        options = Options(
            cache_size=cache_size, checkpoint_count=checkpoint, durability="none", segment_size=64 * 1024
        )
        self.bench = Bench(Path(self.folder.name) / "data", options)
        self.model: dict[str, Any] = {**vars(collections), "__name__": "__main__", "our_words": our_words, **MODEL}
        self.both(HEAD + SETUP + f"out = None\nsize = {size}\n{self.anew()}")

    def anew(self) -> str:
        return f"x = {self.kind.start}\ny = {self.kind.start}\nz = [x, [y]]"

    def both(self, source: str) -> None:
        self.bench.eval(source)
        exec(compiled(source), self.model)

    @rule(data=st.data(), count=st.integers(1, 4), caught=st.booleans(), fail=st.booleans(), cold=st.booleans())
    def snippet(self, data: st.DataObject, count: int, caught: bool, fail: bool, cold: bool) -> None:
        texts = [data.draw(st.sampled_from(self.kind.operations)) for _ in range(count)]
        self.run(data, texts, caught=caught or not fail, fail=fail, cold=cold)

    @rule(data=st.data(), fail=st.booleans(), cold=st.booleans(), after=st.integers(0, 2))
    def bulk(self, data: st.DataObject, fail: bool, cold: bool, after: int) -> None:
        texts = [data.draw(st.sampled_from(self.kind.bulk))]
        texts += [data.draw(st.sampled_from(self.kind.operations)) for _ in range(after)]
        self.run(data, texts, caught=True, fail=fail, cold=cold)

    def run(self, data: st.DataObject, texts: list[str], *, caught: bool, fail: bool, cold: bool) -> None:
        """Run operations as one snippet: each in a `try` of its own if `caught`, and then failing if `fail`."""
        if sum(weight(self.model[name], {}) for name in ("x", "y", "z")) > WEIGHT_MAX:
            self.both(self.anew())
        given: dict[str, Any] = {}
        bodies: list[str] = []
        for number, text in enumerate(texts):
            body, used = statements(text, number)
            bodies.append(body)
            for name, numbered in used.items():
                given[numbered] = data.draw(self.kind.arguments.get(name, ARGUMENTS[name]), label=numbered)
        sources = []
        for caught_by in (CAUGHT, CAUGHT_BY_MODEL):
            parts = ["outs = []"]
            for text, body in zip(texts, bodies, strict=True):
                said = "''" if text.startswith(self.kind.other_words) else "str(_error)"
                parts += [caught_by.format(indented(body), said) if caught else body, "outs.append(out)"]
            sources.append("\n".join([*parts, "out = outs", "del outs", *(["1 / 0"] if fail else [])]))
        if cold:
            self.evict()
        expected = self.in_model(sources[1], copy.deepcopy(given))
        try:
            self.bench.eval(sources[0] + "\nNone", **given)
            found = None
        except Failed as failed:
            found = failed.fault.type
        assert found == expected, sources[0]

    def in_model(self, source: str, given: dict[str, Any]) -> str | None:
        """Run a snippet in the model. Return the name of the exception that ended it; then nothing has changed."""
        before = copy.deepcopy({name: self.model[name] for name in self.roots})
        self.model.update(given)
        try:
            exec(compiled(source), self.model)
            return None
        except Exception as error:
            self.model.update(before)
            return type(error).__name__
        finally:
            for name in given:
                self.model.pop(name, None)

    @rule(data=st.data(), cold=st.booleans())
    def query(self, data: st.DataObject, cold: bool) -> None:
        """Whatever a query does, nothing changes."""
        body, used = statements(data.draw(st.sampled_from(self.kind.operations + self.kind.bulk)), 0)
        if re.search(r"\b[xyz]\b[^=\n]* = |\b[xyz] [-+*|&^]=", body):
            return  # to a query these names would be its own
        given = {
            numbered: data.draw(self.kind.arguments.get(name, ARGUMENTS[name])) for name, numbered in used.items()
        }
        if cold:
            self.evict()
        try:
            self.bench.query(body + "\nNone", **given)
        except Failed:
            pass

    @rule()
    def checkpoint(self) -> None:
        self.bench.tend()

    @rule()
    def one_slice(self) -> None:
        self.bench.engine.tend()

    @rule()
    def evict(self) -> None:
        """Checkpoint, and make ghosts of everything."""
        engine = self.bench.engine
        engine.checkpoint()
        while engine._heap.evict(0):
            pass

    @rule()
    def reopen(self) -> None:
        self.bench.reopen()

    @rule()
    def crash(self) -> None:
        self.bench.crash()

    @rule()
    def crash_in_commit(self) -> None:
        if self.bench.engine._checkpoint is None:
            self.bench.crash_in_commit()

    @invariant()
    def equal(self) -> None:
        if not hasattr(self, "bench"):
            return
        heap = self.bench.engine._heap
        found = graph({name: heap.value_of(name) for name in self.roots}, ATTRIBUTES)
        expected = graph({name: self.model[name] for name in self.roots}, ATTRIBUTES)
        assert found == expected

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.end()
            self.folder.cleanup()
            self.bounds.__exit__(None, None, None)


def check_containers(kind: Kind, *, examples: int, steps: int, search: bool) -> None:
    """Run the machine: on the same examples each time, or on new ones with `search`."""
    machine = type("ContainersOfOneKind", (Containers,), {"kind": kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=not search, database=None
        ),
    )


@pytest.mark.parametrize("name", KINDS)
def test_containers_equal_pythons_through_everything(name: str) -> None:
    check_containers(KINDS[name], examples=8, steps=12, search=False)


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_containers_equal_pythons_in_long_runs(name: str) -> None:
    check_containers(KINDS[name], examples=150, steps=30, search=True)


def test_container_that_is_small_again_takes_no_neighbour_along(engine: Bench) -> None:
    """Giving back its pieces deleted the record of the object with the next oid: from the next start on it was lost."""
    engine.eval("d = {}\nrows = []")
    engine.eval("d.update({k: k for k in range(400)})")
    engine.eval("rows.append({'n': 1})\nrows.append({'n': 2})")
    engine.reopen()
    engine.eval("for k in list(d)[10:]:\n  del d[k]")
    engine.reopen()
    assert engine.eval("[rows, len(d)]") == [[{"n": 1}, {"n": 2}], 10]


def test_rows_of_a_sorted_dict_tell_the_least_keys_however_its_ends_change(engine: Bench) -> None:
    """Taking leaves off the front left the root with the key of one that was gone; `verify` said so."""
    engine.eval("x = SortedDict((k, k) for k in range(1000))")
    for change in (
        "for k in range(100):\n  x.pop(k)",
        "for k in range(99, -100, -1):\n  x[k] = k",
        "for k in range(150):\n  x.popitem(0)\nfor k in range(150):\n  x.popitem()\nx[-200] = 0\nx[2000] = 1",
    ):
        engine.eval(change)
        engine.engine.checkpoint()
        engine.end()  # and see that it is sound
        engine.crash()
    assert engine.eval("list(x) == [-200, *range(51, 850), 2000]") is True


@pytest.mark.parametrize("kind", ["list", "deque"])
def test_bound_of_index_that_is_no_number_is_refused_in_pythons_words(engine: Bench, kind: str) -> None:
    engine.eval(f"from collections import deque\nx = {kind}(range(1000))")
    for bounds, wanted in (("'a'", TypeError), ("0, None", TypeError), ("500, 10**30", ValueError), ("-9", ValueError)):
        with pytest.raises(wanted) as expected:
            eval(f"{kind}(range(1000)).index(7, {bounds})", {"deque": collections.deque})
        with pytest.raises(Failed, match=re.escape(str(expected.value))):
            engine.eval(f"x.index(7, {bounds})")


def test_named_tuple_of_a_clients_class_is_a_key_of_a_large_dict(engine: Bench) -> None:
    """It is equal to a tuple, so it has the tuple's hash in the index on disk."""
    engine.eval("from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\nx = {P(i): i for i in range(1000)}")
    engine.engine.checkpoint()
    while engine.engine._heap.evict(0):
        pass
    assert engine.eval("x[P(5)], x[(6,)], x.get(P(1000))") == (5, 6, None)
