"""Build: the small pieces of syntax tree that the rewriting puts in. Every piece stands at the place of a user's node.

Hooks are names that begin with a dot. The compiler takes them from a tree, but no source text can spell them, so no
snippet can bind, shadow or read one. They are looked up like builtins (runtime.make_builtins).
"""

from __future__ import annotations

import ast
from typing import Any, Final, TypeVar

LOAD: Final = ast.Load()
STORE: Final = ast.Store()

Node = TypeVar("Node", bound=ast.AST)


def at(node: Node, place: Any) -> Node:
    """Give `node` the position of `place`, and return it."""
    node.lineno = place.lineno  # type: ignore[attr-defined]
    node.col_offset = place.col_offset  # type: ignore[attr-defined]
    node.end_lineno = place.end_lineno  # type: ignore[attr-defined]
    node.end_col_offset = place.end_col_offset  # type: ignore[attr-defined]
    return node


def load(name: str, place: ast.AST) -> ast.Name:
    return at(ast.Name(name, LOAD), place)


def store(name: str, place: ast.AST) -> ast.Name:
    return at(ast.Name(name, STORE), place)


def constant(value: object, place: ast.AST) -> ast.Constant:
    return at(ast.Constant(value), place)  # type: ignore[arg-type]


def call(hook: str, place: ast.AST, *arguments: ast.expr) -> ast.Call:
    return at(ast.Call(load(hook, place), list(arguments), []), place)


def run(hook: str, place: ast.AST, *arguments: ast.expr) -> ast.Expr:
    return at(ast.Expr(call(hook, place, *arguments)), place)


def tick(place: ast.AST) -> ast.Call:
    """The expression `.next(.fuel)`: one step of fuel. It is True."""
    return call(".next", place, load(".fuel", place))


def assign(target: ast.expr, value: ast.expr, place: ast.AST) -> ast.Assign:
    return at(ast.Assign([target], value), place)


def walrus(name: str, value: ast.expr) -> ast.NamedExpr:
    return at(ast.NamedExpr(store(name, value), value), value)


def is_unchanging(value: ast.expr) -> ast.Compare:
    """The expression `.kind(value) in .unchanging`."""
    return at(ast.Compare(call(".kind", value, value), [ast.In()], [load(".unchanging", value)]), value)


def root(name: str, place: ast.AST) -> ast.Subscript:
    """The target `.root["name"]`."""
    return at(ast.Subscript(load(".root", place), constant(name, place), STORE), place)


def copy_on(node: ast.expr, context: ast.expr_context) -> ast.expr:
    """Return the target `node`, whose parts are plain loads, once more for another use."""
    if isinstance(node, ast.Attribute):
        return at(ast.Attribute(node.value, node.attr, context), node)
    if isinstance(node, ast.Subscript):
        return at(ast.Subscript(node.value, node.slice, context), node)
    assert isinstance(node, ast.Name)
    return at(ast.Name(node.id, context), node)
