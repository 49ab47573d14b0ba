"""Opening a log that is not what was written: damage is told with its place and changes nothing, an interrupted write
is cut and kept aside, and nothing else comes out of a log than went in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from google_crc32c import value

from objserver.errors import DataDamaged
from objserver.log import decode_entry, encode_entry, examine, open_log
from tests.log.contract import everything, fill
from tests.log.test_disk import BLOCK, files

FIRST = f"{1:016x}.log"


def write_log(folder: Path, payloads: list[bytes], *, wait: bool, segment_size: int = BLOCK + 1000) -> list[bytes]:
    """Make a log, each entry synced before the next one or none, and return its entries."""
    entries = []
    with closing(open_log(folder, runtime="r", segment_size=segment_size)) as log:
        for payload in payloads:
            entries += fill(log, [payload])
            if wait:
                log.wait(len(entries))
    return entries


def open_and_read(folder: Path) -> tuple[list[bytes], list[str]]:
    with closing(open_log(folder, runtime="r")) as log:
        return everything(log), log.notes


def assert_damaged(folder: Path, file: str, offset: int | None = None, **options: int) -> str:
    """Opening and examining name the file and the offset, and change nothing. Returns the message."""
    before = files(folder)
    place = f"{folder / file}: offset " + ("" if offset is None else f"{offset}: ")
    with pytest.raises(DataDamaged) as raised:
        examine(folder, **options)
    assert str(raised.value).startswith(place)
    with pytest.raises(DataDamaged) as raised:
        open_log(folder, runtime="r", **options)
    assert str(raised.value).startswith(place)
    assert files(folder) == before
    return str(raised.value)


def change(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_no_changed_byte_of_a_log_goes_unnoticed(tmp_path: Path, mask: int) -> None:
    """Each byte in turn: damage with file and offset, or a cut that is told, of the last entry or behind it."""
    entries = write_log(tmp_path, [b"a", b"", b"some payload", b"the last"], wait=True)
    path = tmp_path / FIRST
    content = path.read_bytes()
    starts = [BLOCK + sum(map(len, entries[:count])) for count in range(5)]
    with path.open("r+b", buffering=0) as file:
        for offset in range(starts[4] + 100):
            file.seek(offset)
            file.write(bytes([content[offset] ^ mask]))
            if offset < starts[3]:
                bad = 0 if offset < BLOCK else max(start for start in starts if start <= offset)
                with pytest.raises(DataDamaged) as raised:
                    examine(tmp_path)
                assert str(raised.value).startswith(f"{path}: offset {bad}: ")
            else:
                findings = examine(tmp_path)
                kept = 3 if offset < starts[4] else 4
                assert findings.cut is not None and findings.notes
                assert (findings.head.seq, findings.cut.offset) == (kept, starts[kept])
                assert findings.head.digest == decode_entry(entries[kept - 1]).digest
            file.seek(offset)
            file.write(content[offset : offset + 1])
    assert path.read_bytes() == content
    assert open_and_read(tmp_path) == (entries, [])


def test_no_changed_byte_of_a_finished_segment_goes_unnoticed(tmp_path: Path) -> None:
    """Not one of its last entry either: the next segment says that it was on disk."""
    entries = write_log(tmp_path, [b"abc"] * 3, wait=False, segment_size=BLOCK + 160)
    path = tmp_path / FIRST
    content = path.read_bytes()
    assert len(content) == BLOCK + 2 * len(entries[0])
    with path.open("r+b", buffering=0) as file:
        for offset in range(len(content)):
            file.seek(offset)
            file.write(bytes([content[offset] ^ 0x10]))
            with pytest.raises(DataDamaged, match=f"{path}: offset "):
                examine(tmp_path)
            file.seek(offset)
            file.write(content[offset : offset + 1])
    assert open_and_read(tmp_path) == (entries, [])


def test_log_cut_off_at_any_byte_keeps_the_whole_entries_before(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a", b"bb", b"some payload"], wait=True)
    path = tmp_path / FIRST
    content = path.read_bytes()
    ends = [BLOCK + sum(map(len, entries[:count])) for count in range(4)]
    for size in range(ends[3] + 20):
        path.write_bytes(content[:size])
        if size < BLOCK:
            with pytest.raises(DataDamaged, match=f"{path}: offset 0: "):
                examine(tmp_path)
            continue
        findings = examine(tmp_path, expect_at_least=0)
        kept = sum(end <= size for end in ends[1:])
        assert findings.head.seq == kept
        assert (findings.cut is not None) == (size not in ends and size < ends[3])
        if kept < 3:
            with pytest.raises(DataDamaged, match=f"{path}: offset {ends[kept]}: the log ends with entry {kept}"):
                examine(tmp_path, expect_at_least=3)


def test_cut_bytes_are_kept_beside_the_log_which_goes_on(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a", b"b" * 100], wait=True)
    path = tmp_path / FIRST
    end = BLOCK + len(entries[0])
    for number in (1, 2):
        change(path, end + 90, b"torn")
        found, notes = open_and_read(tmp_path)
        assert found == entries[:1]
        assert f"{path}: offset {end}: entry 2 " in notes[0] and f"cut-2-{number}.bin" in notes[1]
        saved = (tmp_path / f"cut-2-{number}.bin").read_bytes()
        assert saved[90:94] == b"torn" and len(saved) == len(entries[1].rstrip(b"\0"))
        assert open_and_read(tmp_path) == (entries[:1], [])
        with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 1000)) as log:
            assert fill(log, [b"b" * 100])
            assert path.read_bytes()[end + 168 :] == bytes(BLOCK + 1000 - end - 168)


def test_hole_that_nothing_says_was_on_disk_is_cut_with_all_that_follows(tmp_path: Path) -> None:
    """Without a sync after each batch the disk may write later pages first."""
    entries = write_log(tmp_path, [b"a", b"b", b"c", b"d"], wait=False)
    path = tmp_path / FIRST
    hole = BLOCK + len(entries[0])
    for lost in (bytes(len(entries[1])), bytes(8), b"?" * 68):
        write = path.read_bytes()
        change(path, hole, lost)
        tail = path.read_bytes()[hole:].rstrip(b"\0")
        found, notes = open_and_read(tmp_path)
        assert found == entries[:1] and len(notes) == 2
        newest = max(tmp_path.glob("cut-2-*.bin"), key=lambda path: int(path.stem.split("-")[2]))
        assert newest.read_bytes() == tail
        path.write_bytes(write)


@pytest.mark.parametrize("lost", [bytes(8), bytes(68), b"?" * 72, None], ids=["magic", "header", "garbage", "whole"])
def test_hole_that_a_later_entry_says_was_on_disk_is_damage(tmp_path: Path, lost: bytes | None) -> None:
    entries = write_log(tmp_path, [b"a", b"b", b"c", b"d"], wait=True)
    offset = BLOCK + len(entries[0])
    change(tmp_path / FIRST, offset, bytes(len(entries[1])) if lost is None else lost)
    message = assert_damaged(tmp_path, FIRST, offset)
    assert f"entry 3 at offset {offset + len(entries[1])} says that entry 2 was on disk" in message


def test_later_entry_is_believed_though_its_payload_is_damaged_too(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a", b"b" * 50, b"c" * 50], wait=True)
    for entry in (2, 3):
        change(tmp_path / FIRST, BLOCK + sum(map(len, entries[: entry - 1])) + 70, b"?")
    assert_damaged(tmp_path, FIRST, BLOCK + len(entries[0]))


def crafted(entries: list[bytes]) -> bytes:
    """An entry as a client might store it in the heap, which says that all before it was on disk."""
    head = decode_entry(entries[-1])
    return encode_entry(
        seq=head.seq + 2, term=9, time_ns=2**63, kind=1, payload=b"", previous=bytes(16), synced_seq=head.seq + 1
    )


def test_payload_that_holds_entries_does_not_turn_a_torn_write_into_damage(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a"], wait=True)
    aligning = bytes(4)  # payloads begin at 68
    payload = aligning + crafted(entries) + b"end" * 100
    write_log(tmp_path, [payload], wait=False)
    change(tmp_path / FIRST, BLOCK + len(entries[0]) + 300, bytes(200))
    found, notes = open_and_read(tmp_path)
    assert found == entries and len(notes) == 2


def test_payload_that_holds_entries_hides_nothing_in_a_later_whole_entry(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a"], wait=True)
    entries += write_log(tmp_path, [b"lost", bytes(4) + crafted(entries), b"c"], wait=False)
    hole = BLOCK + len(entries[0])
    change(tmp_path / FIRST, hole, bytes(len(entries[1])))
    found, notes = open_and_read(tmp_path)
    assert found == entries[:1] and len(notes) == 2


@pytest.mark.parametrize(
    "other", [{"seq": 99}, {"seq": 2}, {"term": 0}, {"time_ns": 0}], ids=lambda changed: next(iter(changed))
)
def test_entry_that_can_not_stand_behind_the_torn_one_is_no_witness(tmp_path: Path, other: dict[str, int]) -> None:
    """The header of the torn one is lost, so what is in its payload is seen: here part of another log."""
    entries = write_log(tmp_path, [b"a"], wait=True)
    parts = {"seq": 3, "term": 1, "time_ns": 5, "synced_seq": 1, **other}
    copy = encode_entry(kind=1, payload=b"", previous=bytes(16), **parts | {"synced_seq": parts["seq"] - 1})
    change(tmp_path / FIRST, BLOCK + len(entries[0]) + 72, copy)
    assert open_and_read(tmp_path)[0] == entries


def test_later_entry_that_ends_in_zeros_is_believed_too(tmp_path: Path) -> None:
    """The zeros of the preallocated space behind it are not told from its own."""
    entries = write_log(tmp_path, [b"a"], wait=True)
    offset = BLOCK + len(entries[0])
    later = encode_entry(seq=3, term=1, time_ns=9, kind=1, payload=b"", previous=bytes(16), synced_seq=2)
    change(tmp_path / FIRST, offset + 72, later)
    assert f"entry 3 at offset {offset + 72} says" in assert_damaged(tmp_path, FIRST, offset)


def test_payload_of_a_later_whole_entry_that_ends_in_zeros_is_not_searched(tmp_path: Path) -> None:
    entries = write_log(tmp_path, [b"a"], wait=True)
    entries += write_log(tmp_path, [b"lost", bytes(4) + crafted(entries) + bytes(200)], wait=False)
    change(tmp_path / FIRST, BLOCK + len(entries[0]), bytes(len(entries[1])))
    assert open_and_read(tmp_path)[0] == entries[:1]


def test_many_headers_in_a_torn_tail_are_judged_in_linear_time(tmp_path: Path) -> None:
    """Each says that it is as long as the tail; to check each one's payload would take minutes."""
    entries = write_log(tmp_path, [b"a"], wait=True, segment_size=BLOCK + (8 << 20))
    long = encode_entry(
        seq=3, term=9, time_ns=2**63, kind=1, payload=bytes(7 << 20), previous=bytes(16), synced_seq=0
    )
    tail = bytes(72 * 2) + (long[:68] + bytes(4)) * 60_000 + b"end"
    change(tmp_path / FIRST, BLOCK + len(entries[0]), tail)
    findings = examine(tmp_path)
    assert findings.cut is not None and findings.cut.stop == BLOCK + len(entries[0]) + len(tail)


