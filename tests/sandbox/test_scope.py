"""Which names are roots, and that every change of one reaches the heap."""

from __future__ import annotations

import pytest

from sandbox import compile_cell
from tests.sandbox.host import Host

# Source of a cell, the roots it binds, the names of its own.
TABLE = [
    ("x = 1", {"x"}, set()),
    ("x: int = 1", {"x"}, set()),
    ("x = 0; x += 1", {"x"}, set()),
    ("x, *y = 1, 2; [z] = [3]", {"x", "y", "z"}, set()),
    ("x = y = 1", {"x", "y"}, set()),
    ("def f(): pass", {"f"}, set()),
    ("class C: pass", {"C"}, set()),
    ("if 1:\n def f(): pass", {"f"}, set()),
    ("import math", {"math"}, set()),
    ("import math as m", {"m"}, set()),
    ("from math import pi, e as n", {"pi", "n"}, set()),
    ("def f():\n global x\n x = 1\nf()", {"f", "x"}, set()),
    ("for i in [1]: x = i", {"x"}, {"i"}),
    ("for _ in [1]:\n while 1:\n  try: x = 1\n  finally: y = 1\n  break", {"x", "y"}, {"_"}),
    ("for i, j in [(1, 2)]: pass", set(), {"i", "j"}),
    ("(x := 1)", set(), {"x"}),
    ("[(x := i) for i in [1]]", set(), {"x", "i"}),
    ("try: 1/0\nexcept ZeroDivisionError as e: pass", set(), {"e"}),
    ("match 1:\n case x: pass", set(), {"x"}),
    ("match [1, 2]:\n case [x, *y]: pass", set(), {"x", "y"}),
    ("match {1: 2}:\n case {**x}: pass", set(), {"x"}),
    ("_x = 1", set(), {"_x"}),
    ("def _f(): pass\n_f()", set(), {"_f"}),
    ("for x in [1]: pass\nx = 2", {"x"}, set()),
    ("x = 2\nfor x in [1]: pass", {"x"}, set()),
    ("x = 2\n[(x := i) for i in [1]]", {"x"}, {"i"}),
    ("x = 2\nmatch 1:\n case x if x == 1: pass", {"x"}, set()),
    ("x = 2\nmatch [1, 2]:\n case [x, *x2]: pass", {"x"}, {"x2"}),
]


@pytest.mark.parametrize(("source", "roots", "own"), TABLE)
def test_names_bound_by_a_cell_are_roots_or_its_own(source: str, roots: set[str], own: set[str]) -> None:
    host = Host()
    cell = compile_cell(source)
    host.start(cell)
    assert cell.binds == roots
    assert host.roots.keys() - {"__builtins__"} == roots
    assert {name for _, name in host.stores} == roots
    assert not own & host.roots.keys()
