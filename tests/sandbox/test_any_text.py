"""Whatever text comes, the compiler answers with a Cell or a SnippetRefused, in bounded time and memory."""

from __future__ import annotations

import ast
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import SnippetRefused, compile_cell, compile_definition, describe_error, policy
from tests.sandbox.corpus_advisories import ADVISORIES
from tests.sandbox.corpus_escapes import ATTEMPTS, ATTEMPTS_ON_HEAP
from tests.sandbox.corpus_ordinary import SNIPPETS

TOKENS = [
    "(", ")", "[", "]", "{", "}", "lambda ", "def f():", "class C:", "yield ", "await ", "async ", "global x",
    "nonlocal x", "*", "**", ":=", "f'{", "'", '"', "\\", "\n", "\n ", "\t", ";", ":", "@", "try:", "finally:",
    "except:", "with ", "import ", "from ", "return ", "break", "__class__", "super()", "é", "\0", "\ud800", "\r",
    "\x0c", "0x", "1e999", "not ", "in ", "is ", "if ", "else:", "match x:\n case ", "_", "__x", "del ", "x", "=",
    "+=", "*=", "%=", "->", ",", "...", "raise ", "for ", "while ", "\ufeff", "type X = int\n", "`", "$",
    "\N{ZERO WIDTH SPACE}",
]
SOURCES = [*SNIPPETS.values(), *ATTEMPTS.values(), *ATTEMPTS_ON_HEAP.values(), *ADVISORIES.values()]
SIZE = policy.SOURCE_SIZE_MAX


def check(source: str, *, read_only: bool = False) -> None:
    limit = sys.getrecursionlimit()
    try:
        cell = compile_cell(source, ("k",), read_only=read_only)
    except SnippetRefused as error:
        report = describe_error(error, {})
        assert report.message == error.message
        assert len(report.traceback) < 10_000
        assert 1 <= error.line <= source.count("\n") + source.count("\r") + 2
    else:
        assert not any(name.startswith(("_", ".")) for name in cell.binds)
        assert not cell.binds & policy.NAMES_RESERVED
        assert not (read_only and cell.binds)
        with warnings.catch_warnings(action="ignore"):
            assert ast.parse(source)
    assert sys.getrecursionlimit() == limit


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.text(max_size=5)), max_size=30).map("".join), st.booleans())
def test_any_text(source: str, read_only: bool) -> None:
    check(source, read_only=read_only)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_mutated_snippets(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(SOURCES))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(source)))
        end = min(len(source), start + data.draw(st.integers(0, 10)))
        source = source[:start] + data.draw(st.sampled_from([*TOKENS, ""])) + source[end:]
    check(source, read_only=data.draw(st.booleans()))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=20), st.sampled_from(SOURCES))
def test_any_text_as_a_definition(name: str, source: str) -> None:
    for text in (name, source, "  " + source, source.replace("\n", "\n  ")):
        with pytest.raises(SnippetRefused):
            compile_definition(text, "no_such_name", "<f>")


def nested_finally(depth: int) -> str:
    lines = ["def f():"]
    for level in range(depth):
        lines += [" " * (level + 1) + "try: a", " " * (level + 1) + "finally:"]
    return "\n".join([*lines, " " * (depth + 1) + "b"])


def returns_in_finally(returns: int) -> str:
    lines = ["def f():", *[" " * (level + 1) + "try:" for level in range(15)], *[" " * 16 + "return"] * returns]
    return "\n".join(lines + [" " * (level + 1) + "finally: " + "a + " * 30 + "a" for level in reversed(range(15))])


