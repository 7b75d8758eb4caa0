"""Moments: what senders write as a time, read as microseconds UTC, and corrected for the sender's clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

SKEW_MAX_US = 24 * 3_600 * 1_000_000
"""A sender's clock that is further off than this is broken, not skewed: no correction is made."""

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*([Zz]|[+-]\d\d(?::?\d\d)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799  # the last of the year 9999


@lru_cache(maxsize=4_096)
def _day_us(year: int, month: int, day: int) -> int | None:
    try:
        return (datetime(year, month, day, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    except ValueError:
        return None


def read(stated: Any) -> int | None:
    """Read a stated time; None when it is none.

    ISO 8601 in all common forms (no zone means UTC, fractions beyond microseconds are cut), or a number: seconds since
    1970, milliseconds from 100,000,000,000 on, microseconds from 100,000,000,000,000 on.
    """
    if type(stated) is str:
        found = _ISO.fullmatch(stated.strip()) if len(stated) < 64 else None
        return None if found is None else _iso(found)
    if type(stated) is int or type(stated) is float:
        size = abs(stated)
        seconds = stated if size < 1e11 else stated / 1e3 if size < 1e14 else stated / 1e6
        if not -_LAST_SECOND < seconds <= _LAST_SECOND:
            return None
        return round(seconds * 1_000_000)
    return None


def _iso(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    us = _day_us(int(year), int(month), int(day))
    if us is None:
        return None
    if hour is not None:
        if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 60:
            return None
        us += (int(hour) * 3_600 + int(minute) * 60 + int(second or 0)) * 1_000_000
        if fraction:
            us += int(fraction[:6].ljust(6, "0"))
    if zone and zone not in "Zz":
        offset = int(zone[1:3]) * 60 + int(zone[3:].lstrip(":") or 0)
        us -= (offset if zone[0] == "+" else -offset) * 60_000_000
    return us


def corrected(
    original_us: int | None, sent_us: int | None, received_us: int
) -> tuple[int, int | None, tuple[str, ...]]:
    """When something happened by our clock: timestamp = received - (sent - original).

    Returns:
        The time, clamped to [1970, receipt]; the skew applied in milliseconds (None for none); and flags.
    """
    flags: tuple[str, ...] = ()
    skew_ms: int | None = None
    at = original_us
    if at is None:
        at = received_us
        flags = ("no_timestamp",)
    elif sent_us is not None:
        skew_us = sent_us - received_us
        if abs(skew_us) > SKEW_MAX_US:
            flags = ("skew_refused",)
        else:
            at -= skew_us
            skew_ms = round(skew_us / 1_000)
    if at > received_us:
        return received_us, skew_ms, (*flags, "clamped_future")
    if at < 0:
        return 0, skew_ms, (*flags, "clamped_past")
    return at, skew_ms, flags
