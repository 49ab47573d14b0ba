"""Rewrite: the whole visitor, and its table of rules by class of node.

    expressions < statements < definitions < [rewrite]

RestrictedPython's transformer is the base, but none of its rules is used: each class of node is passed through,
rewritten here, or refused, as the tables of policy say, and what they do not name is refused.
"""

from __future__ import annotations

import ast

from sandbox import policy
from sandbox.definitions import Definitions


class Rewriter(Definitions):
    """Rewrites the statements of one cell. One instance for each cell."""


def _rules() -> dict[type[ast.AST], object]:
    rules: dict[type[ast.AST], object] = {}
    for name in policy.NODES_PLAIN | policy.NODES_REWRITTEN:
        kind = getattr(ast, name)
        if name in policy.NODES_PLAIN:
            rules[kind] = Rewriter.children
            continue
        # Inherited from RestrictedPython it would be a rule that nobody here reviewed.
        owner = next(base for base in Rewriter.__mro__ if f"visit_{name}" in vars(base))
        assert owner.__module__.startswith("sandbox."), name
        rules[kind] = getattr(Rewriter, f"visit_{name}")
    return rules


Rewriter.handlers = _rules()
