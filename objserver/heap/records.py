"""Records: the state of one object as bytes and back.

    object -> [record] -> LMDB: oid u64 big-endian (and the number of a piece, for a container in pieces) -> bytes

    dict      "d" map          key -> value, in order
    list      "l" array        items
    set       "s" array        items, in order
    deque     "q" array        maxlen or nil, items
    SortedDict "t" array       key, value, key, value ..., in order of the keys
    Counter "n" and OrderedDict "o", as "d"; defaultdict "e" array: factory or nil, map
    instance  "i" array        shape (class oid, version, ...), attribute -> value (map, in order)
    version   "v" array        name, number, source, author, time, source of generated methods
    function  "f" array        name or "", version, history, qualified name and line in the source, and packed again:
                               defaults, keyword defaults, cells ([] or [value] each), name and text if not the source's
    class     "c" array        name, version, history, and packed again: bases, attributes (map); keyed
    root      "r" map          name -> packed value, sorted by name
    large     "P" and the kind's, array    what its `freeze` returns, and maxlen or factory; its pieces are records of
                               their own (objserver/heap/paged_dict.py, paged_list.py)

The first byte is the kind, the rest is msgpack. Values that can't change are inline: a frozenset in its order, a named
tuple together with what its class is made of (objserver/heap/named.py). A reference to an object is the extension REF:
what kind of object and its oid, for an instance also the oid of its class, so that a ghost of the right class stands in
for it until it is touched.

Promise: the same state gives the same bytes in every process and on every replica, and decodes to the same state.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import partial
from types import FunctionType
from typing import Any, Final
from uuid import UUID

import msgpack

from .atoms import NAN, is_nan
from .instances import ClassMethod
from .named import NamedKind, NamedTupleType, make_named_tuple
from .sets import FrozenSet

__all__ = [
    "FUNCTION_CODE",
    "KIND_CLASS",
    "KIND_FUNCTION",
    "LARGE",
    "LIBRARY_OID",
    "NAMED_OF_CLASS_CODE",
    "RECORD_OF",
    "REFERENCE_CODE",
    "ROOT_OID",
    "Reference",
    "Records",
    "TEXT_CODES",
    "record_key",
]

ROOT_OID: Final = 1

# Oids from here on are those of classes of the language: no heap ever has as many objects.
LIBRARY_OID: Final = 1 << 62

# Before the kind, of a container whose items are in pieces.
LARGE: Final = b"P"

KIND_DICT: Final = 0
KIND_LIST: Final = 1
KIND_SET: Final = 2
KIND_INSTANCE: Final = 3
KIND_FUNCTION: Final = 4
KIND_CLASS: Final = 5
KIND_DEQUE: Final = 6
KIND_DEFAULTDICT: Final = 7
KIND_ORDEREDDICT: Final = 8
KIND_COUNTER: Final = 9
KIND_VERSION: Final = 10
KIND_SORTEDDICT: Final = 11

# The first byte of a record, by kind.
RECORD_OF: Final[dict[int, bytes]] = {
    KIND_DICT: b"d",
    KIND_LIST: b"l",
    KIND_SET: b"s",
    KIND_DEQUE: b"q",
    KIND_DEFAULTDICT: b"e",
    KIND_ORDEREDDICT: b"o",
    KIND_COUNTER: b"n",
    KIND_SORTEDDICT: b"t",
    KIND_INSTANCE: b"i",
    KIND_FUNCTION: b"f",
    KIND_CLASS: b"c",
    KIND_VERSION: b"v",
}

(
    _REF,
    _TUPLE,
    _FROZENSET,
    _INT,
    _COMPLEX,
    _DATETIME,
    _DATE,
    _TIME,
    _TIMEDELTA,
    _DECIMAL,
    _FRACTION,
    _UUID,
    _BUILTIN,
    _FUNCTION,
    _WRAPPED,
) = range(1, 16)
_NAMED: Final = 24  # [name, fields, defaults, values]
_NAMED_CLASS: Final = 25  # [name, fields, defaults]
_TIMEZONE: Final = 26
_RANGE: Final = 27
_NAMED_OF_CLASS: Final = 28  # [class, values]

# What whoever walks over the bytes has to know: the extensions that are a reference, that hold [qualified name, line,
# packed content] and that hold no msgpack. All others hold one value.
REFERENCE_CODE: Final = _REF
FUNCTION_CODE: Final = _FUNCTION
TEXT_CODES: Final = frozenset({_BUILTIN})
NAMED_OF_CLASS_CODE: Final = _NAMED_OF_CLASS

_REFERENCE: Final = struct.Struct(">BQ")
_INSTANCE_REFERENCE: Final = struct.Struct(">BQQ")

_as_extension: Final[Callable[..., Any]] = tuple.__new__

# A key is unhashable only if the record was damaged and its checksum was not; nothing else makes msgpack fail.
Reference = tuple[int, int, int]


def record_key(oid: int, piece: int = 0) -> bytes:
    """Return the key of an object's record. Piece 0 is the object itself; a container in pieces has more, from 1."""
    return oid.to_bytes(8, "big") if piece == 0 else oid.to_bytes(8, "big") + piece.to_bytes(8, "big")


