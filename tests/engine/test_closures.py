"""Decorated functions and closures are kept: they do after a restart what they do in CPython, and what they did before."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from objserver.engine import Options
from objserver.engine.entries import CHECKPOINT
from objserver.errors import BadRequest
from tests.heap.reachable import reachable

from .bench import Bench, Failed

LOGGED = """
calls = []
def logged(fn):
    def wrapper(*a, **k):
        calls.append(fn.__name__)
        return fn(*a, **k)
    return wrapper
"""

MULTIPLIER = """
def multiplier(n):
    def by(x): return n * x
    return by
"""

# Cells that define, and an expression that is read several times.
PROGRAMS: dict[str, tuple[list[str], str]] = {
    "decorated": ([LOGGED, "@logged\ndef f(x): return x + 1"], "[f(1), f(x=2), calls]"),
    "decorated in one cell": ([LOGGED + "@logged\ndef f(x): return x + 1\nf(5)"], "[f(1), calls]"),
    "closure": ([MULTIPLIER, "double = multiplier(2)"], "[double(4), double('ab')]"),
    "closure in containers": ([MULTIPLIER, "h = {'a': multiplier(3), 'l': [multiplier(i) for i in range(4)]}"],
                              "[h['a'](2), [m(10) for m in h['l']]]"),
    "closure as default": ([MULTIPLIER, "def g(x, by=multiplier(7)): return by(x)"], "g(3)"),
    "closure as attribute": ([MULTIPLIER, "class C:\n def __init__(self, n): self.by = multiplier(n)\nc = C(4)"], "c.by(5)"),
    "aliases": ([MULTIPLIER, "a = multiplier(2)\nb = a\nc = [a, multiplier(2)]"], "[a is b, a is c[0], a is c[1], a == b]"),
    "with arguments": (["log = []\ndef retry(times, *, only=ValueError):\n def decorate(fn):\n  def wrapper(*a):\n"
                        "   for i in range(times):\n    try: return fn(*a, i)\n    except only: log.append(i)\n   return None\n"
                        "  return wrapper\n return decorate",
                        "@retry(3)\ndef f(x, i):\n if i < x: raise ValueError\n return i"], "[f(1), f(5), log]"),
    "stacked": (["def add(n):\n def d(fn):\n  def w(x): return fn(x) + n\n  return w\n return d\n"
                 "def times(n):\n def d(fn):\n  def w(x): return fn(x) * n\n  return w\n return d",
                 "@add(1)\n@times(10)\n@add(5)\ndef f(x): return x"], "[f(0), f(2)]"),
    "wraps": (["from functools import wraps\ndef deco(fn):\n @wraps(fn)\n def wrapper(*a):\n  'mine'\n  return fn(*a) * 2\n return wrapper",
               "@deco\ndef f(x):\n 'text of f'\n return x"], "[f(2), f.__name__, f.__doc__]"),
    "registering": (["handlers = {}\ndef on(name):\n def d(fn):\n  handlers[name] = fn\n  return fn\n return d",
                     "@on('a')\ndef f(x): return x\n@on('b')\ndef g(x): return -x"], "[handlers['a'] is f, handlers['b'](2), g(1)]"),
    "registering what is wrapped": ([LOGGED + "raw = {}\ndef on(fn):\n raw[fn.__name__] = fn\n return fn",
                                     "@logged\n@on\ndef f(x): return x"], "[raw['f'] is f, raw['f'](2), f(3), calls]"),
    "class as decorator": (["class Memo:\n def __init__(self, fn): self.fn, self.seen = fn, {}\n def __call__(self, x):\n"
                            "  if x not in self.seen: self.seen[x] = self.fn(x)\n  return self.seen[x]",
                            "n = []\n@Memo\ndef square(x):\n n.append(x)\n return x * x\nsquare(3)"],
                           "[square(3), square(4), n, square.seen, square.fn(5)]"),
    "decorator that returns a value": (["def call(fn): return fn()", "@call\ndef table(): return {'a': [1]}"], "table"),
    "method": ([LOGGED, "class Shop:\n def __init__(self): self.sold = 0\n @logged\n def sell(self, n=1):\n  self.sold += n\n  return self.sold\ns = Shop()"],
               "[s.sell(), s.sell(n=3), calls, s.sold]"),
    "method, redefined": ([LOGGED, "class Shop:\n @logged\n def sell(self): return 1", "class Shop:\n @logged\n def sell(self): return 2"],
                          "[Shop().sell(), calls]"),
    "super in a wrapped method": ([LOGGED, "class A:\n def f(self): return 'a'\nclass B(A):\n @logged\n def f(self): return super().f() + 'b'\nb = B()"],
                                  "[b.f(), calls]"),
    "property, staticmethod, classmethod": (
        [LOGGED, "class C:\n n = 5\n @property\n @logged\n def p(self): return self.n\n @staticmethod\n @logged\n def s(x): return x\n"
         " @classmethod\n @logged\n def c(cls): return cls.n\nc = C()"], "[c.p, c.s(3), C.s(4), c.c(), C.c(), calls]"),
    "class decorator that wraps methods": (
        [LOGGED + "def all_logged(cls):\n for name in ('f', 'g'): setattr(cls, name, logged(getattr(cls, name)))\n return cls",
         "@all_logged\nclass C:\n def f(self): return 1\n def g(self): return self.f() + 1\nc = C()"], "[c.g(), calls]"),
    "method taken out of its class": (["class C:\n def f(self, x=[]):\n  x.append(1)\n  return x\nc = C()", "kept = [C.f]"],
                                      "[kept[0] is C.f, kept[0](c), c.f()]"),
    "method of two names": (["class C:\n def f(self): return 'f'\n g = f\n p = property(f)\nc = C()"],
                            "[C.f is C.g, c.g(), c.p]"),
    "method of another class": (["class C:\n def f(self): return 'f'\nclass D: pass", "D.g = C.f\nd = D()"], "[d.g(), D.g is C.f]"),
    "method of an older version": (["class C:\n def f(self): return 'old'\nkept = {'f': C.f}", "class C:\n def f(self): return 'new'"],
                                   "[kept['f'](C()), C().f()]"),
    "closure of a method": (["class C:\n def __init__(self, n): self.n = n\n def reader(self):\n  def get(): return self.n\n  return get\nc = C(1)\nget = c.reader()",
                             "c.n = 8"], "get()"),
    "closure of a method of an older version": (
        ["class C:\n def make(self, n): return lambda: ('old', n)\nf = C().make(1)", "class C:\n def make(self, n): return 2"],
        "[f(), C().make(0)]"),
    "maker redefined": ([MULTIPLIER, "a = multiplier(2)", "def multiplier(n): return lambda x: -n * x", "b = multiplier(2)"], "[a(1), b(1)]"),
    "maker deleted": ([MULTIPLIER, "a = multiplier(2)", "del multiplier"], "a(3)"),
    "maker deleted in its cell": ([MULTIPLIER + "a = multiplier(2)\ndel multiplier"], "a(3)"),
    "decorator redefined": ([LOGGED, "@logged\ndef f(): return 1", "def logged(fn): return lambda: 'other'"], "[f(), calls]"),
    "decorator redefined, and then what it decorates": (
        [LOGGED, "@logged\ndef f(): return 1", "def logged(fn): return lambda: 'other'", "@logged\ndef f(): return 1"], "[f(), calls]"),
    "decorated, then not": ([LOGGED, "@logged\ndef f(): return 1", "def f(): return 2"], "[f(), calls]"),
    "recursive inner function": (["def make():\n def fact(n): return 1 if n < 2 else n * fact(n - 1)\n return fact\nfact = make()"], "fact(10)"),
    "recursive decorated function": ([LOGGED, "@logged\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)"], "[fib(5), len(calls)]"),
    "mutual inner functions": (["def make():\n def even(n): return n == 0 or odd(n - 1)\n def odd(n): return n > 0 and even(n - 1)\n return even, odd\nboth = make()"],
                               "[both[0](10), both[1](7), both[0](3)]"),
    "shared state": (["def account(start):\n box = [start]\n def add(n): box[0] += n\n def total(): return box[0]\n return {'add': add, 'total': total}\na = account(5)"],
                     "[a['add'](2), a['total'](), a['add'](1), a['total']()]"),
    "state that several own": (["def make(box):\n def push(x): box.append(x)\n return push\nbox = []\npush = make(box)"], "[push(1), box, push(2), len(box)]"),
    "late binding": (["def make(): return [lambda: i for i in range(3)] + [lambda i=i: i for i in range(3)]\nfs = make()"], "[f() for f in fs]"),
    "variable that is unbound": (["def make():\n n = 1\n def f(): return n\n del n\n return f\nf = make()\ndef get():\n try: return f()\n except NameError as e: return type(e).__name__"],
                                 "get()"),
    "variable bound after": (["def make():\n def f(): return n\n n = 1\n n = n + 1\n return f\nf = make()"], "f()"),
    "generator function": ([LOGGED, "@logged\ndef count(n):\n for i in range(n): yield i * i"], "[list(count(4)), calls]"),
    "closure that generates": (["def make(step):\n def count(n):\n  while n > 0:\n   yield n\n   n -= step\n return count\nby2 = make(2)"], "list(by2(7))"),
    "compose": (["def compose(f, g): return lambda x: f(g(x))\ndef inc(x): return x + 1", "f = compose(inc, compose(inc, inc))"], "f(0)"),
    "curry": (["def curry(f): return lambda a: lambda b: lambda c: f(a, b, c)", "@curry\ndef add(a, b, c): return a + b * c", "five = add(5)\nsix = five(6)"], "six(7)"),
    "key": (["def by(name): return lambda d: d[name]\nkeys = {'age': by('age'), 'name': by('name')}\npeople = [{'age': 3, 'name': 'b'}, {'age': 1, 'name': 'c'}]"],
            "[[p['name'] for p in sorted(people, key=keys[k])] for k in sorted(keys)]"),
    "lambdas of one line": (["def make(n): return [lambda: n, lambda: n + 1, lambda: n, lambda: n * 2]\nfs = make(5)"], "[f() for f in fs]"),
    "lambda in a definition": (["def f(x, key=lambda v: -v): return key(x)\nclass C:\n table = {'a': lambda x: x + 1, 'b': lambda x: x * 2}"],
                               "[f(3), C.table['a'](1), C.table['b'](4)]"),
    "lambda in a decorator": (["def when(test):\n def d(fn): return lambda x: fn(x) if test(x) else None\n return d",
                               "@when(lambda x: x > 0)\ndef f(x): return x * 3"], "[f(2), f(-2)]"),
    "keyword defaults": (["def make(n):\n def f(a, *b, c=n, d=[], **e):\n  d.append(a)\n  return a, b, c, d, e\n return f\nf = make(9)"],
                         "[f(1), f(2, 3, c=4, z=5)]"),
    "validation": (["def checked(*kinds):\n def d(fn):\n  def w(*a):\n   for value, kind in zip(a, kinds):\n    if not isinstance(value, kind): raise TypeError(f'{fn.__name__}: {value!r}')\n   return fn(*a)\n  return w\n return d",
                    "@checked(int, str)\ndef f(a, b): return b * a\ndef tried(*a):\n try: return f(*a)\n except TypeError as e: return str(e)"], "[tried(2, 'x'), tried('x', 2)]"),
    "set and keys": ([MULTIPLIER, "a, b = multiplier(1), multiplier(2)\ns = {a, b, a}\nd = {a: 'a', b: 'b'}"], "[len(s), a in s, d[b], [f(1) for f in d]]"),
    "tuple": ([MULTIPLIER, "t = (multiplier(2), [multiplier(3)])"], "[t[0](2), t[1][0](2)]"),
    "closure over class and function": (["class P:\n def __init__(self, x): self.x = x\ndef helper(x): return x + 100\ndef make(cls, f):\n def new(x): return f(cls(x).x)\n return new\nnew = make(P, helper)"],
                                        "new(1)"),
    "event hooks": (["class Bus:\n def __init__(self): self.hooks = []\n def on(self, fn):\n  self.hooks.append(fn)\n  return fn\n def fire(self, x): return [h(x) for h in self.hooks]\nbus = Bus()",
                     "@bus.on\ndef one(x): return x + 1\ndef make(n): return lambda x: x * n\nbus.on(make(5))"], "[bus.fire(2), bus.hooks[0] is one]"),
    "dataclass": (["from dataclasses import dataclass\ndef make(n): return lambda self: self.x * n\n@dataclass\nclass P:\n x: int\nP.twice = make(2)\np = P(4)"], "[p.twice(), P(5).twice()]"),
    "class in a class": ([LOGGED + "class Base:\n def f(self): return 'base'", "class A:\n class B(Base):\n  @logged\n  def f(self): return super().f()",
                          "class A:\n class B(Base):\n  @logged\n  def f(self): return 'x' + super().f()"],
                         "[A.B().f(), calls]"),
}


def in_python(cells: list[str], expression: str) -> list[str]:
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        exec(cell, space)
    return [repr(eval(expression, space)) for _ in range(3)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_does_what_it_does_in_python_with_restarts_between(make: Callable[..., Bench], name: str) -> None:
    cells, expression = PROGRAMS[name]
    expected = in_python(cells, expression)
    bench = make(durability="none", cache_size=1)
    for index, cell in enumerate(cells):
        bench.eval(cell)
        (bench.crash if index % 2 else bench.reopen)()
    found = []
    for again in (bench.reopen, bench.crash, bench.tend):
        found.append(bench.eval(f"repr({expression})"))
        again()
    assert found == expected


def test_programs_without_a_restart_leave_what_they_leave_with_restarts(tmp_path: Path) -> None:
    """Records and oids do not depend on what was loaded: the digests of two heaps are one."""
    benches = [Bench(tmp_path / name, Options(durability="none", cache_size=1)) for name in "ab"]
    for number, (cells, expression) in enumerate(PROGRAMS.values()):
        for cell in [*cells, f"shown = repr({expression})"]:
            for bench in benches:
                bench.eval(cell)
            if number % 3:
                (benches[1].reopen if number % 2 else benches[1].crash)()
    for bench in benches:
        bench.reopen()
    first, second = map(records, benches)
    for bench in benches:
        bench.kill()
    assert first == second


def records(bench: Bench) -> dict[bytes, bytes]:
    assert bench.engine._store is not None
    return reachable(bench.engine._store)


def test_decorated_function_has_a_history(engine: Bench) -> None:
    engine.eval(LOGGED)
    texts = ["@logged\ndef f(x): return x", "@logged\n@logged\ndef f(x): return x", "def f(x): return -x", "@logged\ndef f(x): return 4"]
    for text in texts:
        engine.eval(text)
        engine.reopen()
    assert [version["source"] for version in engine.engine.history("f")] == texts
    assert [version["version"] for version in engine.engine.history("f")] == [1, 2, 3, 4]
    assert engine.engine.source("f", 2) == texts[1]
    listed = {each["name"]: (each["kind"], each["version"], each["source"]) for each in engine.engine.code("", 10)}
    assert listed["f"] == ("function", 4, texts[3])
    assert sorted(listed) == ["f", "logged"]
    assert engine.eval("[f(1), calls]") == [4, ["f"]]
    engine.eval("f = 3")
    with pytest.raises(BadRequest, match="no function or class is called 'f'"):
        engine.engine.history("f")


def test_function_that_became_an_object_has_a_history(engine: Bench) -> None:
    engine.eval("class Memo:\n def __init__(self, fn): self.fn = fn\n def __call__(self): return self.fn()")
    for number in (1, 2):
        engine.eval(f"@Memo\ndef f(): return {number}")
        engine.crash()
    assert engine.eval("[f(), type(f).__name__]") == [2, "Memo"]
    assert [version["version"] for version in engine.engine.history("f")] == [1, 2]
    engine.eval("g = f\ndel f")
    assert engine.engine._heap.roots() == {"Memo": "class", "g": "Memo"}
    with pytest.raises(BadRequest):
        engine.engine.history("f")
    engine.eval("@Memo\ndef f(): return 3")
    assert [version["version"] for version in engine.engine.history("f")] == [1]


def test_decorator_runs_once(engine: Bench) -> None:
    engine.eval("ran = []\ndef deco(fn):\n ran.append(len(ran))\n n = ran[-1]\n return lambda: (n, fn())")
    engine.eval("@deco\ndef f(): return 1")
    for again in (engine.reopen, engine.crash, engine.reopen):
        again()
        assert engine.eval("[f(), ran]") == [(0, 1), [0]]


def test_definition_whose_decorator_raises_changes_nothing(engine: Bench) -> None:
    engine.eval(LOGGED + "@logged\ndef f(): return 1\ndef bad(fn): raise ValueError")
    engine.eval("try:\n @bad\n def f(): return 2\nexcept ValueError: pass")
    assert engine.eval("f()") == 1
    assert [version["version"] for version in engine.engine.history("f")] == [1]
    engine.eval("@logged\ndef f(): return 3")
    engine.crash()
    assert [version["version"] for version in engine.engine.history("f")] == [1, 2]
    assert engine.eval("f()") == 3


def test_definition_after_one_whose_decorator_raised_is_the_definition(engine: Bench) -> None:
    engine.eval("def bad(fn): raise ValueError\ntry:\n @bad\n def f(): return 1\nexcept ValueError: pass\ndef f(): return 2")
    assert [version["source"] for version in engine.engine.history("f")] == ["def f(): return 2"]
    engine.reopen()
    assert engine.eval("f()") == 2


def test_method_becomes_an_object_while_a_checkpoint_is_written(engine: Bench) -> None:
    engine.eval("class C:\n def f(self): return 1\nc = C()\nl = []")
    engine.engine._begin_checkpoint(engine.engine._append(CHECKPOINT, b""))
    engine.eval("l.append(C.f)")
    engine.tend()
    for again in (engine.crash, engine.reopen):
        again()
        assert engine.eval("[c.f(), l[0](c), l[0] is C.f]") == [1, 1, True]


def test_what_is_known_of_a_cell_ends_with_it(engine: Bench) -> None:
    """A function of the next cell, at the same place, is not of the definition that stood there."""
    engine.eval("def bad(fn): raise ValueError")
    engine.eval("try:\n @bad\n def f(): return lambda: 1\nexcept ValueError: pass")
    with pytest.raises(Failed, match="NotStorable: g is a lambda"):
        engine.eval("if 1:\n _x = 1\n def _f(): return lambda: 1\ng = _f()")


def test_rollback_takes_back_what_became_an_object(engine: Bench) -> None:
    """A method that is referred to from elsewhere gets an oid, which ends with the snippet that gave it one."""
    engine.eval(MULTIPLIER + "class C:\n def f(self): return 1\nc = C()\nl = []")
    for failing in ("l.append(C.f); l.append(multiplier(2)); l.append(iter([]))", "l.append(C.f)\n1 / 0"):
        with pytest.raises(Failed):
            engine.eval(failing)
    assert engine.eval("l.append(C.f)\n[c.f(), len(l)]") == [1, 1]
    engine.crash()
    assert engine.eval("[l[0] is C.f, l[0](c), c.f()]") == [True, 1, 1]
    engine.reopen()
    assert engine.eval("[l[0] is C.f, l[0](c), c.f()]") == [True, 1, 1]


def test_long_chain_of_closures_is_loaded(engine: Bench) -> None:
    engine.eval("def link(f, n): return lambda: (n, f)\nchain = None\nfor i in range(5000): chain = link(chain, i)")
    engine.reopen()
    assert engine.eval("n = 0\nat = chain\nwhile at is not None:\n n += 1\n at = at()[1]\nn") == 5000


def test_closures_that_nothing_holds_leave_memory(make: Callable[..., Bench]) -> None:
    bench = make(durability="none", cache_size=1)
    bench.eval(MULTIPLIER + "class Box:\n def __init__(self, f): self.f = f\nboxes = [Box(multiplier(i)) for i in range(300)]")
    bench.reopen()
    assert bench.eval("sum(b.f(1) for b in boxes)") == sum(range(300))
    for _ in range(20):
        bench.tend()
        bench.engine._heap.evict(0)
    assert bench.engine._heap.statistics()["objects_loaded"] < 100
    assert bench.eval("sum(b.f(1) for b in boxes)") == sum(range(300))


def test_text_that_a_closure_runs_outlives_the_history(engine: Bench) -> None:
    engine.eval("class C:\n def make(self): return lambda: 'first'\nf = C().make()")
    for number in range(120):
        engine.eval(f"class C:\n n = {number}")
    engine.reopen()
    assert engine.eval("f()") == "first"
    with pytest.raises(Failed) as caught:
        engine.eval("f(1)")
    assert caught.value.fault.type == "TypeError"


COUNTER = "def counter():\n n = 0\n def inc():\n  nonlocal n\n  n += 1\n  return n\n return inc\n"


@pytest.mark.parametrize(("source", "message"), [
    (COUNTER + "c = counter()", "c is the inner function 'inc' of 'counter', where 'n' is 'nonlocal', so it can't be kept; "
                                "keep 'n' in an attribute of an object, or in a dict"),
    (COUNTER + "cs = {'a': [counter()]}", r"cs\['a'\]\[0\] is the inner function 'inc' of 'counter'"),
    ("for n in [1]: f = lambda: n", "f is a lambda, which can't be kept; it uses what ends with the snippet: give it as a default"),
    ("def mk(n): return lambda: n\nfor i in [1]: f = mk(lambda: i)", r"f.n is a lambda, which can't be kept"),
    ("def mk(n): return lambda: n\nf = mk(i for i in range(3))", r"f.n is a generator, which can't be kept; keep list"),
    ("def deco(fn): return lambda: fn()\n@deco\ndef f(x=(i for i in 'a')): return 1", "f.default is a generator"),
    ("def _mk(n):\n def by(): return n\n return by\nf = _mk(1)", "f is the inner function 'by', which can't be kept; define it by name"),
    ("def _deco(fn): return lambda: fn()\n@_deco\ndef f(): return 1", "f is a lambda, which can't be kept"),
    ("def mk():\n class L: pass\n return lambda: L\nf = mk()", "f.L is the class 'L', which can't be kept"),
])  # fmt: skip
def test_refusal_names_the_way_to_it_and_what_to_write(engine: Bench, source: str, message: str) -> None:
    before = engine.engine._heap.roots()
    with pytest.raises(Failed, match=message) as caught:
        engine.eval(source)
    assert caught.value.fault.type == "NotStorable"
    assert engine.engine._heap.roots() == before


@pytest.mark.parametrize("attempt", [
    "f.__closure__", "f.__closure__[0].cell_contents", "f.__code__", "f.__globals__", "f.__info__", "f.__dict__", "f.__defaults__",
    "getattr(f, '__clo' + 'sure__')", "getattr(f, '__info__')", "setattr(f, 'x', 1)", "f.x = 1", "f.__wrapped__", "f.__qualname__",
    "getattr(f, '__globals__')", "`def f`", "f.__name__ = 'g'", "delattr(f, '__info__')", "type(f)(f, {})",
])  # fmt: skip
def test_closure_leads_nowhere(engine: Bench, attempt: str) -> None:
    engine.eval(LOGGED + "@logged\ndef f(x): return x")
    for again in (engine.reopen, engine.crash):
        with pytest.raises(Failed):
            engine.eval(attempt)
        again()
    assert engine.eval("[f(1), calls]") == [1, ["f"]]


def test_hidden_name_of_a_definition_can_not_be_called(engine: Bench) -> None:
    engine.eval(LOGGED + "@logged\ndef f(x): return x")
    with pytest.raises(Failed, match="is not the path of a function"):
        engine.call("def f", 1)
    assert engine.call("f", 1) == 1


class ClosuresAgainstPython(RuleBasedStateMachine):
    """Any run of definitions, closures, calls, undone snippets, evictions, crashes and reopenings equals plain Python."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench(self.folder / "data", Options(durability="none", cache_size=1, checkpoint_count=10, segment_size=64 * 1024))
        self.space: dict[str, Any] = {"__name__": "__main__"}
        self.both("kept = []\nout = []\nclass C:\n def __init__(self, n): self.n = n\n def get(self): return self.n")

    def both(self, cell: str) -> None:
        exec(cell, self.space)
        self.bench.eval(cell)

    @rule(name=st.sampled_from("mn"), version=st.integers(0, 3))
    def define_maker(self, name: str, version: int) -> None:
        self.both(f"def {name}(*a):\n seen = []\n def made(x):\n  seen.append(x)\n  return ({version}, a, seen, x)\n return made")

    @rule(version=st.integers(0, 3))
    def define_class(self, version: int) -> None:
        self.both(f"class C:\n def __init__(self, n): self.n = n\n def get(self): return ({version}, self.n)\n"
                  f" def maker(self): return lambda x: ({version}, self.n, x)")

    @rule(name=st.sampled_from("mn"))
    def make_closure(self, name: str) -> None:
        self.both(f"try: kept.append({name}(len(kept), list(range(2))))\nexcept (NameError, TypeError): pass")

    @rule()
    def keep_methods(self) -> None:
        self.both("kept.append(C.get)\nC.other = C.get\nif hasattr(C, 'maker'): kept.append(C(len(kept)).maker())")

    @rule(name=st.sampled_from("mn"), number=st.integers(0, 2))
    def decorate(self, name: str, number: int) -> None:
        self.both(f"def deco(fn):\n def w(x): return (fn.__name__, fn(x))\n return w\n@deco\ndef {name}(x): return {number}\nkept.append({name})")

    @rule(index=st.integers(0, 20))
    def call(self, index: int) -> None:
        self.both(f"if kept:\n f = kept[{index} % len(kept)]\n out.append(repr(f(C({index})) if f.__name__ == 'get' else f({index})))\n del f")

    @rule(index=st.integers(0, 20))
    def drop(self, index: int) -> None:
        self.both(f"if kept: del kept[{index} % len(kept)]")

    @rule()
    def fail(self) -> None:
        with pytest.raises(Failed):
            self.bench.eval("kept.append(C.get)\ndef m(x): return 'gone'\nfor f in kept: kept[0] = f; break\n1 / 0")

    @rule(again=st.sampled_from(["reopen", "crash", "tend"]))
    def again(self, again: str) -> None:
        getattr(self.bench, again)()

    @rule()
    def evict(self) -> None:
        self.bench.engine._heap.evict(0)

    @invariant()
    def same(self) -> None:
        if hasattr(self, "bench"):
            shown = "repr((out, [f.__name__ for f in kept], [[f is g for g in kept] for f in kept]))"
            assert self.bench.query(shown) == eval(shown, self.space)

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.end()
            shutil.rmtree(self.folder)


TestClosuresAgainstPython = ClosuresAgainstPython.TestCase
TestClosuresAgainstPython.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
