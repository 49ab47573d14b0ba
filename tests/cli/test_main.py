"""The command as a whole: help, start-up, statuses, and the page that documents it."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from objserver.cli import COMMANDS, main
from objserver.version import VERSION

from .conftest import ROOT, Run, Server, run_command

DOCS = (ROOT / "docs" / "cli.md").read_text()
NAMES = list(COMMANDS)
CLIENTS = [name for name in NAMES if name not in ("code", "serve", "verify")]
CLIENTS += ["code diff", "code export", "code import"]


def command(name: str) -> click.Command:
    found: click.Command | None = main
    for word in name.split():
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), word)
    assert isinstance(found, click.Command)
    return found


@pytest.mark.parametrize("name", [*CLIENTS, "verify"])
def test_every_command_has_help_with_examples(name: str) -> None:
    result = CliRunner().invoke(main, [*name.split(), "--help"])
    assert result.exit_code == 0
    _, _, examples = result.output.partition("Examples:")
    assert f"objserver {name}" in examples


@pytest.mark.parametrize("name", NAMES)
def test_list_of_commands_says_what_the_command_says(name: str) -> None:
    assert (command(name).help or "").strip().splitlines()[0] == COMMANDS[name][2]


@pytest.mark.parametrize("name", CLIENTS)
def test_every_command_but_serve_and_verify_takes_a_server(name: str) -> None:
    (option,) = [param for param in command(name).params if param.name == "server"]
    assert option.envvar == "OBJSERVER"
    assert option.default == "127.0.0.1:7707"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_in_the_docs(name: str) -> None:
    assert re.search(rf"^## .*\b{name}\b", DOCS, re.MULTILINE)


@pytest.mark.parametrize("name", [*CLIENTS, "verify"])
def test_every_option_is_in_the_docs(name: str) -> None:
    for param in command(name).params:
        if isinstance(param, click.Option):
            assert param.opts[0] in DOCS, f"{name} {param.opts[0]}"


def test_help_imports_no_more_than_click() -> None:
    """So that it answers at once. What is not imported takes no time."""
    code = "import sys\nfrom objserver.cli import main\nmain(['--help'], standalone_mode=False)\nprint(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    modules = set(output.splitlines()[-1].split())
    assert "click" in modules
    heavy = {"rich", "prompt_toolkit", "pygments", "orjson", "trio", "anyio", "asyncio", "lmdb", "msgpack"}
    assert not modules & heavy
    assert {name for name in modules if name.startswith("objserver.")} == {"objserver.cli"}


WRONG = """
eval
nothing
eval 1 --depth -1
eval 1 --arg k
eval 1 --arg k=bob
eval 1 --arg k=1 --arg k=2
eval @no/such/file
eval '\udcff'
eval 1 --server x:y:z
call
call f bob
load no.json --into x
load - --into x
load - --format csv
load - --format xml --into x
load - --format csv --into 'not a name'
load - --format csv --into _own
load - --format csv --into class
load - --format json --numbers --into x
load - --format csv --tagged --into x
dump --format jsonl
dump x[0]
log --first 0
stats x
"""


@pytest.mark.parametrize("arguments", [shlex.split(line) for line in WRONG.strip().splitlines()], ids=" ".join)
def test_wrong_usage_has_status_2_and_touches_no_server(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments, env={"OBJSERVER": "127.0.0.1:1"})
    assert result.exit_code == 2, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    "arguments",
    [["eval", "1"], ["query", "1"], ["call", "f"], ["shell"], ["load", "-", "--format", "csv", "--into", "x"],
     ["dump"], ["stats"], ["log"]],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nobody_at_the_address_is_one_line_that_says_how_to_start(
    kind: str, arguments: list[str], tmp_path: Path
) -> None:
    with socket.socket() as taken:  # bound, not listening: nobody else answers there
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}" if kind == "tcp" else f"unix:{tmp_path / 'none'}"
        result = CliRunner().invoke(main, arguments, env={"OBJSERVER": address})
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert address in line
    assert "objserver serve --data DIR" in line


def test_version_is_that_of_the_project() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"objserver {VERSION}\n"


def test_examples_of_the_docs_print_what_they_say(run: Run) -> None:
    """Each `$ objserver ...` of the page, in order."""
    examples = re.findall(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", DOCS, re.MULTILINE)
    assert len(examples) > 5
    for line, expected in examples:
        *before, last = line.split(" | ")
        input = subprocess.run(["sh", "-c", before[0]], capture_output=True, text=True).stdout if before else ""
        words = shlex.split(last)
        assert words[0] == "objserver"
        result = run(*words[1:], input=input)
        assert result.stderr == ""
        assert result.stdout == re.sub("^    ", "", expected, flags=re.MULTILINE), line


def test_server_on_a_unix_socket_is_reached(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", f"unix:{tmp_path / 'socket'}")
    server.start()
    try:
        assert run_command(["eval", "1 + 1"], server.address, tmp_path).stdout == "2\n"
    finally:
        server.stop()
