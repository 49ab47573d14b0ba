"""The servers that are measured: real processes, each with a folder of its own, on a free port of the loopback.

    with objserver(folder) as server: ... server.address, server.memory(), server.client() ...
    with redis(folder) as server: ... server.address, server.command([...]) ...

Promise: leaving the block stops the process, and a process that ended badly is an error, not a footnote.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import BenchmarkFailed, Missing
from objserver.client import Client, connect

# A heap of a million objects opens in seconds at worst; this is when to give up, not what to expect.
READY_SECONDS_MAX: Final = 120.0
# A clean stop writes a checkpoint of everything that changed.
STOP_SECONDS_MAX: Final = 300.0
CHECKPOINT_SECONDS_MAX: Final = 300.0
# How often a server is asked how far it is; the answer is work for it, too.
ASK_SECONDS: Final = 0.1
# Bytes of log that a checkpoint leaves: entries of its own.
SETTLED_SIZE: Final = 4_096
LOOPBACK: Final = "127.0.0.1"
# Another process may take a port between the moment it is found free and the moment the server binds it.
PORT_ATTEMPTS: Final = 5

HOW_TO_GET_REDIS: Final = "redis-server is not installed; on Debian: apt install redis-server"


class Server:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, ready_seconds: float) -> None:
        self.process = process
        self.address = address
        self.ready_seconds = ready_seconds
        """From the start of the process to the moment it accepts clients."""

    def memory(self) -> dict[str, int]:
        """Resident bytes: `total`, and `anonymous`, which leaves out files that are mapped (LMDB's, libraries)."""
        return resident(str(self._serving_pid()))

    def _serving_pid(self) -> int:
        return self.process.pid


class Objserver(Server):
    def _serving_pid(self) -> int:
        """The child: the process itself is the supervisor."""
        [child] = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(child)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connection of the product's own client, to prepare and to check; never inside what is measured."""
        with connect(self.address, timeout=STOP_SECONDS_MAX) as client:
            yield client

    def statistics(self) -> dict[str, Any]:
        """The server's own figures, by name."""
        with self.client() as client:
            found: dict[str, Any] = client.stats()
        return found

    def wait_idle(self, *, settled: bool = False) -> None:
        """Wait until no checkpoint is running: what was prepared must not disturb what is measured.

        Args:
            settled: also wait for the one to come of what was prepared, which begins some 10 s later, and until what
                was there before is deleted.
        """
        deadline = time.monotonic() + CHECKPOINT_SECONDS_MAX
        while (found := self.statistics())["checkpoint_running"] or (
            settled and (found["log_size_since_checkpoint"] > SETTLED_SIZE or found["reclaim"]["pending_objects"])
        ):
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"a checkpoint has run for {CHECKPOINT_SECONDS_MAX} s")
            time.sleep(ASK_SECONDS)


class Redis(Server):
    def command(self, *commands: Sequence[str]) -> list[str]:
        """Send the commands in one go; return each one's reply as text.

        Raises:
            BenchmarkFailed: a reply is an error, or not one line or one text.
        """
        host, _, port = self.address.rpartition(":")
        with socket.create_connection((host, int(port))) as connection, connection.makefile("rwb") as stream:
            replies = []
            # In slices: neither side may end up waiting for the other to read.
            for start in range(0, len(commands), 500):
                part = commands[start : start + 500]
                for words in part:
                    encoded = [word.encode() for word in words]
                    stream.write(b"*%d\r\n" % len(encoded))
                    stream.writelines(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)
                stream.flush()
                for words in part:
                    line = stream.readline().decode().rstrip()
                    if line.startswith("$") and line != "$-1":
                        replies.append(stream.read(int(line[1:]) + 2)[:-2].decode())
                    elif line.startswith(("+", ":")):
                        replies.append(line[1:])
                    else:
                        raise BenchmarkFailed(f"redis answered {line!r} to {' '.join(words)[:80]!r}")
            return replies


