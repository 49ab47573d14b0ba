"""Layout: what an iteration over a dict meets when the dict changes under it must not depend on the dict's past.

    for k in d: d[k] = d.pop(k)        CPython goes on, skips items or raises, as the free places in the dict decide

These come from what was ever deleted; a dict that was read from disk has none. So before a snippet first looks at the
order of a dict or set of the heap, that is laid out as a dict read from disk is, unless it is known to be so: it was
loaded and only grew since. Whoever only reads and writes by key pays nothing.

`__laid__` of a container is the number of the last snippet that looked at its order, 0 when it was loaded since, None
when its layout is not known.

Promise: it runs no code of a snippet, and keeps the plain dict the object that it is.
"""

from __future__ import annotations

from typing import Any

from .atoms import ATOMS
from .instances import KEY_METHODS, is_known

__all__ = ["has_fixed_place", "laid"]


def laid(obj: Any) -> Any:
    """Return what holds the items of a loaded Dict or Set: a plain dict is laid out anew where its past would show."""
    items = obj.__items__
    heap = obj.__heap__
    if heap is not None and obj.__laid__ != heap.snippet:
        if type(items) is dict and (obj.__laid__ is None or type(obj) is not obj.__clean__):
            _lay_out(items, heap)
        obj.__laid__ = heap.snippet
    return items


def _lay_out(items: dict[Any, Any], heap: Any) -> None:
    for kind in set(map(type, items)):
        if kind not in ATOMS and not _has_fixed_hash(kind, heap):
            for key in items:
                if not has_fixed_place(key, heap):
                    return  # a key that can't be kept; the snippet has to take it out again
            break
    with heap.headroom():  # members of enums are hashed by a Python function
        # One after the other, as msgpack does; no tuple for each, which the garbage collector would walk.
        keys, values = list(items), list(items.values())
        items.clear()
        items.update(zip(keys, values, strict=True))


def has_fixed_place(key: Any, heap: Any) -> bool:
    """Whether no code of a client hashes or compares a key."""
    kind = type(key)
    if kind in ATOMS:
        return True
    if issubclass(kind, tuple) or hasattr(kind, "__frozen__"):
        return all(has_fixed_place(item, heap) for item in key)
    return _has_fixed_hash(kind, heap)


def _has_fixed_hash(kind: Any, heap: Any) -> bool:
    if issubclass(kind, tuple) or hasattr(kind, "__frozen__"):
        return False
    return all(is_known(heap, kind, name) for name in KEY_METHODS)
