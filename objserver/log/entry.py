"""Entries: the unit of the log, as bytes. Does no I/O and does not look into a payload.

    batch -> payload -> [entry] -> segment -> disk
                           └-> followers, the same bytes

    0       4            8             12             16         17      18         20       28        36
    | magic | header crc | payload crc | payload size | version  | kind  | flags    | seq    | term    | time_ns
    | 4 B   | u32        | u32         | u32          | u8       | u8    | u16      | u64    | u64     | u64

    44           52              68
    | synced seq | previous      | payload ...  | zeros up to a multiple of 8 |        big-endian throughout
    | u64        | digest, 16 B  |

The header has a CRC-32C of its own, over bytes 8 to 68, which covers the payload's CRC as well. So the extent of an
entry is known although its payload is damaged; recovery needs that (docs/log-format.md). The digest of an entry is
BLAKE2b, 16 bytes, over everything from the version on; the next entry carries it as `previous`.

Promise: what decodes is bit for bit what was encoded, and there is one encoding (tests/log/test_entry.py).
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final, NamedTuple

from google_crc32c import extend, value

from objserver.errors import BadEntry
from objserver.limits import ENTRY_SIZE_MAX, KIB

__all__ = [
    "ALIGNMENT",
    "DIGEST_SIZE",
    "Entry",
    "FORMAT_VERSION",
    "Fields",
    "HEADER_SIZE",
    "MAGIC",
    "NO_DIGEST",
    "check_body",
    "check_header",
    "decode_entry",
    "encode_entry",
    "entry_size",
    "is_header",
    "make_entry",
]

# No UTF-8 text holds these bytes (F1 begins a character of four), so a text in a payload is never taken for an entry.
MAGIC: Final = b"\xf1Ent"
FORMAT_VERSION: Final = 1
ALIGNMENT: Final = 8
DIGEST_SIZE: Final = 16
NO_DIGEST: Final = bytes(DIGEST_SIZE)  # before the first entry

_HEADER: Final = struct.Struct(">4sIIIBBHQQQQ16s")
HEADER_SIZE: Final = _HEADER.size
_OVERHEAD_SIZE_MAX: Final = HEADER_SIZE + ALIGNMENT - 1
_CRC_FROM: Final = 8  # what stands before is the magic and the CRC itself
_DIGEST_FROM: Final = 16
_ZEROS: Final = tuple(bytes(count) for count in range(ALIGNMENT))
# The CRC takes bytes objects only; a payload longer than this is copied piece by piece, not as a whole. A view costs
# more than the copy of a short one.
_PIECE_SIZE: Final = 256 * KIB

# magic, header crc, payload crc, payload size, version, kind, flags, seq, term, time_ns, synced seq, previous:
# a plain tuple, because a named one costs as much as the checks.
Fields = tuple[bytes, int, int, int, int, int, int, int, int, int, int, bytes]

assert HEADER_SIZE == 68


class Entry(NamedTuple):
    """A decoded entry. `size` is that of the encoded bytes, header and padding included."""

    seq: int
    term: int
    time_ns: int
    kind: int
    flags: int
    synced_seq: int
    previous: bytes
    digest: bytes
    size: int
    payload: bytes


def encode_entry(
    *,
    seq: int,
    term: int,
    time_ns: int,
    kind: int,
    payload: bytes,
    previous: bytes,
    synced_seq: int,
    flags: int = 0,
) -> bytes:
    """Return the bytes of an entry; their length is a multiple of 8.

    Args:
        seq: position in the log, from 1.
        time_ns: nanoseconds since 1970, never less than the entry's before.
        kind, flags: the caller's; the log only carries them.
        previous: digest of the entry before, `NO_DIGEST` for the first.
        synced_seq: the highest seq known to be on disk now, below `seq`.
    Raises:
        BadEntry: the payload is too large or a number does not fit its field.
    """
    if entry_size(len(payload)) > ENTRY_SIZE_MAX:
        raise BadEntry(f"payload of {len(payload)} bytes makes an entry above {ENTRY_SIZE_MAX}; split the batch")
    if not 0 <= synced_seq < seq or len(previous) != DIGEST_SIZE:
        raise BadEntry(f"entry {seq} can't say that {synced_seq} is synced, after a digest of {len(previous)} bytes")
    try:
        sizes = (MAGIC, 0, value(payload), len(payload), FORMAT_VERSION)
        covered = _HEADER.pack(*sizes, kind, flags, seq, term, time_ns, synced_seq, previous)[_CRC_FROM:]
    except struct.error as error:
        raise BadEntry(f"entry {seq} of term {term}, kind {kind}, flags {flags}, time {time_ns}: {error}") from error
    return b"".join(
        (MAGIC, value(covered).to_bytes(4, "big"), covered, payload, _ZEROS[-(HEADER_SIZE + len(payload)) % ALIGNMENT])
    )


def decode_entry(buffer: bytes, offset: int = 0) -> Entry:
    """Return the entry that begins at `offset`; the next one begins at `offset + entry.size`.

    What follows the entry in `buffer` is not looked at. Whether the entry continues a log is for
    `chain.follow` to say.

    Raises:
        BadEntry: the bytes end too early or are not what was encoded.
    """
    if offset < 0:
        raise ValueError(f"offset {offset} is negative")
    fields = check_header(buffer, offset)
    return make_entry(buffer, offset, fields, check_body(buffer, offset, fields))


def make_entry(buffer: bytes, offset: int, fields: Fields, digest: bytes) -> Entry:
    """Return the entry whose header and body were found good."""
    _, _, _, payload_size, _, kind, flags, seq, term, time_ns, synced_seq, previous = fields
    start = offset + HEADER_SIZE
    payload = buffer[start : start + payload_size]
    return Entry(seq, term, time_ns, kind, flags, synced_seq, previous, digest, entry_size(payload_size), payload)


def entry_size(payload_size: int) -> int:
    """Return the bytes an entry takes, header and padding included."""
    return (payload_size + _OVERHEAD_SIZE_MAX) & -ALIGNMENT


def is_header(buffer: bytes, offset: int) -> bool:
    """Say whether a header of any version stands at `offset` with its CRC right: somebody wrote an entry there."""
    end = offset + HEADER_SIZE
    return (
        buffer.startswith(MAGIC, offset)
        and len(buffer) >= end
        and value(buffer[offset + _CRC_FROM : end]) == int.from_bytes(buffer[offset + 4 : offset + _CRC_FROM], "big")
    )


def check_header(buffer: bytes, offset: int) -> Fields:
    """Return the fields of the header at `offset`, which is whole and makes sense by itself.

    Raises:
        BadEntry: with what is wrong.
    """
    try:
        fields: Fields = _HEADER.unpack_from(buffer, offset)
    except struct.error:
        raise BadEntry(f"the bytes end {max(len(buffer) - offset, 0)} bytes into a header of {HEADER_SIZE}") from None
    if fields[0] != MAGIC:
        raise BadEntry(f"no entry begins here: {fields[0]!r}")
    if value(buffer[offset + _CRC_FROM : offset + HEADER_SIZE]) != fields[1]:
        raise BadEntry("the header's CRC is wrong")
    if fields[4] != FORMAT_VERSION:
        raise BadEntry(f"entry of format version {fields[4]}, not {FORMAT_VERSION}; use the objserver that wrote it")
    if fields[10] >= fields[7] or fields[3] > ENTRY_SIZE_MAX - HEADER_SIZE:
        raise BadEntry(f"entry {fields[7]} of {fields[3]} bytes says that {fields[10]} is synced")
    return fields


def check_body(buffer: bytes, offset: int, fields: Fields) -> bytes:
    """Return the digest of the entry whose header was found good, after checking payload and padding.

    Raises:
        BadEntry: the bytes end too early, or the payload's CRC or the padding is wrong.
    """
    start = offset + HEADER_SIZE
    end = start + fields[3]
    stop = end + -(HEADER_SIZE + fields[3]) % ALIGNMENT
    if stop > len(buffer):
        raise BadEntry(f"the bytes end {len(buffer) - offset} bytes into entry {fields[7]} of {stop - offset}")
    if fields[3] <= _PIECE_SIZE:
        crc = value(buffer[start:end])
        digested: bytes | memoryview = buffer[offset + _DIGEST_FROM : stop]
    else:
        crc = 0
        for piece in range(start, end, _PIECE_SIZE):
            crc = extend(crc, buffer[piece : min(piece + _PIECE_SIZE, end)])
        digested = memoryview(buffer)[offset + _DIGEST_FROM : stop]
    if crc != fields[2]:
        raise BadEntry(f"the payload's CRC of entry {fields[7]} is wrong")
    if end != stop and buffer[end:stop] != _ZEROS[stop - end]:
        raise BadEntry(f"the padding of entry {fields[7]} is not zero")
    return blake2b(digested, digest_size=DIGEST_SIZE).digest()
