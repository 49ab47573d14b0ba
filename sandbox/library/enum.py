"""The module `enum`: classes whose instances are a few constants, each one object.

    class body (Body settles `auto()`) -> EnumKind.__complete__ -> members: instances, attributes of the class

The metaclass derives from the host's. What it knows of a class is in attributes of the class, plain values that the
heap keeps: `__order__` the names of the members that it iterates over, `__names__` those and the aliases and
combinations of flags, `__values__` value -> name, `__mask__` all bits of flags.

A member of IntEnum, IntFlag or StrEnum is no int or str, it acts as one: operators and comparisons are those of its
value. A combination of flags that has no name of its own is made where it is used, and equal to every other.

Promise: a member is one object, before and after a restart, and when its class is defined again with the same name for
it; where the hash follows from the value, with the same value too (tests/engine/test_enums.py).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final

from sandbox import guards
from sandbox.hooks import Hooks
from sandbox.policy import is_dunder
from sandbox.seal import Module, Sealed, make_module, sealed
from sandbox.text import make_format

_DESCRIPTORS: Final = (FunctionType, property, staticmethod, classmethod)
# Values by which a member is found in a dict; others are compared one by one.
_KEYS: Final = (bool, bytes, float, int, str, type(None))
# Attributes of a finished member that nobody sets.
_FIXED: Final = frozenset({"_name_", "_value_", "name", "value"})
# The members whose `__init__` runs: it may set `_value_`.
_unfinished: Final[list[Any]] = []
_SUNDER: Final = frozenset({"_generate_next_value_", "_ignore_", "_missing_"})


class auto(metaclass=Sealed):
    """Stands for the next value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "auto()"


