"""Stores to attributes: whatever a text shows of an object, no function and no class of the language takes one."""

from __future__ import annotations

import builtins
import dis
from decimal import Clamped
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import compile_cell
from sandbox.bytecode import inner_codes
from tests.sandbox.host import Host

NAMES = st.sampled_from(["a", "b", "c"])
SIMPLE = [
    "{0}.x = 1", "{0}.x += 1", "{0}.x *= 2", "{0}.x = {0}.x + 1", "{0}.x = {1}.x + {2}.x", "{0}.x = {1}.x = 2",
    "{0} = {1}", "{0}, {1} = {1}, {0}", "{0}.x", "del {0}.x", "{0}.x, {1} = 3, {2}", "{0}, {1}.x = {2}, 4",
    "{0}.x = {1}.x if {2} is F else 5", "{0}.x = ({1} := {2}).x", "{0}.x = F is {1} or {1}.x", "{0}: int = {1}",
    "{0}.x: int = {1}.x", "[{0}.x for {0} in [{1}]]", "_g = (({0} := {1}) for _ in 'a')", "list(_g)", "del {0}",
    "{0}.x = [{1}.x for {1} in []]", "{0}.x = call(lambda: {1}.x)", "from decimal import Clamped as {0}",
    "{0}.x = {1}.x == {2}.x == {0}.x",
]
BLOCKS = [
    "if {0} is F:|else:", "if {0}.x:|else:", "for _ in '12':|else:", "for {0} in [{1}, {2}]:|else:",
    "for {0}.x in [{1}.x, 2]:|else:", "while steps():|else:", "try:|except AttributeError:",
    "try:|except AttributeError as {0}:", "try:|finally:", "match {1}:\n case {0}:|", "with given({1}) as {0}:|",
]
PLACES = {
    "function": "def body(a, b):\n{0}\nbody(one, two)",
    "method": "class M:\n def body(a, b):\n{1}\nM.body(one, two)",
    "cell": "for a in [one]:\n for b in [two]:\n{1}",
    "query": "for a in [one]:\n for b in [two]:\n{1}",
}
AROUND = """\
class Object: pass
class given:
    def __init__(self, value): self.value = value
    def __enter__(self): return self.value
    def __exit__(self, *details): pass
def call(f): return f()
def steps(): return left.pop()
def start(one, two):
    global left
    left = [0] * 9 + [1, 0, 1, 1]
    made = [F, Object(), Object()]
    made[1].x = made[2].x = 7
    return made[one], made[two], made[1:]
"""


