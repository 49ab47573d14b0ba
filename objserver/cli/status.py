"""`stats` and `log`: what the server is doing, and what it has done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from objserver.cli.connection import connected, json_option, server_option
from objserver.cli.records import parse_json
from objserver.cli.show import print_foreign, print_json, printable

if TYPE_CHECKING:
    from rich.table import Table

    from objserver.client import Client

# Entries asked for at once: a reply must fit a frame, and an entry can hold hundreds of snippets.
PAGE_COUNT: Final = 20


@click.command()
@json_option
@server_option
def stats(as_json: bool, server: str) -> None:
    """Show the server's figures and its roots.

    \b
    Examples:
      objserver stats
      objserver stats --json | jq .seq
    """
    with connected(server) as client:
        if as_json:
            from objserver.cli.trees import request_tree

            print_json(request_tree(client, "stats"))
        else:
            print_stats(client.stats())


def print_stats(figures: Mapping[str, Any]) -> None:
    """Print the figures as a table, then the roots with their kinds as another one."""
    from rich.console import Console

    rest = {name: value for name, value in figures.items() if name not in ("replication", "roots")}
    console = Console()
    console.print(_table(("figure", "value"), flatten(rest).items(), right={1}))
    replication = dict(figures.get("replication", {}))
    if replication:
        followers = replication.pop("followers", [])
        console.print(_table(("replication", ""), [(name, _or_unknown(value)) for name, value in replication.items()]))
        if followers:
            header = ("follower", "state", "seq", "lag entries", "bytes", "seconds")
            console.print(_table(header, map(_describe_follower, followers), right={2, 3, 4, 5}))
    roots = figures.get("roots", {})
    if roots:
        console.print(_table(("root", "kind"), sorted(roots.items())))


def _describe_follower(follower: Mapping[str, Any]) -> tuple[Any, ...]:
    state = follower["state"]
    if follower.get("snapshot_size"):
        state = f"{state} {100 * follower['snapshot_sent'] // follower['snapshot_size']} %"
    lag = (follower.get(name, "") for name in ("lag_entries", "lag_bytes", "lag_seconds"))
    return (_or_unknown(follower["address"]), state, follower["seq"], *lag)


def _or_unknown(value: object) -> object:
    return "not known" if value is None else value


def flatten(figures: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested figures as one level, with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in figures.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


@click.command()
@click.option("--first", type=click.IntRange(min=1), metavar="SEQ", help="The first entry; default: the last ones.")
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many entries.")
@click.option("--full", is_flag=True, help="Show all of the code and the arguments instead of one line of each.")
@json_option
@server_option
def log(first: int | None, count: int, full: bool, as_json: bool, server: str) -> None:
    """Show entries of the log.

    An entry is a batch of snippets that ran together and changed something: its number, time (UTC), size and digest,
    and for each snippet who sent it, its code and its arguments. With --json, one entry a line.

    \b
    Examples:
      objserver log
      objserver log --first 1 --count 100
      objserver log --count 1 --full
    """
    with connected(server) as client:
        if first is None:
            client.ping()
            first = max(1, client.seq - count + 1)
        for entry in read_entries(client, first, count):
            if as_json:
                for snippet in entry["snippets"]:
                    snippet["args"] = parse_json(snippet["args"].encode())
                print_json(entry)
            else:
                print_foreign(describe_entry(entry, full), sys.stdout)


def read_entries(client: Client, first: int, count: int) -> Iterable[dict[str, Any]]:
    """Yield up to `count` entries from seq `first` on, as trees (trees.py); fewer at the end of the log."""
    from objserver.cli.trees import request_tree

    while count > 0:
        page = request_tree(client, "log", first=first, count=min(PAGE_COUNT, count))
        if not page:
            return
        yield from page
        first = page[-1]["seq"] + 1
        count -= len(page)


def describe_entry(entry: Mapping[str, Any], full: bool) -> str:
    """Return an entry as lines of text: one for itself, one or more for each snippet."""
    head = [str(entry["seq"]), iso_time(entry["time_ns"]), entry["kind"], f"term {entry['term']}"]
    head += [f"{entry['size']:,} bytes", entry["digest"]]
    if "checkpoint_seq" in entry:
        head += [f"checkpoint of seq {entry['checkpoint_seq']}", f"records {entry['records_digest']}"]
    return "\n".join(["  ".join(head), *(_describe_snippet(snippet, full) for snippet in entry["snippets"])])


def _describe_snippet(snippet: Mapping[str, Any], full: bool) -> str:
    # The log keeps a text once for a while; an entry far behind it has the digest alone.
    code = f"(code {snippet['code_digest']})" if snippet["code"] is None else snippet["code"].strip()
    args = "" if snippet["args"] in ("", "{}", "[]") else snippet["args"]
    head = f"    {snippet['principal']}: " if snippet["principal"] else "    "
    if full:
        lines = [f"{head}{snippet['kind']}  result {snippet['result_crc']:08x}"]
        lines += [f"        {line}" for line in code.splitlines()]
        return "\n".join(lines + ([f"        with {args}"] if args else []))
    first, more, _ = code.partition("\n")
    line = f"{head}{snippet['kind']}  {shorten(first, 80)}{' ...' if more else ''}"
    return line + (f"  with {shorten(args, 60)}" if args else "")


def iso_time(time_ns: int) -> str:
    """Return nanoseconds since 1970 as ISO 8601 text with microseconds, in UTC."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def shorten(text: str, length_max: int) -> str:
    """Return `text`, or its beginning and three dots."""
    return text if len(text) <= length_max else text[: length_max - 3] + "..."


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Set[int] = frozenset()) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False)
    for position, name in enumerate(header):
        table.add_column(name, justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        # Text, because a str would be read as rich's own markup.
        table.add_row(*(Text(printable(_shown(value))) for value in row))
    return table


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
