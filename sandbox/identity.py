"""Identity: `is` between values that can't change compares the values; between objects it is Python's.

    a is b               .is(a, b)
    a is b < c           .operand("", a) == .operand("Is", b) == .operand("Lt", c)
    a is None            a is None

Whether two equal numbers, texts or tuples are one object depends on what is in memory: stored twice, one tuple comes
back from the disk as two. So what `is` says of them must not depend on it, or a replay would go another way.

Promise: a value is the same as any copy of it, and as nothing else (tests/sandbox/test_identity.py).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

# Exact types of values that can't change. Not among them: bool and None, whose values are one object each.
_COMPARED: Final = frozenset({Fraction, bytes, int, str})
# Their text tells all there is to them: the sign of a zero, the digits of a Decimal, the zone and fold of a time. And
# a nan is the same as another, which `==` denies.
_SHOWN: Final = frozenset({Decimal, UUID, complex, date, datetime, float, range, time, timedelta, timezone})
# All of them, of which a copy is never told apart.
VALUES: Final = _COMPARED | _SHOWN


def same(left: Any, right: Any) -> bool:
    """Return `left is right` as snippets see it. Runs none of their code."""
    if left is right:
        return True
    kind = type(left)
    if type(right) is not kind:
        return False
    if issubclass(kind, tuple) or hasattr(kind, "__frozen__"):
        return _same_sequences(left, right)
    return _equal(kind, left, right)


def not_same(left: Any, right: Any) -> bool:
    return not same(left, right)


def _equal(kind: type, left: Any, right: Any) -> bool:
    """Whether two values of one type that holds no others, not one object, are the same value."""
    if kind in _COMPARED:
        return bool(left == right)
    return kind in _SHOWN and repr(left) == repr(right)


def _same_sequences(left: Any, right: Any) -> bool:
    """Whether two tuples, named tuples or frozensets, which have an order here, hold the same values."""
    # A list of what is left to compare, as tuples nest deeper than functions can; and each pair once, because tuples
    # that hold one tuple twice, at each of n levels, have 2**n items to compare.
    waiting: list[tuple[Any, Any]] = [(left, right)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        one, other = waiting.pop()
        if one is other:
            continue
        kind = type(one)
        if type(other) is not kind:
            return False
        if not issubclass(kind, tuple) and not hasattr(kind, "__frozen__"):
            if not _equal(kind, one, other):
                return False
        elif len(one) != len(other):
            return False
        elif (pair := (id(one), id(other))) not in seen:
            seen.add(pair)
            waiting += zip(one, other, strict=True)
    return True


def _within(left: Any, right: Any) -> Any:
    return left in right


def _not_within(left: Any, right: Any) -> Any:
    return left not in right


# By the name of the class of syntax node.
_OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Eq": operator.eq,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": _within,
    "Is": same,
    "IsNot": not_same,
    "Lt": operator.lt,
    "LtE": operator.le,
    "NotEq": operator.ne,
    "NotIn": _not_within,
}


class Operand:
    """One operand of a chain of comparisons, with the operator that stands before it.

    So a chain with `is` in it stays a chain of Python's, which evaluates each operand once and stops where it must,
    and needs no names for what it has evaluated.
    """

    __slots__ = ("operator", "value")

    def __init__(self, operator: str, value: Any) -> None:
        self.operator = operator
        self.value = value

    def __eq__(self, other: Any) -> Any:
        return _OPERATORS[other.operator](self.value, other.value)
