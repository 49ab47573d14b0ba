"""Sets and tables of numbers that are given one after the other: oids, places, numbers of pieces.

    number -> chunk of 65,536 -> bit, byte or two bytes of it

A hundred million objects take 12 MB in a set and 200 MB in a table of small numbers; a number far off, which damage may
make, takes one chunk.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

__all__ = ["Counts", "Numbers", "Table"]

_BITS: Final = 16
_COUNT: Final = 1 << _BITS
_MASK: Final = _COUNT - 1


class Numbers:
    """A set of numbers."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytearray] = {}

    def __contains__(self, number: int) -> bool:
        chunk = self._chunks.get(number >> _BITS)
        return chunk is not None and bool(chunk[(number & _MASK) >> 3] & (1 << (number & 7)))

    def add(self, number: int) -> bool:
        """Put a number in. Returns: whether it was not there."""
        chunk = self._chunks.get(number >> _BITS)
        if chunk is None:
            chunk = self._chunks[number >> _BITS] = bytearray(_COUNT >> 3)
        at, bit = (number & _MASK) >> 3, 1 << (number & 7)
        if chunk[at] & bit:
            return False
        chunk[at] |= bit
        return True

    def take(self) -> list[int]:
        """Take some of the numbers out, all of one chunk; [] when there are none."""
        if not self._chunks:
            return []
        index, chunk = self._chunks.popitem()
        return list(_numbers(index, chunk))

    def __iter__(self) -> Iterator[int]:
        for index in sorted(self._chunks):
            yield from _numbers(index, self._chunks[index])


def _numbers(index: int, chunk: bytearray) -> Iterator[int]:
    for at, byte in enumerate(chunk):
        if byte:
            first = (index << _BITS) + (at << 3)
            for bit in range(8):
                if byte & (1 << bit):
                    yield first + bit


class Table:
    """number -> a small number from 1 to 65,535; 0 for all others."""

    def __init__(self) -> None:
        self._chunks: dict[int, array[int]] = {}

    def __getitem__(self, number: int) -> int:
        chunk = self._chunks.get(number >> _BITS)
        return 0 if chunk is None else chunk[number & _MASK]

    def __setitem__(self, number: int, value: int) -> None:
        chunk = self._chunks.get(number >> _BITS)
        if chunk is None:
            chunk = self._chunks[number >> _BITS] = array("H", bytes(2 * _COUNT))
        chunk[number & _MASK] = value

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield (number, value) of those that have one, in order."""
        for index in sorted(self._chunks):
            first = index << _BITS
            for at, value in enumerate(self._chunks[index]):
                if value:
                    yield first + at, value


class Counts:
    """number -> how often it was met."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytearray] = {}
        self._large: dict[int, int] = {}  # those above 254

    def __getitem__(self, number: int) -> int:
        chunk = self._chunks.get(number >> _BITS)
        count = 0 if chunk is None else chunk[number & _MASK]
        return self._large[number] if count == 255 else count

    def add(self, number: int) -> None:
        chunk = self._chunks.get(number >> _BITS)
        if chunk is None:
            chunk = self._chunks[number >> _BITS] = bytearray(_COUNT)
        at = number & _MASK
        if chunk[at] < 254:
            chunk[at] += 1
        else:
            chunk[at] = 255
            self._large[number] = self._large.get(number, 254) + 1
