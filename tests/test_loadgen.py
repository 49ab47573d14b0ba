"""The load generator of the benchmarks, held against a peer that splits, errs, answers twice, closes, keeps silent."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness import (
    HOW_TO_GET_A_COMPILER,
    BenchmarkFailed,
    Load,
    Shape,
    Target,
    Workload,
    compile_loadgen,
    compiler,
)

pytestmark = pytest.mark.skipif(compiler() is None, reason=HOW_TO_GET_A_COMPILER)

SECONDS_MAX = 20
PROTOCOLS = ("objserver", "redis", "memcached", "postgresql", "tarantool")
TEMPLATES = {
    "objserver": '{"jsonrpc":"2.0","id":{{id}},"method":"ping","params":{"key":"{{key}}","same":"{{key}}"}}',
    "redis": "PING\n{{key}}\n{{key}}",
    "memcached": "get\n{{key}}",
    "postgresql": "SELECT $1, $2\n{{key}}\n{{key}}",
    "tarantool": "echo\n{{key}}\n{{key}}",
}
RIGHT, ERRORS, USAGE, BREACH = range(4)  # exit statuses of the load generator

# ---- A peer: a server of a few lines that answers what it is told to, in the pieces it is told to


class Last(bytes):
    """A reply after which the peer closes the connection."""


Answer = Callable[[bytes], bytes]


def take_frame(data: bytes) -> tuple[bytes, bytes] | None:
    size = 4 + int.from_bytes(data[:4], "big")
    return (data[4:size], data[size:]) if len(data) >= 4 and len(data) >= size else None


def take_command(data: bytes) -> tuple[bytes, bytes] | None:
    """One RESP command, as its arguments joined by a space."""
    head = re.match(rb"\*(\d+)\r\n", data)
    words: list[bytes] = []
    rest = data[head.end() :] if head else b""
    for _ in range(int(head[1]) if head else 0):
        size = re.match(rb"\$(\d+)\r\n", rest)
        if not size or len(rest) < size.end() + int(size[1]) + 2:
            return None
        word, rest = rest[size.end() :][: int(size[1])], rest[size.end() + int(size[1]) :]
        assert rest.startswith(b"\r\n")
        words, rest = [*words, word], rest[2:]
    return (b" ".join(words), rest) if head else None


def take_line(data: bytes) -> tuple[bytes, bytes] | None:
    """A `get` of memcached, its key twice."""
    line, end, rest = data.partition(b"\r\n")
    return (line + b" " + line.split()[1], rest) if end else None


def take_statement(data: bytes) -> tuple[bytes, bytes] | None:
    """Bind, Execute and Sync of PostgreSQL, as `bind` and the parameters; what begins a connection, as `startup`."""
    messages: list[tuple[bytes, bytes]] = []
    rest = data
    while not (messages and messages[-1][0] == b"S"):
        kind, rest = (b"", rest) if rest.startswith(b"\0") else (rest[:1], rest[1:])
        size = int.from_bytes(rest[:4], "big")
        if len(rest) < max(4, size):
            return None
        messages.append((kind, rest[4:size]))
        rest = rest[size:]
    kinds = b"".join(kind for kind, _ in messages)
    if messages[0][0] == b"":
        assert kinds in (b"PS", b"PPS", b"PBEPS")
        assert messages[0][1] == b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
        assert messages[-2][1].startswith((b"s0\0SELECT $1, $2\0", b"s1\0SELECT $1, $2\0"))
        return b"startup" + (messages[1][1].strip(b"\0") if kinds == b"PBEPS" else b""), rest
    assert kinds == b"BES"
    portal, name, body = messages[0][1].split(b"\0", 2)
    assert (portal, name[:1], body[:4], body[-2:]) == (b"", b"s", b"\0\0\0\2", b"\0\0")
    words, body = [b"bind"], body[4:-2]
    while body:
        size = int.from_bytes(body[:4], "big")
        words, body = [*words, body[4:][:size]], body[4 + size :]
    return b" ".join(words), rest


def take_call(data: bytes) -> tuple[bytes, bytes] | None:
    """A CALL of Tarantool, as `call:`, its sync, and the arguments."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(data)
    try:
        size = unpacker.unpack()
        end = unpacker.tell() + size
        if len(data) < end:
            return None
        header, body = unpacker.unpack(), unpacker.unpack()
    except msgpack.OutOfData:
        return None
    assert unpacker.tell() == end and header[0] == 10 and body[0x22] == "echo"
    return f"call:{header[1]} {' '.join(body[0x21])}".encode(), data[end:]


