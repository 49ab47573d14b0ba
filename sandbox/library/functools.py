"""The module `functools`: Python's, as far as nothing in it keeps something between snippets.

A function with a cache is kept without it: what it remembers ends with the snippet (sandbox/library/written.py). What
`total_ordering` adds to a class are objects of this module, which the heap keeps by their names.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final

from sandbox.guards import attribute_target
from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.library.written import written
from sandbox.seal import Module, Sealed, make_module, sealed


def make_functools(hooks: Hooks) -> Module:
    meter = Meter(hooks)
    classes = written(hooks)

    def reduce(function: Any, iterable: Any, /, *initial: Any) -> Any:
        return functools.reduce(function, meter.source(iterable)[0], *initial)

    def lru_cache(maxsize: Any = 128, typed: Any = False) -> Any:
        if callable(maxsize):
            return cached(maxsize, 128, False)
        if maxsize is not None and type(maxsize) is not int:
            raise TypeError("Expected first argument to be an integer, a callable, or None")
        return sealed(lambda function: cached(function, maxsize, typed), "decorator")

    def cached(function: Any, limit: int | None, typed: Any) -> Any:
        if not callable(function):
            raise TypeError("the first argument must be callable")
        return classes["_lru_cache_wrapper"](function, limit if limit is None else max(limit, 0), bool(typed))

    functions = (cmp_to_key, lru_cache, reduce, total_ordering, wraps)
    values: dict[str, Any] = {function.__name__: sealed(function) for function in functions}
    values["cache"] = sealed(lambda user_function: cached(user_function, None, False), "cache")
    values |= {name: classes[name] for name in ("cached_property", "partial", "singledispatch")}
    # By this name the heap keeps it; no snippet can spell it.
    values["__lru_cache_wrapper__"] = classes["_lru_cache_wrapper"]
    return make_module("functools", values | _DERIVED)


# --- functions --------------------------------------------------------------------------------------------------------


def copied(function: FunctionType) -> FunctionType:
    """Return the same function as another object, so that what is set on it changes no function of the heap."""
    new = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    new.__kwdefaults__ = function.__kwdefaults__
    new.__doc__, new.__qualname__ = function.__doc__, function.__qualname__
    return new


def wraps(wrapped: Any) -> Any:
    """Return the decorator that gives a function the name and the text of `wrapped`."""
    def decorator(wrapper: Any) -> Any:
        if type(wrapper) is not FunctionType:
            return wrapper
        new = copied(wrapper)
        name, text = getattr(wrapped, "__name__", None), getattr(wrapped, "__doc__", None)
        if type(name) is str:
            new.__name__ = name
        new.__doc__ = text if type(text) is str else None
        return new

    return sealed(decorator, "decorator")


class Key(metaclass=Sealed):
    """What the function from `cmp_to_key` makes of a value.

    `==` of two runs no function: CPython's lists don't survive it when what `==` calls changes them (gh-120298), while
    sorting, which asks for `<` alone, does.
    """

    __slots__ = ("__compare__", "obj")

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, compare: Any, obj: Any) -> None:
        self.__compare__ = compare
        self.obj = obj

    def __eq__(self, other: object) -> bool:
        raise TypeError("keys made by cmp_to_key() are compared by < and > alone, and not inside a tuple")

    def __lt__(self, other: Key) -> bool:
        return bool(self.__compare__(self.obj, other.obj) < 0)

    def __gt__(self, other: Key) -> bool:
        return bool(self.__compare__(self.obj, other.obj) > 0)

    def __le__(self, other: Key) -> bool:
        return bool(self.__compare__(self.obj, other.obj) <= 0)

    def __ge__(self, other: Key) -> bool:
        return bool(self.__compare__(self.obj, other.obj) >= 0)


def cmp_to_key(mycmp: Any) -> Any:
    return sealed(lambda obj: Key(mycmp, obj), "key")


# --- total_ordering ---------------------------------------------------------------------------------------------------


class Derived(metaclass=Sealed):
    """A comparison method made of another one: runs nothing but pure methods of the class itself."""

    __slots__ = ("__compute__",)

    def __init__(self, compute: Callable[[Any, Any], Any]) -> None:
        self.__compute__ = compute

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self.__compute__, instance)

    def __call__(self, left: Any, right: Any) -> Any:
        return self.__compute__(left, right)


def _derive(root: str, negated: bool, equal: bool | None) -> Derived:
    """Return a method that asks the method `root`; and, where `equal` is a bool, `==` when it says `not equal`."""
    def compute(self: Any, other: Any) -> Any:
        result = getattr(type(self), root)(self, other)
        if result is NotImplemented:
            return result
        if equal is None:
            return not result
        if equal:
            return (not result if negated else result) or self == other
        return (not result if negated else result) and self != other

    return Derived(compute)


# As in functools: (root, made of it) -> is the root's answer negated, and is `==` asked: `or ==`, `and !=`, not at all.
_RULES: Final = {
    ("__lt__", "__gt__"): (True, False), ("__lt__", "__le__"): (False, True), ("__lt__", "__ge__"): (True, None),
    ("__le__", "__ge__"): (True, True), ("__le__", "__lt__"): (False, False), ("__le__", "__gt__"): (True, None),
    ("__gt__", "__lt__"): (True, False), ("__gt__", "__ge__"): (False, True), ("__gt__", "__le__"): (True, None),
    ("__ge__", "__le__"): (True, True), ("__ge__", "__gt__"): (False, False), ("__ge__", "__lt__"): (True, None),
}
_DERIVED: Final = {
    f"{made[:-2]}_from{root[1:]}": _derive(root, negated, equal) for (root, made), (negated, equal) in _RULES.items()
}


def total_ordering(cls: Any) -> Any:
    """Give a class the comparisons that follow from the one it defines and `==`."""
    if not isinstance(cls, type):
        raise TypeError("total_ordering() takes a class")
    attribute_target(cls)
    roots = [name for name in ("__lt__", "__le__", "__gt__", "__ge__")
             if getattr(cls, name) is not getattr(object, name)]
    if not roots:
        raise ValueError("must define at least one ordering operation: < > <= >=")
    # The order of preference is Python's: < before <= before > before >=.
    for root, made in _RULES:
        if root == roots[0] and made not in roots:
            setattr(cls, made, _DERIVED[f"{made[:-2]}_from{root[1:]}"])
    return cls
