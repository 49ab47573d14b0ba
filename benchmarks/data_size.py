"""What the size of the data costs: a point read in a dict of 1,000 to 300,000 records, in microseconds, side by side.

The work is `point_read` of `workloads.py`, with many connections. What is told is 1 / throughput: what one request
costs a server that always has the next one waiting. Limits of memory are those of `peers.py`, objserver's its default.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness import Figures, Missing, Report, Shape, Spread, in_turn
from benchmarks.systems import System, start
from benchmarks.workloads import POINT_READ_SMALL

# PL/Python adds nothing here, ZEO's clients answer from their own caches, and the floor has none to ask.
TAKING_PART: Final = ("objserver", "redis", "tarantool", "postgresql", "memcached")


@dataclass(frozen=True)
class Parameters:
    counts: tuple[int, ...]
    shape: Shape
    seconds: float


SMALL: Final = Parameters((20, 200), Shape(4, 1), 0.05)
FULL: Final = Parameters((1_000, 10_000, 100_000, 300_000), Shape(50, 1), 3.0)


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`, with the systems that are installed."""
    parameters = FULL if full else SMALL
    report = Report("data_size", "a record by its key in a dict of so many, microseconds each", asdict(parameters))
    for count in parameters.counts:
        place = folder / str(count)
        place.mkdir()
        place.parent.chmod(0o711)
        place.chmod(0o711)  # PostgreSQL may run as another user
        with ExitStack() as stack:
            systems: dict[str, System] = {}
            for name in TAKING_PART:
                try:
                    systems[name] = stack.enter_context(start(name, place / name, durable=False, count=count))
                except Missing as missing:
                    report.notes.append(f"{name} skipped: {missing}")
            for system in systems.values():
                system.prepare(POINT_READ_SMALL)
                _measure(system, parameters, 0)
            contenders = {name: partial(_measure, system, parameters) for name, system in systems.items()}
            found = in_turn(contenders, rounds)
        row = {f"{name} us": Spread.of(1e6 / figures.throughput for figures in runs) for name, runs in found.items()}
        report.rows.append({"records": count, **row})
        for name, runs in found.items():
            report.runs += [{"records": count, "server": name, **asdict(figures)} for figures in runs]
    report.notes[:] = dict.fromkeys(report.notes)
    return report


def _measure(system: System, parameters: Parameters, number: int) -> Figures:
    return system.measure(POINT_READ_SMALL, parameters.shape, parameters.seconds, number)
