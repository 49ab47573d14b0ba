"""Ordinary Python gives here what it gives in CPython: result, output and what stays under which name."""

from __future__ import annotations

import ast
import contextlib
import io
from typing import Any

import pytest

from tests.sandbox.corpus_ordinary import SNIPPETS
from tests.sandbox.host import Host, OrderedSet


def run_plain(source: str) -> tuple[Any, str, dict[str, Any]]:
    """Run a cell as CPython would: a module whose last expression is the result."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    names: dict[str, Any] = {"__name__": "__main__"}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(tree, "<cell>", "exec", dont_inherit=True), names)
        result = None
        if isinstance(last, ast.Expr):
            result = eval(compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True), names)
    return result, output.getvalue(), names


def plain(value: Any) -> Any:
    """Return `value` in a form that compares: the classes of the two runs are not the same objects."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, set | OrderedSet):
        return sorted(map(repr, value))
    shown = type(value).__name__
    return shown if callable(value) or type(value).__repr__ is object.__repr__ else (shown, repr(value))


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet_gives_what_python_gives(name: str) -> None:
    source = SNIPPETS[name]
    expected, output, names = run_plain(source)
    host = Host()
    assert plain(host.run(source)) == plain(expected)
    assert host.output == output
    kept = {key for key in host.roots if not key.startswith("_")}
    assert kept <= names.keys()
    for key in kept:
        if type(names[key]) in (int, str, float, bool, list, tuple, dict, type(None)) and name != "cycle":
            assert plain(host.roots[key]) == plain(names[key]), key


@pytest.mark.parametrize("name", SNIPPETS)
def test_query_gives_the_same_and_binds_nothing(name: str) -> None:
    source = SNIPPETS[name]
    if "global " in source:
        pytest.skip("a query declares no roots")
    host = Host()
    assert plain(host.run(source, read_only=True)) == plain(run_plain(source)[0])
    assert host.roots.keys() == {"__builtins__"}
    assert host.stores == []
