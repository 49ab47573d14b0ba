"""A server for the tests: real sockets, the real wire, and answers that a test decides."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from objserver.wire import ErrorCode, FrameReader, decode, encode, encode_error, encode_result, parse_request

SECONDS_MAX = 20


class Fail(Exception):
    """An answer: an error reply."""

    def __init__(self, code: int, message: str, **data: Any) -> None:
        self.code, self.message, self.data = code, message, data


class HangUp(Exception):
    """An answer: none, and the end of the connection. `last` is sent first."""

    def __init__(self, last: bytes = b"") -> None:
        self.last = last


class Printed:
    """An answer: a value and what was printed."""

    def __init__(self, value: object, output: str) -> None:
        self.value, self.output = value, output


class Request(NamedTuple):
    """What `parse_request` gives, with names."""

    id: int | str | None
    method: str
    params: dict[str, Any]
    tagged: bool


Answer = Callable[["Peer", Request], object]


def echo(peer: Peer, request: Request) -> object:
    """Answer with what arrived: the method and its parameters."""
    return [request.method, request.params]


class Peer:
    """Listens, and answers each connection in a thread of its own.

    Attributes:
        answer: gives the value for a request, bytes to send as they are, or raises `Fail` or `HangUp`.
        piece: size of the pieces that replies are sent in.
        requests: all that arrived, in order.
        connections: how many clients came.
    """

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self.answer = answer
        self.piece = 1 << 20
        self.requests: list[Request] = []
        self.connections = 0
        self._seq = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = listener
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        place = self._listener.getsockname()
        if isinstance(place, str):
            return f"unix:{place}"
        return f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"

    def hang_up(self) -> None:
        """Close every connection; new ones are accepted."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):  # the client was quicker
                    each.shutdown(socket.SHUT_RDWR)

    def push(self, data: bytes) -> None:
        """Send bytes that no request asked for just now."""
        with self._lock:
            for each in self._open:
                each.sendall(data)

    def wait_alone(self) -> None:
        """Return when every client has closed its connection."""
        for thread in self._threads[1:]:
            thread.join(SECONDS_MAX)
            assert not thread.is_alive()

    def exchange(self, data: bytes) -> bytes:
        """Answer whole frames without a socket."""
        return b"".join(self._reply(Request(*parse_request(body))) for body in FrameReader().feed(data))

    def stop(self) -> None:
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(SECONDS_MAX)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(SECONDS_MAX)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connected)
                thread = threading.Thread(target=self._serve, args=(connected,))
                self._threads.append(thread)
            thread.start()

    def _serve(self, connected: socket.socket) -> None:
        reader = FrameReader()
        try:
            while data := connected.recv(1 << 16):
                for body in reader.feed(data):
                    reply = self._reply(Request(*parse_request(body)))
                    for start in range(0, len(reply), self.piece):
                        connected.sendall(reply[start : start + self.piece])
        except HangUp as end:
            with suppress(OSError):  # the client was quicker
                connected.sendall(end.last)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connected)
            connected.close()

    def _reply(self, request: Request) -> bytes:
        request = request._replace(params=decode(request.params))
        with self._lock:
            self.requests.append(request)
            self._seq += 1
            seq = self._seq
        try:
            value = self.answer(self, request)
        except Fail as fail:
            return encode_error(request.id, fail.code, fail.message, fail.data)
        if isinstance(value, bytes):
            return value
        if isinstance(value, Printed):
            return encode_result(request.id, encode(value.value), seq, value.output)
        return encode_result(request.id, encode(value), seq)


@contextmanager
def listening(answer: Answer = echo, path: Path | None = None, port: int = 0) -> Iterator[Peer]:
    """Run a peer on a free port, or on a unix socket, to the end of the block."""
    if path is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
    else:
        listener = socket.create_server(("127.0.0.1", port))
    peer = Peer(listener, answer)
    try:
        yield peer
    finally:
        peer.stop()


def key_error(peer: Peer, request: Request) -> object:
    """Answer like a snippet that raised."""
    raise Fail(
        ErrorCode.SNIPPET_RAISED,
        "KeyError: 'bob'",
        type="KeyError",
        line=3,
        traceback="Traceback (most recent call last):\n  line 3\nKeyError: 'bob'",
        output="before",
    )
