"""Suites of Great Expectations: what is written is read again, and what the other side lacks is told by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from onefold.governance import checks
from onefold.governance.checks import Check, Tolerance
from onefold.governance.checks.definition import (
    Completeness,
    Distribution,
    Freshness,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    TypeIs,
    Unique,
    Volume,
)
from onefold.governance.checks.expectations import read_suite, suite
from onefold.governance.checks.forms import FORMS
from onefold.rules import parse


def check(name, kind, **more):
    return Check(relation="a.b", name=name, kind=kind, **more)


SAYABLE = [
    check("a", NotNull(("x",)), tolerance=Tolerance(share=Decimal("0.25")), owner="Ann"),
    check("b", Unique(("x",)), severity="warn"),
    check("c", Unique(("x", "y"))),
    check("d", Range("x", Decimal("0.5"), None)),
    check("e", OneOf("x", ("pro", Decimal(3)))),
    check("f", Pattern("x", "^a")),
    check("g", RowCount(1, 20, None)),
    check("h", Distribution("x", "mean", low=Decimal(1), high=Decimal("2.5"))),
]


def test_what_is_written_is_read_again():
    """Kind, name, owner, severity and tolerance."""
    document, left_out = suite("a.b", SAYABLE)
    again, unread = read_suite(document, "a.b")
    assert (left_out, unread) == ([], [])
    assert again == SAYABLE


def test_types_become_forms_and_columns_part():
    """Said otherwise, but alike."""
    document, left_out = suite("a.b", [check("t", TypeIs("x", "date")), check("n", NotNull(("x", "y")))])
    again, _ = read_suite(document, "a.b")
    assert left_out == []
    assert [c.kind for c in again] == [Pattern("x", FORMS["date"]), NotNull(("x",)), NotNull(("y",))]
    assert [c.name for c in again] == ["t", "n", "n_2"]


@pytest.mark.parametrize(
    ("kind", "more", "word"),
    [
        (Reference(("x",), "c.d", ("x",)), {}, "reference"),
        (Completeness(("x",), Decimal(1)), {}, "completeness"),
        (Rule("x > 1", parse("x > 1")), {}, "rule"),
        (Freshness("x", 1), {}, "freshness"),
        (Volume("x", Decimal(5), 56), {}, "volume"),
        (RowCount(None, None, Decimal("0.2")), {}, "row_count"),
        (Distribution("x", "psi", high=Decimal(1)), {}, "distribution"),
        (NotNull(("x",)), {"where": parse("x > 1")}, "where"),
        (NotNull(("x",)), {"tolerance": Tolerance(rows=2)}, "rows"),
        (NotNull(("x", "y")), {"tolerance": Tolerance(share=Decimal("0.1"))}, "not_null"),
    ],
)
def test_what_no_expectation_says_is_told(kind, more, word):
    """By the name of the check, and why."""
    document, (left_out,) = suite("a.b", [check("mine", kind, **more)])
    assert document["expectations"] == []
    assert left_out.name == "mine"
    assert word in left_out.why


BETWEEN, NOT_NULL = "expect_column_values_to_be_between", "expect_column_values_to_not_be_null"
COMPOUND = "expect_compound_columns_to_be_unique"


@pytest.mark.parametrize(
    ("kind", "kwargs", "word"),
    [
        ("expect_column_kl_divergence_to_be_less_than", {"column": "x"}, "no check asks"),
        (BETWEEN, {"column": "x", "min_value": 1, "strict_min": True}, "strict_min"),
        (BETWEEN, {"column": "x"}, "incomplete"),
        (NOT_NULL, {"column": "x", "row_condition": "y > 1"}, "row_condition"),
        (NOT_NULL, {"column": "x", "mostly": "most"}, "mostly"),
        ("expect_column_values_to_be_in_set", {"column": "x"}, "incomplete"),
        (COMPOUND, {"column_list": ["x"], "ignore_row_if": "never"}, "ignore_row_if"),
    ],
)
def test_what_no_check_says_is_told(kind, kwargs, word):
    """By the type of the expectation, and why; suites of version 0 as well."""
    expectation = {"type": kind, "kwargs": kwargs}
    old = {"expectation_type": expectation["type"], "kwargs": expectation["kwargs"]}
    for document in ({"expectations": [expectation]}, {"expectations": [old]}):
        found, (left_out,) = read_suite(document, "a.b")
        assert found == []
        assert left_out.name == expectation["type"]
        assert word in left_out.why


def test_a_sentence_says_what_was_read():
    """What comes from a suite is shown like any check."""
    expectation = {"type": BETWEEN, "kwargs": {"column": "x", "max_value": 7, "mostly": 0.95}}
    (found,), _ = read_suite({"expectations": [expectation]}, "a.b")
    assert checks.sentence(found) == "x at most 7; 5% may fail"
