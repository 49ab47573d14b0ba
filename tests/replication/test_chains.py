"""A replica that feeds others is worth it as long as it hears of the leader itself."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import RUNTIME, Options
from objserver.errors import BadRequest, ReplicationRefused
from objserver.limits import FEED_SILENCE_SECONDS_MAX
from objserver.replication import Node, State
from objserver.replication.messages import ACK, HEARTBEAT, VERSION, FollowRequest, json_frame
from objserver.wire import FrameReader, encode_frame, parse_request
from tests.engine.bench import Bench

CLUSTER = "0123456789abcdef"


class Feeder:
    """Another node, which says what the test wants it to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where: tuple[str, int] = self.listener.getsockname()
        self.name = os.urandom(8).hex()
        self.sock: socket.socket | None = None
        self.reader = FrameReader()

    @property
    def target(self) -> Any:
        return f"{self.where[0]}:{self.where[1]}", socket.AF_INET, self.where

    def accept(self, snapshot: dict[str, Any] | None = None) -> dict[str, Any]:
        """Take the follower that stands at the door; return what it said of itself."""
        self.sock, _ = self.listener.accept()
        bodies: list[bytes] = []
        while not bodies:
            bodies = self.reader.feed(self.sock.recv(65536))
        request = parse_request(bodies[0])
        value = {
            "cluster": CLUSTER, "node": self.name, "seq": 0, "term": 1, "leader": "127.0.0.1:1", "snapshot": snapshot
        }  # fmt: skip
        self.sock.sendall(encode_frame(b'{"jsonrpc":"2.0","id":1,"result":{"value":%s,"seq":0}}' % dumps(value)))
        return dict(request[2])

    def beat(self, age_ms: int) -> None:
        assert self.sock is not None
        told = {"seq": 0, "term": 1, "behind": 0, "now_ns": 1, "leader": "127.0.0.1:1", "age_ms": age_ms}
        self.sock.sendall(json_frame(HEARTBEAT, told))

    def is_left(self, node: Node, poll: select.epoll) -> bool:
        """Drive the node until it has answered what was sent: with an ack, or by leaving."""
        assert self.sock is not None
        self.sock.setblocking(False)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            drive(node, poll)
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionResetError:
                return True
            if not data:
                return True
            assert all(body[0] == ACK for body in self.reader.feed(data))
            return False
        raise AssertionError("the node says nothing")

    def close(self) -> None:
        self.listener.close()
        if self.sock is not None:
            self.sock.close()


def dumps(value: Any) -> bytes:
    return json_frame(0, value)[5:]


