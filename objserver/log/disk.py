"""The log on disk: appends to the last segment, syncs it, reads any.

    append -> pwrite -> last segment        wait -> fdatasync, one for all that was appended before
    read, entries <- pread <- any segment   trim -> unlink the oldest

    | ... .log | ... .log | <first seq>.log                 |
                          | header | entries | zeros        |     the others are cut to their entries
                                             end            capacity

Promise: what `append` took is read back as it is; what `wait` returned for is there after power loss; after a failure
the log says nothing more until it is opened again and has looked at what is really there (tests/log/test_disk.py).
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

from objserver.errors import BadEntry, Compacted, DataDamaged, LogGap, StorageFailed
from objserver.limits import KIB, LOG_SEGMENT_SIZE, MIB
from objserver.log.chain import Head, follow
from objserver.log.entry import Entry, Fields, check_body, encode_entry, entry_size, make_entry
from objserver.log.recovery import Findings, examine, mend
from objserver.log.segments import (
    BLOCK_SIZE,
    CHUNK_SIZE,
    RUNTIME_SIZE_MAX,
    SEGMENT_SIZE_MAX,
    Segment,
    create_segment,
    list_segments,
    open_file,
    preallocate,
    settle,
    storage,
    sync_folder,
    walk,
    write_all,
)

__all__ = ["DiskLog", "open_log"]

# Read at once when one entry is looked for.
_LOOK_SIZE: Final = 64 * KIB


def open_log(
    folder: Path,
    *,
    runtime: str,
    from_seq: int = 1,
    expect_at_least: int = 0,
    segment_size: int = LOG_SEGMENT_SIZE,
) -> DiskLog:
    """Open the log in `folder`, or begin one, after checking it; see `recovery.examine` for how thoroughly.

    Keeping other processes out is the caller's part.

    Args:
        runtime: what executes the entries to come, e.g. "cpython-3.11 sandbox-1 heap-1"; kept with each segment.
        from_seq: entries before it are in a checkpoint and will not be replayed.
        expect_at_least: the head must not be below; what a checkpoint says was on disk.
        segment_size: bytes of a file, header included; a larger entry gets a file of its own size.
    Raises:
        DataDamaged: the files are not what was written; nothing was changed.
        StorageFailed: the disk refuses.
    """
    if not BLOCK_SIZE <= segment_size <= SEGMENT_SIZE_MAX:
        raise ValueError(f"segment size {segment_size} is not between {BLOCK_SIZE} and {SEGMENT_SIZE_MAX}")
    if len(runtime.encode()) > RUNTIME_SIZE_MAX:
        raise ValueError(f"runtime text {runtime!r} exceeds {RUNTIME_SIZE_MAX} bytes")
    with storage(folder, "create"):
        if not folder.is_dir():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
    for path in list_segments(folder)[-1:]:
        settle(path)
    findings = examine(folder, from_seq=from_seq, expect_at_least=expect_at_least)
    mend(folder, findings)
    return DiskLog(folder, findings, runtime, segment_size)


class DiskLog:
    """The `Log` (interface.py) of one folder. Made by `open_log`."""

    def __init__(self, folder: Path, findings: Findings, runtime: str, segment_size: int) -> None:
        self.folder = folder
        self.notes = findings.notes  # readable lines about what opening had to change
        self._runtime = runtime
        self._segment_size = segment_size
        self._segments = findings.segments
        self._head = findings.head
        self._end = findings.end
        self._refusal: StorageFailed | ValueError | None = None
        self._next_read = (0, 0)  # a seq and its offset: where the last `read` stopped
        self._fd = -1
        # The last segment takes entries as far as its file reaches; one of another runtime takes none.
        self._capacity = 0
        if self._segments:
            last = self._segments[-1]
            with storage(last.path, "open"):
                self._fd = open_file(last.path, os.O_RDWR)
            if last.runtime == runtime:
                self._capacity = last.size
        self._synced_seq = self._head.seq

    @property
    def first_seq(self) -> int:
        return self._segments[0].first if self._segments else self._head.seq + 1

    @property
    def synced_seq(self) -> int:
        return self._synced_seq

    def head(self) -> Head:
        return self._head

    def runtimes(self, first: int) -> list[str]:
        """Return the runtimes that wrote entries from `first` on, each once, the oldest first."""
        if not self._segments:
            return []
        after = [segment.before.seq for segment in self._segments[1:]] + [self._head.seq]
        return list(
            dict.fromkeys(
                segment.runtime
                for segment, last in zip(self._segments, after, strict=True)
                if last >= max(first, segment.first)
            )
        )

    def next_entry(self, *, term: int, time_ns: int, kind: int, payload: bytes, flags: int = 0) -> bytes:
        self._check_usable()
        return encode_entry(
            seq=self._head.seq + 1,
            term=term,
            time_ns=time_ns,
            kind=kind,
            flags=flags,
            payload=payload,
            previous=self._head.digest,
            synced_seq=self._synced_seq,
        )

    def append(self, term: int, seq: int, entry: bytes) -> None:
        self._check_usable()
        head, synced_seq = follow(self._head, term, seq, entry)
        if synced_seq > self._synced_seq:
            # The entry was made where more was on disk than here. Recovery relies on an entry never claiming
            # what this disk does not hold.
            self._sync()
        if self._end + len(entry) > self._capacity:
            self._make_room(len(entry))
        last = self._segments[-1]
        try:
            write_all(self._fd, entry, self._end)
        except OSError as error:
            raise self._fail(StorageFailed.of(last.path, "write", error)) from error
        last.mark(seq, self._end)
        self._end += len(entry)
        self._head = head

    def wait(self, seq: int) -> None:
        self._check_usable()
        if seq > self._head.seq:
            raise LogGap(f"can't wait for entry {seq}: the log ends with {self._head.seq}; append it first")
        if seq > self._synced_seq:
            self._sync()

    def sync_beside(self, seq: int) -> Callable[[], None] | None:
        """Return what makes entry `seq` durable, to be called once, by any thread, while others are appended; None when
        it is already. `synced_seq` does not tell of it. Raises StorageFailed, and so does what it returns."""
        self._check_usable()
        if seq <= self._synced_seq:
            return None
        path = self._segments[-1].path  # those before it were synced when it began
        # Opened once more: the kernel tells of a failed write once to each that has the file open, and the next `wait`
        # must hear of it, too.
        with storage(path, "open"):
            fd = open_file(path, os.O_RDONLY)

        def sync() -> None:
            with storage(path, "sync"):
                try:
                    os.fdatasync(fd)
                finally:
                    os.close(fd)

        return sync

    def read(self, first: int, size_max: int) -> list[bytes]:
        found: list[bytes] = []
        room = size_max
        chunk_size = min(max(size_max, BLOCK_SIZE), CHUNK_SIZE)
        try:
            for offset, buffer, place, fields, _ in self._walk(first, chunk_size):
                size = entry_size(fields[3])
                room -= size
                if found and room < 0:
                    break
                found.append(buffer[place : place + size])
                self._next_read = (fields[7] + 1, offset + size)
        except DataDamaged:
            if not found:  # else the reader gets the good ones first, and comes back
                raise
        return found

    def digest_at(self, seq: int) -> bytes:
        self._check_usable()
        if seq > self._head.seq:
            raise LogGap(f"there is no entry {seq}: the log ends with {self._head.seq}")
        if seq == self._head.seq:
            return self._head.digest
        for segment in self._segments:
            if seq == segment.before.seq:
                return segment.before.digest
        if seq < self.first_seq:
            raise Compacted(f"entry {seq} is older than {self.first_seq}, the first kept; take a snapshot instead")
        with closing(self._walk(seq + 1, _LOOK_SIZE)) as found:
            _, _, _, fields, _ = next(found)
            return fields[11]

    def size_after(self, seq: int) -> int:
        self._check_usable()
        following = max(seq + 1, self.first_seq)
        if following > self._head.seq:
            return 0
        index = bisect_right(self._segments, following, key=lambda segment: segment.first) - 1
        ends = [(after.before.seq + 1, this.size) for this, after in pairwise(self._segments)]
        ends.append((self._head.seq + 1, self._end))
        segment = self._segments[index]
        # Between two entries whose places are known, as if those between them were of one size.
        points = [(segment.first, BLOCK_SIZE), *segment.marks, ends[index]]
        after = bisect_right(points, following, key=lambda point: point[0])
        (low_seq, low), (high_seq, high) = points[after - 1], points[after]
        place = low + (high - low) * (following - low_seq) // (high_seq - low_seq)
        return ends[index][1] - place + sum(end - BLOCK_SIZE for _, end in ends[index + 1 :])

    def entries(self, first: int) -> Iterator[Entry]:
        for _, buffer, place, fields, digest in self._walk(first, CHUNK_SIZE):
            yield make_entry(buffer, place, fields, digest)

    def check(self, from_seq: int) -> None:
        """Read all entries from `from_seq` on, or all that are kept, and check every byte of them.

        Raises:
            DataDamaged: an entry is not what was written; names file and offset.
        """
        for _ in self._walk(max(from_seq, self.first_seq), CHUNK_SIZE):
            pass

    def trim(self, upto: int, keep_size: int = 0) -> None:
        """Remove whole segments of entries up to `upto`. The one that is written to stays, and so do as many before it
        as hold the last `keep_size` bytes.

        Raises:
            StorageFailed: some may be gone; the log is usable when opened again.
        """
        self._check_usable()
        kept_size = self._end + sum(segment.size for segment in self._segments[:-1]) - BLOCK_SIZE * len(self._segments)
        dropped = []
        for this, after in pairwise(self._segments):
            kept_size -= this.size - BLOCK_SIZE
            if after.before.seq > upto or kept_size < keep_size:
                break
            dropped.append(this)
        if dropped:
            with self._fatal(self.folder, "trim"):
                for segment in dropped:  # the oldest first: what a crash leaves has no hole
                    segment.path.unlink()
                sync_folder(self.folder)
            del self._segments[: len(dropped)]

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        failed, self._refusal = self._refusal, ValueError("the log is closed")
        if fd >= 0:
            with storage(self._segments[-1].path, "sync"):
                try:
                    if not failed:
                        os.fdatasync(fd)
                finally:
                    os.close(fd)

    def _walk(self, first: int, chunk_size: int) -> Generator[tuple[int, bytes, int, Fields, bytes]]:
        """Yield offset, buffer, place in it, fields and digest of each entry from `first` to the head, checked."""
        self._check_usable()
        if first < self.first_seq:
            raise Compacted(f"entry {first} is older than {self.first_seq}, the first kept; take a snapshot instead")
        head, end = self._head, self._end
        segments = self._segments[bisect_right(self._segments, first, key=lambda segment: segment.first) - 1 :]
        digest: bytes | None = None
        for segment in segments if first <= head.seq else []:
            stop = end if segment is segments[-1] else segment.size
            seq, start = self._find(segment, first)
            damage = start
            with storage(segment.path, "read"):
                # A descriptor of its own, for the last segment too: an append between two steps may close the log's.
                fd = open_file(segment.path, os.O_RDONLY)
            try:
                for damage, buffer, place, fields in walk(fd, start, stop, chunk_size):
                    if fields[7] != seq:
                        raise BadEntry(f"entry {fields[7]} stands where {seq} belongs")
                    segment.mark(seq, damage)
                    if seq >= first:
                        if fields[11] != digest and digest is not None:
                            raise BadEntry(f"entry {seq} does not follow the one before")
                        digest = check_body(buffer, place, fields)
                        yield damage, buffer, place, fields, digest
                    seq += 1
                    damage += entry_size(fields[3])
            except BadEntry as error:
                raise DataDamaged(f"{segment.path}: offset {damage}: {error}; restore it from a copy") from error
            except OSError as error:
                raise StorageFailed.of(segment.path, "read", error) from error
            finally:
                os.close(fd)

    def _find(self, segment: Segment, first: int) -> tuple[int, int]:
        """Return seq and offset of an entry of the segment, at or before `first` unless all are after it."""
        if first <= segment.first:
            return segment.first, BLOCK_SIZE
        if first == self._next_read[0]:
            return self._next_read
        index = bisect_right(segment.marks, first, key=lambda mark: mark[0])
        return segment.marks[index - 1] if index else (segment.first, BLOCK_SIZE)

    def _make_room(self, size: int) -> None:
        """Make the last segment one that takes an entry of `size` bytes."""
        last = self._segments[-1] if self._segments else None
        if last and last.runtime == self._runtime and self._end + size <= self._segment_size:
            with self._fatal(last.path, f"extend it to {self._segment_size / MIB:.1f} MiB"):
                preallocate(self._fd, self._segment_size)
                os.fsync(self._fd)
            self._capacity = self._segment_size
            return
        if last and self._end == BLOCK_SIZE:
            self._segments.pop()  # without entries: the new one replaces it
        elif last:
            with self._fatal(last.path, "finish"):
                os.ftruncate(self._fd, self._end)
                os.fsync(self._fd)
            last.size = self._end
            self._synced_seq = self._head.seq
        previous = self._segments[-1] if self._segments else None
        capacity = max(self._segment_size, BLOCK_SIZE + size)
        try:
            segment, fd = create_segment(self.folder, self._head, self._runtime, previous, capacity)
        except StorageFailed as error:
            raise self._fail(error) from error.__cause__
        if self._fd >= 0:
            os.close(self._fd)
        self._segments.append(segment)
        self._fd, self._end, self._capacity = fd, BLOCK_SIZE, capacity

    def _sync(self) -> None:
        seq = self._head.seq
        with self._fatal(self._segments[-1].path, "sync"):
            os.fdatasync(self._fd)
        self._synced_seq = seq

    def _check_usable(self) -> None:
        if self._refusal:
            raise type(self._refusal)(*self._refusal.args)

    @contextmanager
    def _fatal(self, path: Path, verb: str) -> Iterator[None]:
        """What the system refuses in here ends the log's work."""
        try:
            yield
        except OSError as error:
            raise self._fail(StorageFailed.of(path, verb, error)) from error

    def _fail(self, failure: StorageFailed) -> StorageFailed:
        self._refusal = StorageFailed(f"the log takes nothing more after a failure: {failure}")
        return failure
