"""The native door: frames of JSON-RPC in, frames of JSON-RPC out. Does no I/O.

    bytes -> receive -> [bodies] -> take -> [slots] + batch -> engine.run -> outcomes -> deliver -> bytes
                                    parse, check     |                                      ^
                                                     ping, stats, mistakes: no engine ------+

    method        params
    hello         client: str?, protocol: int?     -> server, version, protocol, role, leader
    eval, query   source: str, args: object?, depth: int?, min_seq: int?, wait_ms: int?
    call          path: str, args: array?, kwargs: object?, depth: int?, min_seq: int?, wait_ms: int?
    log           first: int, count: int           -> entries of the log, readable
    history       name: str                        -> versions of a function or class, oldest first
    source        name: str, version: int?         -> its text
    code          after: str, count: int           -> functions and classes by name, with their texts
    ping          none                             -> null
    stats         none                             -> figures
    sweep         none                             -> null; a sweep for what nothing reaches begins
    promote       none                             -> term, seq; a follower leads from there on
    resync        none                             -> null; a follower takes a snapshot of its leader
    follow        objserver/replication/messages.py; the connection becomes a feed
    fence, digest_at, records, checkpoint_keys   what nodes ask of one another

All but eval, query and call are answered as things are after the batch they stand in. A request with a `min_seq` that
the node has not reached holds up what comes after it on its connection: `awaited` says so, and the owner calls `resume`
or `give_up_waiting`.

Whoever owns a connection moves the bytes and runs the batches: the reactor for sockets, `exchange` inside one
process. Bodies wait as bytes and are parsed when their turn comes, so that what waits takes the memory it took
to send it.

Promise: however the bytes are split and however the batches are cut, the same requests run in the order they
came in and are answered in that order (tests/doors/test_native.py).
"""

from __future__ import annotations

import re
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from objserver.doors.codec import CODEC
from objserver.engine import Fault, FaultKind, Outcome, Request
from objserver.errors import (
    BadRequest,
    Behind,
    DataDamaged,
    FrameTooLarge,
    ReplicationRefused,
    RequestError,
    ResultTooLarge,
    Unavailable,
)
from objserver.limits import (
    BATCH_COUNT_MAX,
    BATCH_SIZE_MAX,
    LOG_COUNT_MAX,
    MIB,
    RECORDS_COUNT_MAX,
    VALUE_DEPTH_MAX,
    WAIT_MS_DEFAULT,
    WAIT_MS_MAX,
)
from objserver.version import VERSION
from objserver.wire.frame import HEADER_SIZE, FrameReader, encode_frame, is_frame
from objserver.wire.messages import (
    PROTOCOL,
    ErrorCode,
    MessageError,
    encode_error,
    encode_result,
    parse_json,
    parse_request,
)
from objserver.wire.values import needs_decode

__all__ = ["Connection", "exchange"]

# What one request for entries, records or code may read, about.
READ_SIZE_MAX: Final = 1 * MIB

# How much of a foreign name an error message repeats.
NAME_LENGTH_MAX: Final = 64

MISSING: Final = object()

# Of a record: an object, or a piece of one.
_KEY: Final = re.compile("[0-9a-f]{16}(?:[0-9a-f]{16})?")

JSON_NAMES: Final = {
    type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string",
    list: "an array", dict: "an object",
}  # fmt: skip

RequestId = int | str | None
# Who answers: the engine; the server, with a value; nobody any more, because the reply is written.
Answer = Request | Callable[[], object] | bytes
# A request taken and not yet answered: its id, who answers, and the body it came in.
Slot = tuple[RequestId, Answer, bytes]
# Takes a socket over, with what was received and belongs to whoever reads it next.
TakeOver = Callable[[socket.socket, bytes], object]


class Keeper(Protocol):
    """Keeps a heap: an engine (objserver/engine/engine.py). What it tells of code raises BadRequest."""

    def history(self, name: str) -> Sequence[object]: ...

    def source(self, name: str, version: int | None) -> str: ...

    def code(self, after: str, count: int) -> Sequence[object]: ...

    def sweep(self) -> None: ...


