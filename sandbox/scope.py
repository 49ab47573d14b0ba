"""Scope: which names of a cell are roots, and which are the cell's own? Reads the tree, changes nothing.

    tree -> [scope: roots] -> rewrite

    bound at cell level by                                                              the name is
    =  += (and the like)  annotation  def  class  import  del; `global` in a function   a root: it lives until `del`
    for  with  except  match  :=  comprehension  parameter; any name that begins with _ the cell's own: it ends with it

A name bound both ways in one cell is a root. A query binds nothing: there, all names are its own.
"""

from __future__ import annotations

import ast
from typing import Final

from sandbox.errors import SnippetRefused
from sandbox.policy import IDENTIFIER_FIELDS, NAMES_RESERVED
from sandbox.shape import parts_of, walk

# Fields that bind a name in the scope they stand in, other than that of an ast.Name.
BINDING_FIELDS: Final[dict[type[ast.AST], list[str]]] = {
    getattr(ast, kind): [field for other, field in IDENTIFIER_FIELDS if other == kind]
    for kind, _ in IDENTIFIER_FIELDS
    if kind not in ("Attribute", "MatchClass", "Name", "arg", "keyword")
}


def roots(body: list[ast.stmt], parameters: tuple[str, ...]) -> frozenset[str]:
    """Return the names that a cell with this body binds or deletes as roots.

    Raises:
        SnippetRefused: a root would have the name of a builtin or of a parameter.
    """
    found: dict[str, ast.AST] = {}
    for statement in body:
        _bound(statement, found)
    _declared(body, found)
    for name, node in found.items():
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", None)
        if name in NAMES_RESERVED:
            reason = f"{name!r} is the name of a builtin and can't be bound; use another name"
            raise SnippetRefused(reason, line, column)
        if name in parameters:
            reason = f"{name!r} is a parameter and can't be bound as a root; use another name"
            raise SnippetRefused(reason, line, column)
    return frozenset(found)


def only_deleted(body: list[ast.stmt]) -> frozenset[str]:
    """Return the names that a query deletes and binds nowhere: in `eval` these are roots."""
    deleted: set[str] = set()
    bound: set[str] = set()
    for node in walk(body):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                (deleted if isinstance(node.ctx, ast.Del) else bound).add(node.id)
            continue
        for field in BINDING_FIELDS.get(type(node), ()):
            value = getattr(node, field)
            bound.update([value] if isinstance(value, str) else value or ())
        if isinstance(node, ast.alias):
            bound.add(node.name.partition(".")[0])
    return frozenset(deleted - bound)


def _bound(node: ast.AST, found: dict[str, ast.AST]) -> None:
    """Add what a statement binds at cell level; nested functions and classes are scopes of their own."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            for target in targets:
                _targets(target, found)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            _targets(target, found)
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            _add(name, node, found)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            if not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                for alias in names:
                    _add(alias.asname or alias.name.partition(".")[0], node, found)
        case ast.For() | ast.While() | ast.If() | ast.With() | ast.Try() | ast.Match():
            for field in ("body", "orelse", "finalbody"):
                for child in getattr(node, field, ()):
                    _bound(child, found)
            for part in parts_of(node):
                for child in part.body:
                    _bound(child, found)


def _targets(target: ast.AST, found: dict[str, ast.AST]) -> None:
    match target:
        case ast.Name(id=name):
            _add(name, target, found)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                _targets(element, found)
        case ast.Starred(value=value):
            _targets(value, found)


def _declared(body: list[ast.stmt], found: dict[str, ast.AST]) -> None:
    """Add what functions of the cell, at any depth, declare `global`."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            for name in node.names:
                _add(name, node, found)
        # Only statements, and what holds statements, can hold a `global`.
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            value = getattr(node, field, None)
            if type(value) is list:
                waiting += value


def _add(name: str, node: ast.AST, found: dict[str, ast.AST]) -> None:
    if not name.startswith("_"):
        found.setdefault(name, node)
