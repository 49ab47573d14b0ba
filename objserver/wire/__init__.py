"""Bytes <-> frames <-> messages <-> values. Does no I/O; both ends of a connection use it."""

from objserver.wire.frame import FrameReader, encode_frame
from objserver.wire.messages import (
    PROTOCOL,
    ErrorCode,
    MessageError,
    Reply,
    ReplyError,
    Request,
    encode_error,
    encode_request,
    encode_result,
    extend_request,
    parse_reply,
    parse_request,
)
from objserver.wire.values import Factories, Shape, decode, encode, loads, needs_decode

__all__ = [
    "ErrorCode",
    "Factories",
    "FrameReader",
    "MessageError",
    "PROTOCOL",
    "Reply",
    "ReplyError",
    "Request",
    "Shape",
    "decode",
    "encode",
    "encode_error",
    "encode_frame",
    "encode_request",
    "encode_result",
    "extend_request",
    "loads",
    "needs_decode",
    "parse_reply",
    "parse_request",
]
