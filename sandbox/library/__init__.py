"""Library: the modules a snippet may import, each an object that can't be changed and leads to nothing else.

    Hooks (from the host) -> [make_library] -> {name: Module}

A module is made for each host, because some of what it offers (the time, random numbers) is the snippet's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.library.math import make_math
from sandbox.policy import MODULES, attribute_refusal
from sandbox.seal import Module

_MAKERS: Final[Mapping[str, Callable[[Hooks], Module]]] = MappingProxyType({
    "math": make_math,
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
        if attribute_refusal(attribute) is not None or not hasattr(module, attribute):
            raise ImportError(f"cannot import name {attribute!r} from {name!r}; see docs/language.md")
        return getattr(module, attribute)

    return import_module
