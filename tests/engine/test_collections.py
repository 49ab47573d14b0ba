"""Snippets with containers of `collections` give in the engine what they give in CPython, and again after a restart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.corpus_collections import SNIPPETS
from tests.sandbox.test_ordinary import run_plain

from .bench import Bench, Failed

SHOW = "\n_show = lambda v: sorted(map(repr, v)) if isinstance(v, set) else repr(v)\n_show({})"


def shown(source: str) -> str:
    """Return the snippet with the text of its value for its value."""
    *lines, last = source.split("\n")
    return "\n".join(lines) + SHOW.format(last)


def test_snippet_gives_what_python_gives(make: Callable[..., Bench]) -> None:
    engine = make(durability="none")
    for name, source in SNIPPETS.items():
        engine.tend()
        expected = run_plain(shown(source))[0].replace("__main__.", "")
        assert engine.eval(shown(source)) == expected, name


KEPT = """
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
def make(): return 'made'
Point = namedtuple('Point', 'x y', defaults=[()])
shared = ['s']
q = deque([shared, Point(1, shared)], 200)
q.extend(range(100))
c = Counter('abracadabra')
d = defaultdict(make)
d['a']
o = OrderedDict(b=1, a=2)
f = frozenset(['z', 'a', (1, 'q'), Point(1)])
table = {f: 'f', Point(2, f): 'p'}
"""
LOOK = """[
    repr([q, c, d, o, f, table, Point, Point(5)]), q[0] is shared, q[1].y is shared, q.maxlen, type(q[1]) is Point,
    d['a'], table[frozenset(list(f)[::-1])], table[(2, f)], hash(f), f is frozenset(list(f)), [*f][0],
    [x.append == x.append for x in (q, shared)], c.update == c.update,
    Point is namedtuple('Point', 'x y', defaults=[()]),
]"""


def test_everything_is_as_it_was_after_each_way_to_come_back(make: Callable[..., Bench]) -> None:
    engine = make(cache_size=1, durability="none")
    engine.eval(KEPT)
    before = engine.eval(LOOK)
    for back in (engine.crash, engine.reopen, engine.tend, engine.crash_in_commit):
        engine.eval("q.append(q.popleft())\nq.rotate()\no.move_to_end('b')\no.move_to_end('a')\nc['a'] += 0")
        back()
        assert engine.eval("repr(list(o))") == "['b', 'a']"
        engine.eval("q.rotate(-1)\nq.appendleft(q.pop())")
        assert engine.eval(LOOK) == before


@pytest.mark.parametrize("source", [
    "q.clear()", "q.append(1)", "q[0] = 1", "q.rotate()", "c['a'] += 1", "c.update('a')", "d['missing']",
    "d.default_factory = None",
    "o.move_to_end('b')", "o.popitem(last=False)", "c += Counter('a')", "q *= 2", "c.subtract('a')",
])  # fmt: skip
def test_query_changes_nothing_and_a_failed_snippet_leaves_no_trace(make: Callable[..., Bench], source: str) -> None:
    engine = make(durability="none")
    engine.eval(KEPT)
    before = engine.query("repr([q, c, d, o])")
    target = source[0]
    alias = source if not source.startswith(("c +=", "q *=")) else f"_x = {target}\n_x{source[1:]}"
    with pytest.raises(Failed, match="ReadOnly"):
        engine.query(alias)
    with pytest.raises(Failed, match="ZeroDivisionError"):
        engine.eval(f"{alias}\n1 / 0")
    assert engine.query("repr([q, c, d, o])") == before


@pytest.mark.parametrize(("source", "message"), [
    ("for n in [1]: x = defaultdict(lambda: n)", r"x\.default_factory is a lambda"),
    ("x = [deque([1, print, iter([])])]", r"x\[0\]\[2\] is a"),
    ("x = Counter(a=iter([]))", r"x\['a'\] is a"),
    ("x = OrderedDict(a=(1, iter([])))", r"x\['a'\] is a generator"),
    ("x = namedtuple('T', 'a', defaults=[[]])", "x: the named tuple 'T' has a default that can change"),
    ("x = frozenset([iter([])])", "x is a generator"),
    ("q.append(iter([]))", r"q\[102\] is a generator"),
])
def test_what_cannot_be_kept_is_named_by_its_path(make: Callable[..., Bench], source: str, message: str) -> None:
    engine = make(durability="none")
    engine.eval(KEPT)
    with pytest.raises(Failed, match=message):
        engine.eval(source)


def test_they_come_as_arguments_and_as_results(make: Callable[..., Bench]) -> None:
    engine = make(durability="none")
    engine.eval(KEPT)
    for name in ("q", "f", "table"):
        value: Any = engine.eval(name)
        assert engine.eval(f"v == {name} and type(v) is type({name})", v=value) is True
        assert engine.eval("w = v\nw is v", v=value) is True
        assert engine.eval("w") == value
    assert engine.eval("[c, d, o]") == [{"a": 5, "b": 2, "r": 2, "c": 1, "d": 1}, {"a": "made"}, {"b": 1, "a": 2}]
    engine.crash()
    assert engine.eval("w == table") is True


@pytest.mark.parametrize("source", [
    "Point.x = 1", "Point._fields = ('__globals__',)", "del Point.x", "setattr(Point, 'z', 1)", "Point._make.x = 1",
    "Counter.update = lambda self, x: 0", "deque.x = 1", "del deque.append", "frozenset.x = 1", "f.x = 1", "q.x = 1",
    "deque.append.x = 1", "Point(1).x = 2", "Point(1)[0] = 2", "q.maxlen = 3", "Point.x.fset(1)", "q.append.__self__",
    "class D(deque): pass", "class P(Point, Counter): pass", "class F(frozenset): pass", "class C(Counter): pass",
    "q * 10 ** 9", "10 ** 9 * q", "q *= 10 ** 9", "Point(1) * 10 ** 9", "list(Counter(a=10 ** 12).elements())",
    "sorted(Counter(range(10)).elements().__globals__)", "shared * 10 ** 9",
])  # fmt: skip
def test_attempt_leaves_the_classes_and_the_heap_as_they_were(make: Callable[..., Bench], source: str) -> None:
    engine = make(durability="none")
    engine.eval(KEPT)
    before = engine.eval(LOOK)
    with pytest.raises(Failed):
        engine.eval(source)
    assert engine.eval(LOOK) == before


ORDER = """
import sys
from pathlib import Path
from tests.engine.bench import Bench
from objserver.engine import Options
engine = Bench(Path(sys.argv[1]) / "data", Options(durability="none"))
engine.eval("f = frozenset('the quick brown fox jumps over the lazy dog'.split())\\ng = frozenset(list(f)[::-1])")
engine.reopen()
print(engine.eval("[list(f), hash(f) == hash(g), hash(f), list(f | g), list(g - {'fox'}), f == g]"))
print(engine.eval("[list(x) for x in {g: 1}.keys() & {f}]"))
engine.kill()
"""


def test_order_and_hash_of_a_frozenset_do_not_depend_on_the_process(tmp_path: Any) -> None:
    found = set()
    for seed in ("0", "1", "77"):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", ORDER, str(folder)], env=environment, capture_output=True, text=True, check=True
        )
        found.add(run.stdout)
    assert len(found) == 1
