"""Snapshots: the pages of a leader's checkpoint, sent to a follower whose next entry the log no longer has. Sans-IO.

    store: pin -> [SnapshotSource] -> frames S, D -> [SnapshotTarget] -> incoming/data.mdb -> install.py

    S    0     1          9         13
         | "S" | offset   | crc     | up to 1 MiB of the file ...     |     big-endian; CRC-32C of what follows it
         |     | u64      | u32     |                                 |
    D    JSON, the header again: id, size, and seq, term, digest, time_ns of the CHECKPOINT entry that it stands for

A piece is the answer to an offset, so a follower that was cut off goes on where it is, as long as the leader has the
same pages: they stay pinned for a while after their last reader left. What is on the follower's disk for sure is in
incoming/state.json, written every 32 MiB; a process that was killed takes what came after that once more.

Promise: a target that finished has, on disk, the records that the source had when it was pinned, wherever the follower
or the connection died in between, and neither side holds more than one piece in memory
(tests/replication/test_snapshot.py).
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from struct import Struct
from typing import Any, Final

from google_crc32c import value as crc32c

from ..engine.mark import Mark
from ..errors import BadRequest, DataDamaged, RuntimeMismatch, StorageFailed
from ..limits import MIB
from ..log import DIGEST_SIZE, EMPTY, Head
from ..log.segments import preallocate, write_all
from ..store import Pinned, Snapshot, sync_folder
from .state import write_whole

__all__ = ["CHUNK_SIZE", "GRACE_SECONDS", "Incoming", "SnapshotSource", "SnapshotTarget", "mark_head"]

CHUNK_SIZE: Final = 1 * MIB
# How long pages stay pinned for a follower that is gone: to connect again, or to install what it has and come back for
# the entries behind it.
GRACE_SECONDS: Final = 60.0
# And for each byte, since whoever has them all looks at every record before it comes back.
GRACE_SECONDS_PER_BYTE: Final = 1 / (20 * MIB)
SYNC_SIZE: Final = 32 * MIB

FOLDER_NAME: Final = "incoming"
_FORMAT: Final = 1
_ID_SIZE_MAX: Final = 100
_SIZE_MAX: Final = 1 << 48
_PAGE_SIZE: Final = 4096  # of LMDB, or a multiple
_CHUNK: Final = Struct(">cQI")

assert SYNC_SIZE % CHUNK_SIZE == 0


class SnapshotSource:
    """The pages of one checkpoint, to be sent to any number of followers, each at its own pace.

    Attributes:
        id: names these pages, as long as the process lives that has them.
        head: the CHECKPOINT entry that they stand for; whoever has them needs the entries after it.
        size: bytes in all.
        chunk_size: bytes of each piece but the last.
        left_at: when the last follower that takes it left, None while one is there; by any clock in seconds.
    """

    chunk_size = CHUNK_SIZE

    def __init__(self, pinned: Pinned) -> None:
        """Take over pinned pages, to be closed with it."""
        self._pinned = pinned
        self.head = mark_head(pinned.mark)
        self.size = pinned.size
        # Two nodes have the same entry, even the same number of commits, in other pages: so a part of it is random.
        self.id = f"{self.head.seq}-{pinned.id}-{pinned.size}-{os.urandom(4).hex()}"
        self.left_at: float | None = None

    def header(self) -> dict[str, Any]:
        """Return what a follower has to know of it, for JSON."""
        seq, term, digest, time_ns = self.head
        return {"id": self.id, "size": self.size, "seq": seq, "term": term, "digest": digest.hex(), "time_ns": time_ns}

    def resume(self, wanted: dict[str, Any]) -> int:
        """Return the offset where a follower goes on that has a part of a snapshot; 0 when it is none of this one."""
        self.left_at = None
        offset = wanted.get("offset")
        if wanted.get("id") == self.id and type(offset) is int and 0 <= offset <= self.size:
            return offset
        return 0

    def chunk(self, offset: int) -> bytes:
        """Return the body of the frame with the piece at `offset`.

        Raises:
            Compacted: the pages are not kept any more; begin with a new source.
            DataDamaged, StorageFailed: they can't be read.
        """
        content = self._pinned.read(offset, self.chunk_size)
        return _CHUNK.pack(b"S", offset, crc32c(content)) + content

    def is_over(self, now: float) -> bool:
        """Whether nobody can want it any more: those who took it left long ago, or its pages are lost."""
        grace = GRACE_SECONDS + self.size * GRACE_SECONDS_PER_BYTE
        return self._pinned.is_lost or (self.left_at is not None and now - self.left_at > grace)

    def close(self) -> None:
        self._pinned.close()


@dataclass(frozen=True)
class Incoming:
    """What incoming/ holds: incoming/state.json.

    Attributes:
        id, size, head: of the snapshot, as its source says.
        offset: bytes of it that are surely on the disk.
        step: "receiving"; "received", all of it; "verified", its records are good and it is to replace the folder's.
    """

    id: str
    size: int
    head: Head
    offset: int = 0
    step: str = "receiving"

    @classmethod
    def load(cls, folder: Path) -> Incoming | None:
        """Return what the data folder holds of a snapshot; None for none.

        Raises:
            DataDamaged: the file does not say.
            RuntimeMismatch: another version wrote it.
            StorageFailed: it can't be read.
        """
        path = folder / FOLDER_NAME / "state.json"
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed.of(path, "read", error) from error
        try:
            found = json.loads(content)
            if found["format"] != _FORMAT:
                raise RuntimeMismatch(
                    f"{path} has format {found['format']!r:.40}, not {_FORMAT}; use the objserver that wrote it"
                )
            incoming = replace(_read_header(found), offset=found["offset"], step=found["step"])
            if type(incoming.offset) is not int or incoming.step not in ("receiving", "received", "verified"):
                raise ValueError("its offset or step is none")
        except (ValueError, KeyError, TypeError, RecursionError, BadRequest) as error:
            raise DataDamaged(
                f"{path} does not say what of a snapshot was received: {error}; remove the folder {path.parent} and "
                "start again, it is received anew"
            ) from error
        return incoming

    def save(self, folder: Path) -> None:
        """Write it; on disk when this returns. Raises StorageFailed."""
        seq, term, digest, time_ns = self.head
        head = {"seq": seq, "term": term, "digest": digest.hex(), "time_ns": time_ns}
        saved = {"format": _FORMAT, "id": self.id, "size": self.size, **head, "offset": self.offset, "step": self.step}
        write_whole(folder / FOLDER_NAME / "state.json", json.dumps(saved).encode())


class SnapshotTarget:
    """A snapshot on its way into a data folder."""

    def __init__(self, folder: Path) -> None:
        """Look for one that was begun. Raises DataDamaged, RuntimeMismatch, StorageFailed."""
        self._folder = folder
        self._path = folder / FOLDER_NAME / "data.mdb"
        self._incoming = Incoming.load(folder)
        self._done = self._incoming.offset if self._incoming is not None else 0
        self._descriptor = -1

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes that came, and of how many."""
        return self._done, self._incoming.size if self._incoming is not None else 0

    def resumption(self) -> dict[str, Any] | None:
        """Return what to ask a leader for, to go on with what is here; None when nothing is."""
        return {"id": self._incoming.id, "offset": self._done} if self._incoming is not None else None

    def begin(self, header: dict[str, Any]) -> None:
        """Get ready for the pieces of a snapshot: from its `offset` on, which is where this one is, or from 0.

        Raises:
            BadRequest: it is no header, or would leave a gap.
            StorageFailed: there is no room for it, or the disk refuses.
        """
        incoming = _read_header(header)
        offset = header.get("offset", 0)
        here = self._incoming
        known = here is not None and (here.id, here.size, here.head) == (incoming.id, incoming.size, incoming.head)
        if offset and not (known and offset == self._done):
            raise BadRequest(f"snapshot {incoming.id} at offset {offset!r:.40}, which does not go on with what is here")
        try:
            if offset:
                self._open(os.O_WRONLY)
            else:
                self._start(incoming)
        except OSError as error:
            raise StorageFailed.of(self._path, f"make room for {incoming.size / MIB:,.1f} MiB", error) from error

    def take(self, body: bytes) -> None:
        """Take a frame with the next piece.

        Raises:
            BadRequest: it is not that, or was damaged on its way.
            StorageFailed: the disk is full or refuses.
        """
        incoming = self._incoming
        if incoming is None or self._descriptor < 0:
            raise BadRequest("a piece of a snapshot that was not begun")
        if len(body) <= _CHUNK.size:
            raise BadRequest(f"a piece of a snapshot in {len(body)} bytes")
        _, offset, crc = _CHUNK.unpack_from(body)
        content = body[_CHUNK.size :]
        if offset != self._done or offset + len(content) > incoming.size:
            raise BadRequest(
                f"a piece of {len(content)} bytes at offset {offset}, where {self._done} of {incoming.size} is next"
            )
        if crc32c(content) != crc:
            raise BadRequest(f"the piece at offset {offset} of the snapshot was damaged on its way")
        try:
            write_all(self._descriptor, content, offset)
            self._done += len(content)
            if self._done - incoming.offset >= SYNC_SIZE:
                os.fdatasync(self._descriptor)
                self._remember(replace(incoming, offset=self._done))
        except OSError as error:
            raise StorageFailed.of(self._path, "write", error) from error

    def finish(self, header: dict[str, Any]) -> None:
        """See that all of it is there and is what it was said to be; it is on the disk then, for `install` to take.

        Raises:
            BadRequest: pieces are missing, or it is not the snapshot that was begun.
            DataDamaged: what came is no checkpoint, or of another entry.
            StorageFailed: the disk refuses.
        """
        incoming, found = self._incoming, _read_header(header)
        if incoming is None or self._descriptor < 0 or (found.id, found.size) != (incoming.id, incoming.size):
            raise BadRequest(f"the end of snapshot {found.id}, which was not begun")
        if self._done < incoming.size:
            raise BadRequest(f"snapshot {incoming.id} ends at offset {self._done} of {incoming.size}")
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise StorageFailed.of(self._path, "sync", error) from error
        self.close()
        with Snapshot(self._path.parent) as snapshot:
            head = mark_head(snapshot.checkpoint_mark)
        if head != incoming.head:
            raise DataDamaged(f"{self._path} is a checkpoint of entry {head.seq}, said to be of {incoming.head.seq}")
        self._remember(replace(incoming, offset=incoming.size, step="received"))

    def close(self) -> None:
        """Give back the file. What came stays, to go on with."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Give back what came and its space. Raises StorageFailed."""
        try:
            self._clear()
        except OSError as error:
            raise StorageFailed.of(self._path, "remove", error) from error

    def _clear(self) -> None:
        """Raises OSError."""
        self.close()
        self._incoming, self._done = None, 0
        folder = self._path.parent
        # What it said first: a part of one snapshot must not be taken for one of another.
        (folder / "state.json").unlink(missing_ok=True)
        if folder.exists():
            sync_folder(folder)
            shutil.rmtree(folder)

    def _start(self, incoming: Incoming) -> None:
        """Raises OSError, StorageFailed."""
        self._clear()
        folder = self._path.parent
        folder.mkdir()
        sync_folder(self._folder)
        self._open(os.O_WRONLY | os.O_CREAT)
        try:
            preallocate(self._descriptor, incoming.size)
        except OSError:
            os.ftruncate(self._descriptor, 0)  # a full disk gets its space back
            raise
        self._remember(incoming)

    def _open(self, flags: int) -> None:
        self.close()
        self._descriptor = os.open(self._path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)

    def _remember(self, incoming: Incoming) -> None:
        incoming.save(self._folder)
        self._incoming = incoming


