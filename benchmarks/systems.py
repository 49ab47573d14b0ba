"""The systems that do the work side by side: each is started, given the data, measured, and asked for its totals.

    start(name, folder, durable, count) -> System:  prepare(work) -> measure(...) -> totals(work)

Those with a server are measured by the load generator in their own protocol. ZEO's protocol is Python's pickles, so its
clients are Python processes (`zeo_client.py`), one for each connection but no more than ZEO_CLIENTS_MAX, and nothing is
pipelined. The floor is no server: the function in a loop in this process, on plain dicts and lists.

Promise: every system has the same data; each reply is checked for the text that the call expects.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks import peers, procedures, servers
from benchmarks.documents import compact
from benchmarks.harness import BenchmarkFailed, Figures, Load, Missing, Request, Shape, Target, Workload, message
from benchmarks.work import SCRIPTS, Call, Root, Work, filled, has
from objserver import Client

__all__ = ["NOTES", "SYSTEMS", "System", "can", "fill", "request_of", "start"]

# Enough to keep this machine's cores busy: each has a cache and an interpreter of its own.
ZEO_CLIENTS_MAX: Final = 8
# More would spend the time on starting as many Pythons.
PLPYTHON_CONNECTIONS_MAX: Final = 50
BATCH_COUNT: Final = 500
# From so many documents on, the checkpoint of what was loaded is waited for; of fewer nobody would notice it.
SETTLED_COUNT: Final = 1_000
# Calls of the floor between two looks at the clock.
STRIDE: Final = 100
HOW_TO_GET_PLPYTHON: Final = "PL/Python is not installed; on Debian: apt install postgresql-plpython3-15"
HOW_TO_GET_SORTED: Final = "the package sortedcontainers is not installed; it is in the extra `test`"


class System(ABC):
    """What is measured. `count` is how many documents there are; `folder` is its own."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count

    @abstractmethod
    def prepare(self, work: Work) -> None:
        """Replace whatever is there by the data of `work`, and define its functions."""

    @abstractmethod
    def measure(self, work: Work, shape: Shape, seconds: float, seed: int) -> Figures:
        """Raises BenchmarkFailed: a reply was wrong, there is no figure."""

    @abstractmethod
    def totals(self, work: Work) -> list[int]:
        """What `work` adds up to now, to be compared with the count of the replies."""

    def keys(self, work: Work) -> Path:
        """A file of the keys, for the load generator; the same for every system."""
        path = self.folder.with_name("keys-" + "-".join([work.name, *work.case.split()]).replace("%", "percent"))
        if not path.exists():
            path.write_text("".join(f"{key}\n" for key in work.keys(self.count)))
        return path


class Served(System):
    """A system with a server that the load generator speaks to."""

    protocol = ""
    statement: str | None = None

    def __init__(self, server: servers.Server, folder: Path, count: int, name: str) -> None:
        super().__init__(folder, count)
        self.server: Any = server
        self.name = name

    def request(self, work: Work, call: Call) -> str:
        return work.peers[self.name].requests[call.function]

    def measure(self, work: Work, shape: Shape, seconds: float, seed: int) -> Figures:
        requests = tuple(Request(self.request(work, call), call.expect) for call in work.calls)
        workload = Workload(self.protocol, requests, None, self.keys(work), work.key_order, self.statement)
        with Load(Target(self.server.address, workload), shape, seconds=seconds, seed=seed) as load:
            return load.figures()


def fill(client: Client, work: Work, count: int) -> None:
    """Put the data of `work` into an objserver, and define its functions."""
    ways = {
        "documents": ("{}", "[_key] = _entry"),
        "sequence": ("deque()", ".append(_entry)"),
        "sorted": ("SortedDict()", "[int(_key)] = _entry"),
    }
    client.eval("from collections import deque\nfrom itertools import islice")
    for root in work.roots:
        empty, put = ways[root.kind]
        client.eval(f"{root.name} = {empty}")
        for batch in parts(root, count):
            client.eval(f"for _key, _entry in batch.items(): {root.name}{put}", batch=batch)
    client.eval(work.functions())


