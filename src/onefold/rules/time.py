"""Time in rules: UTC, in whole tiles, so that a stream and a warehouse count alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
CLOCKS = {"days_since": DAY_US, "hours_since": HOUR_US}
"""Functions whose value changes though nothing happens, and the length of their tiles."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 40


_DAYS = (
    "[1-9][0-9]{3}-((01|03|05|07|08|10|12)-(0[1-9]|[12][0-9]|3[01])|(04|06|09|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_DAYS = "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29"
_HOURS = "([01][0-9]|2[0-3])"
_CLOCK = f"[T ]{_HOURS}:[0-5][0-9](:[0-5][0-9](\\.[0-9]{{1,9}})?)?(Z|[+-]{_HOURS}(:?[0-5][0-9])?)?"
PLAIN_TIME = f"^ *({_DAYS}|{_LEAP_DAYS})({_CLOCK})? *$"
"""How a text is written that is read as a date or a time: so that no engine can mean another one by it."""
_PLAIN_TIME = re.compile(PLAIN_TIME.replace("$", r"\Z"))


def elapsed(tile_us: int, then_us: int, as_of_us: int) -> int:
    """How many tile boundaries lie between two moments: days since are UTC midnights passed."""
    return as_of_us // tile_us - then_us // tile_us


def read(text: str) -> int | None:
    """Microseconds of an ISO-8601 date or time, UTC where it names no zone; None when it is neither."""
    if len(text) > _LONGEST_TEXT:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        utc = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (utc - _EPOCH) // timedelta(microseconds=1)


def plain(text: str) -> int | None:
    """Microseconds of a date or time as systems write them (`PLAIN_TIME`), UTC where it names no zone; None for any other."""
    if not _PLAIN_TIME.match(text):
        return None
    found = datetime.fromisoformat(text.strip(" "))
    zone = found.utcoffset() or timedelta(0)
    # Not by `astimezone`, which has no times beyond the year 9999.
    return (found.replace(tzinfo=UTC) - _EPOCH - zone) // timedelta(microseconds=1)


def written(at_us: int) -> str:
    """The moment in words a person reads: the date alone at midnight."""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.strftime("%Y-%m-%d" if at_us % DAY_US == 0 else "%Y-%m-%d %H:%M UTC")


def timestamp(at_us: int) -> str:
    """The moment as a SQL timestamp, to the microsecond."""
    moment = (_EPOCH + timedelta(microseconds=at_us)).replace(tzinfo=None)
    return moment.isoformat(sep=" ", timespec="microseconds")
