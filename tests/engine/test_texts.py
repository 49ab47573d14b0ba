"""Kept texts: what a read finds is what encoding would give, whatever changed, came back or went to disk meanwhile."""

from __future__ import annotations

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from objserver.engine import Options
from objserver.engine.texts import PART_COUNT_MAX
from tests.engine.bench import Bench, Failed

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.one_of(st.integers(-5, 5), st.none(), st.booleans(), st.sampled_from(["x", "$y", "é", 0.5]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)

# Walks to a container by steps, each taken modulo what there is; the same text runs on the model.
WALK = """
def walk(doc, steps):
    for step in steps:
        inner = [v for v in (doc.values() if isinstance(doc, dict) else doc) if isinstance(v, (dict, list))]
        if not inner:
            break
        doc = inner[step % len(inner)]
    return doc
def put(doc, name, value):
    if isinstance(doc, dict):
        doc[name] = value
    else:
        doc.append(value)
def take(doc):
    if doc and isinstance(doc, dict):
        del doc[next(iter(doc))]
    elif doc:
        doc.pop(0)
"""
STEPS = st.lists(st.integers(0, 3), max_size=3)


class Texts(RuleBasedStateMachine):
    """Documents in an engine with hardly any cache, beside plain ones."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(Path(tempfile.mkdtemp(dir=self.folder)), Options(cache_size=1, segment_size=1 << 20))
        self.model: dict[str, Any] = {}
        for source in (WALK, "docs = {'a': {}, 'b': {}, 'c': []}"):
            self.bench.eval(source)
            exec(source, self.model)

    def both(self, source: str, **args: Any) -> None:
        self.bench.eval(source, **deepcopy(args))  # the engine keeps what it is given
        exec(source, self.model, args)

    @rule(name=NAMES, steps=STEPS, key=NAMES, value=VALUES)
    def put(self, name: str, steps: list[int], key: str, value: Any) -> None:
        self.both("put(walk(docs[n], s), k, v)", n=name, s=steps, k=key, v=value)

    @rule(name=NAMES, steps=STEPS)
    def take(self, name: str, steps: list[int]) -> None:
        self.both("take(walk(docs[n], s))", n=name, s=steps)

    @rule(name=NAMES, steps=STEPS, other=NAMES)
    def share(self, name: str, steps: list[int], other: str) -> None:
        """One container in two documents: a change made through one is seen through the other."""
        if name < other:  # no cycles
            self.both("put(docs[o], 'c', walk(docs[n], s)) if len(str(docs)) < 900 and not walk(docs[n], s) else 0",
                      n=name, s=steps, o=other)

    @rule(name=NAMES, steps=STEPS, value=VALUES)
    def fail(self, name: str, steps: list[int], value: Any) -> None:
        with pytest.raises(Failed):
            self.bench.eval("put(walk(docs[n], s), 'a', v); 1 / 0", n=name, s=steps, v=deepcopy(value))

    @rule(name=NAMES, steps=STEPS)
    def read_a_part(self, name: str, steps: list[int]) -> None:
        assert self.bench.eval("walk(docs[n], s)", n=name, s=steps) == self.model["walk"](
            self.model["docs"][name], steps
        )

    @rule(name=NAMES, steps=STEPS, key=NAMES, value=SCALARS)
    def change_and_return(self, name: str, steps: list[int], key: str, value: Any) -> None:
        """In the snippet itself the change is seen already, and what was kept before is not."""
        self.model["put"](self.model["walk"](self.model["docs"][name], steps), key, value)
        found = self.bench.eval("put(walk(docs[n], s), k, v)\ndocs[n]", n=name, s=steps, k=key, v=value)
        assert found == self.model["docs"][name]

    @rule()
    def tend(self) -> None:
        self.bench.tend()

    @rule()
    def reopen(self) -> None:
        self.bench.reopen()

    @invariant()
    def reads_are_true(self) -> None:
        for _ in range(2):
            for name, document in self.model["docs"].items():
                assert self.bench.query("docs[n]", n=name) == document

    def teardown(self) -> None:
        self.bench.kill()


def test_what_is_read_is_what_is_there(tmp_path: Path) -> None:
    machine = type("Texts", (Texts,), {"folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


def test_what_a_change_returns_is_kept_when_it_is_returned_again(engine: Bench) -> None:
    engine.eval("d = {'k': 1}; q = [[{'n': 1}], 2]; count = [0]; 0")
    kept = engine.engine._heap.value_of("d")
    for number in range(3):
        assert engine.eval("count[0] += 1\nd") == {"k": 1}
        assert kept.__text__[0] == (b'{"k":1}' if number else None)
    task = engine.engine._heap.value_of("q")[0]
    assert engine.eval("q.pop(0)") == [{"n": 1}] and task.__text__[0] is None
    assert engine.eval("d['k'] += 1\nd") == engine.eval("d") == {"k": 2}


@pytest.mark.parametrize("source", [
    "{'k': ['x' * 5000]}", "{'k': {1, 2}}", "{'k': {1: [2]}}", "{'k': b'x', 'l': [now()]}",
    f"{{'k': [[] for _ in range({PART_COUNT_MAX + 5})]}}",
])  # fmt: skip
def test_what_is_too_large_or_not_plain_is_encoded_each_time(engine: Bench, source: str) -> None:
    engine.eval(f"d = {source}; 0")
    first = engine.eval("d")
    assert engine.eval("d") == first
    engine.eval("d['k'] = d['k'], 1; 0")
    assert engine.eval("d") == {**first, "k": (first["k"], 1)}


def test_cycle_is_not_kept(engine: Bench) -> None:
    engine.eval("d = {'k': []}; d['k'].append(d); d['k'].append(1); 0")
    for count in range(2, 5):
        assert engine.eval("len(d['k'])") == count
        assert engine.eval("d")["k"][1:] == [1] * (count - 1)
        engine.eval("d['k'].append(1); 0")


def test_part_that_left_memory_and_changes_is_seen(tmp_path: Path) -> None:
    """The document stays, because it was changed, and has its text; the part comes back without a mark of that."""
    bench = Bench(tmp_path, Options(cache_size=1, segment_size=1 << 20))
    bench.eval("d = {'n': 1, 'part': {'m': 1}}; 0")
    bench.reopen()
    bench.eval("d['n'] = 2")
    for count in range(2, 5):
        assert bench.eval("d") == bench.eval("d") == {"n": 2, "part": {"m": count - 1}}
        for _ in range(5):
            bench.tend()
        bench.eval("d['part']['m'] += 1")
        assert bench.eval("d") == {"n": 2, "part": {"m": count}}
    bench.kill()


def test_part_of_many_documents_takes_back_the_text_of_each(engine: Bench) -> None:
    engine.eval("part = {'m': 0}; docs = [{'n': _n, 'part': part} for _n in range(20)]; 0")
    for count in range(3):
        for number in range(20):
            assert engine.eval("docs[n]", n=number) == {"n": number, "part": {"m": count}}
            engine.eval("docs[n]['n'] = n", n=number)
        engine.eval("docs[-1]['part']['m'] += 1")
        assert engine.eval("part") == {"m": count + 1}


def test_part_of_very_many_documents_notes_each_once_and_none_after_it_changed(engine: Bench) -> None:
    """It notes in no more steps than there are documents, and what it noted does not stay with it for ever."""
    engine.eval("part = {'m': 0}; docs = [{'n': _n, 'part': part} for _n in range(200)]; 0")
    part = engine.engine._heap.value_of("part")
    for count in range(1, 3):
        for _ in range(2):
            for number in range(200):
                assert engine.eval("docs[n]", n=number)["part"] == {"m": count - 1}
                if number % 2:  # its JSON is made anew, and is noted again
                    engine.eval("docs[n]['n'] += 1", n=number)
        assert 100 < len(part.__text__) < 450
        engine.eval("part['m'] += 1; 0")
        assert len(part.__text__) == 2
