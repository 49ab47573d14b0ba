"""LMDB's map grows under the engine, and nothing shows it: not the results, not the records."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options
from objserver.store import Store, environment

from .bench import Bench


def records(engine: Bench) -> list[tuple[bytes, bytes]]:
    store = engine.engine._store
    assert store is not None
    return store.scan(b"", b"\xff" * 20, 10**6)


@pytest.mark.parametrize("seed", range(3))
def test_checkpoints_that_find_the_map_full_are_written_again(
    make: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    grown = []
    grow = Store.grow
    monkeypatch.setattr(Store, "grow", lambda store: grown.append(store._map_size) or grow(store))
    options: dict[str, Any] = {"checkpoint_size": 1 << 18, "retention_size": 0, "cache_size": 1 << 20}
    twin = Bench(tmp_path / "twin", Options(**options))
    monkeypatch.setattr(environment, "MAP_SIZE", 1 << 16)
    engine = make(**options)
    try:
        for bench in (engine, twin):
            bench.eval("d = {}\nrows = []\nparts = {}")
        for number in range(40):
            source = chance.choice([
                "d.update({k: [k, 'x' * size] for k in range(first, first + 200)})\nlen(d)",
                "rows.extend({'n': n, 'text': 'y' * size} for n in range(first))\nlen(rows)",
                "parts[first] = 'z' * size * 300\nlist(parts)",
                "sum(len(d[k][1]) for k in list(d)[:first])",
                "for k in list(d)[::3]:\n  del d[k]\nlen(d)",
            ])  # fmt: skip
            first, size = chance.randrange(300), chance.randrange(200)
            assert engine.eval(source, first=first, size=size) == twin.eval(source, first=first, size=size)
            for _ in range(chance.randrange(12)):
                engine.engine.tend()
                twin.engine.tend()
            if number % 10 == 9:
                ended = chance.choice(["reopen", "crash", "crash_in_commit"])
                for bench in (engine, twin):
                    if ended == "crash_in_commit":  # which begins a checkpoint of its own
                        bench.engine.checkpoint()
                        bench.eval("rows.append({})")
                    getattr(bench, ended)()
        for bench in (engine, twin):
            bench.engine.checkpoint()
        assert records(engine) == records(twin)
        assert engine.query("[d, rows, parts]") == twin.query("[d, rows, parts]")
        assert len(grown) > 1
    finally:
        twin.kill()


def test_engine_that_is_killed_while_its_map_is_full_recovers(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "MAP_SIZE", 1 << 16)
    engine = make(checkpoint_count=100)
    engine.eval("d = {}")
    engine.eval("d.update({k: str(k) * 50 for k in range(3000)})")
    while (checkpoint := engine.engine._checkpoint) is None or not checkpoint.committing:
        engine.engine.tend()
    engine.crash()  # the writer waits for room, or has just met the end of the map
    assert engine.eval("d == {k: str(k) * 50 for k in range(3000)}")
    engine.engine.checkpoint()
    engine.reopen()
    assert engine.eval("d == {k: str(k) * 50 for k in range(3000)}")
