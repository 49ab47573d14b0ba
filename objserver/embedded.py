"""objserver.open: the same client with the engine in this process and no server.

    Client -> frames -> door -> engine        all in the calling thread, one call at a time

Requests and replies take the form they have on a socket, so that arguments are values and results copies here as there,
and a program moves from a folder to a server by changing one line. A batch is one call's requests.

Promise: what holds for a server holds here: durable when a call returns, one process per folder, recovery at open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from objserver.client.blocking import Client
from objserver.client.core import Options as CallOptions
from objserver.client.transport import ExchangeTransport
from objserver.doors.codec import CODEC
from objserver.doors.native import Connection, exchange
from objserver.engine import Engine, Options, Outcome, Request

__all__ = ["Embedded", "open"]


class Embedded(Client):
    """A client of an engine in this process. Close it: that leaves nothing to replay at the next open."""

    def __init__(self, folder: Path, options: Options, on_output: Callable[[str], object] | None) -> None:
        self.engine = Engine.open(folder, codec=CODEC, time_ns=time.time_ns(), options=options)
        self._lock = threading.Lock()
        calls = CallOptions() if on_output is None else CallOptions(on_output=on_output)
        super().__init__(self._connect, calls)

    def _connect(self, timeout: float) -> ExchangeTransport:
        connection = Connection(self._statistics, entries=self.engine.entries, code=self.engine)

        def answer(data: bytes) -> bytes:
            with self._lock:  # two views of one client share the transport, two transports share the engine
                return exchange(connection, data, self._run_batch, lambda: self.engine.seq)

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
        with self._lock:
            self.engine.close()


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
