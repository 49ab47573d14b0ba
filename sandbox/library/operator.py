"""The module `operator`: the operators as functions, bounded as the operators are.

What is reached by a name given as text (`attrgetter`, `methodcaller`) is judged as `getattr` is.
"""

from __future__ import annotations

import operator
from types import MappingProxyType
from typing import Any, Final

from sandbox import guards
from sandbox.hooks import Hooks
from sandbox.identity import not_same, same
from sandbox.iterators import Meter
from sandbox.seal import Module, Sealed, make_module, sealed

_SAME: Final = (
    "abs", "add", "call", "concat", "contains", "delitem", "eq", "floordiv", "ge", "getitem", "gt", "iadd", "iconcat",
    "ifloordiv", "imatmul", "index", "inv", "invert", "irshift", "itemgetter", "itruediv", "le", "lt", "matmul",
    "ne", "neg", "not_", "pos", "rshift", "truediv", "truth",
)


def make_operator(hooks: Hooks) -> Module:
    meter = Meter(hooks)
    sequences = frozenset({bytes, hooks.list_type, list, str, tuple})
    sets = guards.make_set_operators(hooks.set_type)

    def count_of(a: Any, b: Any, /) -> int:
        return operator.countOf(meter.source(a)[0], b)

    def index_of(a: Any, b: Any, /) -> int:
        return operator.indexOf(meter.source(a)[0], b)

    def setitem(a: Any, b: Any, c: Any, /) -> None:
        guards.stepped(a)[b] = c

    functions = {
        "and_": sets[".and"],
        "countOf": count_of,
        "iand": sets[".in_place_and"],
        "ilshift": guards.in_place(guards.check_shift, operator.ilshift),
        "imod": guards.in_place_modulo,
        "imul": guards.make_times(sequences, operator.imul),
        "indexOf": index_of,
        "ior": sets[".in_place_or"],
        "ipow": guards.in_place(guards.check_power, operator.ipow),
        "is_": same,
        "is_not": not_same,
        "isub": sets[".in_place_minus"],
        "ixor": sets[".in_place_xor"],
        "lshift": guards.shift,
        "mod": guards.modulo,
        "mul": guards.make_times(sequences),
        "or_": sets[".or"],
        "pow": guards.power,
        "sub": sets[".minus"],
        "xor": sets[".xor"],
    }
    values = {name: getattr(operator, name) for name in _SAME}
    # Each is a function of its own name here, so that no other module's function is renamed.
    values |= {name: sealed(_binary(function), name) for name, function in functions.items()}
    values["setitem"] = sealed(setitem)
    return make_module("operator", values | {"attrgetter": attrgetter, "methodcaller": methodcaller})


def _binary(function: Any) -> Any:
    def call(a: Any, b: Any, /) -> Any:
        return function(a, b)

    return call


class attrgetter(metaclass=Sealed):  # as snippets see it
    """Returns attributes of what it is called with; names with dots reach attributes of these."""

    __slots__ = ("__paths__",)

    def __init__(self, attr: str, /, *attrs: str) -> None:
        paths = []
        for name in (attr, *attrs):
            if type(name) is not str:
                raise TypeError("attribute name must be a string")
            paths.append(tuple([guards.checked_name(part, reading=True) for part in name.split(".")]))
        self.__paths__ = tuple(paths)

    def __call__(self, obj: Any, /) -> Any:
        found = []
        for path in self.__paths__:
            value = obj
            for name in path:
                value = guards.getattr_builtin(value, name)
            found.append(value)
        return found[0] if len(found) == 1 else tuple(found)

    def __repr__(self) -> str:
        return f"operator.attrgetter({', '.join([repr('.'.join(path)) for path in self.__paths__])})"


class methodcaller(metaclass=Sealed):  # as snippets see it
    """Calls a method, with these arguments, of what it is called with."""

    __slots__ = ("__arguments__", "__keywords__", "__method__")

    def __init__(self, name: str, /, *arguments: Any, **keywords: Any) -> None:
        if type(name) is not str:
            raise TypeError("method name must be a string")
        self.__method__ = guards.checked_name(name)
        self.__arguments__ = arguments
        self.__keywords__ = MappingProxyType(keywords)

    def __call__(self, obj: Any, /) -> Any:
        return guards.getattr_builtin(obj, self.__method__)(*self.__arguments__, **self.__keywords__)

    def __repr__(self) -> str:
        return f"operator.methodcaller({self.__method__!r})"
