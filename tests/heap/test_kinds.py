"""deque, defaultdict, OrderedDict and Counter of the heap: examples; all of it: tests/engine/test_containers.py."""

from __future__ import annotations

import collections
import tempfile
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import NotStorable
from objserver.heap import Counter, DefaultDict, Deque, Dict, List, OrderedDict, Set
from objserver.heap.paged_deque import PagedDeque

from .host import Host
from .test_containers import plain_copy

keys = st.one_of(st.integers(-3, 12), st.sampled_from(["a", "b", "", "ü"]), st.tuples(st.integers(0, 2)), st.none())
counts = st.dictionaries(keys, st.integers(-3, 3), max_size=4)


@contextmanager
def open_host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        try:
            yield host
        finally:
            host.close()


def ours(value: Any) -> Any:
    """Return a container of CPython's as the heap's."""
    if type(value) is deque:
        return Deque(value, value.maxlen)
    if type(value) is collections.Counter:
        return Counter(dict(value))
    if type(value) is collections.OrderedDict:
        return OrderedDict(dict(value))
    if type(value) is defaultdict:
        return DefaultDict({list: List}.get(value.default_factory, value.default_factory), dict(value))
    return value


KINDS: dict[str, Any] = {
    "Counter": collections.Counter, "OrderedDict": collections.OrderedDict,
    "defaultdict": lambda source: defaultdict(list, source), "dict": dict,
}
BINARY = ["|", "==", "!=", "+", "-", "&", "<", "<="]


@given(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)), st.sampled_from(BINARY), counts, counts,
       st.booleans(), st.booleans())
@settings(deadline=None, max_examples=300)
def test_operator_between_two_kinds_gives_pythons_kind(
    left: str, right: str, operator: str, first: Any, second: Any, keep: bool, evict: bool
) -> None:
    one, other = KINDS[left](first), KINDS[right](second)
    expected = applied(operator, one, other)
    with open_host() as host:
        mine, theirs = ours(one), ours(other)
        if keep:
            host["x"] = mine
            host["y"] = theirs
            if evict:
                host.reopen()
            mine, theirs = host["x"], host["y"]
        assert applied(operator, mine, theirs) == expected


def applied(operator: str, left: Any, right: Any) -> Any:
    try:
        result = plain_copy(eval(f"left {operator} right", {"left": left, "right": right}))
    except TypeError:
        return "TypeError"
    return type(result), result, list(result) if isinstance(result, dict) else None


def test_deque_of_changes_at_its_ends_is_undone_without_a_copy(host: Host) -> None:
    host["d"] = Deque(range(100_000))
    host.reopen()

    def body(root: Any) -> None:
        d = host["d"]
        for number in range(50):
            d.append(number)
            d.popleft()
            d[5] = number
        assert type(d.__items__) is PagedDeque
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        host.run(body)
    assert list(host["d"]) == list(range(100_000))


ENDS = ["append", "appendleft", "pop", "popleft", "set first", "set last", "insert"]


@given(st.sampled_from([List, Deque]), st.lists(st.tuples(
    st.lists(st.tuples(st.sampled_from(ENDS), st.integers(1, 70)), max_size=5), st.booleans(), st.booleans()
), max_size=8))  # fmt: skip
@settings(deadline=None, max_examples=150)
def test_changes_at_the_ends_of_a_large_sequence_stay_or_are_undone(
    kind: Any, snippets: list[tuple[list[tuple[str, int]], bool, bool]]
) -> None:
    """Its ends are changed in place: what of them is new, and what undo has to put back, is known by counts alone."""
    expected = [{"n": -n} for n in range(300)]
    with open_host() as host:
        host["x"] = kind([dict(item) for item in expected])
        for number, (steps, fails, reopens) in enumerate(snippets):
            before = list(expected)

            def body(root: Any, of: Any = (expected, steps, number, fails)) -> None:
                expected, steps, number, fails = of
                for step, count in steps:
                    for _ in range(count):
                        change(host["x"], step, {"n": number})
                        change(expected, step, {"n": number})
                if fails:
                    raise ZeroDivisionError

            if fails:
                with pytest.raises(ZeroDivisionError):
                    host.run(body)
                expected = before
            else:
                host.run(body)
            if reopens:
                host.reopen()
            assert len(host["x"]) == len(expected) and plain_copy(list(host["x"])) == expected
            assert all(isinstance(item, Dict) for item in host["x"])