class Records:
    """Packs and unpacks values.

    Attributes:
        mentioned: oids of the objects that what was packed refers to, since this was last set.

    Args:
        refer: object -> (kind, oid, class oid or 0), None for what is not an object of the heap.
        resolve: the reverse, an existing object or a new ghost.
        builtin_name: builtin function or class that snippets see -> its name, None for anything else.
        builtin: the reverse.
        function_parts: method -> what the record of a function says from "qualified name" on.
        make_function: the reverse; the class being loaded is known to the heap.
    """

    def __init__(
        self,
        *,
        refer: Callable[[Any], Reference | None],
        resolve: Callable[[int, int, int], Any],
        builtin_name: Callable[[Any], str | None],
        builtin: Callable[[str], Any],
        function_parts: Callable[[FunctionType], list[Any]],
        make_function: Callable[[list[Any]], Any],
    ) -> None:
        self.mentioned: set[int] = set()
        self._refer = refer
        self._resolve = resolve
        self._builtin_name = builtin_name
        self._builtin = builtin
        self._function_parts = function_parts
        self._make_function = make_function
        way: Any = {
            "ext_hook": self._unpack_other, "strict_map_key": False, "unicode_errors": "surrogatepass", "raw": False,
        }  # fmt: skip
        self._unpackb = partial(msgpack.unpackb, **way)
        self._unpacker = partial(msgpack.Unpacker, **way)
        self._packer = msgpack.Packer(
            default=self._pack_other, strict_types=True, use_bin_type=True, unicode_errors="surrogatepass"
        )

    def pack(self, value: Any) -> bytes:
        """Return a value, or a plain container of values, as msgpack."""
        try:
            packed: bytes = self._packer.pack(value)
        except BaseException:
            self._packer.reset()
            raise
        return packed

    def unpack(self, data: bytes) -> Any:
        value = self._unpackb(data)
        # The search for one byte first: it takes a tenth of the time, and texts seldom have it.
        return _settle_nans(value) if _NAN_BYTE in data and _NAN_MARK in data else value

    def unpack_all(self, records: list[bytes]) -> list[Any]:
        """Return what each of some records holds."""
        data = b"".join(records)
        if len(records) < _MANY_COUNT or len(data) > _MANY_SIZE_MAX:
            return [self.unpack(record) for record in records]
        unpacker = self._unpacker(read_size=len(data))  # it takes memory for that at once
        unpacker.feed(data)
        values = list(unpacker)
        assert len(values) == len(records)
        return [_settle_nans(value) for value in values] if _NAN_BYTE in data and _NAN_MARK in data else values

    def _pack_other(self, value: Any) -> msgpack.ExtType:
        kind = type(value)
        if (reference := self._refer(value)) is not None:
            self.mentioned.add(reference[1])
            return _as_extension(msgpack.ExtType, (_REF, pack_reference(reference)))  # its own `__new__` is Python
        if type(kind) is NamedKind:
            return msgpack.ExtType(_NAMED_OF_CLASS, self.pack_nested([kind, list(value)]))
        if type(kind) is NamedTupleType:
            return msgpack.ExtType(_NAMED, self.pack_nested([*_class_parts(kind), list(value)]))
        if kind is NamedTupleType:
            return msgpack.ExtType(_NAMED_CLASS, self.pack_nested(_class_parts(value)))
        if kind in _PACKERS:
            code, to_plain = _PACKERS[kind]
            return msgpack.ExtType(code, self.pack_nested(to_plain(value)))
        if (name := self._builtin_name(value)) is not None:
            return msgpack.ExtType(_BUILTIN, name.encode())
        if kind is FunctionType:
            return msgpack.ExtType(_FUNCTION, self.pack_nested(self._function_parts(value)))
        if kind in _WRAPPERS:
            return msgpack.ExtType(_WRAPPED, self.pack_nested([_WRAPPERS[kind], *_wrapped_parts(value)]))
        raise AssertionError(f"{kind.__name__} was not adopted")

    def pack_nested(self, value: Any) -> bytes:
        """Return a value as msgpack while another one is being packed."""
        # A packer of its own: the one in use is in the middle of a record.
        packer = msgpack.Packer(
            default=self._pack_other, strict_types=True, use_bin_type=True, unicode_errors="surrogatepass"
        )
        packed: bytes = packer.pack(value)
        return packed

    def _unpack_other(self, code: int, data: bytes) -> Any:
        if code == _REF:
            return self._resolve(*unpack_reference(data))
        if code == _BUILTIN:
            return self._builtin(data.decode())
        content = self.unpack(data)
        if code == _FUNCTION:
            return self._make_function(content)
        if code == _WRAPPED:
            wrapper, *parts = content
            return {"property": property, "staticmethod": staticmethod, "classmethod": ClassMethod}[wrapper](*parts)
        return _UNPACKERS[code](content)