@st.composite
def lines(draw: st.DrawFn, depth: int = 0) -> list[str]:
    """Return statements about attributes of `a`, `b` and `c`."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        names = draw(st.lists(NAMES, min_size=3, max_size=3))
        if depth == 3 or draw(st.integers(0, 2)):
            found.append(draw(st.sampled_from(SIMPLE)).format(*names))
            continue
        for head in draw(st.sampled_from(BLOCKS)).format(*names).split("|"):
            if head:
                found += [*head.split("\n"), *(f"  {line}" for line in draw(lines(depth + 1)))]
    return found


def result(run: Any, made: list[Any]) -> object:
    """Return how a run ended, and what the objects are afterwards."""
    try:
        run()
        how = ""
    except Exception as error:
        how = "NameError" if isinstance(error, NameError) else type(error).__name__
    return how, [vars(each) for each in made]


@pytest.fixture(scope="module")
def host() -> Host:
    made = Host()
    made.run(f"def F(): pass\n{AROUND}")
    return made


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=250, deadline=None)
@given(body=lines(), one=st.integers(0, 2), two=st.integers(0, 2))
def test_stores_do_what_python_does_where_functions_take_no_attributes(
    host: Host, place: str, body: list[str], one: int, two: int
) -> None:
    source = PLACES[place].format(*("\n".join(" " * depth + line for line in body) for depth in (1, 2)))
    for name in [*host.roots]:
        if name in ("a", "b", "c", "M", "body"):
            del host.roots[name]
    first, second, made = host.run("start(one, two)", one=one, two=two)
    read_only = place == "query"
    ours = result(lambda: host.run(source, one=first, two=second, read_only=read_only), made)
    assert vars(host.roots["F"]) == {}
    assert "x" not in vars(Clamped)
    if place == "method" and one == 0:
        return  # a receiver is looked at on entry, before anything else happens

    class Nothing:
        """What a function and a class of the language are: nothing can be read, nothing made."""

        __slots__ = ()

    plain: dict[str, Any] = {"F": Nothing(), "__name__": "__main__"}
    module = SimpleNamespace(Clamped=Nothing())
    plain["__builtins__"] = vars(builtins) | {"__import__": lambda *_: module}
    exec(AROUND, plain)
    plain["one"], plain["two"], made = plain["start"](one, two)
    assert ours == result(lambda: exec(source, plain), made)


@pytest.mark.parametrize(
    ("source", "looks"),
    [
        ("def f(self, o):\n self.x = self.x + o.y\n o.y = 1\n o.z += 2", 0),
        ("def f(self, o):\n if o.n > 1:\n  while o: o.n = self.n\n  self.n = 2", 1),
        ("def f(self, o):\n for p in o:\n  p.n\n  p.n = p.m = 1", 0),
        ("def f(self, o):\n p = o\n p.n\n for _ in o: p.n = 1; p = _", 1),
        ("def f(self, o):\n p = o\n p.n\n p = self\n p.n = 1", 1),
        ("def f(self, o):\n o.n\n self.n, (o, *p) = 1, [self]\n o.n = 1", 2),
        ("def f(self, o):\n o.n\n (o := self)\n o.n = 1", 1),
        ("def f(self, o):\n g = ((o := self) for _ in [1])\n o.n\n list(g)\n o.n = 1", 1),
        ("def f(self, o):\n global p\n p.n\n self.f()\n p.n = 1", 1),
        ("def f(self, o):\n p.n\n p.n = 1", 1),
        ("def f(self, o):\n o.args\n o.args = 1", 1),
        ("def f(self, o):\n o.now\n o.now = 1", 1),
        ("def f(self, o):\n o.__name__\n o.n = 1\n o.m = 2", 1),
        ("def f(self, o):\n import math as p\n p.x\n import json as p\n p.x = 1", 1),
        ("def f(self, o):\n def g(): nonlocal o; o = f\n self.x = o.x, g()\n o.x = 1", 2),
        ("for p in ps: p.x = p.x + 1", 0),
        ("p.x\nq = 1\np.x = 1\np = 2", 1),
        ("class C:\n p.x += 1\n def m(self):\n  self.a = 1\n  self.b = 1", 1),
        ("class C:\n def m(self):\n  self.a += 1\n  self.b = 1", 0),
    ],
)
def test_what_was_read_before_is_not_looked_at(source: str, looks: int) -> None:
    found = 0
    for code in inner_codes(compile_cell(source).code):
        found += sum(part.argval == ".attribute_target" for part in dis.get_instructions(code))
    assert found == looks


def test_a_name_in_two_spellings_is_not_followed() -> None:
    host = Host()
    host.run("class C:\n def m(_C__o, f):\n  _C__o.n\n  __o = f\n  _C__o.n = 1\n  _C__o.m = 2\n n = 1\ndef f(): pass")
    with pytest.raises(AttributeError, match="a function can't have attributes"):
        host.run("C().m(f)")
    assert vars(host.roots["f"]) == {}


def test_what_classes_of_the_language_answer_shows_nothing() -> None:
    host = Host()
    for name in ("args", "add_note"):
        for text in (f"_o.{name}\n_o.{name} = 1", f"_o.{name} = _o.{name}", f"_o.{name} += ()"):
            with pytest.raises(AttributeError):
                host.run(f"from decimal import Clamped\nfor _o in [Clamped]:\n {text.replace(chr(10), chr(10) + ' ')}")
    with pytest.raises(AttributeError, match="a Fraction can't be changed"):
        host.run("from fractions import Fraction\nfor _o in [Fraction(1)]:\n _o.numerator\n _o._numerator = 2")
    assert "args" not in vars(Clamped)
