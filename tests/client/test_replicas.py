"""A real leader and its followers, each its own process: clients read what they wrote, and survive a new leader."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from objserver.client import Behind, ConnectionLost, NotLeader, connect, connect_async
from tests.cli.conftest import Server
from tests.client.kit import Awaited
from tests.client.peer import SECONDS_MAX


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Server]]:
    """A leader and two followers, which have what the leader acknowledges."""
    leader = Server(tmp_path / "0", options=["--sync-replicas", "2"])
    leader.start()
    found = [leader]
    try:
        for name in ("1", "2"):
            follower = Server(tmp_path / name, options=["--follow", leader.address])
            follower.start()
            found.append(follower)
            follower.wait_joined()
        with connect(leader.address) as db:
            db.eval("count = 0; done = []")
        yield found
    finally:
        for node in found:
            node.kill()


def addresses(nodes: list[Server]) -> str:
    """The leader's last, so that a client has to look for it."""
    return ",".join(node.address for node in reversed(nodes))


async def reads_what_it_wrote(db: Any) -> None:
    for step in range(20):
        assert await db.eval("count += 1; count") == step + 1
        assert [await db.query("count") for _ in range(3)] == [step + 1] * 3
    async with db.pipeline() as pipeline:
        replies = [pipeline.query("count"), pipeline.eval("count = 0"), pipeline.query("count")]
    assert [reply.result() for reply in replies] == [20, None, 0]


@pytest.mark.parametrize("shell", ["blocking", "asyncio", "trio"])
def test_client_reads_what_it_wrote_from_any_node(shell: str, nodes: list[Server]) -> None:
    async def run() -> None:
        if shell == "blocking":
            with connect(addresses(nodes), read_from="any") as blocking:
                await reads_what_it_wrote(Awaited(blocking))
        else:
            async with connect_async(addresses(nodes), read_from="any") as client:
                await reads_what_it_wrote(client)

    test: Callable[[], Awaitable[None]] = run
    anyio.run(test, backend="trio" if shell == "trio" else "asyncio")


def test_follower_refuses_a_change_and_the_client_goes_to_the_leader(nodes: list[Server]) -> None:
    with connect(nodes[1].address) as db:
        assert db.hello()["role"] == "follower"
        assert db.eval("count") == 0  # changes nothing, so a follower may answer
        assert db.eval("count += 1; count") == 1
        assert db.hello()["role"] == "leader"
        assert db.query("count") == 1


def test_position_that_no_node_has_is_behind_after_the_time_to_wait(nodes: list[Server]) -> None:
    with connect(addresses(nodes), read_from="any") as db:
        db.ping()
        ahead = db.with_options(min_seq=db.seq + 1000, wait_seconds=0.05)
        for method in (ahead.query, ahead.eval):
            with pytest.raises(Behind, match=f"not {db.seq + 1000}"):
                method("count")
        assert db.with_options(min_seq=db.seq, wait_seconds=0.05).query("count") == 0


def test_change_that_waits_for_a_follower_ends_when_one_joins(tmp_path: Path) -> None:
    """The follower's own request for a feed was held back behind the change."""
    leader = Server(tmp_path / "0", options=["--sync-replicas", "1", "--sync-replicas-seconds", "3600"])
    leader.start()
    follower = Server(tmp_path / "1", options=["--follow", leader.address])
    results: list[object] = []
    try:
        with connect(leader.address) as db:
            waiting = threading.Thread(target=lambda: results.append(db.eval("x = 1; x")))
            waiting.start()
            with connect(leader.address) as other:
                while not other.stats()["seq"]:  # nor does this wait behind it
                    pass
            follower.start()
            waiting.join(SECONDS_MAX)
            assert results == [1]
    finally:
        follower.kill()
        leader.kill()


def test_time_to_wait_for_a_position_is_kept(nodes: list[Server]) -> None:
    """The server slept for a second after the time was over: these, one after the other, would not be done in time."""
    with connect(nodes[1].address) as db:
        db.ping()
        ahead = db.with_options(min_seq=db.seq + 1000, wait_seconds=0.05, timeout=SECONDS_MAX)
        with ahead.pipeline() as pipeline:
            replies = [pipeline.query("count") for _ in range(40)]
    for reply in replies:
        with pytest.raises(Behind):
            reply.result()


def test_clients_go_on_with_a_new_leader_and_nothing_is_lost_or_run_twice(nodes: list[Server]) -> None:
    acknowledged: list[str] = []
    unsure: list[str] = []
    killed, promoted = threading.Event(), threading.Event()
    enough = threading.Semaphore(0)

    def work(worker: int) -> None:
        step = 0
        after = 0
        while after < 20:
            name = f"{worker} {step}"
            step += 1
            after += promoted.is_set()
            try:
                db.eval("done.append(name)", name=name)
                acknowledged.append(name)
                enough.release()
            except NotLeader:
                pass
            except ConnectionLost as error:
                if "was not sent" not in str(error):
                    unsure.append(name)
            # Between the loss of the leader and the word of the operator there is nobody to take changes.
            if killed.is_set():
                promoted.wait(SECONDS_MAX)

    with connect(addresses(nodes), timeout=SECONDS_MAX) as db:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            assert enough.acquire(timeout=SECONDS_MAX)
        nodes[0].kill()
        killed.set()
        with connect(nodes[1].address) as operator:
            assert operator.promote()["term"] == 2
        promoted.set()
        for thread in threads:
            thread.join(SECONDS_MAX)
            assert not thread.is_alive()
        ran = Counter(db.query("done"))
        assert db.stats()["replication"]["leader"] == nodes[1].address
    assert set(acknowledged) <= ran.keys() <= {*acknowledged, *unsure}
    assert max(ran.values()) == 1
    assert len(acknowledged) >= 100 + 4 * 15
    for worker in range(4):
        steps = [int(name.split()[1]) for name in ran if name.split()[0] == str(worker)]
        assert steps == sorted(steps)
