"""What containers of the heap are compared with where CPython has none: sets that keep the order of insertion, and
SortedDict. Each leaves to CPython's own set, dict and sort whatever they know, and adds the order. And `hash`, which
has no answer where CPython's is an address.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, ValuesView
from copy import deepcopy
from typing import Any

__all__ = ["InsertionFrozenSet", "InsertionSet", "SortedModel", "hash_of"]


def _walk(container: Any, items: list[Any], name: str) -> Iterator[Any]:
    """Yield `items` of a container while its size stays what it is."""
    count = len(container)
    for item in items:
        if len(container) != count:
            break
        yield item
    if len(container) != count:
        raise RuntimeError(f"{name} changed size during iteration")


# --- sets ---------------------------------------------------------------------------------------------------------


class _Recorder:
    """An iterator that remembers what came out of it."""

    def __init__(self, inner: Iterator[Any], seen: list[Any]) -> None:
        self.inner = inner
        self.seen = seen

    def __iter__(self) -> _Recorder:
        return self

    def __next__(self) -> Any:
        item = next(self.inner)
        self.seen.append(item)
        return item


_OF_ONE = ("add", "discard", "remove")


def _in_order(kind: type, name: str) -> Callable[..., Any]:
    """Return CPython's method `name` of sets, after which old members come first and new ones as they were given."""
    plain = getattr(kind, name)

    def method(self: Any, *others: Any) -> Any:
        candidates = list(self.order)
        given: list[Any] = []
        for other in others:
            if hasattr(other, "__next__"):
                given.append(_Recorder(other, candidates))
            else:
                given.append(other)
                candidates += [other] if name in _OF_ONE or not hasattr(other, "__iter__") else other
        try:
            result = plain(self, *given)
        finally:
            if kind is set:
                self.order = _kept(candidates, self)
        if type(result) is kind:
            return _ordered(InsertionSet if kind is set else InsertionFrozenSet, _kept(candidates, result))
        return result

    return method


def _kept(candidates: list[Any], members: Any) -> dict[Any, None]:
    return {item: None for item in candidates if _has(members, item)}


def _has(members: Any, item: Any) -> bool:
    try:
        hash(item)
    except TypeError:
        return False
    return item in members


def _ordered(kind: Any, order: dict[Any, None]) -> Any:
    made = kind(order)
    made.order = order
    return made


class InsertionFrozenSet(frozenset):  # type: ignore[type-arg]
    order: dict[Any, None]

    def __new__(cls, source: Iterable[Any] = ()) -> InsertionFrozenSet:
        order = dict.fromkeys(source)
        made = super().__new__(cls, order)
        made.order = order
        return made

    def __iter__(self) -> Iterator[Any]:
        return iter(self.order)

    def __repr__(self) -> str:
        return f"frozenset({{{repr(list(self.order))[1:-1]}}})" if self.order else "frozenset()"

    def __deepcopy__(self, memo: dict[int, Any]) -> InsertionFrozenSet:
        return InsertionFrozenSet([deepcopy(item, memo) for item in self.order])

    def copy(self) -> Any:
        return self


class InsertionSet(set):  # type: ignore[type-arg]
    order: dict[Any, None]

    def __init__(self, source: Iterable[Any] = ()) -> None:
        order = dict.fromkeys(source)
        super().__init__(order)
        self.order = order

    def __iter__(self) -> Iterator[Any]:
        return _walk(self, list(self.order), "Set")

    def __repr__(self) -> str:
        return f"{{{repr(list(self.order))[1:-1]}}}" if self.order else "set()"

    def __deepcopy__(self, memo: dict[int, Any]) -> InsertionSet:
        return InsertionSet([deepcopy(item, memo) for item in self.order])

    def pop(self) -> Any:
        """Of an ordered set it is the first one."""
        if not self.order:
            raise KeyError("pop from an empty set")
        first = next(iter(self.order))
        self.remove(first)
        return first


_BOTH = (
    "__and__ __or__ __sub__ __xor__ __rand__ __ror__ __rsub__ __rxor__ difference intersection symmetric_difference "
    "union".split()
)
_IN_PLACE = (
    "__iand__ __ior__ __isub__ __ixor__ add clear copy difference_update discard intersection_update remove "
    "symmetric_difference_update update".split()
)
for _name in _BOTH:
    setattr(InsertionFrozenSet, _name, _in_order(frozenset, _name))
for _name in _BOTH + _IN_PLACE:
    setattr(InsertionSet, _name, _in_order(set, _name))
