"""Dataclasses are CPython's, whatever their fields and options: the same text runs here and there."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sandbox import SnippetRefused
from sandbox.generate import FrozenInstanceError
from tests.sandbox.host import Host
from tests.sandbox.test_ordinary import plain, run_plain

HEAD = "from dataclasses import dataclass, field, fields, asdict, astuple, replace, InitVar, KW_ONLY\n"

flags = st.fixed_dictionaries({}, optional={
    name: st.booleans()
    for name in ("init", "repr", "eq", "order", "unsafe_hash", "frozen", "match_args", "kw_only")
})
names = st.sampled_from(["a", "b", "c", "_d", "self", "other", "name", "cls", "type", "timestamp"])
options = st.fixed_dictionaries({}, optional={
    "default": st.sampled_from(["1", "'x'", "None", "(1, 2)"]),
    "default_factory": st.sampled_from(["list", "dict", "lambda: [1]", "int"]),
    "init": st.sampled_from(["True", "False"]),
    "repr": st.sampled_from(["True", "False"]),
    "hash": st.sampled_from(["None", "True", "False"]),
    "compare": st.sampled_from(["True", "False"]),
    "kw_only": st.sampled_from(["True", "False"]),
})
values = st.one_of(
    st.just(""), st.sampled_from([" = 1", " = 'v'", " = None", " = (1,)"]),
    options.map(lambda given: f" = field({', '.join(f'{name}={value}' for name, value in given.items())})"),
)
lines = st.one_of(
    st.tuples(names, st.sampled_from([": int", ": 'str'", ": InitVar[int]"]), values).map("".join),
    st.sampled_from(["_: KW_ONLY", "def __repr__(self): return 'mine'", "def __hash__(self): return 7",
                     "__hash__ = None", "def __eq__(self, other): return True", "def __lt__(self, other): return True",
                     "def __post_init__(self, *args): self.z = args"]),
)


@st.composite
def classes(draw: Any, name: str, base: str = "") -> str:
    words = ", ".join(f"{flag}={value}" for flag, value in draw(flags).items())
    body = draw(st.lists(lines, max_size=5)) or ["pass"]
    return f"@dataclass({words})\nclass {name}{base}:\n " + "\n ".join(body) + "\n"


TRIES = """
def attempt(f):
    try: return f()
    except Exception as e: return type(e).__name__, ' '.join(str(e).split())
def text(value): return value[1] if isinstance(value, tuple) else value
def made():
    out = []
    for a in [(), (1,), (1, 2), (1, 2, 3), (2, 1, 0, 5)]:
        for k in [{}, {'a': 4}, {'b': 1, 'c': 2}, {'_d': 0, 'name': 9}]:
            out.append(attempt(lambda: C(*a, **k)))
    return out
_objects = made()
_good = [o for o in _objects if not isinstance(o, tuple)]
[
    [attempt(lambda: 'no repr' if repr(o)[0] == '<' else repr(o)) for o in _objects],
    [attempt(lambda: o == p) for o in _good[:4] for p in _good[:4]],
    [attempt(lambda: o < p) for o in _good[:3] for p in _good[:3]],
    [attempt(lambda: {o: 1, p: 2}.get(o)) for o in _good[:2] for p in _good[:2]],
    [attempt(lambda: (asdict(o), astuple(o))) for o in _good[:3]],
    [text(attempt(lambda: replace(o, a=77).a)) for o in _good[:3]],
    [attempt(lambda: setattr(o, 'a', 5)) for o in _good[:2]],
    [attempt(lambda: [(f.name, f.init, f.repr, f.compare, f.hash, f.kw_only) for f in fields(o)]) for o in _good[:1]],
    [attempt(lambda: getattr(C, n)) for n in ('a', 'b') if isinstance(getattr(C, n, None), (int, str))],
]
"""


def _start(error: Exception) -> str:
    """Return the text of an error but for its end, where Python shows a class, and from 3.13 on one more name."""
    return str(error).partition(" <class")[0].partition(" default argument")[0]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="these are 3.11's everywhere; its own compare otherwise")
@settings(deadline=None, max_examples=80)
@given(classes("B"), classes("C", "(B)"), st.booleans())
def test_dataclass_is_what_it_is_in_python(base: str, derived: str, inherits: bool) -> None:
    source = HEAD + (base if inherits else "") + (derived if inherits else derived.replace("(B)", "")) + TRIES
    # Python has no such name in the method that it writes.
    assume(not any("InitVar" in line and "init=False" in line for line in source.splitlines()))
    try:
        expected: Any = run_plain(source)[0]
    except Exception as error:
        expected = error
    try:
        found = Host().run(source)
    except SnippetRefused:
        assume(False)  # a comparison method that is not pure
    except Exception as error:
        found = error
    if isinstance(expected, Exception):
        assert type(found) is type(expected), (expected, found)
        assert _start(found) == _start(expected)
    else:
        assert not isinstance(found, Exception), found
        assert plain(found) == plain(expected)


@pytest.mark.parametrize("annotation", ["ClassVar[int]", "'ClassVar[int]'", "typing.ClassVar", "'t.ClassVar[int]'"])
def test_class_variable_is_no_field(annotation: str) -> None:
    """The annotation is not evaluated: its word is read where it is written."""
    source = f"{HEAD}@dataclass\nclass C:\n n: {annotation} = 0\n x: int = 1\n(repr(C()), C.n)"
    assert Host().run(source) == ("C(x=1)", 0)


def test_annotations_are_never_evaluated() -> None:
    assert Host().run(f"{HEAD}@dataclass\nclass C:\n x: 1/0\n y: undefined[0] = 2\nrepr(C(1))") == "C(x=1, y=2)"


@pytest.mark.parametrize("name", ["mro", "gi_frame", "tb_next", "f_code"])
def test_field_of_a_refused_name_is_refused(name: str) -> None:
    with pytest.raises((TypeError, SnippetRefused), match="use|available|interpreter"):
        Host().run(f"{HEAD}@dataclass\nclass C:\n {name}: int = 1\n")


def test_frozen_error_is_sealed() -> None:
    host = Host()
    host.run("from dataclasses import FrozenInstanceError, MISSING")
    assert host.roots["FrozenInstanceError"] is FrozenInstanceError
    for source in ("FrozenInstanceError.x = 1", "MISSING.x = 1", "MISSING()", "class E(FrozenInstanceError): pass"):
        with pytest.raises(TypeError):
            host.run(source)


@pytest.mark.parametrize("source", [
    "dataclass(int)", "dataclass(3)", "dataclass(list)", "dataclass(ValueError)", "fields(3)", "asdict(3)",
    "asdict(int)", "replace(3)", "field(1)", "dataclass(print)", "dataclass(type(field()))",
])
def test_other_values_are_no_dataclasses(source: str) -> None:
    with pytest.raises(TypeError):
        Host().run(HEAD + source)


def test_comparison_stays_pure() -> None:
    """What runs inside a dict or list must not run other code of the snippet."""
    with pytest.raises(TypeError, match="only compare"):
        Host().run(
            f"{HEAD}@dataclass\nclass C:\n x: int = 0\n @property\n def y(self): return 1\n"
            "class D(C):\n @property\n def x(self): return 1\n @x.setter\n def x(self, v): pass\nD() == D()"
        )
