"""Settled: what adoption is spared a look at holds nothing that it would adopt or refuse."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import NotStorable
from objserver.heap.settled import are_all_settled

from .host import Host

ATOMS = st.sampled_from([1, -1.5, "x", None, True, b"x", float("nan"), complex("nan"), (), (1, "x"), 2**70])
VALUES = st.one_of(ATOMS, st.sampled_from(["old", "new list", "new dict", "tuple of a list", "itself", "lambda"]))
KEYS = st.sampled_from(["a", "b", 1, 2.5, (1,), float("nan")])
CHANGES = st.lists(st.tuples(st.sampled_from(["doc", "inner", "row"]), KEYS, VALUES), min_size=1, max_size=4)


def change(root: Any, changes: list[tuple[str, Any, Any]]) -> None:
    doc = root.namespace["doc"]
    for where, key, value in changes:
        owner = {"doc": doc, "inner": doc["inner"], "row": doc["row"]}[where]
        if value in ("old", "itself"):
            value = doc["row"] if value == "old" else owner
        elif value == "new list":
            value = [1]
        elif value == "new dict":
            value = {}
        elif value == "tuple of a list":
            value = (1, [2])
        elif value == "lambda":
            value = lambda: 0  # noqa: E731
        if where == "row":
            owner.append(value)
        else:
            owner[key] = value


@given(st.lists(CHANGES, max_size=4))
@settings(deadline=None, max_examples=60)
def test_what_is_settled_needs_no_adoption(rounds: list[list[tuple[str, Any, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        try:
            host["doc"] = {"inner": {"n": 1}, "row": [1], "x": 1.5}
            for changes in rounds:
                host.evict()
                heap = host.heap
                change(heap.root, changes)
                settled = are_all_settled(heap.touched)
                next_oid = heap.next_oid
                try:
                    heap._adoption.run(heap.touched, heap.root)
                except NotStorable:
                    assert not settled
                    heap.rollback()
                else:
                    assert not settled or heap.next_oid == next_oid
                    heap.commit()
                host.checkpoint()
        finally:
            host.close()


def test_number_that_replaces_a_number_is_settled(host: Host) -> None:
    host["doc"] = {"n": 1, "inner": {"m": 2.5}, "row": [1]}

    def count(root: Any) -> bool:
        doc = root.namespace["doc"]
        doc["n"] += 1
        doc["inner"]["m"] += 1
        doc["row"].append(2)
        return are_all_settled(host.heap.touched)

    assert host.run(count)
