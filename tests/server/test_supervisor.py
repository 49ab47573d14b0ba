"""The supervisor: the server is back when it ends, whatever ended it, and what ended it does not come again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import objserver
from objserver.client import ConnectionLost
from objserver.server.culprits import FILE

from .conftest import SECONDS_MAX, BlockingPeer, Process

Spawn = Callable[..., Process]
Connect = Callable[[str], BlockingPeer]

# Paths through it: 2^60, and C looks at each.
ENDLESS = """
count += 1
_t = _u = ()
for _ in range(depth):
    _t, _u = (_t, _t), (_u, _u)
_t == _u
"""
GREEDY = "count += 1\nl = []\nfor i in range(10_000): l.append('x' * 10_000_000 + str(i))"


def db(name: str) -> objserver.Client:
    return objserver.connect(name, timeout=SECONDS_MAX)


def wait_gone(pid: int) -> None:
    """Until no process has this number any more."""
    try:
        with os.fdopen(os.pidfd_open(pid)) as descriptor:
            import select

            assert select.select([descriptor], [], [], SECONDS_MAX)[0]
    except ProcessLookupError:
        pass


def processor_ticks(pid: int) -> int:
    """Processor time of a process, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[11])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_server_that_dies_is_back_on_the_same_sockets(spawn: Spawn, tmp_path: Path, number: signal.Signals) -> None:
    path = tmp_path / "socket"
    supervisor = spawn("--listen", "127.0.0.1:0", "--listen", f"unix:{path}")
    for name in supervisor.wait_ready():
        with db(name) as client:
            client.eval("count = 7")
            before = supervisor.server_pid()
            os.kill(before, number)
            wait_gone(before)
        with db(name) as client:  # it stands in the backlog until the server is back
            assert client.query("count") == 7
    with db(name) as client:
        stats = client.stats()
    assert stats["restarts"] == 2
    assert stats["culprits"] == 0
    supervisor.signal(signal.SIGTERM)
    status, out, _ = supervisor.wait_ended()
    assert (status, out) == (0, "")
    assert not path.exists()


def test_snippet_that_never_ends_is_ended_and_refused_when_it_comes_again(spawn: Spawn) -> None:
    """It loops in C, where nothing polls: no handler, no other thread of the process runs meanwhile."""
    supervisor = spawn("--snippet-seconds", "0.5")
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("count = 1")
        with pytest.raises(ConnectionLost):
            client.eval(ENDLESS, depth=40)
    with db(name) as client:
        assert client.query("count") == 1
        with pytest.raises(objserver.RemoteError, match="this snippet ended the server at .* longer than 0.5 s"):
            client.eval(ENDLESS, depth=40)
        # With other arguments it is another request, and what it did is undone or kept as ever.
        with pytest.raises(objserver.RemoteError, match="ZeroDivisionError"):
            client.eval(ENDLESS + "\n1 / 0", depth=3)
        assert client.eval(ENDLESS + "\ncount", depth=3) == 2
        stats = client.stats()
        assert (stats["restarts"], stats["culprits"], stats["culprits_refused"]) == (1, 1, 1)
    supervisor.signal(signal.SIGTERM)
    status, _, err = supervisor.wait_ended()
    assert status == 0
    assert "for _ in range(depth)" in err, "the operator sees what it was"


def test_what_ended_the_server_is_remembered_by_the_next_start(spawn: Spawn) -> None:
    for restarts in (1, 0):
        supervisor = spawn("--snippet-seconds", "0.5")
        [name] = supervisor.wait_ready()
        with db(name) as client:
            if restarts:
                client.eval("count = 1")
                with pytest.raises(ConnectionLost):
                    client.eval(ENDLESS, depth=40)
        with db(name) as client:
            with pytest.raises(objserver.RemoteError, match="this snippet ended the server"):
                client.eval(ENDLESS, depth=40)
            assert client.stats()["restarts"] == restarts
        supervisor.signal(signal.SIGTERM)
        assert supervisor.wait_ended()[0] == 0


def test_one_of_many_in_a_batch_is_the_one_that_is_refused(spawn: Spawn, connect: Connect) -> None:
    supervisor = spawn("--snippet-seconds", "0.5")
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("count = 1; log = []")
    many: list[tuple[str, dict[str, object]]] = [
        ("eval", {"source": "log.append(n); n", "args": {"n": n}}) for n in range(50)
    ]
    many[30] = ("eval", {"source": ENDLESS, "args": {"depth": 40}})
    peer = connect(name)
    peer.send(*many)
    peer.replies()  # until the end of the server
    again = connect(name)
    again.send(*many)
    again.sock.shutdown(1)
    replies = again.replies()
    assert [reply.id for reply in replies if reply.error is not None] == [30]
    assert [reply.value for reply in replies if reply.error is None] == [n for n in range(50) if n != 30]


def test_snippet_that_wants_too_much_memory_is_no_outcome(spawn: Spawn) -> None:
    supervisor = spawn("--memory-mb", "300")
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("count = 1")
        with pytest.raises(ConnectionLost):
            client.eval(GREEDY)
    with db(name) as client:
        assert client.query("count") == 1
        with pytest.raises(objserver.RemoteError, match="more memory than there is"):
            client.eval(GREEDY)


