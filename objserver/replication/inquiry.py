"""The inquiry: what a follower that came to something else asks of the node that it followed.

    keys of what differs here --> checkpoint_keys, records --> [There]: the other node's records, and as of which entry

It blocks, for ASK_SECONDS_MAX at most: the node serves nobody any more, and the other one's checkpoint of that moment
is there only until its next has ended. The other side answers as to any client, between two batches, from its last
checkpoint.

Promise: it comes to an end, and what was not to be had is said in `error` (tests/replication/test_divergence.py).
"""

from __future__ import annotations

import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..engine import Divergence, Engine, Written, is_telling
from ..errors import BadRequest, FrameTooLarge
from ..limits import RECORDS_COUNT_MAX, RECORDS_SIZE_MAX
from ..wire import FrameReader, MessageError, encode_request, parse_reply
from .link import Target

__all__ = ["There", "answer_checkpoint_keys", "answer_records", "ask"]

ASK_SECONDS_MAX: Final = 10.0
_PAUSE_SECONDS: Final = 0.05
# Records that are compared.
KEYS_MAX: Final = 1_000


@dataclass
class There:
    """What another node told.

    Attributes:
        name: its address.
        error: why it could not be asked, or not to the end; "" when it was.
        seq: its records are as of the checkpoint of this entry.
        is_same: that is the one that was asked for, so nothing else has happened between the two sides.
        keys: of the records to compare.
        key_count: how many there would be.
        records: by key, None for one that is not there.
        containers: keys of objects that may have pieces among them.
    """

    name: str
    error: str = ""
    seq: int = 0
    is_same: bool = False
    keys: list[bytes] = field(default_factory=list)
    key_count: int = 0
    records: dict[bytes, bytes | None] = field(default_factory=dict)
    containers: list[bytes] = field(default_factory=list)


def answer_records(engine: Engine, keys: Sequence[bytes]) -> dict[str, Any]:
    """Return the records of the first of these keys, as many as fit, and the seq of the checkpoint that has them."""
    seq, records = engine.records(keys[:RECORDS_COUNT_MAX], RECORDS_SIZE_MAX)
    return {"seq": seq, "records": [None if each is None else b64encode(each).decode() for each in records]}


def answer_checkpoint_keys(engine: Engine, seq: int) -> dict[str, Any]:
    """Return the seq of the last checkpoint, and what it wrote; one is made if there is none since entry `seq`."""
    engine.has_checkpoint_of(seq)
    written = engine.written
    return {
        "seq": engine.committed_seq,
        "written": None if written is None else b64encode(written.pack()).decode(),
        "is_whole": written is not None and written.is_whole,
    }


def ask(engine: Engine, what: Divergence, target: Target) -> There:
    """Ask the node that was followed for its side of what differs. Never raises for what comes from there."""
    there = There(target[0])
    written = engine.written
    if what.kind == "result":
        there.keys = sorted(what.changed)
    elif written is not None:
        there.keys = sorted(written.notes())
        there.containers = [key for key in there.keys if len(key) == 8]
    there.key_count = len(there.keys)
    try:
        with _Talk(target) as talk:
            _ask(talk, what, there, written)
    except (OSError, MessageError, BadRequest, FrameTooLarge) as error:
        there.error = f"{target[0]}: {error}"
    except (KeyError, IndexError, TypeError, ValueError) as error:
        there.error = f"{target[0]}: its answer is none: {error!r:.200}"
    return there


def _ask(talk: _Talk, what: Divergence, there: There, written: Written | None) -> None:
    wanted = what.as_of_seq
    told = talk.ask("checkpoint_keys", {"seq": wanted})
    while told["seq"] < wanted and talk.pause():
        told = talk.ask("checkpoint_keys", {"seq": wanted})
    if what.kind == "digest" and told["seq"] == wanted and told["written"] and written is not None:
        other = Written(wanted, b64decode(told["written"], validate=True), is_whole=told["is_whole"])
        there.containers = [*there.containers, *(key for key in other.notes() if len(key) == 8)]
        there.keys = written.differing(other)
    there.seq = told["seq"]
    # A result was told at `what.seq`, and a checkpoint that begins with the next entry has just that.
    there.is_same = there.seq == wanted + (what.kind == "result")
    there.keys = sorted(filter(is_telling, there.keys), key=lambda key: (len(key), key))
    there.key_count = len(there.keys)
    del there.keys[KEYS_MAX:]
    left = there.keys
    while left:
        told = talk.ask("records", {"keys": [key.hex() for key in left[:RECORDS_COUNT_MAX]]})
        if told["seq"] != there.seq:
            # Another checkpoint has ended meanwhile. All are to be of one moment, so once more.
            there.seq, there.is_same, left = told["seq"], False, there.keys
            there.records.clear()
            talk.pause()
            continue
        records = [None if each is None else b64decode(each, validate=True) for each in told["records"]]
        if not records:
            raise ValueError("no records")
        there.records.update(zip(left, records, strict=False))
        left = left[len(records) :]


class _Talk:
    """A conversation that blocks, and ends in time. Every method may raise OSError, BadRequest, MessageError."""

    def __init__(self, target: Target) -> None:
        _, family, self._where = target
        self._until = time.monotonic() + ASK_SECONDS_MAX
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._reader = FrameReader()

    def __enter__(self) -> _Talk:
        try:
            self._set_time()
            self._socket.connect(self._where)
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *details: object) -> None:
        self._socket.close()

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._set_time()
        self._socket.sendall(encode_request(1, method, params))
        bodies: Iterable[bytes] = ()
        while not bodies:
            self._set_time()
            data = self._socket.recv(1 << 18)
            if not data:
                raise ConnectionResetError("it closed the connection")
            bodies = self._reader.feed(data)
        reply = parse_reply(next(iter(bodies)))
        if reply.error is not None:
            raise BadRequest(reply.error.message)
        if type(reply.value) is not dict:
            raise BadRequest(f"its answer to {method} is {reply.value!r:.100}")
        return reply.value

    def pause(self) -> bool:
        """Wait a little; return whether there is time left."""
        time.sleep(_PAUSE_SECONDS)
        return time.monotonic() < self._until - 1  # a second for the records

    def _set_time(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"it took more than {ASK_SECONDS_MAX:g} s")
        self._socket.settimeout(left)