def swapped(entries: list[bytes]) -> list[bytes]:
    return [entries[1], entries[0], *entries[2:]]


def repeated(entries: list[bytes]) -> list[bytes]:
    return [entries[0], entries[0], *entries[2:]]


def missing(entries: list[bytes]) -> list[bytes]:
    return [entries[0], *entries[2:]]


def last_repeated(entries: list[bytes]) -> list[bytes]:
    return [*entries, entries[-1]]


def other_version(entries: list[bytes]) -> list[bytes]:
    """The last entry as a later objserver might write it; its CRC is right, so it must not be cut."""
    covered = entries[-1][8:16] + b"\2" + entries[-1][17:68]
    return [*entries[:-1], entries[-1][:4] + value(covered).to_bytes(4, "big") + covered + entries[-1][68:]]


def of_other_term(entries: list[bytes]) -> list[bytes]:
    last = decode_entry(entries[-1])
    return [*entries[:-1], encode_entry(
        seq=last.seq, term=0, time_ns=last.time_ns, kind=1, payload=b"", previous=last.previous, synced_seq=0
    )]


def of_other_time(entries: list[bytes]) -> list[bytes]:
    last = decode_entry(entries[-1])
    return [*entries[:-1], encode_entry(
        seq=last.seq, term=1, time_ns=0, kind=1, payload=b"", previous=last.previous, synced_seq=0
    )]


