"""Values to JSON, by the table in `wire/values.py`. Does no I/O.

    value -> describe (what is not a plain type) -> dicts and lists for orjson, tags for the rest -> bytes

An object that holds only atoms is written by orjson at once; only the others are walked.

Promise: time and memory are bounded by the limits, not by the value (tests/wire/test_values.py).
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from orjson import Fragment, dumps

from objserver.errors import ResultTooLarge
from objserver.limits import (
    DECIMAL_DIGITS_MAX,
    DECIMAL_EXPONENT_MAX,
    FRACTION_BITS_MAX,
    INT_BITS_MAX,
    RESULT_SIZE_MAX,
    VALUE_COUNT_MAX,
    VALUE_DEPTH_MAX,
)

__all__ = ["Describe", "Shape", "encode", "encode_arguments", "encode_document"]


Kind = Literal["deque", "dict", "frozenset", "instance", "list", "namedtuple", "reference", "set", "tuple"]


class Shape(NamedTuple):
    """How a value is to be shown.

    content by kind: "dict": a plain dict; "list", "tuple", "deque": a list, tuple or `collections.deque`; "set",
    "frozenset": the items in order, in a collection; "instance", "namedtuple": a dict of attribute name -> value;
    "reference": nothing, the value is only named.
    """

    kind: Kind
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
            none. For what a cut hides its attribute `name`, if it has one, is called instead: content is not needed.
        depth: containers nested deeper become {"$ref": ..}; 0 cuts the value itself, None cuts nothing. Keys of
            dicts are never cut.
        size_max: bytes; RESULT_SIZE_MAX unless told.
    Raises:
        ResultTooLarge: more than size_max bytes, VALUE_COUNT_MAX containers or VALUE_DEPTH_MAX levels. Stops early.
        TypeError: names a type that has no shape.
    """
    if size_max is None:
        size_max = RESULT_SIZE_MAX
    kind = type(value)
    text: bytes | None = None
    # The common results come first: an atom, and an object that holds only atoms, need no walk.
    if kind in _ATOMS:
        if kind is str and len(value) > size_max:  # type: ignore[arg-type]
            raise _too_large("more text", f"{size_max} bytes")
        text = dumps(_atom(value))
    elif kind in _LEAVES:
        text = _LEAVES[kind](value)
    else:
        shape = _shape(value, kind, describe)
        if shape[0] != "reference" and (depth is None or depth > 0):
            text = _flat(shape, size_max)
            if text is None and depth is None:
                text = _nested(value, shape, describe, size_max)
        if text is None:
            text = dumps(_Encoder(describe, depth, size_max).tree(value, shape, 0))
    if len(text) > size_max:
        raise _too_large(f"{len(text)} bytes", f"{size_max} bytes")
    return text


def encode_arguments(named: Mapping[str, Any], positional: Sequence[Any] | None) -> bytes | None:
    """Return what `encode` makes of `named`, or of [positional, named], where all are texts, whole numbers, bools and
    None; None where they may be something else.

    They came in one message, so no long text stands in them more often than it was sent.
    """
    if not _PLAIN_ATOMS.issuperset(map(type, named.values())):
        return None
    if positional is not None and not _PLAIN_ATOMS.issuperset(map(type, positional)):
        return None
    try:
        text = dumps(named if positional is None else (positional, named))
    except TypeError:  # as in `_flat`
        return None
    return None if _DOLLAR in text and b'"$' in text else text


def encode_document(value: object, contents: Callable[[Any], Any]) -> bytes:
    """Return what `encode` makes of dicts and lists in each other that hold nothing but texts, finite numbers, bools
    and None, with texts for keys that have no "$" in them.

    Args:
        contents: tells what is in a container that is no plain dict or list, each time one is met.
    Raises:
        TypeError: a text or number that JSON has no word for, more than some 250 levels, or an error of `contents`.
    """
    return dumps(value, default=contents)


# Containers become dicts and lists that one `orjson.dumps` writes; the rest is text already, carried in a `Fragment`,
# so that its size is known before it is copied.

