"""The command line: `objserver COMMAND`. Uses the client alone; only `serve` starts a server and only
`verify` looks into a data folder.

    main -> [group: name -> module] -> one module for each command or two
                                       connection.py   --server, errors -> exit status
                                       show.py         values and foreign text -> terminal
                                       records.py      files -> records; cells.py lines -> cells

Exit status: 0 done, 1 the snippet, the server or the data refused, 2 wrong usage, 130 interrupted.

Promise: `objserver --help` imports click and nothing else; a command imports what it needs when it runs.
(tests/cli/test_main.py)
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import click

__all__ = ["main"]

# name -> (module, attribute, the first line of its help). The line stands here, too, so that listing the
# commands does not import them; a test compares the two.
COMMANDS: Final = {
    "serve": ("objserver.cli.serve", "serve", "Serve the objects kept in a folder."),
    "shell": ("objserver.cli.shell", "shell", "Type cells and see their values."),
    "eval": ("objserver.cli.snippet", "evaluate", "Run a snippet and print its value."),
    "query": ("objserver.cli.snippet", "query", "Run a snippet that changes nothing and print its value."),
    "call": ("objserver.cli.snippet", "call", "Call a function or a method and print what it returns."),
    "load": ("objserver.cli.load", "load", "Load the records of a file into a root."),
    "dump": ("objserver.cli.dump", "dump", "Write roots as JSON."),
    "history": ("objserver.cli.code", "history", "Show the versions of a function or class."),
    "source": ("objserver.cli.code", "source", "Print the text of a function or class."),
    "code": ("objserver.cli.code", "code", "Keep the functions and classes in a folder, and apply it."),
    "stats": ("objserver.cli.status", "stats", "Show the server's figures and its roots."),
    "log": ("objserver.cli.status", "log", "Show entries of the log."),
    "verify": ("objserver.cli.verify", "verify", "Prove that a data folder is sound."),
    "sweep": ("objserver.cli.sweep", "sweep", "Delete what nothing reaches though it refers to itself."),
    "promote": ("objserver.cli.replication", "promote", "Make a follower the leader."),
    "resync": ("objserver.cli.replication", "resync",
               "Throw away what a follower has and take its leader's data again."),
}


STATUS_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells count


class Commands(click.Group):
    """The group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(STATUS_INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


def _print_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from objserver.version import VERSION

        click.echo(f"objserver {VERSION}")
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version,
              help="Print the version and end.")
def main() -> None:
    """Your Python objects, served.

    Start a server with `objserver serve --data DIR`, then talk to it with the other commands; OBJSERVER names
    its address (default 127.0.0.1:7707), or those of several nodes with commas between them.
    `objserver COMMAND --help` explains a command with examples.
    """
