"""Scale: dicts, lists and deques of up to ten million entries, with a cache that holds a small part of them.

    load      batches of 1,000 entries of some 100 bytes, each synced; the greatest memory meanwhile
    cold      read 10,000 keys drawn from all, within one query; beside it LMDB's own random get and decoding of the
              same entries, of a file made for that, in the measuring process: with as much of it mapped as there is,
              and again with no more mapped at once than the server allows itself
    warm      the same 1,000 keys again and again
    scan      walk over all keys
    ends      a list and a deque of as many items: append, take off, look into the middle
    open      from exec to ready, after a clean stop

Loops in a query pay fuel and the loop itself; what that costs is measured with a small dict and printed as `loop us`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import lmdb
import msgpack

from benchmarks.harness import BenchmarkFailed, Report, Spread
from benchmarks.servers import Objserver, objserver
from objserver.store import file
from objserver.store.environment import MAPPED_SIZE_MAX

MIB: Final = 1 << 20
BATCH_COUNT: Final = 1_000
CACHE_MB: Final = 64
VALUE: Final = "x" * 85
# Gets between two looks at how much is mapped: as the server's store.
LOOK_COUNT: Final = 128

READS: Final = """
def reads(d, ks, times):
    n = 0
    for _ in range(times):
        for k in ks:
            n += len(d[k])
    return n
"""
ENDS: Final = """
def ends(x, times):
    middle = len(x) // 2
    for n in range(times):
        x.append(n)
        x.pop()
        x[middle]
