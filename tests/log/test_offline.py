"""A log that is begun in the middle goes on as any other; one that is cut off ends where it was told to, and nothing of
it is lost, whatever moment it is interrupted at."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objserver.errors import BadEntry, Compacted, DataDamaged, LogGap
from objserver.log import EMPTY, NO_DIGEST, Head, begin_log, cut_log, decode_entry, open_log
from tests.killing import killed_at_each_step
from tests.log.contract import everything, fill
from tests.log.test_disk import BLOCK, files

HEAD = Head(1000, 7, b"d" * 16, 12345)


def write(folder: Path, payloads: list[bytes], *, segment_size: int = BLOCK + 1000, head: Head = EMPTY) -> list[bytes]:
    begin_log(folder, head, "r")
    with closing(open_log(folder, runtime="r", segment_size=segment_size)) as log:
        return fill(log, payloads, term=head.term + 1)


@pytest.mark.parametrize("head", [HEAD, EMPTY])
@pytest.mark.parametrize("runtime", ["r", "another"])
def test_log_that_begins_in_the_middle(tmp_path: Path, head: Head, runtime: str) -> None:
    folder = tmp_path / "log"
    for _ in range(2):  # the second time does nothing
        begin_log(folder, head, "r")
    entries: list[bytes] = []
    for count in range(4):
        log = open_log(folder, runtime=runtime, from_seq=head.seq + 1, expect_at_least=head.seq + len(entries))
        with closing(log):
            assert log.notes == []
            assert log.first_seq == head.seq + 1
            assert log.head() == (head if not entries else (log.head().seq, 8, decode_entry(entries[-1]).digest, 12345))
            assert everything(log) == entries
            assert log.digest_at(head.seq) == head.digest
            assert log.size_after(head.seq) == sum(map(len, entries))
            with pytest.raises(LogGap):
                log.digest_at(head.seq + len(entries) + 1)
            with pytest.raises(Compacted):
                log.digest_at(head.seq - 1)
            with pytest.raises(Compacted):
                log.read(head.seq, 1000)
            if count:
                entry = log.next_entry(term=8, time_ns=12345, kind=1, payload=b"x" * 500)
                log.append(8, log.head().seq + 1, entry)
                entries.append(entry)


def test_log_with_entries_or_another_head_is_not_begun_anew(tmp_path: Path) -> None:
    write(tmp_path, [b"a"])
    before = files(tmp_path)
    with pytest.raises(ValueError, match="has a log from entry 1 on; it can't begin after entry 0"):
        begin_log(tmp_path, EMPTY, "r")
    with pytest.raises(ValueError, match="can't begin after entry 1000"):
        begin_log(tmp_path, HEAD, "r")
    assert files(tmp_path) == before
    begin_log(tmp_path / "other", HEAD, "r")
    with pytest.raises(ValueError, match="has a log from entry 1001 on"):
        begin_log(tmp_path / "other", HEAD._replace(digest=NO_DIGEST), "r")
    begin_log(tmp_path / "other", HEAD, "another runtime")


PAYLOADS = st.lists(st.binary(max_size=40) | st.binary(min_size=300, max_size=900) | st.just(bytes(50)), max_size=12)


@settings(max_examples=60, deadline=None)
@given(PAYLOADS, st.sampled_from([BLOCK, BLOCK + 1000, BLOCK + 100_000]), st.sampled_from([EMPTY, HEAD]), st.data())
def test_log_is_cut_off_anywhere(payloads: list[bytes], segment_size: int, head: Head, data: st.DataObject) -> None:
    keep_count = data.draw(st.integers(0, len(payloads)))
    tail = data.draw(st.sampled_from([b"", b"half an entry"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        entries = write(folder, payloads, segment_size=segment_size, head=head)
        last = max(folder.glob("*.log"))
        with last.open("r+b") as file:
            file.seek(BLOCK + sum(map(len, entries[int(last.stem, 16) - head.seq - 1 :])))
            file.write(tail)
        seq = head.seq + keep_count
        digest = decode_entry(entries[keep_count - 1]).digest if keep_count else head.digest
        notes = cut_log(folder, seq, digest)
        assert bool(notes) == (keep_count < len(entries) or bool(tail))
        saved = b"".join(
            path.read_bytes()[BLOCK if path.suffix == ".log" else 0 :].rstrip(b"\0")
            for path in sorted(folder.glob("cut-*"), key=lambda path: int(path.name.split("-")[1]))
        )
        assert all(entry.rstrip(b"\0") in saved for entry in entries[keep_count:])
        assert tail in saved
        after = files(folder)
        assert cut_log(folder, seq, digest) == []
        assert files(folder) == after
        with closing(open_log(folder, runtime="r", expect_at_least=seq, segment_size=segment_size)) as log:
            assert log.notes == []
            assert log.head().seq == seq and log.head().digest == digest
            assert everything(log) == entries[:keep_count]
            more = fill(log, [b"new", b"y" * 800, b""], term=99)
        with closing(open_log(folder, runtime="r", expect_at_least=seq + 3)) as log:
            assert everything(log) == entries[:keep_count] + more


def test_what_cannot_be_cut_is_as_before(tmp_path: Path) -> None:
    entries = write(tmp_path, [b"x" * 500] * 8)
    with closing(open_log(tmp_path, runtime="r")) as log:
        log.trim(4)
        first = log.first_seq
    assert 2 < first <= 5
    digests = [decode_entry(entry).digest for entry in entries]
    before = files(tmp_path)
    with pytest.raises(LogGap, match="ends with entry 8, before entry 9"):
        cut_log(tmp_path, 9, digests[7])
    with pytest.raises(Compacted, match=f"entry {first - 2} is older than {first}"):
        cut_log(tmp_path, first - 2, digests[first - 3])
    with pytest.raises(BadEntry, match="entry 6 has digest .* another history"):
        cut_log(tmp_path, 6, digests[6])
    with pytest.raises(BadEntry, match="another history"):
        cut_log(tmp_path, first - 1, digests[0])
    assert files(tmp_path) == before
    (tmp_path / "none").mkdir()
    with pytest.raises(LogGap, match="it is empty"):
        cut_log(tmp_path / "none", 1, digests[0])
    assert cut_log(tmp_path / "none", 0, NO_DIGEST) == []


def test_damage_before_the_cut_is_told_and_behind_it_is_cut(tmp_path: Path) -> None:
    entries = write(tmp_path, [b"x" * 500] * 6, segment_size=BLOCK + 100_000)
    path = next(tmp_path.glob("*.log"))
    content = bytearray(path.read_bytes())
    content[BLOCK + len(entries[0]) * 3 + 4] ^= 1  # the header of entry 4
    path.write_bytes(content)
    before = files(tmp_path)
    with pytest.raises(DataDamaged, match=f"offset {BLOCK + len(entries[0]) * 3}: the header's CRC is wrong"):
        cut_log(tmp_path, 5, decode_entry(entries[4]).digest)
    assert files(tmp_path) == before
    assert len(cut_log(tmp_path, 3, decode_entry(entries[2]).digest)) == 1
    with closing(open_log(tmp_path, runtime="r", expect_at_least=3)) as log:
        assert everything(log) == entries[:3]


@pytest.mark.parametrize("seq", [2, 3, 4])
def test_cut_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path, seq: int) -> None:
    entries = write(tmp_path / "log", [b"x" * 400] * 9)
    digest = decode_entry(entries[seq - 1]).digest
    for folder in killed_at_each_step(tmp_path / "log", cut_log, seq, digest):
        with closing(open_log(folder, runtime="r", expect_at_least=seq)) as log:
            kept = everything(log)
            assert kept == entries[: len(kept)] and log.notes == []
        cut_log(folder, seq, digest)
        with closing(open_log(folder, runtime="r", expect_at_least=seq)) as log:
            assert everything(log) == entries[:seq] and log.notes == []
        saved = b"".join(path.read_bytes() for path in folder.glob("cut-*"))
        assert all(entry.rstrip(b"\0") in saved for entry in entries[seq:])


def test_beginning_that_is_killed_at_any_step_is_finished_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for folder in killed_at_each_step(tmp_path / "log", begin_log, HEAD, "r"):
        begin_log(folder, HEAD, "r")
        with closing(open_log(folder, runtime="r")) as log:
            assert log.head() == HEAD and log.notes == []
