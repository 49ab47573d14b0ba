"""The objects that the benchmarks keep: the same on every machine, made from their number alone.

A key is the number as text, as the load generator writes it. Each document names its key in `id`, so that a reply can
be checked to be about the document that was asked for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from benchmarks.servers import Objserver, Redis

Document = dict[str, Any]

# One request of a load: large enough that the round trip does not count, small beside the frame limit.
BATCH_COUNT: Final = 500

# Every document has these as its first member in both servers' replies.
EXPECTED: Final = '"id":"{{key}}"'


def user(number: int) -> Document:
    """A flat record, some 100 bytes of JSON."""
    return {
        "id": str(number),
        "name": f"User {number}",
        "age": 18 + number % 60,
        "email": f"user{number}@example.org",
        "active": number % 3 != 0,
    }


def city(number: int) -> Document:
    """A nested record in the shape of a gazetteer's, some 600 bytes of JSON."""
    draw = random.Random(number)
    syllables = ("ba", "tor", "lin", "mé", "sán", "ko", "жи", "vil", "stad", "ny", "λθ", "日本")
    names = ["".join(draw.choices(syllables, k=3)).capitalize() for _ in range(draw.randint(4, 12))]
    return {
        "id": str(number),
        "name": names[0],
        "position": {"latitude": draw.uniform(-90, 90), "longitude": draw.uniform(-180, 180)},
        "country": {"code": draw.choice(["AD", "BR", "CZ", "DE", "JP"]), "continent": {"code": "EU"}},
        "population": draw.randint(1_000, 9_000_000),
        "timezone": "Europe/Andorra",
        "alternatenames": names[1:],
        "history": [{"year": 1900 + 25 * step, "population": draw.randint(100, 9_000_000)} for step in range(4)],
    }


MAKERS: Final[Mapping[str, Callable[[int], Document]]] = {"users": user, "cities": city}


def batches(kind: str, count: int) -> Iterator[dict[str, Document]]:
    """The first `count` documents of a kind, in batches by key."""
    numbers = iter(range(count))
    while batch := {str(number): MAKERS[kind](number) for number in islice(numbers, BATCH_COUNT)}:
        yield batch


def fill_objserver(server: Objserver, kind: str, count: int) -> None:
    """Make the root `kind` a dict of the first `count` documents, and wait for the checkpoints that brings."""
    with server.client() as client:
        client.eval(f"{kind} = {{}}")
        for batch in batches(kind, count):
            client.eval(f"for _key, _document in batch.items(): {kind}[_key] = _document", batch=batch)
    server.wait_idle()


def fill_redis(server: Redis, kind: str, count: int) -> None:
    """Store each document as JSON text under its key, written as objserver's replies are."""
    for batch in batches(kind, count):
        server.command(*(["SET", f"{kind}:{key}", compact(document)] for key, document in batch.items()))


def compact(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
