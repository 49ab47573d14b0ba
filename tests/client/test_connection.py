"""Threads at one connection: whatever breaks and whoever gives up, each call ends once and nobody waits for ever."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from objserver.client import (
    Client,
    ConnectionLost,
    ExchangeTransport,
    ProtocolError,
    ReplyTimeout,
    SocketTransport,
    Transport,
    connect,
)
from objserver.client.blocking import open_socket
from objserver.client.transport import Address, parse_address
from objserver.errors import StorageFailed
from objserver.wire import Request, encode, encode_result
from tests.client.peer import SECONDS_MAX, HangUp, Peer, echo, listening


def test_threads_share_one_connection() -> None:
    def work(number: int) -> list[object]:
        return [client.call("f", number, step)[1]["args"] for step in range(40)]

    with listening() as peer, connect(peer.address) as client, ThreadPoolExecutor(12) as threads:
        results = list(threads.map(work, range(12)))
        assert results == [[[number, step] for step in range(40)] for number in range(12)]
        assert peer.connections == 1


@pytest.mark.parametrize("order", ["first asked", "last asked"])
def test_waiting_threads_get_replies_in_any_order(order: str) -> None:
    """The thread that drives may be answered first or last; the others must not depend on it."""
    held: list[Request] = []
    all_there = threading.Event()

    def hold(peer: Peer, request: Request) -> object:
        held.append(request)
        if len(held) == 4:
            all_there.set()
        return b""

    with listening(hold) as peer, connect(peer.address) as client, ThreadPoolExecutor(4) as threads:
        replies = {source: threads.submit(client.eval, source) for source in "abcd"}
        assert all_there.wait(SECONDS_MAX)
        for request in held if order == "first asked" else reversed(held):
            source = request.params["source"]
            peer.push(encode_result(request.id, encode(source), 1))
            assert replies[source].result(SECONDS_MAX) == source


def test_thread_that_gives_up_leaves_the_wheel_to_another() -> None:
    there = threading.Semaphore(0)
    held: list[Request] = []

    def hold(peer: Peer, request: Request) -> object:
        held.append(request)
        there.release()
        return b""

    with listening(hold) as peer, connect(peer.address) as client, ThreadPoolExecutor(2) as threads:
        hasty = threads.submit(client.with_options(timeout=0.2).eval, "hasty")
        assert there.acquire(timeout=SECONDS_MAX)
        patient = threads.submit(client.eval, "patient")
        assert there.acquire(timeout=SECONDS_MAX)
        with pytest.raises(ReplyTimeout):
            hasty.result(SECONDS_MAX)
        assert not patient.done()
        for request in held:
            peer.push(encode_result(request.id, b'"late"', 1))
        assert patient.result(SECONDS_MAX) == "late"


def test_close_ends_the_calls_of_other_threads() -> None:
    there = threading.Event()

    def hold(peer: Peer, request: Request) -> object:
        if len(peer.requests) == 3:
            there.set()
        return b""

    with listening(hold) as peer, ThreadPoolExecutor(3) as threads:
        client = connect(peer.address)
        calls = [threads.submit(client.query, "x") for _ in range(3)]
        assert there.wait(SECONDS_MAX)
        client.close()
        for call in calls:
            with pytest.raises(ConnectionLost, match="this client was closed"):
                call.result(SECONDS_MAX)


def test_long_requests_of_threads_do_not_block_long_replies() -> None:
    """More than both socket buffers hold, both ways at once, from threads that drive and threads that only send."""
    text = "x" * 700_000

    def work(number: int) -> None:
        with client.pipeline() as pipeline:
            replies = [pipeline.eval("x", text=text, number=number) for _ in range(4)]
        for reply in replies:
            assert reply.result()[1]["args"] == {"text": text, "number": number}

    with listening() as peer, connect(peer.address) as client, ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, number) for number in range(4)]:
            done.result(SECONDS_MAX)


def test_connection_is_opened_again_with_pauses_until_the_server_is_back() -> None:
    refusals = [ConnectionRefusedError("not yet")] * 4
    waits: list[float] = []

    def reach(address: Address, timeout: float) -> Transport:
        waits.append(timeout)
        if len(waits) > 1 and refusals:
            raise refusals.pop()
        return open_socket(parse_address(peer.address), timeout)

    with listening() as peer, Client(reach, timeout=SECONDS_MAX) as client:
        client.eval("a")
        peer.hang_up()
        assert client.eval("b") == ["eval", {"source": "b", "args": {}}]
        assert len(waits) == 6
        assert all(0 < wait <= SECONDS_MAX for wait in waits)


def test_chaos_ends_every_call_once() -> None:
    """Threads with short and long patience, a peer that vanishes, says nothing, or speaks nonsense now and then."""
    dice = random.Random(1)

    def answer(peer: Peer, request: Request) -> object:
        throw = dice.random()
        if throw < 0.03:
            raise HangUp
        if throw < 0.05:
            return b"\0\0\0\x01x"
        if throw < 0.08:
            return b""  # and so this call waits until the connection breaks, or it gives up
        return echo(peer, request)

    def work(number: int) -> int:
        ended = 0
        for step in range(30):
            view = client.with_options(timeout=0.02 if step % 3 else 0.3)
            method: Callable[..., object] = view.query if step % 2 else view.eval
            try:
                assert method("x", n=[number, step]) == [
                    "query" if step % 2 else "eval", {"source": "x", "args": {"n": [number, step]}},
                ]  # fmt: skip
            except (ConnectionLost, ProtocolError, ReplyTimeout):
                pass
            ended += 1
        return ended

    with listening(answer) as peer, connect(peer.address) as client, ThreadPoolExecutor(8) as threads:
        futures: list[Future[int]] = [threads.submit(work, number) for number in range(8)]
        assert [future.result(SECONDS_MAX) for future in futures] == [30] * 8
        peer.answer = echo
        client.eval("still works")


def test_exchange_that_is_interrupted_is_not_repeated() -> None:
    """Control-C while the engine runs in this process: what it had done is done."""
    seen: list[bytes] = []
    closed: list[bool] = []

    def interrupted(data: bytes) -> bytes:
        seen.append(data)
        if len(seen) == 1:
            raise KeyboardInterrupt
        return peer.exchange(data)

    with listening() as peer, Client(
        lambda *_: ExchangeTransport(interrupted, lambda: closed.append(True))
    ) as client:
        with pytest.raises(KeyboardInterrupt):
            client.eval("first")
        assert client.eval("second")[1]["source"] == "second"
        assert len(seen) == 2 and b"first" not in seen[1]
        assert closed == [True]
    assert closed == [True, True]


def test_machine_fault_in_this_process_is_raised_as_it_is() -> None:
    def fail(data: bytes) -> bytes:
        raise StorageFailed("disk full")

    with Client(lambda *_: ExchangeTransport(fail, lambda: None)) as client, pytest.raises(StorageFailed, match="disk"):
        client.query("x")


def test_wake_ends_a_wait_however_many_came_before_it() -> None:
    with listening() as peer:
        transport = open_socket(parse_address(peer.address), SECONDS_MAX)
        assert isinstance(transport, SocketTransport)
        for _ in range(10_000):
            transport.wake()
        assert not transport.wait(False, None)
        waker = threading.Thread(target=transport.wake)
        waker.start()
        assert not transport.wait(False, None)
        waker.join()
        transport.close()


class _Gate:
    """A lock that lets the thread called "late" in only after `opened`, where it comes for the third time: to wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits = 0
        self.arrived = threading.Event()
        self.opened = threading.Event()
        self.left = threading.Semaphore(0)

    def __enter__(self) -> None:
        if threading.current_thread().name == "late":
            self._visits += 1
            if self._visits == 3:
                self.arrived.set()
                assert self.opened.wait(SECONDS_MAX)
        self._lock.acquire()

    def __exit__(self, *details: object) -> None:
        self._lock.release()
        self.left.release()


