"""The kinds of dict of the module `collections`: defaultdict, OrderedDict, Counter.

Each is a Dict of the heap with a few methods of its own; its states, undo and records are those of a Dict. A copy or a
result of an operator is a new object of the same kind, as in CPython.

    defaultdict   and its factory, `__factory__`, which is state: undone, and in the record
    OrderedDict   the order of any dict, which here also decides `==`
    Counter       missing items are 0

Promise: that of objserver/heap/containers.py (tests/engine/test_containers.py). What calls a factory, and only that,
can run code of a snippet.
"""

from __future__ import annotations

import sys
from collections import _count_elements  # type: ignore[attr-defined]  # CPython's, for a dict of our own
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

from .containers import (
    DICTS,
    MISSING,
    RIGHT_FIRST,
    STATES,
    Dict,
    clean_dict_pop,
    clean_dict_setdefault,
    give_name,
    is_own,
    make_states,
    nested_repr,
    plain,
    touch_clean,
)
from .fronts import forget, pop_first
from .layout import laid
from .paged_dict import PagedDict, looked_up, plain_copy
from .work import FREE_COUNT, given, pay

__all__ = ["Counter", "DefaultDict", "OrderedDict"]

# Elements that a Counter spells out: they are made without a tick, so there is a bound, that of a range.
ELEMENTS_COUNT_MAX: Final = 10_000_000


# Iterables that run no code of a snippet: they are counted at C's speed, for nobody pays a tick for an item of theirs.
_COUNTED_IN_C: Final = frozenset({bytes, list, range, str, tuple})


def _is_dict(value: object) -> bool:
    return type(plain(value)) in DICTS


class _Kind(Dict):
    """What the three have in common: `|` makes one of the same kind."""

    __slots__ = ()
    __plain_types__ = ()

    def copy(self) -> Any:
        raise AssertionError("each kind has its own")

    def __or__(self, other: Any) -> Any:
        if not _is_dict(other):
            return NotImplemented
        made = self.copy()
        made.update(other)
        return made


# --- defaultdict --------------------------------------------------------------------------------------------------


class DefaultDict(_Kind):
    """defaultdict: a key that is missing gets what the factory makes."""

    __slots__ = ("__factory__", "__saved_factory__")
    __factory__: Callable[[], Any] | None

    def __init__(self, default_factory: Callable[[], Any] | None = None, /, *source: Any, **entries: Any) -> None:
        if default_factory is not None and not callable(default_factory):
            raise TypeError("first argument must be callable or None")
        if len(source) > 1:
            raise TypeError(f"dict expected at most 1 argument, got {len(source)}")
        Dict.__init__(self, *source, **entries)
        self.__factory__ = default_factory

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> Any:
        return DefaultDict(None, dict.fromkeys(keys, value))

    @property
    def default_factory(self) -> Callable[[], Any] | None:
        return self.__factory__

    @default_factory.setter
    def default_factory(self, factory: Callable[[], Any] | None) -> None:
        touch_clean(self)
        self.__factory__ = factory

    def __getitem__(self, key: Any) -> Any:
        value = self.__items__.get(key, MISSING)
        if value is MISSING:
            factory = self.__factory__
            if factory is None:
                raise KeyError(key)
            self[key] = value = factory()
        return value

    def __ror__(self, other: Any) -> Any:
        return DefaultDict(self.__factory__, plain(other) | laid(self)) if _is_dict(other) else NotImplemented

    def __repr__(self) -> str:
        return f"defaultdict({self.__factory__!r}, {nested_repr(self, '{...}')})"

    def copy(self) -> Any:
        return DefaultDict(self.__factory__, laid(self).copy())

    def __keep__(self) -> None:
        self.__saved_factory__ = self.__factory__
        Dict.__keep__(self)

    def __undo__(self) -> None:
        Dict.__undo__(self)
        self.__factory__ = self.__saved_factory__

    def __content__(self) -> list[Any]:
        return [self.__factory__, self.__items__]

    def __restore__(self, content: list[Any]) -> None:
        self.__factory__, self.__items__ = content

    def __beside__(self) -> tuple[Any, ...]:
        return (self.__factory__,)


