"""The calendar's days: fiscal years, holidays that move, drives."""

from __future__ import annotations

import calendar as months
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.warehouse.calendar import Calendar, Drive, Holiday, campaigns, days, easter, fiscal, holiday
from onefold.warehouse.calendar import Campaign as CampaignOf

JULY = Calendar(fiscal_year_start=7)


@pytest.mark.parametrize(
    ("calendar", "day", "year", "quarter"),
    [
        (JULY, date(2026, 6, 30), 2026, 4),
        (JULY, date(2026, 7, 1), 2027, 1),
        (Calendar(fiscal_year_start=7, fiscal_year_named="start"), date(2026, 7, 1), 2026, 1),
        (Calendar(fiscal_year_start=7, fiscal_year_named="start"), date(2026, 6, 30), 2025, 4),
        (Calendar(), date(2026, 12, 31), 2026, 4),
        (Calendar(fiscal_year_start=10), date(2026, 9, 30), 2026, 4),
        (Calendar(fiscal_year_start=10), date(2026, 10, 1), 2027, 1),
    ],
)
def test_fiscal_years(calendar, day, year, quarter):
    """A fiscal year is called by the year it ends in, unless the project says otherwise."""
    assert fiscal(calendar, day) == (year, quarter)


@given(st.integers(1, 12), st.sampled_from(["end", "start"]), st.dates(date(2000, 1, 1), date(2040, 12, 30)))
def test_a_fiscal_year_changes_once_a_year(start, named, day):
    """Quarters follow each other, and the year rises exactly when its first month begins."""
    calendar = Calendar(fiscal_year_start=start, fiscal_year_named=named)
    (year, quarter), (next_year, next_quarter) = fiscal(calendar, day), fiscal(calendar, day + timedelta(days=1))
    tomorrow = day + timedelta(days=1)
    assert (next_year > year) == (tomorrow.day == 1 and tomorrow.month == start)
    assert (next_quarter - quarter) % 4 <= 1


@pytest.mark.parametrize(
    ("on", "year", "day"),
    [
        ("4th Thursday of November", 2026, date(2026, 11, 26)),
        ("last monday of may", 2026, date(2026, 5, 25)),
        ("5th friday of february", 2026, None),
        ("07-04", 2027, date(2027, 7, 4)),
        ("02-29", 2027, None),
        ("02-29", 2028, date(2028, 2, 29)),
        ("2026-01-20", 2026, date(2026, 1, 20)),
        ("2026-01-20", 2027, None),
        ("easter", 2026, date(2026, 4, 5)),
        ("easter+1", 2026, date(2026, 4, 6)),
        ("easter - 2", 2026, date(2026, 4, 3)),
    ],
)
def test_holidays_that_move(on, year, day):
    """A rule gives the day of each year, or says that the year has none."""
    assert holiday(on, year) == day


@pytest.mark.parametrize("on", ["christmas", "13-01", "02-30", "6th monday of may", "2026-02-30", ""])
def test_a_rule_that_is_none_is_refused(on):
    """A typing error does not become a holiday that never comes."""
    with pytest.raises(ValueError, match=r".*"):
        holiday(on, 2026)


@pytest.mark.parametrize(
    ("year", "day"),
    [(1961, (4, 2)), (1999, (4, 4)), (2000, (4, 23)), (2008, (3, 23)), (2011, (4, 24)), (2019, (4, 21)), (2025, (4, 20)),
     (2038, (4, 25))],
)  # fmt: skip
def test_easter(year, day):
    """As almanacs have it, the earliest and the latest among them."""
    assert easter(year) == date(year, *day)


def test_days_are_what_a_database_says_of_them():
    """Every attribute that DuckDB knows, of every day, against DuckDB's own calendar."""
    calendar = Calendar(
        first_year=2023, last_year=2029, holidays=(Holiday("Christmas", "12-25"), Holiday("Sunday", "2022-12-25")),
        pledge_drives=(Drive("Winter", date(2026, 12, 24), date(2027, 1, 2)),),
    )  # fmt: skip
    rows = list(days(calendar))
    asked = """SELECT CAST(strftime(d, '%Y%m%d') AS INT), CAST(d AS DATE), isodow(d), dayname(d), day(d), dayofyear(d),
        weekofyear(d), month(d), monthname(d), quarter(d), year(d), isodow(d) > 5
        FROM generate_series(DATE '2023-01-01', DATE '2029-12-31', INTERVAL 1 DAY) AS t(d)"""
    names = ("date_key", "full_date", "day_of_week", "day_name", "day_of_month", "day_of_year", "week_of_year",
             "month_number", "month_name", "quarter", "year", "is_weekend")  # fmt: skip
    with duckdb.connect() as connection:
        assert [tuple(row[name] for name in names) for row in rows] == connection.sql(asked).fetchall()
    assert sum(row["is_holiday"] for row in rows) == 7
    assert [row["date_key"] for row in rows if row["is_pledge_drive"]][::9] == [20261224, 20270102]
    assert len(rows) == sum(366 if months.isleap(year) else 365 for year in range(2023, 2030))


def test_campaigns_keep_what_was_said():
    """Whatever the project leaves out is null."""
    (row,) = campaigns(Calendar(campaigns=(CampaignOf("FALL26", "Fall drive", goal="1000.50"),)))
    assert (row["campaign_code"], row["goal_amount"], row["end_date"]) == ("FALL26", "1000.50", None)
