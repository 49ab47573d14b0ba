"""Views of a large dict: what `keys()`, `values()` and `items()` give a snippet, as CPython's do of a plain one.

They follow the dict as it changes. Operators between views give plain sets, as CPython's do; the language puts these in
order.

Promise: results and exceptions are those of CPython's views (tests/heap/test_containers.py).
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from typing import Any

from .work import metered

__all__ = ["Items", "Keys", "Values", "view"]


class _View:
    __slots__ = ("__of__",)
    __of__: Any

    def __init__(self, *args: Any, **words: Any) -> None:
        raise TypeError(f"cannot create {type(self).__name__!r} instances")

    def __len__(self) -> int:
        return len(self.__of__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("each view has its own")


class _SetView(_View):
    """What keys and items share: they compare and combine as sets."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, item: object) -> bool:
        raise AssertionError("each view has its own")

    def __eq__(self, other: object) -> bool:
        return len(self) == len(other) and _all_in(other, self) if _is_set(other) else NotImplemented  # type: ignore[arg-type]

    def __le__(self, other: Any) -> bool:
        return len(self) <= len(other) and _all_in(self, other) if _is_set(other) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return len(self) < len(other) and _all_in(self, other) if _is_set(other) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return len(self) >= len(other) and _all_in(other, self) if _is_set(other) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return len(self) > len(other) and _all_in(other, self) if _is_set(other) else NotImplemented

    def __and__(self, other: Iterable[Any]) -> set[Any]:
        return {item for item in metered(other) if item in self}

    def __or__(self, other: Iterable[Any]) -> set[Any]:
        return {*self, *other}

    def __sub__(self, other: Iterable[Any]) -> set[Any]:
        return set(self).difference(other)

    def __xor__(self, other: Iterable[Any]) -> set[Any]:
        return set(self).symmetric_difference(other)

    def __rand__(self, other: Iterable[Any]) -> set[Any]:
        return {item for item in metered(other) if item in self}

    def __ror__(self, other: Iterable[Any]) -> set[Any]:
        return {*other, *self}

    def __rsub__(self, other: Iterable[Any]) -> set[Any]:
        return {item for item in metered(other) if item not in self}

    def __rxor__(self, other: Iterable[Any]) -> set[Any]:
        return set(other).symmetric_difference(self)

    def isdisjoint(self, other: Iterable[Any]) -> bool:
        return not any(item in self for item in metered(other))


class Keys(_SetView):
    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return key in self.__of__

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__of__)

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = reversed(self.__of__)
        return found


class Values(_View):
    __slots__ = ()

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self.__of__.__walk__())

    def __reversed__(self) -> Iterator[Any]:
        return (value for _, value in self.__of__.__walk__(backwards=True))


class Items(_SetView):
    __slots__ = ()

    def __contains__(self, item: object) -> bool:
        if type(item) is not tuple or len(item) != 2:
            return False
        key, value = item
        missing = self.__of__
        found = self.__of__.get(key, missing)
        return found is not missing and bool(found is value or found == value)

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self.__of__.__walk__()
        return found

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = self.__of__.__walk__(backwards=True)
        return found


def view(kind: type[_View], items: Any) -> Any:
    """Return a view of something that has what a PagedDict has."""
    made = object.__new__(kind)
    made.__of__ = items
    return made


def _is_set(value: object) -> bool:
    return isinstance(value, set | frozenset | KeysView | ItemsView) or hasattr(type(value), "__frozen__")


def _all_in(first: Iterable[Any], second: Any) -> bool:
    return all(item in second for item in metered(first))


for _view, _name, _kind in (
    (Keys, "dict_keys", KeysView),
    (Values, "dict_values", ValuesView),
    (Items, "dict_items", ItemsView),
):
    _view.__name__ = _view.__qualname__ = _name
    _view.__module__ = "builtins"
    _kind.register(_view)
