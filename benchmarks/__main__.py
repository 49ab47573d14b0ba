"""`python -m benchmarks [NAME ...] [--full] [--rounds N]`: run, print the tables, keep every run as JSON."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import (
    checkpoint,
    drop,
    footprint,
    language,
    load_cities,
    plots,
    point_read,
    point_write,
    replication,
    scale,
    startup,
    working_set,
)
from benchmarks.harness import BUILD, RESULTS, BenchmarkFailed, Missing, Report, machine_facts

ROUNDS_SMALL: Final = 1
ROUNDS_FULL: Final = 5

BENCHMARKS: Final[dict[str, Callable[[bool, int, Path], Report]]] = {
    "point_read": point_read.run,
    "point_write": point_write.run,
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


def main(words: Sequence[str] | None = None) -> int:
    """Run what `words` (default: the command line) asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure objserver with real processes, beside Redis where it is installed; see README.md here.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which; default all: {', '.join(BENCHMARKS)}")
    parser.add_argument("--full", action="store_true", help="the real sizes; otherwise only to see that it works")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default {ROUNDS_SMALL}, with --full {ROUNDS_FULL}")
    parser.add_argument("--folder", type=Path, default=BUILD, help="for the servers' data, removed afterwards")
    parser.add_argument("--results", type=Path, default=RESULTS, help="for the JSON of every run; default %(default)s")
    options = parser.parse_args(words)
    if unknown := sorted(set(options.names) - BENCHMARKS.keys()):
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    rounds = options.rounds if options.rounds is not None else ROUNDS_FULL if options.full else ROUNDS_SMALL
    if rounds < 1:
        parser.error(f"--rounds {rounds} leaves nothing to measure")
    status = 0
    options.folder.mkdir(parents=True, exist_ok=True)
    machine = machine_facts(options.folder)
    print(", ".join(f"{name} {value}" for name, value in machine.items()), end="\n\n")
    for name in options.names or BENCHMARKS:
        # On the disk of the checkout, not in memory as /tmp may be: what is synced must be synced to a disk.
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            try:
                report = BENCHMARKS[name](options.full, rounds, Path(folder))
            except Missing as missing:
                print(f"{name}: skipped: {missing}\n")
                continue
            except BenchmarkFailed as failure:
                print(f"{name}: failed: {failure}\n", file=sys.stderr)
                status = 1
                continue
        print(report.table())
        kept = report.write(options.results, machine)
        print(f"- every run: {kept}")
        try:
            if picture := plots.draw(kept):
                print(f"- drawn: {picture}")
        except Missing as missing:
            print(f"- not drawn: {missing}")
        print(flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
