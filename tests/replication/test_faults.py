"""Real nodes on loopback, and what may happen to them: kills, cuts, stalls, strangers, damage, promotions."""

from __future__ import annotations

import random
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from objserver.replication.messages import VERSION
from objserver.wire import ErrorCode, FrameReader, encode_error, parse_request

from .cluster import SECONDS_MAX, Cluster, Gone, Node, wait
from .load import Writer, check_documents, prepare

CLIENTS = ["one", "two"]

# A log file has 64 MiB, and is dropped whole.
MANY = 70


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def write_much(node: Node, count: int = MANY) -> None:
    """Write more than a file of the log takes, so that the first one can go."""
    for number in range(count):
        node.value("much = text", text=f"{number}" + "y" * 1_000_000)


def fill(node: Node, size: int) -> None:
    """Have so much in the heap."""
    node.value("filled = []")
    for number in range(size // 500_000):
        node.value("filled.append(text)", text=f"{number}" * 500_000)


def role(node: Node) -> Any:
    return node.replication().get("role")


def follows(node: Node) -> bool:
    """Whether it has the history of a leader."""
    told = node.replication()
    return told.get("role") == "follower" and told.get("state") == "following" and "unavailable" not in told


def descriptor_count(node: Node) -> int:
    [server] = node.children()
    return len(list(Path(f"/proc/{server}/fd").iterdir()))


def connected(node: Node) -> int:
    return len([each for each in node.replication().get("followers", ()) if each["state"] == "following"])


# --- kills and cuts ---------------------------------------------------------------------------------------------------


def test_follower_that_is_killed_again_and_again_has_everything(cluster: Cluster) -> None:
    chance = random.Random(1)
    leader = cluster.node()
    prepare(leader, CLIENTS)
    follower = cluster.follower(leader)
    writers = [Writer(client, [leader]) for client in CLIENTS]
    for number in range(4):
        seq = leader.stats()["seq"] + chance.randrange(200)  # the moment of the kill
        wait(lambda seq=seq: follower.replication().get("seq", 0) >= seq)  # type: ignore[misc]
        if number % 2:
            follower.kill_server()
        else:
            follower.kill()
            follower.start()
    for writer in writers:
        writer.finish()
    cluster.level(leader, follower)
    check_documents(follower, writers)
    cluster.check()


def test_leader_that_is_killed_again_and_again_is_followed_on(cluster: Cluster) -> None:
    chance = random.Random(2)
    leader = cluster.node()
    prepare(leader, CLIENTS)
    follower = cluster.follower(leader)
    writers = [Writer(client, [leader]) for client in CLIENTS]
    for number in range(4):
        seq = leader.replication().get("seq", 0) + chance.randrange(200)
        wait(lambda seq=seq: leader.replication().get("seq", 0) >= seq)  # type: ignore[misc]
        if number % 2:
            leader.kill_server()
        else:
            leader.kill()
            leader.start()
    for writer in writers:
        writer.finish()
    cluster.level(leader, follower)
    check_documents(follower, writers)
    assert check_documents(leader, writers) > 0
    cluster.check()


def test_connection_cut_in_the_middle_of_entries_goes_on_there(cluster: Cluster) -> None:
    chance = random.Random(3)
    leader = cluster.node()
    prepare(leader, CLIENTS)
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy)
    cluster.level(leader, follower)
    before = [descriptor_count(node) for node in cluster.nodes]
    writers = [Writer(client, [leader], size=chance.choice([50, 5_000])) for client in CLIENTS]
    for _ in range(8):
        proxy.cut_after(chance.choice([1, 100, chance.randrange(1, 20_000)]))
        wait(lambda: proxy._left is None)
    for writer in writers:
        writer.finish()
    cluster.level(leader, follower)
    check_documents(follower, writers)
    for node, count in zip(cluster.nodes, before, strict=True):
        wait(lambda node=node, count=count: descriptor_count(node) <= count)  # type: ignore[misc]
    cluster.check()


def leader_of_a_short_log(cluster: Cluster) -> Node:
    """Start a leader with 12 MB of data, whose log no longer has its first entries."""
    leader = cluster.node("--retention-mb", "0")
    fill(leader, 12_000_000)
    write_much(leader)
    wait(lambda: leader.stats()["first_seq"] > 1)
    return leader


