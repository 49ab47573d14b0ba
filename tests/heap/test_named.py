"""Named tuples of the heap against CPython's: calls, messages, methods; one class for one name, fields and defaults."""

from __future__ import annotations

import collections
import gc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import NotStorable
from objserver.heap import FrozenSet, NamedTuple, make_named_tuple

from .host import Host

FIELDS = ["x", "y", "count", "index"]
calls = st.tuples(
    st.integers(0, 4), st.lists(st.integers(), max_size=3), st.lists(st.integers(), max_size=6),
    st.dictionaries(st.sampled_from([*FIELDS, "cls", "z"]), st.integers(), max_size=4),
)  # fmt: skip


def both(count: int, defaults: list[Any]) -> tuple[Any, Any]:
    fields = FIELDS[:count]
    defaults = defaults[:count]
    return (
        make_named_tuple("P", tuple(fields), tuple(defaults)), collections.namedtuple("P", fields, defaults=defaults)
    )  # fmt: skip


def outcome(function: Any, *args: Any, **keywords: Any) -> Any:
    try:
        result = function(*args, **keywords)
    except Exception as error:
        return type(error), str(error)
    return type(result).__name__, list(result), repr(result)


@given(calls)
def test_call_gives_what_pythons_gives_or_says_the_same(call: Any) -> None:
    count, defaults, args, keywords = call
    mine, theirs = both(count, defaults)
    found, expected = outcome(mine, *args, **keywords), outcome(theirs, *args, **keywords)
    if found[0] is TypeError and len(args) > count:
        assert expected[0] is TypeError  # with several faults at once CPython may speak of another one
    elif found[0] is TypeError:
        assert expected[0] is TypeError and expected[1].startswith(found[1])  # 3.13 has a suggestion
    else:
        assert found == expected
    for name in ("_make", "_replace"):
        if name == "_make":
            assert outcome(mine._make, args) == outcome(theirs._make, args)
        elif len(args) == count:
            one, other = mine(*args), theirs(*args)
            assert outcome(one._replace, **keywords) == outcome(other._replace, **keywords)
            assert one == other == tuple(args) and hash(one) == hash(tuple(args))
            assert one._asdict() == other._asdict() and list(one._asdict()) == list(other._asdict())
            assert mine._field_defaults == theirs._field_defaults and one._fields == other._fields
            assert [getattr(one, name) for name in one._fields] == [getattr(other, name) for name in other._fields]
            assert one[:1] == other[:1] and type(one + ()) is tuple and isinstance(one, tuple)
            assert type(one * 2) is tuple and one * 2 == other * 2
            assert mine.__doc__ == theirs.__doc__ and mine.__match_args__ == theirs.__match_args__


def test_class_is_one_for_one_name_fields_and_defaults() -> None:
    first = make_named_tuple("P", ("x",), (1,))
    assert first is make_named_tuple("P", ("x",), (1,))
    for other in (
        make_named_tuple("P", ("x",), (True,)), make_named_tuple("P", ("x",), (1.0,)), make_named_tuple("P", ("x",)),
        make_named_tuple("Q", ("x",), (1,)), make_named_tuple("P", ("y",), (1,)),
    ):  # fmt: skip
        assert other is not first
    deep = (((), FrozenSet([1, (2, first(3))])), float("nan"), None)
    assert make_named_tuple("P", ("x", "y", "z"), deep) is make_named_tuple("P", ("x", "y", "z"), deep)


def test_class_and_values_survive_a_restart(host: Host) -> None:
    cls = make_named_tuple("Point", ("x", "y"), (None,))
    shared: list[Any] = [1]
    rows = [cls(shared), {cls(1, 2): (cls(3, float("nan")),)}, shared, cls(1, shared), cls]
    host["all"] = rows
    del cls, rows
    gc.collect()
    host.reopen()
    rows = host["all"]
    p, cls = rows[3:]
    assert type(p) is cls and type(rows[0]) is cls and issubclass(cls, NamedTuple) and cls._fields == ("x", "y")
    assert p.y is rows[0].x is rows[2] and rows[1][(1, 2)][0].x == 3 and cls(7) == (7, None)
    host.run(lambda root: p.y.append(2))
    assert rows[2] == [1, 2] and repr(p) == "Point(x=1, y=[1, 2])"


def test_what_cannot_be_kept_says_so(host: Host) -> None:
    open_ended = make_named_tuple("T", ("x",), ([],))
    for value in (open_ended, open_ended(1)):
        with pytest.raises(NotStorable, match=r"t\['a'\].*the named tuple 'T' has a default that can change"):
            host["t"] = {"a": value}
    with pytest.raises(NotStorable, match="t is a lambda"):
        host["t"] = make_named_tuple("T", ("x",))(lambda: 1)


def test_class_cannot_be_changed_and_repeats_within_bounds() -> None:
    cls = make_named_tuple("P", ("x",))
    for change in ("P.x = 1", "del P.x", "P(1).x = 2", "P(1).z = 2", "del P(1).x", "P(1)[0] = 2"):
        with pytest.raises((AttributeError, TypeError)):
            exec(change, {"P": cls})
    with pytest.raises(OverflowError):
        cls(1) * 10**8
    cls._field_defaults["x"] = 1
    assert cls._field_defaults == {}
    match cls(5):
        case cls(x):
            assert x == 5