def test_reply_that_comes_before_its_thread_waits_is_seen() -> None:
    """The thread went to sleep with its reply there; the driver then passed the wheel to it, and nobody drove."""
    asked: dict[str, Request] = {}
    there = threading.Semaphore(0)

    def hold(peer: Peer, request: Request) -> object:
        asked[request.params["source"]] = request
        there.release()
        return b""

    with listening(hold) as peer, connect(peer.address) as client:
        gate = _Gate()
        connection = client._link._nodes[parse_address(peer.address)]._connection
        assert connection is not None
        connection._lock = gate  # type: ignore[assignment]
        replies: dict[str, object] = {}
        early, late = (
            threading.Thread(target=lambda name=name: replies.update({name: client.eval(name)}), name=name)
            for name in ("early", "late")
        )
        early.start()
        assert there.acquire(timeout=SECONDS_MAX)
        late.start()
        assert there.acquire(timeout=SECONDS_MAX) and gate.arrived.wait(SECONDS_MAX)
        call = next(call for call in connection._conversation._calls.values() if call.id == asked["late"].id)
        peer.push(encode_result(asked["late"].id, encode(1), 1))
        while not call.done:
            assert gate.left.acquire(timeout=SECONDS_MAX)
        gate.opened.set()
        late.join(SECONDS_MAX)
        assert replies == {"late": 1}
        peer.push(encode_result(asked["early"].id, encode(2), 1))
        early.join(SECONDS_MAX)
        assert replies == {"late": 1, "early": 2}
