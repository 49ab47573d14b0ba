"""The module `datetime`: Python's classes, whose clock is that of the snippet and whose local zone is UTC."""

from __future__ import annotations

import datetime as original
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final

from sandbox import dates
from sandbox.hooks import Hooks
from sandbox.kinds import ValueKind, make_kind
from sandbox.seal import Module, make_module

# An int of more digits is out of range anyway, and its text may be refused by Python.
_NUMBERS: Final = frozenset({bool, float, int})


def _checked(kind: type, first: Any) -> None:
    # Python takes bytes or a text of a pickle there, whose parts it does not check.
    if type(first) in (bytes, str):
        raise TypeError(f"{kind.__name__}() takes numbers, not a {type(first).__name__}; use fromisoformat")


def _date(year: Any, month: Any = None, day: Any = None) -> date:
    _checked(date, year)
    return date(year, month, day)


def _time(hour: Any = 0, *others: Any, **named: Any) -> time:
    _checked(time, hour)
    return time(hour, *others, **named)


def _datetime(year: Any, month: Any = None, *others: Any, **named: Any) -> datetime:
    _checked(datetime, year)
    return datetime(year, month, *others, **named)


def _tzinfo(*arguments: Any, **named: Any) -> tzinfo:
    raise TypeError("can't make a tzinfo; use timezone(timedelta(hours=1))")


def _as_date(moment: datetime) -> date:
    return moment.date()


def _moment(seconds: Any) -> datetime:
    """Return the time so many seconds after 1970, rounded as Python does."""
    if type(seconds) not in _NUMBERS:
        raise TypeError(f"a time in seconds is a number, not {type(seconds).__name__}")
    return datetime.fromtimestamp(seconds, UTC)


def make_datetime(hooks: Hooks) -> Module:
    def now(tz: tzinfo | None = None) -> datetime:
        moment = hooks.now()
        return moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)

    def today() -> datetime:
        return now()

    def fromtimestamp(timestamp: Any, tz: tzinfo | None = None) -> datetime:
        moment = _moment(timestamp)
        return moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)

    def utcfromtimestamp(timestamp: Any, /) -> datetime:
        return fromtimestamp(timestamp)

    def date_today() -> date:
        return _as_date(now())

    def date_fromtimestamp(timestamp: Any, /) -> date:
        return _as_date(_moment(timestamp))

    shared = {
        "ctime": dates.plain_ctime, "strftime": dates.format_date, "timetuple": dates.plain_tuple,
    }
    kinds: dict[str, ValueKind] = {
        "date": make_kind(date, _date, today=date_today, fromtimestamp=date_fromtimestamp, **shared),
        "datetime": make_kind(
            datetime, _datetime, now=now, today=today, utcnow=today, fromtimestamp=fromtimestamp,
            utcfromtimestamp=utcfromtimestamp, strptime=dates.parse_date, astimezone=dates.astimezone,
            timestamp=dates.timestamp, utctimetuple=dates.plain_utc_tuple, **shared,
        ),
        "time": make_kind(time, _time, strftime=dates.format_date),
        "timedelta": make_kind(timedelta, timedelta),
        "timezone": make_kind(timezone, timezone),
        "tzinfo": make_kind(tzinfo, _tzinfo),
    }
    values = {"MAXYEAR": original.MAXYEAR, "MINYEAR": original.MINYEAR, "UTC": UTC, **kinds}
    return make_module("datetime", values)
