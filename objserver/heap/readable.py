"""Readable: a record as parts that people can read and compare, without making an object of it.

    record --> [Reader] --> title "User 17", parts (".age", 41)
                       `--> children (".address", object 18)

A part is named as a snippet would reach it from its owner: `['bob']`, `[0]`, `.age`, or in words where no snippet can.
Names of classes come from their records, on the same side.

Promise: whatever a record holds, there is a text; it is no longer than TEXT_LENGTH_MAX, and two values with one text
are the same (tests/engine/test_divergence.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import UUID

from .buckets import BUCKETS_END
from .instances import ClassMethod
from .paged_dict import Shape
from .plain_records import KIND_NAMES, Held, Large, Named, Part, PlainRecords, Unreadable, Valued, kind_of
from .records import (
    KIND_CLASS,
    KIND_COUNTER,
    KIND_DEFAULTDICT,
    KIND_DEQUE,
    KIND_DICT,
    KIND_FUNCTION,
    KIND_INSTANCE,
    KIND_LIST,
    KIND_ORDEREDDICT,
    KIND_SET,
    KIND_SORTEDDICT,
    KIND_VERSION,
    LIBRARY_OID,
    ROOT_OID,
    record_key,
)
from .sets import FrozenSet

__all__ = ["ORDER", "TREES", "Owner", "Reader"]

TEXT_LENGTH_MAX: Final = 20_000
_DEPTH_MAX: Final = 20

# The part that only counts where no other differs.
ORDER: Final = " in this order"

_MAPPINGS: Final = frozenset({KIND_DICT, KIND_COUNTER, KIND_ORDEREDDICT})
# Containers whose pieces are those of a list.
TREES: Final = frozenset({KIND_LIST, KIND_DEQUE, KIND_SORTEDDICT})
_ATOMS: Final = (
    bool, int, float, complex, str, bytes, date, time, timedelta, timezone, Decimal, Fraction, UUID, range, type(None),
)  # fmt: skip


class Owner(NamedTuple):
    """The container that a piece belongs to."""

    oid: int
    kind: int


class Reader:
    """Reads the records that `get` returns by their keys."""

    def __init__(self, get: Callable[[bytes], bytes | None]) -> None:
        self.get = get
        self._records = PlainRecords()
        self._names: dict[int, str] = {}

    def title(self, oid: int, record: bytes | None) -> str:
        """Return what an object is called: `dict 17`, `User 18`, `class User 16`."""
        if oid == ROOT_OID:
            return "the roots"
        kind = kind_of(record) if record else None
        if kind is None or record is None:
            return f"object {oid}"
        if kind == KIND_INSTANCE:
            try:
                return f"{self._class_name(self._records.read(record)[0][0])} {oid}"
            except Unreadable:
                return f"instance {oid}"
        return self._called(Held(kind, oid, 0))

    def parts(self, key: bytes, record: bytes, owner: Owner | None) -> dict[str, str]:
        """Return the parts of a record, each with its text. Of a piece, those of its owner that it holds.

        Raises:
            Unreadable: it is no record.
        """
        found: dict[str, str] = {}
        for label, value in self.fields(key, record, owner):
            found[label] = self.text(value)
        return found

    def fields(self, key: bytes, record: bytes, owner: Owner | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the parts of a record, each with its value. Raises Unreadable."""
        if len(key) > 8:
            yield from self._piece(int.from_bytes(key[8:], "big"), record, owner)
        elif int.from_bytes(key, "big") == ROOT_OID:
            for name, packed in self._records.read_root(record).items():
                if name.isidentifier():
                    yield name, self._records.read_value(packed)
                elif name.startswith("def ") and name != "def ":
                    yield f"definition of {name[4:]}", self._records.read_value(packed)
        else:
            content = self._records.read(record)
            kind = kind_of(record)
            assert kind is not None
            if type(content) is Large:
                yield from self._large(content)
            else:
                yield from self._plain(kind, content)

    def children(self, key: bytes, record: bytes, owner: Owner | None = None) -> Iterator[tuple[str, Held]]:
        """Yield the objects that a record refers to, and where. Raises Unreadable."""
        for label, value in self.fields(key, record, owner):
            if label != ORDER:
                yield from _held(label, value)

    def large(self, record: bytes) -> Large | None:
        """Return what the record of a container in pieces says, None when it is none."""
        try:
            content = self._records.read(record)
        except Unreadable:
            return None
        return content if type(content) is Large else None

    # --- records ----------------------------------------------------------------------------------------------------

    def _plain(self, kind: int, content: Any) -> Iterator[tuple[str, Any]]:
        if kind in _MAPPINGS:
            yield from self._entries(content)
        elif kind == KIND_DEFAULTDICT:
            yield ".default_factory", content[0]
            yield from self._entries(content[1])
        elif kind == KIND_LIST:
            for index, item in enumerate(content):
                yield f"[{index}]", item
        elif kind == KIND_DEQUE:
            yield ".maxlen", content[0]
            for index, item in enumerate(content[1]):
                yield f"[{index}]", item
        elif kind == KIND_SET:
            for item in content:
                yield f" holds {self.text(item)}", item
            yield ORDER, content
        elif kind == KIND_SORTEDDICT:
            for name, value in zip(content[::2], content[1::2], strict=True):
                yield f"[{self.text(name)}]", value
        elif kind == KIND_INSTANCE:
            for name, value in content[1].items():
                yield f".{name}", value
            yield " is of class", Held(KIND_CLASS, content[0][0], 0)
            yield " has the shape", tuple(content[0])
            yield ORDER, list(content[1])
        elif kind == KIND_VERSION:
            labels = (" has the name", " has the number", " has the text", " has the author", " has the time",
                      " has the generated text")  # fmt: skip
            yield from zip(labels, content, strict=True)
        elif kind in (KIND_FUNCTION, KIND_CLASS):
            yield from self._code(kind, content)

    def _code(self, kind: int, content: Any) -> Iterator[tuple[str, Any]]:
        name, version, history = content[:3]
        yield " has the name", name
        yield " has the text", version
        yield " has the history", history
        if kind == KIND_FUNCTION:
            yield " stands in the text at", tuple(content[3:5])
            held = self._records.read_value(content[5])
            yield from zip((" has the defaults", " has the keyword defaults", " has the cells", " has the names"), held,
                           strict=False)  # fmt: skip
            return
        yield " has the bases", self._records.read_value(content[3])
        for attribute, value in self._records.read_value(content[4]).items():
            yield f".{attribute}", value

    def _entries(self, content: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in content.items():
            yield f"[{self.text(name)}]", value
        yield ORDER, list(content)

    def _large(self, content: Large) -> Iterator[tuple[str, Any]]:
        kind, shape, beside = content
        if kind == KIND_DEQUE:
            yield ".maxlen", beside[0] if beside else None
        elif kind == KIND_DEFAULTDICT:
            yield ".default_factory", beside[0] if beside else None
        if kind not in TREES:
            yield " has the length", Shape(*shape).entry_count
            return
        _, _, rows, head, tail = shape
        step = 2 if kind == KIND_SORTEDDICT else 1
        yield " has the length", sum(row[1] for row in rows) + (len(head) + len(tail)) // step
        yield from self._items(kind, head, "{}")
        yield from self._items(kind, tail, "{} from the end", len(tail))

    def _piece(self, number: int, record: bytes, owner: Owner | None) -> Iterator[tuple[str, Any]]:
        """Yield what a piece adds to its owner; nothing for what only leads to others."""
        if number < BUCKETS_END:
            return
        content = self._records.read_value(record)
        kind = owner.kind if owner is not None else -1
        if kind in TREES:
            if content and type(content[0]) is not list:
                yield from self._items(kind, content, f"{{}} of piece {number - BUCKETS_END}")
        elif kind == KIND_SET:
            yield f" holds {self.text(content[0])}", content[0]
        elif kind in KIND_NAMES and type(content) is list and len(content) == 2:
            yield f"[{self.text(content[0])}]", content[1]
        else:
            yield f", piece {number - BUCKETS_END}", content

    def _items(self, kind: int, items: list[Any], where: str, before: int = 0) -> Iterator[tuple[str, Any]]:
        if kind == KIND_SORTEDDICT:
            for name, value in zip(items[::2], items[1::2], strict=True):
                yield f"[{self.text(name)}]", value
            return
        for index, item in enumerate(items):
            yield f", item {where.format(before - index if before else index)}", item

    # --- values -----------------------------------------------------------------------------------------------------

    def text(self, value: Any, depth: int = 0) -> str:
        """Return the text of a value that stands in a record."""
        text = self._whole(value, depth)
        if len(text) > TEXT_LENGTH_MAX:
            rest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
            return f"{text[:TEXT_LENGTH_MAX - 100]} ... {len(text)} characters, BLAKE2b {rest}"
        return text

    def _whole(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind in _ATOMS or isinstance(value, date):
            try:
                return repr(value)
            except ValueError:  # a number with more digits than Python writes
                return hex(value) if kind is int else f"{kind.__name__} {hex(value.numerator)}/{hex(value.denominator)}"
        if kind is Held:
            return self._called(value)
        if kind is Named:
            return str(value.name)
        if kind is Part:
            return f"function {value.qualname}, line {value.line}"
        if depth > _DEPTH_MAX:
            return "..."

        def inner(item: Any) -> str:
            return self.text(item, depth + 1)

        if kind is list:
            return f"[{', '.join(map(inner, value))}]"
        if kind is dict:
            return f"{{{', '.join(f'{inner(name)}: {inner(item)}' for name, item in value.items())}}}"
        if kind is FrozenSet:
            return f"frozenset({{{', '.join(map(inner, value))}}})"
        if isinstance(value, tuple):
            name = "named tuple" if kind is Valued else "" if kind is tuple else getattr(kind, "__name__", "tuple")
            return f"{name}({', '.join(map(inner, value))}{',' if len(value) == 1 else ''})"
        if kind is property:
            return f"property({', '.join(map(inner, (value.fget, value.fset, value.fdel)))})"
        if kind in (staticmethod, classmethod, ClassMethod):
            return f"{kind.__name__.lower()}({inner(value.__func__)})"
        return f"a {kind.__name__}"

    def _called(self, held: Held) -> str:
        kind, oid, class_oid = held
        if kind == KIND_INSTANCE:
            return f"{self._class_name(class_oid)} {oid}"
        if kind == KIND_VERSION:
            return f"text {oid}"
        if kind in (KIND_CLASS, KIND_FUNCTION):
            return f"{KIND_NAMES[kind]} {self._name(oid)} {oid}" if oid < LIBRARY_OID else "a class of the language"
        return f"{KIND_NAMES.get(kind, 'object')} {oid}"

    def _class_name(self, oid: int) -> str:
        return self._name(oid) if oid < LIBRARY_OID else "instance of the language's"

    def _name(self, oid: int) -> str:
        """Return the name of a class or function."""
        name = self._names.get(oid)
        if name is None:
            record = self.get(record_key(oid))
            try:
                # By itself: whoever asks may be in the middle of another record.
                name = str(PlainRecords().read(record)[0]) if record else ""
            except (Unreadable, TypeError, IndexError):
                name = ""
            self._names[oid] = name = name or "unnamed"
        return name


def _held(label: str, value: Any) -> Iterator[tuple[str, Held]]:
    """Yield the objects that a value refers to, and where."""
    if type(value) is Held:
        yield label, value
    elif isinstance(value, tuple | list) and type(value) not in (Named, Part):
        for index, item in enumerate(value):
            yield from _held(f"{label}[{index}]", item)
    elif type(value) is FrozenSet:
        for item in value:
            yield from _held(f"{label} holds", item)
    elif type(value) is dict:
        for name, item in value.items():
            yield from _held(f"{label} {name}", item)
    elif type(value) is property:
        for item in (value.fget, value.fset, value.fdel):
            yield from _held(label, item)
    elif type(value) in (staticmethod, classmethod, ClassMethod):
        yield from _held(label, value.__func__)
