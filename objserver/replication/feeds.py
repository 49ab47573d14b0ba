"""The feeds of one node: who is fed, from which snapshot, and what that lets the node's clients know.

    node -> join -> Feed (feed.py), one of each follower -> acks -> replicated_seq
                     ^-- Recent, SnapshotSource: what all of them share

As long as somebody is fed, the engine's entries are remembered; as long as somebody takes a snapshot, and a while
after, its pages are pinned and the log behind them is kept.

Promise: a follower that is gone, slow or odd costs its own feed (tests/replication/test_faults.py).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from typing import Any

from ..engine import Engine
from ..errors import FrameTooLarge
from ..limits import FEEDS_MAX, MIB, SNAPSHOT_LOG_SIZE_MAX
from .feed import Feed, Recent
from .link import Link
from .messages import FollowRequest
from .snapshot import SnapshotSource

__all__ = ["Feeds"]


class Feeds:
    """All followers of one node."""

    def __init__(
        self,
        engine: Engine,
        *,
        heard_leader: Callable[[], tuple[str | None, float]],
        watch: Callable[[Link, int], object],
        forget: Callable[[Link], object],
        tell: Callable[[str], object],
    ) -> None:
        """
        Args:
            heard_leader: tells who takes changes, and how many seconds ago that was heard.
            watch, forget: a link is to be looked at for these events, or not any more.
            tell: takes one readable line for the operator.
        """
        self._engine = engine
        self._heard_leader = heard_leader
        self._watch = watch
        self._forget = forget
        self._tell = tell
        self._feeds: dict[int, Feed] = {}  # by the descriptor of its link
        self._recent = Recent()
        self._source: SnapshotSource | None = None

    def __len__(self) -> int:
        return len(self._feeds)

    @property
    def acked(self) -> list[int]:
        """The last entry that each follower has on disk, the highest first; without those that take a snapshot."""
        return sorted((feed.acked_seq for feed in self._feeds.values() if feed.snapshot is None), reverse=True)

    def snapshot(self, wanted: bool | dict[str, Any]) -> tuple[SnapshotSource, int]:
        """Return the snapshot to send, and from which offset on. Raises BadRequest: there is none."""
        if self._source is None:
            self._source = SnapshotSource(self._engine.pin())
        self._source.left_at = None
        offset = self._source.resume(wanted) if isinstance(wanted, dict) else 0
        return self._source, offset

    def join(
        self, sock: socket.socket, held: bytes, request: FollowRequest, source: SnapshotSource | None, offset: int
    ) -> None:
        """Feed a follower that was told so, by this socket, of which `held` was read already."""
        try:
            link = Link(sock, held)
        except FrameTooLarge:
            sock.close()
            return
        # One that comes again, while its old connection hangs, must not count as two.
        for old in [feed for feed in self._feeds.values() if feed.is_of(request)]:
            self._drop(old, "it connected again")
        if len(self._feeds) >= FEEDS_MAX:
            link.close()  # others were told the same in the meantime
            return
        feed = Feed(
            link, request, self._engine, self._recent, source, offset, self._heard_leader, time.monotonic()
        )
        self._feeds[link.fd] = feed
        self._engine.appended = self._recent.add
        self._watch(link, link.wanted())
        if held:
            self.handle(link.fd, EPOLLIN, time.monotonic())

    def handle(self, fd: int, events: int, now: float) -> bool:
        """A socket is ready. Returns whether it is a follower's."""
        feed = self._feeds.get(fd)
        if feed is None:
            return False
        try:
            if events & EPOLLOUT:
                feed.link.flush()
            if events & (EPOLLIN | EPOLLERR | EPOLLHUP):
                feed.handle_input(now)
            self._watch(feed.link, feed.link.wanted())
        except OSError as error:
            self._drop(feed, str(error))
        return True

    def tend(self, now: float) -> bool:
        """Send what there is to send. Returns whether there is more at once."""
        more = False
        for feed in list(self._feeds.values()):
            try:
                more = feed.pump(now) or more
                if feed.ended:
                    self._drop(feed, feed.ended)
                else:
                    self._watch(feed.link, feed.link.wanted())
            except OSError as error:
                self._drop(feed, str(error))
        if self._source is not None:
            self._tend_source(self._source, now)
        return more

    def statistics(self, now: float) -> list[dict[str, Any]]:
        return [feed.statistics(now) for feed in self._feeds.values()]

    def close(self) -> None:
        """End all of them."""
        for feed in list(self._feeds.values()):
            self._drop(feed, "")
        self._close_source()

    def _drop(self, feed: Feed, why: str) -> None:
        self._forget(feed.link)
        feed.link.close()
        del self._feeds[feed.link.fd]
        if feed.snapshot is not None and self._source is not None:
            self._source.left_at = time.monotonic()
        if not self._feeds:
            self._engine.appended = None
            self._recent.clear()
        if why:
            self._tell(f"the follower {feed.address or 'without an address'} left: {why}")

    def _tend_source(self, source: SnapshotSource, now: float) -> None:
        takers = [feed for feed in self._feeds.values() if feed.snapshot is source]
        if self._engine.log.size_after(source.head.seq) > SNAPSHOT_LOG_SIZE_MAX:
            for feed in takers:
                feed.end(f"it takes a snapshot too slowly: the log has grown by {SNAPSHOT_LOG_SIZE_MAX / MIB:,.0f} MiB")
                self._drop(feed, feed.ended)
            self._close_source()
        elif not takers:
            if source.left_at is None:
                source.left_at = now  # whoever asked for it left before it came to a feed
            if source.is_over(now):
                self._close_source()

    def _close_source(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None
