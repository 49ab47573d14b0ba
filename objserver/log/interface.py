"""The log as the engine sees it. Segments on disk stand behind it now; a consensus engine can.

    engine: next_entry -> append -> wait -> reply        recovery, followers: read, entries

Promise: an entry is in the log or it is not, never "maybe"; what `wait` returned for is kept. One contract test runs
over every implementation (tests/log/contract.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from objserver.log.chain import Head
from objserver.log.entry import Entry

__all__ = ["Log"]


class Log(Protocol):
    """An ordered log of entries with seqs from 1. Used by one thread at a time.

    Every method but `head`, `first_seq` and `close` raises StorageFailed once a write or sync has failed, until the
    log is opened again, and ValueError once it is closed.
    """

    @property
    def first_seq(self) -> int:
        """The oldest seq that can be read; head().seq + 1 when there is none."""
        ...

    @property
    def synced_seq(self) -> int:
        """The last entry that is known to be on the disk."""
        ...

    def head(self) -> Head:
        """Return the last entry's seq, term, digest and time; seq 0 for an empty log."""
        ...

    def next_entry(self, *, term: int, time_ns: int, kind: int, payload: bytes, flags: int = 0) -> bytes:
        """Return the encoded entry that would follow the head. The log is not changed.

        Raises:
            BadEntry: the payload is too large or a number does not fit its field.
        """
        ...

    def append(self, term: int, seq: int, entry: bytes) -> None:
        """Put an encoded entry behind the head. It is read at once and durable after `wait(seq)`.

        Raises:
            LogGap: `seq` does not follow the head's.
            StaleTerm: `term` is below the head's.
            BadEntry: the bytes are not that entry, belong to another log, or their time goes back.
            StorageFailed: the entry is not in the log, and the log takes no more until it is opened again.
        """
        ...

    def wait(self, seq: int) -> None:
        """Return when all entries up to `seq` are durable. Cheap when they already are.

        Raises:
            LogGap: `seq` is beyond the head.
            StorageFailed: whether they are durable is unknown until the log is opened again.
        """
        ...

    def read(self, first: int, size_max: int) -> list[bytes]:
        """Return encoded entries from `first` on; an empty list beyond the head.

        Stops before exceeding `size_max` bytes but returns at least one entry, so a follower behind one large entry
        still makes progress.

        Raises:
            Compacted: `first` is below `first_seq`; take a snapshot instead.
            DataDamaged: entry `first` is not what was written; names file and offset.
        Source: Raft (Ongaro and Ousterhout, 2014), section 5.3.
        """
        ...

    def digest_at(self, seq: int) -> bytes:
        """Return the digest of entry `seq`, which names all of history up to there; also of the one before `first_seq`.

        Raises:
            Compacted: `seq` is older than that.
            LogGap: `seq` is beyond the head.
            DataDamaged: the entry behind it is not what was written; names file and offset.
        """
        ...

    def size_after(self, seq: int) -> int:
        """Return about how many bytes of entries lie after entry `seq`: 0 from the head on, never more than are kept,
        never more for a later seq. Cheap, for figures."""
        ...

    def entries(self, first: int) -> Iterator[Entry]:
        """Yield decoded entries from `first` up to the head at the time of the call, in bounded memory.

        Don't trim while it runs. Raises like `read`, the first time at the first step.
        """
        ...

    def trim(self, upto: int, keep_size: int = 0) -> None:
        """Give back the space of entries up to `upto`, as far as the log can do so cheaply. The head stays.

        Some of the entries may stay readable; `first_seq` says from where. Never touches an entry after `upto`, and
        leaves the last `keep_size` bytes of entries.
        """
        ...

    def close(self) -> None:
        """Make everything durable and give back the files. A second call does nothing.

        Raises:
            StorageFailed: the last entries may not be durable.
        """
        ...
