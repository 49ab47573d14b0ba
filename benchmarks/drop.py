"""Drop: what others notice while a dict of a million small dicts is deleted, and whether its space is used again.

    load, stop    ->  start, touch a part of it  ->  reads at a steady pace ........................... ->  stop
                                                     | some seconds | `del users` | until it is quiet |
    start  ->  load the same again, stop

A read is sent when it is due, whether those before it were answered or not, so that one long pause shows in all the
reads that waited for it. Beside the reads stand the records in LMDB and the bytes its file uses: before, when all is
quiet after the deletion and a clean stop, and when the same was loaded again.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from benchmarks.documents import fill_objserver, user
from benchmarks.harness import BenchmarkFailed, Report, Spread
from benchmarks.servers import Objserver, objserver
from objserver.wire import FrameReader, encode_request, parse_reply

MIB: Final = 1 << 20
OTHERS_COUNT: Final = 1_000
# Nothing is given back any more when the count of records has been the same for so long, without a checkpoint.
QUIET_SECONDS: Final = 2.0
QUIET_SECONDS_MAX: Final = 900.0
TOUCH_COUNT: Final = 500
# How often the server is asked how far it is: the answer takes its time from the reads.
ASK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Parameters:
    count: int
    touched_share: float
    """Of the objects that are in memory when they are dropped; the cache may hold fewer."""
    cache_mb: int
    seconds: float
    """How long is read before the deletion, and at least after it."""
    interval_seconds: float


SMALL: Final = Parameters(count=3_000, touched_share=0.3, cache_mb=16, seconds=0.3, interval_seconds=0.005)
FULL: Final = Parameters(count=1_000_000, touched_share=0.3, cache_mb=64, seconds=10, interval_seconds=0.002)


@dataclass(frozen=True)
class Space:
    """What LMDB holds after a clean stop."""

    records: int
    used: int  # bytes of its file, free pages in it included


@dataclass(frozen=True)
class Run:
    """Times in seconds; `before` and `after` are those of each read, in order, `after` from the deletion on."""

    delete: float
    quiet: float  # from the deletion until nothing changed any more
    before: list[float]
    after: list[float]
    space_before: Space
    space_after: Space
    space_again: Space
    pauses: dict[str, float]  # the server's own figures


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    report = Report("drop", "reply times of point reads, in ms, while a large dict is deleted", asdict(parameters))
    for number in range(rounds):
        found = measure(folder / f"drop-{number}", parameters)
        spaces = {"before": found.space_before, "after": found.space_after, "again": found.space_again}
        report.rows.append(
            {
                "objects": parameters.count,
                "del ms": found.delete * 1000,
                "quiet s": found.quiet,
                **{f"{at} before": percentile(found.before, share) for at, share in SHARES.items()},
                **{f"{at} after": percentile(found.after, share) for at, share in SHARES.items()},
                **{f"records {name}": space.records for name, space in spaces.items()},
                **{f"MiB {name}": space.used / MIB for name, space in spaces.items()},
            }
        )
        report.runs.append(asdict(found))
        report.notes.append(f"the server's own figures since its start: {found.pauses}")
    longest = Spread.of(float(row["max after"]) for row in report.rows if isinstance(row["max after"], float))
    report.notes.append(f"the longest reply since the deletion, in ms: {longest}")
    report.notes.append("records and MiB: of LMDB's file, before, after the deletion, and after loading the same again")
    return report


SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000


def measure(folder: Path, parameters: Parameters) -> Run:
    options = ["--cache-mb", str(parameters.cache_mb), "--retention-mb", "0"]
    with objserver(folder, *options) as server:
        fill_objserver(server, "users", parameters.count)
        fill_objserver(server, "cities", OTHERS_COUNT)
    before = space(folder, options)
    # What is dropped is found by checkpoints: one is to follow the deletion soon.
    with objserver(folder, *options, "--checkpoint-mb", "1") as server, server.client() as client:
        touch(client, int(parameters.count * parameters.touched_share))
        server.wait_idle()
        with Reader(server, parameters.interval_seconds) as reader:
            time.sleep(parameters.seconds)
            began = time.perf_counter()
            client.eval("del users")
            deleted = time.perf_counter()
            client.eval("filler = text", text="x" * (MIB + 1))
            quiet = wait_quiet(client, parameters.seconds)
        pauses = {name: value for name, value in client.stats().items() if "pause" in name}
        reads = reader.reads
    after = space(folder, options)
    with objserver(folder, *options) as server:
        fill_objserver(server, "users", parameters.count)
    return Run(
        deleted - began,
        quiet - began,
        [took for due, took in reads if due < began],
        [took for due, took in reads if due >= began],
        before,
        after,
        space(folder, options),
        pauses,
    )


def touch(client: Any, count: int) -> None:
    """Read the first `count` objects, so that they are in memory."""
    source = "n = 0\nfor _key in keys: n += users[_key]['age']\nn"
    for first in range(0, count, TOUCH_COUNT):
        numbers = range(first, min(first + TOUCH_COUNT, count))
        expected = sum(user(number)["age"] for number in numbers)
        if client.query(source, keys=[str(number) for number in numbers]) != expected:
            raise BenchmarkFailed(f"the objects from {first} on are not those that were stored")


def wait_quiet(client: Any, seconds: float) -> float:
    """Wait until nothing is given back any more, `seconds` at least; return when the last change was seen."""
    deadline = time.perf_counter() + QUIET_SECONDS_MAX
    least = time.perf_counter() + seconds
    seen, since = None, time.perf_counter()
    while True:
        found = client.stats()
        now = time.perf_counter()
        state = (found["store_records"], found["checkpoints"])
        if state != seen or found["checkpoint_running"]:
            seen, since = state, now
        if now > least and now - since > min(QUIET_SECONDS, seconds):
            return since
        if now > deadline:
            raise BenchmarkFailed(f"there are still changes {QUIET_SECONDS_MAX} s after the deletion")
        time.sleep(min(ASK_SECONDS, seconds))


def space(folder: Path, options: list[str]) -> Space:
    """What a stopped server's folder holds."""
    with objserver(folder, *options) as server:
        found = server.statistics()
    return Space(found["store_records"], found["store_used_size"])