class Replica(Protocol):
    """A node among others (objserver/replication/node.py). What it refuses raises ReplicationRefused or BadRequest."""

    unavailable: str

    @property
    def seq(self) -> int: ...

    @property
    def leads(self) -> bool: ...

    @property
    def leader(self) -> str | None: ...

    def promote(self) -> object: ...

    def resync(self) -> None: ...

    def fence(self, cluster: str, term: int, leader: str | None) -> object: ...

    def digest_at(self, seq: int) -> object: ...

    def records(self, keys: Sequence[bytes]) -> object: ...

    def checkpoint_keys(self, seq: int) -> object: ...

    def follow(self, params: dict[str, Any]) -> tuple[object, TakeOver]: ...


class Connection:
    """One client's side of the conversation.

    The owner calls `receive` with what arrived, `take` while `waiting`, and sends what `deliver` makes of the
    outcomes. When `finished`, nothing more will come: send the rest and close.

    Attributes:
        awaited: the entry that the next request wants to see first, and for how many ms it waits; None when none does.
        hand_over: gets the socket, once the replies are sent; None while the connection stays a client's.
    """

    __slots__ = (
        "_bodies", "_ended", "_last", "_reader", "_slots", "_waited", "at_rest", "awaited", "entries", "hand_over",
        "keeper", "principal", "replica", "statistics",
    )  # fmt: skip

    def __init__(
        self,
        statistics: Callable[[], dict[str, object]],
        principal: str = "",
        entries: Callable[[int, int], Sequence[object]] | None = None,
        keeper: Keeper | None = None,
        replica: Replica | None = None,
    ) -> None:
        """
        Args:
            statistics: what `stats` answers.
            principal: in whose name the requests run.
            entries: what `log` answers, from the first seq and the count; None where no log is shown.
            keeper: answers `history`, `source`, `code` and `sweep`; None where these are not to be had.
            replica: the node that this is; None where there are no others.
        """
        self.statistics = statistics
        self.principal = principal
        self.entries = entries
        self.keeper = keeper
        self.replica = replica
        self.awaited: tuple[int, int] | None = None
        self.hand_over: TakeOver | None = None
        self._waited = False  # the next request has waited as long as it may
        self._reader = FrameReader()
        self._bodies: deque[bytes] = deque()
        # Requests taken and not yet answered, in order, with the bodies they came in.
        self._slots: list[Slot] = []
        self._ended = False
        # The error that ends the conversation, sent behind the replies to what came before it.
        self._last: bytes | None = None
        # Nothing is held and more may come: the usual state between two requests.
        self.at_rest = True

    @property
    def waiting(self) -> bool:
        """There is something to `take` or to `deliver`."""
        return bool(self._bodies or self._slots)

    @property
    def finished(self) -> bool:
        """Everything received was answered and nothing more will be read."""
        return self._ended and not (self._bodies or self._slots)

    @property
    def buffered(self) -> int:
        """Bytes received and not yet taken."""
        return sum(map(len, self._bodies)) + len(self._reader.held)

    def receive(self, data: bytes) -> bool:
        """Add bytes from the client; return whether there is something to `take`.

        After a broken frame, or the end, they are ignored.
        """
        self.at_rest = False
        if not self._ended:
            try:
                self._bodies += self._reader.feed(data)
            except FrameTooLarge as error:
                self._bodies += error.bodies
                self.refuse(error)
        return bool(self._bodies)

    def receive_end(self) -> None:
        """The client sends no more. What is complete is still answered; part of a frame is forgotten."""
        self._ended = True
        self.at_rest = False

    def refuse(self, error: RequestError) -> None:
        """End the conversation: the last thing the client hears, behind the replies it waits for, is `error`."""
        code = ErrorCode.FRAME_TOO_LARGE if isinstance(error, FrameTooLarge) else ErrorCode.OVERLOADED
        self._last = encode_error(None, code, str(error), {"type": type(error).__name__})
        self._ended = True
        self.at_rest = False

    def take_lone(self, data: bytes, batch: list[Request], sources: list[bytes]) -> bool:
        """Receive and take in one step: one whole frame with a plain request for the engine, and nothing else going on.

        What nearly every read brings, and with one request at a time half of what the door does for it.

        Returns: whether that is so; if not, nothing was done with `data`.
        """
        if not self.at_rest or not is_frame(data) or (self.replica is not None and self.replica.unavailable):
            return False
        body = data[HEADER_SIZE:]
        plain = _read_plain(body, self.principal)
        if plain is None:
            return False
        batch.append(plain[1])
        sources.append(body)
        self._slots.append(plain)
        self.at_rest = False
        return True

    def deliver_lone(self, outcome: Outcome) -> bytes:
        """Return the reply to what `take_lone` took."""
        ((id, _, _),) = self._slots
        self._slots.clear()
        self.at_rest = not self._ended
        value, fault, as_of, output = outcome
        if value is not None:
            return encode_result(id, value, as_of, output)
        assert fault is not None
        return _encode_fault(id, fault, output)

    def take(
        self,
        batch: list[Request],
        count_max: int = BATCH_COUNT_MAX,
        size_max: int = BATCH_SIZE_MAX,
        *,
        sources: list[bytes] | None = None,
    ) -> int:
        """Append requests to `batch`, and the bodies they came in to `sources`, in the order they came.

        Returns: their size in bytes; for those that read from the disk that of what they may read.

        Looks at `count_max` messages at most, and stops when their bodies reach `size_max` bytes. What an earlier
        batch left unanswered is offered again first.
        """
        slots, bodies = self._slots, self._bodies
        if sources is None:
            sources = []
        for _, answer, body in slots:
            if isinstance(answer, tuple):
                batch.append(answer)
                sources.append(body)
        size = count = 0
        unavailable = self.replica.unavailable if self.replica is not None else ""
        while bodies and count < count_max and size < size_max:
            body = bodies.popleft()
            size += len(body)
            count += 1
            plain = None if unavailable else _read_plain(body, self.principal)
            if plain is not None:
                batch.append(plain[1])
                sources.append(body)
                slots.append(plain)
                continue
            try:
                id, method, params, tagged = parse_request(body)
                read = _METHODS.get(method)
                if read is None:
                    slots.append((id, _unknown_method(id, method), body))
                else:
                    if "min_seq" in params and not self._has_seen(params):
                        bodies.appendleft(body)
                        break
                    if unavailable and method in _OF_THE_HEAP:
                        slots.append((id, encode_error(id, ErrorCode.UNAVAILABLE, unavailable, _UNAVAILABLE), b""))
                        continue
                    answer = read(self, method, params, tagged)
                    if type(answer) is tuple:
                        batch.append(answer)
                        sources.append(body)
                    elif method in _OF_THE_DISK:
                        size += READ_SIZE_MAX  # it takes time and memory as if it had been sent
                    slots.append((id, answer, body))
                    if method == "follow":
                        break  # what comes behind it may be for whoever takes the connection over
            except Behind as error:
                slots.append((id, encode_error(id, ErrorCode.BEHIND, str(error), {"type": Behind.__name__}), b""))
            except MessageError as error:
                slots.append((error.id, encode_error(error.id, error.code, error.message, _BAD_REQUEST), b""))
            except BadRequest as error:
                text = f"{method}: {error}"
                slots.append((id, encode_error(id, ErrorCode.INVALID_PARAMS, text, _BAD_REQUEST), b""))
        return size

    def _has_seen(self, params: dict[str, Any]) -> bool:
        """Whether the node has the entry that a request wants to see; else `awaited` says what it waits for.

        Raises:
            BadRequest: these are no numbers.
            Behind: it has waited long enough.
        """
        wanted = _pop_int(params, "min_seq", 0, 2**63)
        wait_ms = _pop_int(params, "wait_ms", 0, WAIT_MS_MAX) if "wait_ms" in params else WAIT_MS_DEFAULT
        seq = self.replica.seq if self.replica is not None else wanted
        if seq >= wanted:
            self._waited = False
            return True
        if self._waited or not wait_ms:
            self._waited = False
            raise Behind(f"this node has entries up to {seq}, not {wanted}; ask the leader, or wait longer")
        self.awaited = wanted, wait_ms
        return False

    def resume(self, *, waited: bool) -> None:
        """Let `take` go on: the node has what was awaited, or the time is over (`waited`)."""
        self.awaited = None
        self._waited = waited

    def deliver(self, outcomes: Sequence[Outcome], first: int, seq: int) -> bytes:
        """Return the replies to what was taken, up to the first request without an outcome.

        Args:
            outcomes: of the batch. Those of the requests this connection put into it stand from `first` on, in order;
                where the engine stopped before some of them, these are offered again.
            seq: of the engine, after the batch.
        """
        slots = self._slots
        frames: list[bytes] = []
        end = len(outcomes)
        for id, answer, _ in slots:
            if isinstance(answer, tuple):
                if first >= end:
                    break
                value, fault, as_of, output = outcomes[first]
                first += 1
                if value is not None:
                    frames.append(encode_result(id, value, as_of, output))
                else:
                    assert fault is not None
                    frames.append(_encode_fault(id, fault, output))
            elif isinstance(answer, bytes):
                frames.append(answer)
            else:
                frames.append(self._tell(id, answer, seq))
        del slots[:len(frames)]
        if self._last is not None and self.finished:
            frames.append(self._last)
            self._last = None
        self.at_rest = not (slots or self._bodies or self._ended or self._reader.held or self.hand_over)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _tell(self, id: RequestId, answer: Callable[[], object], seq: int) -> bytes:
        try:
            return encode_result(id, CODEC.encode(answer()), seq)
        except ResultTooLarge as error:
            return encode_error(id, ErrorCode.RESULT_TOO_LARGE, str(error), {"type": ResultTooLarge.__name__})
        except DataDamaged as error:
            # Told, not raised: who reads an old entry must not end the node, which can serve on and checkpoint. Where
            # the heap is what is damaged, the engine remembers, and the next snippet ends it.
            return encode_error(id, ErrorCode.DATA_DAMAGED, str(error), {"type": DataDamaged.__name__})
        except BadRequest as error:
            return encode_error(id, ErrorCode.INVALID_PARAMS, str(error), _BAD_REQUEST)
        except ReplicationRefused as error:
            data = {"type": "ReplicationRefused", "reason": error.reason, "term": error.term, "leader": error.leader}
            return encode_error(id, ErrorCode.REPLICATION_REFUSED, str(error), data)

    def take_over(self, params: dict[str, Any]) -> object:
        """Begin a feed: return what the follower is told, before the connection is handed over."""
        assert self.replica is not None
        told, self.hand_over = self.replica.follow(params)
        return told

    def leftover(self) -> bytes:
        """Return what was received and is nobody's yet, for whoever takes the connection over."""
        return b"".join(encode_frame(body) for body in self._bodies) + bytes(self._reader.held)


