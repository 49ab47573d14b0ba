"""dict, list and set of the heap against CPython's: any run of operations, in any state, gives the same."""

from __future__ import annotations

import collections
import tempfile
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from objserver.heap import Counter, DefaultDict, Deque, Dict, FrozenSet, List, OrderedDict, Set
from objserver.heap.containers import STATES

from .host import Host

keys = st.one_of(st.integers(-3, 12), st.sampled_from(["a", "b", "", "ü"]), st.tuples(st.integers(0, 2)), st.none())
values = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.lists(st.integers(), max_size=2))
indexes = st.integers(-8, 8)
slices = st.builds(slice, st.none() | indexes, st.none() | indexes, st.none() | st.sampled_from([-2, -1, 1, 2, 3]))

dict_operations = st.one_of(
    st.tuples(st.just("__setitem__"), st.tuples(keys, values)),
    st.tuples(st.just("__delitem__"), st.tuples(keys)),
    st.tuples(st.just("__getitem__"), st.tuples(keys)),
    st.tuples(st.just("__contains__"), st.tuples(keys)),
    st.tuples(st.just("get"), st.tuples(keys, values)),
    st.tuples(st.just("pop"), st.tuples(keys)),
    st.tuples(st.just("pop"), st.tuples(keys, values)),
    st.tuples(st.just("popitem"), st.just(())),
    st.tuples(st.just("setdefault"), st.tuples(keys, values)),
    st.tuples(st.just("update"), st.tuples(st.dictionaries(keys, values, max_size=3))),
    st.tuples(st.just("__ior__"), st.tuples(st.dictionaries(keys, values, max_size=3))),
    st.tuples(st.just("__or__"), st.tuples(st.dictionaries(keys, values, max_size=3))),
    st.tuples(st.just("clear"), st.just(())),
    st.tuples(st.just("copy"), st.just(())),
    st.tuples(st.just("__reversed__"), st.just(())),
    st.tuples(st.just("__getitem__"), st.tuples(st.just([]))),
    st.tuples(st.just("__setitem__"), st.tuples(st.just({}), values)),
)
list_operations = st.one_of(
    st.tuples(st.just("append"), st.tuples(values)),
    st.tuples(st.just("extend"), st.tuples(st.lists(values, max_size=3))),
    st.tuples(st.just("__iadd__"), st.tuples(st.lists(values, max_size=3))),
    st.tuples(st.just("__imul__"), st.tuples(st.integers(-1, 2))),
    st.tuples(st.just("__add__"), st.tuples(st.lists(values, max_size=2))),
    st.tuples(st.just("__mul__"), st.tuples(st.integers(0, 2))),
    st.tuples(st.just("insert"), st.tuples(indexes, values)),
    st.tuples(st.just("pop"), st.just(())),
    st.tuples(st.just("pop"), st.tuples(indexes)),
    st.tuples(st.just("remove"), st.tuples(values)),
    st.tuples(st.just("index"), st.tuples(values)),
    st.tuples(st.just("count"), st.tuples(values)),
    st.tuples(st.just("__getitem__"), st.tuples(indexes | slices)),
    st.tuples(st.just("__setitem__"), st.tuples(indexes, values)),
    st.tuples(st.just("__setitem__"), st.tuples(slices, st.lists(values, max_size=3))),
    st.tuples(st.just("__delitem__"), st.tuples(indexes | slices)),
    st.tuples(st.just("reverse"), st.just(())),
    st.tuples(st.just("sort"), st.just(())),
    st.tuples(st.just("clear"), st.just(())),
    st.tuples(st.just("copy"), st.just(())),
    st.tuples(st.just("__lt__"), st.tuples(st.lists(values, max_size=3))),
    st.tuples(st.just("__contains__"), st.tuples(values)),
)
item_sets = st.frozensets(keys, max_size=4)
set_operations = st.one_of(
    st.tuples(st.sampled_from(["add", "discard", "remove", "__contains__"]), st.tuples(keys)),
    st.tuples(
        st.sampled_from(
            "update intersection_update difference_update symmetric_difference_update union intersection difference "
            "symmetric_difference isdisjoint issubset issuperset __or__ __and__ __sub__ __xor__ __ior__ __iand__ "
            "__isub__ __ixor__ __le__ __lt__ __ge__ __gt__ __eq__ __ror__ __rsub__".split()
        ),
        st.tuples(item_sets),
    ),
    st.tuples(st.sampled_from(["clear", "copy"]), st.just(())),
)  # fmt: skip


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


