"""The follower's side: a node that gets the log of another one, runs it, and keeps it.

    addresses, in turn -> connect -> ask -> entries -> Engine.apply -> sync -> ack
                                      |  `-> pieces of a snapshot -> incoming/ -> the next process installs it
                                      `-> other history: find the last entry in common -> the next process rewinds

What is to become of the files while nobody has them open is written to the folder's state, and the process ends.

Promise: an acknowledged entry was run with the result it has for the leader, and is on this disk; what the leader's
history lacks is written down before it goes (tests/replication/test_faults.py).
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from math import inf
from select import EPOLLOUT
from typing import Any, Final

from ..engine import RUNTIME, Engine
from ..errors import BadEntry, BadRequest, Diverged, FrameTooLarge, LogError
from ..limits import FEED_SILENCE_SECONDS_MAX, FOLLOWER_AHEAD_SIZE_MAX
from ..wire import MessageError, Reply, encode_request, parse_reply
from .link import Link, Target
from .messages import (
    DONE,
    END,
    ENTRIES,
    HEARTBEAT,
    PIECE,
    VERSION,
    EntryReader,
    FollowReply,
    FollowRequest,
    Heartbeat,
    ack_frame,
    read_json,
)
from .snapshot import SnapshotTarget

__all__ = ["Follower"]

# After an attempt that failed: short at first, for a leader that is back at once.
PAUSE_SECONDS_MIN: Final = 0.1
PAUSE_SECONDS_MAX: Final = 1.0

# Clients and feeds wait while entries are run; so long at a time.
APPLY_NS_MAX: Final = 10_000_000


class Follower:
    """Follows one of `targets`, the first that feeds it.

    Attributes:
        state: what it is doing, for people.
        refused: why it was not fed the last time, "" when it was.
        link: the connection to the leader, None while there is none.
        leader: the address of whoever takes changes, as the last one heard from told.
        feeder: the node that feeds it, by the name that its process drew; "" while there is none.
        seq: the leader's last entry, as far as is known.
        snapshot_wanted: the folder is to be filled from a snapshot.
        found: seq and digest of the last entry in common with a leader of a newer term, when the own log goes on
            otherwise; (0, b"") when there is none.
        installed: a snapshot is complete, for the next process to install.
        diverged: the entry that gave something else here than there.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        engine: Engine,
        *,
        cluster: Callable[[], str | None],
        join: Callable[[str], object],
        node: str,
        address: str | None,
        snapshot: SnapshotTarget,
        snapshot_wanted: bool,
        watch: Callable[[Link, int], object],
        forget: Callable[[Link], object],
        tell: Callable[[str], object],
    ) -> None:
        """
        Args:
            cluster, join: tells the folder's cluster; called with the leader's when it has none.
            node: name of this process.
            address: where this node listens.
            snapshot: takes the pieces of one.
            watch, forget: a link is to be looked at for these events, or not any more.
            tell: takes one readable line for the operator.
        """
        self.state = "connecting"
        self.refused = ""
        self.link: Link | None = None
        self.leader: str | None = None
        self.feeder = ""
        self.seq = 0
        self.snapshot_wanted = snapshot_wanted
        self.found: tuple[int, bytes] | None = None
        self.installed = False
        self.diverged: Diverged | None = None
        self.next_at = 0.0
        self._targets = list(targets)
        self._target = -1
        self._engine = engine
        self._cluster = cluster
        self._join = join
        self._node = node
        self._address = address
        self._snapshot = snapshot
        self._watch = watch
        self._forget = forget
        self._tell = tell
        self._told: dict[str, str] = {}  # of each target, why it did not feed the last time
        self._pause = PAUSE_SECONDS_MIN
        self._connecting = False
        self._fed = False
        self._talk: Generator[bytes, Reply, None] | None = None
        self._reader = EntryReader()
        self._ahead: deque[bytes] = deque()
        self._ahead_size = 0
        self._behind = 0
        self._heard_at = 0.0
        self._leader_heard_at: float | None = None
        self._clock_ahead_ns = 0  # the leader's clock, to this one

    # --- the connection ---------------------------------------------------------------------------------------------

    def tend(self, now: float) -> bool:
        """Connect when it is time to, and run what has come. Returns whether there is more to run."""
        if self.diverged is not None:
            return False
        if self._ahead:
            return self._apply(now)
        if self.link is None:
            if now >= self.next_at and self._targets:
                self._connect(now)
        elif now - self._heard_at > FEED_SILENCE_SECONDS_MAX:
            self._lose(now, f"nothing was heard from it for {FEED_SILENCE_SECONDS_MAX} s")
        return False

    def finish(self, now: float) -> None:
        """End following: what has come is run yet, unless the node diverges there; of a snapshot nothing is kept."""
        self.close()
        while self._ahead and self.diverged is None:
            self._apply(now)
        if self.diverged is None:
            self._snapshot.discard()

    def leader_age(self, now: float) -> float:
        """Return how many seconds ago the leader was heard of, by whatever nodes lie between; inf for never."""
        return now - self._leader_heard_at if self._leader_heard_at is not None else inf

    def handle(self, now: float) -> None:
        """The link is ready to be read or written."""
        link = self.link
        assert link is not None
        try:
            if self._connecting:
                if (error := link.error()) is not None:
                    raise error
                self._connecting = False
                self._talk = self._ask()
                link.send(next(self._talk))
            else:
                link.flush()
                for body in link.receive():
                    self._heard_at = now
                    self._take(body, now)
                    if self.link is None:
                        return
            self._watch(link, link.wanted())
        except (OSError, FrameTooLarge, BadRequest, BadEntry) as error:
            self._lose(now, str(error))
        except (KeyError, TypeError) as error:
            self._lose(now, f"it does not speak this protocol: {error!r}")

    def close(self) -> None:
        if self.link is not None:
            self._forget(self.link)
            self.link.close()
            self.link = None
        self.feeder = ""

    def _connect(self, now: float) -> None:
        self._target = (self._target + 1) % len(self._targets)
        name, family, where = self._targets[self._target]
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._fail(now, name, str(error))
            return
        sock.setblocking(False)
        code = sock.connect_ex(where)
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            self._fail(now, name, os.strerror(code))
            return
        self.link = Link(sock)
        self._heard_at = now
        self._connecting = True
        self._fed = False
        self._reader = EntryReader()
        self._watch(self.link, EPOLLOUT)

    def _lose(self, now: float, why: str, *, again: bool = True) -> None:
        """The link is of no use any more; `again`: whoever fed it may do so soon."""
        name = self._targets[self._target][0]
        self.close()
        if self._fed and again:
            self._target -= 1  # the same one first
        self._fail(now, name, why)

    def _fail(self, now: float, name: str, why: str) -> None:
        self.state = "connecting"
        self.refused = f"{name}: {why}"
        self.next_at = now + self._pause
        self._pause = min(2 * self._pause, PAUSE_SECONDS_MAX)
        if self._told.get(name) != why:
            self._told[name] = why
            self._tell(f"not following {self.refused}")

    # --- what is said -----------------------------------------------------------------------------------------------

    def _ask(self) -> Generator[bytes, Reply, None]:
        """Ask to be fed. Yields requests and is sent the replies."""
        self._engine.sync()  # what is named here counts as acknowledged
        head = self._engine.head()
        asked = FollowRequest(
            version=VERSION,
            cluster=self._cluster(),
            node=self._node,
            seq=head.seq,
            term=head.term,
            digest=head.digest.hex(),
            runtime=RUNTIME,
            address=self._address,
            snapshot=self._snapshot.resumption() or self.snapshot_wanted,
        )
        reply = yield encode_request(1, "follow", asked.params())
        if reply.error is None:
            self._begin(reply.value)
            return
        data = reply.error.data
        term = data.get("term")
        if data.get("reason") == "history" and type(term) is int and term > head.term and not self._has_own_data():
            yield from self._find_common(term)
            return
        raise BadRequest(reply.error.message)

    def _has_own_data(self) -> bool:
        """Whether the folder is of no cluster and not empty, and nobody said that it may go."""
        return self._cluster() is None and self._engine.seq > 0 and not self.snapshot_wanted

    def _begin(self, value: Any) -> None:
        told = FollowReply.read(value)
        if told.snapshot is not None and self._has_own_data():
            raise BadRequest(
                "it has not the entries that follow the ones here, and this folder has data of its own, which a "
                "snapshot would replace; begin with an empty folder, or let `objserver resync` replace them"
            )
        self._join(told.cluster)
        self.leader = told.leader
        self.feeder = told.node
        self.seq = told.seq
        self._fed = True
        self.refused = ""
        name = self._targets[self._target][0]
        self._told.clear()
        if told.snapshot is not None:
            self.state = "snapshot"
            self._snapshot.begin(told.snapshot)
            self._tell(f"taking a snapshot of {told.snapshot['size']} bytes from {name}")
        else:
            self.state = "following"
            self._tell(f"following {name} from entry {self._engine.seq + 1}")

    def _find_common(self, term: int) -> Generator[bytes, Reply, None]:
        """Find the last entry that this log and that of a leader of a newer term have in common.

        Each entry holds the digest of the one before, so up to there all are the same, and none is after it.
        """
        log = self._engine.log
        low, high = log.first_seq - 1, self._engine.seq
        known = False  # whether `low` is in common
        number = 1
        while low < high or not known:
            seq = (low + high + 1) // 2 if known else low
            number += 1
            reply = yield encode_request(number, "digest_at", {"seq": seq})
            if reply.error is not None:
                raise BadRequest(reply.error.message)
            there = reply.value
            if not known and there["first_seq"] - 1 > low:
                low = there["first_seq"] - 1  # what is before is not known there any more
                if low > high:
                    break
            elif there["digest"] == log.digest_at(seq).hex():
                known, low = True, seq
            elif known:
                high = seq - 1
            else:
                break
        self.found = (low, log.digest_at(low)) if known else (0, b"")
        self.state = "rewinding"
        common = f"it has entry {low} in common" if known else "it has nothing in common"
        name = self._targets[self._target][0]
        self._tell(f"{name} leads term {term}; {common} with the log here, which ends with entry {self._engine.seq}")

    def _take(self, body: bytes, now: float) -> None:
        if self._talk is not None and not self._fed:
            try:
                reply = parse_reply(body)
                assert self.link is not None
                self.link.send(self._talk.send(reply))
            except StopIteration:
                self._talk = None
            except MessageError as error:
                raise BadRequest(f"it does not speak this protocol: {error}") from error
            return
        kind = body[0] if body else 0
        if kind == ENTRIES:
            for entry in self._reader.feed(memoryview(body)[1:]):
                self._ahead.append(entry)
                self._ahead_size += len(entry)
            self._restrain()
        elif kind == HEARTBEAT:
            told = Heartbeat.read(body)
            self.seq, self.leader, self._behind = told.seq, told.leader, told.behind
            self._clock_ahead_ns = told.now_ns - time.time_ns()
            self._leader_heard_at = now - told.age_ms / 1000
            if told.age_ms > FEED_SILENCE_SECONDS_MAX * 1000 and len(self._targets) > 1:
                # Replicas that follow one another, or a chain whose upper end is cut.
                self._lose(now, f"it has not heard of the leader for {told.age_ms // 1000} s", again=False)
                return
            assert self.link is not None
            self.link.send(ack_frame(self._engine.durable_seq))
        elif kind == PIECE:
            self._snapshot.take(body)
            self._pause = PAUSE_SECONDS_MIN
        elif kind == DONE:
            self._snapshot.finish(read_json(body))
            self.installed = True
        elif kind == END:
            raise BadRequest(str(read_json(body).get("message")))
        else:
            raise BadRequest(f"a frame of kind {kind}, which nobody knows here")

    # --- entries ----------------------------------------------------------------------------------------------------

    def _apply(self, now: float) -> bool:
        """Run entries that have come, for a while, make them durable, and say so. Returns whether there are more."""
        ahead, engine = self._ahead, self._engine
        until = time.perf_counter_ns() + APPLY_NS_MAX
        try:
            while ahead:
                entry = ahead.popleft()
                self._ahead_size -= len(entry)
                engine.apply(entry)
                if time.perf_counter_ns() > until:
                    break
        except LogError as error:
            ahead.clear()
            self._ahead_size = 0
            self._lose(now, str(error))
            return False
        except Diverged as error:
            self.diverged = error
            return False
        engine.sync()
        self.seq = max(self.seq, engine.seq)
        self._heard_at = now  # what comes meanwhile is not read
        self._pause = PAUSE_SECONDS_MIN  # it gets on; a leader that says no more than that it feeds is tried less often
        if self.link is not None:
            try:
                self.link.send(ack_frame(engine.seq))
                self._restrain()
            except OSError as error:
                self._lose(now, str(error))
        return bool(ahead)

    def _restrain(self) -> None:
        """Read on when there is room for what comes."""
        link = self.link
        assert link is not None
        link.reading = self._ahead_size < FOLLOWER_AHEAD_SIZE_MAX
        self._watch(link, link.wanted())

    @property
    def target(self) -> Target:
        """Whom it follows, or tried last."""
        return self._targets[self._target]

    def statistics(self) -> dict[str, Any]:
        """Return `state`, and the lag behind the leader as far as is known: entries, bytes, seconds.

        The seconds are the age of the last entry that it has run, while there are others to come.
        """
        lag = max(0, self.seq - self._engine.seq)
        age_ns = time.time_ns() + self._clock_ahead_ns - self._engine.head().time_ns
        told: dict[str, Any] = {
            "state": self.state,
            "lag_entries": lag,
            "lag_bytes": self._ahead_size + self._behind if lag else 0,
            "lag_seconds": round(max(0.0, age_ns / 1e9), 3) if lag else 0.0,
        }
        if self.refused:
            told["refused"] = self.refused
        if self.state == "snapshot":
            told["snapshot_received"], told["snapshot_size"] = self._snapshot.progress
        return told
