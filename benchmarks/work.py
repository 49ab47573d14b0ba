"""What a work is that is measured side by side, and pieces that the works of `workloads.py` are written with.

    Work = roots with data  +  calls, that take turns  +  for each system: statements, requests, totals

A call is a function of `procedures.py`: objserver runs it as a stored function or a snippet, the floor and ZEO's
clients run the function itself, and the others do the same in the way that is natural to them. A system that is not in
`peers` of a work has no fair way to do it, or none that tells more. `gains` are what each call adds to the totals,
which every system must come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any, Final, Literal

from benchmarks import procedures

__all__ = [
    "SCRIPTS", "Call", "Peer", "Root", "Work", "filled", "has", "lua_count", "lua_total", "script", "space_total"
]  # fmt: skip


@dataclass(frozen=True)
class Root:
    """A root with data: texts to documents, documents in order, or whole numbers to texts in their order."""

    name: str
    kind: Literal["documents", "sequence", "sorted"]
    make: Callable[[int], Any]
    """The entry of a number."""
    count: int | None = None
    """How many there are; None: as many as the benchmark has documents."""

    def entries(self, count: int) -> dict[str, Any]:
        wanted = count if self.count is None else self.count
        return {str(number): self.make(number) for number in range(wanted)}


@dataclass(frozen=True)
class Call:
    """One request: a function of `procedures.py`, its arguments, and a text that every reply must have."""

    function: str
    arguments: tuple[str, ...] = ("{{key}}",)
    expect: str | None = None
    snippet: str | None = None
    """What objserver evaluates instead of the call, with the key as `k`."""


@dataclass(frozen=True)
class Peer:
    """How a system does it: what to run first, a template of the load generator for each function, the totals."""

    requests: Mapping[str, str]
    setup: str = ""
    totals: str = ""


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    roots: tuple[Root, ...]
    calls: tuple[Call, ...]
    peers: Mapping[str, Peer]
    gains: Mapping[str, Sequence[int]] = field(default_factory=dict)
    totals: str = "[]"
    """An expression on the roots, in Python."""
    case: str = ""
    """What tells this one from others of its name."""
    keys: Callable[[int], Iterable[str]] = lambda count: map(str, range(count))
    key_order: str = "random"

    def functions(self) -> str:
        """The text of the functions, as objserver stores it."""
        return procedures.source(*dict.fromkeys(call.function for call in self.calls))


SCRIPTS: Final[dict[str, str]] = {}
"""Redis' scripts by their digests, which stand in the requests."""


def script(text: str, *keys: str) -> str:
    """A request to run a script in Redis."""
    digest = sha1(text.encode()).hexdigest()
    SCRIPTS[digest] = text
    return "\n".join(["EVALSHA", digest, str(len(keys)), *keys])


def lua_total(pattern: str, *fields: str) -> str:
    """Sums of fields over Redis' documents."""
    names = range(len(fields))
    start = "\n".join(f"local s{at} = 0" for at in names)
    steps = "\n".join(f"s{at} = s{at} + {name}" for at, name in zip(names, fields, strict=True))
    return (
        f"{start}\nfor _, key in ipairs(redis.call('KEYS', '{pattern}')) do\n"
        f"local d = cjson.decode(redis.call('GET', key))\n{steps}\nend\n"
        f"return string.format('{' '.join('%d' for _ in names)}', {', '.join(f's{at}' for at in names)})"
    )


def lua_count(command: str, key: str) -> str:
    return f"return tostring(redis.call('{command}', '{key}'))"


def space_total(name: str, *fields: str) -> str:
    """Sums of fields over a space of Tarantool."""
    names = ", ".join(f"s{at}" for at in range(len(fields)))
    steps = "; ".join(f"s{at} = s{at} + {text}" for at, text in enumerate(fields))
    return (
        f"local {names} = {', '.join('0' for _ in fields)}\n"
        f"for _, t in box.space.{name}:pairs() do local d = t[2]; {steps} end\nreturn {names}"
    )


def filled(text: str, key: str) -> str:
    """A template with its key, as the load generator fills it."""
    first, _, second = key.partition(" ")
    return text.replace("{{key}}", key).replace("{{key1}}", first).replace("{{key2}}", second)


def has(reply: Any, wanted: str) -> bool:
    """Whether a text in a Python object, or one step into it, has the wanted one in it."""
    found = [reply] if isinstance(reply, str) else reply if isinstance(reply, list) else reply.values()
    return any(wanted in one for one in found if isinstance(one, str))
