"""A server as a process: how it says that it is ready, how it stops, and what it says when it can't go on."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from objserver.cli.serve import serve as serve_command
from objserver.engine import Options
from objserver.limits import MIB
from objserver.server import serve
from objserver.wire import ErrorCode

from .conftest import SECONDS_MAX, BlockingPeer, Process, open_stream

Spawn = Callable[..., Process]
Connect = Callable[[str], BlockingPeer]

PIPELINE = [("eval", {"source": "count = 0"})] + [("eval", {"source": "count += 1; count"})] * 1000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_answers_what_has_arrived_and_ends_with_status_0(
    spawn: Spawn, connect: Connect, number: signal.Signals
) -> None:
    server = spawn()
    [name] = server.wait_ready()
    idle, peer = connect(name), connect(name)
    peer.send(*PIPELINE)
    server.signal(number)
    assert [reply.value for reply in peer.replies()] == [None, *range(1, 1001)]
    assert idle.replies() == []
    status, out, err = server.wait_ended()
    assert (status, out) == (0, "")
    assert "Traceback" not in err


def test_what_was_acknowledged_is_there_after_a_stop_and_after_a_kill(spawn: Spawn, connect: Connect) -> None:
    for number, expected in [(signal.SIGTERM, 1), (signal.SIGKILL, 2), (signal.SIGTERM, 3)]:
        server = spawn()
        [name] = server.wait_ready()
        peer = connect(name)
        if expected == 1:
            peer.value("count = 0")
        assert peer.value("count += 1; count") == expected
        server.signal(number)
        assert peer.replies() == []
        assert server.wait_ended()[0] == (0 if number == signal.SIGTERM else -signal.SIGKILL)


def test_second_signal_ends_the_process_at_once(spawn: Spawn, connect: Connect) -> None:
    """The first one waits for a client that does not take its replies."""
    server = spawn()
    [name] = server.wait_ready()
    peer, other = connect(name), connect(name)
    other.value("text = 'x' * 8_000_000")
    peer.send(*[("eval", {"source": "text"})] * 3)
    server.signal(signal.SIGTERM)
    assert other.replies() == []  # the first signal was taken
    server.signal(signal.SIGTERM)
    status, _, err = server.wait_ended()
    assert status == -signal.SIGTERM
    assert "Traceback" not in err


def test_ready_line_names_every_address_and_the_log_position(spawn: Spawn, connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = spawn("--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    names = server.wait_ready()
    assert names[1] == f"unix:{path}"
    for name in names:
        peer = connect(name)
        assert peer.value("40 + 2") == 42
    server.signal(signal.SIGTERM)
    assert server.wait_ended()[0] == 0
    assert not path.exists()


def test_second_process_on_the_folder_is_refused_and_the_first_goes_on(spawn: Spawn, connect: Connect) -> None:
    first = spawn()
    [name] = first.wait_ready()
    status, out, err = spawn().wait_ended()
    assert (status, out) == (1, "")
    [line] = err.splitlines()
    assert str(first.popen.pid) in line
    peer = connect(name)
    assert peer.value("1 + 1") == 2


def test_address_in_use_is_one_clear_line(spawn: Spawn, tmp_path: Path) -> None:
    [name] = spawn().wait_ready()
    status, out, err = spawn("--listen", name, folder=tmp_path / "other").wait_ended()
    assert (status, out) == (1, "")
    [line] = [line for line in err.splitlines() if line.startswith("Error")]
    assert f"{name} is in use" in line
    assert "Traceback" not in err


def test_address_that_other_machines_reach_is_refused_before_the_folder_is_touched(
    spawn: Spawn, tmp_path: Path
) -> None:
    status, out, err = spawn("--listen", "0.0.0.0:0").wait_ended()
    assert (status, out) == (2, "")
    assert "without principals" in err.splitlines()[-1]
    assert not (tmp_path / "data").exists()


def test_folder_that_is_no_folder_is_one_clear_line(spawn: Spawn, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    status, out, err = spawn(folder=file / "data").wait_ended()
    assert (status, out) == (1, "")
    [line] = err.splitlines()
    assert str(file) in line


def test_machine_that_refuses_a_write_stops_the_server_before_it_replies(spawn: Spawn, connect: Connect) -> None:
    """From a moment on the kernel lets the process write no file; the change in flight is not acknowledged."""
    server = spawn()
    [name] = server.wait_ready()
    peer = connect(name)
    peer.value("x = 1")
    resource.prlimit(server.server_pid(), resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    peer.send(("eval", {"source": "x"}), ("eval", {"source": "x = 2"}))
    assert peer.replies() == []
    status, out, err = server.wait_ended()
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    assert err.startswith("Error: ")
    again = spawn()
    [name] = again.wait_ready()
    other = connect(name)
    assert other.value("x") == 1


def test_clients_beyond_the_open_files_are_told_so(spawn: Spawn, connect: Connect) -> None:
    server = spawn(before=["bash", "-c", 'ulimit -n 134; exec "$@"', "bash"])
    [name] = server.wait_ready()
    peers = [connect(name) for _ in range(6)]
    for peer in peers:
        assert peer.value("1 + 1") == 2
    refused = connect(name)
    [reply] = refused.replies()
    assert reply.error is not None
    assert reply.error.code == ErrorCode.OVERLOADED
    server.signal(signal.SIGTERM)
    status, _, err = server.wait_ended()
    assert status == 0
    assert "leaves room for 6 clients" in err


@pytest.mark.parametrize("durability", ["always", "interval", "none"])
def test_every_durability_serves_and_keeps(spawn: Spawn, connect: Connect, durability: str) -> None:
    for expected in (1, 2):
        server = spawn("--durability", durability, "--sync-ms", "1")
        [name] = server.wait_ready()
        peer = connect(name)
        if expected == 1:
            peer.value("count = 0")
        assert peer.value("count += 1; count") == expected
        server.signal(signal.SIGTERM)
        assert server.wait_ended()[0] == 0


def test_help_names_every_option_with_its_default() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "objserver", "serve", "--help"], capture_output=True, text=True, timeout=SECONDS_MAX
    )
    assert done.returncode == 0
    for option in (
        "--data", "--listen", "--durability", "--sync-ms", "--cache-mb", "--fuel", "--checkpoint-mb",
        "--checkpoint-seconds", "--snippet-seconds", "--memory-mb", "--no-confine",
    ):  # fmt: skip
        assert option in done.stdout
    assert "127.0.0.1:7707" in done.stdout


def test_defaults_of_the_command_are_those_of_the_engine() -> None:
    """The command states them itself, so that its help does not wait for the engine to be imported."""
    defaults: dict[str | None, Any] = {option.name: option.default for option in serve_command.params}
    assert Options() == Options(
        durability=defaults["durability"],
        checkpoint_seconds=defaults["checkpoint_seconds"],
        fuel=defaults["fuel"],
        cache_size=defaults["cache_mb"] * MIB,
        checkpoint_size=defaults["checkpoint_mb"] * MIB,
    )


@pytest.mark.trio
async def test_server_in_a_nursery_tells_where_it_listens_and_ends_when_cancelled(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    for _ in range(2):  # the second one finds the folder free
        async with trio.open_nursery() as inner:
            [name] = await inner.start(serve, tmp_path / "data", ["127.0.0.1:0"], Options(durability="none"))
            stream = await open_stream(name)
            inner.cancel_scope.cancel()
        await stream.aclose()
