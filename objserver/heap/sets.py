"""set and frozenset of the heap, both in insertion order: a set that is saved and read again must not change its order.

    set         a container: an oid, states, a record of its own
    frozenset   a value: stored inline, equal and hashed by its members alone, `is` and iteration by their order too

Promise: members, results and types of results are those of CPython's (tests/engine/test_containers.py,
tests/heap/test_frozenset.py); the order is that of insertion, on every replica and after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from itertools import repeat
from typing import Any, ClassVar, Final

from .containers import (
    STATES,
    Container,
    ContainerType,
    give_name,
    give_unbound,
    items_of,
    make_states,
    nested_repr,
    touch_clean,
)
from .fronts import forget, pop_first
from .layout import laid
from .paged_dict import PagedDict, looked_up
from .views import Items, Keys
from .work import FREE_COUNT, paid, pay

__all__ = ["FrozenSet", "Set"]

# What of a dict compares with a set.
_VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.items()), Keys, Items)


class _Members(metaclass=ContainerType):
    """What both can do. Results are of the class of the left side, as CPython's are."""

    __slots__ = ()
    __items__: dict[Any, None]
    __public__: ClassVar[Any]

    def __laid_out__(self) -> dict[Any, None]:
        """Return the items, for a look at their order."""
        return self.__items__

    def __contains__(self, item: object) -> bool:
        try:
            return item in self.__items__
        except TypeError:
            return _member(item) in self.__items__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _VIEWS):
            return other == self.__items__.keys()  # in this order: members of the view may have no hash
        return self.__items__.keys() == _members(other) if _is_operand(other) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self.__items__.keys() <= _members(other) if _is_set(other) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return self.__items__.keys() < _members(other) if _is_set(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self.__items__.keys() >= _members(other) if _is_set(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self.__items__.keys() > _members(other) if _is_set(other) else NotImplemented

    def __or__(self, other: Any) -> Any:
        return self.union(other) if _is_operand(other) else NotImplemented

    def __and__(self, other: Any) -> Any:
        return self.intersection(other) if _is_operand(other) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return self.difference(other) if _is_operand(other) else NotImplemented

    def __xor__(self, other: Any) -> Any:
        return self.symmetric_difference(other) if _is_operand(other) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return _plain_kind(other)(other).union(self) if _is_operand(other) else NotImplemented

    def __rand__(self, other: Any) -> Any:
        return _plain_kind(other)(other).intersection(self) if _is_operand(other) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return _plain_kind(other)(other).difference(self) if _is_operand(other) else NotImplemented

    def __rxor__(self, other: Any) -> Any:
        return _plain_kind(other)(other).symmetric_difference(self) if _is_operand(other) else NotImplemented

    def union(self, *others: Iterable[Any]) -> Any:
        items = paid(self.__laid_out__()).copy()
        for other in others:
            items.update(paid(dict.fromkeys(other)))
        return self.__public__.__of__(items)

    def intersection(self, *others: Iterable[Any]) -> Any:
        items = paid(self.__laid_out__()).copy()
        for other in others:
            members = _members(other)
            items = {item: None for item in items if item in members}
        return self.__public__.__of__(items)

    def difference(self, *others: Iterable[Any]) -> Any:
        items = paid(self.__laid_out__()).copy()
        for other in others:
            for item in list(other):
                _discard(items, item)
        return self.__public__.__of__(items)

    def symmetric_difference(self, other: Iterable[Any], /) -> Any:
        items = paid(self.__laid_out__()).copy()
        for item in paid(dict.fromkeys(other)):
            if item in self.__items__:
                items.pop(item, None)
            else:
                items[item] = None
        return self.__public__.__of__(items)

    def isdisjoint(self, other: Iterable[Any], /) -> bool:
        return not any(item in self.__items__ for item in looked_up(other, self.__items__))

    def issubset(self, other: Iterable[Any], /) -> bool:
        return bool(self.__items__.keys() <= _members(other))

    def issuperset(self, other: Iterable[Any], /) -> bool:
        return all(item in self.__items__ for item in looked_up(other, self.__items__))


# --- frozenset ----------------------------------------------------------------------------------------------------


class FrozenSet(_Members):
    """frozenset: `__hashed__` is its hash once it was asked for, which runs the members' own."""

    __slots__ = ("__hashed__", "__items__")
    __plain_types__ = (frozenset,)
    __frozen__ = True  # tells the language that this is a value: see sandbox/identity.py, sandbox/hashing.py
    __hashed__: int | None

    def __init__(self, source: Iterable[Any] = (), /) -> None:
        self.__items__ = items = dict.fromkeys(source)
        if len(items) >= FREE_COUNT:
            pay(items)
        self.__hashed__ = None

    @classmethod
    def __of__(cls, items: dict[Any, None]) -> FrozenSet:
        made: FrozenSet = object.__new__(FrozenSet)
        made.__items__ = items
        made.__hashed__ = None
        return made

    def __hash__(self) -> int:
        if self.__hashed__ is None:
            self.__hashed__ = hash(frozenset(self.__items__))
        return self.__hashed__

    def __len__(self) -> int:
        return len(self.__items__)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__items__)

    def __repr__(self) -> str:
        return nested_repr(self, "frozenset(...)")  # an object among its members may show it

    def __show__(self) -> str:
        return f"frozenset({{{repr(list(self.__items__))[1:-1]}}})" if self.__items__ else "frozenset()"

    def __class_getitem__(cls, item: object) -> type:
        return cls

    def copy(self) -> FrozenSet:
        return self


# --- set ----------------------------------------------------------------------------------------------------------


def _in_place_operator(name: str) -> Callable[[Set, Any], Any]:
    """Return the operator that does with a set what the method `name` does with any iterable."""

    def operator(self: Set, other: Any) -> Any:
        if not _is_operand(other):
            return NotImplemented
        getattr(self, name)(other)
        return self

    return operator


class Set(_Members, Container):
    """set, as the keys of a dict."""

    __slots__ = ("__front__",)
    __plain_types__ = (set,)
    __form__ = "set"
    __paged__ = PagedDict
    __hash__: ClassVar[None]

    def __init__(self, source: Iterable[Any] = (), /) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = items = dict.fromkeys(source)
        if len(items) >= FREE_COUNT:
            pay(items)

    @classmethod
    def __of__(cls, items: dict[Any, None]) -> Set:
        made: Set = object.__new__(Set)
        made.__oid__ = 0
        made.__heap__ = None
        made.__items__ = items
        return made

    def __laid_out__(self) -> dict[Any, None]:
        return laid(self)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return iter(laid(self))

    def __repr__(self) -> str:
        return nested_repr(self, "set(...)")

    def __show__(self) -> str:
        return f"{{{repr(list(self.__items__))[1:-1]}}}" if self.__items__ else "set()"

    __ior__ = _in_place_operator("update")
    __iand__ = _in_place_operator("intersection_update")
    __isub__ = _in_place_operator("difference_update")
    __ixor__ = _in_place_operator("symmetric_difference_update")

    def add(self, item: Any, /) -> None:
        self.__items__[item] = None

    def discard(self, item: Any, /) -> None:
        forget(self)
        try:
            _discard(self.__items__, item)
        except TypeError:
            _discard(self.__items__, _member(item))

    def remove(self, item: Any, /) -> None:
        forget(self)
        try:
            del self.__items__[item]
        except TypeError:
            if (member := _member(item)) not in self.__items__:
                raise KeyError(item) from None
            del self.__items__[member]

    def pop(self) -> Any:
        """Remove and return the item that was added first."""
        if not self.__items__:
            raise KeyError("pop from an empty set")
        return pop_first(self)[0]

    def clear(self) -> None:
        forget(self)
        self.__empty__()

    def copy(self) -> Set:
        return Set.__of__(laid(self).copy())

    # These change the dict that an iteration may be walking over, so that it says so, and as far as they get.

    def update(self, *others: Iterable[Any]) -> None:
        for other in others:
            self.__items__.update(dict.fromkeys(other) if _is_operand(other) else zip(other, repeat(None)))

    def intersection_update(self, *others: Iterable[Any]) -> None:
        members = self.intersection(*others).__items__
        if len(members) < len(self.__items__):
            forget(self)
            self.__empty__()
            self.__items__.update(members)

    def difference_update(self, *others: Iterable[Any]) -> None:
        forget(self)
        items = self.__items__
        for other in others:
            for item in looked_up(list(items) if other is self else other, items):
                _discard(items, item)

    def symmetric_difference_update(self, other: Iterable[Any], /) -> None:
        forget(self)
        items = self.__items__
        for item in looked_up(dict.fromkeys(other), items):
            if item in items:
                items.pop(item, None)
            else:
                items[item] = None

    def __content__(self) -> list[Any]:
        return list(self.__items__)

    def __restore__(self, content: list[Any]) -> None:
        self.__items__ = dict.fromkeys(content)

    def __drop__(self) -> None:
        forget(self)
        Container.__drop__(self)


def _is_set(value: object) -> bool:
    """Whether a comparison with a set means anything."""
    return _is_operand(value) or isinstance(value, _VIEWS)


def _is_operand(value: object) -> bool:
    # A view of a dict has operators of its own, whose results are sets, whatever stands on the other side.
    return type(value) is FrozenSet or STATES.get(type(value)) is Set or isinstance(value, frozenset | set)


def _discard(items: dict[Any, None], item: Any) -> None:
    if items:
        items.pop(item, None)
    else:
        hash(item)  # which an empty dict does not ask for


def _plain_kind(value: object) -> Any:
    return FrozenSet if isinstance(value, frozenset) else Set


def _member(item: Any) -> Any:
    """Return what stands for a set, which has no hash, when it is looked for: a frozenset, as in CPython.

    Call in the handler of the TypeError, which is raised again for anything else.
    """
    if STATES.get(type(item)) is Set:
        return FrozenSet.__of__(items_of(item))
    if type(item) is set:
        return FrozenSet(item)
    raise


def _members(value: Any) -> Any:
    """Return something that answers `in` and compares as a set of the items of `value`."""
    if STATES.get(type(value)) is Set:
        return items_of(value).keys()
    if type(value) is FrozenSet:
        return value.__items__.keys()
    return value if isinstance(value, (frozenset, set, *_VIEWS)) else dict.fromkeys(value).keys()


def _clean_add(self: Any, item: Any, /) -> None:
    if item not in self.__items__:
        touch_clean(self)
        self.add(item)


def _clean_discard(self: Any, item: Any, /) -> None:
    if item in self:
        touch_clean(self)
        self.discard(item)


for _cls, _name in ((Set, "set"), (FrozenSet, "frozenset")):
    give_name(_cls, _name)
    type.__setattr__(_cls, "__public__", _cls)
MutableSet.register(Set)
AbstractSet.register(FrozenSet)
give_unbound(name for name in (*vars(_Members), *vars(FrozenSet)))
make_states(
    Set,
    "add discard remove pop clear update intersection_update difference_update symmetric_difference_update",
    add=_clean_add,
    discard=_clean_discard,
)
