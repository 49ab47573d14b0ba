"""Point write: `users[k]['age'] += 1`, against a Redis script that decodes the document, counts, and stores it again.

In memory: objserver writes its log and never syncs it, Redis keeps no log. Durable: both sync before they answer,
objserver once a batch, Redis once for all commands of one turn of its event loop. Neither rewrites its log meanwhile.

Afterwards every document is read and the sum of the ages compared with the count of the replies: what was answered
was done, once.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.documents import batches, fill_objserver, fill_redis
from benchmarks.harness import BenchmarkFailed, Report, Shape, Target, Workload, compare
from benchmarks.servers import Objserver, Redis, objserver, redis_if_installed

SNIPPET: Final = "users[k]['age'] += 1"
LUA: Final = """
local user = cjson.decode(redis.call('GET', KEYS[1]))
user.age = user.age + 1
redis.call('SET', KEYS[1], cjson.encode(user))
"""

# name -> what objserver and what Redis is told about it
MODES: Final[dict[str, tuple[str, str | None]]] = {"in memory": ("none", None), "durable": ("always", "always")}


@dataclass(frozen=True)
class Parameters:
    documents: int
    seconds: float
    shapes: tuple[Shape, ...]


SMALL: Final = Parameters(documents=20, seconds=0.1, shapes=(Shape(4, 1), Shape(2, 4)))
FULL: Final = Parameters(documents=10_000, seconds=5, shapes=(Shape(50, 1), Shape(50, 16), Shape(1, 1)))


def run(full: bool, rounds: int, folder: Path) -> Report:
    """Measure in `folder`; without Redis, objserver alone.

    Raises:
        BenchmarkFailed: the ages do not add up to what was answered.
    """
    parameters = FULL if full else SMALL
    report = Report("point_write", "a nested counter of a document by its key, changes a second", asdict(parameters))
    params = {"source": SNIPPET, "args": {"k": "{{key}}"}}
    ages = sum(document["age"] for batch in batches("users", parameters.documents) for document in batch.values())
    for mode, (durability, appendfsync) in MODES.items():
        with ExitStack() as stack:
            ours = stack.enter_context(objserver(folder / f"objserver-{durability}", "--durability", durability))
            fill_objserver(ours, "users", parameters.documents)
            workload = Workload.request("eval", params, key_count=parameters.documents)
            targets = {"objserver": Target(ours.address, workload)}
            other = folder / f"redis-{durability}"
            theirs = redis_if_installed(stack, other, report.notes, appendfsync=appendfsync)
            if theirs is not None:
                fill_redis(theirs, "users", parameters.documents)
                (digest,) = theirs.command(["SCRIPT", "LOAD", LUA])
                workload = Workload.script(digest, "users:{{key}}", key_count=parameters.documents)
                targets["redis"] = Target(theirs.address, workload)
            answered = dict.fromkeys(targets, 0)
            for shape in parameters.shapes:
                found = compare(report, {"mode": mode}, targets, shape, rounds=rounds, seconds=parameters.seconds)
                answered = {name: count + found[name] for name, count in answered.items()}
            check("objserver", sum_of_objserver(ours), ages + answered["objserver"])
            if theirs is not None:
                check("redis", sum_of_redis(theirs, parameters.documents), ages + answered["redis"])
    return report


def check(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise BenchmarkFailed(f"{name}: the ages add up to {found}, but by its replies to {expected}")


def sum_of_objserver(server: Objserver) -> int:
    with server.client() as client:
        total = client.query("sum([_user['age'] for _user in users.values()])")
    assert isinstance(total, int)
    return total


def sum_of_redis(server: Redis, count: int) -> int:
    texts = server.command(*(["GET", f"users:{number}"] for number in range(count)))
    return sum(int(json.loads(text)["age"]) for text in texts)
