"""The pages of a pinned commit, read piece by piece while others are written, are a file of LMDB that holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import Compacted, DataDamaged
from objserver.store import Pinned, Snapshot, Store, environment


def write(store: Store, records: dict[bytes, bytes | None], mark: bytes = b"mark") -> None:
    with store.writer() as writer:
        writer.put(records.items())
        writer.commit(mark)


def some(number: int, count: int = 200) -> dict[bytes, bytes | None]:
    """Records of all sizes, some below a page, some above, in a place that depends on the number."""
    return {
        (number * 7919 % 1000 + each).to_bytes(8, "big"): bytes([number % 256]) * (each * number % 997 * (each % 9))
        for each in range(count)
    }


def held(folder: Path) -> tuple[bytes | None, dict[bytes, bytes | None]]:
    with Snapshot(folder) as snapshot:
        return snapshot.checkpoint_mark, dict(snapshot.walk())


def holds(store: Store) -> tuple[bytes | None, dict[bytes, bytes | None]]:
    with store._env.begin(db=store._records) as txn:
        return store.checkpoint_mark(), {key: stored[:-4] for key, stored in txn.cursor()}


def put_together(folder: Path, pieces: list[bytes]) -> Path:
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"".join(pieces))
    return folder


SIZES = st.lists(st.sampled_from([1, 8, 151, 4096, 5000, 8192, 12289, 1 << 20]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(before=st.integers(0, 4), sizes=SIZES, deleted=st.booleans())
def test_copy_holds_the_pinned_commit_while_others_follow(before: int, sizes: list[int], deleted: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(folder / "heap")
        for number in range(before):
            write(store, some(number), b"%d" % number)
        if deleted and before:
            write(store, dict.fromkeys(some(before - 1, 100)), b"deleted")
        expected = holds(store)
        pieces: list[bytes] = []
        with store.pin() as pinned:
            assert pinned.mark == expected[0]
            assert pinned.size == store.statistics()["used_size"]
            done = 0
            while done < pinned.size:
                pieces.append(pinned.read(done, sizes[len(pieces) % len(sizes)] + done // 20))
                done += len(pieces[-1])
                write(store, some(len(pieces) + 10), b"later")
                store.get(bytes(8))
            assert done == pinned.size and pinned.read(done, 100) == pinned.read(done + 5000, 1) == b""
        copy = put_together(folder / "copy", pieces)
        assert held(copy) == expected
        assert holds(store)[0] == b"later"
        # The copy is as good as any: LMDB's own copy of it holds the same, and it takes commits.
        with lmdb.open(str(copy), max_dbs=2) as env:
            (folder / "again").mkdir()
            env.copy(str(folder / "again"))
        assert held(folder / "again") == expected
        records = dict(expected[1])
        for number in range(3):
            follower = Store(copy)
            write(follower, some(number + 50), b"%d" % number)
            follower.close()
            records |= some(number + 50)
            assert held(copy) == (b"%d" % number, records)
        store.close()


def test_copy_is_byte_for_byte_what_lmdb_copies(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    for number in range(4):
        write(store, some(number))
        with store.pin() as pinned:
            content = pinned.read(0, pinned.size)
        (tmp_path / f"{number}").mkdir()
        store._env.copy(str(tmp_path / f"{number}"))
        copied = (tmp_path / f"{number}" / "data.mdb").read_bytes()
        assert len(copied) == pinned.size
        assert content[2 * 4096 :] == copied[2 * 4096 :]
        at = pinned.id % 2 * 4096
        assert content[at : at + 152] == copied[at : at + 152]
        assert content[8 : 4096] == content[4096 + 8 : 8192] and content[:8] == bytes(8) != content[4096 : 4104]
    store.close()


def test_pages_are_read_while_another_thread_commits(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    write(store, some(1))
    for number in range(10):
        thread = Thread(target=lambda: [write(store, some(each), b"%d" % each) for each in range(20)])
        thread.start()
        pieces = []
        with store.pin() as pinned:
            for offset in range(0, pinned.size, 10_000):
                pieces.append(pinned.read(offset, 10_000))
        thread.join()
        mark, records = held(put_together(tmp_path / f"{number}", pieces))
        assert mark == pinned.mark and None not in records.values()
    store.close()


def test_several_pins_are_each_a_commit_of_their_own(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    pins: list[tuple[Pinned, object]] = []
    for number in range(6):
        write(store, some(number), b"%d" % number)
        pins.append((store.pin(), holds(store)))
    for number, (pinned, expected) in enumerate(pins):
        assert held(put_together(tmp_path / f"{number}", [pinned.read(0, pinned.size)])) == expected
        pinned.close()
        pinned.close()
    with pytest.raises(ValueError, match="not pinned any more"):
        pinned.read(0, 1)
    store.close()


def test_pages_are_used_again_when_nothing_is_pinned(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    for _ in range(30):
        write(store, some(3))
    size = store.statistics()["used_size"]
    with store.pin():
        for _ in range(30):
            write(store, some(3))
        grown = store.statistics()["used_size"]
    for _ in range(60):
        write(store, some(3))
    assert grown > 2 * size
    assert store.statistics()["used_size"] < 1.1 * grown
    store.close()


def test_pages_stay_when_the_map_grows_if_no_commit_came_since(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    write(store, some(1), b"1")
    old = store.pin()
    write(store, some(2), b"2")
    expected = holds(store)
    last = store.pin()
    store.grow()
    store.grow()
    for number in range(5):
        write(store, some(number + 5))
    assert held(put_together(tmp_path / "copy", [last.read(0, last.size)])) == expected
    with pytest.raises(Compacted, match="commit .* are not kept any more; begin with a new snapshot"):
        old.read(0, 1)
    old.close()
    store.close()
    with pytest.raises(ValueError, match="not pinned any more"):
        last.read(0, 1)


def test_environment_is_not_closed_for_memory_while_something_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "MAPPED_SIZE_MAX", 0)
    store = Store(tmp_path / "heap")
    write(store, some(1))
    with store.pin() as pinned:
        expected = holds(store)
        env = store._env
        for number in range(1000):
            write(store, some(2, 2))
            store.get(number.to_bytes(8, "big"))
        assert store._env is env
        assert held(put_together(tmp_path / "copy", [pinned.read(0, pinned.size)])) == expected
    for _ in range(1000):
        store.get(bytes(8))
    assert store._env is not env
    store.close()


def test_file_that_is_cut_is_damage(tmp_path: Path) -> None:
    store = Store(tmp_path / "heap")
    write(store, some(1))
    with store.pin() as pinned:
        os.truncate(store.path, pinned.size - 4096)
        with pytest.raises(DataDamaged, match=f"cut at offset {pinned.size - 4096}, expected {pinned.size} bytes"):
            pinned.read(pinned.size - 5000, 5000)
        os.truncate(store.path, pinned.size)
    store.close()


def test_reading_all_pages_takes_no_memory(tmp_path: Path) -> None:
    script = f"""
import resource
from pathlib import Path
from objserver.store import Store
store = Store(Path({str(tmp_path)!r}))
with store.writer() as writer:
    writer.put([(number.to_bytes(8, "big"), bytes([number % 256]) * 100_000) for number in range(1000)])
    writer.commit(b"1")
store.close()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
store = Store(Path({str(tmp_path)!r}))
before = resident()
pinned = store.pin()
most = 0
for offset in range(0, pinned.size, 1 << 20):
    pinned.read(offset, 1 << 20)
    most = max(most, resident() - before)
print(pinned.size, most)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    size, most = map(int, done.stdout.split())
    assert size > 100_000_000
    assert most < 8_000_000
