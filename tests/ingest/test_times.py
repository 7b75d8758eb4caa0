"""Times as text: every form against the library that writes it, and what must not be guessed."""

import email.utils
import http.cookiejar
import time
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from onefold.ingest import times

BERLIN = ZoneInfo("Europe/Berlin")
quarters = st.integers(-12 * 4, 14 * 4).map(lambda n: timezone(timedelta(minutes=15 * n)))
FROM, TO = datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2049-12-31")
moments = st.datetimes(FROM, TO, timezones=quarters)


WRITERS = {
    "RFC 3339": lambda m: m.isoformat(),
    "RFC 3339, blank": lambda m: m.isoformat(sep=" ", timespec="milliseconds").replace("+", " +"),
    "RFC 2822": email.utils.format_datetime,
    "HTTP": lambda m: email.utils.formatdate(m.timestamp(), usegmt=True),
    "HTTP with dashes": lambda m: http.cookiejar.time2netscape(m.timestamp()),
    "RFC 850": lambda m: m.astimezone(UTC).strftime("%A, %d-%b-%y %H:%M:%S GMT"),
    "asctime": lambda m: time.asctime(m.astimezone(UTC).timetuple()),
    "Java": lambda m: m.astimezone(UTC).strftime("%a %b %d %H:%M:%S UTC %Y"),
    "JavaScript": lambda m: m.strftime("%a %b %d %Y %H:%M:%S GMT%z (Some Standard Time)"),
    "Go": lambda m: m.strftime("%Y-%m-%d %H:%M:%S.%f000 %z %z m=+0.000123"),
    "Go in UTC": lambda m: m.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC"),
    "Ruby": lambda m: m.strftime("%Y-%m-%d %H:%M:%S %z"),
    "access log": lambda m: m.strftime("%d/%b/%Y:%H:%M:%S %z"),
    "Oracle": lambda m: m.astimezone(UTC).strftime("%d-%b-%y %I.%M.%S.%f %p").upper(),
    "Db2": lambda m: m.astimezone(UTC).strftime("%Y-%m-%d-%H.%M.%S.%f"),
    ".NET": lambda m: f"/Date({round(m.timestamp()) * 1000})/",
    "words": lambda m: m.strftime("%B %d, %Y at %I:%M:%S %p %z"),
    "words by day": lambda m: m.strftime("%d %B %Y %H:%M:%S %z"),
    "German": lambda m: m.strftime("%d.%m.%Y, %H:%M:%S %z"),
    "a zone by name": lambda m: m.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M:%S%z[Europe/Berlin]"),
    "epoch seconds": lambda m: str(round(m.timestamp())),
}  # fmt: skip


@pytest.mark.parametrize("form", WRITERS)
@given(moment=moments)
def test_a_form_is_read_as_its_writer_meant_it(form, moment):
    """To the precision that the form has, in every zone."""
    text = WRITERS[form](moment)
    read = times.read(text)
    assert isinstance(read, datetime), text
    read = read if read.tzinfo else read.replace(tzinfo=UTC)
    assert abs(read - moment) <= timedelta(seconds=1), text
    assert read.microsecond in (0, moment.microsecond, moment.microsecond // 1000 * 1000)


@given(st.floats(1e8, 4e9), st.sampled_from([1, 1_000, 1_000_000, 1_000_000_000]))
def test_epoch_numbers_are_told_apart_by_their_size(at, scale):
    """Seconds, milliseconds, microseconds and nanoseconds, as number and as text."""
    assume(at * scale >= 1e11 or scale == 1)
    whole = int(at) * scale
    assert times.of_number(whole) == int(at) * 1_000_000
    read = times.read(str(whole))
    if len(str(whole)) in (12, 14):  # these may be `YYYYMMDDhhmm` and `YYYYMMDDhhmmss`
        return
    assert isinstance(read, datetime)
    assert read == datetime.fromtimestamp(int(at), UTC)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from("/-."), st.booleans())
