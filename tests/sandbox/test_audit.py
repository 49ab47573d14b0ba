"""Nothing is reachable that nobody reviewed, on this Python; and the crawl sees what it must never miss."""

from __future__ import annotations

import math
import re
from typing import Any

from sandbox import policy
from sandbox.library.typing import Form
from tests.sandbox import audit, corpus_calls
from tests.sandbox.host import Host


def test_nothing_is_reachable_that_nobody_reviewed() -> None:
    found = audit.crawl()
    assert sorted(found.wrong) == []
    assert audit.unreviewed(found) == {}, "look at each, then: python -m tests.sandbox.audit --review"
    # It went where it should: all states of the containers, what only calls give, every module.
    for label in (
        "heap dict (ghost)", "heap dict (clean)", "heap dict (free)",
        "builtins.generator", "builtins.property", "builtins.method", "datetime.datetime", "builtins.dict_itemiterator",
        "builtins.staticmethod", "builtins.KeyError", "function of the host", "module math", "sandbox.library.re.Match",
        "binascii.Error", "sandbox.library.hashlib.Hash", "datetime.IsoCalendarDate", "types.GenericAlias",
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


def test_everything_that_can_be_called_is() -> None:
    said = corpus_calls.SETUP + corpus_calls.SAMPLES
    names = {name for name in policy.BUILTINS if not re.search(rf"\b{name}\b", said)}
    for module in policy.MODULES:
        values = Host().library[module]
        names |= {
            f"{module}.{name}" for name in dir(values)
            if not policy.is_dunder(name) and not re.search(rf"\b{module}\.{name}\b", said)
            and callable(getattr(values, name)) and type(getattr(values, name)) is not Form
        }
    assert names == set()


def test_what_two_snippets_share_is_found() -> None:
    common: list[Any] = [[1]]
    again = [("y", common), ("z", [1]), ("f", len), ("c", int)]
    assert list(audit._shared([("x", common), ("f", len), ("c", int)], again)) == [common]
