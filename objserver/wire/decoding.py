"""JSON to values, by the table in `wire/values.py`. Does no I/O.

    bytes -> orjson -> [decode: tags become values] -> value

Most text holds no tag: `needs_decode` says so after a search in C, and then what orjson read is the value.

Promise: any bytes give a value or a `BadRequest` (tests/wire/test_values.py).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections import Counter, deque, namedtuple
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from keyword import iskeyword
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from objserver.errors import BadRequest
from objserver.limits import (
    DECIMAL_DIGITS_MAX,
    DECIMAL_EXPONENT_MAX,
    FRACTION_BITS_MAX,
    HASH_SHARED_COUNT_MAX,
    INT_BITS_MAX,
    VALUE_DEPTH_MAX,
)

__all__ = ["Factories", "decode", "loads", "needs_decode"]

InstanceFactory = Callable[[str, dict[str, Any]], Any]
ReferenceFactory = Callable[[int | None, str | None], Any]
SetFactory = Callable[[Iterable[Any]], Any]

_BACKSLASH, _BRACE, _BRACKET, _DOLLAR = b"\\{[$"

_ATOMS: Final = frozenset({type(None), bool, int, float, str})


# Fields of a named tuple: more than a snippet may give a function.
FIELD_COUNT_MAX: Final = 255


@lru_cache(maxsize=1_000)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    """Return one class for one name and fields, so that what comes in two replies is of one class."""
    return namedtuple(name, fields)


class Factories(NamedTuple):
    """What tagged values become: `set(items)`, `frozenset(items)`, `deque(items, maxlen)`, and the class of a named
    tuple: `namedtuple(name, fields)`."""

    set: SetFactory = set
    frozenset: SetFactory = frozenset
    deque: Callable[[Iterable[Any], int | None], Any] = deque
    namedtuple: Callable[[str, tuple[str, ...]], Any] = _named_tuple


_PYTHONS: Final = Factories()


def decode(
    tree: Any,
    *,
    instance: InstanceFactory | None = None,
    reference: ReferenceFactory | None = None,
    factories: Factories = _PYTHONS,
) -> Any:
    """Return the value that `tree`, from `orjson.loads`, stands for. Parts of the tree become parts of the value.

    Args:
        instance: makes an instance of a class name and attributes; None where only values are welcome.
        reference: makes a stand-in of an oid and a class name.
        factories: make what tagged values become; Python's own unless told.
    Raises:
        BadRequest: an unknown tag, or a known one with content that it can't have.
    """
    return _Decoder(instance, reference, factories).value(tree, 0)


def loads(
    data: bytes,
    *,
    instance: InstanceFactory | None = None,
    reference: ReferenceFactory | None = None,
    factories: Factories = _PYTHONS,
) -> Any:
    """Return the value in JSON text, as `decode` does.

    Raises:
        BadRequest: not JSON, or not a value.
    """
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the value is not JSON: {error}") from error
    if not needs_decode(data):
        return tree
    return decode(tree, instance=instance, reference=reference, factories=factories)


def needs_decode(data: bytes) -> bool:
    """Whether JSON text may hold a tag or nest too deep. If not, what `orjson.loads` returns is the value."""
    # Bytes given as numbers: that search is many times as fast. "\u0024" is another way to write "$".
    if _DOLLAR in data and b'"$' in data:
        return True
    if _BACKSLASH in data and b"\\u0024" in data:
        return True
    # What opens so many levels closes them too.
    return len(data) > 2 * VALUE_DEPTH_MAX and data.count(_BRACKET) + data.count(_BRACE) > VALUE_DEPTH_MAX


class _Decoder:
    """Turns one tree into a value."""

    __slots__ = ("_factories", "_instance", "_reference", "_sets")

    def __init__(
        self,
        instance: InstanceFactory | None,
        reference: ReferenceFactory | None,
        factories: Factories,
    ) -> None:
        self._factories = factories
        self._instance = instance
        self._reference = reference
        self._sets: dict[str, SetFactory] = {"$set": factories.set, "$frozenset": factories.frozenset}

    def value(self, tree: Any, level: int) -> Any:
        """Return the value of `tree`. `level` counts the containers around it."""
        if type(tree) is list:
            return self._items(tree, level)
        if type(tree) is not dict:
            return tree
        if "$" not in "".join(tree):  # most often, and found in C
            return self._members(tree, level)
        tags = [key for key in tree if key[:1] == "$" and key[:2] != "$$"]
        if not tags:
            return self._members(tree, level, escaped=True)
        if "$ref" in tags or "$class" in tags:
            return self._object(tree, tags, level)
        tag = tags[0]
        content = tree[tag]
        if len(tree) != 1:
            raise BadRequest(f"{_shown(tag)} does not stand alone; a key that begins with '$' is written with '$$'")
        try:
            if tag == "$tuple":
                return tuple(self._items(_checked(content, list), level))
            if tag in self._sets:
                members = self._items(_checked(content, list), level)
                self._check_hashes(members)
                return self._sets[tag](members)
            if tag == "$deque":
                return self._deque(content, level)
            if tag == "$namedtuple":
                return self._named_tuple(content, level)
            if tag == "$dict":
                return self._pairs(content, level)
            if tag in _PARSERS:
                return _PARSERS[tag](content)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise BadRequest(f"{tag!r} can't be made of {_shown(content)}: {str(error)[:100]}") from error
        raise BadRequest(f"unknown tag {_shown(tag)}; a key that begins with '$' is written with '$$'")

    def _items(self, items: list[Any], level: int) -> list[Any]:
        _check_level(level)
        if _ATOMS.issuperset(map(type, items)):
            return items
        return [self.value(item, level + 1) for item in items]

    def _members(self, members: dict[str, Any], level: int, *, escaped: bool = False) -> dict[str, Any]:
        """The entries of a plain dict, or the attributes of an instance without its tag."""
        _check_level(level)
        if escaped:
            members = {key[1:] if key[:1] == "$" else key: member for key, member in members.items()}
        if _ATOMS.issuperset(map(type, members.values())):
            return members
        return {key: self.value(member, level + 1) for key, member in members.items()}

    def _pairs(self, pairs: Any, level: int) -> dict[Any, Any]:
        _check_level(level)
        keys, members = [], []
        for pair in _checked(pairs, list):
            key, member = _checked(pair, list)
            keys.append(self.value(key, level + 1))
            members.append(self.value(member, level + 1))
        self._check_hashes(keys)
        return dict(zip(keys, members, strict=True))

    def _deque(self, content: Any, level: int) -> Any:
        items, maxlen = _checked(content, list)
        if maxlen is not None and _checked(maxlen, int) < 0:
            raise ValueError("maxlen must be non-negative")
        return self._factories.deque(self._items(_checked(items, list), level), maxlen)

    def _named_tuple(self, content: Any, level: int) -> Any:
        name, members = _checked(content, list)
        fields = tuple(_checked(members, dict))
        if len(fields) > FIELD_COUNT_MAX:
            raise ValueError(f"a named tuple has at most {FIELD_COUNT_MAX} fields")
        for field in (_checked(name, str), *fields):
            if not field.isidentifier() or iskeyword(field):
                raise ValueError(f"{field[:60]!r} is no name")
        if any(field.startswith("_") for field in fields):
            raise ValueError("a field can't begin with an underscore")
        return self._factories.namedtuple(name, fields)._make(self._items(list(members.values()), level))

    def _object(self, tree: dict[str, Any], tags: list[str], level: int) -> Any:
        """An instance, {"$class": name, attribute: value, ..}, or a reference, {"$ref": oid, "$class": name}."""
        class_name, oid = tree.get("$class"), tree.get("$ref")
        if tags == ["$class"] and type(class_name) is str:
            if self._instance is None:
                raise BadRequest(f"arguments carry values; make the instance of {_shown(class_name)} in the snippet")
            members = {key: member for key, member in tree.items() if key != "$class"}
            return self._instance(class_name, self._members(members, level, escaped=True))
        if (
            "$ref" in tags
            and len(tags) == len(tree)
            and tree.keys() <= {"$ref", "$class"}
            and (oid is None or type(oid) is int)
            and (class_name is None or type(class_name) is str)
        ):
            if self._reference is None:
                raise BadRequest(f"arguments carry values; name the object {_shown(oid)} in the snippet instead")
            return self._reference(oid, class_name)
        raise BadRequest(f"{_shown(tree)} is neither an instance nor a reference")

    def _check_hashes(self, keys: list[Any]) -> None:
        """Refuse arguments that were made to fill one place of a hash table.

        In a reply many keys may well be alike: a set holds instances apart that as copies are equal.
        """
        if self._instance is not None or len(keys) <= HASH_SHARED_COUNT_MAX:
            return
        if max(Counter(map(hash, keys)).values()) > HASH_SHARED_COUNT_MAX:
            raise ValueError(f"more than {HASH_SHARED_COUNT_MAX} of them have the same hash")


def _check_level(level: int) -> None:
    if level >= VALUE_DEPTH_MAX:
        raise BadRequest(f"a value nests deeper than {VALUE_DEPTH_MAX} levels; send it in pieces")


def _checked(content: Any, *kinds: type) -> Any:
    if type(content) not in kinds:
        raise ValueError(f"expected {' or '.join(kind.__name__ for kind in kinds)}")
    return content


def _shown(content: object) -> str:
    """Foreign content in an error message: as much as helps. A tree may be too large or too deep to be shown whole."""
    if isinstance(content, dict | list):
        return f"{type(content).__name__} of {len(content)}"
    return repr(content[:60] if isinstance(content, str) else content)


_INT_PATTERN: Final = re.compile(r"-?(?:[0-9]{1,4300}|0x[0-9a-f]+)", re.ASCII)


def _parse_int(content: Any, bits_max: int = INT_BITS_MAX) -> int:
    text = _checked(content, str)
    if len(text) > bits_max // 4 + 4 or not _INT_PATTERN.fullmatch(text):
        raise ValueError("expected at most 4300 decimal digits, or hexadecimal ones after 0x")
    return int(text, 16) if "x" in text else int(text)


def _parse_fraction(content: Any) -> Fraction:
    parts = _checked(content, list)
    numerator, denominator = (
        part if type(part) is int else _parse_int(part, FRACTION_BITS_MAX) for part in parts
    )
    return Fraction(numerator, denominator)


def _parse_float(content: Any) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ValueError("expected nan, inf or -inf")
    return float(content)


def _parse_complex(content: Any) -> complex:
    real, imag = (
        _parse_float(part["$float"]) if type(part) is dict and part.keys() == {"$float"} else _checked(part, float, int)
        for part in _checked(content, list)
    )
    return complex(real, imag)


def _parse_datetime(content: Any) -> datetime:
    text, fold = _parse_fold(content)
    return datetime.fromisoformat(text).replace(fold=fold)


def _parse_time(content: Any) -> time:
    text, fold = _parse_fold(content)
    return time.fromisoformat(text).replace(fold=fold)


def _parse_fold(content: Any) -> tuple[str, int]:
    if type(content) is list:
        text, fold = content
        return _checked(text, str), _checked(fold, int)
    return _checked(content, str), 0


def _parse_timedelta(content: Any) -> timedelta:
    days, seconds, microseconds = (_checked(part, int) for part in _checked(content, list))
    return timedelta(days, seconds, microseconds)


def _parse_decimal(content: Any) -> Decimal:
    text = _checked(content, str)
    if len(text) > 2 * DECIMAL_DIGITS_MAX:
        raise ValueError(f"more than {DECIMAL_DIGITS_MAX} digits")
    value = Decimal(text)
    _, digits, exponent = value.as_tuple()
    if len(digits) > DECIMAL_DIGITS_MAX:
        raise ValueError(f"more than {DECIMAL_DIGITS_MAX} digits")
    if type(exponent) is int and abs(exponent + len(digits) - 1) > DECIMAL_EXPONENT_MAX:
        raise ValueError(f"the exponent is beyond {DECIMAL_EXPONENT_MAX}")
    return value


def _parse_timezone(content: Any) -> timezone:
    days, seconds, microseconds, *name = _checked(content, list)
    offset = _parse_timedelta([days, seconds, microseconds])
    # A name is a text as any other: with a tag where it holds a lone surrogate.
    return timezone(offset, *(_checked(decode(part), str) for part in name))


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$bytes": lambda content: b64decode(_checked(content, str), validate=True),
    "$complex": _parse_complex,
    "$date": lambda content: date.fromisoformat(_checked(content, str)),
    "$datetime": _parse_datetime,
    "$decimal": _parse_decimal,
    "$float": _parse_float,
    "$fraction": _parse_fraction,
    "$int": _parse_int,
    "$str": lambda content: b64decode(_checked(content, str), validate=True).decode("utf-8", "surrogatepass"),
    "$time": _parse_time,
    "$timedelta": _parse_timedelta,
    "$timezone": _parse_timezone,
    "$uuid": lambda content: UUID(_checked(content, str)),
}
