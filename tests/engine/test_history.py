"""Functions and classes have versions: text, author, time. They are state like any other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from objserver.engine import Options, make_request
from objserver.errors import BadRequest
from objserver.heap.history import HISTORY_COUNT_MAX, HISTORY_SIZE_MAX

from .bench import Bench, Failed


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "data", Options(durability="none"))
    yield bench
    bench.kill()


def define(bench: Bench, source: str, author: str) -> None:
    ((_, error, _, _),) = bench.run(make_request("eval", source, principal=author))
    assert error is None


@pytest.mark.parametrize("texts", [
    ["def f(): return 1", "def f(): return 2", "def f(): return 3"],
    ["class f: n = 1", "class f: n = 2", "class f: n = 3"],
    ["def f(): return 1", "class f: n = 2", "def f(): return 3"],
])  # fmt: skip
def test_every_version_is_kept_with_author_and_time(bench: Bench, texts: list[str]) -> None:
    times = []
    for text, author in zip(texts, ["ann", "bob", "cid"], strict=True):
        define(bench, text, author)
        times.append(bench.time_ns)
    expected = [
        {"version": number, "author": author, "time_ns": time_ns, "source": text}
        for number, (author, time_ns, text) in enumerate(zip(["ann", "bob", "cid"], times, texts, strict=True), 1)
    ]
    assert bench.engine.history("f") == expected
    for again in (bench.crash, bench.reopen, bench.crash):
        again()
        assert bench.engine.history("f") == expected
    assert [bench.engine.source("f", number) for number in (None, 1, 2, 3)] == [texts[2], *texts]
    with pytest.raises(BadRequest, match="it has versions 1 to 3"):
        bench.engine.source("f", 4)


def test_same_text_again_is_no_new_version_but_a_new_definition(bench: Bench) -> None:
    text = "def f(n=len(l)): return n"
    for number in range(3):
        bench.eval("l = [0] * n", n=number)
        bench.eval(text)
        assert bench.eval("f()") == number
    assert [version["version"] for version in bench.engine.history("f")] == [1]
    bench.crash()
    assert bench.eval("f()") == 2


def test_definition_that_is_rolled_back_leaves_no_version(bench: Bench) -> None:
    for text in ("def f(): return 1", "def f(): return 2", "class C: n = 1", "class C: n = 2"):
        bench.eval(text)
    before = [bench.engine.history(name) for name in ("f", "C")]
    for text in ("def f(): return 3\n1 / 0", "class C: n = 3\n1 / 0", "def f(): 1\ndef f(): 2\ndel f\n1 / 0"):
        with pytest.raises(Failed, match="ZeroDivisionError"):
            bench.eval(text)
        assert [bench.engine.history(name) for name in ("f", "C")] == before


def test_history_ends_with_the_root(bench: Bench) -> None:
    bench.eval("def f(): return 1")
    bench.eval("def f(): return 2")
    bench.eval("g = f\ndel f")
    with pytest.raises(BadRequest, match="no function or class is called 'f'"):
        bench.engine.history("f")
    bench.eval("def f(): return 3")
    assert [version["version"] for version in bench.engine.history("f")] == [1]
    assert [version["version"] for version in bench.engine.history("g")] == [1, 2]
    bench.reopen()
    assert [bench.eval("f()"), bench.eval("g()")] == [3, 2]


def test_function_kept_under_another_name_has_the_history_up_to_itself(bench: Bench) -> None:
    bench.eval("def f(): return 1")
    bench.eval("def f(): return 2")
    bench.eval("g = f")
    bench.eval("def f(): return 3")
    assert [version["version"] for version in bench.engine.history("g")] == [1, 2]
    assert [version["version"] for version in bench.engine.history("f")] == [1, 2, 3]


def test_history_is_bounded_in_count_and_size(bench: Bench) -> None:
    for number in range(HISTORY_COUNT_MAX + 50):
        bench.eval(f"class C: n = {number}")
    kept = [version["version"] for version in bench.engine.history("C")]
    assert kept == list(range(50, HISTORY_COUNT_MAX + 51))
    for number in range(10):
        bench.eval(f"def f(): return {number}{' ' * 50_000}# {number}")
    assert sum(len(version["source"]) for version in bench.engine.history("f")[:-1]) <= HISTORY_SIZE_MAX
    bench.crash()
    assert [version["version"] for version in bench.engine.history("C")] == kept


def test_code_is_listed_in_pages(bench: Bench) -> None:
    bench.eval("def b(): pass\nclass A: pass\nc = b\nd = [b]\nimport math\nfrom math import sqrt as root")
    listed = bench.engine.code("", 10)
    assert [(each["name"], each["kind"], each["version"], each["source"]) for each in listed] == [
        ("A", "class", 1, "class A: pass"), ("b", "function", 1, "def b(): pass"), ("math", "import", 0, "import math"),
        ("root", "import", 0, "from math import sqrt as root"),
    ]  # fmt: skip
    bench.reopen()
    assert bench.engine.code("A", 1) == listed[1:2]
    assert bench.engine.code("root", 1) == []


def test_traceback_shows_the_lines_of_what_was_rolled_back(bench: Bench) -> None:
    bench.eval("def f():\n    return 1")
    with pytest.raises(Failed) as caught:
        bench.eval("def f():\n    return 1 / 0\nf()")
    assert "File <f version 2>, line 2, in f\n    return 1 / 0" in caught.value.fault.traceback
