"""Point read: `users[k]` with the key as a parameter, against a Redis script that returns the document's JSON text.

Redis runs without persistence, objserver as by default (every change synced): a read logs nothing. All documents fit
into memory. Both answer the whole document, and every reply is checked to be the document that was asked for.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.documents import EXPECTED, MAKERS, fill_objserver, fill_redis
from benchmarks.harness import Report, Shape, Target, Workload, compare
from benchmarks.servers import objserver, redis_if_installed

LUA: Final = "return redis.call('GET', KEYS[1])"


@dataclass(frozen=True)
class Parameters:
    documents: int
    seconds: float
    shapes: tuple[Shape, ...]


SMALL: Final = Parameters(documents=50, seconds=0.1, shapes=(Shape(4, 1), Shape(2, 4)))
FULL: Final = Parameters(documents=20_000, seconds=5, shapes=(Shape(50, 1), Shape(50, 16), Shape(1, 1)))


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`; without Redis, objserver alone."""
    parameters = FULL if full else SMALL
    report = Report("point_read", "a document by its key, requests a second", asdict(parameters))
    with ExitStack() as stack:
        ours = stack.enter_context(objserver(folder / "objserver"))
        theirs = redis_if_installed(stack, folder / "redis", report.notes)
        checks = {"expect": EXPECTED, "key_count": parameters.documents}
        for kind in MAKERS:
            fill_objserver(ours, kind, parameters.documents)
            params = {"source": f"{kind}[k]", "args": {"k": "{{key}}"}}
            targets = {"objserver": Target(ours.address, Workload.request("eval", params, **checks))}
            if theirs is not None:
                fill_redis(theirs, kind, parameters.documents)
                (digest,) = theirs.command(["SCRIPT", "LOAD", LUA])
                targets["redis"] = Target(theirs.address, Workload.script(digest, f"{kind}:{{{{key}}}}", **checks))
            for shape in parameters.shapes:
                compare(report, {"documents": kind}, targets, shape, rounds=rounds, seconds=parameters.seconds)
    return report
