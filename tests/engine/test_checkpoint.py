"""What a checkpoint says of its records: one number, in whatever order and slices they were written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.engine.checkpoint import RecordsDigest
from objserver.errors import StorageFailed
from objserver.log import DiskLog
from objserver.store import Writer

from .bench import Bench

keys = st.binary(min_size=8, max_size=8) | st.binary(min_size=16, max_size=16)
batches = st.dictionaries(keys, st.none() | st.binary(max_size=200), max_size=20).map(lambda found: list(found.items()))


def digest_of(*slices: list[tuple[bytes, bytes | None]]) -> bytes:
    digest = RecordsDigest()
    for records in slices:
        digest.add(records)
    return digest.digest()


@given(batches, st.data())
def test_the_digest_does_not_depend_on_order_or_slices(
    records: list[tuple[bytes, bytes | None]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(records))
    cut = data.draw(st.integers(0, len(records)))
    assert digest_of(records) == digest_of(shuffled[:cut], shuffled[cut:])
    assert len(digest_of(records)) == 16


@given(batches, batches)
def test_other_records_have_another_digest(
    some: list[tuple[bytes, bytes | None]], other: list[tuple[bytes, bytes | None]]
) -> None:
    assert (digest_of(some) == digest_of(other)) == (dict(some) == dict(other))


def test_what_is_key_and_what_is_record_makes_a_difference() -> None:
    key, record = b"12345678", b"abcdefgh and more"
    found = [
        digest_of([(key, record)]),
        digest_of([(key + record[:8], record[8:])]),
        digest_of([(key, None)]),
        digest_of([(key, b"")]),
        digest_of([(key, record), (key, record)]),
        digest_of(),
    ]
    assert len(set(found)) == len(found)


def test_log_is_on_disk_before_the_checkpoint_is(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync_beside, commit = DiskLog.sync_beside, Writer.commit

    def noted(log: DiskLog, seq: int) -> Callable[[], None]:
        sync = sync_beside(log, seq)
        assert sync is not None
        return lambda: (sync(), done.append("log"))[0]

    monkeypatch.setattr(DiskLog, "sync_beside", noted)
    monkeypatch.setattr(Writer, "commit", lambda writer, mark: (done.append("records"), commit(writer, mark))[1])
    bench = make(durability="none")
    bench.eval("x = [1]")
    bench.engine.checkpoint()
    assert done == ["log", "records"]


def test_engine_whose_log_can_not_be_synced_commits_nothing(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StorageFailed("the disk is gone")

    bench = make(durability="none")
    bench.eval("x = [1]")
    bench.engine.checkpoint()
    seq = bench.engine.checkpoint_seq
    bench.eval("x.append(2)")
    with monkeypatch.context() as patched:
        patched.setattr(DiskLog, "sync_beside", lambda log, seq: fail)
        with pytest.raises(StorageFailed, match="the disk is gone"):
            bench.engine.checkpoint()
    with pytest.raises(StorageFailed, match="the engine stopped"):
        bench.eval("x")
    bench.crash()
    assert bench.engine.committed_seq == seq
    assert bench.eval("x") == [1, 2]
