"""Library: the modules a snippet may import, each an object that can't be changed and leads to nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.library.math import MATH
from sandbox.policy import MODULES, attribute_refusal
from sandbox.seal import Module

LIBRARY: Final[Mapping[str, Module]] = MappingProxyType({"math": MATH})

assert LIBRARY.keys() == MODULES


def import_module(name: str, attribute: str | None = None) -> Any:
    """Return a module, or one thing of it.

    Raises:
        ImportError: there is no such thing.
    """
    module = LIBRARY[name]
    if attribute is None:
        return module
    if attribute_refusal(attribute) is not None or not hasattr(module, attribute):
        raise ImportError(f"cannot import name {attribute!r} from {name!r}; see docs/language.md")
    return getattr(module, attribute)
