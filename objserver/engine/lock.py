"""One process owns a data folder: a lock file that names its owner, held as long as the process lives.

The lock is the kernel's (flock), so it ends with the process however that ends; the file's text is for people, and
for the next process: when the one it names is gone, its server is about to be, and is waited for.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
from pathlib import Path
from typing import Final

from ..errors import DataFolderInUse, StorageFailed

__all__ = ["FolderLock", "describe_process", "is_locked"]

# How long a killed process may take to give its memory back, and how often it is asked.
DYING_MS_MAX: Final = 10_000
ASK_MS: Final = 10


class FolderLock:
    """The lock on a data folder."""

    def __init__(self, folder: Path, owner: str | None = None) -> None:
        """Take the lock.

        Args:
            owner: whom to name instead of this process: its supervisor, as `describe_process` has it.
        Raises:
            DataFolderInUse: another process has it; names the process.
            StorageFailed: the folder can't be written.
        """
        path = folder / "lock"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageFailed(f"{path}: {error.strerror}; choose a data folder that can be written") from error
        for _ in range(DYING_MS_MAX // ASK_MS):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                found = os.pread(self._descriptor, 4096, 0).decode(errors="replace").strip() or "another process"
                if not _is_gone(found):
                    os.close(self._descriptor)
                    raise DataFolderInUse(f"{folder} is in use by {found}; stop it or choose another folder") from None
                select.select((), (), (), ASK_MS / 1000)  # a sleep, without a module that knows the time
        else:
            os.close(self._descriptor)
            raise DataFolderInUse(f"{folder} is in use by the server of {found}, which is gone; end that server")
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{owner or describe_process(os.getpid())}\n".encode())
        except OSError as error:
            os.close(self._descriptor)
            raise StorageFailed.of(path, "write", error) from error

    def release(self) -> None:
        os.close(self._descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a process has the folder.

    Asks the kernel's list: to try the lock would keep a server that starts just then from it.
    """
    try:
        inode = (folder / "lock").stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return False
    # "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF", the device and inode in the sixth word
    words = [line.split() for line in lines]
    return any(len(each) > 5 and each[1] == "FLOCK" and each[5].endswith(f":{inode}") for each in words)


def describe_process(number: int) -> str:
    """Return how a lock file names a process."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    command = b" ".join(word.rsplit(b"/", 1)[-1] for word in words if word).decode(errors="replace")[:200]
    return f"process {number} ({command or 'objserver'})"


def _is_gone(owner: str) -> bool:
    """Whether no process has the number that `owner` begins with any more."""
    number = re.match(r"process (\d+) ", owner)
    if number is None:
        return False
    try:
        state = Path(f"/proc/{number[1]}/stat").read_text().rpartition(") ")[2]
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return state.startswith("Z")  # it has ended and nobody asked how
