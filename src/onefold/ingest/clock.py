"""An event's clock: when a sender says something happened, and when we take it to have happened.

A sender's clock is never trusted. It states the time of the event and the time of sending by the same clock, so their
difference is right though both may be wrong: `timestamp = received - (sent - original)`, Segment's rule. The correction
is refused when the two clocks are more than `max_skew_us` apart (a queue that slept, a forged time) and impossible when
`sentAt` is missing; then the stated time stands. Whatever comes out is never after receipt and never before 1970.
RudderStack states two times: `timestamp`, supplied by the caller on purpose and left as it is, and `originalTimestamp`,
the time of the call.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

_AWARE = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE = datetime(1970, 1, 1)  # noqa: DTZ001  a time without zone is UTC by our rule, so both sides are naive
_read_iso = datetime.fromisoformat
_LATEST_US = 253_402_300_800_000_000  # year 10000
_EARLIEST_US = -62_135_596_800_000_000  # year 1


class Times(NamedTuple):
    """The times of one event.

    Attributes:
        timestamp_us: As used.
        original_us: As stated; None when not stated readably.
        sent_us: As stated; None when not stated readably.
        skew_ms: The sender's clock minus ours, where it was applied.
        flags: `bad_timestamp`, `bad_sent_at`, `skew_refused`, `clamped_future`, `clamped_past`.
    """

    timestamp_us: int
    original_us: int | None
    sent_us: int | None
    skew_ms: int | None
    flags: tuple[str, ...]


def parse(value: Any) -> int | None:
    """Read a time as microseconds since 1970 UTC; None when it is none.

    ISO 8601 in all common forms (a time without zone is UTC, a date its midnight, digits beyond microseconds are cut
    off, a leap second is the first of the next minute), `YYYYMMDD`, `YYYYMMDDhhmmss`, and epoch numbers, also as text:
    up to 11 digits are seconds, up to 14 milliseconds, up to 17 microseconds, more nanoseconds.
    """
    if type(value) is not str:
        return _of_number(value)
    if value.isdigit():
        return _of_digits(value)
    try:
        moment = _read_iso(value)
    except ValueError:
        return _unusual(value)
    since = moment - (_NAIVE if moment.tzinfo is None else _AWARE)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _of_number(value: Any) -> int | None:
    if type(value) not in (int, float):
        return None
    size = abs(value)
    if size < 1e11:
        scaled = value * 1_000_000
    elif size < 1e14:
        scaled = value * 1_000
    elif size < 1e17:
        scaled = value
    else:
        scaled = value // 1_000
    return round(scaled) if _EARLIEST_US <= scaled < _LATEST_US else None


def _of_digits(text: str) -> int | None:
    if not text.isascii() or len(text) > 19:
        return None
    if len(text) == 8:
        return _iso(f"{text[:4]}-{text[4:6]}-{text[6:]}")
    if len(text) == 14 and text[:2] in ("19", "20"):
        return _iso(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:]}")
    return _of_number(int(text))


def _unusual(text: str) -> int | None:
    """Forms that `fromisoformat` does not read: blanks around, ` UTC`, a leap second, a number with sign or point."""
    text = text.strip()
    if len(text) > 64:
        return None
    for zone in (" UTC", " GMT"):
        if text.endswith(zone):
            return _iso(text.removesuffix(zone) + "Z")
    if text[10:11] in ("T", " ", "t") and text[16:19] == ":60":
        before = _iso(text[:17] + "59" + text[19:])
        return None if before is None else before + 1_000_000
    try:
        return _of_number(float(text))
    except ValueError:
        return _iso(text)


def _iso(text: str) -> int | None:
    try:
        moment = _read_iso(text)
    except ValueError:
        return None
    since = moment - (_NAIVE if moment.tzinfo is None else _AWARE)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def settle(timestamp: Any, original: Any, sent: Any, received_us: int, max_skew_us: int) -> Times:
    """Decide when an event happened.

    Args:
        timestamp: The field `timestamp` as sent; None when absent.
        original: The field `originalTimestamp` as sent; None when absent.
        sent: `sentAt` of the item, else of its request; None when absent.
        received_us: Our clock at receipt.
        max_skew_us: The largest difference of the clocks that is corrected.
    """
    stated = None if timestamp is None else parse(timestamp)
    call = None if original is None else parse(original)
    sent_us = None if sent is None else parse(sent)
    flags: tuple[str, ...] = ()
    if (stated is None and timestamp is not None) or (call is None and original is not None):
        flags = ("bad_timestamp",)
    if sent_us is None and sent is not None:
        flags = (*flags, "bad_sent_at")
    original_us = call if stated is None else stated
    if original_us is None:
        return Times(max(received_us, 0), None, sent_us, None, flags)
    settled, skew_ms = original_us, None
    # With both stated, the caller supplied `timestamp` on purpose: an import of history, not the device's clock.
    if sent_us is not None and (stated is None or call is None):
        skew_us = sent_us - received_us
        if abs(skew_us) > max_skew_us:
            flags = (*flags, "skew_refused")
        else:
            settled, skew_ms = original_us - skew_us, round(skew_us / 1000)
    if settled > received_us:
        settled, flags = received_us, (*flags, "clamped_future")
    if settled < 0:
        settled, flags = 0, (*flags, "clamped_past")
    return Times(settled, original_us, sent_us, skew_ms, flags)


def aged(times: Times, age_ms: Any, received_us: int) -> Times:
    """The times of an event of which only the age at sending is stated, in milliseconds."""
    if type(age_ms) not in (int, float) or not 0 <= age_ms <= received_us / 1000:
        return times._replace(flags=(*times.flags, "bad_timestamp"))
    return times._replace(timestamp_us=received_us - round(age_ms * 1000))
