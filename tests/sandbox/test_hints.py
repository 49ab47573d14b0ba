"""A hint says what was meant, asks no object, and is the same wherever and whenever it is made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SnippetRefused, compile_cell, hint, policy
from tests.sandbox.host import Host


def hint_of(source: str, *names: str) -> str:
    host = Host()
    with pytest.raises(Exception) as caught:
        host.run(source)
    host.fuel.refill(0)  # so that any code of the snippet that runs now is noticed
    return hint(caught.value, lambda: names, host.library)


@pytest.mark.parametrize(("source", "advice"), [
    ("'abc'.uper()", "; did you mean 'upper'?"),
    ("'abc'.trim()", "; use strip()"),
    ("(1).lenght", ""),
    ("class C:\n name = 1\nC().nmae", "; did you mean 'name'?"),
    ("class C:\n name = 1\nC.nmae", "; did you mean 'name'?"),
    ("class C:\n Name = 1\nC().name", "; did you mean 'Name'?"),
    ("class C:\n _name = 1\nC().name", ""),
    ("class C:\n _name = 1\nC()._nmae", "; did you mean '_name'?"),
    ("class B:\n def total(self): pass\nclass C(B): pass\nC().totl", "; did you mean 'total'?"),
    # What no snippet can write is not what was meant.
    ("[].__lenn", ""),
    ("type.mor", ""),
    ("raise AttributeError('no such thing')", ""),
    ("class C:\n def __getattr__(self, name): raise AttributeError(name)\n upper = 1\nC().uper", ""),
    # No code of the snippet is asked.
    ("class C:\n def __getattr__(self, name): return 1 / 0\n @property\n def total(self): return 1 / 0\nC().totl", ""),
    ("class C:\n @property\n def total(self): return 1 / 0\nC().totl", "; did you mean 'total'?"),
    ("class C:\n def __repr__(self): return 1 / 0\n totals = 1\nC().total", "; did you mean 'totals'?"),
    ("import math\nmath.squrt(2)", "; did you mean 'sqrt'?"),
    ("import math\nmath.zzz", "; docs/language.md lists what is there"),
    ("from math import squrt", "; did you mean 'sqrt'?"),
    ("Counter('aab')", "; write: from collections import Counter"),
    ("user", "; did you mean 'users'?"),
    ("super_users", "; no root or parameter has this name, and what 'for', 'with' and ':=' bind ends with its cell"),
    ("def f():\n users = users + 1\nf()", "; the function assigns 'users', so it means its own by it: for the root "
        "write 'global users' at its top"),
    ("def f():\n a = a + 1\nf()", "; nothing was assigned to it up to here"),
    ("next(iter([]))", "; there is no next item: give next() a second argument for that, or use a 'for' loop"),
    ("raise StopIteration('done')", ""),
    ("d = {'a': 1}\nfor k in d: d[k + '!'] = 0", "; loop over list(...) of it"),
    ("raise TypeError", ""),
    ("raise KeyError('a')", ""),
    ("class E(TypeError): pass\nraise E(\"unhashable type: 'list'\")", ""),
    ("s = 'abc'\ns[0] = 'x'", "; a text can't be changed: make a new one"),
    ("(lambda: 1)(2)", ""),
])  # fmt: skip
def test_hint(source: str, advice: str) -> None:
    if "1 / 0" in source and not advice:
        with pytest.raises(ZeroDivisionError):
            Host().run(source)
        return
    assert hint_of(source, "users") == advice


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=30), st.randoms(use_true_random=False))
def test_hint_does_not_depend_on_the_order_of_names(name: str, names: list[str], random: object) -> None:
    error = NameError(f"name {name!r} is not defined", name=name)
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert hint(error, lambda: names) == hint(error, lambda: shuffled)


def test_hint_is_bounded() -> None:
    names = [f"{'x' * 90}{number}" for number in range(100_000)]
    assert "did you mean" in hint(NameError("", name="x" * 91), lambda: names)
    assert "did you mean" not in hint(NameError("", name="x" * 100_000), lambda: names)


@pytest.mark.parametrize("name", sorted(policy.MODULES_REFUSED))
def test_module_that_people_look_for_is_refused_with_what_to_use_instead(name: str) -> None:
    assert name not in policy.MODULES
    for source in (f"import {name}", f"from {name} import x", f"import {name}.x"):
        with pytest.raises(SnippetRefused, match="is not available; ") as caught:
            compile_cell(source)
        assert policy.MODULES_REFUSED[name] in caught.value.message


def test_module_that_nobody_knows_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(SnippetRefused, match="there are abc, base64, .*, uuid$"):
        compile_cell("import zzzz")
    with pytest.raises(SnippetRefused, match=r"module 'statistic' is not available; did you mean 'statistics'\?"):
        compile_cell("import statistic")


@pytest.mark.parametrize(("source", "column"), [
    ("x = open('y')", 4),
    ("é = 'ü'; y = open('y')", 13),
    ("é = 'ü'; y = é.__dict__", 15),
    ("('é'\n  .__dict__)", 3),
    ("y = 1; list = 2", 7),
    ("'ééé' &&", 7),
])
def test_refusal_names_the_column_in_characters(source: str, column: int) -> None:
    with pytest.raises(SnippetRefused) as caught:
        compile_cell(source)
    assert caught.value.column == column
