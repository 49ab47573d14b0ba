"""Definitions: functions and classes, and the names they declare. Last part of the rewriting.

At cell level a `def` or `class` is a root's. It keeps its name global and gets, outermost, the decorator
`.define(name, source, first_line, kind)`, so that the heap learns what was defined by which text; innermost, a function
with other decorators gets `.decorated(name, source, first_line)`:

    @logged                    @.define("total", "@logged\\ndef total(xs): ...", 1, "function")
    def total(xs): ...   ->    @logged
                               @.decorated("total", "@logged\\ndef total(xs): ...", 1)
                               def total(xs): .next(.fuel); ...

Every function ticks when it is entered; a method that sets attributes of its first parameter makes sure then that
it was not given a function, where nothing else shows it (owners). A class is made by the heap's `.rootclass` or by
`.localclass`. The text compiled alone (compiler.compile_definition) gives the same code, because all that is rewritten
follows from the text.
"""

from __future__ import annotations

import ast
from typing import Any

from sandbox import policy, purity
from sandbox.build import LOAD, assign, at, call, constant, is_unchanging, load, run, store, tick
from sandbox.expressions import Scope
from sandbox.owners import Owners, parameters_of
from sandbox.shape import parts_of
from sandbox.statements import Statements


class Definitions(Statements):
    """The visitor of functions, classes and declarations."""

    def __init__(self, lines: list[str], roots: frozenset[str], *, read_only: bool) -> None:
        super().__init__()
        self.lines = lines
        self.read_only = read_only
        # Names that a query deletes and does not bind: roots, which it can't delete.
        self.only_deleted: frozenset[str] = frozenset()
        # The text is not a snippet's, see compile_definition.
        self.generated = False
        self.scope = Scope("cell", set(roots))
        # Names that a function changes in the functions around it.
        self.nonlocals: set[str] = set()
        # Names of the roots' definitions: name -> line of the first one.
        self.defined: dict[str, int] = {}

    # --- functions ----------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        outer = self.scope
        method = outer.kind == "class" and policy.is_dunder(node.name)
        if not method:
            self.check_definition(node)
        elif node.name not in policy.DUNDERS_DEFINED and not self.generated:
            reason = policy.DUNDERS_REFUSED.get(node.name, "it is not among the methods a class may define")
            self.refuse(node, f"method {node.name!r} is not available: {reason}")
        self.check_type_parameters(node)
        pure = method and node.name in policy.DUNDERS_PURE
        if pure:
            purity.check(node, self.refuse)
        definition = self.definition(node, "function")
        node.decorator_list[:] = self.dunder_decorators(node) if method else self.each(node.decorator_list)
        if definition and node.decorator_list:
            # The function is the heap's before another decorator sees it: one that wraps it keeps it in its closure.
            _, text, first, _ = definition[0].args  # type: ignore[attr-defined]
            node.decorator_list.append(call(".decorated", node, constant(node.name, node), text, first))
        node.decorator_list[:0] = definition
        node.args = self.visit(node.args)
        node.returns = None
        node.type_comment = None
        owners = Owners(node.body, (name.arg for name in parameters_of(node.args)))
        receiver = owners.receiver if outer.kind == "class" and not pure else None
        length = method and node.name == "__len__" and not self.generated
        self.scope = Scope(
            "function", private=outer.private, pure=pure, length=length, receiver=receiver, settled=owners.settled
        )
        body = self.each(node.body)
        self.scope = outer
        head = [body.pop(0)] if _is_docstring(node.body[0]) else []
        if pure:
            body = purity.fenced(node, body)
        else:
            if method and node.name == "__exit__":
                body[:0] = self.exit_prologue(node)
            if receiver is not None:
                body.insert(0, self.receiver_check(node, receiver))
            body.insert(0, at(ast.Expr(tick(node)), node))
        node.body[:] = head + body
        return node

    def check_definition(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self.check_bound(node, node.name)
        if self.scope.kind == "function" and node.name in self.scope.roots:
            self.refuse(node, f"{node.name!r} is global here; define it at the level of the cell")

    def check_type_parameters(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        if getattr(node, "type_params", None):
            self.refuse(node, policy.NODES_REFUSED["TypeVar"])

    def definition(self, node: ast.FunctionDef | ast.ClassDef, kind: str) -> list[ast.expr]:
        """Return the decorator that tells the heap of a root's definition, none for other definitions."""
        if self.scope.kind != "cell" or node.name not in self.scope.roots:
            return []
        first = self.first_line(node)
        if first > 1 and self.lines[first - 2].strip(" \t\f") == "\\":
            # The indentation would stand on a line before the text, so the text alone would not compile.
            self.refuse(node, "a definition that is kept can't follow a backslash; start it on a line of its own")
        assert node.end_lineno is not None
        text = "\n".join(self.lines[first - 1:node.end_lineno])
        self.defined.setdefault(node.name, node.lineno)
        # The code's first line is that of its first decorator, so this one must stand where the user's stands.
        place = node.decorator_list[0] if node.decorator_list else node
        parts = [constant(part, place) for part in (node.name, text, first, kind)]
        return [call(".define", place, *parts)]

    def first_line(self, node: ast.FunctionDef | ast.ClassDef) -> int:
        """Return the line of the first `@`, or of the `def` or `class` itself."""
        if not node.decorator_list:
            return node.lineno
        # `@(` and a line end may stand before the expression; nothing else can, so no other `@` starts a line between.
        line = node.decorator_list[0].lineno
        while not self.lines[line - 1].lstrip(" \t\f").startswith("@"):
            line -= 1
        return line

    def dunder_decorators(self, node: ast.FunctionDef) -> list[ast.expr]:
        """Return the decorators of a dunder method: Python's own two, under names nothing can shadow.

        Any other could put something that does not tick in the place of the method, which C code calls at any time.
        """
        done: list[ast.expr] = []
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Attribute) and decorator.attr == "abstractmethod":
                decorator = at(ast.Name(decorator.attr, LOAD), decorator)
            static = isinstance(decorator, ast.Name) and decorator.id == "staticmethod" and node.name == "__exit__"
            if static or not isinstance(decorator, ast.Name) or decorator.id not in policy.DUNDER_DECORATORS:
                self.refuse(decorator, f"method {node.name!r} can't be decorated; let it call a method that is")
            done.append(load(f".{decorator.id}", decorator))
        return done

    def receiver_check(self, node: ast.FunctionDef, name: str) -> ast.stmt:
        """Return `.kind(self) in .unchanging and .attribute_target(self)`.

        `C.method(f)` and, in a classmethod, `super().__init__(f)` pass anything as the first argument.
        """
        test = is_unchanging(load(name, node))
        refused = call(".attribute_target", node, load(name, node))
        return at(ast.Expr(at(ast.BoolOp(ast.And(), [test, refused]), node)), node)

    def exit_prologue(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """Return statements that let pass what no snippet may catch, and take the traceback out of the arguments."""
        arguments = node.args
        names = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
        # A call that fails for want of an argument would take the place of what no snippet may catch.
        fits = all(value is not None for value in arguments.kw_defaults)
        if fits and arguments.vararg is None and len(names) == 4:
            leaving = run(".leaving", node, load(names[2], node))
            return [leaving, assign(store(names[3], node), constant(None, node), node)]
        if not fits or arguments.vararg is None or len(names) != 1:
            self.refuse(node, "'__exit__' takes (self, type, error, traceback) or (self, *details)")
        rest = arguments.vararg.arg
        return [assign(store(rest, node), call(".leaving_all", node, load(rest, node)), node)]

    # --- classes ------------------------------------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        outer = self.scope
        self.check_definition(node)
        self.check_type_parameters(node)
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg == "metaclass":
                self.refuse(node, "a class statement takes no metaclass; use a class decorator or __init_subclass__")
        if any(isinstance(base, ast.Starred) for base in node.bases):
            self.refuse(node, "name the base classes one by one")
        definition = self.definition(node, "class")
        node.decorator_list[:] = definition + self.each(node.decorator_list)
        node.bases[:] = self.each(node.bases)
        maker = ".rootclass" if definition else ".localclass"
        metaclass = at(ast.keyword("metaclass", load(maker, node)), node)
        node.keywords[:] = [*self.each(node.keywords), metaclass]
        fields = _fields(node.body, node.name)
        self.scope = Scope("class", private=node.name)
        node.body[:] = self.each(node.body)
        self.scope = outer
        if fields:
            # What a decorator such as `dataclass` may know of the annotations, which are never evaluated.
            known = assign(store("__fields__", node), constant(fields, node), node)
            node.body.insert(1 if _is_docstring(node.body[0]) else 0, known)
        if not definition:
            return node
        # A decorator that raises may have its exception caught: then the class that has the name is as it was before.
        return at(ast.Try([node], [], [], [run(".undefine", node, constant(node.name, node))]), node)

    # --- declarations -------------------------------------------------------------------------------------------------

    def visit_Global(self, node: ast.Global) -> Any:
        if self.read_only:
            self.refuse(node, "a query binds no roots; use eval")
        for name in node.names:
            self.check_bound(node, name)
            if name.startswith("_"):
                self.refuse(node, f"{name!r} begins with '_' and so is never a root; use another name")
        if self.scope.kind == "cell":
            return at(ast.Pass(), node)
        if self.scope.kind != "function":
            self.refuse(node, "'global' can't stand in a class body; assign the root outside")
        self.scope.roots.update(node.names)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> Any:
        if self.scope.kind != "function":
            self.refuse(node, "'nonlocal' can stand only in a function inside a function")
        for name in node.names:
            self.check_bound(node, name)
            self.nonlocals.add(policy.mangled(name, self.scope.private))
        return node


def _fields(body: list[ast.stmt], class_name: str) -> tuple[tuple[str, str], ...]:
    """Return (name, form) of each name that is annotated in the body of a class, in the order of the text.

    `form` is "" or one of ANNOTATIONS_READ: the one thing that is ever read from an annotation, as it is written.
    """
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.AnnAssign):
            if isinstance(node.target, ast.Name) and node.simple:
                found[policy.mangled(node.target.id, class_name)] = _form(node.annotation)
            continue
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                found |= _fields(getattr(node, field, []), class_name)
        for part in parts_of(node):
            found |= _fields(part.body, class_name)
    return tuple(found.items())


def _form(annotation: ast.expr) -> str:
    """Return the last word of an annotation in front of its brackets, if it is one that matters."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        word = annotation.value.partition("[")[0].rpartition(".")[2].strip()
    else:
        if isinstance(annotation, ast.Subscript):
            annotation = annotation.value
        word = annotation.attr if isinstance(annotation, ast.Attribute) else getattr(annotation, "id", "")
    return word if word in policy.ANNOTATIONS_READ else ""


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
