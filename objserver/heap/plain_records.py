"""Records as plain data: what a record holds, and which objects it refers to, without making any of them.

    record -> [plain_records] -> content, references met        verify, which must not run or load what it looks at

In place of what the heap would make of it stands

    Held       an object of the heap       Named   a builtin, by name      Part   a function in a version's text
    Valued     a named tuple of a client's class

Promise: what the heap can load is read here, and what it could not is `Unreadable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, NamedTuple

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
    LARGE,
    NAMED_OF_CLASS_CODE,
    RECORD_OF,
    Records,
)

__all__ = ["KIND_NAMES", "Held", "Large", "Named", "PlainRecords", "Unreadable", "Valued", "check_order", "kind_of"]

KIND_NAMES: Final[dict[int, str]] = {
    KIND_DICT: "dict",
    KIND_LIST: "list",
    KIND_SET: "set",
    KIND_DEQUE: "deque",
    KIND_DEFAULTDICT: "defaultdict",
    KIND_ORDEREDDICT: "OrderedDict",
    KIND_COUNTER: "Counter",
    KIND_SORTEDDICT: "SortedDict",
    KIND_INSTANCE: "instance",
    KIND_FUNCTION: "function",
    KIND_CLASS: "class",
    KIND_VERSION: "version",
}
_KIND_OF: Final[dict[bytes, int]] = {letter: kind for kind, letter in RECORD_OF.items()}
_LARGE_KINDS: Final = frozenset(KIND_NAMES) - {KIND_INSTANCE, KIND_FUNCTION, KIND_CLASS, KIND_VERSION}


class Unreadable(Exception):
    """A record that the heap could not load; the text goes on after "object 7"."""


class Held(NamedTuple):
    """A reference to an object."""

    kind: int
    oid: int
    class_oid: int  # of an instance, else 0


class Named(NamedTuple):
    """A builtin."""

    name: str


class Part(NamedTuple):
    """A function of a class's text."""

    qualname: str
    line: int


class Valued(tuple[Any, ...]):
    """A named tuple of a client's class."""

    __slots__ = ()


class Large(NamedTuple):
    """What the record of a container in pieces says: its shape, and what stands beside the items."""

    kind: int
    shape: list[Any]
    beside: list[Any]


class PlainRecords(Records):
    """Reads records. `met` has the references of the last one, in order, some several times."""

    def __init__(self) -> None:
        self.met: list[Held] = []
        super().__init__(
            refer=_nothing, resolve=self._meet, builtin_name=_nothing, builtin=Named, function_parts=_no_parts,
            make_function=self._part,
        )  # fmt: skip

    def read(self, record: bytes) -> Any:
        """Return the content of an object's record, checked as far as it tells by itself. Raises Unreadable."""
        self.met = []
        kind = kind_of(record)
        if kind is None:
            raise Unreadable(f"is of kind {record[:2]!r}, which this version does not know")
        if record[:1] != LARGE:
            content = self._unpacked(record[1:])
            _CHECKS[kind](self, content)
            return content
        content = self._unpacked(record[2:])
        if kind not in _LARGE_KINDS or type(content) is not list or not content or type(content[0]) is not list:
            raise Unreadable("has no shape of its pieces")
        return Large(kind, content[0], content[1:])

    def read_root(self, record: bytes) -> dict[str, Any]:
        """Return name -> packed value of the root's record. Raises Unreadable."""
        self.met = []
        names = self._unpacked(record[1:]) if record[:1] == b"r" else None
        if type(names) is not dict or any(type(name) is not str for name in names):
            raise Unreadable("is no table of names")
        if list(names) != sorted(names):
            raise Unreadable("has its names out of order")
        return names

    def read_value(self, packed: bytes) -> Any:
        """Return a value that stands packed in a record, or a piece of a container. Raises Unreadable."""
        self.met = []
        return self._unpacked(packed)

    def _unpacked(self, data: Any) -> Any:
        try:
            return self.unpack(data)
        except Unreadable:
            raise
        except Exception as error:  # whatever the constructors of dates, decimals and the like have to say
            raise Unreadable(f"does not decode: {type(error).__name__}: {error}") from error

    def _unpack_other(self, code: int, data: bytes) -> Any:
        if code == NAMED_OF_CLASS_CODE:
            _, values = self.unpack(data)
            return Valued(values)
        return super()._unpack_other(code, data)

    def _meet(self, kind: int, oid: int, class_oid: int) -> Held:
        held = Held(kind, oid, class_oid)
        self.met.append(held)
        return held

    def _part(self, parts: list[Any]) -> Part:
        qualname, line, packed = parts
        self._check_held(packed)
        return Part(qualname, line)

    # --- what the records of each kind hold -------------------------------------------------------------------------

    def _check_held(self, packed: bytes) -> None:
        """Defaults, keyword defaults, cells and names of a function."""
        defaults, keyword_defaults, cells, extras = self.unpack(packed)
        _expect(type(cells) is list and all(type(cell) is list and len(cell) < 2 for cell in cells), "cells")
        _expect(type(extras) is dict, "names")
        _expect(defaults is None or type(defaults) is tuple, "defaults")
        _expect(keyword_defaults is None or type(keyword_defaults) is dict, "keyword defaults")

    def _check_function(self, content: Any) -> None:
        _expect(type(content) is list and len(content) == 6, "six parts")
        _check_head(content)
        _expect(type(content[5]) is bytes, "defaults and cells")
        try:
            self._check_held(content[5])
        except (TypeError, ValueError) as error:
            raise Unreadable(f"does not decode: {error}") from error

    def _check_class(self, content: Any) -> None:
        _expect(type(content) is list and len(content) == 6, "six parts")
        _check_head(content)
        _expect(type(content[3]) is bytes and type(content[4]) is bytes, "bases and attributes")
        bases, body = self._unpacked(content[3]), self._unpacked(content[4])
        _expect(type(bases) is list and type(body) is dict, "bases and attributes")