# --- OrderedDict --------------------------------------------------------------------------------------------------


class OrderedDict(_Kind):
    """OrderedDict: two of them are equal in the same order only."""

    __slots__ = ("__front__",)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None) -> Any:
        return OrderedDict(dict.fromkeys(keys, value))

    def __eq__(self, other: object) -> bool:
        items, others = self.__items__, plain(other)
        if type(others) not in DICTS:
            return NotImplemented
        if STATES.get(type(other)) is OrderedDict:
            return items == others and list(items) == list(others)
        return items == others  # type: ignore[no-any-return]

    def __ror__(self, other: Any) -> Any:
        return OrderedDict(plain(other) | self.__items__) if _is_dict(other) else NotImplemented

    def __show__(self) -> str:
        if not self.__items__:
            return "OrderedDict()"
        # As the running Python shows it: with 3.12 that changed.
        shown = plain_copy(self.__items__)
        items = repr(shown if sys.version_info >= (3, 12) else list(shown.items()))
        return f"OrderedDict({items})"

    def __repr__(self) -> str:
        return nested_repr(self, "...")

    def copy(self) -> Any:
        return OrderedDict(laid(self).copy())

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return self.__items__.setdefault(key, default)

    def __delitem__(self, key: Any) -> None:
        forget(self)
        del self.__items__[key]

    def clear(self) -> None:
        forget(self)
        self.__empty__()

    def pop(self, key: Any, default: Any = MISSING) -> Any:
        forget(self)
        if not self.__items__:
            hash(key)  # which this class asks for, unlike dict, when it is empty
        return self.__items__.pop(key) if default is MISSING else self.__items__.pop(key, default)

    def popitem(self, last: bool = True) -> tuple[Any, Any]:
        items = self.__items__
        if not items:
            raise KeyError("dictionary is empty")
        if not last:
            return pop_first(self)
        forget(self)
        return items.popitem()  # type: ignore[no-any-return]

    def move_to_end(self, key: Any, last: bool = True) -> None:
        items = self.__items__
        if type(items) is PagedDict:
            items.move(key, last=last)
            return
        if not items or key not in items:
            raise KeyError(key)
        kept = _key_in(items, key)
        forget(self)
        value = items.pop(kept)
        if last:
            items[kept] = value
        else:
            others = items.copy()
            items.clear()
            items[kept] = value
            items.update(others)

    def __drop__(self) -> None:
        forget(self)
        Dict.__drop__(self)


class _Probe:
    """Equal to the key it is made of, and remembers the key in a dict that it was compared with."""

    __slots__ = ("found", "key")

    def __init__(self, key: Any) -> None:
        self.key = self.found = key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        if other == self.key:
            self.found = other
            return True
        return False


def _key_in(items: dict[Any, Any], key: Any) -> Any:
    """Return the key of `items` that is equal to `key`, which need not be the same: 1 and 1.0 are equal."""
    if type(key) is str:
        return key
    if not is_own(key):
        return next((other for other in items if other is key or other == key), key)
    probe = _Probe(key)
    items.get(probe)
    return probe.found


# --- Counter ------------------------------------------------------------------------------------------------------


