"""The nodes of a server, for any number of tasks: one connection to each, opened when it is needed.

    calls -> [AsyncLink] -> AsyncConnection -> a node
                 |
               Router: which node, and what is sent again

The twin of `objserver/client/link.py`.

Promise: each call ends once, whatever breaks and whoever is cancelled (tests/client/test_async_connection.py,
test_nodes.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic

import anyio

from objserver.client.async_connection import AsyncConnection, open_socket
from objserver.client.core import Call, Options, new_hello
from objserver.client.routing import LEADS, Answer, Pause, Reach, Router, Send, Step, Steps, answer_of_hello
from objserver.client.transport import Address
from objserver.errors import ObjserverError

__all__ = ["AsyncLink"]


class AsyncLink:
    """What all views of one client share."""

    def __init__(self, addresses: Sequence[Address], timeout: float) -> None:
        """
        Args:
            addresses: of the nodes.
            timeout: seconds to reach the server.
        """
        self._router = Router(addresses, timeout, monotonic)
        self._nodes: dict[Address, _Node] = {}
        self._closed = anyio.Event()

    @property
    def seq(self) -> int:
        """The position this client has seen; 0 before the first reply."""
        return self._router.seq

    async def open(self) -> None:
        """Reach the leader, or one of the nodes.

        Raises:
            OSError: none of them can be reached.
        """
        try:
            await self._follow(self._router.meet(), None)
        except BaseException:
            self.close()
            raise

    async def run(self, calls: Sequence[Call], options: Options) -> None:
        """Have the calls answered as `Router.route` says.

        Returns when each call is done, after `options.timeout` seconds at the latest.
        """
        timeout = options.timeout
        deadline = None if timeout is None else monotonic() + timeout
        await self._follow(self._router.route(calls, options.read_from, deadline), deadline)
        for call in calls:
            if not call.done:
                call.expire(timeout)

    def close(self) -> None:
        self._closed.set()
        for node in self._nodes.values():
            node.close()

    async def _follow(self, steps: Steps, deadline: float | None) -> None:
        """Carry out the steps."""
        try:
            step = next(steps)
            while True:
                try:
                    outcome = await self._carry_out(step, deadline)
                except OSError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration:
            pass

    async def _carry_out(self, step: Step, deadline: float | None) -> object:
        remaining = inf if deadline is None else max(deadline - monotonic(), 0)
        if isinstance(step, Send):
            node = self._nodes.get(step.address)
            with anyio.move_on_after(remaining):
                return node is not None and await node.run(step.calls)
            return True
        if isinstance(step, Reach):
            with anyio.move_on_after(min(step.seconds, remaining)):
                return await self._node(step.address).reach(step.ask)
            raise TimeoutError("the server could not be reached in time")
        assert isinstance(step, Pause)
        with anyio.move_on_after(step.seconds):
            await self._closed.wait()
            raise ConnectionAbortedError("this client was closed")
        return None

    def _node(self, address: Address) -> _Node:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = _Node(
                address, lambda seq: self._router.note_seq(address, seq), self._closed
            )
        return node


class _Node:
    """One node, reached by a connection that is replaced when it breaks."""

    def __init__(self, address: Address, note_seq: Callable[[int], object], closed: anyio.Event) -> None:
        self._address = address
        self._note_seq = note_seq
        self._closed = closed  # the client, with all its nodes
        self._lock = anyio.Lock()  # held while a connection is opened, by the one task that does
        self._connection: AsyncConnection | None = None
        self._leading: AsyncConnection | None = None  # on which the node said that it leads

    async def run(self, calls: Sequence[Call]) -> bool:
        """Send the calls and wait for their replies; return False when there is no connection."""
        connection = self._connection
        return connection is not None and connection.is_usable() and await connection.run(calls)

    async def reach(self, ask: bool) -> Answer:
        """Have a connection that is open, as far as is known. For `ask` see `routing.Reach`.

        Raises:
            OSError: the client is closed, or the node can't be reached, or does not answer.
        """
        async with self._lock:
            connection = self._connection
            if not self._closed.is_set() and (connection is None or not connection.is_usable()):
                connection = self._connection = AsyncConnection(await open_socket(self._address), self._note_seq)
            if self._closed.is_set():
                self.close()
                raise ConnectionAbortedError("this client was closed")
            assert connection is not None
        if not ask or self._leading is connection:
            return LEADS
        answer = await _ask(connection)
        if answer.leads:  # a node that no longer leads closes its connections
            self._leading = connection
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.end(ConnectionAbortedError("this client was closed"))


async def _ask(connection: AsyncConnection) -> Answer:
    """Ask a node for its role. Raises OSError when it does not tell."""
    hello = new_hello()
    if not await connection.run([hello]) or hello.lost:
        raise ConnectionResetError("it closed the connection")
    try:
        return answer_of_hello(hello.result())
    except ObjserverError as error:
        raise ConnectionError(str(error)) from error
