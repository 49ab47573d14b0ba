"""deque of the heap: `collections.deque` in a container, or a PagedDeque in its place when it is large.

Promise: that of objserver/heap/containers.py (tests/engine/test_containers.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, MutableSequence
from typing import Any, Final

from .containers import STATES, Container, bounded_count, give_name, items_of, make_states, nested_repr, repeats
from .paged_deque import PagedDeque
from .paged_list import plain_list
from .work import FREE_COUNT, pay

__all__ = ["Deque"]

_DEQUES: Final = frozenset({deque, PagedDeque})


class Deque(Container):
    """deque, of bounded length when it has a `maxlen`."""

    __slots__ = ()
    __plain_types__ = (deque,)
    __form__ = "deque"
    __paged__ = PagedDeque

    def __init__(self, iterable: Iterable[Any] = (), maxlen: int | None = None) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = items = deque(_inside(iterable), maxlen)
        if len(items) >= FREE_COUNT:
            pay(items)

    @property
    def maxlen(self) -> int | None:
        return self.__items__.maxlen  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Any:
        return self.__items__[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__items__[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.__items__[index]

    def __add__(self, other: Any) -> Deque:
        inside = _inside(other)
        if type(inside) not in _DEQUES:
            raise TypeError(f'can only concatenate deque (not "{type(other).__name__}") to deque')
        return _wrap(plain_list(self.__items__) + plain_list(inside))

    def __iadd__(self, other: Iterable[Any]) -> Deque:  # type: ignore[misc]
        self.extend(other)
        return self

    def __mul__(self, count: Any) -> Deque:
        return _wrap(plain_list(self.__items__) * count) if repeats(self.__items__, count) else NotImplemented

    def __rmul__(self, count: Any) -> Deque:
        return _wrap(plain_list(self.__items__) * count) if bounded_count(self.__items__, count) else NotImplemented

    def __imul__(self, count: Any) -> Deque:
        if not repeats(self.__items__, count):
            return NotImplemented
        items = self.__items__
        if type(items) is PagedDeque:
            items.repeat(count)
        else:
            items *= count
        return self

    def __eq__(self, other: object) -> bool:
        other = _inside(other)
        return self.__items__ == other if type(other) in _DEQUES else NotImplemented

    def __lt__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ < other if type(other) in _DEQUES else NotImplemented

    def __le__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ <= other if type(other) in _DEQUES else NotImplemented

    def __gt__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ > other if type(other) in _DEQUES else NotImplemented

    def __ge__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ >= other if type(other) in _DEQUES else NotImplemented

    def __repr__(self) -> str:
        return nested_repr(self, "[...]")

    def append(self, item: Any, /) -> None:
        self.__items__.append(item)

    def appendleft(self, item: Any, /) -> None:
        self.__items__.appendleft(item)

    def pop(self) -> Any:
        return self.__items__.pop()

    def popleft(self) -> Any:
        return self.__items__.popleft()

    def extend(self, items: Iterable[Any], /) -> None:
        self.__items__.extend(_inside(items))  # _inside: a deque extended by itself must end

    def extendleft(self, items: Iterable[Any], /) -> None:
        self.__items__.extendleft(_inside(items))

    def rotate(self, count: int = 1, /) -> None:
        items = self.__items__
        items.rotate(count)

    def insert(self, index: int, item: Any, /) -> None:
        self.__items__.insert(index, item)

    def remove(self, item: Any, /) -> None:
        self.__items__.remove(item)

    def reverse(self) -> None:
        self.__items__.reverse()

    def clear(self) -> None:
        self.__empty__()

    def copy(self) -> Deque:
        return _wrap(self.__items__.copy())

    def index(self, item: Any, /, *bounds: int) -> int:
        return self.__items__.index(item, *bounds)  # type: ignore[no-any-return]

    def count(self, item: Any, /) -> int:
        return self.__items__.count(item)  # type: ignore[no-any-return]

    def __content__(self) -> list[Any]:
        return [self.__items__.maxlen, list(self.__items__)]

    def __restore__(self, content: list[Any]) -> None:
        maxlen, items = content
        self.__items__ = deque(items, maxlen)

    def __beside__(self) -> tuple[Any, ...]:
        return (self.__items__.maxlen,)

    def __show__(self) -> str:
        return repr(self.__items__)


def _inside(value: Any) -> Any:
    return items_of(value) if STATES.get(type(value)) is Deque else value


def _wrap(items: deque[Any]) -> Deque:
    made: Deque = object.__new__(Deque)
    made.__oid__ = 0
    made.__heap__ = None
    made.__items__ = items
    return made


give_name(Deque, "deque", "collections")
MutableSequence.register(Deque)
make_states(
    Deque,
    "__setitem__ __delitem__ __iadd__ __imul__ append appendleft pop popleft extend extendleft rotate insert remove "
    "reverse clear",
)
