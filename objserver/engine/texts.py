"""Texts: the JSON of a document stays beside it, until something in it changes.

    first read     document -> encode -> JSON, and keep it in document.__text__
    later reads    document.__text__ -> JSON

`__text__` of a container is None, its JSON, or a list: its JSON or None, a bound, and the lists of the documents it is
a part of whose JSON has its own in it. A container that changes or is evicted takes back its JSON and that of those
documents (`forget_text` in objserver/heap/containers.py); so whoever reads a document looks at its own list alone. Of
the documents in a list some have lost their JSON for another reason. When there are as many as the bound, these go, and
the bound becomes twice what is left: noting a document costs the same whether few or very many share a part.

A snippet that changes something often returns what it took out, a task of a queue, which nobody reads again. So what
such a one returns for the first time only gets a list without JSON; the next time there is one, and the JSON is kept.

Promise: what is found is what encoding would give (tests/engine/test_texts.py).
"""

from __future__ import annotations

from typing import Any, Final

from ..heap import Dict, Heap, List
from ..heap.containers import OWNER_COUNT
from .requests import Codec

__all__ = ["CLEAN", "UNCHANGING", "Texts"]

# Containers that nothing has changed in this snippet.
CLEAN: Final = frozenset({Dict.__clean__, List.__clean__})
_GHOSTS: Final = frozenset({Dict.__ghost__, List.__ghost__})

# Values that no snippet can change, and that JSON says plainly.
UNCHANGING: Final = frozenset({str, int, float, bool, type(None)})

# Longer texts, and documents of more containers, are left to the encoder each time: it is no longer the most of the
# work.
TEXT_SIZE_MAX: Final = 4 * 1024
PART_COUNT_MAX: Final = 40
# Bytes of memory for a container below a document: its list, and its places in it and in the tuple.
PART_SIZE: Final = 150


class Texts:
    """Writes plain documents and keeps what it wrote."""

    def __init__(self, heap: Heap, codec: Codec) -> None:
        self._heap = heap
        self._write = codec.encode_document
        self._parts: list[Any] = []  # containers met in the document that is written
        self._size = 0  # characters of text in it

    def encode(self, value: Any) -> bytes | None:
        """Return the JSON of a clean container, kept beside it from now on if it is to be; None where it holds what
        takes more than dicts with texts for keys, lists, numbers and texts, or too much: then the encoder has to look.
        """
        parts: list[Any] = []
        self._parts = parts
        self._size = 0
        try:
            json = self._write(value, self._open)
        except TypeError:
            return None
        if self._heap.touched and value.__text__ is None:
            value.__text__ = [None, OWNER_COUNT]
        elif len(json) <= TEXT_SIZE_MAX:
            self._keep(value, parts, json)
        return json

    def _open(self, value: Any) -> Any:
        """Return what is inside a clean container. Raises TypeError.

        One look at each item, while the document is written, for all there is to know: that they are plain, how long
        the text will be, and which containers there are. A cycle ends at their count.
        """
        items = value.__items__
        values = items
        size = self._size
        if type(items) is dict:
            names = "".join(items)  # raises TypeError for a key that is no text
            if "$" in names:
                raise TypeError("a key may have to be quoted")
            size += len(names)
            values = items.values()
        elif type(items) is not list:
            raise TypeError("in pieces")
        parts = self._parts
        for item in values:
            kind = type(item)
            if kind is str:
                size += len(item)
            elif kind is int or item is None or kind is bool:
                pass
            elif kind is float:
                if item - item != 0.0:
                    raise TypeError("nan, inf")
            elif kind in CLEAN:
                parts.append(item)
            elif kind in _GHOSTS:
                self._heap.load(item)
                parts.append(item)
            else:
                raise TypeError("not plain")
        if size > TEXT_SIZE_MAX or len(parts) > PART_COUNT_MAX:
            raise TypeError("too large")
        self._size = size
        return items

    def _keep(self, value: Any, parts: list[Any], json: bytes) -> None:
        old = value.__text__
        if type(old) is list:
            # A list that no part has noted yet: looking for it would take as long as a part has documents.
            text = value.__text__ = [json, old[1], *[owner for owner in old[2:] if owner[0] is not None]]
        elif parts:
            text = value.__text__ = [json, OWNER_COUNT]
        else:
            value.__text__ = json
        for part in parts:
            known = part.__text__
            if type(known) is not list:
                part.__text__ = [known, OWNER_COUNT, text]
            elif known[-1] is not text:  # else it is in there twice, one after the other
                if len(known) - 2 >= known[1]:
                    known[2:] = [owner for owner in known[2:] if owner[0] is not None]
                    known[1] = max(OWNER_COUNT, 2 * (len(known) - 2))
                known.append(text)
        self._heap.account_text(value.__oid__, len(json) + PART_SIZE * len(parts))
