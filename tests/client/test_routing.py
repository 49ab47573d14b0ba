"""The router against nodes made of dice: whatever comes of its steps, each call ends once and nothing runs twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.client import Call, ConnectionLost, NotLeader
from objserver.client.core import ReadFrom, new_call
from objserver.client.routing import (
    REST_SECONDS_MIN,
    SPREAD_WAIT_MS,
    Answer,
    Pause,
    Reach,
    Router,
    Send,
    Steps,
    answer_of_hello,
)
from objserver.client.transport import Address, parse_address
from objserver.wire import ErrorCode, FrameReader, Reply, ReplyError, parse_request

TIMEOUT = 5.0

# More than any way through takes: a router that goes round in circles fails instead of hanging.
STEPS_MAX = 5_000

NODES = [parse_address(f"127.0.0.1:{port}") for port in (1, 2, 3, 4)]


def ok(call: Call, value: object = None, seq: int = 1) -> None:
    call.sent = True
    call.answer(Reply(call.id, value, seq, "", None, False))


def fail(call: Call, code: int, **data: Any) -> None:
    call.sent = True
    call.answer(Reply(call.id, None, 0, "", ReplyError(code, "no", data), False))


def lose(call: Call) -> None:
    call.sent = True
    call.lose("the server closed it")


class World:
    """Carries out steps. A subclass says what comes of them; the clock goes on by what they take."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self.now = 0.0
        self.router = Router(addresses, TIMEOUT, lambda: self.now)
        self.steps: list[Reach | Send | Pause] = []

    def reach(self, step: Reach) -> Answer:
        raise NotImplementedError

    def send(self, step: Send) -> bool:
        raise NotImplementedError

    def follow(self, steps: Steps) -> None:
        outcome: object = None
        error: OSError | None = None
        try:
            while True:
                step = steps.send(outcome) if error is None else steps.throw(error)
                self.steps.append(step)
                assert len(self.steps) < STEPS_MAX
                outcome = error = None
                try:
                    match step:
                        case Reach():
                            assert step.seconds > 0
                            self.now += 0.001
                            outcome = self.reach(step)
                        case Send():
                            assert step.calls
                            self.now += 0.001
                            outcome = self.send(step)
                        case Pause():
                            assert step.seconds > 0
                            self.now += step.seconds
                except OSError as met:
                    error = met
        except StopIteration:
            pass

    def run(self, calls: Sequence[Call], read_from: ReadFrom = "leader") -> None:
        self.follow(self.router.route(calls, read_from, None))

    def meet(self) -> None:
        self.follow(self.router.meet())


FATES = ["runs", "runs", "refused", "raises", "lost", "behind"]


class Dice(World):
    """Anything may come of any step."""

    def __init__(self, addresses: Sequence[Address], data: st.DataObject) -> None:
        super().__init__(addresses)
        self.draw = data.draw
        self.ran: Counter[Call] = Counter()
        self.order: dict[Call, int] = {}
        self.usable: set[Address] = set()

    def reach(self, step: Reach) -> Answer:
        said = self.draw(st.sampled_from(["gone", "leads", "leads", "follows"]))
        if said == "gone":
            self.usable.discard(step.address)
            raise ConnectionRefusedError("refused")
        self.usable.add(step.address)
        if step.ask and said == "follows":
            return Answer(False, self.draw(st.sampled_from(["", "nonsense", *map(str, NODES)])))
        return Answer(True)

    def send(self, step: Send) -> bool:
        assert [self.order[call] for call in step.calls] == sorted(self.order[call] for call in step.calls)
        for call in step.calls:
            assert not call.done and not call.sent
            assert call.repeatable or not self.ran[call], "what has run is sent again"
        if step.address not in self.usable:
            return False
        broken = False
        for call in step.calls:
            fate = "lost" if broken else self.draw(st.sampled_from(FATES))
            if fate == "lost":
                broken = True
                self.usable.discard(step.address)
                if not call.repeatable:
                    self.ran[call] += 1  # nobody knows, so it must be treated as if it had
                lose(call)
            elif fate == "refused":
                fail(call, ErrorCode.NOT_LEADER, leader=self.draw(st.sampled_from([None, "x", *map(str, NODES)])))
            elif fate == "behind":
                fail(call, self.draw(st.sampled_from([ErrorCode.BEHIND, ErrorCode.UNAVAILABLE])))
            elif fate == "raises":
                self.ran[call] += 1
                fail(call, ErrorCode.SNIPPET_RAISED, type="KeyError")
            else:
                self.ran[call] += 1
                ok(call, "done", seq=self.draw(st.integers(1, 9)))
        return True


