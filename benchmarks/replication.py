"""Replication: what a follower costs its leader, how far it is behind, how fast it comes up to it.

    alone      durable changes with no follower, the same server settings
    followed   the same with a follower on the same machine; its lag is looked at ten times a second
    waiting    the same with --sync-replicas 1: the reply waits for the follower's disk
    catch-up   a follower that begins when the leader's log is full of changes, from exec to the leader's last entry
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
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import BenchmarkFailed, Figures, Load, Report, Shape, Spread, Target, Workload
from benchmarks.servers import Objserver, objserver

MIB: Final = 1 << 20
SNIPPET: Final = "users[k]['age'] += 1"
LEVEL_SECONDS_MAX: Final = 600.0


@dataclass(frozen=True)
class Parameters:
    documents: int
    seconds: float
    shapes: tuple[Shape, ...]
    changes: int
    snapshot_mib: int


SMALL: Final = Parameters(documents=20, seconds=0.2, shapes=(Shape(4, 1),), changes=500, snapshot_mib=2)
FULL: Final = Parameters(
    documents=10_000, seconds=8, shapes=(Shape(50, 1), Shape(1, 1)), changes=1_000_000, snapshot_mib=1024
)


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`."""
    parameters = FULL if full else SMALL
    report = Report("replication", "durable changes of a counter in a document", asdict(parameters))
    accepted = []
    for shape in parameters.shapes:
        runs: dict[str, list[tuple[Figures, list[float]]]] = {"alone": [], "followed": [], "waiting": []}
        for number in range(rounds):
            for mode, found in runs.items():
                place = folder / f"{mode}-{shape.connections}-{number}"
                found.append(load(place, mode, shape, parameters, number))
        alone = [figures.throughput for figures, _ in runs["alone"]]
        if shape == parameters.shapes[0]:
            accepted = alone
        for mode, found in runs.items():
            rates = [figures.throughput for figures, _ in found]
            row: dict[str, Any] = {
                "what": mode,
                "connections": shape.connections,
                "changes/s": Spread.of(rates),
                "to alone": Spread.of(rate / base for rate, base in zip(rates, alone, strict=True)),
                "p50 us": Spread.of(figures.latency_us["p50"] for figures, _ in found),
                "p99 us": Spread.of(figures.latency_us["p99"] for figures, _ in found),
            }
            lags = sorted(lag for _, seen in found for lag in seen)
            if lags:
                row["lag p50 ms"] = lags[len(lags) // 2] * 1e3
                row["lag p99 ms"] = lags[len(lags) * 99 // 100] * 1e3
                row["lag at end ms"] = Spread.of(seen[-1] * 1e3 for _, seen in found if seen)
            report.rows.append(row)
            report.runs += [
                {"what": mode, **asdict(shape), **asdict(figures), "lag_seconds": seen} for figures, seen in found
            ]
    caught = [catch_up(folder / f"catch-up-{number}", parameters) for number in range(rounds)]
    report.rows.append(
        {
            "what": f"catch-up of {parameters.changes:,} changes",
            "changes/s": Spread.of(each["per_second"] for each in caught),
            "to acceptance": Spread.of(each["per_second"] / base for each, base in zip(caught, accepted, strict=True)),
            "seconds": Spread.of(each["seconds"] for each in caught),
        }
    )
    taken = [snapshot(folder / f"snapshot-{number}", parameters) for number in range(rounds)]
    report.rows.append(
        {
            "what": "snapshot",
            "MiB": Spread.of(each["mib"] for each in taken),
            "MiB/s": Spread.of(each["mib"] / each["seconds"] for each in taken),
            "seconds": Spread.of(each["seconds"] for each in taken),
            "leader grew MiB": Spread.of(each["leader_mib"] for each in taken),
            "follower MiB": Spread.of(each["follower_mib"] for each in taken),
        }
    )
    report.runs += [{"what": "catch-up", **each} for each in caught] + [{"what": "snapshot", **each} for each in taken]
    report.notes.append("lag: how long the oldest change had been on the leader's disk and not said to be on the other")
    return report


def load(
    folder: Path, mode: str, shape: Shape, parameters: Parameters, seed: int
) -> tuple[Figures, list[float]]:
    """Load a leader; return the figures, and the lags of its follower in seconds."""
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
        return figures, seen


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
        "seconds": seconds, "mib": mib, "leader_mib": (max(most) - before) / MIB, "follower_mib": memory / MIB,
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
