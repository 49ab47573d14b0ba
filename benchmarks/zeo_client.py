"""A client of ZEO for the benchmarks side by side: it runs the procedures as transactions on persistent objects.

    {"do": "run", ...} on standard input --> {"by_call": [...], "latencies_us": [...], ...} on standard output

Roots are what a user of ZODB would take: documents are persistent mappings in a B-tree, a list or a queue that many
clients change is a B-tree by number. A transaction that meets another one's change is run again until it succeeds, and
counts once.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

import transaction
from BTrees.IOBTree import IOBTree
from BTrees.OOBTree import OOBTree
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from ZEO.ClientStorage import ClientStorage
from ZODB import DB
from ZODB.POSException import ConflictError

from benchmarks import procedures
from benchmarks.work import filled, has

# Room for all the data, in the storage's cache and among the objects: the others have theirs in memory, too.
CACHE_SIZE, CACHE_COUNT = 256 << 20, 200_000


class Sequence:
    """A B-tree by number with the methods of a deque that the procedures use."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree

    def append(self, entry: object) -> None:
        self._tree[self._tree.maxKey() + 1 if self._tree else 0] = entry

    def popleft(self) -> object:
        return self._tree.pop(self._tree.minKey())

    def __len__(self) -> int:
        return len(self._tree)


class Ranking:
    """A B-tree by number with the methods of a SortedDict that the procedures use."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self.irange = tree.keys

    def __getitem__(self, key: int) -> object:
        return self._tree[key]

    def __len__(self) -> int:
        return len(self._tree)


def persistent(value: Any) -> Any:
    """The same of persistent objects, so that a change deep in it is noticed."""
    if isinstance(value, dict):
        return PersistentMapping({name: persistent(one) for name, one in value.items()})
    return PersistentList(map(persistent, value)) if isinstance(value, list) else value


class Session:
    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._manager = transaction.TransactionManager(explicit=False)
        storage = ClientStorage((host, int(port)), cache_size=CACHE_SIZE, wait=True, wait_timeout=60)
        self._database = DB(storage, cache_size=CACHE_COUNT)
        self._root = self._database.open(self._manager).root()

    def close(self) -> None:
        self._manager.abort()
        self._database.close()

    def answer(self, order: dict[str, Any]) -> Any:
        do = {"reset": self._reset, "make": self._make, "fill": self._fill, "totals": self._totals, "run": self._run}
        return do[order.pop("do")](**order)

    def _bind(self) -> None:
        """Give the procedures their roots, as they are in the transaction that begins now."""
        self._manager.begin()
        for name, (kind, tree) in self._root.items():
            wrap = {"documents": lambda tree: tree, "sequence": Sequence, "sorted": Ranking}[kind]
            setattr(procedures, name, wrap(tree))

    def _reset(self, **_: object) -> None:
        self._manager.begin()
        self._root.clear()
        self._manager.commit()

    def _make(self, root: str, kind: str, **_: object) -> None:
        self._manager.begin()
        self._root[root] = kind, OOBTree() if kind == "documents" else IOBTree()
        self._manager.commit()

    def _fill(self, root: str, entries: dict[str, Any], **_: object) -> None:
        self._manager.begin()
        kind, tree = self._root[root]
        for key, entry in entries.items():
            tree[key if kind == "documents" else int(key)] = persistent(entry)
        self._manager.commit()

    def _totals(self, expression: str, **_: object) -> Any:
        self._bind()
        return eval(expression, vars(procedures))

    def _run(
        self, calls: list[Any], keys: str, order: str, seconds: float, part: int, parts: int, seed: int
    ) -> dict[str, Any]:
        lines, draw = Path(keys).read_text().splitlines(), random.Random(seed)
        by_call, latencies = [0] * len(calls), []
        self._bind()
        start = now = time.perf_counter()
        at = part
        while now - start < seconds or len(latencies) < len(calls):
            which = len(latencies) % len(calls)
            function, arguments, expect = calls[which]
            key = lines[at % len(lines)] if order == "sequential" else draw.choice(lines)
            given = [filled(text, key) for text in arguments]
            while True:
                self._manager.begin()
                try:
                    reply = getattr(procedures, function)(*given)
                    if expect and not has(reply, filled(expect, key)):
                        raise ValueError(f"{function} of {key!r} returned {reply!r}")
                    self._manager.commit()
                    break
                except ConflictError:
                    self._manager.abort()
            before, now = now, time.perf_counter()
            latencies.append(round((now - before) * 1e6))
            by_call[which] += 1
            at += parts
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "by_call": by_call,
            "seconds": now - start,
            "latencies_us": latencies,
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }


def main() -> None:
    session = Session(sys.argv[1])
    print("null", flush=True)
    for line in sys.stdin:
        try:
            answer = session.answer(json.loads(line))
        except Exception as failure:
            answer = {"failure": f"{type(failure).__name__}: {failure}"}
        print(json.dumps(answer), flush=True)
    session.close()


if __name__ == "__main__":
    main()
