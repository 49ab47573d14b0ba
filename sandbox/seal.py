"""Seal: what snippets reach of ours can't be changed, and holds nothing between snippets.

A Python function takes attributes (`print.x = 1`), a class too, a module leads to everything it imports. So functions
are handed out as bound methods, classes have a metaclass that refuses stores, modules are objects of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from types import MethodType
from typing import Any, Final, NoReturn

from sandbox.policy import MODULE_NAMES_REFUSED


class Sealed(type):
    """The class of classes that no snippet can change."""

    def __setattr__(cls, name: str, value: Any) -> NoReturn:
        raise TypeError(f"cannot set attribute {name!r} of {cls.__name__!r}: it belongs to the language")

    def __delattr__(cls, name: str) -> NoReturn:
        raise TypeError(f"cannot delete attribute {name!r} of {cls.__name__!r}: it belongs to the language")


class Made(Sealed):
    """The class of classes whose objects come from functions of a module alone, not from `type(x)(...)`."""

    def __call__(cls, *arguments: Any, **keywords: Any) -> NoReturn:
        raise TypeError(f"cannot create {cls.__name__!r} instances")


class _Language(metaclass=Sealed):
    """What the functions of the language are bound to."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "the language"


LANGUAGE: Final = _Language()


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(language: _Language, /, *arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    call.__name__ = function.__name__
    call.__qualname__ = function.__name__
    call.__doc__ = function.__doc__
    return call


def sealed(function: Callable[..., Any], name: str | None = None) -> Any:
    """Return `function` as an object that takes no attributes and shows nothing of ours."""
    if name is not None:
        # Python names the inner function when the arguments are wrong.
        function.__name__ = function.__qualname__ = name
    return MethodType(_forward(function), LANGUAGE)


def bound(function: Callable[..., Any], name: str) -> Any:
    """Return what `sealed` does, of a function that takes the language as its first argument: a call less each time."""
    function.__name__ = function.__qualname__ = name
    return MethodType(function, LANGUAGE)


class _MissingKind(Sealed):
    def __call__(cls, *arguments: Any) -> NoReturn:
        raise TypeError("MISSING stands for a value that was not given and can't be called")

    def __repr__(cls) -> str:
        return "MISSING"


class MISSING(metaclass=_MissingKind):
    """Stands for a value that was not given. A class, so that the heap keeps it by name."""


class Row(tuple[Any, ...], metaclass=Sealed):
    """A tuple whose items have names, as Python's named tuples; without their methods, which share what can change."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = type(self).__fields__  # type: ignore[attr-defined]
        return f"{type(self).__name__}({', '.join(f'{name}={self[at]!r}' for at, name in enumerate(names))})"


def make_row(name: str, fields: tuple[str, ...]) -> Any:
    """Return a class of rows with these fields."""
    def new(cls: type[Row], *items: Any) -> Row:
        if len(items) != len(fields):
            raise TypeError(f"{name} takes {len(fields)} values")
        return tuple.__new__(cls, items)

    space: dict[str, Any] = {field: property(itemgetter(at)) for at, field in enumerate(fields)}
    space |= {"__slots__": (), "__new__": new, "__fields__": fields, "__module__": "builtins"}
    return Sealed(name, (Row,), space)


class _ModuleKind(Sealed):
    def __call__(cls, *arguments: Any) -> NoReturn:
        raise TypeError("modules are made by the language alone")


class Module(metaclass=_ModuleKind):
    """A module of the language: names and values, neither changed nor added to."""

    __slots__ = ("_name", "_values")

    _name: str
    _values: dict[str, Any]

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Module
        if name == "__name__":
            return object.__getattribute__(self, "_name")
        try:
            return object.__getattribute__(self, "_values")[name]
        except KeyError:
            module = object.__getattribute__(self, "_name")
            reason = MODULE_NAMES_REFUSED.get(f"{module}.{name}")
            hint = "" if reason is None else f": {reason}"
            raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}") from None

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"cannot set attribute {name!r}: modules can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete attribute {name!r}: modules can't be changed")

    def __dir__(self) -> list[str]:
        return sorted(object.__getattribute__(self, "_values"))

    def __repr__(self) -> str:
        return f"<module {object.__getattribute__(self, '_name')!r}>"


def make_module(name: str, values: dict[str, Any]) -> Module:
    """Return a module of these values, none of which may be changeable."""
    module: Module = object.__new__(Module)
    object.__setattr__(module, "_name", name)
    object.__setattr__(module, "_values", values)
    return module
