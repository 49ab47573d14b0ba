"""A snapshot comes over whole, wherever it is cut off, and what is none of it is refused."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.engine.mark import Mark
from objserver.errors import BadRequest, Compacted, DataDamaged, RuntimeMismatch, StorageFailed
from objserver.log import EMPTY, Head
from objserver.replication import snapshot
from objserver.replication.feed import Feed, Recent
from objserver.replication.link import Link
from objserver.replication.messages import DONE, HEARTBEAT, VERSION, FollowRequest
from objserver.replication.snapshot import (
    CHUNK_SIZE,
    GRACE_SECONDS,
    GRACE_SECONDS_PER_BYTE,
    Incoming,
    SnapshotSource,
    SnapshotTarget,
)
from objserver.store import Snapshot, Store
from objserver.wire import FrameReader
from tests.killing import killed_at_each_step

HEAD = Head(500, 3, b"h" * 16, 1_700_000_000_000_000_000)


def write(store: Store, number: int, size: int, head: Head = HEAD) -> None:
    """Commit some records of `size` bytes in all, with a mark."""
    with store.writer() as writer:
        for start in range(0, size, 50_000):
            writer.put([((number * 100_000 + start).to_bytes(8, "big"), bytes([number % 256, start % 251]) * 25_000)])
        writer.commit(Mark(head, 7, "r").pack())


def leader(folder: Path, size: int = 3_500_000) -> tuple[Store, SnapshotSource]:
    store = Store(folder / "leader" / "heap")
    write(store, 1, size)
    return store, SnapshotSource(store.pin())


def follower(folder: Path) -> Path:
    (folder / "follower").mkdir(exist_ok=True)
    return folder / "follower"


def pages(source: SnapshotSource) -> bytes:
    return b"".join(source.chunk(offset)[13:] for offset in range(0, source.size, source.chunk_size))


def send(source: SnapshotSource, target: SnapshotTarget, upto: int | None = None) -> None:
    """Send pieces from where the target is, up to the one that holds `upto`, or all and the end."""
    offset = source.resume(target.resumption() or {})
    target.begin(json.loads(json.dumps({**source.header(), "offset": offset})))
    while offset < (source.size if upto is None else upto):
        target.take(source.chunk(offset))
        offset = min(offset + source.chunk_size, source.size)
        assert target.progress == (offset, source.size)
    if upto is None:
        target.finish(source.header())


def check_received(folder: Path, source: SnapshotSource, expected: dict[bytes, bytes | None] | None = None) -> None:
    """What came is what was pinned: its records, and, when nothing was committed since, byte for byte."""
    assert Incoming.load(folder) == Incoming(source.id, source.size, source.head, source.size, "received")
    if expected is None:
        assert (folder / "incoming" / "data.mdb").read_bytes() == pages(source)
    with Snapshot(folder / "incoming") as found:
        records = dict(found.walk())
    assert records == expected if expected is not None else None not in records.values()


def holds(store: Store) -> dict[bytes, bytes | None]:
    return dict(store.scan(b"", b"\xff" * 17, 1_000_000))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), sync_count=st.integers(1, 4))
def test_snapshot_comes_over_wherever_it_is_cut_off(data: st.DataObject, sync_count: int) -> None:
    """Connections break, and the follower's process ends; the leader commits meanwhile."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "SYNC_SIZE", sync_count * CHUNK_SIZE)
        store, source = leader(Path(name), data.draw(st.sampled_from([0, 100_000, 3_500_000, 5_000_000])))
        folder = follower(Path(name))
        expected = holds(store)
        target = SnapshotTarget(folder)
        assert (target.resumption(), target.progress) == (None, (0, 0))
        for number in range(data.draw(st.integers(0, 5))):
            send(source, target, data.draw(st.integers(0, source.size)))
            done = target.progress[0]
            write(store, number + 2, 300_000, HEAD._replace(seq=600 + number))
            if data.draw(st.booleans(), label="killed"):
                target.close()
                target = SnapshotTarget(folder)
                assert done - sync_count * CHUNK_SIZE < target.progress[0] <= done
            assert target.resumption() == {"id": source.id, "offset": target.progress[0]}
        send(source, target)
        check_received(folder, source, expected)
        assert target.progress == (source.size, source.size)
        source.close()
        store.close()


