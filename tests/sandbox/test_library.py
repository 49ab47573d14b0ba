"""The library of algorithms gives what CPython's gives, refuses what leads out of it, and ends."""

from __future__ import annotations

import copy
import functools
import heapq
import itertools
import json
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import OutOfFuel
from tests.sandbox.corpus_library import COUNTED, ENDLESS, ITERTOOLS, REFUSED, REFUSED_OF_SMALL_MODULES
from tests.sandbox.host import Host

MODULES = {"copy": copy, "functools": functools, "heapq": heapq, "itertools": itertools, "json": json,
           "operator": operator}
IMPORT = f"import {', '.join(MODULES)}\n"
NUMBERS = st.lists(st.integers(-3, 3), max_size=6)
SMALL = st.integers(-1, 4)

def outcome(run: Any) -> Any:
    try:
        return run()
    except Exception as error:
        return type(error)


@given(NUMBERS, NUMBERS, SMALL)
def test_iterators_are_pythons(a: list[int], b: list[int], n: int) -> None:
    def f(x: int) -> bool:
        return x > 0

    expected = eval(ITERTOOLS, MODULES | {"a": a, "b": b, "n": n, "f": f})
    found = Host().run(f"{IMPORT}f = lambda x: x > 0\n{ITERTOOLS}", a=a, b=b, n=n)
    assert found == expected
    for source in COUNTED:
        expected = outcome(lambda source=source: eval(source, MODULES | {"a": a, "n": n}))
        assert outcome(lambda source=source: Host().run(IMPORT + source, a=a, n=n)) == expected, source


@given(st.lists(st.tuples(st.sampled_from("pnxr"), st.integers(0, 3), st.integers(0, 2)), max_size=12))
def test_groups_that_are_read_out_of_order_are_pythons(steps: list[tuple[str, int, int]]) -> None:
    """groupby and tee share one source between what they give."""
    source = """def play(steps):
    groups = itertools.groupby([0, 0, 1, 1, 1, 2, 0], key=lambda x: x)
    shared = iter(range(9))
    branches = list(itertools.tee(shared, 3))
    got, seen = [], []
    for what, which, count in steps:
        if what == 'n':
            seen.append(next(groups, None))
        elif what == 'p' and seen and seen[which % len(seen)]:
            got.append(list(itertools.islice(seen[which % len(seen)][1], count)))
        elif what == 'x':
            got.append(list(itertools.islice(branches[which % 3], count)))
        else:
            got.append([next(shared, 'end') for _ in range(count)])
    return got, [s and s[0] for s in seen], [list(b) for b in branches]
"""
    names: dict[str, Any] = dict(MODULES)
    exec(source, names)
    assert Host().run(f"{IMPORT}{source}play(s)", s=steps) == names["play"](steps)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 1.0, "a", True]))),
    st.sampled_from([None, 0, 1, 2, 9]), st.booleans(),
)
def test_caches_are_pythons(calls: list[tuple[int, Any]], size: int | None, typed: bool) -> None:
    source = """def play(calls, size, typed):
    made = []
    @functools.lru_cache(maxsize=size, typed=typed)
    def f(x, y=None, **kw):
        made.append((x, y))
        return len(made)
    got = [f(x, y) if x % 2 else f(x, y=y) for x, y in calls] + [f(1)]
    info = f.cache_info()
    return got, made, info.hits, info.misses, info.maxsize, info.currsize
"""
    names: dict[str, Any] = dict(MODULES)
    exec(source, names)
    expected = names["play"](calls, size, typed)
    assert Host().run(f"{IMPORT}{source}play(c, s, t)", c=calls, s=size, t=typed) == expected


OPERANDS = st.one_of(
    st.integers(-9, 9), st.floats(-9, 9), st.text(max_size=3), st.lists(st.integers(), max_size=2), st.booleans(),
    st.none(), st.tuples(st.integers(0, 2)), st.dictionaries(st.integers(0, 3), st.integers()),
)


