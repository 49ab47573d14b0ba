"""What people write who learn Python, or show it: it prints here what it prints in CPython, what it leaves under its
names is kept, and a replay makes the same of it. The snippets stand in newcomers.txt.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from objserver.engine import Options, make_request
from sandbox import compile_cell
from tests.sandbox.test_ordinary import run_plain

from .bench import Bench

TEXT = (Path(__file__).parent / "newcomers.txt").read_text()
SNIPPETS = {
    name.strip(): source.strip("\n")
    for name, _, source in (part.partition("\n") for part in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:])
}
NAMES = sorted(SNIPPETS)
CHUNKS = [NAMES[at:at + 30] for at in range(0, len(NAMES), 30)]


@pytest.mark.parametrize("names", CHUNKS, ids=lambda names: f"{names[0]}-{names[-1]}")
def test_snippet_prints_what_python_prints_and_leaves_what_can_be_kept(names: list[str], tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data", Options(durability="none", checkpoint_count=100))
    wrong: dict[str, Any] = {}
    for name in names:
        source = SNIPPETS[name]
        cell = compile_cell(source)
        ((_, fault, _, output),) = bench.run(make_request("eval", source, {}, []))
        expected = run_plain(source)[1]
        if fault is not None or output != expected:
            wrong[name] = fault or (output, expected)
        for root in sorted(cell.binds):
            bench.eval(f"try: del {root}\nexcept NameError: pass")
    assert wrong == {}
    bench.crash()  # the log, run again, gives the same results, or the engine does not open
    bench.reopen()
    bench.kill()


def test_there_are_many() -> None:
    assert len(SNIPPETS) > 150
