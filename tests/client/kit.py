"""The conformance kit: what every shell of the client must do, in the same words.

A check gets a client whose methods are awaited. `Awaited` makes one of a blocking client; the loop it then blocks has
nothing else to do, since the peer lives in threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

import pytest

from objserver import errors
from objserver.client import BadRequest as RemoteBadRequest
from objserver.client import (
    Behind,
    Call,
    Client,
    ConnectionLost,
    DataDamaged,
    NotLeader,
    NotReplicated,
    NotStorable,
    OutOfFuel,
    Overloaded,
    Pipeline,
    ProtocolError,
    ReadOnly,
    Record,
    Ref,
    RemoteError,
    ReplicationRefused,
    ReplyTimeout,
    RequestTooLarge,
    ResultTooLarge,
    SnippetRaised,
    SnippetRefused,
    TooFewReplicas,
    Unavailable,
)
from objserver.limits import FRAME_SIZE_MAX
from objserver.wire import ErrorCode, Request, Shape, encode, encode_error, encode_result
from tests.client.peer import Fail, HangUp, Peer, Printed, echo, key_error


class AwaitedPipeline:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def __aenter__(self) -> Pipeline:
        return self._pipeline.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pipeline.__exit__(kind, error, traceback)


class Awaited:
    """A blocking client with the async one's manners."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def seq(self) -> int:
        return self._client.seq

    def with_options(self, **options: Any) -> Awaited:
        return Awaited(self._client.with_options(**options))

    def pipeline(self) -> AwaitedPipeline:
        return AwaitedPipeline(self._client.pipeline())

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._client, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return call


Check = Callable[[Any, Peer], Awaitable[None]]
CHECKS: list[Check] = []
SOCKET_CHECKS: list[Check] = []


def check(function: Check) -> Check:
    """For every shell."""
    CHECKS.append(function)
    return function


def socket_check(function: Check) -> Check:
    """For those with a connection that can break."""
    SOCKET_CHECKS.append(function)
    return function


@check
async def methods_send_what_the_protocol_says(db: Any, peer: Peer) -> None:
    assert await db.eval("a") == ["eval", {"source": "a", "args": {}}]
    assert await db.eval("a", self=1, source=2, depth=3) == [
        "eval", {"source": "a", "args": {"self": 1, "source": 2, "depth": 3}},
    ]  # fmt: skip
    assert await db.query("a", x={1}) == ["query", {"source": "a", "args": {"x": {1}}}]
    assert await db.call("a.b", 1, path=2) == ["call", {"path": "a.b", "args": [1], "kwargs": {"path": 2}}]
    assert await db.stats() == ["stats", {}]
    assert await db.ping() == ["ping", {}]
    assert await db.sweep() == ["sweep", {}]
    assert await db.request("log", first=1) == ["log", {"first": 1}]
    method, params = await db.hello()
    assert (method, params["protocol"]) == ("hello", 1)


@check
async def options_belong_to_a_view_of_the_same_connection(db: Any, peer: Peer) -> None:
    shallow = db.with_options(depth=2)
    assert await shallow.query("a") == ["query", {"source": "a", "args": {}, "depth": 2}]
    assert (await shallow.with_options(timeout=60).call("a"))[1]["depth"] == 2
    assert "depth" not in (await shallow.with_options(depth=None).eval("a"))[1]
    assert "depth" not in (await db.eval("a"))[1]
    async with shallow.pipeline() as pipeline:
        reply = pipeline.eval("a")
    assert reply.result()[1]["depth"] == 2
    assert peer.connections <= 1
    assert shallow.seq == db.seq == 5


@check
async def instances_come_as_records_and_what_is_not_shown_as_references(db: Any, peer: Peer) -> None:
    class Node:
        def __init__(self, *shape: Any) -> None:
            self.shape = Shape(*shape)

    def answer(peer: Peer, request: Request) -> object:
        friend = Node("reference", None, "User", 7)
        bob = Node("instance", {"name": "Bob", "$x": {1}, "friend": friend}, "User", 5)
        return encode_result(request.id, encode([bob], lambda node: node.shape), 1)

    peer.answer = answer
    (bob,) = await db.eval("users")
    assert bob == Record("User", {"name": "Bob", "$x": {1}, "friend": Ref(7, "User")})
    assert bob.name == "Bob"
    with pytest.raises(TypeError, match="'Record' can't be sent"):
        await db.eval("x", x=bob)


