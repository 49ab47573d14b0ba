"""What is due for a folder before it is opened is done whole, wherever it is killed, and an engine goes on then."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import lmdb
import pytest

from objserver.engine import RUNTIME, Options
from objserver.engine.mark import Mark
from objserver.engine.verify import verify
from objserver.errors import DataDamaged
from objserver.log import EMPTY, Head, open_log
from objserver.replication import State, prepare
from objserver.replication.snapshot import Incoming, SnapshotSource, SnapshotTarget
from objserver.store import Snapshot, Store
from tests.engine.bench import Bench
from tests.killing import killed_at_each_step

OPTIONS = Options(segment_size=8192, retention_size=0)


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Bench]:
    """An engine with a checkpoint, and entries after it."""
    bench = Bench(tmp_path / "leader", OPTIONS)
    bench.eval("users = {}; total = 0")
    for number in range(300):
        bench.eval("users[n] = {'n': n, 'text': 'x' * n}; total += n", n=number)
    bench.engine.checkpoint()
    for number in range(5):
        bench.eval("users[n] = [n]", n=1000 + number)
    yield bench
    bench.kill()


def make_follower(folder: Path, *, entries: int = 40) -> Path:
    """A folder with data of its own, of several segments."""
    bench = Bench(folder, OPTIONS)
    bench.eval("other = []")
    for _ in range(entries):
        bench.eval("other.append('y' * 300)")
    bench.kill()
    State(cluster="0" * 16, role="follower", follow=["leader:1"], resync=True, diverged="it did").save(folder)
    return folder


def receive(leader: Bench, folder: Path) -> SnapshotSource:
    """Bring a snapshot of the leader to a folder's incoming/."""
    assert leader.engine._store is not None
    source = SnapshotSource(leader.engine._store.pin())
    target = SnapshotTarget(folder)
    target.begin(source.header())
    for offset in range(0, source.size, source.chunk_size):
        target.take(source.chunk(offset))
    target.finish(source.header())
    source.close()
    return source


def records(folder: Path) -> dict[bytes, bytes | None]:
    with Snapshot(folder / "heap") as found:
        return dict(found.walk())


def check_installed(leader: Bench, folder: Path, source: SnapshotSource, expected: dict[bytes, bytes | None]) -> None:
    """The folder is sound, as of the snapshot, and follows the leader from there on to the same heap."""
    assert not (folder / "incoming").exists()
    assert State.load(folder) == State(cluster="0" * 16, role="follower", follow=["leader:1"])
    report = verify(folder)
    assert report.sound, report.findings.kept
    assert report.seq == report.log["last_seq"] == source.head.seq
    assert records(folder) == expected
    with closing(open_log(folder / "log", runtime=RUNTIME)) as log:
        assert log.head() == source.head and log.notes == []
    bench = Bench(folder, OPTIONS)
    assert bench.query("(len(users), total)") == (300, 44850)
    assert leader.engine._log is not None and bench.engine._log is not None
    bench.engine.following = True
    for entry in leader.engine._log.read(source.head.seq + 1, 1 << 30):
        bench.engine.apply(entry)
    bench.engine.sync()
    assert bench.engine._log.head() == leader.engine._log.head()
    assert bench.query("(len(users), users[1004])") == (305, [1004])
    bench.reopen()
    assert bench.query("(len(users), users[1004])") == (305, [1004])
    bench.kill()
    report = verify(folder)
    assert report.sound, report.findings.kept


def run(folder: Path) -> list[str]:
    return prepare(folder, State.load(folder))


@pytest.mark.parametrize("with_data", [True, False])
def test_snapshot_replaces_what_the_folder_had(tmp_path: Path, leader: Bench, with_data: bool) -> None:
    folder = tmp_path / "follower"
    if with_data:
        make_follower(folder)
    else:
        folder.mkdir()
        State(cluster="0" * 16, role="follower", follow=["leader:1"]).save(folder)
    assert leader.engine._store is not None
    expected = dict(leader.engine._store.scan(b"", b"\xff" * 17, 1_000_000))
    source = receive(leader, folder)
    (note,) = run(folder)
    assert f"was installed, as of entry {source.head.seq}" in note
    check_installed(leader, folder, source, expected)
    assert run(folder) == []


def test_installation_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path, leader: Bench) -> None:
    folder = make_follower(tmp_path / "follower")
    (folder / "log" / "cut-7-1.bin").write_bytes(b"kept")
    assert leader.engine._store is not None
    expected = dict(leader.engine._store.scan(b"", b"\xff" * 17, 1_000_000))
    source = receive(leader, folder)
    old = records(folder)
    steps = set()
    for number, copy in enumerate(killed_at_each_step(folder, run)):
        found = Incoming.load(copy)
        steps.add(found.step if found is not None else None)
        if found is not None and found.step == "received":
            assert records(copy) == old and verify(copy).sound
        run(copy)
        run(copy)
        assert [path.read_bytes() for path in (copy / "lost").iterdir()] == [b"kept"]
        assert verify(copy).sound
        if number % 5 == 0 or found is None:
            check_installed(leader, copy, source, expected)
        shutil.rmtree(copy)
    assert steps == {"received", "verified", None}


