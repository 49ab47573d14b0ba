"""Containers of the heap: what they have in common, and dict and list: what a snippet gets for `dict(...)`, and what
its literals become when they are kept. set is in sets.py, deque in deques.py, the kinds of dict in dict_kinds.py.

They hold a plain container each and do not inherit from one, so no C function can read or change them behind the heap's
back. Everything a snippet may call is here; everything the heap needs has a name in double underscores, which a snippet
can't spell:

    __items__   the plain dict, list or deque (a set keeps its items as the keys of a dict, in insertion order), or what
                stands in its place when it is large
    __form__    what kind of plain container that is, as the heap sees it: "dict", "list", "set" or "deque"
    __oid__     the object's number, 0 while it is new        __heap__   the heap it belongs to, None while it is new
    __saved__   what undo needs, while a snippet changes it
    __laid__    whether the layout of the plain dict is known (objserver/heap/layout.py)
    __text__    what the engine keeps of a clean container that was sent (objserver/engine/texts.py); None otherwise

Promise: whatever the state (objserver/heap/states.py), results, exceptions and order are those of CPython's containers
(tests/engine/test_containers.py, tests/heap/test_cpython_cases.py). A dict or list derived from one (a copy, a slice, a
sum) is a plain, new one.

A large container holds something else than a plain one, which does the same: a PagedDict, PagedList or PagedDeque,
whose items stay on disk and which keeps what undo needs by itself. When a snippet ends, the heap puts one in the place
of the other, as their count asks for. Of a plain one undo keeps a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence, Sized
from operator import is_
from types import FunctionType
from typing import Any, ClassVar, Final

from .atoms import ATOMS
from .layout import laid
from .paged_dict import MISSING, PagedDict, plain_copy
from .paged_list import PagedList, plain_list
from .states import clean_twin, ghost_twin
from .work import FREE_COUNT, given, pay

__all__ = [
    "DICTS",
    "LISTS",
    "MISSING",
    "OWNER_COUNT",
    "PAGED",
    "REPEATED_COUNT_MAX",
    "RIGHT_FIRST",
    "STATES",
    "VALUES",
    "Container",
    "ContainerType",
    "Dict",
    "List",
    "bounded_count",
    "clean_dict_pop",
    "clean_dict_setdefault",
    "forget_text",
    "give_name",
    "give_unbound",
    "is_own",
    "items_of",
    "make_states",
    "nested_repr",
    "plain",
    "repeats",
    "touch_clean",
]

# What holds the items of a dict, plain or in pieces; and of a list; and of any, in pieces. `make_states` adds to that.
DICTS: Final[frozenset[type]] = frozenset({dict, PagedDict})
LISTS: Final[frozenset[type]] = frozenset({list, PagedList})
PAGED: Final[set[type]] = {PagedDict}

# Documents that a part of theirs notes before it looks which of them still have their JSON: the least bound, see
# objserver/engine/texts.py.
OWNER_COUNT: Final = 8

# Items of a sequence that `*` makes in one step.
REPEATED_COUNT_MAX: Final = 10_000_000

# What never has an operator of a client's.
VALUES: Final[frozenset[type]] = ATOMS | {tuple}

# Every state class of the containers -> its public class. Filled by `make_states`.
STATES: Final[dict[type, Any]] = {}

# Those of the kinds of dict whose own `|` comes first when they stand on the right.
RIGHT_FIRST: Final[set[type]] = set()

# Those of dict, its kinds, and list, whose items are what a plain one holds.
_PLAIN_INSIDE: Final[set[type]] = set()


class ContainerType(type):
    """Metaclass: `isinstance([], list)` holds for plain containers too, and the classes can't be changed."""

    __plain_types__: tuple[type, ...] = ()

    def __instancecheck__(cls, instance: object) -> bool:
        kind = type(instance)
        if type.__instancecheck__(cls, instance) or kind in cls.__plain_types__:
            return True
        # Of a client's class that derives from `list`, `dict` or `set`.
        return getattr(kind, "__acts_as__", None) is cls

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(cls, subclass) or getattr(subclass, "__acts_as__", None) is cls

    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError(f"cannot set {name!r} attribute of immutable type {cls.__name__!r}")

    def __delattr__(cls, name: str) -> None:
        raise TypeError(f"cannot delete {name!r} attribute of immutable type {cls.__name__!r}")