InsertionFrozenSet.__name__, InsertionSet.__name__ = "frozenset", "set"


def hash_of(value: Any) -> int:
    """Return what `hash` gives, which differs from CPython's for what hashes by its address (docs/language.md)."""
    if isinstance(value, frozenset | tuple):
        for item in value:
            hash_of(item)
    elif type(value).__hash__ is object.__hash__ and value is not None:
        raise TypeError(f"{type(value).__name__} has no hash that is the same everywhere; use a key of your own")
    return hash(value)


# --- SortedDict ---------------------------------------------------------------------------------------------------


class _Keys(KeysView):  # type: ignore[type-arg]
    def __reversed__(self) -> Iterator[Any]:
        return reversed(self._mapping)


class _Values(ValuesView):  # type: ignore[type-arg]
    def __reversed__(self) -> Iterator[Any]:
        return (self._mapping[key] for key in reversed(self._mapping))


class _Items(ItemsView):  # type: ignore[type-arg]
    def __reversed__(self) -> Iterator[Any]:
        return ((key, self._mapping[key]) for key in reversed(self._mapping))


def _check_ordered(key: Any) -> None:
    """Refuse what a SortedDict refuses even when it is the only key."""
    if isinstance(key, tuple):
        for item in key:
            _check_ordered(item)
    elif not isinstance(key, int | float | str | bytes):
        raise TypeError("no order")


class SortedModel(dict):  # type: ignore[type-arg]
    """A dict in the order of its keys, by the names of `sortedcontainers.SortedDict`."""

    def __init__(self, *source: Any, **entries: Any) -> None:
        super().__init__()
        self.update(*source, **entries)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> Any:
        return cls((key, value) for key in keys)

    def order(self) -> list[Any]:
        return sorted(dict.keys(self))

    def __setitem__(self, key: Any, value: Any) -> None:
        if key not in self:
            _check_ordered(key)
            sorted([key, *dict.keys(self)])  # the TypeError of keys that have no order, before anything changes
        super().__setitem__(key, value)

    def update(self, *source: Any, **entries: Any) -> None:
        for key, value in dict(*source, **entries).items():
            self[key] = value

    def __ior__(self, other: Any) -> Any:  # type: ignore[override, misc]
        self.update(other)
        return self

    def __or__(self, other: Any) -> Any:
        return SortedModel(dict(self) | dict(other)) if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return SortedModel(dict(other) | dict(self)) if isinstance(other, dict) else NotImplemented

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def copy(self) -> Any:
        return SortedModel(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        made = SortedModel()
        memo[id(self)] = made
        for key, value in dict.items(self):
            dict.__setitem__(made, deepcopy(key, memo), deepcopy(value, memo))
        return made

    def __iter__(self) -> Iterator[Any]:
        return _walk(self, self.order(), "dictionary")

    def __reversed__(self) -> Iterator[Any]:
        return _walk(self, self.order()[::-1], "dictionary")

    def __repr__(self) -> str:
        inside = ", ".join(f"{key!r}: {'SortedDict({...})' if self[key] is self else repr(self[key])}" for key in self)
        return f"SortedDict({{{inside}}})"

    def keys(self) -> Any:
        return _Keys(self)

    def values(self) -> Any:
        return _Values(self)

    def items(self) -> Any:
        return _Items(self)

    def popitem(self, index: int = -1) -> Any:
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = self.order()[index]
        return key, self.pop(key)

    def peekitem(self, index: int = -1) -> Any:
        key = self.order()[index]
        return key, self[key]

    def bisect_left(self, key: Any) -> int:
        return bisect_left(self.order(), key)

    def bisect_right(self, key: Any) -> int:
        return bisect_right(self.order(), key)

    def index(self, key: Any, start: int | None = None, stop: int | None = None) -> int:
        order = self.order()
        place = bisect_left(order, key)
        within = range(*slice(start, stop).indices(len(order)))
        if place == len(order) or order[place] != key or place not in within:
            raise ValueError(f"{key!r} is not in list")
        return place

    def irange(
        self, minimum: Any = None, maximum: Any = None, inclusive: Any = (True, True), reverse: bool = False
    ) -> Iterator[Any]:
        order = self.order()
        first = 0
        last = len(order)
        if minimum is not None:
            first = (bisect_left if inclusive[0] else bisect_right)(order, minimum)
        if maximum is not None:
            last = (bisect_right if inclusive[1] else bisect_left)(order, maximum)
        found = order[first:last]
        return reversed(found) if reverse else iter(found)


SortedModel.__name__ = "SortedDict"
