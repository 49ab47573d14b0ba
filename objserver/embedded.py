"""objserver.open: the same client with the engine in this process and no server.

    Client -> frames -> [worker: door -> engine]        one call at a time

The engine has a thread of its own, because only so it has the stack that the server's has: the C code of Python frees
nests of iterators and the like by recursion, and 8 MiB are used up by some 100,000 of them. Ctrl-C ends the waiting
for a call, not the call.

Requests and replies take the form they have on a socket, so that arguments are values and results copies here as there,
and a program moves from a folder to a server by changing one line. A batch is one call's requests.

Promise: what holds for a server holds here: durable when a call returns, one process per folder, recovery at open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from typing import Any, Final

from objserver.client.blocking import Client
from objserver.client.core import Options as CallOptions
from objserver.client.transport import Address, ExchangeTransport
from objserver.doors.codec import CODEC
from objserver.doors.native import Connection, exchange
from objserver.engine import Engine, Options, Outcome, Request
from objserver.limits import MIB, STACK_SIZE

__all__ = ["Embedded", "open"]

STACK_SIZE_MIN: Final = 4 * MIB


class Embedded(Client):
    """A client of an engine in this process. Close it: that leaves nothing to replay at the next open."""

    def __init__(self, folder: Path, options: Options, on_output: Callable[[str], object] | None) -> None:
        self._worker = _start_worker()
        try:
            self.engine = self._worker.submit(
                Engine.open, folder, codec=CODEC, time_ns=time.time_ns(), options=options
            ).result()
        except BaseException:
            self._worker.shutdown()
            raise
        self.engine.want_checkpoint()  # what was replayed would be again
        calls = CallOptions() if on_output is None else CallOptions(on_output=on_output)
        self._closed = False
        super().__init__(self._connect, calls)

    def _connect(self, address: Address, timeout: float) -> ExchangeTransport:
        connection = Connection(self._statistics, entries=self.engine.entries, keeper=self.engine)

        def answer(data: bytes) -> bytes:
            # Two views of one client share the transport, two transports share the engine: the worker is one thread.
            return self._worker.submit(
                exchange, connection, data, self._run_batch, lambda: self.engine.seq
            ).result()

        return ExchangeTransport(answer, connection.receive_end)

    def _run_batch(self, batch: Sequence[Request]) -> Sequence[Outcome]:
        outcomes = self.engine.run(batch, time.time_ns())
        # No reactor does it between batches here: a slice of checkpoint or eviction beside each call.
        self.engine.tend()
        return outcomes

    def _statistics(self) -> dict[str, object]:
        return self.engine.statistics()

    def close(self) -> None:
        """Stop the engine cleanly and give the folder back, for all views of it. A second call does nothing."""
        super().close()
        if not self._closed:
            self._closed = True
            try:
                self._worker.submit(self.engine.close).result()
            finally:
                self._worker.shutdown()


def _start_worker() -> ThreadPoolExecutor:
    """Return one thread with a stack of STACK_SIZE, or of what the process may have."""
    before, size = threading.stack_size(), STACK_SIZE
    while True:
        worker = ThreadPoolExecutor(1, "objserver")
        try:
            threading.stack_size(size)
            worker.submit(int).result()
            return worker
        except RuntimeError:  # no thread of that size
            size //= 4
            if size < STACK_SIZE_MIN:
                raise
        finally:
            threading.stack_size(before)


def open(
    folder: str | PathLike[str], *, on_output: Callable[[str], object] | None = None, **options: Any
) -> Embedded:
    """Open a data folder in this process, made if missing.

    Args:
        on_output: gets what snippets print; unless given, it goes to `sys.stdout`.
        options: of the engine, such as durability="none" (objserver.engine.Options).
    Raises:
        MachineError: another process has the folder, or it is damaged; the text says what to do.
    """
    return Embedded(Path(folder), Options(**options), on_output)
