"""Footprint: what one small object takes, on disk and in memory; beside it ZODB and Redis with the same data.

    dict        a flat record of 5 fields      ZODB: PersistentMapping         Redis: a hash
    list        10 numbers                     ZODB: PersistentList            Redis: a list
    instance    the record as 5 attributes     ZODB: a Persistent of its own   Redis: a hash

Each object is kept under a key of one dict; with ZODB of an OOBTree, with Redis of the database itself.

    on disk     what is allocated after a checkpoint, a pack, a save. objserver's log is not counted, as it holds what
                happened and not what is; Redis' append-only file, which does the same, is shown as it was written
    in memory   the process with all objects in use, less the same process with none: anonymous memory, since LMDB's
                mapped file is memory that the system may take back. Redis has all in memory always
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.documents import BATCH_COUNT, user
from benchmarks.harness import BenchmarkFailed, Report, Spread, disk_size, in_turn, ratio
from benchmarks.servers import HOW_TO_GET_REDIS, objserver, redis

KINDS: Final = ("dict", "list", "instance")
HOW_TO_GET: Final = {"zodb": "ZODB is not installed; it is in the extra `bench`", "redis": HOW_TO_GET_REDIS}
CACHE_MB: Final = 4096  # above everything that is made here

# The server makes instances of the records that it is sent.
LOAD: Final = {
    "dict": "kept.update(batch)",
    "list": "kept.update(batch)",
    "instance": "for _key, _fields in batch.items(): kept[_key] = User(**_fields)",
}
CLASS: Final = """
class User:
    def __init__(self, id, name, age, email, active):
        self.id = id
        self.name = name
        self.age = age
        self.email = email
        self.active = active
"""
# Touches every object, and tells that it is there.
WALK: Final = {
    "dict": "sum(one['age'] for one in kept.values())",
    "list": "sum(one[9] for one in kept.values())",
    "instance": "sum(one.age for one in kept.values())",
}


@dataclass(frozen=True)
class Parameters:
    count: int


SMALL: Final = Parameters(count=1_000)
FULL: Final = Parameters(count=100_000)


@dataclass(frozen=True)
class Size:
    """Bytes of all objects; `log` is what a file of all that happened has."""

    disk: int
    memory: int
    log: int = 0


Measure = Callable[[str, Path, int], Size]


def run(full: bool, rounds: int, folder: Path) -> Report:
    parameters = FULL if full else SMALL
    count = parameters.count
    report = Report("footprint", f"bytes of each of {count:,} small objects, kept under keys", asdict(parameters))
    stores: dict[str, Measure] = {"objserver": of_objserver, "zodb": of_zodb, "redis": of_redis}
    for name, how in missing().items():
        report.notes.append(f"{name} skipped: {how}")
        del stores[name]
    for kind in KINDS:
        measured = {
            name: partial(in_folder, measure, kind, folder / f"{name}-{kind}", count)
            for name, measure in stores.items()
        }
        found = in_turn(measured, rounds)
        row: dict[str, Any] = {"object": kind}
        for what in ("disk", "memory"):
            sizes = {name: [getattr(one, what) / count for one in runs] for name, runs in found.items()}
            row |= {f"{name} {what}": Spread.of(values) for name, values in sizes.items()}
            row |= {f"{what} to {name}": ratio(sizes["objserver"], values)
                    for name, values in sizes.items() if name != "objserver"}  # fmt: skip
        for name, runs in found.items():
            if any(one.log for one in runs):
                row[f"{name} log"] = Spread.of(one.log / count for one in runs)
            report.runs += [{"object": kind, "server": name, **asdict(one)} for one in runs]
        report.rows.append(row)
    report.notes.append("`disk to zodb` and the like: objserver's bytes to the other's, below 1 is smaller")
    return report


def missing() -> dict[str, str]:
    """What can't be measured here, and how to get it."""
    there = {"zodb": importlib.util.find_spec("ZODB"), "redis": shutil.which("redis-server")}
    return {name: HOW_TO_GET[name] for name, found in there.items() if found is None}


def in_folder(measure: Measure, kind: str, folder: Path, count: int, number: int) -> Size:
    return measure(kind, folder.with_name(f"{folder.name}-{number}"), count)


def content(kind: str, number: int) -> Any:
    """What object `number` holds."""
    return [number * step % 1_000_003 for step in range(1, 11)] if kind == "list" else user(number)


def check(kind: str, count: int, found: int) -> None:
    """What `WALK` gives must be what was stored."""
    field = 9 if kind == "list" else "age"
    if found != sum(content(kind, number)[field] for number in range(count)):
        raise BenchmarkFailed(f"the {count} objects of kind {kind} are not those that were stored")


def of_objserver(kind: str, folder: Path, count: int) -> Size:
    with objserver(folder) as server, server.client() as client:
        client.eval("kept = {}\n" + CLASS)
        for first in range(0, count, BATCH_COUNT):
            numbers = range(first, min(first + BATCH_COUNT, count))
            client.eval(LOAD[kind], batch={str(number): content(kind, number) for number in numbers})
    # A clean stop has made a checkpoint.
    options = ["--cache-mb", str(CACHE_MB), "--fuel", str(100 * count + 10**6)]
    with objserver(folder, *options) as server, server.client() as client:
        client.query("len(kept)")
        before = server.memory()["anonymous"]
        check(kind, count, client.query(WALK[kind]))
        return Size(disk_size(folder / "heap"), server.memory()["anonymous"] - before)


def of_zodb(kind: str, folder: Path, count: int) -> Size:
    folder.mkdir()
    words = [sys.executable, "-m", "benchmarks.zodb_objects", kind, str(folder), str(count)]
    output = ""
    for step in ("store", "load"):
        done = subprocess.run([*words, step], capture_output=True, text=True)
        if done.returncode:
            raise BenchmarkFailed(f"{words!r} ended with {done.returncode}; it said: {done.stderr[-2000:]}")
        output = done.stdout
    found = json.loads(output)
    check(kind, count, found["sum"])
    return Size(disk_size(folder), found["memory"])


def of_redis(kind: str, folder: Path, count: int) -> Size:
    with redis(folder, appendfsync="everysec") as server:
        before = server.memory()["anonymous"]
        for first in range(0, count, BATCH_COUNT):
            numbers = range(first, min(first + BATCH_COUNT, count))
            server.command(*(redis_words(kind, number) for number in numbers))
        server.command(["SAVE"])
    log = disk_size(folder / "appendonlydir")
    with redis(folder) as server:  # which reads what was saved
        [found] = server.command(["DBSIZE"])
        if found != str(count):
            raise BenchmarkFailed(f"redis has {found} of {count} objects")
        return Size(disk_size(folder) - log, server.memory()["anonymous"] - before, log)


def redis_words(kind: str, number: int) -> list[str]:
    held = content(kind, number)
    if kind == "list":
        return ["RPUSH", f"kept:{number}", *map(str, held)]
    return ["HSET", f"kept:{number}", *(word for name, value in held.items() for word in (name, str(value)))]
