"""Messages: what a frame's body says, as JSON-RPC 2.0. Does no I/O.

    socket -> frame -> [message] -> snippet -> heap -> log -> followers

    {"jsonrpc":"2.0","id":1,"method":"eval","params":{"source":"users[k]","args":{"k":"bob"}}}
    {"jsonrpc":"2.0","id":1,"result":{"value":{"name":"Bob"},"seq":812,"output":"printed text, if any"}}
    {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"KeyError: 'bob'","data":{"type":"KeyError","line":1}}}

    method        params
    eval, query   source: str, args: {name: value}?, depth: int?, min_seq: int?, wait_ms: int?
    call          path: str, args: [value]?, kwargs: {name: value}?, depth: int?, min_seq: int?, wait_ms: int?
    hello         client: str?, protocol: int?
    log           first: int, count: int
    history       name: str
    source        name: str, version: int?
    code          after: str, count: int
    stats, ping, sweep, promote, resync   none

With `min_seq`, the request is run when the node has that entry, or answered BEHIND after `wait_ms`.

Values inside `args`, `kwargs` and `value` follow `wire/values.py`. A batch array is refused, since pipelining does
the same, and so is a notification, since a snippet nobody hears of again helps nobody.

Promise: any bytes give a request or a `MessageError`, and every reply fits a frame.
Source: JSON-RPC 2.0 Specification (https://www.jsonrpc.org/specification), error codes -32768 to -32000.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, Final, NamedTuple

import orjson

from objserver.errors import BadRequest, FrameTooLarge, ResultTooLarge
from objserver.limits import ERROR_TEXT_LENGTH_MAX, FRAME_SIZE_MAX, REQUEST_ID_LENGTH_MAX
from objserver.wire import values
from objserver.wire.frame import HEADER_SIZE, encode_frame

__all__ = [
    "PROTOCOL",
    "ErrorCode",
    "MessageError",
    "Reply",
    "ReplyError",
    "Request",
    "encode_error",
    "encode_request",
    "encode_result",
    "extend_request",
    "parse_json",
    "parse_reply",
    "parse_request",
]

PROTOCOL: Final = 1

RequestId = int | str | None


class ErrorCode(IntEnum):
    """The codes of error replies. Those from -32700 to -32600 are JSON-RPC's own."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    UNKNOWN_METHOD = -32601
    INVALID_PARAMS = -32602
    SNIPPET_RAISED = -32000
    SNIPPET_REFUSED = -32001  # did not compile, or is not allowed
    OUT_OF_FUEL = -32002
    READ_ONLY = -32003
    NOT_STORABLE = -32004
    RESULT_TOO_LARGE = -32005
    OVERLOADED = -32010
    FRAME_TOO_LARGE = -32011
    DATA_DAMAGED = -32020  # a file of the server does not hold what was written; the text names it
    # Of replication. Nothing was run, or nothing of it was kept, but for NOT_REPLICATED.
    NOT_LEADER = -32030  # a follower changes nothing; `leader` in data is the leader's address, or null
    NOT_REPLICATED = -32031  # kept on this node, and too few followers have said in time that they have it
    BEHIND = -32032  # the node did not reach `min_seq` in time
    TOO_FEW_REPLICAS = -32033  # too few followers are connected to change anything
    UNAVAILABLE = -32034  # the node serves nobody now: it has diverged, or is being built again
    REPLICATION_REFUSED = -32035  # the node follows nobody, or can't be followed by who asks; the text says why


class MessageError(BadRequest):
    """A body that is not a message. Nothing was run; answer with `code`, the text and `id` (None when unknown)."""

    def __init__(self, code: ErrorCode, message: str, id: RequestId) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


# Of a request: id, method, params, tagged. With `tagged` false, the values in `params` are what they look like and need
# no `decode`. A plain tuple: naming its items costs more than reading them, and there is one for every request.
Request = tuple[RequestId, str, dict[str, Any], bool]


class ReplyError(NamedTuple):
    """The error of a reply. `data` may hold `type`, `line`, `traceback`, and `leader` with NOT_LEADER."""

    code: int
    message: str
    data: dict[str, Any]


class Reply(NamedTuple):
    """One reply: `value`, `seq` and `output`, or else an `error`. `tagged` as in `Request`."""

    id: RequestId
    value: Any
    seq: int
    output: str
    error: ReplyError | None
    tagged: bool


# For whoever takes the usual message apart without a call for each of its layers.
parse_json = orjson.loads

# A third of the time of int.to_bytes.
_pack_size: Final = Struct(">I").pack


def parse_request(body: bytes) -> Request:
    """Return the request in a frame's body.

    Raises:
        MessageError: not JSON, a batch, or not a request; carries what the error reply needs.
    """
    try:
        message = orjson.loads(body)
        id, method, params = message["id"], message["method"], message["params"]
        usual = message["jsonrpc"] == "2.0" and type(id) is int and type(method) is str and type(params) is dict
    except (KeyError, TypeError, ValueError):
        usual = False
    if not usual:
        id, method, params = _read_unusual(body)
    return id, method, params, values.needs_decode(body)


