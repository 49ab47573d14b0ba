"""The ordered log of entries, which is the database. Knows nothing of what an entry means.

    engine -> next_entry, append, wait -> segments on disk -> read, entries -> replay, followers

Modules, each using only those before it: `entry` (bytes), `chain` (what may follow what), `interface` (the protocol),
`segments` (files), `recovery` (what a folder holds), `disk` (the log of a folder), `offline` (a log
that nobody has open: begun in the middle, cut off). docs/log-format.md draws the files.
"""

from __future__ import annotations

from objserver.log.chain import EMPTY, Head, check_follows, follow
from objserver.log.disk import DiskLog, open_log
from objserver.log.entry import DIGEST_SIZE, NO_DIGEST, Entry, decode_entry, encode_entry
from objserver.log.interface import Log
from objserver.log.offline import begin_log, cut_log
from objserver.log.recovery import Cut, Findings, examine

__all__ = [
    "Cut",
    "DIGEST_SIZE",
    "DiskLog",
    "EMPTY",
    "Entry",
    "Findings",
    "Head",
    "Log",
    "NO_DIGEST",
    "begin_log",
    "check_follows",
    "cut_log",
    "decode_entry",
    "encode_entry",
    "examine",
    "follow",
    "open_log",
]
