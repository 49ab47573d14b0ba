"""A heap on a real store, without language or log: what the engine does around a snippet, by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

from objserver.heap import Dict, Heap, List
from objserver.store import Store


class Definition:
    def __init__(self, codes: dict[tuple[str, int], CodeType]) -> None:
        self.codes = codes
        self.nonlocals: frozenset[str] = frozenset()


def compile_definition(source: str, name: str, filename: str, *, generated: bool = False) -> Definition:
    codes: dict[tuple[str, int], CodeType] = {}

    def collect(code: CodeType) -> None:
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                codes[constant.co_qualname, constant.co_firstlineno] = constant
                collect(constant)

    collect(compile(source, filename, "exec"))
    return Definition(codes)


class Host:
    """Runs functions on a heap as if each were a snippet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next_oid: dict[str, int] = {}
        self._open()

    def _open(self) -> None:
        self.store = Store(self.folder / "heap")
        self.heap = Heap(self.store, compile_definition=compile_definition, **self.next_oid)
        self.heap.use_builtins({"len": len, "list": List, "dict": Dict, "__name__": "cell"})

    def run(self, snippet: Callable[[Any], Any]) -> Any:
        """Call `snippet` with the root and let its changes stay; roll back when it raises."""
        try:
            value = snippet(self.heap.root)
            self.heap.adopt()
        except BaseException:
            self.heap.rollback()
            raise
        self.heap.commit()
        return value

    def __getitem__(self, name: str) -> Any:
        return self.heap.value_of(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.run(lambda root: root.__setitem__(name, value))

    def define(self, source: str, name: str) -> Any:
        """Define a class or function at cell level."""
        definitions = self.heap.definitions
        kind = "class" if source.lstrip().startswith("class") else "function"
        text = source
        if kind == "class":
            head, _, rest = source.partition(":")
            head = head[:-1] + ", metaclass=rootclass)" if head.endswith(")") else head + "(metaclass=rootclass)"
            text = head + ":" + rest
        namespace = self.heap.root.namespace

        def snippet(root: Any) -> Any:
            found: dict[str, Any] = {}
            namespace["rootclass"] = definitions.root_class
            builtins = namespace["__builtins__"]
            namespace["__builtins__"] = __builtins__
            try:
                exec(compile(text, "<cell>", "exec"), namespace, found)
            finally:
                namespace["__builtins__"] = builtins
                del namespace["rootclass"]
            return definitions.define(name, source, 1, kind)(found[name])

        return self.run(snippet)

    def checkpoint(self) -> int:
        """Write what changed to the store; return the number of records."""
        frozen = self.heap.frozen
        frozen.begin()
        self.next_oid = {"next_oid": self.heap.next_oid}
        writer = self.store.writer()
        count = 0
        while records := frozen.slice(10, 10_000):
            writer.put(records)
            count += len(records)
        while (records := frozen.reclaim_slice()) is not None:
            writer.put(records)
        writer.commit(b"mark")
        frozen.settle()
        return count

    def evict(self) -> None:
        """Make ghosts of everything that can be one."""
        while self.heap.evict(0):
            pass

    def reopen(self) -> None:
        """Checkpoint, close and open again."""
        self.checkpoint()
        self.store.close()
        self._open()

    def close(self) -> None:
        self.store.close()
