"""Records in LMDB: bytes by key, read one at a time, written in one transaction with the position they stand for.

    heap: ghosts ---- get ---> [store] <--- put, commit ---- engine: checkpoint

    heap/data.mdb    database "records": key -> CRC-32C u32 big-endian, record
                     database "meta":    "format" -> version, "checkpoint" -> opaque bytes of the engine

Promise: what was committed is read back as it was, or DataDamaged says which file and record does not hold it. The only
package that imports lmdb; it does not know what a record means.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from errno import ENOMEM
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb
from google_crc32c import value as crc32c

from ..errors import DataDamaged, RuntimeMismatch, StorageFailed

__all__ = ["Store", "Writer"]

FORMAT_FAMILY = b"objserver-records-"
FORMAT = FORMAT_FAMILY + b"5"

# The map is address space, not disk: LMDB's file grows as pages are written. One size above any disk we
# expect spares the resizing, which LMDB allows only while nobody reads.
MAP_SIZE = 1 << 40

# Bytes of files that may be mapped at once, and records read before a look at how many are. The kernel maps 64 KiB at a
# touch: giving back costs some 4 us a record in the worst case, of reads all over a file that is larger.
MAPPED_SIZE_MAX = 160 * 1024 * 1024
_LOOK_COUNT = 512

# Opened now: later the process may look at nothing but its data.
try:
    _STATM: int | None = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
except OSError:
    _STATM = None
_SYSTEM_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")

_CRC_SIZE = 4
_PAGE_SIZE_MIN = 2048

# What LMDB says when the file itself is wrong; everything else is the disk or the system.
_DAMAGE = (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError, lmdb.VersionMismatchError)

_META_SIZE = 152
_META_MAGIC = struct.pack("=II", 0xBEEFC0DE, 1)
_PAGE_SIZE = struct.Struct("=I")
_LAST_PAGE = struct.Struct("=QQ")  # and the transaction that wrote it


class Store:
    """One LMDB environment. Reads belong to one thread; a `Writer` to the thread that opened it."""

    def __init__(self, folder: Path) -> None:
        """Open the environment in `folder`, made if missing.

        Raises:
            DataDamaged: the file is not one of ours, or shorter than its own account of itself.
            StorageFailed: the disk refuses.
        """
        self.path = folder / "data.mdb"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self._create()
            self._refuse_damage_that_would_crash()
            self._open()
            with self._env.begin() as txn:
                found = txn.get(b"format", db=self._meta)
        except (lmdb.Error, OSError) as error:
            raise self._explain(error) from error
        if found != FORMAT:
            self._env.close()
            if found is not None and found.startswith(FORMAT_FAMILY):
                raise RuntimeMismatch(
                    f"{self.path} has format {found.decode(errors='replace')!r}, not {FORMAT.decode()!r}; "
                    "dump the objects with the objserver that wrote them and load them here"
                )
            raise DataDamaged(f"{self.path} has format {found!r}, expected {FORMAT!r}; restore it from a backup")
        self._reader: lmdb.Transaction | None = None
        self._held = False
        self._read_count = 0  # since the last look at what is mapped

    def _open(self) -> None:
        self._env = lmdb.open(
            str(self.path.parent),
            map_size=MAP_SIZE,
            subdir=True,
            max_dbs=2,
            sync=True,
            metasync=True,
            writemap=False,
            readahead=False,  # records are read by oid, in no order that the disk could foresee
            meminit=False,
            lock=True,
        )
        self._records = self._env.open_db(b"records")
        self._meta = self._env.open_db(b"meta")

    def get(self, key: bytes) -> bytes | None:
        """Return the record under `key` as of the last commit, None when there is none.

        Raises:
            DataDamaged: the record does not match its checksum.
        """
        self._read_count += 1
        if self._read_count > _LOOK_COUNT:
            self._give_back()
        try:
            if self._reader is None:
                self._reader = self._env.begin(db=self._records, buffers=False)
            stored = self._reader.get(key)
        except lmdb.Error as error:
            raise self._explain(error) from error
        if stored is None:
            return None
        assert isinstance(stored, bytes)
        return self._checked(key, stored)

    def scan(self, first: bytes, end: bytes, count_max: int, *, backwards: bool = False) -> list[tuple[bytes, bytes]]:
        """Return up to `count_max` (key, record) with first <= key < end, in order of the keys, or from the last one.

        Raises:
            DataDamaged: a record does not match its checksum.
        """
        found: list[tuple[bytes, bytes]] = []
        pairs: Any  # lmdb's types say that they may be views, which we don't ask for
        self._read_count += count_max
        if self._read_count > _LOOK_COUNT:
            self._give_back()
        try:
            if self._reader is None:
                self._reader = self._env.begin(db=self._records, buffers=False)
            with self._reader.cursor() as cursor:
                if backwards:
                    # `prev` of a cursor that stands nowhere is the last record.
                    cursor.set_range(end)
                    pairs = cursor.iterprev() if cursor.prev() else ()
                    for key, stored in pairs:
                        if key < first or len(found) == count_max:
                            break
                        found.append((key, self._checked(key, stored)))
                elif cursor.set_range(first):
                    pairs = cursor
                    for key, stored in pairs:
                        if key >= end or len(found) == count_max:
                            break
                        found.append((key, self._checked(key, stored)))
        except lmdb.Error as error:
            raise self._explain(error) from error
        return found

    def _checked(self, key: bytes, stored: bytes) -> bytes:
        record = stored[_CRC_SIZE:]
        if crc32c(record) != int.from_bytes(stored[:_CRC_SIZE], "big"):
            raise DataDamaged(
                f"{self.path}: record {key.hex()} at offset {self._offset(stored)} does not match its checksum; "
                "restore the folder from a backup"
            )
        return record

    def hold(self) -> None:
        """Let every `get` until `release` see the last commit, whatever is committed meanwhile."""
        try:
            if self._reader is None:
                self._reader = self._env.begin(db=self._records, buffers=False)
        except lmdb.Error as error:
            raise self._explain(error) from error
        self._held = True

    def release(self) -> None:
        """End the current read snapshot: the next `get` sees the last commit, and old pages can be reused."""
        if self._reader is not None:
            self._reader.abort()
            self._reader = None
        self._held = False

    def _give_back(self) -> None:
        """Open the environment anew when too much of its file is mapped, unless a checkpoint is being written.

        The kernel maps what is read, and what lies beside it, and counts that as the process's memory until it needs
        it for somebody else. Nothing but closing the map lets go of it earlier. LMDB keeps the pages of its largest
        transaction too.
        """
        self._read_count = 0
        if self._held or _mapped_size() <= MAPPED_SIZE_MAX:
            return
        self.release()
        self._env.close()
        try:
            self._open()
        except (lmdb.Error, OSError) as error:
            raise self._explain(error) from error

    def checkpoint_mark(self) -> bytes | None:
        """Return what the last commit said it stands for, None before the first one. Raises DataDamaged."""
        try:
            with self._env.begin(db=self._meta) as txn:
                mark: bytes | None = txn.get(b"checkpoint")
                return mark
        except lmdb.Error as error:
            raise self._explain(error) from error

    def writer(self) -> Writer:
        """Begin the write transaction of a checkpoint. It stays on the calling thread."""
        return Writer(self)

    def statistics(self) -> dict[str, int]:
        """Return `records` (count), `file_size` and `used_size` (bytes)."""
        with self._env.begin() as txn:
            records = txn.stat(self._records)["entries"]
        info, page_size = self._env.info(), self._env.stat()["psize"]
        return {
            "records": records,
            "file_size": self.path.stat().st_blocks * 512,
            "used_size": (info["last_pgno"] + 1) * page_size,
        }

    def close(self) -> None:
        self.release()
        self._env.close()

    def _create(self) -> None:
        """Make an empty environment. It gets its name when it is whole: a first start may be killed at any moment."""
        unfinished = self.path.with_name("data.mdb.new")
        unfinished.unlink(missing_ok=True)
        with lmdb.open(str(unfinished), subdir=False, max_dbs=2, lock=False) as env:
            env.open_db(b"records")
            meta = env.open_db(b"meta")
            with env.begin(write=True) as txn:
                txn.put(b"format", FORMAT, db=meta)
        unfinished.rename(self.path)
        _sync_folder(self.path.parent)

    def _offset(self, stored: bytes) -> int:
        """Return where in the file a record lies. LMDB does not tell, so it is searched: nobody is in a hurry here."""
        with self.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            return content.find(stored)

    def _refuse_damage_that_would_crash(self) -> None:
        """Look at LMDB's two meta pages ourselves: it maps the file, and a page beyond the end is a SIGBUS, no error.

        Source: struct MDB_meta of LMDB 0.9: magic, version, then the size of a page, last page and transaction.
        """
        if not self.path.exists():
            return
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            first = file.read(_META_SIZE)
            page_size = _PAGE_SIZE.unpack_from(first, 40)[0] if len(first) == _META_SIZE else 0
            file.seek(page_size)
            metas = [meta for meta in (first, file.read(_META_SIZE)) if meta[16:24] == _META_MAGIC]
        if not metas or not page_size:
            raise DataDamaged(f"{self.path}: offset 0: no meta page of LMDB; restore it from a backup")
        last_page, _ = max((_LAST_PAGE.unpack_from(meta, 136) for meta in metas), key=lambda found: found[1])
        needed = (last_page + 1) * page_size
        if size < needed:
            raise DataDamaged(f"{self.path} is cut at offset {size}, expected {needed} bytes; restore it from a backup")

    def _explain(self, error: Exception) -> Exception:
        if isinstance(error, lmdb.MemoryError) or getattr(error, "errno", None) == ENOMEM:
            # Not the disk: a process that starts again has room, whatever took it here.
            return MemoryError(f"{self.path}: {error}")
        if isinstance(error, _DAMAGE):
            return DataDamaged(f"{self.path}: {error}; nothing was changed, restore it from a backup")
        return StorageFailed(f"{self.path}: {error}; make space or check the disk, then start again")


class Writer:
    """A write transaction: put any number of records, then commit them with a mark, all or nothing."""

    def __init__(self, store: Store) -> None:
        """Raises StorageFailed, MemoryError."""
        self._store = store
        self._page_count = 64  # that this transaction may add to the file, at most
        try:
            self._txn = store._env.begin(write=True, db=store._records)
        except lmdb.Error as error:
            raise store._explain(error) from error

    def put(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write records; None deletes the one under its key. Raises StorageFailed when the disk or the map is full."""
        put, delete = self._txn.put, self._txn.delete
        try:
            for key, record in records:
                # A path to the leaf, its split, its place in the list of free pages.
                self._page_count += 16
                if record is None:
                    delete(key)
                else:
                    self._page_count += len(record) // _PAGE_SIZE_MIN
                    put(key, crc32c(record).to_bytes(_CRC_SIZE, "big") + record)
        except (lmdb.Error, OSError) as error:
            raise self._store._explain(error) from error

    def commit(self, mark: bytes) -> None:
        """Make everything durable together with `mark`. Raises StorageFailed; then nothing was written."""
        try:
            self._txn.put(b"checkpoint", mark, db=self._store._meta)
            self._lengthen()
            self._txn.commit()
        except (lmdb.Error, OSError) as error:
            raise self._store._explain(error) from error

    def _lengthen(self) -> None:
        """Make the file as long as the commit may say that it is.

        LMDB leaves out pages at the end that a transaction took and gave back; a file that lacks them looks cut off.
        What is added here is a hole, which takes no space.
        """
        env, path = self._store._env, self._store.path
        needed = (env.info()["last_pgno"] + 1 + self._page_count) * env.stat()["psize"]
        if path.stat().st_size < needed:
            os.truncate(path, needed)

    def abort(self) -> None:
        self._txn.abort()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None:
            self.abort()


def _mapped_size() -> int:
    """Return the bytes of files, and of memory shared with others, that this process has mapped and in memory; 0 where
    the system does not tell."""
    if _STATM is None:
        return 0
    return int(os.pread(_STATM, 200, 0).split()[2]) * _SYSTEM_PAGE_SIZE


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
