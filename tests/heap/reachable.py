"""What the root reaches in LMDB: the content of a heap.

What else is there waits to be deleted, and how much of that there is depends on when checkpoints were.
"""

from __future__ import annotations

from objserver.heap.buckets import BUCKETS_END
from objserver.heap.records import LARGE, ROOT_OID, record_key
from objserver.heap.references import content_of, piece_references, references
from objserver.store import Store

__all__ = ["reachable"]


def reachable(store: Store) -> dict[bytes, bytes]:
    """Return the records of the root and of all it leads to, with the pieces of containers, by key."""
    found: dict[bytes, bytes] = {}
    waiting = {ROOT_OID}
    while waiting:
        oid = waiting.pop()
        record = store.get(record_key(oid))
        assert record is not None or oid == ROOT_OID, f"object {oid} is missing"
        found[record_key(oid)] = record = record or b""
        mentioned = references(record)
        if record[:1] == LARGE:
            storage = content_of(record)[0][0]
            for key, piece in store.scan(record_key(storage), record_key(storage + 1), 1 << 31):
                found[key] = piece
                if int.from_bytes(key[8:], "big") >= BUCKETS_END:
                    mentioned |= piece_references(piece)
        waiting.update(each for each in mentioned if record_key(each) not in found)
    return found