class Body(dict[str, Any]):
    """The names of a class body while it runs: an `auto()` gets its value at once, so that `RW = R | W` works."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self._base = base
        self._seen: list[Any] = []

    def __setitem__(self, name: str, value: Any) -> None:
        if _is_value(name, value):
            if name in self:
                raise TypeError(f"{name!r} already defined as {self[name]!r}")
            if type(value) is auto:
                value = self._next(name)
            elif type(value) is tuple and any(type(part) is auto for part in value):
                value = tuple([self._next(name) if type(part) is auto else part for part in value])
            self._seen.append(value)
        super().__setitem__(name, value)

    def _next(self, name: str) -> Any:
        own = self.get("_generate_next_value_") or getattr(self._base, "_generate_next_value_", None)
        generate = own.__func__ if isinstance(own, staticmethod) else own or _base_of(self._base).__auto__
        return generate(name, 1, len(self._seen), list(self._seen))


class EnumMethods:
    """What EnumKind does, whatever metaclass it derives from."""

    @staticmethod
    def __namespace__(bases: tuple[Any, ...]) -> dict[str, Any]:
        """Return what the body of a class with these bases runs in."""
        return Body(_enum_of(bases))

    @staticmethod
    def __family__(bases: tuple[Any, ...]) -> Any:
        """Return what decides how members hash: a class of another family is another class."""
        return _base_of(_enum_of(bases))

    def __complete__(cls: Any, before: dict[str, Any]) -> Callable[[], None]:
        return _complete(cls, before)

    def __call__(cls: Any, value: Any = None, *more: Any) -> Any:
        if "__order__" not in cls.__dict__ or more:
            raise TypeError(f"{cls.__name__}(value) finds a member; write a class statement to make an enum")
        return _find(cls, value)

    def __getitem__(cls: Any, name: str) -> Any:
        if type(name) is str and name in cls.__dict__.get("__names__", ()):
            return cls.__dict__[name]
        raise KeyError(name)

    def __iter__(cls: Any) -> Iterator[Any]:
        return iter([cls.__dict__[name] for name in cls.__dict__.get("__order__", ())])

    def __reversed__(cls: Any) -> Iterator[Any]:
        return iter([cls.__dict__[name] for name in reversed(cls.__dict__.get("__order__", ()))])

    def __len__(cls: Any) -> int:
        return len(cls.__dict__.get("__order__", ()))

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls: Any, value: Any) -> bool:
        if isinstance(value, cls):
            return True
        try:
            _find(cls, value)
        except ValueError:
            return False
        return True

    @property
    def __members__(cls: Any) -> dict[str, Any]:
        return {name: cls.__dict__[name] for name in cls.__dict__.get("__names__", ())}

    def __repr__(cls: Any) -> str:
        return f"<{'flag' if _is_flag(cls) else 'enum'} {cls.__name__!r}>"

    def __setattr__(cls: Any, name: str, value: Any) -> None:
        _check_class(cls, name, "reassign")
        super().__setattr__(name, value)

    def __delattr__(cls: Any, name: str) -> None:
        _check_class(cls, name, "delete")
        super().__delattr__(name)


def _check_class(cls: Any, name: str, verb: str) -> None:
    if "__enum__" in cls.__dict__:
        raise TypeError(f"cannot {verb} attribute {name!r} of {cls.__name__!r}: it belongs to the language")
    if name in cls.__dict__.get("__names__", ()):
        raise AttributeError(f"cannot {verb} member {name!r}")


# --- how members are made ---------------------------------------------------------------------------------------------


def _complete(cls: Any, before: dict[str, Any]) -> Callable[[], None]:
    """Make members of the values in the body of a class. Returns what gives the members before it back their state."""
    if "__enum__" in cls.__dict__:
        return lambda: None
    base = _base_of(cls)
    for parent in cls.__mro__[1:]:
        if parent.__dict__.get("__names__"):
            raise TypeError(f"<enum {cls.__name__!r}> cannot extend {parent!r}")
    values = {name: value for name, value in cls.__dict__.items() if _is_value(name, value)}
    members: dict[str, Any] = {}
    made: list[Any] = []
    for name, value in values.items():
        if name in _FIXED or name == "mro":
            raise ValueError(f"invalid enum member name: {name!r}")
        member = _new_member(cls, base, name, value)
        alias = next((other for other in made if other._value_ == member._value_), None)
        if alias is None:
            made.append(member)
        members[name] = member if alias is None else alias
    old = {name: before[name] for name in before.get("__names__", ()) if before[name]._name_ == name}
    return _install(cls, base, old, members, made)


def _is_value(name: str, value: Any) -> bool:
    private = name.startswith("_") and "__" in name[1:]
    return not (is_dunder(name) or name in _SUNDER or private or isinstance(value, (*_DESCRIPTORS, type)))


def _new_member(cls: Any, base: Any, name: str, value: Any) -> Any:
    """Return a member that is not yet in the class."""
    kind = int if base.__flag__ else base.__value__
    if kind is str and type(value) is not str:
        raise TypeError(f"{value!r} is not a string")
    if kind is int and type(value) is not int:
        if type(value) is not bool and not is_member(value):
            raise TypeError(f"{cls.__name__}.{name}: {value!r} is not an int")
        value = int(value)
    member = object.__new__(cls)
    own = member.__dict__
    own["_name_"], own["_value_"] = name, value
    if _has_init(cls):
        _unfinished.append(member)
        try:
            member.__init__(*(value if type(value) is tuple else (value,)))
        finally:
            _unfinished.pop()
        if kind is not None and type(own["_value_"]) is not kind:
            raise TypeError(f"{cls.__name__}.{name}: {own['_value_']!r} is not of type {kind.__name__!r}")
    return member


def _has_init(cls: Any) -> bool:
    return any("__init__" in parent.__dict__ for parent in cls.__mro__ if issubclass(type(parent), EnumMethods))


def _install(cls: Any, base: Any, old: dict[str, Any], members: dict[str, Any], made: list[Any]) -> Callable[[], None]:
    """Put the members in the class, those that were there already as the objects that they were."""
    hooks = base.__hooks__
    replaced: list[tuple[Any, dict[str, Any]]] = []
    stand: dict[int, Any] = {}
    for member in made:
        known = old.get(member._name_)
        # What hashes by its value goes on being found in dicts that have it as a key.
        if known is not None and (base.__hash_of__ == "_name_" or known._value_ == member._value_):
            replaced.append((known, dict(known.__dict__)))
            _set_all(hooks, known, member.__dict__)
            stand[id(member)] = known
    for name, member in members.items():
        type.__setattr__(cls, name, stand.get(id(member), member))
    values = {member._name_: member._value_ for member in made}
    mask = 0
    if base.__flag__:
        for value in values.values():
            mask |= value
    known_values = {value: name for name, value in values.items() if type(value) in _KEYS}
    order = tuple([name for name, value in values.items() if not mask or (value > 0 and not value & (value - 1))])
    for name, part in (
        ("__order__", order), ("__names__", tuple(members)), ("__values__", known_values), ("__mask__", mask)
    ):
        type.__setattr__(cls, name, part)

    def undo() -> None:
        for member, attributes in reversed(replaced):
            _set_all(hooks, member, attributes)

    return undo


def _set_all(hooks: Hooks, member: Any, attributes: dict[str, Any]) -> None:
    """Give a member these attributes and no others, so that the heap notices."""
    for name in list(member.__dict__):
        if name not in attributes:
            hooks.delete_attribute(member, name)
    for name, value in attributes.items():
        hooks.set_attribute(member, name, value)


# --- how members are found --------------------------------------------------------------------------------------------


def _base_of(cls: Any) -> Any:
    """Return the class of this module that `cls` derives from."""
    return next(parent for parent in cls.__mro__ if "__enum__" in parent.__dict__)


def _enum_of(bases: tuple[Any, ...]) -> Any:
    return next(base for base in bases if issubclass(type(base), EnumMethods))


def _is_flag(cls: Any) -> bool:
    return _base_of(cls).__flag__ is True


def _find(cls: Any, value: Any) -> Any:
    if isinstance(value, cls):
        return value
    member = _known(cls, value)
    if member is not None:
        return member
    if _is_flag(cls) and type(value) is int:
        return _combined(cls, value)
    missing = getattr(cls, "_missing_", None)
    found = None if missing is None else missing(value)
    if found is None:
        raise ValueError(f"{value!r} is not a valid {cls.__qualname__.removeprefix('<cell>.<locals>.')}")
    if not isinstance(found, cls):
        raise TypeError(f"error in {cls.__name__}._missing_: returned {found!r} instead of None or a valid member")
    return found


def _known(cls: Any, value: Any) -> Any:
    if type(value) in _KEYS:
        name = cls.__dict__["__values__"].get(value)
        if name is not None:
            return cls.__dict__[name]
    elif is_member(value):
        return _known(cls, value._value_) if _base_of(type(value)).__value__ is not None else None
    for member in cls:
        if type(member._value_) not in _KEYS and member._value_ == value:
            return member
    return None


def is_member(value: Any) -> bool:
    """Whether `value` is a member of an enum."""
    return issubclass(type(type(value)), EnumMethods)


def _combined(cls: Any, value: int) -> Any:
    """Return the flags whose bits are those of `value`. As CPython 3.11 does in `Flag._missing_`."""
    mask = cls.__dict__["__mask__"]
    bits = (1 << mask.bit_length()) - 1
    keep = _base_of(cls).__value__ is int
    if not ~bits <= value <= bits or value & (bits ^ mask):
        if not keep:
            width = max(value.bit_length(), mask.bit_length())
            raise ValueError(
                f"{cls!r} invalid value {value!r}\n    given {_bits(value, width)}\n  allowed {_bits(mask, width)}"
            )
        if value < 0:
            value += max(bits + 1, 1 << value.bit_length())
    if value < 0:
        value += bits + 1
    if (known := _known(cls, value)) is not None:
        return known
    flags = object.__new__(cls)
    names = [member._name_ for member in _parts(cls, value)]
    rest = value & ~mask
    flags.__dict__["_name_"] = "|".join(names + ([str(rest)] if rest and names else [])) or None
    flags.__dict__["_value_"] = value
    return flags


def _bits(value: int, width: int) -> str:
    """Return the text of `bin`, of CPython's module enum: the sign bit, then the others."""
    return f"0b{1 if value < 0 else 0} {value & ((1 << width) - 1):0{width}b}"


