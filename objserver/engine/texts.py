"""Texts: the JSON of a document stays beside it, until something in it changes.

    first read     document -> encode -> JSON, and keep it in document.__text__
    later reads    document.__text__ -> JSON: a tenth of the time
                   of a nested one after a look at each container in it

A container gives up its `__text__` with its first change, and when it is evicted (objserver/heap/containers.py). So
what is kept for a nested document has, beside the JSON, every container below it with the `__text__` that one had
then: as long as it still has that same object, nothing in it has changed.

Promise: what is found is what encoding would give (tests/engine/test_texts.py).
"""

from __future__ import annotations

from typing import Any, Final

from ..heap import Dict, Heap, List
from ..heap.containers import PAGED

__all__ = ["CLEAN", "UNCHANGING", "find_text", "keep_text"]

# Containers that nothing has changed in this snippet.
CLEAN: Final = frozenset({Dict.__clean__, List.__clean__})

# Values that no snippet can change, and that JSON says plainly.
UNCHANGING: Final = frozenset({str, int, float, bool, type(None)})

# Longer texts, and documents of more containers, are encoded each time: it is no longer the most of the work.
TEXT_SIZE_MAX: Final = 4 * 1024
PART_COUNT_MAX: Final = 40
# Bytes of memory for a container below a document: its place in the tuple, and the mark it gets.
PART_SIZE: Final = 150


class Kept:
    """The JSON of a nested document and the containers it was made of; without JSON, a mark of one of these."""

    __slots__ = ("json", "parts")

    def __init__(self, json: bytes | None, parts: tuple[tuple[Any, object], ...]) -> None:
        self.json = json
        self.parts = parts


def find_text(value: Any) -> bytes | None:
    """Return the JSON kept for a clean container, None when there is none that is still true."""
    text: bytes | Kept | None = value.__text__
    if not isinstance(text, Kept):
        return text
    for part, mark in text.parts:
        if part.__text__ is not mark:
            return None
    return text.json


def keep_text(heap: Heap, value: Any, json: bytes) -> None:
    """Keep the JSON of a clean container, if all that it holds is plain and unchanged in this snippet."""
    if len(json) > TEXT_SIZE_MAX:
        return
    parts: list[Any] = []
    waiting = [value]
    while waiting:
        items = waiting.pop().__items__
        if type(items) in PAGED:
            return
        if type(items) is dict:
            if not _TEXT.issuperset(map(type, items)):
                return
            items = items.values()
        for item in items:
            kind = type(item)
            if kind in CLEAN:
                parts.append(item)
                waiting.append(item)
            elif kind not in UNCHANGING:
                return
        # A cycle ends here too.
        if len(parts) > PART_COUNT_MAX:
            return
    if not parts:
        value.__text__ = json
    else:
        for part in parts:
            if part.__text__ is None:
                part.__text__ = Kept(None, ())
        value.__text__ = Kept(json, tuple([(part, part.__text__) for part in parts]))
    heap.account_text(value.__oid__, len(json) + PART_SIZE * len(parts))


_TEXT: Final = frozenset({str})