def test_snapshot_cut_in_the_middle_goes_on_there(cluster: Cluster) -> None:
    leader = leader_of_a_short_log(cluster)
    proxy = cluster.proxy(leader)
    proxy.cut_after(3_000_000)
    follower = cluster.follower(proxy)
    wait(lambda: proxy._left is None)
    proxy.cut_after(4_000_000)
    wait(lambda: proxy._left is None)
    follower.kill_server()  # and what it had not synced comes once more
    seq = cluster.level(leader, follower)
    assert follower.query("len(filled)", min_seq=seq) == 24
    assert "a snapshot of" in follower.told()
    cluster.check()


def test_follower_whose_first_snapshot_is_unfinished_serves_and_leads_nobody(cluster: Cluster) -> None:
    leader = leader_of_a_short_log(cluster)
    proxy = cluster.proxy(leader)
    proxy.cut_after(3_000_000)
    follower = cluster.follower(proxy)
    wait(lambda: proxy._left is None)
    proxy.part()
    follower.kill()
    follower.start()
    reply = follower.ask("query", source="1")
    assert reply.error is not None and reply.error.code == ErrorCode.UNAVAILABLE
    reply = follower.ask("promote")
    assert reply.error is not None and reply.error.code == ErrorCode.REPLICATION_REFUSED
    proxy.mend()
    cluster.level(leader, follower)
    cluster.check()


def test_stalled_follower_never_slows_the_leader_and_takes_a_snapshot_in_the_end(cluster: Cluster) -> None:
    leader = cluster.node("--retention-mb", "0")
    leader.value("n = 0")
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy)
    cluster.level(leader, follower)
    proxy.stall()
    write_much(leader)  # replies come though nobody takes what the leader sends
    wait(lambda: leader.stats()["first_seq"] > 2)
    assert leader.replication()["followers"][0]["lag_entries"] >= MANY
    proxy.flow()
    cluster.level(leader, follower)
    assert "take a snapshot" in leader.told()
    assert "taking a snapshot" in follower.told()
    cluster.check()


# --- strangers --------------------------------------------------------------------------------------------------------


def asked(leader: Node, **changes: Any) -> dict[str, Any]:
    """Return what a follower with an empty folder would ask."""
    runtime = leader.stats()["runtime"]
    return {
        "version": VERSION, "cluster": None, "node": "00" * 8, "seq": 0, "term": 0, "digest": "00" * 16,
        "runtime": runtime, "address": None, "snapshot": False,
    } | changes  # fmt: skip


def test_follower_of_another_version_is_told_so(cluster: Cluster) -> None:
    leader = cluster.node()
    for change, reason in (({"runtime": "cpython-3.9 sandbox-0"}, "runtime"), ({"version": VERSION + 1}, "version")):
        reply = leader.ask("follow", **asked(leader, **change))
        assert reply.error is not None and reply.error.code == ErrorCode.REPLICATION_REFUSED
        assert reply.error.data["reason"] == reason, reply.error


def test_follower_of_another_cluster_is_told_so_and_keeps_what_it_has(cluster: Cluster) -> None:
    leader, other = cluster.node(), cluster.node()
    leader.value("x = 1")
    cluster.follower(leader)
    cluster.level(*cluster.nodes[::2])
    other.value("y = 2")
    cluster.follower(other)  # so that it has a cluster
    wait(lambda: other.replication()["cluster"])
    other.kill()
    other.start("--follow", leader.address)
    wait(lambda: "belongs to" in str(other.replication().get("refused")), other.replication)
    assert "begin with an empty folder" in other.told()
    assert other.query("y") == 2
    assert leader.query("x") == 1


def test_folder_with_data_of_its_own_is_not_overwritten(cluster: Cluster) -> None:
    leader, other = cluster.node(), cluster.node()
    leader.value("x = 1")
    for _ in range(5):
        other.value("y = 2")
    other.kill()
    other.start("--follow", leader.address)
    wait(lambda: "data of its own" in str(other.replication().get("refused")), other.replication)
    other.kill()
    (other.folder / "replication.json").unlink()
    other.start("--durability", "always")
    assert other.query("y") == 2