def of_other_log(entries: list[bytes]) -> list[bytes]:
    last = decode_entry(entries[-1])
    return [*entries[:-1], encode_entry(
        seq=last.seq, term=1, time_ns=last.time_ns, kind=1, payload=b"", previous=b"x" * 16, synced_seq=0
    )]


@pytest.mark.parametrize(
    "rearrange",
    [swapped, repeated, missing, last_repeated, other_version, of_other_term, of_other_time, of_other_log],
    ids=lambda function: function.__name__,
)
def test_whole_entry_that_does_not_follow_is_damage(
    tmp_path: Path, rearrange: Callable[[list[bytes]], list[bytes]]
) -> None:
    """No interrupted write leaves one, not even at the end; it is never cut."""
    entries = write_log(tmp_path, [b"a", b"b", b"c", b"d"], wait=False)
    path = tmp_path / FIRST
    content = path.read_bytes()
    path.write_bytes((content[:BLOCK] + b"".join(rearrange(entries))).ljust(len(content), b"\0"))
    assert_damaged(tmp_path, FIRST)


def three_segments(folder: Path) -> list[bytes]:
    entries = write_log(folder, [b"12345678"] * 6, wait=False, segment_size=BLOCK + 160)
    assert sorted(files(folder)) == [f"{seq:016x}.log" for seq in (1, 3, 5)]
    return entries


