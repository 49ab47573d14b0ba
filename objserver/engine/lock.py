"""One process owns a data folder: a lock file that names its owner, held as long as the process lives.

The lock is the kernel's (flock), so it ends with the process however that ends; the file's text is for people.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..errors import DataFolderInUse, StorageFailed

__all__ = ["FolderLock"]


class FolderLock:
    """The lock on a data folder."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

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
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._descriptor, 4096).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            raise DataFolderInUse(f"{folder} is in use by {owner}; stop it or choose another folder") from None
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()} ({_command()})\n".encode())
        except OSError as error:
            os.close(self._descriptor)
            raise StorageFailed(f"{path}: {error.strerror}; make space or check the disk, then start again") from error

    def release(self) -> None:
        os.close(self._descriptor)


def _command() -> str:
    try:
        words = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "objserver"
    return b" ".join(word.rsplit(b"/", 1)[-1] for word in words if word).decode(errors="replace")[:200] or "objserver"
