"""Work on a folder, killed before each of its steps in turn: wherever a process may die, its folder is left for a look.

A step is a call that may change what other processes see of files: opening, renaming, removing, cutting, making. The
process that forks has one thread and no sockets.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

__all__ = ["killed_at_each_step"]

STEPS = {"open", "os.rename", "os.remove", "os.truncate", "os.mkdir", "os.rmdir"}
KILLED = 9


def killed_at_each_step(folder: Path, work: Callable[..., object], *arguments: Any) -> list[Path]:
    """Return copies of `folder`, in each of which `work(copy, *arguments)` was killed one step later than in the one
    before; in the last it came to its end. Both functions and arguments are sent to another process."""
    process = multiprocessing.get_context("spawn").Process(target=_kill, args=(folder, work, arguments))
    process.start()
    process.join()
    assert process.exitcode == 0
    found = sorted(folder.parent.glob(f"{folder.name}-step-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    assert len(found) > 1
    return found


def _kill(folder: Path, work: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    for step in count(1):
        copy = folder.with_name(f"{folder.name}-step-{step}")
        shutil.copytree(folder, copy)
        number = os.fork()
        if not number:
            _work_until(step, work, copy, arguments)
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        if status != KILLED:
            sys.exit(status)


def _work_until(step: int, work: Callable[..., object], folder: Path, arguments: tuple[Any, ...]) -> None:
    steps = 0

    def watch(event: str, _: Any) -> None:
        nonlocal steps
        if event in STEPS:
            steps += 1
            if steps == step:
                os._exit(KILLED)

    sys.addaudithook(watch)
    try:
        work(folder, *arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)
