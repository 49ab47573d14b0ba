"""The index of a large dict: what is in a bucket, and in which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from objserver.heap.buckets import bucket_of, count_for, entries_of, find, make, parent_of, tag_of
from objserver.heap.keyhash import KeyHash

tags = st.integers(0, 2**40 - 1) | st.sampled_from([0, 1, 257, 2**32 + 1, 0x0101010101])
entries = st.lists(st.tuples(tags, st.integers(0, 2**48 - 1)), max_size=100, unique=True)


@given(entries, tags)
def test_find_gives_the_places_of_a_tag(some: list[tuple[int, int]], tag: int) -> None:
    bucket = make(some)
    assert sorted(entries_of(bucket)) == sorted(some)
    for wanted in {tag, *(tag for tag, _ in some)}:
        assert sorted(find(bucket, wanted)) == sorted(place for tag, place in some if tag == wanted)
    assert make(reversed(some)) == bucket


@given(tags, st.integers(1, 5000))
def test_one_bucket_more_takes_entries_from_one_other(tag: int, count: int) -> None:
    before, after = bucket_of(tag, count), bucket_of(tag, count + 1)
    assert 0 <= before < count
    assert after in (before, count)
    if after == count:
        assert parent_of(count) == before


def test_buckets_are_filled_evenly() -> None:
    assert [count_for(count) for count in (0, 1, 64, 65, 640)] == [1, 1, 1, 2, 10]
    hash_of = KeyHash(lambda value: b"")
    filled = [0] * 100
    for number in range(6400):
        filled[bucket_of(tag_of(hash_of(number) or 0), 100)] += 1
    assert max(filled) < 3 * 64
