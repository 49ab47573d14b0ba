"""The life of a server: open the engine, listen, serve, stop.

    serve            resolve addresses -> Engine.open -> listen -> serve_listeners      beside other things
    child            Engine.open -----------------> inherited sockets -> serve_listeners   `objserver serve`
    serve_listeners  "ready ..." -> reactor
                                      ^
    SIGTERM or SIGINT ----------------'   stop accepting, answer, close

Until it is ready a signal ends the process at once. Nothing is lost that way at any time: what was acknowledged
is in the log.
"""

from __future__ import annotations

import gc
import resource
import signal
import sys
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path
from types import FrameType
from typing import Final

import trio

from objserver.doors.codec import CODEC
from objserver.engine import Engine, Options
from objserver.limits import CONNECTIONS_MAX, FEEDS_MAX
from objserver.replication import Node, State

from .listeners import Listener, advertised, open_listeners, resolve
from .reactor import Reactor
from .watch import Watch

__all__ = ["serve", "serve_listeners"]

# Descriptors kept for everything that is no client: log, LMDB, epoll, trio, listeners, followers.
FILES_RESERVED_COUNT: Final = 64 + FEEDS_MAX

OLDEST_GENERATION: Final = 2

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def serve(
    folder: Path,
    listen: Sequence[str],
    options: Options,
    *,
    sync_seconds: float = 0.1,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the objects in `folder` until cancelled, in a process that may do other things beside.

    What `objserver serve` has in addition, a supervisor, a watchdog and confinement, needs a process of its own.
    Prints one line on standard output when clients can connect: `ready ADDRESS... seq=N`. Everything else it has
    to say goes to standard error.

    Args:
        folder: made if it is missing.
        listen: addresses, as `resolve` reads them.
        sync_seconds: how late a batch may be synced when the durability is "interval".
        task_status: `started` with the addresses as they are, real ports in them.
    Raises:
        ListenFailed: an address is in use or may not be served.
        MachineError: the folder can't be served, or not any more. No reply has left that is not kept.
        MemoryError: the machine has no more; no reply has left that is not kept.
    """
    addresses = [resolve(text) for text in listen]
    engine = Engine.open(folder, codec=CODEC, time_ns=time.time_ns(), options=options)
    try:
        listeners = open_listeners(addresses)
        node = Node(engine, State.load(folder), address=advertised(listener.name for listener in listeners), tell=_tell)
        await serve_listeners(engine, listeners, sync_seconds=sync_seconds, node=node, task_status=task_status)
    finally:
        engine.close()


async def serve_listeners(
    engine: Engine,
    listeners: Sequence[Listener],
    *,
    sync_seconds: float,
    own_process: bool = False,
    memory_size: int | None = None,
    watch: Watch | None = None,
    node: Node | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve an open engine on sockets that listen, which it closes; the engine stays the caller's.

    Args:
        own_process: the process is this server's: SIGTERM and SIGINT stop it, and its collector and its limit of
            open files are set. Needs the main thread.
        memory_size: bytes of memory this process may take from now on; a snippet that wants more ends it.
        watch, node: see `Reactor`.
    Raises:
        MachineError, MemoryError: as `serve`.
    """
    for note in engine.notes:
        _tell(note)
    names = [listener.name for listener in listeners]
    connections_max = _connections_max(raise_limit=own_process)
    delay = sync_seconds if engine.options.durability == "interval" else inf
    reactor = Reactor(
        engine, listeners, sync_seconds=delay, connections_max=connections_max, watch=watch, node=node, warn=_tell
    )
    if own_process:
        _tame_collector()
        _stop_on_signals(reactor)
    if memory_size is not None:
        # Of data: the map of LMDB is address space of another kind, and larger than any memory.
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_size, most))
    print("ready", *names, f"seq={engine.seq}", flush=True)
    task_status.started(names)
    await reactor.run()


def _stop_on_signals(reactor: Reactor) -> None:
    token = trio.lowlevel.current_trio_token()

    def stop(signum: int, frame: FrameType | None) -> None:
        # Whoever stops a whole group of processes sends one here, and the supervisor passes its own on. A second one
        # that means "at once" is the supervisor's: it can end even a process that is busy inside C.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        token.run_sync_soon(reactor.stop)

    for number in STOP_SIGNALS:
        signal.signal(number, stop)


def _tame_collector() -> None:
    """Let the garbage collector look at what is new only.

    The heap keeps its objects itself, in a table, until it evicts them, so a walk over all of them finds nothing.
    With 240,000 objects such walks paused the server 320 ms and took half of the time of creating them; now the
    longest one takes some 5 ms. What outlives a walk and becomes a cycle later (an old version of a class) stays.
    """

    def freeze(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == OLDEST_GENERATION:
            gc.freeze()

    gc.callbacks.append(freeze)
    gc.collect()
    gc.set_threshold(700, 5, 1)  # the last two bound what a walk over the oldest has to look at: some 8,000 objects


def _connections_max(*, raise_limit: bool) -> int:
    """How many clients there are descriptors for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + FILES_RESERVED_COUNT
    if raise_limit and soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return CONNECTIONS_MAX
    _tell(f"the limit of {soft} open files leaves room for {soft - FILES_RESERVED_COUNT} clients; raise it (ulimit -n)")
    return max(1, soft - FILES_RESERVED_COUNT)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
