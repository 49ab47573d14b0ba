"""The reactor: one task that owns every client's socket, and the engine.

    epoll -> read all that is ready -> one batch -> engine.run (one sync) -> send the replies -> engine.tend -> again
      ^                                                                                                          |
      +---- trio waits for the epoll descriptor when nothing is ready, and has a turn every TURN_NS_MAX <--------+

A task and two trio calls for each request would cost more than the snippet. Here a pass serves every client that
has something to say, with one `recv` and one `send` each, and the batch of all they said is synced once.

Nobody else calls the engine. A fault of the machine ends the task before any reply to its batch has left.

Promise: what one client does (silence, floods, broken bytes, unread replies) costs it its own connection and the
others nothing but their share of a pass (tests/server/test_reactor.py).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from select import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from typing import Final, NamedTuple

import trio

from objserver.doors.native import Connection, TakeOver
from objserver.engine import Engine, Fault, FaultKind, Outcome, Request
from objserver.errors import Overloaded
from objserver.limits import (
    BATCH_COUNT_MAX,
    BATCH_SIZE_MAX,
    BUFFERS_SIZE_MAX,
    CONNECTIONS_MAX,
    LEAVE_SECONDS_MAX,
    LINGER_SECONDS_MAX,
    OUTPUT_STALL_SECONDS_MAX,
    PAUSE_SECONDS,
    READ_SIZE,
    READY_COUNT_MAX,
    STOP_SECONDS_MAX,
    UNREPLICATED_SIZE_MAX,
)
from objserver.replication import Node

from .listeners import Listener
from .session import Session
from .watch import Watch

__all__ = ["Reactor"]

# The other tasks of trio get a turn at least this often. A turn costs some 50 us, a pass with 50 clients 1,000.
TURN_NS_MAX: Final = 10_000_000

# Connections accepted from one listener in one pass.
ACCEPT_COUNT_MAX: Final = 64

# Without descriptors left, new clients wait in the kernel's backlog; look again after this long.
ACCEPT_PAUSE_SECONDS: Final = 1
NO_ROOM: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

# After a pass that had work, wait this long in epoll itself before trio gets the wait: a client that answers at once is
# served without the 50 us that a turn of trio's takes. Other tasks wait at most this much longer.
LINGER_SECONDS: Final = 0.001

# The first part of that wait is spent awake for as long as clients do answer this fast: a core that sleeps takes some
# 50 us to wake, which is a third of what a single client waits for.
SPIN_NS: Final = 100_000

# With nobody to serve, look this often whether a checkpoint's thread has come to its end.
TEND_SECONDS: Final = 1

# After a pass longer than this a checkpoint gets an eighth of that time at once.
SLOW_NS_MIN: Final = 50_000_000

# A request that comes alone goes into the batch as it is read if it is no longer than this: all of a pass fit there.
LONE_SIZE_MAX: Final = BATCH_SIZE_MAX // READY_COUNT_MAX

assert READY_COUNT_MAX <= BATCH_COUNT_MAX

# Refused clients that are still being told so; beyond it they are closed without a word.
REFUSED_COUNT_MAX: Final = 64


class Held(NamedTuple):
    """A batch whose replies wait for followers."""

    turns: Sequence[tuple[Session, int]]  # sessions, and where their requests begin in the batch
    outcomes: Sequence[Outcome]
    before: int  # the last entry before it
    seq: int  # the last entry of it
    until: float  # trio's clock
    size: int  # bytes of the results

    def unreplicated(self, node: Node) -> list[Outcome]:
        """Return the outcomes as they are to be told when the time is over: what changed something is not safe."""
        fault = Fault(
            FaultKind.NOT_REPLICATED,
            "NotReplicated",
            f"the change is on this node's disk, but {node.sync_count} followers did not say within "
            f"{node.sync_seconds:g} s that they have it: it may be lost with this node; look before repeating it",
        )
        safe = max(self.before, node.replicated_seq)
        return [
            (None, fault, seq, output) if seq > safe else (value, was, seq, output)
            for value, was, seq, output in self.outcomes
        ]


class Reactor:
    """Serves the clients of `listeners` from `engine`, and closes the listeners when it ends."""

    def __init__(
        self,
        engine: Engine,
        listeners: Sequence[Listener],
        *,
        sync_seconds: float = inf,
        connections_max: int = CONNECTIONS_MAX,
        watch: Watch | None = None,
        node: Node | None = None,
        warn: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
    ) -> None:
        """
        Args:
            sync_seconds: a batch is synced at most this much later; for an engine that does not sync by itself.
            connections_max: more clients than this are refused with `Overloaded`.
            watch: runs the batches, in sight of a supervisor.
            node: the engine's part in replication; None where it has none.
            warn: takes one readable line for the operator.
        """
        self._engine = engine
        self._listeners = {listener.sock.fileno(): listener for listener in listeners}
        self._sync_seconds = sync_seconds
        self._connections_max = connections_max
        self._watch_over = watch or Watch()
        self._node = node
        self._warn = warn
        self._epoll = select.epoll()
        if node is not None:
            node.attach(self._epoll)
        self._sessions: dict[int, Session] = {}
        # Sessions with requests to run, the one served longest ago first.
        self._waiting: deque[Session] = deque()
        # Of this pass: sessions that came with one request, as most do, these requests, and what they came in.
        self._lone: list[Session] = []
        self._batch: list[Request] = []
        self._sources: list[bytes] = []
        self._takes_lone = False  # they go into the batch at once: nobody has waited longer
        # Sessions with a deadline; and the earliest time, of trio's clock, at which something is due.
        self._timed: set[Session] = set()
        self._alarm = self._sync_at = self._checkpoint_at = self._accept_at = self._stop_at = inf
        self._stopping = self._draining = False
        # Sessions that are paused, with the time when they go on, the first one first.
        self._paused: deque[tuple[float, Session]] = deque()
        # Sessions whose next request waits for an entry, with the seq and the time when it gives up.
        self._parked: dict[Session, tuple[int, float]] = {}
        # Batches whose replies wait for followers to have them, in order.
        self._unreplicated: deque[Held] = deque()
        self._unreplicated_size = 0
        self._idle = trio.CancelScope()
        self._held_size = 0
        self._lingering_count = 0
        self._polled_ns = 0
        # Where client and server share one core, who waits awake keeps the other from answering.
        self._has_cores = len(os.sched_getaffinity(0)) > 1
        self._spins = False
        # Counters since the start.
        self._started_ns = time.monotonic_ns()
        self._pause_ns_max = 0
        self._accepted_count = self._refused_count = self._dropped_count = 0
        self._request_count = 0
        self._received_size = self._sent_size = 0

    def statistics(self) -> dict[str, object]:
        """The engine's figures and the reactor's: counts and sizes since the start, but `connections`: now.

        `requests` counts those that the engine ran, `reactor_pause_ms_max` is the longest that a ready client was
        not looked at.
        """
        return {
            **self._engine.statistics(),
            **self._watch_over.statistics(),
            "bytes_in": self._received_size,
            "bytes_out": self._sent_size,
            "connections": len(self._sessions) - self._lingering_count,
            "connections_accepted": self._accepted_count,
            "connections_dropped": self._dropped_count,
            "connections_refused": self._refused_count,
            "reactor_pause_ms_max": round(self._pause_ns_max / 1e6, 3),
            "requests": self._request_count,
            "uptime_seconds": (time.monotonic_ns() - self._started_ns) // 1_000_000_000,
            **({"replication": self._node.statistics()} if self._node is not None else {}),
        }

    def stop(self) -> None:
        """Accept nobody any more, answer what has arrived, and let `run` return. Call it in trio's thread."""
        self._stopping = True
        self._idle.cancel()

    async def run(self) -> None:
        """Serve until `stop`, or until the node is to begin anew in another role.

        Raises:
            MachineError: the engine can't go on. The replies to its last batch did not leave.
        """
        try:
            for fd in self._listeners:
                self._epoll.register(fd, EPOLLIN)
            if self._engine.has_changed:  # by a replay, which would be done again after a kill
                self._checkpoint_at = trio.current_time() + self._engine.options.checkpoint_seconds
                self._alarm = min(self._alarm, self._checkpoint_at)
            self._polled_ns = time.perf_counter_ns()
            turn_ns = self._polled_ns + TURN_NS_MAX
            worked = more = False
            while not self._draining or self._sessions:
                if self._stopping and not self._draining:
                    self._begin_draining()
                worked = self._pass(lingers=worked and not more and not self._draining)
                if self._alarm < inf and (now := trio.current_time()) >= self._alarm:
                    self._ring(now)
                more = self._engine.tend()
                if self._node is not None:
                    more = self._tend_node(self._node) or more
                    if self._node.ending:
                        self._warn(f"the server begins anew: {self._node.ending}")
                        break
                now_ns = time.perf_counter_ns()
                if now_ns - self._polled_ns > SLOW_NS_MIN:
                    # Between snippets that take seconds, one slice each would be a checkpoint that never ends.
                    until_ns = now_ns + (now_ns - self._polled_ns) // 8
                    while more and time.perf_counter_ns() < until_ns:
                        more = self._engine.tend()
                if (worked or more) and self._polled_ns < turn_ns:
                    continue
                if worked or more or self._can_run:
                    await trio.lowlevel.checkpoint()
                elif not self._draining or self._sessions:
                    seconds = TEND_SECONDS if self._node is None else min(TEND_SECONDS, self._node.next_seconds)
                    deadline = min(self._alarm, trio.current_time() + seconds)
                    with trio.CancelScope(deadline=deadline) as self._idle:
                        await trio.lowlevel.wait_readable(self._epoll.fileno())
                    self._polled_ns = time.perf_counter_ns()
                turn_ns = time.perf_counter_ns() + TURN_NS_MAX
            else:
                self._take_leave()
        finally:
            self._close_listeners()
            for session in list(self._sessions.values()):
                self._drop(session)
            if self._node is not None:
                self._node.close()
            self._epoll.close()

    # One pass

    def _pass(self, *, lingers: bool) -> bool:
        """Read all that is ready, run one batch, send its replies. False when there was nothing to do.

        Args:
            lingers: whether to wait a little for something to be ready.
        """
        now_ns = time.perf_counter_ns()
        if now_ns - self._polled_ns > self._pause_ns_max:
            self._pause_ns_max = now_ns - self._polled_ns
        self._polled_ns = now_ns
        ready = self._epoll.poll(0, READY_COUNT_MAX)
        if lingers and not ready:
            ready = self._linger()
        worked = bool(ready)
        self._takes_lone = not self._waiting and self._has_room
        sessions = self._sessions
        accepting: list[Listener] = []
        for fd, event in ready:
            session = sessions.get(fd)
            if session is None:
                # Accepted last: a descriptor closed in this pass must not come back under another client's name.
                if fd in self._listeners:
                    accepting.append(self._listeners[fd])
                elif self._node is not None and self._node.owns(fd):
                    self._node.handle(fd, event)
            elif event == EPOLLIN:
                self._read(session)
            else:
                self._handle(session, event)
        for listener in accepting:
            self._accept(listener)
        self._takes_lone = False
        if self._draining:
            for session in [session for session in sessions.values() if session.reading and not session.choked]:
                self._read(session)
                worked = worked or not session.awaiting
        if self._can_run:
            self._run_batch()
            worked = True
        return worked

    def _linger(self) -> list[tuple[int, int]]:
        """Return what is ready within `LINGER_SECONDS`, if anything is."""
        poll = self._epoll.poll
        begin_ns = now_ns = time.perf_counter_ns()
        ready: list[tuple[int, int]] = []
        while self._spins and not ready and now_ns - begin_ns < SPIN_NS:
            ready = poll(0, READY_COUNT_MAX)
            now_ns = time.perf_counter_ns()
        if not ready:
            ready = poll(LINGER_SECONDS, READY_COUNT_MAX)
            now_ns = time.perf_counter_ns()
        self._spins = self._has_cores and now_ns - begin_ns < SPIN_NS
        self._polled_ns = now_ns
        return ready

    @property
    def _can_run(self) -> bool:
        """Whether there is something to run, and room for its results."""
        return bool(self._lone) or (bool(self._waiting) and self._has_room)

    @property
    def _has_room(self) -> bool:
        return self._unreplicated_size < UNREPLICATED_SIZE_MAX

    def _read(self, session: Session) -> None:
        # What is queued runs before more is read, so that a pipeline waits in the kernel and with its client.
        if session.queued or session.choked or not session.reading:
            return
        if session.awaiting:
            self._watch(session)
            return
        try:
            data = session.recv(session.read_size)
        except BlockingIOError:
            if not self._draining:
                return
            data = b""
        except OSError:
            self._drop(session)
            return
        if len(data) == session.read_size < READ_SIZE:
            session.read_size = READ_SIZE
        connection = session.connection
        if data and not session.lingering:
            self._received_size += len(data)
            alone = self._takes_lone and len(data) <= LONE_SIZE_MAX
            if alone and connection.take_lone(data, self._batch, self._sources):
                session.queued = True
                self._lone.append(session)
                return
            if connection.receive(data):
                session.queued = True
                self._waiting.append(session)
                return
        elif not data:
            connection.receive_end()
            session.reading = False
            self._watch(session)
        # No request, but perhaps an error to tell, or the end.
        self._send(session, connection.deliver((), 0, self._engine.seq))

    def _handle(self, session: Session, event: int) -> None:
        """Handle events that are rarer than bytes to read."""
        if event & EPOLLOUT:
            self._flush(session)
            if session.fd < 0:
                return
        if session.awaiting:
            if event & (EPOLLERR | EPOLLHUP):
                self._drop(session)  # it takes no reply any more, and would be ready until there is one
            else:
                self._watch(session)
        elif session.reading and not session.choked and not session.paused:
            # The end of the stream, or the error, comes with the reading, behind what was sent before it.
            if event & (EPOLLIN | EPOLLERR | EPOLLHUP):
                self._read(session)
        elif event & (EPOLLERR | EPOLLHUP) and not session.queued:
            self._drop(session)

    def _run_batch(self) -> None:
        """Run one batch, in which every waiting session has its share, and answer it."""
        lone, batch, sources = self._lone, self._batch, self._sources
        self._lone, self._batch, self._sources = [], [], []
        turns = self._take_turns(batch, sources) if self._waiting and self._has_room else []
        outcomes: Sequence[Outcome] = ()
        before = self._engine.seq
        if batch:
            outcomes = self._watch_over.run(self._engine, batch, sources)
            assert outcomes, "the engine runs at least one request"
            self._request_count += len(outcomes)
            if self._sync_at == inf and self._sync_seconds < inf:
                self._sync_at = trio.current_time() + self._sync_seconds
                self._alarm = min(self._alarm, self._sync_at)
            if self._checkpoint_at == inf and self._engine.has_changed:
                self._checkpoint_at = trio.current_time() + self._engine.options.checkpoint_seconds
                self._alarm = min(self._alarm, self._checkpoint_at)
            for refused in self._watch_over.refused:
                begins = [*enumerate(lone), *((first, session) for session, first in turns)]
                self._pause(next(session for first, session in reversed(begins) if first <= refused))
        seq = self._engine.seq
        node = self._node
        waits = seq > before or self._unreplicated  # reads wait for what they may have seen of the changes before them
        held = node is not None and node.sync_count and waits and node.leads and seq > node.replicated_seq
        if lone and (held or len(outcomes) < len(batch)):
            for session in lone:
                session.queued = False
            turns[:0] = [(session, first) for first, session in enumerate(lone)]
            lone = []
        if held:
            # What the engine had no part in is told at once: the follower that all wait for may be among them.
            ends = [*(first for _, first in turns[1:]), len(batch)]
            idle = [turn for turn, end in zip(turns, ends, strict=True) if turn[1] == end]
            turns = [turn for turn, end in zip(turns, ends, strict=True) if turn[1] < end]
            self._answer([], idle, (), seq)
        if len(outcomes) < len(batch):
            # The engine stopped early: whose turn did not come goes first next time.
            turns.sort(key=lambda turn: turn[1] < len(outcomes))
        if held:
            assert node is not None
            size = sum(len(value or b"") + len(output) for value, _, _, output in outcomes)
            self._hold(Held(turns, outcomes, before, seq, trio.current_time() + node.sync_seconds, size))
        else:
            self._answer(lone, turns, outcomes, seq)

    def _take_turns(self, batch: list[Request], sources: list[bytes]) -> list[tuple[Session, int]]:
        """Let waiting sessions put more requests into the batch; return them, and where those of each begin."""
        waiting = self._waiting
        turns: list[tuple[Session, int]] = []
        share = max(1, BATCH_COUNT_MAX // len(waiting))
        size = sum(map(len, sources))  # of those that came alone
        while waiting and len(batch) < BATCH_COUNT_MAX and size < BATCH_SIZE_MAX:
            session = waiting.popleft()
            session.queued = False
            if session.fd < 0:
                continue
            first = len(batch)
            try:
                size += session.connection.take(batch, share, BATCH_SIZE_MAX - size, sources=sources)
            except Exception:
                del batch[first:], sources[first:]
                self._give_up(session)
                continue
            turns.append((session, first))
        return turns

    def _answer(
        self,
        lone: Sequence[Session],
        turns: Sequence[tuple[Session, int]],
        outcomes: Sequence[Outcome],
        seq: int,
    ) -> None:
        """Send each session of a batch its replies.

        Args:
            lone: sessions with one request, and all of them with an outcome, before those that have turns.
        """
        replies: list[tuple[Session, bytes]] = []
        for session, outcome in zip(lone, outcomes, strict=False):
            session.queued = False
            try:
                replies.append((session, session.connection.deliver_lone(outcome)))
            except Exception:
                self._give_up(session)
        for session, first in turns:
            try:
                replies.append((session, session.connection.deliver(outcomes, first, seq)))
            except Exception:
                self._give_up(session)
        # All replies are written before the first is sent: a client on this machine is woken once and finds more to
        # do, instead of going back to sleep while the next reply is made.
        for session, data in replies:
            self._send(session, data)

    def _send(self, session: Session, data: bytes) -> None:
        """Send replies to a session, see what is left to do for it, and what it holds."""
        if session.fd < 0:
            return
        if data:
            sent = 0
            if not session.unsent_size:
                try:
                    sent = session.send(data)
                except BlockingIOError:
                    pass
                except OSError:
                    self._drop(session)
                    return
            self._sent_size += sent
            if sent < len(data):
                if not session.unsent_size:
                    self._set_deadline(session, OUTPUT_STALL_SECONDS_MAX)
                session.keep(data, sent)
                self._watch(session)
        if not session.connection.at_rest or session.held or session.unsent_size:
            self._go_on(session)

    def _flush(self, session: Session) -> None:
        try:
            sent = session.flush()
        except OSError:
            self._drop(session)
            return
        self._sent_size += sent
        if not session.unsent_size:
            self._clear_deadline(session)
            self._watch(session)
        elif sent:
            self._set_deadline(session, OUTPUT_STALL_SECONDS_MAX)
        self._go_on(session)

    def _go_on(self, session: Session) -> None:
        """After something was taken from a session or sent to it: queue it again, end it, count what it holds."""
        connection = session.connection
        if connection.hand_over is not None and not session.unsent_size and not connection.finished:
            self._hand_over(session, connection.hand_over)
            return
        if session.awaiting:
            pass  # what it has asked already would be run again
        elif connection.awaited is not None:
            self._park(session, *connection.awaited)
        elif connection.waiting:
            if not session.queued and not session.choked and not session.paused:
                session.queued = True
                self._waiting.append(session)
        elif connection.finished and not session.unsent_size:
            self._finish(session)
            return
        held = session.count_held()
        if held != session.held:
            self._held_size += held - session.held
            session.held = held
            if self._held_size > BUFFERS_SIZE_MAX:
                most = max(self._sessions.values(), key=lambda other: other.held)
                self._evict(most, f"it held {most.held} of {self._held_size} buffered bytes")

    # Beginnings and ends

    def _accept(self, listener: Listener) -> None:
        for _ in range(ACCEPT_COUNT_MAX):
            try:
                sock, _ = listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in NO_ROOM:
                    self._pause_accepting(error)
                    return
                continue  # that client left while it stood in the backlog
            sock.setblocking(False)
            if sock.family is not socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(sock, self._connection())
            full = len(self._sessions) - self._lingering_count >= self._connections_max
            self._sessions[session.fd] = session
            self._epoll.register(session.fd, EPOLLIN)
            if not full:
                self._accepted_count += 1
                continue
            self._refused_count += 1
            if self._lingering_count < REFUSED_COUNT_MAX:
                text = f"{self._connections_max} clients are connected, and that is the bound; retry later"
                session.connection.refuse(Overloaded(text))
                self._send(session, session.connection.deliver((), 0, self._engine.seq))
            else:
                self._drop(session)

    def _connection(self) -> Connection:
        engine = self._engine
        return Connection(self.statistics, entries=engine.entries, keeper=engine, replica=self._node)

    def _pause_accepting(self, error: OSError) -> None:
        self._warn(f"can't accept clients for the moment: {error.strerror}; {len(self._sessions)} are connected")
        for fd in self._listeners:
            self._epoll.modify(fd, 0)
        self._accept_at = trio.current_time() + ACCEPT_PAUSE_SECONDS
        self._alarm = min(self._alarm, self._accept_at)

    def _finish(self, session: Session) -> None:
        """Everything is said: close, or wait for a client that is still sending to read the last reply."""
        if not session.reading or self._draining:
            self._drop(session)
        elif not session.lingering:
            try:
                session.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._drop(session)
                return
            session.lingering = True
            self._lingering_count += 1
            self._set_deadline(session, LINGER_SECONDS_MAX)

    def _give_up(self, session: Session) -> None:
        """A bug of ours, met by the bytes of one client, costs that client its connection and nobody else."""
        self._evict(session, f"its requests met a bug:\n{traceback.format_exc()}")

    def _evict(self, session: Session, why: str) -> None:
        self._dropped_count += 1
        self._warn(f"closed a client: {why}")
        self._drop(session)

    def _drop(self, session: Session) -> None:
        """Close the socket and forget the session. What it had sent in full and is in no batch does not run."""
        if session.fd >= 0:
            self._forget(session)
            session.sock.close()

    def _forget(self, session: Session) -> None:
        del self._sessions[session.fd]
        session.fd = -1
        self._timed.discard(session)
        self._parked.pop(session, None)
        self._held_size -= session.held
        self._lingering_count -= session.lingering

    def _begin_draining(self) -> None:
        """From here on every session is read until nothing is there, answered and closed."""
        self._draining = True
        self._close_listeners()
        self._resume(inf)
        for session in list(self._parked):
            self._unpark(session, waited=True)
        self._stop_at = trio.current_time() + STOP_SECONDS_MAX
        self._alarm = min(self._alarm, self._stop_at)

    def _close_listeners(self) -> None:
        for fd, listener in self._listeners.items():
            self._epoll.unregister(fd)
            listener.close()
        self._listeners.clear()

    # Other nodes

    def _take_leave(self) -> None:
        """Let followers have the last entries, those of the last checkpoint included: one of them may lead next, and
        whoever has nothing that it lacks comes back without a snapshot."""
        node = self._node
        if node is None or not node.leads or node.is_level:
            return
        self._engine.checkpoint()
        until = time.monotonic() + LEAVE_SECONDS_MAX
        while not node.is_level and time.monotonic() < until:
            node.tend()
            for fd, event in self._epoll.poll(0.01):
                if node.owns(fd):
                    node.handle(fd, event)

    def _tend_node(self, node: Node) -> bool:
        """Let the node do its part, and go on with what waited for others. Returns whether there is more at once."""
        more = node.tend()
        if self._parked:
            seq = self._engine.seq
            for session in [session for session, (wanted, _) in self._parked.items() if wanted <= seq]:
                self._unpark(session, waited=False)
                more = True
        while self._unreplicated and self._unreplicated[0].seq <= node.replicated_seq and not node.ending:
            self._let_go(self._unreplicated.popleft())
            more = True
        return more

    def _hand_over(self, session: Session, take_over: TakeOver) -> None:
        """Give a session's socket to the node: it is no client's any more."""
        # Not a copy of it: there may be no descriptor left.
        self._epoll.unregister(session.fd)
        self._forget(session)
        take_over(session.sock, session.connection.leftover())

    def _park(self, session: Session, seq: int, wait_ms: int) -> None:
        if session not in self._parked:
            until = trio.current_time() + wait_ms / 1000
            self._parked[session] = seq, until
            session.awaiting = True
            self._alarm = min(self._alarm, until)

    def _unpark(self, session: Session, *, waited: bool) -> None:
        del self._parked[session]
        session.awaiting = False
        session.connection.resume(waited=waited)
        self._watch(session)
        self._go_on(session)

    def _hold(self, held: Held) -> None:
        """Keep the replies to a batch until enough followers have it."""
        for session, _ in held.turns:
            session.awaiting = True
        self._unreplicated.append(held)
        self._unreplicated_size += held.size
        self._alarm = min(self._alarm, held.until)

    def _let_go(self, held: Held, outcomes: Sequence[Outcome] | None = None) -> None:
        """Answer a batch whose replies were kept."""
        self._unreplicated_size -= held.size
        for session, _ in held.turns:
            session.awaiting = False
            if session.fd >= 0:
                self._watch(session)
        turns = [turn for turn in held.turns if turn[0].fd >= 0]
        self._answer([], turns, held.outcomes if outcomes is None else outcomes, held.seq)

    # What is waited for

    def _watch(self, session: Session) -> None:
        wanted = session.wanted()
        if wanted != session.interest:
            self._epoll.modify(session.fd, wanted)
            session.interest = wanted

    def _set_deadline(self, session: Session, seconds: float) -> None:
        session.deadline = trio.current_time() + seconds
        self._timed.add(session)
        self._alarm = min(self._alarm, session.deadline)

    def _pause(self, session: Session) -> None:
        """Let a client wait that sent again what had ended the server: it may do so once in PAUSE_SECONDS."""
        if session.fd < 0 or session.paused or self._draining:
            return
        session.paused = True
        self._paused.append((trio.current_time() + PAUSE_SECONDS, session))
        self._alarm = min(self._alarm, self._paused[0][0])
        self._watch(session)

    def _resume(self, now: float) -> None:
        while self._paused and self._paused[0][0] <= now:
            _, session = self._paused.popleft()
            session.paused = False
            if session.fd >= 0:
                self._watch(session)
                self._go_on(session)

    def _clear_deadline(self, session: Session) -> None:
        session.deadline = inf
        self._timed.discard(session)

    def _ring(self, now: float) -> None:
        """Do what is due, and set the alarm to what is due next."""
        if now >= self._sync_at:
            self._engine.sync()
            self._sync_at = inf
        if now >= self._checkpoint_at:
            wanted = self._engine.want_checkpoint()
            self._checkpoint_at = now + self._engine.options.checkpoint_seconds if wanted else inf
        if now >= self._accept_at:
            for fd in self._listeners:
                self._epoll.modify(fd, EPOLLIN)
            self._accept_at = inf
        self._resume(now)
        for session in [session for session, (_, until) in self._parked.items() if now >= until]:
            self._unpark(session, waited=True)
        while self._unreplicated and now >= self._unreplicated[0].until:
            held = self._unreplicated.popleft()
            assert self._node is not None
            self._let_go(held, held.unreplicated(self._node))
        if now >= self._stop_at:
            self._stop_at = inf
            for session in list(self._sessions.values()):
                self._evict(session, f"it did not take its replies within {STOP_SECONDS_MAX} s of the stop")
        for session in [session for session in self._timed if now >= session.deadline]:
            if session.lingering:
                self._drop(session)
            else:
                self._evict(session, f"it left {session.unsent_size} bytes unread for {OUTPUT_STALL_SECONDS_MAX} s")
        first = min((session.deadline for session in self._timed), default=inf)
        resumed = self._paused[0][0] if self._paused else inf
        parked = min((until for _, until in self._parked.values()), default=inf)
        held_until = self._unreplicated[0].until if self._unreplicated else inf
        self._alarm = min(
            first, self._sync_at, self._checkpoint_at, self._accept_at, self._stop_at, resumed, parked, held_until
        )
