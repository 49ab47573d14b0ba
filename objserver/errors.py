"""Errors that cross package borders, each with what state it leaves and whether to retry.

    ObjserverError
    ├── SnippetError            the snippet's fault: rolled back, nothing logged, the heap is as before
    │   ├── ReadOnly            a query touched the heap; use eval
    │   ├── NotStorable         a value that can't be kept was left in the heap
    │   ├── ResultTooLarge      the value does not fit a reply
    │   └── UpgradeFailed       an __upgrade__ raised; the instance is as before
    ├── RequestError            the client's fault: the request was not run
    │   ├── FrameTooLarge
    │   ├── BadRequest
    │   ├── Overloaded          a bound is reached; retry later
    │   ├── NotLeader           a follower changes nothing; ask its leader
    │   ├── Behind              the node lacks an entry that was asked for; retry, or ask another node
    │   ├── TooFewReplicas      too few followers are connected to change anything; retry later
    │   ├── Unavailable         the node serves nobody now; ask another node
    │   └── ReplicationRefused  the two nodes can't be leader and follower, or not so; the text says what to do
    ├── NotReplicated           kept on this node, perhaps on no other; look before repeating
    ├── LogError                a fault of whoever feeds the log: refused, the log is as before
    │   ├── BadEntry            bytes that are not an entry, or not the one that follows
    │   ├── Compacted           older than what the log keeps; take a snapshot
    │   ├── LogGap              an entry before it is missing; ask again from there
    │   └── StaleTerm           from a leader that has been replaced
    └── MachineError            the machine's fault: the node stops before it replies
        ├── DataFolderInUse     another process holds the folder
        ├── DataDamaged         a file does not hold what was written; nothing is changed
        ├── Diverged            the log run again gives another heap or result than it did
        ├── ListenFailed        an address is in use or may not be served
        ├── RuntimeMismatch     the log was written by another Python or sandbox version
        └── StorageFailed       disk full, sync error
            └── MapFull         no address space is left for the records
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = [
    "BadEntry",
    "BadRequest",
    "Behind",
    "Compacted",
    "DataDamaged",
    "DataFolderInUse",
    "Diverged",
    "FrameTooLarge",
    "ListenFailed",
    "LogError",
    "LogGap",
    "MachineError",
    "MapFull",
    "NotLeader",
    "NotReplicated",
    "NotStorable",
    "ObjserverError",
    "Overloaded",
    "ReadOnly",
    "ReplicationRefused",
    "RequestError",
    "ResultTooLarge",
    "RuntimeMismatch",
    "SnippetError",
    "StaleTerm",
    "StorageFailed",
    "TooFewReplicas",
    "Unavailable",
    "UpgradeFailed",
]


class ObjserverError(Exception):
    """Base of everything objserver raises on purpose."""


class SnippetError(ObjserverError):
    """The snippet's fault. It was rolled back and not logged; the same snippet will fail again."""


class ReadOnly(SnippetError):
    """A query tried to change the heap. Nothing changed; use `eval`."""


class NotStorable(SnippetError):
    """A value that can't be kept (a lambda, a generator, a bound method) was left in the heap. Rolled back."""


class ResultTooLarge(SnippetError):
    """The result does not fit in a reply. The snippet was rolled back; return less."""


class UpgradeFailed(SnippetError):
    """An `__upgrade__` raised. Rolled back, the instance is as before; define the class again with one that works."""


class RequestError(ObjserverError):
    """The client's fault. The request was not run; correct it before sending it again."""


class FrameTooLarge(RequestError):
    """A frame's size is above the limit. The connection can't be read further and is closed.

    `bodies` are the complete frames that arrived before it in the same piece of the stream.
    """

    def __init__(self, message: str, bodies: Sequence[bytes] = ()) -> None:
        super().__init__(message)
        self.bodies = bodies


class BadRequest(RequestError):
    """The request is not one this server knows. Not run."""


class Overloaded(RequestError):
    """A bound is reached. Not run; retry later."""


