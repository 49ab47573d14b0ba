"""Instances of the classes that clients define, and those classes.

An instance keeps its attributes in an ordinary `__dict__`, so a method reads and writes them at CPython's own speed
once the instance is free (objserver/heap/states.py). Its clean twin notices the first assignment, its ghost twin the
first touch of any kind. A class is itself an object of the heap: source, version, and attributes, of which the
functions are kept as their place in the source and the rest as values.  A class that is defined again keeps its
identity: the class that exists takes over the new body, so every living instance, loaded or not, follows at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CellType, CodeType, FunctionType
from typing import Any, ClassVar, Final

__all__ = [
    "MODULE",
    "ClassMethod",
    "CodeInfo",
    "HeapClass",
    "KEY_METHODS",
    "KINDS",
    "KINDS_ABOVE",
    "Instance",
    "Version",
    "attributes",
    "check_keyed",
    "class_body",
    "clear_bases",
    "delete_attribute",
    "enroll",
    "functions_of",
    "heap_of",
    "is_code",
    "is_known",
    "is_redefined",
    "keep",
    "keep_class",
    "kind_of",
    "make_class",
    "make_twins",
    "mark_keyed",
    "oid_of",
    "outdate",
    "restore",
    "saved_of",
    "set_attribute",
    "set_attributes",
    "set_class",
    "set_saved",
    "set_shape",
    "shape_of",
    "stale_twin",
    "take_over",
    "tree",
    "undo_class",
]

# What CPython leaves out of the repr of a class: a client's class has no module.
MODULE: Final = "builtins"

# What decides the place of a key.
KEY_METHODS: Final = ("__hash__", "__eq__")

# Part of every class, and not of what the client wrote.
CLASS_INTERNALS: Final = frozenset(
    {
        "__classcell__",
        "__dict__",
        "__firstlineno__",
        "__info__",
        "__module__",
        "__qualname__",
        "__slots__",
        "__static_attributes__",
        "__weakref__",
    }
)


class Version:
    """One text of a class or function: an object of the heap that never changes, which all that runs from it refers
    to (objserver/heap/closures.py)."""

    __slots__ = (
        "__weakref__", "author", "codes", "generated", "homes", "nonlocals", "number", "oid", "path", "source",
        "time_ns",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        number: int,
        source: str,
        author: str,
        time_ns: int,
        codes: Mapping[tuple[str, int], CodeType],
        nonlocals: frozenset[str] = frozenset(),
        generated: str = "",
    ) -> None:
        self.oid = 0
        self.path = path  # the name, for a class in a class behind that of the other
        self.number = number  # from 1; each new text under the same name adds one
        self.source = source
        self.author = author  # the principal whose snippet it was
        self.time_ns = time_ns  # of that snippet's entry in the log
        self.codes = codes  # (qualified name, line in the source) -> code
        self.nonlocals = nonlocals  # names that a function in the source changes in one around it
        self.generated = generated  # text of methods made for a class, such as a dataclass's
        self.homes: list[Any] = []  # the classes that have it or had it


class CodeInfo:
    """What the heap knows of a class or function that a client defined."""

    __slots__ = ("clean", "current", "ghost", "heap", "history", "keyed", "lineage", "name", "oid", "saved", "stale")

    def __init__(self, heap: Any, name: str, current: Version) -> None:
        self.heap = heap
        self.oid = 0
        self.name = name  # "" of a function that no root's `def` made
        self.current = current
        self.history: Any = None  # List of the versions before, oldest first (objserver/heap/history.py)
        self.keyed = False  # whether an instance was ever kept as a key, of it or of a class below
        self.clean: Any = None
        self.ghost: Any = None
        self.stale: Any = None  # made when it is needed
        self.lineage: Any = None  # for objserver/heap/upgrades.py; None when it has to be computed again
        self.saved: Any = None  # what undo needs, while a snippet changes the class

    @property
    def source(self) -> str:
        return self.current.source

    @property
    def version(self) -> int:
        return self.current.number

    @property
    def codes(self) -> Mapping[tuple[str, int], CodeType]:
        return self.current.codes


class HeapClass(type):
    """Metaclass of what clients define: assignments to class attributes are noticed like any other change.

    A metaclass below it, such as that of enums, may have a method `__complete__(before)`, called when a class statement
    has made or changed the class: `before` are its attributes until then, {} when it is new. Returns what to call when
    the class gets these back because a decorator raised. And `__family__(bases)`: a class keeps its identity only while
    that stays the same.
    """

    def __init_subclass__(cls) -> None:
        KINDS.add(cls)

    def __setattr__(cls, name: str, value: object) -> None:
        _touch_class(cls)
        type.__setattr__(cls, name, value)
        if name in KEY_METHODS:
            check_keyed(cls)

    def __delattr__(cls, name: str) -> None:
        _touch_class(cls)
        type.__delattr__(cls, name)


# HeapClass and the metaclasses below it: `type(cls) in KINDS` tells a class of a client from all others.
KINDS: Final[set[type]] = {HeapClass}


# The metaclass of a base that is no client's class -> that of the classes which derive from it.
KINDS_ABOVE: Final[dict[type, type]] = {}


def kind_of(bases: tuple[type, ...]) -> Any:
    """Return the metaclass of a class with these bases."""
    kind: type = HeapClass
    for base in bases:
        found = KINDS_ABOVE.get(type(base), type(base))
        if issubclass(found, kind):
            kind = found
    return kind


class Instance(metaclass=HeapClass):
    """Base of every class a client defines without another base."""

    # With __dict__ and __weakref__ here, every class below has one layout, and __class__ and __bases__ can be assigned.
    __slots__ = ("__dict__", "__heap__", "__oid__", "__saved__", "__shape__", "__weakref__")
    __info__: ClassVar[CodeInfo]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"


# Slots by descriptor: a class of a client may define __getattr__, and the twins redefine attribute access.
oid_of: Final[Any] = Instance.__dict__["__oid__"].__get__
heap_of: Final[Any] = Instance.__dict__["__heap__"].__get__
_set_oid: Final[Any] = Instance.__dict__["__oid__"].__set__
_set_heap: Final[Any] = Instance.__dict__["__heap__"].__set__
saved_of: Final[Any] = Instance.__dict__["__saved__"].__get__
set_saved: Final[Any] = Instance.__dict__["__saved__"].__set__
# The class versions it was written with, as a list that is never changed (objserver/heap/upgrades.py).
shape_of: Final[Any] = Instance.__dict__["__shape__"].__get__
set_shape: Final[Any] = Instance.__dict__["__shape__"].__set__
set_class: Final[Any] = object.__dict__["__class__"].__set__
_get: Final[Any] = object.__getattribute__
_set: Final[Any] = object.__setattr__
_delete: Final[Any] = object.__delattr__


def attributes(obj: Any) -> dict[str, Any]:
    """Return the instance's own `__dict__`, whatever its state. A ghost has an empty one."""
    found: dict[str, Any] = _get(obj, "__dict__")
    return found


