"""Programs at random (tests/engine/programs.py), each run by two engines and then replayed by a third in a process of
its own: one that only ever runs, and one that evicts, checkpoints, stops and crashes on the way, with a little cache.
Every result is the same, and at the end every record that the root reaches, bit for bit."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from objserver.engine import Options, make_request
from tests.heap.reachable import reachable

from .bench import Bench
from .programs import Program
from .test_reclaim import check_notes

TEXT_COUNT = 90

REPLAY = """
import sys
from pathlib import Path
from objserver.engine import Options
from tests.engine.bench import Bench
from tests.engine.test_programs import SMALL, records
bench = Bench(Path(sys.argv[1]), Options(cache_size=int(sys.argv[2]), **SMALL))
print(*records(bench))
bench.kill()
"""

# A program may fill a container until the fuel ends.
SMALL: Any = {"durability": "none", "segment_size": 256 * 1024, "fuel": 20_000}


def records(bench: Bench) -> list[str]:
    """Return a line for each record that the root reaches: its key and a digest of it."""
    bench.engine.checkpoint()
    store = bench.engine._store
    assert store is not None
    check_notes(store)
    found = sorted(reachable(store).items())
    return [f"{key.hex()}:{hashlib.sha256(record).hexdigest()[:16]}" for key, record in found]


def disturb(bench: Bench, random: Random) -> None:
    """Do something that no snippet must notice."""
    heap = bench.engine._heap
    chosen = random.randrange(16)
    if chosen < 4:
        bench.engine.tend()
    elif chosen < 6:
        bench.tend()
    elif chosen < 10:
        while heap.evict(1):
            pass
        heap.eviction.sweep_at = 1
        for _ in range(3):
            heap.evict(1 << 40, count_max=1_000_000)
    elif chosen == 10:
        bench.reopen()
    elif chosen == 11:
        bench.crash()
    elif chosen == 12 and bench.engine._checkpoint is None:
        bench.crash_in_commit()
    elif chosen == 13:
        bench.engine.checkpoint()


@pytest.mark.parametrize("seed", range(8))
def test_a_program_computes_the_same_whatever_happens_between_its_texts(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    # What is drawn comes from the place in the log, which checkpoints move: with draws there is only the replay.
    draws = seed % 4 == 3
    options = Options(
        cache_size=random.choice([1, 5_000, 50_000]), checkpoint_count=random.choice([1, 20, 100_000]),
        checkpoint_size=random.choice([1, 5_000, 1 << 26]), **SMALL,
    )
    steady, disturbed = Bench(tmp_path / "steady", Options(**SMALL)), Bench(tmp_path / "disturbed", options)
    program = Program(seed, draws=draws)
    first = program.first()
    try:
        for text in first + [program.text() for _ in range(TEXT_COUNT)]:
            kind: Any = "query" if text not in first and random.random() < 0.08 else "eval"
            request = make_request(kind, text, {}, [], random.choice([None, None, 2]))
            outcomes = [bench.run(request)[0] for bench in ((disturbed,) if draws else (steady, disturbed))]
            # The same value, fault and output; where in the log it was differs.
            assert len({(value, fault, output) for value, fault, _, output in outcomes}) == 1, text
            if random.random() < 0.6:
                disturb(disturbed, random)
        kept = records(disturbed)
        if not draws:
            assert records(steady) == kept
        disturbed.engine.close()
    finally:
        steady.kill()
        disturbed.kill()
    (tmp_path / "replayed").mkdir()
    shutil.copytree(tmp_path / "disturbed" / "log", tmp_path / "replayed" / "log")
    run = subprocess.run(
        [sys.executable, "-c", REPLAY, str(tmp_path / "replayed"), str(random.choice([1, 20_000, 1 << 30]))],
        env={**os.environ, "PYTHONHASHSEED": str(seed * 7)}, capture_output=True, text=True, check=False,
    )
    assert run.stdout.split() == kept, run.stderr