"""


@dataclass(frozen=True)
class Parameters:
    counts: tuple[int, ...]
    read_count: int


SMALL: Final = Parameters(counts=(2_000,), read_count=200)
FULL: Final = Parameters(counts=(10_000, 100_000, 1_000_000, 10_000_000), read_count=10_000)


@dataclass(frozen=True)
class Run:
    """Microseconds are of one entry or operation; memory is the greatest that was seen, in bytes."""

    count: int
    load_per_second: float
    cold_us: float
    lmdb_us: float
    bounded_lmdb_us: float
    warm_us: float
    loop_us: float
    scan_us: float
    list_us: float
    deque_us: float
    open_seconds: float
    loading: list[int]  # memory ten times a second
    read_memory: int
    disk: int


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    report = Report("scale", f"one dict of N entries of 100 bytes, {CACHE_MB} MB of cache", asdict(parameters))
    for count in parameters.counts:
        runs = [measure(folder / f"scale-{count}-{number}", count, parameters.read_count) for number in range(rounds)]
        report.rows.append(
            {
                "entries": count,
                "load /s": Spread.of(one.load_per_second for one in runs),
                "cold us": Spread.of(one.cold_us for one in runs),
                "LMDB us": Spread.of(one.lmdb_us for one in runs),
                "bounded LMDB us": Spread.of(one.bounded_lmdb_us for one in runs),
                "ratio": Spread.of(read_us(one) / one.lmdb_us for one in runs),
                "bounded ratio": Spread.of(read_us(one) / one.bounded_lmdb_us for one in runs),
                "warm us": Spread.of(one.warm_us for one in runs),
                "loop us": Spread.of(one.loop_us for one in runs),
                "scan us": Spread.of(one.scan_us for one in runs),
                "list us": Spread.of(one.list_us for one in runs),
                "deque us": Spread.of(one.deque_us for one in runs),
                "open s": Spread.of(one.open_seconds for one in runs),
                "MiB loading": Spread.of(max(one.loading) / MIB for one in runs),
                "MiB reading": Spread.of(one.read_memory / MIB for one in runs),
                "bytes on disk each": Spread.of(one.disk / count for one in runs),
            }
        )
        report.runs += [asdict(one) for one in runs]
    report.notes.append(
        "ratio: a cold read without its loop, to a random get and decoding by LMDB alone; bounded ratio: to the same "
        f"by LMDB with no more than {MAPPED_SIZE_MAX // MIB} MiB mapped at once, which is what the server allows itself"
    )
    return report


def read_us(one: Run) -> float:
    """A cold read without its loop; in short runs what else the machine did may be more than that."""
    return max(0.0, one.cold_us - one.loop_us)


def measure(folder: Path, count: int, read_count: int) -> Run:
    drawn = random.Random(count)
    keys = [key(drawn.randrange(count)) for _ in range(read_count)]
    # A walk over ten million entries takes longer than a server lets a snippet take.
    options = ["--cache-mb", str(CACHE_MB), "--fuel", str(50 * count + 10**8), "--snippet-seconds", "3600"]
    with objserver(folder, *options) as server:
        with server.client() as client, watched(server) as loading:
            client.eval("d = {}")
            began = time.perf_counter()
            for first in range(0, count, BATCH_COUNT):
                batch = {key(number): VALUE for number in range(first, min(first + BATCH_COUNT, count))}
                client.eval("d.update(batch)", batch=batch)
            load_seconds = time.perf_counter() - began
            client.eval(READS)
            client.eval(ENDS)
            client.eval("small = {k: '' for k in ks[:100]}", ks=[key(number) for number in range(100)])
            client.eval("from collections import deque\nitems = list(range(1000))\nqueue = deque(items)")
            for first in range(1000, count, 100_000):
                more = min(100_000, count - first)
                client.eval("items.extend(range(more))\nqueue.extend(range(more))", more=more)
        server.wait_idle()
    with objserver(folder, *options) as server:
        opened = server.ready_seconds
        with server.client() as client, watched(server) as reading:
            if client.query("[len(d), len(items), len(queue)]") != [count, max(count, 1000), max(count, 1000)]:
                raise BenchmarkFailed("not everything that was loaded is there")
            cold = seconds(lambda: check(client.query("reads(d, ks, 1)", ks=keys), read_count))
            warm = keys[: read_count // 10]
            client.query("reads(d, ks, 2)", ks=warm)
            hot = seconds(lambda: check(client.query("reads(d, ks, 10)", ks=warm), len(warm) * 10))
            few = [key(number % 100) for number in range(read_count)]
            loop = seconds(lambda: client.query("reads(small, ks, 1)", ks=few))
            scan = seconds(lambda: client.query("n = 0\nfor k in d:\n  n += 1\nn"))
            times = read_count
            row = seconds(lambda: client.eval("ends(items, times)", times=times))
            queue = seconds(lambda: client.eval("ends(queue, times)", times=times))
    disk = sum(path.stat().st_size for path in (folder / "heap").iterdir())
    return Run(
        count, count / load_seconds, cold / read_count * 1e6, *lmdb_reads(folder / "lmdb", count, keys),
        hot / len(warm) / 10 * 1e6, loop / read_count * 1e6, scan / count * 1e6, row / times / 3 * 1e6,
        queue / times / 3 * 1e6, opened, loading, max(reading), disk,
    )  # fmt: skip


def key(number: int) -> str:
    return f"user:{number:08d}"


def check(found: Any, read_count: int) -> None:
    if found != read_count * len(VALUE):
        raise BenchmarkFailed(f"{read_count} reads gave {found!r} characters")


def seconds(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@contextmanager
def watched(server: Objserver) -> Iterator[list[int]]:
    """Look at the server's resident memory ten times a second; the list gets what is seen."""
    seen = [server.memory()["total"]]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            seen.append(server.memory()["total"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def lmdb_reads(folder: Path, count: int, keys: list[str]) -> tuple[float, float]:
    """Return the microseconds of a random get of LMDB with decoding, from a file of the same entries: as it is, and
    with what is mapped let go of when it is more than the server would have mapped."""
    folder.mkdir(parents=True)
    packed = msgpack.packb(VALUE)
    with lmdb.open(str(folder), map_size=1 << 40, readahead=False, sync=False) as env:
        for first in range(0, count, 100_000):
            with env.begin(write=True) as txn:
                for number in range(first, min(first + 100_000, count)):
                    txn.put(key(number).encode(), packed)
        with env.begin() as txn:
            began = time.perf_counter()
            for one in keys:
                msgpack.unpackb(txn.get(one.encode()))
            unbounded = time.perf_counter() - began
            file.let_go(folder / "data.mdb")
            began = time.perf_counter()
            for place, one in enumerate(keys):
                msgpack.unpackb(txn.get(one.encode()))
                if place % LOOK_COUNT == 0 and file.mapped_size() > MAPPED_SIZE_MAX:
                    file.let_go(folder / "data.mdb")
            bounded = time.perf_counter() - began
            return unbounded / len(keys) * 1e6, bounded / len(keys) * 1e6