def request_of(call: Call) -> str:
    """The template of a call's request to objserver."""
    if call.snippet:
        return message("eval", {"source": call.snippet, "args": {"k": "{{key}}"}})
    return message("call", {"path": call.function, "args": call.arguments})


class Objserver(Served):
    protocol = "objserver"

    def prepare(self, work: Work) -> None:
        with self.server.client() as client:
            fill(client, work, self.count)
        self.server.wait_idle(settled=self.count >= SETTLED_COUNT)

    def request(self, work: Work, call: Call) -> str:
        return request_of(call)

    def totals(self, work: Work) -> list[int]:
        with self.server.client() as client:
            found: list[int] = client.query(work.totals)
        return found


class Redis(Served):
    protocol = "redis"

    def prepare(self, work: Work) -> None:
        self.server.command(["FLUSHALL"])
        for root in work.roots:
            for batch in parts(root, self.count):
                self.server.command(*(self._put(root, key, entry) for key, entry in batch.items()))
        words = [word for request in work.peers[self.name].requests.values() for word in request.split()]
        self.server.command(*(["SCRIPT", "LOAD", SCRIPTS[word]] for word in words if word in SCRIPTS))

    @staticmethod
    def _put(root: Root, key: str, entry: Any) -> list[str]:
        if root.kind == "documents":
            return ["SET", f"{root.name}:{key}", compact(entry)]
        return ["RPUSH", root.name, compact(entry)] if root.kind == "sequence" else ["ZADD", root.name, key, entry]

    def totals(self, work: Work) -> list[int]:
        script = work.peers[self.name].totals
        return [int(word) for word in self.server.command(["EVAL", script, "0"])[0].split()] if script else []


class Memcached(Served):
    protocol = "memcached"

    def prepare(self, work: Work) -> None:
        for root in work.roots:
            for batch in parts(root, self.count):
                self.server.fill({f"{root.name}:{key}": compact(entry) for key, entry in batch.items()})

    def totals(self, work: Work) -> list[int]:
        return []


class Postgresql(Served):
    protocol = "postgresql"

    def prepare(self, work: Work) -> None:
        text = ["DROP SCHEMA public CASCADE; CREATE SCHEMA public;"]
        for root in work.roots:
            key, value = {
                "documents": ("text PRIMARY KEY", "jsonb"),
                "sequence": ("bigserial PRIMARY KEY", "jsonb"),
                "sorted": ("int PRIMARY KEY", "text"),
            }[root.kind]
            text.append(f"CREATE TABLE {root.name} (k {key}, d {value});")
            columns = "(d)" if root.kind == "sequence" else "(k, d)"
            text.append(f"COPY {root.name} {columns} FROM STDIN WITH (FORMAT csv);")
            for batch in parts(root, self.count):
                for name, entry in batch.items():
                    quoted = (entry if root.kind == "sorted" else compact(entry)).replace('"', '""')
                    text.append(f'"{quoted}"' if root.kind == "sequence" else f'{name},"{quoted}"')
            text.append("\\.")
            text.append(f"ANALYZE {root.name};")
        self.server.run("\n".join([*text, work.peers[self.name].setup]))

    def totals(self, work: Work) -> list[int]:
        query = work.peers[self.name].totals
        return [int(word) for line in self.server.run(query) for word in line.split("|")] if query else []


class Plpython(Postgresql):
    # Each session starts a Python of its own, at its first call; that is no part of the work.
    statement = "DO LANGUAGE plpython3u 'pass'"

    def prepare(self, work: Work) -> None:
        try:
            self.server.run("CREATE EXTENSION IF NOT EXISTS plpython3u")
        except BenchmarkFailed as failure:
            raise Missing(f"{HOW_TO_GET_PLPYTHON} ({failure})") from None
        super().prepare(work)


