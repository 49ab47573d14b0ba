"""stats and log against a real server."""

from __future__ import annotations

import json
import re
from typing import Any

from objserver.cli.status import describe_entry, flatten, iso_time

from .conftest import Run


def test_stats_lists_figures_and_roots(run: Run) -> None:
    run("eval", "users = {}\nnames = ['[red]a']\nclass Queue: pass")
    result = run("stats")
    assert result.returncode == 0
    assert re.search(r"^ *seq +\d+ *$", result.stdout, re.MULTILINE)
    assert re.search(r"^ *users +dict *$", result.stdout, re.MULTILINE)
    assert re.search(r"^ *Queue +class *$", result.stdout, re.MULTILINE)


def test_stats_as_json_is_one_line(run: Run) -> None:
    run("eval", "users = {}")
    figures = json.loads(run("stats", "--json").stdout)
    assert figures["roots"]["users"] == "dict"
    assert figures["seq"] >= 1


def test_nested_figures_get_dotted_names() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": {}}) == {"a": 1, "b.c": 2, "b.d.e": 3}


def test_time_is_exact_to_the_microsecond() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000000Z"
    assert iso_time(1_767_225_599_999_999_999) == "2025-12-31T23:59:59.999999Z"


def entry(**snippet: Any) -> dict[str, Any]:
    one = {"kind": "eval", "code": "x = 1", "code_digest": "c0de", "args": "{}", "principal": "", "result_crc": 10}
    head = {"seq": 7, "term": 1, "time_ns": 0, "kind": "batch", "size": 1234, "digest": "ab12"}
    return {**head, "snippets": [one | snippet]}


def test_entry_is_described_on_a_line_and_its_snippets_below() -> None:
    head = "7  1970-01-01T00:00:00.000000Z  batch  term 1  1,234 bytes  ab12\n"
    assert describe_entry(entry(), False) == head + "    eval  x = 1"
    several = entry(code="def f(k):\n    return k\n", args='{"k":1}', principal="ann")
    assert describe_entry(several, False) == head + '    ann: eval  def f(k): ...  with {"k":1}'
    assert describe_entry(several, True) == (
        head + "    ann: eval  result 0000000a\n        def f(k):\n            return k\n        with {\"k\":1}"
    )
    assert describe_entry(entry(code=None), False) == head + "    eval  (code c0de)"
    assert len(describe_entry(entry(code="x" * 1000, args="y" * 1000), False)) < 300


def test_log_shows_what_ran(run: Run) -> None:
    run("eval", "logged = []\n# second line")
    run("eval", "logged.append(x)", "--arg", 'x="a\\u001b[2J"')
    result = run("log", "--count", "100")
    assert result.returncode == 0
    assert re.search(r"^\d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z  \w+  term \d+  [\d,]+ bytes  ", result.stdout)
    assert "logged = [] ..." in result.stdout
    assert "# second line" not in result.stdout
    assert "logged.append(x)" in result.stdout
    assert "a\\u001b[2J" in result.stdout
    assert "# second line" in run("log", "--count", "100", "--full").stdout


def test_log_as_json_is_an_entry_a_line_in_order(run: Run) -> None:
    for n in range(45):
        run("eval", "counted = n", "--arg", f"n={n}")
    last = json.loads(run("stats", "--json").stdout)["seq"]
    entries = [json.loads(line) for line in run("log", "--count", "43", "--json").stdout.splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(last - 42, last + 1))
    codes = [snippet["code"] for entry in entries for snippet in entry["snippets"]]
    assert codes[-1] == "counted = n"
    args = [snippet["args"] for entry in entries for snippet in entry["snippets"]]
    assert args[-1] == {"n": 44}
    first = [json.loads(line) for line in run("log", "--first", "1", "--count", "3", "--json").stdout.splitlines()]
    assert [entry["seq"] for entry in first] == [1, 2, 3]


def test_log_beyond_its_end_is_empty(run: Run) -> None:
    result = run("log", "--first", "1000000000")
    assert (result.returncode, result.stdout) == (0, "")


def test_sweep_deletes_circles_and_stats_tell(run: Run) -> None:
    run("eval", "class Node: pass\na, b = Node(), Node()\na.other, b.other = b, a\nkept = [Node()]")
    run("eval", "del a, b")
    swept = run("sweep")
    assert swept.returncode == 0
    assert re.search(r"[23] objects deleted", swept.stderr)  # those of an older checkpoint, if there was one
    figures = json.loads(run("stats", "--json").stdout)
    assert figures["reclaim"]["sweep"] == "none"
    assert figures["reclaim"]["sweeps"] == 1
    assert figures["stored"]["instance of Node"]["objects"] == 1
    assert figures["store_free_size"] <= figures["store_used_size"]
    assert run("sweep", "--no-wait").returncode == 0
