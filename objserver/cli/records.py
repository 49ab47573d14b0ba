"""Records out of a file: JSON, JSON Lines, CSV. Pure readers; know nothing of a server.

    bytes -> [lines of bounded size] -> Record(line, key, value, size, done) -> batches (load.py)

    json    one document, read whole: an array of records, or an object of key -> record
    jsonl   one record a line; empty lines are skipped
    csv     a header row, then one record a row: an object of header name -> text

Promise: what was written into a file comes out, exactly and in order (integers of any size, text with line ends);
whatever does not parse raises `BadRecord` with file, line and reason. JSON Lines and CSV need memory for one record.
(tests/cli/test_records.py)
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, NamedTuple, NoReturn

import orjson

from objserver.limits import FRAME_SIZE_MAX

FORMATS: Final = ("json", "jsonl", "csv")
SUFFIXES: Final = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}

BOM: Final = b"\xef\xbb\xbf"

# orjson reads an integer above 64 bits as a float, which loses digits. 19 digits may be such an integer; text
# that has so many in a row (an ordinary long number in a string, too) takes the slower, exact parser.
LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")

Decode = Callable[[Any], Any]

# What becomes a number when asked for. "007" and "+1" stay text: they are codes and telephone numbers.
INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,999})")
REAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class BadRecord(ValueError):
    """The file does not hold what its format says: names file, line and reason. Correct the file, then go on."""


class Record(NamedTuple):
    """One record, and how far in the file it stands."""

    line: str  # where it begins, for messages: "line 12" or "record 12"
    key: object  # the document's own key for it; None in arrays and lines
    value: object
    size: int  # bytes of its text, roughly what it costs in a request
    done: int  # of `Records.total`, this one included


@dataclass(frozen=True)
class Records:
    """The records of one file, to be read once."""

    name: str
    keyed: bool  # records have keys of their own
    total: int | None  # what `Record.done` ends at; None when unknown (a pipe)
    items: Iterator[Record]


def read_records(
    stream: IO[bytes],
    name: str,
    format: str,
    *,
    size: int | None = None,
    numbers: bool = False,
    decode: Decode | None = None,
) -> Records:
    """Open `stream` as `format` (one of `FORMATS`); JSON is parsed now, the others as they are iterated.

    Args:
        name: of the file, for messages.
        size: bytes of the whole stream when known, for progress.
        numbers: CSV only: text that reads as a number becomes one.
        decode: JSON and JSON Lines only: turns what was parsed into values, so that tagged objects such as
            {"$set": [1]} become what they stand for; raises ValueError.
    Raises:
        BadRecord: here or while iterating.
    """
    if format == "json":
        return _read_document(stream, name, decode)
    items = _read_lines(stream, name, decode) if format == "jsonl" else _read_rows(stream, name, numbers)
    return Records(name, keyed=False, total=size, items=items)


def parse_json(text: bytes) -> object:
    """Parse one JSON text; integers of any size stay integers.

    Raises:
        ValueError: what is wrong; orjson's and json's errors carry `lineno` and `colno`.
    """
    if LONG_NUMBER.search(text) is None:
        return orjson.loads(text)
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def to_number(text: str) -> int | float | str:
    """Return the number that `text` spells as JSON would, or `text` itself when it does not."""
    if INTEGER.fullmatch(text):
        return int(text)
    if REAL.fullmatch(text):
        number = float(text)
        return text if number in (float("inf"), float("-inf")) else number
    return text


def _read_document(stream: IO[bytes], name: str, decode: Decode | None) -> Records:
    try:
        document: Any = parse_json(stream.read().removeprefix(BOM))
        if decode and isinstance(document, dict) and len(document) == 1:
            # Perhaps a tag that stands for the whole: a set, a dict whose keys are not texts.
            (key,) = document
            if key.startswith("$") and not key.startswith("$$"):
                document, decode = decode(document), None
    except ValueError as error:
        hint = ""
        if "unexpected content after" in str(error) or "Extra data" in str(error):
            hint = "; for one record a line use --format jsonl"
        _refuse(name, f"line {getattr(error, 'lineno', 1)}", _reason(error) + hint)
    keyed = isinstance(document, dict)
    if not isinstance(document, (dict, list, tuple, set, frozenset)):
        _refuse(name, "line 1", f"expected an array or an object, found {_kind(document)}")
    return Records(name, keyed, len(document), _document_items(document, name, decode))


def _document_items(document: Any, name: str, decode: Decode | None) -> Iterator[Record]:
    keyed = isinstance(document, dict)
    for number, item in enumerate(document.items() if keyed else document, 1):
        key, value = item if keyed else (None, item)
        size = _size(value)
        if decode:
            try:
                if keyed:
                    ((key, value),) = decode({key: value}).items()
                else:
                    value = decode(value)
            except ValueError as error:
                _refuse(name, f"record {number}", _reason(error))
        yield Record(f"record {number}", key, value, size, number)


def _read_lines(stream: IO[bytes], name: str, decode: Decode | None) -> Iterator[Record]:
    done = 0
    for number, line in _lines(stream, name):
        done += len(line)
        text = line.strip()
        if not text:
            continue
        try:
            value = parse_json(text)
            value = decode(value) if decode else value
        except ValueError as error:
            _refuse(name, f"line {number}", _reason(error))
        yield Record(f"line {number}", None, value, len(text), done)


def _read_rows(stream: IO[bytes], name: str, numbers: bool) -> Iterator[Record]:
    # A field may hold as much as a line; the module's own limit is 128 KiB.
    csv.field_size_limit(FRAME_SIZE_MAX)
    done = 0

    def text_lines() -> Iterator[str]:
        nonlocal done
        for number, line in _lines(stream, name):
            done += len(line)
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                _refuse(name, f"line {number}", f"not UTF-8 at byte {error.start + 1} of the line")

    convert: Callable[[str], object] = to_number if numbers else str
    rows = csv.reader(text_lines(), strict=True)
    header: list[str] | None = None
    while True:
        line, start = f"line {rows.line_num + 1}", done
        try:
            row = next(rows, None)
        except csv.Error as error:
            # Python's own text speaks of the mode the file was opened in.
            _refuse(name, line, "a carriage return outside quotes" if "new-line" in str(error) else str(error))
        if row is None:
            return
        if not row:
            continue
        if header is None:
            header = _header(row, name, line)
            continue
        if len(row) != len(header):
            _refuse(name, line, f"{len(row)} fields, the header has {len(header)}")
        yield Record(line, None, dict(zip(header, map(convert, row), strict=True)), done - start, done)


def _header(row: list[str], name: str, line: str) -> list[str]:
    seen: set[str] = set()
    for field in row:
        if not field:
            _refuse(name, line, "a header name is empty")
        if field in seen:
            _refuse(name, line, f"two fields are called {field!r}")
        seen.add(field)
    return row


def _lines(stream: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number from 1, line with its end); a line that could not be sent anyway ends the reading."""
    number = 0
    while line := stream.readline(FRAME_SIZE_MAX + 1):
        number += 1
        if len(line) > FRAME_SIZE_MAX:
            _refuse(name, f"line {number}", f"longer than {FRAME_SIZE_MAX} bytes, more than one request carries")
        yield number, line.removeprefix(BOM) if number == 1 else line


def _size(value: object) -> int:
    try:
        return len(orjson.dumps(value))
    except TypeError:  # what JSON can't say plainly: an integer above 64 bits, a set
        return len(repr(value))


def _refuse(name: str, line: str, reason: str) -> NoReturn:
    raise BadRecord(f"{name}, {line}: {reason}")


def _reason(error: ValueError) -> str:
    message, column = getattr(error, "msg", str(error)), getattr(error, "colno", None)
    return f"{message} (column {column})" if column else str(message)


def _kind(value: object) -> str:
    return {type(None): "null", bool: "true or false", str: "a text"}.get(type(value), "a number")


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large for a number")
    return number
