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

Promise: no read of a loaded object and no write of a free one runs a line of bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["clean_twin", "ghost_twin"]


def clean_twin(cls: type, writes: Iterable[str], **methods: Callable[..., Any]) -> type:
    """Return the twin of `cls` that reports a change to the heap before it happens.

    Args:
        writes: names of the methods that change the object.
        methods: twins written by hand, where a call may turn out to change nothing.
    """
    body: dict[str, Any] = {name: _touching(name) for name in writes}
    return _twin(cls, body | methods)


def ghost_twin(cls: type, methods: Iterable[str]) -> type:
    """Return the twin of `cls` whose every method loads the object first."""
    return _twin(cls, {name: _waking(name) for name in methods})


def _twin(cls: type, body: dict[str, Any]) -> type:
    # The metaclass by `type(cls)`: dict, list and set share one that makes isinstance([], list) hold.
    return type(cls)(cls.__name__, (cls,), {"__slots__": (), "__module__": cls.__module__, **body})


def _touching(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if type(self) is self.__clean__:  # not when a bound method is called a second time
            self.__heap__.touch(self)  # from here on the object is free
        return getattr(self, name)(*args, **kwargs)

    method.__name__ = name
    return method


def _waking(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.__heap__.load(self)
        return getattr(self, name)(*args, **kwargs)

    method.__name__ = name
    return method
