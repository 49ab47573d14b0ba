"""Dates: texts and times of dates, the same on every machine.

    format_date  date -> text      by strftime's codes, names in English
    parse_date   text -> datetime  the reverse

Python's own ask the C library and its locale, and take naive times to be in the zone of the machine. Here names are
English, and the zone of the machine is UTC, as on most servers. Compared with CPython's under that zone in
tests/sandbox/test_dates.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DATES: Final = (date, time)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)
# A format is a few codes; one of many, applied to a text made for it, would be tried in many ways.
_PARSED_LENGTH_MAX: Final = 200
_CODE: Final = re.compile(r"%(.?)", re.DOTALL)

# --- to text ----------------------------------------------------------------------------------------------------------


def _offset(value: Any) -> str:
    offset = value.utcoffset()
    if offset is None:
        return ""
    sign, offset = ("-", -offset) if offset < timedelta(0) else ("+", offset)
    minutes, seconds = divmod(offset // _SECOND, 60)
    text = f"{sign}{minutes // 60:02d}{minutes % 60:02d}"
    if seconds or offset.microseconds:
        text += f"{seconds:02d}"
    return f"{text}.{offset.microseconds:06d}" if offset.microseconds else text


_FORMATS: Final[dict[str, Callable[[datetime], str]]] = {
    "%": lambda _: "%",
    "A": lambda moment: DAYS[moment.weekday()],
    "B": lambda moment: MONTHS[moment.month - 1],
    "G": lambda moment: f"{moment.isocalendar().year:04d}",
    "H": lambda moment: f"{moment.hour:02d}",
    "I": lambda moment: f"{(moment.hour - 1) % 12 + 1:02d}",
    "M": lambda moment: f"{moment.minute:02d}",
    "S": lambda moment: f"{moment.second:02d}",
    "U": lambda moment: f"{(_day_of_year(moment) + 6 - (moment.weekday() + 1) % 7) // 7:02d}",
    "V": lambda moment: f"{moment.isocalendar().week:02d}",
    "W": lambda moment: f"{(_day_of_year(moment) + 6 - moment.weekday()) // 7:02d}",
    "Y": lambda moment: f"{moment.year:04d}",
    "a": lambda moment: DAYS[moment.weekday()][:3],
    "b": lambda moment: MONTHS[moment.month - 1][:3],
    "d": lambda moment: f"{moment.day:02d}",
    "f": lambda moment: f"{moment.microsecond:06d}",
    "j": lambda moment: f"{_day_of_year(moment):03d}",
    "m": lambda moment: f"{moment.month:02d}",
    "p": lambda moment: "AM" if moment.hour < 12 else "PM",
    "u": lambda moment: str(moment.isoweekday()),
    "w": lambda moment: str(moment.isoweekday() % 7),
    "y": lambda moment: f"{moment.year % 100:02d}",
}
_ZONES: Final[dict[str, Callable[[Any], str]]] = {"Z": lambda value: value.tzname() or "", "z": _offset}


def _day_of_year(moment: datetime) -> int:
    return moment.toordinal() - date(moment.year, 1, 1).toordinal() + 1


def format_date(value: Any, spec: str) -> str:
    """Return `value.strftime(spec)` of a date, time or datetime.

    Raises:
        ValueError: a code that depends on the machine.
    """
    if type(spec) is not str:
        raise TypeError("a date format is a str")
    # The zone is asked of the value itself: a time has one, a date has none.
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        moment = datetime(1900, 1, 1, value.hour, value.minute, value.second, value.microsecond)

    def replaced(match: re.Match[str]) -> str:
        code = match[1]
        if code in _FORMATS:
            return _FORMATS[code](moment)
        if code in _ZONES:
            return _ZONES[code](value) if isinstance(value, datetime | time) else ""
        raise ValueError(_refusal(code))

    return _CODE.sub(replaced, spec)


def _refusal(code: str) -> str:
    return f"date code '%{code}' is not available; use the plain ones, as %Y-%m-%d %H:%M:%S"


# --- from text --------------------------------------------------------------------------------------------------------


def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


# As in CPython's _strptime.py, which every code of a date can be compared with.
_PARSERS: Final[dict[str, str]] = {
    "A": _any_of(DAYS),
    "B": _any_of(MONTHS),
    "G": r"\d\d\d\d",
    "H": r"2[0-3]|[0-1]\d|\d",
    "I": r"1[0-2]|0[1-9]|[1-9]",
    "M": r"[0-5]\d|\d",
    "S": r"6[0-1]|[0-5]\d|\d",
    "U": r"5[0-3]|[0-4]\d|\d",
    "V": r"5[0-3]|0[1-9]|[1-4]\d|\d",
    "W": r"5[0-3]|[0-4]\d|\d",
    "Y": r"\d\d\d\d",
    "Z": "utc|gmt",
    "a": _any_of(tuple(day[:3] for day in DAYS)),
    "b": _any_of(tuple(month[:3] for month in MONTHS)),
    "d": r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]",
    "f": r"[0-9]{1,6}",
    "j": r"36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
    "m": r"1[0-2]|0[1-9]|[1-9]",
    "p": "am|pm",
    "u": "[1-7]",
    "w": "[0-6]",
    "y": r"\d\d",
    "z": r"[+-]\d\d:?[0-5]\d(:?[0-5]\d(\.\d{1,6})?)?|(?-i:Z)",
}


@lru_cache(64)
def _pattern(format: str) -> re.Pattern[str]:
    parts, end = [], 0
    seen: set[str] = set()
    for match in _CODE.finditer(format):
        parts.append(re.sub(r"\s+", r"\\s+", re.escape(format[end:match.start()]).replace("\\ ", " ")))
        end, code = match.end(), match[1]
        if code == "%":
            parts.append("%")
            continue
        if code not in _PARSERS:
            raise ValueError(_refusal(code))
        if code in seen:
            raise ValueError(f"date code '%{code}' stands twice in the format {format!r}")
        seen.add(code)
        parts.append(f"(?P<{code}>{_PARSERS[code]})")
    parts.append(re.sub(r"\s+", r"\\s+", re.escape(format[end:]).replace("\\ ", " ")))
    return re.compile("".join(parts), re.IGNORECASE)


def parse_date(text: str, format: str) -> datetime:
    """Return `datetime.strptime(text, format)`.

    Raises:
        ValueError: the text has not this form, or the format a code that depends on the machine.
    """
    moment, is_of_1900 = read_date(text, format)
    return moment.replace(year=1900) if is_of_1900 else moment


def read_date(text: str, format: str) -> tuple[datetime, bool]:
    """Return the moment that a text says, and whether its year, 1904, stands for 1900: 29 February of no year.

    Raises:
        ValueError: as `parse_date`.
    """
    for name, part in (("text", text), ("format", format)):
        if type(part) is not str:
            raise TypeError(f"strptime() takes a {name} that is a str, not {type(part).__name__}")
    if len(format) > _PARSED_LENGTH_MAX:
        raise ValueError(f"a date format has up to {_PARSED_LENGTH_MAX} characters, this one {len(format)}")
    match = _pattern(format).match(text[:10 * _PARSED_LENGTH_MAX])
    if match is None:
        raise ValueError(f"time data {text[:80]!r} does not match format {format!r}")
    if len(text) != match.end():
        raise ValueError(f"unconverted data remains: {text[match.end():][:80]}")
    found = {code: part for code, part in match.groupdict().items() if part is not None}
    year, month, day = _day(found)
    second = int(found.get("S", 0))
    clock = (_hour(found), int(found.get("M", 0)), second, int(found.get("f", "0").ljust(6, "0")))
    is_of_1900 = year == 1904 and found.keys().isdisjoint(("G", "Y", "y"))
    return datetime(year, month, day, *clock, _zone(found)), is_of_1900


def _hour(found: dict[str, str]) -> int:
    if "I" not in found or ("H" in found and list(found).index("H") > list(found).index("I")):
        return int(found.get("H", 0))
    return int(found["I"]) % 12 + (12 if found.get("p", "").lower() == "pm" else 0)


def _zone(found: dict[str, str]) -> tzinfo | None:
    text = found.get("z")
    if text is None:
        return None
    offset = timedelta(0)
    if text != "Z":
        digits = text[1:].replace(":", "")
        if ":" in text and text.count(":") != (len(digits.split(".")[0]) - 2) // 2:
            raise ValueError(f"inconsistent use of : in {text}")
        whole, _, part = digits.partition(".")
        hours, minutes, seconds = (int(whole[at:at + 2] or 0) for at in (0, 2, 4))
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=int(part.ljust(6, "0") or 0))
        offset = -offset if text[0] == "-" else offset
    return timezone(offset, found["Z"]) if "Z" in found else timezone(offset)


def _day(found: dict[str, str]) -> tuple[int, int, int]:
    weekday = _weekday(found)
    if "G" in found:
        if "j" in found:
            raise ValueError("day of the year directive '%j' is not compatible with ISO year directive '%G'. "
                             "Use '%Y' instead.")
        if "V" not in found or weekday is None:
            raise ValueError("ISO year directive '%G' must be used with the ISO week directive '%V' and a weekday "
                             "directive ('%A', '%a', '%w', or '%u').")
        if "Y" not in found and "y" not in found:
            iso = date.fromisocalendar(int(found["G"]), int(found["V"]), weekday + 1)
            return iso.year, iso.month, iso.day
    elif "V" in found:
        raise ValueError("ISO week directive '%V' must be used with the ISO year directive '%G' and a weekday "
                         "directive ('%A', '%a', '%w', or '%u').")
    year = _year(found)
    month, day = _month(found), int(found.get("d", 1))
    given = 1900 if year is None else year
    start = date(given, 1, 1)
    if "j" in found:
        day_of_year = int(found["j"])
    elif year is not None and weekday is not None and ("U" in found or "W" in found):
        from_monday = "W" in found and ("U" not in found or list(found).index("W") > list(found).index("U"))
        day_of_year = _of_week(start, int(found["W" if from_monday else "U"]), weekday, from_monday=from_monday)
        if day_of_year <= 0:
            before = start + timedelta(days=day_of_year - 1)
            return before.year, before.month, before.day
    else:
        return (1904, month, day) if year is None and (month, day) == (2, 29) else (given, month, day)
    counted = start + timedelta(days=day_of_year - 1)
    return counted.year, counted.month, counted.day


def _year(found: dict[str, str]) -> int | None:
    if "y" in found and ("Y" not in found or list(found).index("y") > list(found).index("Y")):
        year = int(found["y"])
        return year + (2000 if year <= 68 else 1900)
    return int(found["Y"]) if "Y" in found else None


def _month(found: dict[str, str]) -> int:
    month = 1
    for code, part in found.items():
        if code == "m":
            month = int(part)
        elif code in "bB":
            names = [name.lower() if code == "B" else name[:3].lower() for name in MONTHS]
            month = names.index(part.lower()) + 1
    return month


def _weekday(found: dict[str, str]) -> int | None:
    weekday = None
    for code, part in found.items():
        if code in "aA":
            names = [name.lower() if code == "A" else name[:3].lower() for name in DAYS]
            weekday = names.index(part.lower())
        elif code == "w":
            weekday = (int(part) - 1) % 7
        elif code == "u":
            weekday = int(part) - 1
    return weekday


def _of_week(start: date, week: int, weekday: int, *, from_monday: bool) -> int:
    """Return the day of the year, from 1, of a weekday (from Monday, 0) in a week of the year."""
    first = start.weekday()
    if not from_monday:
        first, weekday = (first + 1) % 7, (weekday + 1) % 7
    week_0_length = (7 - first) % 7
    return 1 + weekday - first if week == 0 else 1 + week_0_length + 7 * (week - 1) + weekday


# --- times, where the machine's zone is UTC ---------------------------------------------------------------------------


def timestamp(value: datetime) -> float:
    """Return `value.timestamp()`."""
    if value.tzinfo is not None:
        return value.timestamp()
    # As CPython adds them up of a time without a zone: before 1970 the last digit is another one.
    return value.replace(microsecond=0, tzinfo=UTC).timestamp() + value.microsecond / 1e6


def astimezone(value: datetime, tz: tzinfo | None = None) -> datetime:
    """Return `value.astimezone(tz)`."""
    return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).astimezone(UTC if tz is None else tz)


def nanoseconds(value: datetime) -> int:
    """Return the nanoseconds from 1970 to an aware time."""
    return (value - EPOCH) // _MICROSECOND * 1000


def plain_tuple(value: Any) -> Any:
    """Return `value.timetuple()`; from a frame of ours, since it imports a module."""
    return value.timetuple()


def plain_utc_tuple(value: datetime) -> Any:
    """Return `value.utctimetuple()`."""
    return value.utctimetuple()


def plain_ctime(value: date) -> str:
    """Return `value.ctime()`, whose names are English by itself."""
    return value.ctime()
