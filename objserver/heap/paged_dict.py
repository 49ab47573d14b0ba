"""A large dict: what stands in a Dict or Set of the heap in place of a plain dict, when that would be too large.

    LMDB, as of the last checkpoint     entries: place -> [key, value]; places in order of insertion
    (storage, number)                   index: hash of a key -> place (objserver/heap/index.py)

    read    changed -> frozen -> kept -> index -> entry                two reads of LMDB, three at first
    write   changed[key] = (place, value, base, key)                   in memory, until a checkpoint

    changed   what happened since the last freeze        frozen   what the checkpoint under way writes
    kept      entries read before (objserver/heap/kept.py)

A place is a number that is given once: the order of places is the order of the dict, and undo puts back what stood
under the keys that were changed. So a snippet costs what it touches, whatever the size. What LMDB holds does not change
before the checkpoint ends: the heap keeps one snapshot of it open until then.

Promise: what CPython's dict would do (tests/heap/test_containers.py), with memory for what was changed and what is
kept; how much is kept changes no result. Where a snippet changes a dict while it iterates over it, without a change of
size, it meets new entries after the old ones; deleted ones it does not meet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..errors import MachineError
from . import buckets
from .atoms import ATOMS
from .index import Changes, Index
from .kept import READ_DEPTH, Kept
from .views import Items, Keys, Values, view
from .work import metered

if TYPE_CHECKING:
    from .pager import Pager

__all__ = ["MISSING", "PagedDict", "Shape", "looked_up", "plain_copy"]

MISSING: Final[Any] = type("Missing", (), {"__slots__": ()})()

# The first place; later entries follow, those moved to the front go before it. The index lies below: what a storage
# gets most of comes at its end, where LMDB fills its pages.
_MIDDLE: Final = 1 << 46
assert 2 * buckets.BUCKETS_END < _MIDDLE < buckets.GONE // 2 + 1

# Entries read at once by an iteration, at most.
_CHUNK_COUNT: Final = 128

# Bytes of memory of what is freed with a changed entry, and with a place's key, about.
_CHANGED_SIZE: Final = 500
_FRESH_SIZE: Final = 150

# (place or 0 for one that was deleted, value, its place below this generation or 0, key)
Entry = tuple[int, Any, int, Any]
_KEY: Final = itemgetter(3)
_PAIR: Final = itemgetter(3, 1)


class Shape(NamedTuple):
    """What the record of the container says of its entries."""

    storage: int
    entry_count: int
    first: int  # no entry has a place before this
    last: int  # or behind this
    next: int  # the place of the next new entry
    front: int  # and of the next one moved to the front
    groups: int  # of the index


class PagedDict:
    """key -> value, in order of insertion. For a set the values are None."""

    __slots__ = (
        "_before", "_journal", "_pager", "_state", "base", "changed", "count", "first", "fresh", "front",
        "frozen", "frozen_fresh", "index", "kept", "last", "next", "storage",
    )  # fmt: skip

    def __init__(self, pager: Pager, shape: Shape) -> None:
        """Make one of what LMDB holds."""
        self._pager = pager
        self.base = shape  # as of the snapshot of LMDB
        self.storage, self.count, self.first, self.last, self.next, self.front, _ = shape
        self.changed: dict[Any, Entry] = {}
        self.fresh: dict[int, Any] = {}  # place -> key, of places given since the last freeze
        self.frozen: dict[Any, Entry] = {}
        self.frozen_fresh: dict[int, Any] = {}
        self.kept: Kept = Kept(pager)
        self.index = Index(pager, self.kept, shape.storage, shape.groups)
        self._state = shape  # as of the last freeze
        self._before: tuple[int, int, int, int, int] | None = None  # as of the beginning of the snippet
        self._journal: list[tuple[Any, Entry | None]] = []

    @classmethod
    def make(cls, pager: Pager, items: dict[Any, Any]) -> PagedDict:
        """Return one that holds these items; LMDB has nothing of it yet."""
        made = cls(pager, Shape(pager.allocate(), 0, _MIDDLE, _MIDDLE - 1, _MIDDLE, _MIDDLE - 1, 0))
        made.changed = {key: (place, value, 0, key) for place, (key, value) in enumerate(items.items(), _MIDDLE)}
        made.fresh = dict(enumerate(items, _MIDDLE))
        made.count = len(items)
        made.next = _MIDDLE + made.count
        made.last = made.next - 1
        pager.changed_count += made.count
        pager.changed_weight += made.count
        return made

    # --- what a snippet does ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.count

    def __contains__(self, key: Any) -> bool:
        return self._find(key) is not None

    def __getitem__(self, key: Any) -> Any:
        # As `_find`, of an entry that is in memory and wanted: a lookup is what is done most.
        if type(key) in ATOMS:
            entry = self.changed.get(key)
            if entry is None:
                entry = self.kept.hot.get(key)
            if entry is not None and entry[0]:
                return entry[1]
        entry = self._find(key)
        if entry is None:
            raise KeyError(key)
        return entry[1]

    def get(self, key: Any, default: Any = None) -> Any:
        entry = self._find(key)
        return default if entry is None else entry[1]

    def __setitem__(self, key: Any, value: Any) -> None:
        entry = self._find(key)
        if entry is None:
            self._insert(key, value)
        elif entry[1] is not value:
            place, _, base, own = entry
            self._note(own, (place, value, base, own))

    def setdefault(self, key: Any, default: Any = None) -> Any:
        entry = self._find(key)
        if entry is None:
            self._insert(key, default)
            return default
        return entry[1]

    def __delitem__(self, key: Any) -> None:
        entry = self._find(key)
        if entry is None:
            raise KeyError(key)
        self._delete(entry)

    def pop(self, key: Any, default: Any = MISSING) -> Any:
        entry = self._find(key) if self.count else None  # CPython does not hash a key to look for it in nothing
        if entry is None:
            if default is MISSING:
                raise KeyError(key)
            return default
        self._delete(entry)
        return entry[1]

    def popitem(self) -> tuple[Any, Any]:
        entry = next(self._backwards(), None)
        if entry is None:
            raise KeyError("popitem(): dictionary is empty")
        self._delete(entry)
        return entry[3], entry[1]

    def pop_first(self) -> tuple[Any, Any]:
        """Take the first entry off, of a dict that is not empty."""
        entry = next(self._forwards())
        self._delete(entry)
        return entry[3], entry[1]

    def move(self, key: Any, *, last: bool) -> None:
        """Move an entry to an end. Raises KeyError."""
        entry = self._find(key)
        if entry is None:
            raise KeyError(key)
        self._delete(entry)
        self._insert(entry[3], entry[1], front=not last)

    def update(self, source: Any = (), /, **entries: Any) -> None:
        """As dict.update, of a plain or large dict or whatever has keys or pairs."""
        if type(source) is PagedDict:
            for key, value in source.__walk__():
                self[key] = value
            source = ()
        given: dict[Any, Any] = {}
        put = self.__setitem__  # CPython calls a method faster than what stands behind `self[key] = value`
        try:
            given.update(source, **entries)
        finally:  # what came before a pair that is none counts
            for key, value in metered(given.items()):
                put(key, value)

    def clear(self) -> None:
        """Be empty for whoever iterates still; the container puts an `empty` one in this one's place."""
        self.count = 0
        self.first, self.last = self.next, self.next - 1

    def empty(self) -> dict[Any, Any]:
        return {}

    def copy(self) -> dict[Any, Any]:
        """Return a plain dict."""
        return {entry[3]: entry[1] for entry in metered(self._forwards())}

    def __or__(self, other: Any) -> dict[Any, Any]:
        made = self.copy()
        made.update(plain_copy(other))
        return made

    def __ror__(self, other: dict[Any, Any]) -> dict[Any, Any]:
        return other | self.copy()

    def __eq__(self, other: object) -> bool:
        if type(other) is not PagedDict and type(other) is not dict:
            return NotImplemented
        if self is other:
            return True
        if len(other) != self.count:
            return False
        for entry in metered(self._forwards()):
            found = other.get(entry[3], MISSING)
            if found is MISSING or not (found is entry[1] or found == entry[1]):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Any]:
        return self._steady(self._forwards(), _KEY)

    def __reversed__(self) -> Iterator[Any]:
        return self._steady(self._backwards(), _KEY)

    def keys(self) -> Any:
        return view(Keys, self)

    def values(self) -> Any:
        return view(Values, self)

    def items(self) -> Any:
        return view(Items, self)

    def __repr__(self) -> str:
        return repr(self.copy())

    def key_of(self, key: Any) -> Any:
        """Return the key that is in the dict and equal to `key`. Raises KeyError."""
        entry = self._find(key)
        if entry is None:
            raise KeyError(key)
        return entry[3]

    def __walk__(self, *, backwards: bool = False) -> Iterator[tuple[Any, Any]]:
        """Return (key, value) of each entry; raises RuntimeError as CPython does when the size changes meanwhile."""
        return self._steady(self._backwards() if backwards else self._forwards(), _PAIR)

    # --- entries --------------------------------------------------------------------------------------------------

    def _find(self, key: Any) -> Entry | None:
        if type(key) not in ATOMS:
            self._pager.check_key(key)
        entry = self.changed.get(key)
        if entry is None:
            entry = self.kept.hot.get(key)
            if entry is None:
                entry = self._find_cold(key)
                if entry is None:
                    return None
        return entry if entry[0] else None

    def _find_cold(self, key: Any) -> Entry | None:
        """Go on with a key that was neither changed nor wanted lately: most likely LMDB has its entry.

        Where a heap is larger than memory that is what a lookup costs (benchmarks/scale.py, "cold"), and every call in
        it is a fiftieth of that. So it is written in one.
        """
        entry: Entry | None = self.frozen.get(key)
        if entry is not None:
            place, value, _, own = entry
            return place, value, place, own
        pager = self._pager
        heap = pager.heap
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + READ_DEPTH)
        try:
            if self.kept.size:
                entry = self.kept.find(key)
                if entry is not None:
                    return entry
            index = self.index
            key_hash = pager.key_hash(key) if index.count else None
            if key_hash is None:
                return None
            for place in index.places(key_hash & buckets.TAG_MASK):
                record = heap.store.get(pager.key(self.storage, place))
                if record is None:
                    raise pager.missing(self.storage, place)
                own, value = heap.records.unpack(record)
                if heap.to_link:
                    heap.link(())
                if own is key or own == key:
                    entry = place, value, place, own
                    self.kept.add(own, entry, len(record))
                    return entry
            return None
        except MachineError as error:
            heap.fault = error
            raise
        finally:
            sys.setrecursionlimit(limit)

    def _below(self, key: Any) -> Entry | None:
        """Return the entry of the checkpoint under way as this generation sees it, with a place of 0 for a deleted
        one; None when there is none."""
        entry = self.frozen.get(key)
        if entry is None:
            return None
        place, value, _, own = entry
        return place, value, place, own

    def _insert(self, key: Any, value: Any, *, front: bool = False) -> None:
        if front:
            place = self.front
            self.front = place - 1
            self.first = place
        else:
            place = self.next
            self.next = place + 1
            self.last = place
        # As `_note`, of a key that is neither kept nor has an entry, but may have had one: most of what is loaded.
        changed = self.changed
        old = changed.pop(key, None)
        base = old[2] if old is not None else self.frozen[key][0] if key in self.frozen else 0
        if self._before is not None:
            self._journal.append((key, old))
        self.fresh[place] = key
        changed[key] = place, value, base, key
        self.count += 1

    def _delete(self, entry: Entry) -> None:
        place, _, base, key = entry
        if place != base:
            self.fresh.pop(place, None)
        self._note(key, (0, None, base, key))
        self.count -= 1
        if place == self.first:
            self.first = place + 1
        elif place == self.last:
            self.last = place - 1

    def _note(self, key: Any, entry: Entry) -> None:
        """Change what stands under a key."""
        old = self.changed.pop(key, None)
        if self._before is not None:
            self._journal.append((key, old))
        if self.kept.size:
            self.kept.forget(key)
        if entry[0] or entry[2]:
            self.changed[key] = entry

    def _overlay(self, key: Any) -> Entry | None:
        """Return what happened to a key since the last checkpoint that ended, None when nothing did."""
        return self.changed.get(key) or self._below(key)

    # --- in order -------------------------------------------------------------------------------------------------

    def _steady(self, entries: Iterator[Entry], part: Callable[[Entry], Any]) -> Iterator[Any]:
        count = self.count
        for entry in metered(entries):
            yield part(entry)
            if self.count != count:
                raise RuntimeError("dictionary changed size during iteration")

    def _forwards(self) -> Iterator[Entry]:
        base = self.base
        place = self.first
        while place < base.first and place <= self.last:
            if (entry := self._fresh(place)) is not None:
                yield entry
            place += 1
        yield from self._stored(place, base.last + 1)
        place = max(place, base.last + 1)
        while place <= self.last:
            if (entry := self._fresh(place)) is not None:
                yield entry
            place += 1

    def _backwards(self) -> Iterator[Entry]:
        base = self.base
        place = self.last
        while place > base.last and place >= self.first:
            if (entry := self._fresh(place)) is not None:
                yield entry
            place -= 1
        yield from self._stored(base.first, place + 1, backwards=True)
        place = min(place, base.first - 1)
        while place >= self.first:
            if (entry := self._fresh(place)) is not None:
                yield entry
            place -= 1

    def _stored(self, first: int, end: int, *, backwards: bool = False) -> Iterator[Entry]:
        """Return the entries that LMDB has from `first` up to `end`, or from there down, as they are now."""
        changed, frozen = self.changed, self.frozen  # others take their places between snippets only
        count = 1
        while first < end:
            chunk = self._pager.scan(self.storage, first, end, count, backwards=backwards)
            for found, (key, value) in chunk:
                entry = changed.get(key)
                if entry is None and frozen:
                    entry = self._below(key)
                if entry is None:
                    yield found, value, found, key
                elif entry[0] == found:
                    yield entry
            if len(chunk) < count:
                return
            if backwards:
                end = chunk[-1][0]
            else:
                first = chunk[-1][0] + 1
            count = min(4 * count, _CHUNK_COUNT)

    def _fresh(self, place: int) -> Entry | None:
        """Return the entry at a place that LMDB has not seen yet, None when it is gone."""
        key = self.fresh.get(place, MISSING)
        if key is MISSING:
            key = self.frozen_fresh.get(place, MISSING)
            if key is MISSING:
                return None
        entry = self._overlay(key)
        return entry if entry is not None and entry[0] == place else None

    # --- one snippet ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Keep from here on what undo needs."""
        self._before = self.count, self.first, self.last, self.next, self.front

    def undo(self) -> None:
        """Be what it was at `begin`."""
        assert self._before is not None
        for key, old in reversed(self._journal):
            entry = self.changed.pop(key, None)
            if entry is not None and entry[0] != entry[2]:
                self.fresh.pop(entry[0], None)
            if old is not None:
                self.changed[old[3]] = old
                if old[0] != old[2]:
                    self.fresh[old[0]] = old[3]
        self.count, self.first, self.last, self.next, self.front = self._before
        self._before = None
        self._journal.clear()

    def end(self) -> None:
        """Let the changes stay."""
        self._before = None
        self._pager.changed_count += len(self._journal)
        self._pager.changed_weight += [old for _, old in self._journal].count(None)  # else it was there already
        self._journal.clear()

    def discard(self) -> None:
        """Nothing refers to it any more: leave its pieces to be given back."""
        self.kept.drop()
        self._leave(self.changed, self.fresh)
        self.changed, self.fresh = {}, {}
        self._pager.garbage[self.storage] = None

    def _leave(self, entries: dict[Any, Entry], keys: dict[int, Any]) -> None:
        """Give up what was changed, or frozen."""
        self._pager.leftovers.add(entries, _CHANGED_SIZE)
        self._pager.leftovers.add(keys, _FRESH_SIZE)

    def changed_in_snippet(self) -> list[Entry]:
        """Return the entries that may be new, in order of their first change."""
        found = map(self.changed.get, {id(key): key for key, _ in self._journal}.values())
        return [entry for entry in found if entry is not None and entry[0]]

    def replace(self, entry: Entry, value: Any) -> None:
        """Put what stands for it in the heap in place of the value of an entry that was changed."""
        place, _, base, key = entry
        self.changed[key] = place, value, base, key

    # --- checkpoint -----------------------------------------------------------------------------------------------

    def shape(self) -> Shape:
        return Shape(
            self.storage, self.count, self.first, self.last, self.next, self.front,
            buckets.groups_for(self.count, self._state.groups),
        )  # fmt: skip

    def freeze(self) -> Shape:
        """Set aside what was changed since the last checkpoint; return what the record of the container says."""
        assert not self.frozen and self._before is None
        self.frozen, self.changed = self.changed, {}
        self.frozen_fresh, self.fresh = self.fresh, {}
        self._state = self.shape()
        return self._state

    def records(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Return what the checkpoint under way writes: (key, record or None to delete it)."""
        pager, storage, groups = self._pager, self.storage, self._state.groups
        pack, key_of, hash_of = pager.heap.records.pack, pager.key, pager.key_hash
        changes: Changes = {}
        shift = buckets.shift_of(groups)
        for place, value, base, key in self.frozen.values():
            if place:
                record = pack([key, value])
                if base and key not in self.changed:
                    self.kept.add(key, (place, value, place, key), len(record))
                yield key_of(storage, place), record
            if base != place:
                if base:
                    yield key_of(storage, base), None
                key_hash = hash_of(key)
                assert key_hash is not None, "a key that is kept"
                tag = key_hash & buckets.TAG_MASK
                change = changes.get(tag >> shift)
                if change is None:
                    change = changes[tag >> shift] = [], []
                if base:
                    change[0].append(buckets.entry_of(tag, base))
                if place:
                    change[1].append(buckets.entry_of(tag, place))
        yield from self.index.change(changes, groups)

    def settle(self) -> None:
        """What was frozen is in LMDB."""
        self.base = self._state
        self.index.settle(self._state.groups)
        if self.storage in self._pager.garbage:
            self.kept.drop()  # it was discarded while it was written
        self._leave(self.frozen, self.frozen_fresh)
        self.frozen = {}
        self.frozen_fresh = {}


def plain_copy(items: Any) -> Any:
    """Return a plain dict of the items of a large one; anything else as it is."""
    return items.copy() if type(items) is PagedDict else items


def looked_up(keys: Iterable[Any], *items: Any) -> Iterable[Any]:
    """Return keys that are about to be looked up in `items`, or changed: it is paid for where these are in pieces."""
    return metered(keys) if PagedDict in map(type, items) else keys
