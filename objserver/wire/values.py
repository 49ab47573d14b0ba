"""Values: Python values <-> JSON, with tags for what JSON has no word for. Does no I/O.

    None, bool, int of 64 bits, float, str, list, dict with str keys      as in JSON
    {"$set": [..]}  {"$frozenset": [..]}  {"$tuple": [..]}
    {"$deque": [[..], maxlen or null]}  {"$namedtuple": [name, {field: value, ..}]}
    {"$bytes": base64}  {"$uuid": text}  {"$decimal": text}  {"$fraction": [n, d]}  {"$complex": [re, im]}
    {"$timezone": [days, seconds, microseconds]}, with the name behind where it has one of its own
    {"$datetime": iso}  {"$date": iso}  {"$time": iso}  {"$timedelta": [days, seconds, microseconds]}
    {"$int": decimal or 0x.. text}                                        an int beyond 64 bits (-2**63 .. 2**64-1)
    {"$float": "nan" | "inf" | "-inf"}
    {"$str": base64 of UTF-8}                                             a text with lone surrogates
    {"$dict": [[key, value], ..]}                                         a dict with a key that is not a plain str
    {"$class": name, attribute: value, ..}                                an instance
    {"$ref": oid or null, "$class": name}                                 something not shown: a cycle, a cut, a class

The second run through an hour that the clock shows twice (`fold`) is [iso, 1] in place of iso.
A defaultdict, Counter or OrderedDict of the server arrives as a dict: the factory of the first is the server's.
A key that begins with "$" gets one more: {"$set": 1} travels as {"$$set": 1}.

Promise: what `encode` accepts, `decode` gives back, equal and of the same type; any JSON gives a value or a
`BadRequest`; time and memory are bounded by the limits, not by the value (tests/wire/test_values.py).
"""

from __future__ import annotations

from objserver.wire.decoding import Factories, decode, loads, needs_decode
from objserver.wire.encoding import Shape, encode, encode_arguments, encode_document

__all__ = [
    "Factories",
    "Shape",
    "decode",
    "encode",
    "encode_arguments",
    "encode_document",
    "loads",
    "needs_decode",
]
