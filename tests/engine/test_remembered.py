"""One example for each bug that was found: what happened, and what must."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from objserver.engine import FaultKind, make_request

from .bench import Bench, Failed

KEY = """
class K:
    def __init__(self, v): self.v = v
    def __eq__(self, other): return self.v == other.v
    def __hash__(self): return hash(self.v)
"""


@pytest.mark.parametrize("size", [3, 100])
def test_bound_method_called_twice_is_undone(engine: Bench, size: int) -> None:
    """The second call kept the changed list as the one to go back to."""
    engine.eval("done = list(range(size)); s = {0}; d = {'a': 1}", size=size)
    with pytest.raises(Failed, match="ValueError"):
        engine.eval("_push = done.append\n_push(1)\n_push(2)\n_add = s.add\n_add(1)\n_add(2)\nraise ValueError()")
    with pytest.raises(Failed, match="ZeroDivisionError"):
        engine.eval("_pop = d.pop\n_pop('a', 0)\nd['b'] = 1\n_pop('b', 0)\n1 / 0")
    assert engine.eval("len(done), s, d") == (size, {0}, {"a": 1})
    engine.eval("done.append(0)\n_pop = done.pop\n_pop()\n_pop()")
    assert engine.eval("len(done)") == size - 1


def test_classmethod_of_an_instance_gets_the_class(engine: Bench) -> None:
    """It got the class that stands for the instance's state: a query could change that, and nothing undid it."""
    engine.eval("class C:\n  n = 0\n  @classmethod\n  def inc(cls):\n    cls.n += 1\n    return cls.n")
    engine.eval("class D(C): pass\nc = C(); d = D()")
    for again in (lambda: None, engine.reopen):
        again()
        with pytest.raises(Failed) as failed:
            engine.query("c.inc()")
        assert failed.value.fault.code == FaultKind.READ_ONLY
    engine.eval("class C:\n  n = 0\n  @classmethod\n  def make(cls): return cls")
    assert engine.eval("c.make() is C, d.make() is D, D.make() is D") == (True,) * 3
    engine.eval("C.n = 5")
    engine.crash()
    assert engine.eval("C.n, c.n, d.n") == (5, 5, 5)


def test_class_that_holds_its_own_instance_knows_it_after_a_restart(engine: Bench) -> None:
    """The instance was made twice, and a change to one of the two was lost."""
    engine.eval("class C: pass\nc = C()\nC.inst = c")
    engine.reopen()
    engine.eval("c.x = 1")
    engine.eval("C.inst.y = 2")
    engine.reopen()
    assert engine.eval("c.x, c.y, c is C.inst") == (1, 2, True)


def test_long_chain_of_functions_is_linked_without_recursion(engine: Bench) -> None:
    """Linking recursed along the calls, and the names it had begun with were gone from disk."""
    for n in range(300):
        engine.eval(f"def f{n}(): return {n} if stop else f{n + 1}()")
    engine.eval("def f300(): return 7\nstop = False")
    engine.reopen()
    assert engine.eval("f0()") == 7
    engine.reopen()
    assert engine.eval("f0(), f299()") == (7, 7)


def test_depth_that_a_snippet_reached_once_it_reaches_again(engine: Bench) -> None:
    """The limit counted the frames of the caller too: a replay, standing deeper, stopped where the first had not."""
    engine.eval("def f(n): return 0 if n == 0 else 1 + f(n - 1)")
    low, high = 0, 100_000
    while low < high:
        n = (low + high + 1) // 2
        try:
            engine.query("f(n)", n=n)
            low = n
        except Failed:
            high = n - 1
    assert 500 < low < 2_000
    engine.eval("x = f(n)", n=low)
    engine.eval("users = {'a': {'b': [1]}}")
    engine.crash()
    assert engine.eval("x") == low

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            engine.eval("y = f(n)", n=low)

    deeper(100)
    engine.crash()
    assert engine.eval("y") == low


def test_many_instances_are_evicted_and_forgotten(make: Callable[..., Bench]) -> None:
    """Asking a ghost with isinstance what it is loaded it, in the middle of forgetting it."""
    engine = make(cache_size=1000, checkpoint_count=3000, durability="none")
    engine.eval("class N: pass\nx = []")
    for _ in range(12):
        engine.eval("for i in range(1000): x.append(N())")
        engine.tend()
    engine.engine.checkpoint()
    for _ in range(100):
        engine.eval("len(x)")
        engine.tend()
    assert engine.eval("len(x), len([n for n in x if isinstance(n, N)])") == (12_000, 12_000)


def test_undo_of_a_large_container_runs_no_code_of_a_client(make: Callable[..., Bench]) -> None:
    """It looked keys up by their own __hash__, after the fuel was gone or the key had changed."""
    engine = make(fuel=2000)
    engine.eval(KEY)
    engine.eval("d = {i: i for i in range(100)}\ns = set(range(100))")
    for source in (
        "d[K('q')] = 1\nwhile True: pass",
        "_k = K('q')\nd[_k] = 1\ndel _k.v\n1 / 0",
        "_k = K('q')\nd[_k] = 1\n_k.v = 'z'\n1 / 0",
        "_k = K('q')\ns.add(_k)\n_k.v = 'z'\n1 / 0",
    ):
        with pytest.raises(Failed):
            engine.eval(source)
        assert engine.eval("len(d), len(s)") == (100, 100)


