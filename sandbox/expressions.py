"""Expressions: rewrite what has a value, so that it can do only what the policy allows. First half of the rewriting.

    scope -> [rewrite: expressions < statements < definitions] -> compile

A visit returns the node to put in the place of the one visited, or raises SnippetRefused. Nodes that mean what they
mean in Python are only passed through; an unknown class of node is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn, TypeVar

from RestrictedPython.transformer import RestrictingNodeTransformer

from sandbox import policy
from sandbox.build import LOAD, at, call, constant, is_unchanging, load, root, tick, walrus
from sandbox.errors import SnippetRefused
from sandbox.operators import IN_PLACE_COUNT_MAX, IN_PLACE_DEPTH_MAX, guard_of, in_place
from sandbox.owners import parameters_of
from sandbox.shape import CHILD_FIELDS

Node = TypeVar("Node", bound=ast.AST)

_CONVERSIONS = {ord("r"): ".repr", ord("s"): ".str", ord("a"): ".ascii"}


@dataclass(slots=True)
class Scope:
    """The scope that a node stands in: what kind, which of its names are roots, and what may not stand there now."""

    kind: str  # "cell", "function", "lambda", "class", or "target" of a comprehension
    roots: set[str] = field(default_factory=set)
    # The class whose private names (`__x`) are mangled here.
    private: str | None = None
    # How many blocks around this place would run code when a suspended generator is thrown away.
    cleanups: int = 0
    # Inside a comparison or hash method.
    pure: bool = False
    # In a `__len__`, whose result is looked at.
    length: bool = False
    # The first parameter of a method, where that is looked at on entry and never bound again: no function, for certain.
    receiver: str | None = None
    # Targets, attributes of objects that need no look.
    settled: set[ast.AST] = field(default_factory=set)


class Expressions(RestrictingNodeTransformer):
    """The visitor of expressions, and what all visits share."""

    handlers: ClassVar[dict[type[ast.AST], Any]]
    generated: bool

    def __init__(self) -> None:
        super().__init__()
        self.scope = Scope("cell")
        # How many operators are around this place, how many comprehensions; and how many guards are written in place.
        self.operations = 0
        self.comprehensions = 0
        self.in_place = 0

    def refuse(self, node: ast.AST, message: str) -> NoReturn:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", None)
        if isinstance(node, ast.Attribute):  # it begins with the object, and the name stands at its end
            line, column = node.end_lineno or line, max((node.end_col_offset or 0) - len(node.attr.encode()), 0)
        raise SnippetRefused(message, line, column)

    def error(self, node: ast.AST, info: str) -> NoReturn:
        """Stop at the first error; RestrictedPython collects them."""
        self.refuse(node, info)

    def not_allowed(self, node: ast.AST) -> NoReturn:
        name = type(node).__name__
        self.refuse(node, policy.NODES_REFUSED.get(name, f"syntax of the kind {name!r} is not available"))

    def visit(self, node: ast.AST) -> Any:
        """Rewrite one node by the rule of its class."""
        rule = self.handlers.get(type(node))
        if rule is None:
            self.not_allowed(node)
        return rule(self, node)

    def children(self, node: Node) -> Node:
        """Rewrite what stands in `node`, in place."""
        for name in CHILD_FIELDS[type(node)]:
            value = getattr(node, name, None)
            if type(value) is list:
                value[:] = self.each(value)
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node

    def each(self, nodes: Iterable[Any]) -> list[Any]:
        """Rewrite a list of nodes; a statement may become several."""
        done: list[Any] = []
        for node in nodes:
            new = self.visit(node) if isinstance(node, ast.AST) else node
            if type(new) is list:
                done += new
            else:
                done.append(new)
        return done

    # --- names --------------------------------------------------------------------------------------------------------

    def check_bound(self, node: ast.AST, name: str | None) -> None:
        """Refuse a name that may not be bound in any scope."""
        if name is not None and (reason := policy.name_refusal(name)) is not None:
            self.refuse(node, f"{name!r} can't be bound: {reason}")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        if type(node.ctx) is ast.Load:
            if name.startswith("__") and name.endswith("__") and name != "__name__" and not self.generated:
                self.refuse(node, f"{name!r} can't be read: {policy.attribute_refusal(name)}")
            if name == "super":
                self.refuse(node, "'super' can only be called; write super().method(...)")
            return node
        self.check_bound(node, name)
        return root(name, node) if name in self.scope.roots else node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        name = node.target.id
        self.check_bound(node, name)
        if self.scope.kind == "target":
            self.refuse(node, "':=' can't stand in the target of a comprehension")
        node.value = self.visit(node.value)
        if name in self.scope.roots:
            return call(".bind", node, constant(name, node), node.value)
        return node

    # --- attributes and calls -----------------------------------------------------------------------------------------

    def check_attribute(self, node: ast.AST, name: str) -> None:
        """Refuse an attribute name, as it is written and as CPython will mangle it."""
        reason = policy.attribute_refusal(name)
        if reason is None and name.startswith("__"):
            reason = policy.attribute_refusal(policy.mangled(name, self.scope.private))
        if reason is not None:
            self.refuse(node, f"attribute {name!r} is not available: {reason}")

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name, loads = node.attr, type(node.ctx) is ast.Load
        if loads and policy.is_dunder(name):
            if name in policy.DUNDERS_READ:
                node.value = self.visit(node.value)
                return call(".type", node, node.value) if name == "__class__" else node
            if name == "__cause__":
                return call(".cause", node, self.visit(node.value))
            if _is_super(node.value) and name in policy.DUNDERS_SUPER - policy.DUNDERS_SUPER_TEXT:
                return node
        self.check_attribute(node, name)
        node.value = self.visit(node.value)
        if not loads and node not in self.scope.settled and not self.is_receiver(node.value):
            node.value = self.attribute_target(node.value)
        if loads and name in policy.ATTRIBUTES_GUARDED:
            return call(".guard", node, node.value, constant(name, node))
        return node

    def attribute_target(self, node: ast.expr) -> ast.expr:
        """Return `node`, an attribute of which is about to change, looked at when it runs: it may be no function.

        In place where that can be written, because it takes a fifth of the time of calling a function of ours.
        """
        first = again = node
        if not isinstance(node, ast.Name):
            if self.scope.kind not in ("cell", "function"):
                # A name in a class body would be the class's; no walrus can stand in a target.
                return call(".attribute_target", node, node)
            first, again = walrus(".owner", node), load(".owner", node)
        return at(ast.IfExp(is_unchanging(first), call(".attribute_target", node, again), again), node)

    def is_receiver(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self.scope.receiver

    def visit_Call(self, node: ast.Call) -> ast.AST:
        method = node.func
        if isinstance(method, ast.Name) and method.id == "super" and not self.scope.pure:
            if not _is_super(node):
                node.func = load(".super_of", method)
                node.args[:] = self.each(node.args)
                node.keywords[:] = self.each(node.keywords)
            return node
        if isinstance(method, ast.Attribute) and method.attr in policy.DUNDERS_SUPER_TEXT and _is_super(method.value):
            node.args[:] = self.each(node.args)
            node.keywords[:] = self.each(node.keywords)
            return call(".scrub", node, node)
        if self.scope.pure:
            return self.pure_call(node)
        if isinstance(method, ast.Attribute) and method.attr in policy.DUNDERS_CALLED and not _is_super(method.value):
            return self.named_call(node, method)
        return self.children(node)

    def named_call(self, node: ast.Call, method: ast.Attribute) -> ast.AST:
        """Rewrite `Base.__init__(self, x)`, where the class is looked at when it runs."""
        name = method.attr
        owner = method.value.func if isinstance(method.value, ast.Call) else None
        if isinstance(owner, ast.Name) and owner.id == "super":
            self.refuse(method, f"write super().{name}(...), without arguments")
        node.func = call(".method_of", method, self.visit(method.value), constant(name, method))
        node.args[:] = self.each(node.args)
        node.keywords[:] = self.each(node.keywords)
        return call(".scrub", node, node) if name in policy.DUNDERS_SUPER_TEXT else node

    def pure_call(self, node: ast.Call) -> ast.AST:
        """Rewrite a call inside a comparison or hash method; purity has checked its form."""
        node.args[:] = self.each(node.args)
        if isinstance(node.func, ast.Name):
            node.func = load(f".pure_{node.func.id}", node.func)
            return node
        assert isinstance(node.func, ast.Attribute)
        return call(".pure_text", node, self.visit(node.func.value), constant(node.func.attr, node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.children(node)
        if type(node.ctx) is ast.Store:
            self.stored_item(node)
        return call(".pure_item", node, node.value, node.slice) if self.scope.pure else node

    def stored_item(self, node: ast.Subscript) -> None:
        """Look at an item that is assigned to: in `x[::2] = v`, v may be code that changes x (guards.Stepped)."""
        index = node.slice
        if isinstance(index, ast.Slice):
            if index.step is not None:
                node.value = call(".stepped", node, node.value)
        elif isinstance(index, ast.Constant | ast.JoinedStr | ast.Tuple):
            pass
        elif isinstance(index, ast.Name) or self.scope.kind in ("cell", "function"):
            # In place, because it takes a fifth of the time of calling a function of ours.
            first = index if isinstance(index, ast.Name) else walrus(".index", index)
            again = index if isinstance(index, ast.Name) else load(".index", index)
            is_slice = at(ast.Compare(call(".kind", index, first), [ast.Is()], [load(".slice", index)]), index)
            node.slice = at(ast.IfExp(is_slice, call(".unstepped", index, again), again), index)
        else:
            node.slice = call(".unstepped", index, index)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        self.check_bound(node, node.arg)
        node.value = self.visit(node.value)
        return node

    # --- values -------------------------------------------------------------------------------------------------------

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and node.value.bit_length() > policy.INT_BITS_MAX:
            self.refuse(node, f"a number of {node.value.bit_length()} bits is above {policy.INT_BITS_MAX}")
        return node

    def visit_Set(self, node: ast.Set) -> ast.AST:
        # Python's own set iterates in an order that depends on its history and on addresses.
        return call(".set", node, at(ast.List(self.each(node.elts), LOAD), node))

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        self.visit_ListComp(node)
        return call(".set", node, at(ast.ListComp(node.elt, node.generators), node))

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.operations += 1
        self.children(node)
        self.operations -= 1
        guard = guard_of(node.op, node.left, node.right)
        return node if guard is None else self.guarded(guard, node, node.left, node.right)

    def guarded(self, guard: str, node: ast.BinOp | ast.AugAssign, left: ast.expr, right: ast.expr) -> ast.expr:
        """Return the operation with its guard: in place where that can be written and pays, else a call of the hook."""
        hook = f".{guard}" if isinstance(node, ast.BinOp) else f".in_place_{guard}"
        if self.in_place < IN_PLACE_COUNT_MAX:
            # A name in a class body would be the class's; a comprehension would have to share it with its function.
            free = self.scope.kind != "class" and not self.comprehensions and self.operations < IN_PLACE_DEPTH_MAX
            found = in_place(guard, hook, node, left, right, self.operations if free else None)
            if found is not None:
                self.in_place += 1
                return found
        return call(hook, node, left, right)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.children(node)
        operands = [node.left, *node.comparators]
        pairs = zip(operands, node.ops, node.comparators, strict=False)
        if not any(
            isinstance(test, ast.Is | ast.IsNot) and not _is_singleton(left) and not _is_singleton(right)
            for left, test, right in pairs
        ):
            return node
        names = [type(test).__name__ for test in node.ops]
        if len(names) == 1:
            return call(".is" if names[0] == "Is" else ".is_not", node, *operands)
        first, *others = (
            call(".operand", operand, constant(name, operand), operand)
            for name, operand in zip(["", *names], operands, strict=True)
        )
        return at(ast.Compare(first, [ast.Eq() for _ in names], [*others]), node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.AST:
        # The value becomes its text in a function of ours, which bounds its width and keeps addresses out of it.
        value: ast.expr = self.visit(node.value)
        if node.conversion != -1:
            value = call(_CONVERSIONS[node.conversion], node, value)
        if node.format_spec is not None:
            value = call(".format", node, value, self.visit(node.format_spec))
        elif node.conversion == -1:
            value = call(".shown", node, value)
        return at(ast.FormattedValue(value, -1, None), node)

    # --- functions without a name, and what yields --------------------------------------------------------------------

    def visit_ListComp(self, node: Node) -> ast.AST:
        self.comprehensions += 1
        self.children(node)
        self.comprehensions -= 1
        return node

    visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        if node.is_async:
            self.refuse(node.target, policy.NODES_REFUSED["AsyncFor"])
        node.iter = self.visit(node.iter)
        outer = self.scope
        # The target is the comprehension's own, whatever the cell does with the name.
        self.scope = Scope("target", private=outer.private, pure=outer.pure)
        node.target = self.visit(node.target)
        self.scope = outer
        node.ifs[:] = [tick(node.target), *self.each(node.ifs)]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        outer = self.scope
        self.scope = Scope("lambda", private=outer.private)
        body = self.visit(node.body)
        self.scope = outer
        # A tick is True, so `tick and body` is the value of the body.
        node.body = at(ast.BoolOp(ast.And(), [tick(body), body]), body)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        """Check the names of parameters; their defaults belong to the scope around the function."""
        for argument in parameters_of(node):
            self.visit(argument)
        node.defaults[:] = self.each(node.defaults)
        node.kw_defaults[:] = self.each(node.kw_defaults)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.check_bound(node, node.arg)
        # Annotations are never evaluated: several libraries run their text.
        node.annotation = None
        return node

    def check_yield(self, node: ast.AST) -> None:
        if self.scope.kind != "function":
            self.refuse(node, "'yield' can stand only in a function made by 'def'")
        if self.scope.cleanups:
            # Else code of the snippet would run when the generator is thrown away, at no fixed time.
            self.refuse(node, "'yield' can't stand inside 'with' or 'try ... finally'; collect the values in a list")

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        self.check_yield(node)
        return self.children(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        self.check_yield(node)
        # A generator that is thrown away calls `close` of what it delegates to: that must not be the snippet's code.
        node.value = call(".delegate", node, self.visit(node.value))
        return node


def _is_singleton(node: ast.expr) -> bool:
    """Whether `node` is a value that is one object wherever it comes from: None, True, False or `...`.

    Names don't count, not even a literal `type(x)`: a parameter may be called `type`.
    """
    return isinstance(node, ast.Constant) and (node.value is None or node.value is ... or type(node.value) is bool)


def _is_super(node: ast.expr) -> bool:
    """Whether `node` is literally `super()`, whose name nothing can rebind."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "super"
        and not node.args
        and not node.keywords
    )