TAKES = {
    "objserver": take_frame,
    "redis": take_command,
    "memcached": take_line,
    "postgresql": take_statement,
    "tarantool": take_call,
}


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">I", 4 + len(body)) + body


def response(header: dict[int, int], body: dict[int, object]) -> bytes:
    packed = msgpack.packb(header) + msgpack.packb(body)
    return b"\xce" + struct.pack(">I", len(packed)) + packed


READY = message(b"Z", b"I")
GREETING = message(b"R", bytes(4)) + message(b"S", b"a\0b\0") + READY + message(b"1") + READY


class Peer:
    """Listens on a unix socket. Each piece it sends is read by the other side before the next one leaves."""

    def __init__(self, folder: str, protocol: str, answer: Answer, piece_sizes: tuple[int, ...]) -> None:
        self.address = f"unix:{folder}/peer"
        self.requests: list[bytes] = []
        self.statements: list[str] = []
        self.answered = threading.Event()
        self._answer = answer
        self._banner = b"Tarantool 2.6.0 (Binary)".ljust(128) if protocol == "tarantool" else b""
        self._take = TAKES[protocol]
        self._piece_sizes = cycle(piece_sizes)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/peer")
        self._listener.listen(512)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=[connection]))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        with connection, suppress(ConnectionError):
            connection.sendall(self._banner)
            while chunk := connection.recv(65536):
                data += chunk
                replies: list[bytes] = []
                while taken := self._take(data):
                    request, data = taken
                    if request.startswith(b"startup"):
                        self.statements += [request.removeprefix(b"startup").decode()] * (request != b"startup")
                        replies.append(GREETING)
                        continue
                    self.requests.append(request)
                    replies.append(self._answer(request))
                self._send(connection, b"".join(replies))
                if any(isinstance(reply, Last) for reply in replies):
                    break

    def _send(self, connection: socket.socket, data: bytes) -> None:
        while data:
            size = next(self._piece_sizes)
            connection.sendall(data[:size])
            data = data[size:]
            deadline = time.monotonic() + SECONDS_MAX
            while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0] > 0:
                assert time.monotonic() < deadline, "the load generator does not read"
                os.sched_yield()
        self.answered.set()


@contextmanager
def peer(protocol: str, answer: Answer, *piece_sizes: int) -> Iterator[Peer]:
    with tempfile.TemporaryDirectory() as folder:
        server = Peer(folder, protocol, answer, piece_sizes or (1 << 20,))
        try:
            yield server
        finally:
            server.close()


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def reply_to(request: bytes, **members: object) -> bytes:
    return frame(json.dumps({"jsonrpc": "2.0", "id": json.loads(request)["id"], **members}).encode())


def key_of(request: bytes) -> str:
    """The request's key; it must be the same at both its places."""
    words = list(json.loads(request)["params"].values()) if request.startswith(b"{") else request.decode().split()[1:]
    assert words[0] == words[1]
    return str(words[0])


def right(request: bytes, text: bytes) -> bytes:
    """A reply to the request that has the text in it, and what a careless reader takes for an end."""
    if request.startswith(b"{"):
        return reply_to(request, result={"value": {"error": text.decode(), "id": 0}, "seq": [1, {}]})
    if request.startswith(b"get "):
        return b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (request.split()[1], len(text), text)
    if request.startswith(b"bind "):
        row = message(b"D", b"\0\1" + struct.pack(">I", len(text)) + text)
        return message(b"2") + row + message(b"C", b"SELECT 1\0") + READY
    if request.startswith(b"call:"):
        return response({0: 0, 1: sync_of(request), 5: 70_000}, {0x30: [text.decode()]})
    return b"*2\r\n$%d\r\n%b\r\n*1\r\n:-7\r\n" % (len(text), text)


