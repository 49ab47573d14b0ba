"""Which objects stay in memory when it is short. Counted in reads of records: no clock says anything here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .host import Host

COUNT = 2_000


@pytest.fixture
def many(host: Host) -> Host:
    """A heap of COUNT small dicts, all of them on disk only."""
    host["many"] = [{"n": number, "text": "x" * 20} for number in range(COUNT)]
    host.reopen()
    return host


def touch(host: Host, numbers: Iterable[int], size_max: int) -> int:
    """Read an attribute of each, with eviction after each ten. Returns: reads of the disk."""
    before = host.heap.read_count
    items = host["many"]
    for index, number in enumerate(numbers):
        assert items[number]["n"] == number
        if index % 10 == 9:
            while host.heap.evict(size_max):
                pass
            assert host.heap.loaded_size <= size_max
    return host.heap.read_count - before


def size_of(host: Host, count: int) -> int:
    """Return the memory that so many of the objects take."""
    touch(host, range(100), 1 << 40)
    size = host.heap.loaded_size * count // 100
    host.evict()
    return size


def test_a_walk_over_everything_leaves_the_working_set_in_memory(many: Host) -> None:
    size_max = size_of(many, COUNT // 5)
    working_set = range(0, COUNT, 10)
    reads = []
    for _ in range(5):
        for _ in range(3):
            reads.append(touch(many, working_set, size_max))
        touch(many, range(COUNT), size_max)
    assert sum(reads[6:]) <= len(working_set) // 10, reads


def test_another_working_set_takes_the_place_of_the_first(many: Host) -> None:
    size_max = size_of(many, COUNT // 5)
    for start in range(5):
        reads = [touch(many, range(start, COUNT, 8), size_max) for _ in range(8)]
        assert sum(reads[4:]) <= COUNT // 8 // 10, reads


def test_what_rests_is_given_back_without_a_read(many: Host) -> None:
    touch(many, range(100), 1 << 40)
    size_max = many.heap.loaded_size - 1
    assert many.heap.evict(size_max) and many.heap.loaded_size <= size_max
    reads = touch(many, range(50, 100), 1 << 40)
    assert reads <= 2


def test_everything_can_be_given_up(many: Host) -> None:
    for _ in range(3):
        touch(many, range(0, COUNT, 3), 300_000)
    many.evict()
    assert many.heap.loaded_size == 0 and not many.heap.loaded and not many.heap.eviction._resting_size


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_rests_is_what_it_was(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Containers of each kind and instances, changed, read, put to rest and given up in any order."""
    host = Host(tmp_path_factory.mktemp("heap"))
    model: list[dict[str, Any]] = [{"n": number, "l": [number]} for number in range(20)]
    host["many"] = [{"n": number, "l": [number]} for number in range(20)]
    for _ in range(data.draw(st.integers(1, 30))):
        number = data.draw(st.integers(0, 19))
        match data.draw(st.sampled_from(["read", "change", "evict", "short", "checkpoint", "fail"])):
            case "read":
                assert host["many"][number]["n"] == model[number]["n"]
                assert list(host["many"][number]["l"]) == model[number]["l"]
            case "change":
                model[number]["n"] += 1
                model[number]["l"].append(model[number]["n"])

                def change(root: Any, number: int = number) -> None:
                    one = host["many"][number]
                    one["n"] += 1
                    one["l"].append(one["n"])

                host.run(change)
            case "fail":

                def fail(root: Any, number: int = number) -> None:
                    host["many"][number]["n"] = None
                    host["many"][number]["l"].clear()
                    raise ZeroDivisionError

                with pytest.raises(ZeroDivisionError):
                    host.run(fail)
            case "evict":
                host.evict()
            case "short":
                host.heap.evict(max(0, host.heap.loaded_size - 1), count_max=data.draw(st.integers(1, 50)))
            case "checkpoint":
                host.checkpoint()
    assert [{"n": one["n"], "l": list(one["l"])} for one in host["many"]] == model
    host.store.close()