def test_leader_keeps_the_log_behind_what_is_pinned(leader: Bench) -> None:
    engine = leader.engine
    assert engine._store is not None and engine._log is not None
    pinned = [engine._store.pin()]
    seq = engine._log.head().seq
    for number in range(40):
        leader.eval("users[n] = 'z' * 1000", n=2000 + number)
        engine.checkpoint()
        if number == 10:
            pinned.append(engine._store.pin())
            later_seq = engine._log.head().seq
    assert engine._log.first_seq <= seq < later_seq
    pinned[0].close()
    leader.eval("users[0] = 0")
    engine.checkpoint()
    assert seq < engine._log.first_seq <= later_seq
    pinned[1].close()
    leader.eval("users[0] = 1")
    engine.checkpoint()
    assert engine._log.first_seq > later_seq


def test_snapshot_of_an_empty_leader(tmp_path: Path) -> None:
    store = Store(tmp_path / "leader" / "heap")
    folder = make_follower(tmp_path / "follower")
    source = SnapshotSource(store.pin())
    target = SnapshotTarget(folder)
    target.begin(source.header())
    target.take(source.chunk(0))
    target.finish(source.header())
    store.close()
    run(folder)
    with closing(open_log(folder / "log", runtime=RUNTIME)) as log:
        assert log.head() == EMPTY
    bench = Bench(folder, OPTIONS)
    assert bench.engine.seq == 0 and bench.eval("x = 1; x") == 1
    bench.end()


def test_part_of_a_snapshot_stays_for_a_follower_and_goes_when_it_leads(tmp_path: Path, leader: Bench) -> None:
    folder = make_follower(tmp_path / "follower")
    assert leader.engine._store is not None
    source = SnapshotSource(leader.engine._store.pin())
    target = SnapshotTarget(folder)
    target.begin(source.header())
    target.close()
    assert run(folder) == []
    assert SnapshotTarget(folder).resumption() == {"id": source.id, "offset": 0}
    target.begin(source.header())
    for offset in range(0, source.size, source.chunk_size):
        target.take(source.chunk(offset))
    target.finish(source.header())
    old = records(folder)
    (note,) = prepare(folder, State(role="leader"))
    assert "is removed, since this node leads" in note
    assert not (folder / "incoming").exists() and records(folder) == old
    source.close()


def test_what_nothing_says_of_is_removed(tmp_path: Path) -> None:
    folder = make_follower(tmp_path / "follower")
    (folder / "incoming").mkdir()
    (folder / "incoming" / "data.mdb").write_bytes(b"x")
    assert run(folder) == [] and not (folder / "incoming").exists()


def spoil(folder: Path, key: bytes | None) -> None:
    with lmdb.open(str(folder / "incoming"), max_dbs=2) as env, env.begin(write=True) as txn:
        if key is None:
            txn.put(b"checkpoint", Mark(Head(3, 1, bytes(16), 0), 1, "r").pack(), db=env.open_db(b"meta", txn=txn))
        else:
            txn.put(key, b"no record", db=env.open_db(b"records", txn=txn))


@pytest.mark.parametrize(
    ("key", "told"), [(bytes(8), "record 0000000000000000 does not match"), (None, "checkpoint of entry 3,")]
)
def test_snapshot_that_is_not_sound_is_not_installed(
    tmp_path: Path, leader: Bench, key: bytes | None, told: str
) -> None:
    folder = make_follower(tmp_path / "follower")
    receive(leader, folder)
    old = records(folder)
    spoil(folder, key)
    for _ in range(2):
        with pytest.raises(DataDamaged, match=f"{told}.*remove the folder .*incoming and start again.*verify"):
            run(folder)
    assert records(folder) == old
    shutil.rmtree(folder / "incoming")
    assert run(folder) == []
    Bench(folder, OPTIONS).end()


def entry_digests(folder: Path) -> list[bytes]:
    with closing(open_log(folder / "log", runtime=RUNTIME)) as log:
        return [EMPTY.digest, *(entry.digest for entry in log.entries(1))]


def test_rewind_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    folder = make_follower(tmp_path / "follower")
    digests = entry_digests(folder)
    state = State.load(folder)
    state.rewind, state.resync = (10, digests[10]), False
    state.save(folder)
    for copy in killed_at_each_step(folder, run):
        run(copy)
        state = State.load(copy)
        assert (state.rewind, state.resync, run(copy)) == (None, False, [])
        assert entry_digests(copy) == digests[:11]
        report = verify(copy)
        assert report.sound, report.findings.kept
        shutil.rmtree(copy)
    notes = run(folder)
    assert notes and all("entries from" in note and "lie in cut-" in note for note in notes)
    bench = Bench(folder, OPTIONS)
    assert bench.query("len(other)") == 9
    bench.end()


def test_rewind_behind_the_checkpoint_wants_a_snapshot(tmp_path: Path, leader: Bench) -> None:
    leader.engine.close()
    folder = leader.folder
    before = {path.name: path.read_bytes() for path in (folder / "log").iterdir()}
    for rewind in ((100, bytes(16)), (leader.engine.seq, bytes(16)), (leader.engine.seq + 1, bytes(16))):
        state = State(role="follower", rewind=rewind)
        (note,) = prepare(folder, state)
        assert f"can't go back to entry {rewind[0]}, a snapshot is needed: " in note
        assert state == State.load(folder) == State(role="follower", resync=True)
    assert {path.name: path.read_bytes() for path in (folder / "log").iterdir()} == before


def test_folder_that_leads_alone_is_left_as_it_is(tmp_path: Path, leader: Bench) -> None:
    leader.engine.close()
    before = sorted(os.listdir(leader.folder))
    assert prepare(leader.folder, State()) == []
    assert prepare(tmp_path / "new", State()) == []
    assert sorted(os.listdir(leader.folder)) == before and not (tmp_path / "new").exists()
