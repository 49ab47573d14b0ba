"""Divergence: what is known when the log, run again, comes to something else than it did for its leader.

    replay, apply --> [Divergence]: which entry, which snippet, what here --.
    checkpoint    --> [Written]: what was written, here and there --------- +--> [compare] --> differences, with paths
    the other node's records -----------------------------------------------'    [suspects] -> snippets, from the log

Nothing here asks another node: objserver/replication/divergence.py does, and writes the report.

Promise: bounded in memory, records read and length, whatever the heap; what is left out is said
(tests/engine/test_divergence.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from ..heap.buckets import BUCKETS_END
from ..heap.differences import Difference, owners, paths
from ..heap.differences import compare as differences
from ..heap.readable import Reader
from ..limits import MIB
from ..log import Head
from .entries import BATCH, Item, unpack_batch

if TYPE_CHECKING:
    from .engine import Engine

__all__ = ["Difference", "Divergence", "Snippet", "Suspect", "Written", "compare", "is_telling", "suspects"]

# What a checkpoint wrote is noted up to this size: some 200,000 records. It is kept until the next one has ended.
WRITTEN_SIZE_MAX: Final = 4 * MIB
NOTE_SIZE: Final = 8  # of a record's digest

_RESULT_LENGTH_MAX: Final = 1_000
SUSPECTS_MAX: Final = 50
# Objects looked at for the container that has a piece.
_CANDIDATES_MAX: Final = 20_000


class Written:
    """Keys of the records that a checkpoint wrote, and the beginning of the digest of each.

    Attributes:
        seq: of its CHECKPOINT entry.
        is_whole: it has all of them.
    """

    def __init__(self, seq: int, packed: bytes = b"", *, is_whole: bool = True) -> None:
        self.seq = seq
        self.is_whole = is_whole
        self._packed = bytearray(packed)

    def add(self, records: Iterable[tuple[bytes, bytes | None]], digests: Iterable[bytes]) -> None:
        if len(self._packed) > WRITTEN_SIZE_MAX:
            self.is_whole = False
            return
        for (key, _), digest in zip(records, digests, strict=True):
            self._packed += b"%c%b%b" % (len(key), key, digest[:NOTE_SIZE])

    def pack(self) -> bytes:
        return bytes(self._packed)

    def notes(self) -> dict[bytes, bytes]:
        """Return key -> beginning of the digest. Raises IndexError, ValueError: what was unpacked is none."""
        found: dict[bytes, bytes] = {}
        packed, at = bytes(self._packed), 0
        while at < len(packed):
            middle = at + 1 + packed[at]
            found[packed[at + 1 : middle]] = packed[middle : middle + NOTE_SIZE]
            at = middle + NOTE_SIZE
        if at != len(packed):
            raise ValueError("it ends within a note")
        return found

    def differing(self, other: Written) -> list[bytes]:
        """Return the keys, sorted, of records that one wrote and the other one did not, or not the same."""
        here, there = self.notes(), other.notes()
        keys = here.keys() | there.keys() if self.is_whole and other.is_whole else here.keys() & there.keys()
        return sorted(key for key in keys if here.get(key) != there.get(key))


def is_telling(key: bytes) -> bool:
    """Whether a record is content, and not a part of an index that follows from it."""
    return len(key) == 8 or int.from_bytes(key[8:], "big") >= BUCKETS_END


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A snippet of the log; `args` is JSON text."""

    seq: int
    index: int
    kind: str
    code: str
    args: str
    principal: str
    request_id: str

    @classmethod
    def of(cls, seq: int, index: int, item: Item, code: str) -> Snippet:
        return cls(
            seq=seq, index=index, kind=item.kind, code=code, args=item.args.decode(), principal=item.principal,
            request_id=item.request_id,
        )  # fmt: skip