def _parts(cls: Any, value: int) -> list[Any]:
    """Return the members of one bit each whose bits are in `value`."""
    return [member for member in cls if member._value_ & value]


# --- the classes ------------------------------------------------------------------------------------------------------


def _set_member(hooks: Hooks, member: Any, name: str, value: Any) -> None:
    if name in _FIXED and not (name == "_value_" and any(member is other for other in _unfinished)):
        raise AttributeError(f"cannot set attribute {name!r} of a member")
    hooks.set_attribute(member, name, value)


def _delete_member(hooks: Hooks, member: Any, name: str) -> None:
    if name in _FIXED:
        raise AttributeError(f"cannot delete attribute {name!r} of a member")
    hooks.delete_attribute(member, name)


def _enum_body(hooks: Hooks) -> dict[str, Any]:
    def show(self: Any) -> str:
        return f"<{hooks.typeof(self).__name__}.{self._name_}: {self._value_!r}>"

    def text(self: Any) -> str:
        return f"{hooks.typeof(self).__name__}.{self._name_}"

    def formatted(self: Any, spec: str) -> str:
        return make_format(str(self), spec)

    def set_member(self: Any, name: str, value: Any) -> None:
        _set_member(hooks, self, name, value)

    def delete_member(self: Any, name: str) -> None:
        _delete_member(hooks, self, name)

    return {
        "name": property(lambda self: self._name_), "value": property(lambda self: self._value_), "__repr__": show,
        "__str__": text, "__format__": formatted, "__setattr__": set_member, "__delattr__": delete_member,
        "__auto__": staticmethod(_next_number), "__flag__": False, "__value__": None, "__hash_of__": "_name_",
    }


