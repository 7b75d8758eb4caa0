"""Proposed checks hold of what they were proposed for, say nothing of people, and are read back from their file."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given, settings
from tests.governance.checks.tables import RELATIONS, THING_RELATION, database, query
from tests.governance.checks.test_differential import ROWS

from onefold.config.check_text import check_text
from onefold.config.checks import read_checks
from onefold.governance import checks
from onefold.governance.checks.definition import OneOf, TypeIs, kind_name
from onefold.governance.checks.proposing import propose

AT_US = 1_790_000_000_000_000


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_what_is_proposed_holds(rows):
    """Of the very rows that were profiled."""
    with database(rows, []) as connection:
        found = propose(query(connection), THING_RELATION, AT_US)
        assert bool(found) == bool(rows)
        report = checks.run(found, query(connection), run_id="r", at_us=AT_US, relations=RELATIONS)
    assert [r.check for r in report.results if r.status != "passed"] == []


@settings(max_examples=40, deadline=None)
@given(ROWS.filter(bool))
def test_the_file_says_what_was_proposed(tmp_path_factory, rows):
    """Written and read again it is the same."""
    with database(rows, []) as connection:
        found = propose(query(connection), THING_RELATION, AT_US)
    folder = tmp_path_factory.mktemp("project")
    (folder / "checks").mkdir()
    (folder / "checks" / "thing.yaml").write_text(check_text("temp.thing", found))
    problems = []
    again = read_checks(folder, problems)
    assert problems == []
    assert [(c.name, kind_name(c.kind), c.severity, checks.sentence(c)) for c in again] == [
        (c.name, kind_name(c.kind), c.severity, checks.sentence(c)) for c in found
    ]


def test_what_is_of_people_is_not_shown():
    """`plan` holds nothing of people and gets its set; `text` is personal and gets none, only its form."""
    row = {
        "amount": Decimal(1),
        "n": 1,
        "flag": True,
        "day": dt.date(2026, 1, 1),
        "at": dt.datetime(2026, 9, 1, tzinfo=dt.UTC),
    }
    for text, form in (("12", TypeIs("text", "integer")), ("Ann", None)):
        rows = [{"id": n, "text": text, "plan": "pro", **row} for n in range(30)]
        with database(rows, []) as connection:
            found = {check.name: check.kind for check in propose(query(connection), THING_RELATION, AT_US)}
        assert found["plan_set"] == OneOf("plan", ("pro",))
        assert found.get("text_type") == form
        assert "text_set" not in found


@pytest.mark.parametrize("name", ["id_unique", "steady", "at_fresh", "amount_bounds", "always_there"])
def test_each_sort_of_check_is_proposed(name):
    """Where there is reason to."""
    row = {"text": None, "plan": "pro", "amount": Decimal(1), "n": 1, "flag": True, "day": dt.date(2026, 1, 1),
           "at": dt.datetime(2026, 9, 1, tzinfo=dt.UTC)}  # fmt: skip
    with database([{"id": n, **row} for n in range(30)], []) as connection:
        assert name in {check.name for check in propose(query(connection), THING_RELATION, AT_US)}
