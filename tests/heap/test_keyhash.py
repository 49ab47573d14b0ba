"""Keys that are equal have one hash, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from objserver.heap import FrozenSet
from objserver.heap.keyhash import KeyHash

hash_of = KeyHash(lambda value: b"").hash_of

zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-1400, 1400))
numbers = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.integers(2**63 - 3, 2**64 + 3),
    st.booleans(),
    st.floats(allow_nan=False),
    st.sampled_from([0.5, -0.0, 1.0, 2.0**70, 1e300, float("inf")]),
    st.decimals(allow_nan=False),
    st.sampled_from([Decimal("1.0"), Decimal("0.5"), Decimal("1E+5000"), Decimal("-0")]),
    st.fractions(),
    st.complex_numbers(allow_nan=False),
)
atoms = st.one_of(
    numbers,
    st.none(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=zones),
    st.sampled_from([datetime.min.replace(tzinfo=timezone(timedelta(hours=5))), datetime.max]),
    st.times(),
    st.times(timezones=zones),
    st.timedeltas(),
    zones,
    st.uuids(),
)
keys = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(inner, max_size=3).map(FrozenSet),
    max_leaves=6,
)


def variants(key: Any) -> list[Any]:
    """Other spellings of a key, some of which are equal to it."""
    found = [key]
    if isinstance(key, int | float | Fraction | Decimal):
        for kind in (int, float, Fraction, Decimal, complex, bool):
            try:
                found.append(kind(key))  # type: ignore[arg-type]
            except (ArithmeticError, ValueError, TypeError):
                pass
    if isinstance(key, datetime) and key.tzinfo is not None:
        for hours in (-3, 7):
            try:
                found.append(key.astimezone(timezone(timedelta(hours=hours))))
            except OverflowError:
                pass
    if isinstance(key, datetime | time):
        found.append(key.replace(fold=1))
    if isinstance(key, FrozenSet):
        found.append(FrozenSet(reversed(list(key))))
    if isinstance(key, tuple):
        found.append(tuple(variants(item)[-1] for item in key))
    return found


@given(keys, keys)
def test_equal_keys_have_equal_hashes(first: Any, second: Any) -> None:
    for one in variants(first):
        for other in (*variants(first), *variants(second)):
            if one == other:
                assert hash_of(one) == hash_of(other), (one, other)


def test_different_keys_differ() -> None:
    some = [
        *range(-100, 100), "", "a", b"", b"a", "1", None, (), (1,), ((1,),), FrozenSet(), FrozenSet([1]), (1, 2),
        (2, 1), 0.5, 0.25, date(2020, 1, 1), datetime(2020, 1, 1), time(1), timedelta(1), UUID(int=1), UTC,
        datetime(2020, 1, 1, tzinfo=UTC), ("ab", "c"), ("a", "bc"),
    ]  # fmt: skip
    assert len({hash_of(key) for key in some}) == len(some)


def test_an_object_that_is_not_kept_yet_has_none() -> None:
    assert hash_of(object()) is None
    assert hash_of((1, (object(),))) is None
    assert hash_of(FrozenSet([object()])) is None


def test_another_process_agrees() -> None:
    program = (
        "from objserver.heap.keyhash import KeyHash\n"
        "from datetime import *\n"
        "h = KeyHash(lambda value: b'').hash_of\n"
        "print([h(key) for key in ('a', b'a', 1, 0.5, (1, 'b'), datetime(2020, 1, 1), None)])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