def test_missing_segment_between_others_is_damage(tmp_path: Path) -> None:
    three_segments(tmp_path)
    (tmp_path / f"{3:016x}.log").unlink()
    assert FIRST in assert_damaged(tmp_path, f"{5:016x}.log", 0, from_seq=6)


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_segment_with_a_damaged_header_is_damage(tmp_path: Path, seq: int) -> None:
    three_segments(tmp_path)
    change(tmp_path / f"{seq:016x}.log", 100, b"?")
    assert_damaged(tmp_path, f"{seq:016x}.log", 0, from_seq=6)


def test_segment_under_another_name_is_damage(tmp_path: Path) -> None:
    three_segments(tmp_path)
    (tmp_path / f"{5:016x}.log").rename(tmp_path / f"{6:016x}.log")
    assert "its name should be" in assert_damaged(tmp_path, f"{6:016x}.log", 0, from_seq=6)


def test_segment_of_another_log_is_damage(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "this").mkdir()
    three_segments(tmp_path / "this")
    write_log(tmp_path / "other", [b"87654321"] * 6, wait=False, segment_size=BLOCK + 160)
    name = f"{5:016x}.log"
    (tmp_path / "this" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert_damaged(tmp_path / "this", name, 0)


@pytest.mark.parametrize("seq", [1, 3])
def test_segment_that_lost_its_end_is_damage_without_reading_it(tmp_path: Path, seq: int) -> None:
    three_segments(tmp_path)
    path = tmp_path / f"{seq:016x}.log"
    path.write_bytes(path.read_bytes()[:-80])
    assert_damaged(tmp_path, f"{seq + 2:016x}.log", 0, from_seq=6)


def test_log_that_lost_its_last_segment_or_all_is_damage_to_who_knows_better(tmp_path: Path) -> None:
    entries = three_segments(tmp_path)
    (tmp_path / f"{5:016x}.log").unlink()
    assert examine(tmp_path, expect_at_least=4).head.seq == 4
    assert_damaged(tmp_path, f"{3:016x}.log", BLOCK + 2 * len(entries[0]), expect_at_least=5)
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(DataDamaged, match=f"{tmp_path}: the log ends with entry 0, but entry 5 was on disk"):
        open_log(tmp_path, runtime="r", expect_at_least=5)


def test_entries_behind_a_checkpoint_are_not_read_at_the_start_but_when_asked_for(tmp_path: Path) -> None:
    entries = three_segments(tmp_path)
    last = tmp_path / f"{5:016x}.log"
    change(tmp_path / FIRST, BLOCK + 70, b"?")
    change(last, BLOCK + 70, b"?")
    assert_damaged(tmp_path, FIRST, BLOCK, from_seq=2)
    assert_damaged(tmp_path, last.name, BLOCK, from_seq=6, expect_at_least=5)
    with closing(open_log(tmp_path, runtime="r", from_seq=7, expect_at_least=6)) as log:
        assert log.head().digest == decode_entry(entries[-1]).digest
        assert log.read(6, 1000) == entries[5:]
        for first, name in ((1, FIRST), (5, last.name)):
            with pytest.raises(DataDamaged, match=f"{name}: offset {BLOCK}: "):
                log.check(first)


@pytest.mark.parametrize("from_seq", range(1, 9))
def test_start_behind_any_checkpoint_finds_the_same_head(tmp_path: Path, from_seq: int) -> None:
    three_segments(tmp_path)
    assert examine(tmp_path, from_seq=from_seq).head == examine(tmp_path).head
