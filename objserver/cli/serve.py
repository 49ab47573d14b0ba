"""`objserver serve`: the only command that starts a server."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import click

__all__ = ["serve"]

MIB: Final = 1024 * 1024


@click.command()
@click.option("--data", "folder", required=True, metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
              help="Folder that keeps the objects; made if it is missing. One server at a time holds it.")
@click.option("--listen", multiple=True, metavar="ADDRESS", default=["127.0.0.1:7707"], show_default=True,
              help="HOST:PORT, [IPV6]:PORT or unix:/path; may be given several times. Port 0 takes a free one.")
@click.option("--follow", multiple=True, metavar="HOST:PORT",
              help="Be a replica of this server: run what it runs, answer queries, refuse changes. May be given several"
                   " times: they are tried in turn, and each may be a leader or a replica itself.")
@click.option("--sync-replicas", type=click.IntRange(0, 64), default=0, show_default=True,
              help="Let the reply to a change wait until so many replicas have it on disk.")
@click.option("--sync-replicas-seconds", type=click.FloatRange(0.1, 3600), default=10, show_default=True,
              help="And tell the client when they did not say so in this time.")
@click.option("--durability", type=click.Choice(["always", "interval", "none"]), default="always", show_default=True,
              help="When a change is on the disk: before its reply leaves; at most --sync-ms after; or when the"
                   " system gets to it. The last two lose the latest changes when the machine fails, never order"
                   " and never half a snippet.")
@click.option("--sync-ms", type=click.IntRange(1, 60_000), default=100, show_default=True,
              help="With --durability interval: at most this much of acknowledged work can be lost.")
@click.option("--cache-mb", type=click.IntRange(1), default=256, show_default=True,
              help="Memory for objects in use; colder ones go back to disk and come when they are touched.")
@click.option("--fuel", type=click.IntRange(1), default=10_000_000, show_default=True,
              help="Steps (loop passes, function calls) a snippet may take before it is stopped and undone.")
@click.option("--checkpoint-mb", type=click.IntRange(1), default=64, show_default=True,
              help="Checkpoint when the log has grown by this much, and when running it again would take some seconds."
                   " Less makes a start after a crash quicker, more writes a hot object less often.")
@click.option("--checkpoint-seconds", type=click.FloatRange(0.1, 86_400), default=10, show_default=True,
              help="Checkpoint this long after a change at the latest.")
@click.option("--retention-mb", type=click.IntRange(0), default=256, show_default=True,
              help="Log kept although no checkpoint needs it any more, for `objserver log` to show.")
@click.option("--snippet-seconds", type=click.FloatRange(0.1, 3600), default=10, show_default=True,
              help="A snippet that runs longer, where fuel does not reach it, ends the server before anything of it is"
                   " kept. The server is back within a second, and refuses that snippet.")
@click.option("--memory-mb", type=click.IntRange(64), default=None,
              help="Memory the server may take; a snippet that wants more ends it likewise.  [default: 3/4 of what"
                   " there is]")
@click.option("--no-confine", is_flag=True,
              help="Keep the right to reach files, programs and the network, which no snippet should ever get at.")
def serve(folder: Path, listen: tuple[str, ...], follow: tuple[str, ...], sync_replicas: int,
          sync_replicas_seconds: float, durability: Literal["always", "interval", "none"], sync_ms: int,
          cache_mb: int, fuel: int, checkpoint_mb: int, checkpoint_seconds: float, retention_mb: int,
          snippet_seconds: float, memory_mb: int | None, no_confine: bool) -> None:
    """Serve the objects kept in a folder.

    Prints `ready ADDRESS seq=N` when clients can connect. SIGTERM or Ctrl-C stops it: what has arrived is
    answered, the objects are written, the status is 0. A second one ends it at once; nothing acknowledged is lost.

    \b
    objserver serve --data ./data
    objserver serve --data ./data --listen 127.0.0.1:0 --listen unix:./objserver.sock
    """
    # Here and not above, so that the other commands do not wait for it. The engine is imported by the server alone,
    # a process of its own.
    import os

    from objserver.errors import ListenFailed
    from objserver.server.listeners import advertised, open_listeners, resolve, resolve_targets
    from objserver.server.plan import Plan
    from objserver.server.supervisor import Supervisor, default_memory_size

    try:
        addresses = [resolve(text) for text in listen]
    except ListenFailed as error:
        raise click.BadParameter(str(error), param_hint="'--listen'") from error
    try:
        resolve_targets(follow)
    except ListenFailed as error:
        raise click.BadParameter(str(error), param_hint="'--follow'") from error
    try:
        listeners = open_listeners(addresses)
    except ListenFailed as error:
        raise click.ClickException(str(error)) from error
    options = {
        "durability": durability, "fuel": fuel, "cache_size": cache_mb * MIB, "checkpoint_size": checkpoint_mb * MIB,
        "checkpoint_seconds": checkpoint_seconds, "retention_size": retention_mb * MIB,
    }  # fmt: skip
    plan = Plan(
        folder=str(folder),
        options=options,
        sync_seconds=sync_ms / 1000,
        memory_size=default_memory_size() if memory_mb is None else memory_mb * MIB,
        confined=not no_confine,
        sockets=[],
        pulse=-1,
        supervisor=os.getpid(),
        follow=list(follow),
        address=advertised(listener.name for listener in listeners),
        sync_count=sync_replicas,
        sync_count_seconds=sync_replicas_seconds,
        facts={},
    )
    raise SystemExit(Supervisor(plan, listeners, snippet_seconds=snippet_seconds).run())