def test_log_is_replayed_by_a_server_that_grants_less_fuel(make: Callable[..., Bench]) -> None:
    """A server started with less fuel after a crash called its own log diverged and refused to start."""
    engine = make(fuel=100_000)
    engine.eval("x = 0\nfor _i in range(90_000): x += 1")
    engine.kill()
    engine = make(fuel=1000)
    assert engine.eval("x") == 90_000
    with pytest.raises(Failed, match="OutOfFuel"):
        engine.eval("while True: pass")


def test_keys_with_a_hash_of_their_own_are_refused_when_they_would_be_kept(engine: Bench) -> None:
    """Read again, such a key can land elsewhere: entries were lost, or the dict could not be read any more."""
    engine.eval(KEY)
    engine.eval("class Plain: pass\nplain = {Plain(): 1}")
    for source in ("d = {K(1): 'a'}", "s = set([K(1)])", "d = {(1, K(1)): 1}"):
        with pytest.raises(Failed, match="a key of class 'K'") as failed:
            engine.eval(source)
        assert failed.value.fault.code == FaultKind.NOT_STORABLE
    assert engine.eval("len({K(1): 1, K(1): 2})") == 1
    engine.reopen()
    assert engine.eval("len(plain)") == 1


def test_undo_of_classes_that_changed_places(engine: Bench) -> None:
    """Each got its old base back while the other still derived from it."""
    engine.eval("class A: pass\nclass D(A): pass\nd = D()")
    with pytest.raises(Failed, match="ZeroDivisionError"):
        engine.eval("A.x = 1\nclass D: pass\nclass A(D): pass\n1 / 0")
    assert engine.eval("issubclass(D, A), issubclass(A, D), isinstance(d, A)") == (True, False, True)


@pytest.mark.parametrize("change", ["C.a = 5", "del C.a\n1 / 0"])
def test_order_of_class_attributes_leaves_no_mark(engine: Bench, change: str) -> None:
    """A loaded class had them in another order than the one that was defined: the digests differed."""
    engine.eval("class C:\n  a = 1\n  b = 2\n  def m(self): return 3")
    engine.engine.checkpoint()
    try:
        engine.eval(change)
    except Failed:
        pass
    engine.eval("C.b = 7")
    engine.crash_in_commit()
    assert engine.eval("C.b, C().m()") == (7, 3)


def test_class_defined_again_leaves_functions_of_the_old_one_alone(engine: Bench) -> None:
    engine.eval("class C:\n  def m(self): return 1")
    engine.eval("c = C()")
    with pytest.raises(Failed):
        engine.eval("class C:\n  def m(self): return 2\n  old = C.m\n1 / 0")
    assert engine.eval("c.m()") == 1


def test_decorator_that_returns_another_class_changes_neither(engine: Bench) -> None:
    engine.eval("class D:\n  def m(self): return 1\ndef other(cls): return D")
    with pytest.raises(Failed):
        engine.eval("@other\nclass C:\n  def m(self): return 2\n1 / 0")
    engine.eval("D.y = 1")
    engine.reopen()
    assert engine.eval("D().m(), D.y") == (1, 1)


def test_update_from_a_generator_that_raises_keeps_what_came_before(engine: Bench) -> None:
    """As in CPython, whatever the size."""
    engine.eval("small = {}; big = {n: n for n in range(100)}")
    source = """
def pairs():
    yield 'a', 1
    raise ValueError
for d in (small, big):
    try:
        d.update(pairs())
    except ValueError:
        pass
'a' in small, 'a' in big
"""
    assert engine.eval(source) == (True, True)


def test_nan_is_found_where_it_was_put_also_after_a_restart(engine: Bench) -> None:
    """It was another object then: what `n in l` gave depended on what was in memory, and a replay diverged."""
    engine.eval("class C: pass\nn = float('nan'); l = [n, 1.5]; t = (n, (n,)); d = {'n': n}; c = C(); c.n = n; C.n = n")
    state = "n in l, l.index(n), n in t, n in t[1], [n] == [d['n']], c.n in l, C.n in l, l.count(n), float('nan') in l"
    engine.engine.checkpoint()
    before = engine.eval("found = [" + state + "]\nfound")
    assert before == [True, 0, True, True, True, True, True, 1, False]
    engine.crash()
    for again in (lambda: None, engine.reopen, engine.crash):
        again()
        assert engine.eval("[" + state + "]") == before
    for source in ("d[n] = 1", "x = {n: 1}", "s = set([n])", "x = {(n, 1): 1}"):
        with pytest.raises(Failed, match="nan"):
            engine.eval(source)


def test_builtin_classes_print_as_in_python(engine: Bench) -> None:
    engine.eval("d = {}")
    assert engine.eval("f'{type(d)} {type([])} {type({1})}'") == "<class 'dict'> <class 'list'> <class 'set'>"


def test_no_request_ends_the_engine(engine: Bench) -> None:
    """Whatever the text or the path, an outcome comes back and the next request runs."""
    for kind in ("eval", "query", "call"):
        for code in ("", "\0", "(" * 500, "x" * 100_000, "f()", "import os", "d.x.y", "1\n" * 5000, "\ud800", "raise"):
            engine.run(make_request(kind, code, {"a": 1}))  # type: ignore[arg-type]
    assert engine.eval("1") == 1
