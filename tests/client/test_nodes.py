"""Several nodes on real sockets: both shells find the leader, follow it, and spread queries."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from typing import Any

import anyio
import pytest

from objserver.client import Behind, ConnectionLost, NotLeader, ProtocolError, ReplyTimeout, connect, connect_async
from objserver.wire import ErrorCode
from tests.client.kit import Awaited
from tests.client.peer import SECONDS_MAX, Fail, HangUp, Peer, Request, listening


class Nodes:
    """Peers that answer as a leader and its followers do.

    Attributes:
        peers, addresses: of each node.
        leader: the one that leads; None while there is none.
        ran: sources of the evals that ran, in order, with the place of the node that ran them.
        behind: places of followers that have nothing of what is asked for.
        named: whether followers name their leader.
    """

    def __init__(self, peers: list[Peer]) -> None:
        self.peers = peers
        self.leader: int | None = 0
        self.ran: list[tuple[int, str]] = []
        self.behind: set[int] = set()
        self.named = True
        self.addresses = [peer.address for peer in peers]
        for place, peer in enumerate(peers):
            peer.answer = lambda peer, request, place=place: self.answer(place, request)  # type: ignore[misc]

    def leader_address(self) -> str | None:
        return self.addresses[self.leader] if self.named and self.leader is not None else None

    def answer(self, place: int, request: Request) -> object:
        leads = self.leader == place
        if request.method == "hello":
            return {"role": "leader" if leads else "follower", "leader": self.leader_address()}
        if request.method == "query" and place in self.behind and "min_seq" in request.params:
            raise Fail(ErrorCode.BEHIND, "not there yet", type="Behind")
        if request.method == "eval":
            if not leads:
                raise Fail(ErrorCode.NOT_LEADER, "a follower", type="NotLeader", leader=self.leader_address())
            self.ran.append((place, request.params["source"]))
        return place

    def move(self, leader: int | None) -> None:
        """Have another leader. The old one closes its connections, as a node does that becomes a follower."""
        before, self.leader = self.leader, leader
        if before is not None and before != leader:
            self.peers[before].hang_up()


@contextmanager
def nodes(count: int) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes([stack.enter_context(listening()) for _ in range(count)])


REACH_SECONDS = 1.0

Connect = Callable[..., Any]
Check = Callable[[Connect, Nodes], Awaitable[None]]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


async def run_blocking(check: Check, nodes: Nodes) -> None:
    with ExitStack() as stack:

        async def reach(addresses: Any, **options: Any) -> Any:
            return Awaited(stack.enter_context(connect(addresses, timeout=REACH_SECONDS, **options)))

        await check(reach, nodes)


async def run_async(check: Check, nodes: Nodes) -> None:
    with anyio.fail_after(SECONDS_MAX):
        async with AsyncExitStack() as stack:

            async def reach(addresses: Any, **options: Any) -> Any:
                return await stack.enter_async_context(connect_async(addresses, timeout=REACH_SECONDS, **options))

            await check(reach, nodes)


@check
async def leader_is_found_among_several_addresses(reach: Connect, nodes: Nodes) -> None:
    for leader in (0, 1, 2):
        nodes.move(leader)
        for addresses in (",".join(nodes.addresses), nodes.addresses, " , ".join(nodes.addresses)):
            db = await reach(addresses)
            assert await db.eval("x") == await db.query("x") == await db.stats() == leader
    for peer in nodes.peers:  # none was sent to see who refuses it
        assert sum(request.method == "eval" for request in peer.requests) == 3


@check
async def dead_addresses_are_passed_by(reach: Connect, nodes: Nodes) -> None:
    nodes.move(2)
    nodes.peers[0].stop()
    db = await reach(nodes.addresses)
    assert await db.eval("x") == 2
    nodes.peers[1].stop()
    assert await db.eval("x") == 2
    assert await (await reach(nodes.addresses)).eval("x") == 2


@check
async def follower_that_was_addressed_alone_sends_on_to_its_leader(reach: Connect, nodes: Nodes) -> None:
    nodes.move(2)
    db = await reach(nodes.addresses[0])
    assert await db.query("x") == 0
    assert await db.eval("x") == 2
    assert await db.query("x") == 2
    assert [request.method for request in nodes.peers[0].requests] == ["query", "eval"]
    assert nodes.ran == [(2, "x")]


@check
async def new_leader_is_found_when_the_connection_breaks(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses)
    for leader in (1, 2, 0, 2):
        nodes.move(leader)
        assert await db.eval("x") == leader
    nodes.peers[2].stop()
    nodes.leader = 1
    assert await db.eval("x") == 1


@check
async def call_under_way_when_the_leader_goes_is_not_repeated(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses)

    def vanish(peer: Peer, request: Request) -> object:
        nodes.answer(0, request)
        nodes.leader = 1
        raise HangUp

    nodes.peers[0].answer = vanish
    with pytest.raises(ConnectionLost, match="it may have run, or may not"):
        await db.eval("x")
    assert nodes.ran == [(0, "x")]
    assert await db.eval("y") == 1


@check
async def refused_calls_of_a_pipeline_go_to_the_leader_in_order(reach: Connect, nodes: Nodes) -> None:
    nodes.move(1)
    db = await reach(nodes.addresses[0])
    async with db.pipeline() as pipeline:
        replies = [pipeline.query("a"), pipeline.eval("b"), pipeline.query("c"), pipeline.eval("d")]
    assert [reply.result() for reply in replies] == [0, 1, 1, 1]
    assert nodes.ran == [(1, "b"), (1, "d")]


@check
async def without_a_leader_the_client_gives_up_after_a_while(reach: Connect, nodes: Nodes) -> None:
    nodes.move(None)
    with pytest.raises(NotLeader) as caught:
        await (await reach(nodes.addresses[0])).eval("x")
    assert caught.value.leader is None
    db = await reach(nodes.addresses)
    with pytest.raises(ConnectionLost, match=f"'eval' was not sent: no leader: {nodes.addresses[0]} follows nobody; "):
        await db.with_options(timeout=0.2).eval("x")
    assert await db.with_options(read_from="any").query("x") in (0, 1, 2)
    assert nodes.ran == []


@check
async def leader_that_appears_in_time_gets_the_call(reach: Connect, nodes: Nodes) -> None:
    nodes.move(None)
    nodes.named = False
    asked = 0

    def answer(peer: Peer, request: Request) -> object:
        nonlocal asked
        asked += 1
        if asked == 3:
            nodes.move(2)
        return nodes.answer(0, request)

    nodes.peers[0].answer = answer
    assert await (await reach(nodes.addresses)).eval("x") == 2


@check
async def queries_are_spread_when_asked_to_be(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses, read_from="any")
    assert {await db.query("x") for _ in range(3)} == {0, 1, 2}
    assert await db.eval("x") == await db.stats() == 0
    assert await db.with_options(read_from="leader").query("x") == 0
    with pytest.raises(ValueError, match="read_from is 'leader' or 'any', not 'all'"):
        db.with_options(read_from="all")


@check
async def spread_query_asks_for_what_the_client_has_seen(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses, read_from="any")
    for _ in range(9):
        await db.eval("x")
    seen = db.seq
    nodes.behind = {1}
    assert {await db.query("x") for _ in range(4)} == {0, 2}
    for place in (1, 2):
        (asked, *_) = [request.params for request in nodes.peers[place].requests if request.method == "query"]
        assert asked["min_seq"] >= seen
        assert asked["wait_ms"] > 0
    nodes.peers[2].stop()
    assert {await db.query("x") for _ in range(4)} == {0}


@check
async def node_that_says_nothing_costs_one_query_its_time(reach: Connect, nodes: Nodes) -> None:
    nodes.peers[1].answer = lambda peer, request: b""
    db = await reach(",".join([nodes.addresses[1], nodes.addresses[0], nodes.addresses[2]]), read_from="any")
    with pytest.raises(ReplyTimeout):
        await db.with_options(timeout=0.2).query("x")
    assert {await db.query("x") for _ in range(6)} == {0, 2}


@check
async def position_from_elsewhere_is_asked_for(reach: Connect, nodes: Nodes) -> None:
    db = (await reach(nodes.addresses[1])).with_options(min_seq=7, wait_seconds=1.5)
    await db.query("x")
    await db.call("f")
    await db.with_options(min_seq=8, wait_seconds=None).query("x")
    await db.with_options(min_seq=None).query("x")
    bounds = [{key: params.get(key) for key in ("min_seq", "wait_ms")} for _, _, params, _ in nodes.peers[1].requests]
    assert bounds == [
        {"min_seq": 7, "wait_ms": 1500},
        {"min_seq": 7, "wait_ms": 1500},
        {"min_seq": 8, "wait_ms": None},
        {"min_seq": None, "wait_ms": None},
    ]
    nodes.behind = {1}
    with pytest.raises(Behind):
        await db.query("x")


@check
async def promote_and_resync_are_for_the_node_that_was_named(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses[1])
    await db.eval("x")
    assert await db.promote() == 1
    assert await db.resync() == 1
    assert [request.method for request in nodes.peers[1].requests] == ["eval", "promote", "resync"]
    several = await reach(nodes.addresses)
    with pytest.raises(ValueError, match="'resync' is for one node; connect to that one alone"):
        await several.resync()


@check
async def closed_client_closes_its_connections_to_all_nodes(reach: Connect, nodes: Nodes) -> None:
    db = await reach(nodes.addresses, read_from="any")
    for _ in range(3):
        await db.query("x")
    await db.close()
    for method in (db.eval, db.query):
        with pytest.raises(ConnectionLost, match="this client was closed"):
            await method("x")
    for peer in nodes.peers:
        peer.wait_alone()


@pytest.mark.parametrize(
    ("run", "backend"), [(run_blocking, "asyncio"), (run_async, "asyncio"), (run_async, "trio")],
    ids=["blocking", "async-asyncio", "async-trio"],
)  # fmt: skip
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nodes(check: Check, run: Callable[[Check, Nodes], Awaitable[None]], backend: str) -> None:
    with nodes(3) as peers:
        anyio.run(run, check, peers, backend=backend)


class Unrest:
    """Nodes of which any may vanish, break or lose the lead at any request."""

    def __init__(self, nodes: Nodes, seed: int) -> None:
        self.nodes = nodes
        self.lock = threading.Lock()
        self._dice = random.Random(seed)
        for place, peer in enumerate(nodes.peers):
            peer.answer = lambda peer, request, place=place: self.answer(place, request)  # type: ignore[misc]

    def answer(self, place: int, request: Request) -> object:
        with self.lock:
            throw = self._dice.random()
            if throw < 0.02:
                self.nodes.leader = self._dice.choice([0, 1, 2, None])
                raise HangUp
            if throw < 0.05:
                self.nodes.move(self._dice.choice([0, 1, 2]))
            if self.nodes.leader is None and throw > 0.7:
                self.nodes.leader = self._dice.choice([0, 1, 2])
            value = self.nodes.answer(place, request)
            if throw > 0.98:
                raise HangUp  # it ran, and nobody is told
            return value

    def check(self, outcomes: list[tuple[str, str]]) -> None:
        ran = Counter(source for _, source in self.nodes.ran)
        order = {source: place for place, (_, source) in enumerate(self.nodes.ran)}
        assert max(ran.values()) == 1, "something ran twice"
        for source, outcome in outcomes:
            assert outcome in ("maybe", "ran" if ran[source] else "not")
        for worker in {source.split()[0] for source, _ in outcomes}:
            mine = [order[source] for source, outcome in outcomes if source.split()[0] == worker and outcome == "ran"]
            assert mine == sorted(mine)
        assert sum(outcome == "ran" for _, outcome in outcomes) > len(outcomes) / 2


def outcome_of(call: Callable[[], object]) -> str:
    try:
        call()
    except NotLeader:
        return "not"
    except ConnectionLost as error:
        return "not" if "was not sent" in str(error) else "maybe"
    except (ProtocolError, ReplyTimeout):
        return "maybe"
    return "ran"


@pytest.mark.parametrize("addressed", ["all", "one"])
def test_unrest_runs_nothing_twice_with_threads(addressed: str) -> None:
    def work(worker: int) -> list[tuple[str, str]]:
        outcomes = []
        for step in range(15):
            sources = [f"{worker} {step} {place}" for place in range(3)]
            outcomes.append((sources[0], outcome_of(partial(client.eval, sources[0]))))
            with client.pipeline() as pipeline:
                replies = [pipeline.eval(source) for source in sources[1:]]
                pipeline.query("x")
            outcomes += [(source, outcome_of(reply.result)) for source, reply in zip(sources[1:], replies, strict=True)]
            outcome_of(partial(client.with_options(read_from="any").query, "x"))
        return outcomes

    with nodes(3) as peers:
        unrest = Unrest(peers, 1)
        addresses = peers.addresses if addressed == "all" else peers.addresses[1]
        with connect(addresses) as client, ThreadPoolExecutor(4) as threads:
            found = [future.result(60) for future in [threads.submit(work, number) for number in range(4)]]
        unrest.check([outcome for outcomes in found for outcome in outcomes])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_unrest_runs_nothing_twice_with_tasks_of_which_some_are_cancelled(backend: str) -> None:
    outcomes: list[tuple[str, str]] = []

    async def run(peers: Nodes) -> None:
        async def work(worker: int) -> None:
            for step in range(20):
                source = f"{worker} {step}"
                outcome = "maybe"
                with anyio.move_on_after(0.001 * (step % 7) if step % 4 == 3 else 60):
                    try:
                        await client.eval(source)
                        outcome = "ran"
                    except NotLeader:
                        outcome = "not"
                    except ConnectionLost as error:
                        outcome = "not" if "was not sent" in str(error) else "maybe"
                outcomes.append((source, outcome))

        async with connect_async(peers.addresses) as client, anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(work, number)

    with nodes(3) as peers:
        unrest = Unrest(peers, 2)
        anyio.run(run, peers, backend=backend)
        unrest.check(outcomes)
