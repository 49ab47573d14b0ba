"""The reactor: what one client does costs it its own connection, and the others nothing."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Awaitable, Callable, Sequence
from math import inf
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from objserver.engine import Engine, Options, Outcome, Request
from objserver.limits import BATCH_OUTPUT_SIZE_MAX, FRAME_SIZE_MAX, KIB, MIB, OUTPUT_SIZE_MAX, OUTPUT_STALL_SECONDS_MAX
from objserver.replication import Node, State
from objserver.server.watch import Watch
from objserver.wire import ErrorCode, encode_frame, encode_request

from .conftest import SECONDS_MAX, Server, open_stream

pytestmark = pytest.mark.trio

Start = Callable[..., Awaitable[Server]]

REQUEST = encode_request(1, "eval", {"source": "1 + 1"})

# name -> bytes, the code of the reply, and whether the conversation goes on
BAD_INPUT = {
    "size over the limit": ((FRAME_SIZE_MAX + 1).to_bytes(4, "big"), ErrorCode.FRAME_TOO_LARGE, False),
    "a text protocol": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", ErrorCode.FRAME_TOO_LARGE, False),
    "empty frame": (encode_frame(b""), ErrorCode.PARSE_ERROR, True),
    "not JSON": (encode_frame(b"{'a': 1}"), ErrorCode.PARSE_ERROR, True),
    "not UTF-8": (encode_frame(b'{"jsonrpc":"2.0","id":1,"method":"\xff"}'), ErrorCode.PARSE_ERROR, True),
    "nested without end": (encode_frame(b"[" * 100_000), ErrorCode.PARSE_ERROR, True),
    "not JSON-RPC": (encode_frame(b'{"id":1,"method":"eval"}'), ErrorCode.INVALID_REQUEST, True),
    "an array": (encode_frame(b"[]"), ErrorCode.INVALID_REQUEST, True),
    "unknown method": (encode_request(1, "drop", {}), ErrorCode.UNKNOWN_METHOD, True),
    "parameter of the wrong type": (encode_request(1, "eval", {"source": 1}), ErrorCode.INVALID_PARAMS, True),
    "snippet that does not compile": (encode_request(1, "eval", {"source": "1 +"}), ErrorCode.SNIPPET_REFUSED, True),
    "snippet that raises": (encode_request(1, "eval", {"source": "1 / 0"}), ErrorCode.SNIPPET_RAISED, True),
}


@pytest.mark.parametrize("name", BAD_INPUT)
async def test_bad_input_gets_an_error_and_leaves_everything_else_as_it_was(server: Server, name: str) -> None:
    data, code, goes_on = BAD_INPUT[name]
    other, culprit = await server.connect(), await server.connect()
    await other.value("total = 1")
    seq = (await other.stats())["seq"]

    await culprit.send(data)
    reply = await culprit.reply()
    assert reply is not None
    assert reply.error is not None
    assert reply.error.code == code
    if goes_on:
        assert await culprit.value("total") == 1
    else:
        assert await culprit.reply() is None

    assert await other.value("total") == 1
    assert (await other.stats())["seq"] == seq


async def test_error_reaches_a_client_that_is_still_sending_a_frame_that_is_too_large(server: Server) -> None:
    culprit = await server.connect()
    with trio.fail_after(SECONDS_MAX):
        await culprit.send((FRAME_SIZE_MAX + 1).to_bytes(4, "big") + bytes(4 * MIB))
        reply = await culprit.reply()
    assert reply is not None
    assert reply.error is not None
    assert reply.error.code == ErrorCode.FRAME_TOO_LARGE


async def test_largest_frame_is_served(server: Server) -> None:
    peer = await server.connect()
    empty = len(peer.request("eval", source="len(text)", args={"text": ""})) - 4
    with trio.fail_after(SECONDS_MAX):
        assert await peer.value("len(text)", text="x" * (FRAME_SIZE_MAX - empty)) == FRAME_SIZE_MAX - empty


async def test_client_that_vanishes_in_the_middle_of_a_frame_is_forgotten(server: Server) -> None:
    other, culprit = await server.connect(), await server.connect()
    await culprit.send(REQUEST + REQUEST[:10])
    await culprit.reply()
    await other.wait_stats("connections", 2)
    await culprit.aclose()
    await other.wait_stats("connections", 1)
    assert await other.value("1 + 1") == 2


async def test_client_that_resets_the_connection_is_forgotten(server: Server) -> None:
    other, culprit = await server.connect(), await server.connect()
    await culprit.send(REQUEST * 100)
    culprit.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await culprit.aclose()
    await other.wait_stats("connections", 1)
    assert server.warnings == []


async def test_client_that_writes_byte_by_byte_is_served_and_so_are_the_others(server: Server) -> None:
    other, slow = await server.connect(), await server.connect()
    for byte in REQUEST:
        await slow.send(bytes([byte]))
        assert await other.value("2 + 2") == 4
    reply = await slow.reply()
    assert reply is not None
    assert reply.value == 2


async def test_replies_come_in_the_order_of_the_requests(server: Server) -> None:
    peer = await server.connect()
    requests = []
    for number in range(600):
        requests.append(peer.request("eval", source="n", args={"n": number}))
        requests.append(peer.request("ping"))
        requests.append(peer.request("eval", source="n +"))
    await peer.send(b"".join(requests))
    for id in range(1, len(requests) + 1):
        reply = await peer.reply()
        assert reply is not None
        assert reply.id == id
        assert reply.value == ((id - 1) // 3 if id % 3 == 1 else None)
        assert (reply.error is not None) == (id % 3 == 0)


async def test_batch_has_a_bound_however_many_come_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor has room for what one that is full came in, and one request more."""

    class Sizes(Watch):
        def run(self, engine: Engine, batch: Sequence[Request], sources: Sequence[bytes]) -> Sequence[Outcome]:
            sizes.append(sum(map(len, sources)))
            return super().run(engine, batch, sources)

    sizes: list[int] = []
    monkeypatch.setattr("objserver.server.reactor.BATCH_SIZE_MAX", 20 * KIB)
    server = await start(watch=Sizes())
    peers = [await server.connect() for _ in range(13)]
    assert [(await peer.ask("ping")).error for peer in peers] == [None] * len(peers)
    for count, peer in zip([1] * 10 + [10] * 3, peers, strict=True):  # with no turn of the server's in between
        data = b"".join(peer.request("query", source="1", args={"x": "x" * 2 * KIB}) for _ in range(count))
        assert os.write(peer.stream.socket.fileno(), data) == len(data)
    assert [(await peer.reply()) is not None for peer in peers] == [True] * len(peers)
    assert sum(sizes[:1]) > 20 * KIB
    assert max(sizes) <= 23 * KIB


