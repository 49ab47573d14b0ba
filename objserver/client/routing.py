"""Which node gets a call, and what is sent again. Does no I/O and waits for nothing: both shells carry out its steps.

    calls -> [Router: steps] -> Reach, Send, Pause -> [Link: carries them out] -> Connection -> a node
                  ^                                        |
                  +------ what came of it -----------------+

    given addresses    what the caller named: one node, or several of one cluster
    leader             the node that gets all but spread queries. Of one given address it is simply that node, until it
                       refuses a change and names another; of several it is the one that says of itself that it leads

A call that may have run is never sent again, but for the methods that do no harm twice, which are sent again once. A
call that a follower refused was not run and is sent to the leader, until the time to reach a server is over.

In a pipeline of which some calls were refused, those are sent again in their order, and with them each query behind
the first of them, since the follower answered it without what it was to see.

Promise: whatever is refused, breaks or can't be reached, each call ends once, nothing that may have run is sent twice,
and what is sent together stands in the order of the calls (tests/client/test_routing.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from objserver.client.core import Call, ReadFrom
from objserver.client.errors import ConnectionLost
from objserver.client.transport import Address, parse_address
from objserver.errors import FrameTooLarge

__all__ = ["Answer", "Pause", "Reach", "Router", "Send", "Step", "Steps", "answer_of_hello"]

# Pauses between attempts to reach a server that went away: short at first, for one that is back at once.
BACKOFF_SECONDS_MIN: Final = 0.02
BACKOFF_SECONDS_MAX: Final = 1.0

# To reach one node for a spread query. Another one can answer as well, so it is no use to wait long.
SPREAD_CONNECT_SECONDS_MAX: Final = 1.0

# For a follower to get what this client has seen. One that keeps up has it within milliseconds.
SPREAD_WAIT_MS: Final = 200

# How long a node that did not answer a spread query is passed over: at first, and after many times in a row. Looking
# costs a caller up to the times above.
REST_SECONDS_MIN: Final = 0.5
REST_SECONDS_MAX: Final = 30.0

# These are about the node that was addressed, whatever it is.
_OF_THE_NODE: Final = frozenset({"promote", "resync"})


class Reach(NamedTuple):
    """Have a connection to the node at `address`, opened if there is none, within `seconds`.

    The result is an `Answer`. With `ask`, the node is asked whether it leads, unless it said so on this connection
    before; without, it is `LEADS`. OSError when it can't be reached.
    """

    address: Address
    seconds: float
    ask: bool


class Send(NamedTuple):
    """Send the calls on the connection to `address`, and wait until each is done, lost, or the time is up.

    The result is whether they were sent; False when there is no usable connection.
    """

    address: Address
    calls: Sequence[Call]


class Pause(NamedTuple):
    """Wait. OSError when the client was closed."""

    seconds: float


class Answer(NamedTuple):
    """What a node says of itself: that it leads, or which address it takes for its leader's, "" for none."""

    leads: bool
    leader: str = ""


LEADS: Final = Answer(True)

Step = Reach | Send | Pause
Steps = Generator[Step, Any, None]


def answer_of_hello(value: object) -> Answer:
    """Return what the value of a `hello` says. A server that says nothing of roles leads itself."""
    if isinstance(value, dict) and value.get("role", "leader") != "leader":
        leader = value.get("leader")
        return Answer(False, leader if isinstance(leader, str) else "")
    return LEADS


