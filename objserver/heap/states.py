"""The three states of a persistent object, each a class of its own, so that the common case costs nothing.

                  first touch                 first change in a snippet
        ghost ------------------> clean ------------------------------> free
          ^      heap.load          |  ^          heap.touch              |
          `------------------------'   `---------------------------------'
                heap.evict                  heap.commit, heap.rollback

A free object is an ordinary one: its methods read and write and know nothing of the heap. A new object is free too,
until the snippet ends. The clean twin of a class overrides what changes the object: it reports the first change to
the heap, which keeps what undo needs and makes the object free. The ghost twin overrides everything: it asks the heap
to load the record and tries again. Objects move between the three by assignment to `__class__`; `isinstance` holds
for all of them, and `typeof` names the public class.

When memory is short, a ghost may have its state set aside for a while (objserver/heap/eviction.py); nothing shows it.

An instance has a fourth state: stale, loaded and with the methods of a ghost, until it is upgraded
(objserver/heap/upgrades.py).

Promise: no read of a loaded object and no write of a free one runs a line of bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import Any

__all__ = ["clean_twin", "ghost_twin"]


def clean_twin(cls: type, writes: Iterable[str], **methods: Callable[..., Any]) -> type:
    """Return the twin of `cls` that reports a change to the heap before it happens.

    Args:
        writes: names of the methods that change the object.
        methods: twins written by hand, where a call may turn out to change nothing.
    """
    body: dict[str, Any] = {name: _touching(name, _own(cls, name)) for name in writes}
    return _twin(cls, body | methods)


def ghost_twin(cls: type, methods: Iterable[str], properties: Iterable[str] = ()) -> type:
    """Return the twin of `cls` whose every method and property loads the object first."""
    body: dict[str, Any] = {name: _waking_property(name) for name in properties}
    for name in methods:
        body[name] = _waking(name) if name.startswith("__") else _Waking(name)
    return _twin(cls, body)


def _twin(cls: type, body: dict[str, Any]) -> type:
    # The metaclass by `type(cls)`: dict, list and set share one that makes isinstance([], list) hold.
    return type(cls)(cls.__name__, (cls,), {"__slots__": (), "__module__": cls.__module__, **body})


def _own(cls: type, name: str) -> Any:
    """Return the method of a free object; by `getattr` it is another one (objserver/heap/containers.py)."""
    return next(vars(base)[name] for base in cls.__mro__ if name in vars(base))


def _touching(name: str, own: Any) -> Callable[..., Any]:
    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if type(self) is self.__clean__:
            self.__heap__.touch(self)  # from here on the object is free
            return own(self, *args, **kwargs)
        return getattr(self, name)(*args, **kwargs)  # a bound method is called a second time

    def put(self: Any, item: Any, /) -> Any:
        if type(self) is self.__clean__:
            self.__heap__.touch(self)
            return own(self, item)
        return getattr(self, name)(item)

    def take(self: Any) -> Any:
        if type(self) is self.__clean__:
            self.__heap__.touch(self)
            return own(self)
        return getattr(self, name)()

    # Most changes of lists, sets and deques: without a tuple and a dict of arguments they take a third less.
    for short in (put, take):
        if _parameters(short) == _parameters(own):
            short.__name__, short.__qualname__ = name, own.__qualname__  # messages about arguments have the latter
            return short
    method.__name__ = name
    return method


def _parameters(function: Any) -> tuple[object, ...]:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    rest = code.co_kwonlyargcount, code.co_flags & (CO_VARARGS | CO_VARKEYWORDS), function.__defaults__
    return (names, code.co_posonlyargcount, *rest)


class _Waking:
    """A method that a snippet can ask for without calling it. The object is loaded when it is asked for, so that what
    comes back is equal to what comes back of a loaded one: `x.append == x.append`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        obj.__heap__.load(obj)
        return getattr(obj, self._name)


def _waking_property(name: str) -> property:
    def read(self: Any) -> Any:
        self.__heap__.load(self)
        return getattr(self, name)

    def write(self: Any, value: Any) -> None:
        self.__heap__.load(self)
        setattr(self, name, value)

    return property(read, write)


def _waking(name: str) -> Callable[..., Any]:
    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        self.__heap__.load(self)
        return getattr(self, name)(*args, **kwargs)

    method.__name__ = name
    return method
