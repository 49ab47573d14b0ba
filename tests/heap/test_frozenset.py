"""frozenset of the heap: CPython's results and types, in insertion order, as a value that is stored inline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import NotStorable
from objserver.heap import FrozenSet, Set

from .host import Host

members = st.one_of(st.integers(-3, 9), st.sampled_from(["a", "b", ""]), st.tuples(st.integers(0, 2)), st.none())
lists = st.lists(members, max_size=6)
OPERATORS = "| & - ^ == != < <= > >= |= &= -= ^=".split()
METHODS = "union intersection difference symmetric_difference isdisjoint issubset issuperset".split()
KINDS = {"set": set, "frozenset": frozenset}
OURS: dict[str, Any] = {"set": Set, "frozenset": FrozenSet}


def plain(value: Any) -> Any:
    """Return what compares with a result of CPython's: its type and value."""
    if isinstance(value, Set):
        return "set", set(value)
    return ("frozenset", set(value)) if isinstance(value, FrozenSet) else value


@given(st.sampled_from(OPERATORS), st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)), lists, lists)
def test_operator_gives_what_pythons_gives(operator: str, left: str, right: str, first: Any, second: Any) -> None:
    results = []
    for kinds in (KINDS, OURS):
        names: dict[str, Any] = {"left": kinds[left](first), "right": kinds[right](second)}
        names["before"] = names["left"]
        if operator.endswith("=") and operator[0] in "|&-^":
            exec(f"left {operator} right\nresult = left, left is before", names)
            result, same = names["result"]
            results.append((plain(result), same))
        else:
            results.append(plain(eval(f"left {operator} right", names)))
    # Which of two equal frozensets an in-place operator gives back is CPython's affair.
    if operator.endswith("=") and left == "frozenset" and operator[0] in "|&-^":
        results = [result for result, _ in results]
    assert results[0] == results[1]


@given(st.sampled_from(METHODS), st.sampled_from(sorted(KINDS)), lists, lists, st.booleans())
def test_method_gives_what_pythons_gives(method: str, kind: str, first: Any, second: Any, wrapped: bool) -> None:
    theirs = getattr(KINDS[kind](first), method)(frozenset(second) if wrapped else second)
    mine = getattr(OURS[kind](first), method)(FrozenSet(second) if wrapped else second)
    assert plain(mine) == plain(theirs)


@given(lists, st.randoms())
def test_equal_frozensets_hash_alike_and_keep_their_order(items: list[Any], random: Any) -> None:
    first = FrozenSet(items)
    shuffled = random.sample(items, len(items))
    second = FrozenSet(shuffled)
    assert first == second == frozenset(items) and hash(first) == hash(second) == hash(frozenset(items))
    assert list(first) == list(dict.fromkeys(items)) and list(second) == list(dict.fromkeys(shuffled))
    assert {first: 1}[second] == 1 and {frozenset(items): 1}[first] == 1
    assert len(first) == len(set(items)) and all(item in first for item in items)
    assert first.copy() is first


@given(lists)
def test_it_is_the_same_after_a_restart_wherever_it_was_kept(items: list[Any]) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        try:
            made = FrozenSet(items)
            host["f"] = made
            host["d"] = {made: (made, [made])}
            host["s"] = Set([made, FrozenSet([made])])
            host.reopen()
            for found in (host["f"], next(iter(host["d"])), host["d"][made][0], host["d"][made][1][0]):
                assert type(found) is FrozenSet and found == made and list(found) == list(made)
            assert made in host["s"] and FrozenSet([made]) in host["s"] and repr(host["f"]) == repr(made)
        finally:
            host.close()


def test_members_may_be_objects_of_the_heap(host: Host) -> None:
    cls = host.define("class C:\n    pass\n", "C")
    one = cls()
    host["f"] = FrozenSet([one, (one, 2)])
    host["o"] = one
    host.reopen()
    assert list(host["f"]) == [host["o"], (host["o"], 2)] and host["o"] in host["f"]
    with pytest.raises(NotStorable, match="f is a lambda"):
        host["f"] = FrozenSet([lambda: 1])
    with pytest.raises(NotStorable, match="nan"):
        host["d"] = {FrozenSet([float("nan")]): 1}
    host["n"] = FrozenSet([float("nan")])
    host.reopen()
    assert next(iter(host["n"])) in host["n"]


def test_set_is_looked_for_as_the_frozenset_it_equals() -> None:
    inner = FrozenSet([1, 2])
    for outer in (Set([inner]), FrozenSet([inner])):
        assert Set([2, 1]) in outer and Set([1]) not in outer and {1, 2} in outer
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            [] in outer  # noqa: B015
    outer = Set([inner, 1])
    outer.discard(Set([1]))
    outer.remove(Set([1, 2]))
    assert list(outer) == [1]
    with pytest.raises(TypeError, match="unhashable type: 'dict'"):
        outer.discard({})


def test_it_cannot_be_changed() -> None:
    for change in ("f.x = 1", "f |= [1]", "f.add(1)", "del f[0]", "type(f).x = 1"):
        with pytest.raises((AttributeError, TypeError)):
            exec(change, {"f": FrozenSet([1])})
    assert repr(FrozenSet()) == "frozenset()" and isinstance(frozenset(), FrozenSet)
    assert not isinstance(FrozenSet(), Set) and not isinstance(set(), FrozenSet)
    assert FrozenSet.union(FrozenSet([1]), [2]) == FrozenSet([1, 2])
    with pytest.raises(TypeError, match="not reversible"):
        reversed(FrozenSet())  # type: ignore[call-overload]
