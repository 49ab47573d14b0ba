"""The shell: typed into (keys through prompt_toolkit and a pseudo-terminal) and piped into."""

from __future__ import annotations

import os
import pty
import select
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from objserver.cli.completion import RootCompleter
from objserver.cli.connection import open_client
from objserver.cli.shell import open_history, prompt_session, run_terminal
from objserver.client import Client

from .conftest import COMMAND, SECONDS_MAX, Run, Server, environment

ENTER, CTRL_C, CTRL_D, UP, TAB = "\r", "\x03", "\x04", "\x1b[A", "\t"


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with open_client(server.address) as client:
        yield client


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def type_all(client: Client, keys: PipeInput, text: str) -> None:
    keys.send_text(text)
    run_terminal(client, prompt_session(client))


def test_line_runs_at_enter_and_shows_its_value(
    client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    type_all(client, keys, f"typed = [1]{ENTER}typed.append(2){ENTER}typed{ENTER}None{ENTER}{CTRL_D}")
    assert capsys.readouterr().out.splitlines()[1:] == ["[1, 2]"]


def test_block_runs_at_an_empty_line(client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    """The shell indents by itself; what the user types is the text alone."""
    type_all(client, keys, f"def double(x):{ENTER}return x * 2{ENTER}{ENTER}double(21){ENTER}{CTRL_D}")
    assert capsys.readouterr().out.splitlines()[1:] == ["42"]


def test_error_is_shown_and_the_shell_goes_on(
    client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    type_all(client, keys, f"{{}}['bob']{ENTER}1 +{ENTER}:nothing{ENTER}'still here'{ENTER}{CTRL_D}")
    out, err = capsys.readouterr()
    assert out.splitlines()[1:] == ["'still here'"]
    assert "KeyError: 'bob'" in err
    assert ":nothing" in err


def test_interrupt_throws_the_line_away(client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    type_all(client, keys, f"thrown = 1{CTRL_C}'next'{ENTER}{CTRL_D}")
    assert capsys.readouterr().out.splitlines()[1:] == ["'next'"]
    assert "thrown" not in client.stats()["roots"]


def test_commands_of_the_shell(client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    type_all(client, keys, f":help{ENTER}:stats{ENTER}:quit{ENTER}")
    out = capsys.readouterr().out
    assert "Ctrl-D" in out
    assert "seq" in out


def test_history_is_kept_for_its_owner_alone(client: Client, keys: PipeInput, tmp_path: Path) -> None:
    type_all(client, keys, f"remembered = 5{ENTER}{CTRL_D}")
    path = tmp_path / "state" / "objserver" / "history"
    assert "remembered = 5" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    type_all(client, keys, f"{UP}1{ENTER}{CTRL_D}")
    assert client.query("remembered") == 51


def test_history_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert list(open_history().load_history_strings()) == []


def complete(client: Client, text: str) -> list[str]:
    completions = RootCompleter(client).get_completions(Document(text), CompleteEvent())
    return [text[: len(text) + completion.start_position] + completion.text for completion in completions]


def test_names_of_roots_are_completed(client: Client) -> None:
    client.eval("café_one = 1\ncafé_two = 2\nother = 3")
    assert complete(client, "len(caf") == ["len(café_one", "len(café_two"]
    assert complete(client, "x.caf") == []
    assert complete(client, "x.y(café_t") == ["x.y(café_two"]
    assert complete(client, "1caf") == []
    assert complete(client, "") == []
    assert complete(client, ":s") == [":source", ":stats"]


def test_tab_completes_and_indents(client: Client, keys: PipeInput, capsys: pytest.CaptureFixture[str]) -> None:
    type_all(client, keys, f"if True:{ENTER}{TAB}'in'{ENTER}{ENTER}{CTRL_D}")
    assert capsys.readouterr().err == ""


def test_completion_without_a_server_offers_nothing(own_server: Server) -> None:
    with open_client(own_server.address) as client:
        own_server.kill()
        assert complete(client, "x") == []


def test_server_that_was_restarted_is_reached_again(
    own_server: Server, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_client(own_server.address) as client:
        type_all(client, keys, f"x = 1{ENTER}{CTRL_D}")
        own_server.kill()
        type_all(client, keys, f"x{ENTER}{CTRL_D}")
        assert capsys.readouterr().err != ""
        own_server.start()
        type_all(client, keys, f"x{ENTER}{CTRL_D}")
        assert capsys.readouterr().out.splitlines()[-1] == "1"


def test_piped_statements_are_cells(run: Run) -> None:
    cells = "x = [1,\n2]\n\ndef f():\n    y = 1\n\n    return y\nf()\nprint('out')\nx\n:quit\n1/0\n"
    result = run("shell", input=cells)
    assert (result.returncode, result.stdout, result.stderr) == (0, "1\n[1, 2]\n", "out\n")


def test_interrupt_ends_a_piped_shell_with_status_130(server: Server, tmp_path: Path) -> None:
    process = subprocess.Popen([*COMMAND, "shell"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               cwd=tmp_path, env=environment(server.address, tmp_path))  # fmt: skip
    assert process.stdin
    assert process.stdout
    with process.stdin, process.stdout:
        process.stdin.write("1 + 1\n'more'\n")
        process.stdin.flush()
        assert process.stdout.readline() == "2\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS_MAX) == 130


def test_first_error_of_piped_cells_ends_the_shell(run: Run) -> None:
    result = run("shell", input="stays = 1\n1/0\nnever = 1\n")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert run("query", "stays").stdout == "1\n"
    assert run("query", "never").returncode == 1


class Terminal:
    """The far side of a pseudo-terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""

    def expect(self, text: bytes) -> None:
        """Read up to the end of `text`."""
        deadline = time.monotonic() + SECONDS_MAX
        while text not in self._unread:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{text!r} did not come after {self._unread!r}"
            self._unread += os.read(self._descriptor, 65536)
        self._unread = self._unread.partition(text)[2]

    def type(self, text: bytes) -> None:
        """Type `text` when the prompt is there; between prompts the terminal itself takes Ctrl-D."""
        self.expect(b">>>")
        os.write(self._descriptor, text)


def test_shell_on_a_terminal(server: Server, tmp_path: Path) -> None:
    """The process itself, on a pseudo-terminal: prompt, colours, a block, escape sequences, end."""
    master, slave = pty.openpty()
    env = {**environment(server.address, tmp_path), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = subprocess.Popen([*COMMAND, "shell"], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=tmp_path,
                               start_new_session=True)  # fmt: skip
    os.close(slave)
    terminal = Terminal(master)
    try:
        terminal.type(b"for n in range(2):\rprint('n is', n)\r\r")
        terminal.expect(b"n is 1\r\n")
        terminal.type(b"print('\\x1b]0;title\\x07')\r")
        terminal.expect(b"\\x1b]0;title\\x07\r\n")
        terminal.type(b"['vis' + 'ible']\r")
        terminal.expect(b"'visible'")
        terminal.type(b"\x04")
        assert process.wait(SECONDS_MAX) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
