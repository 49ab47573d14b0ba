"""A real server and the real command, each a process of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from objserver.cli import main
from objserver.client import Unavailable, connect

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "objserver"]

# Far above what anything here takes; a test that reaches it fails instead of hanging.
SECONDS_MAX = 60


@dataclass
class Server:
    """One data folder and the process that serves it on one address, while there is one."""

    folder: Path
    address: str = "127.0.0.1:0"
    options: Sequence[str] = ()
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(self.folder), "--listen", self.address, *self.options],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        answers, _, _ = select.select([self.process.stdout], [], [], SECONDS_MAX)
        ready = self.process.stdout.readline().split() if answers else []
        if ready[:1] != ["ready"]:
            self.kill()
            pytest.fail(f"the server did not start: {ready}")
        self.address = ready[1]

    def wait_joined(self) -> None:
        """Return when a follower has reached its leader. Until then it serves nobody."""
        until = time.monotonic() + SECONDS_MAX
        with connect(self.address) as client:
            while True:
                try:
                    client.query("1")
                    return
                except Unavailable:
                    if time.monotonic() > until:
                        raise

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, signal_number: int) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal_number)
        self.process.wait(SECONDS_MAX)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


def environment(address: str, home: Path) -> dict[str, str]:
    """What a command of these tests sees: the server, and no settings of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "OBJSERVER": address, "HOME": str(home), "PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that the tests of a module share; each uses roots of its own."""
    server = Server(tmp_path_factory.mktemp("data"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A running server for one test, which may kill it."""
    server = Server(tmp_path / "data")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def run(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process against the shared server, in an empty folder: `run("eval", "1", input=...)`."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str | Path, input: str | bytes = "") -> Result:
        env = {"OBJSERVER": server.address, "HOME": str(tmp_path)}
        result = CliRunner().invoke(main, [*map(str, arguments)], input=input, env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    return invoke


def run_command(arguments: Sequence[str | Path], address: str, home: Path, input: str = "") -> Result:
    """Run the command as a process to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=input, capture_output=True, text=True, cwd=home, env=environment(address, home), timeout=SECONDS_MAX,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)
