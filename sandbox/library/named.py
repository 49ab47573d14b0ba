"""Named: the function `namedtuple`, which judges the names of a class of named tuples and lets the host make it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from keyword import iskeyword
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.policy import SOURCE_SIZE_MAX, attribute_refusal

# One step makes a class of so many fields.
FIELD_COUNT_MAX: Final = 255


def make_named(hooks: Hooks) -> Callable[..., Any]:
    """Return `namedtuple`."""
    def namedtuple(
        typename: str, field_names: Any, *, rename: bool = False, defaults: Iterable[Any] | None = None
    ) -> Any:
        values = () if defaults is None else tuple(islice(defaults, FIELD_COUNT_MAX + 1))
        fields = _fields(typename, field_names, rename)
        if len(values) > len(fields):
            raise TypeError("Got more default values than field names")
        return hooks.named_tuple(typename, fields, values)

    return namedtuple


def _fields(typename: Any, field_names: Any, rename: Any) -> tuple[str, ...]:
    """Return the names of the fields. Raises TypeError, ValueError, with CPython's messages where it has one."""
    if type(field_names) is str:
        if len(field_names) > SOURCE_SIZE_MAX:
            raise ValueError(f"the names of a named tuple have {len(field_names)} characters, too many")
        names = field_names.replace(",", " ").split()
    else:
        names = list(islice(field_names, FIELD_COUNT_MAX + 1))
    if len(names) > FIELD_COUNT_MAX:
        raise ValueError(f"a named tuple has at most {FIELD_COUNT_MAX} fields")
    for name in (typename, *names):
        if type(name) is not str:
            raise TypeError("Type names and field names must be strings")
    if rename:
        seen: set[str] = set()
        for index, name in enumerate(names):
            if not _is_name(name) or name.startswith("_") or name in seen:
                names[index] = f"_{index}"
            seen.add(name)
    for name in (typename, *names):
        if not name.isidentifier():
            raise ValueError(f"Type names and field names must be valid identifiers: {name!r}")
        if iskeyword(name):
            raise ValueError(f"Type names and field names cannot be a keyword: {name!r}")
    if typename.startswith("__"):
        raise ValueError(f"the name of a named tuple can't begin with two underscores: {typename!r}")
    for index, name in enumerate(names):
        if name.startswith("_") and not rename:
            raise ValueError(f"Field names cannot start with an underscore: {name!r}")
        if name in names[:index]:
            raise ValueError(f"Encountered duplicate field name: {name!r}")
        reason = attribute_refusal(name)
        if reason is not None:
            raise ValueError(f"a field can't be called {name!r}: no attribute of that name is available, {reason}")
    return tuple(names)


def _is_name(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)