def pack_reference(reference: Reference) -> bytes:
    kind, oid, class_oid = reference
    return _INSTANCE_REFERENCE.pack(kind, oid, class_oid) if class_oid else _REFERENCE.pack(kind, oid)


def unpack_reference(data: bytes) -> Reference:
    if len(data) == _REFERENCE.size:
        return (*_REFERENCE.unpack(data), 0)
    return _INSTANCE_REFERENCE.unpack(data)


# Records that are unpacked in one go, which takes a third of the time for each; and of what size together.
_MANY_COUNT: Final = 4
_MANY_SIZE_MAX: Final = 1 << 20

# What NAN begins with as a msgpack float; a text may hold these bytes too, which only costs a look.
_NAN_MARK: Final = msgpack.packb(NAN)[:3]
_NAN_BYTE: Final = _NAN_MARK[0]


def _settle_nans(value: Any) -> Any:
    """Put NAN in place of every nan in a value or a plain container of values.

    Lists and dicts in it are parts of a record: those of the heap are references.
    """
    if isinstance(value, list):
        return [_settle_nans(item) for item in value]
    if isinstance(value, dict):
        return {key: _settle_nans(item) for key, item in value.items()}
    return NAN if is_nan(value) else value


def _int_bytes(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _class_parts(cls: Any) -> list[Any]:
    name, fields, defaults = cls.__parts__
    return [name, list(fields), list(defaults)]


def _named_class(parts: list[Any]) -> Any:
    name, fields, defaults = parts
    return make_named_tuple(name, tuple(fields), tuple(defaults))


def _named_value(parts: list[Any]) -> Any:
    return tuple.__new__(_named_class(parts[:3]), parts[3])


def _moment_parts(value: datetime | time) -> list[Any]:
    # The zone by itself: a text has no name of it, and Python 3.11 reads an offset under a second as none.
    return [value.replace(tzinfo=None).isoformat(), value.fold, value.tzinfo]


def _zone_parts(value: timezone) -> list[Any]:
    # What makes it: the offset and, where one was given, the name.
    offset, *name = value.__getinitargs__()  # type: ignore[attr-defined]
    return [offset, *name]


_PACKERS: Final[dict[type, tuple[int, Callable[[Any], Any]]]] = {
    tuple: (_TUPLE, list),
    FrozenSet: (_FROZENSET, list),
    int: (_INT, _int_bytes),  # beyond 64 bits
    complex: (_COMPLEX, lambda value: [value.real, value.imag]),
    datetime: (_DATETIME, _moment_parts),
    date: (_DATE, date.isoformat),
    time: (_TIME, _moment_parts),
    timedelta: (_TIMEDELTA, lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: (_DECIMAL, str),
    Fraction: (_FRACTION, lambda value: [value.numerator, value.denominator]),
    UUID: (_UUID, lambda value: value.bytes),
    timezone: (_TIMEZONE, _zone_parts),
    range: (_RANGE, lambda value: [value.start, value.stop, value.step]),
}
_UNPACKERS: Final[dict[int, Callable[[Any], Any]]] = {
    _TUPLE: tuple,
    # No work of the snippet's that happens to need it, which might have found it in memory.
    _FROZENSET: lambda content: FrozenSet.__of__(dict.fromkeys(content)),
    _NAMED: _named_value,
    _NAMED_OF_CLASS: lambda content: tuple.__new__(*content),
    _NAMED_CLASS: _named_class,
    _INT: lambda content: int.from_bytes(content, "big", signed=True),
    _COMPLEX: lambda content: complex(*content),
    _DATETIME: lambda content: datetime.fromisoformat(content[0]).replace(fold=content[1], tzinfo=content[2]),
    _DATE: date.fromisoformat,
    _TIME: lambda content: time.fromisoformat(content[0]).replace(fold=content[1], tzinfo=content[2]),
    _TIMEDELTA: lambda content: timedelta(*content),
    _DECIMAL: Decimal,
    _FRACTION: lambda content: Fraction(*content),
    _UUID: lambda content: UUID(bytes=content),
    _TIMEZONE: lambda content: timezone(*content),
    _RANGE: lambda content: range(*content),
}
_WRAPPERS: Final[dict[type, str]] = {
    property: "property",
    staticmethod: "staticmethod",
    classmethod: "classmethod",  # made by CPython itself of __init_subclass__ and __class_getitem__
    ClassMethod: "classmethod",
}


def _wrapped_parts(value: Any) -> list[Any]:
    if type(value) is property:
        return [value.fget, value.fset, value.fdel, value.__doc__]
    return [value.__func__]
