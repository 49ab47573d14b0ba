"""The store: what was committed is read back, and what was damaged is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import DataDamaged, MapFull, RuntimeMismatch, StorageFailed
from objserver.store import Store, environment


def write(store: Store, records: dict[bytes, bytes], mark: bytes = b"mark") -> None:
    with store.writer() as writer:
        writer.put(records.items())
        writer.commit(mark)
    store.release()


def key(number: int) -> bytes:
    return number.to_bytes(8, "big")


@given(st.lists(st.dictionaries(st.integers(0, 50), st.binary(max_size=9000), max_size=20), max_size=4))
@settings(max_examples=25, deadline=None)
def test_records_are_read_as_they_were_committed(commits: list[dict[int, bytes]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store, model = Store(Path(folder)), dict[int, bytes]()
        for number, records in enumerate(commits):
            write(store, {key(oid): record for oid, record in records.items()}, key(number))
            model |= records
            store.close()
            store = Store(Path(folder))
            assert store.checkpoint_mark() == key(number)
        assert {oid: store.get(key(oid)) for oid in model} == model
        assert store.get(key(99)) is None
        store.close()


def test_reader_sees_one_commit_until_it_is_released(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, {key(1): b"old"})
    assert store.get(key(1)) == b"old"
    with store.writer() as writer:
        writer.put([(key(1), b"new")])
        writer.commit(b"2")
    assert store.get(key(1)) == b"old"
    store.release()
    assert store.get(key(1)) == b"new"
    store.close()


def test_writer_that_fails_leaves_the_last_commit(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, {key(1): b"old"}, b"1")
    with pytest.raises(ZeroDivisionError), store.writer() as writer:
        writer.put([(key(1), b"new")])
        raise ZeroDivisionError
    assert (store.get(key(1)), store.checkpoint_mark()) == (b"old", b"1")
    store.close()


def test_damaged_record_is_named_with_file_and_offset(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, {key(1): b"a" * 100, key(2): b"unmistakable" * 8})
    store.close()
    content = bytearray(store.path.read_bytes())
    offset = content.index(b"unmistakable")
    content[offset] ^= 1
    store.path.write_bytes(content)
    store = Store(tmp_path)
    assert store.get(key(1)) == b"a" * 100
    with pytest.raises(DataDamaged, match=f"data.mdb: record {key(2).hex()} at offset {offset} "):
        store.get(key(2))
    store.close()
    assert store.path.read_bytes() == content


@pytest.mark.parametrize("size", [1, 100, 5000, 12_288, 40_000])
def test_file_that_was_cut_is_refused(tmp_path: Path, size: int) -> None:
    store = Store(tmp_path)
    write(store, {key(number): bytes(4000) for number in range(50)})
    store.close()
    with store.path.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(DataDamaged, match=r"data\.mdb"):
        Store(tmp_path)
    assert store.path.stat().st_size == size


@pytest.mark.parametrize("left", [b"", b"part of a page"])
def test_first_start_that_was_killed_is_begun_again(tmp_path: Path, left: bytes) -> None:
    """A file without its format was refused for ever, with the advice to restore a backup."""
    (tmp_path / "data.mdb.new").write_bytes(left)
    store = Store(tmp_path)
    assert store.checkpoint_mark() is None
    write(store, {key(1): b"a"})
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.mdb", "lock.mdb"]


def test_any_damaged_page_is_reported_or_was_not_needed(tmp_path: Path) -> None:
    """A page of the small database of meta data gave LMDB's own exception."""
    records = {key(number): bytes([number]) * 900 for number in range(30)}
    store = Store(tmp_path)
    write(store, records)
    store.close()
    content = store.path.read_bytes()
    refused_count = 0
    for offset in range(0, len(content), 4096):
        store.path.write_bytes(content[:offset] + bytes(4096) + content[offset + 4096 :])
        try:
            store = Store(tmp_path)
            try:
                assert store.checkpoint_mark() == b"mark"
                assert {oid: store.get(oid) for oid in records} == records
                store.statistics()
            finally:
                store.close()
        except DataDamaged as error:
            assert "data.mdb" in str(error)
            refused_count += 1
    assert refused_count


