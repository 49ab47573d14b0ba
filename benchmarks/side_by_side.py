"""The same work on every system, in turn: the workloads of `workloads.py` over the systems of `systems.py`.

    for each durability: start all -> for each work: data into all -> for each shape: warm-up, rounds in turn -> totals

A work's rows have objserver's throughput and its ratio to each of the others, taken within the rounds; every run of
every system is kept. How long a run takes follows from the minutes that are given: the number of runs is known before.

Promise: a figure stands in a table only when each reply was right and the system came to the totals that the replies
add up to, from the same data.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness import BenchmarkFailed, Cell, Figures, Missing, Report, Shape, Spread, in_turn, ratio
from benchmarks.systems import NOTES, SYSTEMS, System, can, start
from benchmarks.work import Work
from benchmarks.workloads import WORKS

__all__ = ["FULL", "NAMES", "SMALL", "Parameters", "run"]

NAMES: Final = tuple(dict.fromkeys(work.name for work in WORKS))
DURABILITIES: Final[Mapping[str, bool]] = {"in memory": False, "durable": True}
# Beside what it measures a run takes this long: a process is started, connections are opened. One of PostgreSQL's costs
# ten times this, the others hardly anything.
RUN_OVERHEAD_SECONDS, CONNECTION_SECONDS = 0.2, 0.0015
# From this share of a core on, the load generator is what is measured. Some systems need none.
LIMIT_SHARE: Final = 0.95
OWN_LOAD: Final = ("zeo", "floor")
# What is in flight at the end of a run is waited for. Where that takes longer than this, a row has one round.
SLOW_RUN_SECONDS: Final = 20.0
# Starting all systems, and loading data into all of them.
START_SECONDS, LOAD_SECONDS = 15, 40
# Shorter ones tell little, longer ones no more.
RUN_SECONDS_MIN, RUN_SECONDS_MAX = 0.25, 5.0
# A part of a run goes ahead of the rounds and is not counted: code caches fill, buffers grow.
WARM_UP_SHARE: Final = 4


@dataclass(frozen=True)
class Parameters:
    documents: int
    shapes: tuple[Shape, ...]
    durabilities: tuple[str, ...] = tuple(DURABILITIES)
    systems: tuple[str, ...] = SYSTEMS
    minutes: float | None = None
    """How long all may take, if runs may be as short as that; None: runs take `seconds`."""
    seconds: float = 0.0


SMALL: Final = Parameters(documents=120, shapes=(Shape(2, 1), Shape(2, 4)), seconds=0.03)
FULL: Final = Parameters(
    documents=20_000, shapes=tuple(Shape(count, depth) for count in (1, 50, 500) for depth in (1, 16)), minutes=90
)


class Progress:
    """Says on standard error how far it is."""

    def __init__(self, runs: int, seconds_each: float) -> None:
        self._runs, self._done, self._each = runs, 0, seconds_each
        self._start = time.monotonic()

    def tell(self, what: str, runs: int = 0) -> None:
        """What is done next, and how many of the runs it is."""
        spent = time.monotonic() - self._start
        left = (self._runs - self._done) * (spent / self._done if self._done > 20 else self._each)
        self._show(f"{100 * self._done // self._runs:3} %, {left / 60:.0f} min left: {what}")
        self._done += runs

    def close(self) -> None:
        self._show("")

    @staticmethod
    def _show(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif text:
            print(text, file=sys.stderr)


def run(names: Sequence[str], parameters: Parameters, rounds: int, folder: Path) -> tuple[list[Report], list[str]]:
    """Measure the works of these names; return a report of each and what failed."""
    works = [work for work in WORKS if work.name in names]
    runs, overhead = count_runs(works, parameters, rounds)
    seconds = parameters.seconds
    if parameters.minutes is not None:
        seconds = min(max((parameters.minutes * 60 - overhead) / runs, RUN_SECONDS_MIN), RUN_SECONDS_MAX)
        minutes = (runs * seconds + overhead) / 60
        print(f"{runs:,} runs of {seconds:.2f} s, {rounds} rounds: some {minutes:.0f} minutes", file=sys.stderr)
    progress = Progress(runs, seconds + overhead / runs)
    kept = asdict(parameters) | {"seconds": seconds, "rounds": rounds}
    reports = {work.name: Report(work.name, work.title, kept) for work in reversed(works)}
    failures: list[str] = []
    for durability in parameters.durabilities:
        with ExitStack() as stack:
            systems: dict[str, System] = {}
            for name in parameters.systems:
                place = folder / durability.replace(" ", "-") / name
                place.parent.mkdir(exist_ok=True)
                place.parent.chmod(0o711)  # PostgreSQL may run as another user
                try:
                    running = start(name, place, durable=DURABILITIES[durability], count=parameters.documents)
                    systems[name] = stack.enter_context(running)
                except Missing as missing:
                    for report in reports.values():
                        report.notes.append(f"{name} skipped, {durability}: {missing}")
            for work in works:
                bench = _Bench(work, durability, dict(systems), reports[work.name], rounds, seconds, progress)
                try:
                    bench.run(parameters.shapes)
                except BenchmarkFailed as failure:
                    failures.append(f"{work.name} {work.case} {durability}: {failure}")
    progress.close()
    for report in reports.values():
        report.notes += [NOTES[name] for name in NOTES if any(run["server"] == name for run in report.runs)]
    return [reports[name] for name in NAMES if name in reports], failures


def generator_is_limit(figures: Figures) -> bool:
    return figures.cpu_seconds > LIMIT_SHARE * figures.seconds


def count_runs(works: Sequence[Work], parameters: Parameters, rounds: int) -> tuple[int, float]:
    """How many runs there are, and the seconds of what is done beside them; as if every system were installed."""
    runs, overhead = 0, float(len(parameters.durabilities) * (START_SECONDS + LOAD_SECONDS * len(works)))
    for work in works:
        for shape in parameters.shapes:
            able = sum(can(name, work, shape) for name in parameters.systems)
            count = able * (rounds + 1) * len(parameters.durabilities)
            runs += count
            overhead += count * (RUN_OVERHEAD_SECONDS + CONNECTION_SECONDS * shape.connections)
    return runs, overhead


class _Bench:
    """One work, with one durability."""

    def __init__(
        self, work: Work, durability: str, systems: dict[str, System], report: Report, rounds: int, seconds: float,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.work, self.durability, self.systems, self.report = work, durability, systems, report
        self.rounds, self.seconds, self.progress = rounds, seconds, progress
        self.answered = {name: Counter[str]() for name in systems}

    def run(self, shapes: Sequence[Shape]) -> None:
        first: dict[str, list[int]] = {}
        for name, system in list(self.systems.items()):
            if not any(can(name, self.work, shape) for shape in shapes):
                del self.systems[name]
                continue
            self.progress.tell(f"{self._title()}: data into {name}")
            try:
                system.prepare(self.work)
            except Missing as missing:
                self.report.notes.append(f"{name} skipped: {missing}")
                del self.systems[name]
                continue
            first[name] = system.totals(self.work)
        known = [totals for totals in first.values() if totals]
        if any(totals != known[0] for totals in known):
            raise BenchmarkFailed(f"the systems do not have the same data: {first}")
        for shape in shapes:
            self._measure(shape)
        for name, system in self.systems.items():
            self._check(name, first[name], system.totals(self.work))

    def _title(self) -> str:
        return f"{self.work.name} {self.work.case}".strip() + f", {self.durability}"

    def _measure(self, shape: Shape) -> None:
        able = {name: system for name, system in self.systems.items() if can(name, self.work, shape)}

        def once(name: str, number: int, seconds: float = self.seconds) -> Figures:
            self.progress.tell(f"{self._title()}, {shape.connections} x {shape.pipeline}, round {number}: {name}", 1)
            try:
                figures = able[name].measure(self.work, shape, seconds, number)
            except BenchmarkFailed as failure:
                raise BenchmarkFailed(f"{name}: {failure}") from None
            for call, count in zip(self.work.calls, figures.by_template, strict=True):
                self.answered[name][call.function] += count
            return figures

        rounds = self.rounds
        for name in able:
            began = time.monotonic()
            once(name, 0, self.seconds / WARM_UP_SHARE)
            took = time.monotonic() - began
            if rounds > 1 and took > SLOW_RUN_SECONDS:
                rounds = 1
                row = f"{self._title()}, {shape.connections} x {shape.pipeline}"
                self.report.notes.append(f"{row}: one round, {name} takes {took:.0f} s to answer what is in flight")
        found = in_turn({name: partial(once, name) for name in able}, rounds)
        case = {"case": self.work.case or "-", "mode": self.durability, **asdict(shape)}
        self.report.rows.append(case | self._row(found))
        limited = [name for name, runs in found.items() if all(map(generator_is_limit, runs)) and name not in OWN_LOAD]
        if limited:
            row = f"{self._title()}, {shape.connections} x {shape.pipeline}"
            self.report.notes.append(f"{row}: the load generator was the limit for {', '.join(limited)}")
        for name, runs in found.items():
            self.report.runs += [{**case, "server": name, **asdict(figures)} for figures in runs]

    def _row(self, found: Mapping[str, Sequence[Figures]]) -> dict[str, Cell]:
        throughput = {name: [figures.throughput for figures in runs] for name, runs in found.items()}
        row: dict[str, Cell] = {}
        ours = throughput.get("objserver")
        for name in SYSTEMS:
            if name == "objserver" or ours is None:
                row[f"{name}/s"] = Spread.of(throughput[name]) if name in throughput else "-"
            else:
                row[f"to {name}"] = ratio(ours, throughput[name]) if name in throughput else "-"
        for name, percentile in (("objserver", "p50"), ("objserver", "p99"), ("redis", "p50")):
            seen = [figures.latency_us[percentile] for figures in found.get(name, ())]
            row[f"{name} {percentile} us"] = Spread.of(seen).median if seen else "-"
        return row

    def _check(self, name: str, before: Sequence[int], after: Sequence[int]) -> None:
        expected = list(before)
        for function, gains in self.work.gains.items():
            for at, gain in enumerate(gains if before else ()):
                expected[at] += gain * self.answered[name][function]
        if list(after) != expected:
            raise BenchmarkFailed(f"{name}: the totals are {list(after)}, but by the replies {expected}")