@given(OPERANDS, OPERANDS)
def test_operators_are_pythons(a: Any, b: Any) -> None:
    host = Host()
    for name in dir(host.library["operator"]):
        if name in ("attrgetter", "call", "delitem", "is_", "is_not", "itemgetter", "methodcaller", "setitem"):
            continue
        unary = name in ("abs", "index", "inv", "invert", "neg", "not_", "pos", "truth")
        arguments = (a,) if unary else (a, b)
        expected = outcome(lambda name=name, given=arguments: getattr(operator, name)(*copy.deepcopy(given)))
        given = copy.deepcopy(arguments)
        call = f"operator.{name}({', '.join(['a', 'b'][:len(given)])})"
        found = outcome(lambda call=call, given=given: Host().run(
            f"import operator\n{call}", **dict(zip("ab", given, strict=False))
        ))
        assert (found, type(found)) == (expected, type(expected)), name


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner)
    | st.dictionaries(st.text(max_size=2) | st.integers(0, 2) | st.none() | st.floats(), inner, max_size=3),
    max_leaves=8,
)
OPTIONS = ["", ", indent=2", ", indent=''", ", indent='--'", ", sort_keys=True", ", ensure_ascii=False",
           ", skipkeys=True", ", separators=(',', ':')",
           ", separators=('; ', '= '), indent=0", ", allow_nan=False", ", default=str",
           ", default=lambda x: ['bytes']"]


@given(DATA, st.sampled_from(OPTIONS))
def test_json_is_pythons(value: Any, options: str) -> None:
    source = f"json.dumps(v{options})"
    expected = outcome(lambda: eval(source, {"json": json, "v": value}))
    assert outcome(lambda: Host().run(f"import json\n{source}", v=value)) == expected


@given(st.text(alphabet='[]{}":, \\u12n0e.-tfrua1', max_size=12))
def test_texts_are_read_as_python_reads_them(text: str) -> None:
    expected = outcome(lambda: json.loads(text))
    found = outcome(lambda: Host().run("import json\njson.loads(t)", t=text))
    if isinstance(expected, type):
        assert issubclass(found, ValueError) and found.__name__ == expected.__name__
    else:
        assert repr(found) == repr(expected)


@given(DATA)
def test_copies_are_pythons(value: Any) -> None:
    host = Host()
    shared = {"a": value, "b": [value, (value,)]}
    found = host.run("import copy\n[copy.copy(v), copy.deepcopy(v)]", v=shared)
    assert repr(found) == repr([copy.copy(shared), copy.deepcopy(shared)])
    if isinstance(value, list | dict):
        assert found[0]["a"] is value
        assert found[1]["a"] is not value
        assert found[1]["b"][0] is found[1]["a"] is found[1]["b"][1][0]


@pytest.mark.parametrize("source", ENDLESS)
def test_what_takes_long_ends_by_fuel(source: str) -> None:
    with pytest.raises((OutOfFuel, RecursionError, ValueError, TypeError)):
        Host(fuel=50_000).run(IMPORT + source)


@pytest.mark.parametrize("source", REFUSED)
def test_what_is_refused(source: str) -> None:
    with pytest.raises(Exception) as caught:
        Host().run(IMPORT + source)
    assert not isinstance(caught.value, AssertionError | SystemError)


@pytest.mark.parametrize("source", REFUSED_OF_SMALL_MODULES)
def test_what_is_refused_of_the_small_modules(source: str) -> None:
    with pytest.raises(Exception) as caught:
        Host().run(source)
    assert not isinstance(caught.value, AssertionError | SystemError)


@pytest.mark.parametrize("source", [
    "def f(): return f() + 1\nwith contextlib.suppress(Exception): f()",
    "@contextlib.contextmanager\ndef _m():\n try: yield\n except Exception: pass\n"
    "def f(): return f() + 1\nwith _m(): f()",
])
def test_what_can_not_be_caught_is_not_suppressed(source: str) -> None:
    with pytest.raises(RecursionError):
        Host().run("import contextlib\n" + source)


def test_fuel_is_not_suppressed() -> None:
    with pytest.raises(OutOfFuel):
        Host(fuel=500).run("import contextlib\nwhile True:\n with contextlib.suppress(Exception):\n  while True: pass")


def test_wraps_leaves_a_function_of_the_heap_as_it_is() -> None:
    source = "import functools\ndef f(): 'f'\ndef g(): 'g'\nh = functools.wraps(f)(g)"
    assert Host().run(f"{source}\n(g.__name__, g.__doc__, h.__name__, h.__doc__)") == ("g", "g", "f", "f")
