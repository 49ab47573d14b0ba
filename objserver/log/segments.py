"""Segments: the files of the log, each a header block and entries without a gap between them.

    <first seq, 16 hex digits>.log

    0        8     12        14             16          24                   32              40     48        56
    | magic  | crc | version | runtime size | first seq | previous first seq | previous size | term | time_ns | digest
    | 8 B    | u32 | u16     | u16          | u64       | u64                | u64           | u64  | u64     | 16 B

    72                     4096
    | runtime text, zeros  | entries ...  | zeros up to the end of the file |           big-endian throughout

Term, time and digest are those of the entry before the first, so a segment can be verified without the one before it.
`previous first seq` and `previous size` are those of the segment before, which is cut to its entries and synced before
the next one appears: a missing or shortened segment is noticed from the headers alone, and the header of the next one
says that everything before it is on disk. The CRC-32C covers the rest of the block behind it.

Promise: under its final name a segment has a whole header, on disk.
"""

from __future__ import annotations

import errno
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from google_crc32c import value

from objserver.errors import BadEntry, DataDamaged, StorageFailed
from objserver.limits import KIB, MIB
from objserver.log.chain import Head
from objserver.log.entry import HEADER_SIZE, Fields, check_header, entry_size

__all__ = [
    "BLOCK_SIZE",
    "CHUNK_SIZE",
    "RUNTIME_SIZE_MAX",
    "SEGMENT_SIZE_MAX",
    "Segment",
    "UNFINISHED",
    "content_stop",
    "create_segment",
    "list_segments",
    "open_file",
    "preallocate",
    "read_segment",
    "save_aside",
    "set_aside",
    "settle",
    "storage",
    "sync_folder",
    "walk",
    "write_all",
]

BLOCK_SIZE: Final = 4 * KIB
# What an interrupted write left is read at once, and one read gives 2 GiB at most.
SEGMENT_SIZE_MAX: Final = 1024 * MIB
# Read at once when walking a file: large enough for sequential speed, small beside the caches of the heap.
CHUNK_SIZE: Final = 1 * MIB
UNFINISHED: Final = ".new"
_ZEROS: Final = bytes(CHUNK_SIZE)

_MAGIC: Final = b"OBJSLOG\n"
_VERSION: Final = 1
_HEADER: Final = struct.Struct(">8sIHHQQQQQ16s")
_CRC_FROM: Final = 12
_NAME: Final = re.compile(r"([0-9a-f]{16})\.log")
RUNTIME_SIZE_MAX: Final = 1 * KIB
# A search for a seq starts at most this far before it.
_MARK_STEP_SIZE: Final = 256 * KIB

assert _HEADER.size == 72
assert _HEADER.size + RUNTIME_SIZE_MAX <= BLOCK_SIZE


@dataclass(slots=True)
class Segment:
    """One file of the log: what its header says, and what was learned about its inside."""

    path: Path
    before: Head  # of the entry before the first; seq is the first's minus one
    runtime: str
    previous_first: int  # 0 when there was no segment before
    previous_size: int
    size: int  # of the file, header block and preallocated space included
    marks: list[tuple[int, int]] = field(default_factory=list)  # seq and offset of some entries, in order

    @property
    def first(self) -> int:
        """The seq its first entry has or will have."""
        return self.before.seq + 1

    def mark(self, seq: int, offset: int) -> None:
        """Remember where entry `seq` begins if no mark is near before it."""
        if not self.marks or offset >= self.marks[-1][1] + _MARK_STEP_SIZE:
            self.marks.append((seq, offset))


def list_segments(folder: Path) -> list[Path]:
    """Return the paths of the folder's segments by first seq. Other files are not the log's."""
    with storage(folder, "list"):
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def read_segment(path: Path) -> Segment:
    """Return the segment of this path from its header block.

    Raises:
        DataDamaged: the header is not whole or not the one of this file.
    """
    with storage(path, "read"):
        fd = open_file(path, os.O_RDONLY)
        try:
            block = os.pread(fd, BLOCK_SIZE, 0)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
    if len(block) < BLOCK_SIZE:
        raise DataDamaged(f"{path}: offset 0: the header is cut short at {len(block)} bytes; restore it from a copy")
    magic, crc, version, runtime_size, first, *others = _HEADER.unpack_from(block)
    if magic != _MAGIC or crc != value(block[_CRC_FROM:]):
        raise DataDamaged(f"{path}: offset 0: the header is not what was written; restore the file from a copy")
    if version != _VERSION:
        raise DataDamaged(f"{path}: offset 0: version {version}, not {_VERSION}; use the objserver that wrote it")
    if path.name != _name(first):
        raise DataDamaged(f"{path}: offset 0: begins with entry {first}, so its name should be {_name(first)}")
    runtime = block[_HEADER.size : _HEADER.size + runtime_size].decode()
    previous_first, previous_size, term, time_ns, digest = others
    return Segment(path, Head(first - 1, term, digest, time_ns), runtime, previous_first, previous_size, size)


