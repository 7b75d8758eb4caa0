"""An event's clock: when a sender says something happened, and when we take it to have happened.

A sender states the time of an event and the time of sending by the same clock, so their difference is right though
both may be wrong: `timestamp = received - (sent - original)`, Segment's rule, whatever the skew. The stated time stands

- when `sentAt` is missing or unreadable;
- when the clock is plainly right: `sentAt` is at most a minute before receipt, which the way of the request accounts
  for, and at most a second after it;
- when the item is history: it happened more than 30 days before it was sent, so its time is no reading of the sender's
  clock; nor is one that lies more than a minute after `sentAt`;
- when RudderStack's caller supplied it: `timestamp` beside `originalTimestamp`, the time of the call.

Whatever comes out is not after receipt and not before 1970. An item that states no readable time is dated to its
receipt, plus its place in the request or file in microseconds: of two items the later one is the newer one. Reading an
item takes longer than a microsecond, so this is never later than the moment it was read. A time that was stated and
could not be read leaves the event marked (`assumed`), so that it does not win over a known time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from onefold.ingest import times
from onefold.ingest.findings import finding
from onefold.model import Finding

_AWARE = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE = datetime(1970, 1, 1)  # noqa: DTZ001  a time without zone is UTC by our rule, so both sides are naive

SECOND_US = 1_000_000
DELAY_US_MAX = 60 * SECOND_US
"""How long before receipt a sender whose clock is right may have put `sentAt` into its request."""
AHEAD_US_MAX = SECOND_US
"""How far a clock that is right may run ahead of ours."""
HISTORY_US = 30 * 86_400 * SECOND_US
"""What lay longer behind at sending is history: SDKs keep what they could not send for days, not for months."""


class Times(NamedTuple):
    """The times of one event.

    Attributes:
        timestamp_us: As used.
        original_us: As stated; None when not stated readably.
        sent_us: As stated; None when not stated readably.
        skew_ms: The sender's clock minus ours, where it was applied.
        findings: `bad_timestamp`, `ambiguous_timestamp`, `bad_sent_at`, `clamped_future`, `clamped_past`.
        assumed: Whether a time was stated and none could be read, so that receipt stands in for it.
    """

    timestamp_us: int
    original_us: int | None
    sent_us: int | None
    skew_ms: int | None
    findings: tuple[Finding, ...]
    assumed: bool = False


def parse(value: Any) -> int | None:
    """Read a time as microseconds since 1970 UTC; None when it is none, or could be one of several.

    The forms are those of `times`; a time without zone is UTC, a date its midnight.
    """
    moment = _read(value)
    return None if isinstance(moment, str) else moment


def _read(value: Any) -> int | times.Unread:
    if type(value) is str:
        moment = times.read(value)
        return moment if isinstance(moment, str) else _us(moment)
    if type(value) in (int, float):
        us = times.of_number(value)
        return "bad_timestamp" if us is None else us
    return "bad_timestamp"


def _us(moment: datetime) -> int:
    since = moment - (_NAIVE if moment.tzinfo is None else _AWARE)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def settle(timestamp: Any, original: Any, sent: Any, received_us: int, index: int = 0) -> Times:
    """Decide when an event happened.

    Args:
        timestamp: The field `timestamp` as sent; None when absent.
        original: The field `originalTimestamp` as sent; None when absent.
        sent: `sentAt` of the item, else of its request; None when absent.
        received_us: Our clock at receipt of the request or file.
        index: The item's place in it, from 0.
    """
    stated = None if timestamp is None else _read(timestamp)
    call = None if original is None else _read(original)
    sent_us = None if sent is None else parse(sent)
    findings: tuple[Finding, ...] = ()
    if isinstance(stated, str):
        findings, stated = (finding(stated, "/timestamp"),), None
    if isinstance(call, str):
        findings, call = findings or (finding(call, "/originalTimestamp"),), None
    if sent_us is None and sent is not None:
        findings = (*findings, finding("bad_sent_at", "/sentAt"))
    original_us = call if stated is None else stated
    latest_us = max(received_us, 0) + index
    if original_us is None:
        assumed = timestamp is not None or original is not None
        return Times(latest_us, None, sent_us, None, findings, assumed)
    settled, skew_ms = original_us, None
    # With both stated, the caller supplied `timestamp` on purpose: an import of history, not the device's clock.
    if sent_us is not None and (stated is None or call is None):
        skew_us = sent_us - received_us
        plainly_right = -DELAY_US_MAX <= skew_us <= AHEAD_US_MAX
        if not plainly_right and -DELAY_US_MAX <= sent_us - original_us <= HISTORY_US:
            settled, skew_ms = original_us - skew_us, round(skew_us / 1000)
    if settled > latest_us:
        settled, findings = latest_us, (*findings, finding("clamped_future"))
    if settled < 0:
        settled, findings = 0, (*findings, finding("clamped_past"))
    return Times(settled, original_us, sent_us, skew_ms, findings)


def aged(times_: Times, age_ms: Any, received_us: int) -> Times:
    """The times of an event of which only the age at sending is stated, in milliseconds."""
    if type(age_ms) not in (int, float) or not 0 <= age_ms <= received_us / 1000:
        return times_._replace(findings=(*times_.findings, finding("bad_timestamp", "/offset")), assumed=True)
    return times_._replace(timestamp_us=received_us - round(age_ms * 1000), assumed=False)