@check
async def error_of_each_code_has_its_class(db: Any, peer: Peer) -> None:
    classes: dict[int, tuple[type[RemoteError], type[errors.ObjserverError]]] = {
        ErrorCode.PARSE_ERROR: (RemoteBadRequest, errors.BadRequest),
        ErrorCode.INVALID_REQUEST: (RemoteBadRequest, errors.BadRequest),
        ErrorCode.UNKNOWN_METHOD: (RemoteBadRequest, errors.BadRequest),
        ErrorCode.INVALID_PARAMS: (RemoteBadRequest, errors.BadRequest),
        ErrorCode.SNIPPET_RAISED: (SnippetRaised, errors.SnippetError),
        ErrorCode.SNIPPET_REFUSED: (SnippetRefused, errors.SnippetError),
        ErrorCode.OUT_OF_FUEL: (OutOfFuel, errors.SnippetError),
        ErrorCode.READ_ONLY: (ReadOnly, errors.ReadOnly),
        ErrorCode.NOT_STORABLE: (NotStorable, errors.NotStorable),
        ErrorCode.RESULT_TOO_LARGE: (ResultTooLarge, errors.ResultTooLarge),
        ErrorCode.OVERLOADED: (Overloaded, errors.Overloaded),
        ErrorCode.FRAME_TOO_LARGE: (RequestTooLarge, errors.FrameTooLarge),
        ErrorCode.DATA_DAMAGED: (DataDamaged, errors.DataDamaged),
        ErrorCode.NOT_LEADER: (NotLeader, errors.NotLeader),
        ErrorCode.NOT_REPLICATED: (NotReplicated, errors.NotReplicated),
        ErrorCode.BEHIND: (Behind, errors.Behind),
        ErrorCode.TOO_FEW_REPLICAS: (TooFewReplicas, errors.TooFewReplicas),
        ErrorCode.UNAVAILABLE: (Unavailable, errors.Unavailable),
        ErrorCode.REPLICATION_REFUSED: (ReplicationRefused, errors.ReplicationRefused),
        -31000: (RemoteError, errors.ObjserverError),  # of a later version
    }
    assert set(ErrorCode) < classes.keys()
    for code, (kind, base) in classes.items():

        def answer(peer: Peer, request: Request, code: int = code) -> object:
            raise Fail(code, "in words")

        peer.answer = answer
        with pytest.raises(RemoteError) as caught:
            await db.eval("x")
        assert type(caught.value) is kind
        assert isinstance(caught.value, base)
        assert str(caught.value) == f"{kind.__name__}: in words"


@check
async def error_tells_what_happened_over_there(db: Any, peer: Peer) -> None:
    peer.answer = key_error
    with pytest.raises(SnippetRaised) as caught:
        await db.with_options(on_output=len).eval("users['bob']")
    error = caught.value
    assert (error.type, error.message, error.line, str(error)) == ("KeyError", "'bob'", 3, "KeyError: 'bob'")
    assert error.traceback.startswith("Traceback")
    assert error.traceback in error.__notes__[0]


@check
async def printed_text_comes_before_the_value_or_the_error(db: Any, peer: Peer) -> None:
    heard: list[str] = []
    db = db.with_options(on_output=heard.append)
    peer.answer = lambda peer, request: Printed(1, f"{request.params['source']}\n")
    assert await db.eval("first") == 1
    async with db.pipeline() as pipeline:
        pipeline.eval("second")
        pipeline.eval("third")
    peer.answer = key_error
    with pytest.raises(SnippetRaised):
        await db.eval("x")
    assert heard == ["first\n", "second\n", "third\n", "before"]


@check
async def printed_text_goes_to_standard_output_unless_told_otherwise(db: Any, peer: Peer) -> None:
    peer.answer = lambda peer, request: Printed(1, "to the screen\n")
    await db.eval("x")


