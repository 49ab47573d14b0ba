"""Kinds: stand-ins for Python's classes of values: what a snippet imports as `Decimal` or `datetime`.

    Decimal("1.5")             the stand-in is called: checks, then an exact decimal.Decimal
    Decimal.from_float(0.5)    what the class itself offers, bound to Python's class
    isinstance(x, Decimal)     asks Python's class;  type(x) is Decimal: see runtime

The values are of Python's own classes, so that the heap and the wire know them. The classes are not given out: some
can be changed (`Fraction`), some read the clock (`datetime.now`), some make what takes hours to compute with
(`Decimal('1e999999999')`). A stand-in can't be changed and leads to nothing else
(tests/sandbox/test_library_values.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any, Final

from sandbox.policy import ATTRIBUTES_GUARDED, ATTRIBUTES_REFUSED
from sandbox.seal import Sealed, sealed

_CLASS_METHODS: Final = (classmethod, staticmethod, BuiltinFunctionType, type(dict.__dict__["fromkeys"]))
_DATA: Final = (property, type(int.real), type(slice.start))


class Kind(Sealed):
    """The class of stand-ins: each has the class it stands for in `__original__`."""

    __original__: type

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.__original__)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other.__original__ if isinstance(other, Kind) else other, cls.__original__)


class ValueKind(Kind):
    """The class of stand-ins whose call is a function of ours."""

    __construct__: Callable[..., Any]

    def __call__(cls, *arguments: Any, **keywords: Any) -> Any:
        return cls.__construct__(*arguments, **keywords)


def make_kind(original: type, construct: Callable[..., Any], **own: Any) -> ValueKind:
    """Return a stand-in for `original`.

    It has the methods and values of the original's own, but not the names of ATTRIBUTES_GUARDED.

    Args:
        construct: what calling it does.
        own: functions and values of this class that take the place of the original's.
    """
    space: dict[str, Any] = {
        "__slots__": (), "__module__": original.__module__, "__doc__": original.__doc__, "__original__": original,
        "__construct__": staticmethod(construct),
    }
    for name in dir(original):
        if not name.startswith("_") and name not in ATTRIBUTES_GUARDED and name not in ATTRIBUTES_REFUSED:
            raw = inspect.getattr_static(original, name)
            if isinstance(raw, _DATA):
                continue  # of a value, not of the class
            if isinstance(raw, FunctionType):
                space[name] = sealed(raw)
            elif isinstance(raw, _CLASS_METHODS):
                space[name] = staticmethod(_class_method(getattr(original, name)))
            else:
                assert type(raw) is MethodDescriptorType or type(raw).__hash__ is not None, name
                space[name] = raw
    for name, value in own.items():
        space[name] = sealed(value, name) if isinstance(value, FunctionType) else value
    return ValueKind(original.__name__, (), space)


def _class_method(method: Any) -> Any:
    if isinstance(method, BuiltinFunctionType):
        return method
    # Called through a function of ours: what the stand-in gives out does not lead to Python's class.
    assert isinstance(method, MethodType | FunctionType)
    name = method.__name__

    def call(*arguments: Any, **keywords: Any) -> Any:
        return method(*arguments, **keywords)

    return sealed(call, name)
