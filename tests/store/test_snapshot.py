"""A second process looks at a store, which its owner goes on writing."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import lmdb
import pytest

from objserver.errors import DataDamaged
from objserver.store import Snapshot, Store

KEYS = [number.to_bytes(8, "big") for number in range(100)]


def write(store: Store, record: bytes) -> None:
    with store.writer() as writer:
        writer.put((key, record) for key in KEYS)
        writer.commit(record)


def read(folder: Path, answers: multiprocessing.Queue[object], go_on: multiprocessing.Queue[object]) -> None:
    with Snapshot(folder) as snapshot:
        answers.put(snapshot.checkpoint_mark)
        go_on.get()
        answers.put([snapshot.get(KEYS[5]), snapshot.get(b"none"), dict(snapshot.walk()), snapshot.count])
        go_on.get()


def test_snapshot_stays_what_it_was_and_a_killed_one_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, b"old")
    context = multiprocessing.get_context("spawn")
    answers, go_on = context.Queue(), context.Queue()
    reader = context.Process(target=read, args=(tmp_path, answers, go_on))
    reader.start()
    assert answers.get(timeout=60) == b"old"
    for _ in range(3):
        write(store, b"new")
    go_on.put(None)
    assert answers.get(timeout=60) == [b"old", None, dict.fromkeys(KEYS, b"old"), len(KEYS)]
    assert "(no active readers)" not in store._env.readers()
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    reader.join()
    write(store, b"newer")
    assert "(no active readers)" in store._env.readers()
    store.close()


def test_walk_tells_of_a_wrong_checksum_and_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, b"record")
    store.close()
    with lmdb.open(str(tmp_path), max_dbs=2) as env, env.begin(write=True, db=env.open_db(b"records")) as txn:
        txn.put(KEYS[3], b"record1234")
    with Snapshot(tmp_path) as snapshot:
        assert [key for key, record in snapshot.walk() if record is None] == [KEYS[3]]
        assert dict(snapshot.walk(KEYS[2], KEYS[5])) == {KEYS[2]: b"record", KEYS[3]: None, KEYS[4]: b"record"}
        assert snapshot.get(KEYS[3]) is None


def test_snapshot_of_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match="is missing"):
        Snapshot(tmp_path / "heap")
    assert not any(tmp_path.iterdir())
