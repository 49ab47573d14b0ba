"""An engine with a handier voice: `eval` returns the value or raises what the snippet raised."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

from objserver.doors.codec import CODEC
from objserver.engine import Engine, Fault, Options, Outcome, Request, make_request
from objserver.engine.entries import CHECKPOINT, DIGEST, pack_digest
from objserver.engine.verify import verify


class Failed(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.type}: {fault.message}")
        self.fault = fault


class Bench:
    def __init__(self, folder: Path, options: Options | None = None) -> None:
        self.folder = folder
        self.options = options or Options()
        self.time_ns = 1_700_000_000_000_000_000
        self.engine = self._open()

    def _open(self) -> Engine:
        return Engine.open(self.folder, codec=CODEC, time_ns=self.time_ns, options=self.options)

    def run(self, *requests: Request) -> list[Outcome]:
        self.time_ns += 1_000_000
        return self.engine.run(requests, self.time_ns)

    def value(self, request: Request) -> Any:
        (outcome,) = self.run(request)
        value, fault, _, _ = outcome
        if fault is not None:
            raise Failed(fault)
        assert value is not None
        return CODEC.loads(value) if b'"$class"' not in value else orjson.loads(value)

    def eval(self, source: str, depth: int | None = None, /, **args: Any) -> Any:
        return self.value(make_request("eval", source, args, [], depth))

    def query(self, source: str, /, **args: Any) -> Any:
        return self.value(make_request("query", source, args))

    def call(self, path: str, /, *positional: Any, **args: Any) -> Any:
        return self.value(make_request("call", path, args, list(positional)))

    def tend(self) -> None:
        while self.engine.tend():
            pass

    def reopen(self) -> None:
        """Stop cleanly and open again."""
        self.engine.close()
        self.engine = self._open()

    def crash(self) -> None:
        """Lose everything that a killed process loses, and open again."""
        self.kill()
        self.engine = self._open()

    def crash_in_commit(self) -> None:
        """Crash in a checkpoint, after its DIGEST entry is in the log and before LMDB has it."""
        engine = self.engine
        engine._begin_checkpoint(engine._append(CHECKPOINT, b""))
        checkpoint = engine._checkpoint
        assert checkpoint is not None
        while checkpoint.slice():
            pass
        engine._append(DIGEST, pack_digest(checkpoint.seq, checkpoint.digest))
        engine.sync()
        self.crash()

    def end(self) -> None:
        """Kill it, and see that the folder is sound."""
        self.kill()
        report = verify(self.folder)
        assert report.sound, report.findings.kept

    def kill(self) -> None:
        """Give the folder up without a word to the log or the store."""
        engine = self.engine
        if engine._closed:
            return
        if engine._checkpoint is not None:
            engine._checkpoint.abandon()
        assert engine._store is not None and engine._log is not None
        engine._store.close()
        if engine._log._fd >= 0:
            os.close(engine._log._fd)
            engine._log._fd = -1
        engine._lock.release()
        engine._closed = True
