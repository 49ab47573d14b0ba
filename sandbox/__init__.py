"""The language of the snippets: source text in, code out that can only do what it may. Knows nothing of objserver.

    text -> shape -> scope -> rewrite -> compile -> bytecode check -> Cell          (compiler)
    Hooks -> make_builtins -> the names a cell finds                                (runtime, guards, text)
    Hooks -> make_library -> the modules a cell can import                          (library)
    Fuel -> the steps a cell may make;  describe_error, hint -> what went wrong, for its user

The host runs cells under DECIMAL_CONTEXT. What is allowed stands in tables in policy.
Reads no clock, draws nothing at random.
"""

from __future__ import annotations

from sandbox.compiler import Cell, CellCache, Definition, binding_line, compile_cell, compile_definition, statement_at
from sandbox.errors import OutOfFuel, SnippetRefused
from sandbox.exact import CONTEXT as DECIMAL_CONTEXT
from sandbox.fuel import Fuel, charge, in_comparison
from sandbox.hints import hint
from sandbox.hooks import Hooks
from sandbox.library import make_library
from sandbox.library.random import Generator, make_generator
from sandbox.policy import POLICY_VERSION
from sandbox.report import ErrorReport, describe_error
from sandbox.runtime import make_builtins

__all__ = [
    "Cell",
    "CellCache",
    "DECIMAL_CONTEXT",
    "Definition",
    "ErrorReport",
    "Fuel",
    "Generator",
    "Hooks",
    "OutOfFuel",
    "POLICY_VERSION",
    "SnippetRefused",
    "binding_line",
    "charge",
    "compile_cell",
    "compile_definition",
    "describe_error",
    "hint",
    "in_comparison",
    "make_builtins",
    "make_generator",
    "make_library",
    "statement_at",
]
