"""A walk over a large list that changes under it goes on as CPython's does; so do reads by index beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.heap import List

from .host import Host

COUNT = 300

# At every so many steps of the walk: what is done, and where, by how many places from the item that the walk is at.
steps = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.sampled_from(["set", "insert", "delete", "append", "pop", "reverse", "swap", "clear", "many"]),
        st.integers(-80, 80),
    ),
    max_size=4,
)


def change(items: Any, do: str, place: int) -> None:
    count = len(items)
    if do == "append":
        items.append(place)
    elif do == "insert":
        items.insert(place, place)
    elif do == "many":
        items[place % (count + 1) : place % (count + 1)] = range(40)
    elif not count:
        return
    elif do == "set":
        items[place % count] = -place
    elif do == "delete":
        del items[place % count]
    elif do == "pop":
        items.pop()
    elif do == "reverse":
        items[:] = items[::-1]
    elif do == "swap":
        items[0], items[-1] = items[-1], items[0]
    else:
        items[5:] = []


def seen(items: Any, walk: Any, steps: list[tuple[int, str, int]]) -> list[Any]:
    found: list[Any] = []
    for at, item in enumerate(walk):
        if at == 2 * COUNT:
            break
        found.append(item)
        for every, do, distance in steps:
            if at % every == every - 1:
                change(items, do, item + distance)
        if items:
            found.append((items[at % len(items)], items[-1 - at % len(items)]))
        if at % 60 == 0:
            found.append((item in items, items.count(item), 7.5 in items, items.copy()))
    return found


@given(steps=steps, backwards=st.booleans(), again=st.booleans())
@settings(max_examples=60, deadline=None)
def test_walk_goes_on_while_the_list_changes(
    steps: list[tuple[int, str, int]], backwards: bool, again: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        host["l"] = List(range(COUNT))
        if again:
            host.reopen()
        plain = list(range(COUNT))

        def walk(items: Any) -> Any:
            return reversed(items) if backwards else iter(items)

        expected = seen(plain, walk(plain), steps)
        assert host.run(lambda root: seen(host["l"], walk(host["l"]), steps)) == expected
        assert host["l"] == plain
        host.close()
