"""Generate: methods that a decorator writes into a class, as `dataclass` does.

    decorator -> [generate: add_methods] -> text -> compile_definition(generated=True) -> functions of the class

The methods are text, compiled as a snippet's are, so they tick, are pure where they must be, and are kept by the heap
as their text: the attribute `__generated__` of the class, which no snippet can name. Values never stand in the text,
they are defaults of parameters. The text calls hooks, spelled `__fresh__` for `.fresh`, which user text can't spell.

Promise: the same class statement gives the same text everywhere; no name stands in it that the language has not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from sandbox.compiler import compile_definition
from sandbox.errors import SnippetRefused
from sandbox.hooks import Hooks
from sandbox.seal import MISSING, Sealed

# The file name of the code until the heap keeps it, and the attribute that has the text.
GENERATED: Final = "__generated__"

# The defaults of a method, and those of its keyword-only parameters.
Defaults = tuple[tuple[Any, ...], Mapping[str, Any]]


class FrozenInstanceError(AttributeError, metaclass=Sealed):
    """An attribute of an instance of a frozen dataclass was to be changed."""


def add_methods(hooks: Hooks, cls: Any, text: str, defaults: Mapping[str, Defaults]) -> None:
    """Write methods into a class of a snippet.

    Args:
        text: the methods, indented by four spaces.
        defaults: what the parameters of a method get, whose defaults in the text only hold their places.
    Raises:
        ValueError: the text is no Python, or too long.
    """
    before = cls.__dict__.get(GENERATED, "")
    text = before + text
    for name, code in _compiled(cls.__name__, text):
        if code.co_firstlineno <= 1 + before.count("\n"):
            continue
        closure = tuple(CellType(cls) for _ in code.co_freevars)
        positional, keywords = defaults.get(name, ((), {}))
        function = FunctionType(code, hooks.namespace, name, tuple(positional) or None, closure)
        function.__kwdefaults__ = dict(keywords) or None
        setattr(cls, name, function)
    setattr(cls, GENERATED, text)


@lru_cache(256)
def _compiled(name: str, text: str) -> list[tuple[str, CodeType]]:
    try:
        codes = compile_definition(f"class {name}:\n{text}", name, GENERATED, generated=True).codes
    except SnippetRefused as error:
        raise ValueError(f"can't write the methods of {name!r}: {error.message}") from None
    return [(code.co_name, code) for code in codes.values() if code.co_qualname == f"{name}.{code.co_name}"]


def make_hooks(hooks: Hooks) -> dict[str, Any]:
    """Return what generated methods call, by the names of the hooks."""
    printing: set[int] = set()

    def fresh(value: Any, owner: Any, name: str) -> Any:
        """Return what was given for a field, or what its factory makes."""
        return kept(owner, name)() if value is MISSING else value

    def given(value: Any, owner: Any, name: str) -> Any:
        """Return what was given for a field, or the function that is its default."""
        return kept(owner, name) if value is MISSING else value

    def kept(owner: Any, name: str) -> Any:
        try:
            return getattr(owner, name)
        except AttributeError:
            raise TypeError(
                f"{owner.__name__!r} inherits fields from a class that was defined again without them; define it again"
            ) from None

    def ready(obj: Any, *arguments: Any) -> None:
        obj.__post_init__(*arguments)

    def shown(obj: Any, names: tuple[str, ...]) -> str:
        if id(obj) in printing:
            return "..."
        printing.add(id(obj))
        try:
            kind = hooks.typeof(obj).__qualname__.removeprefix("<cell>.<locals>.")
            return f"{kind}({', '.join([f'{name}={getattr(obj, name)!r}' for name in names])})"
        finally:
            printing.discard(id(obj))

    def check_frozen(obj: Any, owner: Any, name: str, verb: str) -> None:
        if hooks.typeof(obj) is owner or any(field[0] == name for field in owner.__dict__["__dataclass_fields__"]):
            raise FrozenInstanceError(f"cannot {verb} field {name!r}")

    def assign(obj: Any, owner: Any, name: str, value: Any) -> None:
        check_frozen(obj, owner, name, "assign to")
        hooks.set_attribute(obj, name, value)

    def delete(obj: Any, owner: Any, name: str) -> None:
        check_frozen(obj, owner, name, "delete")
        hooks.delete_attribute(obj, name)

    return {
        ".assign": assign, ".delete": delete, ".fresh": fresh, ".given": given, ".missing": MISSING,
        ".put": hooks.set_attribute, ".ready": ready, ".shown_fields": shown,
    }