def test_day_and_month_are_never_guessed(day, mark, padded):
    """A date in numbers is read as it was meant, or said to be ambiguous; a dot means that the day comes first."""
    width = 2 if padded else 1
    for order, parts in (("dmy", (day.day, day.month)), ("mdy", (day.month, day.day))):
        text = f"{parts[0]:0{width}d}{mark}{parts[1]:0{width}d}{mark}{day.year}"
        alone, told = times.read(text), times.read(text, order)
        assert told.date() == day
        if order == "mdy" and mark == "." and max(parts) <= 12:
            continue  # the rule of the dot: nobody writes months first with it
        assert alone == "ambiguous_timestamp" or alone.date() == day, text


@pytest.mark.parametrize("text", ["03/04/2026", "3-4-2026 10:00", "1/2/26", "26-11-12", "202611261426"])
def test_what_could_be_two_times_is_said_to_be(text):
    """It is neither of them."""
    assert times.read(text) == "ambiguous_timestamp"


def test_a_reader_that_guesses_would_be_seen(monkeypatch):
    """The negative control of the law above: where the day always comes first, April 3 becomes March 4."""
    monkeypatch.setattr(times, "_numbers", lambda found, order: times._day(found[4], found[3], found[1]))
    assert times.read("04/03/2026").date() == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", 0), ("GMT", 0), ("Z", 0), ("CET", 1), ("CEST", 2), ("EST", -5), ("PDT", -7), ("JST", 9), ("utc", 0),
     ("GMT+2", 2), ("UTC-03:30", -3.5), ("Europe/Berlin", 1), ("[America/New_York]", -5), ("Asia/Kolkata", 5.5),
     ("+0530", 5.5), ("\N{MINUS SIGN}05:00", -5), ("-03", -3), ("Z[UTC]", 0)],
)  # fmt: skip
def test_zones(zone, hours):
    """By offset, by name, and by the abbreviations that only one zone uses."""
    read = times.read(f"2026-11-26 14:26:21 {zone}")
    assert read == datetime(2026, 11, 26, 14, 26, 21, tzinfo=timezone(timedelta(hours=hours)))


@pytest.mark.parametrize("zone", ["CST", "IST", "BST", "AST", "XYZ"])
def test_abbreviations_of_several_zones_are_ambiguous(zone):
    """China and Chicago both say CST; only RFC 2822 defines it."""
    assert times.read(f"2026-11-26 14:26:21 {zone}") == "ambiguous_timestamp"
    assert times.read("Thu, 26 Nov 2026 14:26:21 CST").utcoffset() == timedelta(hours=-6)
    assert times.read("Thu Nov 26 14:26:21 CST 2026") == "ambiguous_timestamp"


@pytest.mark.parametrize(
    "text",
    ["Mars/Base", "2026-11-26 14:26 Mars/Base", "2026-11-26 14:26 ../../etc/passwd", "2026-02-29", "31/31/2026",
     "2026-366", "2026-000", "26/11/2026 25:00", "26 Brumaire 2026", "13:00 PM", "1/2", "", " ",
     "2026-11-26 14:26:21 +99:00", "2026-11-26-14:26", "0000-00-00", "0000-00-00 00:00:00", "N/A", "\x00"],
)  # fmt: skip
def test_what_is_no_time_is_none(text):
    """Nothing is made of it."""
    assert times.read(text) == "bad_timestamp"


@pytest.mark.parametrize(
    ("text", "month"),
    [("26. März 2026", 3), ("26 août 2026 10:30", 8), ("1er mai 2026", 5), ("26 de noviembre de 2026", 11),
     ("26 Dez. 2026", 12), ("26 gennaio 2026", 1), ("26 okt 2026", 10), ("26 fév 2026", None), ("26 foo 2026", None)],
)  # fmt: skip
def test_months_in_other_languages(text, month):
    """Those that are spelled so in one of nine languages; no name stands for two months."""
    read = times.read(text)
    assert read == "bad_timestamp" if month is None else read.month == month


@given(st.text(max_size=120) | st.from_regex(r"[0-9/:.+ TZ-]{0,30}", fullmatch=True))
def test_no_text_breaks_the_reader(text):
    """Whatever stands in a cell, the answer is a time or a reason."""
    assert isinstance(times.read(text), datetime) or times.read(text) in ("bad_timestamp", "ambiguous_timestamp")
    times.orders(text)
