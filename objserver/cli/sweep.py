"""`sweep`: have the server look for cycles that nothing reaches, and watch it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import click

from objserver.cli.connection import connected, server_option
from objserver.cli.show import print_foreign

if TYPE_CHECKING:
    from objserver.client import Client

POLL_SECONDS: Final = 0.1


@click.command()
@click.option("--no-wait", is_flag=True, help="Return at once; `objserver stats` shows how it goes, under reclaim.")
@server_option
def sweep(no_wait: bool, server: str) -> None:
    """Delete what nothing reaches though it refers to itself.

    What nothing refers to any more is deleted by itself. Objects that refer to each other in a circle are found by a
    sweep over the heap, which also begins by itself when twice as many objects were written as there are. It works
    in slices between the snippets of clients.

    \b
    Examples:
      objserver sweep
      objserver sweep --no-wait
    """
    with connected(server) as client:
        before = client.stats()["reclaim"]
        client.sweep()
        if not no_wait:
            after = _watch(client, before)
            count = after["deleted_objects"] - before["deleted_objects"]
            print_foreign(f"{count:,} objects deleted, {after['sweep_objects']:,} are left")


def _watch(client: Client, before: dict[str, Any]) -> dict[str, Any]:
    """Show how a sweep goes until it has ended; return the figures of then."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} objects"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("waiting", total=before["sweep_objects"])
        while True:
            now: dict[str, Any] = client.stats()["reclaim"]
            if now["sweeps"] > before["sweeps"]:
                return now
            total = max(now["sweep_objects"], now["sweep_marked"])
            progress.update(task, description=now["sweep"], completed=now["sweep_marked"], total=total)
            time.sleep(POLL_SECONDS)
