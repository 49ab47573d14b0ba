"""The plan: all that a supervisor tells the server that it starts, as one JSON document on its standard input."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Plan"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to serve and how.

    Attributes:
        folder: the data folder.
        options: of the engine, by name.
        sync_seconds: how late a batch may be synced when the durability is "interval".
        memory_size: bytes of memory the server may take.
        confined: whether it gives up what it does not need.
        sockets: descriptors of the listening sockets.
        pulse: descriptor of the memory that supervisor and server share.
        supervisor: number of the supervisor's process, which the lock file names.
        facts: for the figures of the server.
        follow: addresses of the nodes to follow, in turn; none for a leader.
        address: where clients and other nodes find this one; None when they can't.
        sync_count: followers that must have a change before its reply leaves.
        sync_count_seconds: how long it waits for them.
        checkpoint_first: whether it only makes a checkpoint, while its memory is not bounded.
    """

    folder: str
    options: dict[str, Any]
    sync_seconds: float
    memory_size: int
    confined: bool
    sockets: list[int]
    pulse: int
    supervisor: int
    facts: dict[str, Any]
    follow: list[str] = field(default_factory=list)
    address: str | None = None
    sync_count: int = 0
    sync_count_seconds: float = 10.0
    checkpoint_first: bool = False

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> Plan:
        return cls(**json.loads(data))
