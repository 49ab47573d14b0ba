"""The modules `typing` and `abc`: names for annotations, which are never looked at, and the bases of generic and
abstract classes, which say something about a class and add nothing to it.

    class Stack(Generic[T]): ...       class Stack: ...                with Stack[int], which is Stack
    class Shape(ABC): ...              class Shape: ...                which can't be made while a method is abstract

Every name is one object, which `[]` and `|` give back, so that it can be a root: the heap keeps it by its name.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final, NoReturn

from sandbox.hooks import Hooks
from sandbox.kinds import Kind
from sandbox.library.functools import copied
from sandbox.library.named import make_named
from sandbox.library.written import written
from sandbox.policy import DUNDERS_DEFINED
from sandbox.seal import Module, Sealed, make_module, sealed

_FORMS: Final = (
    "AbstractSet", "Annotated", "Any", "AnyStr", "Callable", "ChainMap", "ClassVar", "Collection", "Concatenate",
    "Container", "Counter", "DefaultDict", "Deque", "Dict", "Final", "FrozenSet", "Generator", "Generic", "Hashable",
    "ItemsView", "Iterable", "Iterator", "KeysView", "List", "Literal", "LiteralString", "Mapping", "MappingView",
    "MutableMapping", "MutableSequence", "MutableSet", "Never", "NoReturn", "NotRequired", "Optional", "OrderedDict",
    "Protocol", "Required", "Reversible", "Self", "Sequence", "Set", "Sized", "SupportsAbs", "SupportsComplex",
    "SupportsFloat", "SupportsIndex", "SupportsInt", "SupportsRound", "Text", "Tuple", "Type", "TypeAlias", "TypeGuard",
    "Union", "Unpack", "ValuesView",
)
_VARIABLES: Final = ("ParamSpec", "TypeVar", "TypeVarTuple")
_MARKERS: Final = ("final", "no_type_check", "overload", "runtime_checkable")
# Bases that give the class `[]`.
_GENERIC: Final = frozenset({"Generic"})


class Form(metaclass=Sealed):
    """A name of `typing`: `[]` and `|` give it back, it can't be called."""

    __slots__ = ("__module_name__", "__name__")

    def __init__(self, name: str, module: str = "typing") -> None:
        self.__name__ = name
        self.__module_name__ = module

    __iter__ = None  # else `__getitem__` would make it a sequence without end, for C code that makes no steps

    def __getitem__(self, item: Any) -> Form:
        return self

    def __or__(self, other: Any) -> Form:
        return self

    def __ror__(self, other: Any) -> Form:
        return self

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise TypeError(f"{self.__name__} is for annotations and can't be called")

    def __instancecheck__(self, value: Any) -> bool:
        raise TypeError(f"isinstance() can't ask for {self.__name__}; use a class")

    def __subclasscheck__(self, cls: Any) -> bool:
        raise TypeError(f"issubclass() can't ask for {self.__name__}; use a class")

    def __repr__(self) -> str:
        return f"{self.__module_name__}.{self.__name__}"


class Asked(Form):
    """A name that `isinstance` and `issubclass` can ask for, and that a class may derive from."""

    __slots__ = ("__ask__", "__base_class__")

    __ask__: Callable[[Any, bool], bool]
    __base_class__: Any

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        raise TypeError(f"Can't instantiate abstract class {self.__name__}")

    def __instancecheck__(self, value: Any) -> bool:
        return self.__ask__(value, False)

    def __subclasscheck__(self, cls: Any) -> bool:
        if not isinstance(cls, type):
            raise TypeError("issubclass() arg 1 must be a class")
        return self.__ask__(cls, True)


