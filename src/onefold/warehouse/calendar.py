"""The calendar: a row a day with fiscal year, holidays and pledge drives, and a row a campaign, as the project says them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from onefold.model import Column, Relation

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")
SHAPE = "`12-25`, `2026-12-25`, `4th thursday of november`, `last monday of may`, `easter` or `easter+1`"

_WEEKDAY = re.compile(rf"({'|'.join(ORDINALS)}) ({'|'.join(DAYS)}) of ({'|'.join(MONTHS)})")
_EASTER = re.compile(r"easter ?(?:([+-]) ?([0-9]{1,3}))?")
_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")


class Holiday(msgspec.Struct, frozen=True):
    """A holiday, and the rule that says when it is (`SHAPE`)."""

    name: str
    on: str


class Drive(msgspec.Struct, frozen=True):
    """A pledge drive or another period by name, both days included."""

    name: str
    first: date
    last: date


class Campaign(msgspec.Struct, frozen=True):
    """A campaign; its code is what events name it by."""

    code: str
    name: str
    type: str | None = None
    channel: str | None = None
    start: date | None = None
    end: date | None = None
    audience: str | None = None
    goal: str | None = None


class Calendar(msgspec.Struct, frozen=True):
    """What a project says of time.

    Attributes:
        fiscal_year_start: Month in which fiscal years begin, 1 to 12.
        fiscal_year_named: Whether a fiscal year is called by the year in which it ends or in which it starts.
        first_year: First year of `dim_date`.
        last_year: Last year of it.
    """

    fiscal_year_start: int = 1
    fiscal_year_named: Literal["end", "start"] = "end"
    first_year: int = 2000
    last_year: int = 2040
    holidays: tuple[Holiday, ...] = ()
    pledge_drives: tuple[Drive, ...] = ()
    campaigns: tuple[Campaign, ...] = ()


DIM_DATE = Relation(
    "dimensions",
    "dim_date",
    (
        Column("date_key", "integer", description="YYYYMMDD.", required=True),
        Column("full_date", "date", description="The day.", required=True),
        Column("day_of_week", "integer", description="1 Monday to 7 Sunday.", required=True),
        Column("day_name", "text", required=True),
        Column("day_of_month", "integer", required=True),
        Column("day_of_year", "integer", required=True),
        Column("week_of_year", "integer", description="ISO week.", required=True),
        Column("month_number", "integer", required=True),
        Column("month_name", "text", required=True),
        Column("quarter", "integer", required=True),
        Column("year", "integer", required=True),
        Column("fiscal_year", "integer", description="As `fiscal_year_named` says.", required=True),
        Column("fiscal_quarter", "integer", required=True),
        Column("is_weekend", "boolean", required=True),
        Column("is_holiday", "boolean", required=True),
        Column("holiday_name", "text", description="Of several on one day all, with commas."),
        Column("is_pledge_drive", "boolean", required=True),
        Column("pledge_drive_name", "text", description="Of several on one day all, with commas."),
    ),
    "table",
    "A row a day.",
    ("date_key",),
)
CAMPAIGN = Relation(
    "dimensions",
    "campaign",
    (
        Column("campaign_code", "text", description="What events name it by.", required=True),
        Column("campaign_name", "text", required=True),
        Column("campaign_type", "text", description="pledge_drive, annual_appeal, special …"),
        Column("start_date", "date"),
        Column("end_date", "date"),
        Column("channel", "text", description="radio, email, direct_mail, digital …"),
        Column("target_audience", "text"),
        Column("goal_amount", "decimal"),
    ),
    "table",
    "A row a campaign of the project's calendar.",
    ("campaign_code",),
)


SEEDS = frozenset({DIM_DATE.full_name, CAMPAIGN.full_name})
"""Relations that are written from the project's files before models are built."""


def days(calendar: Calendar) -> Iterator[dict[str, Any]]:
    """The rows of `dim_date`, in order of the day."""
    drives = _drives(calendar)
    for year in range(calendar.first_year, calendar.last_year + 1):
        holidays = _holidays(calendar, year)
        day = date(year, 1, 1)
        while day.year == year:
            yield _row(calendar, day, holidays.get(day, ()), drives.get(day, ()))
            day += timedelta(days=1)