def mark_head(mark: bytes | None) -> Head:
    """Return the entry that a checkpoint stands for, from its mark. Raises DataDamaged: it is none."""
    try:
        return Mark.unpack(mark).head if mark is not None else EMPTY
    except ValueError as error:
        raise DataDamaged(f"{error}; restore the folder from a backup") from error


def _read_header(header: dict[str, Any]) -> Incoming:
    """Raises BadRequest."""
    names = {"id": str, "digest": str, "size": int, "seq": int, "term": int, "time_ns": int}
    try:
        for name, kind in names.items():
            if type(header.get(name)) is not kind:
                raise ValueError(f"its {name} is {header.get(name)!r:.40}")
        id, digest, size, seq, term, time_ns = (header[name] for name in names)
        head = Head(seq, term, bytes.fromhex(digest), time_ns)
        if not 0 < size <= _SIZE_MAX or size % _PAGE_SIZE or len(id) > _ID_SIZE_MAX or len(head.digest) != DIGEST_SIZE:
            raise ValueError(f"size {size}, digest {digest:.40}")
        if not all(0 <= number < 1 << 64 for number in (seq, term, time_ns)):
            raise ValueError(f"seq {seq}, term {term}, time {time_ns}")
    except ValueError as error:
        raise BadRequest(f"the header of a snapshot is none: {error}") from error
    return Incoming(id, size, head)
