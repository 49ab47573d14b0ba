"""What is done to the folder of a log that nobody has open: begin one in the middle, cut one off.

    a head from elsewhere -> [begin_log] -> a segment without entries, whose header says what is before it
    a log with too much   -> [cut_log]   -> the log up to an entry; what is cut lies beside it

    cut_log: the segments behind the entry are renamed, the last first; then its own segment is saved from there and cut

Promise: at whatever moment either is killed, the log is whole as far as it goes, and the same again finishes it;
nothing is thrown away (tests/log/test_offline.py).
"""

from __future__ import annotations

import os
from bisect import bisect_left
from pathlib import Path

from objserver.errors import BadEntry, Compacted, DataDamaged, LogGap
from objserver.log.chain import Head
from objserver.log.entry import check_body, entry_size
from objserver.log.segments import (
    BLOCK_SIZE,
    Segment,
    content_stop,
    create_segment,
    list_segments,
    open_file,
    read_segment,
    save_aside,
    set_aside,
    storage,
    sync_folder,
    walk,
)

__all__ = ["begin_log", "cut_log"]


def begin_log(folder: Path, head: Head, runtime: str) -> None:
    """Make the log in `folder` one whose first entry will follow `head`; it is on disk when this returns.

    It has no entries then, and `open_log` opens it with this head. Does nothing when it is that log already.

    Raises:
        ValueError: there is a log with entries, or with another head.
        StorageFailed: the disk refuses.
    """
    with storage(folder, "create"):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
    paths = list_segments(folder)
    if paths:
        found = read_segment(paths[0])
        if len(paths) > 1 or found.before != head or _has_content(found):
            raise ValueError(f"{folder} has a log from entry {found.first} on; it can't begin after entry {head.seq}")
        if found.runtime == runtime:
            return
    _, fd = create_segment(folder, head, runtime, None, BLOCK_SIZE)
    os.close(fd)


def cut_log(folder: Path, seq: int, digest: bytes) -> list[str]:
    """Cut the log in `folder` off behind entry `seq`, which is the one with this digest; on disk when this returns.

    Returns: a readable line about each file that has what was cut; none when the log ends there.
    Raises:
        LogGap: the log ends before `seq`.
        Compacted: the log begins later than with the entry after `seq`.
        BadEntry: entry `seq` has another digest.
        DataDamaged: the log is not what was written up to there. In all these cases nothing was changed.
        StorageFailed: the disk refuses; what is left is a log that ends later.
    """
    segments = [read_segment(path) for path in list_segments(folder)]
    if not segments:
        if seq:
            raise LogGap(f"{folder} has no entry {seq}: it is empty")
        return []
    if seq < segments[0].before.seq:
        raise Compacted(f"entry {seq} is older than {segments[0].first}, the first in {folder}")
    # The last one that has something to keep: its first entry is at most `seq`; or the first one of all.
    index = max(bisect_left(segments, seq + 1, key=lambda segment: segment.first) - 1, 0)
    last, later = segments[index], segments[index + 1 :]
    found, end = _find_end(last, seq)
    if found != digest:
        raise BadEntry(
            f"{last.path}: entry {seq} has digest {found.hex()}, not {digest.hex()}; the log is of another history"
        )
    notes = []
    with storage(folder, f"cut off behind entry {seq}"):
        for segment in reversed(later):
            saved = set_aside(segment.path, segment.first)
            notes.append(f"{segment.path}: entries from {segment.first} on were cut off, they lie in {saved.name}")
        fd = open_file(last.path, os.O_RDWR)
        try:
            stop = content_stop(fd, end, last.size)
            if stop > end:
                saved = save_aside(folder, seq + 1, fd, end, stop)
                notes.append(f"{last.path}: entries from {seq + 1} on were cut off, they lie in {saved.name}")
            if later or stop > end:
                os.ftruncate(fd, end)
                os.fsync(fd)
        finally:
            os.close(fd)
    return notes


def _has_content(segment: Segment) -> bool:
    with storage(segment.path, "read"):
        fd = open_file(segment.path, os.O_RDONLY)
        try:
            return content_stop(fd, BLOCK_SIZE, segment.size) > BLOCK_SIZE
        finally:
            os.close(fd)


def _find_end(segment: Segment, seq: int) -> tuple[bytes, int]:
    """Return digest of entry `seq` of the segment, or the one before its first, and the offset behind it."""
    if seq == segment.before.seq:
        return segment.before.digest, BLOCK_SIZE
    expected, end = segment.first, BLOCK_SIZE
    with storage(segment.path, "read"):
        fd = open_file(segment.path, os.O_RDONLY)
        try:
            for offset, buffer, place, fields in walk(fd, BLOCK_SIZE, segment.size):
                if fields[7] != expected:
                    raise BadEntry(f"entry {fields[7]} stands where {expected} belongs")
                end = offset + entry_size(fields[3])
                if expected == seq:
                    return check_body(buffer, place, fields), end
                expected += 1
        except BadEntry as error:
            if content_stop(fd, end, segment.size) == end:
                raise LogGap(f"{segment.path} ends with entry {expected - 1}, before entry {seq}") from error
            raise DataDamaged(
                f"{segment.path}: offset {end}: {error}; nothing was changed, restore the file from a copy or a replica"
            ) from error
        finally:
            os.close(fd)
    raise LogGap(f"{segment.path} ends with entry {expected - 1}, before entry {seq}")
