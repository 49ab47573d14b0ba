"""The index of a large dict: what is in groups and buckets, and in which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.heap import buckets
from objserver.heap.buckets import (
    GROUPS_FIRST,
    TAG_BITS,
    bits_for,
    bits_of,
    bucket_of,
    change,
    change_group,
    entries_of,
    entry_of,
    find,
    groups_for,
    limit_of,
    make,
    pass_on,
    places,
    shift_of,
    split,
)
from objserver.heap.index import Changes, Index
from objserver.heap.kept import Kept

tags = st.integers(0, 2**40 - 1) | st.sampled_from([0, 1, 257, 2**32 + 1, 0x0101010101])
numbers = st.integers(1, 2**47 - 1) | st.sampled_from([1, 0x010101010101])
entries = st.dictionaries(numbers, tags, max_size=100).map(lambda found: [entry_of(t, p) for p, t in found.items()])


def tag_of(entry: int) -> int:
    return entry & 2**40 - 1


def place_of(entry: int) -> int:
    return entry >> 40


@given(entries, tags)
def test_find_gives_the_places_of_a_tag(some: list[int], tag: int) -> None:
    bucket = make(some)
    assert entries_of(bucket) == [(tag_of(entry), place_of(entry)) for entry in sorted(some)]
    for wanted in {tag, *map(tag_of, some)}:
        expected = sorted(place_of(entry) for entry in some if tag_of(entry) == wanted)
        assert find(bucket, wanted) == find(bucket + bytes((40,)), wanted) == expected
    assert make(reversed(some)) == bucket


@given(entries, st.data())
def test_a_changed_bucket_is_one_that_was_made_so(some: list[int], data: st.DataObject) -> None:
    before = [entry for entry in some if data.draw(st.booleans())]
    gone = [entry for entry in before if data.draw(st.booleans())]
    new = [entry for entry in some if entry not in before]
    assert change(make(before), gone, new) == make(entry for entry in some if entry not in gone)


@given(entries, st.integers(0, 8), st.data())
def test_a_group_and_its_buckets_have_what_came_and_did_not_go(some: list[int], bits: int, data: st.DataObject) -> None:
    """Whatever waits, and whenever that goes on to the buckets."""
    below = make(entry for entry in some if data.draw(st.booleans()))
    held = split(below, bits or 1)
    live = set(some) & {entry_of(*each) for each in entries_of(below)}
    waiting = b""
    for _ in range(3):
        gone = [entry for entry in live if data.draw(st.booleans())]
        new = [entry for entry in some if entry not in live and data.draw(st.booleans())]
        waiting = change_group(waiting, gone, new)
        live = live - {*gone} | {*new}
        for entry in some:
            bucket = held.get(bucket_of(tag_of(entry), bits or 1), b"")
            assert (place_of(entry) in places(waiting + b"\1", bucket, tag_of(entry))) == (entry in live)
    for bucket, waits in split(waiting, bits or 1).items():
        held[bucket] = pass_on(held.get(bucket, b""), waits)
    assert make(live) == make(entry_of(*each) for bucket in held.values() for each in entries_of(bucket))


@given(entries, st.integers(1, 20), st.integers(0, 12))
def test_a_split_bucket_lies_where_it_lay_and_behind(some: list[int], bits: int, more: int) -> None:
    for number, bucket in split(make(some), bits).items():
        parts = split(bucket, bits + more)
        assert make(entry_of(*each) for part in parts.values() for each in entries_of(part)) == bucket
        assert all(number <= part < number + (1 << TAG_BITS - bits) for part in parts)
        for part, content in parts.items():
            assert {bucket_of(tag, bits + more) for tag, _ in entries_of(content)} == {part}


@given(tags, st.integers(0, 20), st.integers(0, 20))
def test_tag_leads_to_a_bucket_of_its_group(tag: int, group_bits: int, more: int) -> None:
    count, bits = 1 << group_bits, max(1, group_bits + more)
    number = tag >> shift_of(count)
    assert 0 <= number < count
    first, end = number << shift_of(count), (number + 1) << shift_of(count)
    assert first <= bucket_of(tag, bits) <= tag < end <= GROUPS_FIRST


def test_groups_and_buckets_are_as_many_as_keep_them_small() -> None:
    assert [groups_for(count, 0) for count in (0, 1, 4096, 4097, 8193, 10_000_000)] == [1, 1, 1, 2, 4, 4096]
    assert groups_for(1, 8) == 8
    assert [bits_for(count, 3, 0) for count in (1, 96, 97, 193)] == [3, 3, 4, 5]
    assert bits_for(1, 0, 0) == 1 and bits_for(1, 3, 7) == 7
    assert {limit_of(number) for number in range(1000)} == set(range(64, 161))


class Disk:
    """A pager that keeps pieces in a dict."""

    def __init__(self) -> None:
        self.pieces: dict[int, bytes] = {}
        self.heap = self.store = self
        self.size = self.effort = 0

    def key(self, storage: int, number: int) -> int:
        return number

    def get(self, *key: int) -> bytes | None:
        return self.pieces.get(key[-1])

    def account(self, size: int) -> bool:
        self.size += size
        return False


@pytest.mark.parametrize("small", [True, False])
@given(st.data())
def test_index_finds_what_was_put_in_however_it_grew(small: bool, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if small:
            for name in ("BUCKET_COUNT", "GROUP_COUNT", "WAIT_COUNT"):
                patch.setattr(buckets, name, 4)
        drawn = data.draw(st.randoms(use_true_random=False))
        disk = Disk()
        kept = Kept(disk)  # type: ignore[arg-type]
        index = Index(disk, kept, 7, 0)  # type: ignore[arg-type]
        live: dict[int, int] = {}
        next_place, before = 1, 0
        for count in data.draw(st.lists(st.integers(0, 40 if small else 300), max_size=6)):
            gone = [place for place in live if drawn.random() < 0.2]
            # Tags that are alike lead to one group and one bucket.
            tags = [drawn.getrandbits(40) >> drawn.choice((0, 0, 0, 3, 30)) for _ in range(count)]
            new = dict(enumerate(tags, next_place))
            next_place += count
            groups = groups_for(len(live) - len(gone) + count, before)
            changes: Changes = {}
            for place in gone:
                changes.setdefault(live[place] >> shift_of(groups), ([], []))[0].append(entry_of(live[place], place))
            for place, tag in new.items():
                changes.setdefault(tag >> shift_of(groups), ([], []))[1].append(entry_of(tag, place))
            written: dict[int, bytes | None] = {}
            for number, record in index.change(changes, groups):
                assert number not in written, "a piece is written once"  # type: ignore[comparison-overlap]
                written[number] = record  # type: ignore[index]
            for number, record in written.items():
                if record is None:
                    disk.pieces.pop(number, None)
                else:
                    disk.pieces[number] = record
            index.settle(groups)
            before = groups
            live = {place: tag for place, tag in (live | new).items() if place not in gone}
            if drawn.random() < 0.5:
                kept.drop_groups()
            for place, tag in live.items():
                assert place in index.places(tag)
            assert sum(len(index.places(tag)) for tag in {*live.values()}) == len(live)
            for number, piece in disk.pieces.items():
                assert piece, "what is empty is not written"
                if number >= GROUPS_FIRST:
                    assert len(piece) // 11 <= limit_of(number - GROUPS_FIRST) and bits_of(piece) <= TAG_BITS
        kept.drop_groups()
        assert disk.size == 0
