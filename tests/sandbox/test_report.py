"""An error is shown with the lines of the snippet, without ours, and without running the snippet's code."""

from __future__ import annotations

from types import CodeType
from typing import Any

import pytest

from sandbox import ErrorReport, OutOfFuel, compile_cell, describe_error, hint
from tests.sandbox.host import Host


def failure(source: str, host: Host | None = None, **sources: str) -> ErrorReport:
    host = host or Host()
    try:
        host.run(source)
    except BaseException as error:
        host.fuel.refill(0)  # so that any code of the snippet that runs now is noticed
        return describe_error(error, {"<cell>": source, **sources})
    raise AssertionError("the snippet did not fail")


def test_traceback_shows_the_lines_of_the_snippet_alone() -> None:
    report = failure("def total(xs):\n    return sum(x['n'] for x in xs)\n\ntotal([{}])\n")
    assert report == ErrorReport(
        type="KeyError",
        message="'n'",
        line=2,
        traceback=(
            "Traceback (most recent call last):\n"
            "  File <cell>, line 4\n    total([{}])\n"
            "  File <cell>, line 2, in total\n    return sum(x['n'] for x in xs)\n"
            "           ^^^^^^^^^^^^^^^^^^^^^^^\n"
            "  File <cell>, line 2, in total.<locals>.<genexpr>\n    return sum(x['n'] for x in xs)\n"
            "               ^^^^^^\n"
            "KeyError: 'n'"
        ),
    )


def test_line_is_that_of_the_cell_when_a_stored_function_fails() -> None:
    host = Host()
    text = "def half(x):\n    return 1 / x\n"
    host.start(compile_cell(text, filename="<half>"))
    report = failure("x = 0\n\nhalf(x)", host, **{"<half>": text})
    assert report.line == 3
    assert "  File <half>, line 2, in half\n    return 1 / x\n           ^^^^^\n" in report.traceback
    assert report.traceback.endswith("^\nZeroDivisionError: division by zero")
    # A source that nobody knows any more leaves no trace.
    assert "half>" not in failure("x = 0\n\nhalf(x)", host).traceback


def test_guards_of_ours_do_not_show() -> None:
    report = failure("'a' * 10 ** 9")
    assert report.type == "OverflowError"
    assert report.traceback.count("File ") == 1


@pytest.mark.parametrize("source", [
    "class E(Exception):\n def __str__(self): return 1 / 0\nraise E('x')",
    "class E(Exception):\n def __repr__(self): return 1 / 0\nraise E('x', E())",
    "class E(Exception):\n @property\n def args(self): return 1 / 0\nraise E('x')",
    "class C:\n def __str__(self): return 1 / 0\n def __repr__(self): return 1 / 0\nraise ValueError(C())",
    "class C:\n def __repr__(self): return 1 / 0\nraise KeyError(C())",
    "class C:\n def __repr__(self): return 1 / 0\nraise KeyError(((C(),), [C()], {C(): C()}))",
])
def test_no_code_of_the_snippet_runs(source: str) -> None:
    report = failure(source)
    assert report.type in ("E", "ValueError", "KeyError")
    assert "ZeroDivisionError" not in report.traceback


@pytest.mark.parametrize(("source", "message"), [
    ("raise ValueError", ""),
    ("raise ValueError('a')", "a"),
    ("raise ValueError('a', 1, None, 2.5, True, b'x')", "('a', 1, None, 2.5, True, b'x')"),
    ("raise KeyError('a')", "'a'"),
    ("raise ValueError(('a',), [1], {'k': 2})", "(('a',), [1], {'k': 2})"),
    ("raise OSError(2, 'no')", "[Errno 2] no"),
    ("raise ValueError(print)", "<method>"),
    ("int('x')", "invalid literal for int() with base 10: 'x'"),
    ("b'\\xff'.decode()", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ("[1].index(lambda: 0)", "<function <lambda>> is not in list"),
    ("undefined", "name 'undefined' is not defined"),
])
def test_message_is_the_exceptions_own(source: str, message: str) -> None:
    assert failure(source).message == message


def test_causes_are_shown_oldest_first() -> None:
    report = failure(
        "try:\n try: 1 / 0\n except ZeroDivisionError as e: raise KeyError('a') from e\n"
        "except KeyError as e:\n raise ValueError('b')"
    )
    places = [report.traceback.index(name) for name in ("Error: division by zero", "KeyError: 'a'", "ValueError: b")]
    assert places == sorted(places)
    assert "direct cause" in report.traceback
    assert "During handling" in report.traceback
    hidden = failure("try: 1 / 0\nexcept ZeroDivisionError: raise ValueError('b') from None")
    assert "ZeroDivisionError:" not in hidden.traceback.replace("except ZeroDivisionError:", "")


def test_report_is_bounded() -> None:
    sources = [
        "def f(n): return f(n + 1)\nf(0)",
        "raise ValueError('x' * 1_000_000)",
        "raise ValueError([['x' * 1000] * 1000] * 1000)",
        "raise KeyError(10 ** 5000)",
        "l = []\nl.append(l)\nraise ValueError(l)",
        "e = None\nfor i in range(99):\n try:\n  if e: raise e\n  1 / 0\n except Exception as x:\n  n = ValueError(i)\n"
        "  try: raise n from x\n  except ValueError as y: e = y\nraise e",
        "x = 1 /" + " " * 5_000 + "0",
    ]
    for source in sources:
        report = failure(source)
        assert len(report.message) < 6_000
        assert len(report.traceback) < 60_000, source
    assert "more" in failure(sources[0]).traceback


def test_end_of_the_fuel_is_described_too() -> None:
    report = failure("while True:\n    pass")
    assert report.type == OutOfFuel.__name__
    assert report.line == 1


def test_sources_may_be_a_function() -> None:
    source = "1 / 0"
    files: list[Any] = []

    def find(code: CodeType) -> str | None:
        files.append(code.co_filename)
        return source if code.co_filename == "<cell>" else None

    with pytest.raises(ZeroDivisionError) as caught:
        Host().run(source)
    assert describe_error(caught.value, find).line == 1
    assert "<cell>" in files


@pytest.mark.parametrize(("source", "message"), [
    ("total = 1\ntotl", "name 'totl' is not defined; did you mean 'total'?"),
    ("def f(amount): return amuont\nf(1)", "name 'amuont' is not defined; did you mean 'amount'?"),
    ("lenn([1])", "name 'lenn' is not defined; did you mean 'len'?"),
    ("math.pi", "name 'math' is not defined; write: import math"),
    ("zzzzqq", "name 'zzzzqq' is not defined; no root or parameter has this name, and what 'for', 'with' and ':=' bind "
        "ends with its cell"),
    ("def f(n): return f(n + 1)\nf(0)", "maximum recursion depth exceeded; a function calls itself, or calls go in a "
        "circle, too deep: check where it ends, or use a loop"),
])  # fmt: skip
def test_message_says_what_to_do(source: str, message: str) -> None:
    host = Host()
    with pytest.raises((NameError, RecursionError)) as caught:
        host.run(source)
    host.fuel.refill(0)
    report = describe_error(caught.value, {"<cell>": source}, hint(caught.value, lambda: ["total"], host.library))
    assert report.message == message
    assert report.traceback.endswith(message)
