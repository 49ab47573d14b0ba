"""Hooks: what the host of the language supplies. Everything a snippet sees of the world comes through here.

    host -> [Hooks] -> make_library -> modules; make_builtins -> names
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.library.random import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What the host supplies.

    `dict_type`, `list_type`, `set_type`, `frozenset_type`, `object_type`: the heap's classes, behind `dict`, `list`,
    `set`, `frozenset`, `object`. Sets keep the order of insertion. That of frozensets has an attribute `__frozen__`.
    `collections`: the containers of the module `collections`, by name.
    `named_tuple(name, fields, defaults)`: makes a class of named tuples; the names have been judged.
    `typeof(value)`: the public class of a value; never a metaclass.
    `root`: `root[name] = value` binds a root. `unbind(name)` deletes one; NameError when there is none.
    `define(name, source, first_line, kind)`: returns the decorator that gets a finished function or class ("function"
    or "class") and returns what to bind.
    `decorated(name, source, first_line)`: the same for a function that has decorators, before these get it.
    `undefine(name)`: ends the class statement of a root: if it did not get to what `define` returned, because a
    decorator raised, the class that had the name before gets back what it had.
    `rootclass`, `localclass`: make the classes that are roots and others, called as metaclasses are.
    `class_kind`: the metaclass of the classes they make; of a class whose base has a metaclass below it that one, whose
    method `__complete__(attributes before)`, if it has one, they call when the class is made.
    `instance_type`: what all of these classes but exceptions derive from.
    `namespace`: the globals of all code. `set_attribute(obj, name, value)`: sets an attribute of such an instance,
    whatever `__setattr__` of its class says; `delete_attribute(obj, name)` deletes one.
    `write_output(text)`: takes what `print` prints.
    `now()`: the time of the snippet, in UTC.
    `random()`: the snippet's generator of random numbers, seeded by its place in the log (see
    make_generator): the same one all through it.
    `states`: the classes behind the containers, where these have others while they are not loaded or not changed; to
    the public ones.
    `fatal`: the host's exceptions that no snippet may catch.
    `builtins`: the dict that make_builtins fills, with the fuel in it; the library reads it when it runs.
    `written`: the classes that library/written.py makes, by name. Each has an attribute `__library__`: the host lets
    nobody change it, and keeps its instances.
    """

    dict_type: type
    list_type: type
    set_type: type
    frozenset_type: type
    collections: Mapping[str, Any]
    named_tuple: Callable[[str, tuple[str, ...], tuple[Any, ...]], Any]
    object_type: type
    typeof: Callable[[Any], type]
    root: MutableMapping[str, Any]
    unbind: Callable[[str], None]
    define: Callable[[str, str, int, str], Callable[[Any], Any]]
    decorated: Callable[[str, str, int], Callable[[Any], Any]]
    undefine: Callable[[str], None]
    rootclass: Any
    localclass: Any
    class_kind: type
    instance_type: type
    namespace: dict[str, Any]
    set_attribute: Callable[[Any, str, Any], None]
    delete_attribute: Callable[[Any, str], None]
    write_output: Callable[[str], object]
    now: Callable[[], datetime.datetime]
    random: Callable[[], Generator]
    states: Mapping[type, type] = field(default_factory=dict)
    fatal: tuple[type[BaseException], ...] = ()
    builtins: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    written: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
