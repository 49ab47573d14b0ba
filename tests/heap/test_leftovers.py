"""What large containers leave behind is freed in slices."""

from __future__ import annotations

from typing import Any

from objserver.heap.leftovers import SLICE_SIZE, Leftovers

from .host import Host


def slices(leftovers: Leftovers, dicts: list[dict[Any, Any]]) -> list[int]:
    """Return how many items each slice frees, until nothing waits."""
    found = []
    more = True
    while more:
        before = sum(map(len, dicts))
        more = leftovers.take()
        found.append(before - sum(map(len, dicts)))
    return found


def test_a_slice_frees_a_bounded_part_until_nothing_waits() -> None:
    leftovers = Leftovers()
    dicts = [dict.fromkeys(range(count)) for count in (100_000, 10_000, 100_000)]
    for each in dicts:
        leftovers.add(each, 500)
    found = slices(leftovers, dicts)
    assert sum(found) == 210_000
    assert max(found) <= 210_000 // 32 + 3 and found == sorted(found, reverse=True)
    assert slices(leftovers, dicts) == [0]


def test_what_is_not_worth_a_slice_does_not_wait() -> None:
    leftovers = Leftovers()
    few = dict.fromkeys(range(SLICE_SIZE // 500))
    leftovers.add(few, 500)
    assert few and not leftovers.take() and few


def test_what_a_checkpoint_wrote_and_a_large_dict_read_is_freed_between_snippets(host: Host) -> None:
    host["d"] = {f"key {number}": f"value {number}" for number in range(20_000)}
    leftovers = host.heap.pager.leftovers
    assert not leftovers.take()
    host.checkpoint()
    assert leftovers._size > SLICE_SIZE
    assert host["d"]["key 7"] == "value 7"
    while host.heap.evict(1 << 30):
        pass
    assert leftovers._size == 0
    assert list(host["d"].values()) == [f"value {number}" for number in range(20_000)]
    for number in range(20_000):
        assert host["d"][f"key {number}"] == f"value {number}"
    host.evict()
    assert leftovers._size == 0 == host.heap.loaded_size
