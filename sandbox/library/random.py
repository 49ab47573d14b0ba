"""The numbers that look random to a snippet and are the same on every replica."""

from __future__ import annotations

import random

# What makes them: Mersenne Twister, whose numbers for a seed are the same on every Python.
Generator = random.Random


def make_generator(time_ns: int, seq: int, index: int) -> Generator:
    """Return the generator of one snippet, seeded by where it stands.

    Args:
        time_ns, seq: of the log entry it is in, or would be.
        index: its position in that entry.
    """
    return Generator((time_ns << 96) | (seq << 32) | index)
