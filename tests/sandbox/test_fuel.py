"""Fuel ends every snippet, the same one always at the same step, and no snippet comes back from it."""

from __future__ import annotations

import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import CellCache, Fuel, OutOfFuel, compile_cell
from tests.sandbox.host import Host

LOOPS = {
    "while": "while True: pass",
    "while_in_bare_except": "while True:\n try:\n  while True: pass\n except: pass",
    "while_in_except": "while True:\n try:\n  while True: pass\n except Exception: pass",
    "while_in_finally": "try:\n while True: pass\nfinally:\n while True: pass",
    "for_over_growing_list": "l = [1]\nfor x in l: l.append(x)",
    "raise_in_finally": "try:\n try:\n  while True: pass\n finally: raise ValueError\nexcept ValueError: x = 1",
    "handler_that_is_no_class": "try:\n try:\n  while True: pass\n except 5: pass\nexcept TypeError: x = 1",
    "suppressed_with_all_objects": "import contextlib\nwith contextlib.suppress(object):\n while True: pass",
    "closing_what_can_not_be_closed": "import contextlib\ntry:\n with contextlib.closing(5):\n  while True: pass\n"
                                      "except AttributeError: x = 1",
    "exit_that_swallows": "class C:\n def __enter__(self): pass\n def __exit__(self, *a): return True\n"
                          "while True:\n with C():\n  while True: pass",
    "generator": "def g():\n while True: yield 1\nfor x in g(): pass",
    "generator_in_sum": "def g():\n while True: yield 1\nsum(g())",
    "generator_throws": "def g():\n while True:\n  try: yield 1\n  except ValueError: pass\n"
                        "def run():\n it = g()\n next(it)\n while True: it.throw(ValueError())\nrun()",
    "comprehension": "def g():\n while True: yield 1\n[x for x in g()]",
    "comprehension_of_grown_list": "l = [1]\n[l.append(x) for x in l]",
    "extended_by_itself": "l = [1]\nl.extend(x for x in l)",
    "iterator_class": "class I:\n def __iter__(self): return self\n def __next__(self): return 1\nlist(I())",
    "old_iteration": "class I:\n def __getitem__(self, i): return i\nlist(I())",
    "in_old_iteration": "class I:\n def __getitem__(self, i): return i\n-1 in I()",
    "lambdas": "f = lambda: [(lambda: 0)() for x in range(3)]\nwhile True: f()",
    "sort_key": "def key(x):\n while True: pass\nsorted([1], key=key)",
    "map": "def f(x):\n while True: pass\nlist(map(f, [1]))",
    "repr": "class C:\n def __repr__(self):\n  while True: pass\nrepr(C())",
    "str_in_f_string": "class C:\n def __str__(self):\n  while True: pass\nf'{C()}'",
    "hash": "class C:\n def __hash__(self): return 1\n def __eq__(self, o): return False\nc = C()\nwhile True: {c: 1}",
    "getattr": "class C:\n def __getattr__(self, n): raise AttributeError(n)\nwhile True: getattr(C(), 'x', 0)",
    "hasattr": "class C:\n def __getattr__(self, n):\n  while True: pass\nhasattr(C(), 'x')",
    "property": "class C:\n @property\n def p(self):\n  while True: pass\ngetattr(C(), 'p', 0)",
    "index": "class C:\n def __index__(self):\n  while True: pass\n[1][C()]",
    "init_subclass": "class C:\n def __init_subclass__(cls):\n  while True: pass\nclass D(C): pass",
    "class_body": "class C:\n while True: pass",
    "match_guard": "def f():\n while True: pass\nmatch 1:\n case x if f(): pass",
    "decorator": "def d(f):\n while True: pass\n@d\ndef g(): pass",
    "default": "def f():\n while True: pass\ndef g(x=f()): pass",
    "delegation": "class I:\n def __iter__(self): return self\n def __next__(self): return 1\n"
                  "def g(): yield from I()\nfor x in g(): pass",
    "close_on_delegate": "class I:\n def __iter__(self): return self\n def __next__(self): return 1\n"
                         " def close(self): raise ValueError\n"
                         "def g(): yield from I()\nit = g()\nnext(it)\nit.close()\nwhile True: pass",
    "truth": "class C:\n def __bool__(self):\n  while True: pass\nnot C()",
    "binary_search": "lo, hi = 0, 1\nwhile lo < hi: lo, hi = hi, lo + 2",
}


@pytest.mark.parametrize("name", LOOPS)
def test_endless_snippet_runs_out_of_fuel(name: str) -> None:
    host = Host(fuel=5_000)
    with pytest.raises(OutOfFuel):
        host.run(LOOPS[name])
    # Sticky: until the next refill, nothing more runs.
    assert host.fuel.remaining == 0
    for _ in range(3):
        with pytest.raises(OutOfFuel):
            next(host.builtins[".fuel"])
    assert host.run("[x for x in range(10)]") == list(range(10))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60))
