"""Classes of clients in the heap: whole after a restart, after a new definition, after an undo."""

from __future__ import annotations

import pytest

from tests.engine.bench import Bench, Failed


def run(bench: Bench, *cells: str) -> object:
    """Run cells with a restart after each; return the value of the last."""
    value = None
    for cell in cells:
        value = bench.eval(cell)
        bench.reopen()
    return value


@pytest.mark.parametrize("failing", [
    "def bad(cls): raise ValueError('no')\ntry:\n @bad\n class C:\n  b = 2\n  def f(self): return 'new'\nexcept ValueError: pass",
    "class B:\n def __init_subclass__(cls): raise ValueError('no')\ntry:\n class C(B):\n  b = 2\n  def f(self): return 'new'\nexcept ValueError: pass",
    "def bad(cls):\n cls.a = 9\n raise ValueError('no')\ntry:\n @bad\n class C: b = 2\nexcept ValueError: pass",
    "try:\n class C(1): b = 2\nexcept TypeError: pass",
    "def bad(cls): raise ValueError('no')\ntry:\n @bad\n class C(Exception): b = 2\nexcept (TypeError, ValueError): pass",
])
def test_class_whose_new_definition_raises_is_as_it_was(engine: Bench, failing: str) -> None:
    """The exception may be caught, and instances of the class are in use."""
    run(engine, "class C:\n a = 1\n def f(self): return 'old'\nc = C()", failing)
    assert engine.eval("[C.a, c.f(), hasattr(C, 'b'), type(c) is C]") == [1, "old", False, True]
    assert run(engine, "class C:\n def f(self): return 'newer'\n", "c.f()") == "newer"


def test_class_that_a_decorator_wraps_is_kept_with_what_wraps_it(engine: Bench) -> None:
    value = run(engine, "def one(cls): return [cls(1)]\n@one\nclass P:\n def __init__(self, x): self.x = x\nP[0].x", "P[0].x")
    assert value == 1


def test_class_whose_definition_failed_is_not_kept_by_another_way(engine: Bench) -> None:
    with pytest.raises(Failed, match="NotStorable: seen.* definition did not end"):
        engine.eval(
            "seen = []\ndef bad(cls):\n seen.append(cls)\n raise ValueError\ntry:\n @bad\n class C: pass\nexcept ValueError: pass"
        )


def test_lambdas_of_a_class_body_are_kept(engine: Bench) -> None:
    """Several stand in one line; each is found again by what it does."""
    read = "[c.key(), c.p, c.q, c.s(1), c.key(9)]"
    assert run(
        engine,
        "class C:\n key = lambda self, k=3: k\n p, q = property(lambda self: 'p'), property(lambda self: 'q')\n"
        " s = staticmethod(lambda x: x + 1); t = lambda self: (lambda: 't')()\nc = C()",
        read,
        "C.key = C.t",
        "[c.key(), c.p, c.q, c.s(1)]",
    ) == ["t", "p", "q", 2]


def test_words_of_a_class_statement_go_to_init_subclass(engine: Bench) -> None:
    base = "class Base:\n def __init_subclass__(cls, key=None, **kw):\n  super().__init_subclass__(**kw)\n  cls.key = key"
    assert run(engine, base, "class D(Base, key='k'): pass\nd = D()\nd.key") == "k"
    assert run(engine, "class D(Base, key='z'): pass", "d.key") == "z"
    with pytest.raises(Failed, match="TypeError"):
        engine.eval("class D(Base, lock=1): pass")
    assert engine.eval("d.key") == "z"


def test_positional_patterns_match_after_a_restart(engine: Bench) -> None:
    run(engine, "class P:\n __slots__ = ('x', 'y')\n __match_args__ = ('x', 'y')\n def __init__(self, x, y): self.x, self.y = x, y\np = P(1, 2)")
    assert engine.eval("match p:\n case P(1, b): r = b\nr") == 2


@pytest.mark.parametrize(("source", "message"), [
    ("[].__len__()", "'__len__' of 'list' is not available"),
    ("'a'.__add__('b')", "use the function or operator"),
    ("class C(**{}): pass", "no metaclass"),
    ("class C: __match_args__ = ['x']", "a tuple of names"),
    ("class C: __slots__ = x", "a tuple of names"),
])
def test_refusal_says_what_to_write(engine: Bench, source: str, message: str) -> None:
    with pytest.raises(Failed, match=message):
        engine.eval(source)
