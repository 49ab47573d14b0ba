"""Start-up: a heap of N objects, cleanly stopped; the time from exec to the `ready` line, and memory at that moment.

The heap is not read at start, so neither may grow with N. The first read afterwards is timed as well, so that work
put off from start-up to the first client would show. The files are in the page cache, as after a restart.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.documents import BATCH_COUNT, batches, user
from benchmarks.harness import BenchmarkFailed, Report, Spread, disk_size, in_turn
from benchmarks.servers import Objserver, objserver

MIB: Final = 1 << 20


@dataclass(frozen=True)
class Parameters:
    counts: tuple[int, ...]


SMALL: Final = Parameters(counts=(10, 600))
FULL: Final = Parameters(counts=(1_000, 10_000, 100_000, 1_000_000))


@dataclass(frozen=True)
class Start:
    ready_seconds: float
    memory_total: int
    memory_anonymous: int
    first_read_seconds: float


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    report = Report("startup", "a cleanly stopped heap of N dicts, from exec to ready", asdict(parameters))
    for count in parameters.counts:
        with objserver(data(folder, count)) as server:
            build(server, count)
    found = in_turn({str(count): partial(start, folder, count) for count in parameters.counts}, rounds)
    for count in parameters.counts:
        starts = found[str(count)]
        report.rows.append(
            {
                "objects": count,
                "ready s": Spread.of(one.ready_seconds for one in starts),
                "memory MiB": Spread.of(one.memory_total / MIB for one in starts),
                "not mapped MiB": Spread.of(one.memory_anonymous / MIB for one in starts),
                "first read ms": Spread.of(one.first_read_seconds * 1000 for one in starts),
                "disk MiB": disk_size(data(folder, count)) / MIB,
            }
        )
        report.runs += [{"objects": count, **asdict(one)} for one in starts]
    return report


def data(folder: Path, count: int) -> Path:
    return folder / f"startup-{count}"


def build(server: Objserver, count: int) -> None:
    """Keep `count` user records under the root `groups`, a list of dicts of up to `BATCH_COUNT` records."""
    with server.client() as client:
        client.eval("groups = []")
        for batch in batches("users", count):
            client.eval("groups.append(batch)", batch=batch)


def start(folder: Path, count: int, _round: int) -> Start:
    """Start the server on a heap that `build` made, read the last record, stop it."""
    last = count - 1
    with objserver(data(folder, count)) as server:
        memory = server.memory()
        with server.client() as client:
            began = time.perf_counter()
            found = client.query("groups[group][key]", group=last // BATCH_COUNT, key=str(last))
            seconds = time.perf_counter() - began
    if found != user(last):
        raise BenchmarkFailed(f"of {count} records the last was read as {found!r}")
    return Start(server.ready_seconds, memory["total"], memory["anonymous"], seconds)