class Router:
    """What a client knows of its nodes. Shared by its threads or tasks; a race costs a look more, never a call.

    Attributes:
        leader: the node that gets calls now; None before it was found.
        seq: the log position that the last reply of the leader is true for, or of another node where that is more.
    """

    def __init__(self, addresses: Sequence[Address], timeout: float, clock: Callable[[], float]) -> None:
        """
        Args:
            timeout: seconds to reach a server.
            clock: as `time.monotonic`.
        """
        self.addresses: Final = tuple(addresses)
        self.leader: Address | None = None
        self.seq = 0
        self._timeout = timeout
        self._clock = clock
        self._asks = len(addresses) > 1
        self._turn = 0
        self._rests: dict[Address, _Rest] = {}

    def note_seq(self, address: Address, seq: int) -> None:
        """A node replied with a value."""
        # A new leader may lack the last of what the old one had; its positions are what can be waited for now.
        if seq > self.seq or address == self.leader:
            self.seq = seq

    def meet(self) -> Steps:
        """Reach the leader, or at least one of the nodes. Raises OSError when none can be reached."""
        failures = yield from self._look(self._clock() + self._timeout)
        if self.leader is None and not any(isinstance(failure, _Follows) for failure in failures):
            raise _summary(failures)

    def route(self, calls: Sequence[Call], read_from: ReadFrom, deadline: float | None) -> Steps:
        """Have the calls answered.

        At the end each is done, but for those that were still under way at `deadline` or waited for a connection.
        """
        methods = {call.method for call in calls}
        if methods & _OF_THE_NODE:
            way = self._node(calls)
        elif read_from == "any" and methods == {"query"}:
            way = self._spread(calls, deadline)
        else:
            way = self._lead(calls, deadline)
        try:
            yield from way
        except OSError as error:
            for call in calls:
                if not call.done:
                    call.fail(ConnectionLost(f"{call.method!r} was not sent: {error}"))

    def _node(self, calls: Sequence[Call]) -> Steps:
        """Have the calls answered by the one node that was named."""
        if len(self.addresses) > 1:
            for call in calls:
                call.fail(ValueError(f"{call.method!r} is for one node; connect to that one alone"))
            return
        (address,) = self.addresses
        sent = False
        while not sent:
            yield Reach(address, self._timeout, False)
            sent = yield Send(address, calls)
        if any(call.method == "promote" and call.succeeded for call in calls):
            self.leader = address

    def _lead(self, calls: Sequence[Call], deadline: float | None) -> Steps:
        """Have the calls answered by the leader."""
        pending = list(calls)
        give_up: float | None = None
        refusers: set[Address] = set()
        pause = BACKOFF_SECONDS_MIN
        while pending:
            address = self.leader
            if address is None or not (yield Send(address, pending)):
                yield from self._seek(deadline if give_up is None else give_up)
                continue
            failed = [call for call in pending if not call.succeeded]
            if not failed:
                return
            refused = [call for call in failed if call.refused]
            if refused:
                if give_up is None:
                    give_up = self._until(deadline)
                if self._clock() + pause > give_up:
                    return  # and that is how they end
                self._follow(address, refused[-1].leader)
            pending = _to_repeat(pending)
            if refused and (self.leader is None or address in refusers):  # it has not heard of a new leader yet
                yield Pause(pause)
                pause = min(2 * pause, BACKOFF_SECONDS_MAX)
                refusers.clear()
            elif refused:
                refusers.add(address)

    def _spread(self, calls: Sequence[Call], deadline: float | None) -> Steps:
        """Have the queries answered by the node whose turn it is, or the next, or else by the leader."""
        pending = list(calls)
        tried: set[Address] = set()
        while pending and (address := self._next(tried)) is not None:
            tried.add(address)
            try:
                yield Reach(address, min(SPREAD_CONNECT_SECONDS_MAX, self._timeout), False)
                for call in pending:
                    call.bind(self._bounds(call))
                sent = yield Send(address, pending)
            except OSError:
                sent = False
            except FrameTooLarge:  # by these bounds: the leader needs none
                break
            if sent and all(call.done and not (call.passed_over or call.lost) for call in pending):
                self._rests.pop(address, None)
                return
            self._rest(address)
            if sent:
                pending = _to_ask_elsewhere(pending)
        if pending:
            for call in pending:
                call.bind(call.bounds)
            yield from self._lead(pending, deadline)

    def _seek(self, deadline: float | None) -> Steps:
        """Find the leader, with pauses, until the time to reach a server is over."""
        give_up = self._until(deadline)
        pause = BACKOFF_SECONDS_MIN
        while True:
            failures = yield from self._look(give_up)
            if not failures:
                return
            if self._clock() + pause > give_up:
                raise _summary(failures)
            yield Pause(pause)
            pause = min(2 * pause, BACKOFF_SECONDS_MAX)

    def _look(self, give_up: float) -> Generator[Step, Any, list[OSError]]:
        """Ask each node once until one leads, the last leader first. Returns why each of them does not, or nothing."""
        waiting = deque(self.addresses if self.leader is None else (self.leader, *self.addresses))
        tried: set[Address] = set()
        failures: list[OSError] = []
        while waiting:
            address = waiting.popleft()
            if address in tried:
                continue
            tried.add(address)
            # A share of the time for each, since one that swallows packets would take it all.
            share = (give_up - self._clock()) / (1 + len({*waiting} - tried))
            ask = self._asks or address not in self.addresses
            try:
                answer = yield Reach(address, max(share, BACKOFF_SECONDS_MIN), ask)
            except OSError as error:
                failures.append(_failure(address, error) if ask else error)
                continue
            if answer.leads:
                self.leader = address
                # From here on the one address that was given is another node, and its word counts.
                self._asks = ask
                return []
            failures.append(_Follows(f"{address} follows {answer.leader or 'nobody'}"))
            with suppress(ValueError):
                waiting.appendleft(parse_address(answer.leader))
        self.leader = None
        return failures

    def _follow(self, refuser: Address, leader: str | None) -> None:
        """A node that was taken for the leader named another."""
        if self.leader != refuser:  # another thread has gone on already
            return
        self.leader = None
        if leader is not None:
            with suppress(ValueError):
                self.leader = parse_address(leader)

    def _next(self, tried: set[Address]) -> Address | None:
        """Return the node whose turn it is for a query; None for the leader, whether it is one of them or not."""
        now = self._clock()
        count = len(self.addresses)
        turn, self._turn = self._turn, (self._turn + 1) % count
        left = [each for place in range(count) if (each := self.addresses[(turn + place) % count]) not in tried]
        for address in left:
            rest = self._rests.get(address)
            if rest is None or rest.until <= now:
                return address
        # All that are left did not answer of late. The leader is better, unless it is not known to be there.
        return None if self.leader is not None and self.leader not in self._rests else next(iter(left), None)

    def _rest(self, address: Address) -> None:
        before = self._rests.get(address)
        seconds = REST_SECONDS_MIN if before is None else min(2 * before.seconds, REST_SECONDS_MAX)
        self._rests[address] = _Rest(self._clock() + seconds, seconds)

    def _bounds(self, call: Call) -> dict[str, object]:
        """Return what a node must have before it runs a query: what was asked for, and what this client has seen."""
        asked = call.bounds.get("min_seq")
        least = max(asked, self.seq) if isinstance(asked, int) else self.seq
        return {"wait_ms": SPREAD_WAIT_MS, **call.bounds, "min_seq": least} if least else {}

    def _until(self, deadline: float | None) -> float:
        until = self._clock() + self._timeout
        return until if deadline is None else min(until, deadline)