def test_leader_without_a_checkpoint_has_an_empty_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    source = SnapshotSource(store.pin())
    assert source.head == EMPTY
    send(source, SnapshotTarget(follower(tmp_path)))
    check_received(tmp_path / "follower", source)
    store.close()


def test_another_snapshot_starts_over(tmp_path: Path) -> None:
    store, first = leader(tmp_path)
    folder = follower(tmp_path)
    expected = holds(store)
    target = SnapshotTarget(folder)
    send(first, target, CHUNK_SIZE + 1)
    assert target.progress[0] == 2 * CHUNK_SIZE
    write(store, 2, 200_000, HEAD._replace(seq=501))
    second = SnapshotSource(store.pin())
    assert second.id != first.id and second.resume(target.resumption() or {}) == 0
    send(second, target)
    check_received(folder, second)
    # The same commit pinned again is another one too: on a follower that leads now it may lie in other pages.
    third = SnapshotSource(store.pin())
    assert (third.head, third.size) == (second.head, second.size) and third.id != second.id
    send(first, target)
    check_received(folder, first, expected)
    store.close()


def test_source_is_kept_for_a_while_after_it_was_left(tmp_path: Path) -> None:
    store, source = leader(tmp_path)
    assert not source.is_over(10**9)
    source.left_at = 1000.0
    grace = GRACE_SECONDS + source.size * GRACE_SECONDS_PER_BYTE
    assert not source.is_over(1000.0 + grace)
    assert source.is_over(1000.1 + grace)
    assert source.resume({"id": source.id, "offset": CHUNK_SIZE}) == CHUNK_SIZE
    assert not source.is_over(10**9)
    write(store, 2, 1000)
    store.grow()
    assert source.is_over(0.0)
    with pytest.raises(Compacted):
        source.chunk(0)
    source.close()
    store.close()


@pytest.mark.parametrize("wanted", [{}, {"id": "x", "offset": 1}, {"offset": 4096}, {"id": []}])
def test_what_is_wanted_of_another_source_begins_at_0(tmp_path: Path, wanted: dict[str, Any]) -> None:
    store, source = leader(tmp_path, 1000)
    assert source.resume(wanted) == 0
    for offset in (-1, source.size + 1, "1", None, True, 1.5):
        assert source.resume({"id": source.id, "offset": offset}) == 0
    store.close()


def change(body: bytes, place: int) -> bytes:
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def piece(offset: int, content: bytes) -> bytes:
    return b"S" + offset.to_bytes(8, "big") + crc32c(content).to_bytes(4, "big") + content


WRONG_PIECES: dict[str, Callable[[SnapshotSource], bytes]] = {
    "empty": lambda source: b"S",
    "no content": lambda source: source.chunk(CHUNK_SIZE)[:13],
    "flipped": lambda source: change(source.chunk(CHUNK_SIZE), 5000),
    "flipped crc": lambda source: change(source.chunk(CHUNK_SIZE), 9),
    "flipped offset": lambda source: change(source.chunk(CHUNK_SIZE), 8),
    "cut": lambda source: source.chunk(CHUNK_SIZE)[:-1],
    "again": lambda source: source.chunk(0),
    "later": lambda source: source.chunk(2 * CHUNK_SIZE),
    "too long": lambda source: piece(CHUNK_SIZE, bytes(source.size)),
}


@pytest.mark.parametrize("name", WRONG_PIECES)
def test_piece_that_is_not_the_next_one_is_refused(tmp_path: Path, name: str) -> None:
    store, source = leader(tmp_path)
    target = SnapshotTarget(follower(tmp_path))
    send(source, target, CHUNK_SIZE)
    with pytest.raises(BadRequest, match=r"piece"):
        target.take(WRONG_PIECES[name](source))
    assert target.progress[0] == CHUNK_SIZE
    send(source, target)
    check_received(tmp_path / "follower", source)
    store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None}, {"id": 5}, {"id": "x" * 101}, {"size": 0}, {"size": -4096}, {"size": 4097}, {"size": "4096"},
        {"size": 1 << 60}, {"size": True}, {"seq": -1}, {"seq": 1 << 64}, {"term": None}, {"time_ns": 1.5},
        {"digest": "zz"}, {"digest": "00"}, {"digest": None}, {"offset": 4096}, {"offset": -1}, {"offset": "1"},
    ],
)  # fmt: skip
def test_header_that_is_none_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    store, source = leader(tmp_path)
    target = SnapshotTarget(follower(tmp_path))
    with pytest.raises(BadRequest):
        target.begin({**source.header(), **wrong})
    with pytest.raises(BadRequest):
        target.begin({})
    send(source, target, CHUNK_SIZE)
    with pytest.raises(BadRequest):
        target.begin({**source.header(), "offset": CHUNK_SIZE, **wrong})
    assert target.progress[0] == CHUNK_SIZE
    send(source, target)
    store.close()


