"""Times: what is read, corrected, refused and clamped."""

from datetime import UTC, datetime

import pytest

from onefold.ingest.clock import aged, parse, settle
from onefold.model import Finding

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
DAY = 24 * HOUR


def iso(us):
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat()


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-01-01T00:00:00Z", NOW),
        ("2026-01-01T00:00:00.000Z", NOW),
        ("2026-01-01T00:00:00.123456789Z", NOW + 123_456),
        ("2026-01-01T00:00:00.5+00:00", NOW + 500_000),
        ("2026-01-01T02:00:00+02:00", NOW),
        ("2026-01-01T02:00:00+0200", NOW),
        ("2025-12-31T19:00:00-05:00", NOW),
        ("2026-01-01T00:00:00", NOW),
        ("2026-01-01 00:00:00", NOW),
        ("2026-01-01 00:00:00 UTC", NOW),
        (" 2026-01-01T00:00Z ", NOW),
        ("2026-01-01", NOW),
        ("20260101", NOW),
        ("20260101000000", NOW),
        ("20260101T000000Z", NOW),
        ("2025-12-31T23:59:60Z", NOW),
        ("1767225600", NOW),
        ("1767225600000", NOW),
        ("1767225600.5", NOW + 500_000),
        (1_767_225_600, NOW),
        (1_767_225_600.25, NOW + 250_000),
        (1_767_225_600_000, NOW),
        (NOW, NOW),
        (NOW * 1_000, NOW),
        ("1969-12-31T23:59:59Z", -SECOND),
        ("1711051210123", 1_711_051_210_123_000),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800 * SECOND - 14 * HOUR),
    ],
)
def test_forms_that_are_read(text, us):
    """All common forms of a time are the same moment."""
    assert parse(text) == us


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "2026-13-01", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", True, None, {}, [], "nan", "inf",
     10**30, -(10**18) * 1000, "9" * 40, "²", "x" * 10_000, "2026-01-01T00:00:60", "20261301", 0, -1, "-1", 46_352,
     "46352.6", "1.76723E+12", "2026-11", "14:26", "2026-11-26 25:00", "2026-11-26 13:00 PM", "30/02/2026"],
)  # fmt: skip
def test_what_is_no_time(value):
    """It is said to be none, whatever it is."""
    assert parse(value) is None or value == "2026-01-01T00:00:60"


def test_correction():
    """Both clocks of the sender are wrong alike, so their difference counts."""
    fast = 10 * MINUTE
    times = settle(iso(NOW - 5 * SECOND + fast), None, iso(NOW + fast), NOW)
    assert times == (NOW - 5 * SECOND, NOW - 5 * SECOND + fast, NOW + fast, 600_000, (), False)


@pytest.mark.parametrize("skew", [-3 * DAY, -400 * DAY, -2 * MINUTE, 2 * SECOND, 10 * MINUTE, 3 * DAY, 400 * DAY])
def test_any_skew_is_corrected(skew):
    """Days or years, ahead or behind: the event lands where it happened."""
    times = settle(iso(NOW - 5 * SECOND + skew), None, iso(NOW + skew), NOW)
    assert (times.timestamp_us, times.skew_ms, times.findings) == (NOW - 5 * SECOND, skew // 1000, ())


@pytest.mark.parametrize("late", [0, 300_000, 59 * SECOND])
def test_a_clock_that_is_right_is_left_alone(late):
    """The way of a request takes up to a minute; that is no fault of the clock, and an explicit time does not move."""
    times = settle(iso(NOW - HOUR), None, iso(NOW - late), NOW)
    assert (times.timestamp_us, times.skew_ms) == (NOW - HOUR, None)


def test_history_is_left_alone():
    """An import of last year's events is not moved by the skew of the machine that sends it; a queue of a week is."""
    for age in (31 * DAY, 365 * DAY):
        assert settle(iso(NOW - age), None, iso(NOW + HOUR), NOW).timestamp_us == NOW - age
    assert settle(iso(NOW - 7 * DAY + HOUR), None, iso(NOW + HOUR), NOW).timestamp_us == NOW - 7 * DAY


def test_a_time_of_another_clock_is_left_alone():
    """An event that happened long after it was sent was not timed by the clock that stamped the sending."""
    times = settle(iso(NOW - HOUR), None, iso(NOW - 365 * DAY), NOW)
    assert (times.timestamp_us, times.skew_ms) == (NOW - HOUR, None)


def test_items_without_time_keep_their_order():
    """The later item of a request is the newer one; so is one whose stated time lies in the future."""
    for stated in (None, "soon", iso(NOW + DAY)):
        moments = [settle(stated, None, None, NOW, index).timestamp_us for index in range(3)]
        assert moments == [NOW, NOW + 1, NOW + 2]


def test_without_time_of_sending():
    """Nothing is corrected, and nothing flagged: many servers state none."""
    assert settle(iso(NOW - HOUR), None, None, NOW) == (NOW - HOUR, NOW - HOUR, None, None, (), False)


def test_future_is_clamped():
    """Nothing happens after it was received."""
    times = settle(iso(NOW + HOUR), None, None, NOW)
    assert (times.timestamp_us, times.original_us, times.findings) == (NOW, NOW + HOUR, (Finding("clamped_future"),))


def test_past_is_kept_until_1970():
    """Old dates reject nothing; those before 1970 become 1970."""
    assert settle("1971-01-01", None, None, NOW).findings == ()
    before = settle("1965-05-01", None, None, NOW)
    assert (before.timestamp_us, before.findings) == (0, (Finding("clamped_past"),))
    assert before.original_us < 0


def test_supplied_time_stands():
    """RudderStack's `timestamp` beside `originalTimestamp` is the caller's own, and its clock is not the sender's."""
    fast = HOUR
    times = settle("2020-02-02", iso(NOW + fast), iso(NOW + fast), NOW)
    assert (times.timestamp_us, times.skew_ms) == (1_580_601_600_000_000, None)
    alone = settle(None, iso(NOW + fast - MINUTE), iso(NOW + fast), NOW)
    assert (alone.timestamp_us, alone.skew_ms) == (NOW - MINUTE, 3_600_000)


def test_unreadable_times():
    """They are flagged, and receipt stands in."""
    assert settle("soon", None, iso(NOW), NOW) == (
        NOW,
        None,
        NOW,
        None,
        (Finding("bad_timestamp", "/timestamp"),),
        True,
    )
    assert settle(iso(NOW - 1000), None, "soon", NOW).findings == (Finding("bad_sent_at", "/sentAt"),)
    assert settle(None, None, None, NOW) == (NOW, None, None, None, (), False)
    mended = settle("soon", iso(NOW - MINUTE), None, NOW)
    assert (mended.timestamp_us, mended.findings, mended.assumed) == (
        NOW - MINUTE,
        (Finding("bad_timestamp", "/timestamp"),),
        False,
    )
    assert settle("03/04/2026", None, None, NOW).findings == (Finding("ambiguous_timestamp", "/timestamp"),)


def test_age():
    """An age stands in for a time; one that cannot be is flagged."""
    none = settle(None, None, None, NOW)
    assert aged(none, 1_500, NOW).timestamp_us == NOW - 1_500_000
    for bad in (-1, "5", True, 1e30):
        assert aged(none, bad, NOW) == none._replace(findings=(Finding("bad_timestamp", "/offset"),), assumed=True)
