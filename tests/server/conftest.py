"""Real servers: in this process under trio, and as processes of their own; and a client that can misbehave."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from objserver.doors.codec import CODEC
from objserver.engine import Engine, Options
from objserver.server.listeners import open_listeners, resolve
from objserver.server.reactor import Reactor
from objserver.wire import FrameReader, Reply, encode_request, parse_reply

# Far above what anything here takes; a test that reaches it fails instead of hanging.
SECONDS_MAX = 30


class Peer:
    """A client that speaks bytes, so that it can also speak them wrongly."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._reader = FrameReader()
        self._replies: list[Reply] = []
        self._id = 0

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    def request(self, method: str, **params: Any) -> bytes:
        self._id += 1
        return encode_request(self._id, method, params)

    async def reply(self) -> Reply | None:
        """The next reply; None when the server ended the stream."""
        while not self._replies:
            try:
                data = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._replies += [parse_reply(body) for body in self._reader.feed(data)]
        return self._replies.pop(0)

    async def ask(self, method: str, **params: Any) -> Reply:
        await self.send(self.request(method, **params))
        reply = await self.reply()
        assert reply is not None, "the server closed the connection"
        assert reply.id in (self._id, None)
        return reply

    async def value(self, source: str, **args: Any) -> Any:
        reply = await self.ask("eval", source=source, args=args)
        assert reply.error is None, reply.error
        return reply.value

    async def stats(self) -> dict[str, Any]:
        value = (await self.ask("stats")).value
        assert isinstance(value, dict)
        return value

    async def wait_stats(self, name: str, value: object) -> None:
        """Until a figure of the server has this value."""
        with trio.fail_after(SECONDS_MAX):
            while (await self.stats())[name] != value:
                pass

    async def aclose(self) -> None:
        await self.stream.aclose()


@dataclass
class Server:
    """A reactor with its engine in this process."""

    reactor: Reactor
    engine: Engine
    names: list[str]
    stack: AsyncExitStack
    warnings: list[str]
    ended: trio.Event = field(default_factory=trio.Event)

    async def connect(self, name: str | None = None) -> Peer:
        return await self.adopt(await open_stream(name or self.names[0]))

    async def adopt(self, stream: trio.SocketStream) -> Peer:
        return await self.stack.enter_async_context(aclosing(Peer(stream)))

    async def run(self) -> None:
        try:
            await self.reactor.run()
        finally:
            self.ended.set()


async def open_stream(name: str) -> trio.SocketStream:
    if name.startswith("unix:"):
        return await trio.open_unix_socket(name.removeprefix("unix:"))
    host, _, port = name.rpartition(":")
    return await trio.open_tcp_stream(host.strip("[]"), int(port))


@pytest.fixture
async def start(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Starts a server on port 0, or other addresses; keyword arguments go to the reactor."""
    engines: list[Engine] = []
    async with AsyncExitStack() as stack:

        async def start_server(*listen: str, options: Options | None = None, **settings: Any) -> Server:
            engine = Engine.open(
                tmp_path / f"data{len(engines)}",
                codec=CODEC,
                time_ns=0,
                options=options or Options(durability="none"),
            )
            engines.append(engine)
            listeners = open_listeners([resolve(text) for text in listen or ("127.0.0.1:0",)])
            warnings: list[str] = []
            reactor = Reactor(engine, listeners, warn=warnings.append, **settings)
            server = Server(reactor, engine, [listener.name for listener in listeners], stack, warnings)
            nursery.start_soon(server.run)
            return server

        yield start_server
    nursery.cancel_scope.cancel()
    for engine in engines:
        engine.close()


@pytest.fixture
async def server(start: Callable[..., Awaitable[Server]]) -> Server:
    return await start()


@dataclass
class Process:
    """`objserver serve` as a process of its own."""

    popen: subprocess.Popen[str]

    def wait_ready(self) -> list[str]:
        """The addresses, from the one line on standard output."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line.startswith("ready "), (line, self.popen.communicate(timeout=SECONDS_MAX))
        *names, seq = line.split()[1:]
        assert seq.startswith("seq=")
        return names

    def wait_ended(self) -> tuple[int, str, str]:
        """Status, the rest of standard output, standard error."""
        out, err = self.popen.communicate(timeout=SECONDS_MAX)
        return self.popen.returncode, out, err

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def server_pid(self) -> int:
        """The process that serves, a child of the supervisor."""
        [child] = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        return int(child)

    def wait_said(self, text: str) -> str:
        """The first line on standard error that has `text`."""
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            if text in line:
                return line
        raise AssertionError(f"standard error ended without {text!r}")


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts `objserver serve` on port 0 with a data folder of its own, unless told otherwise."""
    processes: list[Process] = []

    def spawn_server(*arguments: str, folder: Path | None = None, before: Sequence[str] = ()) -> Process:
        command = [*before, sys.executable, "-m", "objserver", "serve", "--data", str(folder or tmp_path / "data")]
        if "--listen" not in arguments:
            command += ["--listen", "127.0.0.1:0"]
        popen = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        processes.append(Process(popen))
        return processes[-1]

    yield spawn_server
    for process in processes:
        if process.popen.poll() is None:
            process.popen.kill()
        process.popen.communicate()


class BlockingPeer:
    """A blocking client for tests of processes."""

    def __init__(self, name: str) -> None:
        if name.startswith("unix:"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(name.removeprefix("unix:"))
        else:
            host, _, port = name.rpartition(":")
            self.sock = socket.create_connection((host.strip("[]"), int(port)))
        self.sock.settimeout(SECONDS_MAX)
        self._reader = FrameReader()

    def send(self, *requests: tuple[str, dict[str, Any]]) -> None:
        self.sock.sendall(b"".join(encode_request(i, method, params) for i, (method, params) in enumerate(requests)))

    def replies(self) -> list[Reply]:
        """All replies until the server ends the stream."""
        replies: list[Reply] = []
        while data := self._receive():
            replies += [parse_reply(body) for body in self._reader.feed(data)]
        return replies

    def value(self, source: str, **args: Any) -> Any:
        self.send(("eval", {"source": source, "args": args}))
        bodies: list[bytes] = []
        while not bodies:
            data = self._receive()
            assert data, "the server ended the stream without a reply"
            bodies = self._reader.feed(data)
        [reply] = [parse_reply(body) for body in bodies]
        assert reply.error is None, reply.error
        return reply.value

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def connect() -> Iterator[Callable[[str], BlockingPeer]]:
    """Connects to an address; closed when the test ends."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(closing(BlockingPeer(name)))


@pytest.fixture
def jumping_clock() -> trio.testing.MockClock:
    """A clock that goes as fast as the wall's and can be made to jump; pytest-trio runs the test on it."""
    return trio.testing.MockClock(rate=1.0)