class NotLeader(RequestError):
    """This node is a follower, and only its leader changes anything. Nothing changed; send it to `leader`.

    `leader` is the leader's address as text, None when it is not known.
    """

    def __init__(self, message: str, leader: str | None = None) -> None:
        super().__init__(message)
        self.leader = leader


class Behind(RequestError):
    """The node did not get the entry that was asked for (`min_seq`) in time. Not run; retry, or ask another node."""


class TooFewReplicas(RequestError):
    """Fewer followers are connected than a change has to wait for. Nothing changed; retry when they are back."""


class Unavailable(RequestError):
    """The node serves nobody now: it has diverged from its leader, or is being built again. Ask another node."""


class ReplicationRefused(RequestError):
    """One node can't follow the other, or the request does not fit its role. Nothing changed; the text says why.

    `reason` is a word for programs: cluster, full, history, role, runtime, self, stale, unavailable, version. `term`
    and `leader` are the refusing node's.
    """

    def __init__(self, message: str, *, reason: str = "", term: int = 0, leader: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.term = term
        self.leader = leader


class NotReplicated(ObjserverError):
    """Too few followers said in time that they have the change. It is kept here, perhaps on no other node, and stays
    unless this node is lost or replaced before they catch up. Look before repeating it."""


class LogError(ObjserverError):
    """The log refuses an entry or a position, by the fault of whoever feeds or reads it. The log is as before."""


class BadEntry(LogError):
    """The bytes are not an entry, or not the one that follows the head: damaged on the way, or of another log."""


class Compacted(LogError):
    """The position is older than what the log keeps. Nothing to retry; take a snapshot instead."""


class LogGap(LogError):
    """The entry does not follow the head by one. Ask its sender again from the entry after the head."""


class StaleTerm(LogError):
    """The entry comes from a leader that has been replaced. Its sender must stop leading."""


class MachineError(ObjserverError):
    """The machine's fault, not an outcome: the node stops before it replies. What was acknowledged stays."""


class DataFolderInUse(MachineError):
    """Another process has the data folder open. Nothing was touched."""


class DataDamaged(MachineError):
    """A file in the data folder does not hold what was written to it. Nothing was changed or thrown away."""


class ListenFailed(MachineError):
    """An address is in use, can't be listened on or may not be served. Nobody was served; the data are as before."""


class Diverged(MachineError):
    """The log, run again, gives another heap or result than when it was written. The log is as before.

    `what` has the facts (objserver/engine/divergence.py).
    """

    def __init__(self, message: str, what: Any = None) -> None:
        super().__init__(message)
        self.what = what


class RuntimeMismatch(MachineError):
    """The log holds entries of another Python or sandbox version. Nothing was changed."""


class StorageFailed(MachineError):
    """The disk is full or refused a write or a sync. The last batch was not acknowledged."""

    @classmethod
    def of(cls, path: Path, verb: str, error: Exception) -> StorageFailed:
        """Return the error to raise when the system refuses to `verb` the file, with what to do."""
        code = getattr(error, "errno", None)
        free = _free_size(path)
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or 0 <= free < _FREE_SIZE_MIN:
            remedy = "make room on its disk, or raise the quota or file size limit, and start again"
        else:
            remedy = "check the disk and the rights of the folder, then start again"
        found = f" ({free / 2**20:.1f} MiB are free there)" if free >= 0 else ""
        return cls(f"{path}: can't {verb}: {os.strerror(code) if code else error}; {remedy}{found}")


class MapFull(StorageFailed):
    """LMDB's map of the records is full. The transaction that met it wrote nothing."""


# Less than a write of ours needs. LMDB calls it an input/output error when a full disk cuts a write short.
_FREE_SIZE_MIN = 64 * 1024


def _free_size(path: Path) -> int:
    """Return the bytes that may be written to the disk that holds `path`, -1 when that is not known."""
    for place in (path, *path.parents):
        try:
            found = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            break
        return found.f_bavail * found.f_frsize
    return -1
