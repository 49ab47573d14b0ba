"""The blocking client.

    thread -> Client (options) -> Link -> Connection -> transport -> server
    thread -> Client (options) -/

A `Client` is a view: options, and the link that all views of one `connect` share.

Promise: the same methods as the async client, and the same errors (tests/client/test_shells.py).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from objserver.client.connection import Link
from objserver.client.core import CONNECT_SECONDS_MAX, Call, Methods, Options, Unset, deliver_output, new_call
from objserver.client.errors import BadRequest
from objserver.client.procedure import Procedure
from objserver.client.transport import Address, SocketTransport, Transport, parse_address

__all__ = ["Client", "Pipeline", "connect"]

P = ParamSpec("P")
R = TypeVar("R")


def connect(
    address: str, *, timeout: float = CONNECT_SECONDS_MAX, on_output: Callable[[str], object] | None = None
) -> Client:
    """Connect to a server.

    Args:
        address: "host:port", "[::1]:port" or "unix:/path".
        timeout: seconds to reach the server, now and again when the connection broke. For the time a reply may take
            see `Client.with_options`.
        on_output: gets what snippets print; unless given, it goes to `sys.stdout`.
    Raises:
        ValueError: the address is none.
        OSError: nobody answers there.
    """
    parsed = parse_address(address)
    options = Options() if on_output is None else Options(on_output=on_output)
    return Client(lambda seconds: open_socket(parsed, seconds), options, timeout=timeout)


def open_socket(address: Address, timeout: float) -> Transport:
    """Connect a socket.

    Raises:
        OSError: nobody answers there.
    """
    if not address.path:
        return SocketTransport(socket.create_connection((address.host, address.port), timeout))
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.settimeout(timeout)
        connected.connect(address.path)
    except BaseException:
        connected.close()
        raise
    return SocketTransport(connected)


class Client(Methods[Any]):
    """A server's methods, each of which returns when the reply is there. For any number of threads.

    Raises, each of its methods: what `Call.result` raises, and TypeError or FrameTooLarge for arguments that can't be
    sent.
    """

    def __init__(
        self,
        open_transport: Callable[[float], Transport],
        options: Options | None = None,
        *,
        timeout: float = CONNECT_SECONDS_MAX,
    ) -> None:
        """Open the connection.

        Args:
            open_transport: gets the seconds it may take; raises OSError. Called again when the connection broke.
            options: how calls are made.
            timeout: seconds to reach the server.
        """
        self._options = options or Options()
        self._link = Link(open_transport, timeout)

    @property
    def seq(self) -> int:
        """The log position that the last reply with a value is true for; 0 before the first."""
        return self._link.seq

    def with_options(
        self,
        *,
        depth: int | Unset | None = ...,
        timeout: float | Unset | None = ...,
        on_output: Callable[[str], object] | Unset = ...,
    ) -> Self:
        """Return a client on the same connection that makes its calls in another way; see `Options`."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._options = self._options.changed(depth, timeout, on_output)
        return view

    def procedure(self, function: Callable[P, R]) -> Procedure[P, R]:
        """Decorate a function that runs on the server: it is defined there, unless it is already, and calling it here
        is a call of that.

        Raises:
            TypeError: the function takes something along that can't travel; says what.
            BadRequest, SnippetRefused: the server shows no code, or the text does what no snippet may.
        """
        made: Procedure[P, R] = Procedure(function, lambda *args, **kwargs: self.call(made.name, *args, **kwargs))
        try:
            there = self.source(made.name)
        except BadRequest:
            there = None
        if there != made.source:
            self.with_options(depth=None).eval(f"{made.source}\nNone")
        return made

    def pipeline(self) -> Pipeline:
        """Return a block's worth of calls, sent together at its end."""
        return Pipeline(self._options, self._run)

    def close(self) -> None:
        """End the connection, for all views of it. Calls under way in other threads fail."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _request(self, method: str, params: dict[str, object]) -> Any:
        call = new_call(method, params)
        self._run([call])
        return call.result()

    def _run(self, calls: Sequence[Call]) -> None:
        self._link.run(calls, self._options.timeout)
        deliver_output(calls, self._options)


class Pipeline(Methods[Call]):
    """Calls that are sent in one write and answered in order.

        with client.pipeline() as pipeline:
            first = pipeline.eval("jobs.push(x)", x=1)
            second = pipeline.call("jobs.push", 2)
        first.result(), second.result()

    Nothing is sent before the block ends, nor when it ends with an exception. The end of the block waits for all
    replies and raises nothing of theirs: each `result()` raises its own.
    """

    def __init__(self, options: Options, run: Callable[[Sequence[Call]], None]) -> None:
        self._options = options
        self._run = run
        self._calls: list[Call] = []

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            calls, self._calls = self._calls, []
            self._run(calls)

    def _request(self, method: str, params: dict[str, object]) -> Call:
        call = new_call(method, params)
        self._calls.append(call)
        return call
