"""Owners: which stores to an attribute need no look at the object, because a read before them showed what it is.

    def or cell -> [owners: settle] -> expressions, definitions

What is stored in a function, in a class of the language or in a Fraction would be neither kept nor undone, so objects
are looked at before an attribute of theirs changes (guards.attribute_target). A look takes 19 ns, as much as the rest
of a short method. But of these objects none has attributes of its own, so a read of one raises: where a read of the
same object stands before the store for certain, the look can go.

    self.n = self.n + 1            p.n += 1            a = p.n; p.n = b; p.m = c

Only names that nothing but the statements of the text can bind are followed: no roots, nothing that a function inside
or a `:=` could bind. What is known of such a name ends where it is bound, and at the ends of blocks; of a parameter
that is never bound again it holds in the blocks below.

Promise: on the way to a settled store, an attribute of the same object has been read, or has passed a look.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from sandbox import policy
from sandbox.scope import BINDING_FIELDS
from sandbox.shape import parts_of, walk

# Names known at a time; each block takes a copy.
_KNOWN_COUNT_MAX: Final = 30
# Parts that are evaluated whenever the whole is.
_ALWAYS: Final[dict[type[ast.AST], tuple[str, ...]]] = {
    ast.BinOp: ("left", "right"), ast.Call: ("func", "args", "keywords"), ast.Compare: ("left",),
    ast.IfExp: ("test",), ast.List: ("elts",), ast.NamedExpr: ("value",), ast.Starred: ("value",),
    ast.Subscript: ("value", "slice"), ast.Tuple: ("elts",), ast.UnaryOp: ("operand",), ast.keyword: ("value",),
}
# What some of the objects that are looked at do answer (tests/sandbox/audit.py), and what becomes a call of a guard.
ANSWERED: Final = policy.ATTRIBUTES_GUARDED | {"add_note", "args", *dir(Fraction)}


def shows(name: str) -> bool:
    """Whether an object of which this attribute can be read needs no look."""
    return name not in ANSWERED and not policy.is_dunder(name)


def parameters_of(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters, the first one first."""
    extra = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


class Owners:
    """The stores of one function or cell.

    Attributes:
        settled: targets, `x.a` or the like, whose object needs no look.
        receiver: the name that one look on entry settles the rest of: the first parameter, if that is never bound
            again and some store to it is not settled.
    """

    def __init__(self, body: list[ast.stmt], parameters: Iterable[str], roots: Iterable[str] = ()) -> None:
        self.settled: set[ast.AST] = set()
        self.receiver: str | None = None
        # Names to follow, and those of them that are never bound again.
        self._followed: set[str] = set()
        self._lasting: set[str] = set()
        self._open: set[str] = set()  # names that had to be looked at
        names = list(parameters)
        if self._survey(body, names, roots):
            self._block(body, set())
            if names and names[0] in self._lasting and names[0] in self._open:
                self.receiver = names[0]

    def _survey(self, body: list[ast.stmt], parameters: list[str], roots: Iterable[str]) -> bool:
        """Find the names to follow; False where nothing is to be done. Looks at each node once."""
        bound: set[str] = set()
        elsewhere = set(roots)
        stores = False
        for node in walk(body):
            kind = type(node)
            if kind is ast.Name:
                if type(node.ctx) is not ast.Load:  # type: ignore[attr-defined]
                    bound.add(node.id)  # type: ignore[attr-defined]
            elif kind is ast.Attribute:
                stores = stores or type(node.ctx) is not ast.Load  # type: ignore[attr-defined]
            elif kind is ast.FunctionDef or kind is ast.ClassDef:
                return False  # it may bind names of this one
            elif kind is ast.NamedExpr:
                elsewhere.add(node.target.id)  # type: ignore[attr-defined]  # in a generator it runs at any time
            elif kind is ast.Global or kind is ast.Nonlocal:
                elsewhere.update(node.names)  # type: ignore[attr-defined]
            elif kind in BINDING_FIELDS:
                bound.update(name for field in BINDING_FIELDS[kind] if isinstance(name := getattr(node, field), str))
        # In class C, `__x` and `_C__x` are one name.
        if not stores or any(name.startswith("__") for name in (*bound, *elsewhere, *parameters)):
            return False
        self._followed = bound.union(parameters) - elsewhere
        self._lasting = set(parameters) - bound - elsewhere
        return True

    # --- statements, in the order in which they run; `known` are the names that need no look now ----------------------

    def _block(self, body: list[ast.stmt], known: set[str]) -> None:
        for node in body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                if node.value is not None:
                    self._reads(node.value, known)
                    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                        self._store(target, known)
            elif isinstance(node, ast.AugAssign):
                # The target is read first, and evaluated once: where that shows enough, visit_AugAssign settles it.
                if isinstance(node.target, ast.Attribute) and shows(node.target.attr):
                    self._reads(node.target, known)
                    self._reads(node.value, known)
                else:
                    self._reads(node.value, known)
                    self._store(node.target, known)
            elif isinstance(node, ast.Expr):
                self._reads(node.value, known)
            elif isinstance(node, ast.Delete):
                for target in node.targets:
                    self._store(target, known)
            else:
                self._compound(node, known)

    def _compound(self, node: ast.stmt, known: set[str]) -> None:
        for field in ("test", "iter", "subject"):
            if hasattr(node, field):
                self._reads(getattr(node, field), known)
        # Nothing comes back to the start of an `if`.
        inside = known if isinstance(node, ast.If) else known & self._lasting
        if isinstance(node, ast.For):
            self._store(node.target, set(inside))
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    self._store(item.optional_vars, set(inside))
        blocks = [getattr(node, field, []) for field in ("body", "orelse", "finalbody")]
        blocks += [part.body for part in parts_of(node)]
        for block in filter(None, blocks):
            self._block(block, set(inside))
        # What is bound in there, or by an import.
        known &= self._lasting

    def _store(self, target: ast.expr, known: set[str]) -> None:
        if isinstance(target, ast.Name):
            known.discard(target.id)
        elif isinstance(target, ast.Attribute):
            if isinstance(target.value, ast.Name):
                name = target.value.id
                if name in known:
                    self.settled.add(target)
                elif name in self._followed:
                    self._open.add(name)
                    self._learn(name, known)
        elif isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._store(element, known)
        elif isinstance(target, ast.Starred):
            self._store(target.value, known)

    def _learn(self, name: str, known: set[str]) -> None:
        if name in self._followed and len(known) < _KNOWN_COUNT_MAX:
            known.add(name)

    def _reads(self, node: ast.AST, known: set[str]) -> None:
        """Add the names of which an attribute is read whenever `node` is evaluated."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Attribute):
                if not isinstance(node.value, ast.Name):
                    waiting.append(node.value)
                elif shows(node.attr):
                    self._learn(node.value.id, known)
                continue
            for field in _ALWAYS.get(type(node), ()):
                value = getattr(node, field)
                waiting += value if type(value) is list else [value]
