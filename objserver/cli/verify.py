"""`objserver verify`: the only command that looks into a data folder. It needs no server.

    verify -> a process of its own -> engine/verify.py -> findings, a line each -> exit status

In a process of its own, because LMDB maps its file and trusts it: damage in its own pages may end whoever reads them
by a signal, which is then a finding.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from objserver.cli import STATUS_INTERRUPTED
from objserver.cli.connection import STATUS_FAILED, json_option
from objserver.cli.show import print_foreign, print_json

if TYPE_CHECKING:
    from objserver.engine.verify import Report

__all__ = ["verify"]


@click.command()
@click.option("--data", "folder", required=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder that keeps the objects; a server may be serving it.")
@json_option
def verify(folder: Path, as_json: bool) -> None:
    """Prove that a data folder is sound.

    Reads every byte of the log and of the last checkpoint: checksums, references, counts, the order and the index of
    large containers, and that log and checkpoint belong together. Changes nothing; beside a running server it looks at
    the last checkpoint, while the server goes on.

    A finding is a line: where, what, and what to do. The status is 0 when there is none, else 1.

    \b
    Examples:
      objserver verify --data ./data
      objserver verify --data ./data --json | jq .findings
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = STATUS_FAILED
        try:
            status = _verify(folder, as_json)
            sys.stdout.flush()
            sys.stderr.flush()
        except KeyboardInterrupt:
            status = STATUS_INTERRUPTED
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    while True:
        try:
            _, ended = os.waitpid(child, 0)
            break
        except KeyboardInterrupt:
            continue  # the child got it too, and is about to end
    status = os.waitstatus_to_exitcode(ended)
    if status < 0:
        _print_crash(folder, signal.Signals(-status).name, as_json)
        status = STATUS_FAILED
    sys.exit(status)


def _verify(folder: Path, as_json: bool) -> int:
    """Verify and print. Returns the exit status."""
    # Here and not above, so that the other commands do not wait for the engine.
    from objserver.engine.verify import verify as verify_folder
    from objserver.errors import ObjserverError

    try:
        with _progress() as show:
            report = verify_folder(folder, progress=show)
    except (ObjserverError, MemoryError, OSError) as error:
        print_foreign(f"objserver: {error or type(error).__name__}")
        return STATUS_FAILED
    if as_json:
        print_json(_summary(report))
    else:
        _print(folder, report)
    return 0 if report.sound else STATUS_FAILED


def _summary(report: Report) -> dict[str, Any]:
    return {
        "sound": report.sound,
        "seq": report.seq,
        "running": report.running,
        "log": report.log,
        "heap": report.heap,
        "notes": report.notes,
        "findings": [finding._asdict() for finding in report.findings.kept],
        "finding_count": report.findings.count,
    }


def _print(folder: Path, report: Report) -> None:
    findings, heap, log = report.findings, report.heap, report.log
    for finding in findings.kept:
        print_foreign(str(finding), sys.stdout)
    for note in report.notes:
        print_foreign(note)
    if findings.count > len(findings.kept):
        click.echo(f"and {findings.count - len(findings.kept):,} findings more")
    if heap:
        click.echo(
            f"checkpoint of entry {report.seq:,}: {heap['objects']:,} objects, {heap['pieces']:,} pieces, "
            f"{heap['size']:,} bytes"
        )
        if heap["pending_size"]:
            click.echo(f"waiting to be deleted: {heap['pending_objects']:,} objects, {heap['pending_size']:,} bytes")
        if heap["cycle_objects"]:
            click.echo(f"waiting for the sweep: {heap['cycle_objects']:,} objects, {heap['cycle_size']:,} bytes")
    if log:
        click.echo(f"log: entries {log['first_seq']:,} to {log['last_seq']:,} in {log['segments']:,} segments")
    noun = "finding" if findings.count == 1 else "findings"
    click.echo(f"{folder} is sound" if report.sound else f"{findings.count:,} {noun}: {folder} is not sound")


def _print_crash(folder: Path, name: str, as_json: bool) -> None:
    where, what = str(folder / "heap" / "data.mdb"), f"reading ended with {name}: LMDB's own pages are damaged"
    remedy = "restore the folder from a backup or a replica"
    if as_json:
        finding = {"where": where, "what": what, "remedy": remedy}
        print_json({"sound": False, "findings": [finding], "finding_count": 1})
    else:
        print_foreign(f"{where}: {what}; {remedy}", sys.stdout)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show progress on standard error if it is a terminal; gives a function of (records looked at, of how many)."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:,} of {task.total:,} records"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=0)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield show