@given(st.data(), st.integers(1, 3), st.sampled_from(["leader", "any"]))
def test_each_call_ends_once_and_nothing_that_may_have_run_is_sent_twice(
    data: st.DataObject, count: int, read_from: ReadFrom
) -> None:
    world = Dice(NODES[:count], data)
    try:
        world.meet()
    except OSError:
        assert world.router.leader is None
    methods = st.sampled_from(["eval", "call", "query", "query", "stats"])
    for _ in range(data.draw(st.integers(1, 3))):
        calls = [new_call(method, {"source": "x"}) for method in data.draw(st.lists(methods, min_size=1, max_size=5))]
        world.order = {call: place for place, call in enumerate(calls)}
        world.run(calls, read_from)
        for call in calls:
            assert call.done
            if not call.repeatable:
                assert world.ran[call] <= 1
                if call.succeeded:
                    assert world.ran[call] == 1
                    continue
                with pytest.raises(Exception) as caught:
                    call.result()
                unsent = isinstance(caught.value, ConnectionLost) and "was not sent" in str(caught.value)
                if unsent or isinstance(caught.value, NotLeader):
                    assert world.ran[call] == 0


class Cluster(World):
    """Nodes of which one leads; the others are gone, or followers that name it, or nobody, or one that is gone.

    Attributes:
        roles: of each node: "leads", "gone", "behind", or the address that it names as its leader's.
        asked: which nodes got something, in order.
    """

    def __init__(self, addresses: Sequence[Address], roles: dict[Address, str]) -> None:
        super().__init__(addresses)
        self.roles = roles
        self.asked: list[tuple[Address, str, dict[str, Any]]] = []
        self.heads: dict[Address, int] = {}
        self._connected: set[Address] = set()

    def reach(self, step: Reach) -> Answer:
        role = self.roles[step.address]
        if role == "gone":
            self._connected.discard(step.address)
            raise ConnectionRefusedError("refused")
        self._connected.add(step.address)
        return Answer(role == "leads", "" if role in ("leads", "behind") else role) if step.ask else Answer(True)

    def send(self, step: Send) -> bool:
        role = self.roles[step.address]
        if role == "gone" or step.address not in self._connected:
            return False
        for call in step.calls:
            (body,) = FrameReader().feed(call.frame)
            _, method, params, _ = parse_request(body)
            self.asked.append((step.address, method, params))
            head = self.heads.get(step.address, 1)
            if params.get("min_seq", 0) > head or role == "behind":
                fail(call, ErrorCode.BEHIND)
            elif role == "leads" or method == "query":
                ok(call, str(step.address), head)
                self.router.note_seq(step.address, head)
            else:
                fail(call, ErrorCode.NOT_LEADER, leader=role or None)
        return True


@given(st.data())
def test_leader_is_found_wherever_it_is(data: st.DataObject) -> None:
    """As long as it is among the addresses, or a node that can be reached names it."""
    given_count = data.draw(st.integers(1, 3))
    leader = data.draw(st.sampled_from(NODES))
    roles = {address: data.draw(st.sampled_from(["gone", "", str(leader)])) for address in NODES}
    roles[leader] = "leads"
    if leader not in NODES[:given_count]:
        roles[data.draw(st.sampled_from(NODES[:given_count]))] = str(leader)
    world = Cluster(NODES[:given_count], roles)
    world.meet()
    before = world.now
    for _ in range(3):
        calls = [new_call("eval", {"source": "x"}), new_call("query", {"source": "x"}), new_call("call", {"path": "f"})]
        world.run(calls)
        assert [call.result() for call in calls] == [str(leader)] * 3
    assert world.now - before < 1, "no time is spent where every node has an answer"
    other = data.draw(st.sampled_from([address for address in NODES if address != leader]))
    if other in NODES[:given_count]:
        # It is promoted, and the old leader is lost with its connection, or follows it.
        roles.update({leader: data.draw(st.sampled_from(["gone", str(other)])), other: "leads"})
        call = new_call("eval", {"source": "x"})
        world.run([call])
        assert call.result() == str(other)


