"""What another history lacks is written down in full, and never over what was written before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from objserver.engine import Options
from objserver.replication.history import save_lost
from tests.engine.bench import Bench


def snippets(path: Path | None) -> list[tuple[str, Any]]:
    assert path is not None
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [(item["code"], json.loads(item["args"])) for entry in entries for item in entry["snippets"]]


def test_lost_entries_have_their_code_wherever_in_the_log_it_stands(tmp_path: Path) -> None:
    """It stands in the first entry after a checkpoint alone; others have its digest."""
    bench = Bench(tmp_path, Options(durability="none"))
    bench.eval("n = start", start=0)
    for number in range(3):
        bench.eval("n += by", by=number)
    seq = bench.engine.seq
    for number in range(3, 6):
        bench.eval("n += by", by=number)
    bench.engine.checkpoint()
    bench.eval("n += by", by=6)
    expected = [("n += by", {"by": number}) for number in range(3, 7)]
    assert snippets(save_lost(bench.engine, seq)) == expected
    bench.crash()  # and the texts in memory
    assert snippets(save_lost(bench.engine, seq)) == expected
    bench.kill()


def test_lost_entries_are_written_once_and_replace_no_others(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Options(durability="none"))
    bench.eval("n = 0")
    bench.eval("n = 1")
    first = save_lost(bench.engine, 1)
    assert save_lost(bench.engine, 1) == first
    assert first is not None
    first.write_text("of another history\n")
    second = save_lost(bench.engine, 1)
    assert snippets(second) == [("n = 1", {})]
    assert first.read_text() == "of another history\n"
    assert sorted(path.name for path in (tmp_path / "lost").iterdir()) == ["entries-2-2-2.jsonl", "entries-2-2.jsonl"]
    bench.kill()