def test_nothing_is_taken_or_ended_that_was_not_begun(tmp_path: Path) -> None:
    store, source = leader(tmp_path)
    target = SnapshotTarget(follower(tmp_path))
    with pytest.raises(BadRequest, match="not begun"):
        target.take(source.chunk(0))
    with pytest.raises(BadRequest, match="not begun"):
        target.finish(source.header())
    send(source, target, CHUNK_SIZE)
    with pytest.raises(BadRequest, match=f"ends at offset {CHUNK_SIZE} of {source.size}"):
        target.finish(source.header())
    with pytest.raises(BadRequest, match="not begun"):
        target.finish({**source.header(), "id": "other"})
    target = SnapshotTarget(tmp_path / "follower")
    with pytest.raises(BadRequest, match="not begun"):
        target.take(source.chunk(CHUNK_SIZE))
    store.close()


def test_snapshot_of_another_entry_than_it_was_said_to_be_of_is_damage(tmp_path: Path) -> None:
    store, source = leader(tmp_path)
    source.head = HEAD._replace(seq=501)
    target = SnapshotTarget(follower(tmp_path))
    with pytest.raises(DataDamaged, match="is a checkpoint of entry 500, said to be of 501"):
        send(source, target)
    found = Incoming.load(tmp_path / "follower")
    assert found is not None and found.step == "receiving"
    store.close()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 1, "id": "x", "size": 4096}', b"\xff", b"[" * 100_000]
)
def test_state_that_is_damaged_says_what_to_remove(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "state.json").write_bytes(content)
    with pytest.raises(DataDamaged, match="remove the folder .*incoming and start again"):
        SnapshotTarget(tmp_path)
    (tmp_path / "incoming" / "state.json").write_text('{"format": 2}')
    with pytest.raises(RuntimeMismatch, match="has format 2, not 1"):
        SnapshotTarget(tmp_path)


