"""Runtime: the builtins that a cell runs with: the safe core of Python's, and the hooks its rewritten parts call.

    Hooks (from the host), library -> [runtime: make_builtins] -> dict of builtins -> FunctionType(cell.code, roots)

The host puts the dict under `__builtins__` of the namespace of roots. Names with a dot are hooks, which no source text
can spell. Everything else is a value that can't be changed, or the host's own class.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, GenericAlias, MethodType
from typing import Any, Final, NoReturn

from sandbox import generate, guards, policy, text
from sandbox.fuel import EMPTY, fence
from sandbox.hashing import hash_builtin
from sandbox.hooks import Hooks
from sandbox.identity import Operand, not_same, same
from sandbox.iterators import Meter, make_consumers, make_iterators
from sandbox.kinds import Kind
from sandbox.library import make_import
from sandbox.library.typing import NamedForm, NamedStatement, abstractmethod, plain_bases
from sandbox.library.written import make_hooks as make_written_hooks
from sandbox.library.written import written
from sandbox.seal import Module, Sealed, bound, sealed
from sandbox.work import FREE_COUNT, given, know_containers

# Builtins that are as they are in Python: they can't be changed, and their work is bounded by their arguments.
_SAME: Final = (
    "Ellipsis", "NotImplemented", "abs", "bin", "bool", "callable", "chr", "classmethod", "complex", "divmod", "float",
    "hex", "int", "isinstance", "issubclass", "len", "next", "oct", "ord", "reversed", "slice", "staticmethod", "super",
    "tuple",
)


class _StrKind(Kind):
    def __call__(cls, *arguments: Any, **keywords: Any) -> str:
        # Of a number at once: most often a key is made of it.
        if len(arguments) == 1 and type(arguments[0]) is int and not keywords:
            made = str(arguments[0])
            if len(made) < FREE_COUNT:
                return made
        return text.make_str(*arguments, **keywords)


class _BytesKind(Kind):
    def __call__(cls, *arguments: Any, **keywords: Any) -> bytes:
        for count in (*arguments, *keywords.values()):
            if hasattr(type(count), "__index__"):
                if type(count) is not int:
                    raise TypeError("bytes() takes a count that is an int")
                guards.check_count(count, "the bytes")
        if len(arguments) > 1 or keywords:
            return text.make_bytes(*arguments, **keywords)
        data = bytes(*arguments)
        return data if len(data) < FREE_COUNT else given(data)


class _ClosedKind(Kind):
    def __call__(cls, *arguments: Any, **keywords: Any) -> NoReturn:
        raise TypeError(f"cannot create {cls.__name__!r} instances")


def _stand_in(kind: type[Kind], original: type, *bases: type, **own: Any) -> Kind:
    space = {"__slots__": (), "__module__": "builtins", "__original__": original}
    return kind(original.__name__, bases, space | own)


# Subclasses, so that their methods are found (`str.upper`) and `case str(text)` matches.
_STR: Final = _stand_in(_StrKind, str, str, encode=guards.codec_of(str, "encode"))
_BYTES: Final = _stand_in(_BytesKind, bytes, bytes, decode=guards.codec_of(bytes, "decode"))
# What `type` shows of functions: nothing that makes one. `type(tuple[int])(x, ())` would give every attribute of `x`
# past the guards.
_CLOSED: Final = {
    original: _stand_in(_ClosedKind, original)
    for original in (BuiltinFunctionType, FunctionType, GenericAlias, MethodType, super)
}


def property_builtin(fget: Any = None, fset: Any = None, fdel: Any = None, doc: str | None = None) -> property:
    """`property` of functions alone: any other callable would be called by C code that reads attributes."""
    for function in (fget, fset, fdel):
        if function is not None and type(function) is not FunctionType:
            raise TypeError("property() takes functions made by 'def'")
    return property(fget, fset, fdel, doc)


def make_builtins(hooks: Hooks, library: Mapping[str, Module]) -> dict[str, Any]:
    """Return the dict of builtins for cells that run with these hooks. It has no fuel yet: see Fuel.

    Args:
        library: the modules they can import, by name, from make_library.
    """
    know_containers(hooks)
    meter = Meter(hooks)
    made = hooks.builtins
    made |= {name: getattr(builtins, name) for name in _SAME}
    made |= {name: getattr(builtins, name) for name in policy.EXCEPTIONS}
    functions: dict[str, Callable[..., Any]] = {
        "ascii": text.make_ascii,
        "delattr": guards.delattr_builtin,
        "format": text.make_format,
        "getattr": guards.getattr_builtin,
        "hasattr": guards.hasattr_builtin,
        "hash": hash_builtin,
        "iter": lambda iterable, /: meter.iterator(iterable),
        "now": lambda: hooks.now(),
        "pow": guards.pow_builtin,
        "print": _make_print(hooks.write_output),
        "property": property_builtin,
        "range": guards.range_builtin,
        "repr": text.make_repr,
        "round": guards.round_builtin,
        "setattr": guards.setattr_builtin,
    }
    made |= {name: sealed(function, name) for name, function in functions.items()}
    made |= {name: bound(function, name) for name, function in make_consumers(meter).items()}
    made |= make_iterators(meter)
    made |= {"str": _STR, "bytes": _BYTES, "object": hooks.object_type}
    made |= {"dict": hooks.dict_type, "list": hooks.list_type, "set": hooks.set_type, "frozenset": hooks.frozenset_type}
    made["SortedDict"] = hooks.collections["SortedDict"]
    made["type"] = _make_type(hooks.typeof, made, library)
    assert made.keys() == policy.BUILTINS | policy.EXCEPTIONS
    # A class body reads this name, as it does in the file that a user would run.
    made["__name__"] = "__main__"
    made["__build_class__"] = _make_build_class(hooks)
    made |= _hooks(hooks, made)
    made[".import"] = make_import(library)
    return made


def _hooks(hooks: Hooks, made: dict[str, Any]) -> dict[str, Any]:
    """Return what rewritten code calls, by names that begin with a dot."""
    fatal = guards.FATAL + hooks.fatal
    caught, leaving = guards.make_caught(fatal)
    enter, leave = fence(made)
    sequences = frozenset({bytes, hooks.list_type, list, str, tuple})

    def bind(name: str, value: Any) -> Any:
        hooks.root[name] = value
        return value

    def bind_all(*pairs: Any) -> bool:
        for name, value in zip(pairs[::2], pairs[1::2], strict=True):
            hooks.root[name] = value
        return True

    def leaving_all(details: tuple[Any, ...]) -> tuple[Any, ...]:
        leaving(details[1] if len(details) > 1 else None)
        return (*details[:2], None) if len(details) == 3 else details

    def cause(error: Any) -> Any:
        if not isinstance(error, BaseException):
            raise AttributeError(f"{type(error).__name__!r} object has no attribute '__cause__'")
        leaving(error.__cause__)
        return error.__cause__

    pure = ("abs", "isinstance", "len", "type", "getattr", "hash", "round")
    return {
        ".Exception": Exception,
        ".abstractmethod": abstractmethod,
        ".ascii": text.make_ascii,
        ".attribute_target": guards.attribute_target,
        ".bind": bind,
        ".bind_all": bind_all,
        ".caught": caught,
        ".cause": cause,
        ".classmethod": classmethod,
        ".decorated": hooks.decorated,
        ".define": hooks.define,
        ".delegate": Meter(hooks).delegate,
        ".divide": guards.divide,
        ".enter": enter,
        ".float": float,
        ".format": text.make_format,
        ".fuel": EMPTY,
        ".unchanging": guards.UNCHANGING,
        ".guard": guards.guard,
        ".in_place_divide": guards.in_place(guards.check_quotient, operator.itruediv),
        ".in_place_modulo": guards.in_place_modulo,
        ".in_place_power": guards.in_place(guards.check_power, operator.ipow),
        ".in_place_shift": guards.in_place(guards.check_shift, operator.ilshift),
        ".in_place_times": guards.make_times(sequences, operator.imul),
        ".int": int,
        ".is": same,
        ".is_not": not_same,
        ".kind": type,
        ".leave": leave,
        ".leaving": leaving,
        ".leaving_all": leaving_all,
        ".length": guards.length,
        ".localclass": hooks.localclass,
        ".method_of": _make_method_of(hooks),
        ".modulo": guards.modulo,
        ".next": next,
        ".operand": Operand,
        ".plain_set": set,
        ".power": guards.power,
        ".pure_item": _make_pure_item(hooks),
        ".pure_text": guards.pure_text,
        ".pure_tuple": guards.pure_tuple,
        ".repr": text.make_repr,
        ".root": hooks.root,
        ".rootclass": hooks.rootclass,
        ".scrub": text.scrub,
        ".set": hooks.set_type,
        ".shift": guards.shift,
        ".shown": text.shown,
        ".slice": slice,
        ".staticmethod": staticmethod,
        ".stepped": guards.stepped,
        ".str": text.make_str,
        ".super_of": _make_super(hooks),
        ".times": guards.make_times(sequences),
        ".type": made["type"],
        ".unbind": hooks.unbind,
        ".unstepped": guards.unstepped,
        ".uncaught": fatal,
        ".undefine": hooks.undefine,
    } | guards.make_set_operators(hooks.set_type) | generate.make_hooks(hooks) | make_written_hooks(hooks) | {
        f".pure_{name}": made[name] for name in pure
    }


def _make_print(write: Callable[[str], object]) -> Callable[..., None]:
    def print_builtin(*values: Any, sep: str | None = " ", end: str | None = "\n", flush: bool = False) -> None:
        separator, ending = (default if part is None else part for part, default in ((sep, " "), (end, "\n")))
        if type(separator) is not str or type(ending) is not str:
            raise TypeError("sep and end must be None or a string")
        write(separator.join([text.make_str(value) for value in values]) + ending)

    return print_builtin


class _Type(metaclass=Sealed):
    """`type`: of one argument. `isinstance` of it tells a class."""

    __slots__ = ("__of__",)

    __of__: Callable[[Any], Any]
    __name__ = "type"

    def __call__(self, value: Any, /) -> Any:
        return self.__of__(value)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, type | _Type)

    def __subclasscheck__(self, cls: Any) -> bool:
        return isinstance(cls, _Type)

    def __repr__(self) -> str:
        return "<class 'type'>"


def _make_type(typeof: Callable[[Any], type], made: dict[str, Any], library: Mapping[str, Module]) -> Any:
    def type_of(value: Any) -> Any:
        if isinstance(value, type | _Type):
            return made["type"]
        kind = typeof(value)
        return public.get(kind, kind)

    public: dict[type, Any] = {str: _STR, bytes: _BYTES, property: made["property"], range: made["range"]} | _CLOSED
    for module in library.values():
        values = (getattr(module, name) for name in dir(module))
        public |= {value.__original__: value for value in values if isinstance(value, Kind)}
    builtin: Any = _Type()
    builtin.__of__ = type_of
    return builtin


def _make_super(hooks: Hooks) -> Any:
    """Return `super` with arguments: of classes of snippets and exceptions alone.

    Above another class may stand one whose methods would change a container unnoticed, or pass the guards.
    """
    def super_of(kind: Any, value: Any, /) -> Any:
        if not isinstance(kind, type) or not (isinstance(kind, hooks.class_kind) or issubclass(kind, BaseException)):
            raise TypeError("super() takes a class of a snippet or an exception; in a method, write super()")
        return super(kind, value)

    return sealed(super_of, "super")


def _make_pure_item(hooks: Hooks) -> Callable[[Any, Any], Any]:
    kinds = frozenset({dict, hooks.dict_type, hooks.list_type, list, str, tuple})

    def pure_item(value: Any, key: Any) -> Any:
        # `typeof`, because a container of the host has another class while it is not loaded.
        if hooks.typeof(value) not in kinds and not isinstance(value, tuple):
            raise TypeError("a comparison or hash method can read items of dicts, lists, tuples and texts alone")
        return value[key]

    return pure_item


def _make_method_of(hooks: Hooks) -> Callable[[Any, str], Any]:
    """Return what `Base.__init__(self)` becomes: classes of snippets and what they can derive from have such methods.

    On others they would be more than the functions that stand for them, `len(x)` for `x.__len__()`.
    """
    roots = frozenset({hooks.object_type, *(getattr(builtins, name) for name in policy.EXCEPTIONS)})

    def put(value: Any, name: str, new: Any, /) -> None:
        if not issubclass(type(hooks.typeof(value)), hooks.class_kind) or isinstance(value, type):
            raise TypeError("object.__setattr__() sets attributes of instances of your own classes")
        if hasattr(hooks.typeof(value), "__enum__"):
            raise AttributeError("object.__setattr__() can't change a member of an enum")
        hooks.set_attribute(value, guards.checked_name(name), new)

    def method_of(value: Any, name: str) -> Any:
        if name == "__setattr__" and value is hooks.object_type:
            return put
        owner = value if isinstance(value, type) else hooks.typeof(value)
        known = issubclass(type(owner), hooks.class_kind) or (owner is value and owner in roots)
        if not known or name == "__setattr__":
            shown = owner.__name__
            raise AttributeError(f"{name!r} of {shown!r} is not available; use the function or operator it stands for")
        return getattr(value, name)

    return method_of


class _Prepared:
    """A metaclass for one class statement, whose body runs in a namespace of its own."""

    __slots__ = ("_metaclass", "_namespace")

    def __init__(self, metaclass: Any, namespace: dict[str, Any]) -> None:
        self._metaclass = metaclass
        self._namespace = namespace

    def __prepare__(self, name: str, bases: tuple[Any, ...], **keywords: Any) -> dict[str, Any]:
        return self._namespace

    def __call__(self, name: str, bases: tuple[Any, ...], body: dict[str, Any], /, **keywords: Any) -> Any:
        return self._metaclass(name, bases, dict(body), **keywords)


def _make_build_class(hooks: Hooks) -> Callable[..., Any]:
    """Return what the class statement calls: it lets classes inherit from classes of snippets and exceptions, of the
    library, and from list, dict and set, in whose place stands a class that holds one."""
    closed = (hooks.frozenset_type, *hooks.collections.values())
    roots = frozenset({hooks.object_type, *(getattr(builtins, name) for name in policy.EXCEPTIONS)})
    classes = written(hooks)
    holders = {
        hooks.dict_type: classes["dict_"], hooks.list_type: classes["list_"], hooks.set_type: classes["set_"],
    }

    def build_class(function: Any, name: str, /, *bases: Any, metaclass: Any, **keywords: Any) -> Any:
        bases, finish = plain_bases(bases)
        bases = tuple([holders.get(base, base) if isinstance(base, type) else base for base in bases])
        if bases and isinstance(bases[0], NamedForm):
            metaclass, bases = NamedStatement(bases[0].__make__, metaclass), (hooks.object_type,)
        for base in bases:
            if issubclass(type(base), type) and issubclass(base, tuple) and hasattr(base, "__match_args__"):
                continue  # of `namedtuple`
            # A class of a snippet has a metaclass of the host's; Python's own have `type`, ours are sealed.
            foreign = not isinstance(base, type) or type(base) is type or isinstance(base, Sealed)
            if base in closed or (foreign and base not in roots):
                shown = base.__name__ if isinstance(base, type | MethodType | _Type) else text.make_repr(base)
                raise TypeError(f"can't inherit from {shown}; {_instead(base, bases)}")
        # mypy knows no signature of it.
        bases = bases or (hooks.object_type,)
        for base in bases:
            if hasattr(type(base), "__namespace__"):
                metaclass = _Prepared(metaclass, type(base).__namespace__(bases))
                break
        cls = builtins.__build_class__(function, name, *bases, metaclass=metaclass, **keywords)
        if finish is not None:
            finish(cls)
        return cls

    return build_class


def _instead(base: Any, bases: tuple[Any, ...]) -> str:
    """Return what to write instead of a class that inherits from `base`."""
    if isinstance(base, _Type):
        return "there are no metaclasses; use a class decorator or __init_subclass__"
    mixed = {"int": "IntEnum", "str": "StrEnum"}.get(base.__name__) if isinstance(base, type) else None
    if mixed and any(hasattr(type(each), "__namespace__") for each in bases):
        return f"derive from {mixed} alone"
    if isinstance(base, type):
        return f"keep one in an attribute: def __init__(self, value): self.value = {base.__name__}(value)"
    return "keep one in an attribute instead"
