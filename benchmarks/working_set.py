"""Working set: a tenth of the heap is read again and again, with a cache for a fifth of it and with one for all.

    load, stop  ->  start: read the set, walk over everything (some rounds), then timed: read the set

Objects are small dicts in one large dict. Reads are drawn in batches of keys, one query each, so that the way over the
socket counts little; between batches the server evicts. With the small cache everything that is read beside the set
has to make room again, and the set has to stay. The ratio of the two is what the bound costs.
"""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.documents import fill_objserver, user
from benchmarks.harness import BenchmarkFailed, Report, Spread, in_turn, ratio
from benchmarks.servers import Objserver, objserver

MIB: Final = 1 << 20
BATCH_COUNT: Final = 500

# A document with its entry in the large dict, as the server counts its memory, is some 1,000 bytes.
DOCUMENT_SIZE: Final = 1_100

READS: Final = """
def reads(ks):
    n = 0
    for k in ks:
        n += users[k]['age']
    return n
"""


@dataclass(frozen=True)
class Parameters:
    count: int
    known_rounds: int
    """Of reading the set three times and everything once, before the set is timed."""
    timed_rounds: int


SMALL: Final = Parameters(count=5_000, known_rounds=1, timed_rounds=1)
FULL: Final = Parameters(count=200_000, known_rounds=3, timed_rounds=3)


@dataclass(frozen=True)
class Run:
    cache_mb: int
    set_us: float
    """Microseconds a read, within the working set."""
    walk_us: float
    memory: int
    evicts: bool


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    count = parameters.count
    heap_mb = count * DOCUMENT_SIZE // MIB + 1
    report = Report("working_set", "a tenth of N small dicts, read at random after walks over all", asdict(parameters))
    data = folder / "working_set"
    with objserver(data) as server:
        fill_objserver(server, "users", count)
        with server.client() as client:
            client.eval(READS)
    caches = {"a fifth": max(1, heap_mb // 5), "all": 4 * heap_mb}
    found = in_turn({name: partial(measure, data, parameters, cache) for name, cache in caches.items()}, rounds)
    for name, runs in found.items():
        report.rows.append(
            {
                "cache for": name,
                "set us": Spread.of(one.set_us for one in runs),
                "ratio": ratio([one.set_us for one in runs], [one.set_us for one in found["all"]]),
                "walk us": Spread.of(one.walk_us for one in runs),
                "memory MiB": Spread.of(one.memory / MIB for one in runs),
            }
        )
        report.runs += [{"cache": name, **asdict(one)} for one in runs]
    report.notes.append("ratio: reads of the set with this cache, to those with all in memory")
    return report


def measure(data: Path, parameters: Parameters, cache_mb: int, number: int) -> Run:
    draw = random.Random(number)
    every = list(range(parameters.count))
    chosen = every[::10]
    with objserver(data, "--cache-mb", str(cache_mb), "--fuel", str(10**9)) as server:
        for _ in range(parameters.known_rounds):
            for _ in range(3):
                draw.shuffle(chosen)
                read(server, chosen)
            walk_us = read(server, every)
        set_us = []
        for _ in range(parameters.timed_rounds):
            draw.shuffle(chosen)
            set_us.append(read(server, chosen))
        with server.client() as client:
            loaded: Any = client.stats()["objects_loaded"]
        return Run(cache_mb, sum(set_us) / len(set_us), walk_us, server.memory()["total"], loaded < parameters.count)


def read(server: Objserver, numbers: list[int]) -> float:
    """Read a field of each of these documents; return the microseconds of one."""
    wanted = found = 0
    seconds = 0.0
    with server.client() as client:
        for first in range(0, len(numbers), BATCH_COUNT):
            batch = numbers[first : first + BATCH_COUNT]
            wanted += sum(user(number)["age"] for number in batch)
            keys = [str(number) for number in batch]
            began = time.perf_counter()
            found += client.query("reads(ks)", ks=keys)
            seconds += time.perf_counter() - began
    if found != wanted:
        raise BenchmarkFailed(f"reads of {len(numbers)} documents gave {found!r}, not {wanted!r}")
    return seconds / len(numbers) * 1e6