def exchange(connection: Connection, data: bytes, run: Callable[[Sequence[Request]], Sequence[Outcome]],
             seq: Callable[[], int]) -> bytes:
    """Give `data` to the connection, run all that is complete, and return the replies.

    Args:
        run: runs requests as one batch; may stop early, but runs at least one.
        seq: the engine's, now.
    """
    connection.receive(data)
    replies = []
    while True:
        batch: list[Request] = []
        connection.take(batch)
        replies.append(connection.deliver(run(batch) if batch else (), 0, seq()))
        if not connection.waiting:
            return b"".join(replies)


def _read_plain(body: bytes, principal: str) -> tuple[int, Request, bytes] | None:
    """Return what nearly every body is: a request for the engine, with code and arguments alone, none of them tagged.

    The readers below would say the same of it in three times as many calls. None: it is another, or none at all.
    """
    try:
        message = parse_json(body)
        id, params = message["id"], message["params"]
        if type(id) is not int or message["jsonrpc"] != "2.0" or len(params) != 2 or needs_decode(body):
            return None
        method, args = message["method"], params["args"]
        if method == "call":
            path = params["path"]
            if type(path) is str and type(args) is list:
                return id, ("call", path, {}, args, None, principal, ""), body
        elif method == "eval" or method == "query":
            source = params["source"]
            if type(source) is str and type(args) is dict:
                return id, (method, source, args, (), None, principal, ""), body
    except (KeyError, TypeError, ValueError):
        pass
    return None