def campaigns(calendar: Calendar) -> Iterator[dict[str, Any]]:
    """The rows of `campaign`, in the project's order."""
    for one in calendar.campaigns:
        yield {
            "campaign_code": one.code,
            "campaign_name": one.name,
            "campaign_type": one.type,
            "start_date": one.start,
            "end_date": one.end,
            "channel": one.channel,
            "target_audience": one.audience,
            "goal_amount": one.goal,
        }


def fiscal(calendar: Calendar, day: date) -> tuple[int, int]:
    """The fiscal year and quarter of a day."""
    past = (day.month - calendar.fiscal_year_start) % 12
    started = day.year - (day.month < calendar.fiscal_year_start)
    # A fiscal year that is the calendar year starts and ends in one year.
    ends_later = calendar.fiscal_year_start > 1 and calendar.fiscal_year_named == "end"
    return started + ends_later, past // 3 + 1


def holiday(on: str, year: int) -> date | None:
    """The day of a holiday in a year; None where it has none in that year.

    Raises:
        ValueError: The rule is none of those that there are.
    """
    text = " ".join(on.lower().split())
    if (found := _WEEKDAY.fullmatch(text)) is not None:
        return _weekday(year, ORDINALS.index(found[1]), DAYS.index(found[2]), MONTHS.index(found[3]) + 1)
    if (found := _EASTER.fullmatch(text)) is not None:
        away = int(found[2] or 0)
        return easter(year) + timedelta(days=-away if found[1] == "-" else away)
    if (found := _DAY.fullmatch(text)) is not None:
        month, number = int(found[1]), int(found[2])
        date(2000, month, number)  # a leap year: what is no day in it is none in any
        return None if (month, number) == (2, 29) and not _leap(year) else date(year, month, number)
    day = date.fromisoformat(text)
    return day if day.year == year else None


def easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian algorithm)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _weekday(year: int, ordinal: int, weekday: int, month: int) -> date | None:
    first = date(year, month, 1)
    every = [day for n in range(31) if (day := first + timedelta(days=n)).month == month and day.weekday() == weekday]
    if ORDINALS[ordinal] == "last":
        return every[-1]
    return every[ordinal] if ordinal < len(every) else None


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _holidays(calendar: Calendar, year: int) -> dict[date, list[str]]:
    found: dict[date, list[str]] = {}
    for one in calendar.holidays:
        if (day := holiday(one.on, year)) is not None:
            found.setdefault(day, []).append(one.name)
    return found


def _drives(calendar: Calendar) -> dict[date, list[str]]:
    found: dict[date, list[str]] = {}
    for one in calendar.pledge_drives:
        for n in range((one.last - one.first).days + 1):
            found.setdefault(one.first + timedelta(days=n), []).append(one.name)
    return found


def _row(
    calendar: Calendar, day: date, holidays: list[str] | tuple[()], drives: list[str] | tuple[()]
) -> dict[str, Any]:
    fiscal_year, fiscal_quarter = fiscal(calendar, day)
    return {
        "date_key": day.year * 10_000 + day.month * 100 + day.day,
        "full_date": day,
        "day_of_week": day.isoweekday(),
        "day_name": DAYS[day.weekday()].capitalize(),
        "day_of_month": day.day,
        "day_of_year": day.timetuple().tm_yday,
        "week_of_year": day.isocalendar().week,
        "month_number": day.month,
        "month_name": MONTHS[day.month - 1].capitalize(),
        "quarter": (day.month + 2) // 3,
        "year": day.year,
        "fiscal_year": fiscal_year,
        "fiscal_quarter": fiscal_quarter,
        "is_weekend": day.isoweekday() > 5,
        "is_holiday": bool(holidays),
        "holiday_name": ", ".join(holidays) or None,
        "is_pledge_drive": bool(drives),
        "pledge_drive_name": ", ".join(drives) or None,
    }
