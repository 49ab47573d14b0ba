"""`python -m benchmarks.zodb_objects KIND FOLDER COUNT store|load`: ZODB's part of `footprint`, a process of its own.

`store` keeps the objects in a FileStorage and packs it. `load` reads them all and prints, as JSON, what
`footprint.WALK` computes and how many bytes of memory they took.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import transaction
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZODB import DB
from ZODB.FileStorage import FileStorage

from benchmarks.documents import BATCH_COUNT
from benchmarks.footprint import content
from benchmarks.servers import resident


class User(Persistent):
    def __init__(self, id: str, name: str, age: int, email: str, active: bool) -> None:
        self.id = id
        self.name = name
        self.age = age
        self.email = email
        self.active = active


def main(kind: str, folder: Path, count: int, step: str) -> None:
    # Its cache is counted in objects.
    db = DB(FileStorage(str(folder / "Data.fs"), pack_keep_old=False), cache_size=2 * count + 1000)
    root = db.open().root()
    if step == "store":
        root["kept"] = kept = OOBTree()
        for number in range(count):
            kept[str(number)] = made(kind, number)
            if number % BATCH_COUNT == 0:
                transaction.commit()
        transaction.commit()
        db.pack()
    else:
        before = resident("self")["anonymous"]
        kept = root["kept"]
        if kind == "dict":
            found = sum(one["age"] for one in kept.values())
        elif kind == "list":
            found = sum(one[9] for one in kept.values())
        else:
            found = sum(one.age for one in kept.values())
        print(json.dumps({"sum": found, "memory": resident("self")["anonymous"] - before}))
    db.close()


def made(kind: str, number: int) -> Any:
    held = content(kind, number)
    if kind == "list":
        return PersistentList(held)
    return PersistentMapping(held) if kind == "dict" else User(**held)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
