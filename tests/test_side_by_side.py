"""The benchmarks side by side run, small: what is installed has the same data and comes to the same totals.

No test asserts a time. What is not installed is skipped by name, with how to get it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers, plots, procedures, side_by_side
from benchmarks.__main__ import main
from benchmarks.harness import HOW_TO_GET_A_COMPILER, BenchmarkFailed, Missing, Report, compiler
from benchmarks.systems import SYSTEMS, System, start
from benchmarks.workloads import NESTED_UPDATE, PROCEDURE, WORKS

pytestmark = pytest.mark.skipif(compiler() is None, reason=HOW_TO_GET_A_COMPILER)

# PostgreSQL runs as another user where the tests run as root, who must reach its folder.
OPEN_TO_OTHERS = 0o711


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(OPEN_TO_OTHERS)
        yield Path(path)


# ZEO's clients are not pipelined: they take part in the second one.
@pytest.mark.parametrize(("mode", "pipeline"), [("in memory", 4), ("durable", 1)])
def test_every_work_runs_on_every_system_that_is_installed(
    mode: str, pipeline: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One plot shows that they can be drawn; each takes longer than what it shows.
    monkeypatch.setattr(plots, "PLOTS", {"transfer": plots.PLOTS["transfer"]} if mode == "durable" else {})
    words = ["--modes", mode, "--pipeline", str(pipeline), "--folder", str(folder / "data")]
    assert main([*words, "--results", str(folder / "results")]) == 0
    assert list((folder / "data").iterdir()) == [], "the servers' data are removed"
    found = [json.loads(path.read_text()) for path in (folder / "results").glob("*.json")]
    assert {report["name"] for report in found} == set(side_by_side.NAMES)
    assert len(list((folder / "results").glob("*.png"))) == (mode == "durable" and find_spec("matplotlib") is not None)
    for report in found:
        works = [work for work in WORKS if work.name == report["name"]]
        skipped = {note.split()[0] for note in report["notes"] if " skipped" in note}
        assert [(row["case"], row["mode"]) for row in report["rows"]] == [(work.case or "-", mode) for work in works]
        assert all(row.keys() == report["rows"][0].keys() for row in report["rows"])
        assert {"memcached", "postgres", "tarantool", "ZEO"} <= report["machine"].keys()
        measured = {run["server"] for run in report["runs"]}
        able = {"objserver", "floor", *works[0].peers} | ({"zeo"} if pipeline == 1 else set())
        assert measured == able - skipped
        assert all(run["requests"] == sum(run["by_template"]) > 0 for run in report["runs"])


def call_of(name: str) -> Callable[[Any, str], str]:
    """How to call `settle` once, from outside of what is measured."""
    def objserver(system: Any, day: str) -> str:
        with system.server.client() as client:
            return str(client.call("settle", day))

    def redis(system: Any, day: str) -> str:
        (request,) = PROCEDURE.peers["redis"].requests.values()
        return str(system.server.command(request.replace("{{key}}", day).split("\n"))[0])

    return {
        "objserver": objserver,
        "redis": redis,
        "tarantool": lambda system, day: str(system.server.run("return settle(...)", day)[0]),
        "plpython": lambda system, day: str(system.server.run(f"SELECT settle('{day}')")[0]),
    }[name]


def started(stack: ExitStack, name: str, folder: Path) -> System:
    try:
        return stack.enter_context(start(name, folder / name, durable=False, count=10))
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", ["objserver", "redis", "tarantool", "plpython"])
def test_the_procedure_says_the_same_in_every_language(name: str, folder: Path) -> None:
    with ExitStack() as stack:
        floor, other = (started(stack, one, folder) for one in ("floor", name))
        try:
            for system in (floor, other):
                system.prepare(PROCEDURE)
        except Missing as missing:
            pytest.skip(str(missing))
        for day in ("3", "0", "999", "13"):
            assert call_of(name)(other, day) == procedures.settle(day)
        assert other.totals(PROCEDURE) == floor.totals(PROCEDURE)


def run_floor(monkeypatch: pytest.MonkeyPatch, folder: Path, **changes: Any) -> tuple[list[Report], list[str]]:
    monkeypatch.setattr(side_by_side, "WORKS", (replace(NESTED_UPDATE, **changes),))
    parameters = replace(side_by_side.SMALL, systems=("floor",), durabilities=("in memory",))
    return side_by_side.run(["nested_update"], parameters, 1, folder)


def test_totals_that_the_replies_do_not_add_up_to_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (report,), failures = run_floor(monkeypatch, folder)
    assert failures == [] and report.runs
    (failure,) = run_floor(monkeypatch, folder, gains={"count_read": [2]})[1]
    assert "nested_update" in failure and "but by the replies" in failure


def test_the_runs_that_are_announced_are_made(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Each row has a warm-up beside its rounds."""
    (report,), _ = run_floor(monkeypatch, folder)
    parameters = replace(side_by_side.SMALL, systems=("floor",), durabilities=("in memory",))
    assert side_by_side.count_runs(side_by_side.WORKS, parameters, 1)[0] == 2 * len(report.runs)


def test_a_wrong_reply_is_a_failure(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    reading = next(work for work in WORKS if work.name == "point_read")
    calls = (replace(reading.calls[0], expect="nobody{{key}}@"),)
    (failure,) = run_floor(monkeypatch, folder, calls=calls, roots=reading.roots, totals="[]", gains={})[1]
    assert "floor: read of" in failure


@pytest.mark.parametrize("name", ["memcached", "postgresql", "tarantool"])
def test_what_is_not_installed_says_how_to_get_it(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "DEBIAN_POSTGRESQL", folder)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(Missing, match="apt install"), start(name, folder / name, durable=False, count=1):
        raise AssertionError("it started")


def test_a_folder_that_postgresql_can_not_reach_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers.os, "getuid", lambda: 0)
    folder.chmod(0o700)
    with pytest.raises(Missing, match="can't enter"), peers.postgresql(folder / "data", durable=False):
        raise AssertionError("it started")


def test_statements_that_fail_are_told(folder: Path) -> None:
    with ExitStack() as stack:
        for name, text in (("postgresql", "SELECT * FROM nobody"), ("tarantool", "error('no')")):
            try:
                system: Any = stack.enter_context(start(name, folder / name, durable=False, count=1))
            except Missing:
                continue
            with pytest.raises(BenchmarkFailed):
                system.server.run(text)


def test_every_system_has_a_place_in_the_tables() -> None:
    assert {name for work in WORKS for name in work.peers} <= set(SYSTEMS)
    assert set(side_by_side.NAMES) <= set(plots.PLOTS)


@pytest.mark.parametrize("words", [["--connections", "7"], ["--rounds", "0"], ["point_reed"]], ids=str)
def test_a_part_that_there_is_not_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
