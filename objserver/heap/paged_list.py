"""A large list: what stands in a List of the heap in place of a plain one that would be too large.

A large deque is one, too (objserver/heap/paged_deque.py).

    head | tree of leaves | tail

    root     a row for each branch                     in the container's record, as are head and tail
    branch   a row for each leaf                       up to BRANCH_COUNT, a piece
    leaf     items                                     up to LEAF_COUNT, a piece

An index is found by counts, so any place is two pieces away. What is done at an end touches the head or tail alone, and
once in LEAF_COUNT times the tree. A change in the middle touches one leaf, its branch and the root. A piece is copied
at its first change in a snippet, so undo puts the old ones back, and what a checkpoint writes does not change under it.
The head and the tail stay the same lists while items only come and go at the outer side, as those of a queue do: undo
takes the new ones off and puts back the old ones that went.
A walk goes over a copy of a leaf's items and finds its place anew once anything was changed (`stamp`).

Promise: what CPython's list and deque would do (tests/heap/test_containers.py, test_kinds.py), at a cost that does not
follow the length. How much is kept in memory changes no result.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain, pairwise
from operator import itemgetter, length_hint
from typing import TYPE_CHECKING, Any, Final, cast

from .buckets import BUCKETS_END
from .kept import READ_DEPTH, Kept
from .paged_dict import MISSING
from .work import WALK_COUNT, metered, pay_for

if TYPE_CHECKING:
    from .pager import Pager

__all__ = ["Node", "PagedList", "Place", "index_of", "message_of", "plain_list"]

LEAF_COUNT: Final = 64
BRANCH_COUNT: Final = 256

# Bytes of memory of what is freed with a changed piece, about; and that in changed entries of a dict.
_PIECE_SIZE: Final = 4_000
_PIECE_WEIGHT: Final = 8


# Of a piece: its number, how many items are in it, the least key that it may hold (None in a list).
Row = tuple[int, int, Any]
_COUNT_OF: Final = itemgetter(1)


class Node:
    """A branch, or the root: a row for each piece below it."""

    __slots__ = ("_firsts", "_starts", "rows")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._starts = [0]  # the place of the first item of each, as far as anybody asked since rows before it changed
        self._firsts: list[Any] | None = None

    @classmethod
    def of(cls, parts: list[list[Any]]) -> Node:
        """Return what `parts` of another one says."""
        return cls([(number, count, first) for number, count, first in parts])

    def parts(self) -> list[list[Any]]:
        return [list(row) for row in self.rows]

    def copy(self) -> Node:
        made = Node(self.rows.copy())
        made._starts = self._starts.copy()
        made._firsts = None if self._firsts is None else self._firsts.copy()
        return made

    def starts(self) -> list[int]:
        """Return the place of the first item of each piece."""
        starts, rows = self._starts, self.rows
        known = len(starts)
        if known < len(rows):
            starts.extend(accumulate(map(_COUNT_OF, rows[known:-1]), initial=starts[-1] + rows[known - 1][1]))
        return starts

    def find(self, place: int) -> tuple[int, int]:
        """Return which piece has the item at a place, and where in it."""
        starts = self._starts if len(self._starts) == len(self.rows) else self.starts()
        at = bisect_right(starts, place) - 1
        return at, place - starts[at]

    def find_key(self, key: Any) -> int:
        """Return which piece has or would have a key."""
        firsts = self._firsts
        if firsts is None:
            firsts = self._firsts = [row[2] for row in self.rows]
        at = bisect_right(firsts, key) - 1
        return at if at > 0 else 0

    def put(self, first: int, end: int, rows: list[Row]) -> None:
        """Put pieces in place of those from `first` up to `end`."""
        self.rows[first:end] = rows
        del self._starts[min(first + 1, len(self.rows) or 1) :]
        if self._firsts is not None:
            self._firsts[first:end] = [row[2] for row in rows]

    def grow(self, at: int, count: int) -> None:
        """Say that a piece has so many items more."""
        number, held, first = self.rows[at]
        self.rows[at] = number, held + count, first
        del self._starts[at + 1 :]

    def total(self) -> int:
        return sum(row[1] for row in self.rows)


class PagedList:
    """Items by index."""

    __slots__ = (
        "_before", "_head_gone", "_head_old", "_journal", "_last", "_last_stamp", "_last_start", "_pager", "_tail_gone",
        "_tail_old", "_written", "changed", "frozen", "head", "kept", "length", "next", "root", "saved_next", "stamp",
        "state", "storage", "tail", "version",
    )  # fmt: skip

    def __init__(
        self, pager: Pager, storage: int, next_number: int, root: list[Any], head: list[Any], tail: list[Any]
    ) -> None:
        """Make one of what its record says."""
        self._pager = pager
        self.storage = storage
        self.next = next_number
        self.root = Node.of(root)
        self.head = self.unpack(head)
        self.tail = self.unpack(tail)
        self.length = self.root.total() + len(self.head) + len(self.tail)
        self.version = 0  # counts changes of the structure: which item is where
        self.stamp = 0  # and every other change
        self.changed: dict[int, Any] = {}  # piece -> content, None when it is gone; since the last freeze
        self.frozen: dict[int, Any] = {}
        self.saved_next = next_number  # pieces from here on are not in LMDB
        self.state = next_number  # the same as of the last freeze
        self.kept = Kept(pager)
        self._before: tuple[Any, ...] | None = None
        self._journal: list[tuple[int, Any]] = []
        self._written: set[int] = set()  # pieces copied in this snippet
        self._last: list[Any] = []  # what was read last: items
        self._last_start = 0  # the place of the first of them
        self._last_stamp = -1  # as of this stamp
        # While the head and the tail are the lists of `begin`: how many of their items were there then, from the inner
        # side, and which went, in this order.
        self._head_old = self._tail_old = 0
        self._head_gone: list[Any] = []
        self._tail_gone: list[Any] = []

    @classmethod
    def make(cls, pager: Pager, items: Iterable[Any]) -> Any:
        """Return one that holds these items; LMDB has nothing of it yet."""
        made = cls(pager, pager.allocate(), BUCKETS_END, [], [], [])
        made._append_all(list(items))
        made.length = made.root.total() + len(made.tail)
        made.end()
        return made

    # --- reading --------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int:
            # Beside what was read last, as a loop over indices does.
            at = index - self._last_start
            if 0 <= at < len(self._last) and self._last_stamp == self.stamp:
                return self._last[at]
        elif isinstance(index, slice):
            return self._slice(*index.indices(self.length))
        place = self._place(index, self._name + " index out of range")
        items, at = self._find(place)
        self._last, self._last_start, self._last_stamp = items, place - at, self.stamp
        return items[at]

    def __iter__(self) -> Iterator[Any]:
        return self._walk(0)

    def _walk(self, place: int) -> Iterator[Any]:
        paid = place
        while place < self.length:
            if place - paid >= WALK_COUNT:
                pay_for(place - paid)
                paid = place
            items, at = self._find(place)
            stamp = self.stamp
            rest = iter(items[at:])
            place += len(items) - at
            for item in rest:
                yield item
                if stamp != self.stamp:
                    place -= length_hint(rest)
                    break

    def __reversed__(self) -> Iterator[Any]:
        place = paid = self.length - 1
        while 0 <= place < self.length:
            if paid - place >= WALK_COUNT:
                pay_for(paid - place)
                paid = place
            items, at = self._find(place)
            stamp = self.stamp
            rest = reversed(items[: at + 1])
            place -= at + 1
            for item in rest:
                yield item
                if stamp != self.stamp:
                    place += length_hint(rest)
                    break

    def _pieces(self) -> Iterator[list[Any]]:
        """Return all items, those of a piece at a time, for whoever changes nothing meanwhile; it pays as `_walk`."""
        place = paid = 0
        while place < self.length:
            if place - paid >= WALK_COUNT:
                pay_for(place - paid)
                paid = place
            items, at = self._find(place)
            yield items
            place += len(items) - at

    def __contains__(self, item: object) -> bool:
        return any(item in part for part in self._pieces())

    def index(self, item: Any, *bounds: int) -> int:
        if not all(hasattr(type(bound), "__index__") for bound in bounds):
            raise TypeError(_BAD_BOUND)
        first, end, _ = slice(*(bounds if len(bounds) == 2 else (*bounds, None))).indices(self.length)
        place = first
        for other in self._walk(first):
            if place >= end:
                break
            if other is item or other == item:
                return place
            place += 1
        raise ValueError(self._absent(item))

    def _absent(self, item: Any) -> str:
        return _ABSENT.replace("0", repr(item))

    def count(self, item: Any) -> int:
        return sum(part.count(item) for part in self._pieces())

    def copy(self) -> list[Any]:
        """Return a plain list."""
        return list(chain.from_iterable(self._pieces()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | deque | PagedList):
            return NotImplemented
        return len(other) == self.length and all(
            mine is theirs or mine == theirs for mine, theirs in zip(self, other, strict=False)
        )

    __hash__ = None  # type: ignore[assignment]

    def __lt__(self, other: Any) -> bool:
        mine, theirs = self._first_difference(other)
        return bool(mine < theirs)

    def __le__(self, other: Any) -> bool:
        mine, theirs = self._first_difference(other)
        return bool(mine <= theirs)

    def __gt__(self, other: Any) -> bool:
        mine, theirs = self._first_difference(other)
        return bool(mine > theirs)

    def __ge__(self, other: Any) -> bool:
        mine, theirs = self._first_difference(other)
        return bool(mine >= theirs)

    def _first_difference(self, other: Any) -> tuple[Any, Any]:
        """Return what decides the order: the first items that differ, or else the lengths."""
        for mine, theirs in zip(self, other, strict=False):
            if mine is not theirs and mine != theirs:
                return mine, theirs
        return self.length, len(other)

    def __add__(self, other: Any) -> list[Any]:
        made: list[Any] = self.copy() + plain_list(other)
        return made

    def __radd__(self, other: Any) -> list[Any]:
        return other + self.copy()  # type: ignore[no-any-return]

    def __mul__(self, count: int) -> list[Any]:
        return self.copy() * count

    def __repr__(self) -> str:
        return repr(self.copy())

    # --- changing -------------------------------------------------------------------------------------------------

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(value))
            return
        place = self._place(index, self._out_of_range)
        items, at = self._find(place)
        if items[at] is value:
            return
        own, at = self._find(place, to_write=True)
        own[at] = value
        self.stamp += 1

    def __delitem__(self, index: Any) -> None:
        if isinstance(index, slice):
            self._delete_slice(index)
            return
        place = self._place(index, self._out_of_range)
        if place:
            self._replace(place, place + 1, [])
        else:
            self._pop_first()

    def append(self, item: Any) -> None:
        tail = self.tail
        tail.append(item)
        self.length += 1
        self.version += 1
        self.stamp += 1
        if len(tail) >= LEAF_COUNT:
            self._push(self._own_tail())
            self.tail = []

    def extend(self, items: Iterable[Any]) -> None:
        for item in metered(self.copy() if items is self else items):
            self.append(item)

    def insert(self, index: Any, item: Any) -> None:
        place = index_of(index)
        place = max(place + self.length, 0) if place < 0 else min(place, self.length)
        if place == self.length:
            self.append(item)
        else:
            self._replace(place, place, [item])

    def pop(self, index: Any = -1) -> Any:
        if not self.length:
            raise IndexError(self._nothing_to_pop)
        if index == -1:
            if not self.tail:
                if not self.root.rows:
                    return self._take(self._own_head(), -1)
                self.tail = self._pull(-1)
            elif self._before is not None and self.tail is self._before[1] and len(self.tail) == self._tail_old:
                # Noted before it is done: a snippet near its recursion limit may be stopped at any call, and go on.
                self._tail_gone.append(self.tail[-1])
                self._tail_old -= 1
            return self._take(self.tail, -1)
        place = self._place(index_of(index), "pop index out of range")
        if not place:
            return self._pop_first()
        items, at = self._find(place)
        item = items[at]
        self._replace(place, place + 1, [])
        return item

    def _pop_first(self) -> Any:
        """Take the first item out, of which there is one. A leaf is the head once its first item went: queues are
        lists, too, and schedules are SortedDicts."""
        if not self.head:
            if not self.root.rows:
                return self._take(self._own_tail(), 0)
            self.head = self._pull(0)
        elif self._before is not None and self.head is self._before[0] and len(self.head) == self._head_old:
            self._head_gone.append(self.head[0])  # before it is done, as in `pop`
            self._head_old -= 1
        return self._take(self.head, 0)

    def _take(self, items: list[Any], at: int) -> Any:
        """Take an item out of the head or the tail."""
        item = items.pop(at)
        self.length -= 1
        self.version += 1
        self.stamp += 1
        return item

    def remove(self, item: Any) -> None:
        try:
            place = self.index(item)
        except ValueError:
            raise ValueError(self._not_removed(item)) from None
        self._replace(place, place + 1, [])

    def clear(self) -> None:
        """Be empty for whoever iterates still; the container puts an `empty` one in this one's place."""
        self._move()
        self.length = 0

    def empty(self) -> Any:
        return []

    _name = "list"
    _out_of_range = "list assignment index out of range"
    _nothing_to_pop = "pop from empty list"

    def _not_removed(self, item: Any) -> str:
        return "list.remove(x): x not in list"

    # --- slices ---------------------------------------------------------------------------------------------------

    def _slice(self, start: int, stop: int, step: int) -> list[Any]:
        count = len(range(start, stop, step))
        if not count:
            return []
        if step < 0:
            return self._slice(start + (count - 1) * step, start + 1, -step)[::-1]
        pay_for(count)
        if step > LEAF_COUNT:
            return [self[place] for place in range(start, stop, step)]
        found: list[Any] = []
        last = start + (count - 1) * step
        place = start
        while place <= last:
            items, at = self._find(place)
            part = items[at : at + last - place + 1 : step]
            found += part
            place += len(part) * step
        return found

    def _set_slice(self, index: slice, values: list[Any]) -> None:
        start, stop, step = index.indices(self.length)
        if step == 1:
            self._replace(start, max(start, stop), values)
            return
        places = range(start, stop, step)
        if len(places) != len(values):
            raise ValueError(
                f"attempt to assign sequence of size {len(values)} to extended slice of size {len(places)}"
            )
        pay_for(len(places))
        for place, value in zip(places, values, strict=True):
            self[place] = value

    def _delete_slice(self, index: slice) -> None:
        places = range(*index.indices(self.length))
        if not places:
            return
        if places.step < 0:
            places = places[::-1]
        if places.step == 1:
            self._replace(places.start, places.stop, [])
            return
        # The items that stay, of the region where some go.
        end = places[-1] + 1
        region = self._slice(places.start, end, 1)
        del region[:: places.step]
        self._replace(places.start, end, region)

    # --- the tree -------------------------------------------------------------------------------------------------

    def _place(self, index: Any, message: str) -> int:
        place = index if type(index) is int else index_of(index, self._name)
        if place < 0:
            place += self.length
        if not 0 <= place < self.length:
            raise IndexError(message)
        return place

    def _find(self, place: int, *, to_write: bool = False) -> tuple[list[Any], int]:
        """Return the items around a place, and where in them it is."""
        before = len(self.head)
        if place < before:
            return self._own_head() if to_write else self.head, place
        place -= before
        behind = place - (self.length - before - len(self.tail))
        if behind >= 0:
            return self._own_tail() if to_write else self.tail, behind
        at, place = self.root.find(place)
        branch: Node = self._piece(self.root.rows[at][0], branch=True)
        at, place = branch.find(place)
        number = branch.rows[at][0]
        return self._write(number) if to_write else self._piece(number), place

    def _replace(self, start: int, stop: int, items: list[Any]) -> None:
        """Put items in place of those from `start` up to `stop`."""
        self._move()
        before, behind = len(self.head), self.length - len(self.tail)
        grown = len(items) - (stop - start)
        if stop <= before and len(self.head) + grown <= LEAF_COUNT and start < before:
            self._own_head()[start:stop] = items
            self.length += grown
            return
        if start >= behind and len(self.tail) + grown < LEAF_COUNT:
            self._own_tail()[start - behind : stop - behind] = items
            self.length += grown
            return
        if before <= start < behind and stop <= behind and self._replace_in_leaf(start - before, stop - before, items):
            self.length += grown
            return
        self._flush()
        self._replace_leaves(start, stop, items)
        self.length += grown

    def _replace_in_leaf(self, start: int, stop: int, items: list[Any]) -> bool:
        """Do that in one leaf, if it begins and ends there and stays of a good size. Returns: whether it was done."""
        top, place = self.root.find(start)
        at, place = self._branch(self.root.rows[top][0]).find(place)
        return self._change_leaf(top, at, place, place + stop - start, items)

    def _change_leaf(self, top: int, at: int, place: int, end: int, items: list[Any]) -> bool:
        """Put items in place of some of those of a leaf, if it stays of a good size. Returns: whether it was done."""
        number = self.root.rows[top][0]
        leaf, held, first = self._branch(number).rows[at]
        grown = len(items) - (end - place)
        if end > held or not LEAF_COUNT // 4 <= held + grown <= LEAF_COUNT:
            return False
        written = self._write(leaf)
        written[place:end] = items
        if grown:
            self._write(number, branch=True).grow(at, grown)
            self._own_root().grow(top, grown)
        if not place and (key := self._key_of(written)) != first:
            self._write(number, branch=True).put(at, at + 1, [(leaf, held + grown, key)])
            if not at:
                self._own_root().put(top, top + 1, [(number, self.root.rows[top][1], key)])
        return True

    def _replace_leaves(self, start: int, stop: int, items: list[Any]) -> None:
        """Do it to whole leaves; head and tail are empty."""
        root = self._own_root()
        total = root.total()
        if not total:
            self._append_all(items)
            return
        # From the leaf before, so that small ones are joined, to the leaf of the last item.
        first_top, first_at, first_place = self._leaf_at(min(start, total - 1))
        last_top, last_at, last_place = self._leaf_at(min(max(start, stop - 1), total - 1))
        left = self._leaf_items(first_top, first_at)[: start - first_place]
        right = self._leaf_items(last_top, last_at)[stop - last_place :]
        merged = [*left, *items, *right]
        first, last = self._branch(root.rows[first_top][0]), self._branch(root.rows[last_top][0])
        if len(merged) < LEAF_COUNT // 4 and (first_top, first_at) == (last_top, last_at):
            if first_at + 1 < len(first.rows):
                last_at += 1
                merged += self._leaf_items(last_top, last_at)
            elif first_at:
                first_at -= 1
                merged = [*self._leaf_items(first_top, first_at), *merged]
        # Whole branches in between go; what is left of the first and the last one becomes one row of leaves.
        leaves = self._new_leaves(merged)
        rows = [*first.rows[:first_at], *leaves, *last.rows[last_at + 1 :]]
        for top in range(first_top, last_top + 1):
            branch = self._branch(root.rows[top][0])
            begin = first_at if top == first_top else 0
            end = last_at + 1 if top == last_top else len(branch.rows)
            for number, _, _ in branch.rows[begin:end]:
                self._forget(number)
            self._forget(root.rows[top][0])
        root.put(first_top, last_top + 1, self._new_branches(rows))

    def _leaf_at(self, place: int) -> tuple[int, int, int]:
        """Return (branch in the root, leaf in the branch, place of the leaf's first item)."""
        top, within = self.root.find(place)
        at, inside = self._branch(self.root.rows[top][0]).find(within)
        return top, at, place - inside

    def _leaf_items(self, top: int, at: int) -> list[Any]:
        found: list[Any] = self._piece(self._branch(self.root.rows[top][0]).rows[at][0])
        return found

    def _append_all(self, items: list[Any]) -> None:
        """Fill an empty tree."""
        self.root = Node(self._new_branches(self._new_leaves(items)))

    def _new_leaves(self, items: list[Any]) -> list[Row]:
        return [(self._new(leaf), len(leaf), self._key_of(leaf)) for leaf in _parts(items, LEAF_COUNT)]

    def _new_branches(self, rows: list[Row]) -> list[Row]:
        branches = [Node(part) for part in _parts(rows, BRANCH_COUNT)]
        return [(self._new(branch), branch.total(), branch.rows[0][2]) for branch in branches]

    def _key_of(self, leaf: list[Any]) -> Any:
        """Return the key of the first item, where items are in order of keys."""
        return None

    def _flush(self) -> None:
        """Move head and tail into the tree."""
        if self.head:
            self._push(self._own_head(), left=True)
            self.head = []
        if self.tail:
            self._push(self._own_tail())
            self.tail = []

    def _push(self, leaf: list[Any], *, left: bool = False) -> None:
        """Add a leaf at an end of the tree."""
        root = self._own_root()
        row = self._new(leaf), len(leaf), self._key_of(leaf)
        if root.rows:
            top = 0 if left else len(root.rows) - 1
            number = root.rows[top][0]
            if len(self._branch(number).rows) < BRANCH_COUNT:
                branch = self._write(number, branch=True)
                end = 0 if left else len(branch.rows)
                branch.put(end, end, [row])
                root.grow(top, len(leaf))
                self._tell_least(top, branch)
                return
        end = 0 if left else len(root.rows)
        root.put(end, end, self._new_branches([row]))

    def _pull(self, end: int) -> list[Any]:
        """Take the leaf off an end of the tree, -1 or 0; return a copy of it."""
        root = self._own_root()
        top = end % len(root.rows)
        number = root.rows[top][0]
        branch = self._write(number, branch=True)
        at = end % len(branch.rows)
        leaf = self._piece(branch.rows[at][0])
        self._forget(branch.rows[at][0])
        branch.put(at, at + 1, [])
        if branch.rows:
            root.grow(top, -len(leaf))
            self._tell_least(top, branch)
        else:
            self._forget(number)
            root.put(top, top + 1, [])
        return leaf.copy()  # type: ignore[no-any-return]

    def _tell_least(self, top: int, branch: Node) -> None:
        """Let the root, which may be changed, tell the least key of a branch that begins with another leaf."""
        number, count, first = self.root.rows[top]
        if branch.rows[0][2] != first:
            self.root.put(top, top + 1, [(number, count, branch.rows[0][2])])

    # --- pieces ---------------------------------------------------------------------------------------------------

    def _branch(self, number: int) -> Node:
        found = self._piece(number, branch=True)
        assert type(found) is Node
        return found

    def _piece(self, number: int, *, branch: bool = False) -> Any:
        found = self.changed.get(number)
        if found is None:
            found = self.frozen.get(number)
            if found is None:
                found = self.kept.hot.get(number)
                if found is None:
                    found = self.kept.find(number)
                    if found is None:
                        found = self._read(number, branch)
        return found

    def _read(self, number: int, branch: bool) -> Any:
        """Return a piece that LMDB has, and keep it."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + READ_DEPTH)
        try:
            found, size = self._pager.read(self.storage, number)
            found = Node.of(found) if branch else self.unpack(found)
            self.kept.add(number, found, size)
        finally:
            sys.setrecursionlimit(limit)
        return found

    def _write(self, number: int, *, branch: bool = False) -> Any:
        """Return a piece that may be changed."""
        if number in self._written:
            return self.changed[number]
        content = self._piece(number, branch=branch).copy()
        self.stamp += 1
        self._note(number, content)
        self._written.add(number)
        return content

    def _new(self, content: Any) -> int:
        number = self.next
        self.next = number + 1
        self._note(number, content)
        self._written.add(number)
        return number

    def _forget(self, number: int) -> None:
        self._note(number, None)
        self._written.discard(number)

    def _note(self, number: int, content: Any) -> None:
        self._journal.append((number, self.changed.get(number, MISSING)))
        self.changed[number] = content
        self.kept.forget(number)

    def _own_head(self) -> list[Any]:
        """Return the head, to be changed in any way."""
        if self._before is not None and self.head is self._before[0]:
            self.head = self.head.copy()
            self.stamp += 1
            self._mend_head(self._before[0])
        return self.head

    def _own_tail(self) -> list[Any]:
        if self._before is not None and self.tail is self._before[1]:
            self.tail = self.tail.copy()
            self.stamp += 1
            self._mend_tail(self._before[1])
        return self.tail

    def _mend_head(self, head: list[Any]) -> None:
        """Make the head what it was at `begin`."""
        head[: len(head) - self._head_old] = self._head_gone
        self._head_old = len(head)
        self._head_gone = []

    def _mend_tail(self, tail: list[Any]) -> None:
        tail[self._tail_old :] = reversed(self._tail_gone)
        self._tail_old = len(tail)
        self._tail_gone = []

    def _own_root(self) -> Node:
        if self._before is not None and self.root is self._before[2]:
            self.root = self.root.copy()
        return self.root

    @staticmethod
    def pack(leaf: list[Any]) -> list[Any]:
        """Return what the record of a leaf holds."""
        return leaf

    @staticmethod
    def unpack(content: list[Any]) -> list[Any]:
        """Return the leaf whose record holds this."""
        return content

    # --- one snippet ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Keep from here on what undo needs."""
        self._before = self.head, self.tail, self.root, self.next, self.length
        self._head_old, self._tail_old = len(self.head), len(self.tail)

    def undo(self) -> None:
        """Be what it was at `begin`."""
        assert self._before is not None
        for number, old in reversed(self._journal):
            if old is MISSING:
                del self.changed[number]
            else:
                self.changed[number] = old
            self.kept.forget(number)
        self.head, self.tail, self.root, self.next, self.length = self._before
        self._mend_head(self.head)
        self._mend_tail(self.tail)
        self._forget_snippet()

    def end(self) -> None:
        """Let the changes stay."""
        pager = self._pager
        pager.changed_count += 1
        if self._journal:
            pager.changed_count += len(self._journal)
            first = [old for _, old in self._journal].count(MISSING)  # the others were there already
            pager.changed_weight += _PIECE_WEIGHT * first
        self._forget_snippet()

    def _forget_snippet(self) -> None:
        self._before = None
        if self._journal:
            self._journal.clear()
            self._written.clear()
        if self._head_gone:
            self._head_gone = []
        if self._tail_gone:
            self._tail_gone = []
        self.version += 1
        self.stamp += 1

    def _move(self) -> None:
        self.version += 1
        self.stamp += 1

    def changed_in_snippet(self) -> list[tuple[list[Any], int, int]]:
        """Return (list, first, end) of items that may be new; they may be replaced in there."""
        before = self._before
        assert before is not None
        found = []
        head, tail = self.head, self.tail
        count = len(head)
        if end := count - self._head_old if head is before[0] else count:
            found.append((head, 0, end))
        if self._written:
            pieces = [self.changed[number] for number in sorted(self._written)]
            found += [(piece, 0, len(piece)) for piece in pieces if type(piece) is list]
        count = len(tail)
        if (first := self._tail_old if tail is before[1] else 0) < count:
            found.append((tail, first, count))
        return found

    def discard(self) -> None:
        """Nothing refers to it any more: leave its pieces to be given back."""
        self.kept.drop()
        self._pager.leftovers.add(self.changed, _PIECE_SIZE)
        self.changed = {}
        self._pager.garbage[self.storage] = None

    # --- checkpoint -----------------------------------------------------------------------------------------------

    def freeze(self) -> list[Any]:
        """Set aside what was changed since the last checkpoint; return what the record of the container says."""
        assert not self.frozen and self._before is None
        self.frozen, self.changed = self.changed, {}
        self.state = self.next
        return [self.storage, self.next, self.root.parts(), self.pack(self.head), self.pack(self.tail)]

    def records(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Return what the checkpoint under way writes: (key, record or None to delete it)."""
        pager, storage = self._pager, self.storage
        for number, content in self.frozen.items():
            if content is not None:
                yield pager.record(storage, number, content.parts() if type(content) is Node else self.pack(content))
            elif number < self.saved_next:
                yield pager.key(storage, number), None

    def settle(self) -> None:
        """What was frozen is in LMDB."""
        self.saved_next = self.state
        self._pager.leftovers.add(self.frozen, _PIECE_SIZE)
        self.frozen = {}


class Place(tuple[PagedList, list[Any], int]):
    """Where an item is, (container, list in it, place in that): found when somebody asks, which is when a message is
    written."""

    __slots__ = ()

    def index(self) -> int:  # type: ignore[override]
        items, part, at = self
        if part is items.head:
            return at
        start = len(items.head)
        for top, _, _ in items.root.rows:
            for number, count, _ in items._piece(top, branch=True).rows:
                if items._piece(number) is part:
                    return start + at
                start += count
        return start + at


def plain_list(items: Any) -> Any:
    """Return a plain list or deque of the items of a large one; anything else as it is."""
    return items.copy() if isinstance(items, PagedList) else items


def index_of(value: Any, name: str = "") -> int:
    if hasattr(type(value), "__index__"):
        return value.__index__()  # type: ignore[no-any-return]
    if name == "list":
        raise TypeError(f"list indices must be integers or slices, not {type(value).__name__}")
    if name:
        raise TypeError(f"sequence index must be integer, not {type(value).__name__!r}")
    raise TypeError(f"{type(value).__name__!r} object cannot be interpreted as an integer")


def _parts(items: list[Any], count_max: int) -> list[list[Any]]:
    """Return the items in as few lists as can be, of nearly one length: each has room for more."""
    part_count = -(-len(items) // count_max)
    bounds = [len(items) * part // part_count for part in range(part_count)] + [len(items)]
    return [items[first:end] for first, end in pairwise(bounds)]


def message_of(call: Callable[[], object]) -> str:
    try:
        call()
    except (TypeError, ValueError) as error:
        return str(error)
    raise AssertionError("it raises")


# As the running Python says it.
_ABSENT: Final = message_of(lambda: list[int]().index(0))
_BAD_BOUND: Final = message_of(lambda: list[int]().index(0, cast(int, "")))
