"""`eval`, `query` and `call`: one snippet from the command line, its value on standard output."""

from __future__ import annotations

import sys
from typing import Any

import click

from objserver.cli.connection import connected, json_option, server_option
from objserver.cli.show import print_json, print_value


def json_value(text: str) -> Any:
    """Return the value in JSON text, with tagged objects for what JSON can't say.

    Raises:
        click.UsageError: it is none.
    """
    from objserver.cli.trees import parse_value

    try:
        return parse_value(text.encode())
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON value: {error}; a text needs quotes: '\"bob\"'") from None


def argument(text: str) -> tuple[str, Any]:
    """Return the name and the value in NAME=JSON.

    Raises:
        click.UsageError: it is not like that.
    """
    name, found, value = text.partition("=")
    if not found or not name.isidentifier():
        raise click.BadParameter(f"{text!r} is not NAME=JSON, as in n=3 or name='\"bob\"'")
    return name, json_value(value)


argument_option = click.option(
    "--arg", "args", type=argument, multiple=True, metavar="NAME=JSON",
    help="A parameter of the snippet; may be given several times.",
)  # fmt: skip
depth_option = click.option(
    "--depth", type=click.IntRange(min=0), help="Levels of nesting to print; what lies deeper is named, not printed."
)


@click.command("eval")
@click.argument("source")
@argument_option
@depth_option
@json_option
@server_option
def evaluate(source: str, args: tuple[tuple[str, Any], ...], depth: int | None, as_json: bool, server: str) -> None:
    """Run a snippet and print its value.

    SOURCE is the text of a cell, @FILE for a file, or - for standard input. The value of its last expression goes
    to standard output: as Python writes it, or as JSON with --json. What it prints, and the traceback when it
    raises, go to standard error. A snippet that raises changes nothing; the exit status is then 1.

    \b
    Examples:
      objserver eval 'users = {}'
      objserver eval 'users[k] = {"name": n}' --arg k='"bob"' --arg n='"Bob"'
      objserver eval @queue.py
      echo 'len(users)' | objserver eval -
    """
    _run("eval", {"source": read_source(source), "args": _named(args)}, depth, as_json, server)


@click.command()
@click.argument("source")
@argument_option
@depth_option
@json_option
@server_option
def query(source: str, args: tuple[tuple[str, Any], ...], depth: int | None, as_json: bool, server: str) -> None:
    """Run a snippet that changes nothing and print its value.

    Like eval, but a snippet that changes an object of the heap is refused, and names it binds end with it.

    \b
    Examples:
      objserver query 'users[k]' --arg k='"bob"' --json
      objserver query 'sorted(users)[:10]'
      objserver query 'users' --depth 1
    """
    _run("query", {"source": read_source(source), "args": _named(args)}, depth, as_json, server)


@click.command()
@click.argument("path")
@click.argument("arguments", nargs=-1, type=json_value, metavar="[JSON]...")
@argument_option
@depth_option
@json_option
@server_option
def call(
    path: str,
    arguments: tuple[Any, ...],
    args: tuple[tuple[str, Any], ...],
    depth: int | None,
    as_json: bool,
    server: str,
) -> None:
    """Call a function or a method and print what it returns.

    PATH is a root function, or a method of an object a root leads to. Arguments are JSON; --arg names one. Put --
    before arguments that begin with a minus sign.

    \b
    Examples:
      objserver call jobs.push '{"task": "resize"}'
      objserver call total --arg since=2020 --json
      objserver call shift -- -1
    """
    params = {"path": path, "args": list(arguments), "kwargs": _named(args)}
    _run("call", params, depth, as_json, server)


def _run(method: str, params: dict[str, Any], depth: int | None, as_json: bool, server: str) -> None:
    if depth is not None:
        params["depth"] = depth
    with connected(server) as client:
        if as_json:
            from objserver.cli.trees import request_tree

            print_json(request_tree(client, method, **params))
        else:
            print_value(client.request(method, **params))


def read_source(source: str) -> str:
    """Return the text that SOURCE stands for: itself, standard input for "-", the content of a file for "@FILE".

    Raises:
        click.UsageError: the file can't be read, or what SOURCE stands for is not UTF-8.
    """
    try:
        if source == "-":
            return sys.stdin.buffer.read().decode()
        if source.startswith("@"):
            with open(source[1:], "rb") as file:
                return file.read().decode()
        source.encode()  # an argument that is not UTF-8 holds lone surrogates
    except (OSError, UnicodeError) as error:
        raise click.BadParameter(f"can't read the snippet: {error}", param_hint="SOURCE") from None
    return source


def _named(args: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    named = dict(args)
    if len(named) != len(args):
        raise click.BadParameter("a name is given twice", param_hint="--arg")
    return named
