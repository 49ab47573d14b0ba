"""The benchmarks run, small, so that they can't rot: every reply right, every report complete.

No test asserts a time. Without a C compiler all are skipped, without Redis its half, each with what to install.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import footprint, plots
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.harness import HOW_TO_GET_A_COMPILER, BenchmarkFailed, compiler, in_turn
from benchmarks.servers import HOW_TO_GET_REDIS, objserver

pytestmark = pytest.mark.skipif(compiler() is None, reason=HOW_TO_GET_A_COMPILER)
needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason=HOW_TO_GET_REDIS)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """Runs a benchmark at its small size, once, as a user does; gives what it keeps."""

    @cache
    def run(name: str) -> dict[str, Any]:
        folder = tmp_path_factory.mktemp(name)
        assert main([name, "--folder", str(folder / "data"), "--results", str(folder / "results")]) == 0
        assert list((folder / "data").iterdir()) == [], "the servers' data are removed"
        (kept,) = (folder / "results").glob("*.json")
        drawn = list((folder / "results").glob("*.png"))
        assert len(drawn) == (name in plots.PLOTS and find_spec("matplotlib") is not None)
        return dict(json.loads(kept.read_text()))

    return run


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmark_runs_and_its_report_is_complete(name: str, report: Callable[[str], dict[str, Any]]) -> None:
    found = report(name)
    assert found["name"] == name and found["workload"] and found["parameters"] is not None
    assert {"processor", "cores", "kernel", "python", "redis", "file_system"} <= found["machine"].keys()
    assert found["rows"] and found["runs"]
    for row in found["rows"]:
        assert row.keys() == found["rows"][0].keys()
        for spread in (cell for cell in row.values() if isinstance(cell, dict)):
            assert 0 <= spread["low"] <= spread["median"] <= spread["high"]


def test_startup_is_measured_for_every_size(report: Callable[[str], dict[str, Any]]) -> None:
    found = report("startup")
    assert [row["objects"] for row in found["rows"]] == found["parameters"]["counts"]
    assert all(row["memory MiB"]["low"] > 1 for row in found["rows"])


def test_checkpoint_is_measured_with_and_without_one(report: Callable[[str], dict[str, Any]]) -> None:
    runs = report("checkpoint")["runs"]
    assert [(run["durability"], run["checkpoint"]) for run in runs] == [
        ("none", "no"), ("none", "yes"), ("always", "no"), ("always", "yes"),
    ]
    assert all(run["checkpoints"] > 0 for run in runs if run["checkpoint"] == "yes")


@needs_redis
def test_footprint_is_measured_of_every_kind_beside_what_is_installed(report: Callable[[str], dict[str, Any]]) -> None:
    found = report("footprint")
    assert [row["object"] for row in found["rows"]] == ["dict", "list", "instance"]
    assert all(row["disk to redis"]["low"] > 0 for row in found["rows"])
    assert all(run["disk"] > 0 for run in found["runs"])


def test_drop_times_reads_before_and_after(report: Callable[[str], dict[str, Any]]) -> None:
    (run,) = report("drop")["runs"]
    assert run["before"] and run["after"] and run["quiet"] > 0
    assert run["space_before"]["records"] > report("drop")["parameters"]["count"]


def test_what_footprint_has_nothing_to_compare_with_is_skipped_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "missing", lambda: footprint.HOW_TO_GET)
    found = footprint.run(False, 1, tmp_path)
    assert {run["server"] for run in found.runs} == {"objserver"}
    assert [note.split(":")[0] for note in found.notes[:2]] == ["zodb skipped", "redis skipped"]


def test_plot_without_matplotlib_is_skipped_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    assert main(["drop", "--folder", str(tmp_path / "data"), "--results", str(tmp_path / "results")]) == 0
    assert f"not drawn: {plots.HOW_TO_GET_MATPLOTLIB}" in capsys.readouterr().out
    assert not list((tmp_path / "results").glob("*.png"))


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match="no-such-option"), objserver(tmp_path / "data", "--no-such-option"):
        raise AssertionError("it started")


def test_contenders_are_measured_in_turn_and_every_other_round_backwards() -> None:
    order: list[tuple[str, int]] = []
    contenders = {name: partial(lambda name, number: order.append((name, number)), name) for name in "ab"}
    in_turn(contenders, 3)
    assert order == [("a", 1), ("b", 1), ("b", 2), ("a", 2), ("a", 3), ("b", 3)]


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["point_reed"])
    assert "point_read" in capsys.readouterr().err
