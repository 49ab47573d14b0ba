from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options
from objserver.heap.reclaim import PENDING, Note, Pair, Reclaim
from objserver.heap.records import LIBRARY_OID, record_key
from objserver.heap.references import mention_the_same, references

from .bench import Bench


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Return a function that opens an engine on one folder, again and again."""
    made: list[Bench] = []

    def make(**options: Any) -> Bench:
        made.append(Bench(tmp_path / "data", Options(**options)))
        return made[-1]

    yield make
    for bench in made:
        bench.kill()


@pytest.fixture
def engine(make: Callable[..., Bench]) -> Bench:
    return make()


@pytest.fixture(autouse=True)
def accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test keeps: what its record is said to refer to when it is packed is what is found in its bytes later,
    a look at two records tells nothing else, and nothing is written that is dead."""
    account = Reclaim.account

    def checked(self: Reclaim, notes: list[Note]) -> list[Pair]:
        for oid, record, _, mentioned in notes:
            found = references(record) - {oid}
            assert {each for each in mentioned if each < LIBRARY_OID} == found, (oid, record)
            assert oid not in self._written, f"{oid} is written twice"
            assert self._store.get(self._pager.key(PENDING, oid)) is None, f"{oid} is dead"
            old = self._store.get(record_key(oid)) if oid < self.bound else None
            if old is not None and mention_the_same(old, record, mentioned):
                assert references(old) - {oid} == found, (oid, old, record)
        assert len({oid for oid, _, _, _ in notes}) == len(notes)
        return account(self, notes)

    monkeypatch.setattr(Reclaim, "account", checked)
