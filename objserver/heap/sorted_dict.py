"""SortedDict: a dict in the order of its keys, for indexes, rankings and schedules.

    scores = SortedDict()                  scores.irange('a', 'c')        keys from 'a' to 'c'
    scores['bob'] = 3                      scores.peekitem(-1)            the last entry

Inside is a list of (key, value) in order, or a PagedSorted in its place when it is large
(objserver/heap/paged_sorted.py). Keys are numbers, texts, bytes, dates and times, UUIDs and tuples of these, all of
which compare with each other: their order is Python's own and runs no code of a client. Names are those of the package
sortedcontainers.

Promise: that of objserver/heap/containers.py, against sortedcontainers (tests/heap/test_sorted_dict.py); a key that
can't be compared with the others is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from datetime import date, datetime
from itertools import compress
from operator import length_hint
from typing import Any, Final
from uuid import UUID

from .atoms import ATOMS, is_nan
from .containers import MISSING, Dict, give_name, make_states, nested_repr, plain, touch_clean
from .paged_dict import plain_copy
from .paged_sorted import PagedSorted, place_in
from .views import Items, Keys, Values, view
from .work import meter, metered, paid

__all__ = ["SortedDict"]

# Keys that need no `_check`.
_QUICK: Final = frozenset({bool, bytes, date, datetime, int, str, UUID})

_CHANGED_SIZE: Final = "SortedDict changed size during iteration"


def _place_of(items: Any, key: Any, right: bool = False) -> int:
    return place_in(items, key, right) if type(items) is list else items.place_of(key, right=right)


def _check(key: Any) -> None:
    """Refuse what has no place in an order. Raises TypeError, ValueError."""
    if type(key) is tuple:
        for item in key:
            _check(item)
    elif type(key) not in ATOMS or key is None or type(key) is complex:
        hash(key)
        raise TypeError(
            f"a key of class {type(key).__name__!r} has no place in the order of a SortedDict; "
            "use a number, a text, a date or a tuple of such"
        )
    elif is_nan(key):
        raise ValueError("a nan has no place in the order of a SortedDict")
    else:
        key < key  # noqa: B015  # a timezone, for one, has no order


class SortedDict(Dict):
    """dict in the order of its keys."""

    __slots__ = ()
    __plain_types__ = ()
    __paged__ = PagedSorted

    def __init__(self, source: Any = (), /, **entries: Any) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = []
        SortedDict.update(self, source, **entries)
        paid(self.__items__)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> Any:
        return SortedDict(dict.fromkeys(keys, value))

    # --- by key ---------------------------------------------------------------------------------------------------

    def __find__(self, key: Any) -> tuple[int, Any]:
        """Return the place of a key, or where it would be, and its entry or None."""
        if type(key) not in _QUICK:
            _check(key)
        items = self.__items__
        place = _place_of(items, key)
        if place < len(items):
            entry = items[place]
            if entry[0] == key:
                return place, entry
        return place, None

    def __look__(self, key: Any) -> Any:
        """Return the entry of a key, None when there is none, be it because the key can be in no SortedDict."""
        try:
            if type(self.__items__) is not PagedSorted:
                return self.__find__(key)[1]
            if type(key) not in _QUICK:
                _check(key)
            return self.__items__.entry(key)
        except (TypeError, ValueError):
            hash(key)
            return None

    def __getitem__(self, key: Any) -> Any:
        items = self.__items__
        if type(items) is PagedSorted:
            entry = items.current
            if entry[0] is key and items.current_stamp == items.stamp:
                return entry[1]
        entry = self.__look__(key)
        if entry is None:
            raise KeyError(key)
        return entry[1]

    def __contains__(self, key: object) -> bool:
        return self.__look__(key) is not None

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(self.__items__) is PagedSorted:
            if type(key) not in _QUICK:
                _check(key)
            if self.__items__.put(key, value):
                return
        place, entry = self.__find__(key)
        if entry is None:
            items = self.__items__
            if place:
                items[place - 1][0] < key  # noqa: B015  # with its other neighbour it was compared
            items.insert(place, (key, value))
        else:
            self.__items__[place] = entry[0], value

    def __delitem__(self, key: Any) -> None:
        if self.__look__(key) is None:
            raise KeyError(key)
        if type(self.__items__) is not PagedSorted or not self.__items__.take_out(key):
            del self.__items__[self.__find__(key)[0]]

    def get(self, key: Any, default: Any = None, /) -> Any:
        entry = self.__look__(key)
        return default if entry is None else entry[1]

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        entry = self.__find__(key)[1]
        if entry is None:
            self[key] = default
            return default
        return entry[1]

    def pop(self, key: Any, default: Any = MISSING, /) -> Any:
        entry = self.__look__(key)
        if entry is None:
            if default is MISSING:
                raise KeyError(key)
            return default
        del self[key]
        return entry[1]

    def update(self, source: Any = (), /, **entries: Any) -> None:
        found = dict(plain_copy(_pairs(source)), **entries)
        pairs = found.items()
        for key, value in metered(pairs) if type(self.__items__) is PagedSorted else pairs:
            self[key] = value

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __or__(self, other: Any) -> Any:
        if not _is_mapping(other):
            return NotImplemented
        made = self.copy()
        made.update(other)
        return made

    def __ror__(self, other: Any) -> Any:
        if not _is_mapping(other):
            return NotImplemented
        made = SortedDict(other)
        made.update(self)
        return made

    def __eq__(self, other: object) -> bool:
        if not _is_mapping(other):
            return NotImplemented
        others = _pairs(other)
        if len(others) != len(self):
            return False
        for key, value in self.__items__:
            found = others.get(key, MISSING)
            if found is MISSING or not (found is value or found == value):
                return False
        return True

    def clear(self) -> None:
        self.__empty__()

    def copy(self) -> Any:
        made: SortedDict = object.__new__(SortedDict)
        made.__oid__ = 0
        made.__heap__ = None
        made.__items__ = self.__items__.copy()
        return made

    def __content__(self) -> list[Any]:
        return PagedSorted.pack(self.__items__)

    def __restore__(self, content: list[Any]) -> None:
        self.__items__ = PagedSorted.unpack(content)

    def __repr__(self) -> str:
        return nested_repr(self, "SortedDict({...})")

    def __show__(self) -> str:
        return f"SortedDict({dict(self.__items__)!r})" if self.__items__ else "SortedDict({})"

    # --- in order -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return self.__walk__(keys=True)

    def __reversed__(self) -> Iterator[Any]:
        return self.__walk__(keys=True, backwards=True)

    def __walk__(
        self, *, keys: bool = False, backwards: bool = False, first: int = 0, end: int | None = None
    ) -> Iterator[Any]:
        """Return the entries at places from `first` up to `end`, or their keys.

        What is changed meanwhile shows. Raises RuntimeError when the number of entries changes.
        """
        items = self.__items__
        count = len(items)
        end = count if end is None else end
        if type(items) is not PagedSorted:
            for place in range(end - 1, first - 1, -1) if backwards else range(first, end):
                yield items[place][0] if keys else items[place]
                if len(items) != count:
                    raise RuntimeError(_CHANGED_SIZE)
            return
        selectors = meter()
        while first < end:
            if backwards:
                part = items.part(end - 1, first - end)
                end -= len(part)
            else:
                part = items.part(first, end - first)
                first += len(part)
            stamp, version = items.stamp, items.version
            as_it_is = True
            rest = iter(part)
            for entry in compress(rest, selectors):
                if keys:
                    if as_it_is:
                        items.current = entry
                    yield entry[0]
                else:
                    yield entry
                if items.stamp != stamp:
                    if items.length != count:
                        raise RuntimeError(_CHANGED_SIZE)
                    if keys and items.version == version:  # another value
                        stamp = items.stamp
                        as_it_is = False
                        continue
                    if backwards:
                        end += length_hint(rest)
                    else:
                        first -= length_hint(rest)
                    break

    def keys(self) -> Any:
        return view(Keys, self)

    def values(self) -> Any:
        return view(Values, self)

    def items(self) -> Any:
        return view(Items, self)

    def irange(
        self,
        minimum: Any = None,
        maximum: Any = None,
        inclusive: tuple[bool, bool] = (True, True),
        reverse: bool = False,
    ) -> Iterator[Any]:
        """Return the keys from `minimum` to `maximum`, each of which may be None for no bound."""
        with_minimum, with_maximum = inclusive
        items = self.__items__
        first = 0 if minimum is None else _bound(items, minimum, right=not with_minimum)
        end = len(items) if maximum is None else _bound(items, maximum, right=bool(with_maximum))
        return self.__walk__(keys=True, backwards=bool(reverse), first=first, end=end)

    def islice(self, start: int | None = None, stop: int | None = None, reverse: bool = False) -> Iterator[Any]:
        """Return the keys at places from `start` up to `stop`."""
        first, end, _ = slice(start, stop).indices(len(self.__items__))
        return self.__walk__(keys=True, backwards=bool(reverse), first=first, end=end)

    def bisect_left(self, key: Any, /) -> int:
        return _bound(self.__items__, key, right=False)

    def bisect_right(self, key: Any, /) -> int:
        return _bound(self.__items__, key, right=True)

    def bisect(self, key: Any, /) -> int:
        return _bound(self.__items__, key, right=True)

    def index(self, key: Any, start: int | None = None, stop: int | None = None) -> int:
        """Return the place of a key, if that is from `start` up to `stop`. Raises ValueError, TypeError."""
        place, entry = self.__find__(key)
        if entry is not None:
            first, end, _ = slice(start, stop).indices(len(self.__items__))
            if first <= place < end:
                return place
        raise ValueError(f"{key!r} is not in the SortedDict")

    def peekitem(self, index: int = -1, /) -> tuple[Any, Any]:
        """Return the entry at a place. Raises IndexError."""
        try:
            entry: tuple[Any, Any] = self.__items__[index]
        except IndexError:
            raise IndexError(f"index {index} is out of range of {len(self.__items__)} entries") from None
        return entry

    def popitem(self, index: int = -1, /) -> tuple[Any, Any]:
        """Remove and return the entry at a place. Raises KeyError when there is none at all, IndexError."""
        if not self.__items__:
            raise KeyError("popitem(): dictionary is empty")
        entry = SortedDict.peekitem(self, index)
        self.__items__.pop(index)
        return entry


def _bound(items: Any, key: Any, *, right: bool) -> int:
    _check(key)
    return _place_of(items, key, right)


def _is_mapping(value: Any) -> bool:
    return isinstance(plain(value), dict) or isinstance(value, MutableMapping)


def _pairs(value: Any) -> Any:
    return value if isinstance(value, SortedDict) else plain(value)


def _clean_setdefault(self: Any, key: Any, default: Any = None, /) -> Any:
    if key not in self:
        self[key] = default
    return self[key]


def _clean_pop(self: Any, key: Any, default: Any = MISSING, /) -> Any:
    if default is not MISSING and key not in self:
        return default
    touch_clean(self)
    return self.pop(key) if default is MISSING else self.pop(key, default)


give_name(SortedDict, "SortedDict", "builtins")
MutableMapping.register(SortedDict)
make_states(
    SortedDict,
    "__setitem__ __delitem__ __ior__ setdefault pop popitem update clear",
    setdefault=_clean_setdefault,
    pop=_clean_pop,
)
