"""The log on disk against a list: any order of operations, rollovers, and power loss at any byte not yet synced."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from objserver.errors import Compacted, DataDamaged, StorageFailed
from objserver.log import DiskLog, Findings, decode_entry, encode_entry, examine, open_log
from tests.log.contract import everything, fill

BLOCK = 4096


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class LogAgainstList(RuleBasedStateMachine):
    """Any run of appends, waits, reads, trims, reopenings and power losses equals a list."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="log"))
        self.model: list[bytes] = []
        self.durable_seq = 0
        self.upto_max = 0
        self.segment_size = BLOCK + 1000
        self.reopen("a")

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.folder)

    def reopen(self, runtime: str) -> DiskLog:
        self.log = open_log(
            self.folder, runtime=runtime, expect_at_least=self.durable_seq, segment_size=self.segment_size
        )
        return self.log

    @rule(payload=st.binary(max_size=300) | st.binary(min_size=1500, max_size=3000), later_ns=st.integers(0, 3))
    def append(self, payload: bytes, later_ns: int) -> None:
        head = self.log.head()
        entry = self.log.next_entry(term=1, time_ns=head.time_ns + later_ns, kind=1, payload=payload)
        self.log.append(1, head.seq + 1, entry)
        self.model.append(entry)
        # A finished segment was synced.
        self.durable_seq = max(self.durable_seq, self.last_file_first_seq() - 1)

    @rule(data=st.data())
    def wait(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(0, len(self.model)))
        self.log.wait(seq)
        self.durable_seq = max(self.durable_seq, seq)

    @rule(data=st.data())
    def sync_beside(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(0, len(self.model)))
        sync = self.log.sync_beside(seq)
        for payload in data.draw(st.lists(st.binary(max_size=300), max_size=5)):
            self.append(payload, 0)
        if sync is not None:
            sync()
        self.durable_seq = max(self.durable_seq, seq)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), size_max=st.integers(0, 2000))
    def read(self, data: st.DataObject, size_max: int) -> None:
        first = data.draw(st.integers(1, len(self.model)))
        if first < self.log.first_seq:
            with pytest.raises(Compacted):
                self.log.read(first, size_max)
            return
        found = self.log.read(first, size_max)
        assert found and found == self.model[first - 1 : first - 1 + len(found)]
        assert list(self.log.entries(first)) == [decode_entry(entry) for entry in self.model[first - 1 :]]

    @rule(data=st.data())
    def trim(self, data: st.DataObject) -> None:
        upto = data.draw(st.integers(0, self.durable_seq))
        self.log.trim(upto)
        self.upto_max = max(self.upto_max, upto)

    @rule(runtime=st.sampled_from("ab"), segment_size=st.sampled_from([BLOCK, BLOCK + 300, BLOCK + 4000]))
    def close_and_reopen(self, runtime: str, segment_size: int) -> None:
        self.log.close()
        self.durable_seq = len(self.model)
        self.segment_size = segment_size
        assert self.reopen(runtime).notes == []

    @rule(data=st.data(), truncate=st.booleans())
    def lose_power(self, data: st.DataObject, truncate: bool) -> None:
        """What was not synced is lost from some byte on, or has a hole; the rest of the file is zeros or missing."""
        self.log.close()
        if not self.model:
            self.reopen("a")
            return
        first = self.last_file_first_seq()
        path = self.folder / f"{first:016x}.log"
        content = path.read_bytes()
        start = BLOCK + sum(map(len, self.model[first - 1 : max(self.durable_seq, first - 1)]))
        end = BLOCK + sum(map(len, self.model[first - 1 :]))
        lost_from = data.draw(st.integers(start, end), label="lost from")
        lost_to = len(content) if truncate else data.draw(st.integers(lost_from, end), label="lost to")
        lost = content[:lost_from] + (b"" if truncate else bytes(lost_to - lost_from) + content[lost_to:])
        path.write_bytes(lost)

        kept = max(self.durable_seq, first - 1)
        offset = start
        while kept < len(self.model) and lost[offset : offset + len(self.model[kept])] == self.model[kept]:
            offset += len(self.model[kept])
            kept += 1
        tail = lost[offset:].rstrip(b"\0")
        saved_before = set(self.folder.glob("cut-*.bin"))
        log = self.reopen("a")
        saved = set(self.folder.glob("cut-*.bin")) - saved_before
        assert [path.read_bytes() for path in saved] == ([tail] if tail else [])
        assert all(name in log.notes[-1] for name in (path.name for path in saved))
        assert bool(log.notes) == bool(tail)
        del self.model[kept:]
        self.durable_seq = kept

    @invariant()
    def log_is_the_list(self) -> None:
        assert self.log.head().seq == len(self.model)
        assert self.log.first_seq <= self.upto_max + 1
        assert everything(self.log) == self.model[self.log.first_seq - 1 :]
        self.log.check(1)

    def last_file_first_seq(self) -> int:
        return max((int(path.name[:16], 16) for path in self.folder.glob("*.log")), default=1)


