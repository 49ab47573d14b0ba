"""A large deque: what stands in a Deque of the heap in place of a plain one that would be too large.

    PagedDeque = PagedList (objserver/heap/paged_list.py), quick at both ends, of bounded length

Promise: what CPython's deque would do (tests/heap/test_kinds.py), its iterators included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from . import paged_list
from .paged_list import PagedList, index_of, message_of
from .work import metered, pay_for

if TYPE_CHECKING:
    from .pager import Pager

__all__ = ["PagedDeque"]

# Steps of a rotation that are taken one by one.
_ROTATE_COUNT_MAX: Final = 1_000

# What CPython says, with 0 for the item.
_NOT_REMOVED: Final = message_of(lambda: deque[int]().remove(0))


class DequeIterator:
    """The items of a deque, as long as it stays what it is. One that is over raises as well: so does CPython's, but not
    that of `reversed`."""

    __slots__ = ("__deque__", "__ends__", "__rest__", "__version__")

    __deque__: PagedDeque | None
    __ends__: bool
    __rest__: Iterator[Any]
    __version__: int

    def __iter__(self) -> DequeIterator:
        return self

    def __next__(self) -> Any:
        if self.__deque__ is not None and self.__version__ != self.__deque__.version:
            raise RuntimeError("deque mutated during iteration")
        for item in self.__rest__:
            return item
        if self.__ends__:
            self.__deque__ = None
        raise StopIteration


class PagedDeque(PagedList):
    """Items by index, quick at both ends; of bounded length when it has a `maxlen`."""

    __slots__ = ("maxlen",)

    maxlen: int | None

    @classmethod
    def make(cls, pager: Pager, items: Any) -> Any:
        """Return one that holds the items of a plain deque."""
        made = super().make(pager, items)
        made.maxlen = items.maxlen
        return made

    _name = "deque"
    _out_of_range = "deque index out of range"
    _nothing_to_pop = "pop from an empty deque"

    def _absent(self, item: Any) -> str:
        return f"{item!r} is not in deque"

    def _not_removed(self, item: Any) -> str:
        return _NOT_REMOVED.replace("0", repr(item))

    def __getitem__(self, index: Any) -> Any:
        return PagedList.__getitem__(self, index_of(index, "deque"))

    def __setitem__(self, index: Any, value: Any) -> None:
        PagedList.__setitem__(self, index_of(index, "deque"), value)

    def __delitem__(self, index: Any) -> None:
        PagedList.__delitem__(self, index_of(index, "deque"))

    def __iter__(self) -> Iterator[Any]:
        return self._steady(self._walk(0), ends=False)

    def __reversed__(self) -> Iterator[Any]:
        return self._steady(PagedList.__reversed__(self), ends=True)

    def _steady(self, items: Iterator[Any], *, ends: bool) -> DequeIterator:
        # It has no constructor: a snippet can get hold of its class.
        made = DequeIterator()
        made.__deque__, made.__rest__, made.__version__, made.__ends__ = self, items, self.version, ends
        return made

    def append(self, item: Any) -> None:
        PagedList.append(self, item)
        if self.maxlen is not None and self.length > self.maxlen:
            self.popleft()

    def appendleft(self, item: Any) -> None:
        head = self.head
        head.insert(0, item)
        self.length += 1
        self.version += 1
        self.stamp += 1
        if len(head) >= paged_list.LEAF_COUNT:
            self._push(self._own_head(), left=True)
            self.head = []
        if self.maxlen is not None and self.length > self.maxlen:
            PagedList.pop(self)

    def extendleft(self, items: Iterable[Any]) -> None:
        for item in metered(self.copy() if items is self else items):
            self.appendleft(item)

    def popleft(self) -> Any:
        if not self.length:
            raise IndexError("pop from an empty deque")
        return self._pop_first()

    def rotate(self, count: int) -> None:
        steps = index_of(count) % self.length if self.length else 0
        pay_for(min(steps, self.length - steps, _ROTATE_COUNT_MAX))
        if self.length > 1:
            self.version += 1  # CPython's iterators notice that of no step, too
        if steps <= _ROTATE_COUNT_MAX:
            for _ in range(steps):
                self.appendleft(PagedList.pop(self))
        elif self.length - steps <= _ROTATE_COUNT_MAX:
            for _ in range(self.length - steps):
                PagedList.append(self, self.popleft())
        else:
            self._become(PagedList.copy(self), lambda items: items.rotate(count))

    def reverse(self) -> None:
        version = self.version
        self._become(PagedList.copy(self), deque.reverse)
        self.version = version  # CPython's iterators go on

    def repeat(self, count: int) -> None:
        """Be what it is so many times: `*=`."""
        if count != 1:
            self._become(PagedList.copy(self), lambda items: items.__imul__(count))

    def _become(self, items: list[Any], change: Callable[[deque[Any]], object]) -> None:
        """Take what a plain deque of the items is after a change: in place, so that who walks over it notices."""
        plain = deque(items, self.maxlen)
        change(plain)
        self._replace(0, self.length, list(plain))

    def insert(self, index: Any, item: Any) -> None:
        place = index_of(index)
        if self.maxlen is not None and self.length >= self.maxlen:
            raise IndexError("deque already at its maximum size")
        PagedList.insert(self, place, item)

    def empty(self) -> Any:
        return deque(maxlen=self.maxlen)

    def copy(self) -> Any:
        """Return a plain deque."""
        return deque(PagedList.copy(self), self.maxlen)
