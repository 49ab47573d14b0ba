"""The herald: a promoted node tells those whom it followed that a new term has begun.

    addresses, in turn -> connect -> `fence` -> their answer -> again, later

An old leader may come back at any time, and nobody else tells it; so this goes on as long as the node leads. That it
was heard changes nothing here: each node judges by the term alone.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from select import EPOLLOUT
from typing import Any, Final

from ..errors import BadRequest, FrameTooLarge
from ..wire import MessageError, encode_request, parse_reply
from .link import Link, Target

__all__ = ["Herald"]

INTERVAL_SECONDS: Final = 1.0
SILENCE_SECONDS_MAX: Final = 5.0


class Herald:
    """Tells `targets`, one after the other, who leads."""

    def __init__(
        self,
        targets: Sequence[Target],
        watch: Callable[[Link, int], object],
        forget: Callable[[Link], object],
    ) -> None:
        self._targets = list(targets)
        self._watch = watch
        self._forget = forget
        self._next = 0
        self._next_at = 0.0
        self._began_at = 0.0
        self._link: Link | None = None
        self._frame = b""
        self._connecting = False
        self._newer: tuple[int, str | None] | None = None

    def tend(self, now: float, cluster: str, term: int, leader: str | None) -> tuple[int, str | None] | None:
        """Go on telling that `leader` leads `cluster` in `term`.

        Returns: term and leader of somebody of a newer term, when one was found.
        """
        if self._link is not None:
            if now - self._began_at > SILENCE_SECONDS_MAX:
                self.close()
        elif now >= self._next_at:
            self._next_at = now + INTERVAL_SECONDS
            self._frame = encode_request(1, "fence", {"cluster": cluster, "term": term, "leader": leader})
            self._connect(now)
        newer, self._newer = self._newer, None
        return newer if newer is not None and newer[0] > term else None

    def handle(self, fd: int, now: float) -> None:
        """The link is ready to be read or written."""
        link = self._link
        if link is None or link.fd != fd:
            return
        try:
            if self._connecting:
                if link.error() is not None:
                    self.close()
                    return
                self._connecting = False
                link.send(self._frame)
                self._watch(link, link.wanted())
                return
            link.flush()
            for body in link.receive():
                self._hear(body)
                self.close()
                return
        except (OSError, FrameTooLarge, MessageError, BadRequest):
            self.close()

    def close(self) -> None:
        if self._link is not None:
            self._forget(self._link)
            self._link.close()
            self._link = None

    def _connect(self, now: float) -> None:
        _, family, where = self._targets[self._next]
        self._next = (self._next + 1) % len(self._targets)
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            return  # no descriptor is left
        sock.setblocking(False)
        if sock.connect_ex(where) not in (0, errno.EINPROGRESS):
            sock.close()
            return
        self._link = Link(sock)
        self._began_at = now
        self._connecting = True
        self._watch(self._link, EPOLLOUT)

    def _hear(self, body: bytes) -> None:
        reply = parse_reply(body)
        told: Any = reply.value  # a refusal is another cluster's, whose terms say nothing here
        if type(told) is dict and type(told.get("term")) is int:
            leader = told.get("leader")
            self._newer = told["term"], leader if type(leader) is str else None
