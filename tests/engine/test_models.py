"""The kit's model of SortedDict against the one of sortedcontainers, whose names and results ours has; its model of
`hash` against the language's."""

from __future__ import annotations

import collections
import copy
from typing import Any

import pytest
import sortedcontainers
from hypothesis import given, settings
from hypothesis import strategies as st

from .bench import Bench
from .graph import graph
from .models import SortedModel
from .operations import ARGUMENTS, HEAD, KINDS, MODEL, SETUP, Kind, our_words
from .test_containers import ATTRIBUTES, ROOTS, statements


def run(kind: Kind, text: str, size: int, given: dict[str, Any], cls: Any) -> Any:
    """Return the type of the exception or what there is afterwards."""
    body, _ = statements(text, 0)
    names = {**vars(collections), "__name__": "__main__", "SortedDict": cls, **copy.deepcopy(given)}
    exec(f"{SETUP}\nsize = {size}\nx = {kind.start}\ny = {kind.start}\nz = [x, [y]]\nout = None", names)
    try:
        exec(body, names)
    except Exception as error:
        return type(error)
    return graph({name: names[name] for name in ROOTS}, ATTRIBUTES)


# Changed while it is walked over, it raises nothing. Ours does, as dict. And it takes any key as the only one.
_OMITTED_OF_SORTED = ("\nout = []", "x[pool[p]] = ", "x[frozenset(items)] = ")


@given(st.data())
@settings(max_examples=300)
def test_model_of_a_sorted_dict_is_that_of_sortedcontainers(data: st.DataObject) -> None:
    kind = KINDS["SortedDict"]
    text = data.draw(
        st.sampled_from([text for text in kind.operations + kind.bulk if not text.startswith(_OMITTED_OF_SORTED)])
    )
    size = data.draw(st.sampled_from([0, 1, 3, 70]))
    _, used = statements(text, 0)
    strategies = ARGUMENTS | kind.arguments
    values = {numbered: data.draw(strategies[name], label=numbered) for name, numbered in used.items()}
    mine, theirs = (run(kind, text, size, values, cls) for cls in (SortedModel, sortedcontainers.SortedDict))
    assert mine == theirs


@pytest.mark.parametrize(
    "value",
    [
        "pool[0]", "pool[3]", "type(pool[0])(7)", "None", "set([6])",
        "(1, 'a')", "(1, pool[1])", "(1, [2])",
        "frozenset([3, (4,)])", "frozenset(pool[:2])", "frozenset([frozenset([5, pool[2]])])",
    ],
)  # fmt: skip
def test_model_of_hash_refuses_what_the_language_refuses(engine: Bench, value: str) -> None:
    """What hashes by its address: a set with such a member, and a `hash` of it, once were a difference of the kit."""
    text = (
        f"_key = {value}\ntry:\n    out = hash(_key) == hash(_key)\n"
        "except Exception as _error:\n    out = [type(_error).__name__, str(_error)]\n"
    )
    model = {**MODEL, **vars(collections), "__name__": "__main__"}
    exec(SETUP + text, model)
    found = engine.eval(HEAD + SETUP + text + "out")
    expected = model["out"]
    assert found == ([expected[0], our_words(expected[1])] if type(expected) is list else expected)