LogAgainstList.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
test_log_is_a_list_whatever_happens = LogAgainstList.TestCase


@pytest.mark.parametrize("payload_size", [*range(20), 100, 227, 228, 229, 5000])
def test_segments_roll_over_where_the_next_entry_does_not_fit(tmp_path: Path, payload_size: int) -> None:
    segment_size = BLOCK + 300
    with closing(open_log(tmp_path, runtime="r", segment_size=segment_size)) as log:
        appended = fill(log, [bytes(payload_size)] * 9)
        per_file = max(300 // len(appended[0]), 1)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [f"{seq:016x}.log" for seq in range(1, 10, per_file)]
        sizes = [(tmp_path / name).stat().st_size for name in names]
        assert sizes[:-1] == [BLOCK + per_file * len(appended[0])] * (len(names) - 1)
        assert sizes[-1] == max(segment_size, BLOCK + len(appended[0]))
        assert everything(log) == appended
    with closing(open_log(tmp_path, runtime="r", segment_size=segment_size, expect_at_least=9)) as log:
        assert everything(log) == appended
        assert log.notes == []


def test_trim_drops_whole_segments_and_keeps_the_one_written_to(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 160)) as log:  # two entries a file
        appended = fill(log, [b"12345678"] * 7)
        for upto, first_seq in [(1, 1), (2, 3), (5, 5), (5, 5), (3, 5), (6, 7), (7, 7), (99, 7)]:
            log.trim(upto)
            assert log.first_seq == first_seq
        assert [path.name for path in tmp_path.iterdir()] == [f"{7:016x}.log"]
    with closing(open_log(tmp_path, runtime="r", from_seq=3)) as log:
        assert (log.first_seq, log.head().seq) == (7, 7)
        appended += fill(log, [b"after"])
        assert everything(log) == appended[6:]


def test_time_term_and_chain_go_on_behind_a_trimmed_log_without_entries(tmp_path: Path) -> None:
    """They stand in the segment's header; a crash between a new segment and its first entry leaves just that."""
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK)) as log:
        fill(log, [b"a"], term=7)
        head = log.head()
        fill(log, [b"b"], term=7)
    last = tmp_path / f"{2:016x}.log"
    last.write_bytes(last.read_bytes()[:BLOCK])
    with closing(open_log(tmp_path, runtime="r")) as log:
        log.trim(1)
        assert (log.first_seq, log.head()) == (2, head)
        (entry,) = fill(log, [b"b"], term=7)
        assert decode_entry(entry).previous == head.digest


def test_entry_that_claims_more_than_this_disk_holds_makes_it_so_first(tmp_path: Path) -> None:
    """Else a power loss on a follower would look like damage, because its leader had synced what it had not."""
    with closing(open_log(tmp_path, runtime="r")) as log:
        first = log.next_entry(term=1, time_ns=1, kind=1, payload=b"a")
        log.append(1, 1, first)
        head = log.head()
        claim = encode_entry(
            seq=2, term=1, time_ns=1, kind=1, payload=b"b", previous=head.digest, synced_seq=1
        )
        assert decode_entry(log.next_entry(term=1, time_ns=1, kind=1, payload=b"")).synced_seq == 0
        log.append(1, 2, claim)
        assert decode_entry(log.next_entry(term=1, time_ns=1, kind=1, payload=b"")).synced_seq == 1


