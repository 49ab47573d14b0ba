"""Hints: what to do about an exception that CPython or the library raised, where its own text does not say so.

    exception, names of the roots, modules -> [hint] -> "; did you mean 'append'?"

A hint is for whoever reads the report. It is no part of the exception, so no snippet sees it and no outcome depends on
it; still the same heap gives the same one: names are looked at sorted, and chosen by their letters alone.

Promise: no code of the snippet runs here (no `__getattr__`, no property), and the work is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from types import FrameType, MappingProxyType
from typing import Any, Final

from sandbox import policy
from sandbox.seal import Module

# Names looked at for what may have been meant, and how long they may be.
NAME_COUNT_MAX: Final = 1_000
NAME_SIZE_MAX: Final = 100
# How alike two names must be, of 1. Two letters swapped in a name of four are 0.75, 'users' and 'super' 0.6.
ALIKE_MIN: Final = 0.7

Names = Callable[[], Iterable[str]]
_NO_MODULES: Final[Mapping[str, Module]] = MappingProxyType({})

# What other languages, and other Pythons, call it.
_FOREIGN_NAMES: Final[Mapping[str, str]] = MappingProxyType({
    "NULL": "write None",
    "basestring": "write str",
    "exit": "end the snippet with a value, or raise an exception",
    "false": "write False",
    "long": "write int",
    "nil": "write None",
    "none": "write None",
    "null": "write None",
    "quit": "end the snippet with a value, or raise an exception",
    "raw_input": "a snippet asks nobody; send the value as a parameter",
    "self": "'self' is the first parameter of a method, and means nothing outside",
    "this": "a method has its object as the first parameter, 'self'",
    "true": "write True",
    "undefined": "write None",
    "unicode": "write str",
    "xrange": "write range",
})
_FOREIGN_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({
    "contains": "use 'in'",
    "has_key": "use 'in'",
    "isEmpty": "use 'not'",
    "iteritems": "use items()",
    "iterkeys": "use keys()",
    "itervalues": "use values()",
    "length": "use len(...)",
    "push": "use append(...)",
    "size": "use len(...)",
    "substring": "use a slice, as in text[1:3]",
    "toLowerCase": "use lower()",
    "toString": "use str(...)",
    "toUpperCase": "use upper()",
    "trim": "use strip()",
})

_NO_NAME: Final = "no root or parameter has this name, and what 'for', 'with' and ':=' bind ends with its cell"
_NONE: Final = "; it is None, which a function without 'return' gives, and a method that changes its object, as sort()"
_TEXT_AND_NUMBER: Final = "; make a text of the number by str(...) or an f-string, or a number of the text by int(...)"
_KEY: Final = "; a key of a dict is read as d[{!r}]"
_TUPLE: Final = "; a tuple can't be changed: use a list"
# What the message of an exception begins with -> what to do.
_ADVICE: Final[Mapping[type[BaseException], tuple[tuple[str, str], ...]]] = MappingProxyType({
    TypeError: (
        (r"'NoneType' object ", _NONE),
        (r"[^<]+\.\w+\(\) takes 0 positional arguments but 1 was given$", "; a method's first parameter is 'self'"),
        (r".* missing 1 required positional argument: 'self'$", "; call it on an instance"),
        (r"can only concatenate str \(not \"(int|float)\"\)", _TEXT_AND_NUMBER),
        (r"unsupported operand type\(s\) for \+=?: '(int|float)' and 'str'", _TEXT_AND_NUMBER),
        (r"unhashable type: 'list'", "; use a tuple"),
        (r"unhashable type: 'dict'", "; use a text, a number or a tuple that stands for it"),
        (r"unhashable type: 'set'", "; use a frozenset"),
        (r"'str' object does not support item", "; a text can't be changed: make a new one"),
        (r"'tuple' object does not support item", _TUPLE),
        (r"exceptions must derive from BaseException", "; write: raise ValueError(...)"),
    ),
    RuntimeError: (
        (r"(dictionary|OrderedDict) (changed|mutated)|dictionary keys changed|Set changed|deque mutated",
         "; loop over list(...) of it"),
        (r"super\(\): no arguments", "; it means something only in a method"),
    ),
    StopIteration: ((r"$", "; there is no next item: give next() a second argument for that, or use a 'for' loop"),),
})  # fmt: skip

_DICTS: Final = ("'Counter' object", "'OrderedDict' object", "'defaultdict' object", "'dict' object")
_UNBOUND: Final = re.compile(r"cannot access local variable '(\w+)'")
_NO_IMPORT: Final = re.compile(r"cannot import name '(\w+)' from '(\w+)'$")
_NO_ATTRIBUTE: Final = re.compile(r".* has no attribute '\w+'$")

_mro_of: Final[Any] = type.__dict__["__mro__"].__get__
_space_of: Final[Any] = type.__dict__["__dict__"].__get__


def hint(error: BaseException, names: Names = tuple, modules: Mapping[str, Module] = _NO_MODULES) -> str:
    """Return what to do about `error`, beginning with '; ', or an empty text.

    Args:
        names: returns the names of the roots.
        modules: those that a snippet can import.
    """
    if isinstance(error, RecursionError):
        return "; a function calls itself, or calls go in a circle, too deep: check where it ends, or use a loop"
    arguments = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    message = arguments[0] if arguments and type(arguments[0]) is str else ""
    match error:
        case UnboundLocalError():
            return _unbound(error, message, names)
        case NameError():
            return _undefined(error, names, modules) if type(error) is NameError else ""
        case AttributeError():
            return _missing(error, message) if type(error) is AttributeError else ""
        case ImportError() if found := _NO_IMPORT.match(message):
            module = modules.get(found[2])
            return _like(found[1], _public(module)) or "; docs/language.md lists what is there"
    for pattern, advice in _ADVICE.get(type(error), ()):
        if re.match(pattern, message[:500]) and len(arguments) < 2:
            return str(advice)
    return ""


def _undefined(error: NameError, names: Names, modules: Mapping[str, Module]) -> str:
    name = error.name
    if type(name) is not str:
        return ""
    if name in _FOREIGN_NAMES:
        return f"; {_FOREIGN_NAMES[name]}"
    if name in policy.MODULES:
        return f"; write: import {name}"
    frame = _last_frame(error)
    local = () if frame is None else (*frame.f_code.co_varnames, *frame.f_code.co_freevars)
    found = _close(name, [*islice(names(), NAME_COUNT_MAX), *policy.BUILTINS, *policy.EXCEPTIONS, *local])
    parts = []
    if frame is not None and "self" in local and name in _names_of(frame.f_locals.get("self")):
        parts.append(f"did you mean 'self.{name}'?")
    elif found:
        parts.append(f"did you mean {found!r}?")
    # `typing` and `operator` last: what they name is better known from elsewhere.
    for module in sorted(modules, key=lambda each: (each in ("operator", "typing"), each)):
        if len(name) > 2 and name in _public(modules[module]):
            parts.append(f"{'or ' if parts else ''}write: from {module} import {name}")
            break
    return f"; {' '.join(parts) or _NO_NAME}"


def _unbound(error: UnboundLocalError, message: str, names: Names) -> str:
    found, frame = _UNBOUND.match(message), _last_frame(error)
    if found is None or frame is None:
        return ""
    name = found[1]
    if name not in names():
        return "; nothing was assigned to it up to here"
    if frame.f_code.co_name == "<cell>":
        return f"; the cell binds {name!r}, so all of the cell means its own by it: use another name than the root's"
    return f"; the function assigns {name!r}, so it means its own by it: for the root write 'global {name}' at its top"


def _missing(error: AttributeError, message: str) -> str:
    obj, name = error.obj, error.name
    if type(name) is not str or not _NO_ATTRIBUTE.match(message):
        return ""
    if obj is None:
        return _NONE
    found = _like(name, _names_of(obj))
    if type(obj) is Module:
        module = object.__getattribute__(obj, "_name")
        if name in _names_of(_public(obj).get(module)):
            return f"; did you mean '{module}.{module}.{name}'?"
        return found or "; docs/language.md lists what is there"
    if found:
        return found
    if name in _FOREIGN_ATTRIBUTES:
        return f"; {_FOREIGN_ATTRIBUTES[name]}"
    if message.startswith(_DICTS):
        return _KEY.format(name)
    return _TUPLE if type(obj) is tuple and hasattr(list, name) else ""


def _names_of(obj: Any) -> list[str]:
    """Return the names of an object's attributes that a snippet may write, without asking the object."""
    if type(obj) is Module:
        return list(_public(obj))
    spaces = [_space_of(kind) for kind in _mro_of(type(obj))]
    if isinstance(obj, type):
        spaces = [_space_of(kind) for kind in _mro_of(obj)]
    else:
        try:
            spaces.append(object.__getattribute__(obj, "__dict__"))
        except AttributeError:
            pass
    found = {name for space in spaces for name in islice(space, NAME_COUNT_MAX) if type(name) is str}
    return [name for name in found if policy.attribute_refusal(name) is None]


def _public(module: Module | None) -> dict[str, Any]:
    found: dict[str, Any] = {} if module is None else object.__getattribute__(module, "_values")
    return found


def _like(name: str, known: Iterable[str]) -> str:
    found = _close(name, known)
    return f"; did you mean {found!r}?" if found else ""


def _close(name: str, known: Iterable[str]) -> str | None:
    """Return the name that is most like `name`. One that begins with `_` is meant only where `name` does too."""
    candidates = sorted({each for each in known if len(each) <= NAME_SIZE_MAX and each != name})
    if not name.startswith("_"):
        candidates = [each for each in candidates if not each.startswith("_")]
    if len(name) > NAME_SIZE_MAX:
        return None
    same = [each for each in candidates if each.lower() == name.lower()]
    found = same or get_close_matches(name, candidates[:NAME_COUNT_MAX], 1, ALIKE_MIN)
    return found[0] if found else None


def _last_frame(error: BaseException) -> FrameType | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else trace.tb_frame
