"""A real server is killed at random moments under load; what it acknowledged is there, and nothing else is.

By turns its supervisor is killed, which takes the server along, and the serving process alone, which comes back.

Each client writes numbered documents in two places at once and remembers what was acknowledged. After each kill the
server starts again on the same folder, and every client's documents must be 0, 1, 2, ... up to the last one it was told
of, or one more (sent, not answered): the same in both places.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

import objserver
from objserver.client import ConnectionLost
from objserver.engine.verify import verify

CLIENT_COUNT = 4

SETUP = """
class Account:
    def __init__(self):
        self.total = 0
        self.last = None
    def put(self, n, text):
        self.total += 1
        self.last = {'n': n, 'text': text}
        return self.total

documents = {}
journal = []
accounts = {}
"""

# Three kinds of object change together; the middle of it must never be seen.
WRITE = """
mine = documents.setdefault(client, {})
if n in mine:
    raise KeyError(n)
mine[n] = {'n': n, 'text': text}
journal.append([client, n])
accounts[client].put(n, text)
"""

# Also runs, also changes things, and never stays.
FAIL = "journal.append([client, -1]); accounts[client].total = -1; documents[client] = {}; 1 / 0"

CHECK = """
[
    [list(documents.get(client, {})), [n for who, n in journal if who == client], accounts[client].total]
    for client in clients
]
"""


class Server:
    def __init__(self, folder: Path, durability: str) -> None:
        command = [sys.executable, "-m", "objserver", "serve", "--data", str(folder), "--listen", "127.0.0.1:0"]
        command += ["--checkpoint-mb", "1", "--cache-mb", "1", "--durability", durability]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready "), line
        self.address = line.split()[1]

    def kill_server(self) -> None:
        """Kill the serving process alone; its supervisor has another one at once, on the same socket."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:  # none while it is being replaced
            with suppress(ProcessLookupError):  # it ended since
                os.kill(int(child), signal.SIGKILL)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        with self.process as process:
            return process.wait(timeout=60)


class Writer(threading.Thread):
    """Writes documents one after the other until a call is lost with the server.

    One that was between two calls finds the next server and writes on: until `stop`.
    """

    def __init__(self, address: str, client: str, first: int) -> None:
        super().__init__()
        self.client = client
        self.acknowledged = first  # how many documents the server said it has
        self.unexpected: BaseException | None = None
        self._address = address
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        try:
            with objserver.connect(self._address) as db:
                while not self._stopped.is_set():
                    n = self.acknowledged
                    db.eval(WRITE, client=self.client, n=n, text="x" * (n * 37 % 3000))
                    self.acknowledged += 1
                    if n % 5 == 0:
                        with pytest.raises(objserver.RemoteError, match="ZeroDivisionError"):
                            db.eval(FAIL, client=self.client)
        except (ConnectionLost, OSError):
            pass
        except BaseException as error:
            self.unexpected = error


def check(address: str, clients: list[str], acknowledged: dict[str, int]) -> dict[str, int]:
    """Return how many documents each client has; fail when they are not exactly those acknowledged, or one more."""
    with objserver.connect(address) as db:
        found = db.query(CHECK, clients=clients)
    counts = {}
    for client, (documents, journal, total) in zip(clients, found, strict=True):
        count = counts[client] = len(documents)
        assert documents == journal == list(range(count)), client
        assert total == count, client
        assert acknowledged[client] <= count <= acknowledged[client] + 1, client
    return counts


def kill_again_and_again(folder: Path, rounds: int, seed: int, durability: str) -> None:
    chance = random.Random(seed)
    clients = [f"client {number}" for number in range(CLIENT_COUNT)]
    counts = dict.fromkeys(clients, 0)
    server = Server(folder, durability)
    with objserver.connect(server.address) as db:
        db.eval(SETUP)
        db.eval("for client in clients:\n    accounts[client] = Account()", clients=clients)
    for number in range(rounds):
        writers = [Writer(server.address, client, counts[client]) for client in clients]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.05, 1.5))  # the moment of the kill, not something to wait for
        if number % 2:
            server.kill_server()
        else:
            server.end(signal.SIGKILL)
        report = verify(folder)  # also while the next one recovers
        assert report.sound, report.findings.kept
        for writer in writers:
            writer.stop()
            writer.join(timeout=60)
            assert not writer.is_alive()
            assert writer.unexpected is None, writer.unexpected
        if number % 2:
            if number % 3 == 2:  # killed again while it recovers, or soon after
                server.kill_server()
        else:
            if number % 3 == 2:
                server = Server(folder, durability)
                server.end(signal.SIGKILL)
            server = Server(folder, durability)
        counts = check(server.address, clients, {writer.client: writer.acknowledged for writer in writers})
    assert server.end(signal.SIGTERM) == 0
    server = Server(folder, durability)
    assert check(server.address, clients, counts) == counts
    assert sum(counts.values()) > rounds
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("durability", ["always", "none"])
def test_killed_server_keeps_what_it_acknowledged_and_nothing_else(tmp_path: Path, durability: str) -> None:
    """A killed process loses nothing that it wrote, synced or not; only the machine's own death tells them apart."""
    kill_again_and_again(tmp_path / "data", 4, seed=1, durability=durability)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_killed_server_keeps_what_it_acknowledged_many_times(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path / "data", 40, seed=seed, durability="always")
