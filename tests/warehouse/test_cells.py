"""Cells: exact money, UTC times, and nothing that JSON or CSV cannot carry."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.warehouse import cells

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Decimal("12.500000000"), "12.5"),
        (Decimal("0E-9"), "0"),
        (Decimal("99999999999999999999999999999.123456789"), "99999999999999999999999999999.123456789"),
        (Decimal(3), 3),
        (datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006Z"),  # noqa: DTZ001  as Arrow gives them
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00.000000Z"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (float("nan"), "nan"),
        (b"\x00\xff", "00ff"),
        ({"a": [Decimal("1.10"), None]}, {"a": ["1.1", None]}),
    ],
)
def test_values_as_json_has_them(value, plain):
    """Decimals are exact texts, whole ones numbers; times are UTC, to the microsecond."""
    found = cells.plain(value)
    assert found == plain
    json.dumps(found, allow_nan=False)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20))
def test_money_is_exact(amount):
    """What is read back is what was there, to the last digit."""
    assert Decimal(str(cells.plain(amount))) == amount


@given(st.lists(st.tuples(st.none() | TEXTS, TEXTS), min_size=1))
def test_csv_is_read_back_as_it_was(rows):
    """By a reader of RFC 4180; null and the empty text differ in the line itself."""
    written = "".join(cells.csv_line(row) for row in rows)
    assert list(csv.reader(io.StringIO(written, newline=""))) == [["" if c is None else c for c in row] for row in rows]
    assert cells.csv_line([None, ""]) == ',""\n'


@given(TEXTS)
def test_no_text_is_a_formula_for_a_spreadsheet(text):
    """With the option, no cell begins with what a spreadsheet would calculate."""
    ((cell,),) = csv.reader(io.StringIO(cells.csv_line([text], spreadsheet=True), newline=""))
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text.removeprefix("'")


def test_without_the_option_texts_stand_as_they_are():
    """Control; and a negative number is no formula with it."""
    assert cells.csv_line(["=1+1"]) == "=1+1\n"
    assert cells.csv_line([Decimal("-5.5"), -3, "=1+1"], spreadsheet=True) == "-5.5,-3,'=1+1\n"


def test_columns_of_one_name_are_told_apart():
    """No value is lost because two columns have one name."""
    table = pa.table([[1], [2], [3]], names=["n", "n", "n_2"])
    assert list(cells.documents(table)) == [{"n": 1, "n_2": 2, "n_2_2": 3}]
