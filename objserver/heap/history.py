"""History: the versions of a definition before the one that runs.

    def f (1) --> def f (2): [1] --> def f (3): [1, 2] --> del f: gone with the definition

Each version is (number, author, time in ns, source), in a List of the heap that belongs to the class or function as
its attributes do: undone, logged and checkpointed like any other, loaded when somebody asks. A function that is
defined again hands its list on to the next. Only the last HISTORY_COUNT_MAX versions, and HISTORY_SIZE_MAX characters
of them, are kept: a definition that is made anew a million times costs no more than that.
"""

from __future__ import annotations

from typing import Any, Final

from .containers import List
from .instances import CodeInfo

__all__ = ["HISTORY_COUNT_MAX", "HISTORY_SIZE_MAX", "remember", "versions"]

HISTORY_COUNT_MAX: Final = 100
HISTORY_SIZE_MAX: Final = 256 * 1024


def remember(info: CodeInfo) -> Any:
    """Return the list of versions for the successor of `info`: what came before it, and its own."""
    history = List() if info.history is None else info.history
    current = info.current
    # A function that lives on under another name may be followed by a second one: the list has its version already.
    if not len(history) or history[-1][0] < current.number:
        history.append((current.number, current.author, current.time_ns, current.source))
    size = sum(len(source) for _, _, _, source in history)
    while len(history) > HISTORY_COUNT_MAX or size > HISTORY_SIZE_MAX:
        size -= len(history[0][3])
        del history[0]
    return history


def versions(info: CodeInfo) -> list[dict[str, Any]]:
    """Return what is known of a definition's versions, oldest first, the current one last."""
    current = info.current
    before = [] if info.history is None else [version for version in info.history if version[0] < current.number]
    every = [*before, (current.number, current.author, current.time_ns, current.source)]
    names = ("version", "author", "time_ns", "source")
    return [dict(zip(names, version, strict=True)) for version in every]
