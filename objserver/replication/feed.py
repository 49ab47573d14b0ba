"""Feeds: the leader's side of its followers, one of each.

    engine -> appended -> Recent --.
                          log -----+-> Feed.pump -> link -> follower
                          pin -----'      ^                    |
                                          `------- ack --------'

Entries go out when they are on this node's disk, never before: a follower is not to have what its leader may lose. The
last ones are at hand in memory, older ones are read from the log. A feed is pumped only when the kernel has taken all
it was given: so a slow follower holds up nobody, and costs one piece of memory. When the log has no longer what it
needs, its feed ends, and it comes back for a snapshot.

Promise: a follower gets the log's bytes, each entry once and in order, from the one it asked for
(tests/replication/test_faults.py).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from ..engine import Engine
from ..errors import BadRequest, Compacted, DataDamaged, FrameTooLarge, StorageFailed
from ..limits import FEED_SILENCE_SECONDS_MAX, KIB, MIB
from ..wire import encode_frame
from .link import Link
from .messages import ACK, DONE, END, HEARTBEAT, FollowRequest, Heartbeat, entry_frames, json_frame, read_ack
from .snapshot import SnapshotSource

__all__ = ["Feed", "Recent"]

# Bytes of entries sent at once, unless one entry is larger.
PIECE_SIZE: Final = 256 * KIB
HEARTBEAT_SECONDS: Final = 1.0

# For the lag in seconds: how exact, and how much is remembered.
NOTED_SECONDS: Final = 0.005
NOTED_COUNT_MAX: Final = 4_096


class Recent:
    """The last entries of the log, in memory, as long as somebody is fed."""

    def __init__(self, size_max: int = 8 * MIB) -> None:
        self._entries: dict[int, bytes] = {}
        self._size = 0
        self._size_max = size_max

    def add(self, seq: int, entry: bytes) -> None:
        entries = self._entries
        entries[seq] = entry
        self._size += len(entry)
        while self._size > self._size_max:
            self._size -= len(entries.pop(next(iter(entries))))

    def clear(self) -> None:
        self._entries.clear()
        self._size = 0

    def read(self, first: int, size_max: int) -> list[bytes]:
        """Return entries from `first` on, as many as fit, at least one; none when it is not here."""
        get = self._entries.get
        found: list[bytes] = []
        size = 0
        entry = get(first)
        while entry is not None and (not found or size + len(entry) <= size_max):
            found.append(entry)
            size += len(entry)
            entry = get(first + len(found))
        return found


class Feed:
    """One follower, as its leader sees it.

    Attributes:
        address: where the follower listens; "" when it did not tell.
        acked_seq: the last entry that is on its disk.
        ended: why it is over; "" while it goes on.
    """

    def __init__(
        self,
        link: Link,
        request: FollowRequest,
        engine: Engine,
        recent: Recent,
        snapshot: SnapshotSource | None,
        offset: int,
        leader: Callable[[], tuple[str | None, float]],
        now: float,
    ) -> None:
        """
        Args:
            snapshot: to send from `offset` on, instead of entries.
            leader: tells who takes changes, and how many seconds ago it was heard of.
            now: seconds of a clock that never goes back, as all other times here.
        """
        self.link = link
        self.address = request.address or ""
        self.acked_seq = 0 if snapshot is not None else request.seq
        self.ended = ""
        self.snapshot = snapshot
        self._node = request.node
        self._engine = engine
        self._recent = recent
        self._leader = leader
        self._next = request.seq + 1
        self._offset = offset
        self._is_done = False  # the end of the snapshot was said
        self._heard_at = self._heartbeat_at = now
        self._appended: deque[tuple[int, float]] = deque()  # entries not yet acknowledged, some, and since when

    def is_of(self, request: FollowRequest) -> bool:
        """Whether it feeds the same follower, as far as that can be told."""
        return self._node == request.node or (bool(self.address) and self.address == request.address)

    def handle_input(self, now: float) -> None:
        """Take what the follower sent. Raises OSError: it is gone."""
        try:
            for body in self.link.receive():
                self._heard_at = now
                if not body or body[0] != ACK:
                    raise BadRequest("a follower sends acks alone")
                seq = read_ack(body)
                if not self.acked_seq <= seq < self._next:
                    raise BadRequest(f"an ack of entry {seq}, after {self.acked_seq} and before {self._next}")
                self.acked_seq = seq
                while self._appended and self._appended[0][0] <= seq:
                    self._appended.popleft()
        except (BadRequest, FrameTooLarge) as error:
            self.end(f"the follower does not speak this protocol: {error}")

    def pump(self, now: float) -> bool:
        """Send what comes next, if the last piece is out. Returns whether there may be more to send at once.

        Raises:
            OSError: the follower is gone.
        """
        if now - self._heard_at > FEED_SILENCE_SECONDS_MAX:
            self.end(f"nothing was heard from the follower for {FEED_SILENCE_SECONDS_MAX} s")
        if self.ended:
            return False
        self._note_time(now)
        if self.link.unsent_size:
            return False
        try:
            frames = self._pieces() if self.snapshot is not None else self._entries()
        except Compacted:
            self.end("the log has no longer what comes next; take a snapshot")
            return False
        except (DataDamaged, StorageFailed) as error:
            # Told, not raised: a follower that reads an old entry must not end the node.
            self.end(f"what comes next can't be read: {error}")
            return False
        if frames:
            self.link.send(*frames)
        if now >= self._heartbeat_at:
            self._heartbeat_at = now + HEARTBEAT_SECONDS
            self.link.send(json_frame(HEARTBEAT, self._heartbeat()))
        return bool(frames) and not self.link.unsent_size

    def end(self, why: str) -> None:
        """Say why the feed is over, as far as that can be said."""
        if not self.ended:
            self.ended = why
            if not self.link.unsent_size:
                with suppress(OSError):
                    self.link.send(json_frame(END, {"message": why}))

    def statistics(self, now: float) -> dict[str, Any]:
        """Return `address`, `state`, `seq` (the last one acknowledged), and the lag: entries, bytes, seconds.

        The seconds are those since the first entry appeared that the follower has not acknowledged.
        """
        engine = self._engine
        told: dict[str, Any] = {"address": self.address, "seq": self.acked_seq}
        if self.snapshot is not None:
            size = self.snapshot.size
            return {**told, "state": "snapshot", "snapshot_sent": self._offset, "snapshot_size": size}
        lag = engine.seq - self.acked_seq
        return {
            **told,
            "state": "following",
            "lag_entries": lag,
            "lag_bytes": engine.log.size_after(self.acked_seq) if lag else 0,
            "lag_seconds": round(now - self._appended[0][1], 3) if lag and self._appended else 0.0,
        }

    def _note_time(self, now: float) -> None:
        """Remember when the last entry appeared; when that is too much to remember, the oldest ones are kept."""
        noted, seq = self._appended, self._engine.seq
        is_new = not noted or (seq > noted[-1][0] and now - noted[-1][1] > NOTED_SECONDS)
        if is_new and seq > self.acked_seq and len(noted) < NOTED_COUNT_MAX:
            noted.append((seq, now))

    def _entries(self) -> list[bytes]:
        room = self._engine.durable_seq + 1 - self._next
        if room <= 0:
            return []
        entries = (self._recent.read(self._next, PIECE_SIZE) or self._engine.log.read(self._next, PIECE_SIZE))[:room]
        self._next += len(entries)
        return entry_frames(b"".join(entries))

    def _pieces(self) -> list[bytes]:
        source = self.snapshot
        assert source is not None
        frames = []
        if self._offset < source.size:
            frames.append(encode_frame(source.chunk(self._offset)))
            self._offset = min(source.size, self._offset + source.chunk_size)
        if self._offset >= source.size and not self._is_done:
            # Also when it came again for nothing but this.
            self._is_done = True
            frames.append(json_frame(DONE, source.header()))
        return frames

    def _heartbeat(self) -> Heartbeat:
        engine = self._engine
        behind = engine.log.size_after(self._next - 1) if self._next <= engine.seq and self.snapshot is None else 0
        leader, age = self._leader()
        return Heartbeat(
            seq=engine.seq, term=engine.term, behind=behind, now_ns=time.time_ns(), leader=leader,
            age_ms=int(age * 1000),
        )  # fmt: skip
