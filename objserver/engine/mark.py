"""The mark: what the checkpoint in LMDB stands for, as bytes beside the records.

    CHECKPOINT entry --> checkpoint --> [mark] --> recovery; a copy of heap/, whose log goes on from here

    msgpack: [seq, term, digest, time_ns] of the CHECKPOINT entry, next oid, runtime

Promise: what unpacks is a mark; its head is all that a log needs to go on where the checkpoint ends.
"""

from __future__ import annotations

from typing import NamedTuple

import msgpack

from ..log import Head

__all__ = ["Mark"]


class Mark(NamedTuple):
    """What a checkpoint stands for."""

    head: Head  # its CHECKPOINT entry
    next_oid: int
    runtime: str

    @property
    def seq(self) -> int:
        return self.head.seq

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb(self)
        return packed

    @classmethod
    def unpack(cls, packed: bytes) -> Mark:
        """Raises ValueError: it is none."""
        try:
            head, next_oid, runtime = msgpack.unpackb(packed)
            mark = cls(Head(*head), next_oid, runtime)
        except (TypeError, ValueError, msgpack.UnpackException) as error:
            raise ValueError(f"{packed!r:.100} is no mark of a checkpoint") from error
        if [*map(type, mark.head), type(next_oid), type(runtime)] != [int, int, bytes, int, int, str]:
            raise ValueError(f"{packed!r:.100} is no mark of a checkpoint")
        return mark
