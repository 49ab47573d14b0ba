"""The load generator of the benchmarks, held against a peer that splits, errs, answers twice, closes, keeps silent."""

from __future__ import annotations

import fcntl
import json
import os
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
PROTOCOLS = ("objserver", "redis")
TEMPLATES = {
    "objserver": '{"jsonrpc":"2.0","id":{{id}},"method":"ping","params":{"key":"{{key}}","same":"{{key}}"}}',
    "redis": "PING\n{{key}}\n{{key}}",
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


class Peer:
    """Listens on a unix socket. Each piece it sends is read by the other side before the next one leaves."""

    def __init__(self, folder: str, protocol: str, answer: Answer, piece_sizes: tuple[int, ...]) -> None:
        self.address = f"unix:{folder}/peer"
        self.requests: list[bytes] = []
        self.answered = threading.Event()
        self._answer = answer
        self._take = take_command if protocol == "redis" else take_frame
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
            while chunk := connection.recv(65536):
                data += chunk
                replies: list[bytes] = []
                while taken := self._take(data):
                    request, data = taken
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


def echo(request: bytes) -> bytes:
    """The request's key, within what a careless reader takes for an end or an error."""
    text = f'<{key_of(request)}>\r\n-ERR "error":}}]\\'
    if request.startswith(b"{"):
        return reply_to(request, result={"value": {"error": text, "id": 0}, "seq": [1, {}]})
    return b"*2\r\n$%d\r\n%b\r\n*1\r\n:-7\r\n" % (len(text), text.encode())


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
        text = b"y" * 300_000 + b"<end>"
        return b"$%d\r\n%b\r\n" % (len(text), text) if protocol == "redis" else reply_to(request, result=text.decode())

    with peer(protocol, large, 7_001) as server:
        status, figures, _ = loadgen(server.address, protocol, requests=6, pipeline=3, connections=1, expect="<end>")
    assert (status, figures["requests"], figures["wrong"]) == (RIGHT, 6, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_error_replies_are_counted_and_the_first_is_shown(protocol: str) -> None:
    def answer(request: bytes) -> bytes:
        if key_of(request) != "3":
            return echo(request)
        return b"-ERR no such key\r\n" if protocol == "redis" else reply_to(request, error={"message": "no such key"})

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