def test_next_entry_says_what_is_synced(tmp_path: Path) -> None:
    def synced_seq() -> int:
        return decode_entry(log.next_entry(term=1, time_ns=9, kind=1, payload=b"")).synced_seq

    with closing(open_log(tmp_path, runtime="r")) as log:
        fill(log, [b"a", b"b"])
        log.wait(1)
        assert synced_seq() == 2  # a sync takes all there is
        fill(log, [b"c"])
        assert synced_seq() == 2
    with closing(open_log(tmp_path, runtime="another", segment_size=BLOCK)) as log:
        assert synced_seq() == 3
        fill(log, [b"d", b"e"])
        assert synced_seq() == 4  # in a finished segment


def test_log_is_synced_beside_what_is_appended(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK)) as log:
        fill(log, [b"a", b"b"])  # the first is in a finished segment
        assert log.sync_beside(1) is None
        sync = log.sync_beside(2)
        assert sync is not None
        fill(log, [b"c"])
        before = set(os.listdir("/proc/self/fd"))
        sync()
        assert len(set(os.listdir("/proc/self/fd"))) == len(before) - 1
        log.wait(3)
        assert log.sync_beside(3) is None


def test_runtime_that_changes_begins_a_new_segment_and_is_told(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="one")) as log:
        assert log.runtimes(1) == []
    for runtime in ["one", "one", "two", "three", "one"]:
        with closing(open_log(tmp_path, runtime=runtime)) as log:
            if runtime != "three":  # opened, but wrote nothing
                fill(log, [b"a"])
    with closing(open_log(tmp_path, runtime="four")) as log:
        assert log.runtimes(1) == ["one", "two"]
        assert log.runtimes(3) == ["two", "one"]
        assert log.runtimes(4) == ["one"]
        assert log.runtimes(5) == []
        assert len(list(tmp_path.iterdir())) == 3


def test_runtime_of_a_segment_without_entries_is_replaced(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="one", segment_size=BLOCK)) as log:
        fill(log, [b"a", b"b"])
    last = tmp_path / f"{2:016x}.log"
    last.write_bytes(last.read_bytes()[:BLOCK])
    with closing(open_log(tmp_path, runtime="two", expect_at_least=1)) as log:
        fill(log, [b"c"])
        assert log.runtimes(1) == ["one", "two"]
    with closing(open_log(tmp_path, runtime="two", expect_at_least=2)) as log:
        assert log.runtimes(2) == ["two"]


def test_file_that_is_not_preallocated_is_a_log_too(tmp_path: Path) -> None:
    """A file system may not be able to; then files grow."""
    appended = []
    for count in range(1, 6):
        with closing(open_log(tmp_path, runtime="r", expect_at_least=len(appended))) as log:
            appended += fill(log, [b"x" * count])
            assert everything(log) == appended
        path = tmp_path / f"{1:016x}.log"
        os.truncate(path, BLOCK + sum(map(len, appended)))


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    others = ["x.log", "0000000000000001.LOG", "000000000000000A.log", "notes.txt", "x.log.new", "cut-1-1.bin"]
    for name in others:
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    for seq in (1, 2):
        with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK, expect_at_least=seq - 1)) as log:
            fill(log, [b"a"])
            log.trim(seq)
    assert all((tmp_path / name).read_text() == name for name in others)


def test_segment_that_never_got_its_name_is_removed(tmp_path: Path) -> None:
    unfinished = tmp_path / f"{1:016x}.log.new"
    unfinished.write_bytes(b"half a header")
    with closing(open_log(tmp_path, runtime="r")) as log:
        assert str(unfinished) in log.notes[0]
        assert not unfinished.exists()
        fill(log, [b"a"])


