"""Disk full, write and sync errors, a killed process: real ones, in processes of their own (faults.py)."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from objserver.log import decode_entry, open_log
from tests.log.contract import everything, fill
from tests.log.faults import BLOCK, CAN_FAIL_SYSCALLS, payload_of
from tests.log.test_disk import files
from tests.log.test_recovery import FIRST, change

ROOT = Path(__file__).parent.parent.parent
fails_syscalls = pytest.mark.skipif(not CAN_FAIL_SYSCALLS, reason="needs Linux on x86_64 or aarch64")


def command(scenario: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.log.faults", scenario, str(folder)]


def run(scenario: str, folder: Path) -> str:
    done = subprocess.run(command(scenario, folder), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def payloads(folder: Path) -> list[bytes]:
    """What the log holds when it is opened again; that it also takes an entry."""
    with closing(open_log(folder, runtime="r")) as log:
        found = [decode_entry(entry).payload for entry in everything(log)]
        fill(log, [b"goes on"])
    return found


def test_write_cut_short_by_a_full_disk_leaves_no_entry(tmp_path: Path) -> None:
    message = run("write_cut_short", tmp_path)
    assert message.startswith(f"{tmp_path / FIRST}: can't write: File too large; make room")
    assert payloads(tmp_path) == [b"a" * 100]
    assert b"bbbb" in (tmp_path / "cut-2-1.bin").read_bytes()


@fails_syscalls
def test_write_error_leaves_no_entry(tmp_path: Path) -> None:
    message = run("write_refused", tmp_path)
    assert message.startswith(f"{tmp_path / FIRST}: can't write: Input/output error; check the disk")
    assert payloads(tmp_path) == [b"a" * 100]


@fails_syscalls
def test_sync_error_ends_the_log_until_it_is_opened_again(tmp_path: Path) -> None:
    message = run("sync_refused", tmp_path)
    assert message.startswith(f"{tmp_path / FIRST}: can't sync: Input/output error; check the disk")
    assert payloads(tmp_path) == [b"a" * 100]


@fails_syscalls
def test_disk_without_room_for_a_new_segment_keeps_the_finished_one(tmp_path: Path) -> None:
    message = run("no_room_for_a_new_segment", tmp_path)
    path = tmp_path / f"{2:016x}.log"
    assert message.startswith(f"{path}: can't create it with 0.0 MiB: No space left on device; make room")
    assert list(files(tmp_path)) == [FIRST]
    assert payloads(tmp_path) == [b"a" * 100]


def test_disk_without_room_for_the_first_segment_leaves_nothing(tmp_path: Path) -> None:
    message = run("no_room_for_the_first_segment", tmp_path)
    assert message.startswith(f"{tmp_path / FIRST}: can't create it with 64.0 MiB: File too large; make room")
    assert files(tmp_path) == {}
    assert payloads(tmp_path) == []


@fails_syscalls
def test_segment_that_can_not_be_synced_is_not_followed_by_another(tmp_path: Path) -> None:
    """The next one's header would say that it is on disk."""
    message = run("finished_segment_not_synced", tmp_path)
    assert message.startswith(f"{tmp_path / FIRST}: can't finish: Input/output error")
    assert list(files(tmp_path)) == [FIRST]
    assert payloads(tmp_path) == [b"a" * 100]


@fails_syscalls
def test_close_that_can_not_sync_says_so(tmp_path: Path) -> None:
    assert run("close_not_synced", tmp_path).startswith(f"{tmp_path / FIRST}: can't sync: Input/output error")


def test_nothing_is_cut_that_can_not_be_saved(tmp_path: Path) -> None:
    with closing(open_log(tmp_path, runtime="r", segment_size=BLOCK + 1000)) as log:
        end = BLOCK + sum(map(len, fill(log, [b"a"])))
    change(tmp_path / FIRST, end, b"torn entry of more than ten bytes")
    content = (tmp_path / FIRST).read_bytes()
    assert run("no_room_to_save_what_is_cut", tmp_path).startswith(f"{tmp_path}: can't mend: File too large; make room")
    assert (tmp_path / FIRST).read_bytes() == content
    assert payloads(tmp_path) == [b"a"]


@fails_syscalls
def test_file_system_that_can_not_preallocate_gets_files_that_grow(tmp_path: Path) -> None:
    size = 168  # of an entry; two fit a file
    expected = [(f"{seq:016x}.log", BLOCK + count * size) for seq, count in ((1, 2), (3, 2), (5, 2), (7, 2), (9, 1))]
    assert run("file_system_without_preallocation", tmp_path).strip() == str(expected)
    assert payloads(tmp_path) == [b"a" * 100] * 9


@pytest.mark.parametrize("count", [0, 1, 50, 200])
def test_process_killed_while_appending_keeps_all_it_was_told_is_durable(tmp_path: Path, count: int) -> None:
    """Three times on the same log: each process goes on where the one before was killed."""
    acknowledged = 0
    for _ in range(3):
        with subprocess.Popen(command("append_until_killed", tmp_path), cwd=ROOT, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(count):
                acknowledged = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split()
            acknowledged = int(rest[-1]) if rest else acknowledged
        with closing(open_log(tmp_path, runtime="r", expect_at_least=acknowledged)) as log:
            found = list(log.entries(1))
            assert [entry.payload for entry in found] == [payload_of(seq) for seq in range(1, len(found) + 1)]
            assert len(found) >= acknowledged