def test_records_of_another_version_are_refused_with_the_way_to_bring_them(tmp_path: Path) -> None:
    import lmdb

    Store(tmp_path).close()
    with lmdb.open(str(tmp_path), max_dbs=2) as env, env.begin(write=True) as txn:
        txn.put(b"format", b"objserver-records-1", db=env.open_db(b"meta", txn=txn))
    with pytest.raises(RuntimeMismatch, match=r"'objserver-records-1'.*dump the objects with the objserver that wrote"):
        Store(tmp_path)


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"something else " * 1000)
    with pytest.raises(DataDamaged, match=r"data\.mdb"):
        Store(tmp_path)
    assert (tmp_path / "data.mdb").read_bytes() == b"something else " * 1000


def test_full_disk_is_a_storage_failure_and_nothing_is_half_written(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for the disk: the kernel refuses to let the file grow, as it does when a disk is full."""
    script = f"""
import resource, signal
from pathlib import Path
from objserver.errors import StorageFailed
from objserver.store import Store, environment
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store(Path({str(tmp_path)!r}))
with store.writer() as writer:
    writer.put([(bytes(8), b"kept")])
    writer.commit(b"1")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with store.writer() as writer:
        writer.put([(number.to_bytes(8, "big"), bytes(4000)) for number in range(100)])
        writer.commit(b"2")
except StorageFailed as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "data.mdb" in done.stdout and "make room on its disk" in done.stdout
    store = Store(tmp_path)
    assert (store.get(bytes(8)), store.checkpoint_mark()) == (b"kept", b"1")
    assert store.get(key(5)) is None
    store.close()
    assert issubclass(StorageFailed, Exception)


def test_want_of_memory_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    """A process that starts again has room; one that was told that the disk failed is not started again."""
    limited = """
import resource, sys
from pathlib import Path
from objserver.store import Store, environment
store = Store(Path(sys.argv[1]))
records = [(n.to_bytes(8, "big"), bytes(10_000_000)) for n in range(3)]
now = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData"))) << 10
resource.setrlimit(resource.RLIMIT_DATA, (now + 25_000_000,) * 2)
try:
    with store.writer() as writer:
        writer.put(records)
except MemoryError:
    print("memory")
"""
    done = subprocess.run([sys.executable, "-c", limited, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "memory\n"), done.stderr


@given(
    st.sets(st.integers(0, 60)),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(1, 9),
    st.booleans(),
    st.sets(st.integers(0, 60)),
)
@settings(max_examples=60, deadline=None)
def test_a_scan_is_a_slice_of_the_sorted_keys(
    kept: set[int], first: int, end: int, count: int, backwards: bool, deleted: set[int]
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        write(store, {key(number): b"%d" % number for number in kept | deleted})
        with store.writer() as writer:
            writer.put([(key(number), None) for number in deleted])
            writer.commit(b"2")
        store.release()
        expected = [number for number in sorted(kept - deleted, reverse=backwards) if first <= number < end][:count]
        found = store.scan(key(first), key(end), count, backwards=backwards)
        assert found == [(key(number), b"%d" % number) for number in expected]
        store.close()


def test_pages_that_a_commit_took_and_gave_back_are_no_damage(tmp_path: Path) -> None:
    """LMDB does not write them, so the file was shorter than its own account and refused."""
    store = Store(tmp_path)
    for round in range(40):
        with store.writer() as writer:
            writer.put([(key(number), os.urandom(1500)) for number in range(round % 7 * 40)])
            writer.put([(key(number), None) for number in range(round % 5 * 50)])
            writer.put([(key(1_000 + number), os.urandom(9_000)) for number in range(3)])
            writer.put([(key(1_000 + number), None) for number in range(3)])
            writer.commit(b"mark")
        store.release()
        store.close()
        store = Store(tmp_path)
    store.close()


def test_full_map_is_grown_while_the_last_commit_is_held_and_takes_the_records_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "MAP_SIZE", 64 * 1024)
    store = Store(tmp_path)
    write(store, {key(1): b"old"}, b"1")
    store.hold()
    assert store.get(key(1)) == b"old" and not store.is_ample
    records = {key(number): os.urandom(3000) for number in range(100)}
    for grown in range(100):
        try:
            with store.writer() as writer:
                writer.put(records.items())
                writer.commit(b"2")
            break
        except MapFull as full:
            assert "data.mdb: the map of 0 MiB is full" in str(full) or grown > 2
            store.grow()
            assert store.get(key(1)) == b"old"
    assert 1 < grown < 10
    store.release()
    assert {oid: store.get(oid) for oid in records} == records and store.checkpoint_mark() == b"2"
    store.close()


def test_map_grows_ahead_of_the_heap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody meets a full map who writes less than half of it at once."""
    monkeypatch.setattr(environment, "MAP_SIZE", 256 * 1024)
    records = {key(number): os.urandom(1000) for number in range(2000)}
    keys = list(records)
    store = Store(tmp_path)
    for first in range(0, 2000, 20):
        store.hold()
        write(store, {oid: records[oid] for oid in keys[first : first + 20]})
        if first % 500 == 0:
            store.close()
            store = Store(tmp_path)
    assert {oid: store.get(oid) for oid in records} == records
    store.close()


def test_file_ends_where_the_last_commit_does(tmp_path: Path) -> None:
    """A hole of gigabytes at its end was copied by whatever does not know holes."""
    store = Store(tmp_path)
    write(store, {key(number): os.urandom(100) for number in range(5000)})
    assert store.path.stat().st_size == store.statistics()["used_size"]
    store.close()
    with store.path.open("ab") as left:
        left.write(b"pages of a commit that failed" * 1000)
    store = Store(tmp_path)
    assert store.path.stat().st_size == store.statistics()["used_size"]
    assert store.get(key(4999)) is not None
    store.close()


def test_address_space_that_does_not_do_is_said(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from objserver.errors import MapFull
from objserver.store import Store
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
def write(store, first):
    store.hold()
    with store.writer() as writer:
        writer.put((n.to_bytes(8, "big"), bytes(1 << 20)) for n in range(first, first + 10))
        writer.commit(b"%d" % first)
    store.release()
store = Store(Path(sys.argv[1]))
try:
    for first in range(0, 1000, 10):
        try:
            write(store, first)
        except MapFull:
            store.grow()
except MapFull as full:
    print(full, file=sys.stderr)
assert all(store.get(n.to_bytes(8, "big")) == bytes(1 << 20) for n in range(first))
print(first)
store.close()
resource.setrlimit(resource.RLIMIT_AS, (used + (first << 19), resource.RLIM_INFINITY))
try:
    Store(Path(sys.argv[1]))
except MapFull as full:
    print(full, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[1][:25] for line in done.stderr.splitlines()] == [" the records need a map of"[:25]] * 2
    assert done.stderr.count("raise its limit (ulimit -v) and start again") == 2
    store = Store(tmp_path)
    count = int(done.stdout)
    assert count > 20 and store.checkpoint_mark() == b"%d" % (count - 10)
    assert store.get(key(count - 1)) == bytes(1 << 20)
    store.close()


def test_containers_that_grow_beside_others_fill_their_pages(tmp_path: Path) -> None:
    """LMDB halves a page where a record comes between others: pages were a third to a half full."""
    store = Store(tmp_path)
    size = 0
    for first in range(0, 10_000, 500):
        for storage in (1, 2, 3):
            added = {key(storage) + key(number): b"x" * 100 for number in range(first, first + 500)}
            size += sum(len(each) + len(record) for each, record in added.items())
            write(store, added, b"")
    store.release()
    assert size < store._env.stat()["psize"] * leaf_count(store) < 1.6 * size
    store.close()


def leaf_count(store: Store) -> int:
    with store._env.begin() as txn:
        return int(txn.stat(store._records)["leaf_pages"])


@given(
    st.lists(
        st.dictionaries(
            st.tuples(st.integers(0, 3), st.integers(0, 300)), st.none() | st.integers(0, 5_000), max_size=120
        ),
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_written_in_whatever_order_is_there(
    tmp_path_factory: pytest.TempPathFactory, batches: list[dict[tuple[int, int], int | None]]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    model: dict[bytes, bytes] = {}
    for number, batch in enumerate(batches):
        with store.writer() as writer:
            records = {key(storage) + key(piece): size for (storage, piece), size in sorted(batch.items())}
            writer.put((each, None if size is None else bytes([number]) * size) for each, size in records.items())
            writer.commit(b"")
        for each, size in records.items():
            model.pop(each, None)
            if size is not None:
                model[each] = bytes([number]) * size
        store.release()
        assert store.scan(b"", b"\xff" * 17, 10_000) == sorted(model.items())
    store.close()


@pytest.mark.parametrize("name", [
    "what_is_mapped_is_given_back", "less_is_mapped_as_a_checkpoint_takes_memory",
    "more_may_be_mapped_where_the_last_checkpoint_is_long_ago",
])
def test_memory_of_a_process(name: str, tmp_path: Path) -> None:
    """In one of its own: what other tests have mapped, or freed, would be counted too."""
    code = f"from tests.store import memory; memory.{name}(memory.Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