def set_attributes(obj: Any, values: dict[str, Any]) -> None:
    # A dict of its own, not one split over the instances of a class: once __dict__ was looked at, CPython reads a split
    # one slower (measured: 95 ns against 120 to 150 ns for a method that adds one to an attribute).
    _set(obj, "__dict__", values)


def enroll(obj: Any, heap: Any, oid: int) -> None:
    """Make a new instance one of the heap's."""
    _set_oid(obj, oid)
    _set_heap(obj, heap)
    set_saved(obj, None)
    set_shape(obj, None)


def keep(obj: Any) -> None:
    """Keep what undo needs and become free."""
    if saved_of(obj) is None:  # it is kept already when a query upgraded the instance
        before = attributes(obj)
        set_saved(obj, before)
        set_attributes(obj, before.copy())
    set_class(obj, type(obj).__public__)


def make_class(name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
    """Return a new class without running a client's __init_subclass__, as `type` would."""
    kind = kind_of(bases)
    if issubclass(bases[0], Instance):
        cls = type.__new__(kind, name, (Instance,), body)
        if bases != (Instance,):
            type.__setattr__(cls, "__bases__", bases)
        return cls
    if issubclass(bases[0], tuple):
        body["__slots__"] = ()
    return type.__new__(kind, name, bases, body)  # exceptions: their classes have no __init_subclass__


def make_twins(cls: Any) -> None:
    """Give a client's class its clean and ghost states. Exceptions have none: their instances can't be kept."""
    info = cls.__dict__["__info__"]
    if not issubclass(cls, Instance):
        return
    info.clean = _twin(cls, _CLEAN_METHODS)
    info.ghost = _twin(cls, _GHOST_METHODS)


def stale_twin(cls: Any) -> Any:
    """Return the class of loaded instances that have to be upgraded before anything reads them."""
    info = cls.__dict__["__info__"]
    if info.stale is None:
        info.stale = _twin(cls, _GHOST_METHODS)
    return info.stale


def outdate(cls: Any) -> None:
    """Make every clean instance of a class stale, however many there are: by turning their class into another state."""
    info = cls.__dict__["__info__"]
    for name in _CLEAN_METHODS:
        type.__delattr__(info.clean, name)
    for name, method in _GHOST_METHODS.items():
        type.__setattr__(info.clean, name, method)
    info.clean = _twin(cls, _CLEAN_METHODS)


def _twin(cls: Any, methods: Mapping[str, Any]) -> Any:
    body = {"__slots__": (), "__module__": cls.__module__, "__public__": cls, **methods}
    return make_class(cls.__name__, (cls,), body)


def tree(cls: Any) -> list[Any]:
    """Return a class and the classes that clients derived from it."""
    found = [cls]
    for each in found:
        found += [
            below for below in type.__subclasses__(each) if "__info__" in below.__dict__ and below not in found
        ]
    return found


def set_attribute(obj: Any, name: str, value: object) -> None:
    """Set an attribute of an instance in whatever state, as `object` does: past a `__setattr__` of its class."""
    if "__public__" in type(obj).__dict__:
        heap = heap_of(obj)
        heap.load(obj)
        heap.touch(obj)
    _set(obj, name, value)


def delete_attribute(obj: Any, name: str) -> None:
    if "__public__" in type(obj).__dict__:
        heap = heap_of(obj)
        heap.load(obj)
        heap.touch(obj)
    _delete(obj, name)


# A class that has a `__setattr__` is asked first (frozen dataclasses, enums): it refuses, or calls set_attribute.


def _clean_setattr(self: Any, name: str, value: object) -> None:
    method = type(self).__public__.__setattr__
    if method is not _set:
        method(self, name, value)
        return
    heap_of(self).touch(self)
    setattr(self, name, value)


def _clean_delattr(self: Any, name: str) -> None:
    method = type(self).__public__.__delattr__
    if method is not _delete:
        method(self, name)
        return
    heap_of(self).touch(self)
    delattr(self, name)


def _ghost_getattribute(self: Any, name: str) -> Any:
    if name == "__class__":  # isinstance asks for it, and is no touch
        return type(self).__public__
    heap = heap_of(self)
    heap.load(self)
    try:
        return getattr(self, name)
    except AttributeError as error:
        heap.missing = error
        raise


def _ghost_getattr(self: Any, name: str) -> Any:
    # CPython calls this after __getattribute__ failed, in place of the class's own __getattr__, which has been asked
    # already and must not be asked twice.
    raise heap_of(self).missing


def _ghost_setattr(self: Any, name: str, value: object) -> None:
    heap_of(self).load(self)
    setattr(self, name, value)


def _ghost_delattr(self: Any, name: str) -> None:
    heap_of(self).load(self)
    delattr(self, name)


_CLEAN_METHODS: Final = {"__setattr__": _clean_setattr, "__delattr__": _clean_delattr}
_GHOST_METHODS: Final = {
    "__getattribute__": _ghost_getattribute,
    "__getattr__": _ghost_getattr,
    "__setattr__": _ghost_setattr,
    "__delattr__": _ghost_delattr,
}


# --- classes ------------------------------------------------------------------------------------------------------


def _touch_class(cls: type) -> None:
    info = cls.__dict__.get("__info__")
    if "__library__" in cls.__dict__:
        raise TypeError(f"cannot change attributes of immutable type {cls.__name__!r}")
    if info is None:
        if cls.__module__ == __name__:
            raise TypeError(f"cannot change attributes of immutable type {cls.__name__!r}")
    elif info.oid and info.saved is None:
        info.heap.touch_class(cls)


class _Closed(type):
    """Metaclass of a class that snippets see and none may change: it would be another for the next one."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError(f"cannot set {name!r} attribute of immutable type {cls.__name__!r}")

    def __delattr__(cls, name: str) -> None:
        raise TypeError(f"cannot delete {name!r} attribute of immutable type {cls.__name__!r}")


class ClassMethod(classmethod, metaclass=_Closed):  # type: ignore[type-arg]
    """classmethod, which calls with the public class, whatever the state of the instance it is asked of."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        cls = type(instance) if owner is None else owner
        return super().__get__(None, cls.__dict__.get("__public__", cls))


def class_body(cls: type) -> dict[str, Any]:
    """Return the attributes that the client's definition, or later assignments, gave the class."""
    return {name: value for name, value in cls.__dict__.items() if name not in CLASS_INTERNALS}


def keep_class(cls: type) -> None:
    """Keep what undo needs of a class."""
    info = cls.__dict__["__info__"]
    info.saved = (cls.__bases__, class_body(cls), info.current, info.history, info.keyed)


def is_redefined(cls: type) -> bool:
    """Whether this snippet gave the class another text or other bases."""
    info = cls.__dict__["__info__"]
    return info.saved is not None and (info.saved[0] != cls.__bases__ or info.saved[2] is not info.current)


def clear_bases(cls: type) -> None:
    """Take the bases from a class that has others than it will have after `undo_class`."""
    saved = cls.__dict__["__info__"].saved
    if saved is not None and cls.__bases__ != saved[0] and issubclass(cls, Instance):
        type.__setattr__(cls, "__bases__", (Instance,))


def undo_class(cls: type) -> None:
    info = cls.__dict__["__info__"]
    bases, body, info.current, info.history, info.keyed = info.saved
    info.saved = None
    _replace_body(cls, bases, body)


def restore(cls: type, bases: tuple[type, ...], body: dict[str, Any]) -> None:
    """Give a class back the bases and the body that it had earlier in the snippet."""
    _touch_class(cls)
    _replace_body(cls, bases, body)


def take_over(cls: type, bases: tuple[type, ...], body: dict[str, Any]) -> None:
    """Give an existing class a new body and bases: the effect of defining it again.

    Raises:
        TypeError: the new bases have another layout (an exception becomes an ordinary class, or the reverse).
    """
    cell: CellType | None = body.pop("__classcell__", None)
    if cell is not None:
        cell.cell_contents = cls  # what zero-argument super() and __class__ refer to
    _touch_class(cls)
    body = {name: value for name, value in body.items() if name not in CLASS_INTERNALS}
    # What type.__new__ does to a body.
    body.setdefault("__doc__", None)
    if "__eq__" in body:
        body.setdefault("__hash__", None)
    for name in ("__new__", "__init_subclass__", "__class_getitem__"):
        if isinstance(body.get(name), FunctionType):
            body[name] = staticmethod(body[name]) if name == "__new__" else ClassMethod(body[name])
    before = cls.__bases__, class_body(cls)
    _replace_body(cls, bases, body)
    try:
        check_keyed(cls)
    except TypeError:
        _replace_body(cls, *before)
        raise
    if cls.__dict__["__info__"].keyed:
        mark_keyed(cls)


def mark_keyed(cls: type) -> None:
    """Note that an instance of a class is kept as a key."""
    for each in cls.__mro__:
        info = each.__dict__.get("__info__")
        if info is not None and not info.keyed:
            _touch_class(each)
            info.keyed = True


def check_keyed(cls: Any) -> None:
    """Refuse a class whose instances are keys and now have a hash of their own.

    Where such a key stands in a dict was decided when it was put there; in one that is read from disk it is decided
    again.

    Raises:
        TypeError: says so.
    """
    for each in tree(cls):
        info = each.__dict__.get("__info__")
        if info is not None and info.keyed and not all(is_known(info.heap, each, name) for name in KEY_METHODS):
            raise TypeError(
                f"class {each.__name__!r} can't get an __eq__ or __hash__: objects of it are, or were, kept as keys of "
                "dicts or members of sets, and would not be found there; give the class another name"
            )


def is_known(heap: Any, cls: type, name: str) -> bool:
    """Whether a method is none of a client's: that of `object`, or of a class of the language such as IntEnum."""
    owner = next(parent for parent in cls.__mro__ if name in parent.__dict__)
    return owner is object or id(owner) in heap.builtin_names


def _replace_body(cls: type, bases: tuple[type, ...], body: dict[str, Any]) -> None:
    if rebased := cls.__bases__ != bases:
        type.__setattr__(cls, "__bases__", bases)
    # All of it and not only what is not in `body`: the order of a class statement is that of an enum's members.
    for name in class_body(cls):
        if name != "__doc__":  # can't be deleted
            type.__delattr__(cls, name)
    for name, value in body.items():
        type.__setattr__(cls, name, value)
        if type(value) is property:
            value.__set_name__(cls, name)  # type: ignore[attr-defined]  # as a class statement does
    for below in tree(cls):
        below.__dict__["__info__"].lineage = None
    if rebased:
        cls.__dict__["__info__"].heap.upgrades.outdate(cls)


def functions_of(value: Any) -> list[FunctionType]:
    """Return the functions that a class attribute is made of: itself, or what a property or method wrapper holds."""
    if isinstance(value, FunctionType):
        return [value]
    if isinstance(value, staticmethod | classmethod):
        return functions_of(value.__func__)
    if isinstance(value, property):
        return [function for part in (value.fget, value.fset, value.fdel) for function in functions_of(part)]
    return []


def is_code(obj: Any) -> bool:
    """Whether an object of the heap is a class, a function or a version."""
    # By `type`: isinstance asks an instance for its __class__, which loads a ghost.
    return type(obj) in KINDS or type(obj) is FunctionType or type(obj) is Version
