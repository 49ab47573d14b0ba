"""Emptying from the front: the order is that of CPython's OrderedDict, whatever else happens to the container."""

from __future__ import annotations

from collections import OrderedDict as Model
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.heap import OrderedDict, Set

KEYS = range(200)
STEPS = st.lists(st.tuples(st.sampled_from("ppppppaadr"), st.sampled_from(KEYS)), max_size=400)


@given(STEPS)
@settings(deadline=None)
def test_ordered_dict_gives_its_first_entries_in_order(steps: list[tuple[str, int]]) -> None:
    found, model = OrderedDict.fromkeys(KEYS), Model.fromkeys(KEYS)
    changes: dict[str, Callable[[Any, int], object]] = {
        "p": lambda it, key: it.popitem(last=False) if it else None,
        "a": lambda it, key: it.update({key: key}),
        "d": lambda it, key: it.pop(key, None),
        "r": lambda it, key: it.move_to_end(key, last=key % 2 == 0) if key in it else it.popitem() if it else None,
    }
    for name, key in steps:
        assert changes[name](found, key) == changes[name](model, key)
    assert list(found.items()) == list(model.items())


@given(STEPS)
@settings(deadline=None)
def test_set_gives_its_first_members_in_order(steps: list[tuple[str, int]]) -> None:
    found, model = Set(KEYS), Model.fromkeys(KEYS)
    for name, key in steps:
        if name == "p":
            if model:
                assert found.pop() == model.popitem(last=False)[0]
        elif name == "a":
            found.add(key)
            model.setdefault(key)
        elif name == "d":
            found.discard(key)
            model.pop(key, None)
        elif key % 3:
            found -= {key}
            model.pop(key, None)
        elif key in model:
            found.remove(key)
            del model[key]
    assert list(found) == list(model)


def test_key_whose_hash_raises_stays_the_first() -> None:
    class Key:
        broken = False

        def __hash__(self) -> int:
            if Key.broken:
                raise ValueError("broken")
            return 1

    first = Key()
    found = Set([first, *KEYS])
    Key.broken = True
    with pytest.raises(ValueError, match="broken"):
        found.pop()
    Key.broken = False
    assert found.pop() is first
    assert found.pop() == 0