class Variable(Form):
    """What makes the variables of generic classes: every call gives it back."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **keywords: Any) -> Form:
        return self


class Unchanged(Form):
    """A type that `NewType` made: it gives back what it is called with."""

    __slots__ = ()

    def __call__(self, value: Any, /) -> Any:
        return value


class NamedForm(Form):
    """`NamedTuple`: the base of classes whose fields are annotated; called, it makes a class without methods."""

    __slots__ = ("__make__",)

    __make__: Callable[..., Any]

    def __call__(self, typename: Any, fields: Any = (), /) -> Any:
        return self.__make__(typename, [name for name, _ in fields])

    def __repr__(self) -> str:
        return "<function NamedTuple>"


class NamedStatement:
    """Stands for the metaclass in the statement of a class that derives from NamedTuple: makes the base it has."""

    __slots__ = ("_make", "_metaclass")

    def __init__(self, make: Callable[..., Any], metaclass: Any) -> None:
        self._make = make
        self._metaclass = metaclass

    def __prepare__(self, name: str, bases: tuple[Any, ...], **keywords: Any) -> dict[str, Any]:
        return {}

    def __call__(self, name: str, bases: tuple[Any, ...], body: dict[str, Any], /, **keywords: Any) -> Any:
        fields = [field for field, _ in body.pop("__fields__", ())]
        last = ""
        for field in fields:
            if field in body:
                last = field
            elif last:
                raise TypeError(
                    f"Non-default namedtuple field {field} cannot follow default field {last}"
                )
        base = self._make(name, fields, defaults=[body.pop(field) for field in fields if field in body])
        body.setdefault("__doc__", base.__doc__)
        return self._metaclass(name, (base,), body, **keywords)


# What makes a client's class one of these, whatever it derives from.
_METHODS: Final = {
    "Callable": ("__call__",), "Collection": ("__len__", "__iter__", "__contains__"), "Container": ("__contains__",),
    "Hashable": ("__hash__",), "Iterable": ("__iter__",), "Iterator": ("__iter__", "__next__"),
    "Reversible": ("__iter__", "__reversed__"), "Sized": ("__len__",),
}
# Those of `collections.abc`.
ABSTRACT: Final = (
    "Callable", "Collection", "Container", "Generator", "Hashable", "ItemsView", "Iterable", "Iterator",
    "KeysView", "Mapping", "MappingView", "MutableMapping", "MutableSequence", "MutableSet", "Reversible", "Sequence",
    "Set", "Sized", "ValuesView",
)
# Of `typing`, what has another name there.
_RENAMED: Final = {"AbstractSet": "Set"}
# And what stands for a class.
_CONCRETE: Final = {
    "Counter": "Counter", "DefaultDict": "defaultdict", "Deque": "deque", "Dict": "dict", "FrozenSet": "frozenset",
    "List": "list", "OrderedDict": "OrderedDict", "Set": "set", "Tuple": "tuple",
}


def make_asked(hooks: Hooks, name: str, module: str) -> Asked:
    """Return a name of `collections.abc`, which `typing` has as well."""
    classes = written(hooks)
    abstract = _RENAMED.get(name, name)
    asked: Any = getattr(collections.abc, abstract)
    base = classes.get(abstract)
    methods = _METHODS.get(abstract)
    unordered: Any = (hooks.set_type, hooks.frozenset_type)

    def ask(value: Any, is_class: bool) -> bool:
        kind: Any = value if is_class else hooks.typeof(value)
        kind = getattr(kind, "__original__", kind) if isinstance(kind, Kind) else kind
        if not issubclass(type(kind), hooks.class_kind):
            # Python's classes and the host's, which never change: `abc` remembers what it said of a class.
            # Our sets have an order, which nobody asks for.
            return issubclass(kind, asked) and not (abstract == "Reversible" and issubclass(kind, unordered))
        held = tuple if issubclass(kind, tuple) else getattr(kind, "__acts_as__", None)
        if held is not None and issubclass(held, asked):
            return True
        if base is not None and base in kind.__mro__:
            return True
        return methods is not None and all(_has(kind, method) for method in methods)

    form = Asked(name, module)
    form.__ask__ = ask
    form.__base_class__ = base
    return form


def _has(kind: Any, name: str) -> bool:
    """Whether a class has this method, not its metaclass, and did not set it to None."""
    return next((base.__dict__[name] for base in kind.__mro__ if name in base.__dict__), None) is not None


_OF_PROTOCOLS: Final = DUNDERS_DEFINED - {"__class_getitem__", "__init__", "__init_subclass__"}


class ProtocolMethods:
    """What the metaclass of protocols does: an object is of a protocol that has what that names."""

    def __instancecheck__(cls: Any, value: Any) -> bool:
        if type.__instancecheck__(cls, value):
            return True
        if not any("__library__" in base.__dict__ for base in cls.__bases__):
            return False
        for protocol in cls.__mro__:
            if not isinstance(type(protocol), type) or not issubclass(type(protocol), ProtocolMethods):
                continue
            names = [name for name in protocol.__dict__ if not name.startswith("_") or name in _OF_PROTOCOLS]
            names += [name for name, _ in protocol.__dict__.get("__fields__", ())]
            if "__library__" not in protocol.__dict__ and not all(hasattr(value, name) for name in names):
                return False
        return True


def _make_protocol(hooks: Hooks) -> Any:
    kind: Any = type("ProtocolKind", (ProtocolMethods, hooks.class_kind), {"__module__": "builtins"})
    body = {"__library__": True, "__slots__": (), "__module__": "builtins", "__class_getitem__": _ITEM}
    return type.__new__(kind, "Protocol", (hooks.instance_type,), body)


def _make_concrete(hooks: Hooks, name: str) -> Asked:
    """Return a name of `typing` that stands for a class."""
    known = {
        **hooks.collections, "dict": hooks.dict_type, "frozenset": hooks.frozenset_type, "list": hooks.list_type,
        "set": hooks.set_type, "tuple": tuple,
    }
    cls: Any = known[_CONCRETE[name]]

    def ask(value: Any, is_class: bool) -> bool:
        return issubclass(value, cls) if is_class else isinstance(value, cls)

    form = Asked(name)
    form.__ask__ = ask
    form.__base_class__ = cls
    return form


def make_collections_abc(hooks: Hooks) -> Module:
    """Return the module, one for these hooks, as `collections` has it too."""
    found = hooks.written.get("collections.abc")
    if found is None:
        written(hooks)
        values: dict[str, Any] = {name: make_asked(hooks, name, "collections.abc") for name in ABSTRACT}
        # By these names the heap keeps what a class derives from; no snippet can spell them.
        values |= {f"__{name}__": form.__base_class__ for name, form in values.items() if form.__base_class__}
        found = hooks.written["collections.abc"] = make_module("collections.abc", values)
    return found


def _is_derived(cls: Any) -> bool:
    """Whether a class derives from ABC."""
    return any("__abstractmethods__" in base.__dict__ for base in getattr(cls, "__mro__", ()))


class AbstractBase(Form):
    """`ABC`: `isinstance` knows the classes that were derived from it."""

    __slots__ = ()

    def __instancecheck__(self, value: Any) -> bool:
        return _is_derived(type(value))

    def __subclasscheck__(self, cls: Any) -> bool:
        return _is_derived(cls)


class _Item(metaclass=Sealed):
    """`__class_getitem__` of generic classes: gives back the class."""

    __slots__ = ()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return MethodType(_first, owner)

    def __call__(self, item: Any) -> NoReturn:
        raise TypeError("ask a class for it")


def _first(cls: Any, item: Any) -> Any:
    return cls


_ITEM: Final = _Item()
_NEW_TYPE: Final = Unchanged("NewType")
_ABC: Final = AbstractBase("ABC", "abc")


def abstractmethod(funcobj: Any) -> Any:
    """Mark a method that subclasses must define."""
    if type(funcobj) is not FunctionType:
        raise TypeError("abstractmethod() takes a function made by 'def'; put it next to the 'def'")
    marked: Any = copied(funcobj)
    marked.__isabstractmethod__ = True
    return marked


def plain_bases(bases: tuple[Any, ...]) -> tuple[tuple[Any, ...], Callable[[Any], None] | None]:
    """Return the bases that are classes, and what to do with the class that is made of them, if anything.

    `()` stands for `Generic[T]`, `Protocol` and `ABC`.
    """
    bases = tuple([base.__base_class__ or base if isinstance(base, Asked) else base for base in bases])
    forms = [base for base in bases if isinstance(base, Form)]
    if any(isinstance(form, NamedForm) for form in forms):
        named = next(form for form in forms if isinstance(form, NamedForm))
        if any(base is not named and getattr(base, "__name__", "") != "Generic" for base in bases):
            raise TypeError("can only inherit from a NamedTuple type and Generic")
        return (named,), None
    for form in forms:
        if form.__name__ not in _GENERIC and form is not _ABC:
            raise TypeError(f"can't inherit from {form!r}: it is for annotations alone")
    classes = tuple([base for base in bases if not isinstance(base, Form)])
    generic = any(form is not _ABC for form in forms)
    abstract = _ABC in forms or any(map(_is_derived, classes))
    if not generic and not abstract:
        return classes, None

    def finish(cls: Any) -> None:
        if generic and "__class_getitem__" not in cls.__dict__:
            cls.__class_getitem__ = _ITEM
        if abstract:
            cls.__abstractmethods__ = _abstract_names(cls)

    return classes, finish


def _abstract_names(cls: Any) -> tuple[str, ...]:
    """Return the names of methods that are marked and not defined again nearer to `cls`. With them it can't be made."""
    found = {name for name, value in cls.__dict__.items() if getattr(value, "__isabstractmethod__", False) is True}
    for base in cls.__mro__[1:]:
        for name in base.__dict__.get("__abstractmethods__", ()):
            owner = next((parent for parent in cls.__mro__ if name in parent.__dict__), None)
            if owner is not cls and owner is not None and name in owner.__dict__.get("__abstractmethods__", ()):
                found.add(name)
    return tuple(sorted(found))


