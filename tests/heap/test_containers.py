"""dict, list and set of the heap: examples. all of it: tests/engine/test_containers.py, test_cpython_cases.py."""

from __future__ import annotations

import collections
from collections import defaultdict, deque
from typing import Any

import pytest

from objserver.heap import Counter, DefaultDict, Deque, Dict, FrozenSet, List, OrderedDict, Set
from objserver.heap.containers import STATES

from .host import Host


def plain_copy(value: Any) -> Any:
    """Return a deep copy of anything made of our containers and CPython's, made of CPython's alone."""
    kind = STATES.get(type(value), type(value))
    if kind in (Deque, deque):
        return deque(map(plain_copy, value), value.maxlen)
    if kind in (DefaultDict, defaultdict):
        factory = {List: list, Dict: dict}.get(value.default_factory, value.default_factory)
        return defaultdict(factory, ((plain_copy(key), plain_copy(item)) for key, item in value.items()))
    if kind in (OrderedDict, collections.OrderedDict):
        return collections.OrderedDict((plain_copy(key), plain_copy(item)) for key, item in value.items())
    if kind in (Counter, collections.Counter):
        return collections.Counter({plain_copy(key): plain_copy(item) for key, item in value.items()})
    if isinstance(value, Dict):
        return {plain_copy(key): plain_copy(item) for key, item in value.items()}
    if isinstance(value, List):
        return [plain_copy(item) for item in value]
    if isinstance(value, Set):
        return set(value)
    if isinstance(value, FrozenSet):
        return frozenset(value)
    return value


def test_plain_and_kept_containers_work_together_in_every_operator(host: Host) -> None:
    host["d"], host["l"], host["s"] = {"a": 1}, [1, 2], Set([1, 2])
    d, numbers, s = host["d"], host["l"], host["s"]
    assert {"b": 2} | d == {"b": 2, "a": 1}
    assert {**d} == d == {"a": 1}
    assert [0] + numbers == [0, 1, 2] and numbers + numbers == [1, 2, 1, 2]
    assert [1, 2] == numbers and numbers != [1] and [1] < numbers and not numbers < [1]
    assert {1, 2} == s and s == {1, 2} and s != {1}
    assert s | {3} == {1, 2, 3} and {3} - s == {3} and d.keys() & {"a"} == {"a"}
    assert d != s and numbers != d
    assert isinstance(d, Dict) and isinstance({}, Dict) and isinstance([], List) and not isinstance([], Dict)
    first, second = numbers
    assert (first, second) == (1, 2)
    match d:
        case {"a": value}:
            assert value == 1
    match numbers:
        case [one, *rest]:
            assert (one, rest) == (1, [2])
    with pytest.raises(TypeError, match="unhashable type: 'dict'"):
        hash(d)


def test_list_extended_by_itself_ends(host: Host) -> None:
    host["l"] = [1, 2]
    host.run(lambda root: host["l"].extend(host["l"]))
    assert host["l"] == [1, 2, 1, 2]
    host["big"] = list(range(100))
    host.run(lambda root: host["big"].extend(host["big"]))
    assert host["big"] == [*range(100), *range(100)]


def test_method_asked_of_the_class_is_noticed_like_any_other(host: Host) -> None:
    """`list.append(kept, 1)` ran the plain method on a clean list: no undo, no record."""
    host["l"], host["d"], host["s"] = [1], {"a": 1}, Set([1])
    host.reopen()

    def change(root: Any) -> None:
        List.append(host["l"], 2)
        Dict.update(host["d"], {"b": 2})
        Set.add(host["s"], 2)
        assert (host["l"], host["d"], host["s"]) == ([1, 2], {"a": 1, "b": 2}, {1, 2})
        List.append([], 1)
        assert Dict.get({"a": 1}, "a") == 1 and Dict.fromkeys([1]) == {1: None}
        with pytest.raises(TypeError, match=r"list\.append needs a list, not a dict"):
            List.append({}, 1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        host.run(change)
    assert (host["l"], host["d"], host["s"]) == ([1], {"a": 1}, {1})


def test_classes_of_the_heap_cannot_be_changed() -> None:
    for cls in (Dict, List, Set):
        with pytest.raises(TypeError, match="immutable"):
            cls.get = None
        with pytest.raises(TypeError, match="immutable"):
            del cls.clear


def test_dict_that_contains_itself_prints_as_in_python(host: Host) -> None:
    host["d"] = {}
    host.run(lambda root: host["d"].__setitem__("me", host["d"]))
    assert repr(host["d"]) == "{'me': {...}}"
    host.reopen()
    assert repr(host["d"]) == "{'me': {...}}" and host["d"]["me"] is host["d"]


def test_eviction_rests_while_everything_waits_for_a_checkpoint(host: Host) -> None:
    host["many"] = [{"n": n} for n in range(3000)]
    looks = 0
    while host.heap.loaded_size > host.heap.evict_above:
        assert not host.heap.evict(1, count_max=1000)
        looks += 1
        assert looks < 10
    host.checkpoint()
    host.evict()
    assert host.heap.loaded_size == 0
    assert host["many"][2999]["n"] == 2999


def test_a_large_list_that_is_read_twice_while_it_is_sorted_is_not_taken_for_changed(host: Host) -> None:
    """Its items are made anew each time they are read, and were compared by identity."""
    host["l"] = List(f"text {number}" for number in range(1_000))
    host.reopen()
    host.heap.cache_size = 1
    host.run(lambda root: host["l"].sort(reverse=True))
    assert list(host["l"]) == sorted((f"text {number}" for number in range(1_000)), reverse=True)
    host.reopen()

    def change(item: str) -> str:
        host["l"][0] = "other"
        return item

    with pytest.raises(ValueError, match="list modified during sort"):
        host.run(lambda root: host["l"].sort(key=change))
    assert host["l"][0] == "text 999"


def test_what_is_not_in_a_large_deque_is_named_as_python_does(host: Host) -> None:
    host["d"] = Deque(range(1_000))
    with pytest.raises(ValueError) as ours:
        host.run(lambda root: host["d"].remove("a"))
    with pytest.raises(ValueError) as pythons:
        collections.deque(range(1_000)).remove("a")  # type: ignore[arg-type]
    assert str(ours.value) == str(pythons.value)


def test_what_is_popped_from_a_large_dict_that_was_emptied_need_not_be_hashable(host: Host) -> None:
    """CPython does not hash a key to look for it in an empty dict."""
    host["d"] = dict.fromkeys(range(1000))

    def empty(root: Any) -> None:
        for key in range(1000):
            del host["d"][key]
        assert host["d"].pop([1], 2) == 2
        with pytest.raises(KeyError):
            host["d"].pop([1])

    host.run(empty)
