"""`python -m benchmarks [NAME ...] [--full] [--rounds N]`: run, print the tables, keep every run as JSON.

The names of `side_by_side` are run together, so that each server is started once; the others one after the other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import (
    budget,
    checkpoint,
    data_size,
    drop,
    footprint,
    language,
    load_cities,
    plots,
    replication,
    scale,
    side_by_side,
    startup,
    working_set,
)
from benchmarks.harness import BUILD, RESULTS, BenchmarkFailed, Missing, Report, machine_facts
from benchmarks.peers import versions
from benchmarks.systems import SYSTEMS

ROUNDS_SMALL: Final = 1
ROUNDS_FULL: Final = 5
ROUNDS_SIDE_BY_SIDE: Final = 3

BENCHMARKS: Final[dict[str, Callable[[bool, int, Path], Report]]] = {
    "budget": budget.run,
    "data_size": data_size.run,
    "startup": startup.run,
    "checkpoint": checkpoint.run,
    "scale": scale.run,
    "drop": drop.run,
    "working_set": working_set.run,
    "footprint": footprint.run,
    "language": language.run,
    "load_cities": load_cities.run,
    "replication": replication.run,
    "catch_up": replication.run_catch_up,
    "snapshot": replication.run_snapshot,
}


GROUPS: Final = {"side_by_side": side_by_side.NAMES, "all": (*side_by_side.NAMES, *BENCHMARKS)}


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` (default: the command line) asks for; return the exit status."""
    options = parse(words)
    status = 0
    options.folder.mkdir(parents=True, exist_ok=True)
    machine = machine_facts(options.folder) | versions()
    print(", ".join(f"{name} {value}" for name, value in machine.items()), end="\n\n")
    # On the disk of the checkout, not in memory as /tmp may be: what is synced must be synced to a disk.
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        os.chmod(folder, 0o711)  # PostgreSQL may run as another user
        for name, found in reports(options, Path(folder)):
            if isinstance(found, Missing):
                print(f"{name}: skipped: {found}\n")
            elif isinstance(found, BenchmarkFailed):
                print(f"{name}: failed: {found}\n", file=sys.stderr)
                status = 1
            else:
                show(found, options.results, machine)
    return status


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure objserver with real processes, beside what else is installed; see README.md here.",
        epilog="The options below --results choose a part of the benchmarks side by side.",
    )
    names = [*GROUPS, *GROUPS["all"]]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which; default side_by_side: {', '.join(names)}")
    parser.add_argument("--full", action="store_true", help="the real sizes; otherwise only to see that it works")
    counts = f"default {ROUNDS_SMALL}, with --full {ROUNDS_FULL}, side by side {ROUNDS_SIDE_BY_SIDE}"
    parser.add_argument("--rounds", type=int, metavar="N", help=counts)
    parser.add_argument("--folder", type=Path, default=BUILD, help="for the servers' data, removed afterwards")
    parser.add_argument("--results", type=Path, default=RESULTS, help="for the JSON of every run; default %(default)s")
    parser.add_argument("--minutes", type=float, default=side_by_side.FULL.minutes, help="for all; default %(default)s")
    parser.add_argument("--connections", type=int, nargs="+", metavar="N", help="only rows with so many")
    parser.add_argument("--pipeline", type=int, nargs="+", metavar="N", help="only rows with so many")
    parser.add_argument("--modes", nargs="+", choices=tuple(side_by_side.DURABILITIES), help="only these")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, help="only these")
    options = parser.parse_args(words)
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(names)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds {options.rounds} leaves nothing to measure")
    chosen = options.names or ["side_by_side"]
    options.names = list(dict.fromkeys(one for name in chosen for one in GROUPS.get(name, (name,))))
    parameters = side_by_side.FULL if options.full else side_by_side.SMALL
    shapes = tuple(
        shape
        for shape in parameters.shapes
        if (not options.connections or shape.connections in options.connections)
        and (not options.pipeline or shape.pipeline in options.pipeline)
    )
    if not shapes:
        parser.error("there is no row with such --connections and --pipeline")
    options.parameters = replace(
        parameters,
        shapes=shapes,
        durabilities=tuple(options.modes or parameters.durabilities),
        systems=tuple(name for name in SYSTEMS if name in (options.systems or parameters.systems)),
        minutes=options.minutes if options.full else None,
    )
    return options


def reports(
    options: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, Report | Missing | BenchmarkFailed]]:
    """What each of the benchmarks found, as soon as it is known."""
    together = [name for name in options.names if name in side_by_side.NAMES]
    if together:
        rounds = options.rounds or (ROUNDS_SIDE_BY_SIDE if options.full else ROUNDS_SMALL)
        try:
            found, failures = side_by_side.run(together, options.parameters, rounds, folder)
        except (Missing, BenchmarkFailed) as failure:
            yield ", ".join(together), failure
        else:
            yield from ((report.name, report) for report in found)
            yield from ((failure.partition(" ")[0], BenchmarkFailed(failure)) for failure in failures)
    for name in options.names:
        if name in together:
            continue
        own = folder / name
        own.mkdir()
        try:
            rounds = options.rounds or (ROUNDS_FULL if options.full else ROUNDS_SMALL)
            yield name, BENCHMARKS[name](options.full, rounds, own)
        except (Missing, BenchmarkFailed) as failure:
            yield name, failure
        shutil.rmtree(own)


def show(report: Report, results: Path, machine: Mapping[str, object]) -> None:
    """Print a report, and keep and draw it."""
    print(report.table())
    kept = report.write(results, machine)
    print(f"- every run: {kept}")
    try:
        if picture := plots.draw(kept):
            print(f"- drawn: {picture}")
    except Missing as missing:
        print(f"- not drawn: {missing}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
