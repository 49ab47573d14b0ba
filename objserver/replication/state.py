"""The state of replication: what a data folder knows of its role, across restarts.

    folder/replication.json    {"format": 1, "cluster": ..., "role": "leader" | "follower", "follow": [...], ...}

A folder without the file has led alone. Whoever changes what a process was started as (a leader becomes a follower, the
log is rewound, a snapshot is wanted) writes the state and ends the process; the next one does it (`install`).

Promise: the file holds one state or the next, whole, whatever moment the process or the machine dies at
(tests/replication/test_state.py).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import DataDamaged, RuntimeMismatch, StorageFailed
from ..log import DIGEST_SIZE
from ..store import sync_folder

__all__ = ["Role", "State", "draw_cluster", "is_cluster", "take_role", "write_whole"]

Role = Literal["leader", "follower"]

FORMAT: Final = 1
FILE_NAME: Final = "replication.json"
_CLUSTER: Final = re.compile("[0-9a-f]{16}")
_FILE_SIZE_MAX: Final = 1024 * 1024


@dataclass
class State:
    """What a folder knows of its role.

    Attributes:
        cluster: 16 hexadecimal digits, the same in all folders that may follow one another; None until one is drawn, or
            learned from a leader.
        follow: addresses of whom to follow, to be tried in turn.
        diverged: why nothing of the leader's is applied any more.
        resync: whether a snapshot is to replace what is here.
        rewind: seq and digest of the entry that the log is to end with.
        promoted_term: the term that this node began.
        report: the file that says more of why it diverged.
        fenced: the term of another leader, from when this one heard of it until it is known what they have in common:
            what it has beyond that is in no other history.
    """

    cluster: str | None = None
    role: Role = "leader"
    follow: list[str] = field(default_factory=list)
    diverged: str | None = None
    resync: bool = False
    rewind: tuple[int, bytes] | None = None
    promoted_term: int | None = None
    report: str | None = None
    fenced: int | None = None

    @classmethod
    def load(cls, folder: Path) -> State:
        """Return the state of a data folder; a new one where there is none.

        Raises:
            DataDamaged: the file does not hold a state.
            RuntimeMismatch: another version wrote it.
            StorageFailed: it can't be read.
        """
        path = folder / FILE_NAME
        try:
            with path.open("rb") as file:
                content = file.read(_FILE_SIZE_MAX)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise StorageFailed.of(path, "read", error) from error
        try:
            found = json.loads(content)
            if type(found) is dict and found.get("format") != FORMAT and type(found.get("format")) is int:
                raise RuntimeMismatch(
                    f"{path} has format {found['format']}, not {FORMAT}; use the objserver that wrote it"
                )
            return _state(found)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataDamaged(
                f"{path} does not hold the state of replication: {error}; restore it from a backup of this folder, or "
                "remove it and start again: with --follow to be a follower, without to lead a cluster of its own"
            ) from error

    def save(self, folder: Path) -> None:
        """Write the state; on disk when this returns. Raises StorageFailed: the file is as before."""
        rewind = None if self.rewind is None else [self.rewind[0], self.rewind[1].hex()]
        saved = {"format": FORMAT, **asdict(self), "rewind": rewind}
        write_whole(folder / FILE_NAME, json.dumps(saved, indent=1).encode() + b"\n")


def take_role(state: State, folder: Path, follow: Sequence[str]) -> None:
    """Set the role that a process begins in, when it is told to follow these; the state is saved when it changes.

    Who was promoted leads, whatever it was started with; who is a follower stays one until it is promoted.
    Raises StorageFailed.
    """
    if not follow or state.promoted_term is not None:
        return
    if state.role == "leader" or not state.follow:
        state.role = "follower"
        state.follow = state.follow or list(follow)
        state.save(folder)


def draw_cluster() -> str:
    """Return the name of a new cluster."""
    return os.urandom(8).hex()


def is_cluster(text: str) -> bool:
    return _CLUSTER.fullmatch(text) is not None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; on disk when this returns. Raises StorageFailed."""
    unfinished = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageFailed.of(path, "write", error) from error


def _state(found: Any) -> State:
    """Raises ValueError, KeyError, TypeError: with what is wrong."""
    if type(found) is not dict:
        raise ValueError(f"it is {found!r:.100}")
    rewind = found["rewind"]
    if rewind is not None:
        seq, digest = rewind
        rewind = seq, bytes.fromhex(digest)
        if type(seq) is not int or seq < 0 or len(rewind[1]) != DIGEST_SIZE:
            raise ValueError(f"rewind is {found['rewind']!r:.100}")
    state = State(
        cluster=found["cluster"], role=found["role"], follow=found["follow"], diverged=found["diverged"],
        resync=found["resync"], rewind=rewind, promoted_term=found["promoted_term"],
        report=found["report"],
        fenced=found["fenced"],
    )  # fmt: skip
    sound = {
        "cluster": state.cluster is None or (type(state.cluster) is str and is_cluster(state.cluster)),
        "role": state.role in ("leader", "follower"),
        "follow": type(state.follow) is list and all(type(address) is str for address in state.follow),
        "diverged": state.diverged is None or type(state.diverged) is str,
        "report": state.report is None or type(state.report) is str,
        "resync": type(state.resync) is bool,
        "promoted_term": state.promoted_term is None or (type(state.promoted_term) is int and state.promoted_term > 0),
        "fenced": state.fenced is None or (type(state.fenced) is int and state.fenced > 0),
    }
    for name, is_sound in sound.items():
        if not is_sound:
            raise ValueError(f"{name} is {found[name]!r:.100}")
    return state
