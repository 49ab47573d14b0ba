"""Transports: how the bytes of one connection travel.

    Connection -> [transport] -> TCP or unix socket -> server
                             \\-> a function in this process (`ExchangeTransport`)

A transport never blocks but in `wait`, which one thread at a time may call while others call `send` and `wake`.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from objserver.limits import READ_SIZE

__all__ = [
    "IN_PROCESS",
    "Address",
    "ExchangeTransport",
    "SocketTransport",
    "StreamSocket",
    "Transport",
    "parse_address",
    "parse_addresses",
]


class Address(NamedTuple):
    """Where a node listens: a host and a port, or the path of a unix socket."""

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        if self.host:
            return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"unix:{self.path}" if self.path else "this process"


# Of a server that is a function: there is no way to another one.
IN_PROCESS: Final = Address("", 0, "")


def parse_address(text: str) -> Address:
    """Return the address in "host:port", "[::1]:7707" or "unix:/path".

    Raises:
        ValueError: it is none of these.
    """
    scheme, _, path = text.partition(":")
    if scheme == "unix" and path.startswith("/"):
        return Address("", 0, path)
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    if host and port.isascii() and port.isdigit() and 0 < int(port) < 65536 and (bracketed or ":" not in host):
        return Address(host, int(port), "")
    raise ValueError(f"{text!r} is no address; write host:port, [::1]:port or unix:/path")


def parse_addresses(texts: str | Iterable[str]) -> list[Address]:
    """Return the addresses in a text with commas between them, or in several texts of one each; each one once.

    Raises:
        ValueError: one of them is none, or there is none at all.
    """
    if isinstance(texts, str):
        texts = [text.strip() for text in texts.split(",")]
    addresses = list(dict.fromkeys(parse_address(text) for text in texts))
    if not addresses:
        raise ValueError("no address is given; write host:port, [::1]:port or unix:/path")
    return addresses


class Transport(Protocol):
    """What a connection needs to be carried by. Every method but `close` may raise OSError: it is broken then."""

    def send(self, data: bytes | bytearray) -> int:
        """Take bytes from the front of `data` and return how many; 0 when none fit now."""

    def receive(self) -> bytes | None:
        """Return bytes that have arrived; None when there are none after all, b"" when the peer has closed."""

    def wait(self, to_send: bool, timeout: float | None) -> bool:
        """Wait for bytes to receive, or if `to_send` for room to send, or for `wake`; at most `timeout` seconds.

        Returns whether there is something to receive.
        """

    def wake(self) -> None:
        """End a `wait` in another thread."""

    def is_open(self) -> bool:
        """Whether the peer has not closed, as far as is known. Asked before a request on an idle connection."""

    def close(self) -> None:
        """End the connection. Nobody is in `wait` any more."""


class StreamSocket:
    """A connected socket, which never blocks and belongs to this object from now on."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        if connected.family in (socket.AF_INET, socket.AF_INET6):
            # Requests are written whole; waiting for more to send would only delay them.
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: Final = connected

    def send(self, data: bytes | bytearray) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        try:
            return self.socket.recv(READ_SIZE)
        except BlockingIOError:
            return None

    def is_open(self) -> bool:
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        self.socket.close()


class SocketTransport(StreamSocket):
    """A connected socket as a thread waits for it."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(connected)
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(connected, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._to_send = False

    def wait(self, to_send: bool, timeout: float | None) -> bool:
        if to_send != self._to_send:
            events = selectors.EVENT_READ | selectors.EVENT_WRITE if to_send else selectors.EVENT_READ
            self._selector.modify(self.socket, events)
            self._to_send = to_send
        readable = False
        for key, events in self._selector.select(timeout):
            if key.fileobj is self._woken:
                self._woken.recv(READ_SIZE)
            elif events & selectors.EVENT_READ:
                readable = True
        return readable

    def wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except BlockingIOError:  # full of wakes that are still to be heard
            pass

    def close(self) -> None:
        self._selector.close()
        self._woken.close()
        self._waker.close()
        super().close()


class ExchangeTransport:
    """A server in the same process, as a function.

    Args:
        exchange: takes frames and returns the frames of all their replies. Never called by two threads at once.
        close: called once, at the end.
    """

    def __init__(self, exchange: Callable[[bytes], bytes], close: Callable[[], object]) -> None:
        self._exchange = exchange
        self._close = close
        self._replies = bytearray()

    def send(self, data: bytes | bytearray) -> int:
        self._replies += self._exchange(bytes(data))
        return len(data)

    def receive(self) -> bytes | None:
        data = bytes(self._replies)
        self._replies.clear()
        return data

    def wait(self, to_send: bool, timeout: float | None) -> bool:
        return True

    def wake(self) -> None:
        """Nobody ever waits."""

    def is_open(self) -> bool:
        return True

    def close(self) -> None:
        self._close()