class Reader(threading.Thread):
    """Reads a document of others at a steady pace, from the start of the block to its end.

    `reads` has for each when it was due (time.perf_counter) and how long after that the reply was there.
    """

    def __init__(self, server: Objserver, interval_seconds: float) -> None:
        super().__init__()
        self.reads: list[tuple[float, float]] = []
        self._server = server
        self._interval = interval_seconds
        self._ended = threading.Event()
        self._error: BaseException | None = None

    def __enter__(self) -> Reader:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._ended.set()
        self.join()
        if self._error is not None:
            raise BenchmarkFailed("the reads broke off") from self._error

    def run(self) -> None:
        host, _, port = self._server.address.rpartition(":")
        try:
            with socket.create_connection((host, int(port))) as connection:
                self._read(connection)
        except BaseException as error:
            self._error = error

    def _read(self, connection: socket.socket) -> None:
        frames = FrameReader()
        began = time.perf_counter()
        sent = 0
        while not self._ended.is_set() or len(self.reads) < sent:
            due = began + sent * self._interval
            wait = due - time.perf_counter()
            if wait <= 0 and not self._ended.is_set():
                source = {"source": "cities[k]['id']", "args": {"k": str(sent % OTHERS_COUNT)}}
                connection.sendall(encode_request(sent, "query", source))
                sent += 1
            elif select.select([connection], [], [], min(max(0.0, wait), ASK_SECONDS))[0]:
                now = time.perf_counter()
                for reply in map(parse_reply, frames.feed(connection.recv(65536))):
                    number = len(self.reads)
                    if (reply.id, reply.value) != (number, str(number % OTHERS_COUNT)):
                        raise BenchmarkFailed(f"read {number} got {reply}")
                    due = began + number * self._interval
                    self.reads.append((due, now - due))