class Counter(_Kind):
    """Counter: items and how many there are of each. Its methods are those of CPython's module, on our own dict."""

    __slots__ = ()

    def __init__(self, iterable: Any = None, /, **counts: Any) -> None:
        Dict.__init__(self)
        _add(self.__items__, self.__items__, given(iterable), counts, 1)
        if len(self.__items__) >= FREE_COUNT:
            pay(self.__items__)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None) -> Any:
        raise NotImplementedError("Counter.fromkeys() is undefined.  Use Counter(iterable) instead.")

    def __getitem__(self, key: Any) -> Any:
        return self.__items__.get(key, 0)

    def __delitem__(self, key: Any) -> None:
        if key in self.__items__:
            del self.__items__[key]

    def __eq__(self, other: object) -> bool:
        if _is_counter(other):
            return bool(_holds(self, other, lambda mine, theirs: mine == theirs))
        return Dict.__eq__(self, other)

    def __le__(self, other: Any) -> Any:
        return _holds(self, other, lambda mine, theirs: mine <= theirs)

    def __ge__(self, other: Any) -> Any:
        return _holds(self, other, lambda mine, theirs: mine >= theirs)

    def __lt__(self, other: Any) -> bool:
        return self <= other and self != other if _is_counter(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self >= other and self != other if _is_counter(other) else NotImplemented

    def __show__(self) -> str:
        if not self.__items__:
            return "Counter()"
        try:
            shown = dict(self.most_common())
        except TypeError:  # counts that have no order
            shown = self.__items__
        return f"Counter({shown!r})"

    def __repr__(self) -> str:
        return nested_repr(self, "Counter(...)")

    def most_common(self, n: int | None = None) -> list[tuple[Any, Any]]:
        items = sorted(self.__items__.items(), key=itemgetter(1), reverse=True)
        return items if n is None else items[: max(n, 0)]

    def elements(self) -> Iterator[Any]:
        items = list(self.__items__.items())
        count = sum(count for _, count in items if type(count) is int and count > 0)  # others `repeat` refuses
        if count > ELEMENTS_COUNT_MAX:
            raise OverflowError(f"the Counter has {count} elements, more than {ELEMENTS_COUNT_MAX}")
        return (item for item, count in items for item in repeat(item, count))

    def total(self) -> Any:
        return sum(self.__items__.values())

    def copy(self) -> Any:
        return _counter(laid(self).copy())

    def update(self, iterable: Any = None, /, **counts: Any) -> None:
        _add(self, self.__items__, iterable, counts, 1)

    def subtract(self, iterable: Any = None, /, **counts: Any) -> None:
        _add(self, self.__items__, iterable, counts, -1)

    def __add__(self, other: Any) -> Any:
        return _merged(self, other, lambda mine, theirs: mine + theirs)

    def __sub__(self, other: Any) -> Any:
        return _merged(self, other, lambda mine, theirs: mine - theirs)

    def __or__(self, other: Any) -> Any:
        if _is_counter(other):
            return _merged(self, other, lambda mine, theirs: theirs if mine < theirs else mine)
        # As in CPython, where with any other dict it is a dict that comes out.
        return Dict.__or__(self, other)

    def __and__(self, other: Any) -> Any:
        if not _is_counter(other):
            return NotImplemented
        others = plain(other)
        result = {}
        for item, mine in looked_up(self.__items__.items(), others):
            theirs = others.get(item, 0)
            least = mine if mine < theirs else theirs
            if least > 0:
                result[item] = least
        return _counter(result)

    def __pos__(self) -> Any:
        return _counter({item: count for item, count in self.__items__.items() if count > 0})

    def __neg__(self) -> Any:
        return _counter({item: 0 - count for item, count in self.__items__.items() if count < 0})

    def __iadd__(self, other: Any) -> Any:
        for item, count in looked_up(_pairs(other), self.__items__):
            self[item] += count
        return _keep_positive(self)

    def __isub__(self, other: Any) -> Any:
        for item, count in looked_up(_pairs(other), self.__items__):
            self[item] -= count
        return _keep_positive(self)

    def __ior__(self, other: Any) -> Any:
        for item, count in looked_up(_pairs(other), self.__items__):
            if count > self[item]:
                self[item] = count
        return _keep_positive(self)

    def __iand__(self, other: Any) -> Any:
        for item, count in list(self.__items__.items()):
            theirs = other[item]
            if theirs < count:
                self[item] = theirs
        return _keep_positive(self)


def _is_counter(value: object) -> bool:
    return STATES.get(type(value)) is Counter


def _counter(items: dict[Any, Any]) -> Counter:
    made = Counter()
    made.__items__ = items
    return made


def _pairs(other: Any) -> list[tuple[Any, Any]]:
    return list(other.items())


def _add(target: Any, items: dict[Any, Any], iterable: Any, counts: dict[str, Any], sign: int) -> None:
    """Add to `target`, whose items are `items`, or with a sign of -1 take away, what Counter.update is given."""
    if iterable is not None:
        source = plain(iterable)
        if type(source) in DICTS:
            was_empty = not items and sign == 1
            for item, count in looked_up(list(source.items()), items):
                if was_empty:
                    target[item] = count
                else:
                    target[item] = count + items.get(item, 0) if sign == 1 else items.get(item, 0) - count
        elif type(source) in _COUNTED_IN_C:
            found: dict[Any, int] = {}
            try:
                _count_elements(found, source)
            finally:  # what came before an item without a hash counts
                for item, count in looked_up(found.items(), items):
                    old = items.get(item, 0)
                    if type(old) is int:
                        target[item] = old + count * sign
                    else:
                        for _ in range(count):
                            target[item] = items.get(item, 0) + sign
        else:
            for item in iterable:
                target[item] = items.get(item, 0) + sign
    if counts:
        _add(target, items, counts, {}, sign)


def _merged(self: Counter, other: Any, merge: Callable[[Any, Any], Any]) -> Any:
    """Return a Counter of what `merge` makes of the counts in both, as far as that is positive."""
    if not _is_counter(other):
        return NotImplemented
    mine, theirs = self.__items__, plain(other)
    result = {}
    for item, count in looked_up(mine.items(), theirs):
        merged = merge(count, theirs.get(item, 0))
        if merged > 0:
            result[item] = merged
    for item, count in looked_up(theirs.items(), mine):
        if item not in mine:
            merged = merge(0, count)
            if merged > 0:
                result[item] = merged
    return _counter(result)


def _holds(self: Counter, other: Any, test: Callable[[Any, Any], bool]) -> Any:
    if not _is_counter(other):
        return NotImplemented
    mine, theirs = self.__items__, plain(other)
    return all(
        test(mine.get(item, 0), theirs.get(item, 0))
        for items in (mine, theirs) for item in looked_up(items, mine, theirs)
    )  # fmt: skip


def _keep_positive(self: Counter) -> Counter:
    for item in [item for item, count in self.__items__.items() if not count > 0]:
        del self[item]
    return self


# --- their states -------------------------------------------------------------------------------------------------


def _clean_setdefault(self: Any, key: Any, default: Any = None) -> Any:
    return clean_dict_setdefault(self, key, default)


def _clean_pop(self: Any, key: Any, default: Any = MISSING) -> Any:
    if default is not MISSING and key not in self.__items__:
        return default
    touch_clean(self)
    return self.pop(key) if default is MISSING else self.pop(key, default)


for _cls, _name, _writes, _setdefault, _pop in (
    (DefaultDict, "defaultdict", "__ior__ update", clean_dict_setdefault, clean_dict_pop),
    (OrderedDict, "OrderedDict", "__ior__ update move_to_end", _clean_setdefault, _clean_pop),
    (Counter, "Counter", "", clean_dict_setdefault, clean_dict_pop),  # the rest goes through __setitem__
):
    give_name(_cls, _name, "collections")
    make_states(
        _cls,
        f"__setitem__ __delitem__ setdefault pop popitem clear {_writes}",
        setdefault=_setdefault,
        pop=_pop,
    )
RIGHT_FIRST.update(state for state, public in STATES.items() if public in (DefaultDict, OrderedDict))