class Tarantool(Served):
    protocol = "tarantool"

    def prepare(self, work: Work) -> None:
        for root in work.roots:
            kind = "string" if root.kind == "documents" else "unsigned"
            sequence = str(root.kind == "sequence").lower()
            self.server.run(f"""
                if box.space.{root.name} then box.space.{root.name}:drop() end
                local space = box.schema.space.create('{root.name}')
                space:create_index('primary', {{parts = {{1, '{kind}'}}, sequence = {sequence} or nil}})
            """)
            key = {"documents": "one[1]", "sorted": "tonumber(one[1])", "sequence": "box.NULL"}[root.kind]
            put = f"""
                local entries = ...
                box.atomic(function()
                    for _, one in ipairs(entries) do box.space.{root.name}:insert{{{key}, one[2]}} end
                end)
            """
            for batch in parts(root, self.count):
                self.server.run(put, list(batch.items()))
        self.server.run(work.peers[self.name].setup)

    def totals(self, work: Work) -> list[int]:
        script = work.peers[self.name].totals
        return [int(number) for number in self.server.run(script)] if script else []


class Zeo(System):
    """The clients are started with the server and told what to do by lines of JSON; `zeo_client.py` answers in them."""

    def __init__(self, server: servers.Server, folder: Path, count: int) -> None:
        super().__init__(folder, count)
        self._words = [sys.executable, "-m", "benchmarks.zeo_client", server.address]
        self._clients: list[subprocess.Popen[str]] = []

    def prepare(self, work: Work) -> None:
        self._ask(1, {"do": "reset"})
        for root in work.roots:
            self._ask(1, {"do": "make", "root": root.name, "kind": root.kind})
            for batch in parts(root, self.count):
                self._ask(1, {"do": "fill", "root": root.name, "entries": batch})

    def measure(self, work: Work, shape: Shape, seconds: float, seed: int) -> Figures:
        calls = [[call.function, call.arguments, call.expect] for call in work.calls]
        order = {"do": "run", "calls": calls, "keys": str(self.keys(work)), "order": work.key_order, "seconds": seconds}
        found = self._ask(min(shape.connections, ZEO_CLIENTS_MAX), order, seed)
        latencies = sorted(latency for one in found for latency in one["latencies_us"])
        if not latencies:
            raise BenchmarkFailed("zeo: nothing was done in the time")
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
        last = len(latencies) - 1
        by_template = [sum(counts) for counts in zip(*(one["by_call"] for one in found), strict=True)]
        longest = max(one["seconds"] for one in found)
        return Figures(
            requests=len(latencies),
            seconds=longest,
            throughput=len(latencies) / longest,
            latency_us={name: latencies[round(share * last)] for name, share in shares.items()},
            bytes_sent=0,
            bytes_received=0,
            cpu_seconds=sum(one["cpu_seconds"] for one in found),
            by_template=by_template,
        )

    def totals(self, work: Work) -> list[int]:
        return list(self._ask(1, {"do": "totals", "expression": work.totals})[0])

    def close(self) -> None:
        for client in self._clients:
            client.communicate()

    def _ask(self, count: int, order: dict[str, Any], seed: int = 0) -> list[Any]:
        """Give the first `count` clients the order, all before any answer is awaited; return the answers."""
        while len(self._clients) < count:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._clients.append(subprocess.Popen(self._words, text=True, **pipes))
            self._hear(self._clients[-1])  # that it is connected
        for at, client in enumerate(self._clients[:count]):
            self._tell(client, {**order, "part": at, "parts": count, "seed": 1000 * seed + at})
        return [self._hear(client) for client in self._clients[:count]]

    @staticmethod
    def _tell(client: subprocess.Popen[str], order: dict[str, Any]) -> None:
        assert client.stdin is not None
        client.stdin.write(json.dumps(order) + "\n")
        client.stdin.flush()

    @staticmethod
    def _hear(client: subprocess.Popen[str]) -> Any:
        assert client.stdout is not None
        line = client.stdout.readline()
        answer = json.loads(line) if line else {"failure": "a client ended; see above"}
        if isinstance(answer, dict) and "failure" in answer:
            raise BenchmarkFailed(f"zeo: {answer['failure']}")
        return answer