def failed(request: bytes, text: str) -> bytes:
    if request.startswith(b"{"):
        return reply_to(request, error={"message": text})
    if request.startswith(b"get "):
        return b"SERVER_ERROR " + text.encode() + b"\r\n"
    if request.startswith(b"bind "):
        return message(b"E", b"M" + text.encode() + b"\0\0") + READY
    if request.startswith(b"call:"):
        return response({0: 0x8001, 1: sync_of(request)}, {0x31: text})
    return b"-ERR " + text.encode() + b"\r\n"


def sync_of(request: bytes) -> int:
    return int(request.split()[0].removeprefix(b"call:"))


def echo(request: bytes) -> bytes:
    """The request's key, within what a careless reader takes for an end or an error."""
    return right(request, f'<{key_of(request)}>\r\n-ERR "error":}}]\\END\r\nZ\0\0\0\5I'.encode())


# ---- The load generator


def command(address: str, protocol: str, **options: object) -> list[str]:
    words = {"protocol": protocol, "address": address, "template": TEMPLATES[protocol], "key_count": 5, **options}
    pairs = [(f"--{name.replace('_', '-')}", str(value)) for name, value in words.items()]
    return [str(compile_loadgen()), *(word for pair in pairs for word in pair)]


def loadgen(address: str, protocol: str, **options: object) -> tuple[int, dict[str, Any], str]:
    """Run it; return exit status, figures (none where there is no line), standard error."""
    done = subprocess.run(command(address, protocol, **options), capture_output=True, text=True, timeout=SECONDS_MAX)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_load_generator_compiles_without_a_warning(tmp_path: Path) -> None:
    program = compile_loadgen(tmp_path)
    assert subprocess.run([program, "--help"], capture_output=True, check=True).stdout.startswith(b"loadgen:")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=15, deadline=None)
