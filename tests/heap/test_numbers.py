"""Sets, tables and counts by number equal Python's own."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from objserver.heap.numbers import Counts, Numbers, Table

# Close to each other, at the ends of chunks, and far off.
numbers = st.one_of(
    st.integers(0, 40), st.integers(65_530, 65_545), st.integers(1 << 42, (1 << 42) + 20), st.integers(0, (1 << 62) - 1)
)


@given(st.lists(numbers))
def test_numbers_equal_a_set(given: list[int]) -> None:
    found, expected = Numbers(), set[int]()
    for number in given:
        assert found.add(number) == (number not in expected)
        expected.add(number)
    assert list(found) == sorted(expected)
    assert all((number + 1 in found) == (number + 1 in expected) for number in given)
    taken: list[int] = []
    while part := found.take():
        taken += part
    assert sorted(taken) == sorted(expected)
    assert not list(found)


@given(st.dictionaries(numbers, st.integers(1, 65_535)))
def test_table_equals_a_dict(given: dict[int, int]) -> None:
    found = Table()
    for number, value in given.items():
        found[number] = value
    assert list(found.items()) == sorted(given.items())
    assert all(found[number + 1] == given.get(number + 1, 0) for number in given)


@given(st.lists(st.tuples(numbers, st.sampled_from([1, 2, 253, 254, 255, 256, 600])), max_size=8))
def test_counts_equal_a_counter(given: list[tuple[int, int]]) -> None:
    found, expected = Counts(), Counter[int]()
    for number, count in given:
        for _ in range(count):
            found.add(number)
        expected[number] += count
    assert {number: found[number] for number, _ in given} == expected
    assert not found[1 << 50] or 1 << 50 in expected
