"""`shell`: cells typed at a prompt, or piped in, run one after the other on the server.

    terminal   prompt_toolkit: history, highlighting, completion of root names; errors are shown and it goes on
    pipe       each top-level statement is a cell (cells.py); the first error ends it with status 1

A lost connection is opened again by the next cell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from objserver.cli.cells import ends_when_typed, next_indent, split_cells
from objserver.cli.code import describe_versions
from objserver.cli.connection import STATUS_FAILED, open_client, print_error, server_option
from objserver.cli.show import print_foreign, print_value
from objserver.cli.status import print_stats
from objserver.errors import ObjserverError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History

    from objserver.client import Client

COMMANDS: Final = (":help", ":history", ":quit", ":source", ":stats")

HELP: Final = """\
A cell is Python: statements, and the value of its last expression is shown. Names it assigns, def and class stay on
the server; names that begin with _ end with the cell. A cell that raises changes nothing.

  Enter     runs a complete line; in a block (if, for, def, class) an empty line runs it
  Tab       completes names of roots
  Ctrl-C    throws the line away, or stops waiting for a reply
  Ctrl-D    leaves

  :history NAME      versions of a function or class
  :source NAME [N]   its text, that of version N
  :stats    the server's figures and its roots
  :help     this text
  :quit     leaves"""


@click.command()
@server_option
def shell(server: str) -> None:
    """Type cells and see their values.

    On a terminal: Enter runs a complete line, an empty line ends a block, Tab completes names of roots, :help says
    more. What you typed is kept in $XDG_STATE_HOME/objserver/history (~/.local/state when unset).

    With input from a pipe or a file, each top-level statement is a cell of its own, as if it had been typed, and
    the first error ends the shell with status 1. To run a file as one cell, all or nothing: objserver eval @FILE.

    \b
    Examples:
      objserver shell
      objserver shell < setup.py
      printf 'x = 40\\nx + 2\\n' | objserver shell
    """
    with open_client(server) as client:
        if sys.stdin.isatty() and sys.stdout.isatty():
            run_terminal(client, prompt_session(client))
        elif not run_pipe(client, sys.stdin):
            sys.exit(STATUS_FAILED)


def run_pipe(client: Client, lines: Iterable[str]) -> bool:
    """Run the cells in `lines` until one fails; return whether none did."""
    for cell in split_cells(lines):
        if cell == ":quit":
            break
        if not run_cell(client, cell):
            return False
    return True


def run_terminal(client: Client, session: PromptSession[str]) -> None:
    """Read cells from the prompt and run them until the user leaves."""
    print("objserver: Ctrl-D leaves, :help explains")
    while True:
        try:
            cell = session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if cell.strip() == ":quit":
            return
        try:
            if cell.strip():
                run_cell(client, cell)
        except KeyboardInterrupt:
            print_foreign("not waiting for the reply any longer; the cell may still run")


def run_cell(client: Client, cell: str) -> bool:
    """Run a cell or a command of the shell and show what comes of it; return whether it succeeded."""
    try:
        if cell.lstrip().startswith(":"):
            return _run_command(client, cell.strip())
        print_value(client.eval(cell.rstrip()), short=True)
    except ObjserverError as error:
        print_error(error)
        return False
    return True


def _run_command(client: Client, command: str) -> bool:
    name, *arguments = command.split()
    if name == ":history" and len(arguments) == 1:
        print_foreign(describe_versions(client.history(arguments[0]), full=False), sys.stdout)
    elif name == ":source" and (len(arguments) == 1 or (len(arguments) == 2 and arguments[1].isdecimal())):
        print_foreign(client.source(arguments[0], *map(int, arguments[1:])), sys.stdout)
    elif command == ":stats":
        print_stats(client.stats())
    elif command == ":help":
        print(HELP)
    else:
        print_foreign(f"no command {command!r}; there are {', '.join(COMMANDS)}")
        return False
    return True


def prompt_session(client: Client) -> PromptSession[str]:
    """Return the prompt: multi-line cells with highlighting, completion and history.

    Reads and writes what prompt_toolkit takes for the terminal (`create_app_session` sets another one).
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import ThreadedCompleter
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]

    from objserver.cli.completion import RootCompleter

    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.document.text
        at_end = not buffer.document.text_after_cursor.strip()
        if text.lstrip().startswith(":") or (at_end and ends_when_typed(text)):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n" + next_indent(buffer.document.text_before_cursor))

    @keys.add("tab")
    def tab(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.current_line_before_cursor.strip():
            buffer.complete_next() if buffer.complete_state else buffer.start_completion(insert_common_part=True)
        else:
            buffer.insert_text("    ")

    return PromptSession(
        ">>> ",
        multiline=True,
        prompt_continuation="... ",
        key_bindings=keys,
        lexer=PygmentsLexer(PythonLexer),
        completer=ThreadedCompleter(RootCompleter(client)),
        complete_while_typing=False,
        history=open_history(),
    )


def open_history() -> History:
    """Return the history kept in the user's state folder; one for this session alone if that can't be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    folder = state_folder()
    path = os.path.join(folder, "history")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # What is typed may be secret: the file is its owner's alone.
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    except OSError as error:
        print_foreign(f"no history: {error}")
        return InMemoryHistory()
    return FileHistory(path)


def state_folder() -> str:
    """Return the folder for what is remembered between runs.

    Source: XDG Base Directory Specification 0.8; a relative path in the variable is invalid and ignored.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser("~/.local/state"), "objserver")
