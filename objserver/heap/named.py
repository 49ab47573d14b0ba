"""Named tuples: classes that `namedtuple` makes, and their instances, which are values as tuples are.

    namedtuple("P", "x y") -> sandbox/library/collections.py judges the names -> [make_named_tuple] -> class P

A class is known by what it is made of: two calls with the same name, fields and defaults give the same class, in every
snippet, in every process and after a restart. So it needs no record of its own: a value's record names it. A class
whose defaults can change is made each time anew and can't be kept.

A client's class that derives from one, as `class P(NamedTuple)` does, has methods and a record as other classes have.
Its objects are values all the same: the record of one names its class. What makes them tuples stays as it is,
whatever its body, a decorator or an assignment to the class says, since C code and code of the host's look at them as
tuples.

Nothing is made by running text: CPython's own writes the source of `__new__` and evaluates it.

Promise: what CPython's namedtuple does, with its messages (tests/heap/test_named.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, ClassVar, Final, NoReturn
from weakref import WeakValueDictionary

from .atoms import ATOMS, NAN, is_nan
from .containers import bounded_count
from .instances import KINDS_ABOVE, HeapClass
from .sets import FrozenSet

__all__ = ["NamedKind", "NamedTuple", "NamedTupleType", "check_named_body", "make_named_tuple"]

# Deeper defaults are not compared; such a class can't be kept.
_DEPTH_MAX: Final = 50

_UNEXPECTED: Final[type[Exception]] = TypeError if sys.version_info >= (3, 13) else ValueError


class NamedTupleType(type):
    """Metaclass: the classes can't be changed."""

    def __setattr__(cls, name: str, value: object) -> NoReturn:
        raise TypeError(f"cannot set {name!r} attribute of immutable type {cls.__name__!r}")

    def __delattr__(cls, name: str) -> NoReturn:
        raise TypeError(f"cannot delete {name!r} attribute of immutable type {cls.__name__!r}")


class NamedKind(HeapClass, NamedTupleType):  # type: ignore[misc]  # HeapClass comes first, and notices changes
    """Metaclass of the classes of clients that derive from them: they can be changed, but for what is a tuple's own."""

    def __setattr__(cls, name: str, value: object) -> None:  # type: ignore[override]
        check_named_body((name,))
        HeapClass.__setattr__(cls, name, value)

    @staticmethod
    def __family__(bases: tuple[Any, ...]) -> Any:
        """A class with other fields is another class."""
        return bases[0].__parts__[1]


KINDS_ABOVE[NamedTupleType] = NamedKind

# What a class of a client can't define, nor be given later: how a tuple is looked at.
_TUPLES_OWN: Final = frozenset({
    "__contains__", "__eq__", "__ge__", "__getattr__", "__getitem__", "__gt__", "__hash__",
    "__index__", "__init__", "__iter__", "__le__", "__len__", "__lt__", "__ne__", "__post_init__", "__reversed__",
    "__upgrade__", "_asdict", "_field_defaults", "_fields", "_make", "_replace",
})


def check_named_body(body: Iterable[str]) -> None:
    """Raise AttributeError when one of the names is none that a class deriving from a named tuple can have."""
    for name in body:
        if name in _TUPLES_OWN:
            raise AttributeError(
                f"a named tuple can't define {name!r}: it is made, compared and iterated over as a tuple; "
                "use a dataclass"
            )


class _FieldDefaults:
    """`P._field_defaults`: a dict of its own for each who asks."""

    def __get__(self, obj: Any, cls: Any) -> dict[str, Any]:
        _, fields, defaults = cls.__parts__
        return dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))