def test_follower_with_a_longer_log_than_its_leader_keeps_it_and_may_lead(cluster: Cluster, tmp_path: Path) -> None:
    leader = cluster.node()
    leader.value("x = []")
    follower = cluster.follower(leader)
    cluster.level(leader, follower)
    leader.stop()
    shutil.copytree(leader.folder, tmp_path / "backup")
    leader.start()
    for number in range(10):
        leader.value("x.append(n)", n=number)
    cluster.level(leader, follower)
    leader.kill()
    shutil.rmtree(leader.folder)
    (tmp_path / "backup").rename(leader.folder)
    leader.start()
    wait(lambda: "objserver resync" in str(follower.replication().get("refused")), follower.replication)
    assert follower.query("x") == list(range(10))
    assert follower.ask("promote").error is None
    wait(lambda: follows(leader), leader.told)
    cluster.level(follower, leader)
    assert leader.query("x") == list(range(10))
    cluster.check()


def damage(folder: Path, share: float) -> None:
    """Change a byte of the log, in the middle of what it holds."""
    [path] = sorted((folder / "log").glob("*.log"))
    content = path.read_bytes().rstrip(b"\0")
    with path.open("r+b") as file:
        place = 4096 + int((len(content) - 4096) * share)
        file.seek(place)
        file.write(bytes([content[place] ^ 1]))


def test_follower_with_a_damaged_log_says_so_and_begins_anew_from_nothing(cluster: Cluster) -> None:
    leader = cluster.node("--checkpoint-seconds", "3600")
    for number in range(50):
        leader.value("x = n", n=number)
    follower = cluster.follower(leader)
    cluster.level(leader, follower)
    follower.kill()
    damage(follower.folder, 0.5)
    follower.start(wait=False)
    assert follower.wait_ended() == 1
    assert "offset" in follower.told() and str(follower.folder) in follower.told()
    shutil.rmtree(follower.folder)
    follower.start()
    cluster.level(leader, follower)
    assert follower.query("x") == 49
    cluster.check()


def test_leader_whose_old_entries_are_damaged_says_so_and_serves_on(cluster: Cluster) -> None:
    leader = cluster.node()
    for number in range(50):
        leader.value("x = n", n=number)
    wait(lambda: leader.stats()["checkpoints"] and not leader.stats()["checkpoint_running"])
    damage(leader.folder, 0.4)
    follower = cluster.follower(leader)
    wait(lambda: "can't be read" in follower.told(), follower.told)
    leader.value("x = -1")
    assert leader.query("x") == -1
    count = leader.stats()["checkpoints"]
    write_much(leader, 4)  # so that what comes next is not in the middle of that
    wait(lambda: leader.stats()["checkpoints"] > count and not leader.stats()["checkpoint_running"])
    follower.ask("resync")
    cluster.level(leader, follower)
    assert follower.query("x") == -1


# --- chains and promotions --------------------------------------------------------------------------------------------


def test_follower_of_a_follower_goes_on_when_that_one_is_killed(cluster: Cluster) -> None:
    leader = cluster.node()
    prepare(leader, CLIENTS)
    middle = cluster.follower(leader)
    last = cluster.follower(middle)
    writers = [Writer(client, [leader]) for client in CLIENTS]
    for _ in range(3):
        cluster.level(leader, last)
        middle.kill()
        middle.start()
    for writer in writers:
        writer.finish()
    cluster.level(leader, middle, last)
    assert last.replication()["leader"] == leader.address
    check_documents(last, writers)
    cluster.check()


def test_followers_of_each_other_find_the_leader_that_comes_back(cluster: Cluster) -> None:
    leader = cluster.node()
    leader.value("x = 1")
    one = cluster.follower(leader)
    two = cluster.follower(leader, one)
    one.kill()
    one.start("--follow", leader.address, "--follow", two.address)
    cluster.level(leader, one, two)
    for _ in range(2):
        leader.kill()
        # Each asks the other for entries, the second time.
        count = sum(node.told().count("not following") for node in (one, two))
        wait(lambda: sum(node.told().count("not following") for node in (one, two)) >= count + 2)  # noqa: B023
        leader.start()
        leader.value("x += 1")
        cluster.level(leader, one, two)
    assert one.query("x") == two.query("x") == 3
    cluster.check()


