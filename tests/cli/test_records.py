"""Whatever was written into a file comes out of it, and what does not parse is named by file and line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from objserver.cli.records import BadRecord, Record, read_records, to_number
from objserver.limits import FRAME_SIZE_MAX

# A busy machine is no fault of what is tested.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=70)

# Lone surrogates are not text in any encoding of a file.
texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers() | st.integers(2**62, 2**80) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
# Every layout that json can write: the parser must not depend on one.
layouts = st.builds(
    lambda ascii, indent: lambda value: json.dumps(value, ensure_ascii=ascii, indent=indent).encode(),
    st.booleans(), st.sampled_from([None, 1]),
)  # fmt: skip
Layout = Callable[[object], bytes]


def read(data: bytes, format: str) -> list[Record]:
    return list(read_records(io.BytesIO(data), "file", format).items)


def same(left: object, right: object) -> bool:
    """Equal, types of numbers and the sign of zero included."""
    return repr(left) == repr(right)


@untimed
@given(st.lists(values), layouts)
@example([-9223372036854775809, 18446744073709551616, 0.1234567890123456789], lambda value: json.dumps(value).encode())
def test_array_gives_its_elements(expected: list[object], layout: Layout) -> None:
    records = read(layout(expected), "json")
    assert same([record.value for record in records], expected)
    assert {record.key for record in records} <= {None}


@untimed
@given(st.dictionaries(texts, values), layouts)
def test_object_gives_its_values_under_its_keys(expected: dict[str, object], layout: Layout) -> None:
    found = {record.key: record.value for record in read(layout(expected), "json")}
    assert same(found, expected)


@untimed
@given(st.lists(values), st.lists(st.sampled_from(["", "  ", "\t"])), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_lines_give_one_value_each(expected: list[object], blanks: list[str], end: str, last: bool) -> None:
    lines = [json.dumps(value) for value in expected]
    for position, blank in enumerate(blanks):
        lines.insert(position * 2, blank)
    data = end.join(lines).encode() + (end.encode() if last else b"")
    records = read(data, "jsonl")
    assert same([record.value for record in records], expected)
    for record in records:
        assert same(json.loads(data.splitlines()[int(record.line.split()[1]) - 1]), record.value)


@untimed
@given(st.data())
def test_rows_give_what_csv_wrote(data: st.DataObject) -> None:
    header = data.draw(st.lists(texts.filter(bool), min_size=1, max_size=5, unique=True))
    rows = data.draw(st.lists(st.lists(texts, min_size=len(header), max_size=len(header))))
    file = io.StringIO(newline="")
    # With one end of line alone, csv leaves the other's characters unquoted, which no reader understands.
    if data.draw(st.booleans()):
        writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    else:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([header, *rows])
    records = read(data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + file.getvalue().encode(), "csv")
    assert [record.value for record in records] == [dict(zip(header, row, strict=True)) for row in rows]


almost = st.lists(st.sampled_from([b'{"a":', b"[1", b"]", b"}", b"1", b'"', b",", b"\n", b"a,b\n"])).map(b"".join)


@untimed
@given(st.binary() | almost, st.sampled_from(["json", "jsonl", "csv"]))
def test_any_bytes_give_records_or_a_named_refusal(data: bytes, format: str) -> None:
    try:
        read(data, format)
    except BadRecord as error:
        assert str(error).startswith("file, line ")


@untimed
@given(st.lists(values, min_size=1), st.sampled_from(["json", "jsonl"]))
def test_progress_ends_at_the_total(expected: list[object], format: str) -> None:
    data = json.dumps(expected).encode() if format == "json" else "\n".join(map(json.dumps, expected)).encode()
    records = read_records(io.BytesIO(data), "file", format, size=len(data))
    done = [record.done for record in records.items]
    assert done == sorted(done)
    assert done[-1] == records.total


@untimed
@given(st.integers(-10**30, 10**30) | st.floats(allow_nan=False, allow_infinity=False))
def test_number_becomes_itself_when_asked_for(number: float) -> None:
    value = to_number(json.dumps(number))
    assert type(value) is type(number)
    assert value == number


@pytest.mark.parametrize("text", ["", "007", "+1", "1_000", "0x10", "nan", "inf", "1e999", "1.", ".5", " 1", "٣"])
def test_text_that_is_not_a_json_number_stays_text(text: str) -> None:
    assert to_number(text) == text


@pytest.mark.parametrize(
    ("format", "data", "message"),
    [
        ("json", b'[1,\n {"a": }]', "file, line 2: unexpected character"),
        ("json", b'{"a": 1}\n{"a": 2}', "file, line 2: unexpected content after document (column 1); "
         "for one record a line use --format jsonl"),
        ("json", b"7", "file, line 1: expected an array or an object, found a number"),
        ("json", b"[12345678901234567890123, NaN]", "file, line 1: NaN is not JSON"),
        ("json", b"[12345678901234567890123, 1e999]", "file, line 1: 1e999 is too large for a number"),
        ("jsonl", b'{"a": 1}\n\n{"a"\n', 'file, line 3: '),
        ("jsonl", b'"caf\xe9"\n', "file, line 1: "),
        ("jsonl", b"[" * 2000 + b"\n", "file, line 1: "),
        ("jsonl", b"1" * 20 + b"," + b"[" * 100_000, "file, line 1: "),
        ("jsonl", b"1" * 5000, "file, line 1: "),
        ("csv", b"a,b\n1,2\n3\n", "file, line 3: 1 fields, the header has 2"),
        ("csv", b'a,b\n"1\n2",3\n4,5,6\n', "file, line 4: 3 fields, the header has 2"),
        ("csv", b'a,b\n1,"2\n3,4\n', "file, line 2: unexpected end of data"),
        ("csv", b"a,b\r1,2\r", "file, line 1: a carriage return outside quotes"),
        ("csv", b"a,a\n", "file, line 1: two fields are called 'a'"),
        ("csv", b"a,,b\n", "file, line 1: a header name is empty"),
        ("csv", b"a,b\n1,2\n\xff,3\n", "file, line 3: not UTF-8 at byte 1 of the line"),
    ],
)  # fmt: skip
def test_refusal_names_file_line_and_reason(format: str, data: bytes, message: str) -> None:
    with pytest.raises(BadRecord) as caught:
        read(data, format)
    assert str(caught.value).startswith(message)


def test_records_before_a_bad_line_are_given() -> None:
    records = read_records(io.BytesIO(b"1\n2\nx\n3\n"), "file", "jsonl").items
    assert [next(records).value, next(records).value] == [1, 2]
    with pytest.raises(BadRecord, match="line 3"):
        next(records)


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_line_without_an_end_does_not_fill_the_memory(format: str) -> None:
    """A disk image named .csv is refused after one bounded read."""

    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            buffer[:] = b"x" * len(buffer)
            self.given += len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(BadRecord, match="line 1: longer than"):
        list(read_records(io.BufferedReader(endless), "file", format).items)
    assert endless.given < 2 * FRAME_SIZE_MAX


def test_negative_zero_and_exponents_stay_floats() -> None:
    (record,) = read(b"[[-0.0, 1e2]]", "json")
    assert math.copysign(1, record.value[0]) == -1  # type: ignore[index]
    assert same(record.value, [-0.0, 100.0])
