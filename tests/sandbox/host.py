"""A host as small as can be: roots in a dict, plain dict and list, a set that keeps its order."""

from __future__ import annotations

import collections
import datetime
import decimal
import random
from collections.abc import Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from types import FunctionType
from typing import Any

from sortedcontainers import SortedDict

from sandbox import DECIMAL_CONTEXT, Cell, Fuel, Hooks, compile_cell, make_builtins, make_library

CONTAINERS = (collections.Counter, collections.OrderedDict, SortedDict, collections.defaultdict, collections.deque)


class Class(type):
    """The class of the snippets' classes."""

    def __setattr__(cls, name: str, value: Any) -> None:
        if "__library__" in cls.__dict__:
            raise TypeError(f"cannot set {name!r} of {cls.__name__!r}")
        super().__setattr__(name, value)


class Object(metaclass=Class):
    """The base of the snippets' classes. Shows no address."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"


class Ordered(AbstractSet[Any]):
    """What sets in order of insertion have in common."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items = dict.fromkeys(items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class OrderedSet(Ordered, MutableSet[Any]):
    """A set in order of insertion."""

    def add(self, item: Any) -> None:
        self._items[item] = None

    def discard(self, item: Any) -> None:
        self._items.pop(item, None)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self._items))}}}" if self._items else "set()"


class OrderedFrozenSet(Ordered):
    """A frozenset in order of insertion."""

    __frozen__ = True

    def __hash__(self) -> int:
        return self._hash()

    def __repr__(self) -> str:
        return f"frozenset({{{', '.join(map(repr, self._items))}}})" if self._items else "frozenset()"


def _make_class(name: str, bases: tuple[type, ...], body: dict[str, Any], /, **keywords: Any) -> type:
    kind = next((type(base) for base in bases if issubclass(type(base), Class)), Class)
    made: Any = type.__new__(kind, name, bases, body, **keywords)
    if hasattr(kind, "__complete__"):
        kind.__complete__(made, {})
    return made  # type: ignore[no-any-return]


class Host:
    """Runs cells. `roots` is the namespace, `stores` every call of a hook that changes a root."""

    def __init__(self, fuel: int = 100_000) -> None:
        self.fuel_count = fuel
        self.stores: list[tuple[str, str]] = []
        self.definitions: dict[str, tuple[str, int, str]] = {}
        self.output = ""
        host = self

        class Root(dict[str, Any]):
            def __setitem__(self, name: str, value: Any) -> None:
                host.stores.append(("bind", name))
                host.roots[name] = value

        self.random = random.Random(0)
        self.roots: dict[str, Any] = {}
        hooks = Hooks(
            dict_type=dict, list_type=list, set_type=OrderedSet,
            frozenset_type=OrderedFrozenSet, collections={cls.__name__: cls for cls in CONTAINERS},
            named_tuple=lambda *parts: collections.namedtuple(*parts[:2], rename=True, defaults=parts[2]),
            object_type=Object, typeof=type, root=Root(),
            unbind=self._unbind, define=self._define, decorated=lambda *_: lambda value: value,
            undefine=lambda name: None, rootclass=_make_class,
            localclass=_make_class, class_kind=Class, instance_type=Object, namespace=self.roots,
            set_attribute=object.__setattr__, delete_attribute=object.__delattr__, write_output=self._write,
            now=lambda: datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), random=lambda: self.random,
        )
        self.library = make_library(hooks)
        self.builtins = make_builtins(hooks, self.library)
        self.roots["__builtins__"] = self.builtins
        self.fuel = Fuel(self.builtins)

    def _unbind(self, name: str) -> None:
        if name not in self.roots:
            raise NameError(f"name {name!r} is not defined")
        self.stores.append(("unbind", name))
        del self.roots[name]

    def _define(self, name: str, source: str, first_line: int, kind: str) -> Any:
        def bind(value: Any) -> Any:
            self.stores.append(("define", name))
            self.definitions[name] = (source, first_line, kind)
            return value

        return bind

    def _write(self, text: str) -> None:
        self.output += text

    def start(self, cell: Cell, **arguments: Any) -> Any:
        self.fuel.refill(self.fuel_count)
        with decimal.localcontext(DECIMAL_CONTEXT):
            return FunctionType(cell.code, self.roots)(**arguments)

    def run(self, source: str, *, read_only: bool = False, **arguments: Any) -> Any:
        return self.start(compile_cell(source, tuple(arguments), read_only=read_only), **arguments)