def test_reading_goes_on_while_the_log_grows_into_new_files(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 200)) as log:
        fill(log, [b"a"] * 5)
        reading = log.entries(1)
        assert next(reading).seq == 1
        fill(log, [b"b"] * 5)
        assert [entry.seq for entry in reading] == [2, 3, 4, 5]


def test_reading_begins_anywhere_in_a_log_of_many_chunks(tmp_path: Path) -> None:
    """Entries that lie across the borders of what is read at once, some larger than that."""
    sizes = [size * 131 % 9000 for size in range(600)]
    sizes[100], sizes[300], sizes[599] = 3 << 20, 1 << 20, 5 << 20
    with closing(open_log(tmp_path, runtime="r", segment_size=5 << 20)) as log:
        appended = fill(log, [bytes([seq % 256]) * size for seq, size in enumerate(sizes, start=1)])
    assert len(files(tmp_path)) == 3
    with closing(open_log(tmp_path, runtime="r", from_seq=550, expect_at_least=600)) as log:
        for first in (600, 301, 302, 101, 100, 99, 1, 2, 350, 599):
            found = log.read(first, 30_000)
            assert found and found == appended[first - 1 : first - 1 + len(found)]
        assert log.read(50, 1 << 30) == appended[49:]
        assert [entry.seq for entry in log.entries(40)] == list(range(40, 601))
        first = 1
        while found := log.read(first, 50_000):
            assert found == appended[first - 1 : first - 1 + len(found)]
            first += len(found)
        assert first == 601


def test_folder_is_made_when_it_is_missing(tmp_path: Path) -> None:
    with closing(open_log(tmp_path / "new", runtime="r")) as log:
        assert fill(log, [b"a"])
    with pytest.raises(StorageFailed, match="missing"):
        examine(tmp_path / "missing")


def test_examine_finds_what_opening_finds_and_changes_nothing(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 200)) as log:
        fill(log, [b"a"] * 5)
        head = log.head()
        before = files(tmp_path)
        findings = examine(tmp_path)
        assert isinstance(findings, Findings)
        assert (findings.head, findings.cut, findings.notes) == (head, None, [])
        assert files(tmp_path) == before


def test_runtime_text_that_does_not_fit_the_header_is_refused(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r" * 1024)) as log:
        fill(log, [b"a"])
        assert log.runtimes(1) == ["r" * 1024]
    with pytest.raises(ValueError, match="runtime text"):
        open_log(tmp_path, runtime="r" * 1025)


@pytest.mark.parametrize("segment_size", [0, BLOCK - 1, 2 << 30])
def test_segment_size_out_of_bounds_is_refused(tmp_path: Path, segment_size: int) -> None:
    with pytest.raises(ValueError, match="segment size"):
        open_log(tmp_path, runtime="r", segment_size=segment_size)


def test_damage_behind_the_back_of_an_open_log_is_found_by_reading(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 200)) as log:
        appended = fill(log, [b"payload"] * 5)
        path = tmp_path / f"{1:016x}.log"
        content = bytearray(path.read_bytes())
        content[BLOCK + len(appended[0]) + 70] ^= 1
        path.write_bytes(content)
        assert log.read(1, 0) == log.read(1, 1000) == appended[:1]
        for read in (lambda: log.read(2, 1000), lambda: list(log.entries(2)), lambda: log.check(1)):
            with pytest.raises(DataDamaged, match=f"{path}: offset {BLOCK + len(appended[0])}: "):
                read()
        assert log.read(3, 1000) == appended[2:]


def test_entry_exchanged_for_another_whole_one_is_found_by_reading(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r")) as log:
        appended = fill(log, [b"one", b"two", b"three"])
        second = decode_entry(appended[1])
        other = encode_entry(
            seq=2, term=1, time_ns=second.time_ns, kind=1, payload=b"TWO", previous=second.previous, synced_seq=0
        )
        path = tmp_path / f"{1:016x}.log"
        content = path.read_bytes()
        path.write_bytes(content.replace(appended[1], other))
        with pytest.raises(DataDamaged, match=f"{path}: offset {BLOCK + 144}: entry 3 does not follow"):
            log.check(1)