@dataclass(kw_only=True)
class Divergence:
    """What is known on this side.

    Attributes:
        kind: what differs: the result of a snippet, or what a checkpoint wrote.
        seq: the entry that told.
        checkpoint: of "digest": the CHECKPOINT entry of the one that differs; of "result", that of the last one.
        since_seq: the checkpoint before, which was the same.
        here: of "result", what it is here; of "digest", the digest.
        there: of "digest", the one of the log.
        snippet: of "result".
        changed: of "result": what the snippet changed here, by key; None for what it deleted.
        names: and which names of the root.
    """

    kind: Literal["result", "digest"]
    seq: int
    since_seq: int
    checkpoint: Head | None = None
    here: str = ""
    there: str = ""
    snippet: Snippet | None = None
    changed: dict[bytes, bytes | None] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @property
    def as_of_seq(self) -> int:
        """The entry up to which this side's records hold everything."""
        return self.checkpoint.seq if self.kind == "digest" and self.checkpoint is not None else self.seq

    @property
    def text(self) -> str:
        """What happened, and for whoever restores from a backup, what to do."""
        if self.snippet is not None:
            told = (
                f"entry {self.seq}, snippet {self.snippet.index}: gives another result than when it first ran, now "
                f"{self.here[:_RESULT_LENGTH_MAX]!r}; the snippet is {self.snippet.code[:_RESULT_LENGTH_MAX]!r}"
            )
        else:
            told = (
                f"entry {self.seq}: the heap as of entry {self.as_of_seq} has digest {self.here}, was "
                f"{self.there} when the log was written"
            )
        return f"{told}; keep the folder as it is and report this; a backup from before that entry opens"

    @property
    def line(self) -> str:
        """What happened, in short."""
        if self.snippet is not None:
            return f"entry {self.seq}, snippet {self.snippet.index}, gives another result than on its leader"
        return (
            f"the objects as of entry {self.as_of_seq} are others than on its leader, as entry {self.seq} tells"
        )


# --- what differs ---------------------------------------------------------------------------------------------------


def compare(
    engine: Engine,
    what: Divergence,
    keys: Collection[bytes],
    there: Mapping[bytes, bytes | None],
    containers: Iterable[bytes] = (),
) -> list[Difference]:
    """Return how the records of these keys differ, readable.

    Args:
        there: the other node's records of them; a key that is missing was not to be had.
        containers: keys of objects that may be the containers of pieces among them.
    Raises:
        DataDamaged: a record here does not match its checksum.
    """

    def get_here(key: bytes) -> bytes | None:
        return what.changed[key] if key in what.changed else engine.records([key], 1)[1][0]

    def get_there(key: bytes) -> bytes | None:
        return there[key] if key in there else get_here(key)  # for the names of classes

    here, other = Reader(get_here), Reader(get_there)
    candidates = dict.fromkeys([*what.changed, *keys, *containers])
    owned = owners((here, other), islice((key for key in candidates if len(key) == 8), _CANDIDATES_MAX))
    unknown = [key for key in keys if key not in there]
    names = what.names if what.snippet is not None else None
    found = differences(here, other, keys, unknown=unknown, owned=owned, names=names)
    where = paths(here, engine.scan, [each.oid for each in found])
    where = paths(other, engine.scan, [each.oid for each in found if each.oid not in where]) | where
    for each in found:
        each.where = where.get(each.oid, "")
    return found


@dataclass
class Suspect:
    """A text that ran between the last checkpoint that was the same and the one that is not.

    Attributes:
        first: the first snippet of it.
        count: how often it ran.
        mentions: the names in it among those that were asked for.
    """

    first: Snippet
    count: int
    mentions: list[str]


def suspects(engine: Engine, what: Divergence, names: Collection[str]) -> tuple[list[Suspect], int]:
    """Return the snippets of the log after the checkpoint before, up to the one that differs, and how many texts there
    are. Those that mention one of `names` come first, then those that ran first; up to SUSPECTS_MAX."""
    texts: dict[bytes, str] = {}
    found: dict[bytes, Suspect] = {}
    asked = {name: re.compile(rf"\b{re.escape(name)}\b") for name in names}
    for entry in engine.log.entries(max(what.since_seq + 1, engine.log.first_seq)):
        if entry.seq > what.as_of_seq:
            break
        if entry.kind != BATCH:
            continue
        items, new_texts = unpack_batch(entry.payload)
        texts.update(new_texts)
        for index, item in enumerate(items):
            known = found.get(item.code)
            if known is not None:
                known.count += 1
            else:
                code = texts.get(item.code, "")
                mentions = [name for name, pattern in asked.items() if pattern.search(code)]
                found[item.code] = Suspect(Snippet.of(entry.seq, index, item, code), 1, mentions)
    listed = sorted(found.values(), key=lambda each: (not each.mentions, each.first.seq, each.first.index))
    return listed[:SUSPECTS_MAX], len(listed)