def test_without_a_leader_calls_end_when_the_time_to_reach_one_is_over() -> None:
    for roles in (["", ""], [str(NODES[1]), str(NODES[0])], ["gone", str(NODES[2])]):
        for count in (1, 2):
            if roles[0] == "gone" and count == 1:
                continue
            world = Cluster(NODES[:count], {**dict(zip(NODES, roles, strict=False)), NODES[2]: "gone"})
            world.meet()
            call = new_call("eval", {"source": "x"})
            world.run([call])
            assert 0.5 * TIMEOUT < world.now <= TIMEOUT + 0.5
            with pytest.raises((ConnectionLost, NotLeader)):
                call.result()


def test_nobody_reached_is_an_error_that_names_each() -> None:
    world = Cluster(NODES[:2], dict.fromkeys(NODES, "gone"))
    with pytest.raises(OSError, match="127.0.0.1:1: refused; 127.0.0.1:2: refused"):
        world.meet()


def test_refused_calls_of_a_pipeline_are_sent_again_in_order_with_the_queries_behind_them() -> None:
    first, second = NODES[:2]
    world = Cluster([first], {first: str(second), second: "leads"})
    world.meet()
    methods = ["query", "eval", "query", "call", "stats"]
    calls = [new_call(method, {"source": str(place)}) for place, method in enumerate(methods)]
    world.run(calls)
    sends = [[call.method for call in step.calls] for step in world.steps if isinstance(step, Send) and step.calls]
    assert sends[0] == methods
    assert sends[-1] == methods[1:]  # stats, too, was refused by this follower
    assert calls[0].result() == str(first)
    assert [call.result() for call in calls[1:]] == [str(second)] * 4


def test_client_of_one_node_reads_there_until_it_has_changed_something_elsewhere() -> None:
    first, second = NODES[:2]
    world = Cluster([first], {first: str(second), second: "leads"})
    world.meet()

    def ask(method: str) -> Any:
        call = new_call(method, {"source": "x"})
        world.run([call])
        return call.result()

    assert [ask(method) for method in ("query", "eval", "query")] == [str(first), str(second), str(second)]
    # The leader is gone: the follower may lack what was changed, so it does not take its place.
    world.roles[second] = "gone"
    with pytest.raises(ConnectionLost, match="'query' was not sent: no leader: .*127.0.0.1:1 follows 127.0.0.1:2"):
        ask("query")
    world.roles[first] = "leads"
    assert ask("query") == str(first)


def spread(world: Cluster, count: int = 1) -> list[str]:
    values = []
    for _ in range(count):
        call = new_call("query", {"source": "x"})
        world.run([call], "any")
        values.append(call.result())
    return values


def test_queries_go_to_the_nodes_in_turn() -> None:
    leader, *followers = NODES[:3]
    world = Cluster(NODES[:3], {leader: "leads", **dict.fromkeys(followers, str(leader))})
    world.meet()
    assert spread(world, 6) == [str(address) for address in NODES[:3]] * 2
    call = new_call("eval", {"source": "x"})
    world.run([call], "any")
    assert call.result() == str(leader)


@pytest.mark.parametrize("role", ["gone", "behind"])
def test_node_that_does_not_answer_is_passed_over_for_a_while_and_longer_each_time(role: str) -> None:
    leader, follower, bad = NODES[:3]
    world = Cluster(NODES[:3], {leader: "leads", follower: str(leader), bad: role})
    world.meet()
    rest = REST_SECONDS_MIN
    for _ in range(3):
        before = len(world.steps)
        assert set(spread(world, 10)) == {str(leader), str(follower)}
        looks = [step for step in world.steps[before:] if isinstance(step, Reach) and step.address == bad]
        assert len(looks) == 1
        world.now += rest
        rest *= 2
    world.roles[bad] = str(leader)
    assert str(bad) in spread(world, 3)


@given(st.data())
def test_query_is_answered_as_long_as_one_node_can(data: st.DataObject) -> None:
    """A follower that is there and has what was seen, or the leader."""
    leader = NODES[0]
    roles = {address: data.draw(st.sampled_from(["gone", "behind", str(leader)])) for address in NODES[1:3]}
    roles[leader] = data.draw(st.sampled_from(["gone", "leads"]))
    world = Cluster(NODES[:3], roles)
    if set(roles.values()) <= {"gone", "behind"}:
        return
    world.meet()
    assert len(spread(world, 5)) == 5


