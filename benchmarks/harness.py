"""What every benchmark does the same way: compile and run the load generator, take rounds in turn, report.

    benchmark -> Workload -> Load (a loadgen process) -> Figures -> Spread over the rounds -> Report -> table, JSON

A figure is the median of its rounds, printed with the least and the greatest. What is compared is measured in turn,
round by round, and a ratio is taken within each round: the speed of a machine drifts, and hits both sides of a pair.

Promise: a figure stands in a report only when every reply behind it was checked and right.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

HERE: Final = Path(__file__).parent
BUILD: Final = HERE / "build"
RESULTS: Final = HERE / "results"
COMPILER_OPTIONS: Final = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")

HOW_TO_GET_A_COMPILER: Final = "no C compiler; on Debian: apt install gcc libc6-dev"

Measured = TypeVar("Measured")


class BenchmarkFailed(Exception):
    """A server or the load generator did not do what the measurement needs; there is no figure."""


class Missing(Exception):
    """What a comparison needs is not installed; the message names it and says how to get it."""


@dataclass(frozen=True)
class Request:
    """What the load generator sends, and what the reply must contain; `benchmarks/loadgen.c` tells the syntax."""

    template: str
    expect: str | None = None


@dataclass(frozen=True)
class Workload:
    """The requests, which take turns, and the keys in them."""

    protocol: str
    requests: tuple[Request, ...]
    key_count: int | None = None
    key_file: Path | None = None
    key_order: str = "random"
    statement: str | None = None
    """PostgreSQL's, run once in each connection before anything is measured."""

    @classmethod
    def request(cls, method: str, params: Mapping[str, object], *, expect: str | None = None, **keys: Any) -> Workload:
        """One request to objserver; `keys` are the fields below `requests`."""
        return cls("objserver", (Request(message(method, params), expect),), **keys)


def message(method: str, params: Mapping[str, object]) -> str:
    """A template of a request to objserver."""
    return f'{{"jsonrpc":"2.0","id":{{{{id}}}},"method":"{method}","params":{json.dumps(params)}}}'


@dataclass(frozen=True)
class Target:
    """A running server and how the workload is told to it."""

    address: str
    workload: Workload


@dataclass(frozen=True)
class Shape:
    """How many clients, and how many requests each keeps in flight."""

    connections: int
    pipeline: int


@dataclass(frozen=True)
class Figures:
    """One run of the load generator. Latencies in microseconds by percentile, and `max`."""

    requests: int
    seconds: float
    throughput: float
    latency_us: Mapping[str, float]
    bytes_sent: int
    bytes_received: int
    cpu_seconds: float
    by_template: Sequence[int]
    """How many requests of each template, in their order."""


