"""The module `bisect`: Python's. It asks any sequence for single items, and a list of the heap to insert one."""

from __future__ import annotations

import bisect
from typing import Final

from sandbox.hooks import Hooks
from sandbox.seal import Module, make_module

_SAME: Final = ("bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right")


def make_bisect(hooks: Hooks) -> Module:
    return make_module("bisect", {name: getattr(bisect, name) for name in _SAME})
