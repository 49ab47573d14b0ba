"""Frames: cut a byte stream into message bodies. Does no I/O.

    socket -> [frame] -> message -> snippet -> heap -> log -> followers

    0          4          4 + size
    | size u32 | body     |            big-endian; size counts the body alone

Promise: however the bytes are split, the same bodies come out, and the work is linear in the bytes
(tests/wire/test_frame.py).
"""

from __future__ import annotations

from typing import Final

from objserver.errors import FrameTooLarge
from objserver.limits import FRAME_SIZE_MAX

__all__ = ["HEADER_SIZE", "FrameReader", "encode_frame"]

HEADER_SIZE: Final = 4

assert FRAME_SIZE_MAX < 1 << 8 * HEADER_SIZE


def encode_frame(body: bytes) -> bytes:
    """Return `body` with its size in front.

    Raises:
        FrameTooLarge: no peer would read it.
    """
    size = len(body)
    if size > FRAME_SIZE_MAX:
        raise FrameTooLarge(f"frame of {size} bytes exceeds {FRAME_SIZE_MAX}; send the data in pieces")
    return size.to_bytes(HEADER_SIZE, "big") + body


class FrameReader:
    """Reads the frames of one connection, in order.

    Holds at most one unfinished frame: what was received of it, never what was only announced.
    """

    __slots__ = ("_buffer", "_refused", "_wanted", "size_max")

    def __init__(self, size_max: int = FRAME_SIZE_MAX) -> None:
        self.size_max = size_max
        self._buffer = bytearray()
        self._wanted = 0  # the buffer can't give a body, or refuse one, before it is this long
        self._refused: str | None = None

    @property
    def pending(self) -> int:
        """Bytes received of a frame that is not complete. A peer that ends with any left vanished in mid-frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that `data` completes, oldest first.

        Raises:
            FrameTooLarge: at the header, before any of the body is awaited. `bodies` of the error are the complete
                ones before that header: they are good requests and want their replies. Nothing after it can be
                found, so every later call raises again.
        """
        if self._refused is not None:
            raise FrameTooLarge(self._refused)
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return []
            # Cleared, not cut at the front: what stays is part of the last piece, so each byte is moved a bounded
            # number of times however small the pieces are.
            data = bytes(self._buffer)
            self._buffer = bytearray()
        bodies: list[bytes] = []
        start, end = 0, len(data)
        while end - start >= HEADER_SIZE:
            first = start + HEADER_SIZE
            size = int.from_bytes(data[start:first], "big")
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
            self._buffer += data[start:] if start else data
        return bodies
