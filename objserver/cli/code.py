"""`history`, `source` and `code`: the functions and classes of a heap, their versions, and a folder that holds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from objserver.cli.connection import STATUS_FAILED, connected, fail, json_option, server_option
from objserver.cli.folder import Change, FolderError, changes_to_folder, changes_to_server, ordered, read_folder
from objserver.cli.folder import read_server as read_definitions
from objserver.cli.show import print_foreign, print_json
from objserver.cli.status import iso_time, shorten

folder_argument = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="Show all of the text instead of its first line.")
@json_option
@server_option
def history(name: str, full: bool, as_json: bool, server: str) -> None:
    """Show the versions of a function or class.

    The oldest first: number, time (UTC), who defined it, and how the text begins. A version is a text: the same text
    again is no new one. Deleting the root ends its history.

    \b
    Examples:
      objserver history Account
      objserver history total --full
    """
    with connected(server) as client:
        versions = client.history(name)
        if as_json:
            print_json(versions)
        else:
            print_foreign(describe_versions(versions, full), sys.stdout)


@click.command()
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="An older version instead of the current one.")
@json_option
@server_option
def source(name: str, version: int | None, as_json: bool, server: str) -> None:
    """Print the text of a function or class.

    \b
    Examples:
      objserver source Account
      objserver source total --version 2
      objserver source total --version 2 | objserver eval -
    """
    with connected(server) as client:
        text = client.source(name, version)
        if as_json:
            print_json(text)
        else:
            print_foreign(text, sys.stdout)


@click.group()
def code() -> None:
    """Keep the functions and classes in a folder, and apply it.

    The folder has one file for each function or class that is a root, NAME.py, with its text and nothing else, and
    _imports.py with the modules that roots stand for. It is made to be kept in git.
    """


@code.command("export")
@folder_argument
@click.option("--delete", is_flag=True, help="Delete files of definitions that are not on the server.")
@server_option
def export(folder: Path, delete: bool, server: str) -> None:
    """Write the functions and classes of the server into a folder.

    A file whose definition is the same already is left as it is, with the comments around it.

    \b
    Examples:
      objserver code export code
    """
    with connected(server) as client, _failing():
        folder.mkdir(parents=True, exist_ok=True)
        changes = changes_to_folder(read_definitions(client), read_folder(folder), delete=delete)
        for change in changes:
            path = folder / change.file
            if change.new:
                path.write_text(change.new, encoding="utf-8", newline="\n")
            else:
                path.unlink()
    _report(changes, "written")


@code.command("diff")
@folder_argument
@click.option("--delete", is_flag=True, help="Show as deleted what is not in the folder.")
@click.option("--exit-code", is_flag=True, help="End with status 1 when there is a difference.")
@server_option
def diff(folder: Path, delete: bool, exit_code: bool, server: str) -> None:
    """Show what importing a folder would change.

    \b
    Examples:
      objserver code diff code
      objserver code diff code --exit-code
    """
    with connected(server) as client, _failing():
        changes = changes_to_server(read_definitions(client), read_folder(folder), delete=delete)
    _show(changes, folder)
    if changes and exit_code:
        sys.exit(STATUS_FAILED)


@code.command("import")
@folder_argument
@click.option("--delete", is_flag=True, help="Delete on the server what is not in the folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--each", is_flag=True, help="One snippet for each definition, when one for all of them is too large.")
@server_option
def import_(folder: Path, delete: bool, yes: bool, each: bool, server: str) -> None:
    """Define what a folder holds, after showing the difference.

    What differs is defined by one snippet, what is used before what uses it: all of it or nothing.

    \b
    Examples:
      objserver code import code
      objserver code import code --yes --delete
    """
    with connected(server) as client, _failing():
        wanted = read_folder(folder)
        before = read_definitions(client)
        changes = changes_to_server(before, wanted, delete=delete)
        _show(changes, folder)
        if not changes:
            print_foreign("nothing differs")
            return
        if not yes and not click.confirm("Define this on the server?", err=True):
            fail("nothing was changed")
        cells = ordered(changes)
        if read_definitions(client) != before:
            fail("the code on the server has changed since; nothing was done: look at the difference again")
        for cell in cells if each else ["\n\n".join(cells)]:
            client.eval(f"{cell}\nNone")
    _report(changes, "defined")


class _failing:
    """Ends the process with status 1 for what is wrong with the folder."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, FolderError | OSError | UnicodeError):
            fail(str(error))


def _show(changes: Sequence[Change], folder: Path) -> None:
    for change in changes:
        print_foreign(change.diff(f"server/{change.file}", f"{folder}/{change.file}"), sys.stdout)


def _report(changes: Sequence[Change], done: str) -> None:
    for verb, names in (
        (done, [change.name for change in changes if change.new]),
        ("deleted", [change.name for change in changes if not change.new]),
    ):
        if names or verb == done:
            print_foreign(f"{len(names)} {verb}{': ' if names else ''}{', '.join(names)}")


def describe_versions(versions: Sequence[Mapping[str, Any]], full: bool) -> str:
    """Return versions as lines of text, one for each, or each with its text."""
    lines = []
    for version in versions:
        head = f"{version['version']:>4}  {iso_time(version['time_ns'])}"
        if version["author"]:
            head += f"  {version['author']}"
        text = version["source"].strip("\n")
        if full:
            lines += [head, *(f"        {line}" for line in text.split("\n"))]
        else:
            first, more, _ = text.partition("\n")
            lines.append(f"{head}  {shorten(first.strip(), 80)}{' ...' if more else ''}")
    return "\n".join(lines)
