"""The module `copy`: copies of containers and instances, made by walking them; of what can't change, itself.

A copy of a container of the heap is a plain one, as `d.copy()` gives; it becomes the heap's when it is kept.
"""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, NoneType
from typing import Any, Final

from sandbox.hooks import Hooks
from sandbox.identity import VALUES
from sandbox.iterators import Meter
from sandbox.library.enum import is_member
from sandbox.library.typing import Form
from sandbox.seal import Module, make_module, sealed
from sandbox.work import given

_ATOMIC: Final = frozenset({
    BuiltinFunctionType, FunctionType, NoneType, NotImplemented.__class__, Ellipsis.__class__, bool, property, range,
}) | VALUES


def make_copy(hooks: Hooks) -> Module:
    copier = Copier(hooks)
    # Functions of their own, as they are given names.
    return make_module("copy", {
        "copy": sealed(lambda x: copier.shallow(x), "copy"),
        "deepcopy": sealed(lambda x: copier.deep(x, {}), "deepcopy"),
    })


class Copier:
    """Copies values for one host's snippets. Never reached by one."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._frozen: Any = (hooks.frozenset_type, tuple)
        self._tick = Meter(hooks).tick

    def shallow(self, x: Any) -> Any:
        kind = type(x)
        if self._is_atomic(x, kind) or isinstance(x, self._frozen):
            return x
        if self._is_set(x):
            return self._hooks.set_type(x)
        if self._is_container(x):
            return given(x).copy()
        if self._is_instance(x):
            attributes = dict(x.__dict__)
            if hasattr(kind, "__acts_as__"):
                attributes["_items_"] = attributes["_items_"].copy()
            return self._same_attributes(x, attributes)
        raise _refusal(x)

    def deep(self, x: Any, made: dict[int, Any]) -> Any:
        """Return the deep copy of `x`.

        Args:
            made: id of an object -> its copy, and itself, so that the id stays its own.
        """
        self._tick()
        kind = type(x)
        if self._is_atomic(x, kind):
            return x
        if id(x) in made:
            return made[id(x)][0]
        if isinstance(x, self._frozen):
            items = [self.deep(item, made) for item in x]
            if id(x) in made:  # it was reached again through itself
                return made[id(x)][0]
            if all(new is old for new, old in zip(items, x, strict=True)):
                return x
            # A named tuple takes its items one by one.
            new = getattr(kind, "_make", kind)(items)
        elif self._is_container(x):
            return self._deep_container(x, made)
        elif self._is_instance(x):
            new = self._same_attributes(x, {})
            made[id(x)] = new, x
            for name, value in dict(x.__dict__).items():
                new.__dict__[name] = self.deep(value, made)
            return new
        else:
            raise _refusal(x)
        made[id(x)] = new, x
        return new

    def _deep_container(self, x: Any, made: dict[int, Any]) -> Any:
        hooks: Any = self._hooks
        if isinstance(x, hooks.set_type):
            new = hooks.set_type([self.deep(item, made) for item in list(x)])
            made[id(x)] = new, x
            return new
        new = x.copy()
        made[id(x)] = new, x
        if isinstance(x, hooks.dict_type):
            items = list(x.items())
            new.clear()
            for key, value in items:
                new[self.deep(key, made)] = self.deep(value, made)
        else:
            items = list(x)
            new.clear()
            for item in items:
                new.append(self.deep(item, made))
        return new

    def _is_atomic(self, x: Any, kind: type) -> bool:
        return kind in _ATOMIC or isinstance(x, type | Form | Module) or is_member(x)

    def _is_container(self, x: Any) -> bool:
        if hasattr(type(x), "__acts_as__"):
            return False
        hooks, metaclass = self._hooks, type(self._hooks.dict_type)
        known = isinstance(x, (hooks.dict_type, hooks.list_type, hooks.set_type))
        return known or (metaclass is not type and type(type(x)) is metaclass)

    def _is_set(self, x: Any) -> bool:
        return isinstance(x, self._hooks.set_type) and not hasattr(type(x), "__acts_as__")

    def _is_instance(self, x: Any) -> bool:
        """Whether the class of `x` was made by a snippet: its metaclass is the host's."""
        return issubclass(type(type(x)), self._hooks.class_kind) and not isinstance(x, BaseException)

    def _same_attributes(self, x: Any, attributes: dict[str, Any]) -> Any:
        new: Any = object.__new__(self._hooks.typeof(x))
        new.__dict__.update(attributes)
        return new


def _refusal(x: Any) -> TypeError:
    return TypeError(f"can't copy a {type(x).__name__}; make a new one")
