"""The module `time`: the clock of the snippet, which stands still while it runs; the local zone is UTC."""

from __future__ import annotations

import time as original
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox import dates
from sandbox.hooks import Hooks
from sandbox.kinds import make_kind
from sandbox.seal import Module, make_module, sealed

struct_time = original.struct_time



def _fields(value: Any) -> datetime:
    """Return the moment that a struct_time or a tuple of nine numbers is, in UTC."""
    if not isinstance(value, tuple):
        raise TypeError("Tuple or struct_time argument required")
    if len(value) != 9 or any(type(part) is not int for part in value):
        raise TypeError("a time is a tuple of nine numbers")
    # A leap second can be given, but no datetime has one.
    year, month, day, hour, minute, second = value[:6]
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)


def _struct(moment: datetime) -> struct_time:
    # As time.gmtime: it knows that there is no summer time, and the name of the zone.
    parts = dates.plain_utc_tuple(moment)
    return struct_time((*parts[:9], "UTC", 0))


def _make_struct(sequence: Any) -> struct_time:
    parts = tuple(sequence)
    if any(type(part) not in (int, str, type(None)) for part in parts):
        raise TypeError("a struct_time is made of numbers")
    return struct_time(parts)


def strptime(string: Any, format: Any = "%a %b %d %H:%M:%S %Y", /) -> struct_time:
    # A text without a zone says nothing of summer time, -1.
    moment, is_of_1900 = dates.read_date(string, format)
    parts = dates.plain_tuple(moment.replace(tzinfo=None))
    year = 1900 if is_of_1900 else moment.year
    if moment.tzinfo is None:
        return struct_time((year, *parts[1:9]))
    offset = moment.utcoffset()
    assert offset is not None
    return struct_time((year, *parts[1:9], moment.tzname() if "%Z" in format else None, offset // timedelta(seconds=1)))


def mktime(time_tuple: Any, /) -> float:
    return dates.timestamp(_fields(time_tuple))


def make_time(hooks: Hooks) -> Module:
    def time_ns() -> int:
        return dates.nanoseconds(hooks.now())

    def time() -> float:
        return hooks.now().timestamp()

    def gmtime(seconds: Any = None, /) -> struct_time:
        if seconds is None:
            return _struct(hooks.now())
        if type(seconds) not in (bool, float, int):
            raise TypeError(f"a time in seconds is a number, not {type(seconds).__name__}")
        whole = int(seconds // 1)
        return _struct(datetime.fromtimestamp(whole, UTC))

    def strftime(format: Any, time_tuple: Any = None, /) -> str:
        return dates.format_date(hooks.now() if time_tuple is None else _fields(time_tuple), format)

    def asctime(time_tuple: Any = None, /) -> str:
        return dates.plain_ctime(hooks.now() if time_tuple is None else _fields(time_tuple))

    def ctime(seconds: Any = None, /) -> str:
        return asctime(gmtime(seconds))

    clocks: dict[str, Callable[..., Any]] = {"monotonic": time, "perf_counter": time, "process_time": time}
    clocks |= {f"{name}_ns": time_ns for name in clocks}
    functions: dict[str, Callable[..., Any]] = {
        "asctime": asctime, "ctime": ctime, "gmtime": gmtime, "localtime": gmtime, "mktime": mktime,
        "strftime": strftime, "strptime": strptime, "time": time, "time_ns": time_ns,
    }
    values: dict[str, Any] = {name: sealed(_again(function), name) for name, function in (functions | clocks).items()}
    values |= {"altzone": 0, "daylight": 0, "timezone": 0, "tzname": ("UTC", "UTC")}
    values["struct_time"] = make_kind(struct_time, _make_struct)
    return make_module("time", values)


def _again(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of its own, to get a name of its own."""
    def call(*arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    return call