class Floor(System):
    def prepare(self, work: Work) -> None:
        for root in work.roots:
            setattr(procedures, root.name, plain(root, root.entries(self.count)))

    def measure(self, work: Work, shape: Shape, seconds: float, seed: int) -> Figures:
        keys = self.keys(work).read_text().splitlines()
        functions = [getattr(procedures, call.function) for call in work.calls]
        draw, done, spent = random.Random(seed), 0, 0.0
        made = [0] * len(work.calls)
        deadline = time.monotonic() + seconds
        while not done or time.monotonic() < deadline:
            # Keys are drawn and replies checked outside what is timed. A stride is short where a call is long.
            steps = []
            for number in range(done, done + (STRIDE if done else len(functions))):
                which = number % len(functions)
                key = keys[number % len(keys)] if work.key_order == "sequential" else draw.choice(keys)
                given = [filled(text, key) for text in work.calls[which].arguments]
                steps.append((which, key, functions[which], given))
            start_seconds = time.perf_counter()
            replies = [function(*given) for _, _, function, given in steps]
            spent += time.perf_counter() - start_seconds
            for reply, (which, key, _, _) in zip(replies, steps, strict=True):
                wanted = work.calls[which].expect
                if wanted and not has(reply, filled(wanted, key)):
                    raise BenchmarkFailed(f"floor: {work.calls[which].function} of {key!r} returned {reply!r}")
                made[which] += 1
            done += len(steps)
        return Figures(done, spent, done / spent, {}, 0, 0, spent, made)

    def totals(self, work: Work) -> list[int]:
        return list(eval(work.totals, vars(procedures)))


def plain(root: Root, entries: Mapping[str, Any]) -> Any:
    """The entries as the plain object that the root is in Python."""
    if root.kind == "documents":
        return dict(entries)
    if root.kind == "sequence":
        return deque(entries.values())
    if find_spec("sortedcontainers") is None:
        raise Missing(HOW_TO_GET_SORTED)
    from sortedcontainers import SortedDict

    return SortedDict({int(key): entry for key, entry in entries.items()})


def parts(root: Root, count: int) -> Iterator[dict[str, Any]]:
    """The root's entries by key, in batches."""
    entries = iter(root.entries(count).items())
    while batch := dict(islice(entries, BATCH_COUNT)):
        yield batch


# ---- All of them, in the order of the tables

SYSTEMS: Final = ("objserver", "redis", "tarantool", "postgresql", "plpython", "memcached", "zeo", "floor")


NOTES: Final[Mapping[str, str]] = {
    "zeo": f"zeo: clients are Python processes, at most {ZEO_CLIENTS_MAX} however many connections; none is pipelined",
    "plpython": f"plpython: at most {PLPYTHON_CONNECTIONS_MAX} connections, as each starts a Python of its own",
    "floor": "floor: the function in a loop in one process, without a server",
}
"""What a reader of any table must know of a system."""


def can(name: str, work: Work, shape: Shape) -> bool:
    """Whether a system takes part in a row."""
    if name == "zeo":
        return shape.pipeline == 1
    if name == "plpython" and shape.connections > PLPYTHON_CONNECTIONS_MAX:
        return False
    return name in ("objserver", "floor") or name in work.peers


@contextmanager
def start(name: str, folder: Path, *, durable: bool, count: int) -> Iterator[System]:
    """Start a system with its data in `folder`; stop it at the end of the block.

    Raises:
        Missing: it is not installed, or has no such durability.
    """
    if name == "objserver":
        with servers.objserver(folder, "--durability", "always" if durable else "none") as server:
            yield Objserver(server, folder, count, name)
    elif name == "redis":
        with servers.redis(folder, appendfsync="always" if durable else None) as server:
            yield Redis(server, folder, count, name)
    elif name == "tarantool":
        with peers.tarantool(folder, durable=durable) as server:
            yield Tarantool(server, folder, count, name)
    elif name in ("postgresql", "plpython"):
        with peers.postgresql(folder, durable=durable) as server:
            yield (Postgresql if name == "postgresql" else Plpython)(server, folder, count, name)
    elif name == "memcached":
        if durable:
            raise Missing("it keeps nothing on a disk")
        with peers.memcached(folder) as server:
            yield Memcached(server, folder, count, name)
    elif name == "zeo":
        with peers.zeo(folder, durable=durable) as server, closing(Zeo(server, folder, count)) as system:
            yield system
    else:
        assert name == "floor"
        yield Floor(folder, count)