@check
async def pipeline_gives_each_call_its_own_value_or_error(db: Any, peer: Peer) -> None:
    def answer(peer: Peer, request: Request) -> object:
        if request.params["args"].get("n") == 1:
            key_error(peer, request)
        return echo(peer, request)

    peer.answer = answer
    async with db.with_options(on_output=len).pipeline() as pipeline:
        replies = [pipeline.eval("x", n=n) for n in range(3)]
        assert peer.requests == []
        with pytest.raises(RuntimeError, match="leave the block of its pipeline first"):
            replies[0].result()
    assert [request.params["args"]["n"] for request in peer.requests] == [0, 1, 2]
    assert replies[0].result() == ["eval", {"source": "x", "args": {"n": 0}}]
    for _ in range(2):
        with pytest.raises(SnippetRaised):
            replies[1].result()
        assert replies[2].result()[1]["args"] == {"n": 2}


@check
async def pipeline_that_is_left_by_an_exception_sends_nothing(db: Any, peer: Peer) -> None:
    with pytest.raises(KeyError):
        async with db.pipeline() as pipeline:
            pipeline.eval("x")
            raise KeyError
    async with db.pipeline():
        pass
    assert peer.requests == []


@check
async def pipeline_may_be_larger_than_what_the_network_holds(db: Any, peer: Peer) -> None:
    """The peer reads on only when its replies are read."""
    text = "x" * 1_000_000
    async with db.pipeline() as pipeline:
        replies: list[Call] = [pipeline.eval("x", text=text) for _ in range(15)]
    assert all(reply.result()[1]["args"]["text"] == text for reply in replies)


@check
async def arguments_that_cannot_be_sent_are_refused_here(db: Any, peer: Peer) -> None:
    with pytest.raises(TypeError, match="'object' can't be sent"):
        await db.eval("x", x=object())
    with pytest.raises(errors.FrameTooLarge, match="send the data in pieces"):
        await db.eval("x", x="x" * FRAME_SIZE_MAX)
    async with db.pipeline() as pipeline:
        with pytest.raises(TypeError):
            pipeline.eval("x", x=object())
        reply = pipeline.eval("y")
    assert reply.result() == ["eval", {"source": "y", "args": {}}]
    assert len(peer.requests) == 1


@check
async def seq_is_that_of_the_last_value(db: Any, peer: Peer) -> None:
    assert db.seq == 0
    await db.eval("x")
    assert db.seq == 1
    peer.answer = key_error
    with pytest.raises(SnippetRaised):
        await db.with_options(on_output=len).eval("x")
    assert db.seq == 1


@check
async def value_that_is_none_of_the_table_is_a_protocol_error(db: Any, peer: Peer) -> None:
    peer.answer = lambda peer, request: encode_result(request.id, b'{"$unknown":1}', 1)
    for _ in range(2):
        with pytest.raises(ProtocolError, match="unknown tag"):
            await db.eval("x")


@check
async def closed_client_sends_nothing(db: Any, peer: Peer) -> None:
    view = db.with_options(depth=1)
    await db.close()
    await db.close()
    with pytest.raises(ConnectionLost, match="'eval' was not sent: this client was closed"):
        await view.eval("x")
    assert peer.requests == []


@socket_check
async def reply_may_come_in_any_pieces(db: Any, peer: Peer) -> None:
    for peer.piece in (1, 3, 5):
        assert (await db.eval("x", n=peer.piece))[1]["args"] == {"n": peer.piece}


@socket_check
async def peer_that_left_while_nothing_was_under_way_is_not_noticed(db: Any, peer: Peer) -> None:
    """The server was started again: a call that was never sent is sent to the new one."""
    await db.eval("first")
    peer.hang_up()
    assert await db.eval("second") == ["eval", {"source": "second", "args": {}}]
    assert peer.connections == 2
    assert db.seq == 2


@socket_check
async def call_whose_reply_is_lost_is_not_repeated(db: Any, peer: Peer) -> None:
    for last in (b"", b"\0\0\0\x10{"):

        def vanish(peer: Peer, request: Request, last: bytes = last) -> object:
            raise HangUp(last)

        peer.answer = vanish
        peer.requests.clear()
        with pytest.raises(ConnectionLost, match="broke before the reply to 'eval' .*it may have run, or may not"):
            await db.eval("x += 1")
        assert len(peer.requests) == 1
        peer.answer = echo
        await db.eval("y")