def _read_unusual(body: bytes) -> tuple[RequestId, str, dict[str, Any]]:
    """Return the id, method and params of a request that is no plain one, or say what is wrong with it."""
    message = _load(body)
    id = message.get("id")
    if not _is_id(id):
        raise MessageError(
            ErrorCode.INVALID_REQUEST,
            f"the id is an int or a str of at most {REQUEST_ID_LENGTH_MAX} characters",
            None,
        )
    if message.get("jsonrpc") != "2.0":
        raise MessageError(ErrorCode.INVALID_REQUEST, "the message lacks \"jsonrpc\": \"2.0\"", id)
    if id is None and "id" not in message:
        raise MessageError(ErrorCode.INVALID_REQUEST, "the message lacks an id; every request is answered", None)
    method = message.get("method")
    if type(method) is not str:
        raise MessageError(ErrorCode.INVALID_REQUEST, "the method is a str", id)
    params = message.get("params", {})
    if type(params) is not dict:
        raise MessageError(ErrorCode.INVALID_PARAMS, "params are an object: parameters have names", id)
    return id, method, params


def encode_result(id: RequestId, value_json: bytes, seq: int, output: str = "") -> bytes:
    """Return the frame of a reply.

    Args:
        value_json: from `values.encode`, at most RESULT_SIZE_MAX bytes.
        seq: the log position that the value is true for.
        output: what the snippet printed, at most PRINT_SIZE_MAX characters.
    """
    if type(id) is int and not output:
        body = b'{"jsonrpc":"2.0","id":%d,"result":{"value":%b,"seq":%d}}' % (id, value_json, seq)
    else:
        printed = b',"output":' + _text(output) if output else b""
        body = b'{"jsonrpc":"2.0","id":%b,"result":{"value":%b,"seq":%d%b}}' % (
            orjson.dumps(id), value_json, seq, printed,
        )
    return _pack_size(len(body)) + body


def encode_error(id: RequestId, code: int, message: str, data: Mapping[str, Any]) -> bytes:
    """Return the frame of an error reply.

    Args:
        data: flat, with texts, ints and None as values. Long texts are cut, and so is a long message.
    """
    body = b'{"jsonrpc":"2.0","id":%b,"error":{"code":%d,"message":%b,"data":{%b}}}' % (
        orjson.dumps(id),
        code,
        _text(_shorten(message)),
        b",".join(
            _text(key) + b":" + (_text(_shorten(item)) if isinstance(item, str) else orjson.dumps(item))
            for key, item in data.items()
        ),
    )
    return encode_frame(body)


def encode_request(id: int | str, method: str, params: Mapping[str, Any]) -> bytes:
    """Return the frame of a request. The values in `params` are encoded as `values.encode` does.

    Raises:
        FrameTooLarge: the values do not fit a frame, or nest too deep.
        TypeError: a value has a type that can't be sent.
    """
    try:
        params_json = values.encode(dict(params), size_max=FRAME_SIZE_MAX)
    except ResultTooLarge as error:
        raise FrameTooLarge(f"parameters of {method!r} are too large or too deep; send the data in pieces") from error
    body = b'{"jsonrpc":"2.0","id":%b,"method":%b,"params":%b}' % (orjson.dumps(id), orjson.dumps(method), params_json)
    return encode_frame(body)


def extend_request(frame: bytes, params: Mapping[str, Any]) -> bytes:
    """Return the frame of a request with more parameters, which it lacks so far. For those known only when it is sent.

    Args:
        frame: from `encode_request`.
    Raises:
        FrameTooLarge: it does not fit a frame any more.
    """
    if not params:
        return frame
    body, end = frame[HEADER_SIZE:-2], frame[-2:]
    assert end == b"}}"
    separator = b"" if body.endswith(b"{") else b","
    return encode_frame(body + separator + values.encode(dict(params))[1:-1] + end)


def parse_reply(body: bytes) -> Reply:
    """Return the reply in a frame's body, its value not yet decoded.

    Raises:
        MessageError: this is no reply; the peer does not speak the protocol.
    """
    message = _load(body)
    id = message.get("id")
    result, error = message.get("result"), message.get("error")
    if message.get("jsonrpc") == "2.0" and _is_id(id) and (result is None) != (error is None):
        if type(result) is dict and "value" in result:
            seq, output = result.get("seq"), result.get("output", "")
            if type(seq) is int and type(output) is str:
                return Reply(id, result["value"], seq, output, None, values.needs_decode(body))
        elif type(error) is dict:
            code, text, data = error.get("code"), error.get("message"), error.get("data", {})
            if type(code) is int and type(text) is str and type(data) is dict:
                return Reply(id, None, 0, "", ReplyError(code, text, data), False)
    raise MessageError(ErrorCode.INVALID_REQUEST, "the message is not a reply of this protocol", None)


def _load(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MessageError(ErrorCode.PARSE_ERROR, f"the body is not JSON: {error}", None) from error
    if type(message) is not dict:
        what = "a batch is not served; send its messages one by one, in one write" if type(message) is list else (
            "a message is an object"
        )
        raise MessageError(ErrorCode.INVALID_REQUEST, what, None)
    return message


def _is_id(id: object) -> bool:
    return id is None or type(id) is int or (type(id) is str and len(id) <= REQUEST_ID_LENGTH_MAX)


def _shorten(text: str) -> str:
    if len(text) <= ERROR_TEXT_LENGTH_MAX:
        return text
    # The end stays as well: a traceback names the error there.
    half = ERROR_TEXT_LENGTH_MAX // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"


def _text(text: str) -> bytes:
    """Text for people as JSON. A lone surrogate, which JSON can't carry, becomes its escape."""
    try:
        return orjson.dumps(text)
    except TypeError:
        return orjson.dumps(text.encode("utf-8", "backslashreplace").decode())
