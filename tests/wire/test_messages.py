"""Messages: any bytes give a request or a MessageError, and every reply fits a frame."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objserver.errors import FrameTooLarge
from objserver.limits import (
    ERROR_TEXT_LENGTH_MAX,
    FRAME_SIZE_MAX,
    PRINT_SIZE_MAX,
    REQUEST_ID_LENGTH_MAX,
    RESULT_SIZE_MAX,
)
from objserver.wire import (
    ErrorCode,
    FrameReader,
    MessageError,
    decode,
    encode,
    encode_error,
    encode_request,
    encode_result,
    extend_request,
    parse_reply,
    parse_request,
)

ids = st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=REQUEST_ID_LENGTH_MAX)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def body_of(frame: bytes) -> bytes:
    (body,) = FrameReader().feed(frame)
    return body


def refused(message: object) -> MessageError:
    body = message if isinstance(message, bytes) else orjson.dumps(message)
    with pytest.raises(MessageError) as caught:
        parse_request(body)
    return caught.value


@given(st.integers(1, 2**63), st.sampled_from(["eval", "é"]), st.text(), st.dictionaries(st.text(), json_values))
def test_request_arrives_as_it_was_made(id: int, method: str, source: str, args: dict[str, Any]) -> None:
    *envelope, params, tagged = parse_request(body_of(encode_request(id, method, {"source": source, "args": args})))
    assert envelope == [id, method]
    assert (decode(params) if tagged else params) == {"source": source, "args": args}


@given(ids, json_values, st.integers(0, 2**63), st.text())
def test_result_arrives_as_it_was_made(id: Any, value: Any, seq: int, output: str) -> None:
    body = body_of(encode_result(id, encode(value), seq, output))
    reply = parse_reply(body)
    assert (reply.id, decode(reply.value), reply.seq, reply.output, reply.error) == (id, value, seq, output, None)
    assert ("output" in orjson.loads(body)["result"]) == bool(output)


@given(ids, st.sampled_from(ErrorCode), st.text(), st.dictionaries(st.text(), st.text() | st.booleans() | st.none()))
def test_error_arrives_as_it_was_made(id: Any, code: ErrorCode, message: str, data: dict[str, Any]) -> None:
    reply = parse_reply(body_of(encode_error(id, code, message, data)))
    assert (reply.id, reply.error) == (id, (code, message, data))


def test_replies_are_written_as_the_protocol_says() -> None:
    """To the letter: clients in other languages are written from the documentation."""
    assert body_of(encode_result(1, b'{"name":"Bob"}', 812)) == (
        b'{"jsonrpc":"2.0","id":1,"result":{"value":{"name":"Bob"},"seq":812}}'
    )
    assert body_of(encode_error(1, ErrorCode.SNIPPET_RAISED, "KeyError: 'bob'", {"type": "KeyError", "line": 1})) == (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"KeyError: \'bob\'",'
        b'"data":{"type":"KeyError","line":1}}}'
    )


@given(st.binary() | json_values.map(orjson.dumps) | st.dictionaries(
    st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]),
    json_values | st.just("2.0") | st.fixed_dictionaries({"value": json_values, "seq": json_values})
    | st.fixed_dictionaries({"code": json_values, "message": json_values, "data": json_values}),
).map(orjson.dumps))  # fmt: skip
def test_any_bytes_are_a_message_or_a_message_error(body: bytes) -> None:
    for parse in (parse_request, parse_reply):
        try:
            parse(body)
        except MessageError as error:
            encode_error(error.id, error.code, error.message, {})


@pytest.mark.parametrize(
    ("message", "code", "id"),
    [
        (b"", ErrorCode.PARSE_ERROR, None),
        (b"{", ErrorCode.PARSE_ERROR, None),
        (b"\xff", ErrorCode.PARSE_ERROR, None),
        (b"[" * 5000 + b"]" * 5000, ErrorCode.PARSE_ERROR, None),
        ([], ErrorCode.INVALID_REQUEST, None),
        ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], ErrorCode.INVALID_REQUEST, None),
        (7, ErrorCode.INVALID_REQUEST, None),
        ({"id": 7, "method": "ping"}, ErrorCode.INVALID_REQUEST, 7),
        ({"jsonrpc": "1.0", "id": "a", "method": "ping"}, ErrorCode.INVALID_REQUEST, "a"),
        ({"jsonrpc": "2.0", "method": "ping"}, ErrorCode.INVALID_REQUEST, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, ErrorCode.INVALID_REQUEST, None),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, ErrorCode.INVALID_REQUEST, None),
        ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, ErrorCode.INVALID_REQUEST, None),
        ({"jsonrpc": "2.0", "id": "x" * 257, "method": "ping"}, ErrorCode.INVALID_REQUEST, None),
        ({"jsonrpc": "2.0", "id": 1}, ErrorCode.INVALID_REQUEST, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, ErrorCode.INVALID_REQUEST, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "eval", "params": ["x"]}, ErrorCode.INVALID_PARAMS, 1),
        ({"jsonrpc": "2.0", "id": 1, "method": "eval", "params": None}, ErrorCode.INVALID_PARAMS, 1),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_with_the_code_and_the_id(message: object, code: ErrorCode, id: object) -> None:
    error = refused(message)
    assert (error.code, error.id) == (code, id)
    assert 0 < len(error.message) < 300


def test_request_says_whether_its_parameters_need_decoding() -> None:
    """Most do not, and the search for a tag is a hundred times as fast as the walk."""

    def tagged(params: bytes) -> bool:
        return parse_request(b'{"jsonrpc":"2.0","id":1,"method":"eval","params":%b}' % params)[3]

    assert not tagged(b'{"source":"users[k]","args":{"k":"costs 5$"}}')
    assert tagged(b'{"args":{"k":{"$set":[1]}}}')
    assert tagged(b'{"args":{"k":{"\\u0024set":[1]}}}')
    assert tagged(b'{"args":{"k":%b}}' % (b"[" * 250 + b"]" * 250))


def test_largest_reply_fits_a_frame() -> None:
    """With everything at its limit, and every printed character one that JSON writes in six."""
    value = b'"%b"' % (b"x" * (RESULT_SIZE_MAX - 2))
    body = body_of(encode_result("\x01" * REQUEST_ID_LENGTH_MAX, value, 2**64, "\x01" * PRINT_SIZE_MAX))
    assert len(body) <= FRAME_SIZE_MAX


def test_long_error_is_cut_in_the_middle() -> None:
    """A traceback names the error in its last line."""
    text = "first" + "x" * 1_000_000 + "last"
    error = parse_reply(body_of(encode_error(1, -32000, text, {"traceback": text}))).error
    assert error is not None
    for shortened in (error.message, error.data["traceback"]):
        assert (shortened[:6], shortened[-5:]) == ("firstx", "xlast")
        assert f" ... {len(text) - ERROR_TEXT_LENGTH_MAX} characters left out ... " in shortened
        assert len(shortened) < ERROR_TEXT_LENGTH_MAX + 100


def test_text_with_a_lone_surrogate_is_shown_with_its_escape() -> None:
    """It is text for people, and must never be what keeps a reply from leaving."""
    assert parse_reply(body_of(encode_result(1, b"0", 1, "a\ud800"))).output == "a\\ud800"
    error = parse_reply(body_of(encode_error(1, -32000, "\udfff", {"line": 1, "t\ud800": "\ud800"}))).error
    assert error == (-32000, "\\udfff", {"line": 1, "t\\ud800": "\\ud800"})


def test_request_that_does_not_fit_a_frame_is_refused_before_it_is_sent() -> None:
    with pytest.raises(FrameTooLarge, match="send the data in pieces"):
        encode_request(1, "eval", {"source": "x" * FRAME_SIZE_MAX})
    nested: list[Any] = []
    for _ in range(500):
        nested = [nested]
    with pytest.raises(FrameTooLarge, match="too deep"):
        encode_request(1, "eval", {"source": "x", "args": {"k": nested}})


@given(st.dictionaries(st.sampled_from("ab"), json_values), st.dictionaries(st.sampled_from("cd"), json_values))
def test_request_takes_more_parameters_later(first: dict[str, Any], more: dict[str, Any]) -> None:
    frame = extend_request(encode_request(1, "query", first), more)
    _, _, params, tagged = parse_request(body_of(frame))
    assert (decode(params) if tagged else params) == first | more


def test_error_codes_are_those_of_the_protocol() -> None:
    """Clients in other languages compare numbers."""
    assert {code.value for code in ErrorCode} == {
        -32700, -32600, -32601, -32602, -32000, -32001, -32002, -32003, -32004, -32005, -32010, -32011, -32020,
        -32030, -32031, -32032, -32033, -32034, -32035,
    }  # fmt: skip
