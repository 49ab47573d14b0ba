"""The root: the names that clients see, and the one dict from which all of them are read.

    cell, stored function --- LOAD_GLOBAL ---> namespace --- values ---> objects, ghosts

A cell reads a root natively; it changes one only through `root[name] = value` and `unbind(name)`, which the compiler
puts in place of the store. A name is in `packed` until code that mentions it is about to run (`Heap.link`), so that
opening a heap compiles no class and no function.

Promise: undo restores every name; the record is sorted by name, so what was linked when leaves no mark in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .containers import MISSING

__all__ = ["INTERNAL", "Root", "definition_name"]

# Names of the namespace that are no roots: what CPython looks for in the globals of a function. It notes in the second
# which warnings it gave, unless that is None; a warning depends on the process and may come from a query.
INTERNAL: Final = frozenset({"__builtins__", "__warningregistry__"})


def definition_name(name: str) -> str:
    """Return the name, which no snippet can spell, under which the root keeps what a `def` or `class` made whose
    decorators put something else in its place: (function or class, what they put there)."""
    return f"def {name}"


class Root:
    """The names of the heap."""

    __slots__ = ("_change", "_link", "journal", "namespace", "packed")

    def __init__(self, change: Callable[[], None], link: Callable[[str], None]) -> None:
        """
        Args:
            change: called before each change; raises ReadOnly in a query.
            link: makes a packed name an ordinary one.
        """
        self.namespace: dict[str, Any] = {"__warningregistry__": None}
        self.packed: dict[str, bytes] = {}
        self.journal: list[tuple[str, Any]] = []  # (name, old value or MISSING), of this snippet
        self._change = change
        self._link = link

    def __setitem__(self, name: str, value: Any) -> None:
        self._change()
        if name in self.packed:
            self._link(name)
        self.journal.append((name, self.namespace.get(name, MISSING)))
        self.namespace[name] = value

    def unbind(self, name: str) -> None:
        """Remove a name. Raises NameError when it is not bound."""
        if name in self.packed:
            self._link(name)
        if name not in self.namespace:
            raise NameError(f"name {name!r} is not defined")
        self._change()
        self.journal.append((name, self.namespace[name]))
        del self.namespace[name]
        hidden = definition_name(name)
        if hidden in self.namespace or hidden in self.packed:
            self.unbind(hidden)

    def touch(self) -> None:
        """Note a change that no name shows."""
        self._change()
        self.journal.append((definition_name(""), MISSING))

    def names(self) -> list[str]:
        """Return every name that clients see, sorted."""
        every = self.namespace.keys() | self.packed.keys()
        return sorted(name for name in every if name not in INTERNAL and name.isidentifier())

    def undo(self) -> None:
        for name, old in reversed(self.journal):
            if old is MISSING:
                self.namespace.pop(name, None)
            else:
                self.namespace[name] = old
        self.journal.clear()