_ATOMS: Final = frozenset({type(None), bool, int, float, str})
_PLAIN_ATOMS: Final = _ATOMS - {float}  # JSON has no nan
_NATIVE: Final[dict[type, Kind]] = {
    deque: "deque", dict: "dict", frozenset: "frozenset", list: "list", set: "set", tuple: "tuple"
}
_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 64) - 1
_DOLLAR: Final = ord("$")  # `int in bytes` is a search for one byte, many times as fast as `bytes in bytes`

_NEVER: Final = VALUE_DEPTH_MAX + 1  # a depth that no value has

# orjson writes 253 levels at most, and one level of a value takes up to three: {"$dict": [[key, value]]}.
_LEVELS_PER_DUMP: Final = 80

# More containers than this are counted by the walk that raises when there are too many.
_NESTED_COUNT_MAX: Final = 10_000

# Items of a container that orjson writes at once: it takes some 200 bytes of memory for each, 1.7 GB for a result of
# 16 MiB, and where it gets none it crashes the process.
_PIECE_COUNT: Final = 10_000

# A text this long is not written again with what is around it, for the same reason.
_KEPT_SIZE: Final = 64 * 1024

# Below this, decimal text is readable and cheap; above, only hexadecimal text takes linear time. Python's own limit on
# the digits of an int can't be set so low that it would refuse this.
_DECIMAL_BITS_MAX: Final = 2048


class _Encoder:
    """One walk over one value: what it has used up, and the containers it is inside of."""

    __slots__ = ("_count", "_depth", "_describe", "_name", "_path", "_size", "_size_max")

    def __init__(self, describe: Describe | None, depth: int | None, size_max: int) -> None:
        self._describe = describe
        # What a cut hides is only named; whoever describes may have a way to that which reads nothing.
        self._name: Describe | None = getattr(describe, "name", describe)
        self._depth = _NEVER if depth is None else depth
        self._size_max = size_max
        self._size = 0  # bytes that the text will have at least
        self._count = 0
        self._path: set[int] = set()

    def tree(self, value: Any, shape: tuple[Kind, Any, str, int | None], level: int) -> Any:
        """Return a container as something orjson writes. `level` counts the containers around it."""
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
            # A short one is thrown away and written again with the rest. Kept, a thousand small texts cost ten times
            # the time: each lies in the large buffer that orjson began it in.
            self._spend(len(text))
            if len(text) >= _KEPT_SIZE:
                return Fragment(text)
        self._path.add(key)
        tree: Any
        if kind == "namedtuple":
            tree = {"$namedtuple": [class_name, self._members(content, level)]}
        elif kind == "deque":
            tree = {"$deque": [self._items(content, level), content.maxlen]}
        elif kind == "dict" or kind == "instance":
            if text is not None:
                tree = content
            elif kind == "instance" or _are_plain(content):
                tree = self._members(content, level)
            else:
                tree = {"$dict": self._pairs(content, level)}
            if kind == "instance":
                tree = {"$class": class_name, **tree}
        else:
            tree = list(content) if text is not None else self._items(content, level)
            if kind != "list":
                tree = {"$" + kind: tree}
        self._path.remove(key)
        return Fragment(dumps(tree)) if level % _LEVELS_PER_DUMP == _LEVELS_PER_DUMP - 1 else tree

    def _members(self, content: dict[str, Any], level: int) -> dict[str, Any]:
        items = self._items(content.values(), level)
        names: Iterable[str] = content
        joined = "".join(content)
        self._spend(len(joined))
        if "$" in joined:
            names = ["$" + name if name[:1] == "$" else name for name in content]
        return dict(zip(names, items, strict=True))

    def _pairs(self, content: dict[Any, Any], level: int) -> list[list[Any]]:
        # A key that is cut would no longer tell its entry from another.
        depth, self._depth = self._depth, _NEVER
        keys = self._items(content, level)
        self._depth = depth
        return [[key, item] for key, item in zip(keys, self._items(content.values(), level), strict=True)]

    def _items(self, items: Collection[Any], level: int) -> list[Any]:
        trees = []
        size = len(items)  # a comma or a bracket behind each; never more than the text will have
        for item in items:
            kind = type(item)
            if kind is str:
                size += len(item)
                trees.append(item if item.isascii() else _atom(item))
            elif item is None or kind is bool:
                trees.append(item)
            elif kind is int or kind is float:
                trees.append(_atom(item))
            elif kind in _LEAVES:
                text = _LEAVES[kind](item)
                size += len(text)
                trees.append(Fragment(text))
            else:
                describe = self._describe if level + 1 < self._depth else self._name
                trees.append(self.tree(item, _shape(item, kind, describe), level + 1))
        self._spend(size)
        return trees

    def _spend(self, size: int) -> None:
        self._size += size
        if self._size > self._size_max:
            raise _too_large("more text", f"{self._size_max} bytes")


