"""Library: the modules a snippet may import, each an object that can't be changed and leads to nothing else.

    Hooks (from the host) -> [make_library] -> {name: Module}

A module is made for each host, because some of what it offers (the time, random numbers) is the snippet's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.library.base64 import make_base64
from sandbox.library.bisect import make_bisect
from sandbox.library.collections import make_collections
from sandbox.library.contextlib import make_contextlib
from sandbox.library.copy import make_copy
from sandbox.library.dataclasses import make_dataclasses
from sandbox.library.datetime import make_datetime
from sandbox.library.decimal import make_decimal
from sandbox.library.enum import make_enum
from sandbox.library.fractions import make_fractions
from sandbox.library.functools import make_functools
from sandbox.library.hashlib import make_hashlib
from sandbox.library.heapq import make_heapq
from sandbox.library.itertools import make_itertools
from sandbox.library.json import make_json
from sandbox.library.math import make_math
from sandbox.library.operator import make_operator
from sandbox.library.random import make_random
from sandbox.library.re import make_re
from sandbox.library.statistics import make_statistics
from sandbox.library.string import make_string
from sandbox.library.textwrap import make_textwrap
from sandbox.library.time import make_time
from sandbox.library.typing import make_abc, make_collections_abc, make_typing
from sandbox.library.uuid import make_uuid
from sandbox.policy import MODULE_NAMES_REFUSED, MODULES, attribute_refusal
from sandbox.seal import Module

_MAKERS: Final[Mapping[str, Callable[[Hooks], Module]]] = MappingProxyType({
    "abc": make_abc,
    "base64": make_base64,
    "bisect": make_bisect,
    "collections": make_collections,
    "collections.abc": make_collections_abc,
    "contextlib": make_contextlib,
    "copy": make_copy,
    "dataclasses": make_dataclasses,
    "datetime": make_datetime,
    "decimal": make_decimal,
    "enum": make_enum,
    "fractions": make_fractions,
    "functools": make_functools,
    "hashlib": make_hashlib,
    "heapq": make_heapq,
    "itertools": make_itertools,
    "json": make_json,
    "math": make_math,
    "operator": make_operator,
    "random": make_random,
    "re": make_re,
    "statistics": make_statistics,
    "string": make_string,
    "textwrap": make_textwrap,
    "time": make_time,
    "typing": make_typing,
    "uuid": make_uuid,
})

assert _MAKERS.keys() == MODULES


def make_library(hooks: Hooks) -> Mapping[str, Module]:
    """Return the modules that cells with these hooks can import, by name."""
    return MappingProxyType({name: make(hooks) for name, make in _MAKERS.items()})


def make_import(library: Mapping[str, Module]) -> Callable[..., Any]:
    """Return the function behind the import statement."""
    def import_module(name: str, attribute: str | None = None) -> Any:
        module = library[name]
        if attribute is None:
            return module
        try:
            if attribute_refusal(attribute) is None:
                return getattr(module, attribute)
        except AttributeError:
            pass
        reason = MODULE_NAMES_REFUSED.get(f"{name}.{attribute}")
        hint = "" if reason is None else f": {reason}"
        raise ImportError(f"cannot import name {attribute!r} from {name!r}{hint}")

    return import_module
