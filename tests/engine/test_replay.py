"""The same snippets give the same heap, bit for bit, in processes that differ in all that must not matter: hash seed,
cache, checkpoints, start time, and what was restarted, crashed or evicted on the way.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def work(hash_seed: int, *words: object) -> str:
    changed = {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT), "TZ": ["UTC", "Asia/Tokyo"][hash_seed % 2]}
    command = [sys.executable, "-m", "tests.engine.replay_worker", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | changed)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(folder: Path, seed: int, count: int) -> None:
    ways = [(1 << 30, 1_000_000, 1), (1, 7, 2), (20_000, 100, 3)]
    ran = {
        way: work(number, "run", folder / f"run{number}", seed, count, *way) for number, way in enumerate(ways, 1)
    }
    assert len(set(ran.values())) == 1, ran
    # One log, replayed.
    work(9, "run", folder / "log", seed, count, 1 << 30, 300, 0)
    replayed = {}
    for number, (cache, start) in enumerate([(1 << 30, 1), (1, 1 << 60), (50_000, 1_700_000_000_000_000_000)], 20):
        shutil.copytree(folder / "log", folder / f"copy{number}")
        replayed[cache] = work(number, "replay", folder / f"copy{number}", cache, start)
    assert len(set(replayed.values())) == 1, replayed


def test_snippets_give_the_same_heap_whatever_else_differs(tmp_path: Path) -> None:
    check(tmp_path, 1, 400)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_thousands_of_snippets_give_the_same_heap(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, 3_000)