def resident(process: str) -> dict[str, int]:
    """What `Server.memory` tells, of a process by its number, or of "self"."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    found = {line.partition(":")[0]: line.partition(":")[2].split() for line in status}
    return {"total": int(found["VmRSS"][0]) * 1024, "anonymous": int(found["RssAnon"][0]) * 1024}


@contextmanager
def objserver(folder: Path, *options: str) -> Iterator[Objserver]:
    """Serve `folder` (made when it is not there) with this interpreter and this checkout; stop cleanly at the end."""
    words = [sys.executable, "-m", "objserver", "serve", "--data", str(folder), "--listen", f"{LOOPBACK}:0", *options]
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    process = start_process(words, folder)
    try:
        line = wait_line(process, "ready ", folder)
        yield Objserver(process, line.split()[1], time.monotonic() - start)
        stop(process, folder)
    finally:
        kill(process)


@contextmanager
def redis(folder: Path, *, appendfsync: str | None = None) -> Iterator[Redis]:
    """Run redis-server on `folder`; with `appendfsync` None it keeps nothing on disk.

    Raises:
        Missing: redis-server is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise Missing(HOW_TO_GET_REDIS)
    durability = ["--appendonly", "yes", "--appendfsync", appendfsync] if appendfsync else ["--appendonly", "no"]
    words = [program, "--bind", LOOPBACK, "--dir", str(folder), "--save", "", *durability]
    with listening(folder, lambda port: [*words, "--port", str(port)], "Ready to accept connections") as found:
        yield Redis(*found)


@contextmanager
def listening(
    folder: Path, words: Callable[[int], Sequence[str]], ready: str | None, **options: Any
) -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """Run a server that must be told its port; give its process, address, and the seconds until it was ready.

    Args:
        words: its command line with a port.
        ready: what it prints when it accepts clients; None: when it does so, it is ready.
        options: Popen's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, PORT_ATTEMPTS + 1):
        port, start = free_port(), time.monotonic()
        process = start_process(words(port), folder, **options)
        try:
            try:
                if ready is None:
                    wait_port(process, port, folder)
                else:
                    wait_line(process, ready, folder)
            except BenchmarkFailed:
                if attempt == PORT_ATTEMPTS:
                    raise
                continue
            yield process, f"{LOOPBACK}:{port}", time.monotonic() - start
            stop(process, folder)
            return
        finally:
            kill(process)


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start_process(words: Sequence[str], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a server of `folder`; `options` are Popen's."""
    with _complaints(folder).open("wb") as complaints:
        return subprocess.Popen(words, **{"stdout": subprocess.PIPE, "stderr": complaints, **options})


def _complaints(folder: Path) -> Path:
    """Where the server of `folder` writes its standard error: beside it, so that the folder holds data alone."""
    return folder.with_name(folder.name + ".stderr")


def wait_line(process: subprocess.Popen[bytes], wanted: str, folder: Path) -> str:
    """Return the first line of the process's output that contains `wanted`."""
    assert process.stdout is not None
    descriptor, output, deadline = process.stdout.fileno(), b"", time.monotonic() + READY_SECONDS_MAX
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        data = os.read(descriptor, 65536)
        output += data
        *lines, _ = output.decode(errors="replace").split("\n")
        for line in lines:
            if wanted in line:
                return line
        if not data:
            break
    raise BenchmarkFailed(f"{process.args!r} did not become ready; it said: {_said(output, folder)}")


def wait_port(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Wait until the process accepts connections: for servers that say nothing when they do."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection((LOOPBACK, port)):
            return
        time.sleep(ASK_SECONDS / 10)
    raise BenchmarkFailed(f"{process.args!r} did not become ready; it said: {_said(b'', folder)}")


def stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    assert process.stdout is not None
    output = process.stdout.read()  # until its end, so that a full pipe can't keep the process from ending
    status = process.wait(STOP_SECONDS_MAX)
    if status != 0:
        raise BenchmarkFailed(f"{process.args!r} ended with status {status}; it said: {_said(output, folder)}")


def _said(output: bytes, folder: Path) -> str:
    return (output + _complaints(folder).read_bytes()).decode(errors="replace")[-2000:]


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