class _Unbound:
    """A method asked of the class, such as `list.append`: found before the class's own, as a data descriptor of the
    metaclass. Called with an object it calls that object's method, whatever its state; the class's own would pass
    by the heap."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: dict[type, Any] = {}  # public class -> what `list.append` is, one object each time

    def __get__(self, cls: Any, metaclass: type) -> Any:
        public = STATES.get(cls, cls)
        found = self._calls.get(public)
        if found is None:
            found = self._calls[public] = self._make(public)
        return found

    def _make(self, public: Any) -> Any:
        name = self._name
        if not any(name in vars(base) for base in public.__mro__):
            raise AttributeError(f"type object {public.__name__!r} has no attribute {name!r}")

        def call(obj: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(obj, public):
                raise TypeError(f"{public.__name__}.{name} needs a {public.__name__}, not a {type(obj).__name__}")
            return getattr(obj, name)(*args, **kwargs)

        call.__name__ = call.__qualname__ = name
        return call

    def __set__(self, cls: Any, value: object) -> None:
        ContainerType.__setattr__(cls, self._name, value)


class Container(metaclass=ContainerType):
    """What all have in common."""

    __slots__ = ("__heap__", "__items__", "__laid__", "__oid__", "__saved__", "__text__")
    __items__: Any
    __oid__: int
    __heap__: Any
    __saved__: Any
    __laid__: int | None
    __text__: Any

    __form__: ClassVar[str]
    __paged__: ClassVar[Any]  # what holds the items of a large one

    # The states of each class, set by `make_states`.
    __free__: ClassVar[Any]
    __clean__: ClassVar[Any]
    __ghost__: ClassVar[Any]

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.__items__)

    def __contains__(self, item: object) -> bool:
        return item in self.__items__

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = iter(self.__items__)
        return found

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = reversed(self.__items__)
        return found

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __class_getitem__(cls, item: object) -> type:
        return cls

    def __keep__(self) -> None:
        """Keep what undo needs and become free.

        In this order: a snippet near its recursion limit may be stopped between any two calls.
        """
        if self.__text__ is not None:
            self.__text__ = forget_text(self.__text__)
        items = self.__items__
        if type(items) in PAGED:
            items.begin()
            self.__saved__ = items
        else:
            self.__saved__ = items.copy()
        self.__class__ = self.__free__

    def __undo__(self) -> None:
        if type(self.__saved__) in PAGED:
            self.__saved__.undo()
        self.__items__ = self.__saved__

    def __empty__(self) -> None:
        """Be empty; iterations that are under way notice."""
        self.__items__.clear()
        if type(self.__items__) in PAGED:
            self.__items__ = self.__items__.empty()

    def __show__(self) -> str:
        """Return the repr; the items have no part of the object itself in them."""
        return repr(self.__items__)

    def __content__(self) -> Any:
        """Return what a record keeps, as a plain container of values."""
        return self.__items__

    def __restore__(self, content: Any) -> None:
        """Take what `__content__` gave."""
        self.__items__ = content

    def __drop__(self) -> None:
        """Give up the items and what is kept beside them: the object becomes a ghost."""
        if type(self.__items__) in PAGED:
            self.__items__.kept.drop()
        del self.__items__
        if self.__text__ is not None:
            forget_text(self.__text__)
            self.__text__ = None

    def __beside__(self) -> tuple[Any, ...]:
        """Return what belongs to the object beside its items: (its one other value,), or ()."""
        return ()


def forget_text(text: Any) -> Any:
    """Take back the JSON of a container and of the documents it is in; return what is left of its `__text__`."""
    if type(text) is not list:
        return None
    text[0] = None
    if len(text) > 2:
        for owner in text[2:]:
            owner[0] = None
        # They note it again when they have JSON again: a part of very many that is changed again has nothing to do.
        text[1:] = (OWNER_COUNT,)
    return text


def plain(value: Any) -> Any:
    """Return the plain dict or list that holds the items of a Dict or List, loaded; any other value as it is."""
    return items_of(value) if type(value) in _PLAIN_INSIDE else value


def bounded_count(items: Sized, count: Any) -> bool:
    """Whether a sequence can be repeated `count` times: by a number, and to no more items than the language allows.

    Here as well as in the language, which does not know an object in another state than free.
    """
    if type(count) is not int and type(count) is not bool:
        return False
    if len(items) * count > REPEATED_COUNT_MAX:
        raise OverflowError(
            f"the repeated sequence would have {len(items) * count} items, more than {REPEATED_COUNT_MAX}"
        )
    return True


def repeats(items: Sized, count: Any) -> bool:
    """The same for the left side of `*`, which tells a value of another type than a number so, as CPython does."""
    if type(count) in VALUES and type(count) is not int and type(count) is not bool:
        raise TypeError(f"can't multiply sequence by non-int of type {type(count).__name__!r}")
    return bounded_count(items, count)


def items_of(obj: Any) -> Any:
    """Return the plain container in `obj`, loaded."""
    if type(obj) is obj.__ghost__:
        obj.__heap__.load(obj)
    return obj.__items__


# --- dict ---------------------------------------------------------------------------------------------------------


class Dict(Container):
    """dict, in insertion order."""

    __slots__ = ()
    __plain_types__: tuple[type, ...] = (dict,)
    __form__ = "dict"
    __paged__: ClassVar[Any] = PagedDict

    def __init__(self, source: Any = (), /, **entries: Any) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = items = dict(plain_copy(plain(source)), **entries)
        if len(items) >= FREE_COUNT:
            pay(items)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None, /) -> dict[Any, Any]:
        return dict.fromkeys(given(keys), value)

    def __getitem__(self, key: Any) -> Any:
        return self.__items__[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__items__[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.__items__[key]

    def __eq__(self, other: object) -> bool:
        other = plain(other)
        return self.__items__ == other if type(other) in DICTS else NotImplemented

    def __or__(self, other: Any) -> dict[Any, Any]:
        if type(other) in RIGHT_FIRST:
            return NotImplemented
        other = plain(other)
        return laid(self) | other if type(other) in DICTS else NotImplemented

    def __ror__(self, other: Any) -> dict[Any, Any]:
        return other | self.__items__ if type(other) in DICTS else NotImplemented

    def __ior__(self, other: Any) -> Dict:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return nested_repr(self, "{...}")

    def get(self, key: Any, default: Any = None, /) -> Any:
        return self.__items__.get(key, default)

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = iter(laid(self))
        return found

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = reversed(laid(self))
        return found

    def keys(self) -> Any:
        return laid(self).keys()

    def values(self) -> Any:
        return laid(self).values()

    def items(self) -> Any:
        return laid(self).items()

    def copy(self) -> dict[Any, Any]:
        return laid(self).copy()  # type: ignore[no-any-return]

    def setdefault(self, key: Any, default: Any = None, /) -> Any:
        return self.__items__.setdefault(key, default)

    def pop(self, key: Any, default: Any = MISSING, /) -> Any:
        return self.__items__.pop(key) if default is MISSING else self.__items__.pop(key, default)

    def popitem(self) -> tuple[Any, Any]:
        return self.__items__.popitem()  # type: ignore[no-any-return]

    def update(self, source: Any = (), /, **entries: Any) -> None:
        self.__items__.update(plain(source), **entries)

    def clear(self) -> None:
        self.__empty__()


def is_own(key: Any) -> bool:
    """Whether Python's own code alone hashes and compares `key`."""
    return type(key) in ATOMS or (type(key) is tuple and ATOMS.issuperset(map(type, key)))


