"""deque of the heap: `collections.deque` in a container, with undo at both ends.

A large one in the state "logged" keeps the inverse of each operation at its ends:

    append    -> take the last one off again (and put back on the left what a full deque dropped there)
    popleft   -> put it back on the left
    d[2] = x  -> put the old item back at 2

and falls back to a copy at the first other operation, or when there is more to undo than a copy holds.

Promise: that of objserver/heap/containers.py (tests/engine/test_containers.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, MutableSequence
from typing import Any

from .containers import (
    STATES,
    Container,
    bounded_count,
    copy_before,
    give_name,
    items_of,
    make_states,
    nested_repr,
    repeats,
)

__all__ = ["Deque"]


class Deque(Container):
    """deque, of bounded length when it has a `maxlen`."""

    __slots__ = ()
    __plain_types__ = (deque,)
    __form__ = "deque"
    __items__: deque[Any]

    def __init__(self, iterable: Iterable[Any] = (), maxlen: int | None = None) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = deque(_inside(iterable), maxlen)

    @property
    def maxlen(self) -> int | None:
        return self.__items__.maxlen

    def __getitem__(self, index: Any) -> Any:
        return self.__items__[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__items__[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.__items__[index]

    def __add__(self, other: Any) -> Deque:
        inside = _inside(other)
        if type(inside) is not deque:
            raise TypeError(f'can only concatenate deque (not "{type(other).__name__}") to deque')
        return _wrap(self.__items__ + inside)

    def __iadd__(self, other: Iterable[Any]) -> Deque:  # type: ignore[misc]
        self.extend(other)
        return self

    def __mul__(self, count: Any) -> Deque:
        return _wrap(self.__items__ * count) if repeats(self.__items__, count) else NotImplemented

    def __rmul__(self, count: Any) -> Deque:
        return _wrap(self.__items__ * count) if bounded_count(self.__items__, count) else NotImplemented

    def __imul__(self, count: Any) -> Deque:
        if not repeats(self.__items__, count):
            return NotImplemented
        self.__items__ *= count
        return self

    def __eq__(self, other: object) -> bool:
        other = _inside(other)
        return self.__items__ == other if type(other) is deque else NotImplemented

    def __lt__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ < other if type(other) is deque else NotImplemented

    def __le__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ <= other if type(other) is deque else NotImplemented

    def __gt__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ > other if type(other) is deque else NotImplemented

    def __ge__(self, other: Any) -> bool:
        other = _inside(other)
        return self.__items__ >= other if type(other) is deque else NotImplemented

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
        self.__items__.rotate(count)

    def insert(self, index: int, item: Any, /) -> None:
        self.__items__.insert(index, item)

    def remove(self, item: Any, /) -> None:
        self.__items__.remove(item)

    def reverse(self) -> None:
        self.__items__.reverse()

    def clear(self) -> None:
        self.__items__.clear()

    def copy(self) -> Deque:
        return _wrap(self.__items__.copy())

    def index(self, item: Any, /, *bounds: int) -> int:
        return self.__items__.index(item, *bounds)

    def count(self, item: Any, /) -> int:
        return self.__items__.count(item)

    def __content__(self) -> list[Any]:
        return [self.__items__.maxlen, list(self.__items__)]

    def __restore__(self, content: list[Any]) -> None:
        maxlen, items = content
        self.__items__ = deque(items, maxlen)

    def __beside__(self) -> tuple[Any, ...]:
        return (self.__items__.maxlen,)

    def __log__(self) -> _Log:
        return _Log()

    def __undo__(self) -> None:
        if type(self.__saved__) is deque:
            self.__items__ = self.__saved__
        else:
            self.__saved__.undo(self.__items__)

    @staticmethod
    def __unlog__(items: Any, saved: _Log) -> None:
        saved.undo(items)

    def __fresh__(self) -> Iterable[int]:
        """Return the indexes whose items may be new; of a logged deque."""
        log: _Log = self.__saved__
        return log.fresh(len(self.__items__))

    def __show__(self) -> str:
        return repr(self.__items__)


class _Log:
    """What was done to the ends of a large deque, to undo it, and where its new items are."""

    __slots__ = ("left", "places", "right", "shift", "steps")

    def __init__(self) -> None:
        self.steps: list[tuple[str, Any, Any]] = []
        self.left = self.right = 0  # new items are among so many at each end, or at one of `places`
        self.shift = 0  # by how much the left end moved: index = place + shift
        self.places: dict[int, None] = {}

    def undo(self, items: deque[Any]) -> None:
        for name, index, old in reversed(self.steps):
            if name == "pop":
                items.pop()
            elif name == "popleft":
                items.popleft()
            elif name == "append":
                items.append(old)
            elif name == "appendleft":
                items.appendleft(old)
            else:
                items[index] = old

    def fresh(self, count: int) -> list[int]:
        places = (place + self.shift for place in self.places)
        ends = (*range(min(self.left, count)), *range(max(count - self.right, 0), count))
        return [*dict.fromkeys((*ends, *(index for index in places if 0 <= index < count)))]


def _inside(value: Any) -> Any:
    return items_of(value) if STATES.get(type(value)) is Deque else value


def _wrap(items: deque[Any]) -> Deque:
    made: Deque = object.__new__(Deque)
    made.__oid__ = 0
    made.__heap__ = None
    made.__items__ = items
    return made


# --- the logged state ---------------------------------------------------------------------------------------------


def _log_of(self: Any) -> Any:
    """Return the log of a logged deque; None of one that is free, or from now on is."""
    if type(self) is not self.__logged__:
        return None
    log: _Log = self.__saved__
    if len(log.steps) > len(self.__items__):
        copy_before(self)
        return None
    return log


# Each does the operation first and notes it then without a call: a snippet near its recursion limit may be stopped at
# any call, and what is noted must have happened, what has happened be noted.


def _logged_append(self: Any, item: Any, /) -> None:
    log = _log_of(self)
    items = self.__items__
    if log is None:
        items.append(item)
    elif len(items) == items.maxlen:
        dropped = items[0]
        items.append(item)
        log.steps += (("appendleft", 0, dropped), ("pop", 0, None))
        log.left -= log.left > 0
        log.shift -= 1
        log.right += 1
    else:
        items.append(item)
        log.steps += (("pop", 0, None),)
        log.right += 1


def _logged_appendleft(self: Any, item: Any, /) -> None:
    log = _log_of(self)
    items = self.__items__
    if log is None:
        items.appendleft(item)
    elif len(items) == items.maxlen:
        dropped = items[-1]
        items.appendleft(item)
        log.steps += (("append", 0, dropped), ("popleft", 0, None))
        log.right -= log.right > 0
        log.shift += 1
        log.left += 1
    else:
        items.appendleft(item)
        log.steps += (("popleft", 0, None),)
        log.shift += 1
        log.left += 1


def _logged_pop(self: Any) -> Any:
    log = _log_of(self)
    item = self.__items__.pop()
    if log is not None:
        log.steps += (("append", 0, item),)
        log.right -= log.right > 0
    return item


def _logged_popleft(self: Any) -> Any:
    log = _log_of(self)
    item = self.__items__.popleft()
    if log is not None:
        log.steps += (("appendleft", 0, item),)
        log.left -= log.left > 0
        log.shift -= 1
    return item


def _logged_extend(self: Any, items: Iterable[Any], /) -> None:
    items = _inside(items)
    for item in list(items) if items is self.__items__ else items:
        self.append(item)


def _logged_extendleft(self: Any, items: Iterable[Any], /) -> None:
    items = _inside(items)
    for item in list(items) if items is self.__items__ else items:
        self.appendleft(item)


def _logged_setitem(self: Any, index: Any, value: Any) -> None:
    log = _log_of(self)
    if log is not None and type(index) is not int:
        copy_before(self)
        log = None
    items = self.__items__
    if log is None:
        items[index] = value
        return
    old = items[index]
    items[index] = value
    place = index if index >= 0 else index + len(items)
    log.steps += (("", place, old),)
    log.places[place - log.shift] = None


give_name(Deque, "deque", "collections")
MutableSequence.register(Deque)
make_states(
    Deque,
    "__setitem__ __delitem__ __iadd__ __imul__ append appendleft pop popleft extend extendleft rotate insert remove "
    "reverse clear",
    {},
    {
        "__setitem__": _logged_setitem,
        "__iadd__": vars(Deque)["__iadd__"],
        "append": _logged_append,
        "appendleft": _logged_appendleft,
        "pop": _logged_pop,
        "popleft": _logged_popleft,
        "extend": _logged_extend,
        "extendleft": _logged_extendleft,
    },
)
