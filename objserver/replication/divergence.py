"""The report of a divergence: what a follower came to, what its leader has, and what to do about it.

    Diverged --> this side --> folder/divergence-SEQ.txt, .json --> ask the leader --> both sides, in the same files

SEQ is the entry that told. The first version is written before anybody is asked, so that there is one whatever happens
then. The files stay when the node is mended.

Promise: it names the entry, the snippets, and the objects with both their values as far as these are to be had; it is
whole or not there; to fail at it changes nothing of what the node does (tests/replication/test_divergence.py).
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from ..engine import RUNTIME, Difference, Divergence, Engine, Suspect, compare, suspects
from ..errors import DataDamaged, LogError
from ..log import EMPTY, Head
from ..store import Snapshot
from .inquiry import There, ask
from .link import Target
from .snapshot import mark_head
from .state import State, write_whole

__all__ = ["render", "report", "stop", "stop_at_start", "stopped"]

FORMAT: Final = 1
OBJECTS_MAX: Final = 200
_CODE_LENGTH_MAX: Final = 4_000


def stop(state: State, folder: Path, what: Divergence) -> None:
    """Let a follower be one that has diverged, from its next start on. Raises StorageFailed."""
    state.diverged = what.line
    state.report = str(_path(folder, what).absolute())
    _rewind(state, what.checkpoint or EMPTY)
    state.save(folder)


def stop_at_start(state: State, folder: Path, what: Divergence) -> str:
    """The same for a follower whose own log, run again at its start, comes to something else; with a report.

    Returns: a line for the operator. Raises DataDamaged, StorageFailed.
    """
    with Snapshot(folder / "heap") as snapshot:
        checkpoint = mark_head(snapshot.checkpoint_mark)
    if state.resync or state.diverged is not None:  # a snapshot replaces it anyway
        _rewind(state, checkpoint)
        state.save(folder)
        return f"the log is not run again from entry {checkpoint.seq + 1} on: {what.line}"
    what.checkpoint = checkpoint
    stop(state, folder, what)
    report(folder, what, None, None)
    return stopped(state)


def _rewind(state: State, checkpoint: Head) -> None:
    # To run the log again could come to something else again. What is behind the checkpoint only the leader has right.
    state.rewind = checkpoint.seq, checkpoint.digest


def stopped(state: State) -> str:
    """Return why a follower that has diverged serves nobody."""
    return (
        f"this replica has stopped: {state.diverged}; see {state.report}; `objserver resync` makes it a replica again"
    )


def _path(folder: Path, what: Divergence) -> Path:
    """Return the file for people; that for programs ends with .json."""
    return folder / f"divergence-{what.seq}.txt"


def report(folder: Path, what: Divergence, engine: Engine | None, target: Target | None) -> Path:
    """Write the report of a divergence; return the file for people.

    Args:
        engine: as it stopped; None when the folder could not be opened.
        target: whom to ask for the other side; None when there is nobody.
    Raises:
        StorageFailed: there is no report, or one of this side alone.
    """
    path = _path(folder, what)
    there = There(target[0] if target else "", "nobody was asked yet" if target else "nobody was asked")
    _write(path, _told(folder, what, there, [], ([], 0)))
    if engine is None:
        return path
    if target is not None:
        there = ask(engine, what, target)
    else:
        there.keys = sorted(what.changed)
    try:
        differences = compare(engine, what, there.keys, there.records, there.containers)
    except DataDamaged as error:
        differences = []
        there.error = there.error or str(error)
    names = {name for each in differences for name in _roots(each)}
    listed: tuple[list[Suspect], int] = [], 0
    if what.kind == "digest":
        try:
            listed = suspects(engine, what, names)
        except (LogError, DataDamaged) as error:
            there.error = there.error or str(error)
    _write(path, _told(folder, what, there, differences, listed))
    return path


def _roots(difference: Difference) -> list[str]:
    """Return the names of the roots that an object stands under, or that differ themselves."""
    if difference.title == "the roots":
        return [name for name, _, _ in difference.parts]
    name = difference.where.partition("[")[0].partition(".")[0].partition(" ")[0].partition(",")[0]
    return [name] if name else []


def _told(
    folder: Path, what: Divergence, there: There, differences: list[Difference], listed: tuple[list[Suspect], int]
) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "format": FORMAT,
        "kind": what.kind,
        "seq": what.seq,
        "checkpoint_seq": what.as_of_seq if what.kind == "digest" else None,
        "since_seq": what.since_seq,
        "time_ns": time.time_ns(),
        "runtime": RUNTIME,
        "folder": str(folder.absolute()),
        "summary": what.line,
        "here": what.here,
        "there": what.there or None,
        "leader": {
            "address": there.name or None,
            "error": there.error or None,
            "records_seq": there.seq or None,
            "records_of_the_same_entry": there.is_same,
        },
        "snippet": None if what.snippet is None else asdict(what.snippet),
        "objects": [asdict(each) for each in differences[:OBJECTS_MAX]],
        "object_count": len(differences),
        "records_compared": len(there.keys),
        "records_to_compare": there.key_count,
        "suspects": [{**asdict(each.first), "count": each.count, "mentions": each.mentions} for each in listed[0]],
        "suspect_count": listed[1],
    }


def _write(path: Path, told: dict[str, Any]) -> None:
    write_whole(path.with_suffix(".json"), orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str) + b"\n")
    write_whole(path, render(told).encode("utf-8", "backslashreplace"))


# --- for people -----------------------------------------------------------------------------------------------------


def render(told: dict[str, Any]) -> str:
    """Return the text of a report."""
    leader = told["leader"]
    name = leader["address"] or "its leader"
    when = datetime.fromtimestamp(told["time_ns"] / 1e9, UTC).isoformat(timespec="seconds")
    lines = [
        f"This replica is not what {name} is.",
        "",
        f"What      {told['summary']}",
        f"Where     {told['folder']}, {told['runtime']}, process {os.getpid()}",
        f"When      {when}",
    ]
    if told["kind"] == "digest":
        lines += [
            f"Digest    here {told['here']}, there {told['there']}, of what changed between the checkpoints of entries "
            f"{told['since_seq']} and {told['checkpoint_seq']}",
        ]
    if told["snippet"] is not None:
        lines += ["", "The snippet", *_snippet(told["snippet"]), f"    here it gives {_short(told['here'])}"]
        lines += ["    there it gave something else, of which the log has a checksum alone"]
    lines += ["", *_objects(told), *_suspects(told)]
    lines += [
        "",
        "What to do",
        "  This node applies nothing more and answers no query; its leader and the other replicas go on.",
        "  `objserver resync --server ADDRESS-OF-THIS-NODE` replaces what it has by a snapshot of its leader; this",
        "  file stays. Before that, keep a copy of the folder and report it with this file: the same snippets come to",
        "  the same everywhere, or there is a fault in objserver. Where it is always the same machine that disagrees,",
        "  look at its memory and disk.",
        "",
    ]
    return "\n".join(lines)


def _snippet(told: dict[str, Any]) -> list[str]:
    by = f", by {told['principal']}" if told["principal"] else ""
    request = f", request {told['request_id']}" if told["request_id"] else ""
    lines = [f"  entry {told['seq']}, snippet {told['index']} ({told['kind']}{by}{request})"]
    lines += [f"    | {line}" for line in _short(told["code"], _CODE_LENGTH_MAX).split("\n")]
    if told["args"] not in ("{}", "[[],{}]", ""):
        lines.append(f"    with {_short(told['args'])}")
    return lines


def _objects(told: dict[str, Any]) -> list[str]:
    leader, count = told["leader"], told["object_count"]
    lines = [f"Objects that differ: {count or 'none is known'}"]
    if leader["error"] is not None:
        lines.append(f"  The other side is missing, or a part of it: {leader['error']}.")
    elif leader["records_seq"] and not leader["records_of_the_same_entry"]:
        lines.append(
            f"  There as of the checkpoint of entry {leader['records_seq']}, here as of entry "
            f"{told['checkpoint_seq'] or told['seq']}: what changed in between is among them."
        )
    if told["records_to_compare"] > told["records_compared"]:
        lines.append(f"  {told['records_compared']} of {told['records_to_compare']} records were compared.")
    for each in told["objects"]:
        title = f"{each['where']}  ({each['title']})" if each["where"] else each["title"]
        lines.append(f"  {title}{': ' + each['note'] if each['note'] else ''}")
        for label, here, there in each["parts"]:
            other = "not known" if leader["error"] is not None and there is None else _short_or(there)
            lines += [f"    {label}", f"      here   {_short_or(here)}", f"      there  {other}"]
        if each["count"] > len(each["parts"]):
            lines.append(f"    and {each['count'] - len(each['parts'])} more parts")
    if count > len(told["objects"]):
        lines.append(f"  and {count - len(told['objects'])} more objects")
    return lines


def _suspects(told: dict[str, Any]) -> list[str]:
    if not told["suspect_count"]:
        return []
    lines = [
        "",
        f"Snippets that ran between these checkpoints, {told['suspect_count']} texts, those that mention what differs "
        "first",
    ]
    for each in told["suspects"]:
        lines += _snippet(each)
        also = f"mentions {', '.join(each['mentions'])}" if each["mentions"] else "mentions none of the roots"
        lines.append(f"    {also}; ran {each['count']} times" if each["count"] > 1 else f"    {also}")
    if told["suspect_count"] > len(told["suspects"]):
        lines.append(f"  and {told['suspect_count'] - len(told['suspects'])} more texts")
    return lines


def _short_or(text: str | None) -> str:
    return "nothing" if text is None else _short(text)


def _short(text: str, length_max: int = 1_000) -> str:
    return text if len(text) <= length_max else f"{text[:length_max]}... ({len(text)} characters)"
