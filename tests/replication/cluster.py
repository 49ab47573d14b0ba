"""A cluster of real servers on loopback, and proxies between them that cut, stall and part.

    Cluster -- start --> Node: `objserver serve`, at a port and in a folder of its own, killed and started again at will
            -- proxy --> Proxy: a port that leads to a node as long as it is let
            -- check --> every folder verified, every heap the same

Nothing here waits for a time to pass: `wait` asks again until what it waits for is so.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from objserver.engine import Options
from objserver.engine.verify import verify
from objserver.wire import FrameReader, Reply, encode_request, parse_reply
from tests.engine.bench import Bench
from tests.engine.test_programs import records

# Far above what anything here takes; a test that reaches it fails instead of hanging.
SECONDS_MAX = 60

_SUPERVISOR_ARGUMENTS = ("--checkpoint-mb", "1", "--cache-mb", "1", "--checkpoint-seconds", "0.5")


class Gone(Exception):
    """The connection ended before the reply."""


class Link:
    """A client that speaks to one node and hides nothing."""

    def __init__(self, port: int) -> None:
        try:
            self.sock = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
        except OSError as error:
            raise Gone(str(error)) from error
        self._reader = FrameReader()
        self._bodies: list[bytes] = []
        self._id = 0

    def send(self, method: str, **params: Any) -> None:
        self._id += 1
        try:
            self.sock.sendall(encode_request(self._id, method, params))
        except OSError as error:
            raise Gone(str(error)) from error

    def body(self) -> bytes:
        while not self._bodies:
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                raise AssertionError("no reply came") from None
            except OSError as error:
                raise Gone(str(error)) from error
            if not data:
                raise Gone("the server closed the connection")
            self._bodies = self._reader.feed(data)
        return self._bodies.pop(0)

    def ask(self, method: str, **params: Any) -> Reply:
        self.send(method, **params)
        return parse_reply(self.body())

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Proxy:
    """Leads to `port` at a port of its own. What goes to whoever connected can be stalled or cut.

    Attributes:
        passed: bytes that went that way.
        parted: whether whoever connects is turned away.
    """

    def __init__(self, port: int) -> None:
        self.passed = 0
        self.parted = False
        self._target = port
        self._left: int | None = None
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._socks: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._run(self._accept)

    def stall(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        with self._lock:
            for sock in self._socks:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def cut_after(self, size: int) -> None:
        """Cut when so many more bytes have gone to whoever connected."""
        self._left = size

    def part(self) -> None:
        self.parted = True
        self.cut()

    def mend(self) -> None:
        self.parted = False

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.flow()
        self.cut()
        for thread in self._threads:
            thread.join(SECONDS_MAX)

    def _run(self, function: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.parted:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), SECONDS_MAX)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._socks |= {near, far}
            self._run(self._serve, near, far)

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        up = threading.Thread(target=self._pump, args=(near, far, False), daemon=True)
        up.start()
        self._pump(far, near, True)
        up.join()
        with self._lock:
            self._socks -= {near, far}
        near.close()
        far.close()

    def _pump(self, source: socket.socket, sink: socket.socket, down: bool) -> None:
        try:
            while data := source.recv(65536):
                if down:
                    self._flows.wait()
                    if self._left is not None:
                        data = data[: self._left]
                        self._left -= len(data)
                    self.passed += len(data)
                sink.sendall(data)
                if down and self._left == 0:
                    self._left = None
                    break
        except OSError:
            pass
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Node:
    """One `objserver serve`."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.name = name
        self.folder = folder / name
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.arguments: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._errors = folder / f"{name}.err"

    def start(self, *arguments: str, wait: bool = True) -> None:
        """Start it, with other arguments if some are given."""
        assert self.process is None
        if arguments:
            self.arguments = list(arguments)
        command = [sys.executable, "-m", "objserver", "serve", "--data", str(self.folder), "--listen", self.address]
        with self._errors.open("a") as errors:
            self.process = subprocess.Popen(
                [*command, *_SUPERVISOR_ARGUMENTS, *self.arguments],
                stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ,
            )  # fmt: skip
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), (self.name, line, self.told())

    def kill(self) -> None:
        """Kill the supervisor, which takes the server along."""
        assert self.process is not None
        self.process.kill()
        with self.process as process:
            process.wait(SECONDS_MAX)
        self.process = None
        _wait_free(self.port)

    def kill_server(self) -> None:
        """Kill the serving process alone; its supervisor has another one at once."""
        for child in self.children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def children(self) -> list[int]:
        assert self.process is not None
        number = self.process.pid
        return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait_ended()

    def wait_ended(self) -> int:
        assert self.process is not None
        with self.process as process:
            status = process.wait(SECONDS_MAX)
        self.process = None
        return status

    def told(self) -> str:
        """What it said to its operator so far."""
        return self._errors.read_text(errors="replace")

    def link(self) -> Link:
        return Link(self.port)

    def ask(self, method: str, **params: Any) -> Reply:
        with self.link() as link:
            return link.ask(method, **params)

    def value(self, source: str, method: str = "eval", /, min_seq: int | None = None, **args: Any) -> Any:
        """Run a snippet that has to succeed."""
        bounds = {} if min_seq is None else {"min_seq": min_seq, "wait_ms": 60_000}
        reply = self.ask(method, source=source, args=args, **bounds)
        assert reply.error is None, (self.name, reply.error, self.told())
        return reply.value

    def query(self, source: str, /, min_seq: int | None = None, **args: Any) -> Any:
        return self.value(source, "query", min_seq, **args)

    def stats(self) -> dict[str, Any]:
        value = self.ask("stats").value
        assert isinstance(value, dict)
        return value

    def replication(self) -> dict[str, Any]:
        """Its figures of replication; none while it does not answer."""
        try:
            found = self.stats()
        except Gone:
            return {}
        told: dict[str, Any] = found["replication"]
        return told | {"seq": found["seq"]}

    def lost(self) -> list[dict[str, Any]]:
        """The arguments of the snippets that it had beyond another history."""
        paths = sorted(self.folder.glob("lost/*.jsonl"))
        entries = [orjson.loads(line) for path in paths for line in path.read_bytes().splitlines()]
        return [orjson.loads(item["args"]) for entry in entries for item in entry["snippets"]]


