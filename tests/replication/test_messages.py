"""Whatever bytes a peer sends are what was meant, or refused as BadRequest, BadEntry or ReplicationRefused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import BadEntry, BadRequest, ObjserverError, ReplicationRefused
from objserver.log.entry import NO_DIGEST, decode_entry, encode_entry
from objserver.replication.messages import (
    ACK,
    FRAME_SIZE,
    HEARTBEAT,
    EntryReader,
    FollowReply,
    FollowRequest,
    Heartbeat,
    ack_frame,
    entry_frames,
    json_frame,
    read_ack,
    read_json,
)
from objserver.wire import FrameReader

# JSON as it comes: anything, and often what is nearly right.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
REQUEST: dict[str, Any] = FollowRequest(
    version=2, cluster="0" * 16, node="ab", seq=5, term=1, digest="00" * 16, runtime="r", address="127.0.0.1:1",
    snapshot=False,
).params()  # fmt: skip


def chain(sizes: list[int]) -> list[bytes]:
    """Return entries with payloads of these sizes, that follow one another."""
    entries: list[bytes] = []
    previous = NO_DIGEST
    for seq, size in enumerate(sizes, 1):
        payload = bytes([seq % 256]) * size
        entry = encode_entry(
            seq=seq, term=1, time_ns=seq, kind=1, payload=payload, previous=previous, synced_seq=seq - 1
        )
        entries.append(entry)
        previous = decode_entry(entry).digest
    return entries


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(st.integers(0, 400), max_size=12), st.lists(st.integers(0, 10_000), max_size=12))
def test_entries_come_out_as_they_were_however_they_are_split(sizes: list[int], cuts: list[int]) -> None:
    entries = chain(sizes)
    reader = EntryReader()
    found = [entry for piece in pieces(b"".join(entries), cuts) for entry in reader.feed(piece)]
    assert found == entries


def test_entries_of_any_size_go_through_frames() -> None:
    entries = chain([10, FRAME_SIZE, 3 * FRAME_SIZE + 1, 0])
    frames = FrameReader()
    reader = EntryReader()
    found: list[bytes] = []
    for frame in entry_frames(b"".join(entries)):
        for body in frames.feed(frame):
            assert len(body) <= FRAME_SIZE + 1
            found += reader.feed(memoryview(body)[1:])
    assert found == entries


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 10_000), st.integers(1, 255), st.binary())
def test_damaged_entries_are_refused_or_wait_for_more(sizes: list[int], place: int, change: int, behind: bytes) -> None:
    data = bytearray(b"".join(chain(sizes)) + behind)
    data[place % len(data)] ^= change
    reader = EntryReader()
    try:
        for entry in reader.feed(bytes(data)):
            decode_entry(entry)
    except BadEntry:
        pass


@given(st.binary(max_size=300))
def test_any_bytes_are_entries_or_refused(data: bytes) -> None:
    try:
        assert list(EntryReader().feed(data)) == []
    except BadEntry:
        pass


@given(st.integers(0, 2**64 - 1))
def test_ack_is_read_as_it_was_written(seq: int) -> None:
    [body] = FrameReader().feed(ack_frame(seq))
    assert body[0] == ACK and read_ack(body) == seq


@given(st.binary(max_size=12).filter(lambda body: len(body) != 9))
def test_ack_of_another_size_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_ack(body)


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_any_body_is_an_object_or_refused(content: bytes) -> None:
    for read in (read_json, Heartbeat.read):
        try:
            read(b"H" + content)
        except BadRequest:
            pass


@given(st.dictionaries(st.sampled_from(["seq", "term", "behind", "now_ns", "leader", "age_ms", "x"]), JSON))
def test_any_heartbeat_is_one_or_refused(told: dict[str, Any]) -> None:
    try:
        heartbeat = Heartbeat.read(b"H" + orjson.dumps(told))
    except BadRequest:
        return
    assert heartbeat.seq >= 0 and heartbeat.behind >= 0 and isinstance(heartbeat.leader, str | None)
    [body] = FrameReader().feed(json_frame(HEARTBEAT, heartbeat))
    assert Heartbeat.read(body) == heartbeat


@given(JSON | st.dictionaries(st.sampled_from(["cluster", "node", "seq", "term", "leader", "snapshot"]), JSON))
def test_any_answer_is_one_or_refused(value: Any) -> None:
    try:
        FollowReply.read(value)
    except BadRequest:
        pass


@given(st.sampled_from(list(REQUEST)), JSON)
def test_any_request_to_follow_is_one_or_refused(name: str, value: Any) -> None:
    try:
        request = FollowRequest.read(REQUEST | {name: value})
    except (BadRequest, ReplicationRefused) as error:
        assert isinstance(error, ObjserverError) and str(error)
        return
    assert FollowRequest.read(request.params()) == request


def test_request_to_follow_is_read_as_it_was_written() -> None:
    assert FollowRequest.read(REQUEST).params() == REQUEST