def drive(node: Node, poll: select.epoll, *, until: socket.socket | None = None) -> None:
    """Let the node have its turns; with `until`, until somebody stands at that door."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        node.tend()
        for fd, events in poll.poll(0.01):
            if node.owns(fd):
                node.handle(fd, events)
        if until is None or select.select([until], [], [], 0)[0]:
            return
    raise AssertionError("nobody came")


@pytest.fixture
def feeders() -> Iterator[list[Feeder]]:
    found = [Feeder(), Feeder()]
    yield found
    for feeder in found:
        feeder.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "follower", Options(durability="none"))
    yield found
    found.kill()


@pytest.fixture
def poll() -> Iterator[select.epoll]:
    with select.epoll() as found:
        yield found


def follower(bench: Bench, poll: select.epoll, feeders: list[Feeder], cluster: str | None = CLUSTER) -> Node:
    state = State(role="follower", cluster=cluster, follow=["127.0.0.1:1"])
    node = Node(bench.engine, state, targets=[feeder.target for feeder in feeders], tell=lambda text: None)
    node.attach(poll)
    return node


def params(node: str = "other", **changed: Any) -> dict[str, Any]:
    asked = FollowRequest(
        version=VERSION, cluster=CLUSTER, node=node, seq=0, term=0, digest="0" * 32, runtime=RUNTIME, address=None,
        snapshot=False,
    )  # fmt: skip
    return asked.params() | changed


def test_follower_leaves_a_node_that_has_not_heard_of_the_leader_for_long(
    bench: Bench, poll: select.epoll, feeders: list[Feeder]
) -> None:
    """Replicas that follow one another hear of each other for ever, and of no leader."""
    node = follower(bench, poll, feeders)
    for feeder in [*feeders, feeders[0]]:
        drive(node, poll, until=feeder.listener)
        feeder.accept()
        feeder.beat(FEED_SILENCE_SECONDS_MAX * 1000)
        assert not feeder.is_left(node, poll)
        feeder.beat(FEED_SILENCE_SECONDS_MAX * 1000 + 1)
        assert feeder.is_left(node, poll)
        feeder.sock.close()
        feeder.reader = FrameReader()
    node.close()


def test_replica_feeds_others_only_while_it_hears_of_the_leader(
    bench: Bench, poll: select.epoll, feeders: list[Feeder]
) -> None:
    bench.eval("n = 1")
    head = bench.engine.head()
    asked = params(seq=head.seq, term=head.term, digest=head.digest.hex())
    node = follower(bench, poll, feeders[:1])
    with pytest.raises(ReplicationRefused, match="lost its own leader"):
        node.follow(asked)
    drive(node, poll, until=feeders[0].listener)
    feeders[0].accept()
    feeders[0].beat(2_000)
    assert not feeders[0].is_left(node, poll)
    told, _ = node.follow(asked)
    assert told["cluster"] == CLUSTER
    with pytest.raises(ReplicationRefused, match="follows the one that asks"):
        node.follow(asked | {"node": feeders[0].name})
    feeders[0].beat(FEED_SILENCE_SECONDS_MAX * 1000 + 1)
    assert not feeders[0].is_left(node, poll)  # there is nobody else
    with pytest.raises(ReplicationRefused, match="lost its own leader"):
        node.follow(asked)
    node.close()


def test_folder_with_data_of_its_own_takes_no_snapshot(
    bench: Bench, poll: select.epoll, feeders: list[Feeder]
) -> None:
    bench.eval("precious = 1")
    node = follower(bench, poll, feeders[:1], cluster=None)
    assert "data of its own" in node.unavailable
    drive(node, poll, until=feeders[0].listener)
    header = {"id": "x", "size": 8192, "seq": 9, "term": 1, "digest": "00" * 16, "time_ns": 1, "offset": 0}
    assert feeders[0].accept(header)["cluster"] is None
    assert feeders[0].is_left(node, poll)
    assert node.state.cluster is None
    assert not (bench.folder / "incoming").exists()
    assert node.promote()["term"] == 2  # and it can lead again
    assert node.unavailable == ""
    assert bench.eval("precious") == 1
    node.close()


def test_leader_gives_a_folder_with_data_of_its_own_nothing(tmp_path: Path, poll: select.epoll) -> None:
    """Neither where its log no longer shows whether these are its own entries."""
    bench = Bench(tmp_path / "leader", Options(durability="none", segment_size=4096, retention_size=0))
    while bench.engine.log.first_seq < 4:
        bench.eval("n = text", text="x" * 3000)
        bench.engine.checkpoint()
    node = Node(bench.engine, State(cluster=CLUSTER), tell=lambda text: None)
    node.attach(poll)
    asked = params(cluster=None, seq=1, term=1, digest="00" * 16)
    with pytest.raises(ReplicationRefused, match="data of its own"):
        node.follow(asked)
    assert node.follow(asked | {"seq": 0})[0]["snapshot"] is not None
    assert node.follow(asked | {"cluster": CLUSTER})[0]["snapshot"] is not None
    node.close()
    bench.kill()


def test_leader_steps_down_for_its_own_cluster_alone(bench: Bench, poll: select.epoll) -> None:
    bench.eval("n = 1")
    node = Node(bench.engine, State(cluster=CLUSTER), tell=lambda text: None)
    node.attach(poll)
    for cluster in (None, "f" * 16):
        with pytest.raises(ReplicationRefused):
            node.follow(params(cluster=cluster, term=9))
        assert node.leads
    with pytest.raises(BadRequest):
        node.follow(params(term=9, address="x\0y"))
    with pytest.raises(BadRequest):
        node.fence(CLUSTER, 9, "127.0.0.1:1" * 100)
    assert node.leads
    with pytest.raises(ReplicationRefused, match="term 9 has begun"):
        node.follow(params(term=9, address="127.0.0.1:1"))
    assert not node.leads
    assert node.ending
    assert State.load(bench.folder).follow == ["127.0.0.1:1"]
    node.close()


def test_leader_that_can_not_write_down_its_fall_falls_all_the_same(bench: Bench, poll: select.epoll) -> None:
    bench.eval("n = 1")
    node = Node(bench.engine, State(cluster=CLUSTER), tell=lambda text: None)
    node.attach(poll)
    (bench.folder / "replication.json.new").mkdir()
    with pytest.raises(Exception, match="replication"):
        node.fence(CLUSTER, 2, "127.0.0.1:1")
    assert node.unavailable
    assert node.ending
    node.close()


def test_promoted_node_leads_in_a_term_above_all_that_it_heard_of(bench: Bench, poll: select.epoll) -> None:
    bench.eval("n = 1")
    node = follower(bench, poll, [])
    assert node.fence(CLUSTER, 4, "127.0.0.1:1") == {"fenced": False, "term": 1, "leader": None}
    assert node.promote()["term"] == 5
    node.fence(CLUSTER, 8, "127.0.0.1:1")
    node = Node(bench.engine, State.load(bench.folder), tell=lambda text: None)
    node.attach(poll)
    assert "led until another one did" in node.unavailable
    assert node.promote()["term"] == 9
    assert State.load(bench.folder).fenced is None
    node.close()


def test_leaders_of_one_term_are_told_of_one_another_once(bench: Bench, poll: select.epoll) -> None:
    bench.eval("n = 1")
    told: list[str] = []
    node = Node(bench.engine, State(cluster=CLUSTER), address="127.0.0.1:1", tell=told.append)
    node.attach(poll)
    for leader in ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:2"):
        assert node.fence(CLUSTER, 1, leader)["fenced"] is False
    assert node.leads
    (line,) = told
    assert line.startswith("two nodes lead in term 1, this one and 127.0.0.1:2")
    node.close()


def test_promotion_gives_back_the_room_of_a_snapshot_on_its_way(
    bench: Bench, poll: select.epoll, feeders: list[Feeder]
) -> None:
    bench.eval("n = 1")
    node = follower(bench, poll, feeders[:1])
    drive(node, poll, until=feeders[0].listener)
    feeders[0].accept({"id": "x", "size": 8192, "seq": 9, "term": 1, "digest": "00" * 16, "time_ns": 1, "offset": 0})
    feeders[0].beat(0)
    assert not feeders[0].is_left(node, poll)
    assert (bench.folder / "incoming").exists()
    assert node.promote()["term"] == 2
    assert not (bench.folder / "incoming").exists()
    assert bench.eval("n += 1; n") == 2
    node.close()