async def test_long_pipeline_does_not_make_another_client_wait_for_all_of_it(server: Server) -> None:
    """Clients share the batches: with thousands of its requests waiting, a client still has one turn of each pass."""
    long, other = await server.connect(), await server.connect()
    await other.value("count = 0")
    pipeline = b"".join(long.request("eval", source="count += 1") for _ in range(10_000))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(long.send, pipeline)
        while not (seen := await other.value("count")):
            pass
        assert seen < 10_000
        for _ in range(10_000):
            await long.reply()
    assert await other.value("count") == 10_000


async def test_pipeline_of_slow_snippets_does_not_make_another_client_wait_for_all_of_it(start: Start) -> None:
    """A batch ends when it has taken its time; what is left of it waits for its next turn."""
    server = await start(options=Options(durability="none", fuel=1_000_000))
    slow, other = await server.connect(), await server.connect()
    await slow.send(slow.request("eval", source="while True: pass") * 200)
    seen = 0
    while not seen:
        seen = (await other.stats())["requests"]
    assert await other.value("1 + 1") == 2
    assert (await other.stats())["requests"] < 50
    await slow.aclose()


async def test_pipeline_of_large_results_takes_the_memory_of_a_few(start: Start) -> None:
    server = await start()
    other, culprit = await server.connect(), await server.connect()
    await other.value("text = 'x' * 4_000_000")
    await culprit.send(culprit.request("eval", source="text") * 500)
    ran, before = 1, 0
    while ran != before:
        before, ran = ran, (await other.stats())["requests"]
    assert 1 < ran <= 1 + (OUTPUT_SIZE_MAX + 2 * BATCH_OUTPUT_SIZE_MAX) // 4_000_000


async def test_client_that_closes_its_half_gets_its_replies_and_then_the_end(server: Server) -> None:
    peer = await server.connect()
    await peer.send(REQUEST * 3)
    await peer.stream.send_eof()
    for _ in range(3):
        reply = await peer.reply()
        assert reply is not None
        assert reply.value == 2
    assert await peer.reply() is None


async def test_client_that_never_reads_is_no_longer_read_and_the_others_are_served(server: Server) -> None:
    other, culprit = await server.connect(), await server.connect()
    await other.value("count = 0; text = 'x' * 50_000")
    request = culprit.request("eval", source="count += 1; text")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(culprit.send, request * 3000)
        ran, before = -1, -2
        while ran != before:
            before, ran = ran, await other.value("count")
            for _ in range(20):
                assert await other.value("1 + 1") == 2
        # What may be unread, what the sockets hold, and the batch that went over it.
        assert OUTPUT_SIZE_MAX // 50_000 < ran < 2500
        # It was only waiting: once it reads, it is served to the end.
        for _ in range(3000):
            assert await culprit.reply() is not None
    assert await other.value("count") == 3000


