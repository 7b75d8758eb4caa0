"""A column that is said to be something is that and nothing else, and every other column is what it was."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import assignment, guess, mapping, mapping_yaml
from onefold.connectors.sources.assignment import assigned, uses
from onefold.connectors.sources.plan import plain_name
from onefold.model.column_change import ColumnChange

NAMES = (
    "Customer ID",
    "Email",
    "First Name",
    "Amount",
    "Order Date",
    "Opt In",
    "Notes",
    "Spouse Email",
    "Status",
    "Größe",
)
CELLS = {
    "Customer ID": "17", "Email": "ann@example.org", "First Name": "Ann", "Amount": "12.50", "Order Date": "2026-03-04",
    "Opt In": "yes", "Notes": "tall", "Spouse Email": "bob@example.org", "Status": "paid", "Größe": "1",
}  # fmt: skip
HEADERS = (
    NAMES,
    NAMES[:3],
    ("Email", "Amount", "Order Date", "Status"),
    ("Spouse Email", "Customer ID", "Notes"),
    ("Notes",),
)
headers = st.sampled_from(HEADERS)
kinds = st.sampled_from(["identifier", "trait", "property", "consent", "time", "id", "none"])


@st.composite
def changes(draw, header):
    column = draw(st.sampled_from(header))
    return ColumnChange(column, draw(kinds), draw(st.sampled_from(("one", "two", "three", ""))))


def told(plan, header):
    return {column: {(use.kind, use.name) for use in those} for column, those in uses(plan, header).items()}


@cache
def guessed(header):
    return guess.guess(header, [[CELLS[name] for name in header]] * 4).mapping


def holds(header, several):
    """Change after change; what each column is afterwards, by the mapping as text, is what the last change of it said."""
    plan = guessed(header)
    for one in several:
        before = told(plan, header)
        plan = mapping.read(mapping_yaml.to_yaml(assigned(plan, header, one)))
        name = {"time": "", "id": one.column}.get(one.kind, one.name or one.column)
        after = told(plan, header)
        assert after[one.column] == (set() if one.kind == "none" else {(one.kind, name)})
        for column in header:
            if column != one.column:
                # There is one time only, and of unmapped columns one of each name.
                assert after[column] == before[column] - ({("time", "")} if one.kind == "time" else set()), column


@st.composite
def files(draw):
    header = draw(headers)
    return header, draw(st.lists(changes(header), max_size=4))


@settings(max_examples=30)
@given(files())
def test_a_column_is_what_was_said(file):
    holds(*file)


def test_one_that_stays_where_it_stood_is_found(monkeypatch):
    """Control: where a column is not taken out of where it stood, it is two things."""
    monkeypatch.setattr(assignment, "_without", lambda statement, *_: statement)
    with pytest.raises(AssertionError):
        holds(("Customer ID", "Email"), [ColumnChange("Email", "trait", "address")])


def test_a_name_that_nothing_has_is_made_of_the_column():
    """What is not mapped is a trait under a plain name, and is told so."""
    plan = guess.guess(("Email", "Shoe Size"), [["ann@example.org", "39"]] * 4).mapping
    assert told(plan, ("Email", "Shoe Size"))["Shoe Size"] == {("trait", plain_name("Shoe Size"))}