def change(items: Any, step: str, value: Any) -> None:
    """Do the same to a list or deque of either side."""
    at_left = "left" in step or "first" in step
    if step == "append":
        items.append(value)
    elif step == "appendleft":
        items.appendleft(value) if isinstance(items, Deque) else items.insert(0, value)
    elif step == "pop":
        items.pop() if items else None
    elif step == "popleft" and items:
        items.popleft() if isinstance(items, Deque) else items.pop(0)
    elif step == "insert":
        items.insert(-2, value)
    elif items:
        items[0 if at_left else -1] = value


def test_deque_that_changes_while_it_is_walked_says_so(host: Host) -> None:
    for size in (3, 100):
        host["d"] = Deque(range(size))
        host.reopen()

        def body(root: Any) -> None:
            for _ in host["d"]:
                host["d"].append(1)

        with pytest.raises(RuntimeError, match="deque mutated during iteration"):
            host.run(body)
        assert len(host["d"]) == size


@pytest.mark.parametrize("count", [0, 1000, 1, 999, 400])
@pytest.mark.parametrize("size", [1000, 300, 3])
def test_rotation_of_a_deque_by_nothing_is_a_change_for_who_walks_over_it(host: Host, size: int, count: int) -> None:
    host["d"] = Deque(range(size))
    host.reopen()

    def body(root: Any) -> None:
        walk = iter(host["d"])
        host["d"].rotate(count)
        with pytest.raises(RuntimeError, match="deque mutated during iteration"):
            next(walk)

    host.run(body)


def test_iterator_of_a_deque_that_is_over_says_that_the_deque_changed(host: Host) -> None:
    def over(walk: Any, values: Any) -> list[str]:
        """What an iterator says that has come to its end, before and after a change."""
        values.append(0)
        found = walk(values)
        assert list(found)
        said = []
        for change in (False, True, False):
            if change:
                values.append(1)
            try:
                said.append(next(found))
            except (StopIteration, RuntimeError) as error:
                said.append(repr(error))
        return said

    for size in (3, 1000):
        for walk in (iter, reversed):
            host["d"] = Deque(range(size))
            host.reopen()
            said: list[str] = []
            host.run(lambda root, walk=walk, said=said: said.extend(over(walk, host["d"])))  # type: ignore[misc]
            assert said == over(walk, deque(range(size)))


def test_iterator_of_a_deque_notices_a_change_before_its_first_item(host: Host) -> None:
    def body(walk: Any) -> None:
        host["d"].append(0)
        found = walk(host["d"])
        host["d"].append(1)
        with pytest.raises(RuntimeError, match="deque mutated during iteration"):
            next(found)

    for size in (3, 1000):
        for walk in (iter, reversed):
            host["d"] = Deque(range(size))
            host.reopen()
            host.run(lambda root, walk=walk: body(walk))  # type: ignore[misc]


def test_aliases_and_identity_survive(host: Host) -> None:
    shared: list[int] = [1]
    made = Deque([shared])
    host["x"] = {"d": made, "again": made, "c": Counter("aab"), "e": DefaultDict(None, {"s": shared})}
    host.reopen()
    x = host["x"]
    assert x["d"] is x["again"] and x["d"][0] is x["e"]["s"]
    host.run(lambda root: x["d"][0].append(2))
    assert x["e"]["s"] == [1, 2] and repr(x["c"]) == "Counter({'a': 2, 'b': 1})"


@pytest.mark.parametrize("make", [Deque, lambda rows: OrderedDict(enumerate(rows)), lambda rows: DefaultDict(None,
    enumerate(rows)), lambda rows: Counter(dict(enumerate(rows)))])  # fmt: skip
def test_large_container_of_one_kind_of_object_comes_back(host: Host, make: Any) -> None:
    host["x"] = make([{"n": n} for n in range(200)])
    kind = type(host["x"])
    host.reopen()
    assert type(host["x"]) is not kind and plain_copy(host["x"]) == plain_copy(make([{"n": n} for n in range(200)]))


