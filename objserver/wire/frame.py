"""Frames: cut a byte stream into message bodies. Does no I/O.

    socket -> [frame] -> message -> snippet -> heap -> log -> followers

    0          4          4 + size
    | size u32 | body     |            big-endian; size counts the body alone

Promise: however the bytes are split, the same bodies come out, and the work is linear in the bytes
(tests/wire/test_frame.py).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from objserver.errors import FrameTooLarge
from objserver.limits import FRAME_SIZE_MAX

__all__ = ["HEADER_SIZE", "FrameReader", "encode_frame", "is_frame"]

HEADER_SIZE: Final = 4

assert FRAME_SIZE_MAX < 1 << 8 * HEADER_SIZE

# Half the time of int.from_bytes, and it is done for every message.
_read_size: Final = Struct(">I").unpack_from


def encode_frame(body: bytes) -> bytes:
    """Return `body` with its size in front.

    Raises:
        FrameTooLarge: no peer would read it.
    """
    size = len(body)
    if size > FRAME_SIZE_MAX:
        raise FrameTooLarge(f"frame of {size} bytes exceeds {FRAME_SIZE_MAX}; send the data in pieces")
    return size.to_bytes(HEADER_SIZE, "big") + body


def is_frame(data: bytes, size_max: int = FRAME_SIZE_MAX) -> bool:
    """Whether `data` is one whole frame and nothing else, as nearly always."""
    return HEADER_SIZE <= len(data) <= size_max and _read_size(data)[0] == len(data) - HEADER_SIZE


class FrameReader:
    """Reads the frames of one connection, in order.

    Holds at most one unfinished frame: what was received of it, never what was only announced.

    Attributes:
        held: the bytes of that frame. A peer that ends with any held vanished in mid-frame.
    """

    __slots__ = ("_refused", "_wanted", "held", "size_max")

    def __init__(self, size_max: int = FRAME_SIZE_MAX) -> None:
        self.size_max = size_max
        self.held = bytearray()
        self._wanted = 0  # the buffer can't give a body, or refuse one, before it is this long
        self._refused: str | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that `data` completes, oldest first.

        Raises:
            FrameTooLarge: at the header, before any of the body is awaited. `bodies` of the error are the complete
                ones before that header: they are good requests and want their replies. Nothing after it can be
                found, so every later call raises again.
        """
        if self._refused is not None:
            raise FrameTooLarge(self._refused)
        end = len(data)
        if self.held:
            self.held += data
            end = len(self.held)
            if end < self._wanted:
                return []
            # Cleared, not cut at the front: what stays is part of the last piece, so each byte is moved a bounded
            # number of times however small the pieces are.
            data = bytes(self.held)
            self.held = bytearray()
        if is_frame(data, self.size_max):
            return [data[HEADER_SIZE:]]
        bodies: list[bytes] = []
        start = 0
        while end - start >= HEADER_SIZE:
            first = start + HEADER_SIZE
            (size,) = _read_size(data, start)
            if size > self.size_max:
                self._refused = f"frame of {size} bytes exceeds {self.size_max}; send the data in pieces"
                raise FrameTooLarge(self._refused, bodies)
            after = first + size
            if after > end:
                self._wanted = HEADER_SIZE + size
                break
            bodies.append(data[first:after])
            start = after
        else:
            self._wanted = HEADER_SIZE
        if start < end:
            self.held += data[start:] if start else data
        return bodies
