"""A large SortedDict: what stands in one of the heap in place of a plain list of (key, value).

    PagedSorted = PagedList (objserver/heap/paged_list.py) whose rows tell the least key of each piece

A key is found by bisection of the rows of the root and of a branch, and of a leaf; what is looked up beside what was
found last, or beside a walk, in that leaf. What a walk over keys came by last is looked up without a search.

Promise: that of objserver/heap/sorted_dict.py. What is remembered changes no result.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from .paged_dict import MISSING
from .paged_list import Node, PagedList

__all__ = ["PagedSorted", "place_in"]

_KEY: Final = itemgetter(0)

# Keys that compare with whatever stands in one container with an equal one, so that it does not matter with which they
# are compared to be found. Not so a Decimal, beside an int and a Fraction.
_ALIKE: Final = frozenset({bool, bytes, date, datetime, float, int, str, UUID})


class PagedSorted(PagedList):
    """A large list of (key, value), in order of the keys.

    Attributes:
        current: the entry that a walk over keys came by last, of which the value is most likely wanted next.
        current_stamp: the stamp for which that holds.
    """

    __slots__ = ("_near", "_near_stamp", "current", "current_stamp")

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.current: tuple[Any, Any] = MISSING, None
        self.current_stamp = -1
        self._near: list[tuple[Any, Any]] = []  # the leaf that a key was found in last, or a walk went into
        self._near_stamp = -1

    def part(self, place: int, count: int) -> list[tuple[Any, Any]]:
        """Return up to `count` entries from a place on, those of one piece; or so many backwards from it."""
        leaf, at = self._find(place)
        self._near = leaf
        self.current_stamp = self._near_stamp = self.stamp
        self.current = leaf[at]
        return leaf[at : at + count] if count > 0 else leaf[max(at + 1 + count, 0) : at + 1][::-1]

    def changed_in_snippet(self) -> list[tuple[list[Any], int, int]]:
        self.current_stamp = self._near_stamp = -1
        return super().changed_in_snippet()

    def _key_of(self, leaf: list[Any]) -> Any:
        return leaf[0][0]

    @staticmethod
    def pack(leaf: list[Any]) -> list[Any]:
        return [part for entry in leaf for part in entry]

    @staticmethod
    def unpack(content: list[Any]) -> list[Any]:
        return list(zip(content[::2], content[1::2], strict=True))

    def entry(self, key: Any) -> tuple[Any, Any] | None:
        """Return the entry of a key, None when there is none. Raises TypeError: it has no place among the others."""
        near = self._near
        if self._near_stamp == self.stamp and type(key) in _ALIKE and near[0][0] <= key <= near[-1][0]:
            leaf = near
        else:
            head, tail = self.head, self.tail
            if head and not key > head[-1][0]:
                leaf = head
            elif tail and not key < tail[0][0]:
                leaf = tail
            elif self.root.rows:
                leaf = self._leaf_of(key)[2]
            else:
                return None
            self._near, self._near_stamp = leaf, self.stamp
        at = bisect_left(leaf, (key,))  # by the keys alone: a tuple is before a longer one that begins with it
        if at < len(leaf):
            entry: tuple[Any, Any] = leaf[at]
            if entry[0] == key:
                return entry
        return None

    def put(self, key: Any, value: Any) -> bool:
        """Put an entry into the midst of a leaf. Returns: whether that was its place; if not, nothing was done."""
        if not self._is_within(key):
            return False
        top, at, leaf = self._leaf_of(key)
        place = bisect_left(leaf, (key,))
        if not place < len(leaf):
            return False
        own = leaf[place][0]
        if own == key:
            self._write(self._branch(self.root.rows[top][0]).rows[at][0])[place] = own, value
            self.stamp += 1
            return True
        # In the first place it would have to be compared with what comes before.
        return place > 0 and self._change(top, at, place, place, [(key, value)])

    def take_out(self, key: Any) -> bool:
        """Remove the entry of a key, if it is in a leaf. Returns: whether it was; if not, nothing was done."""
        if not self._is_within(key):
            return False
        top, at, leaf = self._leaf_of(key)
        place = bisect_left(leaf, (key,))
        return place < len(leaf) and leaf[place][0] == key and self._change(top, at, place, place + 1, [])

    def _is_within(self, key: Any) -> bool:
        """Whether the tree has the place of a key."""
        head, tail = self.head, self.tail
        return bool(self.root.rows) and (not head or key > head[-1][0]) and not (tail and key > tail[0][0])

    def _leaf_of(self, key: Any) -> tuple[int, int, list[tuple[Any, Any]]]:
        """Return the leaf in the tree that has or would have a key: (branch in the root, leaf in the branch, leaf)."""
        root = self.root
        top = root.find_key(key)
        branch: Node = self._piece(root.rows[top][0], branch=True)
        at = branch.find_key(key)
        return top, at, self._piece(branch.rows[at][0])

    def _change(self, top: int, at: int, place: int, end: int, entries: list[tuple[Any, Any]]) -> bool:
        self._move()
        done = self._change_leaf(top, at, place, end, entries)
        if done:
            self.length += len(entries) - (end - place)
        return done

    def place_of(self, key: Any, *, right: bool = False) -> int:
        """Return the first place whose key is not before `key`, or with `right`, behind it."""
        head = len(self.head)
        if head and (not key > self.head[-1][0] if not right else key < self.head[-1][0]):
            return place_in(self.head, key, right)
        if self.tail and (key >= self.tail[0][0] if right else key > self.tail[0][0]):
            return self.length - len(self.tail) + place_in(self.tail, key, right)
        if not self.root.rows:
            return head
        top, at, leaf = self._leaf_of(key)
        start = self.root.starts()[top] + self._branch(self.root.rows[top][0]).starts()[at]
        return head + start + place_in(leaf, key, right)


def place_in(items: list[Any], key: Any, right: bool) -> int:
    """Return the first place in a list of entries whose key is not before `key`, or with `right`, behind it."""
    return bisect_right(items, key, key=_KEY) if right else bisect_left(items, key, key=_KEY)
