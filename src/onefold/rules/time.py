"""Time in rules: UTC, in whole tiles, so that a stream and a warehouse count alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
CLOCKS = {"days_since": DAY_US, "hours_since": HOUR_US}
"""Functions whose value changes though nothing happens, and the length of their tiles."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 40


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


def written(at_us: int) -> str:
    """The moment in words a person reads: the date alone at midnight."""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.strftime("%Y-%m-%d" if at_us % DAY_US == 0 else "%Y-%m-%d %H:%M UTC")


def timestamp(at_us: int) -> str:
    """The moment as a SQL timestamp, to the microsecond."""
    moment = (_EPOCH + timedelta(microseconds=at_us)).replace(tzinfo=None)
    return moment.isoformat(sep=" ", timespec="microseconds")