def test_factory_is_state(host: Host) -> None:
    host["d"] = DefaultDict(List)
    host.run(lambda root: host["d"]["a"].append(1))

    def change(root: Any) -> None:
        host["d"].default_factory = Dict
        assert host["d"]["b"] == {}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        host.run(change)
    assert host["d"].default_factory is List and host["d"] == {"a": [1]}
    host.run(lambda root: setattr(host["d"], "default_factory", Dict))
    host.checkpoint()
    host.evict()
    assert host["d"].default_factory is Dict
    with pytest.raises(NotStorable, match=r"d\.default_factory is a lambda"):
        host.run(lambda root: setattr(host["d"], "default_factory", lambda: 1))
    assert host["d"].default_factory is Dict
    function = host.define("def make(): return 7\n", "make")
    host.run(lambda root: setattr(host["d"], "default_factory", function))
    assert host["d"]["c"] == 7


def test_keys_of_an_ordered_dict_stay_the_ones_they_were() -> None:
    for key in (1, (1, 2)):
        mine, model = OrderedDict({key: "a", 5: "b"}), collections.OrderedDict({key: "a", 5: "b"})
        same = 1.0 if key == 1 else (1.0, 2)
        for last in (True, False):
            mine.move_to_end(same, last)
            model.move_to_end(same, last)
            assert list(map(repr, mine)) == list(map(repr, model))


def test_kinds_print_as_pythons_also_inside_themselves(host: Host) -> None:
    for mine, model in (
        (Deque([1], 3), deque([1], 3)), (OrderedDict(), collections.OrderedDict()),
        (OrderedDict(a=1), collections.OrderedDict(a=1)), (Counter(), collections.Counter()),
        (Counter("hello"), collections.Counter("hello")), (Counter(a=1, b="x"), collections.Counter(a=1, b="x")),
        (DefaultDict(), defaultdict()), (DefaultDict(int, a=1), defaultdict(int, a=1)),
    ):  # fmt: skip
        assert repr(mine) == repr(model)
    ring, model_ring = Deque(), deque()  # type: ignore[var-annotated]
    ring.append(ring)
    model_ring.append(model_ring)
    assert repr(ring) == repr(model_ring)
    for kind, made in ((DefaultDict(int), defaultdict(int)), (OrderedDict(), collections.OrderedDict())):
        kind["a"], made["a"] = kind, made  # type: ignore[assignment]
        assert repr(kind) == repr(made)


def test_kinds_are_dicts_and_classes_of_their_own() -> None:
    for cls in (DefaultDict, OrderedDict, Counter):
        assert issubclass(cls, Dict) and isinstance(cls(), Dict) and not isinstance({}, cls)
        assert cls.__module__ == "collections"
    assert isinstance(deque(), Deque) and not isinstance([], Deque)
    assert OrderedDict.fromkeys("ab") == OrderedDict(a=None, b=None)
    assert DefaultDict.fromkeys("a", 1) == {"a": 1}
    with pytest.raises(NotImplementedError):
        Counter.fromkeys("a")
    for name in ("append", "most_common"):
        with pytest.raises(AttributeError):
            getattr(Dict, name)
    assert List.append is List.append and Counter.most_common(Counter("a")) == [("a", 1)]


def test_counter_spells_out_no_more_than_fits() -> None:
    with pytest.raises(OverflowError, match="more than 10000000"):
        Counter(a=10**12).elements()


@pytest.mark.parametrize("count", [None, 1.5, "x"])
def test_elements_of_a_counter_refuse_what_pythons_refuse(count: Any) -> None:
    with pytest.raises(TypeError) as theirs:
        list(collections.Counter({0: count}).elements())
    with pytest.raises(TypeError) as ours:
        list(Counter({0: count}).elements())
    assert str(ours.value) == str(theirs.value)


@given(st.lists(st.tuples(st.sampled_from("dlsqeon"), st.integers(0, 5)), max_size=6))
@settings(deadline=None, max_examples=30)
def test_bound_method_is_the_same_whether_its_object_was_loaded(order: list[Any]) -> None:
    """One of a ghost compared unequal to one of the same object loaded, so a replay could go another way."""
    with open_host() as host:
        made = {
            "d": {"a": 1}, "l": [1], "s": Set([1]), "q": Deque([1]), "e": DefaultDict(None), "o": OrderedDict(),
            "n": Counter(),
        }  # fmt: skip
        for name, value in made.items():
            host[name] = value
        host.reopen()
        for name, count in order:
            for _ in range(count):
                host[name].clear  # noqa: B018
        for name in made:
            before = host[name].clear
            table = {before: name}
            len(host[name])
            after = host[name].clear
            assert before == after and hash(before) == hash(after) and table[after] == name and after in [before]
            assert before.__self__ is host[name]
