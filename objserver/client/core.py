"""The client without its sockets: what both shells have in common. Does no I/O.

    eval, query, ..  -> Call -> Conversation.start -> unsent bytes -> [shell: socket] -> server
    result, or error <- Call <- Conversation.receive <- bytes      <- [shell: socket] <-

A `Call` outlives a connection and may be sent again; a `Conversation` is one connection's numbering of what waits
for a reply. Which node gets a call, and which call is sent again, is decided in `routing.py`.

Promise: each call ends exactly once: with its own reply, or with an error that says whether it may have run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import EllipsisType
from typing import Any, Final, Generic, Literal, TypeVar

from objserver import errors
from objserver.client.errors import ConnectionLost, ProtocolError, RemoteError, ReplyTimeout, remote_error
from objserver.client.records import Record, Ref
from objserver.wire import (
    PROTOCOL,
    ErrorCode,
    FrameReader,
    MessageError,
    Reply,
    decode,
    encode_request,
    extend_request,
    parse_reply,
)

__all__ = [
    "CONNECT_SECONDS_MAX",
    "Call",
    "Conversation",
    "Methods",
    "Options",
    "ReadFrom",
    "Unset",
    "deliver_output",
    "new_call",
    "new_hello",
]

# To reach a server. A supervisor starts one again within a second.
CONNECT_SECONDS_MAX: Final = 5.0

T = TypeVar("T")

# Run twice, these do no harm, so they are sent again when a connection breaks under them.
_REPEATABLE: Final = frozenset({"code", "hello", "history", "log", "ping", "query", "source", "stats", "sweep"})

# What a node answers that did not run a query, and another node may.
_ELSEWHERE: Final = frozenset({ErrorCode.NOT_LEADER, ErrorCode.BEHIND, ErrorCode.UNAVAILABLE})

ReadFrom = Literal["leader", "any"]
Unset = EllipsisType


def _print_output(text: str) -> None:
    sys.stdout.write(text)


@dataclass(frozen=True, slots=True)
class Options:
    """How calls are made.

    Attributes:
        depth: levels of containers a value goes down, the rest comes as `Ref`; None for all.
        timeout: seconds to wait for a reply; None for as long as it takes.
        on_output: gets what a snippet printed, before its value is returned.
        read_from: who answers a `query`: "leader", as all else, or "any" of the addresses in turn, each once it has
            what this client has seen, so that it reads what it wrote (docs/client.md).
        min_seq: a position in the log, such as another client's `seq`, which a node must have reached before it runs
            an `eval`, `query` or `call`; else `Behind`.
        wait_seconds: how long it may take a node to get there, at most 60; None for the server's 5 seconds.
    """

    depth: int | None = None
    timeout: float | None = None
    on_output: Callable[[str], object] = _print_output
    read_from: ReadFrom = "leader"
    min_seq: int | None = None
    wait_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.read_from not in ("leader", "any"):
            raise ValueError(f"read_from is 'leader' or 'any', not {self.read_from!r}")

    def changed(self, **changes: Any) -> Options:
        """Return options with what is not `...` changed.

        Raises:
            ValueError: `read_from` is no such word.
        """
        return replace(self, **{name: value for name, value in changes.items() if value is not ...})


class Call:
    """One request and what becomes of it."""

    __slots__ = ("_bare", "_error", "_ready", "_reply", "_value", "bounds", "frame", "id", "lost", "method", "repeated",
                 "sent")  # fmt: skip

    def __init__(self, id: int, method: str, frame: bytes, bounds: Mapping[str, object]) -> None:
        """
        Args:
            frame: the request without its bounds.
            bounds: `min_seq` and `wait_ms`, where they were asked for.
        """
        self.id = id
        self.method = method
        self.bounds = bounds
        self._bare = frame
        self.frame = extend_request(frame, bounds) if bounds else frame  # to be sent next
        self.sent = False  # at least to the socket
        self.lost = False  # the connection broke before the reply
        self.repeated = False  # after it was lost
        self._reply: Reply | None = None
        self._error: Exception | None = None
        self._value: Any = None
        self._ready = False

    @property
    def done(self) -> bool:
        """There is a result, or an error."""
        return self._reply is not None or self._error is not None

    @property
    def succeeded(self) -> bool:
        """There is a reply with a value."""
        return self._reply is not None and self._reply.error is None

    @property
    def repeatable(self) -> bool:
        return self.method in _REPEATABLE

    @property
    def refused(self) -> bool:
        """A follower answered that it is not the leader: nothing changed."""
        return self._code == ErrorCode.NOT_LEADER

    @property
    def leader(self) -> str | None:
        """The address of the leader, as the follower that refused knows it."""
        assert self._reply is not None and self._reply.error is not None
        leader = self._reply.error.data.get("leader")
        return leader if isinstance(leader, str) else None

    @property
    def passed_over(self) -> bool:
        """The node did not run it, and another one may."""
        return self._code in _ELSEWHERE

    @property
    def _code(self) -> int | None:
        return None if self._reply is None or self._reply.error is None else self._reply.error.code

    @property
    def output(self) -> str:
        """What the snippet printed."""
        if self._reply is None:
            return ""
        if self._reply.error is None:
            return self._reply.output
        output = self._reply.error.data.get("output", "")
        return output if isinstance(output, str) else ""

    def tree(self) -> Any:
        """Return the value as the parsed JSON of the reply, its tags as they came. Raises what `result` raises."""
        self.result()
        assert self._reply is not None
        return self._reply.value

    def result(self) -> Any:
        """Return the value.

        Raises:
            RemoteError: the server answered with an error.
            ConnectionLost: the connection broke first.
            ReplyTimeout: no reply in time.
            ProtocolError: the reply is not one.
            RuntimeError: the pipeline that this belongs to has not been sent; leave its block first.
        """
        if self._error is not None:
            raise self._error
        if self._reply is None:
            raise RuntimeError(f"this {self.method!r} has not been sent; leave the block of its pipeline first")
        if self._reply.error is not None:
            self._error = remote_error(self._reply.error)
            raise self._error
        if not self._ready:
            self._value = self._reply.value
            if self._reply.tagged:
                try:
                    self._value = decode(self._value, instance=Record, reference=Ref)
                except errors.BadRequest as error:
                    self._error = ProtocolError(f"the reply holds no value: {error}")
                    raise self._error from error
            self._ready = True
        return self._value

    def answer(self, reply: Reply) -> None:
        self._reply = reply

    def fail(self, error: Exception) -> None:
        self._error = error

    def lose(self, reason: str) -> None:
        """The connection broke after this was sent, or may have been."""
        self.lost = True
        fate = "nothing was changed by it" if self.repeatable else "it may have run, or may not; look before repeating"
        self.fail(ConnectionLost(f"the connection broke before the reply to {self.method!r} ({reason}); {fate}"))

    def expire(self, seconds: float | None) -> None:
        """The time for a reply is over."""
        if not self.sent:
            self.fail(ConnectionLost(f"{self.method!r} was not sent: no connection within {seconds} s"))
            return
        self.fail(ReplyTimeout(f"no reply to {self.method!r} in {seconds} s; the server may still run it"))

    def retry(self) -> None:
        """Forget the loss or the reply, to be sent again."""
        self.sent = False
        self.lost = False
        self._error = None
        self._reply = None

    def bind(self, bounds: Mapping[str, object]) -> None:
        """Let `min_seq` and `wait_ms` be these when it is sent next.

        Raises:
            FrameTooLarge: they do not fit the frame.
        """
        self.frame = extend_request(self._bare, bounds)


class Conversation:
    """What one connection has been asked and not yet answered."""

    def __init__(self, note_seq: Callable[[int], object] = int) -> None:
        """
        Args:
            note_seq: gets the seq of each reply with a value, in their order.
        """
        self.unsent = bytearray()
        self._note_seq = note_seq
        self._reader = FrameReader()
        self._calls: dict[int, Call] = {}
        self._abandoned: set[int] = set()
        self._parting: RemoteError | None = None

    def start(self, calls: Iterable[Call]) -> None:
        """Expect replies to `calls`, and put their frames behind the unsent bytes."""
        for call in calls:
            call.sent = True
            self._calls[call.id] = call
            self.unsent += call.frame

    def receive(self, data: bytes) -> list[Call]:
        """Return the calls that `data` answers.

        Raises:
            ProtocolError: the peer sent something else; close the connection. Calls may have been answered before.
        """
        answered = []
        try:
            for body in self._reader.feed(data):
                reply = parse_reply(body)
                if reply.id is None and reply.error is not None:
                    # About no request in particular: the last thing a server says before it closes.
                    self._parting = remote_error(reply.error)
                elif isinstance(reply.id, int) and (call := self._calls.pop(reply.id, None)) is not None:
                    if reply.error is None:
                        self._note_seq(reply.seq)
                    call.answer(reply)
                    answered.append(call)
                elif reply.id in self._abandoned:
                    self._abandoned.remove(reply.id)
                else:
                    raise ProtocolError(f"a reply to request {reply.id!r}, which is not open")
        except (MessageError, errors.FrameTooLarge) as error:
            raise ProtocolError(f"the peer does not speak objserver's protocol: {error}") from error
        return answered

    def abandon(self, calls: Sequence[Call]) -> None:
        """Nobody waits for these any more; their replies will be dropped."""
        for call in calls:
            if self._calls.pop(call.id, None) is not None:
                self._abandoned.add(call.id)

    def end(self, error: Exception | None) -> list[Call]:
        """The connection is over. Return the calls this leaves without a reply, failed.

        Args:
            error: what broke it; None when the server closed it.
        """
        left = list(self._calls.values())
        self._calls.clear()
        self.unsent.clear()
        for call in left:
            if self._parting is not None:
                call.fail(self._parting)
            elif isinstance(error, errors.ObjserverError):
                call.fail(error)
            else:
                call.lose(str(error) if error is not None else "the server closed it")
        return left


class Methods(Generic[T]):
    """The methods of a server, for whatever a shell returns for a call: a value, a coroutine, a call yet to be sent."""

    _options: Options

    def eval(self, source: str, /, **args: object) -> T:
        """Run a snippet and return the value of its last expression; `args` are its parameters."""
        return self._request("eval", self._limited({"source": source, "args": args}))

    def query(self, source: str, /, **args: object) -> T:
        """Run a snippet that changes nothing. Sent again when the connection breaks; for who answers it see
        `Options.read_from`."""
        return self._request("query", self._limited({"source": source, "args": args}))

    def call(self, path: str, /, *args: object, **kwargs: object) -> T:
        """Call a function or method by its path from the root: "jobs.push"."""
        return self._request("call", self._limited({"path": path, "args": list(args), "kwargs": kwargs}))

    def history(self, name: str, /) -> T:
        """Return the versions of a function or class, oldest first: dicts of version, author, time_ns and source."""
        return self._request("history", {"name": name})

    def source(self, name: str, /, version: int | None = None) -> T:
        """Return the text of a function or class, the current one unless a version is named."""
        return self._request("source", {"name": name} if version is None else {"name": name, "version": version})

    def hello(self) -> T:
        """Return what the server says of itself."""
        return self._request("hello", _hello())

    def stats(self) -> T:
        """Return the server's figures."""
        return self._request("stats", {})

    def sweep(self) -> T:
        """Let the server look for objects that nothing reaches though they refer to each other. Returns None at once;
        `stats` tells how it goes, under "reclaim"."""
        return self._request("sweep", {})

    def promote(self) -> T:
        """Make the node a leader, in a new term, and return {"term", "seq"}. For a client of one address.

        What the old leader acknowledged and this node lacks is not in the new term; see `stats` for its lag first.
        """
        return self._request("promote", {})

    def resync(self) -> T:
        """Throw away the data of the node, a follower, and take its leader's again. For a client of one address.
        Returns None at once; `stats` tells how it goes, under "replication"."""
        return self._request("resync", {})

    def ping(self) -> T:
        """Return None once the server answers; `seq` is then its position."""
        return self._request("ping", {})

    def request(self, method: str, /, **params: object) -> T:
        """Send any request the server knows."""
        return self._request(method, params)

    def _limited(self, params: dict[str, object]) -> dict[str, object]:
        options = self._options
        if options.depth is not None:
            params["depth"] = options.depth
        if options.min_seq is not None:
            params["min_seq"] = options.min_seq
            if options.wait_seconds is not None:
                params["wait_ms"] = round(options.wait_seconds * 1000)
        return params

    def _request(self, method: str, params: dict[str, object]) -> T:
        raise NotImplementedError


_ids = count(1)


def new_call(method: str, params: dict[str, object]) -> Call:
    """Return a call, ready to be sent.

    Raises:
        TypeError: an argument has a type that can't be sent.
        FrameTooLarge: the arguments do not fit a frame.
    """
    id = next(_ids)
    bounds: dict[str, object] = {}
    if method == "query":
        bounds = {name: params.pop(name) for name in ("min_seq", "wait_ms") if name in params}
    return Call(id, method, encode_request(id, method, params), bounds)


def new_hello() -> Call:
    """Return a call that asks a node what it is."""
    return new_call("hello", _hello())


def _hello() -> dict[str, object]:
    return {"client": "objserver Python client", "protocol": PROTOCOL}


def deliver_output(calls: Iterable[Call], options: Options) -> None:
    """Hand on what the snippets printed, in the order of the calls."""
    for call in calls:
        if call.output:
            options.on_output(call.output)
