"""What a client raises.

    ObjserverError
    ├── RemoteError             the server's answer to this request; `type`, `message`, `line`, `traceback` as there
    │   ├── SnippetRaised       the snippet raised; rolled back
    │   ├── SnippetRefused      it did not compile, or does what no snippet may; not run
    │   ├── OutOfFuel           it took too many steps; rolled back
    │   ├── ReadOnly            a query touched the heap; use eval
    │   ├── NotStorable         it left a value in the heap that can't be kept; rolled back
    │   ├── ResultTooLarge      the value does not fit a reply; rolled back; ask for less, or with a depth
    │   ├── BadRequest          the server does not know the method, or not these parameters; not run
    │   ├── Overloaded          the server is at a bound; not run, retry later
    │   ├── RequestTooLarge     the request is above the server's limit; not run
    │   ├── DataDamaged         a file of the server does not hold what was written; names file and offset
    │   ├── NotLeader           a follower was asked for a change; nothing changed; `leader` is whom to ask
    │   ├── NotReplicated       it was run and is kept on the leader, perhaps nowhere else
    │   ├── Behind              the node did not reach `min_seq` in time; not run
    │   ├── TooFewReplicas      too few followers are connected; nothing changed, retry later
    │   ├── Unavailable         the node serves nobody now; not run
    │   └── ReplicationRefused  the node's role does not allow it; nothing changed
    ├── ConnectionLost          the connection broke; the text says whether the snippet may have run
    ├── ReplyTimeout            no reply in time; the snippet may run yet
    └── ProtocolError           the peer does not speak the protocol

Arguments that do not fit a frame raise `FrameTooLarge` of `objserver/errors.py`, without being sent.

A remote error with a namesake in `objserver/errors.py` is one of those as well, so code that runs an engine in its own
process and code that talks to a server catch the same classes; a `RequestTooLarge` is a `FrameTooLarge`.
"""

from __future__ import annotations

from typing import Final

from objserver import errors
from objserver.wire.messages import ErrorCode, ReplyError

__all__ = [
    "BadRequest",
    "Behind",
    "ConnectionLost",
    "DataDamaged",
    "NotLeader",
    "NotReplicated",
    "NotStorable",
    "OutOfFuel",
    "Overloaded",
    "ProtocolError",
    "ReadOnly",
    "RemoteError",
    "ReplicationRefused",
    "ReplyTimeout",
    "RequestTooLarge",
    "ResultTooLarge",
    "SnippetRaised",
    "SnippetRefused",
    "TooFewReplicas",
    "Unavailable",
    "remote_error",
]


class RemoteError(errors.ObjserverError):
    """The server answered with an error. Printed with its traceback, when uncaught, as a note."""

    def __init__(self, type: str, message: str, line: int | None = None, traceback: str = "") -> None:
        """
        Args:
            type: name of the exception's class over there: "KeyError".
            message: its text: "'bob'".
            line: in the snippet, from 1, when it is known.
            traceback: as Python writes it, or "".
        """
        Exception.__init__(self, type, message, line, traceback)
        self.type = type
        self.message = message
        self.line = line
        self.traceback = traceback
        if traceback:
            self.add_note(f"On the server:\n{traceback}")

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class SnippetRaised(RemoteError, errors.SnippetError):
    """The snippet raised an exception. It was rolled back."""


class SnippetRefused(RemoteError, errors.SnippetError):
    """The snippet did not compile, or does what no snippet may. It was not run."""


class OutOfFuel(RemoteError, errors.SnippetError):
    """The snippet took too many steps. It was rolled back."""


class ReadOnly(RemoteError, errors.ReadOnly):
    """A query tried to change the heap. Nothing changed; use `eval`."""


class NotStorable(RemoteError, errors.NotStorable):
    """The snippet left a value in the heap that can't be kept. It was rolled back."""


class ResultTooLarge(RemoteError, errors.ResultTooLarge):
    """The value does not fit a reply. The snippet was rolled back; return less, or ask with a depth."""


class BadRequest(RemoteError, errors.BadRequest):
    """The server does not know the method, or not these parameters. Nothing was run."""


