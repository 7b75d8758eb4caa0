from datetime import UTC
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from onefold.connectors.sources import casts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Decimal(0)), ("11.77", Decimal("11.77")), ("$1,234.50", Decimal("1234.50")), ("(25.00)", Decimal(-25)),
        ("-3", Decimal(-3)), (".5", Decimal("0.5")), ("1,23", None), ("", None), (".", None), ("1e5", None),
        ("NaN", None), ("Infinity", None), ("12.3.4", None), ("١٢", None),
    ],
)  # fmt: skip
def test_amounts_are_exact_or_refused(text, value):
    """Currency signs, thousands commas and accounting brackets are read; nothing is guessed."""
    assert casts.decimal(text) == value


def test_a_decimal_comma_is_read_where_stated():
    """The mark is the mapping's word, never a guess."""
    assert casts.decimal("1.234,50", comma=True) == Decimal("1234.50")
    assert casts.decimal("1.234,50") is None


@pytest.mark.parametrize(
    ("text", "value"), [("007", 7), ("-1,000", -1000), ("42.0", 42), ("1.5", None), ("²", None), ("1_0", None)]
)
def test_integers_are_whole_numbers(text, value):
    """What is no plain whole number is refused."""
    assert casts.integer(text) == value


@pytest.mark.parametrize(("text", "value"), [("Yes", True), ("0", False), ("F", False), ("2", None)])
def test_booleans_know_the_words_of_exports(text, value):
    """Anything else is refused."""
    assert casts.boolean(text) is value


@pytest.mark.parametrize(
    ("formats", "text", "value"),
    [
        (("iso",), "2025-07-04T12:00:00+02:00", "2025-07-04T10:00:00.000Z"),
        (("iso",), "2025-07-04 12:00", "2025-07-04T17:00:00.000Z"),
        (("%d.%m.%Y", "%m/%d/%Y"), "07/04/2025", "2025-07-04T05:00:00.000Z"),
        (("epoch",), "0", "1970-01-01T00:00:00.000Z"),
        (("epoch_ms",), "1500", "1970-01-01T00:00:01.500Z"),
        (("epoch",), "1e300", None),
        (("iso",), "02/30/2025", None),
    ],
)
def test_times_become_utc(formats, text, value):
    """A stated offset counts; without one, the file's zone."""
    assert casts.datetime_of(formats, ZoneInfo("America/Chicago"))(text) == value


def test_a_date_has_no_zone():
    """A birthday is the same day everywhere."""
    assert casts.date_of(("%m/%d/%Y",), ZoneInfo("Asia/Tokyo"))("01/31/2000") == "2000-01-31"
    assert casts.date_of(("%m/%d/%Y",), UTC)("02/30/2000") is None
