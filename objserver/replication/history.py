"""History: what of a log another history lacks, written down before it goes.

    log, entries A to B -> lost/entries-A-B.jsonl, a line each, as `objserver log` shows them, with every text of code

The text of a code stands in the first entry that runs it after a CHECKPOINT, which may be one that both histories have.

Promise: the file is there, whole, before anything is cut, and none that was written before is replaced by another
(tests/replication/test_history.py).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from ..engine import Engine
from ..engine.entries import BATCH, CHECKPOINT, describe_entry, unpack_batch
from ..errors import DataDamaged, StorageFailed
from ..store import sync_folder

__all__ = ["save_lost"]

FOLDER_NAME: Final = "lost"
_COMPARED_SIZE: Final = 1024 * 1024


def save_lost(engine: Engine, seq: int) -> Path | None:
    """Write the entries after `seq` that changed something to a file for the operator; on disk when this returns.

    Returns: the file, None when there is no such entry.
    Raises:
        StorageFailed: nothing is to be cut.
    """
    folder = engine.folder / FOLDER_NAME
    name = f"entries-{seq + 1}-{engine.seq}"
    unfinished = folder / f"{name}.jsonl.new"
    count = 0
    try:
        folder.mkdir(exist_ok=True)
        with unfinished.open("wb") as file:
            texts = _texts(engine, seq)
            for entry in engine.log.entries(max(seq + 1, engine.log.first_seq)):
                if entry.kind == CHECKPOINT:
                    texts.clear()
                elif entry.kind == BATCH:
                    file.write(orjson.dumps(describe_entry(entry, texts), option=orjson.OPT_APPEND_NEWLINE))
                    count += 1
            file.flush()
            os.fsync(file.fileno())
        if not count:
            unfinished.unlink()
            return None
        path, number = folder / f"{name}.jsonl", 1
        while path.exists() and not _is_same(path, unfinished):
            number += 1
            path = folder / f"{name}-{number}.jsonl"
        unfinished.replace(path)
        sync_folder(folder)
        sync_folder(engine.folder)
    except OSError as error:
        raise StorageFailed.of(unfinished, "write", error) from error
    return path


def _texts(engine: Engine, seq: int) -> dict[bytes, str]:
    """Return the texts of code that entries after `seq` may refer to, as far as the log can be read."""
    texts: dict[bytes, str] = {}
    with suppress(DataDamaged):
        for entry in engine.log.entries(engine.log.first_seq):
            if entry.seq > seq:
                break
            if entry.kind == CHECKPOINT:
                texts.clear()
            elif entry.kind == BATCH:
                texts.update(unpack_batch(entry.payload)[1])
    return texts


def _is_same(one: Path, other: Path) -> bool:
    """Whether two files hold the same: it was written before, by a process that was killed then. Raises OSError."""
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            here, there = first.read(_COMPARED_SIZE), second.read(_COMPARED_SIZE)
            if here != there:
                return False
            if not here:
                return True
