"""Differences: what two heaps have under the same keys, side by side, and where from the roots it stands.

    keys, records here and there --> [compare] --> Difference: object, parts with both texts
                                     [paths]   --> "users['bob']", by a search from the roots of bounded length

Pieces of a container are told as parts of it. Oids are given in order of adoption, the same on every replica, so an
object that only one side has is told as such.

Promise: what is said to differ does; bounded in what is read and told (tests/engine/test_divergence.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from .plain_records import Unreadable
from .readable import ORDER, TREES, Owner, Reader
from .records import LARGE, LIBRARY_OID, ROOT_OID, record_key

__all__ = ["Difference", "compare", "owners", "paths"]

# Parts of one object that are told, and characters of each: around the first that differs.
PARTS_MAX: Final = 20
TEXT_LENGTH_MAX: Final = 300
_BEFORE_LENGTH: Final = 80

# Records read in a search from the roots.
SEARCH_COUNT_MAX: Final = 20_000
_SCAN_COUNT: Final = 128

Scan = Callable[[bytes, bytes, int], list[tuple[bytes, bytes]]]


@dataclass
class Difference:
    """One object that is not the same here and there.

    Attributes:
        title: as `User 17`.
        where: from the roots, as `users['bob']`; "" when that was not found.
        parts: (name, text here, text there); None for what is not there. The first PARTS_MAX.
        count: of all parts that differ.
        note: what else is to be said.
    """

    oid: int
    title: str
    where: str = ""
    parts: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    count: int = 0
    note: str = ""


def compare(
    here: Reader,
    there: Reader,
    keys: Iterable[bytes],
    *,
    unknown: Collection[bytes] = (),
    owned: dict[int, Owner] | None = None,
    names: Collection[str] | None = None,
) -> list[Difference]:
    """Return what differs in the records of these keys, objects before pieces.

    Args:
        unknown: keys of records that were not to be had there: only this side is told.
        owned: storage -> the container whose pieces it has.
        names: the roots to look at; None for all.
    """
    found: dict[int, Difference] = {}
    for key in sorted(keys, key=lambda key: (len(key), key)):
        number = int.from_bytes(key[:8], "big")
        owner = (owned or {}).get(number) if len(key) > 8 else None
        oid = number if len(key) == 8 else owner.oid if owner is not None else 0
        mine, other = here.get(key), there.get(key)
        if mine == other and key not in unknown:
            continue
        if mine == b"":
            large = there.large(other) if other else None
            if large is not None and large.kind not in TREES:
                continue  # its entries come as pieces
        difference = found.get(oid)
        if difference is None:
            record = mine if len(key) == 8 else here.get(record_key(oid)) or there.get(record_key(oid))
            title = (here if record else there).title(oid, record or other)
            difference = found[oid] = Difference(oid, title if oid else f"pieces of storage {number}")
        if len(key) == 8 and (mine is None or (other is None and key not in unknown)):
            difference.note = "is there alone, not here" if mine is None else "is here alone, not there"
        if mine == b"":
            difference.note = "was changed; it is in pieces, whose items are not shown"
            continue
        texts = [_parts(here, key, mine, owner), _parts(there, key, None if key in unknown else other, owner)]
        for label, text, text_there in _differing(*texts, one_side=key in unknown):
            if oid == ROOT_OID and names is not None and label.removeprefix("definition of ") not in names:
                continue
            difference.count += 1
            if len(difference.parts) < PARTS_MAX:
                difference.parts.append((label.strip(), *_around(text, text_there)))
    return [difference for difference in found.values() if difference.count or difference.note]


def _parts(reader: Reader, key: bytes, record: bytes | None, owner: Owner | None) -> dict[str, str]:
    if not record:
        return {}
    try:
        return reader.parts(key, record, owner)
    except (Unreadable, TypeError, ValueError, IndexError) as error:
        return {" is unreadable": str(error)}


def _differing(
    here: dict[str, str], there: dict[str, str], *, one_side: bool
) -> Iterator[tuple[str, str | None, str | None]]:
    told = False
    for label in dict.fromkeys([*here, *there]):
        if label != ORDER and here.get(label) != there.get(label):
            told = True
            yield label, here.get(label), there.get(label)
    if not told and not one_side and here.get(ORDER) != there.get(ORDER):
        yield ORDER, here.get(ORDER), there.get(ORDER)


def _around(here: str | None, there: str | None) -> tuple[str | None, str | None]:
    """Return both texts, cut to what shows how they differ."""
    if max(len(here or ""), len(there or "")) <= TEXT_LENGTH_MAX:
        return here, there
    start = 0
    if here is not None and there is not None:
        pairs = enumerate(zip(here, there, strict=False))
        first = next((at for at, (mine, other) in pairs if mine != other), min(len(here), len(there)))
        start = max(0, first - _BEFORE_LENGTH)

    def cut(text: str | None) -> str | None:
        if text is None:
            return None
        end = start + TEXT_LENGTH_MAX
        return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")

    return cut(here), cut(there)


def owners(readers: Iterable[Reader], keys: Iterable[bytes]) -> dict[int, Owner]:
    """Return storage -> container, of the containers in pieces among the objects of these keys."""
    found: dict[int, Owner] = {}
    readers = list(readers)
    for key in keys:
        for reader in readers:
            record = reader.get(key)
            if record is not None and record[:1] == LARGE and (large := reader.large(record)) is not None:
                found.setdefault(large.shape[0], Owner(int.from_bytes(key, "big"), large.kind))
    return found


def paths(reader: Reader, scan: Scan, wanted: Collection[int]) -> dict[int, str]:
    """Return oid -> where from the roots it stands, for those of `wanted` that a search finds; nearest first.

    Args:
        scan: returns records by their keys, from one on and before another, up to a count; for pieces.
    """
    missing = set(wanted) - {ROOT_OID, 0}
    found: dict[int, str] = {}
    reached = {ROOT_OID}
    waiting = deque([(ROOT_OID, "")])
    left = SEARCH_COUNT_MAX
    while waiting and missing and left > 0:
        oid, path = waiting.popleft()
        record = reader.get(record_key(oid))
        left -= 1
        if not record:
            continue
        for key, piece, owner in _records_of(reader, scan, oid, record):
            left -= 1
            try:
                for label, held in reader.children(key, piece, owner):
                    if held.oid not in reached and held.oid < LIBRARY_OID:
                        reached.add(held.oid)
                        where = path + label
                        if held.oid in missing:
                            missing.discard(held.oid)
                            found[held.oid] = where
                        waiting.append((held.oid, where))
            except (Unreadable, TypeError, ValueError, IndexError):
                pass
            if left <= 0 or not missing:
                break
    return found


def _records_of(
    reader: Reader, scan: Scan, oid: int, record: bytes
) -> Iterator[tuple[bytes, bytes, Owner | None]]:
    """Yield an object's record, and its pieces."""
    yield record_key(oid), record, None
    if record[:1] != LARGE or (large := reader.large(record)) is None:
        return
    storage: int = large.shape[0]
    owner = Owner(oid, large.kind)
    first, end = record_key(storage, 1 << 42), record_key(storage + 1)
    while pairs := scan(first, end, _SCAN_COUNT):
        for key, piece in pairs:
            yield key, piece, owner
        first = pairs[-1][0] + b"\0"
