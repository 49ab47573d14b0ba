"""Payloads of log entries: what a batch is, so that it can be run again.

    BATCH        [[kind, code digest, args, depth, principal, request id, result crc], ...], {code digest: text}
    CHECKPOINT   nothing: what changed before this entry belongs to the checkpoint it begins
    DIGEST       [seq of the CHECKPOINT, digest of all records written by it]
    TERM         [address of the leader, or nil]: whoever wrote it leads from here on, in the term of the entry

msgpack throughout. The text of a code stands in the first batch that runs it after a CHECKPOINT, its digest (BLAKE2b,
16 bytes) everywhere: recovery begins at a checkpoint and so meets every text before it needs it. `args` are the bytes
the codec made of the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgpack

from ..log import Entry

__all__ = [
    "BATCH",
    "CHECKPOINT",
    "DIGEST",
    "Item",
    "KINDS",
    "Row",
    "TERM",
    "code_digest",
    "describe_entry",
    "make_packer",
    "pack_batch",
    "pack_digest",
    "pack_term",
    "unpack_batch",
    "unpack_digest",
    "unpack_term",
]

BATCH: Final = 1
CHECKPOINT: Final = 2
DIGEST: Final = 3
TERM: Final = 4

KINDS: Final = ("eval", "call")
_KIND_NAMES: Final = {BATCH: "batch", CHECKPOINT: "checkpoint", DIGEST: "digest", TERM: "term"}


class Item(NamedTuple):
    """One snippet of a batch."""

    kind: str
    code: bytes  # digest
    args: bytes
    depth: int | None  # of the result: the crc is that of what was replied
    principal: str
    request_id: str
    result_crc: int


# An item as it is packed: the kind as its place in KINDS, and the rest of an `Item`. A plain tuple, since one is made
# for every change.
Row = tuple[int, bytes, bytes, int | None, str, str, int]


def code_digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def pack_batch(rows: Sequence[Row], texts: Mapping[bytes, str], packer: msgpack.Packer | None = None) -> bytes:
    """
    Args:
        packer: one of `make_packer`, kept by whoever packs often. It begins with 256 KiB of memory, and grows.
    """
    packed: bytes = (packer or make_packer()).pack([rows, texts])
    return packed


def make_packer() -> msgpack.Packer:
    """Return what packs batches, one after the other."""
    return msgpack.Packer(unicode_errors="surrogatepass")


def unpack_batch(payload: bytes) -> tuple[list[Item], dict[bytes, str]]:
    items, texts = _unpack(payload)
    return [Item(KINDS[kind], *rest) for kind, *rest in items], texts


def pack_digest(seq: int, digest: bytes) -> bytes:
    packed: bytes = msgpack.packb([seq, digest])
    return packed


def unpack_digest(payload: bytes) -> tuple[int, bytes]:
    seq, digest = _unpack(payload)
    return seq, digest


def pack_term(leader: str | None) -> bytes:
    packed: bytes = msgpack.packb([leader])
    return packed


def unpack_term(payload: bytes) -> str | None:
    (leader,) = _unpack(payload)
    return leader  # type: ignore[no-any-return]


def describe_entry(entry: Entry, texts: dict[bytes, str]) -> dict[str, Any]:
    """Return an entry as plain data for people. `texts` has the codes met so far and gets those of this entry."""
    described: dict[str, Any] = {
        "seq": entry.seq,
        "term": entry.term,
        "time_ns": entry.time_ns,
        "kind": _KIND_NAMES.get(entry.kind, str(entry.kind)),
        "size": entry.size,
        "digest": entry.digest.hex(),
        "snippets": [],
    }
    if entry.kind == BATCH:
        items, new_texts = unpack_batch(entry.payload)
        texts.update(new_texts)
        described["snippets"] = [
            {
                "kind": item.kind,
                "code": texts.get(item.code),
                "code_digest": item.code.hex(),
                "args": item.args.decode(),  # JSON text, as logged
                "principal": item.principal,
                "request_id": item.request_id,
                "result_crc": item.result_crc,
            }
            for item in items
        ]
    elif entry.kind == DIGEST:
        seq, digest = unpack_digest(entry.payload)
        described |= {"checkpoint_seq": seq, "records_digest": digest.hex()}
    elif entry.kind == TERM:
        described["leader"] = unpack_term(entry.payload)
    return described


def _unpack(payload: bytes) -> Any:
    return msgpack.unpackb(payload, strict_map_key=False, unicode_errors="surrogatepass")