@socket_check
async def query_whose_reply_is_lost_is_repeated_once(db: Any, peer: Peer) -> None:
    vanished: list[Request] = []

    def vanish(peer: Peer, request: Request) -> object:
        if len(vanished) < limit:
            vanished.append(request)
            raise HangUp
        return echo(peer, request)

    peer.answer = vanish
    for limit in (1, 3):
        vanished.clear()
        if limit == 1:
            assert await db.query("x") == ["query", {"source": "x", "args": {}}]
        else:
            with pytest.raises(ConnectionLost, match="nothing was changed by it"):
                await db.query("x")
            assert len(vanished) == 2


@socket_check
async def pipeline_that_breaks_keeps_what_was_answered(db: Any, peer: Peer) -> None:
    def answer(peer: Peer, request: Request) -> object:
        if len(peer.requests) == 3:
            raise HangUp
        return echo(peer, request)

    peer.answer = answer
    async with db.pipeline() as pipeline:
        replies = [pipeline.eval("a"), pipeline.query("b"), pipeline.eval("c"), pipeline.query("d"), pipeline.eval("e")]
    assert [reply.result()[1]["source"] for reply in (replies[0], replies[1], replies[3])] == ["a", "b", "d"]
    for reply in (replies[2], replies[4]):
        with pytest.raises(ConnectionLost):
            reply.result()


@socket_check
async def last_words_of_a_server_go_to_every_open_call(db: Any, peer: Peer) -> None:
    """It closes the connection with an error that has no id: too many clients, or a frame it can't read past."""

    def answer(peer: Peer, request: Request) -> object:
        raise HangUp(encode_error(None, ErrorCode.OVERLOADED, "10000 connections are open", {"type": "Overloaded"}))

    peer.answer = answer
    with pytest.raises(Overloaded, match="Overloaded: 10000 connections are open"):
        await db.query("x")
    assert len(peer.requests) == 1


@socket_check
async def peer_that_speaks_something_else_is_left(db: Any, peer: Peer) -> None:
    garbage = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\x02[]",
        b"\0\0\0\x02hi",
        encode_result(10**15, b"1", 1),
        encode_result("x", b"1", 1),
    ]
    for count, data in enumerate(garbage, 1):
        peer.answer = lambda peer, request, data=data: data  # type: ignore[misc]
        with pytest.raises(ProtocolError):
            await db.query("x")
        assert peer.connections == count
    peer.answer = echo
    await db.eval("x")


@socket_check
async def reply_that_comes_too_late_is_dropped(db: Any, peer: Peer) -> None:
    peer.answer = lambda peer, request: b""
    with pytest.raises(ReplyTimeout, match=r"no reply to 'eval' in 0\.05 s; the server may still run it"):
        await db.with_options(timeout=0.05).eval("x")
    late = encode_result(peer.requests[0].id, b'"late"', 1)
    peer.answer = lambda peer, request: late + encode_result(request.id, b'"in time"', 2)
    assert await db.eval("y") == "in time"
    assert peer.connections == 1


@socket_check
async def replies_may_come_in_another_order(db: Any, peer: Peer) -> None:
    """As they do when a snippet waits for others."""
    held: list[bytes] = []

    def answer(peer: Peer, request: Request) -> object:
        held.insert(0, encode_result(request.id, encode(request.params["source"]), 1))
        return b"".join(held) if len(held) == 3 else b""

    peer.answer = answer
    async with db.pipeline() as pipeline:
        replies = [pipeline.eval(source) for source in ("a", "b", "c")]
    assert [reply.result() for reply in replies] == ["a", "b", "c"]


@socket_check
async def server_that_is_gone_is_given_up_after_a_while(db: Any, peer: Peer) -> None:
    peer.stop()
    with pytest.raises(ConnectionLost, match="'eval' was not sent"):
        await db.eval("x")
    with pytest.raises(ConnectionLost, match="'query' was not sent"):
        await db.with_options(timeout=0.01).query("x")
