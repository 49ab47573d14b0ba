"""Nothing is reachable that nobody reviewed, on this Python; and the crawl sees what it must never miss."""

from __future__ import annotations

import math
from typing import Any

from tests.sandbox import audit


def test_nothing_is_reachable_that_nobody_reviewed() -> None:
    found = audit.crawl()
    assert sorted(found.wrong) == []
    assert audit.unreviewed(found) == {}, "look at each, then: python -m tests.sandbox.audit --review"
    # It went where it should: all states of the containers, what only calls give, every module.
    for label in (
        "heap dict (ghost)", "heap dict (clean)", "heap dict (free)", "heap dict (logged)", "heap list (logged)",
        "builtins.generator", "builtins.property", "builtins.method", "datetime.datetime", "builtins.dict_itemiterator",
        "builtins.staticmethod", "builtins.KeyError", "function of the host", "module math",
    ):
        assert found.names[label], label


def test_a_host_class_that_takes_attributes_is_found() -> None:
    class Open:
        pass

    for value in (Open, Open()):
        found = audit.Findings()
        audit._probe(value, "x", found)
        assert found.wrong
    found = audit.Findings()
    values: list[Any] = [1, int, "a", print, [].append, property()]
    for value in values:
        audit._probe(value, "x", found)
    assert found.wrong == set()
    assert isinstance(math, audit.NEVER)
