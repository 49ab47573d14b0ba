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


# --- dataclasses ------------------------------------------------------------------------------------------------------

DATACLASS = """from dataclasses import dataclass, field, asdict, replace
@dataclass(order=True)
class P:
    x: int
    y: int = 3
    tags: list = field(default_factory=list)
    three: list = field(default_factory=lambda: [0] * 3, repr=False)
    key: object = lambda v: v
"""


def test_methods_of_a_dataclass_survive_a_restart(engine: Bench) -> None:
    run(engine, DATACLASS.replace("    key: object = lambda v: v\n", ""), "p = P(1)\np.tags.append(1)")
    read = "[repr(p), p == P(1, 3, [1]), p < P(2), P(4).three, asdict(p)['tags'], repr(replace(p, x=7)), repr(P(x=1, tags=[2]))]"
    assert run(engine, read, read) == ["P(x=1, y=3, tags=[1])", True, True, [0, 0, 0], [1], "P(x=7, y=3, tags=[1])", "P(x=1, y=3, tags=[2])"]
    assert engine.eval("match p:\n case P(a, b): r = [a, b]\nr") == [1, 3]


def test_function_can_be_the_default_of_a_field(engine: Bench) -> None:
    """It is an attribute of the class, where the heap keeps functions."""
    assert run(engine, DATACLASS, "P(1).key(5)") == 5
    assert run(engine, "p = P(1)", "[p.key(5), p.key is P.key]") == [5, True]


def test_dataclass_that_is_defined_again_reaches_its_instances(engine: Bench) -> None:
    run(engine, DATACLASS, "p = P(1, key=0)", "@dataclass\nclass P:\n x: int\n name: str = 'n'\n def hello(self): return f'hi {self.name}'")
    assert engine.eval("[repr(p), p.hello(), P(2).hello()]") == ["P(x=1, name='n')", "hi n", "hi n"]
    with pytest.raises(Failed, match="not supported between"):
        engine.eval("p < P(2)")
    run(engine, "class P:\n def hello(self): return self.x")
    assert engine.eval("[p.hello(), repr(p)]") == [1, "<P object>"]
    with pytest.raises(Failed, match="takes no arguments"):
        engine.eval("P(1)")


def test_dataclass_that_derives_keeps_its_fields(engine: Bench) -> None:
    run(engine, DATACLASS, "@dataclass\nclass Q(P):\n z: int = 0\nq = Q(1, key=0)", "@dataclass\nclass P:\n x: int = 9")
    assert engine.eval("Q(5, three=0, key=1).tags") == []
    with pytest.raises(Failed, match="TypeError: 'Q' inherits fields .* define it again"):
        engine.eval("Q(5, key=1)")
    assert run(engine, "@dataclass\nclass Q(P):\n z: int = 0", "repr(Q())") == "Q(x=9, z=0)"


def test_frozen_dataclass_is_frozen_in_every_state(engine: Bench) -> None:
    run(engine, "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass V:\n x: int\n def again(self, x): V.__init__(self, x)\nv = V(1)")
    for source in ("v.x = 2", "del v.x", "v.y = 2", "v.x += 1", "setattr(v, 'x', 2)", "w = V(1)\nw.x = 2"):
        with pytest.raises(Failed, match="FrozenInstanceError: cannot"):
            engine.eval(source)
        with pytest.raises(Failed, match="FrozenInstanceError: cannot"):
            engine.query(source)
        engine.reopen()
    assert engine.eval("try: v.x = 2\nexcept AttributeError: pass\nv.x") == 1
    # By the way that its own __init__ goes, the change is noticed, kept and undone.
    with pytest.raises(Failed):
        engine.eval("v.again(5)\n1 / 0")
    assert run(engine, "v.x", "object.__setattr__(v, 'x', 7)", "v.x") == 7
    with pytest.raises(Failed, match="ReadOnly"):
        engine.query("object.__setattr__(v, 'x', 7)")


def test_generated_methods_do_not_show(engine: Bench) -> None:
    run(engine, "from dataclasses import dataclass\n@dataclass\nclass V:\n x: int\n def __post_init__(self): 1 / self.x")
    with pytest.raises(Failed) as caught:
        engine.eval("V(0)")
    traceback = caught.value.fault.traceback
    assert "__ready__" not in traceback and "__init__" not in traceback and "1 / self.x" in traceback


# --- classes in classes -----------------------------------------------------------------------------------------------

TREE = """class Tree:
    class Node:
        count = 0
        def __init__(self, v):
            super().__init__()
            self.v = v
            Tree.Node.count += 1
        class Mark:
            def __repr__(self): return 'mark'
        def get(self): return self.v
    class Missing(LookupError): pass
    def __init__(self): self.root = self.Node(3)
    def top(self): return self.root.get()
    def find(self, v):
        if self.root.v != v: raise Tree.Missing(v)
        return repr(self.Node.Mark())
"""


def test_class_in_a_class_is_kept(engine: Bench) -> None:
    read = "try: t.find(9)\nexcept Tree.Missing as _e: e = repr(_e)\n[t.top(), t.find(3), e, isinstance(t.root, Tree.Node), repr(Tree.Node), Tree.Node.count]"
    expected = [3, "mark", "Missing(9)", True, "<class 'Node'>", 1]
    assert run(engine, TREE + "t = Tree()", read, read) == expected
    engine.crash()
    assert engine.eval(read) == expected


def test_class_in_a_class_that_is_defined_again_keeps_its_instances(engine: Bench) -> None:
    run(engine, TREE + "t = Tree()", TREE.replace("return self.v\n", "return -self.v\n"))
    assert engine.eval("[t.top(), type(t.root) is Tree.Node, Tree.Node(5).get()]") == [-3, True, -5]
    with pytest.raises(Failed):
        engine.eval(TREE.replace("return self.v\n", "return 0\n") + "\n1 / 0")
    assert run(engine, "t.top()", "t.top()") == -3


def test_dataclass_and_enum_in_a_class_are_kept(engine: Bench) -> None:
    source = """from dataclasses import dataclass
from enum import Enum
class Order:
    class State(Enum):
        OPEN = 1
        DONE = 2
    @dataclass
    class Line:
        name: str
        price: int = 1
    def __init__(self): self.state, self.lines = Order.State.OPEN, []
    def add(self, name): self.lines.append(Order.Line(name))
o = Order()
o.add('tea')"""
    read = "[o.state is Order.State.OPEN, repr(o.lines), o.lines[0] == Order.Line('tea', 1), Order.State(2).name]"
    assert run(engine, source, read, "o.add('milk')", read) == [True, "[Order.Line(name='tea', price=1), Order.Line(name='milk', price=1)]", True, "DONE"]


@pytest.mark.parametrize("first", ["B", "C", "A", "b", "c"])
@pytest.mark.parametrize("held", ["A.held = B()", "A.held = [B(), C()]\nA.kind = C", "A.held = C()", "A.held = B"])
def test_class_whose_base_holds_it_is_one_class_whoever_is_loaded_first(engine: Bench, first: str, held: str) -> None:
    engine.eval(f"class A: pass\nclass B(A): pass\nclass C(B): pass\nb, c = B(), C()\n{held}")
    engine.reopen()
    engine.eval(f"{first}\nNone")
    found = "[isinstance(b, B), isinstance(c, B), isinstance(c, C), type(b) is B, type(c) is C]"
    assert engine.eval(f"A.held\n{found}") == [True] * 5
    engine.eval("class B(A):\n def f(self): return 1")
    assert engine.eval("[b.f(), c.f()]") == [1, 1]