def kind_of(record: bytes) -> int | None:
    """Return the kind that an object's record says it is of, None when there is none such."""
    return _KIND_OF.get(record[1:2] if record[:1] == LARGE else record[:1])


def check_order(keys: list[Any]) -> None:
    """Check the keys of a SortedDict. Raises Unreadable."""
    try:
        ordered = all(first < second for first, second in pairwise(keys))
    except TypeError as error:
        raise Unreadable(f"has keys that don't compare: {error}") from error
    _expect(ordered, "its keys in order")


def _check_head(content: list[Any]) -> None:
    name, version, history = content[:3]
    _expect(type(name) is str, "a name")
    _expect(type(version) is Held and version.kind == KIND_VERSION, "a version")
    _expect(history is None or (type(history) is Held and history.kind == KIND_LIST), "a history")


def _check_dict(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is dict, "entries")


def _check_list(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list, "items")


def _check_set(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list and len(dict.fromkeys(content)) == len(content), "members that differ")


def _check_deque(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list and len(content) == 2 and type(content[1]) is list, "items")
    maxlen, items = content
    _expect(maxlen is None or (type(maxlen) is int and maxlen >= len(items)), "items up to its maxlen")


def _check_defaultdict(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list and len(content) == 2 and type(content[1]) is dict, "entries")


def _check_sorted(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list and len(content) % 2 == 0, "entries")
    check_order(content[::2])


def _check_instance(_: PlainRecords, content: Any) -> None:
    _expect(type(content) is list and len(content) == 2 and type(content[1]) is dict, "attributes")
    shape = content[0]
    _expect(type(shape) is list and len(shape) > 1 and len(shape) % 2 == 0, "a shape")
    _expect(all(type(number) is int for number in shape), "a shape")


def _check_version(_: PlainRecords, content: Any) -> None:
    kinds = [str, int, str, str, int, str]
    _expect(type(content) is list and list(map(type, content)) == kinds, "a text with its number, author and time")


def _expect(found: bool, what: str) -> None:
    if not found:
        raise Unreadable(f"has not what its kind must have: {what}")


def _nothing(value: Any) -> None:
    return None


def _no_parts(function: Any) -> list[Any]:
    raise AssertionError("nothing is packed here")


_CHECKS: Final[dict[int, Callable[[PlainRecords, Any], None]]] = {
    KIND_DICT: _check_dict,
    KIND_COUNTER: _check_dict,
    KIND_ORDEREDDICT: _check_dict,
    KIND_LIST: _check_list,
    KIND_SET: _check_set,
    KIND_DEQUE: _check_deque,
    KIND_DEFAULTDICT: _check_defaultdict,
    KIND_SORTEDDICT: _check_sorted,
    KIND_INSTANCE: _check_instance,
    KIND_VERSION: _check_version,
    KIND_FUNCTION: PlainRecords._check_function,
    KIND_CLASS: PlainRecords._check_class,
}
