from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options
from objserver.heap.reclaim import PENDING, Note, Pair, Reclaim
from objserver.heap.records import LIBRARY_OID
from objserver.heap.references import references

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
    and nothing is written that is dead."""
    account = Reclaim.account

    def checked(self: Reclaim, note: Note) -> Pair:
        mentioned = {oid for oid in note.mentioned if oid < LIBRARY_OID}
        assert mentioned - {note.oid} == references(note.record) - {note.oid}, note
        assert note.oid not in self._written, f"{note} is written twice"
        assert self._store.get(self._pager.key(PENDING, note.oid)) is None, f"{note} is dead"
        return account(self, note)

    monkeypatch.setattr(Reclaim, "account", checked)
