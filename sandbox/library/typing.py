"""The modules `typing` and `abc`: names for annotations, which are never looked at, and the bases of generic and
abstract classes, which say something about a class and add nothing to it.

    class Stack(Generic[T]): ...       class Stack: ...                with Stack[int], which is Stack
    class Shape(ABC): ...              class Shape: ...                which can't be made while a method is abstract

Every name is one object, which `[]` and `|` give back, so that it can be a root: the heap keeps it by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, Final, NoReturn

from sandbox.hooks import Hooks
from sandbox.library.functools import copied
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
_GENERIC: Final = frozenset({"Generic", "Protocol"})


class Form(metaclass=Sealed):
    """A name of `typing`: `[]` and `|` give it back, it can't be called."""

    __slots__ = ("__module_name__", "__name__")

    def __init__(self, name: str, module: str = "typing") -> None:
        self.__name__ = name
        self.__module_name__ = module

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
    forms = [base for base in bases if isinstance(base, Form)]
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
    values["assert_never"] = sealed(_assert_never, "assert_never")
    # By these names the heap keeps them; no snippet can spell them.
    values |= {"__class_getitem__": _ITEM, "__new_type__": _NEW_TYPE}
    return make_module("typing", values)


def make_abc(hooks: Hooks) -> Module:
    return make_module("abc", {"ABC": _ABC, "abstractmethod": sealed(abstractmethod)})
