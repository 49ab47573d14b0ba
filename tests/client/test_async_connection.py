"""Tasks at one connection: whatever breaks and whoever is cancelled, each call ends once and nobody waits for ever."""

from __future__ import annotations

import random
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from objserver.client import AsyncClient, ConnectionLost, ProtocolError, ReplyTimeout, connect_async
from objserver.client.async_link import AsyncLink
from objserver.client.core import Options
from objserver.client.transport import parse_address
from objserver.wire import Request, encode_result
from tests.client.peer import SECONDS_MAX, Answer, HangUp, Peer, echo, listening

Test = Callable[[AsyncClient, Peer], Awaitable[None]]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Test, Answer], None]:
    """Run a test with a client and its peer, under both event loops."""

    def run(test: Test, answer: Answer) -> None:
        async def bounded(peer: Peer) -> None:
            with anyio.fail_after(SECONDS_MAX):
                async with connect_async(peer.address) as client:
                    await test(client, peer)

        with listening(answer) as peer:
            anyio.run(bounded, peer, backend=request.param)

    return run


class Held:
    """An answer that keeps requests to itself, and says when they are there."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._there = threading.Semaphore(0)

    def __call__(self, peer: Peer, request: Request) -> object:
        self.requests.append(request)
        self._there.release()
        return b""

    async def wait(self, count: int) -> None:
        for _ in range(count):
            await anyio.to_thread.run_sync(self._there.acquire)


def test_tasks_share_one_connection(run: Callable[[Test, Answer], None]) -> None:
    async def test(client: AsyncClient, peer: Peer) -> None:
        async def work(number: int) -> None:
            for step in range(15):
                assert (await client.call("f", number, step))[1]["args"] == [number, step]

        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(work, number)
        assert peer.connections == 1

    run(test, echo)


def test_cancelled_driver_leaves_the_wheel_to_another(run: Callable[[Test, Answer], None]) -> None:
    held = Held()

    async def test(client: AsyncClient, peer: Peer) -> None:
        values: list[object] = []
        cancelled = anyio.CancelScope()

        async def hasty() -> None:
            with cancelled:
                await client.eval("hasty")

        async def patient(source: str) -> None:
            values.append(await client.eval(source))

        async with anyio.create_task_group() as group:
            group.start_soon(hasty)
            await held.wait(1)
            for source in "abc":
                group.start_soon(patient, source)
            await held.wait(3)
            cancelled.cancel()
            for request in held.requests:
                peer.push(encode_result(request.id, b'"late"', 1))
        assert values == ["late"] * 3
        assert cancelled.cancelled_caught
        assert peer.connections == 1

    run(test, held)


def test_task_cancelled_while_it_sends_leaves_whole_frames(run: Callable[[Test, Answer], None]) -> None:
    """Its half-sent request is sent to the end by the next one: the stream must not break for the others."""
    gate = threading.Event()

    def stand(peer: Peer, request: Request) -> object:
        gate.wait(SECONDS_MAX)
        return echo(peer, request)

    async def test(client: AsyncClient, peer: Peer) -> None:
        with anyio.move_on_after(0.05):
            async with client.pipeline() as pipeline:
                for _ in range(10):
                    pipeline.eval("x", text="x" * 1_000_000)
        gate.set()
        assert await client.eval("after") == ["eval", {"source": "after", "args": {}}]
        assert len(peer.requests) == 11
        assert peer.connections == 1

    run(test, stand)


def test_close_ends_the_calls_of_other_tasks(run: Callable[[Test, Answer], None]) -> None:
    held = Held()

    async def test(client: AsyncClient, peer: Peer) -> None:
        async def wait() -> None:
            with pytest.raises(ConnectionLost, match="this client was closed"):
                await client.query("x")

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(wait)
            await held.wait(3)
            await client.close()

    run(test, held)


def test_long_requests_of_tasks_do_not_block_long_replies(run: Callable[[Test, Answer], None]) -> None:
    text = "x" * 700_000

    async def test(client: AsyncClient, peer: Peer) -> None:
        async def work(number: int) -> None:
            async with client.pipeline() as pipeline:
                replies = [pipeline.eval("x", text=text, number=number) for _ in range(4)]
            for reply in replies:
                assert reply.result()[1]["args"] == {"text": text, "number": number}

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(work, number)

    run(test, echo)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_connection_is_opened_again_when_the_server_is_back(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def test() -> None:
        link = AsyncLink([parse_address(f"unix:{path}")], SECONDS_MAX)
        with anyio.fail_after(SECONDS_MAX), listening(path=path):
            await link.open()
            client = AsyncClient(link, Options())
            await client.eval("a")
        path.unlink()
        async with client, anyio.create_task_group() as group:
            values = []

            async def wait() -> None:
                values.append(await client.eval("b"))

            group.start_soon(wait)
            for _ in range(5):  # the first attempt is made, and refused
                await anyio.lowlevel.checkpoint()
            with listening(path=path) as peer, anyio.fail_after(SECONDS_MAX):
                assert await client.eval("c") == ["eval", {"source": "c", "args": {}}]
                while not values:
                    await client.ping()
                assert peer.connections == 1

    anyio.run(test, backend=backend)


def test_chaos_ends_every_call_once(run: Callable[[Test, Answer], None]) -> None:
    """Tasks that are cancelled at any moment, a peer that vanishes, says nothing, or speaks nonsense now and then."""
    dice = random.Random(1)

    def answer(peer: Peer, request: Request) -> object:
        throw = dice.random()
        if throw < 0.03:
            raise HangUp
        if throw < 0.05:
            return b"\0\0\0\x01x"
        if throw < 0.08:
            return b""
        return echo(peer, request)

    async def test(client: AsyncClient, peer: Peer) -> None:
        ended: list[int] = []

        async def work(number: int) -> None:
            for step in range(25):
                view = client.with_options(timeout=0.3)
                method = view.query if step % 2 else view.eval
                with anyio.move_on_after(0.002 * (step % 5) if step % 3 else 1):
                    try:
                        got = await method("x", n=[number, step])
                    except (ConnectionLost, ProtocolError, ReplyTimeout):
                        continue
                    assert got[1]["args"] == {"n": [number, step]}
            ended.append(number)

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(work, number)
        assert sorted(ended) == list(range(8))
        peer.answer = echo
        await client.eval("still works")

    run(test, answer)