def _shape(value: Any, kind: type, describe: Describe | None) -> tuple[Kind, Any, str, int | None]:
    native = _NATIVE.get(kind)
    if native is not None:
        return native, value, kind.__name__, None
    if describe is None and issubclass(kind, tuple) and type(fields := getattr(kind, "_fields", None)) is tuple:
        return "namedtuple", dict(zip(fields, value, strict=True)), kind.__name__, None
    if describe is None:
        raise TypeError(f"a value of type {kind.__name__!r} can't be sent")
    try:
        shape = describe(value)
    except TypeError as error:
        raise TypeError(f"a value of type {kind.__name__!r} can't be sent: {error}") from error
    return shape


def _flat(shape: tuple[Kind, Any, str, int | None], size_max: int) -> bytes | None:
    """Return the text of a container that holds nothing but atoms without tags, else None.

    Most objects are like that. One loop in Python, which also keeps a long text that is held many times from being
    written many times, and orjson for the rest.
    """
    kind, content, class_name, _ = shape
    if kind == "deque" or kind == "namedtuple":
        return None
    named = kind == "dict" or kind == "instance"
    size = 2 * len(content)  # a comma and a character each, at least
    if size > size_max:
        raise _too_large("more items", f"{size_max} bytes")
    for item in content.values() if named else content:
        item_kind = type(item)
        if item_kind is str:
            size += len(item)
        elif item_kind is float:
            if item - item != 0.0:  # nan, inf
                return None
        elif item_kind is not int and item is not None and item_kind is not bool:
            return None
    if size > size_max:
        raise _too_large(f"{size} bytes", f"{size_max} bytes")
    try:
        if named and size + len("".join(content)) > size_max:
            raise _too_large("more text", f"{size_max} bytes")
        if len(content) > _PIECE_COUNT:
            text = _in_pieces(content, named)
        else:
            text = dumps(content if named or kind == "list" or kind == "tuple" else list(content))
    except TypeError:  # an int beyond 64 bits, a lone surrogate, a key that is not a str
        return None
    if named:
        if _DOLLAR in text and b'"$' in text and any(key[:1] == "$" for key in content):
            return None
        if kind == "instance":
            return b'{"$class":%b%b' % (dumps(class_name), b"," + text[1:] if content else b"}")
    elif kind != "list":
        return b'{"$%b":%b}' % (kind.encode(), text)
    return text


def _in_pieces(content: Any, named: bool) -> bytes:
    """Return the text of many atoms, written a piece at a time. Raises TypeError, as `orjson.dumps`."""
    items = iter(content.items() if named else content)
    make: Any = dict if named else list
    pieces = []
    while piece := make(islice(items, _PIECE_COUNT)):
        pieces.append(dumps(piece)[1:-1])
    text = b",".join(pieces)
    return b"{%b}" % text if named else b"[%b]" % text


def _nested(
    value: Any, shape: tuple[Kind, Any, str, int | None], describe: Describe | None, size_max: int
) -> bytes | None:
    """Return the text of dicts and lists in each other that hold nothing else but atoms without tags, else None.

    Documents are like that. One look at every item, which builds nothing, and orjson for the rest: a third of the time
    of a walk that makes a tree of its own. Cycles and what is large are left to that walk.
    """
    budget = [_NESTED_COUNT_MAX, size_max, 10 * _PIECE_COUNT]
    if not _is_nested(shape, describe, 0, budget):
        return None
    unwrap = None if describe is None else lambda item: describe(item)[1]
    try:
        text = dumps(value, default=unwrap)
    except TypeError:  # as in `_flat`
        return None
    return None if _DOLLAR in text and b'"$' in text else text


