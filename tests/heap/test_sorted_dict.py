"""SortedDict against sortedcontainers' own, small and large, through undo, eviction, checkpoints and reopening."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sortedcontainers import SortedDict as Model

from objserver.heap import Dict, FrozenSet, List, SortedDict

from .host import Host

keys = st.integers(-5, 400) | st.sampled_from([0.5, Decimal("7.5"), True, 3.0, 10**30])
texts = st.text("abc", max_size=4)
values = st.integers(0, 5)
bounds = st.none() | keys


def outcome(call: Any) -> Any:
    try:
        result = call()
    except (LookupError, ValueError, TypeError) as error:
        return type(error)
    return list(result) if hasattr(result, "__next__") else result


def attempt(call: Any) -> Any:
    """As `outcome`, of what may be stopped half way."""
    try:
        return call()
    except (RuntimeError, TypeError) as error:
        return type(error)


# What a snippet may do between two steps of a walk: by how many places from where the walk is.
Change = tuple[str, int]
changes = st.lists(
    st.tuples(st.sampled_from(["look", "put", "move", "delete", "insert", "clear", "stop"]), st.integers(-70, 70)),
    max_size=6,
).flatmap(lambda some: st.permutations([*some, *[("look", 0)] * 12]))


def places(d: Any, *, keys: bool, backwards: bool) -> Any:
    """A walk by place: what a SortedDict does where the package of that name leaves it open."""
    count = len(d)
    for place in range(count - 1, -1, -1) if backwards else range(count):
        yield d.peekitem(place)[0] if keys else d.peekitem(place)
        if len(d) != count:
            raise RuntimeError


def walked(d: Any, walk: Any, steps: list[Change]) -> list[Any]:
    """Return what a walk comes by, and what is looked up meanwhile, while the dict changes."""
    seen: list[Any] = []
    for place, item in enumerate(walk):
        seen.append(item)
        do, distance = steps[place % len(steps)]
        key = d.peekitem((place + distance) % len(d))[0]
        if do == "look":
            seen.append(d[key])
        elif do == "put":
            d[key] = d[key] + 1
        elif do == "move":
            d[key + 1000] = d.pop(key)
        elif do == "delete" and place % 50 == 49:
            del d[key]
        elif do == "insert" and place % 50 == 49:
            d[key + 0.125] = 1
        elif do == "clear" and place % 100 == 99:
            d.clear()
        elif do == "stop" and place % 100 == 99:
            break
        if key in d:
            seen.append(d[key])
    return seen


class Rules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.host = Host(Path(self.folder.name))
        self.model: Any = Model()

    def teardown(self) -> None:
        self.host.close()
        self.folder.cleanup()

    @initialize(above=st.sampled_from([2, 10, 256]), count=st.sampled_from([0, 3, 70, 300]))
    def start(self, above: int, count: int) -> None:
        self.above = above
        self.small()
        self.host["d"] = SortedDict({key: key % 7 for key in range(0, 2 * count, 2)})
        self.model.update({key: key % 7 for key in range(0, 2 * count, 2)})

    def small(self) -> None:
        self.host.heap.paged_above = self.above
        self.host.heap.plain_below = self.above // 2

    @property
    def d(self) -> Any:
        return self.host["d"]

    def both(self, operation: Any) -> None:
        assert self.host.run(lambda root: outcome(lambda: operation(self.d))) == outcome(lambda: operation(self.model))

    @rule(key=keys, value=values)
    def put(self, key: Any, value: int) -> None:
        self.both(lambda d: d.__setitem__(key, value))

    @rule(first=st.integers(0, 400), count=st.integers(1, 200), step=st.sampled_from([1, 3]))
    def put_many(self, first: int, count: int, step: int) -> None:
        self.both(lambda d: d.update(dict.fromkeys(range(first, first + count * step, step), 1)))

    @rule(key=keys)
    def delete(self, key: Any) -> None:
        self.both(lambda d: d.__delitem__(key))

    @rule(first=st.integers(0, 400), count=st.integers(1, 200))
    def delete_many(self, first: int, count: int) -> None:
        self.both(lambda d: [d.pop(key, None) for key in range(first, first + count)])

    @rule(key=keys, value=values)
    def rest(self, key: Any, value: int) -> None:
        self.both(lambda d: (d.get(key), key in d, d.setdefault(key, value), d.pop(key), d.pop(key, 7)))

    @rule(index=st.integers(-3, 3))
    def take(self, index: int) -> None:
        self.both(lambda d: d.peekitem(index))
        self.both(lambda d: d.popitem(index))

    @rule(low=bounds, high=bounds, inclusive=st.tuples(st.booleans(), st.booleans()), reverse=st.booleans())
    def ranges(self, low: Any, high: Any, inclusive: Any, reverse: bool) -> None:
        self.both(lambda d: d.irange(low, high, inclusive, reverse))
        if low is not None:
            self.both(lambda d: (d.bisect_left(low), d.bisect_right(low), d.bisect(low)))
            self.both(lambda d: d.index(low))

    @rule(low=st.none() | st.integers(-5, 50), high=st.none() | st.integers(-5, 50), reverse=st.booleans())
    def slices(self, low: Any, high: Any, reverse: bool) -> None:
        self.both(lambda d: d.islice(low, high, reverse))

    @rule(steps=changes, keys=st.booleans(), backwards=st.booleans())
    def walk(self, steps: list[Change], keys: bool, backwards: bool) -> None:
        def ours(d: Any) -> Any:
            if keys:
                return d.irange(reverse=True) if backwards else iter(d)
            return reversed(d.items()) if backwards else iter(d.items())

        def mine() -> Any:
            return attempt(lambda: walked(self.d, ours(self.d), steps))

        expected = attempt(lambda: walked(self.model, places(self.model, keys=keys, backwards=backwards), steps))
        assert self.host.run(lambda root: mine()) == expected

    @rule(key=st.sampled_from(["a", None, 1j, (1,), float("nan"), List(), FrozenSet(), datetime(2020, 1, 1)]))
    def refused(self, key: Any) -> None:
        if len(self.model):
            with pytest.raises((TypeError, ValueError)):
                self.host.run(lambda root: self.d.__setitem__(key, 1))

    @rule(operation=st.sampled_from(["put_many", "delete_many", "clear", "popitem"]))
    def undone(self, operation: str) -> None:
        def body(root: Any) -> None:
            if operation == "put_many":
                self.d.update({key + 0.25: Dict() for key in range(100)})
            elif operation == "delete_many":
                for key in list(self.d)[::2]:
                    del self.d[key]
            elif operation == "clear":
                self.d.clear()
                self.d["a"] = 1
            else:
                while self.d:
                    self.d.popitem(0)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.host.run(body)

    @rule()
    def clear(self) -> None:
        self.both(lambda d: d.clear())

    @rule()
    def checkpoint(self) -> None:
        self.host.checkpoint()

    @rule()
    def evict(self) -> None:
        self.host.evict()

    @rule()
    def reopen(self) -> None:
        self.host.reopen()
        self.small()

    @invariant()
    def same(self) -> None:
        if self.model is not None and "d" in self.host.heap.root.names():
            assert len(self.d) == len(self.model)
            assert list(self.d.items()) == list(self.model.items())
            assert list(reversed(self.d)) == list(reversed(self.model))
            assert list(map(repr, self.d)) == list(map(repr, self.model))
            assert self.d == dict(self.model) and dict(self.model) == self.d


TestSortedDict = Rules.TestCase
TestSortedDict.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_texts_dates_and_tuples_have_their_order(host: Host) -> None:
    dates = [datetime(2021, 1, 1), datetime(2020, 1, 1)]
    for some in (["b", "a", "", "ab"], [(2, "a"), (1, "b"), (1, "a"), ()], dates):
        assert list(SortedDict.fromkeys(some)) == sorted(some)
    with pytest.raises(TypeError, match="compare"):
        SortedDict({datetime(2020, 1, 1): 1, datetime(2020, 1, 1, tzinfo=UTC): 2})


def test_what_is_looked_up_beside_a_walk_is_what_is_there(host: Host) -> None:
    """Lookups find what a walk came by without a search."""
    host["d"] = SortedDict({n: n for n in range(1000)})
    host.reopen()

    def each(change: Any) -> Any:
        d = host["d"]
        seen = []
        for key in d.irange(500, 600):
            change(d, key)
            seen.append((d.get(key), d[key], d[True], d[500.0]))
        return seen

    assert each(lambda d, key: None) == [(key, key, 1, 500) for key in range(500, 601)]
    assert host.run(lambda root: each(lambda d, key: d.__setitem__(key, -key))) == [
        (-key, -key, 1, -500) for key in range(500, 601)
    ]
    host.run(lambda root: [host["d"].pop(key) for key in list(host["d"].irange(550))])
    assert [key for key in range(500, 600) if key in host["d"]] == list(range(500, 550))
    assert host["d"][True] == 1
    for absent in ("a", None, 1j, 501 + 0j, float("nan"), (501,)):
        assert next(host["d"].irange(501)) == 501 and absent not in host["d"]
        with pytest.raises(KeyError):
            host["d"][absent]
    with pytest.raises(ZeroDivisionError):
        host.run(lambda root: [host["d"].__setitem__(key, 1 // (501 - key)) for key in host["d"].irange(500)])
    assert [host["d"][key] for key in host["d"].irange(500, 502)] == [-500, -501, -502]


def test_two_walks_at_once_see_what_is_there(host: Host) -> None:
    host["d"] = SortedDict({n * 1000: n for n in range(1000)})
    host.reopen()

    def body(root: Any) -> Any:
        d = host["d"]
        first = d.irange(500_000)
        assert d[next(first)] == 500
        d[501_000] = "changed"
        second = d.irange(600_000)
        assert d[next(second)] == 600
        key = next(first)  # of what it had taken before the change
        return key, d[key], d[next(second)], d[key]

    assert host.run(body) == (501_000, "changed", 601, "changed")


def test_what_is_kept_in_it_is_part_of_the_heap(host: Host) -> None:
    host["d"] = SortedDict({n: [n] for n in range(1000)})
    host.reopen()
    host.run(lambda root: host["d"][500].append(1))
    host.run(lambda root: host["d"].__setitem__(500.5, {"a": [1]}))
    host.reopen()
    assert host["d"][500] == [500, 1] and host["d"][500.5]["a"] == [1]
    assert repr(SortedDict(b=1, a=2)) == "SortedDict({'a': 2, 'b': 1})"
    with pytest.raises(TypeError, match="not supported between"):
        host["d"].index("a")
    with pytest.raises(RuntimeError, match="changed size"):
        host.run(lambda root: [host["d"].pop(key) for key in host["d"]])
    assert len(host["d"]) == 1001