def _next_number(name: str, start: int, count: int, last_values: list[Any]) -> Any:
    numbers = [value for value in last_values if type(value) in (int, float)]
    return max(numbers) + 1 if numbers else start


def _next_flag(name: str, start: int, count: int, last_values: list[Any]) -> int:
    return 1 << max(last_values).bit_length() if last_values else start


def _next_text(name: str, start: int, count: int, last_values: list[Any]) -> str:
    return name.lower()


def acted(value: Any) -> Any:
    """Return the value of a member that acts as one, anything else as it is."""
    if is_member(value) and _base_of(type(value)).__value__ is not None:
        return value._value_
    return value


def _valued(names: dict[str, Callable[[Any, Any], Any]]) -> dict[str, Any]:
    """Return operator methods that work on the values of members."""
    def method(function: Callable[[Any, Any], Any], *, reflected: bool) -> Any:
        def operate(self: Any, other: Any) -> Any:
            other = acted(other)
            if type(other) not in (bool, complex, float, int, str):
                return NotImplemented
            return function(other, self._value_) if reflected else function(self._value_, other)

        return operate

    body: dict[str, Any] = {}
    for name, function in names.items():
        body[f"__{name}__"] = method(function, reflected=False)
        body[f"__r{name}__"] = method(function, reflected=True)
    return body