def receive(folder: Path, header: dict[str, Any], bodies: list[bytes]) -> None:
    snapshot.SYNC_SIZE = CHUNK_SIZE  # type: ignore[misc]
    target = SnapshotTarget(folder)
    wanted = target.resumption() or {}
    offset = wanted["offset"] if wanted.get("id") == header["id"] else 0
    target.begin({**header, "offset": offset})
    for body in bodies[offset // CHUNK_SIZE :]:
        target.take(body)
    target.finish(header)


def test_follower_that_is_killed_at_any_step_goes_on_from_what_is_on_its_disk(tmp_path: Path) -> None:
    store, source = leader(tmp_path)
    bodies = [source.chunk(offset) for offset in range(0, source.size, CHUNK_SIZE)]
    old, other = SnapshotTarget(follower(tmp_path)), SnapshotSource(store.pin())
    send(other, old, CHUNK_SIZE)  # a part of another one lies there
    old.close()
    offsets = set()
    for folder in killed_at_each_step(tmp_path / "follower", receive, source.header(), bodies):
        target = SnapshotTarget(folder)
        found = target.resumption()
        if found is not None and found["id"] == source.id:
            offsets.add(found["offset"])
            assert pages(source).startswith((folder / "incoming" / "data.mdb").read_bytes()[: found["offset"]])
        send(source, target)
        check_received(folder, source)
    assert offsets >= {0, CHUNK_SIZE, 2 * CHUNK_SIZE, source.size}
    store.close()


RECEIVER = """
import pickle, sys
from pathlib import Path
from objserver.replication.snapshot import SnapshotTarget
target = SnapshotTarget(Path(sys.argv[1]))
while True:
    name, argument = pickle.load(sys.stdin.buffer)
    getattr(target, name)(argument)
    print(target.progress[0], flush=True)
"""


def test_follower_that_is_killed_while_pieces_come_goes_on(tmp_path: Path) -> None:
    """kill -9 of a process that gets them through a pipe, with pieces on their way."""
    store, source = leader(tmp_path, 40_000_000)
    folder = follower(tmp_path)
    for count in (3, 17, 33):
        process = subprocess.Popen(
            [sys.executable, "-c", RECEIVER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None and process.stdout is not None
        offset = SnapshotTarget(folder).progress[0]
        pickle.dump(("begin", {**source.header(), "offset": offset}), process.stdin)
        process.stdin.flush()
        assert int(process.stdout.readline()) == offset
        for number in range(count):
            pickle.dump(("take", source.chunk(offset + number * CHUNK_SIZE)), process.stdin)
            process.stdin.flush()
            if number < count - 1:
                assert int(process.stdout.readline()) == offset + (number + 1) * CHUNK_SIZE
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with pytest.raises(BrokenPipeError):
            process.stdin.write(b"x")
            process.stdin.close()
    target = SnapshotTarget(folder)
    assert target.progress[0] == 32 * CHUNK_SIZE
    send(source, target)
    check_received(folder, source)
    store.close()


def test_disk_without_room_is_told_at_the_beginning(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for the disk: the kernel refuses to let the file grow, as it does when a disk is full."""
    script = f"""
import resource, signal
from pathlib import Path
from objserver.errors import StorageFailed
from objserver.replication.snapshot import SnapshotTarget
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
target = SnapshotTarget(Path({str(tmp_path)!r}))
try:
    target.begin(dict(id="x", size=4096 * 1000, seq=1, term=1, digest="00" * 16, time_ns=0))
except StorageFailed as error:
    print(error, target.resumption())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "data.mdb: can't make room for 3.9 MiB" in done.stdout and done.stdout.endswith("None\n")
    assert (tmp_path / "incoming" / "data.mdb").stat().st_size == 0
    assert SnapshotTarget(tmp_path).resumption() is None


def test_disk_that_refuses_a_piece_is_a_storage_failure(tmp_path: Path) -> None:
    store, source = leader(tmp_path)
    target = SnapshotTarget(follower(tmp_path))
    send(source, target, CHUNK_SIZE)
    os.close(target._descriptor)
    with pytest.raises(StorageFailed, match="can't write"):
        target.take(source.chunk(CHUNK_SIZE))
    target._descriptor = -1
    store.close()


def test_neither_side_takes_memory_for_what_it_sends_and_takes(tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from objserver.replication.snapshot import SnapshotSource, SnapshotTarget
from objserver.store import Store
folder = Path({str(tmp_path)!r})
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
store = Store(folder / "leader")
source, target = SnapshotSource(store.pin()), SnapshotTarget(folder)
target.begin(source.header())
before, most = resident(), 0
for offset in range(0, source.size, source.chunk_size):
    target.take(source.chunk(offset))
    most = max(most, resident() - before)
target.finish(source.header())
print(source.size, max(most, resident() - before))
"""
    store = Store(tmp_path / "leader")
    write(store, 1, 100_000_000)
    store.close()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    size, most = map(int, done.stdout.split())
    assert size > 100_000_000
    assert most < 10_000_000


def test_follower_that_has_all_but_the_end_is_told_the_end(tmp_path: Path) -> None:
    """The connection may break, or the follower die, between the last piece and the frame behind it."""
    store, source = leader(tmp_path)
    engine = SimpleNamespace(seq=500, durable_seq=500, term=3, log=None)
    request = FollowRequest(
        version=VERSION, cluster=None, node="n", seq=0, term=0, digest="", runtime="r", address=None, snapshot=True
    )
    near, far = socket.socketpair()
    feed = Feed(
        Link(near), request, cast(Any, engine), Recent(), source, source.size, lambda: (None, 0.0), time.monotonic()
    )
    with far:
        feed.pump(time.monotonic())
        feed.pump(time.monotonic())
        kinds = [body[0] for body in FrameReader().feed(far.recv(65536))]
        feed.link.close()
    assert kinds == [DONE, HEARTBEAT]
    source.close()
    store.close()
