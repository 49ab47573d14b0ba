"""The chain: what may follow what. Every implementation of the log asks here before it takes an entry.

    head + encoded entry -> [follow] -> the next head, or who is at fault

Promise: a log that takes only what `follow` allows has no gap, no entry of another log, no older term after a newer
one and no time that goes back.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from objserver.errors import BadEntry, LogGap, StaleTerm
from objserver.log.entry import NO_DIGEST, Entry, Fields, check_body, check_header, entry_size

__all__ = ["EMPTY", "Head", "breach", "check_follows", "follow"]


class Head(NamedTuple):
    """The last entry of a log; `EMPTY` before the first."""

    seq: int
    term: int
    digest: bytes
    time_ns: int


EMPTY: Final = Head(0, 0, NO_DIGEST, 0)


def follow(head: Head, term: int, seq: int, entry: bytes) -> tuple[Head, int]:
    """Return the head after `entry`, and the highest seq the entry says is on disk.

    Raises:
        LogGap: `seq` does not follow the head's.
        StaleTerm: `term` is below the head's.
        BadEntry: `entry` is damaged, is not entry `seq` of `term`, continues another log, or its time goes back.
    """
    if seq != head.seq + 1:
        raise LogGap(f"expected entry {head.seq + 1}, received {seq}; send again from {head.seq + 1}")
    if term < head.term:
        raise StaleTerm(f"entry {seq} of term {term} comes after term {head.term}; another leader has taken over")
    fields = check_header(entry, 0)
    digest = check_body(entry, 0, fields)
    _, _, _, payload_size, _, _, _, entry_seq, entry_term, time_ns, synced_seq, previous = fields
    if entry_seq != seq or entry_term != term or previous != head.digest or time_ns < head.time_ns:
        raise BadEntry(breach(head, fields) or f"entry {seq} is of term {entry_term}, sent as of term {term}")
    if len(entry) != entry_size(payload_size):
        raise BadEntry(f"entry {seq} of {entry_size(payload_size)} bytes came in {len(entry)}")
    return Head(seq, term, digest, time_ns), synced_seq


def check_follows(head: Head, entry: Entry) -> None:
    """Check that a decoded entry may follow the head. Raises as `follow`."""
    if entry.seq != head.seq + 1:
        raise LogGap(f"expected entry {head.seq + 1}, received {entry.seq}; send again from {head.seq + 1}")
    if entry.term < head.term:
        raise StaleTerm(
            f"entry {entry.seq} of term {entry.term} comes after term {head.term}; another leader has taken over"
        )
    if entry.previous != head.digest or entry.time_ns < head.time_ns:
        raise BadEntry(f"entry {entry.seq} does not continue entry {head.seq} of this log, but one of another history")


def breach(head: Head, fields: Fields) -> str:
    """Return why the entry with these fields can't follow `head`, or an empty text when it can."""
    *_, seq, term, time_ns, _, previous = fields
    if seq != head.seq + 1:
        return f"entry {seq} stands where {head.seq + 1} belongs"
    if previous != head.digest:
        return f"entry {seq} follows an entry with digest {previous.hex()}; the one before has {head.digest.hex()}"
    if term < head.term:
        return f"entry {seq} is of term {term}, after term {head.term}"
    if time_ns < head.time_ns:
        return f"entry {seq} has time {time_ns}, before {head.time_ns} of the entry before"
    return ""
