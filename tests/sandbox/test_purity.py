"""Comparison and hash methods can't change the container that calls them: no snippet crashes the process.

Plain Python crashes on such programs: `__eq__` that clears the dict which is looking a key up (cpython gh-140551).
"""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from sandbox import OutOfFuel, SnippetRefused, compile_cell
from tests.sandbox.host import Host

PURE = {
    "attributes": "return self.n == other.n",
    "tuple": "return (self.n, self.m) == (other.n, other.m)",
    "types": "return type(self) is type(other) and isinstance(other, C) and self.__class__ is other.__class__",
    "branches": "if not isinstance(other, C): return NotImplemented\n  elif self.n is None: return False\n"
                "  return self.n == other.n",
    "locals": "'''doc'''\n  a = self.n\n  b = other.n if other else None\n  return a == b",
    "arithmetic": "return abs(self.n - other.n) < 1e-9 and round(self.n * 2) == round(other.n * 2)",
    "items": "return self.t[0] == other.t[0] and self.d['k'] == other.d['k']",
    "texts": "return self.s.lower() == other.s.lower() and len(self.s) == len(other.s)",
    "getattr": "return getattr(self, 'n', 0) == getattr(other, 'n', 0)",
    "raise": "if other is None: raise TypeError\n  return tuple(self.l) == tuple(other.l)",
    "negation": "return not self.n != other.n",
}


@pytest.mark.parametrize("name", PURE)
def test_ordinary_comparison_works(name: str) -> None:
    host = Host()
    host.run(
        "class C:\n def __init__(self, n):\n  self.n, self.m, self.t, self.d = n, 0, (n,), {'k': n}\n"
        f"  self.s, self.l = 'Ab', [n]\n def __eq__(self, other):\n  {PURE[name]}\n"
    )
    assert host.run("C(1) == C(1)") is True
    assert host.run("[C(1)].index(C(1)), C(1) in [C(1)]") == (0, True)


@pytest.mark.parametrize("method", ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"])
def test_every_such_method_is_held_to_it(method: str) -> None:
    arguments = "self" if method == "__hash__" else "self, other"
    compile_cell(f"class C:\n def {method}({arguments}): return self.n")
    for body in ("self.f()", "[x for x in self.l]", "self.l.append(1)", "(y := 1)", "print(1)", "f'{self}'", "1 in x"):
        with pytest.raises(SnippetRefused, match=method):
            compile_cell(f"class C:\n def {method}({arguments}): return {body}")
    for extra in ("*a", "**k", "x=1", "*, x=1", "x"):
        with pytest.raises(SnippetRefused, match=method):
            compile_cell(f"class C:\n def {method}({arguments}, {extra}): return self.n")


def test_other_functions_stop_when_a_comparison_reaches_them() -> None:
    host = Host()
    host.run(
        "log = []\nclass C:\n @property\n def p(self):\n  log.append(1)\n  return 1\n"
        " def __eq__(self, o): return self.p == o.p\n def __hash__(self): return 1"
    )
    for source in ("C() == C()", "C() in [C()]", "{C(): 1, C(): 2}", "[C()].index(C())", "[C()].remove(C())"):
        with pytest.raises(TypeError, match="comparison"):
            host.run(source)
    assert host.roots["log"] == []
    # Afterwards the property works as ever.
    assert host.run("C().p") == 1
    with pytest.raises(TypeError, match="comparison"):
        host.run("try: C() == C()\nexcept TypeError:\n C().p\n raise")
    assert host.roots["log"] == [1, 1]


def test_generator_can_not_smuggle_a_change_into_a_comparison() -> None:
    host = Host()
    with pytest.raises((TypeError, SnippetRefused)):
        host.run(
            "d = {}\ndef g():\n while True:\n  d.clear()\n  yield 1\nclass C:\n def __init__(self): self.it = g()\n"
            " def __hash__(self): return 1\n def __eq__(self, o): return tuple(self.it) == 1\nd[C()] = 1\nd[C()] = 2"
        )
    assert len(host.roots["d"]) == 1


def reentrant_program(seed: int) -> str:
    """Return a program whose classes do what they can to change a container while it compares."""
    draw = random.Random(seed)
    parts = [
        "self.n", "other.n", "self.p", "other.zz", "len(self)", "other", "hash(self.n)", "getattr(other, 'p', 1)",
        "self.l[0]", "tuple(self.l)", "abs(self.n)", "self.f", "(self.n, other)", "self.n + other.n", "self.l",
        "not other", "d", "self < other",
    ]
    acts = [
        "d.clear()", "d.popitem()", "l.clear()", "del l[:]", "d.update({K(i): i for i in range(50)})", "l.append(K(1))",
        "s.clear()",
    ]

    def compare() -> str:
        return f"{draw.choice(parts)} {draw.choice(['==', '<', 'is', '!='])} {draw.choice(parts)}"

    hashes = ["1", "self.n", "hash(self.n)", "len(self)", "hash((self.n, self.p))"]
    lines = [
        "d, l = {}, []", "s = {0}", "class K:", " def __init__(self, n): self.n, self.l, self.f = n, l, d.clear",
        f" def __eq__(self, other): return {compare()} and {compare()}",
        f" def __lt__(self, other): return {compare()}",

        f" def __hash__(self): return {draw.choice(hashes)}",
    ]
    if draw.random() < 0.8:
        lines += [" @property", " def p(self):", f"  {draw.choice(acts)}", "  return 1"]
    if draw.random() < 0.5:
        lines += [" def __getattr__(self, name):", f"  {draw.choice(acts)}", "  return 2"]
    if draw.random() < 0.5:
        lines += [" def __len__(self):", f"  {draw.choice(acts)}", "  return 3"]
        lines += [" def __add__(self, o):", f"  {draw.choice(acts)}", "  return 4"]
    steps = [
        "d[K(i)] = i", "d.get(K(1))", "l.append(K(i))", "l.sort()", "l.index(K(1))", "K(1) in l", "d.pop(K(i), 0)",
        "s.add(K(i))",
        "l.count(K(2))", "l.remove(K(1))", "sorted(l)", "min(l)", "d == {K(1): 1}", "l == [K(2)]", "d | {K(1): 2}",
        "dict.fromkeys(l)",
    ]
    for _ in range(12):
        lines += ["for i in range(8):", f" try: {draw.choice(steps)}", " except Exception: pass"]
    return "\n".join(lines)


def run_reentrant_programs(first: int, count: int) -> None:
    for seed in range(first, first + count):
        try:
            Host(fuel=3_000).run(reentrant_program(seed))
        except (SnippetRefused, OutOfFuel, RecursionError):
            pass


def test_no_reentrant_program_crashes_the_process() -> None:
    program = "from tests.sandbox.test_purity import run_reentrant_programs; run_reentrant_programs(0, 150)"
    command = [sys.executable, "-X", "faulthandler", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
