"""Entries as bytes: what decodes is what was encoded, and nothing else decodes."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest
from google_crc32c import value
from hypothesis import example, given
from hypothesis import strategies as st

from objserver.errors import BadEntry
from objserver.limits import ENTRY_SIZE_MAX
from objserver.log import NO_DIGEST, Entry, decode_entry, encode_entry

U64 = 2**64 - 1
PARTS = st.fixed_dictionaries(
    {
        "seq": st.integers(1, U64),
        "term": st.integers(0, U64),
        "time_ns": st.integers(0, U64),
        "kind": st.integers(0, 255),
        "flags": st.integers(0, 65535),
        "payload": st.binary(max_size=200),
        "previous": st.binary(min_size=16, max_size=16),
    }
).flatmap(lambda parts: st.integers(0, parts["seq"] - 1).map(lambda synced_seq: parts | {"synced_seq": synced_seq}))


def simple(**changed: Any) -> bytes:
    parts: dict[str, Any] = {
        "seq": 1, "term": 1, "time_ns": 1, "kind": 1, "payload": b"", "previous": NO_DIGEST, "synced_seq": 0,
    }
    return encode_entry(**parts | changed)


@given(PARTS, st.binary(max_size=50), st.binary(max_size=50))
def test_entry_decodes_to_what_was_encoded_wherever_it_stands(parts: dict[str, Any], front: bytes, back: bytes) -> None:
    encoded = encode_entry(**parts)
    entry = decode_entry(front + encoded + back, len(front))
    assert {name: getattr(entry, name) for name in parts} == parts
    assert entry.size == len(encoded) and len(encoded) % 8 == 0
    assert entry.digest == blake2b(encoded[16:], digest_size=16).digest()


@given(PARTS, st.data())
def test_entry_with_a_changed_bit_does_not_decode(parts: dict[str, Any], data: st.DataObject) -> None:
    """Padding included: there is one encoding of an entry."""
    encoded = bytearray(encode_entry(**parts))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadEntry):
        decode_entry(bytes(encoded))


@given(PARTS, st.data())
def test_entry_that_is_cut_short_does_not_decode(parts: dict[str, Any], data: st.DataObject) -> None:
    encoded = encode_entry(**parts)
    with pytest.raises(BadEntry):
        decode_entry(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(st.binary(max_size=300), st.integers(0, 400))
@example(b"\xf1Ent" + bytes(64), 0)
def test_any_other_bytes_do_not_decode(content: bytes, offset: int) -> None:
    with pytest.raises(BadEntry):
        decode_entry(content, offset)


def test_bytes_of_an_entry_are_those_of_the_format_page() -> None:
    """docs/log-format.md; a change here needs a new format version."""
    encoded = simple(seq=2, term=3, time_ns=4, kind=5, flags=6, synced_seq=1, previous=b"p" * 16, payload=b"hello")
    assert encoded == bytes.fromhex(
        "f1456e74 c961d6da 9a71bb4c 00000005 01 05 0006 0000000000000002 0000000000000003 0000000000000004"
        "0000000000000001 70707070707070707070707070707070 68656c6c6f 00000000000000"
    )


def test_large_payload_is_checked_piece_by_piece() -> None:
    payload = bytes(range(256)) * 4096
    encoded = simple(payload=payload)
    assert decode_entry(encoded).payload == payload
    with pytest.raises(BadEntry, match="payload's CRC"):
        decode_entry(encoded[:-9] + b"?" + encoded[-8:])


def test_entry_above_the_limit_is_refused() -> None:
    with pytest.raises(BadEntry, match="split the batch"):
        simple(payload=bytes(ENTRY_SIZE_MAX))


@pytest.mark.parametrize(
    "changed",
    [
        {"seq": 0}, {"seq": U64 + 1}, {"term": -1}, {"term": U64 + 1}, {"time_ns": -1}, {"kind": 256}, {"flags": 65536},
        {"synced_seq": 1}, {"synced_seq": -1}, {"previous": b"short"},
    ],
    ids=str,
)
def test_number_that_does_not_fit_its_field_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadEntry):
        simple(**changed)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (12, (ENTRY_SIZE_MAX - 67).to_bytes(4, "big")),
        (12, b"\xff" * 4),
        (16, b"\0"),
        (16, b"\2"),
        (44, bytes(7) + b"\1"),
        (20, bytes(8)),
    ],
    ids=["size just too large", "size", "version 0", "version 2", "says that itself is synced", "seq 0"],
)
def test_header_that_makes_no_sense_does_not_decode_though_its_crc_is_right(place: int, field: bytes) -> None:
    covered = bytearray(simple()[8:68])
    covered[place - 8 : place - 8 + len(field)] = field
    with pytest.raises(BadEntry, match="version|says"):
        decode_entry(b"\xf1Ent" + value(bytes(covered)).to_bytes(4, "big") + covered + bytes(4))


def test_offset_before_the_bytes_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="negative"):
        decode_entry(simple(), -72)


def test_entry_is_a_plain_value() -> None:
    assert decode_entry(simple(payload=b"a")) == decode_entry(b"x" + simple(payload=b"a"), 1)
    assert isinstance(decode_entry(simple()), Entry)
