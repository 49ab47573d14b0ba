"""What two nodes say to each other, as bytes. Does no I/O. docs/replication.md draws them.

    follower -> follow request (JSON-RPC, on the native port) -> leader -> its reply; from there on the connection is a
    feed: frames whose first byte is their kind

    E   bytes of the log's entries; an entry may begin in one frame and end in another
    H   JSON: where the leader stands; once a second
    S   a piece of a snapshot (snapshot.py)          D   JSON: the snapshot is complete
    X   JSON: the feed ends, and why
    A   u64: everything up to this seq is on the follower's disk

Promise: any bytes give a value or BadRequest, BadEntry (tests/replication/test_messages.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Any, Final

import orjson

from ..errors import BadRequest, ReplicationRefused
from ..limits import MIB
from ..log.entry import HEADER_SIZE, check_header, entry_size
from ..wire import encode_frame
from .state import is_cluster

__all__ = [
    "ACK", "DONE", "END", "ENTRIES", "HEARTBEAT", "PIECE", "EntryReader", "FollowReply", "FollowRequest", "Heartbeat",
    "ack_frame", "entry_frames", "is_plain", "json_frame", "read_ack", "read_json",
]  # fmt: skip

ENTRIES, HEARTBEAT, PIECE, DONE, END, ACK = (b"E"[0], b"H"[0], b"S"[0], b"D"[0], b"X"[0], b"A"[0])

FRAME_SIZE: Final = 1 * MIB
VERSION: Final = 2

# Of a name or an address that another node tells.
TEXT_LENGTH_MAX: Final = 300

_ack: Final = Struct(">BQ")


@dataclass(frozen=True, kw_only=True)
class FollowRequest:
    """What a follower says of itself when it asks to be fed.

    Attributes:
        cluster: None when its folder is new.
        node: drawn at random by each process, so that none follows itself.
        seq, term, digest: of the last entry of its log; the digest in hexadecimal.
        address: where it listens itself; None when by unix sockets alone.
        snapshot: True to get one, or the id and offset to go on with.
    """

    version: int
    cluster: str | None
    node: str
    seq: int
    term: int
    digest: str
    runtime: str
    address: str | None
    snapshot: bool | dict[str, Any]

    def params(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, params: dict[str, Any]) -> FollowRequest:
        """Raises BadRequest, ReplicationRefused."""
        if params.get("version") != VERSION:
            raise ReplicationRefused(
                f"replication speaks version {VERSION} here, not {params.get('version')!r:.40}", reason="version"
            )
        kinds: dict[str, Any] = {
            "version": int, "cluster": str | None, "node": str, "seq": int, "term": int, "digest": str, "runtime": str,
            "address": str | None, "snapshot": bool | dict,
        }  # fmt: skip
        for name, kind in kinds.items():
            if name not in params or not isinstance(params[name], kind):
                raise BadRequest(f"{name!r} is missing or of another type")
            # They are kept, and shown to the operator.
            if isinstance(params[name], str) and not is_plain(params[name]):
                raise BadRequest(f"{name!r} is longer than {TEXT_LENGTH_MAX} characters, or not printable")
        if len(params) > len(kinds):
            raise BadRequest(f"it takes {', '.join(kinds)}")
        return cls(**params)


@dataclass(frozen=True, kw_only=True)
class FollowReply:
    """What whoever feeds a follower answers it.

    Attributes:
        cluster: the follower's from now on.
        node: the name that this process drew.
        seq, term: of the last entry here.
        leader: the address of the one that takes changes; None when it is not known.
        snapshot: header of the one that comes, with its `offset`; None when entries come.
    """

    cluster: str
    node: str
    seq: int
    term: int
    leader: str | None
    snapshot: dict[str, Any] | None

    @classmethod
    def read(cls, value: Any) -> FollowReply:
        """Raises BadRequest."""
        if type(value) is not dict:
            raise BadRequest(f"the answer to `follow` is {value!r:.100}")
        sound = {
            "cluster": type(value.get("cluster")) is str and is_cluster(value["cluster"]),
            "node": type(value.get("node")) is str,
            "seq": type(value.get("seq")) is int and value["seq"] >= 0,
            "term": type(value.get("term")) is int and value["term"] >= 0,
            "leader": isinstance(value.get("leader"), str | None),
            "snapshot": isinstance(value.get("snapshot"), dict | None),
        }
        for name, is_sound in sound.items():
            if not is_sound:
                raise BadRequest(f"the answer to `follow` has {name} {value.get(name)!r:.100}")
        return cls(
            cluster=value["cluster"], node=value["node"], seq=value["seq"], term=value["term"],
            leader=value.get("leader"), snapshot=value.get("snapshot"),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """Where a leader stands.

    Attributes:
        seq, term: of its last entry.
        behind: bytes of its log that were not sent on this feed yet.
        now_ns: its clock, Unix time in nanoseconds.
        leader: the address of the one that takes changes; None when it is not known.
        age_ms: how long ago the leader was heard of: 0 from itself.
    """

    seq: int
    term: int
    behind: int
    now_ns: int
    leader: str | None
    age_ms: int

    @classmethod
    def read(cls, body: bytes) -> Heartbeat:
        """Raises BadRequest."""
        told = read_json(body)
        for name in ("seq", "term", "behind", "now_ns", "age_ms"):
            if type(told.get(name)) is not int or told[name] < 0:
                raise BadRequest(f"a heartbeat whose {name} is {told.get(name)!r:.40}")
        leader = told.get("leader")
        if leader is not None and type(leader) is not str:
            raise BadRequest(f"a heartbeat whose leader is {leader!r:.40}")
        return cls(
            seq=told["seq"], term=told["term"], behind=told["behind"], now_ns=told["now_ns"], leader=leader,
            age_ms=told["age_ms"],
        )  # fmt: skip


class EntryReader:
    """Cuts the bytes of a log into entries. Holds one unfinished entry."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Yield the entries that `data` completes. Raises BadEntry: these are no entries."""
        held = self._held
        held += data
        start = 0
        try:
            while len(held) - start >= HEADER_SIZE:
                size = entry_size(check_header(bytes(held[start : start + HEADER_SIZE]), 0)[3])
                if len(held) - start < size:
                    break
                yield bytes(held[start : start + size])
                start += size
        finally:
            del held[:start]


def entry_frames(entries: bytes) -> list[bytes]:
    """Return the frames that carry these bytes of entries."""
    return [
        encode_frame(b"E" + entries[start : start + FRAME_SIZE]) for start in range(0, len(entries), FRAME_SIZE)
    ]


def json_frame(kind: int, content: Any) -> bytes:
    """Return a frame of this kind with a dict, or a dataclass, as JSON."""
    return encode_frame(bytes([kind]) + orjson.dumps(content))


def read_json(body: bytes) -> dict[str, Any]:
    """Return the dict of a frame's body. Raises BadRequest."""
    try:
        content = orjson.loads(body[1:])
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"a frame of kind {chr(body[0])!r} is not JSON: {error}") from error
    if type(content) is not dict:
        raise BadRequest(f"a frame of kind {chr(body[0])!r} holds no object")
    return content


def is_plain(text: str) -> bool:
    """Whether a text of another node is one to keep and to show."""
    return len(text) <= TEXT_LENGTH_MAX and text.isprintable()


def ack_frame(seq: int) -> bytes:
    return encode_frame(_ack.pack(ACK, seq))


def read_ack(body: bytes) -> int:
    """Return the seq of an ack. Raises BadRequest."""
    if len(body) != _ack.size:
        raise BadRequest("an ack has 9 bytes")
    return int(_ack.unpack(body)[1])