@dataclass(frozen=True)
class Spread:
    """A median and how far the rounds lay from it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def __str__(self) -> str:
        around = f" ({readable(self.low)} .. {readable(self.high)})" if self.low < self.high else ""
        return readable(self.median) + around


Cell = str | int | float | Spread


@dataclass
class Report:
    """A benchmark's result: what was done, a table, and every run behind it."""

    name: str
    workload: str
    parameters: Mapping[str, object]
    rows: list[dict[str, Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    runs: list[dict[str, object]] = field(default_factory=list)

    def table(self) -> str:
        """The rows in columns, as text; a column is as wide as its widest cell."""
        columns = list(dict.fromkeys(column for row in self.rows for column in row))
        lines = [columns, *([readable(row.get(column, "-")) for column in columns] for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
        table = "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        return "\n".join([f"{self.name}: {self.workload}", "", table, "", *(f"- {note}" for note in self.notes)])

    def write(self, folder: Path, machine: Mapping[str, object]) -> Path:
        """Keep everything as JSON under `folder`, named by benchmark and time (UTC); return the file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
        path.write_text(json.dumps({"machine": machine, **asdict(self)}, indent=1) + "\n")
        return path


def readable(value: Cell) -> str:
    """A number with the digits that mean something; anything else as it is."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def compiler() -> str | None:
    """The C compiler of this machine."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def compile_loadgen(folder: Path = BUILD) -> Path:
    """Compile the load generator into `folder` unless it is there and newer than its source; return the program.

    Raises:
        Missing: there is no C compiler.
        BenchmarkFailed: it does not compile.
    """
    program = folder / "loadgen"
    changed = max(path.stat().st_mtime_ns for path in HERE.glob("loadgen*.[ch]"))
    if program.exists() and program.stat().st_mtime_ns >= changed:
        return program
    found = compiler()
    if found is None:
        raise Missing(HOW_TO_GET_A_COMPILER)
    folder.mkdir(parents=True, exist_ok=True)
    # Under a name of its own until it is whole: another process may be about to start it.
    fresh = folder / f"loadgen.{os.getpid()}"
    words = [found, *COMPILER_OPTIONS, "-o", str(fresh), *map(str, sorted(HERE.glob("loadgen*.c")))]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise BenchmarkFailed(f"the load generator does not compile:\n{done.stderr}")
    return fresh.replace(program)


class Load:
    """A running load generator. It ends by itself after `requests` or `seconds`, or early by `stop`."""

    def __init__(
        self,
        target: Target,
        shape: Shape,
        *,
        requests: int | None = None,
        seconds: float | None = None,
        seed: int = 1,
    ) -> None:
        options = {
            "protocol": target.workload.protocol,
            "address": target.address,
            "key-count": target.workload.key_count,
            "key-file": target.workload.key_file,
            "statement": target.workload.statement,
            "key-order": target.workload.key_order,
            "connections": shape.connections,
            "pipeline": shape.pipeline,
            "requests": requests,
            "seconds": seconds,
            "seed": seed,
        }
        given = list(options.items())
        for request in target.workload.requests:
            given += [("template", request.template), ("expect", request.expect)]
        words = [word for name, value in given if value is not None for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [compile_loadgen(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        """Let what is in flight be answered, then end."""
        self._process.send_signal(signal.SIGTERM)

    def running(self) -> bool:
        return self._process.poll() is None

    def figures(self) -> Figures:
        """Wait for the end and return what was measured.

        Raises:
            BenchmarkFailed: a reply was an error or not the expected one, or the protocol was broken.
        """
        output, complaint = self._process.communicate()
        try:
            found: dict[str, Any] = json.loads(output)
        except ValueError:
            raise BenchmarkFailed(complaint.strip() or f"loadgen ended with {self._process.returncode}") from None
        faults = found.pop("errors"), found.pop("wrong"), found.pop("first_error")
        if self._process.returncode:
            raise BenchmarkFailed(
                f"of {found['requests']} replies {faults[0]} were errors and {faults[1]} not the expected ones; "
                f"the first: {faults[2]}"
            )
        return Figures(**found)


def in_turn(
    contenders: Mapping[str, Callable[[int], Measured]], rounds: int
) -> dict[str, list[Measured]]:
    """Measure every contender once a round, for `rounds` rounds; each is called with the round's number, from 1.

    Every other round goes backwards, so that nobody always runs on the machine that another one has heated.
    """
    found: dict[str, list[Measured]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name in list(contenders)[:: 1 if number % 2 else -1]:
            found[name].append(contenders[name](number))
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The ratios within each round."""
    return Spread.of(a / b for a, b in zip(above, below, strict=True))


def disk_size(folder: Path) -> int:
    """Bytes that the files under `folder` occupy; a sparse file counts what is allocated."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def machine_facts(folder: Path) -> dict[str, object]:
    """What a reader must know before comparing: processor, memory, kernel, the file system of `folder`, versions."""
    processor = _first_value("/proc/cpuinfo", "model name") or platform.processor()
    memory_kib = (_first_value("/proc/meminfo", "MemTotal") or "0").split()[0]
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    redis = shutil.which("redis-server")
    version = subprocess.run([redis, "--version"], capture_output=True, text=True).stdout if redis else ""
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory_kib) // 1024,
        "kernel": platform.release(),
        "file_system": max(holding)[1],
        "python": platform.python_version(),
        "redis": next((word[2:] for word in version.split() if word.startswith("v=")), "not installed"),
        "load_average": os.getloadavg()[0],
    }


def _first_value(path: str, name: str) -> str | None:
    lines = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
