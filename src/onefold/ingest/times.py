"""A time as text or number: the forms that senders and exports write, read without a guess.

| form | example |
| --- | --- |
| ISO 8601, RFC 3339 | `2026-11-26T14:26:21.5+01:00`, `2026-11-26 14:26`, `20261126T142621Z`, `2026-W48-4`, `2026-11-26Z` |
| RFC 2822, RFC 850, HTTP, asctime | `Thu, 26 Nov 2026 14:26:21 +0100`, `Thursday, 26-Nov-26 14:26:21 GMT` |
| Go, Java, JavaScript, Ruby, .NET | `2026-11-26 14:26:21.5 +0100 CET m=+0.1`, `Thu Nov 26 2026 14:26:21 GMT+0100 (CET)` |
| access logs, Oracle, Db2 | `26/Nov/2026:14:26:21 +0100`, `26-NOV-26 02.26.21.000000 PM`, `2026-11-26-14.26.21.000000` |
| words | `26 November 2026`, `Nov 26th, 2026 at 2:26 PM` |
| numbers by day or month | `26.11.2026 14:26`, `11/26/2026, 2:26:21 PM` |
| epoch numbers | seconds, milliseconds, microseconds or nanoseconds, by their size; also as text |
| zones by name | `2026-11-26T14:26:21[Europe/Berlin]`, `… CET` |

Day and month are told apart by a number above 12, by a dot between them (then the day is first), or by the caller, who
has seen the whole column; a date that could be either is `ambiguous_timestamp`. So is a zone's abbreviation that several
zones use (`CST`, `IST`), except CST and CDT in the forms of RFC 2822, which defines them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from onefold.ingest.time_words import MONTHS, OFFSETS_HOURS, OFFSETS_HOURS_RFC_2822

Order = Literal["dmy", "mdy"]
"""Which of the first two numbers of a date is the day."""

Unread = Literal["bad_timestamp", "ambiguous_timestamp"]
"""Why a time was not read: the code of the finding that says so."""

LENGTH_MAX = 100
_EPOCH_LEAST = 1e8
"""Smaller numbers (seconds before March 1973) are serial dates of a spreadsheet, ids and marks for "none"."""

_BLANKS = re.compile(r"[\s\u00a0\u202f\u2007\u200e\u200f]+")
_COMMENT = re.compile(r"\s*\([^()]*\)$|\sm=[+-][0-9.]+$")
_WEEKDAY = re.compile(r"^(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?\s*", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(?<=[\s,Tt:])|^)(?P<h>[0-9]{1,2})(?::(?P<m>[0-9]{2}))?(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,12}))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b\.?)?"
    r"(?P<zone>.*)$"
)
_DOTTED = re.compile(r"-?([0-9]{1,2})\.([0-9]{2})\.([0-9]{2})(?![0-9])")  # as Oracle and Db2 write it
_OFFSET = re.compile(
    r"(?:(?:GMT|UTC|UT)\s?)?([+\-\u2212])([0-9]{1,2})(?::?([0-9]{2}))?(?::?[0-9]{2})?(?:\s[A-Z]{2,5}|\s[+-][0-9]{2,4})?"
)
_REGION = re.compile(r"\[?([A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z0-9_+\-]+){1,2})\]?")
_YEAR_AFTER = re.compile(r"\s([0-9]{4})$")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/. ])([0-9]{1,2})\2([0-9]{1,2})")
_NUMBERS = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})")
_DAY_WORD = re.compile(
    r"([0-9]{1,2})(?:st|nd|rd|th|er|\.)?[ \-/.]*(?:of |de )?([^\W\d_]{3,10})[ \-/.,]+(?:de )?'?([0-9]{4}|[0-9]{2})"
)
_WORD_DAY = re.compile(r"([^\W\d_]{3,10})[ \-/.]*([0-9]{1,2})(?:st|nd|rd|th)?[ \-/,]+([0-9]{4})")
_YEAR_WORD = re.compile(r"([0-9]{4})[ \-/]([^\W\d_]{3,10})[ \-/.]([0-9]{1,2})")
_ORDINAL = re.compile(r"([0-9]{4})-([0-9]{3})")
_DOTNET = re.compile(r"\\?/Date\((-?[0-9]{9,15})(?:[+-][0-9]{4})?\)\\?/")
_EPOCH = re.compile(r"-?[0-9]{9,19}(?:\.[0-9]{0,9})?")
_SIGNS = frozenset("+-")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US = 253_402_300_800_000_000  # year 10000
_EARLIEST_US = -62_135_596_800_000_000  # year 1


def of_number(value: float) -> int | None:
    """Microseconds since 1970 of an epoch number; None when its size says that it is none."""
    size = abs(value)
    if not size >= _EPOCH_LEAST:
        return None
    if size < 1e11:
        scaled = value * 1_000_000
    elif size < 1e14:
        scaled = value * 1_000
    elif size < 1e17:
        scaled = value
    else:
        scaled = value // 1_000
    return round(scaled) if _EARLIEST_US <= scaled < _LATEST_US else None


def read(text: str, order: Order | None = None) -> datetime | Unread:
    """The moment a text states, aware when it states a zone or is an epoch number, else naive.

    Args:
        text: In any of the forms above.
        order: What the other values of the column say of dates that could be either.
    """
    try:
        # `fromisoformat` takes any mark between date and time, also the sign of `2026-11-26+02:00`, a date in a zone.
        if text[10:11] not in _SIGNS and not text.isdigit():
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    if len(text) > LENGTH_MAX:
        return "bad_timestamp"
    return _digits(text) if text.isdigit() else _words(text, order)


def orders(text: str) -> frozenset[Order] | None:
    """Which orders of day and month a date in numbers allows; None when the text is not in that form."""
    found = _NUMBERS.match(_tidy(text)[0]) if len(text) <= LENGTH_MAX and text[:5].count("-") < 2 else None
    if found is None or _YEAR_FIRST.match(text.strip()):
        return None
    first, second = int(found[1]), int(found[3])
    if first == second:
        return None  # it is the same day either way
    possible: set[Order] = set()
    if 1 <= second <= 12 and 1 <= first <= 31:
        possible.add("dmy")
    if 1 <= first <= 12 and 1 <= second <= 31:
        possible.add("mdy")
    return frozenset(possible)


def short_year(text: str) -> tuple[str, str] | None:
    """First and last number of a date in numbers whose year has two digits; None for every other text."""
    found = _NUMBERS.match(_tidy(text)[0]) if len(text) <= LENGTH_MAX else None
    return None if found is None or len(found[4]) == 4 else (found[1], found[4])


def form_of(text: str) -> str:
    """What a form that was read is called, without the order of day and month."""
    bare = text.strip()
    if bare[:1].isalpha():
        return "weekday and month by name" if _WEEKDAY.match(bare) else "month by name"
    if bare.isdigit() and len(bare) not in (8, 14):
        return {1: "epoch seconds", 2: "epoch milliseconds", 3: "epoch microseconds"}.get(
            1 if len(bare) < 12 else 2 if len(bare) < 15 else 3 if len(bare) < 18 else 4, "epoch nanoseconds"
        )
    if bare.isdigit() or _YEAR_FIRST.match(bare) or bare[4:6] == "-W":
        return "ISO 8601" if bare[4:5] not in "/." else "year first"
    if _NUMBERS.match(bare):
        return "in numbers"
    return "epoch seconds" if _EPOCH.fullmatch(bare) else "month by name"


def _moment(us: int | None) -> datetime | Unread:
    try:
        return "bad_timestamp" if us is None else _EPOCH_START + timedelta(microseconds=us)
    except OverflowError:
        return "bad_timestamp"


def _digits(text: str) -> datetime | Unread:
    size = len(text)
    try:
        if not text.isascii() or size > 19:
            return "bad_timestamp"
        if size == 8:
            return datetime.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        if size == 14 and text[:2] in ("19", "20"):
            return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
        if size == 12 and text[:2] in ("19", "20"):
            # Either year to minute, or milliseconds of the years 1976 and before: the one is as likely as the other.
            datetime.fromisoformat(f"{text[:8]}T{text[8:]}")
            return "ambiguous_timestamp"
    except ValueError:
        if size != 12:
            return "bad_timestamp"
    return _moment(of_number(int(text)))


def _tidy(text: str) -> tuple[str, bool]:
    """The text without comments, double blanks and its weekday, and whether that stood there as RFC 2822 writes it."""
    text = _BLANKS.sub(" ", text).strip()
    text = _COMMENT.sub("", text)
    found = _WEEKDAY.match(text)
    return (text[found.end() :], "," in found[0]) if found else (text, False)


def _words(text: str, order: Order | None) -> datetime | Unread:
    if _EPOCH.fullmatch(text.strip()):
        whole, _, part = text.strip().partition(".")
        return _moment(of_number(float(text)) if part else of_number(int(whole)))
    if found := _DOTNET.fullmatch(text.strip()):
        return _moment(of_number(int(found[1])))
    bare, rfc = _tidy(text)
    day, rest = _date(bare, order)
    if isinstance(day, str):
        return day
    return _with_clock(day, rest, rfc=rfc)


def _with_clock(day: datetime, rest: str, *, rfc: bool) -> datetime | Unread:
    """Add what follows a date: a time of day, and a zone."""
    rest = rest.strip()
    if not rest:
        return day
    if dotted := _DOTTED.match(rest):
        rest = f"{dotted[1]}:{dotted[2]}:{dotted[3]}{rest[dotted.end() :]}"
    found = _CLOCK.fullmatch(rest)
    if found is None or (found["m"] is None and found["half"] is None):
        of_day = _zone(rest, rfc=rfc)
        return of_day if isinstance(of_day, str) else day.replace(tzinfo=of_day)
    hour, minute, second = int(found["h"]), int(found["m"] or 0), int(found["s"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return "bad_timestamp"
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    micros = int((found["f"] or "0")[:6].ljust(6, "0"))
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second or micros)):
        return "bad_timestamp"
    named = found["zone"].strip()
    zone = _zone(named, rfc=rfc) if named else None
    if isinstance(zone, str):
        return zone
    try:
        moment = day + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micros)
    except OverflowError:
        return "bad_timestamp"
    return moment.replace(tzinfo=zone)


def _zone(text: str, *, rfc: bool) -> tzinfo | Unread:
    word = text.upper() if len(text) <= 5 else text
    if word in OFFSETS_HOURS:
        return timezone(timedelta(hours=OFFSETS_HOURS[word]))
    if rfc and word in OFFSETS_HOURS_RFC_2822:
        return timezone(timedelta(hours=OFFSETS_HOURS_RFC_2822[word]))
    if found := _OFFSET.fullmatch(text):
        hours, minutes = int(found[2]), int(found[3] or 0)
        if hours > 15 or minutes % 15:  # zones lie at quarters of an hour
            return "bad_timestamp"
        shift = timedelta(hours=hours, minutes=minutes)
        return timezone(shift if found[1] == "+" else -shift)
    # `+01:00[Europe/Berlin]`: the offset is what counts, as the name alone may have two on a day clocks change.
    offset, bracket, _ = text.partition("[")
    if bracket and offset.strip():
        return _zone(offset.strip(), rfc=rfc)
    if found := _REGION.fullmatch(text):
        return _region(found[1]) or "bad_timestamp"
    return "ambiguous_timestamp" if re.fullmatch("[A-Z]{2,5}", text) else "bad_timestamp"


@lru_cache(maxsize=1024)
def _region(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _date(text: str, order: Order | None) -> tuple[datetime | Unread, str]:
    """The date a text begins with, and what follows it."""
    text = text.removeprefix("+00")  # JavaScript's years of six digits
    if found := _YEAR_FIRST.match(text):
        return _day(found[1], found[3], found[4]), _after(text, found.end())
    if found := _NUMBERS.match(text):
        return _numbers(found, order), _after(text, found.end())
    if found := _ORDINAL.match(text):
        day = _day(found[1], "1", "1")
        if isinstance(day, str) or not found[2].strip("0"):
            return "bad_timestamp", ""
        moved = day + timedelta(days=int(found[2]) - 1)
        return (moved if moved.year == day.year else "bad_timestamp"), _after(text, found.end())
    # asctime, Java and date(1) put the year behind time and zone.
    if (year := _YEAR_AFTER.search(text)) and ":" in text:
        head, sep, tail = text[: year.start()].partition(":")
        words = head.rsplit(" ", 1)
        if len(words) == 2 and sep:
            text = f"{words[0]} {year[1]} {words[1]}:{tail}"
    if found := _DAY_WORD.match(text):
        return _named(found[3], found[2], found[1]), _after(text, found.end())
    if found := _WORD_DAY.match(text):
        return _named(found[3], found[1], found[2]), _after(text, found.end())
    if found := _YEAR_WORD.match(text):
        return _named(found[1], found[2], found[3]), _after(text, found.end())
    return "bad_timestamp", ""


def _after(text: str, end: int) -> str:
    """What stands behind a date, without the marks that only tie it to a time; digits there make it no date."""
    rest = text[end:]
    if rest[:1] in ("T", "t") and rest[1:2].isdigit():
        rest = " " + rest[1:]
    if rest[:1] == ":" and rest[1:3].isdigit():
        rest = " " + rest[1:]  # access logs
    if rest[:1].isalnum() and rest not in ("Z", "z"):
        return "?"
    rest = rest.lstrip(",").lstrip()
    return rest[3:] if rest[:3].lower() == "at " else rest


def _numbers(found: re.Match[str], order: Order | None) -> datetime | Unread:
    first, mark, second, year = found[1], found[2], found[3], found[4]
    by_day, by_month = _day(year, second, first), _day(year, first, second)
    if order is not None:
        return by_day if order == "dmy" else by_month
    if len(year) == 2 and mark == "-":
        return "ambiguous_timestamp"  # the year may as well come first
    if isinstance(by_day, str):
        return by_month
    if isinstance(by_month, str) or by_day == by_month or mark == ".":
        return by_day
    return "ambiguous_timestamp"


def _named(year: str, month: str, day: str) -> datetime | Unread:
    number = MONTHS.get(month.lower())
    return "bad_timestamp" if number is None else _day(year, str(number), day)


def _day(year: str, month: str, day: str) -> datetime | Unread:
    whole = int(year)
    if len(year) == 2:
        whole += 2000 if whole < 50 else 1900  # RFC 2822, 4.3
    try:
        return datetime(whole, int(month), int(day))  # noqa: DTZ001 - the zone follows, or the caller knows it
    except ValueError:
        return "bad_timestamp"