def test_promoted_end_of_a_chain_is_followed_by_all(cluster: Cluster) -> None:
    leader = cluster.node()
    middle = cluster.follower(leader)
    last = cluster.follower(middle)
    leader.value("x = 1")
    cluster.level(leader, middle, last)
    assert last.ask("promote").error is None
    wait(lambda: follows(leader), leader.told)
    last.value("x = 2")
    seq = cluster.level(last, leader, middle)
    assert middle.query("x", min_seq=seq) == leader.query("x", min_seq=seq) == 2
    cluster.check()


def test_promotion_under_load_loses_nothing_but_to_lost(cluster: Cluster) -> None:
    leader = cluster.node()
    prepare(leader, CLIENTS)
    follower = cluster.follower(leader)
    other = cluster.follower(leader, follower)
    writers = [Writer(client, [leader, follower]) for client in CLIENTS]
    cluster.level(leader, follower, other)
    assert follower.ask("promote").error is None
    wait(lambda: follows(leader), leader.told)
    seq = follower.stats()["seq"] + 100
    wait(lambda: follower.stats()["seq"] > seq)
    for writer in writers:
        writer.finish()
    cluster.level(follower, leader, other)
    lost = [*leader.lost(), *other.lost()]
    assert check_documents(follower, writers, lost) == check_documents(leader, writers, lost)
    cluster.check()


def test_old_leader_that_comes_back_keeps_what_the_new_history_lacks(cluster: Cluster) -> None:
    leader = cluster.node("--checkpoint-seconds", "3600")
    leader.value("x = []")
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy, leader)
    cluster.level(leader, follower)
    proxy.part()
    follower.kill()
    for number in range(20):
        leader.value("x.append(n)", n=number)
    leader.kill()
    follower.start()
    assert follower.ask("promote").error is None
    follower.value("x.append('new')")
    leader.start()
    wait(lambda: follows(leader), leader.told)
    cluster.level(follower, leader)
    assert leader.query("x") == ["new"]
    assert [args["n"] for args in leader.lost()] == list(range(20))
    assert "kept in" in leader.told()
    cluster.check()


def test_old_leader_with_a_checkpoint_beyond_the_common_entry_takes_a_snapshot(cluster: Cluster) -> None:
    leader = cluster.node()
    leader.value("x = []")
    follower = cluster.follower(leader)
    cluster.level(leader, follower)
    follower.kill()
    for number in range(20):
        leader.value("x.append(n)", n=number)
    leader.stop()  # with a checkpoint
    follower.start()
    assert follower.ask("promote").error is None
    follower.value("x.append('new')")
    leader.start()
    wait(lambda: follows(leader), leader.told)
    cluster.level(follower, leader)
    assert leader.query("x") == ["new"]
    assert [args["n"] for args in leader.lost()] == list(range(20))
    cluster.check()


def test_promotions_in_a_row_and_a_restart_with_the_old_command_line(cluster: Cluster) -> None:
    first = cluster.node()
    first.value("x = []")
    second = cluster.follower(first)
    for number, (old, new) in enumerate([(first, second), (second, first), (first, second)], 2):
        cluster.level(old, new)
        reply = new.ask("promote")
        assert reply.error is None and reply.value["term"] == number, reply
        new.value("x.append(n)", n=number)
        wait(lambda: follows(old), old.told)  # noqa: B023
        cluster.level(new, old)
    second.kill()
    second.start()  # told to follow the first one
    assert role(second) == "leader"
    second.value("x.append(0)")
    cluster.level(second, first)
    assert first.query("x") == [2, 3, 4, 0]
    cluster.check()


def test_leader_that_is_promoted_says_that_it_leads(cluster: Cluster) -> None:
    leader = cluster.node()
    for method in ("promote", "resync"):
        reply = leader.ask(method)
        assert reply.error is not None and reply.error.code == ErrorCode.REPLICATION_REFUSED


