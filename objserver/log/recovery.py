"""Recovery: what the folder of a log holds, and whether an end that is not whole may be cut.

    headers of all segments -> entries from `from_seq` on -> the tail -> [examine] -> findings
                                                                            findings -> [mend] -> a log that ends well

A log ends in zeros. Anything else behind the last good entry is either an interrupted write, which nobody was told is
durable and which is cut, or damage, which is reported and left alone. It is damage when something later says that the
entry was on disk: an entry by its `synced_seq`, a segment by its mere existence, the caller by `expect_at_least`.
docs/log-format.md draws the cases.

Promise: `examine` changes nothing; `mend` throws nothing away, what it cuts lies in a file beside the segments.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from objserver.errors import BadEntry, DataDamaged
from objserver.log.chain import EMPTY, Head, breach
from objserver.log.entry import ALIGNMENT, HEADER_SIZE, MAGIC, Fields, check_body, check_header, entry_size, is_header
from objserver.log.segments import (
    BLOCK_SIZE,
    UNFINISHED,
    Segment,
    content_stop,
    list_segments,
    open_file,
    read_segment,
    save_aside,
    storage,
    sync_folder,
    walk,
)

__all__ = ["Cut", "Findings", "examine", "mend"]

_ENTRY_SIZE_MIN: Final = entry_size(0)


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes at the end of the last segment that are not whole entries and that nothing says were on disk."""

    seq: int  # of the entry that begins or should begin there
    offset: int
    stop: int  # behind the last byte that is not zero
    reason: str


@dataclass(slots=True)
class Findings:
    """What the folder holds: a log that ends with `head` at offset `end` of the last segment, if `cut` is cut off."""

    segments: list[Segment]
    head: Head
    end: int
    cut: Cut | None
    notes: list[str]  # readable lines about what is to be or was changed


def examine(folder: Path, *, from_seq: int = 1, expect_at_least: int = 0) -> Findings:
    """Check the log in `folder` and change nothing.

    All headers of segments are checked, and every byte of the entries from the one before `from_seq` on. Of older
    entries in the same segment the headers are; older segments must have their size.

    Args:
        from_seq: entries before it are in a checkpoint and will not be replayed.
        expect_at_least: the head must not be below; what a checkpoint says was on disk.
    Raises:
        DataDamaged: with file and offset.
        StorageFailed: the disk can't be read.
    """
    segments = [read_segment(path) for path in list_segments(folder)]
    for this, after in pairwise(segments):
        if (after.previous_first, after.previous_size) != (this.first, this.size):
            raise DataDamaged(
                f"{after.path}: offset 0: continues a segment of {after.previous_size} bytes from entry "
                f"{after.previous_first}, but before it lies {this.path.name} of {this.size} bytes; "
                "nothing was changed, restore what is missing"
            )
    head, end, cut = EMPTY, 0, None
    from_index = max(bisect_right(segments, from_seq, key=lambda segment: segment.first) - 1, 0)
    for this, after in pairwise(segments[from_index:]):
        head, end, reason = _verify(this, from_seq)
        if end != this.size:
            raise _damaged(this, end, f"{reason}; the next segment says that it was on disk")
        if head != after.before:
            raise _damaged(after, 0, f"continues entry {after.before.seq}, but the one before it ends with {head.seq}")
    if segments:
        last = segments[-1]
        head, end, reason = _verify(last, from_seq)
        cut = _judge_tail(last, head, end, reason)
    if head.seq < expect_at_least:
        where = f"{segments[-1].path}: offset {end}" if segments else str(folder)
        found = f" ({cut.reason})" if cut else ""
        raise DataDamaged(
            f"{where}: the log ends with entry {head.seq}{found}, but entry {expect_at_least} was on disk; "
            "restore the log from a copy or a replica"
        )
    notes = [] if cut is None else [
        f"{segments[-1].path}: offset {cut.offset}: entry {cut.seq} is not whole: {cut.reason}; nothing says "
        f"that it was ever on disk, so its {cut.stop - cut.offset} bytes are taken for an interrupted write and cut"
    ]
    return Findings(segments, head, end, cut, notes)


def mend(folder: Path, findings: Findings) -> None:
    """Make the files what `findings` describes: save and cut the tail, remove segments that never got their name.

    Adds to the notes what was done.

    Raises:
        StorageFailed: nothing was cut that is not saved.
    """
    with storage(folder, "mend"):
        unfinished = sorted(folder.glob(f"{'[0-9a-f]' * 16}.log{UNFINISHED}"))
        for path in unfinished:
            path.unlink()
            findings.notes.append(f"{path}: an unfinished segment without entries was removed")
        if unfinished:
            sync_folder(folder)
        cut = findings.cut
        if cut is None:
            return
        last = findings.segments[-1]
        fd = open_file(last.path, os.O_RDWR)
        try:
            saved = save_aside(folder, cut.seq, fd, cut.offset, cut.stop)
            os.ftruncate(fd, cut.offset)
            os.fsync(fd)
        finally:
            os.close(fd)
        last.size = cut.offset
        findings.notes.append(f"{last.path}: what was cut lies in {saved.name}")