class NamedTuple(tuple[Any, ...], metaclass=NamedTupleType):
    """Base of the classes. `__parts__` are name, fields, defaults; `__kept__` whether the class can be kept."""

    __slots__ = ()
    __parts__: ClassVar[tuple[str, tuple[str, ...], tuple[Any, ...]]] = ("", (), ())
    __kept__: ClassVar[bool]
    __match_args__: ClassVar[tuple[str, ...]]
    _fields: ClassVar[tuple[str, ...]] = ()
    _field_defaults = _FieldDefaults()

    def __new__(cls, /, *values: Any, **keywords: Any) -> NamedTuple:
        if keywords or len(values) != len(cls.__parts__[1]):
            values = _bound(cls, values, keywords)
        return tuple.__new__(cls, values)

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> NamedTuple:
        made = tuple.__new__(cls, iterable)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self, /, **keywords: Any) -> NamedTuple:
        values = [keywords.pop(name, value) for name, value in zip(self._fields, self, strict=True)]
        if keywords:
            raise _UNEXPECTED(f"Got unexpected field names: {list(keywords)!r}")
        return tuple.__new__(type(self), values)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __mul__(self, count: Any) -> Any:
        return tuple(self) * count if bounded_count(self, count) else NotImplemented

    def __rmul__(self, count: Any) -> Any:
        return tuple(self) * count if bounded_count(self, count) else NotImplemented

    def __repr__(self) -> str:
        inside = ", ".join([f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True)])
        return f"{type(self).__name__}({inside})"


_known: Final[WeakValueDictionary[Any, NamedTupleType]] = WeakValueDictionary()


def make_named_tuple(name: str, fields: tuple[str, ...], defaults: tuple[Any, ...] = ()) -> Any:
    """Return the class of this name with these fields, of which the last have the defaults.

    The names are the caller's to judge.
    """
    defaults = tuple([NAN if type(value) is float and is_nan(value) else value for value in defaults])
    try:
        key = (name, fields, tuple([_value_key(value, 0) for value in defaults]))
    except ValueError:
        return _made(name, fields, defaults, kept=False)
    found = _known.get(key)
    if found is None:
        found = _known.setdefault(key, _made(name, fields, defaults, kept=True))
    return found


def _made(name: str, fields: tuple[str, ...], defaults: tuple[Any, ...], *, kept: bool) -> NamedTupleType:
    body: dict[str, Any] = {field: property(itemgetter(index)) for index, field in enumerate(fields)}
    body |= {
        "__doc__": f"{name}({repr(fields)[1:-1].replace(chr(39), '')})",
        "__kept__": kept,
        "__match_args__": fields,
        "__module__": "builtins",
        "__parts__": (name, fields, defaults),
        "__slots__": (),
        "_fields": fields,
    }
    return NamedTupleType(name, (NamedTuple,), body)


def _value_key(value: Any, depth: int) -> Any:
    """Return what two values have in common exactly when they are the same. Raises ValueError: they can change."""
    kind = type(value)
    if kind in ATOMS and (value is NAN or not is_nan(value)):
        return kind, repr(value)
    if (kind is tuple or kind is FrozenSet or type(kind) is NamedTupleType) and depth < _DEPTH_MAX:
        if type(kind) is NamedTupleType and not kind.__kept__:
            raise ValueError
        return kind, tuple([_value_key(item, depth + 1) for item in value])
    raise ValueError


# --- arguments, as a function with these parameters would take them -------------------------------------------------


def _bound(cls: Any, values: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
    """Return the value of each field. Raises TypeError with CPython's message."""
    name, fields, defaults = cls.__parts__
    called = f"{name}.__new__()"
    given = dict(zip(fields, values, strict=False))
    for keyword, value in keywords.items():
        if keyword not in fields:
            raise TypeError(f"{called} got an unexpected keyword argument {keyword!r}")
        if keyword in given:
            raise TypeError(f"{called} got multiple values for argument {keyword!r}")
        given[keyword] = value
    if len(values) > len(fields):
        least, most = len(fields) - len(defaults) + 1, len(fields) + 1
        takes = f"from {least} to {most}" if defaults else str(most)
        plural = "" if most == 1 and not defaults else "s"
        raise TypeError(f"{called} takes {takes} positional argument{plural} but {len(values) + 1} were given")
    by_default = dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    missing = [repr(field) for field in fields if field not in given and field not in by_default]
    if missing:
        *firsts, last = missing
        listed = last if not firsts else f"{', '.join(firsts)}{',' if len(firsts) > 1 else ''} and {last}"
        plural = "s" if firsts else ""
        raise TypeError(f"{called} missing {len(missing)} required positional argument{plural}: {listed}")
    by_default |= given
    return tuple([by_default[field] for field in fields])