def test_client_reads_what_it_wrote_from_any_node() -> None:
    leader, follower = NODES[:2]
    world = Cluster(NODES[:2], {leader: "leads", follower: str(leader)})
    world.heads = {leader: 7, follower: 6}
    world.meet()
    assert set(spread(world, 4)) == {str(leader)} | ({str(follower)} if world.router.seq < 7 else set())
    assert world.router.seq == 7
    world.now += 60
    spread(world, 4)
    asked = [params for address, _, params in world.asked if address == follower]
    assert asked[-1]["min_seq"] == 7
    assert asked[-1]["wait_ms"] == SPREAD_WAIT_MS
    world.heads[follower] = 7
    world.now += 60
    assert set(spread(world, 4)) == {str(leader), str(follower)}


def test_seq_of_a_leader_that_lost_the_end_of_the_log_is_the_one_that_counts() -> None:
    """Else a client would wait for entries that are in no history any more."""
    old, new = NODES[:2]
    world = Cluster(NODES[:2], {old: "leads", new: str(old)})
    world.heads = {old: 9, new: 5}
    world.meet()
    call = new_call("eval", {"source": "x"})
    world.run([call])
    assert world.router.seq == 9
    world.roles.update({old: "gone", new: "leads"})
    world.heads[new] = 6
    assert spread(world, 2) == [str(new)] * 2
    assert world.router.seq == 6


def test_explicit_min_seq_goes_to_every_node_asked() -> None:
    leader, follower = NODES[:2]
    world = Cluster([follower, leader], {leader: "leads", follower: str(leader)})
    world.heads = {leader: 5, follower: 3}
    world.meet()
    call = new_call("query", {"source": "x", "min_seq": 4, "wait_ms": 9000})
    world.run([call], "any")
    assert call.result() == str(leader)
    assert [(address, params) for address, _, params in world.asked] == [
        (follower, {"source": "x", "min_seq": 4, "wait_ms": 9000}),
        (leader, {"source": "x", "min_seq": 4, "wait_ms": 9000}),
    ]


def test_pipeline_that_changes_something_goes_to_the_leader_as_a_whole() -> None:
    leader, follower = NODES[:2]
    world = Cluster([follower, leader], {leader: "leads", follower: str(leader)})
    world.meet()
    calls = [new_call("query", {"source": "x"}), new_call("eval", {"source": "x"}), new_call("query", {"source": "x"})]
    world.run(calls, "any")
    assert [call.result() for call in calls] == [str(leader)] * 3


def test_query_that_ends_a_node_is_not_sent_to_all_of_them() -> None:
    """A snippet that crashes the interpreter would take the whole cluster down with it."""
    sent: list[Address] = []

    class Fragile(Cluster):
        def send(self, step: Send) -> bool:
            sent.append(step.address)
            for call in step.calls:
                lose(call)
            return True

    world = Fragile(NODES, {NODES[0]: "leads", **dict.fromkeys(NODES[1:], str(NODES[0]))})
    world.meet()
    with pytest.raises(ConnectionLost, match="nothing was changed by it"):
        spread(world)
    assert len(sent) == 2


@pytest.mark.parametrize("method", ["promote", "resync"])
def test_what_is_for_one_node_goes_to_the_one_that_was_named(method: str) -> None:
    first, second = NODES[:2]
    world = Cluster([first], {first: str(second), second: "leads"})
    world.meet()
    moved = new_call("eval", {"source": "x"})
    world.run([moved])
    assert moved.result() == str(second)
    world.roles[first] = "leads"
    call = new_call(method, {})
    world.run([call])
    assert call.result() == str(first)
    after = new_call("eval", {"source": "x"})
    world.run([after])
    assert after.result() == str(first if method == "promote" else second)
    several = Cluster(NODES[:2], {first: "leads", second: str(first)})
    several.meet()
    refused = new_call(method, {})
    several.run([refused])
    with pytest.raises(ValueError, match="is for one node"):
        refused.result()


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ({"role": "leader", "leader": "a:1"}, Answer(True)),
        ({"role": "follower", "leader": "a:1"}, Answer(False, "a:1")),
        ({"role": "follower", "leader": None}, Answer(False)),
        ({"role": "follower"}, Answer(False)),
        ({"server": "objserver"}, Answer(True)),
        (None, Answer(True)),
    ],
)
def test_hello_says_who_leads(value: object, answer: Answer) -> None:
    assert answer_of_hello(value) == answer