def _verify(segment: Segment, from_seq: int) -> tuple[Head, int, str]:
    """Return the last good entry of a segment, the offset behind it, and why there is no other.

    Entries below `from_seq` - 1 are checked by their headers only, so that a start behind a checkpoint does not
    compute the digests of all that was replayed long ago.
    """
    seq, term, chained, time_ns = segment.before
    digest: bytes | None = chained
    end = BLOCK_SIZE
    reason = ""
    with storage(segment.path, "read"):
        fd = open_file(segment.path, os.O_RDONLY)
        try:
            for offset, buffer, place, fields in walk(fd, BLOCK_SIZE, segment.size):
                _, _, _, payload_size, _, _, _, entry_seq, entry_term, entry_time_ns, _, previous = fields
                if (
                    entry_seq != seq + 1
                    or entry_term < term
                    or entry_time_ns < time_ns
                    or (previous != digest and digest is not None)
                ):
                    reason = breach(Head(seq, term, digest or previous, time_ns), fields)
                    break
                digest = check_body(buffer, place, fields) if entry_seq + 1 >= from_seq else None
                seq, term, time_ns = entry_seq, entry_term, entry_time_ns
                segment.mark(seq, offset)
                end = offset + entry_size(payload_size)
        except BadEntry as error:
            reason = str(error)
        finally:
            os.close(fd)
    if digest is None:  # the log ends before `from_seq`: the last digest is needed after all
        return _verify(segment, 1)
    return Head(seq, term, digest, time_ns), end, reason


def _judge_tail(segment: Segment, head: Head, end: int, reason: str) -> Cut | None:
    """Return what to cut behind the last good entry at `end`, None when the log ends well.

    Raises:
        DataDamaged: what stands there is not an interrupted write.
    """
    seq = head.seq + 1
    with storage(segment.path, "read"):
        fd = open_file(segment.path, os.O_RDONLY)
        try:
            stop = content_stop(fd, end, segment.size)
            # An entry may end in zeros: a header that reaches beyond `stop` has to be seen whole.
            tail = os.pread(fd, stop - end, end) + bytes(HEADER_SIZE)
        finally:
            os.close(fd)
    if stop == end:
        return None
    search_from = ALIGNMENT
    if is_header(tail, 0):
        # A header is written with its entry and its CRC is right, so what it says about the extent is true. The
        # payload may hold anything, entries too, and is not searched.
        try:
            fields = check_header(tail, 0)
        except BadEntry as error:
            raise _damaged(segment, end, str(error)) from error
        if breach(head, fields):
            raise _damaged(segment, end, breach(head, fields))
        search_from = entry_size(fields[3])
    for place, fields in _later_entries(tail, search_from, head):
        if fields[10] >= seq:
            raise _damaged(
                segment, end, f"{reason}; entry {fields[7]} at offset {end + place} says that entry {seq} was on disk"
            )
    return Cut(seq, end, stop, reason)


def _later_entries(tail: bytes, place: int, head: Head) -> Iterator[tuple[int, Fields]]:
    """Yield place and fields of what look like entries of this log after the bad one, in time linear in the tail.

    A header is believed without its payload, which may be damaged too. Only a whole entry hides what lies inside it.
    """
    hidden_to = checked_to = 0
    while (place := tail.find(MAGIC, place)) >= 0:
        here, place = place, place + 1
        if here % ALIGNMENT or here < hidden_to:
            continue
        try:
            fields = check_header(tail, here)
        except BadEntry:
            continue
        _, _, _, payload_size, _, _, _, seq, term, time_ns, _, _ = fields
        seq_max = head.seq + 1 + here // _ENTRY_SIZE_MIN  # one for each entry that may have stood before it
        if not head.seq + 1 < seq <= seq_max or term < head.term or time_ns < head.time_ns:
            continue
        yield here, fields
        if here >= checked_to:
            size = entry_size(payload_size)
            checked_to = here + size
            try:
                check_body(tail[here:checked_to].ljust(size, b"\0"), 0, fields)
            except BadEntry:
                continue
            hidden_to = checked_to


def _damaged(segment: Segment, offset: int, reason: str) -> DataDamaged:
    return DataDamaged(
        f"{segment.path}: offset {offset}: {reason}; nothing was changed, restore the file from a copy or a replica"
    )
