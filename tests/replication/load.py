"""Clients that write documents with numbers, remember what they were told, and say afterwards what must be there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from objserver.wire import ErrorCode, Reply
from tests.crash.test_kill import CHECK, SETUP, WRITE

from .cluster import Gone, Link, Node

__all__ = ["Writer", "check_documents", "prepare"]

REFUSED = {
    ErrorCode.NOT_LEADER, ErrorCode.BEHIND, ErrorCode.TOO_FEW_REPLICAS, ErrorCode.UNAVAILABLE,
    ErrorCode.OVERLOADED,
}  # fmt: skip


def prepare(leader: Node, clients: Sequence[str]) -> None:
    leader.value(SETUP)
    leader.value("for client in clients:\n    accounts[client] = Account()", clients=clients)


class Writer(threading.Thread):
    """Writes documents one after the other to whichever node takes them, until `stop`.

    Attributes:
        sent: numbers that may be there.
        acknowledged: numbers that must be.
        refusals: codes of the errors that were answered.
    """

    def __init__(self, client: str, nodes: Sequence[Node], *, size: int = 50) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.sent: set[int] = set()
        self.acknowledged: set[int] = set()
        self.refusals: list[int] = []
        self.unexpected: BaseException | None = None
        self._nodes = list(nodes)
        self._text = "x" * size
        self._link: Link | None = None
        self._stopped = threading.Event()
        self.start()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        try:
            number = 0
            while not self._stopped.is_set():
                number = self._write(number)
        except BaseException as error:
            self.unexpected = error
        finally:
            self._leave()

    def finish(self) -> None:
        """Stop, and see that nothing went wrong."""
        self.stop()
        self.join(timeout=120)
        assert not self.is_alive()
        assert self.unexpected is None, repr(self.unexpected)

    def _write(self, number: int) -> int:
        """Return the number to write next."""
        try:
            if self._link is None:
                self._link = Link(self._nodes[0].port)
            self.sent.add(number)
            reply = self._link.ask("eval", source=WRITE, args={"client": self.client, "n": number, "text": self._text})
        except Gone:
            self._elsewhere()
            # Whether it ran is not known: it is not sent again.
            return number + 1
        return self._take(number, reply)

    def _take(self, number: int, reply: Reply) -> int:
        if reply.error is None:
            self.acknowledged.add(number)
            return number + 1
        code = reply.error.code
        self.refusals.append(code)
        if code in REFUSED:
            self.sent.discard(number)
            self._elsewhere()
            return number
        assert code == ErrorCode.NOT_REPLICATED, reply.error
        return number + 1

    def _elsewhere(self) -> None:
        self._leave()
        self._nodes.append(self._nodes.pop(0))
        self._stopped.wait(0.02)  # nobody may lead for a while

    def _leave(self) -> None:
        if self._link is not None:
            with suppress(OSError):
                self._link.close()
            self._link = None


def check_documents(node: Node, writers: Sequence[Writer], lost: Sequence[dict[str, Any]] = ()) -> int:
    """See that a node has what was acknowledged, but for what is kept in `lost`, once, and nothing that was not sent.

    Returns: how many documents there are.
    """
    found = node.query(CHECK, clients=[writer.client for writer in writers])
    kept = {(args["client"], args["n"]) for args in lost if "n" in args}
    count = 0
    for writer, (documents, journal, total) in zip(writers, found, strict=True):
        assert documents == journal == sorted(set(documents)), writer.client
        assert total == len(documents), writer.client
        missing = {(writer.client, number) for number in writer.acknowledged - set(documents)}
        assert missing <= kept, (writer.client, sorted(missing - kept)[:10])
        assert set(documents) <= writer.sent, (writer.client, sorted(set(documents) - writer.sent)[:10])
        count += len(documents)
    return count
