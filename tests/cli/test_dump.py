"""dump: JSON of roots of any size; what goes out comes in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from objserver.cli import pieces

from .conftest import Run


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small roots take the way of large ones."""
    monkeypatch.setattr(pieces, "KEYS_COUNT", 7)
    monkeypatch.setattr(pieces, "ENTRIES_COUNT", 3)


ROOTS = {
    "plain": "{'b': [1, {'$x': 2}], 'a': None, '$set': 1, '': {}} | {'k' + str(n): n for n in range(40)}",
    "by_number": "{n: {'n': n} for n in range(20)} | {(1, 'x'): b'bytes', 2.5: 3}",
    "items": "[[n, str(n)] for n in range(30)] + [{1, 2}, (3,), float('nan')]",
    "members": "{n * 7 % 50 for n in range(50)}",
    "number": "7",
    "empty": "{}",
    "few": "{'x': {'y': 1}}",
}


@pytest.mark.parametrize("name", ROOTS)
def test_pieces_make_the_same_text_as_the_whole(run: Run, name: str, small_pages: None) -> None:
    assert run("eval", f"{name} = {ROOTS[name]}").returncode == 0
    result = run("dump", name)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == json.loads(run("query", name, "--json").stdout)


@pytest.mark.parametrize("name", ["plain", "by_number", "items"])
def test_document_goes_back_in(run: Run, name: str, tmp_path: Path, small_pages: None) -> None:
    run("eval", f"{name} = {ROOTS[name]}")
    assert run("dump", name, "--output", "out.json").returncode == 0
    assert run("load", "out.json", "--tagged", "--into", f"{name}_again", "--replace").returncode == 0
    assert run("query", f"{name}_again", "--json").stdout == run("query", name, "--json").stdout


@pytest.mark.parametrize("name", ["plain", "by_number"])
def test_lines_of_a_dict_go_back_in(run: Run, name: str, small_pages: None) -> None:
    run("eval", f"{name} = {ROOTS[name]}")
    assert run("dump", name, "--format", "jsonl", "--output", "out.jsonl").returncode == 0
    arguments = f"load out.jsonl --tagged --key key --value value --replace --into {name}_lines".split()
    assert run(*arguments).returncode == 0
    assert run("query", f"{name}_lines", "--json").stdout == run("query", name, "--json").stdout


def test_lines_of_a_list_are_its_items(run: Run, small_pages: None) -> None:
    run("eval", "lined = [[n] for n in range(10)]")
    assert run("dump", "lined", "--format", "jsonl").stdout == "".join(f"[{n}]\n" for n in range(10))


def test_root_larger_than_a_reply_is_written(run: Run) -> None:
    """18 MB in a dict, 18 MB in one entry of it, 18 MB in a list: each above the largest frame."""
    run("eval", "large = {}\nfor n in range(600):\n    large[n] = 'x' * 30_000")
    run("eval", "large['inner'] = {str(k): v for k, v in large.items()}")
    run("eval", "large['list'] = list(large['inner'].values())")
    assert run("query", "large").returncode == 1
    result = run("dump", "large")
    assert result.returncode == 0, result.stderr
    pairs = json.loads(result.stdout)["$dict"]
    assert [key for key, _ in pairs] == [*range(600), "inner", "list"]
    assert pairs[-2][1] == {str(n): "x" * 30_000 for n in range(600)}
    assert pairs[-1][1] == ["x" * 30_000] * 600


def test_value_that_cannot_be_cut_is_named(run: Run) -> None:
    run("eval", "whole = {'a': 1}\nwhole['b'] = 'x' * 9_000_000\nwhole['b'] += whole['b']")
    result = run("dump", "whole", "--output", "none.json")
    assert result.returncode == 1
    assert "whole['b']" in result.stderr
    assert not list(Path().glob("none*"))
    run("eval", "del whole")


def test_cycle_too_large_for_a_reply_is_a_reference(run: Run) -> None:
    run("eval", "ring = {}\nfor n in range(600):\n    ring[n] = 'x' * 30_000\nring['me'] = [ring, 1]")
    result = run("dump", "ring")
    assert result.returncode == 0, result.stderr
    key, (reference, one) = json.loads(result.stdout)["$dict"][-1]
    assert (key, one) == ("me", 1)
    assert reference.keys() == {"$ref", "$class"}


def test_several_roots_make_an_object(run: Run) -> None:
    run("eval", "one = 1\ntwo = {'a': [2]}\ndef three(): pass\nclass Four: pass")
    assert run("dump", "two", "one").stdout == '{"two":{"a":[2]},"one":1}\n'
    everything = json.loads(run("dump").stdout)
    assert everything["two"] == {"a": [2]}
    assert not {"three", "Four"} & set(everything)


def test_root_that_is_not_there_is_named(run: Run) -> None:
    result = run("dump", "nowhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert "'nowhere'" in result.stderr


def test_failed_dump_leaves_the_file_that_was_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("before")
    run("eval", "heavy = {'a': 'x' * 9_000_000}\nheavy['a'] += heavy['a']")
    assert run("dump", "heavy", "--output", "kept.json").returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]
    assert (tmp_path / "kept.json").read_text() == "before"
    run("eval", "del heavy")


def test_device_is_written_to_and_not_replaced(run: Run) -> None:
    run("eval", "one = 1")
    assert run("dump", "one", "--output", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()