def outcome(obj: Any, operation: tuple[str, tuple[Any, ...]]) -> Any:
    name, arguments = operation
    try:
        if name == "sort":
            sorted(obj)  # one that fails leaves ours as it was, CPython's half sorted: try first
        result = getattr(obj, name)(*arguments)
    except Exception as error:
        return type(error)
    if result is obj:
        return "itself"
    if name in ("__reversed__", "elements", "__iter__"):
        return list(result)
    if result is NotImplemented:
        return result
    copied = plain_copy(result)
    return type(copied), copied, repr(copied)


class Containers(RuleBasedStateMachine):
    """Any run of operations, commits, rollbacks, checkpoints, evictions and reopenings equals plain Python."""

    operations: Any
    start: Any

    @initialize(size=st.sampled_from([0, 3, 70]))
    def open(self, size: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.host = Host(Path(self.folder.name))
        self.model = type(self).start(size)
        self.host["it"] = type(self).ours(size)

    @classmethod
    def ours(cls, size: int) -> Any:
        """Return what `start` returns, as a snippet would make it."""
        return cls.start(size)

    @staticmethod
    def argument(value: Any) -> Any:
        """Return what is given to an operation as a snippet would make it."""
        return value

    @rule(data=st.data(), fail=st.booleans())
    def snippet(self, data: st.DataObject, fail: bool) -> None:
        operations = data.draw(st.lists(type(self).operations, min_size=1, max_size=6))
        import copy

        model = copy.deepcopy(self.model)

        def body(root: Any) -> None:
            for operation in operations:
                mine = copy.deepcopy(operation[1])
                given = operation[0], tuple(map(type(self).argument, operation[1]))
                assert outcome(self.host["it"], given) == outcome(model, (operation[0], mine)), operation
                assert plain_copy(self.host["it"]) == model
            if fail:
                raise ZeroDivisionError

        try:
            self.host.run(body)
            self.model = model
        except ZeroDivisionError:
            pass

    @rule()
    def checkpoint(self) -> None:
        self.host.checkpoint()

    @rule()
    def evict(self) -> None:
        self.host.checkpoint()
        self.host.evict()

    @rule()
    def reopen(self) -> None:
        self.host.reopen()

    @invariant()
    def equal(self) -> None:
        it = self.host["it"]
        assert len(it) == len(self.model)
        assert plain_copy(it) == self.model
        if not isinstance(it, Set):
            assert list(it) == list(self.model)
            assert repr(it) == repr(self.model)

    def teardown(self) -> None:
        self.host.close()
        self.folder.cleanup()


class Dicts(Containers):
    operations = dict_operations
    start = staticmethod(lambda size: {number: str(number) for number in range(size)})


class Lists(Containers):
    operations = list_operations
    start = staticmethod(lambda size: list(range(size)))


class Sets(Containers):
    operations = set_operations
    start = staticmethod(lambda size: set(range(size)))


@pytest.mark.parametrize("machine", [Dicts, Lists])
def test_container_equals_pythons_through_everything(machine: type[Containers]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=15, deadline=None))


@given(
    st.lists(st.tuples(st.booleans(), st.lists(set_operations, max_size=5)), max_size=5), st.sampled_from([0, 3, 70])
)
@settings(max_examples=100, deadline=None)
def test_set_equals_pythons_and_keeps_insertion_order(runs: list[tuple[bool, list[Any]]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        host["it"] = Set(range(size))
        model = set(range(size))
        for fail, operations in runs:
            before, order = set(model), list(host["it"])

            def body(root: Any, operations: list[Any] = operations, fail: bool = fail, model: set[Any] = model) -> None:
                for operation in operations:
                    mine, theirs = outcome(host["it"], operation), outcome(model, operation)
                    assert mine[:2] == theirs[:2] if isinstance(theirs, tuple) else mine == theirs, operation
                if fail:
                    raise ZeroDivisionError

            try:
                host.run(body)
            except ZeroDivisionError:
                model = before
                assert list(host["it"]) == order
            assert set(host["it"]) == model
            order = list(host["it"])
            host.reopen()
            assert list(host["it"]) == order
        host.close()


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
    while host.heap.loaded_size > host.heap._evict_above:
        assert not host.heap.evict(1, count_max=1000)
        looks += 1
        assert looks < 10
    host.checkpoint()
    host.evict()
    assert host.heap.loaded_size == 0
    assert host["many"][2999]["n"] == 2999
