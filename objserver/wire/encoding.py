"""Values to JSON, by the table in `wire/values.py`. Does no I/O.

    value -> describe (what is not a plain type) -> dicts and lists for orjson, tags for the rest -> bytes

An object that holds only atoms is written by orjson at once; only the others are walked.

Promise: time and memory are bounded by the limits, not by the value (tests/wire/test_values.py).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from orjson import Fragment, dumps

from objserver.errors import ResultTooLarge
from objserver.limits import FRACTION_BITS_MAX, INT_BITS_MAX, RESULT_SIZE_MAX, VALUE_COUNT_MAX, VALUE_DEPTH_MAX

__all__ = ["Describe", "Shape", "encode"]


class Shape(NamedTuple):
    """How a value is to be shown.

    content by kind: "dict": a plain dict; "list", "tuple": a list or tuple; "set", "frozenset": the items in order;
    "instance": a dict of attribute name -> value; "reference": nothing, the value is only named.
    """

    kind: Literal["dict", "frozenset", "instance", "list", "reference", "set", "tuple"]
    content: Any
    class_name: str
    oid: int | None


Describe = Callable[[Any], Shape]


def encode(
    value: object, describe: Describe | None = None, depth: int | None = None, size_max: int | None = None
) -> bytes:
    """Return `value` as JSON.

    Args:
        describe: gives the shape of a value whose exact type is not in the table above; raises TypeError if it has
            none. Called for what a cut hides as well, for its oid and class name.
        depth: containers nested deeper become {"$ref": ..}; 0 cuts the value itself, None cuts nothing. Keys of
            dicts are never cut.
        size_max: bytes; RESULT_SIZE_MAX unless told.
    Raises:
        ResultTooLarge: more than size_max bytes, VALUE_COUNT_MAX containers or VALUE_DEPTH_MAX levels. Stops early.
        TypeError: names a type that has no shape.
    """
    size_max = RESULT_SIZE_MAX if size_max is None else size_max
    kind = type(value)
    text: bytes | None = None
    # The common results come first: an atom, and an object that holds only atoms, need no walk.
    if kind in _ATOMS:
        if kind is str:
            _check_size(len(value), size_max)  # type: ignore[arg-type]
        text = dumps(_atom(value))
    elif kind in _LEAVES:
        text = _LEAVES[kind](value)
    else:
        shape = _shape(value, kind, describe)
        if depth is None or depth > 0:
            text = _flat(shape, size_max)
        if text is None:
            text = dumps(_Encoder(describe, depth, size_max).tree(value, shape, 0))
    _check_size(len(text), size_max)
    return text


# Containers become dicts and lists that one `orjson.dumps` writes; the rest is text already, carried in a
# `Fragment`, so that its size is known before it is copied.

_ATOMS: Final = frozenset({type(None), bool, int, float, str})
_NATIVE: Final[dict[type, Literal["dict", "frozenset", "list", "set", "tuple"]]] = {
    dict: "dict", list: "list", tuple: "tuple", set: "set", frozenset: "frozenset",
}  # fmt: skip
_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 64) - 1

# orjson writes 253 levels at most, and one level of a value takes up to three: {"$dict": [[key, value]]}.
_LEVELS_PER_DUMP: Final = 80

# Below this, decimal text is readable and cheap; above, only hexadecimal text takes linear time. Python's own limit on
# the digits of an int can't be set so low that it would refuse this.
_DECIMAL_BITS_MAX: Final = 2048


class _Encoder:
    """One walk over one value: what it has used up, and the containers it is inside of."""

    __slots__ = ("_count", "_depth", "_describe", "_path", "_size", "_size_max")

    def __init__(self, describe: Describe | None, depth: int | None, size_max: int) -> None:
        self._describe = describe
        self._depth = VALUE_DEPTH_MAX + 1 if depth is None else depth
        self._size_max = size_max
        self._size = 0  # bytes that the text will have at least
        self._count = 0
        self._path: set[int] = set()

    def item(self, value: Any, level: int) -> Any:
        """Return `value` as something orjson writes. `level` counts the containers around it."""
        kind = type(value)
        if kind in _ATOMS:
            if kind is str:
                self._spend(len(value))
            return _atom(value)
        if kind in _LEAVES:
            text = _LEAVES[kind](value)
            self._spend(len(text))
            return Fragment(text)
        return self.tree(value, _shape(value, kind, self._describe), level)

    def tree(self, value: Any, shape: Shape, level: int) -> Any:
        kind, content, class_name, oid = shape
        key = id(value) if oid is None else -1 - oid  # an object from disk may have another address next time
        if kind == "reference" or level >= self._depth or key in self._path:
            return {"$ref": oid, "$class": class_name}
        if level >= VALUE_DEPTH_MAX:
            raise _too_large("deeper nesting", f"{VALUE_DEPTH_MAX} levels")
        self._count += 1
        if self._count > VALUE_COUNT_MAX:
            raise _too_large("more containers", f"{VALUE_COUNT_MAX}")
        text = _flat(shape, self._size_max - self._size)
        if text is not None:
            self._spend(len(text))
            return Fragment(text)
        self._spend(2 * len(content))
        self._path.add(key)
        tree: Any
        if kind == "dict":
            plain = all(type(key) is str and _is_unicode(key) for key in content)
            tree = self._members(content, level) if plain else {"$dict": self._pairs(content, level)}
        elif kind == "instance":
            tree = {"$class": class_name, **self._members(content, level)}
        else:
            tree = [self.item(item, level + 1) for item in content]
            if kind != "list":
                tree = {"$" + kind: tree}
        self._path.remove(key)
        return Fragment(dumps(tree)) if level % _LEVELS_PER_DUMP == _LEVELS_PER_DUMP - 1 else tree

    def _pairs(self, content: dict[Any, Any], level: int) -> list[list[Any]]:
        pairs = []
        depth, never = self._depth, VALUE_DEPTH_MAX + 1
        for key, value in content.items():
            self._depth = never  # a key that is cut would no longer tell its entry from another
            key_tree = self.item(key, level + 1)
            self._depth = depth
            pairs.append([key_tree, self.item(value, level + 1)])
        return pairs

    def _members(self, content: dict[str, Any], level: int) -> dict[str, Any]:
        members = {}
        for key, value in content.items():
            self._spend(len(key))
            members["$" + key if key[:1] == "$" else key] = self.item(value, level + 1)
        return members

    def _spend(self, size: int) -> None:
        self._size += size
        if self._size > self._size_max:
            raise _too_large("more text", f"{self._size_max} bytes")


def _shape(value: Any, kind: type, describe: Describe | None) -> Shape:
    native = _NATIVE.get(kind)
    if native is not None:
        shape = Shape(native, value, kind.__name__, None)
    elif describe is None:
        raise TypeError(f"a value of type {kind.__name__!r} can't be sent")
    else:
        try:
            shape = describe(value)
        except TypeError as error:
            raise TypeError(f"a value of type {kind.__name__!r} can't be sent: {error}") from error
    if shape.kind == "set" or shape.kind == "frozenset":
        return shape._replace(content=list(shape.content))
    return shape


def _flat(shape: Shape, size_max: int) -> bytes | None:
    """Return the text of a container that holds nothing but atoms without tags, else None.

    Most objects are like that. One loop in Python, which also keeps a long text that is held many times from being
    written many times, and orjson for the rest.
    """
    kind, content, class_name, _ = shape
    named = kind == "dict" or kind == "instance"
    size = 0
    for item in content.values() if named else content:
        item_kind = type(item)
        if item_kind is str:
            size += len(item)
        elif item_kind is float:
            if item - item != 0.0:  # nan, inf
                return None
        elif item_kind is not int and item is not None and item_kind is not bool:
            return None
    _check_size(size, size_max)
    try:
        text = dumps(content)
    except TypeError:  # an int beyond 64 bits, a lone surrogate, a key that is not a str
        return None
    if named:
        if b"$" in text and b'"$' in text and any(key[:1] == "$" for key in content):
            return None
        if kind == "instance":
            return b'{"$class":%b%b' % (dumps(class_name), b"," + text[1:] if content else b"}")
    elif kind != "list":
        return b'{"$%b":%b}' % (kind.encode(), text)
    return text


def _atom(value: Any) -> Any:
    if type(value) is int:
        return value if _INT_MIN <= value <= _INT_MAX else {"$int": _int_text(value, INT_BITS_MAX)}
    if type(value) is float:
        return value if isfinite(value) else {"$float": str(value)}
    if type(value) is str and not _is_unicode(value):
        return {"$str": b64encode(value.encode("utf-8", "surrogatepass")).decode()}
    return value


def _is_unicode(text: str) -> bool:
    """Whether `text` has a UTF-8 form, that is, no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _int_text(value: int, bits_max: int) -> str:
    bits = value.bit_length()
    if bits > bits_max:
        raise _too_large(f"an int of {bits} bits", f"{bits_max} bits")
    return str(value) if bits <= _DECIMAL_BITS_MAX else hex(value)


