"""`load`: the records of a file into a root. batches.py does the work; here are options, progress and last words."""

from __future__ import annotations

import keyword
import os
import shlex
import signal
import stat
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import click

from objserver.cli import STATUS_INTERRUPTED
from objserver.cli.batches import Load, LoadRefused, Plan, cut_batches, cut_groups
from objserver.cli.connection import (
    DEFAULT_SERVER,
    STATUS_FAILED,
    connected,
    json_option,
    print_error,
    server_option,
)
from objserver.cli.records import FORMATS, SUFFIXES, BadRecord, Records, read_records
from objserver.cli.show import print_foreign, print_json
from objserver.errors import ObjserverError


def root_name(text: str) -> str:
    """Return the name of a root in `text`. It becomes part of a snippet, so it must be nothing but a name.

    Raises:
        click.UsageError: it is not.
    """
    text = unicodedata.normalize("NFKC", text)  # as Python does with the names in a source
    if not text.isidentifier() or keyword.iskeyword(text) or text.startswith("_"):
        raise click.BadParameter(f"{text!r} can't be a root: a name as in Python that does not begin with _")
    return text


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--into", "root", type=root_name, required=True, metavar="ROOT", help="The root that takes the records.")
@click.option("--key", metavar="FIELD", help="The field of a record that is its key: ROOT is then a dict.")
@click.option("--value", metavar="FIELD", help="The field of a record to keep, instead of the whole record.")
@click.option("--format", type=click.Choice(FORMATS), help="What FILE holds, if its name does not tell.")
@click.option("--append", "mode", flag_value="append", help="Add to ROOT; a key it has gets the new value.")
@click.option("--replace", "mode", flag_value="replace", help="Throw away what ROOT holds when the load begins.")
@click.option("--skip", type=click.IntRange(min=0), default=0, metavar="N", help="Leave out the first N records.")
@click.option("--numbers", is_flag=True, help="CSV: text that reads as a JSON number becomes one.")
@click.option("--tagged", is_flag=True, help='Read tagged values such as {"$set": [1]}, as dump writes them.')
@json_option
@server_option
def load(
    file: str,
    root: str,
    key: str | None,
    value: str | None,
    format: str | None,
    mode: str | None,
    skip: int,
    numbers: bool,
    tagged: bool,
    as_json: bool,
    server: str,
) -> None:
    """Load the records of a file into a root.

    FILE is JSON (an array of records, or an object of key -> record), JSON Lines (.jsonl, .ndjson) or CSV with a
    header row; - is standard input. ROOT becomes a dict with --key or when FILE is an object, otherwise a list. It
    must not exist yet, unless --append or --replace is given.

    Records go in batches of about 500. A batch is there as a whole or not at all. When a load ends early, it says
    how many records are acknowledged and with which command to go on.

    \b
    Examples:
      objserver load cities.json --into cities
      objserver load users.jsonl --into users --key email
      objserver load words.csv --into counts --key word --value count --numbers
      zcat log.jsonl.gz | objserver load - --format jsonl --into events --append
    """
    format = format or SUFFIXES.get(os.path.splitext(file)[1].lower())
    if format is None:
        raise click.BadParameter(f"the name of {file!r} does not tell the format", param_hint="--format")
    if tagged and format == "csv":
        raise click.BadParameter("CSV holds no tagged values", param_hint="--tagged")
    if numbers and format != "csv":
        raise click.BadParameter("only CSV has numbers as text", param_hint="--numbers")

    from objserver.cli.trees import value_of

    with connected(server) as client, click.open_file(file, "rb") as stream, stopping() as stopped:
        started = time.monotonic()
        work: Load | None = None
        try:
            records = read_records(
                stream, file, format, size=_size(stream), numbers=numbers, decode=value_of if tagged else None
            )
            work = Load(client, file, Plan(root, mode or "new", records.keyed or key is not None, key, value, skip))
            _send_all(work, records, stopped)
        except (BadRecord, LoadRefused, ObjserverError, OSError) as error:
            print_error(error)
            if work and work.prepared:
                print_foreign(_how_to_go_on(work, may_hold_more=isinstance(error, ObjserverError)))
            sys.exit(STATUS_FAILED)
        if stopped():
            print_foreign("interrupted")
            if work.prepared:
                print_foreign(_how_to_go_on(work, may_hold_more=False))
            sys.exit(STATUS_INTERRUPTED)
        _print_summary(work, time.monotonic() - started, as_json)


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Let the first SIGINT ask for an end between two groups, where the count is exact; the second one interrupts.

    Gives a function that tells whether the end has been asked for.
    """
    asked = False

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _send_all(work: Load, records: Records, stopped: Callable[[], bool]) -> None:
    groups = cut_groups(cut_batches(records, work.plan))
    with _progress(records) as show:
        for group in groups:
            if stopped():
                return
            if not work.prepared:
                work.prepare()
            work.send(group)
            show(group[-1].done, work.acknowledged)
        if not work.prepared:  # a file without records makes an empty root
            work.prepare()


@contextmanager
def _progress(records: Records) -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error if it is a terminal; gives a function of (done of the total, records)."""
    if not sys.stderr.isatty():
        yield lambda done, count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[count]:,} records"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=records.total, count=0, rate=0)

        def show(done: int, count: int) -> None:
            rate = count / max(time.monotonic() - started, 1e-3)
            progress.update(task, completed=done, count=count, rate=rate)

        yield show


def _size(stream: IO[bytes]) -> int | None:
    """Return the size in bytes of a regular file, None for a pipe."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # no file at all: standard input that a program has replaced
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _how_to_go_on(work: Load, *, may_hold_more: bool) -> str:
    """Return what is acknowledged, and the command that loads the rest.

    Args:
        may_hold_more: requests were under way whose replies nobody has seen.
    """
    params = click.get_current_context().params
    plan = work.plan
    server = ["--server", params["server"]] if params["server"] != DEFAULT_SERVER else []
    command = ["objserver", "load", params["file"], "--into", plan.root]
    for option in ("key", "value", "format"):
        command += [f"--{option}", params[option]] if params[option] else []
    command += [f"--{option}" for option in ("numbers", "tagged") if params[option]]
    command += [*server, "--append", "--skip", str(plan.skip + work.acknowledged)]
    lines = [f"{work.acknowledged:,} records are acknowledged; go on with:", f"  {shlex.join(command)}"]
    if may_hold_more and not plan.keyed:
        # Loading a key again has the same effect, loading an item again has not.
        question = ["objserver", "query", *server, f"len({plan.root}) - {work.length_before} + {plan.skip}"]
        lines += ["but skip what this says, if it is more:", f"  {shlex.join(question)}"]
    return "\n".join(lines)


def _print_summary(work: Load, seconds: float, as_json: bool) -> None:
    rate = work.acknowledged / max(seconds, 1e-3)
    if as_json:
        figures = {"records": work.acknowledged, "replaced": work.replaced, "seconds": round(seconds, 3),
                   "records_per_second": round(rate)}  # fmt: skip
        print_json(figures)
        return
    replaced = f", {work.replaced:,} in place of one with the same key" if work.replaced else ""
    click.echo(f"{work.acknowledged:,} records into {work.plan.root} in {seconds:.1f} s ({rate:,.0f}/s){replaced}")
