"""Records in LMDB: bytes by key, read one at a time, written in one transaction with the position they stand for.

    heap: ghosts ---- get ---> [store] <--- put, commit ---- engine: checkpoint

    heap/data.mdb    database "records": key -> record, CRC-32C u32 little-endian
                     database "meta":    "format" -> version, "checkpoint" -> opaque bytes of the engine

Promise: what was committed is read back as it was, or DataDamaged says which file and record does not hold it. The map
grows by itself: ahead, before a checkpoint, and where one finds it full, `grow` makes room to write it again. The only
package that imports lmdb; it does not know what a record means.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb
from google_crc32c import value as crc32c

from ..errors import DataDamaged, MapFull, RuntimeMismatch, StorageFailed
from . import file
from .pages import Pinned

__all__ = ["Store", "Writer"]

FORMAT_FAMILY = b"objserver-records-"
FORMAT = FORMAT_FAMILY + b"8"

# The map is address space, not disk: LMDB's file grows as pages are written. It begins above most heaps, where the
# system allows that, and is doubled when half of it is used: before a checkpoint, when nobody reads or writes.
MAP_SIZE = 1 << 40

# Where it does not, what the map takes is lacking elsewhere: it begins with little.
MAP_SIZE_LIMITED = 1 << 26

# A checkpoint takes less room than this, since what it writes is in memory; with less, it may have to be repeated.
AMPLE_SIZE = 1 << 38
assert AMPLE_SIZE <= MAP_SIZE // 2

# Bytes of files that may be mapped at once: where records are only read; where checkpoints follow each other; and the
# least, while one is written, which takes memory of its own: by so much they are less. The kernel could have these
# pages back at any time, but they count as this process's memory wherever that is measured or bounded. It maps 64 KiB
# at a touch: reads all over a file that is larger take some 2 us a page more, half for that and half for giving back.
MAPPED_SIZE_MAX = 256 * 1024 * 1024
MAPPED_SIZE_MAX_WRITTEN = 160 * 1024 * 1024
MAPPED_SIZE_MAX_HELD = 64 * 1024 * 1024

# Records read before a look at how many bytes are mapped, and after which the last checkpoint is long ago: several
# times what is read between two of them while a large container is filled.
_LOOK_COUNT = 128
_QUIET_COUNT = 500_000

# The CRC-32C of bytes that end with their own: one look tells whether they are whole, with no part cut out to compare.
CRC_SIZE = 4
WHOLE = crc32c(crc32c(b"").to_bytes(CRC_SIZE, "little"))
_PAGE_SIZE_MIN = 2048
_META_COUNT = 2  # pages of LMDB's own

# Records in a row that are worth it to move others out of their way; how many at a time; a page, and what has pages of
# its own, in bytes.
_RUN_COUNT = 32
_RUN_COUNT_MAX = 1_000
_PAGE_SIZE_MAX = 4096
_MOVED_SIZE_MAX = 2048

Pair = tuple[bytes, bytes | None]

# What LMDB says when the file itself is wrong; everything else is the disk or the system.
_DAMAGE = (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError, lmdb.VersionMismatchError)

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
            file.refuse_damage_that_would_crash(self.path)
            file.reserve_lock_file(self.path.with_name("lock.mdb"))
            self._open_first()
            with self._env.begin() as txn:
                found = txn.get(b"format", db=self._meta)
        except (lmdb.Error, OSError) as error:
            raise self._explain(error, "open") from error
        if found != FORMAT:
            self._env.close()
            if found is not None and found.startswith(FORMAT_FAMILY):
                raise RuntimeMismatch(
                    f"{self.path} has format {found.decode(errors='replace')!r}, not {FORMAT.decode()!r}; "
                    "dump the objects with the objserver that wrote them and load them here"
                )
            raise DataDamaged(f"{self.path} has format {found!r}, expected {FORMAT!r}; restore it from a backup")
        self._cut()
        self._reader: lmdb.Transaction | None = None
        self._held = False
        self._own_size = 0  # bytes of memory as the checkpoint under way began
        self._taken_size = 0  # that one took at most, since LMDB was opened: it keeps them
        self._read_count = 0  # since the last look at what is mapped
        self._has_written = False  # since it was opened
        self._pins: list[Pinned] = []
        self._quiet_count = _QUIET_COUNT  # records read since the last checkpoint began, about

    def _open_first(self) -> None:
        """Open with a map of at least twice the size of the file, as large as the address space allows."""
        needed = self.path.stat().st_size
        for least, room in ((MAP_SIZE, 2), (MAP_SIZE_LIMITED, 2), (MAP_SIZE_LIMITED, 1)):
            self._map_size = least
            while self._map_size < room * needed:
                self._map_size *= 2
            try:
                return self._open()
            except (lmdb.Error, OSError) as error:
                if not _is_memory(error):
                    raise
                refused = error
        if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
            raise refused
        raise self._no_address_space(self._map_size) from refused

    def _open(self) -> None:
        self._env = lmdb.open(
            str(self.path.parent),
            map_size=self._map_size,
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
            stored: Any = self._reader.get(key)  # no view, which we don't ask for
        except lmdb.Error as error:
            raise self._explain(error, "read") from error
        if stored is None:
            return None
        if crc32c(stored) != WHOLE:
            raise self._damaged(key, stored)
        record: bytes = stored[:-CRC_SIZE]
        return record

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
                else:
                    pairs = cursor if cursor.set_range(first) else ()
                for key, stored in islice(pairs, count_max):
                    if not first <= key < end:
                        break
                    if crc32c(stored) != WHOLE:
                        raise self._damaged(key, stored)
                    found.append((key, stored[:-CRC_SIZE]))
        except lmdb.Error as error:
            raise self._explain(error, "read") from error
        return found

    def object_keys(self, first: bytes, count_max: int) -> list[bytes]:
        """Return up to `count_max` keys of 8 bytes from `first` on, in order; longer ones are passed over in leaps."""
        found: list[bytes] = []
        try:
            if self._reader is None:
                self._reader = self._env.begin(db=self._records, buffers=False)
            with self._reader.cursor() as cursor:
                more = cursor.set_range(first)
                while more and len(found) < count_max:
                    key = bytes(cursor.key())
                    if len(key) == 8:
                        found.append(key)
                        more = cursor.next()
                    else:
                        following = int.from_bytes(key[:8], "big") + 1
                        more = following < 1 << 64 and cursor.set_range(following.to_bytes(8, "big"))
        except lmdb.Error as error:
            raise self._explain(error, "read") from error
        return found

    def _checked(self, key: bytes, stored: bytes) -> bytes:
        if crc32c(stored) != WHOLE:
            raise self._damaged(key, stored)
        return stored[:-CRC_SIZE]

    def _damaged(self, key: bytes, stored: bytes) -> DataDamaged:
        return DataDamaged(
            f"{self.path}: record {key.hex()} at offset {file.offset_of(self.path, stored)} does not match its "
            "checksum; restore the folder from a backup"
        )

    def hold(self) -> None:
        """Let every `get` until `release` see the last commit, whatever is committed meanwhile. No `Writer` is open."""
        if self._room() < self._map_size // 2:
            with suppress(MapFull):  # it may do for this time
                self.grow()
        try:
            if self._reader is None:
                self._reader = self._env.begin(db=self._records, buffers=False)
        except lmdb.Error as error:
            raise self._explain(error, "read") from error
        self._held = True
        self._own_size = file.own_size()
        self._quiet_count = 0
        self._give_back()

    @property
    def is_ample(self) -> bool:
        """Whether the map has room for any checkpoint; otherwise `Writer` may raise MapFull."""
        return self._room() >= AMPLE_SIZE

    def _room(self) -> int:
        return int(self._map_size - self._env.info()["last_pgno"] * self._env.stat()["psize"])

    def grow(self) -> None:
        """Double the map. No `Writer` is open; what is held stays as it is, since there was no commit since.

        What is pinned stays when it is the last commit. Older pages are lost to whoever pinned them: LMDB is closed.

        Raises:
            MapFull: there is no address space for it; the map is as before.
        """
        if self._reader is not None:
            self._reader.abort()
            self._reader = None
        for pinned in self._pins:
            pinned.let_go()
        self._env.close()
        self._map_size *= 2
        try:
            try:
                self._open_again()
            except (lmdb.Error, OSError) as error:
                self._map_size //= 2
                self._open_again()
                if _is_memory(error):
                    raise self._no_address_space(2 * self._map_size) from error
                raise
        except (lmdb.Error, OSError) as error:
            raise self._explain(error, "open") from error

    def _open_again(self) -> None:
        self._open()
        for pinned in self._pins:
            pinned.renew(self._env)

    def release(self) -> None:
        """End the current read snapshot: the next `get` sees the last commit, and old pages can be reused."""
        if self._reader is not None:
            self._reader.abort()
            self._reader = None
        self._held = False

    def _give_back(self) -> None:
        """Let go of the file's pages when too many of them are mapped.

        The kernel maps what is read, and what lies beside it, and counts that as the process's memory until it needs
        it for somebody else. LMDB keeps the memory of its largest transaction, too, until the environment is closed,
        which it can't be while something is pinned.
        """
        self._quiet_count += self._read_count
        self._read_count = 0
        bound = MAPPED_SIZE_MAX if self._quiet_count >= _QUIET_COUNT else MAPPED_SIZE_MAX_WRITTEN
        if self._held:
            self._taken_size = max(self._taken_size, file.own_size() - self._own_size)
            bound = max(MAPPED_SIZE_MAX_HELD, MAPPED_SIZE_MAX_WRITTEN - self._taken_size)
        if file.mapped_size() <= bound:
            return
        if self._held or self._pins or not self._has_written:
            file.let_go(self.path)
            return
        self._has_written = False
        self._taken_size = 0
        self.release()
        self._env.close()
        try:
            self._open()
        except (lmdb.Error, OSError) as error:
            raise self._explain(error, "open") from error

    def checkpoint_mark(self) -> bytes | None:
        """Return what the last commit said it stands for, None before the first one. Raises DataDamaged."""
        try:
            with self._env.begin(db=self._meta) as txn:
                mark: bytes | None = txn.get(b"checkpoint")
                return mark
        except lmdb.Error as error:
            raise self._explain(error, "read") from error

    def pin(self) -> Pinned:
        """Keep the pages of the last commit as they are, for a copy, until `close`; commits go on meanwhile.

        Raises:
            StorageFailed: the file can't be read.
        """
        try:
            self._pins.append(Pinned(self.path, self._env, self._meta, lambda pinned: self._pins.remove(pinned)))
        except (lmdb.Error, OSError) as error:
            raise self._explain(error, "read") from error
        return self._pins[-1]

    def pinned_marks(self) -> list[bytes]:
        """Return the marks of the commits that are pinned, those without one left out."""
        return [pinned.mark for pinned in self._pins if pinned.mark is not None and not pinned.is_lost]

    def writer(self) -> Writer:
        """Begin the write transaction of a checkpoint. The calling thread has to end it; others may put meanwhile."""
        self._has_written = True
        return Writer(self)

    def statistics(self) -> dict[str, int]:
        """Return `records` (count), `file_size`, `used_size` and of that `free_size`, used again by commits (bytes)."""
        with self._env.begin() as txn:
            stats = [txn.stat(self._records), txn.stat(self._meta), self._env.stat()]
        info, page_size = self._env.info(), stats[0]["psize"]
        page_count = sum(each["branch_pages"] + each["leaf_pages"] + each["overflow_pages"] for each in stats)
        return {
            "records": stats[0]["entries"],
            "file_size": self.path.stat().st_blocks * 512,
            "used_size": (info["last_pgno"] + 1) * page_size,
            "free_size": max(0, info["last_pgno"] + 1 - _META_COUNT - page_count) * page_size,
        }

    def close(self) -> None:
        self.release()
        for pinned in self._pins[:]:
            pinned.close()
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
        file.sync_folder(self.path.parent)

    def _cut(self) -> None:
        """Cut off what the last commit does not count: a hole of `Writer._lengthen`, pages of a commit that failed."""
        size = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        with suppress(OSError):  # it is longer than it needs to be, no more
            if self.path.stat().st_size > size:
                os.truncate(self.path, size)

    def _no_address_space(self, size: int) -> MapFull:
        return MapFull(
            f"{self.path}: the records need a map of {size / 2**20:,.0f} MiB and this process gets no "
            "address space for it; raise its limit (ulimit -v) and start again"
        )

    def _explain(self, error: Exception, verb: str) -> Exception:
        if _is_memory(error):
            # Not the disk: a process that starts again has room, whatever took it here.
            return MemoryError(f"{self.path}: {error}")
        if isinstance(error, lmdb.MapFullError):
            return MapFull(f"{self.path}: the map of {self._map_size / 2**20:,.0f} MiB is full")
        if isinstance(error, _DAMAGE):
            return DataDamaged(f"{self.path}: {error}; nothing was changed, restore it from a backup")
        return StorageFailed.of(self.path, verb, error)


def _runs(records: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Return the records in runs: of keys of 8 bytes, or of ascending longer ones that begin with the same 8."""
    run: list[Pair] = []
    start = last = b""
    for pair in records:
        key = pair[0]
        head = key[:8] if len(key) > 8 else b""
        if run and (head != start or (head and key <= last) or len(run) == _RUN_COUNT_MAX):
            yield run
            run = []
        run.append(pair)
        start, last = head, key
    if run:
        yield run