async def test_client_that_leaves_its_replies_unread_for_long_is_closed(
    start: Start, jumping_clock: MockClock
) -> None:
    server = await start()
    other, culprit = await server.connect(), await server.connect()
    await other.value("text = 'x' * 8_000_000")
    await culprit.send(culprit.request("eval", source="text"))
    while (await other.stats())["requests"] < 2:
        pass
    jumping_clock.jump(OUTPUT_STALL_SECONDS_MAX + 1)
    await other.wait_stats("connections", 1)
    [warning] = server.warnings
    assert "unread" in warning


async def test_client_that_holds_too_much_is_closed_before_memory_ends(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("objserver.server.reactor.BUFFERS_SIZE_MAX", 4 * MIB)
    server = await start()
    other, small, large = await server.connect(), await server.connect(), await server.connect()
    await small.send((2 * MIB).to_bytes(4, "big") + bytes(1 * MIB))
    try:
        await large.send((9 * MIB).to_bytes(4, "big") + bytes(8 * MIB))
    except trio.BrokenResourceError:
        pass  # closed while it was sending
    assert await large.reply() is None
    await other.wait_stats("connections", 2)
    await small.send(bytes(1 * MIB))
    reply = await small.reply()
    assert reply is not None
    assert (await other.stats())["connections_dropped"] == 1
    [warning] = server.warnings
    assert "buffered" in warning


async def test_client_beyond_the_bound_is_told_so_and_a_later_one_finds_room(start: Start) -> None:
    server = await start(connections_max=2)
    first, second = await server.connect(), await server.connect()
    await first.wait_stats("connections", 2)
    third = await server.connect()
    reply = await third.reply()
    assert reply is not None
    assert reply.error is not None
    assert reply.error.code == ErrorCode.OVERLOADED
    assert await third.reply() is None
    await third.aclose()
    await second.aclose()
    await first.wait_stats("connections", 1)
    fourth = await server.connect()
    assert await fourth.value("1 + 1") == 2
    assert (await first.stats())["connections_refused"] == 1


async def test_clients_wait_while_there_are_no_descriptors_left(server: Server) -> None:
    first = await server.connect()
    assert await first.value("1 + 1") == 2
    host, port = server.names[0].split(":")
    sock = trio.socket.socket()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (sock.fileno() + 1, hard))
    try:
        # Every number below the limit may be taken by now, or not: take what is left.
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                server.stack.callback(socket.socket().close)
        await sock.connect((host, int(port)))
        with trio.fail_after(SECONDS_MAX):
            while not server.warnings:
                assert await first.value("1 + 1") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    late = await server.adopt(trio.SocketStream(sock))
    assert await late.value("2 + 2") == 4


async def test_stop_answers_what_has_arrived_and_closes(server: Server) -> None:
    peer, idle, partial = await server.connect(), await server.connect(), await server.connect()
    await peer.value("count = 0")
    await partial.send(REQUEST[:7])
    await peer.send(b"".join(peer.request("eval", source="count += 1; count") for _ in range(3000)))
    server.reactor.stop()
    for number in range(1, 3001):
        reply = await peer.reply()
        assert reply is not None
        assert reply.value == number
    assert await peer.reply() is None
    assert await idle.reply() is None
    assert await partial.reply() is None
    with trio.fail_after(SECONDS_MAX):
        await server.ended.wait()
    with pytest.raises(OSError, match="all attempts to connect"):
        await open_stream(server.names[0])


async def test_stop_does_not_wait_for_ever_for_a_client_that_does_not_read(
    start: Start, jumping_clock: MockClock
) -> None:
    server = await start()
    other, culprit = await server.connect(), await server.connect()
    await other.value("text = 'x' * 8_000_000")
    await culprit.send(culprit.request("eval", source="text"))
    while (await other.stats())["requests"] < 2:
        pass
    server.reactor.stop()
    assert await other.reply() is None
    jumping_clock.jump(3600)
    with trio.fail_after(SECONDS_MAX):
        await server.ended.wait()


