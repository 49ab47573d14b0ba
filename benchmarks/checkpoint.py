"""Checkpoint: what a client that pings without pause notices while 100,000 changed objects are written to LMDB.

Two load generators run on one server. One changes a document per request, over many connections. The other one has a
single connection and a single `ping` in flight, so its longest latency is the longest time nobody was answered. Each
round has two halves: in the first few objects change and no checkpoint is due; in the second the documents are changed
one after the other until a checkpoint has begun and is committed.

A ping that arrives behind a batch waits for the batch, and for its sync where changes are synced: the first half tells
how much that is, the second what the checkpoint adds.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.documents import fill_objserver
from benchmarks.harness import BenchmarkFailed, Figures, Load, Report, Shape, Spread, Target, Workload, in_turn
from benchmarks.servers import ASK_SECONDS, CHECKPOINT_SECONDS_MAX, Objserver, objserver

PING: Final = Workload.request("ping", {})
CHANGE: Final = {"source": "users[k]['age'] += 1", "args": {"k": "{{key}}"}}


@dataclass(frozen=True)
class Parameters:
    documents: int
    few: int
    """How many of the documents change while there is to be no checkpoint."""
    checkpoint_mb: int
    """Size of log that makes a checkpoint due. The count of changed objects does, too: 100,000 of them."""
    seconds: float
    shape: Shape


SMALL: Final = Parameters(documents=100, few=10, checkpoint_mb=1, seconds=0.05, shape=Shape(4, 4))
FULL: Final = Parameters(documents=120_000, few=1_000, checkpoint_mb=4096, seconds=5, shape=Shape(50, 1))


@dataclass(frozen=True)
class Half:
    """Half a round, as both load generators and the server's own figures tell it."""

    pings: Figures
    changes: Figures
    checkpoints: int
    objects_changed_max: int


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    report = Report("checkpoint", "the longest wait of a pinging client, in ms", asdict(parameters))
    for durability in ("none", "always"):
        options = ["--durability", durability, "--checkpoint-mb", str(parameters.checkpoint_mb)]
        with objserver(folder / f"objserver-{durability}", *options) as server:
            fill_objserver(server, "users", parameters.documents)
            halves = {"no": partial(half, server, parameters, False), "yes": partial(half, server, parameters, True)}
            for name, found in in_turn(halves, rounds).items():
                report.rows.append(row(durability, name, found))
                report.runs += [{"durability": durability, "checkpoint": name, **asdict(one)} for one in found]
            pauses = {name: value for name, value in server.statistics().items() if "pause" in name}
            report.notes.append(f"durability {durability}: the server's own figures since its start: {pauses}")
    return report


def half(server: Objserver, parameters: Parameters, with_checkpoint: bool, _round: int) -> Half:
    """Ping and change at once, for `seconds` or until a checkpoint is over."""
    count = parameters.documents if with_checkpoint else parameters.few
    change = Workload.request("eval", CHANGE, key_count=count, key_order="sequential")
    bound = CHECKPOINT_SECONDS_MAX if with_checkpoint else parameters.seconds
    before = server.statistics()["checkpoints"]
    with (
        Load(Target(server.address, PING), Shape(1, 1), seconds=CHECKPOINT_SECONDS_MAX) as pings,
        Load(Target(server.address, change), parameters.shape, seconds=bound) as changes,
    ):
        changed = watch(server, changes, before + 1 if with_checkpoint else None)
        changes.stop()
        pings.stop()
        found = Half(pings.figures(), changes.figures(), server.statistics()["checkpoints"] - before, changed)
    if with_checkpoint and not found.checkpoints:
        raise BenchmarkFailed(f"no checkpoint within {CHECKPOINT_SECONDS_MAX} s; {changed} objects were changed")
    server.wait_idle()
    return found


def watch(server: Objserver, changes: Load, checkpoints: int | None) -> int:
    """Wait for the end of the load, or of checkpoint number `checkpoints`; return the most changed objects seen."""
    changed = 0
    with server.client() as client:
        while changes.running():
            found = client.stats()
            changed = max(changed, found["objects_changed"])
            if checkpoints is not None and found["checkpoints"] >= checkpoints:
                break
            time.sleep(ASK_SECONDS)
    return changed


def row(durability: str, name: str, halves: list[Half]) -> dict[str, Any]:
    pings, changes = [one.pings for one in halves], [one.changes for one in halves]
    latencies = {
        f"{what} {at} ms": Spread.of(each.latency_us[at] / 1000 for each in figures)
        for what, figures, percentiles in (("ping", pings, ("p50", "p99", "max")), ("change", changes, ("p50", "p99")))
        for at in percentiles
    }
    return {
        "durability": durability,
        "checkpoint": name,
        "objects changed": max(one.objects_changed_max for one in halves),
        "changes/s": Spread.of(one.changes.throughput for one in halves),
        **latencies,
    }