def test_promoted_node_heeds_no_term_of_another_cluster(cluster: Cluster) -> None:
    """On the port of its old leader somebody else may listen by now."""
    leader = cluster.node()
    leader.value("x = 1")
    follower = cluster.follower(leader)
    cluster.level(leader, follower)
    leader.kill()
    heard = threading.Semaphore(0)

    def refuse(listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                reader = FrameReader()
                bodies: list[bytes] = []
                while not bodies and (data := sock.recv(65536)):
                    bodies = reader.feed(data)
                for body in bodies:
                    id, method, _, _ = parse_request(body)
                    data = {"reason": "cluster", "term": 1000, "leader": "127.0.0.1:1"}  # type: ignore[assignment]
                    sock.sendall(encode_error(id, ErrorCode.REPLICATION_REFUSED, "another cluster", data))  # type: ignore[arg-type]
                    if method == "fence":
                        heard.release()

    with socket.create_server(("127.0.0.1", leader.port)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,), daemon=True)
        thread.start()
        assert follower.ask("promote").error is None
        assert heard.acquire(timeout=SECONDS_MAX) and heard.acquire(timeout=SECONDS_MAX)
        assert role(follower) == "leader"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


# --- what waits -------------------------------------------------------------------------------------------------------


def test_query_waits_for_what_it_wants_to_see_and_not_for_ever(cluster: Cluster) -> None:
    leader = cluster.node()
    leader.value("x = 1")
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy)
    cluster.level(leader, follower)
    proxy.stall()
    leader.value("x = 2")
    seq = leader.stats()["seq"]
    reply = follower.ask("query", source="x", min_seq=seq, wait_ms=200)
    assert reply.error is not None and reply.error.code == ErrorCode.BEHIND
    assert follower.query("x") == 1
    with follower.link() as link:
        link.send("query", source="x", min_seq=seq, wait_ms=60_000)
        link.send("query", source="x + 1")
        proxy.flow()
        assert [link.body() for _ in range(2)]
    assert follower.query("x", min_seq=seq) == 2


def test_client_that_vanishes_while_it_waits_is_forgotten(cluster: Cluster) -> None:
    leader = cluster.node()
    leader.value("x = 1")
    with leader.link() as link:
        link.send("query", source="x", min_seq=10_000, wait_ms=60_000)
        wait(lambda: leader.stats()["connections"] == 2)
        link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    wait(lambda: leader.stats()["connections"] == 1)


def test_replies_wait_for_a_replica_and_say_when_it_does_not_come(cluster: Cluster) -> None:
    leader = cluster.node("--sync-replicas", "1", "--sync-replicas-seconds", "1.5")
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy)
    wait(lambda: connected(leader) == 1)
    leader.value("x = 0")
    proxy.stall()
    with leader.link() as link:
        link.send("eval", source="x += 1")
        assert leader.stats()["seq"] == 2  # others are answered meanwhile
        proxy.flow()
        assert b'"error"' not in link.body()
    proxy.stall()
    reply = leader.ask("eval", source="x += 1")
    assert reply.error is not None and reply.error.code == ErrorCode.NOT_REPLICATED
    proxy.part()
    proxy.flow()
    codes = set()

    def refused() -> bool:
        reply = leader.ask("eval", source="x += 100")
        codes.add(reply.error and reply.error.code)
        return reply.error is not None and reply.error.code == ErrorCode.TOO_FEW_REPLICAS

    wait(refused)
    assert codes <= {ErrorCode.NOT_REPLICATED, ErrorCode.TOO_FEW_REPLICAS}
    seen = leader.query("x")
    proxy.mend()
    wait(lambda: leader.ask("eval", source="x").error is None and connected(leader) == 1)
    wait(lambda: leader.ask("eval", source="done = True").error is None)
    cluster.level(leader, follower)
    assert follower.query("x") == seen
    cluster.check()


def test_replica_that_comes_back_is_let_in_while_replies_wait_for_it(cluster: Cluster) -> None:
    leader = cluster.node("--sync-replicas", "1", "--sync-replicas-seconds", "50")
    proxy = cluster.proxy(leader)
    follower = cluster.follower(proxy)
    wait(lambda: connected(leader) == 1)
    proxy.part()
    wait(lambda: connected(leader) == 0)
    with leader.link() as link:
        link.send("eval", source="x = 1")
        wait(lambda: leader.stats()["seq"] == 1)
        proxy.mend()
        assert b'"error"' not in link.body()
    assert follower.query("x") == 1