async def test_several_addresses_are_served_by_one_heap(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = await start("127.0.0.1:0", f"unix:{path}")
    tcp, local = [await server.connect(name) for name in server.names]
    await tcp.value("x = 41")
    assert await local.value("x += 1; x") == 42
    assert await tcp.value("x") == 42
    server.reactor.stop()
    with trio.fail_after(SECONDS_MAX):
        await server.ended.wait()
    assert not path.exists()


async def test_client_that_leaves_a_unix_socket_after_its_request_is_still_heard(start: Start, tmp_path: Path) -> None:
    server = await start(f"unix:{tmp_path / 'socket'}")
    other, leaver = await server.connect(), await server.connect()
    await other.value("x = 0")
    await leaver.send(leaver.request("eval", source="x = 1"))
    await leaver.aclose()
    await other.wait_stats("connections", 1)
    assert await other.value("x") == 1


async def test_batch_is_synced_within_the_interval_though_nobody_asks_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(options=Options(durability="interval"), sync_seconds=0.01)
    synced = trio.Event()
    sync = server.engine.sync

    def sync_and_tell() -> None:
        sync()
        synced.set()

    monkeypatch.setattr(server.engine, "sync", sync_and_tell)
    peer = await server.connect()
    await peer.value("x = 1")
    with trio.fail_after(SECONDS_MAX):
        await synced.wait()


async def test_change_is_checkpointed_though_nobody_asks_again(start: Start) -> None:
    server = await start(options=Options(checkpoint_seconds=0.01))
    peer = await server.connect()
    await peer.value("x = {'n': 1}")
    await peer.wait_stats("checkpoints", 1)
    await peer.value("x = 1")
    await peer.wait_stats("checkpoints", 2)
    figures = await peer.stats()
    assert figures["reclaim"]["pending_objects"] + figures["reclaim"]["deleted_objects"] == 1


async def test_figures_add_up(server: Server) -> None:
    peer = await server.connect()
    request = peer.request("eval", source="1")
    await peer.send(request)
    await peer.reply()
    stats = await peer.stats()
    assert stats["connections"] == stats["connections_accepted"] == 1
    assert stats["connections_dropped"] == stats["connections_refused"] == 0
    assert stats["requests"] == 1
    assert stats["bytes_in"] == len(request) + len(encode_request(2, "stats", {}))
    assert stats["bytes_out"] > 0
    assert 0 < stats["reactor_pause_ms_max"] < inf
    assert stats["seq"] == 0


async def test_log_shows_what_changed_something(server: Server) -> None:
    peer = await server.connect()
    await peer.value("x = a", a=1)
    await peer.value("x")
    reply = await peer.ask("log", first=1, count=10)
    [entry] = reply.value
    [snippet] = entry["snippets"]
    assert (entry["seq"], snippet["kind"], snippet["code"]) == (1, "eval", "x = a")


async def test_damaged_log_is_told_to_whoever_reads_it_and_to_nobody_else(server: Server) -> None:
    """The client was closed, and the operator told of a bug."""
    peer, other = await server.connect(), await server.connect()
    for number in range(3):
        await peer.value("x = a", a=f"number {number}")
    [path] = (server.engine.folder / "log").iterdir()
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(content.index(b"number 1"))
        file.write(b"N")
    reply = await peer.ask("log", first=1, count=10)
    assert reply.error is not None and reply.error.code == ErrorCode.DATA_DAMAGED
    assert f"{path}: offset " in reply.error.message
    assert await peer.value("x = 4; x") == await other.value("x") == 4
    assert server.warnings == []


async def test_many_clients_are_served_in_each_pass(server: Server) -> None:
    peers = [await server.connect() for _ in range(100)]
    await peers[0].value("count = 0")
    results: list[int] = []

    async def work(number: int) -> None:
        for _ in range(10):
            results.append(await peers[number].value("count += 1; count"))

    async with trio.open_nursery() as nursery:
        for number in range(len(peers)):
            nursery.start_soon(work, number)
    assert sorted(results) == list(range(1, 1001))


async def test_large_replies_arrive_whole_though_the_client_is_slow(server: Server) -> None:
    peer = await server.connect()
    await peer.value("text = 'x' * 3_000_000")
    await peer.send(peer.request("eval", source="text") * 5)
    for _ in range(5):
        reply = await peer.reply()
        assert reply is not None
        assert reply.value == "x" * 3_000_000
    assert 5 * 64 * KIB < 3_000_000  # so each needed the socket's buffer many times


async def test_results_that_wait_for_replicas_have_a_bound(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many clients may have one of them waiting, as large as a frame."""
    monkeypatch.setattr("objserver.server.reactor.UNREPLICATED_SIZE_MAX", 1_000)
    server = await start()
    node = Node(server.engine, State(), sync_count=1, sync_seconds=SECONDS_MAX, tell=server.warnings.append)
    node.attach(server.reactor._epoll)
    server.reactor._node = node
    peers = [await server.connect() for _ in range(4)]
    for peer, source in zip(peers, ("x = 'x' * 2_000", "x", "x", "x = ''; x"), strict=True):
        await peer.send(peer.request("eval", source=source))
        await wait_all_tasks_blocked(0.01)  # and nothing turns in circles
    assert server.engine.seq == 1
    assert server.reactor._request_count == 2
    node.replicated_seq = 2
    values = [reply.value for peer in peers if (reply := await peer.reply()) is not None]
    assert values == [None, "x" * 2_000, "x" * 2_000, ""]
