"""stats and log against a real server."""

from __future__ import annotations

import json
import re

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


def test_log_shows_what_ran(run: Run) -> None:
    run("eval", "logged = []\n# second line")
    run("eval", "logged.append(x)", "--arg", 'x="a\\u001b[2J"')
    result = run("log", "--count", "2")
    assert result.returncode == 0
    assert re.search(r"^\d+  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z  term \d+  [\d,]+ bytes  ", result.stdout)
    assert "logged = [] ..." in result.stdout
    assert "# second line" not in result.stdout
    assert "logged.append(x)" in result.stdout
    assert "a\\u001b[2J" in result.stdout
    assert "# second line" in run("log", "--count", "2", "--full").stdout


def test_log_as_json_is_an_entry_a_line_in_order(run: Run) -> None:
    for n in range(45):
        run("eval", f"counted = {n}")
    last = json.loads(run("stats", "--json").stdout)["seq"]
    entries = [json.loads(line) for line in run("log", "--count", "43", "--json").stdout.splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(last - 42, last + 1))
    assert entries[-1]["snippets"][0]["code"] == "counted = 44"
    first = [json.loads(line) for line in run("log", "--first", "1", "--count", "3", "--json").stdout.splitlines()]
    assert [entry["seq"] for entry in first] == [1, 2, 3]


def test_log_beyond_its_end_is_empty(run: Run) -> None:
    result = run("log", "--first", "1000000000")
    assert (result.returncode, result.stdout) == (0, "")