def _fraction_part(value: int) -> int | str:
    return value if _INT_MIN <= value <= _INT_MAX else _int_text(value, FRACTION_BITS_MAX)


def _moment(tag: str) -> Callable[[Any], bytes]:
    def encode_moment(value: datetime | time) -> bytes:
        # The name of a zone, and its changes of hour, are lost in ISO text; a fixed offset is not.
        if value.tzinfo is not None and type(value.tzinfo) is not timezone:
            kind, zone = type(value).__name__, type(value.tzinfo).__name__
            raise TypeError(f"a {kind} with a {zone!r} can't be sent; convert it to datetime.timezone.utc")
        return b'{"%b":"%b"}' % (tag.encode(), value.isoformat().encode())

    return encode_moment


_LEAVES: Final[dict[type, Callable[[Any], bytes]]] = {
    bytes: lambda value: b'{"$bytes":"%b"}' % b64encode(value),
    complex: lambda value: dumps({"$complex": [_atom(value.real), _atom(value.imag)]}),
    date: lambda value: b'{"$date":"%b"}' % value.isoformat().encode(),
    datetime: _moment("$datetime"),
    time: _moment("$time"),
    timedelta: lambda value: b'{"$timedelta":[%d,%d,%d]}' % (value.days, value.seconds, value.microseconds),
    Decimal: lambda value: b'{"$decimal":"%b"}' % str(value).encode(),
    Fraction: lambda value: dumps(
        {"$fraction": [_fraction_part(value.numerator), _fraction_part(value.denominator)]}
    ),
    UUID: lambda value: b'{"$uuid":"%b"}' % str(value).encode(),
}


def _check_size(size: int, size_max: int) -> None:
    if size > size_max:
        raise _too_large(f"{size} bytes", f"{size_max} bytes")


def _too_large(what: str, bound: str) -> ResultTooLarge:
    return ResultTooLarge(f"the value has {what}, the limit is {bound}; return less of it, or ask with `depth`")
