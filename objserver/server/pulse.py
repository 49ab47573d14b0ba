"""The pulse: memory shared by the server and its supervisor, which tells what is being run now.

    server:      begin(batch) --> [word | bodies] --> after each snippet, word - 1      nothing else, no clock, no call
    supervisor:  beat() again and again: the same word for too long is a snippet that does not end
                 culprit(): the request that was running when the server ended

    0      8         16
    | word | unused  | body 0 | NUL | body 1 | NUL | ... | NUL |

The word is the number of the batch (44 bits) and how many of its snippets are not done (20 bits); 0: nothing of a
client's is running. A body is the request as it came, JSON, which has no NUL. It must all be written before the first
snippet runs, since one that never ends can't be asked who it is.

Promise: a snippet costs its server some 0.1 us for this in a batch of 50, and 0.35 us when it comes alone
(tests/server/test_watch.py).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Final

from objserver.limits import BATCH_COUNT_MAX, BATCH_SIZE_MAX, FRAME_SIZE_MAX

__all__ = ["Pulse"]

_HEAD_SIZE: Final = 16
_COUNT_BITS: Final = 20
_COUNT_MASK: Final = (1 << _COUNT_BITS) - 1
# Memory is taken as it is touched. Nothing is remembered of a batch that does not fit.
_SIZE: Final = _HEAD_SIZE + BATCH_SIZE_MAX + FRAME_SIZE_MAX + BATCH_COUNT_MAX

# A batch and what earlier ones left over.
assert 2 * BATCH_COUNT_MAX < _COUNT_MASK


class Pulse:
    """One mapping of the shared memory.

    Attributes:
        word: its first element is the word; the server writes it while snippets run (watch.Watch).
    """

    def __init__(self, fd: int = -1) -> None:
        """
        Args:
            fd: of `create`; without it the memory is this process's own.
        """
        self._map = mmap.mmap(fd, _SIZE)
        self.word = memoryview(self._map)[:8].cast("Q")
        self._batch = 0

    @staticmethod
    def create() -> int:
        """Return a descriptor of fresh memory, to be inherited by the server."""
        fd = os.memfd_create("objserver-pulse")
        os.ftruncate(fd, _SIZE)
        return fd

    def begin(self, bodies: Sequence[bytes]) -> int:
        """A batch of these requests begins. Returns the word, from which the caller takes 1 after each."""
        data = b"\0".join(bodies) + b"\0\0" if len(bodies) > 1 else bodies[0] + b"\0\0"
        end = _HEAD_SIZE + len(data)
        if end > _SIZE:
            data, end = b"\0\0", _HEAD_SIZE + 2
        self._map[_HEAD_SIZE:end] = data
        self._batch += 1 << _COUNT_BITS
        value = self.word[0] = self._batch + len(bodies)
        return value

    def end(self) -> None:
        """No snippet is running any more."""
        self.word[0] = 0

    def beat(self) -> int | None:
        """Return a number that stays the same as long as one snippet runs; None when none does."""
        value = self.word[0]
        return value if value & _COUNT_MASK else None

    def culprit(self) -> bytes | None:
        """Return the request that runs, or ran when the server ended; None when there is none or it is not known."""
        left = self.word[0] & _COUNT_MASK
        if not left:
            return None
        bodies = self._map[_HEAD_SIZE : self._map.find(b"\0\0", _HEAD_SIZE)].split(b"\0")
        return bodies[-left] if left <= len(bodies) else None
