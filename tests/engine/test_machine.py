"""Engine and heap against plain Python: snippets on a graph with sharing and cycles, through all that can happen."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from objserver.engine import Options

from .bench import Bench, Failed
from .graph import graph

ATTRIBUTES = {"Node": ("name", "links", "table", "extra", "big")}
NODE = """
class Node:
    count = 0
    def __init__(self, name):
        self.name = name
        self.links = []
        self.table = {}
    def link(self, other):
        self.links.append(other)
        Node.count += 1
        return len(self.links)
"""

# Ways through the graph: every one reaches a node or fails, in the model as in the engine.
STEP = st.one_of(
    st.tuples(st.just("links"), st.integers(0, 3)), st.tuples(st.just("table"), st.sampled_from(["a", "b", "c"]))
)
STEPS = st.lists(STEP, max_size=4)
NAMES = st.sampled_from(["x", "y", "z"])

# Statements: `here` and `there` are nodes found by walking from a root.
ACTIONS = {
    "link": "here.link(there)",
    "put": "here.table[key] = there",
    "set": "here.name = key\nhere.extra = {'k': key, 'l': [there]}",
    "del": "del here.table[key]",
    "pop": "here.links.pop(0)",
    "new": "node = Node(key)\nnode.link(node)\nhere.links.append(node)\nhere.table[key] = node",
    "swap": "here.links, there.links = there.links, here.links",
    "share": "shared = [key]\nhere.table['a'] = shared\nthere.table['a'] = shared",
    "grow": "here.big = {str(n): n for n in range(100)}\nhere.big[key] = there",
    "clear": "here.table.clear()\nhere.links.reverse()",
    "attribute": "del here.extra",
}
WALK = """
def walk(name, steps):
    node = roots[name]
    for attribute, key in steps:
        if attribute == 'links':
            node = node.links[key]
        else:
            node = node.table[key]
        if not isinstance(node, Node):
            raise KeyError(key)
    return node
"""


class EngineAgainstPython(RuleBasedStateMachine):
    """Any run of snippets, failures, checkpoints, evictions, crashes and reopenings equals plain Python."""

    @initialize(cache=st.sampled_from([1, 10_000, 1 << 30]), checkpoint=st.sampled_from([1, 5, 1000]))
    def open(self, cache: int, checkpoint: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        options = Options(cache_size=cache, checkpoint_count=checkpoint, durability="none", segment_size=64 * 1024)
        self.engine = Bench(Path(self.folder.name) / "data", options)
        setup = "roots = {name: Node(name) for name in 'xyz'}"
        self.model: dict[str, Any] = {}
        for source in (NODE, WALK, setup):
            self.engine.eval(source)
            exec(source, self.model)

    @rule(
        action=st.sampled_from(sorted(ACTIONS)), first=NAMES, second=NAMES, steps=STEPS, others=STEPS,
        key=st.sampled_from("abc"), fail=st.booleans(),
    )  # fmt: skip
    def snippet(self, action: str, first: str, second: str, steps: Any, others: Any, key: str, fail: bool) -> None:
        body = ACTIONS[action] + ("\n1 / 0" if fail else "")
        source = (
            "def act(first, steps, second, others, key):\n"
            "    here = walk(first, steps)\n"
            "    there = walk(second, others)\n" + "".join(f"    {line}\n" for line in body.splitlines())
        )
        before = copy.deepcopy({name: self.model[name] for name in ("Node", "roots")})
        count = self.model["Node"].count
        arguments = (first, steps, second, others, key)
        exec(source, self.model)
        expected = None
        try:
            self.model["act"](*arguments)
        except Exception as error:
            expected = type(error).__name__
            self.model["roots"] = before["roots"]
            self.model["Node"].count = count
        try:
            self.engine.eval(source)
            self.engine.eval("act(*args)\nNone", args=list(arguments))
            found = None
        except Failed as failed:
            found = failed.fault.type
        assert found == expected

    @rule()
    def tend(self) -> None:
        self.engine.tend()

    @rule()
    def one_slice(self) -> None:
        self.engine.engine.tend()

    @rule()
    def reopen(self) -> None:
        self.engine.reopen()

    @rule()
    def crash(self) -> None:
        self.engine.crash()

    @invariant()
    def equal(self) -> None:
        if not hasattr(self, "engine"):
            return
        heap = self.engine.engine._heap
        assert graph({"roots": heap.value_of("roots")}, ATTRIBUTES) == graph(
            {"roots": self.model["roots"]}, ATTRIBUTES
        )
        assert heap.value_of("Node").count == self.model["Node"].count

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.end()
            self.folder.cleanup()


def test_engine_equals_plain_python_through_everything() -> None:
    bounds = settings(max_examples=40, stateful_step_count=25, deadline=None)
    run_state_machine_as_test(EngineAgainstPython, settings=bounds)
