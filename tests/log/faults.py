"""Faults as the system makes them, for processes of their own: a system call that fails, a limit on files.

`python -m tests.log.faults SCENARIO FOLDER` runs one of the functions named `scenario_...` and prints what it saw.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from objserver.errors import StorageFailed
from objserver.log import DiskLog, open_log
from tests.log.contract import fill

# Numbers from the kernel's tables, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
SYSCALLS = {
    "x86_64": {"pwrite64": 18, "fsync": 74, "fdatasync": 75, "fallocate": 285},
    "aarch64": {"pwrite64": 68, "fsync": 82, "fdatasync": 83, "fallocate": 47},
}
CAN_FAIL_SYSCALLS = platform.machine() in SYSCALLS and sys.platform == "linux"

BLOCK = 4096


def fail_syscall(name: str, error: int) -> None:
    """Make a system call of this process fail from now on, by a seccomp filter (Linux, seccomp(2))."""
    load, jump_if_equal, answer = 0x20, 0x15, 0x06
    allow, fail = 0x7FFF0000, 0x00050000
    number = SYSCALLS[platform.machine()][name]
    filters = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in [(load, 0, 0, 0), (jump_if_equal, 0, 1, number), (answer, 0, 0, fail | error),
                            (answer, 0, 0, allow)]
    )
    instructions = ctypes.create_string_buffer(filters, len(filters))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(instructions)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    for arguments in ((no_new_privileges, 1, 0, 0, 0), (set_seccomp, filter_mode, program, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


def limit_files(size: int) -> None:
    """Let no file of this process grow or be written beyond `size` bytes; the write that crosses it is cut short."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def refused(log: DiskLog, work: object) -> None:
    """Print why the log refuses, and that it goes on refusing everything but `head`, `first_seq` and `close`."""
    assert callable(work)
    head = log.head()
    for what in (work, lambda: log.wait(1), lambda: log.read(1, 1), lambda: log.trim(9), lambda: fill(log, [b""])):
        try:
            what()
        except StorageFailed as error:
            if what is work:
                print(error)
            else:
                assert "takes nothing more" in str(error), error
        else:
            raise AssertionError("not refused")
    assert log.head() == head and log.first_seq == 1
    log.close()


def scenario_write_cut_short(folder: Path) -> None:
    log = open_log(folder, runtime="r", segment_size=BLOCK + 4000)
    fill(log, [b"a" * 100])
    limit_files(BLOCK + 300)
    refused(log, lambda: fill(log, [b"b" * 1000]))


def scenario_write_refused(folder: Path) -> None:
    log = open_log(folder, runtime="r", segment_size=BLOCK + 4000)
    fill(log, [b"a" * 100])
    fail_syscall("pwrite64", errno.EIO)
    refused(log, lambda: fill(log, [b"b"]))


def scenario_sync_refused(folder: Path) -> None:
    log = open_log(folder, runtime="r", segment_size=BLOCK + 4000)
    fill(log, [b"a" * 100])
    fail_syscall("fdatasync", errno.EIO)
    refused(log, lambda: log.wait(1))


def scenario_no_room_for_a_new_segment(folder: Path) -> None:
    log = open_log(folder, runtime="r", segment_size=BLOCK + 200)
    fill(log, [b"a" * 100])
    fail_syscall("fallocate", errno.ENOSPC)
    refused(log, lambda: fill(log, [b"b" * 100]))


def scenario_no_room_for_the_first_segment(folder: Path) -> None:
    log = open_log(folder, runtime="r")
    limit_files(1 << 20)
    refused(log, lambda: fill(log, [b"b" * 100]))


def scenario_finished_segment_not_synced(folder: Path) -> None:
    log = open_log(folder, runtime="r", segment_size=BLOCK + 200)
    fill(log, [b"a" * 100])
    fail_syscall("fsync", errno.EIO)
    refused(log, lambda: fill(log, [b"b" * 100]))


def scenario_close_not_synced(folder: Path) -> None:
    log = open_log(folder, runtime="r")
    fill(log, [b"a" * 100])
    fail_syscall("fdatasync", errno.EIO)
    try:
        log.close()
    except StorageFailed as error:
        print(error)
    log.close()


def scenario_no_room_to_save_what_is_cut(folder: Path) -> None:
    """The parent left a torn entry at the end."""
    limit_files(10)
    try:
        open_log(folder, runtime="r")
    except StorageFailed as error:
        print(error)


def scenario_file_system_without_preallocation(folder: Path) -> None:
    fail_syscall("fallocate", errno.ENOSYS)
    for _ in range(3):
        log = open_log(folder, runtime="r", segment_size=BLOCK + 400)
        fill(log, [b"a" * 100] * 3)
        log.wait(log.head().seq)
        log.close()
    print(sorted((path.name, path.stat().st_size) for path in folder.iterdir()))


def scenario_append_until_killed(folder: Path) -> None:
    """Append, wait, say so; the parent kills this process at a moment of its own."""
    log = open_log(folder, runtime="r", segment_size=BLOCK + 20_000)
    while True:
        seq = log.head().seq + 1
        fill(log, [payload_of(seq)])
        if seq % 3 == 0:  # two of three are not waited for
            log.wait(seq)
            os.write(1, b"%d\n" % seq)


def payload_of(seq: int) -> bytes:
    return b"%d," % seq * (seq * 37 % 900)


if __name__ == "__main__":
    globals()[f"scenario_{sys.argv[1]}"](Path(sys.argv[2]))
