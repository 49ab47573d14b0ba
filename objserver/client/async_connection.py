"""One connection to one node, for any number of tasks. On anyio: for trio and asyncio.

    calls -> AsyncLink -> [AsyncConnection: tasks take turns] -> socket

The twin of `objserver/client/connection.py`, with tasks for threads: of those that wait for a reply one drives for
all. So there is no task in the background and no nursery to keep, and a cancelled task leaves the connection as good
as it was: bytes half sent are kept, and sent on by whoever drives next.

Promise: each call ends once, whatever breaks and whoever is cancelled (tests/client/test_async_connection.py).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence

import anyio

from objserver.client.core import Call, Conversation
from objserver.client.errors import ProtocolError
from objserver.client.transport import Address, StreamSocket

__all__ = ["AsyncConnection", "open_socket"]


class AsyncConnection:
    """One socket and the tasks that wait at it."""

    def __init__(self, connected: socket.socket, note_seq: Callable[[int], object]) -> None:
        """
        Args:
            note_seq: gets the seq of each reply with a value.
        """
        self._socket = StreamSocket(connected)
        self._conversation = Conversation(note_seq)
        self._broken = False
        self._driven = False
        self._driver_waits: anyio.CancelScope | None = None
        # A waiting task sleeps on an event of its own, which says: your reply is there, or take the wheel.
        self._turns: dict[Call, anyio.Event] = {}

    def is_usable(self) -> bool:
        """Whether it is worth sending on. A peer that hung up while nobody waited is noticed here."""
        if not self._broken and not self._driven and not self._socket.is_open():
            self._break(None)
        return not self._broken

    async def run(self, calls: Sequence[Call]) -> bool:
        """Send the calls and wait until each is done.

        Returns whether they were sent; if not, nothing happened.
        """
        if self._broken:
            return False
        self._conversation.start(calls)
        self._flush()
        if self._conversation.unsent:
            self._wake_driver()
        try:
            for call in calls:
                await self._wait(call)
        finally:
            self._conversation.abandon([call for call in calls if not call.done])
        return True

    def end(self, error: Exception) -> None:
        """Close the socket; calls under way are lost because of `error`."""
        self._break(error)

    async def _wait(self, call: Call) -> None:
        while not call.done:
            if not self._driven:
                await self._drive(call)
                continue
            turn = self._turns[call] = anyio.Event()
            try:
                await turn.wait()
            except BaseException:
                # If the turn came in this very moment, it goes on to the next.
                self._turns.pop(call, None)
                self._pass_wheel()
                raise

    async def _drive(self, call: Call) -> None:
        """Move bytes until `call` is done."""
        self._driven = True
        try:
            while not call.done:
                error: Exception | None = None
                data: bytes | None = None
                try:
                    if await self._readable():
                        data = self._socket.receive()
                except OSError as failure:
                    data, error = b"", failure
                if self._broken:
                    continue
                if data == b"":
                    self._break(error)
                elif data is not None:
                    self._take(data)
                self._flush()
        finally:
            self._driven = False
            if self._broken:
                self._socket.close()
            else:
                self._pass_wheel()

    async def _readable(self) -> bool:
        """Wait for bytes to receive, or for room if there are bytes to send, or for `_wake_driver`."""
        readable = False

        async def wait_writable() -> None:
            await anyio.wait_writable(self._socket.socket)
            scope.cancel()

        try:
            with anyio.CancelScope() as scope:
                self._driver_waits = scope
                async with anyio.create_task_group() as group:
                    if self._conversation.unsent:
                        group.start_soon(wait_writable)
                    await anyio.wait_readable(self._socket.socket)
                    readable = True
                    scope.cancel()
        finally:
            self._driver_waits = None
        return readable

    def _wake_driver(self) -> None:
        if self._driver_waits is not None:
            self._driver_waits.cancel()

    def _take(self, data: bytes) -> None:
        try:
            answered = self._conversation.receive(data)
        except ProtocolError as error:
            self._break(error)
            return
        for call in answered:
            turn = self._turns.pop(call, None)
            if turn is not None:
                turn.set()

    def _flush(self) -> None:
        """Send as much as goes now."""
        unsent = self._conversation.unsent
        try:
            while unsent and (sent := self._socket.send(unsent)):
                del unsent[:sent]
        except OSError as error:
            self._break(error)

    def _break(self, error: Exception | None) -> None:
        if self._broken:
            return
        self._broken = True
        self._conversation.end(error)
        for turn in self._turns.values():
            turn.set()
        self._turns.clear()
        if self._driven:
            self._wake_driver()  # the driver closes it: nobody else may, while it waits there
        else:
            self._socket.close()

    def _pass_wheel(self) -> None:
        if not self._driven and self._turns:
            _, turn = self._turns.popitem()
            turn.set()


async def open_socket(address: Address) -> socket.socket:
    """Connect a socket.

    Raises:
        OSError: nobody answers there.
    """
    if address.path:
        return await _connect(socket.AF_UNIX, address.path)
    failure = OSError(f"{address.host!r} has no address")
    for family, _, _, _, place in await anyio.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM):
        try:
            return await _connect(family, place)
        except OSError as error:
            failure = error
    raise failure


async def _connect(family: int, place: str | tuple[str, int]) -> socket.socket:
    connected = socket.socket(family)
    try:
        connected.setblocking(False)
        status = connected.connect_ex(place)
        if status == errno.EINPROGRESS:
            await anyio.wait_writable(connected)
            status = connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))
    except BaseException:
        connected.close()
        raise
    return connected