@pytest.mark.parametrize("source", [
    "_l = []\n_l.extend(range(10**7))", "from collections import deque\ndeque(range(10**7))",
])
def test_server_without_memory_ends_at_once(spawn: Spawn, source: str) -> None:
    """Not when the watchdog says so: it could not unwind, and CPython said SystemError where it meant MemoryError."""
    supervisor = spawn("--memory-mb", "250")
    [name] = supervisor.wait_ready()
    with db(name) as client, pytest.raises(ConnectionLost):
        client.eval(source)
    with db(name) as client:
        stats = client.stats()
        assert stats["restarts"] == 1
        assert "more memory than there is" in str(stats["restart_reason"])


def test_result_of_many_items_does_not_take_many_times_its_size(spawn: Spawn) -> None:
    supervisor = spawn("--memory-mb", "300")
    [name] = supervisor.wait_ready()
    with db(name) as client:
        assert len(client.query("[0] * 5_000_000")) == 5_000_000
        with pytest.raises(objserver.RemoteError, match="the limit is"):
            client.query("('ab' * 5_000_000).split('a')")
        assert client.stats()["restarts"] == 0


def test_checkpoint_that_had_no_memory_is_made_when_the_server_starts_again(spawn: Spawn) -> None:
    """Or it would be tried by each server after it, and end each."""
    supervisor = spawn("--memory-mb", "300")
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("texts = [[str(i) * 10_000_000] for i in range(10)]")
    os.kill(supervisor.server_pid(), signal.SIGKILL)
    supervisor.wait_said("the server is back")
    with db(name) as client:
        found: object = None
        for _ in range(3):
            with suppress(ConnectionLost):
                found = client.query("[text[0][:1] for text in texts]")
        assert found == [str(i) for i in range(10)]


def test_time_in_which_the_server_was_stopped_is_no_snippets(spawn: Spawn, connect: Connect, tmp_path: Path) -> None:
    supervisor, other = spawn("--snippet-seconds", "2"), spawn("--snippet-seconds", "4", folder=tmp_path / "other")
    [name], [clock] = supervisor.wait_ready(), other.wait_ready()
    with db(clock) as client:
        client.eval("count = 0")
    peer, server = connect(name), supervisor.server_pid()
    idle = processor_ticks(server)
    peer.send(("eval", {"source": "for _ in range(5_000_000): pass\n7"}))
    while processor_ticks(server) < idle + 4:  # 40 ms
        pass
    os.kill(server, signal.SIGSTOP)
    with db(clock) as client, pytest.raises(ConnectionLost):
        client.eval(ENDLESS, depth=40)  # four seconds
    os.kill(server, signal.SIGCONT)
    peer.sock.shutdown(1)
    assert [reply.value for reply in peer.replies()] == [7]


def test_killed_supervisor_takes_the_server_with_it(spawn: Spawn) -> None:
    supervisor = spawn()
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("count = 7")
        server = supervisor.server_pid()
        supervisor.signal(signal.SIGKILL)
        supervisor.wait_ended()
        again = spawn()  # waits for the lock that the dying server holds
        [name] = again.wait_ready()
        wait_gone(server)
    with db(name) as client:
        assert client.query("count") == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_all_processes_is_one_clean_stop(spawn: Spawn, connect: Connect, number: signal.Signals) -> None:
    """So do systemd, and a container that ends."""
    supervisor = spawn()
    [name] = supervisor.wait_ready()
    peer, other = connect(name), connect(name)
    other.value("text = 'x' * 8_000_000")
    peer.send(*[("eval", {"source": "text"})] * 3)
    os.kill(supervisor.server_pid(), number)
    assert other.replies() == []  # the first signal was taken; the stop waits for the other client
    supervisor.signal(number)
    assert len(peer.replies()) == 3
    status, _, err = supervisor.wait_ended()
    assert (status, err) == (0, "")


def test_stop_before_the_server_is_ready_is_a_stop(spawn: Spawn) -> None:
    supervisor = spawn()
    while not Path(f"/proc/{supervisor.popen.pid}/task/{supervisor.popen.pid}/children").read_text():
        pass
    supervisor.signal(signal.SIGTERM)
    status, _, err = supervisor.wait_ended()
    assert status in (0, -signal.SIGTERM)
    assert "Traceback" not in err


def test_server_that_can_not_start_is_not_started_again(spawn: Spawn, tmp_path: Path) -> None:
    supervisor = spawn()
    [name] = supervisor.wait_ready()
    with db(name) as client:
        client.eval("count = 7")
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait_ended()[0] == 0
    (tmp_path / "data" / "heap" / "data.mdb").write_bytes(b"no heap at all" * 1000)
    status, out, err = spawn().wait_ended()
    assert (status, out) == (1, "")
    [line] = err.splitlines()
    assert line.startswith("Error: ")
    assert "data.mdb" in line


def test_list_of_culprits_that_can_not_be_read_is_as_none(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).write_bytes(b'[["half a list')
    [name] = spawn().wait_ready()
    with db(name) as client:
        assert client.eval("1 + 1") == 2


def test_server_has_an_empty_environment_and_a_fixed_hash_seed(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBJSERVER_TEST_SECRET", "s3cret")
    supervisor = spawn()
    supervisor.wait_ready()
    environment = Path(f"/proc/{supervisor.server_pid()}/environ").read_bytes()
    assert b"s3cret" not in environment
    assert b"PYTHONHASHSEED=0" in environment
