"""The pages of one commit: a copy of the store for somebody else, while checkpoints go on.

    Store.pin --> a read transaction that stays --> [pages] --> pread of data.mdb --> a follower's data.mdb

    page      0             1             2 ...                        last
    file      | meta, older | meta, newer | records, or free ...        |     LMDB writes the metas in turn
    as read   | the pinned  | the pinned  | those of that commit stay   |     what was free then may be anything

As long as the transaction stands in LMDB's table of readers, no page of that commit is used again, so the file grows
by what checkpoints write meanwhile. The pages are not read through the map, where they would count as this process's
memory.

Promise: what is read, put together, is a file of LMDB with what the pinned commit holds (tests/store/test_pages.py).
Source: mdb_env_copyfd0 of LMDB 0.9, which copies the same pages; struct MDB_meta there.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import lmdb

from ..errors import Compacted, DataDamaged, StorageFailed
from .file import META_MAGIC, META_SIZE

__all__ = ["Pinned"]

_META_COUNT: Final = 2
_NUMBER: Final = struct.Struct("=Q")  # of its page, at the beginning
_LAST_PAGE: Final = struct.Struct("=QQ")  # and the commit
_LAST_PAGE_AT: Final = META_SIZE - _LAST_PAGE.size
# Between the begin of a transaction and a look at its meta page two commits would have to end.
_TRY_COUNT: Final = 100


class Pinned:
    """A commit whose pages stay. Made by `Store.pin`; belongs to the thread that reads the store.

    Attributes:
        id: the commit's number.
        size: bytes of the file that its pages make.
        mark: what the commit stands for, None before the first checkpoint.
        is_lost: whether LMDB had to be closed since, and the pages may have been used again.
    """

    def __init__(
        self, path: Path, env: lmdb.Environment, meta: lmdb._Database, forget: Callable[[Pinned], object]
    ) -> None:
        """Raises lmdb.Error, OSError."""
        self.path = path
        self._forget = forget
        self.is_lost = False
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._page_size: int = env.stat()["psize"]
            for _ in range(_TRY_COUNT):
                self._txn = env.begin(db=meta)
                self.id: int = self._txn.id()
                page = os.pread(self._descriptor, META_SIZE, self.id % _META_COUNT * self._page_size)
                last_page, number = _LAST_PAGE.unpack_from(page, _LAST_PAGE_AT)
                if number == self.id and page[16:24] == META_MAGIC:
                    break
                self._txn.abort()
            else:
                raise lmdb.CorruptedError("the meta page of the last commit is not in the file")
            self.size: int = (last_page + 1) * self._page_size
            self.mark: bytes | None = self._txn.get(b"checkpoint")
        except BaseException:
            os.close(self._descriptor)
            raise
        self._metas = b"".join(
            (_NUMBER.pack(number) + page[_NUMBER.size :]).ljust(self._page_size, b"\0") for number in range(_META_COUNT)
        )

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of the file at `offset`; fewer only at its end.

        Raises:
            Compacted: the pages are not kept any more, because the map had to grow.
            DataDamaged: the file is shorter than the commit says.
            StorageFailed: it can't be read.
        """
        if self._descriptor < 0:
            raise ValueError("the pages are not pinned any more")
        if self.is_lost:
            raise Compacted(f"the pages of commit {self.id} are not kept any more; begin with a new snapshot")
        size = max(min(size, self.size - offset), 0)
        try:
            found = os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise StorageFailed.of(self.path, "read", error) from error
        if len(found) < size:
            raise DataDamaged(f"{self.path} is cut at offset {offset + len(found)}, expected {self.size} bytes")
        return self._metas[offset : offset + size] + found[max(len(self._metas) - offset, 0) :]

    def let_go(self) -> None:
        """End the transaction: LMDB is about to be closed."""
        self._txn.abort()

    def renew(self, env: lmdb.Environment) -> None:
        """Take the pages again in an environment that was opened again. They are lost if there was a commit since."""
        self._txn = env.begin()
        if self.is_lost or self._txn.id() != self.id:
            self.is_lost = True
            self._txn.abort()

    def close(self) -> None:
        """Let LMDB use the pages again. A second call does nothing."""
        if self._descriptor >= 0:
            self._txn.abort()
            os.close(self._descriptor)
            self._descriptor = -1
            self._forget(self)

    def __enter__(self) -> Pinned:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
