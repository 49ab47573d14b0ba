"""Dates as texts are those of CPython in the zone UTC with English names."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.dates import format_date, parse_date
from sandbox.library.time import strptime
from tests.sandbox.host import Host

ZONES = st.none() | st.timedeltas(
    datetime.timedelta(hours=-23), datetime.timedelta(hours=23)
).map(datetime.timezone) | st.just(datetime.timezone(datetime.timedelta(hours=1), "CET"))
# Before the year 1000 the C library writes fewer digits.
MOMENTS = st.datetimes(datetime.datetime(1000, 1, 1), timezones=ZONES)
PARTS = [f"%{code}" for code in "aAbBdfGHIjmMpSuUVwWyYz%"] + ["-", " "]
CODES = st.lists(st.sampled_from([*PARTS, "%Z", ":", "é"]), max_size=6)
FORMATS = [
    "%Y-%m-%d", "%d.%m.%y %H:%M", "%d %B %Y", "%b %d %Y %I:%M %p", "%A %d %b %Y", "%Y-%m-%dT%H:%M:%S.%f%z", "%j %Y",
    "%Y %U %w", "%Y %W %a", "%G-W%V-%u", "%y%m%d%H%M%S", "%H:%M", "%Y %U %A", "%m/%d", "%I %p", "%Y-%m-%d %Z", "%z %Z",
    "%Y  %m", "%%%Y", "(%Y)", "%d%b", "%S %f", "%W %w %Y", "%Y %j %H",
]


@pytest.fixture(autouse=True, scope="module")
def _utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ValueError:
        return ValueError


# From 3.13 on, CPython's own warns of a day without a year.
reads_as_python = pytest.mark.filterwarnings("ignore:Parsing dates involving a day of month:DeprecationWarning")


@given(MOMENTS, CODES)
def test_a_date_is_written_as_in_python(moment: datetime.datetime, codes: list[str]) -> None:
    spec = "".join(codes)
    for value in (moment, moment.date(), moment.time(), moment.timetz()):
        assert format_date(value, spec) == value.strftime(spec)


@reads_as_python
@given(st.sampled_from(FORMATS), MOMENTS)
def test_a_date_is_read_as_in_python(spec: str, moment: datetime.datetime) -> None:
    for text in (moment.strftime(spec), moment.strftime(spec).lower(), moment.strftime(spec) + " "):
        assert repr(outcome(parse_date, text, spec)) == repr(outcome(datetime.datetime.strptime, text, spec))
        # Of a week of another year, Python's counts the day from the start of that one.
        if "%G" not in spec:
            assert repr(outcome(strptime, text, spec)) == repr(outcome(time.strptime, text, spec))


@reads_as_python
@pytest.mark.parametrize("text, spec", [
    ("02/29", "%m/%d"), ("02/29 +0100", "%m/%d %z"), ("Feb 29 12:00", "%b %d %H:%M"), ("2/29 1904", "%m/%d %Y"),
    ("2/29 04", "%m/%d %y"), ("2/29 1900", "%m/%d %Y"), ("02/30", "%m/%d"), ("02/28", "%m/%d"),
])
def test_leap_day_of_no_year_is_read_as_in_python(text: str, spec: str) -> None:
    """It was in 1904. For Python it is in 1900, which had none."""
    assert repr(outcome(parse_date, text, spec)) == repr(outcome(datetime.datetime.strptime, text, spec))
    assert repr(outcome(strptime, text, spec)) == repr(outcome(time.strptime, text, spec))


@reads_as_python
@given(
    st.lists(st.sampled_from(PARTS), max_size=5, unique=True), st.text("0123456789 -+:ZapmJuneMon", max_size=14)
)
def test_any_text_is_read_or_refused_as_in_python(codes: list[str], text: str) -> None:
    spec = "".join(codes)
    ours, plain = outcome(parse_date, text, spec), outcome(datetime.datetime.strptime, text, spec)
    assert repr(ours) == repr(plain)


@given(st.integers(-(10**10), 10**10) | st.floats(-1e9, 1e9).map(lambda seconds: round(seconds, 3)), MOMENTS)
def test_the_local_zone_is_utc(seconds: float, moment: datetime.datetime) -> None:
    host = Host()
    plain = moment.replace(tzinfo=None)
    host.run("import time\nfrom datetime import datetime, date")
    assert host.run("[datetime.fromtimestamp(s), date.fromtimestamp(s), datetime.utcfromtimestamp(s)]", s=seconds) == [
        datetime.datetime.fromtimestamp(seconds), datetime.date.fromtimestamp(seconds),
        datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None),
    ]
    assert host.run("[m.timestamp(), m.timetuple(), m.ctime(), m.utctimetuple(), m.date().ctime()]", m=plain) == [
        plain.timestamp(), plain.timetuple(), plain.ctime(), plain.utctimetuple(), plain.date().ctime(),
    ]
    assert host.run("[m.astimezone().isoformat(), m.timestamp()]", m=moment) == [
        moment.astimezone(datetime.UTC).isoformat(), moment.timestamp(),
    ]
    assert host.run(
        "[time.gmtime(s), time.localtime(s), time.mktime(time.gmtime(s)), time.asctime(time.gmtime(s)), time.ctime(s),"
        " time.strftime('%Y-%m-%d %H:%M:%S %j %a', time.gmtime(s))]", s=int(seconds)
    ) == [
        time.gmtime(int(seconds)), time.gmtime(int(seconds)), float(int(seconds)),
        time.asctime(time.gmtime(int(seconds))), time.ctime(int(seconds)),
        time.strftime("%Y-%m-%d %H:%M:%S %j %a", time.gmtime(int(seconds))),
    ]
