"""Dates of a column: day and month are told apart by the whole of it, or somebody is asked."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.connectors.sources import dates, files, mapping, notes
from onefold.errors import ConfigurationError

MAPPING = "identifiers: {donor_id: Id}\ntimestamp: When\n"


@pytest.fixture
def told(tmp_path):
    def run(values, yaml=MAPPING):
        path = tmp_path / "gifts.csv"
        path.write_text("Id,When\n" + "".join(f'{n},"{value}"\n' for n, value in enumerate(values)), encoding="utf-8")
        known = notes.Notes()
        events = [json.loads(row.body) for row in files.rows(path, mapping.read(yaml), known)]
        return events, known

    return run


days = st.lists(st.dates(date(1990, 1, 1), date(2049, 12, 31)), min_size=1, max_size=12)


@given(days, st.sampled_from("/-."), st.sampled_from(["dmy", "mdy"]))
def test_the_order_is_what_the_writer_meant_or_none(column, mark, order):
    """One of several values decides for all; where none does, nobody guesses. A dot alone means day first."""
    parts = [(d.day, d.month) if order == "dmy" else (d.month, d.day) for d in column]
    found = dates.order_of(f"{a:02d}{mark}{b:02d}{mark}{d.year}" for (a, b), d in zip(parts, column, strict=True))
    telling = any(d.day > 12 for d in column)
    alone = mark == "." and any(d.day != d.month for d in column)
    assert found == (order if telling else "dmy" if alone else None)


def test_one_value_at_the_end_decides_for_the_first(told):
    """However late it comes: the whole file is looked through before the first is read."""
    for last, first in (("31/12/2025", "2025-04-03"), ("12/31/2025", "2025-03-04")):
        events, known = told(["03/04/2025"] * 3_000 + [last])
        assert events[0]["timestamp"] == f"{first}T00:00:00.000Z"
        assert events[-1]["timestamp"] == "2025-12-31T00:00:00.000Z"
        assert known.dates["When"][0].startswith("day first" if last[0] == "3" else "month first")


def test_a_column_that_does_not_tell_is_asked_about(told):
    """Nothing is loaded by a guess; the message names the column and both ways to write it, and no value."""
    with pytest.raises(ConfigurationError, match=r"mapping:2: the dates of column 'When'.*%d/%m/%Y") as caught:
        told(["03/04/2025", "05/06/2025"])
    assert "03/04/2025" not in str(caught.value)
    events, _ = told(["03/04/2025"], "timestamp: {column: When, formats: ['%m/%d/%Y']}")
    assert events[0]["timestamp"] == "2025-03-04T00:00:00.000Z"


def test_a_column_that_contradicts_itself_leaves_the_doubtful_ones_unread(told):
    """Each of those is a finding with its text kept; the others are read."""
    events, known = told(["25/12/2025", "12/26/2025", "03/04/2025"])
    assert [event["timestamp"] for event in events] == [
        "2025-12-25T00:00:00.000Z", "2025-12-26T00:00:00.000Z", {"unread": "03/04/2025"},
    ]  # fmt: skip
    assert events[2]["context"]["unread"] == {"When": "03/04/2025"}
    assert events[2]["findings"] == [{"code": "value_unreadable", "where": "When"}]
    assert (known.findings["value_unreadable"].lines, known.findings["value_unreadable"].columns) == ([4], {"When": 1})


def test_a_time_that_cannot_be_read_loses_no_row(told):
    """The gate dates such an event to its receipt, and marks it."""
    events, _ = told(["soon", "", "2025-01-01"])
    assert [event.get("timestamp") for event in events] == [{"unread": "soon"}, None, "2025-01-01T00:00:00.000Z"]
    assert "findings" not in events[1]


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["2025-01-02", "2025-01-03 10:00"], "ISO 8601"),
        (["1735689600"], "epoch seconds"),
        (["1735689600000"], "epoch milliseconds"),
        (["Thu, 02 Jan 2025 10:00:00 GMT"], "weekday and month by name"),
        (["2 January 2025"], "month by name"),
        (["01/13/2025", "01/02/2025"], "month first (MM/DD/YYYY)"),
    ],
)
def test_the_form_of_a_column_is_told(told, texts, form):
    """By name."""
    assert form in told(texts)[1].dates["When"]


def test_years_of_two_digits(told):
    """They are read in times of events, not in birthdays, which lie in two centuries."""
    assert told(["12/31/24"])[0][0]["timestamp"] == "2024-12-31T00:00:00.000Z"
    births = "identifiers: {donor_id: Id}\ntraits: {birthday: {column: When, as: date, unreadable: omit}}"
    assert told(["12/31/24"], births)[0][0]["traits"] == {}
    assert told(["12/31/1924", "2001-02-03T00:00:00+05:00"], births)[0][1]["traits"] == {"birthday": "2001-02-03"}
    with pytest.raises(ConfigurationError):  # the year may stand first: days differ, years hardly do
        told([f"26/11/{day:02d}" for day in range(1, 29)])


def test_a_zone_is_that_of_the_file_unless_stated(told):
    """Also for times in words."""
    yaml = MAPPING + "timezone: America/Chicago\n"
    events, _ = told(["July 4, 2025 12:00 PM", "2025-07-04 12:00 CEST", "2025-07-04T12:00[Asia/Tokyo]"], yaml)
    assert [event["timestamp"] for event in events] == [
        "2025-07-04T17:00:00.000Z", "2025-07-04T10:00:00.000Z", "2025-07-04T03:00:00.000Z",
    ]  # fmt: skip


def test_a_reader_that_looks_at_the_first_rows_only_would_be_seen(told, monkeypatch):
    """The negative control of the law above: a sample of one row decides wrongly, or not at all."""
    monkeypatch.setattr(dates.DateColumns, "_look", lambda self: {"When": dates.order_of(["03/04/2025"])})
    events, _ = told(["03/04/2025", "31/12/2025"])
    assert events[0]["timestamp"] == {"unread": "03/04/2025"}
