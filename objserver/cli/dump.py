"""`dump`: roots as JSON, read in pieces (pieces.py), so that a root may be larger than a reply or the memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import click
import orjson

from objserver.cli.connection import connected, fail, server_option
from objserver.cli.load import root_name
from objserver.cli.show import print_foreign

if TYPE_CHECKING:
    from objserver.cli.pieces import Pieces, Place


@click.command()
@click.argument("roots", nargs=-1, type=root_name, metavar="[ROOT]...")
@click.option("--format", type=click.Choice(["json", "jsonl"]), default="json", show_default=True,
              help="One JSON document, or the entries of one root a line each.")
@click.option("--output", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write to FILE instead of standard output; it appears when it is complete.")
@server_option
def dump(roots: tuple[str, ...], format: str, output: str | None, server: str) -> None:  # fmt: skip
    """Write roots as JSON.

    One ROOT gives its value; several, or none for all of them, give an object of name -> value. Without names,
    classes and functions are left out. What JSON can't say is written as tagged objects such as {"$set": [1, 2]},
    which `load --tagged` reads.

    With --format jsonl, a dict gives a line {"key": ..., "value": ...} for each entry, anything else a line for
    each item.

    A dump that takes a while is no snapshot; it says so when the heap changed meanwhile.

    \b
    Examples:
      objserver dump users --output users.json
      objserver dump users --format jsonl | gzip > users.jsonl.gz
      objserver dump > everything.json
    """
    if format == "jsonl" and len(roots) != 1:
        raise click.BadParameter("jsonl takes one ROOT", param_hint="--format")
    with connected(server) as client:
        from objserver.cli.pieces import DumpFailed, Pieces, Place

        figures = client.stats()
        existing = figures.get("roots", {})
        if missing := [name for name in roots if name not in existing]:
            fail(f"no root {missing[0]!r}; `objserver stats` lists them")
        names = roots or [name for name, kind in existing.items() if kind not in ("class", "function")]
        pieces = Pieces(client)
        places = [Place(name, name, {}) for name in names]
        if format == "jsonl":
            text = _lines(pieces, places[0])
        elif len(roots) == 1:
            text = pieces.value(places[0])
        else:
            text = _object(pieces, places)
        try:
            with _opened(output) as file:
                file.writelines(text)
                if format == "json":
                    file.write(b"\n")
        except BrokenPipeError:
            raise  # whoever read this has seen enough
        except (DumpFailed, OSError) as error:
            fail(f"{error}")
        # Not the seq: it counts the marks of checkpoints, too.
        if client.stats()["snippets_logged"] != figures["snippets_logged"]:
            print_foreign("the heap changed during the dump: some of it may be older than the rest")
        if output:
            print_foreign(f"{pieces.count:,} entries of {', '.join(names)} in {output}")


def _object(pieces: Pieces, places: Iterable[Place]) -> Iterator[bytes]:
    comma = b"{"
    for place in places:
        yield comma + orjson.dumps(place.root) + b":"
        yield from pieces.value(place)
        comma = b","
    yield b"}" if comma == b"," else b"{}"


def _lines(pieces: Pieces, place: Place) -> Iterator[bytes]:
    kind = pieces.kind(place)
    if kind == "other":
        yield from pieces.value(place)
        yield b"\n"
        return
    for key, text in pieces.entries(place, kind):
        if kind == "dict":
            yield b'{"key":' + orjson.dumps(key) + b',"value":'
            yield from text
            yield b"}\n"
        else:
            yield from text
            yield b"\n"


@contextmanager
def _opened(path: str | None) -> Iterator[IO[bytes]]:
    """Open the output; a file gets its name when it is complete, and a failure leaves what had that name before."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe is written to, not replaced
        with open(path, "wb") as file:
            yield file
    else:
        draft = f"{path}.partial"
        with open(draft, "wb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                os.unlink(draft)
                raise
        os.replace(draft, path)