def clean_dict_setitem(self: Any, key: Any, value: Any) -> None:
    # As the twin that is made for other methods, without the tuple and the dict of arguments: most changes come here.
    if type(self) is self.__clean__:
        self.__heap__.touch(self)
    self.__items__[key] = value


def clean_dict_setdefault(self: Any, key: Any, default: Any = None, /) -> Any:
    if key not in self.__items__:
        self[key] = default
    return self.__items__[key]


def clean_dict_pop(self: Any, key: Any, default: Any = MISSING, /) -> Any:
    items = self.__items__
    if default is not MISSING and not (items and key in items):  # CPython does not ask for a hash when it is empty
        return default
    touch_clean(self)
    return self.pop(key) if default is MISSING else self.pop(key, default)


# --- list ---------------------------------------------------------------------------------------------------------


class List(Container):
    """list."""

    __slots__ = ()
    __plain_types__ = (list,)
    __form__ = "list"
    __paged__ = PagedList

    def __init__(self, source: Iterable[Any] = (), /) -> None:
        self.__oid__ = 0
        self.__heap__ = None
        self.__items__ = items = list(source)
        if len(items) >= FREE_COUNT:
            pay(items)

    def __getitem__(self, index: Any) -> Any:
        return self.__items__[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if type(index) is slice:
            # CPython would write past the end of a list that the items of `value` make shorter (cpython gh-120384).
            value = list(_assignable(value, index))
        self.__items__[index] = value

    def __delitem__(self, index: Any) -> None:
        del self.__items__[index]

    def __add__(self, other: Any) -> list[Any]:
        items = plain(other)
        if type(items) not in LISTS:
            if type(other) in VALUES or type(other) in STATES:
                raise TypeError(f'can only concatenate list (not "{type(other).__name__}") to list')
            return NotImplemented  # an instance may have an __radd__
        return self.__items__ + plain_list(items)  # type: ignore[no-any-return]

    def __radd__(self, other: Any) -> list[Any]:
        return other + self.__items__ if type(other) in LISTS else NotImplemented

    def __iadd__(self, other: Iterable[Any]) -> List:  # type: ignore[misc]
        self.extend(other)
        return self

    def __mul__(self, count: Any) -> list[Any]:
        return self.__items__ * count if repeats(self.__items__, count) else NotImplemented

    def __rmul__(self, count: Any) -> list[Any]:
        return self.__items__ * count if bounded_count(self.__items__, count) else NotImplemented

    def __imul__(self, count: Any) -> List:
        if not repeats(self.__items__, count):
            return NotImplemented
        items = self.__items__
        if type(items) is list:
            items *= count
        else:
            items[:] = items * count  # in place, as all below: who walks over it goes on in what it has become
        return self

    def __eq__(self, other: object) -> bool:
        other = plain(other)
        return self.__items__ == other if type(other) in LISTS else NotImplemented

    def __lt__(self, other: Any) -> bool:
        other = plain(other)
        return self.__items__ < other if type(other) in LISTS else NotImplemented

    def __le__(self, other: Any) -> bool:
        other = plain(other)
        return self.__items__ <= other if type(other) in LISTS else NotImplemented

    def __gt__(self, other: Any) -> bool:
        other = plain(other)
        return self.__items__ > other if type(other) in LISTS else NotImplemented

    def __ge__(self, other: Any) -> bool:
        other = plain(other)
        return self.__items__ >= other if type(other) in LISTS else NotImplemented

    def __repr__(self) -> str:
        return nested_repr(self, "[...]")

    def append(self, item: Any, /) -> None:
        self.__items__.append(item)

    def extend(self, items: Iterable[Any], /) -> None:
        self.__items__.extend(plain(items))  # plain: a list extended by itself must end

    def insert(self, index: int, item: Any, /) -> None:
        self.__items__.insert(index, item)

    def pop(self, index: int = -1, /) -> Any:
        return self.__items__.pop(index)

    def remove(self, item: Any, /) -> None:
        self.__items__.remove(item)

    def clear(self) -> None:
        self.__empty__()

    def reverse(self) -> None:
        items = self.__items__
        if type(items) is list:
            items.reverse()
        else:
            items[:] = list(reversed(items))

    def sort(self, *, key: Callable[[Any], Any] | None = None, reverse: bool = False) -> None:
        # Not in place: list.sort empties the list while it calls user code, and leaves it half sorted when that fails.
        items = self.__items__
        ordered = before = items.copy()
        stamp = None if type(items) is list else items.stamp
        try:
            ordered = sorted(before, key=key, reverse=reverse)
        finally:
            if stamp is None:
                changed = len(items) != len(before) or not all(map(is_, items, before))
            else:
                changed = items.stamp != stamp
            items[:] = ordered
        if changed:
            raise ValueError("list modified during sort")

    def copy(self) -> list[Any]:
        return self.__items__.copy()  # type: ignore[no-any-return]

    def index(self, item: Any, /, *bounds: int) -> int:
        return self.__items__.index(item, *bounds)  # type: ignore[no-any-return]

    def count(self, item: Any, /) -> int:
        return self.__items__.count(item)  # type: ignore[no-any-return]


def _assignable(value: Any, index: slice) -> Iterator[Any]:
    if type(index.step) is int and index.step == 0:
        raise ValueError("slice step cannot be zero")  # before anything is asked of `value`
    try:
        return iter(value)
    except TypeError:
        nothing: list[Any] = []
    nothing[index] = value  # raises what CPython says of it
    raise AssertionError


# --- repr ---------------------------------------------------------------------------------------------------------

_printing: set[int] = set()


def nested_repr(obj: Any, again: str) -> str:
    """Return CPython's repr of the items; `again` inside itself, as CPython does for cycles."""
    if id(obj) in _printing:
        return again
    _printing.add(id(obj))
    try:
        return str(obj.__show__())
    finally:
        _printing.discard(id(obj))


# --- the states of each -------------------------------------------------------------------------------------------


def touch_clean(self: Any) -> None:
    """Let a clean container become free; one that is already, through a bound method, is left alone."""
    if type(self) is self.__clean__:
        self.__heap__.touch(self)


_INTERNAL: Final = frozenset(
    {
        "__beside__",
        "__class_getitem__",
        "__content__",
        "__drop__",
        "__empty__",
        "__init__",
        "__keep__",
        "__restore__",
        "__show__",
        "__undo__",
    }
)


def make_states(cls: Any, writes: str, **clean: Any) -> None:
    """Give `cls` its states; `clean` are methods of a clean one that may turn out to change nothing."""
    body: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        body |= vars(base)
    names = [name for name, value in body.items() if callable(value) and isinstance(value, FunctionType)]
    properties = [name for name, value in body.items() if isinstance(value, property)]
    states = {
        "__free__": cls,
        "__clean__": clean_twin(cls, [name for name in writes.split() if name not in clean], **clean),
        "__ghost__": ghost_twin(cls, [name for name in names if name not in _INTERNAL], properties),
    }
    PAGED.add(cls.__paged__)
    for name, state in states.items():
        type.__setattr__(cls, name, state)
        STATES[state] = cls
        if cls.__paged__ in DICTS | LISTS and cls.__form__ != "set":
            _PLAIN_INSIDE.add(state)
    give_unbound(names)


def give_unbound(names: Iterable[str]) -> None:
    """Let these methods be asked of the classes."""
    for name in names:
        if not name.startswith("_") and name not in vars(ContainerType):
            type.__setattr__(ContainerType, name, _Unbound(name))


def give_name(cls: Any, name: str, module: str = "builtins") -> None:
    """Let a class be called as CPython's is."""
    for attribute, value in (("__name__", name), ("__qualname__", name), ("__module__", module)):
        type.__setattr__(cls, attribute, value)


give_name(Dict, "dict")
MutableMapping.register(Dict)
make_states(
    Dict,
    "__setitem__ __delitem__ __ior__ setdefault pop popitem update clear",
    __setitem__=clean_dict_setitem,
    setdefault=clean_dict_setdefault,
    pop=clean_dict_pop,
)

give_name(List, "list")
MutableSequence.register(List)
make_states(
    List,
    "__setitem__ __delitem__ __iadd__ __imul__ append extend insert pop remove clear reverse sort",
)
