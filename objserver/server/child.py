"""The serving process: what a supervisor starts, `python -m objserver.server.child` with a plan on standard input.

    plan -> lock -> confine -> Engine.open -> serve_listeners -> status

    status 0              a clean stop
           STATUS_MACHINE a fault of the machine, said on standard error; to start again would not help
           STATUS_FAULT   memory, or a bug: the next process recovers what was acknowledged
           STATUS_AGAIN   what recovery took so much memory for is written: the next process serves

Everything is imported before the process is confined, and it is confined before the data are opened.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Final, NoReturn

import trio

from objserver.doors.codec import CODEC
from objserver.engine import Engine, Options
from objserver.engine.lock import FolderLock, describe_process
from objserver.errors import Diverged, ListenFailed, MachineError
from objserver.limits import KIB
from objserver.replication import Node, State, Target, prepare, stop_at_start, take_role

from .confine import Confinement, confine, die_with
from .culprits import Culprits
from .lifecycle import serve_listeners
from .listeners import Listener, resolve_targets
from .plan import Plan
from .pulse import Pulse
from .supervisor import STATUS_AGAIN, STATUS_FAULT, STATUS_MACHINE, THREAD_STACK_SIZE
from .watch import Watch

__all__ = ["main"]

# What took longer to replay is checkpointed before anybody is served.
REPLAY_SECONDS: Final = 1.0
# So is what took more of the memory than this: a checkpoint holds what it writes two or three times.
MEMORY_SHARE: Final = 0.25


def main() -> None:
    """Serve as the plan on standard input says, then end the process."""
    plan = Plan.load(sys.stdin.buffer.read())
    die_with(plan.supervisor)
    faulthandler.enable(all_threads=False)
    # The main thread's stack may grow far (limits.STACK_SIZE); others would each reserve as much.
    threading.stack_size(THREAD_STACK_SIZE)
    # Ctrl-C is the supervisor's; before the server is ready both signals end the process at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        status = _serve(plan)
    except MachineError as error:
        status = _end(f"Error: {error}", STATUS_MACHINE)
    except MemoryError:
        gc.collect()
        status = _end("out of memory", STATUS_FAULT)
    except BaseException:
        status = _end(traceback.format_exc(), STATUS_FAULT)
    _quit(status)


def _quit(status: int) -> NoReturn:
    """End at once: what is left to do is freeing memory."""
    sys.stdout.flush()
    os._exit(status)


def _serve(plan: Plan) -> int:
    folder = Path(plan.folder)
    lock = FolderLock(folder, describe_process(plan.supervisor))
    state = State.load(folder)
    take_role(state, folder, plan.follow)
    targets = _targets([*state.follow, *plan.follow])
    for line in prepare(folder, state):
        _tell(line)
    ports = sorted({where[1] for _, _, where in targets})
    confinement = confine(folder, connect_ports=ports) if plan.confined else Confinement()
    for line in confinement.missing:
        _tell(line)
    facts = {**plan.facts, "confinement": str(confinement)}
    began, before = time.monotonic(), _memory_size()
    try:
        engine = Engine.open(folder, codec=CODEC, time_ns=time.time_ns(), options=Options(**plan.options), lock=lock)
    except Diverged as error:
        if state.role == "leader":
            raise
        _tell(stop_at_start(state, folder, error.what))
        return STATUS_AGAIN
    try:
        crowded = _memory_size() - before > plan.memory_size * MEMORY_SHARE
        leads = state.role == "leader"  # a follower's checkpoints are its leader's
        # A leader with followers may hear that it is one no more: it is not to write what they lack before that.
        slow = time.monotonic() - began > REPLAY_SECONDS and state.cluster is None
        if leads and (plan.checkpoint_first or crowded or slow):
            # Now, and not between batches: the next end may come before that is done, and all this time again.
            engine.checkpoint()
        if leads and (plan.checkpoint_first or crowded):
            # With all that in memory, and what the allocator does not give back, an innocent snippet would meet the
            # bound. The next process has read nothing yet.
            return STATUS_AGAIN
        listeners = [Listener(socket.socket(fileno=fd), owned=False) for fd in plan.sockets]
        node = Node(
            engine, state, targets=targets, address=plan.address, sync_count=plan.sync_count,
            sync_seconds=plan.sync_count_seconds, tell=_tell,
        )  # fmt: skip
        watch = Watch(Pulse(plan.pulse), Culprits.load(folder), facts)
        trio.run(_serve_listeners, plan, engine, listeners, watch, node)
    finally:
        engine.close()
    return STATUS_AGAIN if node.ending else 0


def _targets(addresses: list[str]) -> list[Target]:
    """Return where these lead to. One that another node told, or whose name is unknown now, must not end the server."""
    found: dict[Target, None] = {}
    for address in addresses:
        try:
            found |= dict.fromkeys(resolve_targets([address]))
        except ListenFailed as error:
            _tell(f"not following {error}")
    return list(found)


def _memory_size() -> int:
    """Return the bytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


async def _serve_listeners(
    plan: Plan, engine: Engine, listeners: list[Listener], watch: Watch, node: Node
) -> None:
    try:
        await serve_listeners(
            engine,
            listeners,
            sync_seconds=plan.sync_seconds,
            own_process=True,
            memory_size=plan.memory_size,
            watch=watch,
            node=node,
        )
    except MemoryError:
        # Not by way of trio: it needs memory to end, and where it gets none its loop waits for ever.
        _quit(_end("out of memory", STATUS_FAULT))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(text: str, status: int) -> int:
    print(text.rstrip(), file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    main()
