"""The native door against its contract: order, whatever the splits and the cuts; an answer for every mistake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.doors import native
from objserver.doors.native import Connection, exchange
from objserver.engine import Fault, FaultKind, Outcome, Request, make_request
from objserver.errors import BadRequest, Overloaded
from objserver.limits import BATCH_SIZE_MAX, FRAME_SIZE_MAX, MIB, VALUE_DEPTH_MAX
from objserver.wire import (
    ErrorCode,
    FrameReader,
    Reply,
    encode,
    encode_frame,
    encode_request,
    parse_reply,
    parse_request,
)


class Runner:
    """Runs requests by remembering them; the value of each is its code."""

    def __init__(self) -> None:
        self.ran: list[Request] = []

    @property
    def seq(self) -> int:
        return len(self.ran)

    def run(self, requests: Sequence[Request]) -> list[Outcome]:
        outcomes = []
        for request in requests:
            self.ran.append(request)
            outcomes.append((encode(request[1]), None, self.seq, ""))
        return outcomes


def connect() -> Connection:
    return Connection(lambda: {"figure": 7})


def replies_in(data: bytes) -> list[Reply]:
    reader = FrameReader()
    replies = [parse_reply(body) for body in reader.feed(data)]
    assert not reader.held
    return replies


def ask(method: str, params: Any, id: Any = 1) -> Reply:
    """The reply to one message, through a connection of its own."""
    runner = Runner()
    body = orjson.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    [reply] = replies_in(exchange(connect(), encode_frame(body), runner.run, lambda: runner.seq))
    return reply


GOOD = st.builds(
    lambda id, source: encode_request(id, "eval", {"source": source}), st.integers(0, 99), st.text("ab", max_size=3)
)
PLAIN = st.builds(
    lambda id, source: encode_request(id, "eval", {"source": source, "args": {}}),
    st.integers(0, 99),
    st.text("ab", max_size=3),
)
MESSAGES = st.one_of(
    GOOD,
    PLAIN,
    st.sampled_from(
        [
            encode_request(100, "ping", {}),
            encode_request(101, "nothing", {}),
            encode_request(102, "eval", {"source": 1}),
            encode_frame(b"no json"),
            encode_frame(b""),
        ]
    ),
)


@given(st.lists(MESSAGES, max_size=12), st.data())
def test_same_requests_run_and_same_replies_leave_however_bytes_and_batches_are_cut(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(messages)
    whole = Runner()
    expected = exchange(connect(), stream, whole.run, lambda: 0)

    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8), label="cuts"))
    runner = Runner()
    connection = connect()
    received = b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        lone: list[Request] = []
        if connection.take_lone(stream[start:end], lone, []):
            if data.draw(st.booleans(), label="runs"):
                received += connection.deliver_lone(*runner.run(lone))
        else:
            connection.receive(stream[start:end])
        # Perhaps nothing, perhaps part of what is there: the rest has to keep.
        for count in data.draw(st.lists(st.integers(1, 3), max_size=2), label="batches"):
            batch: list[Request] = []
            connection.take(batch, count)
            done = data.draw(st.integers(0, len(batch)), label="done")
            received += connection.deliver(runner.run(batch[:done]), 0, 0)
    received += exchange(connection, b"", runner.run, lambda: 0)

    assert received == expected
    assert runner.ran == whole.ran
    assert len(replies_in(received)) == len(messages)
    assert (connection.waiting, connection.buffered) == (False, 0)


@given(st.lists(MESSAGES, max_size=12), st.data())
def test_request_that_comes_alone_is_served_in_one_step_and_like_any_other(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(messages)
    whole = Runner()
    expected = exchange(connect(), stream, whole.run, lambda: 0)

    runner = Runner()
    connection = connect()
    received = b""
    for message in messages:
        lone: list[Request] = []
        if connection.take_lone(message, lone, []):
            assert not connection.at_rest
            if data.draw(st.booleans(), label="runs"):
                received += connection.deliver_lone(*runner.run(lone))
                assert connection.at_rest
        else:
            connection.receive(message)
            if data.draw(st.booleans(), label="all"):
                received += exchange(connection, b"", runner.run, lambda: 0)
    received += exchange(connection, b"", runner.run, lambda: 0)

    assert received == expected
    assert runner.ran == whole.ran
    assert (connection.waiting, connection.buffered) == (False, 0)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["k", "$date", "\\u0024", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["k", "$date", "depth"]), inner, max_size=2)
    ),
    max_leaves=4,
)
PARAMS = st.dictionaries(st.sampled_from(["source", "path", "args", "kwargs", "depth", "min_seq"]), VALUES, max_size=3)
BODIES = st.builds(
    lambda whole, rest: orjson.dumps({**whole, **rest}),
    st.fixed_dictionaries(
        {
            "jsonrpc": st.sampled_from(["2.0", "2.0", "2.0", "1.0"]),
            "id": st.one_of(st.integers(-1, 2), st.none(), st.just("a"), st.booleans()),
            "method": st.sampled_from(["eval", "query", "call", "ping", 1]),
            "params": st.one_of(
                PARAMS,
                st.fixed_dictionaries({"source": st.just("a"), "args": st.dictionaries(st.just("k"), VALUES)}),
                st.fixed_dictionaries({"path": st.just("a"), "args": st.lists(VALUES, max_size=2)}),
            ),
        }
    ),
    st.dictionaries(st.sampled_from(["id", "method", "params", "extra"]), VALUES, max_size=1),
)


@given(BODIES)
def test_what_is_read_in_one_step_is_what_the_readers_of_the_methods_say(body: bytes) -> None:
    batch: list[Request] = []
    if not connect().take_lone(encode_frame(body), batch, []):
        return
    id, method, params, tagged = parse_request(body)
    assert batch == [native._METHODS[method](connect(), method, params, tagged)]
    [reply] = replies_in(exchange(connect(), encode_frame(body), Runner().run, lambda: 0))
    assert (reply.id, reply.error) == (id, None)


@given(st.binary(max_size=64))
def test_any_body_gets_one_reply_and_the_next_request_is_served(body: bytes) -> None:
    runner = Runner()
    data = encode_frame(body) + encode_request("next", "eval", {"source": "1"})
    first, second = replies_in(exchange(connect(), data, runner.run, lambda: runner.seq))
    assert first.error is not None
    assert (second.id, second.value) == ("next", "1")


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_are_answered_or_awaited(pieces: list[bytes]) -> None:
    runner = Runner()
    connection = connect()
    received = b"".join(exchange(connection, piece, runner.run, lambda: 0) for piece in pieces)
    replies = replies_in(received)
    assert all(reply.error is not None for reply in replies)
    assert connection.finished == any(
        reply.error is not None and reply.error.code == ErrorCode.FRAME_TOO_LARGE for reply in replies
    )


def test_request_arrives_as_it_was_sent() -> None:
    runner = Runner()
    connection = Connection(dict, principal="bob")
    values = {"k": "bob", "when": {1: 2.5}, "raw": b"\x00"}
    data = encode_request(1, "eval", {"source": "users[k]", "args": values, "depth": 3})
    data += encode_request(2, "query", {"source": "1"})
    data += encode_request(3, "call", {"path": "jobs.push", "args": [1, (2,)], "kwargs": {"at": b"x"}, "depth": 0})
    exchange(connection, data, runner.run, lambda: 0)
    assert runner.ran == [
        make_request("eval", "users[k]", values, (), 3, "bob"),
        make_request("query", "1", principal="bob"),
        make_request("call", "jobs.push", {"at": b"x"}, [1, (2,)], 0, "bob"),
    ]


def test_outcome_becomes_a_reply_with_its_seq_and_what_was_printed() -> None:
    def run(requests: Sequence[Request]) -> list[Outcome]:
        return [(b'{"name":"Bob"}', None, 812, "hello\n")]

    data = exchange(connect(), encode_request("a", "eval", {"source": "1"}), run, lambda: 0)
    assert replies_in(data) == [Reply("a", {"name": "Bob"}, 812, "hello\n", None, False)]


def test_fault_becomes_an_error_that_tells_type_line_and_traceback() -> None:
    fault = Fault(FaultKind.RAISED, "KeyError", "'bob'", 1, "Traceback ...")

    def run(requests: Sequence[Request]) -> list[Outcome]:
        return [(None, fault, 812, "so far")]

    [reply] = replies_in(exchange(connect(), encode_request(1, "eval", {"source": "1"}), run, lambda: 0))
    assert reply.error is not None
    assert reply.error.code == ErrorCode.SNIPPET_RAISED
    assert reply.error.message == "KeyError: 'bob'"
    assert reply.error.data == {"type": "KeyError", "line": 1, "traceback": "Traceback ...", "output": "so far"}


def test_codes_of_faults_are_those_of_the_protocol() -> None:
    """The engine may not know the wire, so both state them."""
    protocol = {int(code) for code in ErrorCode}
    assert {int(kind) for kind in FaultKind} <= protocol


WRONG = [
    ("eval", {}, "eval: 'source' is missing; it must be a string"),
    ("eval", {"source": None}, "eval: 'source' must be a string, not null"),
    ("eval", {"source": 1}, "eval: 'source' must be a string, not a number"),
    ("eval", {"source": "1", "args": []}, "eval: 'args' must be an object, not an array"),
    ("eval", {"source": "1", "args": None}, "eval: 'args' must be an object, not null"),
    ("eval", {"source": "1", "depth": "2"}, "eval: 'depth' must be an integer, not a string"),
    ("eval", {"source": "1", "depth": True}, "eval: 'depth' must be an integer, not a boolean"),
    ("eval", {"source": "1", "depth": -1}, f"eval: 'depth' is from 0 to {VALUE_DEPTH_MAX}, not -1"),
    ("eval", {"source": "1", "deep": 1}, "eval: unknown parameter 'deep'; it takes: source, args, depth"),
    ("query", {"path": "f"}, "query: 'source' is missing; it must be a string"),
    ("call", {"source": "1"}, "call: 'path' is missing; it must be a string"),
    ("call", {"path": "f", "args": {}}, "call: 'args' must be an array, not an object"),
    ("call", {"path": "f", "kwargs": [1]}, "call: 'kwargs' must be an object, not an array"),
    ("call", {"path": "f", "k": 1}, "call: unknown parameter 'k'; it takes: path, args, kwargs, depth"),
    ("hello", {"client": 1}, "hello: 'client' must be a string, not a number"),
    ("hello", {"protocol": 1.5}, "hello: 'protocol' must be an integer, not a number"),
    ("hello", {"protocol": 2}, "hello: protocol 2 is not spoken here; this server speaks 1"),
    ("hello", {"x": 1}, "hello: unknown parameter 'x'; it takes: client, protocol"),
    ("ping", {"x": 1}, "ping: unknown parameter 'x'; it takes: none"),
    ("stats", {"y" * 99: 1}, f"stats: unknown parameter '{'y' * 64}...'; it takes: none"),
]


@pytest.mark.parametrize(("method", "params", "message"), WRONG)
def test_wrong_parameters_are_named(method: str, params: dict[str, Any], message: str) -> None:
    reply = ask(method, params)
    assert reply.error is not None
    assert (reply.error.code, reply.error.message) == (ErrorCode.INVALID_PARAMS, message)


def test_value_that_is_no_value_is_an_invalid_parameter() -> None:
    reply = ask("eval", {"source": "a", "args": {"a": {"$nothing": 1}}})
    assert reply.error is not None
    assert reply.error.code == ErrorCode.INVALID_PARAMS
    assert "$nothing" in reply.error.message


def test_unknown_method_is_told_which_there_are() -> None:
    reply = ask("delete" * 20, {})
    assert reply.error is not None
    assert reply.error.code == ErrorCode.UNKNOWN_METHOD
    assert reply.error.message == (
        f"unknown method '{('delete' * 20)[:64]}...'; this server knows "
        "call, checkpoint_keys, code, digest_at, eval, fence, follow, hello, history, log, ping, promote, query, "
        "records, resync, source, stats, sweep"
    )


def test_server_answers_for_itself() -> None:
    hello = ask("hello", {"client": "test", "protocol": 1}).value
    assert (hello["server"], hello["protocol"]) == ("objserver", 1)
    assert ask("ping", {}).value is None
    assert ask("stats", {}).value == {"figure": 7}


def test_log_is_told_where_one_is_shown() -> None:
    def entries(first: int, count: int) -> list[object]:
        return [{"seq": seq, "code": "$"} for seq in range(first, first + count)]

    data = encode_request(1, "log", {"first": 3, "count": 2}) + encode_request(2, "log", {"first": 1, "count": 1001})
    shown, refused = replies_in(exchange(Connection(dict, entries=entries), data, Runner().run, lambda: 9))
    assert (shown.value, shown.seq) == ([{"seq": 3, "code": "$"}, {"seq": 4, "code": "$"}], 9)
    assert refused.error is not None
    assert refused.error.message == "log: 'count' is from 1 to 1000, not 1001"
    hidden = ask("log", {"first": 1, "count": 1})
    assert hidden.error is not None
    assert hidden.error.message == "log: no log is shown here"


def test_code_is_told_where_it_is_shown() -> None:
    class Code:
        def history(self, name: str) -> list[object]:
            return [{"version": 1, "source": name}]

        def source(self, name: str, version: int | None) -> str:
            if version == 9:
                raise BadRequest("no version 9")
            return f"{name} {version}"

        def code(self, after: str, count: int) -> list[object]:
            return [after, count]

        def sweep(self) -> None:
            swept.append(True)

    swept: list[bool] = []
    requests: list[tuple[str, dict[str, object], object]] = [
        ("history", {"name": "f"}, [{"version": 1, "source": "f"}]),
        ("source", {"name": "f"}, "f None"),
        ("source", {"name": "f", "version": 2}, "f 2"),
        ("code", {"after": "", "count": 5}, ["", 5]),
        ("source", {"name": "f", "version": 9}, "no version 9"),
        ("source", {"name": "f", "version": 0}, f"source: 'version' is from 1 to {2**63}, not 0"),
        ("source", {}, "source: 'name' is missing; it must be a string"),
        ("history", {"name": "f", "x": 1}, "history: unknown parameter 'x'; it takes: name"),
        ("code", {"after": "", "count": 0}, "code: 'count' is from 1 to 1000, not 0"),
        ("sweep", {}, None),
        ("sweep", {"x": 1}, "sweep: unknown parameter 'x'; it takes: none"),
    ]
    data = b"".join(encode_request(id, method, params) for id, (method, params, _) in enumerate(requests))
    replies = replies_in(exchange(Connection(dict, keeper=Code()), data, Runner().run, lambda: 3))
    for reply, (_, _, expected) in zip(replies, requests, strict=True):
        assert (reply.value if reply.error is None else reply.error.message) == expected
    assert swept == [True]
    hidden = ask("history", {"name": "f"})
    assert hidden.error is not None
    assert hidden.error.message == "history: that is not to be had here"


def test_answer_that_fits_no_frame_is_an_error() -> None:
    def statistics() -> dict[str, object]:
        return {"text": "x" * FRAME_SIZE_MAX}

    [reply] = replies_in(exchange(Connection(statistics), encode_request(1, "stats", {}), Runner().run, lambda: 0))
    assert reply.error is not None
    assert reply.error.code == ErrorCode.RESULT_TOO_LARGE


def test_stats_are_told_after_the_batch_they_stand_in() -> None:
    runner = Runner()
    connection = Connection(lambda: {"ran": runner.seq})
    data = encode_request(1, "eval", {"source": "1"}) + encode_request(2, "stats", {})
    _, stats = replies_in(exchange(connection, data, runner.run, lambda: runner.seq))
    assert (stats.value, stats.seq) == ({"ran": 1}, 1)


def test_frame_beyond_the_limit_ends_the_conversation_behind_the_replies_before_it() -> None:
    runner = Runner()
    connection = connect()
    broken = (FRAME_SIZE_MAX + 1).to_bytes(4, "big")
    connection.receive(encode_request(1, "eval", {"source": "1"}) + broken)
    assert (connection.waiting, connection.finished) == (True, False)
    first, last = replies_in(exchange(connection, b"more", runner.run, lambda: 0))
    assert first.value == "1"
    assert last.id is None
    assert last.error is not None
    assert last.error.code == ErrorCode.FRAME_TOO_LARGE
    assert connection.finished
    assert exchange(connection, encode_request(2, "ping", {}), runner.run, lambda: 0) == b""


def test_refused_client_hears_why() -> None:
    connection = connect()
    connection.refuse(Overloaded("too many"))
    [reply] = replies_in(connection.deliver((), 0, 0))
    assert reply.error is not None
    assert (reply.error.code, reply.error.message) == (ErrorCode.OVERLOADED, "too many")
    assert connection.finished


def test_end_of_the_client_leaves_its_requests_to_be_answered() -> None:
    runner = Runner()
    connection = connect()
    connection.receive(encode_request(1, "eval", {"source": "1"}) + b"\x00\x00")
    connection.receive_end()
    assert not connection.finished
    [reply] = replies_in(exchange(connection, b"", runner.run, lambda: 0))
    assert reply.value == "1"
    assert connection.finished


def test_batch_takes_no_more_than_it_is_told() -> None:
    connection = connect()
    request = encode_request(1, "eval", {"source": "1"})
    connection.receive(request * 10)
    batch: list[Request] = []
    assert connection.take(batch, 4) == 4 * (len(request) - 4)
    assert len(batch) == 4
    connection.deliver(Runner().run(batch), 0, 0)
    batch = []
    connection.take(batch, 10, size_max=2 * (len(request) - 4))
    assert len(batch) == 2
    assert connection.buffered == 4 * (len(request) - 4)


def test_what_reads_from_the_disk_counts_as_what_it_may_read() -> None:
    """A pipeline of them would hold up everybody else, and take the memory of all their replies at once."""
    told: list[int] = []

    def entries(first: int, count: int) -> list[object]:
        told.append(first)
        return []

    connection = Connection(dict, entries=entries)
    connection.receive(b"".join(encode_request(id, "log", {"first": id, "count": 1}) for id in range(1, 20)))
    assert connection.take([]) >= BATCH_SIZE_MAX
    assert len(replies_in(connection.deliver((), 0, 0))) == len(told) == BATCH_SIZE_MAX // MIB
    while connection.waiting:
        connection.take([])
        connection.deliver((), 0, 0)
    assert told == list(range(1, 20))
