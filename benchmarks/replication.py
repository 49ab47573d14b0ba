"""Replication: what a follower costs its leader, how far it is behind, how fast it comes up to it.

    alone      durable changes with no follower, the same server settings
    followed   the same with a follower on the same machine; its lag is looked at ten times a second
    waiting    the same with --sync-replicas 1: the reply waits for the follower's disk
    catch_up   a follower that begins when the leader's log is full of changes, from exec to the leader's last entry
    snapshot   a follower of a leader whose log does not reach back

Leader, follower and load generator share the machine: with fewer cores than three the cost of a follower is its share
of them. Re-execution is compared with acceptance: changes a second while catching up, to those that the leader took
while it was alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.harness import (
    BenchmarkFailed,
    Figures,
    Load,
    Report,
    Shape,
    Spread,
    Target,
    Workload,
    in_turn,
    ratio,
)
from benchmarks.servers import Objserver, objserver

MIB: Final = 1 << 20
SNIPPET: Final = "users[k]['age'] += 1"
MODES: Final = ("alone", "followed", "waiting")
LEVEL_SECONDS_MAX: Final = 600.0


@dataclass(frozen=True)
class Parameters:
    documents: int
    seconds: float
    shapes: tuple[Shape, ...]
    changes: int
    snapshot_mib: int


@dataclass(frozen=True)
class Run:
    """`lags`: seconds, ten times a second."""

    figures: Figures
    lags: list[float]


SMALL: Final = Parameters(documents=20, seconds=0.2, shapes=(Shape(4, 1),), changes=500, snapshot_mib=2)
FULL: Final = Parameters(
    documents=10_000, seconds=8, shapes=(Shape(50, 1), Shape(1, 1)), changes=1_000_000, snapshot_mib=1024
)


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder` what a follower costs, and how far it is behind."""
    parameters = FULL if full else SMALL
    report = Report("replication", "durable changes of a counter in a document", asdict(parameters))
    for shape in parameters.shapes:
        found = in_turn({mode: partial(load, folder, mode, shape, parameters) for mode in MODES}, rounds)
        alone = [run.figures.throughput for run in found["alone"]]
        for mode, runs in found.items():
            rates = [run.figures.throughput for run in runs]
            lags = sorted(lag * 1e3 for run in runs for lag in run.lags)
            report.rows.append(
                {
                    "mode": mode,
                    "connections": shape.connections,
                    "changes/s": Spread.of(rates),
                    "to alone": ratio(rates, alone),
                    "p50 us": Spread.of(run.figures.latency_us["p50"] for run in runs),
                    "p99 us": Spread.of(run.figures.latency_us["p99"] for run in runs),
                    "lag p50 ms": lags[len(lags) // 2] if lags else "-",
                    "lag p99 ms": lags[len(lags) * 99 // 100] if lags else "-",
                    "last lag ms": Spread.of(run.lags[-1] * 1e3 for run in runs) if lags else "-",
                }
            )
            report.runs += [{"mode": mode, **asdict(shape), **asdict(run.figures), "lags": run.lags} for run in runs]
    report.notes.append("lag: how long the oldest change had been on the leader's disk and not said to be on the other")
    return report


def run_catch_up(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder` how fast a new follower runs a long log, to how fast a leader takes durable changes."""
    parameters = FULL if full else SMALL
    report = Report("catch_up", "a new follower of a leader with a long log", asdict(parameters))
    runs = []
    for number in range(rounds):
        accepted = load(folder, "alone", parameters.shapes[0], parameters, number).figures.throughput
        runs.append({**catch_up(folder / f"catch-up-{number}", parameters), "accepted": accepted})
    report.rows.append(
        {
            "changes": parameters.changes,
            "entries": Spread.of(each["entries"] for each in runs),
            "seconds": Spread.of(each["seconds"] for each in runs),
            "changes/s": Spread.of(each["per_second"] for each in runs),
            "accepted/s": Spread.of(each["accepted"] for each in runs),
            "ratio": ratio([each["per_second"] for each in runs], [each["accepted"] for each in runs]),
        }
    )
    report.runs += runs
    return report


def run_snapshot(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder` how fast a follower takes a snapshot, from exec to the leader's last entry."""
    parameters = FULL if full else SMALL
    report = Report("snapshot", "a new follower of a leader whose log does not reach back", asdict(parameters))
    runs = [snapshot(folder / f"snapshot-{number}", parameters) for number in range(rounds)]
    report.rows.append(
        {
            "MiB": Spread.of(each["mib"] for each in runs),
            "seconds": Spread.of(each["seconds"] for each in runs),
            "MiB/s": Spread.of(each["mib"] / each["seconds"] for each in runs),
            "leader MiB": Spread.of(each["leader_mib"] for each in runs),
            "leader grew by MiB": Spread.of(each["grown_mib"] for each in runs),
            "follower MiB": Spread.of(each["follower_mib"] for each in runs),
        }
    )
    report.runs += runs
    report.notes.append("MiB of memory are resident, the files that are mapped included")
    return report


def load(folder: Path, mode: str, shape: Shape, parameters: Parameters, seed: int) -> Run:
    """Load a leader, in a folder of its own."""
    folder = folder / f"{mode}-{shape.connections}-{seed}"
    options = ["--sync-replicas", "1"] if mode == "waiting" else []
    with ExitStack() as stack:
        leader = stack.enter_context(objserver(folder / "leader", *options))
        follower = None
        if mode != "alone":
            follower = stack.enter_context(objserver(folder / "follower", "--follow", leader.address))
            wait_level(leader, follower)
        with leader.client() as client:
            client.eval("users = {f'{n}': {'name': f'user {n}', 'age': 0} for n in range(count)}\nNone",
                        count=parameters.documents)  # fmt: skip
        params = {"source": SNIPPET, "args": {"k": "{{key}}"}}
        workload = Workload.request("eval", params, key_count=parameters.documents)
        seen: list[float] = []
        with Load(Target(leader.address, workload), shape, seconds=parameters.seconds, seed=seed) as generator:
            if follower is None:
                figures = generator.figures()
            else:
                with looking(leader, seen):
                    figures = generator.figures()
        if follower is not None:
            wait_level(leader, follower)
            check(follower, figures.requests)
        else:
            check(leader, figures.requests)
        return Run(figures, seen)


def catch_up(folder: Path, parameters: Parameters) -> dict[str, float]:
    """Return how long a new follower takes to run what the leader has logged."""
    with objserver(folder / "leader", "--durability", "none", "--retention-mb", "8192") as leader:
        with leader.client() as client:
            client.eval("users = {f'{n}': {'name': f'user {n}', 'age': 0} for n in range(count)}\nNone",
                        count=parameters.documents)  # fmt: skip
        params = {"source": SNIPPET, "args": {"k": "{{key}}"}}
        workload = Workload.request("eval", params, key_count=parameters.documents)
        with Load(Target(leader.address, workload), Shape(50, 1), requests=parameters.changes) as generator:
            generator.figures()
        leader.wait_idle()
        began = time.monotonic()
        with objserver(folder / "follower", "--follow", leader.address) as follower:
            wait_level(leader, follower)
            seconds = time.monotonic() - began
            check(follower, parameters.changes)
            entries = follower.statistics()["seq"]
    return {"seconds": seconds, "per_second": parameters.changes / seconds, "entries": entries}


def snapshot(folder: Path, parameters: Parameters) -> dict[str, float]:
    """Return how long a new follower takes for a snapshot, and the memory of both."""
    size = 1_000
    count = parameters.snapshot_mib * MIB // size
    with objserver(folder / "leader", "--durability", "none", "--retention-mb", "0", "--cache-mb", "64") as leader:
        with leader.client() as client:
            client.eval("d = {}")
            for first in range(0, count, 1_000):
                client.eval("d.update({f'{n:09d}': s for n in range(a, b)})", a=first, b=min(count, first + 1_000),
                            s="x" * size)  # fmt: skip
        wait_trimmed(leader)
        before = leader.memory()["total"]
        most = [before]
        began = time.monotonic()
        with objserver(folder / "follower", "--follow", leader.address, "--cache-mb", "64") as follower:
            memory = 0
            while not is_level(leader, follower):
                most.append(leader.memory()["total"])
                memory = max(memory, memory_of(follower))
                if time.monotonic() - began > LEVEL_SECONDS_MAX:
                    raise BenchmarkFailed(f"no snapshot within {LEVEL_SECONDS_MAX} s")
                time.sleep(0.05)
            seconds = time.monotonic() - began
            with follower.client() as client:
                if client.query("len(d)") != count:
                    raise BenchmarkFailed("the follower has not what its leader has")
        mib = leader.statistics()["store_used_size"] / MIB
    return {
        "seconds": seconds, "mib": mib, "leader_mib": max(most) / MIB, "grown_mib": max(0, max(most) - before) / MIB,
        "follower_mib": memory / MIB,
    }  # fmt: skip


def check(server: Objserver, expected: int) -> None:
    with server.client() as client:
        found = client.query("sum([_user['age'] for _user in users.values()])")
    if found != expected:
        raise BenchmarkFailed(f"the ages add up to {found}, but by the replies to {expected}")


def is_level(leader: Objserver, follower: Objserver) -> bool:
    try:
        told = follower.statistics()
    except OSError:  # it begins anew
        return False
    return bool(told["replication"]["state"] == "following" and told["seq"] >= leader.statistics()["seq"])


def wait_level(leader: Objserver, follower: Objserver) -> None:
    until = time.monotonic() + LEVEL_SECONDS_MAX
    while not is_level(leader, follower):
        if time.monotonic() > until:
            raise BenchmarkFailed(f"the follower is not level after {LEVEL_SECONDS_MAX} s: {follower.statistics()}")
        time.sleep(0.02)


def wait_trimmed(leader: Objserver) -> None:
    """Wait until the log begins after its first entry; what writes more lets it be cut."""
    until = time.monotonic() + LEVEL_SECONDS_MAX
    with leader.client() as client:
        while client.stats()["first_seq"] == 1:
            if time.monotonic() > until:
                raise BenchmarkFailed("the log still begins with its first entry")
            client.eval("filler = s", s="x" * MIB)
    leader.wait_idle()


def memory_of(server: Objserver) -> int:
    try:
        return server.memory()["total"]
    except (OSError, ValueError):  # between two processes
        return 0


@contextmanager
def looking(leader: Objserver, seen: list[float]) -> Iterator[None]:
    """Note the follower's lag ten times a second."""
    ended = threading.Event()

    def look() -> None:
        with leader.client() as client:
            while not ended.wait(0.1):
                followers = client.stats()["replication"]["followers"]
                if followers:
                    seen.append(followers[0]["lag_seconds"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
