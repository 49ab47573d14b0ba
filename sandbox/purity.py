"""Purity: comparison and hash methods can only look, never change anything, and never run long.

CPython's dict, set and list call `__eq__`, `__hash__` and `__lt__` in the middle of their own work and do not survive
being changed meanwhile: a dozen lines of ordinary Python crash every version (cpython gh-140551, gh-139071,
gh-120298, gh-142637). So these methods are written in a part of the language that has no way to change anything:

    a docstring, `name = ...`, if, return, raise; comparisons, arithmetic, attributes and items; calls of the functions
    below; no loop, lambda, comprehension, walrus, `in`, star or call of anything else

What the text can't show is caught when it runs: while such a method runs, each tick raises, so every other function
of the snippet stops at its entry, however it was reached (a property, `__getattr__`, `__len__`). Calls go to hidden
names whose functions take exact types only (guards), so that no C function of the snippet's choice is reached.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from sandbox.build import assign, at, call, load, run, store

# Functions that a pure method may call, as `.pure_<name>`.
FUNCTIONS: Final = frozenset({"abs", "getattr", "hash", "isinstance", "len", "round", "tuple", "type"})
# Methods that a pure method may call, on texts.
TEXT_METHODS: Final = frozenset({"casefold", "lower", "upper"})

_NODES: Final = (
    ast.If, ast.Return, ast.Pass, ast.BoolOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Name, ast.Constant, ast.Tuple,
    ast.Attribute, ast.Subscript, ast.BinOp, ast.Assign, ast.Call, ast.Raise, ast.boolop, ast.operator,
    ast.unaryop, ast.cmpop, ast.expr_context,
)

_WORDS: Final[Mapping[type[ast.AST], str]] = MappingProxyType({
    ast.AnnAssign: "an annotation",
    ast.Assert: "'assert'",
    ast.Attribute: "an attribute",
    ast.AugAssign: "an augmented assignment",
    ast.Delete: "'del'",
    ast.Dict: "a dict",
    ast.DictComp: "a comprehension",
    ast.Expr: "a statement that gives nothing back",
    ast.For: "a loop",
    ast.FunctionDef: "a function",
    ast.GeneratorExp: "a generator expression",
    ast.Import: "'import'",
    ast.ImportFrom: "'import'",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "a lambda",
    ast.List: "a list",
    ast.ListComp: "a comprehension",
    ast.Match: "'match'",
    ast.NamedExpr: "':='",
    ast.Set: "a set",
    ast.SetComp: "a comprehension",
    ast.Starred: "a star",
    ast.Try: "'try'",
    ast.While: "a loop",
    ast.With: "'with'",
    ast.Yield: "'yield'",
    ast.YieldFrom: "'yield'",
})

Refuse = Callable[[ast.AST, str], NoReturn]


def check(node: ast.FunctionDef, refuse: Refuse) -> None:
    """Refuse the method `node` unless it is written in the pure part of the language."""
    arguments = node.args
    count = 1 if node.name == "__hash__" else 2
    plain = not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults)
    if not plain or len(arguments.posonlyargs) + len(arguments.args) != count:
        refuse(node, f"{node.name!r} takes {'(self)' if count == 1 else '(self, other)'} and no more")
    if node.decorator_list:
        refuse(node, f"{node.name!r} can't be decorated; it must be pure")
    for statement in node.body:
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Constant):
                continue
            problem = _problem(inner)
            if problem is not None:
                place = inner if hasattr(inner, "lineno") else statement
                refuse(place, f"{node.name!r} must only compare, because containers call it in the midst of their "
                              f"work: {problem} can't stand in it; compute the value earlier, and keep it "
                              "in an attribute")


def _problem(node: ast.AST) -> str | None:
    """Return what of `node` is not pure, without looking at its children."""
    if not isinstance(node, _NODES):
        return _WORDS.get(type(node)) or f"syntax of the kind {type(node).__name__!r}"
    match node:
        case ast.In() | ast.NotIn():
            return "'in'"
        case ast.Assign(targets=targets) if len(targets) != 1 or not isinstance(targets[0], ast.Name):
            return "an assignment to anything but one plain name"
        case ast.Call(func=function, args=arguments, keywords=keywords):
            if keywords or any(isinstance(argument, ast.Starred) for argument in arguments):
                return "a call with names or stars"
            if isinstance(function, ast.Name) and function.id in FUNCTIONS:
                return None
            if isinstance(function, ast.Attribute) and function.attr in TEXT_METHODS and not arguments:
                return None
            called = getattr(function, "id", getattr(function, "attr", None))
            of = f"{called!r}, or of anything" if isinstance(called, str) else "anything"
            return f"a call of {of} but {', '.join(sorted(FUNCTIONS | TEXT_METHODS))},"
        case ast.Raise(exc=error) if not isinstance(error, ast.Name):
            return "'raise' of anything but the name of an exception"
        case ast.Subscript(slice=ast.Slice()):
            return "a slice"
    return None


def fenced(node: ast.FunctionDef, body: list[ast.stmt]) -> list[ast.stmt]:
    """Return `body` between `.enter` and `.leave`, which pay one tick and make every other tick raise."""
    enter = assign(store(".fence", node), call(".enter", node), node)
    return [enter, at(ast.Try(body, [], [], [run(".leave", node, load(".fence", node))]), node)]
