"""Kept: entries of one large container that were read from disk and may be wanted again.

    read once ----> new ----> hot <----> aging ----> forgotten
              add      find        find, shed     shed

An entry that is found a second time is hot. When memory is short (objserver/heap/eviction.py), what was read only once
goes first, then what was not found since the last time but one: a walk over everything leaves the working set where it
is. A hit on a hot entry costs one look into a dict and no bookkeeping. After S3-FIFO (Yang and others, 2023) and the
two-handed clock.

Promise: nothing here decides what a snippet computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .pager import Pager

__all__ = ["READ_DEPTH", "Kept"]

# Frames that reading what is not kept may need: a class, its bases, the classes of what it holds. What has to be loaded
# must not decide how deep a snippet may go.
READ_DEPTH: Final = 2_000

# Bytes of memory of an entry, beside a multiple of its record's size: a place in a dict, a tuple, a number.
_ENTRY_SIZE = 250

# And of a group of an index.
_GROUP_SIZE = 800


class Kept:
    """key -> entry, of those that LMDB has too.

    Attributes:
        groups: of the index (objserver/heap/index.py), likewise; few, wanted by every lookup, and given up last.
        hot: for whoever looks there first.
        size: bytes of memory of entries, about.
    """

    __slots__ = ("_aging", "_new", "_pager", "groups", "hot", "size")

    def __init__(self, pager: Pager) -> None:
        self.groups: dict[int, bytes] = {}
        self.hot: dict[Any, Any] = {}
        self._aging: dict[Any, Any] = {}
        self._new: dict[Any, Any] = {}
        self._pager = pager
        self.size = 0

    def __len__(self) -> int:
        return len(self.hot) + len(self._aging) + len(self._new)

    def find(self, key: Any) -> Any:
        """Return an entry that is not hot, and make it so; None when there is none."""
        entry = self._new.pop(key, None) or self._aging.pop(key, None)
        if entry is not None:
            self.hot[key] = entry
        return entry

    def add(self, key: Any, entry: Any, record_size: int) -> None:
        """Keep an entry that was read or written and is not there."""
        self._new[key] = entry
        size = _ENTRY_SIZE + 3 * record_size
        self.size += size
        if self._pager.account(size):
            # Freed at once: it is the snippet that reads so much which waits for that.
            count, self._new = len(self), {}
            self._give_back(count)

    def forget(self, key: Any) -> None:
        """Give up an entry, if it is there."""
        count = len(self)
        if count:
            self.hot.pop(key, None)
            self._aging.pop(key, None)
            self._new.pop(key, None)
            self._give_back(count)

    def keep_groups(self, groups: dict[int, bytes]) -> None:
        """Keep groups as they are now."""
        before = len(self.groups)
        self.groups.update(groups)
        self._pager.account((len(self.groups) - before) * _GROUP_SIZE)

    def drop_groups(self) -> None:
        """Give up the groups."""
        self._pager.account(-len(self.groups) * _GROUP_SIZE)
        self.groups = {}

    def new_size(self) -> int:
        """Return the bytes of memory of what was read only once, about."""
        return len(self._new) * self._item_size()

    def shed(self) -> bool:
        """Give up what is least likely to be wanted again. Returns: whether there was anything."""
        count, item_size = len(self), self._item_size()
        if not count:
            found = bool(self.groups)
            self.drop_groups()
            return found
        if self._new:
            gone, self._new = self._new, {}
        else:
            gone, self._aging, self.hot = self._aging, self.hot, {}
        self._give_back(count)
        self._pager.leftovers.add(gone, item_size)
        return True

    def drop(self) -> None:
        """Give up everything."""
        self.drop_groups()
        for gone in (self.hot, self._aging, self._new):
            self._pager.leftovers.add(gone, self._item_size())
        count = len(self)
        self.hot, self._aging, self._new = {}, {}, {}
        self._give_back(count)

    def _item_size(self) -> int:
        return self.size // (len(self) or 1) + 1

    def _give_back(self, count: int) -> None:
        # By count: nobody wants to know the size of each.
        left = len(self)
        if left != count:
            size = self.size * left // count
            self._pager.account(size - self.size)
            self.size = size
