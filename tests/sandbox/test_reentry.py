"""No snippet takes the process down: methods that change what C code works on, and values nested as deep as they go."""

# ruff: noqa: E501  # a program a line

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each builds something deep or shared, and looks at it; all must end by a value, an error or for want of fuel.
NESTS = {
    "tuple": "t = ()\nfor _ in range(100000): t = (t,)\n{use}",
    "shared_tuple": "t = (1,)\nu = (1,)\nfor _ in range(60): t, u = (t, t), (u, u)\n{use}",
    "list": "t = []\nfor _ in range(100000): t = [t]\n{use}",
    "dict": "t = {{}}\nfor _ in range(100000): t = {{1: t}}\n{use}",
    "map": "t = iter([1])\nfor _ in range(100000): t = map(abs, t)\n{use}",
    "zip": "t = iter([1])\nfor _ in range(100000): t = zip(t)\n{use}",
    "slice": "t = None\nfor _ in range(100000): t = slice(t)\n{use}",
    "cause": "t = None\nfor _ in range(100000):\n try: raise ValueError(1) from t\n except ValueError as e: t = e\n{use}",
    "argument_of_exception": "t = None\nfor _ in range(100000): t = ValueError(t)\n{use}",
    "method": "t = [].append\nfor _ in range(100000): t = (t, [t].append)[1]\n{use}",
    "instance": "class C:\n def __init__(self, x): self.x = x\n def __repr__(self): return repr(self.x)\nt = None\n"
                "for _ in range(100000): t = C(t)\n{use}",
    "partial": "from functools import partial\nt = abs\nfor _ in range(100000): t = partial(t)\n{use}",
    "view": "t = {{}}\nfor _ in range(100000): t = {{1: t}}.values()\n{use}",
}
_USES = ("repr(t)", "len(str([t]))", "hash(t)", "t == t", "list(t)", "x = {1: t}\nNone", "t = None\n1", "{t: 1}", "'%s' % [t]", "[t] < [t]")
_SHARED = ("t is u", "hash(t) == 1", "keep = t\n1")


def run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-3000:]} {done.stderr[-3000:]}"


def test_programs_that_change_what_is_worked_on_crash_nothing() -> None:
    run("-m", "tests.sandbox.fuzz_reentry", "1", "300")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 16))
def test_many_programs_that_change_what_is_worked_on_crash_nothing(seed: int) -> None:
    run("-m", "tests.sandbox.fuzz_reentry", str(seed), "5000")


NEST_WORKER = """
import sys
from sandbox import OutOfFuel
from tests.sandbox.host import Host
for source in eval(sys.stdin.read()):
    print(repr(source), flush=True)
    try: Host(1_000_000).run(source)
    except (Exception, OutOfFuel) as error: print(type(error).__name__)
"""


@pytest.mark.parametrize("name", sorted(NESTS))
def test_what_is_nested_deep_crashes_nothing(name: str) -> None:
    uses = _SHARED if name == "shared_tuple" else _USES
    sources = [NESTS[name].format(use=use) for use in uses]
    done = subprocess.run(
        [sys.executable, "-c", NEST_WORKER], cwd=ROOT, input=repr(sources), capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-300:]} {done.stderr[-2000:]}"