@given(
    connections=st.integers(1, 4),
    pipeline=st.integers(1, 5),
    requests=st.integers(1, 30),
    piece_sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5).map(tuple),
)
def test_every_request_is_counted_however_the_replies_are_split(
    protocol: str, connections: int, pipeline: int, requests: int, piece_sizes: tuple[int, ...]
) -> None:
    options = {"connections": connections, "pipeline": pipeline, "requests": requests, "key_order": "sequential"}
    with peer(protocol, echo, *piece_sizes) as server:
        status, figures, complaint = loadgen(server.address, protocol, **options, expect="<{{key}}>")
    assert (status, complaint) == (RIGHT, "")
    assert (figures["requests"], figures["errors"], figures["wrong"], figures["first_error"]) == (requests, 0, 0, None)
    assert sorted(map(key_of, server.requests)) == sorted(str(number % 5) for number in range(requests))
    assert figures["bytes_received"] == sum(len(echo(request)) for request in server.requests)
    latencies = [figures["latency_us"][name] for name in ("p50", "p90", "p99", "p99.9", "max")]
    assert latencies == sorted(latencies)
    if protocol == "objserver":
        assert len({json.loads(request)["id"] for request in server.requests}) == requests


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_requests_larger_than_the_socket_takes_go_out_whole(protocol: str) -> None:
    """The kernel takes them in parts: the rest waits until the socket is writable again."""
    padding = "x" * 50_000
    template = TEMPLATES[protocol].replace("{{key}}", "{{key}}" + padding)
    with peer(protocol, echo) as server:
        options = {"template": template, "requests": 40, "pipeline": 10, "connections": 2}
        status, figures, _ = loadgen(server.address, protocol, **options)
    assert (status, figures["requests"]) == (RIGHT, 40)
    assert all(key_of(request).endswith(padding) for request in server.requests)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_replies_larger_than_the_first_buffer_are_read(protocol: str) -> None:
    def large(request: bytes) -> bytes:
        return right(request, b"y" * 300_000 + b"<end>")

    with peer(protocol, large, 7_001) as server:
        status, figures, _ = loadgen(server.address, protocol, requests=6, pipeline=3, connections=1, expect="<end>")
    assert (status, figures["requests"], figures["wrong"]) == (RIGHT, 6, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_error_replies_are_counted_and_the_first_is_shown(protocol: str) -> None:
    def answer(request: bytes) -> bytes:
        return failed(request, "no such key") if key_of(request) == "3" else echo(request)

    with peer(protocol, answer) as server:
        options = {"requests": 25, "connections": 2, "key_order": "sequential", "expect": "<{{key}}>"}
        status, figures, _ = loadgen(server.address, protocol, **options)
    assert (status, figures["requests"], figures["errors"], figures["wrong"]) == (ERRORS, 25, 5, 0)
    assert "no such key" in figures["first_error"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_replies_without_the_expected_text_are_counted(protocol: str) -> None:
    with peer(protocol, echo) as server:
        options = {"requests": 20, "expect": "<3>", "key_order": "sequential", "connections": 1}
        status, figures, _ = loadgen(server.address, protocol, **options)
    assert (status, figures["errors"], figures["wrong"]) == (ERRORS, 0, 16)
    assert "<0>" in figures["first_error"]


def test_an_error_without_an_id_answers_the_oldest_request() -> None:
    body = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON"}}'
    with peer("objserver", lambda _: frame(body)) as server:
        status, figures, _ = loadgen(server.address, "objserver", requests=3)
    assert (status, figures["errors"]) == (ERRORS, 3)


OBJSERVER_BREACHES = {
    "to another request": b'{"jsonrpc":"2.0","id":77,"result":1}',
    "result without an id": b'{"jsonrpc":"2.0","id":null,"result":1}',
    "result and error": b'{"jsonrpc":"2.0","id":1,"result":1,"error":{}}',
    "neither": b'{"jsonrpc":"2.0","id":1}',
    "another version": b'{"id":1,"result":1}',
    "no object": b"[1]",
    "not closed": b'{"jsonrpc":"2.0","id":1,"result":{"a":1}',
    "string not closed": b'{"jsonrpc":"2.0","id":1,"result":"a\\"}',
    "trailing text": b'{"jsonrpc":"2.0","id":1,"result":1}}',
    "no value": b'{"jsonrpc":"2.0","id":1,"result":}',
    "empty": b"",
}
BREACHES = [
    *(pytest.param("objserver", frame(body), id=name) for name, body in OBJSERVER_BREACHES.items()),
    pytest.param("objserver", b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
    pytest.param("objserver", Last(b""), id="closes unanswered"),
    pytest.param("objserver", Last(frame(b'{"jsonrpc":"2.0","id":1,"result":1}')[:-1]), id="closes within a reply"),
    pytest.param("redis", b"?\r\n", id="no RESP type"),
    pytest.param("redis", b"\0\r\n", id="zero byte"),
    pytest.param("redis", b"+OK\rx", id="line end"),
    pytest.param("redis", b"+" + b"x" * 70_000, id="endless line"),
    pytest.param("redis", b"$1x\r\na\r\n", id="no number"),
    pytest.param("redis", b"$-2\r\n", id="negative size"),
    pytest.param("redis", b"$99999999999999999999\r\n", id="size of 20 digits"),
    pytest.param("redis", b"$3\r\nabcd\r\n", id="longer than its size"),
    pytest.param("memcached", b"OK\r\n", id="no status of memcached"),
    pytest.param("memcached", b"x" * 70_000, id="endless line of memcached"),
    pytest.param("memcached", b"VALUE 1 0 x\r\n", id="no size of memcached"),
    pytest.param("memcached", b"VALUE 1 0 1\r\nab\r\nEND\r\n", id="memcached longer than its size"),
    pytest.param("memcached", Last(b"VALUE 1 0 1\r\na\r\n"), id="memcached closes within a reply"),
    pytest.param("postgresql", b"\0\0\0\0\4", id="no type of PostgreSQL"),
    pytest.param("postgresql", b"C\0\0\0\3", id="PostgreSQL smaller than its size"),
    pytest.param("postgresql", b"D\x7f\xff\xff\xff", id="size of PostgreSQL"),
    pytest.param("postgresql", message(b"2") + READY, id="no result of PostgreSQL"),
    pytest.param("postgresql", Last(message(b"C", b"SELECT 1\0")), id="PostgreSQL closes within a reply"),
    pytest.param("tarantool", b"HTTP/1.1 400 Bad Request\r\n\r\n", id="no response of Tarantool"),
    pytest.param("tarantool", b"\xce\xff\xff\xff\xff", id="size of Tarantool"),
    pytest.param("tarantool", response({0: 0, 1: 77}, {}), id="Tarantool to another request"),
    pytest.param("tarantool", response({1: 1}, {}), id="no type of Tarantool"),
    pytest.param("tarantool", b"\xce\0\0\0\2\x81\x00", id="header of Tarantool cut"),
    pytest.param("tarantool", b"\xce\0\0\0\0", id="empty response of Tarantool"),
    pytest.param("redis", Last(b"*2\r\n:1\r\n"), id="redis closes within a reply"),
]


@pytest.mark.parametrize(("protocol", "reply"), BREACHES)
@pytest.mark.parametrize("piece_size", [1 << 20, 7])
def test_breach_of_the_protocol_ends_the_run_without_a_figure(protocol: str, reply: bytes, piece_size: int) -> None:
    with peer(protocol, lambda _: reply, piece_size) as server:
        status, figures, complaint = loadgen(server.address, protocol, requests=5, connections=1)
    assert (status, figures) == (BREACH, {})
    assert complaint.startswith("loadgen: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_answered_twice_is_a_breach(protocol: str) -> None:
    with peer(protocol, lambda request: 2 * echo(request)) as server:
        status, figures, complaint = loadgen(server.address, protocol, requests=5, connections=5)
    assert (status, figures) == (BREACH, {})
    assert "no request asked for" in complaint


@settings(max_examples=15, deadline=None)
@given(requests=st.integers(1, 30), pipeline=st.integers(1, 8), seed=st.integers(0, 99))
def test_replies_out_of_order_answer_the_request_they_name(requests: int, pipeline: int, seed: int) -> None:
    """Tarantool answers a read before a write that waits for the log."""
    held: list[bytes] = []
    left, shuffle = requests, random.Random(seed).shuffle

    def answer(request: bytes) -> bytes:
        nonlocal left
        held.append(echo(request))
        left -= 1
        if left and len(held) < min(pipeline, left + len(held)):
            return b""
        shuffle(held)
        replies = b"".join(held)
        held.clear()
        return replies

    options = {"connections": 1, "pipeline": pipeline, "requests": requests, "expect": "<{{key}}>"}
    with peer("tarantool", answer) as server:
        status, figures, complaint = loadgen(server.address, "tarantool", **options)
    assert (status, complaint, figures["requests"], figures["wrong"]) == (RIGHT, "", requests, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_templates_take_turns_and_each_has_its_expectation(protocol: str) -> None:
    options = {"requests": 11, "connections": 1, "key_count": 7}
    template = TEMPLATES[protocol].replace("{{key}}", "x{{key}}")
    with peer(protocol, echo) as server:
        first = command(server.address, protocol, **options, expect="<")
        words = [*first, "--template", template, "--expect", "<x"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert (done.returncode, done.stderr) == (RIGHT, "")
    assert json.loads(done.stdout)["by_template"] == [6, 5]
    assert [key_of(request)[0] == "x" for request in server.requests] == [at % 2 == 1 for at in range(11)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_key_of_two_columns_is_taken_apart(protocol: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("1 22\n333 4\n")
    template = TEMPLATES[protocol].replace("{{key}}", "{{key2}}-{{key1}}")
    with peer(protocol, echo) as server:
        words = command(server.address, protocol, template=template, requests=2, key_order="sequential", connections=1)
        at = words.index("--key-count")
        words[at : at + 2] = ["--key-file", str(tmp_path / "keys"), "--expect", "<{{key2}}-{{key1}}>"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert (done.returncode, done.stderr) == (RIGHT, "")
    assert [key_of(request) for request in server.requests] == ["22-1", "4-333"]


def test_a_statement_is_run_in_each_connection_of_postgresql() -> None:
    with peer("postgresql", echo) as server:
        status, figures, complaint = loadgen(
            server.address, "postgresql", requests=4, connections=3, statement="DO 'x'"
        )
    assert (status, complaint, figures["requests"]) == (RIGHT, "", 4)
    assert server.statements == ["DO 'x'"] * 3


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(message(b"R", bytes(3) + b"\3"), id="asks for a password"),
        pytest.param(GREETING[: -len(READY)] + message(b"E", b"Mno such table\0\0"), id="refuses the statement"),
        pytest.param(b"HTTP/1.1 400", id="another protocol"),
        pytest.param(GREETING + READY, id="says more"),
    ],
)
def test_a_connection_that_postgresql_refuses_is_a_breach(greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "GREETING", greeting)
    with peer("postgresql", echo) as server:
        status, figures, complaint = loadgen(server.address, "postgresql", requests=1, connections=1)
    assert (status, figures) == (BREACH, {})
    assert complaint.startswith("loadgen: ")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_peer_that_does_not_answer_ends_the_run(protocol: str) -> None:
    with peer(protocol, lambda _: b"") as server:
        status, figures, complaint = loadgen(server.address, protocol, requests=5, stall_seconds=0.2)
    assert (status, figures) == (BREACH, {})
    assert "5 requests unanswered" in complaint


def test_nobody_there_is_said(tmp_path: Path) -> None:
    status, _, complaint = loadgen(f"unix:{tmp_path}/nobody", "redis", requests=1)
    assert status == BREACH and "No such file" in complaint


def test_a_signal_ends_a_run_with_its_figures() -> None:
    with peer("objserver", echo) as server:
        words = command(server.address, "objserver", seconds=SECONDS_MAX)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert server.answered.wait(SECONDS_MAX)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == RIGHT
    assert json.loads(output)["requests"] == len(server.requests) > 0


def test_random_keys_follow_from_the_seed() -> None:
    def keys(seed: int) -> list[str]:
        with peer("redis", echo) as server:
            loadgen(server.address, "redis", requests=200, connections=1, seed=seed)
        return [key_of(request) for request in server.requests]

    assert keys(1) == keys(1) != keys(2)
    assert set(keys(3)) == set("01234")


def test_many_connections_are_all_used() -> None:
    with peer("objserver", echo) as server:
        status, figures, _ = loadgen(server.address, "objserver", requests=300, connections=300)
    assert (status, figures["requests"]) == (RIGHT, 300)


@pytest.mark.parametrize(
    "options",
    [
        {"template": "{}", "requests": 1},
        {"template": '{"a":{{id}},"b":{{id}}}', "requests": 1},
        {"requests": 1, "seconds": 1},
        {},
        {"requests": "many"},
        {"requests": 1, "connections": 0},
        {"requests": 1, "key_order": "sorted"},
        {"requests": 1, "key_file": "/dev/null"},
        {"requests": 1, "surprise": 1},
        {"template": '{"id":{{id}},"a":"{{key1}}"}', "requests": 1},
        {"requests": 1, "statement": "SELECT 1"},
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, object]) -> None:
    status, figures, complaint = loadgen("unix:/nowhere", "objserver", **options)
    assert (status, figures) == (USAGE, {})
    assert complaint


@pytest.mark.parametrize("address", ["nowhere", ":1", "unix:/" + "x" * 200, "127.0.0.1:nothing"])
def test_addresses_that_make_no_sense_are_refused(address: str) -> None:
    status, figures, complaint = loadgen(address, "redis", requests=1)
    assert (status, figures) == (USAGE, {})
    assert "loadgen: " in complaint


def test_a_load_with_error_replies_has_no_figures() -> None:
    with peer("objserver", lambda request: reply_to(request, error={"message": "no such key"})) as server:
        target = Target(server.address, Workload.request("ping", {}))
        with (
            Load(target, Shape(2, 1), requests=4) as load,
            pytest.raises(BenchmarkFailed, match=r"of 4 replies 4 were errors and 0 .*no such key"),
        ):
            load.figures()


def test_a_load_that_breaks_off_has_no_figures() -> None:
    with peer("objserver", lambda _: Last(b"")) as server:
        target = Target(server.address, Workload.request("ping", {}))
        with Load(target, Shape(2, 1), requests=4) as load, pytest.raises(BenchmarkFailed, match="unanswered"):
            load.figures()