def _cast(typ: Any, val: Any) -> Any:
    return val


def _assert_never(arg: Any) -> NoReturn:
    raise AssertionError("Expected code to be unreachable")


def _new_type(name: Any, tp: Any) -> Unchanged:
    return _NEW_TYPE



def _named(name: str) -> Any:
    def marker(value: Any, /) -> Any:
        return value

    return sealed(marker, name)


def make_typing(hooks: Hooks) -> Module:
    values: dict[str, Any] = {name: Form(name) for name in _FORMS}
    values |= {name: Variable(name) for name in _VARIABLES}
    values |= {name: _named(name) for name in _MARKERS}
    values |= {"NewType": sealed(_new_type, "NewType"), "TYPE_CHECKING": False, "cast": sealed(_cast, "cast")}
    values |= {name: make_asked(hooks, name, "typing") for name in (*ABSTRACT, "AbstractSet") if name in values}
    values |= {name: _make_concrete(hooks, name) for name in _CONCRETE}
    values["Protocol"] = protocol = Asked("Protocol")
    values["__protocol__"] = protocol.__base_class__ = _make_protocol(hooks)
    values["TypedDict"] = written(hooks)["TypedDict"]
    values["NamedTuple"] = named = NamedForm("NamedTuple")
    named.__make__ = make_named(hooks)
    values["assert_never"] = sealed(_assert_never, "assert_never")
    # By these names the heap keeps them; no snippet can spell them.
    values |= {"__class_getitem__": _ITEM, "__new_type__": _NEW_TYPE}
    return make_module("typing", values)


def make_abc(hooks: Hooks) -> Module:
    return make_module("abc", {"ABC": _ABC, "abstractmethod": sealed(abstractmethod)})
