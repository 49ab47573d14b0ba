"""The module `dataclasses`: classes whose fields are written down, and the methods that follow from them.

    class body -> `__fields__` (name, word of the annotation) -> [dataclass] -> `__dataclass_fields__`, methods

What is known of a field is kept in the class as a plain tuple, with the rest of its attributes. Annotations are never
evaluated: of each, the compiler notes whether it says ClassVar, InitVar or KW_ONLY.

Promise: methods and their results are those of Python 3.11's dataclasses (tests/sandbox/test_dataclasses.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, Final, NamedTuple

from sandbox import policy
from sandbox.generate import Defaults, FrozenInstanceError, add_methods
from sandbox.hooks import Hooks
from sandbox.iterators import Meter
from sandbox.seal import MISSING, Module, Sealed, make_module, sealed

FIELDS: Final = "__dataclass_fields__"
_FROZEN: Final = "__dataclass_frozen__"
_ORDER: Final = (("__lt__", "<"), ("__le__", "<="), ("__gt__", ">"), ("__ge__", ">="))


class _Word(metaclass=Sealed):
    """A word of annotations, which are not evaluated where they stand."""

    __slots__ = ("__word__",)

    def __init__(self, name: str) -> None:
        self.__word__ = name

    __iter__ = None  # as in typing.Form

    def __getitem__(self, item: Any) -> _Word:
        return self

    def __call__(self, *arguments: Any) -> Any:
        raise TypeError(f"{self.__word__} stands in annotations alone")

    def __repr__(self) -> str:
        return f"dataclasses.{self.__word__}"


class Field(metaclass=Sealed):
    """What `field()` returns in a class body, and `fields()` later."""

    __slots__ = ("compare", "default", "default_factory", "hash", "init", "kw_only", "metadata", "name", "repr")

    name: Any
    default: Any
    default_factory: Any
    init: bool
    repr: bool
    hash: bool | None
    compare: bool
    kw_only: Any
    metadata: Any

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot set attribute {name!r}: fields can't be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete attribute {name!r}: fields can't be changed")

    def __repr__(self) -> str:
        return f"Field(name={self.name!r}, default={self.default!r}, default_factory={self.default_factory!r})"


class _Spec(NamedTuple):
    """A field as the class keeps it, in this order, as a plain tuple.

    Functions, which the heap keeps as attributes of a class alone, are attributes `__factory_x__` and `__default_x__`.
    """

    name: str
    form: str  # "" or "InitVar"
    default: tuple[Any, ...]  # (), (value,), or (MISSING,) for a function
    factory: bool
    init: bool
    repr: bool
    hash: bool | None
    compare: bool
    kw_only: bool
    metadata: Any


def make_dataclasses(hooks: Hooks) -> Module:
    """Return the module."""
    maker = _Maker(hooks)
    functions = (maker.dataclass, field, maker.fields, maker.asdict, maker.astuple, maker.replace, maker.is_dataclass)
    values = {function.__name__: _sealed(function) for function in functions}
    words = {name: _Word(name) for name in ("InitVar", "KW_ONLY")}
    return make_module(
        "dataclasses",
        {**values, **words, "Field": Field, "FrozenInstanceError": FrozenInstanceError, "MISSING": MISSING},
    )


def _sealed(function: Callable[..., Any]) -> Any:
    def call(*arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    return sealed(call, function.__name__)


def field(
    *, default: Any = MISSING, default_factory: Any = MISSING, init: bool = True, repr: bool = True,
    hash: bool | None = None, compare: bool = True, metadata: Any = None, kw_only: Any = MISSING,
) -> Field:
    if default is not MISSING and default_factory is not MISSING:
        raise ValueError("cannot specify both default and default_factory")
    return Field(
        name=None, default=default, default_factory=default_factory, init=bool(init), repr=bool(repr), hash=hash,
        compare=bool(compare), kw_only=kw_only, metadata=metadata,
    )


class _Maker:
    """The functions of the module, for one host."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._tick = Meter(hooks).tick

    def dataclass(
        self, cls: Any = None, /, *, init: bool = True, repr: bool = True, eq: bool = True, order: bool = False,
        unsafe_hash: bool = False, frozen: bool = False, match_args: bool = True, kw_only: bool = False,
        slots: bool = False, weakref_slot: bool = False,
    ) -> Any:
        # `slots` and `weakref_slot` say how CPython lays out an instance, which is the heap's own affair.
        def make(cls: Any) -> Any:
            if not isinstance(cls, type) or not issubclass(type(cls), self._hooks.class_kind):
                raise TypeError("dataclass() takes a class made by a class statement")
            self._make(cls, init, repr, eq, order, unsafe_hash, frozen, match_args, kw_only)
            return cls

        return make if cls is None else make(cls)

    def _make(
        self, cls: Any, init: bool, repr: bool, eq: bool, order: bool, unsafe_hash: bool, frozen: bool,
        match_args: bool, kw_only: bool,
    ) -> None:
        body = cls.__dict__
        explicit_hash = "__hash__" in body and not (body["__hash__"] is None and "__eq__" in body)
        specs = self._specs(cls, kw_only)
        self._check_frozen(cls, frozen)
        if order and not eq:
            raise ValueError("eq must be true if order is true")
        shown = [spec for spec in specs.values() if spec.form == ""]
        compared = [spec.name for spec in shown if spec.compare]
        text: list[str] = []
        defaults: dict[str, Defaults] = {}
        setattr(cls, FIELDS, tuple([tuple(spec) for spec in specs.values()]))
        setattr(cls, _FROZEN, frozen)
        if init and "__init__" not in body:
            text += _init(specs, frozen, hasattr(cls, "__post_init__"))
            defaults["__init__"] = _defaults(specs)
        if repr and "__repr__" not in body:
            names = [spec.name for spec in shown if spec.repr]
            text += ["def __repr__(self):", f"    return __shown_fields__(self, {tuple(names)!r})"]
        if eq and "__eq__" not in body:
            text += ["def __eq__(self, other):", "    if type(self) is not type(other): return NotImplemented",
                     f"    return {_tuple('self', compared)} == {_tuple('other', compared)}"]
        for method, operator in _ORDER if order else ():
            if method in body:
                raise TypeError(
                    f"Cannot overwrite attribute {method} in class {cls.__name__}. "
                    "Consider using functools.total_ordering"
                )
            text += [f"def {method}(self, other):", "    if type(self) is not type(other): return NotImplemented",
                     f"    return {_tuple('self', compared)} {operator} {_tuple('other', compared)}"]
        if frozen:
            text += ["def __setattr__(self, name, value):", "    __assign__(self, __class__, name, value)",
                     "def __delattr__(self, name):", "    __delete__(self, __class__, name)"]
        if unsafe_hash and explicit_hash:
            raise TypeError(f"Cannot overwrite attribute __hash__ in class {cls.__name__}")
        if unsafe_hash or (eq and frozen and not explicit_hash):
            hashed = [spec.name for spec in shown if (spec.compare if spec.hash is None else spec.hash)]
            text += ["def __hash__(self):", f"    return hash({_tuple('self', hashed)})"]
        if text:
            add_methods(self._hooks, cls, "".join(f"    {line}\n" for line in text), defaults)
        if eq and not frozen and not unsafe_hash and not explicit_hash:
            cls.__hash__ = None
        if match_args and "__match_args__" not in body:
            names = [spec.name for spec in specs.values() if spec.init and not spec.kw_only]
            setattr(cls, "__match_args__", tuple(names))  # noqa: B010  mypy has it that no class can

    def _specs(self, cls: Any, kw_only: bool) -> dict[str, _Spec]:
        """Return the fields of the class, inherited ones first. Takes what `field()` returned out of its body."""
        specs: dict[str, _Spec] = {}
        for base in cls.__mro__[-1:0:-1]:
            for part in base.__dict__.get(FIELDS, ()):
                spec = specs[part[0]] = _Spec(*part)
                factory = base.__dict__.get(f"__factory_{spec.name}__", MISSING)
                # Else the class would change with its base; a function can't be kept in two classes.
                if factory is not MISSING and type(factory) is not FunctionType:
                    setattr(cls, f"__factory_{spec.name}__", factory)
        own: dict[str, str] = {}
        for name, form in cls.__dict__.get("__fields__", ()):
            if form == "KW_ONLY":
                if kw_only is None:
                    raise TypeError(f"{name!r} is KW_ONLY, but KW_ONLY has already been specified")
                kw_only = True
                continue
            if form == "ClassVar":
                if isinstance(cls.__dict__.get(name), Field) and cls.__dict__[name].default_factory is not MISSING:
                    raise TypeError(f"field {name} cannot have a default factory")
                continue
            own[name] = form
            specs[name] = self._spec(cls, name, form, kw_only)
        for name, value in list(cls.__dict__.items()):
            if isinstance(value, Field) and name not in own:
                raise TypeError(f"{name!r} is a field but has no type annotation")
        return specs

    def _spec(self, cls: Any, name: str, form: str, kw_only: bool) -> _Spec:
        reason = policy.attribute_refusal(name)
        if reason is not None:
            raise TypeError(f"a field can't be called {name!r}: {reason}")
        default = cls.__dict__.get(name, getattr(cls, name, MISSING))
        given = default if isinstance(default, Field) else field(default=default)
        if name in cls.__dict__ and given is default:
            if given.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, given.default)
        if form == "InitVar" and given.default_factory is not MISSING:
            raise TypeError(f"field {name} cannot have a default factory")
        kind = self._hooks.typeof(given.default)
        if given.default is not MISSING and kind.__hash__ is None:
            raise ValueError(f"mutable default {kind} for field {name} is not allowed: use default_factory")
        default = given.default
        if type(default) is FunctionType:
            setattr(cls, f"__default_{name}__", default)
        if given.default_factory is not MISSING:
            setattr(cls, f"__factory_{name}__", given.default_factory)
        return _Spec(
            name, form,
            () if default is MISSING else (MISSING,) if type(default) is FunctionType else (default,),
            given.default_factory is not MISSING, given.init, given.repr, given.hash,
            given.compare, kw_only if given.kw_only is MISSING else bool(given.kw_only), given.metadata,
        )

    def _check_frozen(self, cls: Any, frozen: bool) -> None:
        inherited = [base.__dict__[_FROZEN] for base in cls.__mro__[1:] if _FROZEN in base.__dict__]
        if frozen and not all(inherited):
            raise TypeError("cannot inherit frozen dataclass from a non-frozen one")
        if not frozen and any(inherited):
            raise TypeError("cannot inherit non-frozen dataclass from a frozen one")
        if frozen and ("__setattr__" in cls.__dict__ or "__delattr__" in cls.__dict__):
            raise TypeError(f"Cannot overwrite attribute __setattr__ in class {cls.__name__}")

    # --- what is known of a class or instance -------------------------------------------------------------------------

    def _fields_of(self, value: Any) -> tuple[_Spec, ...] | None:
        """Return the fields of a dataclass or of an instance of one, else None."""
        cls = value if isinstance(value, type) else self._hooks.typeof(value)
        if not issubclass(type(cls), self._hooks.class_kind):
            return None
        for base in cls.__mro__:
            if FIELDS in base.__dict__:
                return tuple([_Spec(*part) for part in base.__dict__[FIELDS]])
        return None

    def _fields_of_instance(self, value: Any, function: str) -> tuple[_Spec, ...]:
        found = None if isinstance(value, type) else self._fields_of(value)
        if found is None:
            raise TypeError(f"{function}() should be called on dataclass instances")
        return tuple([spec for spec in found if spec.form == ""])

    def is_dataclass(self, obj: Any) -> bool:
        return self._fields_of(obj) is not None

    def fields(self, class_or_instance: Any) -> tuple[Field, ...]:
        found = self._fields_of(class_or_instance)
        if found is None:
            raise TypeError("must be called with a dataclass type or instance")
        owner = class_or_instance if isinstance(class_or_instance, type) else self._hooks.typeof(class_or_instance)

        def default(spec: _Spec) -> Any:
            return getattr(owner, f"__default_{spec.name}__") if spec.default == (MISSING,) else spec.default[0]

        return tuple([
            Field(
                name=spec.name, default=default(spec) if spec.default else MISSING,
                default_factory=getattr(owner, f"__factory_{spec.name}__") if spec.factory else MISSING,
                init=spec.init, repr=spec.repr, hash=spec.hash, compare=spec.compare, kw_only=spec.kw_only,
                metadata=spec.metadata or {},
            )
            for spec in found if spec.form == ""
        ])

    def asdict(self, obj: Any, *, dict_factory: Any = dict) -> Any:
        specs = self._fields_of_instance(obj, "asdict")
        return self._as_dict(obj, specs, dict if dict_factory is self._hooks.dict_type else dict_factory)

    def _as_dict(self, obj: Any, specs: tuple[_Spec, ...], make: Any) -> Any:
        def convert(value: Any) -> Any:
            found = None if isinstance(value, type) else self._fields_of(value)
            return None if found is None else (self._as_dict(value, tuple(s for s in found if s.form == ""), make),)

        return make([(spec.name, self._copied(getattr(obj, spec.name), convert)) for spec in specs])

    def astuple(self, obj: Any, *, tuple_factory: Any = tuple) -> Any:
        return self._as_tuple(obj, self._fields_of_instance(obj, "astuple"), tuple_factory)

    def _as_tuple(self, obj: Any, specs: tuple[_Spec, ...], make: Any) -> Any:
        def convert(value: Any) -> Any:
            found = None if isinstance(value, type) else self._fields_of(value)
            return None if found is None else (self._as_tuple(value, tuple(s for s in found if s.form == ""), make),)

        return make([self._copied(getattr(obj, spec.name), convert) for spec in specs])

    def _copied(self, value: Any, convert: Callable[[Any], tuple[Any] | None]) -> Any:
        """Return a copy of lists, dicts and tuples, with the dataclasses in them converted."""
        self._tick()
        converted = convert(value)
        if converted is not None:
            return converted[0]
        kind = self._hooks.typeof(value)
        if kind is self._hooks.list_type or kind is list:
            return [self._copied(item, convert) for item in value]
        if kind is self._hooks.dict_type or kind is dict:
            return {self._copied(key, convert): self._copied(item, convert) for key, item in value.items()}
        if kind is tuple:
            return tuple([self._copied(item, convert) for item in value])
        return value.copy() if kind is self._hooks.set_type else value

    def replace(self, obj: Any, /, **changes: Any) -> Any:
        specs = None if isinstance(obj, type) else self._fields_of(obj)
        if specs is None:
            raise TypeError("replace() should be called on dataclass instances")
        for spec in specs:
            if not spec.init:
                if spec.name in changes:
                    raise ValueError(f"field {spec.name} is declared with init=False, it cannot be specified with "
                                     "replace()")
            elif spec.name not in changes:
                if spec.form == "InitVar" and not spec.default:
                    raise ValueError(f"InitVar {spec.name!r} must be specified with replace()")
                changes[spec.name] = getattr(obj, spec.name)
        return self._hooks.typeof(obj)(**changes)


