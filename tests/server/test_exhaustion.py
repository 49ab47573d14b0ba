"""Nothing that a snippet does keeps the server from answering others, or leaves a trace when it does not succeed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable

import pytest

import objserver
from objserver.client import ConnectionLost, RemoteError

from .conftest import SECONDS_MAX, Process
from .corpus_exhaustion import ATTEMPTS, UNREACHED

Spawn = Callable[..., Process]

SNIPPET_SECONDS = 1

WITNESS = {"a": [1, 2, {"b": 3}], "c": "d" * 100}
KEPT = {"witness", "touched"}


def attempt_all(spawn: Spawn, names: Iterable[str], seconds_max: float) -> int:
    """Make the attempts on one server, each on a connection of its own; return how often it was ended."""
    server = spawn(
        "--snippet-seconds", str(SNIPPET_SECONDS), "--memory-mb", "512", "--fuel", "1000000", "--durability", "none"
    )
    [address] = server.wait_ready()
    with objserver.connect(address, timeout=SECONDS_MAX) as db:
        db.eval("witness = w; touched = []", w=WITNESS)
    for name in names:
        # What succeeds has touched it, what does not has not.
        source = f"touched.append({name!r})\n{ATTEMPTS[name]}"
        with objserver.connect(address, timeout=seconds_max) as db:
            try:
                db.eval(source)
                touched = True
            except (RemoteError, ConnectionLost):
                touched = False
        with objserver.connect(address, timeout=SECONDS_MAX) as db:
            assert db.query("[witness, touched]") == [WITNESS, [name] if touched else []], name
            for root in sorted(db.stats()["roots"].keys() - KEPT):
                db.eval(f"del {root}")
            db.eval("touched.clear()")
    with objserver.connect(address, timeout=SECONDS_MAX) as db:
        restarts = db.stats()["restarts"]
    server.signal(signal.SIGTERM)
    status, _, err = server.wait_ended()
    assert status == 0
    assert "Traceback" not in err
    assert type(restarts) is int
    return restarts


def test_attempts_to_exhaust_the_server_end_and_leave_the_heap_whole(spawn: Spawn) -> None:
    """All that fuel or a bound reaches, and some that the supervisor has to end, since each of them takes seconds."""
    names = [name for name in ATTEMPTS if name not in UNREACHED] + sorted(UNREACHED)[::7]
    assert len(names) > 60
    assert attempt_all(spawn, names, SECONDS_MAX) >= 1


@pytest.mark.long
def test_every_attempt_to_exhaust_the_server_ends_within_twice_its_time(spawn: Spawn) -> None:
    attempt_all(spawn, ATTEMPTS, 2 * SNIPPET_SECONDS)
