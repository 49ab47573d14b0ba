"""A session: the socket of one client and what is held for it.

    socket -> recv -> Connection (doors) -> send -> socket
                                             |
                                           unsent: what the kernel did not take yet

Does only what concerns this one client; the reactor decides when.

Promise: sending never blocks, and bytes go out in the order they were written.
"""

from __future__ import annotations

import socket
from collections import deque
from math import inf
from select import EPOLLIN, EPOLLOUT
from typing import Final

from objserver.doors.native import Connection
from objserver.limits import KIB, OUTPUT_SIZE_MAX

__all__ = ["Session"]

# Python allocates what may be read before each read: with READ_SIZE a request of 100 bytes took 0.4 us more.
READ_SIZE_LEAST: Final = 4 * KIB


class Session:
    """One client.

    Invariants: `unsent_size` is the size of all in `_unsent`; a session with unsent bytes has a deadline;
    `choked` only while there are unsent bytes; `queued` exactly while it stands in the reactor's queue.
    """

    __slots__ = (
        "_unsent", "awaiting", "choked", "connection", "deadline", "fd", "held", "interest", "lingering", "paused",
        "queued", "read_size", "reading", "recv", "send", "sock", "unsent_size",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, connection: Connection) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        # Bound once: the reactor calls them for every request.
        self.recv = sock.recv
        self.send = sock.send
        self.connection = connection
        self.interest = EPOLLIN  # as registered with epoll
        self.reading = True  # false once the client ended
        self.read_size = READ_SIZE_LEAST  # READ_SIZE once it has sent so much at once
        self.queued = False
        self.choked = False  # unread replies reached their bound: neither read nor run until they are gone
        self.awaiting = False  # its requests, or their replies, wait for other nodes: not read meanwhile
        self.paused = False  # it sent what ends servers: neither read nor run for a while
        self.lingering = False  # nothing more is said; what comes is thrown away
        self.deadline = inf  # trio's clock; closed when it is reached
        self.held = 0  # bytes, as last counted by the reactor
        self.unsent_size = 0
        self._unsent: deque[memoryview] = deque()

    def wanted(self) -> int:
        """The events to wait for."""
        reads = self.reading and not self.choked and not self.paused and not self.awaiting
        return (EPOLLIN if reads else 0) | (EPOLLOUT if self._unsent else 0)

    def keep(self, data: bytes, sent: int) -> None:
        """Keep what the kernel did not take of `data`, to be sent by `flush`."""
        self._unsent.append(memoryview(data)[sent:])
        self.unsent_size += len(data) - sent
        if self.unsent_size > OUTPUT_SIZE_MAX:
            self.choked = True

    def flush(self) -> int:
        """Send what is unsent, as far as the kernel takes it; return how many bytes that was.

        Raises:
            OSError: the client is gone.
        """
        flushed = 0
        unsent = self._unsent
        try:
            while unsent:
                sent = self.send(unsent[0])
                flushed += sent
                if sent < len(unsent[0]):
                    unsent[0] = unsent[0][sent:]
                    break
                unsent.popleft()
        except BlockingIOError:
            pass
        self.unsent_size -= flushed
        if not unsent:
            self.choked = False
        return flushed

    def count_held(self) -> int:
        """Bytes held for this client: an unfinished frame, requests that wait, unread replies."""
        return self.connection.buffered + self.unsent_size
