"""Taking the first item of a dict off, again and again, without looking at the places of those that are gone.

    set.pop, OrderedDict.popitem(last=False) -> [pop_first] -> the plain dict inside

CPython's dict keeps the places of deleted entries until it grows, and looks for its first entry from the beginning: to
empty one with a million entries from the front takes half a trillion steps. So some of the first keys are kept beside
the dict, in `__front__`, as (dict, keys backwards). Whatever else deletes from that dict in place calls `forget`: a key
that comes back comes last. New entries and new values change nothing at the front.

Promise: the order is that of the dict (tests/heap/test_fronts.py).
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from .paged_dict import PagedDict

__all__ = ["forget", "pop_first"]

# Keys kept at once; the places that are gone are looked at once for so many.
COUNT: Final = 1_000
# Of a dict with fewer entries than this nothing is kept.
COUNT_MIN: Final = 64


def pop_first(obj: Any) -> tuple[Any, Any]:
    """Take the first entry off `obj.__items__`, which is not empty, and return it."""
    items = obj.__items__
    if type(items) is PagedDict:
        return items.pop_first()
    found = getattr(obj, "__front__", None)
    if found is not None and found[0] is items and found[1]:
        keys = found[1]
    elif len(items) < COUNT_MIN:
        key = next(iter(items))
        return key, items.pop(key)
    else:
        keys = list(islice(items, COUNT))
        keys.reverse()
        obj.__front__ = items, keys
    # In this order: the hash of a key, which is a snippet's, may raise.
    value = items.pop(keys[-1])
    return keys.pop(), value


def forget(obj: Any) -> None:
    """Say that something else than `pop_first` deletes from `obj.__items__`."""
    obj.__front__ = None
