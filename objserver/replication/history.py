"""History: what of a log another history lacks, written down before it goes.

    log, entries A to B -> lost/entries-A-B.jsonl, a line each, as `objserver log` shows them
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import orjson

from ..engine import Engine
from ..errors import StorageFailed
from ..store import sync_folder

__all__ = ["save_lost"]

FOLDER_NAME: Final = "lost"
_COUNT: Final = 1_000


def save_lost(engine: Engine, seq: int) -> Path | None:
    """Write the entries after `seq` that changed something to a file for the operator; on disk when this returns.

    Returns: the file, None when there is no such entry.
    Raises:
        StorageFailed: nothing is to be cut.
    """
    first = max(seq + 1, engine.log.first_seq)
    last = engine.seq
    folder = engine.folder / FOLDER_NAME
    path = folder / f"entries-{seq + 1}-{last}.jsonl"
    unfinished = path.with_name(path.name + ".new")
    count = 0
    try:
        folder.mkdir(exist_ok=True)
        with unfinished.open("wb") as file:
            while first <= last:
                entries = engine.entries(first, _COUNT)
                for entry in entries:
                    if entry["snippets"]:
                        file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
                        count += 1
                first = entries[-1]["seq"] + 1
            file.flush()
            os.fsync(file.fileno())
        if not count:
            unfinished.unlink()
            return None
        unfinished.replace(path)
        sync_folder(folder)
    except OSError as error:
        raise StorageFailed.of(path, "write", error) from error
    return path
