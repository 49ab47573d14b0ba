"""The client without its sockets: what both shells have in common. Does no I/O.

    eval, query, ..  -> Call -> Conversation.start -> unsent bytes -> [shell: socket] -> server
    result, or error <- Call <- Conversation.receive <- bytes      <- [shell: socket] <-

A `Call` outlives a connection and may be sent again; a `Conversation` is one connection's numbering of what waits
for a reply.

Promise: each call ends exactly once: with its own reply, or with an error that says whether it may have run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from types import EllipsisType
from typing import Any, Final, Generic, TypeVar

from objserver import errors
from objserver.client.errors import ConnectionLost, ProtocolError, RemoteError, ReplyTimeout, remote_error
from objserver.client.records import Record, Ref
from objserver.wire import PROTOCOL, FrameReader, MessageError, Reply, decode, encode_request, parse_reply

__all__ = [
    "BACKOFF_SECONDS_MAX",
    "BACKOFF_SECONDS_MIN",
    "CONNECT_SECONDS_MAX",
    "Call",
    "Conversation",
    "Methods",
    "Options",
    "Unset",
    "deliver_output",
    "new_call",
]

# To reach a server. A supervisor starts one again within a second.
CONNECT_SECONDS_MAX: Final = 5.0

# Pauses between attempts to reach a server that went away: short at first, for one that is back at once.
BACKOFF_SECONDS_MIN: Final = 0.02
BACKOFF_SECONDS_MAX: Final = 1.0

T = TypeVar("T")

# Run twice, these do no harm, so they are sent again when a connection breaks under them.
_REPEATABLE: Final = frozenset({"code", "hello", "history", "log", "ping", "query", "source", "stats", "sweep"})

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
    """

    depth: int | None = None
    timeout: float | None = None
    on_output: Callable[[str], object] = _print_output

    def changed(
        self,
        depth: int | Unset | None,
        timeout: float | Unset | None,
        on_output: Callable[[str], object] | Unset,
    ) -> Options:
        """Return options with what is not `...` changed."""
        return Options(
            self.depth if depth is ... else depth,
            self.timeout if timeout is ... else timeout,
            self.on_output if on_output is ... else on_output,
        )


class Call:
    """One request and what becomes of it."""

    __slots__ = ("_error", "_ready", "_reply", "_value", "frame", "id", "lost", "method", "sent")

    def __init__(self, id: int, method: str, frame: bytes) -> None:
        self.id = id
        self.method = method
        self.frame = frame
        self.sent = False  # at least to the socket
        self.lost = False  # the connection broke before the reply
        self._reply: Reply | None = None
        self._error: Exception | None = None
        self._value: Any = None
        self._ready = False

    @property
    def done(self) -> bool:
        """There is a result, or an error."""
        return self._reply is not None or self._error is not None

    @property
    def repeatable(self) -> bool:
        return self.method in _REPEATABLE

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
        """Forget the loss, to be sent again."""
        self.sent = False
        self.lost = False
        self._error = None


class Conversation:
    """What one connection has been asked and not yet answered."""

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq  # of the last reply with a value, on this connection or the one before it
        self.unsent = bytearray()
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
                        self.seq = reply.seq
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
        """Run a snippet that changes nothing. Sent again when the connection breaks."""
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
        return self._request("hello", {"client": "objserver Python client", "protocol": PROTOCOL})

    def stats(self) -> T:
        """Return the server's figures."""
        return self._request("stats", {})

    def sweep(self) -> T:
        """Let the server look for objects that nothing reaches though they refer to each other. Returns None at once;
        `stats` tells how it goes, under "reclaim"."""
        return self._request("sweep", {})

    def ping(self) -> T:
        """Return None once the server answers; `seq` is then its position."""
        return self._request("ping", {})

    def request(self, method: str, /, **params: object) -> T:
        """Send any request the server knows."""
        return self._request(method, params)

    def _limited(self, params: dict[str, object]) -> dict[str, object]:
        if self._options.depth is not None:
            params["depth"] = self._options.depth
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
    return Call(id, method, encode_request(id, method, params))


def deliver_output(calls: Iterable[Call], options: Options) -> None:
    """Hand on what the snippets printed, in the order of the calls."""
    for call in calls:
        if call.output:
            options.on_output(call.output)