def create_segment(
    folder: Path, before: Head, runtime: str, previous: Segment | None, size: int
) -> tuple[Segment, int]:
    """Make the segment that follows `before`, preallocated to `size` bytes, and return it with its open file.

    It replaces a segment of the same first seq, which must have no entries.

    Args:
        previous: the segment before with its final size, None for the first.
    Raises:
        StorageFailed: nothing was made.
    """
    text = runtime.encode()
    assert len(text) <= RUNTIME_SIZE_MAX
    first = before.seq + 1
    previous_first, previous_size = (previous.first, previous.size) if previous else (0, 0)
    header = _HEADER.pack(
        _MAGIC, 0, _VERSION, len(text), first, previous_first, previous_size, before.term, before.time_ns, before.digest
    )
    covered = (header + text).ljust(BLOCK_SIZE, b"\0")[_CRC_FROM:]
    path = folder / _name(first)
    unfinished = path.with_name(path.name + UNFINISHED)
    with storage(path, f"create it with {size / MIB:.1f} MiB"):
        fd = open_file(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            preallocate(fd, size)
            write_all(fd, _MAGIC + value(covered).to_bytes(4, "big") + covered, 0)
            os.fsync(fd)
            os.rename(unfinished, path)
            sync_folder(folder)
        except OSError:
            os.close(fd)
            unfinished.unlink(missing_ok=True)  # a full disk gets its space back
            raise
    return Segment(path, before, runtime, previous_first, previous_size, size), fd


def walk(fd: int, offset: int, stop: int, chunk_size: int = CHUNK_SIZE) -> Iterator[tuple[int, bytes, int, Fields]]:
    """Yield for each entry from `offset` to `stop` its offset, a buffer, its place there and its header's fields.

    The header was checked and the whole entry lies in the buffer; the body was not checked. Reads a chunk at a time.

    Raises:
        BadEntry: no whole entry begins at the next offset, which is that of the last one yielded plus its size.
    """
    buffer, place, left = b"", 0, 0
    while offset < stop:
        if left < HEADER_SIZE:
            buffer, place = os.pread(fd, min(chunk_size, stop - offset), offset), 0
            left = len(buffer)
        fields = check_header(buffer, place)
        size = entry_size(fields[3])
        if left < size:
            buffer, place = os.pread(fd, min(max(chunk_size, size), stop - offset), offset), 0
            left = len(buffer)
            if left < size:
                raise BadEntry(f"the file ends {left} bytes into entry {fields[7]} of {size}")
        yield offset, buffer, place, fields
        offset += size
        place += size
        left -= size


def open_file(path: Path, flags: int) -> int:
    """Open a file of the log; only its owner may read it, and no link is followed."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def preallocate(fd: int, size: int) -> None:
    """Reserve space up to `size` bytes, so that no later write runs out of it and syncs leave the file's size alone.

    A file system that can't do this gets a file that grows.
    """
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise


def write_all(fd: int, content: bytes, offset: int) -> None:
    """Write all of `content` at `offset`. A write may be cut short by a full disk, which the next one then reports."""
    written = os.pwrite(fd, content, offset)
    if written < len(content):
        rest = memoryview(content)
        while written < len(content):
            more = os.pwrite(fd, rest[written:], offset + written)
            if more == 0:
                raise OSError(errno.EIO, "nothing was written")
            written += more


def content_stop(fd: int, offset: int, size: int) -> int:
    """Return the offset behind the last byte from `offset` on that is not zero; `offset` when all are."""
    stop = offset
    while offset < size:
        chunk = os.pread(fd, min(CHUNK_SIZE, size - offset), offset)
        if not chunk:
            break
        if chunk != _ZEROS[: len(chunk)]:
            stop = offset + len(chunk.rstrip(b"\0"))
        offset += len(chunk)
    return stop


def save_aside(folder: Path, seq: int, fd: int, start: int, stop: int) -> Path:
    """Copy bytes that are about to be cut at entry `seq` to a file of their own, on disk when this returns."""
    path = _aside(folder, seq, "bin")
    saved = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for offset in range(start, stop, CHUNK_SIZE):
            write_all(saved, os.pread(fd, min(CHUNK_SIZE, stop - offset), offset), offset - start)
        os.fsync(saved)
    finally:
        os.close(saved)
    sync_folder(folder)
    return path


def set_aside(path: Path, seq: int) -> Path:
    """Give a whole segment, whose first entry is `seq`, a name that the log does not look for."""
    target = _aside(path.parent, seq, "log")
    path.rename(target)
    sync_folder(path.parent)
    return target


def settle(path: Path) -> None:
    """Sync a file and forget its cached pages, so that what is read from it next is what the disk holds.

    After a failed sync Linux takes the pages for clean: they would be read back, and synced without error, though
    they never reached the disk.

    Raises:
        StorageFailed: the disk refuses.
    Source: Can Applications Recover from fsync Failures? (Rebello et al., USENIX ATC 2020).
    """
    with storage(path, "sync"):
        fd = open_file(path, os.O_RDONLY)
        try:
            os.fdatasync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def storage(path: Path, verb: str) -> Iterator[None]:
    """Turn what the system answers into StorageFailed, with the file and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageFailed.of(path, verb, error) from error


def _aside(folder: Path, seq: int, kind: str) -> Path:
    """Return a path for what was cut at entry `seq`, which is not there yet."""
    names = (folder / f"cut-{seq}-{number}.{kind}" for number in count(1))
    return next(path for path in names if not path.exists())


def _name(first: int) -> str:
    return f"{first:016x}.log"
