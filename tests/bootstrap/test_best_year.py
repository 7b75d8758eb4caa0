"""The best year of givers, a model of the template for donors, over gifts that tie and have several currencies."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files

import duckdb
import pytest

GIFTS = [
    ("ann", "USD", "2023-12-31 23:59:59", "60"), ("ann", "USD", "2024-01-01 00:00:00", "50"),
    ("ann", "USD", "2024-06-01 00:00:00", "50"), ("ann", "USD", "2025-06-01 00:00:00", "100"),
    ("ann", "EUR", "2022-06-01 00:00:00", "5"), ("bob", "USD", "2021-06-01 00:00:00", None),
    ("bob", "USD", "2022-06-01 00:00:00", "1"),
]  # fmt: skip
EXPECTED = [
    ("ann", "EUR", 2022, Decimal(5), 1), ("ann", "USD", 2024, Decimal(100), 2), ("bob", "USD", 2022, Decimal(1), 1),
]  # fmt: skip


def answer(change=lambda text: text):
    """The rows of the model, with its text changed."""
    text = (files("onefold.config") / "templates/media/models/best_year.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE marts.gifts (constituent_id TEXT, currency TEXT, given_at TIMESTAMP, amount DECIMAL(18, 2))"
        )
        connection.executemany("INSERT INTO marts.gifts VALUES (?, ?, ?, ?)", GIFTS)
        return connection.execute(change(text) + "ORDER BY ALL").fetchall()


def test_the_best_year_is_the_one_with_most_the_first_of_equal_ones():
    """Gifts of a year are added up, and those of other currencies or without an amount are not."""
    assert answer() == EXPECTED


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("y.best_year_giving DESC, y.best_year", "y.best_year_giving DESC, y.best_year DESC"),
     ("sum(g.amount)", "max(g.amount)"), ("PARTITION BY y.constituent_id, y.currency", "PARTITION BY y.constituent_id")],
    ids=["the last of equal ones", "the largest gift", "one currency a giver"],
)  # fmt: skip
def test_another_model_is_found(right, wrong):
    """Control: the comparison is red for each of these."""
    assert answer(lambda text: text.replace(right, wrong)) != EXPECTED
