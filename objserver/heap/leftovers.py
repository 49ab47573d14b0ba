"""Leftovers: large dicts that nobody wants any more, taken apart in slices.

    kept.drop, kept.shed, settle, discard --> [leftovers] --> Heap.evict, a slice at a time

CPython frees a dict with all that is in it at once: 100,000 entries of a large dict take 15 to 45 ms, in which no
snippet runs. What ends within a snippet is freed there and then: that is the snippet's own time.

Promise: a slice does not grow but with what waits, and what waits is halved by some twenty slices.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

__all__ = ["Leftovers"]

# Bytes of memory given back in one slice: some 2,000 entries, or 1 ms.
SLICE_SIZE: Final = 1 << 20

# The part of all that waits which a slice takes at least, so that it can't fall behind those who add.
_SLICE_PART: Final = 32


class Leftovers:
    """Dicts to be emptied. Whoever adds one gives it up: there is no other reference to it that anybody will use."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[dict[Any, Any], int]] = deque()
        self._size = 0

    def add(self, items: dict[Any, Any], item_size: int) -> None:
        """Take over a dict; one that is not worth a slice is gone when this returns.

        Args:
            item_size: bytes of memory of one item, about.
        """
        size = len(items) * item_size
        if size > SLICE_SIZE:
            self._waiting.append((items, item_size))
            self._size += size

    def take(self) -> bool:
        """Free a slice. Returns: whether there is more."""
        left = max(SLICE_SIZE, self._size // _SLICE_PART)
        while self._waiting and left > 0:
            items, item_size = self._waiting[0]
            count = min(len(items), left // item_size + 1)
            popitem = items.popitem
            for _ in range(count):
                popitem()
            left -= count * item_size
            self._size -= count * item_size
            if not items:
                self._waiting.popleft()
        return bool(self._waiting)