class Overloaded(RemoteError, errors.Overloaded):
    """The server is at one of its bounds. Nothing was run; retry later."""


class RequestTooLarge(RemoteError, errors.FrameTooLarge):
    """The request is above the server's limit. It was not run."""


class DataDamaged(RemoteError, errors.DataDamaged):
    """A file of the server does not hold what was written to it; the text names it. Nothing was changed."""


class NotLeader(RemoteError, errors.NotLeader):
    """A follower was asked for what changes something. Nothing changed.

    `leader` is the address of its leader, None when it knows none. A client finds the leader by itself; this is
    raised when it could not within the time it takes to reach a server.
    """

    def __init__(
        self, type: str, message: str, line: int | None = None, traceback: str = "", leader: str | None = None
    ) -> None:
        super().__init__(type, message, line, traceback)
        self.leader = leader


class NotReplicated(RemoteError, errors.NotReplicated):
    """Too few followers said in time that they have the change. It was run and is kept on the leader, perhaps on no
    other node. Look before repeating it."""


class Behind(RemoteError, errors.Behind):
    """The node did not get entry `min_seq` in time. Nothing was run; retry, or ask another node."""


class TooFewReplicas(RemoteError, errors.TooFewReplicas):
    """Fewer followers are connected than a change has to wait for. Nothing changed; retry later."""


class Unavailable(RemoteError, errors.Unavailable):
    """The node has diverged from its leader, or is being built again. Nothing was run; ask another node."""


class ReplicationRefused(RemoteError, errors.ReplicationRefused):
    """The node's role does not allow what was asked. Nothing changed; the text says what to do."""


class ConnectionLost(errors.ObjserverError, ConnectionError):
    """The connection broke, or can't be opened again. The text says whether the snippet may have run."""


class ReplyTimeout(errors.ObjserverError, TimeoutError):
    """No reply within the time of `with_options(timeout=..)`. The snippet may have run, or may run yet."""


class ProtocolError(errors.ObjserverError):
    """The peer does not speak the protocol. The connection was closed."""


_CLASSES: Final[dict[int, type[RemoteError]]] = {
    ErrorCode.PARSE_ERROR: BadRequest,
    ErrorCode.INVALID_REQUEST: BadRequest,
    ErrorCode.UNKNOWN_METHOD: BadRequest,
    ErrorCode.INVALID_PARAMS: BadRequest,
    ErrorCode.SNIPPET_RAISED: SnippetRaised,
    ErrorCode.SNIPPET_REFUSED: SnippetRefused,
    ErrorCode.OUT_OF_FUEL: OutOfFuel,
    ErrorCode.READ_ONLY: ReadOnly,
    ErrorCode.NOT_STORABLE: NotStorable,
    ErrorCode.RESULT_TOO_LARGE: ResultTooLarge,
    ErrorCode.OVERLOADED: Overloaded,
    ErrorCode.FRAME_TOO_LARGE: RequestTooLarge,
    ErrorCode.DATA_DAMAGED: DataDamaged,
    ErrorCode.NOT_LEADER: NotLeader,
    ErrorCode.NOT_REPLICATED: NotReplicated,
    ErrorCode.BEHIND: Behind,
    ErrorCode.TOO_FEW_REPLICAS: TooFewReplicas,
    ErrorCode.UNAVAILABLE: Unavailable,
    ErrorCode.REPLICATION_REFUSED: ReplicationRefused,
}


def remote_error(error: ReplyError) -> RemoteError:
    """Return the exception for the error of a reply; a code from a later version is a plain `RemoteError`."""
    made = _CLASSES.get(error.code, RemoteError)
    type, line, traceback = (error.data.get(key) for key in ("type", "line", "traceback"))
    if not isinstance(type, str):
        type = made.__name__
    answered = made(
        type,
        error.message.removeprefix(f"{type}: "),
        line if isinstance(line, int) else None,
        traceback if isinstance(traceback, str) else "",
    )
    if isinstance(answered, NotLeader):
        leader = error.data.get("leader")
        answered.leader = leader if isinstance(leader, str) else None
    return answered