class _Rest(NamedTuple):
    until: float
    seconds: float


class _Follows(OSError):
    """The node can be reached, and is not the leader."""


def _to_repeat(calls: Sequence[Call]) -> list[Call]:
    """Return those of the calls that the leader is to get after a node had them, ready for it, in their order."""
    again = []
    refused = False
    for call in calls:
        if call.refused:
            refused = True
        elif call.lost and call.repeatable and not call.repeated:
            call.repeated = True
        elif not (refused and call.repeatable and call.done and not call.lost):
            continue
        again.append(call)
    for call in again:
        call.retry()
    return again


def _to_ask_elsewhere(queries: Sequence[Call]) -> list[Call]:
    """Return those of the queries that another node is to get after a node had them, ready for it, in their order."""
    again = []
    for call in queries:
        if call.lost and not call.repeated:
            call.repeated = True
        elif not call.passed_over:
            continue
        again.append(call)
    for call in again:
        call.retry()
    return again


def _failure(address: Address, error: OSError) -> OSError:
    return OSError(f"{address}: {error}")


def _summary(failures: list[OSError]) -> OSError:
    """Return one error for what was met at all nodes."""
    if len(failures) == 1:
        return failures[0]
    return OSError("no leader: " + "; ".join(str(failure) for failure in failures))