def _compared() -> dict[str, Any]:
    def method(name: str) -> Any:
        compare = getattr(operator, name)

        def operate(self: Any, other: Any) -> Any:
            other, own = acted(other), self._value_
            if type(other) is not type(own) and not (type(own) is int and type(other) in (bool, float)):
                return NotImplemented
            return compare(own, other)

        return operate

    return {f"__{name}__": method(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")} | {
        "__hash__": lambda self: hash(self._value_)
    }


def _int_body() -> dict[str, Any]:
    times = guards.make_times(frozenset({bytes, list, str, tuple}))
    operators: dict[str, Callable[[Any, Any], Any]] = {
        "add": operator.add, "and": operator.and_, "floordiv": operator.floordiv, "lshift": guards.shift,
        "mod": guards.modulo, "mul": times, "or": operator.or_, "pow": guards.power, "rshift": operator.rshift,
        "sub": operator.sub, "truediv": operator.truediv, "xor": operator.xor, "divmod": divmod,
    }
    alone: dict[str, Callable[[Any], Any]] = {
        "int": int, "index": int, "float": float, "bool": bool, "neg": operator.neg, "pos": operator.pos, "abs": abs,
        "invert": operator.invert, "trunc": int, "floor": int, "ceil": int,
    }

    def method(function: Callable[[Any], Any]) -> Any:
        return lambda self: function(self._value_)

    return {
        **_valued(operators), **_compared(), **{f"__{name}__": method(function) for name, function in alone.items()},
        "__str__": lambda self: str(self._value_), "__format__": lambda self, spec: make_format(self._value_, spec),
        "__round__": lambda self, digits=None: guards.round_builtin(self._value_, digits),
        "__getattr__": _attribute_of_value, "__value__": int, "__hash_of__": "_value_",
    }


def _attribute_of_value(self: Any, name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"a member has no attribute {name!r}")
    return guards.getattr_builtin(self._value_, name)


def _str_body() -> dict[str, Any]:
    times = guards.make_times(frozenset({str}))

    return {
        **_valued({"add": operator.add, "mul": times}), **_compared(), "__auto__": staticmethod(_next_text),
        "__value__": str, "__hash_of__": "_value_",
        "__str__": lambda self: self._value_, "__format__": lambda self, spec: make_format(self._value_, spec),
        "__len__": lambda self: len(self._value_), "__iter__": lambda self: iter(self._value_),
        "__getitem__": lambda self, key: self._value_[key],
        "__contains__": lambda self, part: acted(part) in self._value_,
        "__mod__": lambda self, other: guards.modulo(self._value_, other), "__getattr__": _attribute_of_value,
    }


def _flag_body(hooks: Hooks) -> dict[str, Any]:
    def bits(self: Any, other: Any) -> Any:
        """Return the number that the other operand stands for, None for what can't be combined with it."""
        kind: Any = hooks.typeof(self)
        if isinstance(other, kind):
            return other._value_
        number = acted(other)
        return number if _base_of(kind).__value__ is int and type(number) in (bool, int) else None

    def combining(function: Callable[[int, int], int]) -> Any:
        def operate(self: Any, other: Any) -> Any:
            number = bits(self, other)
            return NotImplemented if number is None else _find(hooks.typeof(self), function(self._value_, number))

        return operate

    def invert(self: Any) -> Any:
        kind: Any = hooks.typeof(self)
        keep = _base_of(kind).__value__ is int
        singles = 0
        for member in kind:
            singles |= member._value_
        return _find(kind, ~self._value_ if keep else singles & ~self._value_)

    def contains(self: Any, other: Any) -> bool:
        if not isinstance(other, hooks.typeof(self)):
            raise TypeError(
                f"unsupported operand type(s) for 'in': {type(other).__name__!r} and {type(self).__name__!r}"
            )
        number: Any = other._value_  # type: ignore[attr-defined]
        return bool(number & self._value_ == number)

    def show(self: Any) -> str:
        name = hooks.typeof(self).__name__
        return f"<{name}: {self._value_!r}>" if self._name_ is None else f"<{name}.{self._name_}: {self._value_!r}>"

    def text(self: Any) -> str:
        name = hooks.typeof(self).__name__
        return f"{name}({self._value_!r})" if self._name_ is None else f"{name}.{self._name_}"

    def equal(self: Any, other: Any) -> Any:
        return bool(self._value_ == other._value_) if hooks.typeof(other) is hooks.typeof(self) else NotImplemented

    return {
        "__or__": combining(operator.or_), "__and__": combining(operator.and_), "__xor__": combining(operator.xor),
        "__ror__": combining(operator.or_), "__rand__": combining(operator.and_), "__rxor__": combining(operator.xor),
        "__invert__": invert, "__contains__": contains, "__bool__": lambda self: bool(self._value_),
        "__iter__": lambda self: iter(_parts(hooks.typeof(self), self._value_)),
        "__len__": lambda self: self._value_.bit_count(), "__repr__": show, "__str__": text,
        "__eq__": equal, "__hash__": lambda self: hash(self._value_),
        "__auto__": staticmethod(_next_flag), "__flag__": True, "__value__": None, "__hash_of__": "_value_",
    }


def make_enum(hooks: Hooks) -> Module:
    """Return the module."""
    kind: Any = type("EnumKind", (EnumMethods, hooks.class_kind), {"__module__": "builtins"})

    def make(name: str, base: type, *bodies: dict[str, Any]) -> Any:
        body: dict[str, Any] = {"__module__": "builtins", "__enum__": True, "__hooks__": hooks, "__slots__": ()}
        for part in bodies:
            body |= part
        made = type.__new__(kind, name, (base,), body)
        for value in body.values():
            if isinstance(value, FunctionType):
                value.__module__, value.__qualname__ = "builtins", name
        return made

    enum = make("Enum", hooks.instance_type, _enum_body(hooks))
    flags = _flag_body(hooks)
    numbers = _int_body()
    combined = {name: flags[name] for name in flags if name not in ("__eq__", "__hash__", "__str__", "__value__")}
    return make_module("enum", {
        "Enum": enum,
        "Flag": make("Flag", enum, flags),
        "IntEnum": make("IntEnum", enum, numbers),
        "IntFlag": make("IntFlag", enum, numbers, combined),
        "StrEnum": make("StrEnum", enum, _str_body()),
        "auto": auto,
        "unique": sealed(unique),
    })


def unique(enumeration: Any) -> Any:
    if not issubclass(type(enumeration), EnumMethods):
        raise TypeError("unique() takes an enum")
    aliases = [(name, member._name_) for name, member in enumeration.__members__.items() if name != member._name_]
    if aliases:
        shown = ", ".join(f"{alias} -> {name}" for alias, name in aliases)
        raise ValueError(f"duplicate values found in {enumeration!r}: {shown}")
    return enumeration
