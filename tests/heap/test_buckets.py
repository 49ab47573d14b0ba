"""The index of a large dict: what is in a bucket, and in which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from objserver.heap.buckets import (
    bucket_of,
    change,
    count_for,
    entries_of,
    entry_of,
    find,
    make,
    parent_of,
    share,
    tag_of,
)
from objserver.heap.keyhash import KeyHash

tags = st.integers(0, 2**40 - 1) | st.sampled_from([0, 1, 257, 2**32 + 1, 0x0101010101])
places = st.integers(0, 2**48 - 1) | st.sampled_from([0, 1, 0x010101010101])
entries = st.dictionaries(places, tags, max_size=100).map(lambda found: [(tag, place) for place, tag in found.items()])


def found_in(bucket: bytes, tag: int) -> list[int]:
    found = []
    place, after = find(bucket, tag, 0)
    while place >= 0:
        found.append(place)
        place, after = find(bucket, tag, after)
    return found


@given(entries, tags)
def test_find_gives_the_places_of_a_tag(some: list[tuple[int, int]], tag: int) -> None:
    bucket = make(some)
    assert sorted(entries_of(bucket)) == sorted(some)
    for wanted in {tag, *(tag for tag, _ in some)}:
        assert found_in(bucket, wanted) == sorted(place for tag, place in some if tag == wanted)
    assert make(reversed(some)) == bucket


@given(entries, st.data())
def test_a_changed_bucket_is_one_that_was_made_so(some: list[tuple[int, int]], data: st.DataObject) -> None:
    before = [entry for entry in some if data.draw(st.booleans())]
    gone = [entry for entry in before if data.draw(st.booleans())]
    new = [entry for entry in some if entry not in before]
    left = [entry for entry in some if entry not in gone]
    as_numbers = [[entry_of(*entry) for entry in each] for each in (gone, new)]
    assert change(make(before), *as_numbers) == make(left)


@given(entries, st.integers(1, 50), st.integers(1, 50))
def test_buckets_of_another_number_have_the_same_entries(some: list[tuple[int, int]], old: int, new: int) -> None:
    def made(count: int) -> dict[int, bytes]:
        filled: dict[int, list[tuple[int, int]]] = {}
        for entry in some:
            filled.setdefault(bucket_of(entry[0], count), []).append(entry)
        return {number: make(entries) for number, entries in filled.items()}

    assert share(made(old).values(), new) == made(new)


@given(tags, st.integers(1, 5000))
def test_one_bucket_more_takes_entries_from_one_other(tag: int, count: int) -> None:
    before, after = bucket_of(tag, count), bucket_of(tag, count + 1)
    assert 0 <= before < count
    assert after in (before, count)
    if after == count:
        assert parent_of(count) == before


def test_buckets_are_filled_evenly() -> None:
    assert [count_for(count) for count in (0, 1, 32, 33, 320)] == [1, 1, 1, 2, 10]
    hash_of = KeyHash(lambda value: b"").hash_of
    filled = [0] * 100
    for number in range(3200):
        filled[bucket_of(tag_of(hash_of(number) or 0), 100)] += 1
    assert max(filled) < 3 * 32
