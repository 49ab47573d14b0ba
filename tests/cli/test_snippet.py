"""eval, query and call against a real server."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def test_value_is_printed_as_python_writes_it(run: Run) -> None:
    result = run("eval", "[1, 'two', None, (3.5, True), {'a': b'x'}]")
    assert (result.returncode, result.stdout, result.stderr) == (0, "[1, 'two', None, (3.5, True), {'a': b'x'}]\n", "")


def test_none_prints_nothing_but_null_as_json(run: Run) -> None:
    assert run("eval", "None").stdout == ""
    assert run("eval", "None", "--json").stdout == "null\n"


def test_int_of_any_size_is_printed(run: Run) -> None:
    """Python writes no int of more than 4,300 digits unless asked, and the command ended with its traceback."""
    assert run("eval", "10 ** 5000 + 7").stdout == f"1{'0' * 4999}7\n"


def test_json_keeps_tags(run: Run) -> None:
    assert json.loads(run("eval", "{'t': (1,), 's': {3, 1, 2}, '$x': 2**70}", "--json").stdout) == {
        "t": {"$tuple": [1]}, "s": {"$set": [3, 1, 2]}, "$$x": {"$int": str(2**70)},
    }  # fmt: skip


def test_arguments_arrive_as_values(run: Run) -> None:
    text = "it's \"quoted\" \\ {x}"
    arguments = [f"a={json.dumps(text)}", "b=123456789012345678901234567890", 's={"$set": [1]}']
    result = run("query", "[a, b, 1 in s]", *(word for argument in arguments for word in ("--arg", argument)), "--json")
    assert result.stdout == f'[{json.dumps(text)},{{"$int":"123456789012345678901234567890"}},true]\n'


def test_source_comes_from_standard_input_or_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text("x = 'é'\nx * 2\n", encoding="utf-8")
    assert run("query", "-", input="1 +\\\n2\n").stdout == "3\n"
    assert run("query", "@cell.py").stdout == "'éé'\n"


def test_printed_text_goes_beside_the_value(run: Run) -> None:
    result = run("eval", "print('hello')\n42", "--json")
    assert (result.stdout, result.stderr) == ("42\n", "hello\n")


def test_snippet_that_raises_shows_the_remote_traceback_and_has_status_1(run: Run) -> None:
    result = run("eval", "untouched = 1\nusers = {}\nusers['bob']")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith("KeyError: 'bob'\n")
    assert "line 3" in result.stderr
    assert "users['bob']" in result.stderr
    assert "objserver/cli" not in result.stderr
    assert run("query", "untouched").returncode == 1


def test_snippet_that_does_not_compile_has_status_1(run: Run) -> None:
    result = run("eval", "1 +")
    assert (result.returncode, result.stdout) == (1, "")
    assert "line 1" in result.stderr


def test_query_that_changes_something_is_refused(run: Run) -> None:
    run("eval", "kept = [1]")
    result = run("query", "kept.append(2)")
    assert result.returncode == 1
    assert "eval" in result.stderr
    assert run("query", "kept").stdout == "[1]\n"


def test_depth_cuts_what_lies_deeper(run: Run) -> None:
    run("eval", "nested = {'a': {'b': {'c': 1}}}")
    assert "'c'" not in run("query", "nested", "--depth", "2").stdout
    assert json.loads(run("query", "nested", "--depth", "2", "--json").stdout)["a"]["b"]["$class"] == "dict"


def test_call_passes_arguments_by_position_and_by_name(run: Run) -> None:
    run("eval", "def shift(x, by=1): return [x, by]")
    assert run("call", "shift", '"a"').stdout == "['a', 1]\n"
    assert run("call", "shift", "--arg", "by=[2]", "--", "-1").stdout == "[-1, [2]]\n"
    failed = run("call", "shift")
    assert failed.returncode == 1
    assert "TypeError" in failed.stderr


def test_method_is_called_by_its_path(run: Run) -> None:
    run("eval", "class Counter:\n    def __init__(self): self.n = 0\n    def add(self, k):\n        self.n += k\n"
        "        return self.n\ncounter = Counter()")  # fmt: skip
    assert run("call", "counter.add", "5").stdout == "5\n"
    assert run("call", "counter.add", "5").stdout == "10\n"