class Writer:
    """A write transaction: put any number of records, then commit them with a mark, all or nothing."""

    def __init__(self, store: Store) -> None:
        """Raises StorageFailed, MemoryError."""
        self._store = store
        self._page_count = 64  # that this transaction may add to the file, at most
        try:
            store._env.reader_check()  # a reader that was killed would keep its pages from being used again for ever
            self._txn = store._env.begin(write=True, db=store._records)
        except lmdb.Error as error:
            raise store._explain(error, "write") from error

    def put(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Write records; None deletes the one under its key.

        Raises:
            MapFull: abort, `Store.grow`, and write everything again.
            StorageFailed: the disk is full or refuses.
        """
        try:
            with self._txn.cursor() as cursor:
                for run in _runs(records):
                    first, last = run[0][0], run[-1][0]
                    behind = self._take_behind(first, last) if len(run) >= _RUN_COUNT and len(first) > 8 else []
                    stored: list[tuple[bytes, bytes]] = []
                    # A path to the leaf, its split, its place in the list of free pages.
                    self._page_count += 16 * len(run)
                    size = 0
                    for key, record in run:
                        if record is not None:
                            size += len(record)
                            stored.append((key, record + crc32c(record).to_bytes(CRC_SIZE, "little")))
                        else:
                            if stored:
                                cursor.putmulti(stored)
                                stored = []
                            self._txn.delete(key)
                    self._page_count += size // _PAGE_SIZE_MIN
                    stored += behind
                    cursor.putmulti(stored)
        except (lmdb.Error, OSError) as error:
            raise self._store._explain(error, "write") from error

    def _take_behind(self, first: bytes, last: bytes) -> list[tuple[bytes, bytes]]:
        """Take out, for a moment, a page of the records that follow on new ones.

        LMDB halves a page where a record comes between others, and fills it where one comes at its end. A container
        that grows does so in the middle of all keys: its pages would stay half empty, and reads of it need twice the
        memory.
        """
        taken: list[tuple[bytes, bytes]] = []
        size = 0
        with self._txn.cursor() as cursor:
            if cursor.set_range(first) and cursor.key() > last:
                while size < _PAGE_SIZE_MAX and len(stored := cursor.value()) < _MOVED_SIZE_MAX and cursor.key():
                    taken.append((cursor.key(), stored))
                    size += len(cursor.key()) + len(stored)
                    cursor.delete()
        self._page_count += 32 * len(taken)
        return taken

    def commit(self, mark: bytes) -> None:
        """Make everything durable together with `mark`. Raises StorageFailed, MapFull; then nothing was written."""
        try:
            self._txn.put(b"checkpoint", mark, db=self._store._meta)
            self._lengthen()
            self._txn.commit()
        except (lmdb.Error, OSError) as error:
            raise self._store._explain(error, "write") from error
        self._store._cut()

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


def _is_memory(error: Exception) -> bool:
    return isinstance(error, lmdb.MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