HOSTILE = {
    "additions": "1+" * (SIZE // 2 - 1) + "1",
    "attributes": "x" + ".a" * (SIZE // 2 - 1),
    "brackets": "[" * SIZE,
    "calls": "x" + "()" * (SIZE // 2 - 1),
    "decimal": "9" * SIZE,
    "decorators": "@x\n" * 20_000 + "def f(): pass",
    "definitions": "def f():pass\n" * 5_000,
    "elif": "if 1:pass\n" + "elif 1:pass\n" * 5_000,
    "f_string": "f'" + "{x}" * 20_000 + "'",
    "finally_16": nested_finally(16),
    "finally_40": nested_finally(40),
    "finally_90": nested_finally(90),
    "folding_of_shifts": "1<<10000<<10000<<10000",
    "folding_of_times": "'a'*100*100*100*100*100*100",
    "hexadecimal": "0x" + "f" * (SIZE - 2),
    "if_expressions": "1 if 1 else " * 5_000 + "1",
    "lambdas": "lambda:" * 9_000 + "1",
    "list": "[" + "0," * (SIZE // 2 - 2) + "]",
    "minus": "-" * (SIZE - 1) + "1",
    "names": ";".join(f"a{index}" for index in range(9_000)),
    "null": "x\0",
    "parentheses": "(" * 5_000 + ")" * 5_000,
    "returns": returns_in_finally(1_500),
    "size": "#" * (SIZE + 1),
    "size_in_bytes": "#" + "é" * (SIZE // 2),
    "surrogate": "x = '\ud800'",
    "walrus": "(a:=" * 3_000 + "1" + ")" * 3_000,
}
# Much of one thing: refused or not, in bounded time, and never another error.
MANY = {
    "arguments": "f(" + "x," * 3_000 + ")",
    "bytes": "b'" + "\\xff" * 10_000 + "'",
    "comparisons": "x" + " < x" * 3_000,
    "concatenated_strings": "'a' " * 10_000,
    "defaults": "lambda " + ",".join(f"a{index}=1" for index in range(2_000)) + ": 0",
    "escapes": "'" + "\\N{BULLET}" * 4_000 + "'",
    "if_blocks": "".join(" " * level + "if 1:\n" for level in range(140)) + " " * 140 + "pass",
    "imports": "import math\n" * 4_000,
    "items_of_with": "with " + ", ".join(["x as y"] * 2_000) + ": pass",
    "keywords": "f(" + ",".join(f"k{index}=1" for index in range(4_000)) + ")",
    "line_of_names": "a" * 60_000,
    "matched": "match x:\n" + " case [1, 2]: pass\n" * 2_000,
    "nested_f_strings": "f'{" * 100 + "1" + "}'" * 100,
    "nested_functions": "".join(" " * level + f"def f{level}():\n" for level in range(90)) + " " * 90 + "pass",
    "or_patterns": "match x:\n case " + "|".join(["1"] * 5_000) + ": pass",
    "products": " * ".join(["a"] * 140) + "\n" + "a * b - c % d\n" * 1_400,
    "products_nested": "a * (b - " * 70 + "c" + ")" * 70,
    "semicolons": "x;" * 7_000,
    "stars": "[" + "*x," * 5_000 + "]",
    "stores": "a.b = c.d = 1\n" * 1_200,
    "targets": "a = " * 5_000 + "1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_before_it_costs_much(name: str) -> None:
    """Nested `finally` bodies are copied for each way out: 40 levels would keep CPython busy for weeks."""
    source = HOSTILE[name][: SIZE + 1]
    if name in ("folding_of_shifts", "folding_of_times"):
        check(source)
        return
    with pytest.raises(SnippetRefused):
        compile_cell(source)


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("read_only", [False, True])
def test_much_of_one_thing_is_compiled_or_refused(name: str, read_only: bool) -> None:
    check(MANY[name], read_only=read_only)


def test_depth_that_is_allowed_compiles_at_any_depth_of_the_caller() -> None:
    # Module, expression and a unary operator for each level.
    source = "-" * (policy.TREE_DEPTH_MAX - 3) + "x"

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            compile_cell(source)
            with pytest.raises(SnippetRefused):
                compile_cell("--" + source)

    deeper(1)
    deeper(700)


@pytest.mark.parametrize("parameters", [
    ("1",), ("a b",), ("",), ("_x",), ("__x__",), ("super",), ("None",), ("class",), ("a", "a"), (".root",),
    ("\ufb01",),
    tuple(f"p{index}" for index in range(policy.PARAMETER_COUNT_MAX + 1)),
])
def test_parameter_must_be_a_plain_name(parameters: tuple[str, ...]) -> None:
    with pytest.raises(SnippetRefused):
        compile_cell("1", parameters)


def test_parameter_is_not_a_root_of_the_cell() -> None:
    with pytest.raises(SnippetRefused, match="'k'"):
        compile_cell("k = 1", ("k",))
    with pytest.raises(SnippetRefused, match="'k'"):
        compile_cell("def f():\n global k\n k = 1", ("k",))


@pytest.mark.filterwarnings("default")
def test_warning_of_the_compiler_is_no_error(recwarn: pytest.WarningsRecorder) -> None:
    for source in ("1 is 1", "'\\d'", "(1)(2) if 0 else 3", "assert (1, 2)", "0x1for x in y"):
        try:
            compile_cell(source)
        except SnippetRefused:
            pass
    assert len(recwarn) == 0


def test_refusal_names_line_and_column_and_shows_the_line() -> None:
    with pytest.raises(SnippetRefused) as caught:
        compile_cell("x = 1\nif x:\n    y = x.__dict__\n")
    error = caught.value
    assert (error.line, error.column, error.text) == (3, 10, "    y = x.__dict__")
    assert str(error) == "line 3: attribute '__dict__' is not available: read the attributes by name, or use "\
        "dataclasses.asdict"
    assert describe_error(error, {}).traceback == (
        "  File <cell>, line 3\n    y = x.__dict__\n          ^\n"
        "SnippetRefused: attribute '__dict__' is not available: read the attributes by name, or use dataclasses.asdict"
    )
