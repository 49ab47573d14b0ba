"""The nodes of a server, for any number of threads: one connection to each, opened when it is needed.

    calls -> [Link] -> Connection -> a node
               |
             Router: which node, and what is sent again

A connection that broke is replaced when the node is reached again. None is closed before the client is.

Promise: each call ends once, whatever breaks and whoever gives up (tests/client/test_connection.py, test_nodes.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from objserver.client.connection import Connection, remaining_seconds
from objserver.client.core import Call, Options, new_hello
from objserver.client.routing import LEADS, Answer, Pause, Reach, Router, Send, Step, Steps, answer_of_hello
from objserver.client.transport import Address, Transport
from objserver.errors import ObjserverError

__all__ = ["Link", "OpenTransport"]

OpenTransport = Callable[[Address, float], Transport]


class Link:
    """What all views of one client share."""

    def __init__(self, open_transport: OpenTransport, addresses: Sequence[Address], timeout: float) -> None:
        """Reach the leader, or one of the nodes.

        Args:
            open_transport: gets an address and the seconds it may take; raises OSError.
            addresses: of the nodes.
            timeout: seconds to reach the server.
        Raises:
            OSError: none of them can be reached.
        """
        self._open_transport = open_transport
        self._router = Router(addresses, timeout, monotonic)
        self._nodes: dict[Address, _Node] = {}
        self._lock = threading.Lock()  # held while a node is added, and while all are closed
        self._closed = threading.Event()
        try:
            self._follow(self._router.meet(), None)
        except BaseException:
            self.close()
            raise

    @property
    def seq(self) -> int:
        """The position this client has seen; 0 before the first reply."""
        return self._router.seq

    def run(self, calls: Sequence[Call], options: Options) -> None:
        """Have the calls answered as `Router.route` says.

        Returns when each call is done, after `options.timeout` seconds at the latest.
        """
        timeout = options.timeout
        deadline = None if timeout is None else monotonic() + timeout
        self._follow(self._router.route(calls, options.read_from, deadline), deadline)
        for call in calls:
            if not call.done:
                call.expire(timeout)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            nodes = list(self._nodes.values())
        for node in nodes:
            node.close()

    def _follow(self, steps: Steps, deadline: float | None) -> None:
        """Carry out the steps."""
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._carry_out(step, deadline)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration:
            pass

    def _carry_out(self, step: Step, deadline: float | None) -> object:
        if isinstance(step, Send):
            node = self._nodes.get(step.address)
            return node is not None and node.run(step.calls, deadline)
        if isinstance(step, Reach):
            until = monotonic() + step.seconds
            return self._node(step.address).reach(until if deadline is None else min(until, deadline), step.ask)
        assert isinstance(step, Pause)
        if self._closed.wait(step.seconds):
            raise ConnectionAbortedError("this client was closed")
        return None

    def _node(self, address: Address) -> _Node:
        with self._lock:
            node = self._nodes.get(address)
            if node is None:
                node = self._nodes[address] = _Node(
                    lambda seconds: self._open_transport(address, seconds),
                    lambda seq: self._router.note_seq(address, seq),
                    self._closed,
                )
            return node


class _Node:
    """One node, reached by a connection that is replaced when it breaks."""

    def __init__(
        self, open_transport: Callable[[float], Transport], note_seq: Callable[[int], object], closed: threading.Event
    ) -> None:
        self._open_transport = open_transport
        self._note_seq = note_seq
        self._closed = closed  # the client, with all its nodes
        self._lock = threading.Lock()  # held while a connection is opened, by the one thread that does
        self._connection: Connection | None = None
        self._leading: Connection | None = None  # on which the node said that it leads

    def run(self, calls: Sequence[Call], deadline: float | None) -> bool:
        """Send the calls and wait for their replies until `deadline`; return False when there is no connection."""
        connection = self._connection
        return connection is not None and connection.is_usable() and connection.run(calls, deadline)

    def reach(self, deadline: float, ask: bool) -> Answer:
        """Have a connection that is open, as far as is known. For `ask` see `routing.Reach`.

        Raises:
            OSError: the client is closed, or the node can't be reached in time, or does not answer.
        """
        if not self._lock.acquire(timeout=remaining_seconds(deadline)):
            raise TimeoutError("the server could not be reached in time")
        try:
            if self._closed.is_set():
                raise ConnectionAbortedError("this client was closed")
            connection = self._connection
            if connection is None or not connection.is_usable():
                transport = self._open_transport(max(deadline - monotonic(), _SECONDS_MIN))
                connection = self._connection = Connection(transport, self._note_seq)
        finally:
            self._lock.release()
        if not ask or self._leading is connection:
            return LEADS
        answer = _ask(connection, deadline)
        if answer.leads:  # a node that no longer leads closes its connections
            self._leading = connection
        return answer

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.end(ConnectionAbortedError("this client was closed"))


# For an attempt that begins when its time is over: enough for a node on this machine.
_SECONDS_MIN = 0.02


def _ask(connection: Connection, deadline: float) -> Answer:
    """Ask a node for its role. Raises OSError when it does not tell."""
    hello = new_hello()
    if not connection.run([hello], deadline) or hello.lost:
        raise ConnectionResetError("it closed the connection")
    if not hello.done:
        raise TimeoutError("no answer in time")
    try:
        return answer_of_hello(hello.result())
    except ObjserverError as error:
        raise ConnectionError(str(error)) from error
