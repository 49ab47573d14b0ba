"""The node: what a server is to its replicas, and they to it.

    reactor -- sockets of followers, events, turns --> [node] -> feeds        (whoever is followed; feeds.py)
                                                          |  `-> follower     (whoever follows)
                                                          |  `-> herald       (whoever was promoted)
                                                          `-- role, refusals, what has been replicated --> reactor

It decides who feeds whom and who takes changes. Everything runs in the reactor's thread, between batches; nothing
waits. Where a change of role needs the files closed, the state is written, `ending` is set, and the server ends, to be
started again in its new role (install.py).

Promise: in one term one node takes changes; what an older term goes on to say is refused, and its node, as soon as it
hears of it, takes none (tests/replication/test_random.py).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from select import epoll
from typing import Any

from ..engine import RUNTIME, Engine, Fault, FaultKind
from ..errors import BadRequest, Compacted, LogGap, ReplicationRefused, StorageFailed
from ..limits import FEED_SILENCE_SECONDS_MAX, FEEDS_MAX
from .divergence import report, stop, stopped
from .feeds import Feeds
from .follower import Follower
from .herald import Herald
from .history import save_lost
from .inquiry import answer_checkpoint_keys, answer_records
from .link import Link, Target
from .messages import FollowRequest, is_plain
from .snapshot import SnapshotTarget
from .state import State, draw_cluster

__all__ = ["Node"]

# Of nodes that should not be, so many are named.
RIVALS_MAX = 10

# What "never" is told as.
AGE_SECONDS_MAX = 1e9


class Node:
    """One server's part in replication.

    Attributes:
        state: what the folder knows of its role.
        unavailable: why no snippet is run here; "" when some are.
        ending: why this process is to end and the next to begin; "" while it goes on.
        seq: the last entry.
        replicated_seq: the last entry that as many followers have on disk as `sync_count` says.
    """

    def __init__(
        self,
        engine: Engine,
        state: State,
        *,
        targets: Sequence[Target] = (),
        address: str | None = None,
        sync_count: int = 0,
        sync_seconds: float = 10.0,
        tell: Callable[[str], object],
    ) -> None:
        """
        Args:
            targets: whom to follow, in turn, unless this node leads.
            address: where clients and followers of this node find it.
            sync_count: followers that must have a change before its reply leaves.
            sync_seconds: how long it waits for them.
            tell: takes one readable line for the operator.
        """
        self.state = state
        self.unavailable = ""
        self.ending = ""
        self.sync_count = sync_count
        self.sync_seconds = sync_seconds
        self.replicated_seq = 0
        self._engine = engine
        self._folder: Path = engine.folder
        self._address = address
        self._tell = tell
        self._name = os.urandom(8).hex()
        self._targets = list(targets)
        self._epoll: epoll | None = None
        self._registered: dict[int, int] = {}  # descriptor of a link -> events
        self._feeds = Feeds(
            engine, heard_leader=self._heard_leader, watch=self._watch, forget=self._forget, tell=tell
        )
        self._known_leader: str | None = None
        self._is_short = False  # changes are refused for want of followers
        self._short_since = time.monotonic()  # when there were enough of them the last time
        self._follower: Follower | None = None
        self._herald: Herald | None = None
        self._rivals: set[str | None] = set()  # others that lead in this term, as the operator was told
        self._newer: tuple[int, str | None] = (0, None)  # a term that this follower heard of, and who leads in it
        if state.role == "follower":
            self._follow()
        else:
            self._lead()

    # --- roles ------------------------------------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        return self.state.role == "leader"

    @property
    def leader(self) -> str | None:
        """Where changes are taken, as far as is known."""
        if self.leads:
            return self._address
        told = self._follower.leader if self._follower is not None else None
        return told if told != self._address else None  # somebody has not heard yet that it leads no more

    @property
    def seq(self) -> int:
        return self._engine.seq

    def _lead(self) -> None:
        self._engine.following = False
        self._engine.refuse_changes(None)
        self.unavailable = ""
        self._short_since = time.monotonic()
        if self._targets and self.state.promoted_term is not None and self._herald is None:
            self._herald = Herald(self._targets, self._watch, self._forget)

    def _follow(self) -> None:
        engine, state = self._engine, self.state
        engine.following = True
        if state.diverged is not None:
            self.unavailable = stopped(state)
            return
        if not engine.seq:
            self.unavailable = "this replica has nothing yet: it has not reached its leader"
        elif state.fenced is not None:
            self.unavailable = (
                f"this node led until another one did in term {state.fenced}, which it has not reached yet: what it "
                "has beyond that one's history does not count any more"
            )
        elif state.resync:
            self.unavailable = "this replica waits for a snapshot; `objserver promote` lets it lead with what it has"
        elif state.cluster is None:
            self.unavailable = (
                "this folder has data of its own, and was not yet found to be a replica of the leader that it is to "
                "follow; `objserver promote` lets it lead with them"
            )
        self._refuse_changes()
        self._follower = Follower(
            self._targets,
            engine,
            cluster=lambda: state.cluster,
            join=self._join,
            node=self._name,
            address=self._address,
            snapshot=SnapshotTarget(self._folder),
            snapshot_wanted=state.resync,
            watch=self._watch,
            forget=self._forget,
            tell=self._tell,
        )

    def _refuse_changes(self) -> None:
        leader = self.leader
        text = f"this is a replica, and changes nothing; the leader is {leader or 'not known'}"
        self._engine.refuse_changes(Fault(FaultKind.NOT_LEADER, "NotLeader", text, leader=leader))

    def _join(self, cluster: str) -> None:
        if self.state.cluster is None:
            self.state.cluster = cluster
            self.state.save(self._folder)

    def promote(self) -> dict[str, Any]:
        """Make this follower the leader of a new term, with what it has.

        Raises:
            ReplicationRefused: it leads already, has stopped, or has nothing.
            StorageFailed: the disk refuses; the process is to end.
        """
        follower = self._follower
        if self.leads:
            raise self._refused("role", f"this is the leader already, of term {self._engine.term}")
        # One that has not reached its leader, or waits for a snapshot of it, leads all the same if it has something:
        # the leader may be no more.
        if self.ending or follower is None or not self._engine.seq:
            raise self._refused("unavailable", f"it can't lead: {self.ending or self.unavailable}")
        follower.finish(time.monotonic())
        if follower.diverged is not None:
            self._heed(follower)
            raise self._refused("unavailable", f"it can't lead: {follower.diverged}")
        try:
            known = max(self.state.fenced or 0, self._newer[0])  # others lead, or led, in these terms
            self._engine.promote(time.time_ns(), self._address, above=known)
            term = self._engine.term
            state = replace(self.state, role="leader", promoted_term=term, resync=False, fenced=None)
            state.save(self._folder)
        except BaseException as error:
            self.ending = f"it could not be promoted: {error}"
            raise
        self._follower = None
        vars(self.state).update(vars(state))
        self._lead()
        self._tell(f"promoted: leads term {self._engine.term} from entry {self._engine.seq} on")
        return {"term": self._engine.term, "seq": self._engine.seq}

    def resync(self) -> None:
        """Replace what this follower has by a snapshot of its leader. Raises ReplicationRefused: it leads."""
        if self.leads:
            raise self._refused("role", "this is the leader: its followers take what they have from here")
        self.state.resync = True
        self.state.diverged = self.state.report = None
        self.state.save(self._folder)
        self.ending = "it is to take a snapshot"

    def fence(self, cluster: str, term: int, leader: str | None) -> dict[str, Any]:
        """Hear that somebody leads in a term, and take no changes any more when that is a newer one.

        Returns: `fenced`, whether it was; and this node's own `term` and `leader`.
        Raises:
            ReplicationRefused: it is of another cluster.
        """
        if not is_plain(cluster) or not is_plain(leader or ""):
            raise BadRequest("the name of a cluster or the address of its leader is none")
        if cluster != self.state.cluster:
            raise self._refused("cluster", f"this is cluster {self.state.cluster}, not {cluster}")
        fenced = self.leads and term > self._engine.term
        if self.leads and term == self._engine.term and leader != self._address:
            if leader not in self._rivals and len(self._rivals) < RIVALS_MAX:
                self._rivals.add(leader)
                self._tell(
                    f"two nodes lead in term {term}, this one and {leader or 'one without an address'}: both were "
                    "promoted. Stop one, remove its replication.json, start it with --follow of the other, and give it "
                    "the other's data by `objserver resync`; what it has taken since then is lost"
                )
        elif fenced:
            self._step_down(term, leader)
        elif term > self._engine.term and self._follower is not None:
            # Whoever was promoted followed this node, and may reach no other: the leader hears it from here.
            self._newer = term, leader
            if self._herald is None:
                self._herald = Herald(self._targets, self._watch, self._forget)
        return {"fenced": fenced, "term": self._engine.term, "leader": self.leader}

    def _step_down(self, term: int, leader: str | None) -> None:
        # First of all, so that it ends also when the disk refuses what follows; it is told again when it is back.
        self.unavailable = f"another node leads in term {term}"
        self.ending = f"{leader or 'another node'} leads in term {term}, this one in {self._engine.term}"
        self._engine.following = True
        self.state.role = "follower"
        self.state.promoted_term = None
        self.state.fenced = term
        self.state.follow = [leader] if leader else self.state.follow
        self.state.save(self._folder)

    # --- being followed ---------------------------------------------------------------------------------------------

    def follow(self, params: dict[str, Any]) -> tuple[dict[str, Any], Callable[[socket.socket, bytes], None]]:
        """Answer a follower: with what to tell it, and who takes its connection when that is told.

        Raises:
            BadRequest, ReplicationRefused: it is not fed here.
        """
        request = FollowRequest.read(params)
        engine, state = self._engine, self.state
        if request.node == self._name:
            raise self._refused("self", "a node can't follow itself; name the leader with --follow")
        if self.unavailable or (state.cluster is None and not self.leads):
            raise self._refused("unavailable", self.unavailable or "this replica has nothing yet")
        if request.runtime != RUNTIME:
            raise self._refused(
                "runtime", f"this is {RUNTIME!r}, the follower {request.runtime!r}, which may not compute the same; "
                "run one version on both"
            )
        if self._follower is not None:
            # Replicas without a leader that feed one another would never look for one again.
            if self._follower.leader_age(time.monotonic()) > FEED_SILENCE_SECONDS_MAX or not self._follower.feeder:
                raise self._refused("unavailable", "this replica has lost its own leader")
            if self._follower.feeder == request.node:
                raise self._refused("self", "this replica follows the one that asks")
        if state.cluster is None:
            cluster = draw_cluster()
            replace(state, cluster=cluster).save(self._folder)
            state.cluster = cluster
        if request.cluster not in (None, state.cluster):
            raise self._refused(
                "cluster", f"this is cluster {state.cluster}, the follower belongs to {request.cluster}; "
                "follow a node of its own cluster, or begin with an empty folder"
            )
        if request.term > engine.term:
            if self.leads and request.cluster is not None:
                self._step_down(request.term, request.address)
            raise self._refused("stale", f"term {request.term} has begun, this node is of term {engine.term}")
        if len(self._feeds) >= FEEDS_MAX:
            raise self._refused("full", f"{FEEDS_MAX} followers are fed, and that is the bound; follow one of them")
        source, offset = None, 0
        if request.snapshot or not self._continues(request):
            try:
                source, offset = self._feeds.snapshot(request.snapshot)
            except BadRequest as error:
                raise self._refused("unavailable", str(error)) from error
        told = {
            "cluster": state.cluster,
            "node": self._name,
            "term": engine.term,
            "seq": engine.seq,
            "leader": self.leader,
            "snapshot": None if source is None else {**source.header(), "offset": offset},
        }
        return told, lambda sock, held: self._feeds.join(sock, held, request, source, offset)

    def digest_at(self, seq: int) -> dict[str, Any]:
        """Return the digest of an entry, None when it is not there, and where the log begins."""
        log = self._engine.log
        try:
            digest = log.digest_at(seq).hex()
        except (Compacted, LogGap):
            digest = None
        return {"digest": digest, "first_seq": log.first_seq}

    def records(self, keys: Sequence[bytes]) -> dict[str, Any]:
        """Return records of the last checkpoint, for a comparison."""
        return answer_records(self._engine, keys)

    def checkpoint_keys(self, seq: int) -> dict[str, Any]:
        """Return what the last checkpoint wrote, and see to it that there is one since entry `seq`."""
        return answer_checkpoint_keys(self._engine, seq)

    def _refused(self, reason: str, message: str) -> ReplicationRefused:
        return ReplicationRefused(message, reason=reason, term=self._engine.term, leader=self.leader)

    def _continues(self, request: FollowRequest) -> bool:
        """Whether the log has what the follower lacks. Raises ReplicationRefused: their histories differ."""
        log = self._engine.log
        try:
            if log.digest_at(request.seq).hex() == request.digest:
                return True
            why = f"entry {request.seq} is another one there and here"
        except Compacted:
            if request.cluster is not None or not request.seq:
                return False
            why = f"entry {request.seq} is not there any more"
        except LogGap:
            why = f"the follower has entries up to {request.seq}, this node up to {self._engine.seq}"
        if request.cluster is None:
            raise self._refused("history", f"{why}: its folder has data of its own; begin with an empty one")
        raise self._refused(
                "history", f"{why}: `objserver resync` gives it this node's state, and what it has beyond is lost; "
            "`objserver promote` makes it the leader instead",
        )

    def _heard_leader(self) -> tuple[str | None, float]:
        """Return who takes changes, and how many seconds ago it was heard of."""
        age = self._follower.leader_age(time.monotonic()) if self._follower is not None else 0.0
        return self.leader, min(age, AGE_SECONDS_MAX)

    # --- the reactor's side -----------------------------------------------------------------------------------------

    def attach(self, poll: epoll) -> None:
        """Take part in whoever waits for events."""
        self._epoll = poll

    def owns(self, fd: int) -> bool:
        return fd in self._registered

    def handle(self, fd: int, events: int) -> None:
        """A socket of this node's is ready."""
        now = time.monotonic()
        if self._feeds.handle(fd, events, now):
            return
        if self._follower is not None and self._follower.link is not None and self._follower.link.fd == fd:
            self._follower.handle(now)
        elif self._herald is not None:
            self._herald.handle(fd, now)

    def tend(self) -> bool:
        """Do what is to be done between batches; return whether there is more at once."""
        now = time.monotonic()
        more = False
        if self._follower is not None:
            more = self._follower.tend(now)
            self._heed(self._follower)
        more = self._feeds.tend(now) or more
        if self.sync_count and self.leads:
            self._judge_replicas(now)
        if self._herald is not None and self.state.cluster is not None:
            self._tell_term(self._herald, now, self.state.cluster)
        return more

    def _tell_term(self, herald: Herald, now: float, cluster: str) -> None:
        """Tell that this node leads, or that another one does in a term that has not come here yet."""
        if self.leads:
            newer = herald.tend(now, cluster, self._engine.term, self._address)
            if newer is not None:
                self._step_down(*newer)
        elif self._newer[0] > self._engine.term:
            herald.tend(now, cluster, *self._newer)
        else:
            herald.close()
            self._herald = None

    @property
    def is_level(self) -> bool:
        """Whether every follower has everything, and everything is in a checkpoint."""
        acked = self._feeds.acked
        return not acked or (not self._engine.has_changed and acked[-1] >= self._engine.seq)

    @property
    def next_seconds(self) -> float:
        """How soon `tend` has something to do by itself."""
        return 0.1 if self._follower is not None and self._follower.link is None else 1.0

    def statistics(self) -> dict[str, Any]:
        """Return role, term, cluster, leader, and the lag of this node or of its followers."""
        now = time.monotonic()
        told: dict[str, Any] = {
            "role": self.state.role,
            "term": self._engine.term,
            "cluster": self.state.cluster,
            "leader": self.leader,
            "followers": self._feeds.statistics(now),
        }
        if self._follower is not None:
            told |= self._follower.statistics()
        elif not self.leads:
            told |= {"state": "diverged", "diverged": self.state.diverged, "report": self.state.report}
        if self.unavailable:
            told["unavailable"] = self.unavailable
        if self.sync_count:
            told |= {"sync_replicas": self.sync_count, "replicated_seq": self.replicated_seq}
        return told

    def close(self) -> None:
        """End all links."""
        self._feeds.close()
        if self._follower is not None:
            self._follower.close()
        if self._herald is not None:
            self._herald.close()

    # --- followers that are waited for ------------------------------------------------------------------------------

    def _judge_replicas(self, now: float) -> None:
        """Count what has been replicated. Refuse changes when too few followers have been there for long, and take them
        again when they are back."""
        acked = self._feeds.acked
        if len(acked) >= self.sync_count:
            self.replicated_seq = max(self.replicated_seq, acked[self.sync_count - 1])
            if self._is_short:
                self._is_short = False
                self._engine.refuse_changes(None)
                self._tell(f"{len(acked)} replicas are connected again: changes are taken")
            self._short_since = now
        elif not self._is_short and now - self._short_since > self.sync_seconds:
            self._is_short = True
            text = (
                f"a change has to reach {self.sync_count} replicas, and {len(acked)} are connected; nothing was "
                "changed, try again when they are back"
            )
            self._engine.refuse_changes(Fault(FaultKind.TOO_FEW_REPLICAS, "TooFewReplicas", text))
            self._tell(f"changes are refused: {len(acked)} replicas are connected, {self.sync_count} are needed")

    # --- following --------------------------------------------------------------------------------------------------

    def _heed(self, follower: Follower) -> None:
        """See what became of following."""
        if follower.state == "following" and self.unavailable:
            self.unavailable = ""
            self._end_fenced()
        elif follower.state == "snapshot" and self.state.fenced is not None:
            self._save_lost(0)  # all it has: what they have in common is not in the other log any more
            self._end_fenced()
        if follower.leader != self._known_leader:
            self._known_leader = follower.leader
            self._refuse_changes()
        if follower.diverged is not None:
            stop(self.state, self._folder, follower.diverged.what)
            self.unavailable = stopped(self.state)
            self._engine.keep_diverged()
            try:
                report(self._folder, follower.diverged.what, self._engine, follower.target)
            except StorageFailed as error:
                self._tell(f"no report of the divergence: {error}")
            self.ending = f"it diverged from its leader: {self.state.diverged}; see {self.state.report}"
        elif follower.installed:
            self.ending = "a snapshot is to be installed"
        elif follower.found is not None:
            seq, digest = follower.found
            self._save_lost(seq)
            self.state.fenced = None
            if seq and seq >= self._engine.checkpoint_seq:
                self.state.rewind = (seq, digest)
            else:
                self.state.resync = True
            self.state.save(self._folder)
            self.ending = f"its log is to end with entry {seq}"

    def _save_lost(self, seq: int) -> None:
        path = save_lost(self._engine, seq)
        if path is not None:
            self._tell(f"what another history lacks is kept in {path}")

    def _end_fenced(self) -> None:
        if self.state.fenced is not None:
            self.state.fenced = None
            self.state.save(self._folder)

    # --- epoll ------------------------------------------------------------------------------------------------------

    def _watch(self, link: Link, events: int) -> None:
        assert self._epoll is not None
        known = self._registered.get(link.fd)
        if known is None:
            self._epoll.register(link.fd, events)
        elif known != events:
            self._epoll.modify(link.fd, events)
        self._registered[link.fd] = events

    def _forget(self, link: Link) -> None:
        if self._registered.pop(link.fd, None) is not None and self._epoll is not None:
            self._epoll.unregister(link.fd)
