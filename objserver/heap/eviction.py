"""Eviction: which objects leave memory when it is short, and which stay.

    read from disk, or made --> new --> resting --> ghost --.
                                          |  ^              |  read again soon
                           touched again  |  |              |
                                          v  |              |
                                         wanted <-----------'

Reading a clean object leaves no trace: that is what makes it fast. So an object is not given up at once. It is put to
rest first: it becomes a ghost, and its state is set aside here instead of being freed. Who touches it gets the state
back without a read of the disk, and the object is wanted from then on. What is not touched while it rests goes, the
oldest first; of as many as there are in memory the numbers are remembered, and who is read again is wanted too. A walk
over everything passes through new and resting, and leaves the wanted ones where they are. While memory is not short
nothing of this happens.

Entries of large containers are no objects, and have a memory of their own of the same kind (objserver/heap/kept.py).

After the two lists of Linux's page cache, and S3-FIFO (Yang and others, 2023).

Promise: nothing here decides what a snippet computes (tests/heap/test_eviction.py, tests/engine/test_machine.py).
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from . import instances
from .containers import PAGED, STATES
from .instances import Version

if TYPE_CHECKING:
    from .heap import Heap

__all__ = ["Eviction"]

# The part of memory that is for what was read once: objects that rest, entries of large containers. When it is less,
# what is wanted makes room.
_COLD_PART: Final = 8

# Numbers of objects that are remembered beside those of as many as there are.
_GONE_COUNT: Final = 100

# References to an object that nothing but `live` and the look at it hold: the dict, the name, the argument.
_REFERENCES_OF_UNUSED: Final = 3


class Eviction:
    """What one heap knows of its objects' use. Oids that wait in a row may be those of objects that left it meanwhile.

    Attributes:
        sweep_at: objects known from which on ghosts that nothing refers to are looked for.
    """

    def __init__(self, heap: Heap) -> None:
        self._heap = heap
        self._new: deque[int] = deque()
        self._wanted: deque[int] = deque()
        self._large: deque[int] = deque()  # containers in pieces
        self._resting: dict[int, tuple[int, Any, Any]] = {}  # oid -> size, items or attributes, text
        self._resting_row: deque[int] = deque()
        self._gone: dict[int, None] = {}  # given up lately
        self._gone_before: dict[int, None] = {}
        self._resting_size = 0
        self._held_count = 0  # objects looked at since the last one that could be put to rest
        self._sweep: Iterator[int] = iter(())
        self.sweep_at = 10_000

    def enter(self, oid: int) -> None:
        """An object was read or made."""
        if oid in self._gone or oid in self._gone_before:
            self._wanted.append(oid)
        else:
            self._new.append(oid)

    def enter_new(self, oid: int) -> None:
        """An object was made that nobody can have given up."""
        self._new.append(oid)

    def wake(self, oid: int) -> tuple[Any, Any] | None:
        """Return the state of an object that rests: (items or attributes, text). None when it does not."""
        found = self._resting.pop(oid, None)
        if found is None:
            return None
        size, state, text = found
        self._resting_size -= size
        self._wanted.append(oid)
        return state, text

    def forget(self, oid: int) -> None:
        """An object is dead."""
        found = self._resting.pop(oid, None)
        if found is not None:
            self._resting_size -= found[0]

    def run(self, size_max: int, count_max: int) -> bool:
        """Do a slice: see Heap.evict."""
        heap = self._heap
        if heap.loaded_size <= max(size_max, heap.evict_above):
            return self._sweep_ghosts(count_max)
        worked = self._rest(self._new, count_max)
        little = self._resting_size * _COLD_PART <= heap.loaded_size
        worked |= self._shed(count_max, size_max, little)
        if little and heap.loaded_size > size_max:
            worked |= self._rest(self._wanted, count_max, heap.loaded_size // _COLD_PART)
        worked |= self._give_up(count_max, size_max)
        if worked:
            self._held_count = 0
        elif self._held_count >= len(heap.loaded):
            # Everything is changed and waits for a checkpoint: look again when there is more, or when that has ended.
            heap.evict_above = heap.loaded_size + heap.loaded_size // 16
            self._held_count = 0
        return worked

    def _rest(self, row: deque[int], count_max: int, resting_size: int | None = None) -> bool:
        """Put objects to rest, `count_max` at most, until so many bytes rest. Returns: whether it came to anything."""
        heap = self._heap
        live, loaded = heap.live, heap.loaded
        worked = False
        for _ in range(min(len(row), count_max)):
            oid = row.popleft()
            size = loaded.get(oid)
            obj = live.get(oid)
            if size is None or obj is None:
                continue
            held = self._is_held(oid)
            if held or instances.is_code(obj):
                # A function that nothing refers to is read again by who meets it in a record: closures, and what a
                # `def` bound before it ran again. So is the text of such functions, unless one of them runs it still.
                if (
                    not held
                    and (type(obj) is FunctionType or type(obj) is Version)
                    and sys.getrefcount(obj) <= _REFERENCES_OF_UNUSED
                    and not (type(obj) is Version and heap.definitions.closures.is_run(obj))
                ):
                    del live[oid], loaded[oid]
                    heap.loaded_size -= size
                    worked = True
                else:
                    (row if held else self._wanted).append(oid)
                    self._held_count += 1
                continue
            worked = True
            if type(obj) in STATES:
                if type(obj.__items__) in PAGED:
                    self._large.append(oid)
                    continue
                self._resting[oid] = size, obj.__items__, obj.__text__
                obj.__drop__()
                obj.__class__ = obj.__ghost__
            else:
                self._resting[oid] = size, instances.attributes(obj), None
                instances.set_attributes(obj, {})
                instances.set_class(obj, type(obj).__info__.ghost)
            self._resting_row.append(oid)
            self._resting_size += size
            if resting_size is not None and self._resting_size > resting_size:
                break
        return worked

    def _shed(self, count_max: int, size_max: int, little: bool) -> bool:
        """Let large containers give up entries that are cold; with `little` else to give, others too, and in the end
        the container itself. Returns: whether it came to anything."""
        heap = self._heap
        worked = False
        for _ in range(min(len(self._large), count_max)):
            if heap.loaded_size <= size_max:
                break
            oid = self._large.popleft()
            obj = heap.live.get(oid)
            if oid not in heap.loaded or obj is None:
                continue
            if type(obj.__items__) not in PAGED:
                self._new.append(oid)
                continue
            kept = obj.__items__.kept
            if (little or kept.new_size() * _COLD_PART > heap.loaded_size) and kept.shed():
                worked = True
            elif little and not self._is_held(oid):
                worked = True
                obj.__drop__()
                obj.__class__ = obj.__ghost__
                heap.loaded_size -= heap.loaded.pop(oid)
                continue
            elif little:
                self._held_count += 1
            self._large.append(oid)
        return worked

    def _is_held(self, oid: int) -> bool:
        """Whether memory has what the disk has not."""
        heap = self._heap
        return oid in heap.dirty or oid in heap.frozen.objects or oid in heap.frozen.pinned

    def _give_up(self, count_max: int, size_max: int) -> bool:
        """Give up resting objects, `count_max` at most. Returns: whether there was one."""
        heap, resting, row = self._heap, self._resting, self._resting_row
        count = 0
        while row and count < count_max and heap.loaded_size > size_max:
            oid = row.popleft()
            found = resting.pop(oid, None)
            if found is None:
                continue
            count += 1
            self._resting_size -= found[0]
            heap.loaded_size -= heap.loaded.pop(oid, 0)
            self._gone[oid] = None
        if 2 * len(self._gone) > len(heap.loaded) + _GONE_COUNT:
            self._gone, self._gone_before = {}, self._gone
        return count > 0

    def _sweep_ghosts(self, count_max: int) -> bool:
        """Forget ghosts that nothing refers to, `count_max` at a time, once there are many objects."""
        heap = self._heap
        live, loaded = heap.live, heap.loaded
        if len(live) < self.sweep_at:
            return False
        getrefcount = sys.getrefcount
        oids = list(islice(self._sweep, count_max))
        if not oids:
            self._sweep = iter(list(live))
            oids = list(islice(self._sweep, count_max))
        for oid in oids:
            obj = live.get(oid)
            if (
                obj is not None
                and oid not in loaded
                and getrefcount(obj) <= _REFERENCES_OF_UNUSED
                and not instances.is_code(obj)
            ):
                del live[oid]
        obj = None
        if len(oids) < count_max:
            self._sweep = iter(())
            self.sweep_at = 2 * len(live) + 10_000
            return False
        return True