# --- the text of the methods ------------------------------------------------------------------------------------------


def _init(specs: Mapping[str, _Spec], frozen: bool, ready: bool) -> list[str]:
    this = "self"
    while this in specs:
        this += "_"
    order = _parameters(specs)
    parts = [this]
    seen = ""
    for spec in order:
        if spec.kw_only and "*" not in parts:
            parts.append("*")
        if spec.default or spec.factory:
            parts.append(f"{spec.name}=None")
            seen = seen or spec.name
        else:
            if seen and not spec.kw_only:
                raise TypeError(f"non-default argument {spec.name!r} follows default argument")
            parts.append(spec.name)
    lines = [f"def __init__({', '.join(parts)}):"]
    for spec in specs.values():
        if spec.form:
            continue
        if spec.factory:
            given = spec.name if spec.init else "__missing__"
            value = f"__fresh__({given}, __class__, '__factory_{spec.name}__')"
        elif spec.init and spec.default == (MISSING,):
            value = f"__given__({spec.name}, __class__, '__default_{spec.name}__')"
        elif spec.init:
            value = spec.name
        else:
            continue  # the class attribute has the default
        lines.append(f"    __put__({this}, {spec.name!r}, {value})" if frozen else f"    {this}.{spec.name} = {value}")
    if ready:
        variables = "".join(f", {spec.name}" for spec in specs.values() if spec.form == "InitVar" and spec.init)
        lines.append(f"    __ready__({this}{variables})")
    return [*lines, "    pass"] if len(lines) == 1 else lines


def _parameters(specs: Mapping[str, _Spec]) -> list[_Spec]:
    """Return the fields that are parameters, keyword-only ones last."""
    return sorted([spec for spec in specs.values() if spec.init], key=lambda spec: spec.kw_only)


def _defaults(specs: Mapping[str, _Spec]) -> Defaults:
    found = [(spec, spec.default[0] if spec.default else MISSING) for spec in _parameters(specs)
             if spec.default or spec.factory]
    return (
        tuple([value for spec, value in found if not spec.kw_only]),
        {spec.name: value for spec, value in found if spec.kw_only},
    )


def _tuple(owner: str, names: list[str]) -> str:
    return f"({''.join(f'{owner}.{name}, ' for name in names)})"