def test_request_whose_reply_waits_is_not_run_again_when_its_client_reads(cluster: Cluster) -> None:
    leader = cluster.node("--sync-replicas", "1", "--sync-replicas-seconds", "50")
    proxy = cluster.proxy(leader)
    cluster.follower(proxy)
    wait(lambda: connected(leader) == 1)
    leader.value("count = 0")
    proxy.stall()
    with leader.link() as link:
        link.send("eval", source="'x' * 9_000_000")
        wait(lambda: leader.stats()["requests"] == 2)
        link.send("eval", source="count += 1")
        wait(lambda: leader.stats()["seq"] == 2)
        assert len(link.body()) > 9_000_000
        link.send("eval", source="count")
        leader.stats()
        proxy.flow()
        assert b'"error"' not in link.body()
        assert b'"value":1,' in link.body().replace(b" ", b"")


def test_requests_that_a_batch_did_not_come_to_run_when_its_replies_wait_for_a_replica(cluster: Cluster) -> None:
    leader = cluster.node("--sync-replicas", "1", "--sync-replicas-seconds", "50")
    cluster.follower(leader)
    wait(lambda: connected(leader) == 1)
    leader.value("count = 0")
    with ExitStack() as stack:
        links = [stack.enter_context(leader.link()) for _ in range(5)]
        for link in links:
            assert link.ask("ping").error is None
        for link in links:  # each takes longer than a batch may, and while one runs all others become ready
            link.send("eval", source="for _ in range(1_000_000): pass\ncount += 1")
        assert all(b'"error"' not in link.body() for link in links)
    assert leader.value("count") == len(links)


def test_acknowledged_writes_survive_the_leader_when_replies_wait_for_replicas(cluster: Cluster) -> None:
    leader = cluster.node("--sync-replicas", "1")
    followers = [cluster.follower(leader) for _ in range(2)]
    wait(lambda: connected(leader) == 2)
    prepare(leader, CLIENTS)
    writers = [Writer(client, [leader]) for client in CLIENTS]
    wait(lambda: leader.stats()["seq"] > 300)
    leader.kill()
    for writer in writers:
        writer.finish()
    heir = max(followers, key=lambda node: node.stats()["seq"])
    assert heir.ask("promote").error is None
    assert check_documents(heir, writers) > 100
    leader.start()
    wait(lambda: follows(leader), leader.told)
    cluster.level(heir, leader)
    check_documents(leader, writers)


def test_node_that_has_nothing_yet_says_so(cluster: Cluster) -> None:
    leader = cluster.node()
    proxy = cluster.proxy(leader)
    proxy.part()
    follower = cluster.follower(proxy)
    for method, params in (("query", {"source": "1"}), ("eval", {"source": "1"}), ("code", {"after": "", "count": 1})):
        reply = follower.ask(method, **params)
        assert reply.error is not None and reply.error.code == ErrorCode.UNAVAILABLE, method
    assert follower.ask("ping").error is None
    assert follower.ask("hello").error is None
    reply = follower.ask("promote")
    assert reply.error is not None and reply.error.code == ErrorCode.REPLICATION_REFUSED
    proxy.mend()
    wait(lambda: follower.ask("query", source="1").error is None)


def test_bytes_behind_a_request_to_follow_end_that_connection_alone(cluster: Cluster) -> None:
    leader = cluster.node()
    for behind in (b"\xff" * 8, b"\0\0\0\1A", b"\0\0\0\0", b"\0\0\0\5Axxxx", b"GET"):
        with leader.link() as link:
            link.send("follow", **asked(leader, node=behind.hex().ljust(16, "0")[:16]))
            link.sock.sendall(behind)
            if behind[0] != ord("G"):  # what could be the begin of a frame is waited for
                with pytest.raises(Gone):
                    while True:
                        link.body()
    assert leader.value("1 + 1") == 2
    assert len(leader.children()) == 1 and "server is back" not in leader.told()
