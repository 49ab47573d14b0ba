"""Operators: which of them need a guard, and the guard as syntax, where calling a function of ours would cost too much.

    a * b      a * b if .kind(a) is .int and .kind(b) is .int and a <= 2**30 - 1 and a >= ... and b ...
               else a * b if .kind(a) is .float or .kind(b) is .float else .times(a, b)
    a / b      a / b if .kind(a) is .float or .kind(a) is .int else .divide(a, b)
    a % b      a % b if .kind(a) is .int else .modulo(a, b)
    a - b      .result if .kind(.result := a - b) is not .plain_set else .in_order(.result, a, b)

A call of a function in Python takes 50 to 100 ns, a test of a type 9. What is not the common case still calls the
function (guards). Operands that are more than a name or constant are kept under names of their own, so that each is
evaluated once and in order.
"""

from __future__ import annotations

import ast
from typing import Final

from sandbox.build import at, call, constant, load, walrus

# What is written in place is some five times as long. One guard in a loop is worth that; a thousand would only make
# compiling slow.
IN_PLACE_COUNT_MAX: Final = 100
IN_PLACE_DEPTH_MAX: Final = 10

# Operators whose work is not bounded by the size of what they are given, and those that make Python's own sets of
# two views of a dict; and the hooks that do them instead.
GUARDED: Final[dict[type[ast.operator], str]] = {
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", ast.Div: "divide", ast.LShift: "shift", ast.Mod: "modulo",
    ast.Mult: "times", ast.Pow: "power", ast.Sub: "minus",
}
_SETS: Final = ("and", "minus", "or", "xor")
# A factor this small makes a sequence no longer than writing it out would.
_FACTOR_MAX: Final = 16
# CPython compares numbers of one digit, its own, in the bytecode itself.
_DIGIT_MAX: Final = (1 << 30) - 1


def guard_of(operator: ast.operator, left: ast.expr | None, right: ast.expr) -> str | None:
    """Return the hook that bounds this operation, or None where the operands show that it needs none.

    `left` is None for the target of an augmented assignment.
    """
    guard = GUARDED.get(type(operator))
    if guard == "times" and (_is_small(right) or (left is not None and _is_small(left))):
        return None
    if guard == "modulo" and left is not None and _is_number(left):
        return None
    if guard in (*_SETS, "divide") and (_is_number(right) or (left is not None and _is_number(left))):
        return None
    return guard


def in_place(
    guard: str, hook: str, node: ast.BinOp | ast.AugAssign, left: ast.expr, right: ast.expr, depth: int | None
) -> ast.expr | None:
    """Return the guarded operation as one expression, or None where only a call of `hook` will do.

    Args:
        depth: tells the names of operands from those of the operations around; None where there can be no names.
    """
    if depth is None and not (_is_simple(left) and _is_simple(right)):
        return None
    augmented = isinstance(node, ast.AugAssign)
    if guard == "times":
        return _times(hook, node, _Operands(left, right, depth))
    if guard == "modulo" and _is_simple(right):
        parts = _Operands(left, right, depth)
        return _choice(_is(parts.left, ".int"), parts.operation(node), call(hook, node, *parts.again))
    if guard == "divide" and _is_simple(right):
        parts = _Operands(left, right, depth)
        number = at(ast.BoolOp(ast.Or(), [_is(parts.left, ".float"), _is(parts.again[0], ".int")]), node)
        return _choice(number, parts.operation(node), call(hook, node, *parts.again))
    if guard in _SETS and not augmented and depth is not None:
        parts = _Operands(left, right, depth)
        result = walrus(".result", at(ast.BinOp(parts.left, node.op, parts.right), node))
        ordered = at(ast.Compare(call(".kind", node, result), [ast.IsNot()], [load(".plain_set", node)]), node)
        return _choice(ordered, load(".result", node), call(".in_order", node, load(".result", node), *parts.again))
    if guard in _SETS and _is_simple(right):
        parts = _Operands(left, right, depth)
        test: ast.expr = _is(parts.left, ".int")
        if guard == "minus":
            test = at(ast.BoolOp(ast.Or(), [test, _is(parts.again[0], ".float")]), node)
        return _choice(test, parts.operation(node), call(hook, node, *parts.again))
    return None


def _times(hook: str, node: ast.BinOp | ast.AugAssign, parts: _Operands) -> ast.expr:
    left, right = parts.again
    if parts.right is right:
        whole: list[ast.expr] = [_is(parts.left, ".int"), _is(right, ".int")]
    else:
        # A chain, because both operands must be evaluated whatever the first is.
        kinds = [call(".kind", node, parts.left), call(".kind", node, parts.right)]
        whole = [at(ast.Compare(kinds[0], [ast.Is(), ast.Is()], [kinds[1], load(".int", node)]), node)]
    small = at(ast.BoolOp(ast.And(), [*whole, *_is_digit(left), *_is_digit(right)]), node)
    real: ast.expr = _is(left, ".float")
    if isinstance(node, ast.BinOp):
        # In `x *= 1.5`, x may be an object with a method of its own.
        real = at(ast.BoolOp(ast.Or(), [real, _is(right, ".float")]), node)
    return _choice(small, parts.operation(node), _choice(real, parts.operation(node), call(hook, node, left, right)))


class _Operands:
    """Two operands as they are first written, and `again`: as they are read later."""

    def __init__(self, left: ast.expr, right: ast.expr, depth: int | None) -> None:
        self.left, self.right = self.again = left, right
        if not _is_simple(right):
            # What it runs may bind the name on the left.
            self.right = walrus(f".right{depth}", right)
        if not _is_simple(left) or not (_is_simple(right) or isinstance(left, ast.Constant)):
            self.left = walrus(f".left{depth}", left)
        self.again = _reread(self.left), _reread(self.right)

    def operation(self, node: ast.BinOp | ast.AugAssign) -> ast.BinOp:
        return at(ast.BinOp(self.again[0], node.op, self.again[1]), node)


def _reread(part: ast.expr) -> ast.expr:
    return load(part.target.id, part) if isinstance(part, ast.NamedExpr) else part


def _choice(test: ast.expr, body: ast.expr, orelse: ast.expr) -> ast.IfExp:
    return at(ast.IfExp(test, body, orelse), body)


def _is(value: ast.expr, kind: str) -> ast.Compare:
    return at(ast.Compare(call(".kind", value, value), [ast.Is()], [load(kind, value)]), value)


def _is_digit(value: ast.expr) -> list[ast.expr]:
    """Return two comparisons and no chain: of a chain CPython 3.11 has no quick form."""
    if isinstance(value, ast.Constant) and type(value.value) is int and abs(value.value) <= _DIGIT_MAX:
        return []
    return [
        at(ast.Compare(value, [test], [constant(bound, value)]), value)
        for test, bound in ((ast.LtE(), _DIGIT_MAX), (ast.GtE(), -_DIGIT_MAX))
    ]


def _is_simple(node: ast.expr) -> bool:
    """Whether reading `node` twice does what reading it once does."""
    return isinstance(node, ast.Name | ast.Constant)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _is_small(node: ast.expr) -> bool:
    """Whether multiplying by `node` can't make anything much larger."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and (
        isinstance(node.value, float) or (isinstance(node.value, int) and node.value <= _FACTOR_MAX)
    )
