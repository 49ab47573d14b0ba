"""CPython's own tests of its containers, made to run with ours. Nothing is copied: they are read from the interpreter's
package `test` and changed on the way.

    test.test_dict -> source -> [load] -> module in which `dict` is ours, {...} makes one, and so on

Lists that a test writes out stay CPython's, so ours are compared with them.
"""

from __future__ import annotations

import ast
import importlib.util
import types
from pathlib import Path
from typing import Any

__all__ = ["MISSING_PACKAGE", "load", "source_of"]

MISSING_PACKAGE = "this Python has no package `test`: install its tests (Debian and Ubuntu: libpython3-testsuite)"


def source_of(name: str) -> Path | None:
    """Return where `test.<name>` is, None when this Python has none."""
    try:
        spec = importlib.util.find_spec(f"test.{name}")
    except ImportError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


class _Displays(ast.NodeTransformer):
    """{...} becomes dict({...}), and what is imported of the names in `names` is left out."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def _wrapped(self, kind: str, node: Any) -> Any:
        self.generic_visit(node)
        if kind not in self.names:
            return node
        return ast.copy_location(ast.Call(ast.Name(kind, ast.Load()), [node], []), node)

    def visit_Dict(self, node: ast.Dict) -> Any:
        return self._wrapped("dict", node)

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        return self._wrapped("dict", node)

    def visit_Set(self, node: ast.Set) -> Any:
        return self._wrapped("set", node)

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        return self._wrapped("set", node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        node.names = [name for name in node.names if name.name not in self.names]
        return node if node.names else ast.copy_location(ast.Pass(), node)


def load(name: str, names: dict[str, Any]) -> Any:
    """Return the module `test.<name>`, made anew with these names instead of CPython's own."""
    path = source_of(name)
    assert path is not None, MISSING_PACKAGE
    tree = ast.fix_missing_locations(_Displays(names).visit(ast.parse(path.read_text())))
    module = types.ModuleType(f"test.{name}")
    vars(module).update(names, __package__="test", __file__=str(path))
    exec(compile(tree, str(path), "exec"), vars(module))
    return module
