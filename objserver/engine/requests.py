"""What goes into the engine and what comes out: plain data, the same for every door.

    door: message -> Request -> [engine] -> Outcome -> reply
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol

__all__ = ["Codec", "Durability", "Fault", "FaultKind", "Kind", "Options", "Outcome", "Request", "make_request"]

Kind = Literal["eval", "query", "call"]
Durability = Literal["always", "interval", "none"]

MIB: Final = 1024 * 1024


class FaultKind(IntEnum):
    """Why a snippet has no value. The numbers are those of the native protocol (objserver/wire/messages.py)."""

    RAISED = -32000
    REFUSED = -32001
    OUT_OF_FUEL = -32002
    READ_ONLY = -32003
    NOT_STORABLE = -32004
    RESULT_TOO_LARGE = -32005
    NOT_LEADER = -32030
    NOT_REPLICATED = -32031
    TOO_FEW_REPLICAS = -32033


class Fault(NamedTuple):
    """How a snippet failed. It was rolled back and is not in the log, unless it is NOT_REPLICATED.

    `leader` is the address of the server to ask instead, where it is known.
    """

    code: FaultKind
    type: str
    message: str
    line: int | None = None
    traceback: str = ""
    leader: str | None = None


# One snippet to run, and what became of it. Plain tuples: there is one of each for every request, and with names for
# their items they take six times as long to make and to take apart.
#
# Request: kind, code, args, positional, depth, principal, request_id, as `make_request` says.
# Outcome: value (JSON) or None, fault or None, log position it is true for, what was printed.
Request = tuple[Kind, str, Mapping[str, Any], Sequence[Any], int | None, str, str]
Outcome = tuple[bytes | None, Fault | None, int, str]


def make_request(
    kind: Kind,
    code: str,
    args: Mapping[str, Any] = MappingProxyType({}),
    positional: Sequence[Any] = (),
    depth: int | None = None,
    principal: str = "",
    request_id: str = "",
) -> Request:
    """Return a request.

    Args:
        code: source text; for a call the path to a function or method, such as "jobs.push".
        args: parameters by name; of a call the keyword arguments. The engine may keep and change what they hold.
        positional: of a call.
        depth: how many levels of containers the value goes down; None for all.
        principal: who asks, for the log.
        request_id: the client's own number of the request, for the log.
    """
    return kind, code, args, positional, depth, principal, request_id


class Codec(Protocol):
    """How values travel and are logged; the wire package hands it in."""

    def encode(
        self,
        value: Any,
        describe: Callable[[Any], Any] | None = None,
        depth: int | None = None,
        size_max: int | None = None,
    ) -> bytes:
        """Return a value as JSON. `describe` tells the shape of what is not a plain value."""
        ...

    def encode_arguments(self, named: Mapping[str, Any], positional: Sequence[Any] | None) -> bytes | None:
        """Return what `encode` makes of `named`, or of [positional, named], where all are texts, whole numbers, bools
        and None; None where they may be something else."""
        ...

    def encode_document(self, value: Any, contents: Callable[[Any], Any]) -> bytes:
        """Return what `encode` makes of dicts and lists in each other that hold nothing but texts, finite numbers,
        bools and None, with texts for keys that have no "$" in them. `contents` tells what is in a container that is
        no plain dict or list.

        Raises:
            TypeError: a text or number that JSON has no word for, or an error of `contents`.
        """
        ...

    def loads(self, data: bytes) -> Any:
        """Return the value of JSON that `encode` made; sets as the heap's."""
        ...

    @property
    def shape(self) -> Callable[..., Any]:
        """(kind, content, class name, oid) -> what `describe` returns."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an engine runs.

    Attributes:
        durability: "always" syncs the log before `run` returns, "interval" when `sync` is called, "none" leaves it
            to the operating system.
        fuel: steps one snippet may take: loop passes and function calls. Replicas must agree on it.
        cache_size: bytes of memory for objects that could be read again from disk. A bound for what is kept between
            snippets; one snippet may load more.
        checkpoint_size: bytes of log after which a checkpoint begins.
        checkpoint_count: changed objects after which one begins: they stay in memory until it ends. With a small cache
            it is one for each 2 KiB of that.
        checkpoint_seconds: how long a change waits for one, where somebody has a clock (Engine.want_checkpoint).
        retention_size: bytes of log kept although the checkpoint no longer needs them.
        segment_size: bytes of one file of the log.
    """

    durability: Durability = "always"
    fuel: int = 10_000_000
    cache_size: int = 256 * MIB
    checkpoint_size: int = 64 * MIB
    checkpoint_count: int = 100_000
    checkpoint_seconds: float = 10
    retention_size: int = 256 * MIB
    segment_size: int = 64 * MIB

    def __post_init__(self) -> None:
        if self.durability not in ("always", "interval", "none"):
            raise ValueError(f"durability {self.durability!r} is not one of always, interval, none")
        for name in ("fuel", "cache_size", "checkpoint_size", "checkpoint_count", "checkpoint_seconds", "segment_size"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
