"""Guards written in place: every operator, in every place it can stand, does what Python does, in Python's order."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.host import Host

OPERATORS = ["+", "-", "*", "%", "&", "|", "^", "<<", "**", "//", ">>"]
# Where the operation stands, with `{left} {op} {right}` in it.
PLACES = {
    "cell": "a {op} b",
    "function": "def f(a, b): return a {op} b\nf(a, b)",
    "lambda": "(lambda a, b: a {op} b)(a, b)",
    "calls": "def f(x):\n log.append(x)\n return x\nlog = []\n(f(a) {op} f(b), log)",
    "left_call": "def f(x):\n log.append(x)\n return x\nlog = []\n(f(a) {op} b, log)",
    "right_call": "def f(x):\n log.append(x)\n return x\nlog = []\n(a {op} f(b), log)",
    "nested": "((a {op} b) {op} (a {op} b), a {op} (b {op} a))",
    "constant": "(a {op} 3, 3 {op} a, a {op} 2.5, 'x' {op} a)",
    "comprehension": "[[x {op} y for y in [b]] for x in [a]]",
    "comprehension_of_calls": "def f(x): return x\n[f(x) {op} f(y) for x in [a] for y in [b]]",
    "generator": "list((lambda: (x {op} b))() for x in [a])",
    "class": "class C:\n x = a {op} b\n y = (a {op} b) {op} a\n l = lambda s, p=a {op} b: p {op} s\n[C.x, C.y]",
    "attribute": "class C: pass\nc = C()\nc.x, c.y = a, b\nc.x {op} c.y",
    "rebound_by_right": "def f():\n global x\n x = 7\n return b\nx = a\n(x {op} f(), x)",
    "augmented": "def f(a, b):\n a {op}= b\n return a\nf(a, b)",
    "augmented_root": "x = a\nx {op}= b\nx",
    "augmented_item": "l = [a]\nl[0] {op}= b\nl",
    "augmented_attribute": "class C: pass\nc = C()\nc.x = a\nc.x {op}= b\nc.x",
    "augmented_call": "def f(x): return x\nx = a\nx {op}= f(b)\nx",
    "walrus": "(a {op} (n := b), n)",
}
NUMBERS = st.one_of(
    st.integers(-9, 9), st.integers(-(1 << 31), 1 << 31), st.floats(-1e9, 1e9), st.booleans(), st.just(1 << 70),
    st.just(math.nan), st.complex_numbers(max_magnitude=100),
)
VALUES = st.one_of(
    NUMBERS, st.sampled_from(["", "ab", "%s", "%d%%", b"ab", (1,), None]), st.lists(st.integers(), max_size=3)
)


def outcome(run: Any) -> str:
    try:
        return repr(run())
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=60, deadline=None)
@given(VALUES, VALUES, st.sampled_from(OPERATORS))
def test_operator_gives_what_python_gives(place: str, a: Any, b: Any, op: str) -> None:
    if op in ("<<", "**") and not (type(a) is type(b) is int and abs(a) < 10 and abs(b) < 10 and place != "nested"):
        return  # CPython has no bound
    repeats = place == "constant" or any(isinstance(value, str | bytes | tuple | list) for value in (a, b))
    if op == "*" and repeats and any(type(value) is int and value > 1 << 16 for value in (a, b)):
        return  # CPython would make gigabytes
    *body, last = PLACES[place].format(op=op).split("\n")

    def python() -> Any:
        names = {"a": a.copy() if type(a) is list else a, "b": b}
        exec("\n".join(body), names)
        return eval(last, names)

    def snippet() -> Any:
        host = Host()
        host.roots |= {"a": a.copy() if type(a) is list else a, "b": b}
        return host.run("\n".join([*body, last]))

    expected = outcome(python)
    found = outcome(snippet)
    if found == "OverflowError" and expected != found:
        assert isinstance(a, int | list | str | bytes | tuple)  # a bound of the language
    else:
        assert found == expected


OBJECT = """
class C:
    def __mul__(self, o): return ('mul', o)
    def __rmul__(self, o): return ('rmul', o)
    def __imul__(self, o): return ('imul', o)
    def __sub__(self, o): return ('sub', o)
    def __rsub__(self, o): return ('rsub', o)
    def __isub__(self, o): return ('isub', o)
    def __mod__(self, o): return ('mod', o)
    def __rmod__(self, o): return ('rmod', o)
    def __imod__(self, o): return ('imod', o)
    def __and__(self, o): return ('and', o)
    def __iand__(self, o): return ('iand', o)
def change(x, y):
    out = []
    for value in (x, y):
        a = b = c = d = x
        a *= y
        b -= y
        c %= y
        out += [a, b, c]
    return out
def plain(x, y): return [x * y, x - y, x % y]
"""


@pytest.mark.parametrize("value", ["1.5", "3", "1 << 70", "True", "[2]"])
def test_methods_of_objects_are_called(value: str) -> None:
    source = OBJECT + f"c = C()\n[change(c, {value}), plain(c, {value}), plain({value}, c)]"
    *body, last = source.split("\n")
    names: dict[str, Any] = {}
    exec("\n".join(body), names)
    assert Host().run(source) == eval(last, names)


def test_views_give_sets_in_order_wherever_the_operator_stands() -> None:
    setup = "d = dict.fromkeys('qwertz')\ne = dict.fromkeys('zyxwq')\n"
    for form in (
        "d.keys() - e.keys()", "(lambda a, b: a - b)(d.keys(), e)",
        "[x - y for x in [d.keys()] for y in [e.keys()]][0]",
    ):
        assert repr(Host().run(setup + form)) == "{'e', 'r', 't'}"
    for op, expected in (
        ("&", "{'q', 'w', 'z'}"), ("|", "{'q', 'w', 'e', 'r', 't', 'z', 'y', 'x'}"), ("-", "{'e', 'r', 't'}"),
    ):
        assert repr(Host().run(setup + f"k = d.keys()\nk {op}= e.keys()\nk")) == expected
        assert repr(Host().run(setup + f"def f(k, o):\n k {op}= o\n return k\nf(d.keys(), e.keys())")) == expected


def test_numbers_of_any_size_stay_bounded() -> None:
    host = Host()
    for source in (
        "x = 1 << 100000\nx * x", "x = 1 << 100000\nx *= x", "f = lambda a, b: a * b\nf(1 << 100000, 1 << 100000)",
        "x = 3\nwhile True: x = x * x", "x = 3\nwhile True: x *= x", "[y * y for y in [1 << 100000]]",
        "x = 7\nwhile True: x = (x + 0) * (x - 0)",
    ):
        with pytest.raises(OverflowError):
            host.run(source)


def test_only_so_many_guards_are_written_in_place() -> None:
    """Else a text of nothing but products would take seconds to compile."""
    count = 2_500
    cell = "a = 1\n" + " * ".join(["a"] * 120) + "\n" + "\n".join(["a * a"] * count)
    assert Host().run(cell) == 1
