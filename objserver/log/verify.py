"""Verify the log: every byte of every entry that is kept, by the rules of recovery, while a server may be writing.

    recovery.examine, from the first entry on -> findings
    what it took for good -> [entries] -> whoever knows what an entry means

A server that runs moves what is looked at: an entry is half written, a segment is cut to its entries and followed by
the next, the oldest are removed. So what looks like damage is looked at again and counts when it is the same twice.

Promise: changes nothing. (tests/engine/test_verify.py)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from objserver.errors import DataDamaged, StorageFailed
from objserver.log.entry import Entry, check_body, make_entry
from objserver.log.recovery import Findings, examine
from objserver.log.segments import BLOCK_SIZE, open_file, storage, walk

__all__ = ["entries", "look"]

# A server that writes as fast as it can makes a segment in seconds; to look at one takes less.
_LOOK_COUNT_MAX: Final = 20


def look(folder: Path, *, running: bool) -> Findings:
    """Return what the log in `folder` holds. Its `cut` is what a crash left of the last entry; of a server that runs,
    the entry that it is writing.

    Raises:
        DataDamaged: a file is not what was written.
        StorageFailed: the disk can't be read.
    """
    before = ""
    for _ in range(_LOOK_COUNT_MAX if running else 1):
        try:
            return examine(folder)
        except (DataDamaged, StorageFailed) as error:
            if not running or str(error) == before:
                raise
            before = str(error)
    return examine(folder)


def entries(found: Findings) -> Iterator[Entry]:
    """Yield the entries of a log that was found good.

    Raises:
        BadEntry: one is not what it was then.
        StorageFailed: the disk can't be read, or the server removed the segment meanwhile.
    """
    ends = [after.previous_size for after in found.segments[1:]] + [found.end] * bool(found.segments)
    for segment, end in zip(found.segments, ends, strict=True):
        with storage(segment.path, "read"):
            fd = open_file(segment.path, os.O_RDONLY)
            try:
                for _, buffer, place, fields in walk(fd, BLOCK_SIZE, end):
                    yield make_entry(buffer, place, fields, check_body(buffer, place, fields))
            finally:
                os.close(fd)
