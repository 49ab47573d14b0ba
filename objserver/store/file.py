"""The files of LMDB as they are seen from outside: looked at before it maps them, for what would be a signal there.

    environment: open --> refuse_damage_that_would_crash, reserve_lock_file --> lmdb.open
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from mmap import ACCESS_READ, mmap
from pathlib import Path

from ..errors import DataDamaged

__all__ = [
    "META_MAGIC",
    "META_SIZE",
    "let_go",
    "mapped_size",
    "offset_of",
    "own_size",
    "refuse_damage_that_would_crash",
    "reserve_lock_file",
    "sync_folder",
]

# LMDB makes its file of readers by truncating and writes it through a map: on a full disk that is a SIGBUS.
_LOCK_FILE_SIZE = 8192

# The header of a page, 16 bytes, and struct MDB_meta.
META_SIZE = 152
META_MAGIC = struct.pack("=II", 0xBEEFC0DE, 1)
_PAGE_SIZE = struct.Struct("=I")
_LAST_PAGE = struct.Struct("=QQ")  # and the transaction that wrote it

# Opened now: later the process may look at nothing but its data.
try:
    _STATM: int | None = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    _MAPS: int | None = os.open("/proc/self/maps", os.O_RDONLY | os.O_CLOEXEC)
except OSError:
    _STATM = _MAPS = None
_MADVISE = getattr(ctypes.CDLL(None), "madvise", None)
_MADV_DONTNEED = 4  # of Linux
_SYSTEM_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def refuse_damage_that_would_crash(path: Path) -> None:
    """Look at LMDB's two meta pages ourselves: it maps the file, and a page beyond the end is a SIGBUS, no error.

    Raises:
        DataDamaged: the file is not one of LMDB's, or shorter than its own account of itself.
        OSError: it can't be read.
    Source: struct MDB_meta of LMDB 0.9: magic, version, then the size of a page, last page and transaction.
    """
    with path.open("rb") as file:
        first = file.read(META_SIZE)
        page_size = _PAGE_SIZE.unpack_from(first, 40)[0] if len(first) == META_SIZE else 0
        file.seek(page_size)
        metas = [meta for meta in (first, file.read(META_SIZE)) if meta[16:24] == META_MAGIC]
    size = path.stat().st_size  # after that: a server that runs never cuts it below what they say
    if not metas or not page_size:
        raise DataDamaged(f"{path}: offset 0: no meta page of LMDB; restore it from a backup")
    last_page, _ = max((_LAST_PAGE.unpack_from(meta, 136) for meta in metas), key=lambda found: found[1])
    needed = (last_page + 1) * page_size
    if size < needed:
        raise DataDamaged(f"{path} is cut at offset {size}, expected {needed} bytes; restore it from a backup")


def reserve_lock_file(path: Path) -> None:
    """Give LMDB's file of readers its space on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.posix_fallocate(descriptor, 0, _LOCK_FILE_SIZE)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)


def offset_of(path: Path, stored: bytes) -> int:
    """Return where in the file a record lies. LMDB does not tell, so it is searched: nobody is in a hurry here."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return content.find(stored)


def mapped_size() -> int:
    """Return the bytes of files, and of memory shared with others, that this process has mapped and in memory; 0 where
    the system does not tell."""
    if _STATM is None:
        return 0
    return int(os.pread(_STATM, 200, 0).split()[2]) * _SYSTEM_PAGE_SIZE


def own_size() -> int:
    """Return the bytes in memory that this process shares with nobody and has in no file; 0 where the system does not
    tell."""
    if _STATM is None:
        return 0
    _, resident, shared, *_ = os.pread(_STATM, 200, 0).split()
    return (int(resident) - int(shared)) * _SYSTEM_PAGE_SIZE


def let_go(path: Path) -> None:
    """Unmap the pages of a file that this process has mapped and in memory: they are mapped again when they are read.

    Does nothing where the system offers no way.
    Source: madvise(2), MADV_DONTNEED on a mapping of a file.
    """
    if _MAPS is None or _MADVISE is None:
        return
    inode = b"%d" % path.stat().st_ino
    os.lseek(_MAPS, 0, os.SEEK_SET)
    with open(_MAPS, "rb", closefd=False) as maps:
        for line in maps:
            # start-end permissions offset device inode path
            found = line.split(maxsplit=5)
            if found[4] == inode and found[5].rstrip().endswith(os.fsencode(path.name)):
                start, end = (int(part, 16) for part in found[0].split(b"-"))
                _MADVISE(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Make created and renamed names durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