def _is_nested(
    shape: tuple[Kind, Any, str, int | None], describe: Describe | None, level: int, budget: list[int]
) -> bool:
    kind, content, _, _ = shape
    if level == _LEVELS_PER_DUMP or (kind != "dict" and kind != "list"):
        return False
    size = 0
    for item in content.values() if kind == "dict" else content:
        item_kind = type(item)
        if item_kind is str:
            size += len(item)
        elif item_kind is float:
            if item - item != 0.0:  # nan, inf
                return False
        elif item_kind is not int and item is not None and item_kind is not bool:
            if item_kind in _LEAVES or (describe is None and item_kind not in _NATIVE):
                return False
            if not _is_nested(_shape(item, item_kind, describe), describe, level + 1, budget):
                return False
    budget[0] -= 1
    budget[1] -= size
    budget[2] -= len(content)
    return min(budget) >= 0


def _are_plain(keys: Iterable[Any]) -> bool:
    """Whether JSON can have these keys."""
    return set(map(type, keys)) <= {str} and _is_unicode("".join(keys))


def _atom(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return value if _INT_MIN <= value <= _INT_MAX else {"$int": _int_text(value, INT_BITS_MAX)}
    if kind is float:
        return value if isfinite(value) else {"$float": str(value)}
    if kind is str and not _is_unicode(value):
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


def _decimal(value: Decimal) -> bytes:
    _, digits, exponent = value.as_tuple()
    if len(digits) > DECIMAL_DIGITS_MAX:
        raise _too_large(f"a Decimal of {len(digits)} digits", f"{DECIMAL_DIGITS_MAX} digits")
    if type(exponent) is int and abs(exponent + len(digits) - 1) > DECIMAL_EXPONENT_MAX:
        raise _too_large(f"the Decimal {value}", f"an exponent of {DECIMAL_EXPONENT_MAX}")
    return b'{"$decimal":"%b"}' % str(value).encode()


def _timezone(value: timezone) -> bytes:
    offset, *name = value.__getinitargs__()  # type: ignore[attr-defined]
    return _short({"$timezone": [offset.days, offset.seconds, offset.microseconds, *map(_atom, name)]})


def _moment(tag: str) -> Callable[[Any], bytes]:
    def encode_moment(value: datetime | time) -> bytes:
        zone = value.tzinfo
        # The name of a zone and its changes of hour are lost in ISO text; a fixed offset is not. Python 3.11 reads
        # offsets under a second as none.
        if zone is not None and (type(zone) is not timezone or zone.utcoffset(None).microseconds):
            kind = type(value).__name__
            raise TypeError(f"a {kind} with the zone {zone!r:.60} can't be sent; convert it to datetime.timezone.utc")
        text = value.isoformat()
        return _short({tag: [text, 1] if value.fold else text})

    return encode_moment


def _short(value: object) -> bytes:
    """Return a short text in memory of its size: orjson's own stays in the buffer of some 4 KiB it was written in."""
    return b"%b" % dumps(value)


_LEAVES: Final[dict[type, Callable[[Any], bytes]]] = {
    bytes: lambda value: b'{"$bytes":"%b"}' % b64encode(value),
    complex: lambda value: _short({"$complex": [_atom(value.real), _atom(value.imag)]}),
    date: lambda value: b'{"$date":"%b"}' % value.isoformat().encode(),
    datetime: _moment("$datetime"),
    time: _moment("$time"),
    timedelta: lambda value: b'{"$timedelta":[%d,%d,%d]}' % (value.days, value.seconds, value.microseconds),
    timezone: _timezone,
    Decimal: _decimal,
    Fraction: lambda value: _short(
        {"$fraction": [_fraction_part(value.numerator), _fraction_part(value.denominator)]}
    ),
    UUID: lambda value: b'{"$uuid":"%b"}' % str(value).encode(),
}


def _too_large(what: str, bound: str) -> ResultTooLarge:
    return ResultTooLarge(f"the value has {what}, the limit is {bound}; return less of it, or ask with `depth`")
