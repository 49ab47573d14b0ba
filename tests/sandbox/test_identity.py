"""`is` gives the same answer whether a value is in memory once or was read back as several copies."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import SnippetRefused, compile_cell
from sandbox.identity import not_same, same
from tests.sandbox.host import Host, OrderedFrozenSet

# In seconds: Python 3.11 reads "+00:00:00.000001" as UTC.
ZONES = st.none() | st.integers(-80_000, 80_000).map(lambda seconds: timezone(timedelta(seconds=seconds)))
ATOMS = st.one_of(
    st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.complex_numbers(), st.text(max_size=2),
    st.binary(max_size=2),
    st.booleans(), st.none(), st.dates(), st.datetimes(timezones=ZONES), st.times(timezones=ZONES),
    st.timedeltas(), st.decimals(allow_nan=False), st.fractions(), st.uuids(),
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, 1 + 0j, Decimal("nan")]),
)
VALUES = st.recursive(ATOMS, lambda part: st.lists(part, max_size=3).map(tuple) | st.lists(part).map(OrderedFrozenSet))


def copy(value: Any) -> Any:
    """Return `value` as it comes back from the disk: no object of it is the old one, but for True, False and None."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is tuple or kind is OrderedFrozenSet:
        return kind([copy(item) for item in value])
    if kind is float:
        return float.fromhex(value.hex())
    if kind is complex:
        return complex(copy(value.real), copy(value.imag))
    if kind is int:
        return int(str(value))
    if kind is str:
        return "".join([*value])
    if kind is bytes:
        return bytes([*value])
    if kind is Fraction:
        return Fraction(value.numerator, value.denominator)
    if kind is Decimal or kind is UUID:
        return kind(str(value))
    if kind is timedelta:
        return timedelta(value.days, value.seconds, value.microseconds)
    again = kind.fromisoformat(value.isoformat())
    return again if kind is date else again.replace(fold=value.fold)


@given(VALUES)
def test_copy_of_a_value_is_the_value(value: Any) -> None:
    again = copy(value)
    assert same(value, again)
    assert not not_same(value, again)


@given(VALUES, VALUES)
def test_values_that_are_the_same_show_the_same_and_are_of_one_type(left: Any, right: Any) -> None:
    assert same(left, right) == same(right, left) == same(copy(left), right)
    if same(left, right):
        assert type(left) is type(right)
        assert repr(left) == repr(right)
    elif type(left) is type(right) and left == right:
        # Equal but not the same: the order of a frozenset, the sign of a zero, digits of a Decimal, one instant in two
        # zones, 1 and True inside.
        assert repr(left) != repr(right)


@given(st.permutations([1, 2.5, "a", (1, 2)]))
def test_sets_that_are_the_same_have_the_same_items_in_the_same_order(items: list[Any]) -> None:
    made = OrderedFrozenSet(items)
    assert same(made, OrderedFrozenSet(copy(tuple(items))))
    assert not same(made, OrderedFrozenSet([*items[1:], True]))
    assert not same(made, OrderedFrozenSet(items[::-1]))


@pytest.mark.parametrize("source", [
    "1 is 1.0", "1 is True", "0.0 is -0.0", "(1, 2) is (1, True)", "(1, 2) is (1, 2, 3)", "'1' is b'1'", "() is []",
    "[] is []", "{} is {}", "{1} is {1}", "([],) is ([],)", "object() is object()", "(lambda: 0) is (lambda: 0)",
    "None is False", "0 is False", "() is None", "1 is int", "str is bytes", "'' is str",
])
def test_different_things_are_not_the_same(source: str) -> None:
    assert Host().run(source) is False
    assert Host().run(source.replace(" is ", " is not ")) is True
    assert Host().run(source, read_only=True) is False


@pytest.mark.parametrize("source", [
    "x = []\ny = x\nx is y", "x = []\n(1, x) is (1, x)", "float('nan') is float('nan')", "10 ** 30 is 10 ** 30",
    "'a' * 100 is 'a' * 100", "now() is now()", "(1, (2.5, 'a')) is (1, (2.5, 'a'))", "None is None", "... is ...",
    "NotImplemented is NotImplemented", "type(1) is int", "type('a') is str", "def f(): pass\nf is f",
    "class C: pass\nc = C()\n(c is c, C is C, type(c) is C) is (True, True, True)",
    "class C:\n def __init__(self, x): self.x = x\n def __eq__(self, o): return self.x is o.x\nC((1, 2)) == C((1, 2))",
    "def f(type): return type((2, 3)) is (2, 3)\nf(tuple)",
    "def f(NotImplemented): return (1, 2) is NotImplemented\nf((1, 2))",
])
def test_same_things_are_the_same(source: str) -> None:
    assert Host().run(source) is True
    assert Host().run(source, read_only=True) is True


