"""Which names are roots, and that every change of one reaches the heap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


# A statement, and which of its names are bound as roots; `{0}` and `{1}` are names, `{2}` is a number.
STATEMENTS = [
    ("{0} = {2}", "0"),
    ("{0}: int = {2}", "0"),
    ("{0} = {1} = {2}", "01"),
    ("{0}, {1} = {2}, 1", "01"),
    ("{0}, *{1} = [{2}, 1, 2]", "01"),
    ("{0} = {2}\n{0} += 1\n{0} *= 20\n{0} -= 3", "0"),
    ("for {0} in range({2}): pass", ""),
    ("for {0} in range({2}):\n {1} = {0}", "1"),
    ("({0} := {2})", ""),
    ("[({0} := {1}) for {1} in range({2})]", ""),
    ("{0} = [{1} for {1} in range({2})]", "0"),
    ("{0} = (lambda {1}: {1} + {2})(1)", "0"),
    ("try: [][{2}]\nexcept IndexError as {0}: {1} = str({0})", "1"),
    ("match [{2}, 5]:\n case [{0}, {1}]: pass", ""),
    ("match [{2}, 5]:\n case [{0}, *{1}] if {0} > 4: pass\n case _: {1} = 7", "1"),
    ("def {0}({1}): return {1}", "0"),
    ("def _f():\n global {0}\n {0} = {2}\n_f()", "0"),
    ("def _f():\n global {0}\n for {0} in range({2}): pass\n {1} = 1\n_f()", "0"),
    ("class {0}:\n {1} = {2}", "0"),
    ("if {2} > 4:\n {0} = 1\nelse:\n {1} = 2", "01"),
    ("{0} = 1\ndel {0}", "0"),
]
NAMES = ["a", "b", "c", "_d"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STATEMENTS), st.permutations(NAMES), st.integers(0, 9)), max_size=6))
def test_any_mix_of_bindings_leaves_the_roots_with_the_values_of_python(
    parts: list[tuple[tuple[str, str], list[str], int]]
) -> None:
    # What begins with `_` can't be declared global.
    parts = [part for part in parts if "global" not in part[0][0] or "_d" not in part[1][:2]]
    source = "\n".join(template.format(*names[:2], number) for (template, _), names, number in parts)
    roots = {names[int(place)] for (_, places), names, _ in parts for place in places} - {"_d"}
    names: dict[str, Any] = {}
    expected = failure(lambda: exec(source, names))
    host = Host()
    cell = compile_cell(source)
    assert failure(lambda: host.start(cell)) == expected
    assert cell.binds == roots
    kept = {name: value for name, value in host.roots.items() if name != "__builtins__"}
    assert kept.keys() == names.keys() & roots
    for name, value in kept.items():
        assert callable(value) or value == names[name]
    # Every change of a root was told: what was bound and not unbound last is there.
    last = {name: act for act, name in host.stores}
    assert {name for name, act in last.items() if act != "unbind"} == kept.keys()


def failure(act: Callable[[], object]) -> type[Exception] | None:
    try:
        act()
    except UnboundLocalError:
        return NameError
    except Exception as error:
        return type(error)
    return None


def test_own_name_hides_the_root_from_the_cell_and_from_nothing_else() -> None:
    host = Host()
    host.run("users = 'roots'\ndef stored(): return users")
    assert host.run("[users, stored(), (lambda: users)(), *[users for _ in 'a']]", users=1) == [1, "roots", 1, 1]
    assert host.run("for users in ['loop']: pass\n[users, stored()]") == ["loop", "roots"]
    assert host.roots["users"] == "roots"


def test_reads_are_the_names_that_the_cell_may_find_in_the_roots() -> None:
    source = (
        "import math\nx = a + len(b)\nfor i in c: d(i)\ndef f(p, q=e):\n local = p + g\n return lambda: h.attribute\n"
        "class C(k):\n m = n\n def o(self): return r[s]\nt += 1\ndel u\n[v for w in y if z]"
    )
    cell = compile_cell(source, ("d",))
    assert cell.reads - {"m"} == set("abceghknrstvyz")
    assert cell.binds == {"math", "x", "f", "C", "t", "u"}