# Reads the parameters of a method: (connection, method, parameters, whether values are tagged) -> who answers.
Reader = Callable[[Connection, str, dict[str, Any], bool], Answer]


def _read_snippet(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Request:
    source = params.pop("source", MISSING)
    if type(source) is not str:
        raise _wrong("source", "a string", source)
    args = params.pop("args", MISSING)
    if type(args) is not dict or tagged:
        args = _read_named("args", args, tagged)
    depth = _pop_depth(params) if params else None
    if params:
        raise _unknown(params, "source, args, depth")
    return "query" if method == "query" else "eval", source, args, (), depth, connection.principal, ""


def _read_call(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    path = params.pop("path", MISSING)
    if type(path) is not str:
        raise _wrong("path", "a string", path)
    positional = params.pop("args", [])
    if type(positional) is not list:
        raise _wrong("args", "an array", positional)
    if tagged:
        positional = [CODEC.decode(value) for value in positional]
    args = _read_named("kwargs", params.pop("kwargs", MISSING), tagged)
    depth = _pop_depth(params)
    if params:
        raise _unknown(params, "path, args, kwargs, depth")
    return "call", path, args, positional, depth, connection.principal, ""


def _read_hello(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    client = params.pop("client", "")
    if type(client) is not str:
        raise _wrong("client", "a string", client)
    protocol = params.pop("protocol", PROTOCOL)
    if type(protocol) is not int:
        raise _wrong("protocol", "an integer", protocol)
    if protocol != PROTOCOL:
        raise BadRequest(f"protocol {protocol} is not spoken here; this server speaks {PROTOCOL}")
    if params:
        raise _unknown(params, "client, protocol")
    return lambda: {"server": "objserver", "version": VERSION, "protocol": PROTOCOL, **_role(connection.replica)}


def _role(replica: Replica | None) -> dict[str, object]:
    if replica is None:
        return {"role": "leader", "leader": None}
    return {"role": "leader" if replica.leads else "follower", "leader": replica.leader}


def _read_log(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    entries = connection.entries
    if entries is None:
        raise BadRequest("no log is shown here")
    first = _pop_int(params, "first", 1, 2**63)
    count = _pop_int(params, "count", 1, LOG_COUNT_MAX)
    if params:
        raise _unknown(params, "first, count")
    return lambda: entries(first, count)


def _read_history(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    keeper, name = _keeper(connection), _pop_name(params)
    if params:
        raise _unknown(params, "name")
    return lambda: keeper.history(name)


def _read_source(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    keeper, name = _keeper(connection), _pop_name(params)
    version = _pop_int(params, "version", 1, 2**63) if "version" in params else None
    if params:
        raise _unknown(params, "name, version")
    return lambda: keeper.source(name, version)


def _read_code(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    keeper, after = _keeper(connection), _pop_name(params, "after")
    count = _pop_int(params, "count", 1, LOG_COUNT_MAX)
    if params:
        raise _unknown(params, "after, count")
    return lambda: keeper.code(after, count)


def _keeper(connection: Connection) -> Keeper:
    if connection.keeper is None:
        raise BadRequest("that is not to be had here")
    return connection.keeper


def _reads_nothing(find: Callable[[Connection], Callable[[], object]]) -> Reader:
    """Return what reads a request without parameters; `find` gives who answers it."""

    def read(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
        answer = find(connection)
        if params:
            raise _unknown(params, "none")
        return answer

    return read


def _read_follow(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    _replica(connection)
    return lambda: connection.take_over(params)


def _read_fence(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    replica, cluster = _replica(connection), _pop_name(params, "cluster")
    term = _pop_int(params, "term", 1, 2**63)
    leader = params.pop("leader", None)
    if leader is not None and type(leader) is not str:
        raise _wrong("leader", "a string", leader)
    if params:
        raise _unknown(params, "cluster, term, leader")
    return lambda: replica.fence(cluster, term, leader)


def _read_digest_at(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    replica, seq = _replica(connection), _pop_int(params, "seq", 0, 2**63)
    if params:
        raise _unknown(params, "seq")
    return lambda: replica.digest_at(seq)


def _read_records(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    replica, texts = _replica(connection), params.pop("keys", MISSING)
    if type(texts) is not list:
        raise _wrong("keys", "an array", texts)
    if params:
        raise _unknown(params, "keys")
    if len(texts) > RECORDS_COUNT_MAX:
        raise BadRequest(f"{RECORDS_COUNT_MAX} keys at most in one request, not {len(texts)}")
    keys = []
    for text in texts:
        if type(text) is not str or not _KEY.fullmatch(text):
            raise BadRequest(f"a key is 16 or 32 hexadecimal digits, not {text!r:.60}")
        keys.append(bytes.fromhex(text))
    return lambda: replica.records(keys)


def _read_checkpoint_keys(connection: Connection, method: str, params: dict[str, Any], tagged: bool) -> Answer:
    replica, seq = _replica(connection), _pop_int(params, "seq", 0, 2**63)
    if params:
        raise _unknown(params, "seq")
    return lambda: replica.checkpoint_keys(seq)


def _replica(connection: Connection) -> Replica:
    if connection.replica is None:
        raise BadRequest("there are no replicas here")
    return connection.replica


_METHODS: Final[dict[str, Reader]] = {
    "call": _read_call,
    "checkpoint_keys": _read_checkpoint_keys,
    "code": _read_code,
    "digest_at": _read_digest_at,
    "eval": _read_snippet,
    "fence": _read_fence,
    "follow": _read_follow,
    "hello": _read_hello,
    "history": _read_history,
    "log": _read_log,
    "ping": _reads_nothing(lambda connection: lambda: None),
    "promote": _reads_nothing(lambda connection: _replica(connection).promote),
    "query": _read_snippet,
    "records": _read_records,
    "resync": _reads_nothing(lambda connection: _replica(connection).resync),
    "source": _read_source,
    "stats": _reads_nothing(lambda connection: connection.statistics),
    "sweep": _reads_nothing(lambda connection: _keeper(connection).sweep),
}

# What a node that is no sound replica does not answer.
_OF_THE_HEAP: Final = frozenset({"call", "code", "eval", "history", "query", "source"})

# What reads from the disk between two batches, some MiB, whatever the size of the request. A pipeline of 300 `log` held
# the others up for 5 s and took 1.4 GB.
_OF_THE_DISK: Final = frozenset({"checkpoint_keys", "code", "digest_at", "history", "log", "records", "source"})

_UNAVAILABLE: Final = {"type": Unavailable.__name__}
_BAD_REQUEST: Final = {"type": BadRequest.__name__}


def _read_named(name: str, args: Any, tagged: bool) -> dict[str, Any]:
    """Return an object of arguments. Its keys are names, so it is never a tagged value itself."""
    if args is MISSING:
        return {}
    if type(args) is not dict:
        raise _wrong(name, "an object", args)
    if tagged:
        return {key: CODEC.decode(value) for key, value in args.items()}
    return args


def _pop_depth(params: dict[str, Any]) -> int | None:
    return _pop_int(params, "depth", 0, VALUE_DEPTH_MAX) if "depth" in params else None


def _pop_name(params: dict[str, Any], name: str = "name") -> str:
    text = params.pop(name, MISSING)
    if type(text) is not str:
        raise _wrong(name, "a string", text)
    return text


def _pop_int(params: dict[str, Any], name: str, least: int, most: int) -> int:
    number = params.pop(name, MISSING)
    if type(number) is not int:
        raise _wrong(name, "an integer", number)
    if not least <= number <= most:
        raise BadRequest(f"{name!r} is from {least} to {most}, not {number}")
    return number


def _wrong(name: str, wanted: str, found: object) -> BadRequest:
    if found is MISSING:
        return BadRequest(f"{name!r} is missing; it must be {wanted}")
    return BadRequest(f"{name!r} must be {wanted}, not {JSON_NAMES[type(found)]}")


def _unknown(params: dict[str, Any], known: str) -> BadRequest:
    return BadRequest(f"unknown parameter {_quote(next(iter(params)))}; it takes: {known}")


def _unknown_method(id: RequestId, method: str) -> bytes:
    text = f"unknown method {_quote(method)}; this server knows {', '.join(_METHODS)}"
    return encode_error(id, ErrorCode.UNKNOWN_METHOD, text, _BAD_REQUEST)


def _quote(name: str) -> str:
    return repr(name if len(name) <= NAME_LENGTH_MAX else name[:NAME_LENGTH_MAX] + "...")


def _encode_fault(id: RequestId, fault: Fault, output: str) -> bytes:
    data: dict[str, str | int | None] = {"type": fault.type, "line": fault.line, "traceback": fault.traceback}
    if output:
        data["output"] = output
    if fault.code is FaultKind.NOT_LEADER:
        data["leader"] = fault.leader
    text = f"{fault.type}: {fault.message}" if fault.message else fault.type
    return encode_error(id, fault.code, text, data)
