"""One connection to one node, for any number of threads.

    calls -> Link -> [Connection: threads take turns] -> transport

There is no thread behind the scenes. Of the threads that wait for a reply one drives: it moves bytes both ways and
hands replies to the others; when its own is there, it leaves the wheel to the next. Since it reads while it sends, a
long pipeline and its long replies do not block each other.

Promise: each call ends once, whatever breaks and whoever gives up (tests/client/test_connection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from objserver.client.core import Call, Conversation
from objserver.client.errors import ProtocolError
from objserver.client.transport import Transport
from objserver.errors import ObjserverError

__all__ = ["Connection", "remaining_seconds"]


class Connection:
    """One transport and the threads that wait at it."""

    def __init__(self, transport: Transport, note_seq: Callable[[int], object]) -> None:
        """
        Args:
            note_seq: gets the seq of each reply with a value.
        """
        self._transport = transport
        # The lock guards all that follows. What only the driver does, waiting and receiving, is done without it.
        self._lock = threading.Lock()
        self._conversation = Conversation(note_seq)
        self._broken = False
        self._driven = False
        # A waiting thread sleeps on a lock of its own; releasing it says: your reply is there, or take the wheel.
        self._turns: dict[Call, threading.Lock] = {}

    def is_usable(self) -> bool:
        """Whether it is worth sending on. A peer that hung up while nobody waited is noticed here."""
        with self._lock:
            if not self._broken and not self._driven and not self._transport.is_open():
                self._break(None)
            return not self._broken

    def run(self, calls: Sequence[Call], deadline: float | None) -> bool:
        """Send the calls and wait until each is done, or until `deadline`.

        Returns whether they were sent; if not, nothing happened.
        """
        with self._lock:
            if self._broken:
                return False
            self._conversation.start(calls)
            self._flush()
            if self._conversation.unsent and self._driven:
                self._transport.wake()
        try:
            for call in calls:
                self._wait(call, deadline)
        finally:
            with self._lock:
                self._conversation.abandon([call for call in calls if not call.done])
        return True

    def end(self, error: Exception) -> None:
        """Close the transport; calls under way are lost because of `error`."""
        with self._lock:
            self._break(error)

    def _wait(self, call: Call, deadline: float | None) -> None:
        while not call.done:
            turn: threading.Lock | None = None
            with self._lock:
                if call.done:  # just now: nobody would wake this thread, nor the next one that it should have woken
                    return
                if self._driven:
                    turn = self._turns[call] = threading.Lock()
                    turn.acquire()
                else:
                    self._driven = True
            if turn is None:
                try:
                    in_time = self._drive(call, deadline)
                finally:
                    self._leave_wheel()
            else:
                in_time = False
                try:
                    in_time = turn.acquire(timeout=remaining_seconds(deadline))
                finally:
                    if not in_time:
                        with self._lock:
                            # If the turn came in this very moment, it goes on to the next.
                            self._turns.pop(call, None)
                            self._pass_wheel()
            if not in_time:
                return

    def _drive(self, call: Call, deadline: float | None) -> bool:
        """Move bytes until `call` is done; return False when the deadline comes first."""
        while not call.done:
            remaining = None if deadline is None else deadline - monotonic()
            if remaining is not None and remaining <= 0:
                return False
            data: bytes | None = None
            error: Exception | None = None
            try:
                if self._transport.wait(bool(self._conversation.unsent), remaining):
                    data = self._transport.receive()
            except OSError as failure:
                data, error = b"", failure
            with self._lock:
                if self._broken:
                    continue
                if data == b"":
                    self._break(error)
                elif data is not None:
                    self._take(data)
                self._flush()
        return True

    def _take(self, data: bytes) -> None:
        try:
            answered = self._conversation.receive(data)
        except ProtocolError as error:
            self._break(error)
            return
        for call in answered:
            turn = self._turns.pop(call, None)
            if turn is not None:
                turn.release()

    def _flush(self) -> None:
        """Send as much as goes now."""
        unsent = self._conversation.unsent
        try:
            while unsent and (sent := self._transport.send(unsent)):
                del unsent[:sent]
        except (OSError, ObjserverError) as error:
            self._break(error)
        except BaseException:  # what was sent of it is not known, so it must not be sent again
            self._break(ConnectionAbortedError("sending was interrupted"))
            raise

    def _break(self, error: Exception | None) -> None:
        if self._broken:
            return
        self._broken = True
        self._conversation.end(error)
        for turn in self._turns.values():
            turn.release()
        self._turns.clear()
        if self._driven:
            self._transport.wake()  # the driver closes it: nobody else may, while it waits there
        else:
            self._transport.close()

    def _leave_wheel(self) -> None:
        with self._lock:
            self._driven = False
            if self._broken:
                self._transport.close()
            else:
                self._pass_wheel()

    def _pass_wheel(self) -> None:
        if not self._driven and self._turns:
            _, turn = self._turns.popitem()
            turn.release()


def remaining_seconds(deadline: float | None) -> float:
    """Seconds until then, as locks want them: at most what they can wait, and -1 for ever."""
    return -1 if deadline is None else min(max(deadline - monotonic(), 0), threading.TIMEOUT_MAX)
