"""A link: a socket between two nodes that never blocks, and speaks frames.

    socket -> [link] -> bodies        frames -> [link] -> socket, as far as the kernel takes them

What the kernel did not take is kept until `flush`; whoever writes looks at `unsent_size` and stops when there is some,
so a slow peer costs what was written last, and no more.

Promise: nothing blocks, frames go out whole and in order, and the end of a link is told once (OSError).
"""

from __future__ import annotations

import os
import socket
from collections import deque
from select import EPOLLIN, EPOLLOUT
from typing import Final

from ..limits import KIB
from ..wire import FrameReader

__all__ = ["Link", "Target"]

# Read at once: log entries and pages of snapshots, not requests.
READ_SIZE: Final = 256 * KIB


# Whom to connect to: the name that people gave it, the family, and the address as sockets take it.
Target = tuple[str, socket.AddressFamily, tuple[str, int]]


class Link:
    """One connected, or connecting, socket; it belongs to this object from now on."""

    def __init__(self, sock: socket.socket, held: bytes = b"") -> None:
        """
        Args:
            held: what was read already. Raises FrameTooLarge: that is no frame.
        """
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = sock.fileno()
        self.unsent_size = 0
        self.reading = True  # false while whoever reads has enough to do
        self.received_size = 0
        self._socket = sock
        self._reader = FrameReader()
        self._bodies = self._reader.feed(held)  # complete already
        self._unsent: deque[memoryview] = deque()

    def wanted(self) -> int:
        """The events to wait for."""
        return (EPOLLIN if self.reading else 0) | (EPOLLOUT if self._unsent else 0)

    def error(self) -> OSError | None:
        """Return why a connection could not be made, or broke, if it did."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return OSError(code, os.strerror(code)) if code else None

    def receive(self) -> list[bytes]:
        """Return the bodies that have come.

        Raises:
            OSError: the link broke, or the peer ended it.
            FrameTooLarge: the peer does not speak this protocol.
        """
        bodies, self._bodies = self._bodies, []
        if bodies:
            return bodies
        try:
            data = self._socket.recv(READ_SIZE)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionResetError("the other side closed the connection")
        self.received_size += len(data)
        return self._reader.feed(data)

    def send(self, *parts: bytes) -> None:
        """Send bytes behind all that was sent before. Raises OSError: the link broke."""
        for part in parts:
            self._unsent.append(memoryview(part))
            self.unsent_size += len(part)
        self.flush()

    def flush(self) -> None:
        """Send what is unsent, as far as the kernel takes it. Raises OSError: the link broke."""
        unsent = self._unsent
        try:
            while unsent:
                first = unsent[0]
                sent = self._socket.send(first)
                self.unsent_size -= sent
                if sent < len(first):
                    unsent[0] = first[sent:]
                    break
                unsent.popleft()
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._socket.close()