def test_snippet_stops_at_the_same_step_each_time(fuel: int) -> None:
    source = "def f(n):\n out.append(n)\n return [x for x in range(n)]\nout = []\nfor i in range(8): f(i)\n'done'"
    traces = []
    for _ in range(2):
        host = Host(fuel=fuel)
        try:
            result = host.run(source)
        except OutOfFuel:
            result = None
        traces.append((result, host.roots.get("out"), host.fuel.remaining))
    assert traces[0] == traces[1]
    # 8 passes, 8 entries, 28 passes of the comprehension.
    assert (traces[0][0] == "done") == (fuel >= 44)


def test_fuel_counts_what_is_left() -> None:
    builtins: dict[str, object] = {}
    fuel = Fuel(builtins)
    with pytest.raises(OutOfFuel):
        next(builtins[".fuel"])
    fuel.refill(3)
    assert [next(builtins[".fuel"]) for _ in range(3)] == [True] * 3  # type: ignore[operator]
    assert fuel.remaining == 0
    with pytest.raises(OutOfFuel):
        next(builtins[".fuel"])


def test_comparison_methods_leave_the_fuel_as_it_was() -> None:
    host = Host(fuel=100)
    host.run(
        "class C:\n def __init__(self, n): self.n = n\n def __eq__(self, o): return self.n == o.n\n"
        " def __lt__(self, o): return self.n < o.m\n def __hash__(self): return hash(self.n)"
    )
    results = host.run("[C(1) == C(1), C(C(2)) == C(C(2)), C(1) == C(2), len({C(1): 1, C(1): 2})]")
    assert results == [True, True, False, 1]
    assert host.run("try: C(1) < C(2)\nexcept AttributeError: pass\n[x for x in range(5)]") == [0, 1, 2, 3, 4]
    host.fuel_count = 2
    with pytest.raises(OutOfFuel):
        host.run("C(1) == C(2)")


def test_cache_keeps_what_was_used_last_within_its_bounds() -> None:
    cache = CellCache(8, 4_000, lambda cell: cell)
    first = cache["1", (), False]
    assert cache["1", (), False] is first
    assert cache["1", (), True] is not first
    assert cache["1", ("a",), False] is not first
    for number in range(100):
        cache[f"{number}", ("k",), False]
        assert cache.count <= 8
        assert cache["1", (), False] is first, "what is used all the time stays"
    assert cache["0", ("k",), False] is not cache["1", ("k",), False]
    for letter in "abcdefgh":
        cache[f"'{letter * 900}'", (), False]
    assert cache.count <= 6, "long sources leave room for few"


def measure() -> dict[str, float]:
    """Return microseconds: compiling one line and 19 lines, a hit of the cache, a refill. For a human to read."""
    one = "users[k]"
    method = "    def m{}(self, x):\n        self.x = x + 1\n        return [y for y in self.items if y]\n"
    many = "class Account:\n" + "".join(method.format(index) for index in range(6))
    cache, host = CellCache(10, 10_000, lambda cell: cell), Host()
    work = {
        "one_line": lambda: compile_cell(one, ("k",)),
        "lines_19": lambda: compile_cell(many),
        "cache_hit": lambda: cache[one, ("k",), False],
        "refill": lambda: host.fuel.refill(1_000),
    }
    return {name: min(timeit.repeat(call, number=50, repeat=5)) / 50 * 1e6 for name, call in work.items()}


def test_measurement_runs() -> None:
    assert measure().keys() == {"one_line", "lines_19", "cache_hit", "refill"}


if __name__ == "__main__":
    for name, microseconds in measure().items():
        print(f"{name:10} {microseconds:8.2f} us")


def test_what_takes_an_index_is_no_sequence_without_end() -> None:
    """Without an `__iter__`, CPython asks an object with `__getitem__` for one item after the other: the names of
    `typing` give themselves for each, so `list(Mapping)` took all memory in one step."""
    host = Host()
    found = [(name, getattr(module, name)) for module in host.library.values() for name in dir(module)]
    kinds = {cls for _, value in found for cls in (type(value), value) if isinstance(cls, type)}
    kinds.add(type(host.run("import re\nre.match('a', 'a')")))
    assert len(kinds) > 50
    assert [cls for cls in kinds if hasattr(cls, "__getitem__") and not hasattr(cls, "__iter__")] == []
    for name in ("typing import Mapping", "typing import List", "dataclasses import KW_ONLY"):
        for use in ("list(x)", "[*x]", "1 in x", "sorted(x)", "max(x)", "for _ in x: pass", "a, *b = x", "reversed(x)"):
            with pytest.raises(TypeError):
                Host().run(f"from {name} as x\n{use}")
