"""The blocking client.

    thread -> Client (options) -> Link -> Connection -> transport -> a node
    thread -> Client (options) -/    \\-> Connection -> transport -> another

A `Client` is a view: options, and the link that all views of one `connect` share.

Promise: the same methods as the async client, and the same errors (tests/client/test_shells.py).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from objserver.client.core import CONNECT_SECONDS_MAX, Call, Methods, Options, ReadFrom, Unset, deliver_output, new_call
from objserver.client.errors import BadRequest
from objserver.client.link import Link, OpenTransport
from objserver.client.procedure import Procedure
from objserver.client.transport import IN_PROCESS, Address, SocketTransport, Transport, parse_addresses

__all__ = ["Client", "Pipeline", "connect"]

P = ParamSpec("P")
R = TypeVar("R")


def connect(
    addresses: str | Iterable[str],
    *,
    timeout: float = CONNECT_SECONDS_MAX,
    on_output: Callable[[str], object] | None = None,
    read_from: ReadFrom = "leader",
) -> Client:
    """Connect to a server: one node, or several of which the one that leads is found.

    Args:
        addresses: "host:port", "[::1]:port" or "unix:/path"; several with commas between them, or as several texts.
        timeout: seconds to reach the leader, now and again when the connection broke. For the time a reply may take
            see `Client.with_options`.
        on_output: gets what snippets print; unless given, it goes to `sys.stdout`.
        read_from: who answers a `query`; see `Options`.
    Raises:
        ValueError: an address is none.
        OSError: nobody answers there.
    """
    options = Options(read_from=read_from).changed(on_output=... if on_output is None else on_output)
    return Client(open_socket, options, addresses=parse_addresses(addresses), timeout=timeout)


def open_socket(address: Address, timeout: float) -> Transport:
    """Connect a socket, within `timeout` seconds.

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
        open_transport: OpenTransport,
        options: Options | None = None,
        *,
        addresses: Sequence[Address] = (IN_PROCESS,),
        timeout: float = CONNECT_SECONDS_MAX,
    ) -> None:
        """Open the connection.

        Args:
            open_transport: gets an address and the seconds it may take; raises OSError. Called again when the
                connection broke.
            options: how calls are made.
            addresses: of the nodes.
            timeout: seconds to reach the server.
        """
        self._options = options or Options()
        self._link = Link(open_transport, addresses, timeout)

    @property
    def seq(self) -> int:
        """The log position that the last reply with a value is true for, of several nodes the highest; 0 before the
        first. Another client sees what this one saw with `with_options(min_seq=...)`."""
        return self._link.seq

    def with_options(
        self,
        *,
        depth: int | Unset | None = ...,
        timeout: float | Unset | None = ...,
        on_output: Callable[[str], object] | Unset = ...,
        read_from: ReadFrom | Unset = ...,
        min_seq: int | Unset | None = ...,
        wait_seconds: float | Unset | None = ...,
    ) -> Self:
        """Return a client on the same connections that makes its calls in another way; see `Options`."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._options = self._options.changed(
            depth=depth,
            timeout=timeout,
            on_output=on_output,
            read_from=read_from,
            min_seq=min_seq,
            wait_seconds=wait_seconds,
        )
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
        """End the connections, for all views. Calls under way in other threads fail."""
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
        self._link.run(calls, self._options)
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