OPERATORS = ("is", "is not", "<", "<=", ">", ">=", "==", "!=", "in", "not in")


@pytest.mark.parametrize("operators", [
    pair for pair in itertools.product(OPERATORS, repeat=2) if any(part.startswith("is") for part in pair)
])
def test_chain_evaluates_and_stops_where_python_does(operators: tuple[str, str]) -> None:
    """Of objects `is` means what it means in Python, so that the two can be compared."""
    class Thing:
        def __init__(self, name: str, answer: Any) -> None:
            self.name, self.answer = name, answer

        def __eq__(self, other: object) -> Any:
            return self.answer

        __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
        __hash__ = None  # type: ignore[assignment]

        def __contains__(self, item: object) -> bool:
            return bool(self.answer)

    source = f"f(0) {operators[0]} f(1) {operators[1]} f(2)"
    yes, no = Thing("yes", [1]), Thing("no", "")
    for things in itertools.product((yes, no, None, 1.5), repeat=3):
        outcomes = []
        for ours in (False, True):
            seen: list[int] = []

            def evaluated(index: int, seen: list[int] = seen, things: Any = things) -> Any:
                seen.append(index)
                return things[index]

            try:
                result = Host().run(source, f=evaluated) if ours else eval(source, {"f": evaluated})
            except TypeError as error:
                result = str(error)
            outcomes.append((result if isinstance(result, str | bool) else id(result), seen))
        assert outcomes[0] == outcomes[1], things


@pytest.mark.parametrize("source", [
    "class C:\n  a = 1, 2\n  b = a is (1, 2) is a\n  c = [x is a is a for x in [1]] if 0 else a is a is a\nC.b and C.c",
    "[x for x in [(1, 2), 3] if x is (1, 2) is not None]", "(lambda x: x is x is (1, 2))((1, 2))",
    "def g(): yield (yield) is 1 is 1\n_g = g()\nnext(_g)\n_g.send(1)",
    "x = 5\nx is 5 < 6 in [6] is not None", "match (1, 2):\n  case x if x is (1, 2) is x: _r = 1\n_r",
])
def test_chain_stands_wherever_an_expression_stands(source: str) -> None:
    assert Host().run(source)


def test_comparing_tuples_takes_no_longer_than_they_are_large() -> None:
    deep = "t, u = (), ()\nfor _ in range(n): t, u = (t,), (u,)\nt is u"
    assert Host().run(deep, n=50_000) is True
    wide = "t, u = (1,), (1,)\nfor _ in range(200): t, u = (t, t), (u, u)\n(t is u, t is (u,))"
    assert Host().run(wide) == (True, False)


def test_compiler_refuses_no_less_than_before() -> None:
    for text in ("(a is not " * 40 + "b" + ")" * 40, "a is b" + " is c" * 500, "a is [" * 30 + "b" + "]" * 30):
        compile_cell(text)
    for text in ("(a is b is not " * 5_000 + "b" + ")" * 5_000, "a is b is (" * 148 + "b" + ")" * 148):
        with pytest.raises(SnippetRefused):
            compile_cell(text)


def test_nan_and_signs_are_told_apart_by_what_they_show() -> None:
    assert same(math.nan, float("nan"))
    assert same(Decimal("sNaN"), Decimal("sNaN"))
    assert not same(complex(0.0, -0.0), 0j)
    assert not same(Decimal("1.0"), Decimal("1.00"))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert not same(noon, noon.astimezone(timezone(timedelta(hours=1))))
    assert not same(time(1, fold=1), time(1))
    assert same(noon.astimezone(timezone(timedelta(hours=1))).tzinfo, timezone(timedelta(hours=1)))
    assert not same(Fraction(1, 2), 0.5)
    assert same(Fraction(10**5000, 7), Fraction(10**5000, 7))
    assert not same(UUID(int=1), UUID(int=2))
    assert not same(date(2026, 1, 1), datetime(2026, 1, 1))
