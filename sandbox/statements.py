"""Statements: every store to a root becomes a call of the heap, every loop pass a tick of fuel, every handler lets
pass what no snippet may catch. Second part of the rewriting.

    x = v        .root["x"] = v               del x               .unbind("x")
    x += v       .old = x; .old += v; .root["x"] = .old
    import math  .root["math"] = .import("math")
    for ...: b   for ...: .next(.fuel); b    except E as e: b    except .uncaught: raise
                                                                 except E as e: .caught(); b
                                             finally: b          finally: .caught(); b

Loads stay what they are: a root is a global of the cell, and its read costs what a global's read costs.
"""

from __future__ import annotations

import ast
from typing import Any

from sandbox import owners, policy
from sandbox.build import LOAD, STORE, assign, at, call, constant, copy_on, load, root, run, store, tick
from sandbox.expressions import Expressions
from sandbox.operators import guard_of
from sandbox.shape import parts_of


class Statements(Expressions):
    """The visitor of statements that do not define anything."""

    only_deleted: frozenset[str]

    def __init__(self) -> None:
        super().__init__()
        # Roots that the pattern being visited captures.
        self.captured: list[str] = []

    # --- assignments --------------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> Any:
        if self.scope.kind == "class":
            target = node.targets[0]
            if len(node.targets) == 1 and isinstance(target, ast.Name) and target.id in policy.DUNDERS_LITERAL:
                return self.literal_names(node, target.id)
            if self.is_second_name(node):
                return node
        return self.children(node)

    def literal_names(self, node: ast.Assign, target: str) -> Any:
        """Check `__match_args__ = ("x", "y")`. `__slots__` is left out then: instances have a place for all names."""
        value = node.value
        one = target == "__slots__" and isinstance(value, ast.Constant)
        several = isinstance(value, ast.Tuple) or (target == "__slots__" and isinstance(value, ast.List))
        for name in [value] if one else value.elts if several else [None]:  # type: ignore[attr-defined]
            if not isinstance(name, ast.Constant) or type(name.value) is not str:
                self.refuse(node, f"{target!r} is a tuple of names, written out: {target} = ('x', 'y')")
            if name.value not in ("__dict__", "__weakref__") or target != "__slots__":
                self.check_attribute(name, name.value)
        return node if target == "__match_args__" else at(ast.Pass(), node)

    def is_second_name(self, node: ast.Assign) -> bool:
        """Whether a class body gives a dunder method a second name (`__radd__ = __add__`) or says `__hash__ = None`."""
        target = node.targets[0]
        if len(node.targets) != 1 or not isinstance(target, ast.Name) or not policy.is_dunder(target.id):
            return False
        if target.id == "__hash__" and isinstance(node.value, ast.Constant) and node.value.value is None:
            return True
        names = policy.DUNDERS_SECOND
        if target.id not in names or not isinstance(node.value, ast.Name) or node.value.id not in names:
            self.refuse(node, f"{target.id!r} can't be assigned; define it with 'def'")
        return True

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        # Annotations are never evaluated: several libraries run their text.
        if node.value is not None:
            return self.visit(assign(node.target, node.value, node))
        target = node.target
        if isinstance(target, ast.Name) and self.scope.kind == "function":
            # Binds nothing, yet makes the name the function's own.
            self.check_bound(node, target.id)
            nothing = assign(store(target.id, node), constant(None, node), node)
            return at(ast.If(constant(False, node), [nothing], []), node)
        self.visit(target)
        return at(ast.Pass(), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        target = node.target
        value = self.visit(node.value)
        guard = guard_of(node.op, None, value)
        if isinstance(target, ast.Name):
            self.check_bound(target, target.id)
            if target.id in self.scope.roots:
                old = store(".old", node)
                if guard is not None:
                    value = self.guarded(guard, node, load(target.id, target), value)
                    return assign(root(target.id, target), value, node)
                return [
                    assign(old, load(target.id, target), node),
                    at(ast.AugAssign(old, node.op, value), node),
                    assign(root(target.id, target), load(".old", node), node),
                ]
            if guard is None:
                node.value = value
                return node
            return assign(target, self.guarded(guard, node, load(target.id, target), value), node)
        if isinstance(target, ast.Attribute) and owners.shows(target.attr):
            self.scope.settled.add(target)
        target = self.visit(target)
        if guard is None:
            node.target, node.value = target, value
            return node
        if self.scope.kind == "class":
            self.refuse(node, "this operator can't change an item or attribute in a class body; do it in a function")
        # The parts of the target are evaluated once, before the value.
        assert isinstance(target, ast.Attribute | ast.Subscript)
        first = [assign(store(".owner", node), target.value, node)]
        target.value = load(".owner", node)
        if isinstance(target, ast.Subscript):
            if isinstance(target.slice, ast.Slice):
                bounds = target.slice.lower, target.slice.upper, target.slice.step
                target.slice = call(".slice", node, *[part or constant(None, node) for part in bounds])
            first.append(assign(store(".key", node), target.slice, node))
            target.slice = load(".key", node)
        changed = self.guarded(guard, node, copy_on(target, LOAD), value)
        return [*first, assign(copy_on(target, STORE), changed, node)]

    def visit_Delete(self, node: ast.Delete) -> Any:
        return [self.deletion(target) for target in node.targets]

    def deletion(self, target: ast.expr) -> Any:
        if isinstance(target, ast.Tuple | ast.List):
            # `del (a, b)`; a block, as one statement must stay one.
            body = [self.deletion(element) for element in target.elts] or [at(ast.Pass(), target)]
            return at(ast.If(constant(True, target), body, []), target)
        if isinstance(target, ast.Name):
            self.check_bound(target, target.id)
            if target.id in self.scope.roots or (self.scope.kind == "cell" and target.id in self.only_deleted):
                return run(".unbind", target, constant(target.id, target))
        else:
            target = self.visit(target)
        return at(ast.Delete([target]), target)

    # --- imports ------------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> Any:
        done = []
        for alias in node.names:
            self.check_module(node, alias.name)
            # `import collections.abc` binds `collections`.
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            value = call(".import", node, constant(module, node))
            done.append(self.imported(node, alias.asname or module, value))
        return done

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level or node.module is None:
            self.refuse(node, "there are no packages here; import a module by its name")
        if node.module == "__future__" and all(alias.name == "annotations" for alias in node.names):
            return at(ast.Pass(), node)
        self.check_module(node, node.module)
        done = []
        for alias in node.names:
            if alias.name == "*":
                self.refuse(node, f"'import *' is not available; name what you need: from {node.module} import ...")
            self.check_attribute(node, alias.name)
            value = call(".import", node, constant(node.module, node), constant(alias.name, node))
            done.append(self.imported(node, alias.asname or alias.name, value))
        return done

    def check_module(self, node: ast.AST, name: str) -> None:
        if name not in policy.MODULES:
            self.refuse(node, policy.module_refusal(name))

    def imported(self, node: ast.AST, name: str, value: ast.expr) -> ast.stmt:
        return assign(self.visit(store(name, node)), value, node)

    def visit_alias(self, node: ast.alias) -> Any:
        raise AssertionError("imports rewrite their names themselves")

    # --- loops and blocks ---------------------------------------------------------------------------------------------

    def visit_For(self, node: ast.For) -> Any:
        self.children(node)
        node.body.insert(0, at(ast.Expr(tick(node)), node))
        return node

    def visit_While(self, node: ast.While) -> Any:
        self.children(node)
        node.body.insert(0, at(ast.Expr(tick(node)), node))
        return node

    def visit_With(self, node: ast.With) -> Any:
        node.items[:] = self.each(node.items)
        self.scope.cleanups += 1
        node.body[:] = self.each(node.body)
        self.scope.cleanups -= 1
        return node

    def visit_withitem(self, node: ast.withitem) -> Any:
        return self.children(node)

    def visit_Try(self, node: ast.Try) -> Any:
        if any(handler.type is None for handler in node.handlers[:-1]):
            self.refuse(node, "default 'except:' must be last")
        self.check_final(node.finalbody, in_loop=False)
        self.scope.cleanups += bool(node.finalbody)
        self.children(node)
        self.scope.cleanups -= bool(node.finalbody)
        if node.handlers:
            # First, so that none of the snippet's own is asked: `except f():` runs f, and `except 5:` raises TypeError
            # in the place of what can't be caught. A generator that is thrown away would run it at no fixed time.
            leave = at(ast.Raise(), node)
            node.handlers.insert(0, at(ast.ExceptHandler(load(".uncaught", node), None, [leave]), node))
        if node.finalbody:
            # An exception raised there would take the place of what can't be caught.
            node.finalbody.insert(0, run(".caught", node))
        return node

    def check_final(self, body: list[ast.stmt], *, in_loop: bool) -> None:
        """Refuse jumps out of `finally`: they swallow the exception, even the one that ends the snippet."""
        for node in body:
            if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
                word = type(node).__name__.lower()
                self.refuse(node, f"{word!r} in 'finally' would swallow an exception; put it after the block")
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            loop = in_loop or isinstance(node, ast.For | ast.While)
            self.check_final(getattr(node, "body", []), in_loop=loop)
            for field in ("orelse", "finalbody"):
                self.check_final(getattr(node, field, []), in_loop=in_loop)
            for part in parts_of(node):
                self.check_final(part.body, in_loop=in_loop)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        self.check_bound(node, node.name)
        node.type = load(".Exception", node) if node.type is None else self.visit(node.type)
        node.body[:] = self.each(node.body)
        if node.name is not None and node.name in self.scope.roots:
            # Python unbinds the name at the end of the handler.
            name = constant(node.name, node)
            end: list[ast.stmt] = [
                assign(root(node.name, node), constant(None, node), node), run(".unbind", node, name),
            ]
            block = at(ast.Try(list(node.body), [], [], end), node)
            node.body[:] = [assign(root(node.name, node), load(".error", node), node), block]
            node.name = ".error"
        node.body.insert(0, run(".caught", node))
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        if self.scope.kind == "cell":
            self.refuse(node, "'return' stands outside a function; end the cell with the value alone, as its result")
        self.children(node)
        if self.scope.length and node.value is not None:
            node.value = call(".length", node.value, node.value)
        return node

    # --- match --------------------------------------------------------------------------------------------------------

    def visit_match_case(self, node: ast.match_case) -> Any:
        self.captured = []
        node.pattern = self.visit(node.pattern)
        names = self.captured
        guard = None if node.guard is None else self.visit(node.guard)
        if names:
            # Captured by names of the cell's own, then bound as roots before the guard looks at them.
            pairs = [part for name in names for part in (constant(name, node.pattern), load(f".{name}", node.pattern))]
            bound = call(".bind_all", node.pattern, *pairs)
            guard = bound if guard is None else at(ast.BoolOp(ast.And(), [bound, guard]), node.pattern)
        node.guard = guard
        node.body[:] = self.each(node.body)
        return node

    def capture(self, node: ast.AST, name: str | None) -> str | None:
        self.check_bound(node, name)
        if name is None or name not in self.scope.roots:
            return name
        if name not in self.captured:
            self.captured.append(name)
        return f".{name}"

    def visit_MatchAs(self, node: ast.MatchAs) -> Any:
        node.name = self.capture(node, node.name)
        return self.children(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> Any:
        node.name = self.capture(node, node.name)
        return node

    def visit_MatchMapping(self, node: ast.MatchMapping) -> Any:
        node.rest = self.capture(node, node.rest)
        return self.children(node)

    def visit_MatchClass(self, node: ast.MatchClass) -> Any:
        for name in node.kwd_attrs:
            self.check_attribute(node, name)
            if name in policy.ATTRIBUTES_GUARDED:
                self.refuse(node, f"attribute {name!r} can't stand in a pattern; read it in a guard: case ... if ...")
        return self.children(node)
