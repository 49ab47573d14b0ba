"""A leader and two followers under load, through kills, cuts and promotions at random. Afterwards every acknowledged
write is there, none is there twice, and all heaps are the same.

With replies that wait for one replica, whoever takes over is the one of the others that has most, and the old leader
is down: then nothing at all is lost. Without, a promotion may come at any moment; then what was acknowledged is there
or in a file of the old leader.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random, SystemRandom

import pytest

from .cluster import Cluster, Node, Proxy, wait
from .load import Writer, check_documents, prepare

CLIENTS = ["one", "two", "three"]


class Turmoil:
    """What happens to the three nodes, one thing after the other."""

    def __init__(self, cluster: Cluster, chance: Random, *, synchronous: bool) -> None:
        self.cluster = cluster
        self.chance = chance
        self.synchronous = synchronous
        self.done: list[str] = []
        self.deck: list[Callable[[], None]] = []
        arguments = ["--sync-replicas", "1", "--sync-replicas-seconds", "5"] if synchronous else []
        self.nodes = nodes = [cluster.node(start=False) for _ in range(3)]
        self.proxies = {
            (node.name, other.name): cluster.proxy(other) for node in nodes for other in nodes if node is not other
        }
        for node in nodes:
            follow = [f"--follow={proxy.address}" for (name, _), proxy in self.proxies.items() if name == node.name]
            node.arguments = [*arguments, *follow]
        self.leader = nodes[0]
        self.leader.start(*arguments or ["--durability", "always"])
        self.leader.arguments = nodes[0].arguments
        for node in nodes[1:]:
            node.start()

    def others(self) -> list[Node]:
        return [node for node in self.nodes if node is not self.leader]

    def step(self) -> None:
        if not self.deck:
            self.deck = [self.kill, self.kill, self.kill_server, self.kill_server, self.cut, self.part, self.promote]
            self.chance.shuffle(self.deck)
        chosen = self.deck.pop()
        self.done.append(chosen.__name__)
        chosen()

    def kill(self) -> None:
        node = self.chance.choice(self.nodes)
        node.kill()
        self.some_writes()
        node.start()

    def kill_server(self) -> None:
        self.chance.choice(self.nodes).kill_server()

    def cut(self) -> None:
        self.proxy().cut_after(self.chance.choice([1, 100, 10_000]))
        self.some_writes()

    def part(self) -> None:
        proxy = self.proxy()
        proxy.part()
        self.some_writes()
        proxy.mend()

    def promote(self) -> None:
        before = self.leader
        if self.synchronous:
            # Both of the others have to be there: one alone may be the one that lacks what the client was told of.
            ready(self.others())
            if self.chance.random() < 0.5:
                before.kill()
            else:
                before.stop()
            heir = max(self.others(), key=place)
        else:
            heir = self.chance.choice(self.others())
        wait(lambda: heir.ask("promote").error is None or heir.replication().get("role") == "leader", heir.told)
        self.leader = heir
        if before.process is None:
            before.start()
        self.agree()

    def agree(self) -> None:
        """Wait until all have the term of the leader: who has not heard of it may be taken for one of an older one."""
        term = self.leader.replication()["term"]
        for node in self.others():
            wait(lambda node=node: node.replication().get("term") == term, self.told)  # type: ignore[misc]

    def told(self) -> str:
        return f"{self.done}\n" + "\n".join(f"--- {node.name}\n{node.replication()}" for node in self.nodes)

    def proxy(self) -> Proxy:
        return self.chance.choice(list(self.proxies.values()))

    def some_writes(self) -> None:
        """Let the clients get on for a moment, if they can."""
        time.sleep(self.chance.uniform(0, 0.5))  # the moment of what comes next, not something to wait for


def ready(nodes: list[Node]) -> None:
    for node in nodes:
        wait(lambda node=node: node.replication(), node.told)  # type: ignore[misc]


def place(node: Node) -> tuple[int, int]:
    told = node.replication()
    return told["term"], told["seq"]


def go_through(folder: Path, seed: int, seconds: float, *, synchronous: bool) -> None:
    print(f"seed {seed}")
    with Cluster(folder) as cluster:
        turmoil = Turmoil(cluster, Random(seed), synchronous=synchronous)
        if synchronous:
            wait(lambda: len(turmoil.leader.replication()["followers"]) == 2)
        prepare(turmoil.leader, CLIENTS)
        cluster.level(turmoil.leader, *turmoil.others())  # or a promotion may lose what every write needs
        writers = [Writer(client, turmoil.nodes) for client in CLIENTS]
        until = time.monotonic() + seconds  # how much happens; nothing is asserted on it
        while time.monotonic() < until:
            turmoil.step()
        print(turmoil.done)
        seq = turmoil.leader.replication().get("seq", 0)
        wait(lambda: turmoil.leader.replication().get("seq", 0) > seq + 20, turmoil.told)  # it is all in order again
        for writer in writers:
            writer.finish()
        turmoil.agree()
        cluster.level(turmoil.leader, *turmoil.others())
        lost = [] if synchronous else [args for node in turmoil.nodes for args in node.lost()]
        count = check_documents(turmoil.leader, writers, lost)
        assert count > 20
        for node in turmoil.others():
            assert check_documents(node, writers, lost) == count
        print(count, "documents,", len(lost), "lost")
        cluster.check()


@pytest.mark.parametrize("synchronous", [True, False])
def test_cluster_keeps_what_it_acknowledged_through_kills_cuts_and_promotions(
    tmp_path: Path, synchronous: bool
) -> None:
    go_through(tmp_path, SystemRandom().randrange(1 << 32), 10, synchronous=synchronous)


@pytest.mark.long
@pytest.mark.parametrize("synchronous", [True, False])
def test_cluster_keeps_what_it_acknowledged_for_minutes(tmp_path: Path, synchronous: bool) -> None:
    go_through(tmp_path, SystemRandom().randrange(1 << 32), 150, synchronous=synchronous)
