"""The budget: where the time of a request goes between `recv` and `send`, in microseconds of processor time.

    recv -> take (frame, JSON, checks) -> run (engine: snippet, undo, log) -> deliver (reply) -> send -> tend

The requests are those of `workloads.py`, as the load generator writes them. The steps are those of the reactor's pass,
each done for all connections before the next, in this process and over pairs of Unix sockets: what a server adds to
their sum is the reactor's own bookkeeping, and what TCP costs more. Nothing is synced, and all documents have been read
before.
"""

from __future__ import annotations

import gc
import itertools
import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

import objserver
from benchmarks.harness import BenchmarkFailed, Cell, Report, Spread
from benchmarks.systems import fill, request_of
from benchmarks.work import Work, filled
from benchmarks.workloads import WORKS
from objserver.doors.codec import CODEC
from objserver.doors.native import Connection
from objserver.engine import Engine, Options, Request
from objserver.wire import encode_frame

STEPS: Final = ("recv", "take", "run", "deliver", "send", "tend")


@dataclass(frozen=True)
class Parameters:
    documents: int
    connections: int
    pipelines: tuple[int, ...]
    seconds: float
    """Of processor time, for each row in each round."""


SMALL: Final = Parameters(documents=100, connections=4, pipelines=(1, 4), seconds=0.005)
FULL: Final = Parameters(documents=1_000, connections=50, pipelines=(1, 16), seconds=0.5)


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`."""
    parameters = FULL if full else SMALL
    report = Report("budget", "processor time of each step of a request, in microseconds", asdict(parameters))
    for work in WORKS:
        place = folder / f"{work.name}-{len(report.rows)}"
        with objserver.open(place, durability="none") as client:
            fill(client, work, parameters.documents)
        engine = Engine.open(place, codec=CODEC, time_ns=time.time_ns(), options=Options(durability="none"))
        with closing(engine):
            for pipeline in parameters.pipelines:
                steps = [_measure(engine, work, parameters, pipeline, seed) for seed in range(rounds + 1)][1:]
                row: dict[str, Cell] = {"work": f"{work.name} {work.case}".strip(), "pipeline": pipeline}
                row |= {name: median([found[name] for found in steps]) for name in STEPS}
                report.rows.append(row | {"sum": Spread.of(sum(found.values()) for found in steps)})
                report.runs += [{"work": work.name, "case": work.case, "pipeline": pipeline, **one} for one in steps]
    return report


def _measure(engine: Engine, work: Work, parameters: Parameters, pipeline: int, seed: int) -> Mapping[str, float]:
    """Return the microseconds that a request costs in each step."""
    connections = parameters.connections
    limit, count = int(parameters.seconds * 1e9), 0
    pairs = [socket.socketpair() for _ in range(connections)]
    doors = [Connection(dict) for _ in pairs]
    spent = dict.fromkeys(STEPS, 0)
    clock = time.thread_time_ns
    gc.collect()
    gc.disable()  # in a server it runs seldom; here it would look at what the benchmark has
    try:
        for pieces in _passes(work, parameters, pipeline, seed):
            for (peer, _), piece in zip(pairs, pieces, strict=True):
                peer.sendall(piece)
            times = [clock()]
            received = [sock.recv(len(piece)) for (_, sock), piece in zip(pairs, pieces, strict=True)]
            times.append(clock())
            batch: list[Request] = []
            sources: list[bytes] = []
            begins: list[int] = []
            for door, data in zip(doors, received, strict=True):
                begins.append(len(batch))
                if not door.take_lone(data, batch, sources):
                    door.receive(data)
                    door.take(batch, sources=sources)
            times.append(clock())
            outcomes = engine.run(batch, time.time_ns())
            times.append(clock())
            if pipeline == 1:
                replies = [door.deliver_lone(outcome) for door, outcome in zip(doors, outcomes, strict=True)]
            else:
                seq = engine.seq
                replies = [door.deliver(outcomes, first, seq) for door, first in zip(doors, begins, strict=True)]
            times.append(clock())
            for (_, sock), reply in zip(pairs, replies, strict=True):
                sock.sendall(reply)
            times.append(clock())
            engine.tend()
            times.append(clock())
            for name, (before, after) in zip(STEPS, itertools.pairwise(times), strict=True):
                spent[name] += after - before
            for (peer, _), reply in zip(pairs, replies, strict=True):
                if len(peer.recv(len(reply))) < len(reply):
                    raise BenchmarkFailed("a reply did not come whole")
            if failed := [fault for value, fault, _, _ in outcomes if value is None]:
                raise BenchmarkFailed(f"{work.name}: {failed[0]}")
            count += len(outcomes)
            if sum(spent.values()) > limit:
                break
    finally:
        gc.enable()
        for pair in pairs:
            for sock in pair:
                sock.close()
    return {name: took / 1000 / count for name, took in spent.items()}


def _passes(work: Work, parameters: Parameters, pipeline: int, seed: int) -> Iterator[list[bytes]]:
    """Yield for each pass what each connection sends, the calls of the work in turn."""
    keys = list(work.keys(parameters.documents))
    draw = random.Random(seed)
    numbers = itertools.count(1)
    while True:
        pieces = []
        for _ in range(parameters.connections):
            frames = []
            for number in itertools.islice(numbers, pipeline):
                call = work.calls[number % len(work.calls)]
                text = filled(request_of(call), draw.choice(keys)).replace("{{id}}", str(number))
                frames.append(encode_frame(text.encode()))
            pieces.append(b"".join(frames))
        yield pieces
