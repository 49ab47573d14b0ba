"""Paths of a call: "jobs.push" names a method, "total" a function, "Queue" a class.

Promise: a path reaches what a snippet with the same text would reach, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..heap import Heap

__all__ = ["resolve_path"]


def resolve_path(heap: Heap, path: str) -> Callable[..., Any]:
    """Return what `path` names, to be called.

    Raises:
        NameError: the root is not bound.
        AttributeError: a step does not exist, or is none that a snippet may take.
        TypeError: what it names can't be called.
    """
    name, *steps = path.split(".")
    if not name.isidentifier():
        raise NameError(f"{path!r} is not the path of a function or method; write it like 'jobs.push'")
    value = heap.value_of(name)
    checked_getattr = heap.builtins["getattr"]  # the snippets' own: it judges the name
    for step in steps:
        value = checked_getattr(value, step)
    if not callable(value):
        raise TypeError(f"{path!r} is a {heap.typeof(value).__name__}, which can't be called")
    return value  # type: ignore[no-any-return]
