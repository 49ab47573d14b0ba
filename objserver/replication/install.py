"""Install: what a process does with the files of its folder before it is confined and opens them.

    incoming/ "received"    --> verify every record --> "verified"
    incoming/ "verified"    --> remove log/ --> incoming/data.mdb to heap/ --> begin log/ behind it --> remove incoming/
    state: rewind           --> cut log/ off; or, when the checkpoint is beyond that, a snapshot is wanted

The process before wrote down what is wanted and ended. Until "verified" is written the folder is as it was. From there
on each step finds out from the files whether it was done: what is in heap/ is the old checkpoint as long as the new one
is in incoming/, and a log that stands beside the new one is the one that was begun for it.

Promise: killed at any moment and done again, it comes to the same; what was cut off a log before is kept in lost/
(tests/replication/test_install.py).
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from ..engine import RUNTIME
from ..errors import DataDamaged, LogError
from ..limits import MIB
from ..log import EMPTY, begin_log, cut_log
from ..log.segments import storage
from ..store import Snapshot, sync_folder
from .snapshot import FOLDER_NAME, Incoming, mark_head
from .state import State

__all__ = ["prepare"]


def prepare(folder: Path, state: State) -> list[str]:
    """Do with the files of a data folder what is due before an engine opens it. `state` is changed and saved with that.

    Nobody else has the folder.
    Returns: a line about each thing that was done.
    Raises:
        DataDamaged: the snapshot that came is not sound, or a file is not what was written. The folder is as before.
        RuntimeMismatch: another version wrote it.
        StorageFailed: the disk refuses; what is left undone is done by the next start.
    """
    notes: list[str] = []
    incoming = Incoming.load(folder)
    path = folder / FOLDER_NAME
    if incoming is not None and incoming.step != "verified" and state.role == "leader":
        incoming = None
        notes.append(f"{path}: what was received of a snapshot is removed, since this node leads")
    if incoming is None:
        _remove(path)
    else:
        if incoming.step == "received":
            _verify(path, incoming)
            incoming = replace(incoming, step="verified")
            incoming.save(folder)
        if incoming.step == "verified":
            _install(folder, incoming, state)
            notes.append(
                f"{folder}: a snapshot of {incoming.size / MIB:,.1f} MiB was installed, as of entry {incoming.head.seq}"
            )
    if state.rewind is not None:
        notes.extend(_rewind(folder, state, *state.rewind))
    return notes


def _verify(path: Path, incoming: Incoming) -> None:
    """Look at every record of a snapshot. Raises DataDamaged."""
    remedy = (
        f"nothing was changed: remove the folder {path} and start again to take it once more; if it is so again, "
        "`objserver verify` the leader's folder"
    )
    with Snapshot(path) as snapshot:
        head = mark_head(snapshot.checkpoint_mark)
        if head != incoming.head:
            raise DataDamaged(
                f"{snapshot.path} is a checkpoint of entry {head.seq}, said to be of {incoming.head.seq}; {remedy}"
            )
        count = 0
        for key, record in snapshot.walk():
            if record is None:
                raise DataDamaged(f"{snapshot.path}: record {key.hex()} does not match its checksum; {remedy}")
            count += 1
        if count != snapshot.count:
            raise DataDamaged(f"{snapshot.path} has {count} records, but says {snapshot.count}; {remedy}")


def _install(folder: Path, incoming: Incoming, state: State) -> None:
    """Let the snapshot be the folder's checkpoint, with a log that begins behind it."""
    path, heap, log = folder / FOLDER_NAME, folder / "heap", folder / "log"
    if (path / "data.mdb").exists():
        with storage(folder, "install the snapshot"):
            _keep(log, folder / "lost")
            if log.exists():
                shutil.rmtree(log)
                sync_folder(folder)
            heap.mkdir(exist_ok=True)
            # LMDB's list of readers is about the file that goes.
            (heap / "lock.mdb").unlink(missing_ok=True)
            (path / "data.mdb").replace(heap / "data.mdb")
            sync_folder(heap)
            sync_folder(path)
            sync_folder(folder)
    begin_log(log, incoming.head, RUNTIME)
    state.resync, state.diverged, state.report, state.rewind = False, None, None, None
    state.save(folder)
    _remove(path)


def _rewind(folder: Path, state: State, seq: int, digest: bytes) -> list[str]:
    """Cut the log off behind entry `seq`."""
    head = EMPTY
    if (folder / "heap" / "data.mdb").exists():
        with Snapshot(folder / "heap") as snapshot:
            head = mark_head(snapshot.checkpoint_mark)
    notes: list[str] = []
    try:
        if head.seq > seq or (head.seq == seq and head.digest != digest):
            raise LogError(f"the checkpoint in heap/ has all up to entry {head.seq}")
        notes = cut_log(folder / "log", seq, digest)
    except LogError as error:
        state.resync = True
        notes.append(f"{folder}: can't go back to entry {seq}, a snapshot is needed: {error}")
    state.rewind = None
    state.save(folder)
    return notes


def _keep(log: Path, lost: Path) -> None:
    """Move what was cut off a log before to where nobody removes it. Raises OSError."""
    kept = sorted(log.glob("cut-*"))
    if kept:
        lost.mkdir(exist_ok=True)
        for path in kept:
            number, target = 1, lost / path.name
            while target.exists():
                number += 1
                target = lost / f"{path.stem}-{number}{path.suffix}"
            path.replace(target)
        sync_folder(lost)
        sync_folder(lost.parent)


def _remove(path: Path) -> None:
    """Remove incoming/, what it says of itself first."""
    if path.exists():
        with storage(path, "remove"):
            (path / "state.json").unlink(missing_ok=True)
            sync_folder(path)
            shutil.rmtree(path)
            sync_folder(path.parent)