class Cluster:
    """Nodes and proxies of one test, all ended when it ends."""

    def __init__(self, folder: Path) -> None:
        self.nodes: list[Node] = []
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in self.nodes:
            if node.process is not None:
                node.kill()
            if error is not None:
                print(f"--- {node.name}, port {node.port} ---\n{node.told()}")
        self._stack.close()

    def node(self, *arguments: str, start: bool = True) -> Node:
        """Return a new node, started with these arguments."""
        node = Node(chr(ord("a") + len(self.nodes)), self._folder, free_port())
        self.nodes.append(node)
        node.arguments = list(arguments)
        if start:
            node.start()
        return node

    def follower(self, *leaders: Node | Proxy, arguments: Sequence[str] = ()) -> Node:
        """Return a new node that follows these."""
        return self.node(*(text for leader in leaders for text in ("--follow", leader.address)), *arguments)

    def proxy(self, node: Node) -> Proxy:
        proxy = Proxy(node.port)
        self._stack.callback(proxy.close)
        return proxy

    def level(self, *nodes: Node) -> int:
        """Wait until these have what the first of them has; return that entry's seq."""
        seq: int = nodes[0].stats()["seq"]
        for node in nodes[1:]:
            wait(lambda node=node: node.replication().get("seq", -1) >= seq, lambda node=node: node.told())  # type: ignore[misc]
        return seq

    def check(self, *nodes: Node) -> None:
        """Stop these, the leader first, and see that their folders are sound and their heaps the same."""
        chosen = list(nodes or self.nodes)
        chosen.sort(key=lambda node: node.replication().get("role") != "leader")
        self.level(*chosen)
        for node in chosen:
            status = node.stop()
            assert status == 0, (node.name, status, node.told())
        kept: dict[str, list[str]] = {}
        for node in chosen:
            report = verify(node.folder)
            assert report.sound, (node.name, report.findings.kept)
            bench = Bench(node.folder, Options(durability="none"))
            kept[node.name] = records(bench)
            bench.kill()
        first = kept.pop(chosen[0].name)
        for name, found in kept.items():
            assert found == first, (chosen[0].name, name)


def wait(until: Callable[[], object], why: Callable[[], object] = lambda: "") -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + SECONDS_MAX
    while not until():
        assert time.monotonic() < deadline, why()
        time.sleep(0.01)  # between two questions, so that the servers have the processor


def free_port() -> int:
    """Return a port that nobody has, and that the kernel gives nobody by itself while a node is down."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _wait_free(port: int) -> None:
    """Wait until the server of a supervisor that was killed is gone, too."""

    def is_free() -> bool:
        try:
            with socket.create_server(("127.0.0.1", port)):
                return True
        except OSError:
            return False

    wait(is_free)
