"""The language of the snippets: source text in, code out that can only do what it may. Knows nothing of objserver.

    text -> shape -> scope -> rewrite -> compile -> bytecode check -> Cell          (compiler)
    Hooks -> make_builtins -> the names a cell finds                                (runtime, guards, text, library)
    LIBRARY: the modules a snippet can import, by name, so that a host can keep a root that is one
    Fuel -> the steps a cell may make;  describe_error -> what went wrong, for its user

What is allowed stands in tables in policy. Reads no clock, draws nothing at random.
"""

from __future__ import annotations

from sandbox.compiler import Cell, CellCache, Definition, compile_cell, compile_definition
from sandbox.errors import OutOfFuel, SnippetRefused
from sandbox.fuel import Fuel
from sandbox.library import LIBRARY
from sandbox.policy import POLICY_VERSION
from sandbox.report import ErrorReport, describe_error
from sandbox.runtime import Hooks, make_builtins

__all__ = [
    "Cell",
    "CellCache",
    "Definition",
    "ErrorReport",
    "Fuel",
    "Hooks",
    "LIBRARY",
    "OutOfFuel",
    "POLICY_VERSION",
    "SnippetRefused",
    "compile_cell",
    "compile_definition",
    "describe_error",
    "make_builtins",
]
