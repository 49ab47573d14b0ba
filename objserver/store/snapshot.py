"""A store as of its last commit, for whoever only looks: a second process beside the server, or at nobody's folder.

    verify -> [snapshot] -> one read transaction of LMDB, from beginning to end

It takes no lock of the folder and writes no file but LMDB's own list of readers (lock.mdb), where it has to stand: the
pages that it reads are not used again as long as it is open, so the file of a busy server grows meanwhile. The entry
of a process that died is removed by the server's next checkpoint.

Promise: nothing in the folder changes; a record that does not match its checksum is told and does not end a walk
(tests/store/test_snapshot.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import lmdb
from google_crc32c import value as crc32c

from ..errors import DataDamaged, RuntimeMismatch, StorageFailed
from . import file
from .environment import CRC_SIZE, FORMAT, FORMAT_FAMILY, WHOLE

__all__ = ["Snapshot"]

# Address space beyond twice the file's size: what is written between a look at that and the transaction.
_MAP_SIZE = 1 << 30
# Records in bytes that a walk reads before it lets go of the pages they are on, which may be half empty.
_PASSED_SIZE_MAX = 1 << 25
_END = b"\xff" * 17  # behind every key


class Snapshot:
    """Records by key as of the last commit. One thread."""

    def __init__(self, folder: Path) -> None:
        """Open the environment in `folder`.

        Raises:
            DataDamaged: there is none, it is not one of ours, or shorter than its own account of itself.
            RuntimeMismatch: another version wrote it.
            StorageFailed: it can't be read.
        """
        self.path = folder / "data.mdb"
        try:
            if not self.path.is_file():
                raise DataDamaged(f"{self.path} is missing; restore it from a backup")
            file.refuse_damage_that_would_crash(self.path)
            map_size = 2 * self.path.stat().st_size + _MAP_SIZE
            self._env = lmdb.open(
                str(folder), map_size=map_size, max_dbs=2, readonly=True, create=False, lock=True
            )
        except (lmdb.Error, OSError) as error:
            raise self._explain(error) from error
        try:
            self._records = self._env.open_db(b"records", create=False)
            self._meta = self._env.open_db(b"meta", create=False)
            self._txn = self._env.begin(db=self._records)
            self._check_format(self._txn.get(b"format", db=self._meta))
            # What this commit says it stands for, None before the first one.
            self.checkpoint_mark: bytes | None = self._txn.get(b"checkpoint", db=self._meta)
            self.count: int = self._txn.stat(self._records)["entries"]
        except BaseException as error:
            self._env.close()
            if isinstance(error, lmdb.Error):
                raise self._explain(error) from error
            raise

    def _check_format(self, found: bytes | None) -> None:
        if found == FORMAT:
            return
        if found is not None and found.startswith(FORMAT_FAMILY):
            raise RuntimeMismatch(
                f"{self.path} has format {found.decode(errors='replace')!r}, not {FORMAT.decode()!r}; "
                "use the objserver that wrote it"
            )
        raise DataDamaged(f"{self.path} has format {found!r}, expected {FORMAT!r}; restore it from a backup")

    def get(self, key: bytes) -> bytes | None:
        """Return the record under `key`, None when there is none or it does not match its checksum.

        Raises:
            DataDamaged: LMDB can't go on.
        """
        try:
            stored: bytes | None = self._txn.get(key)
        except lmdb.Error as error:
            raise self._explain(error) from error
        return None if stored is None else _record(stored)

    def walk(self, first: bytes = b"", end: bytes = _END) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield (key, record) with first <= key < end in order of the keys, None for a record that does not match its
        checksum. What it has passed does not stay mapped.

        Raises:
            DataDamaged: LMDB can't go on.
        """
        passed_size = 0
        try:
            with self._txn.cursor(db=self._records) as cursor:
                if not cursor.set_range(first):
                    return
                for key, stored in cast(Any, cursor):
                    if key >= end:
                        return
                    passed_size += len(stored)
                    if passed_size > _PASSED_SIZE_MAX:
                        passed_size = 0
                        file.let_go(self.path)
                    yield key, _record(stored)
        except lmdb.Error as error:
            raise self._explain(error) from error

    def close(self) -> None:
        self._txn.abort()
        self._env.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _explain(self, error: Exception) -> Exception:
        if isinstance(error, OSError | lmdb.DiskError | lmdb.LockError | lmdb.ReadonlyError):
            return StorageFailed(f"{self.path}: {error}; check the disk and the rights of the folder, then try again")
        if isinstance(error, lmdb.MemoryError):
            return MemoryError(f"{self.path}: {error}")
        return DataDamaged(f"{self.path}: {error}; restore it from a backup")


def _record(stored: bytes) -> bytes | None:
    return stored[:-CRC_SIZE] if crc32c(stored) == WHOLE else None
