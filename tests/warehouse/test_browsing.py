"""Rows of a relation: which they are is what Python finds among them, and a mask cannot be filtered around."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.errors import UsageError
from onefold.model import Column, Relation
from onefold.warehouse.browsing import Browse, rows
from onefold.warehouse.masking import Role, masked

PEOPLE = Relation(
    "golden",
    "somebody",
    (Column("id", "bigint"), Column("name", "text"), Column("mail", "text", "identifier")),
    "table",
    key=("id",),
)
TEXTS = st.text("aAb%_'x", max_size=4) | st.none()


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as made:
        made.execute("CREATE SCHEMA golden")
        made.execute('CREATE TABLE golden.somebody ("id" BIGINT, "name" TEXT, "mail" TEXT)')
        yield made


def found(database, people, query):
    database.execute("DELETE FROM golden.somebody")
    if people:
        database.executemany("INSERT INTO golden.somebody VALUES (?, ?, ?)", people)
    return database.execute(query.sql("duckdb")).fetchall()


@settings(max_examples=60)
@given(
    people=st.lists(st.tuples(TEXTS, TEXTS), max_size=6),
    contains=st.text("aB%_'x", max_size=2),
    column=st.sampled_from([None, "name", "mail"]),
    skip=st.integers(0, 3),
)
def test_rows_are_those_that_contain_the_text(database, people, contains, column, skip):
    """In any column or in one, in whichever case; no letter of the text means anything else. Pages follow the key."""
    people = [(number, *texts) for number, texts in enumerate(people)]
    at = {None: (0, 1, 2), "name": (1,), "mail": (2,)}[column]
    wanted = [one for one in people if any(contains.lower() in str(one[n]).lower() for n in at if one[n] is not None)]
    wanted = wanted if contains else people
    assert found(database, people, rows(PEOPLE, Browse(contains, column, skip=skip))) == wanted[skip:]


def test_null_is_last_in_both_orders(database):
    """Whether the largest come first or last."""
    people = [(1, None, "x"), (2, "b", "x"), (3, "a", "x")]
    assert [one[0] for one in found(database, people, rows(PEOPLE, Browse(sort="name")))] == [3, 2, 1]
    assert [one[0] for one in found(database, people, rows(PEOPLE, Browse(sort="name", descending=True)))] == [2, 3, 1]


@pytest.mark.parametrize(("mask", "seen"), [("show", "ann@x.test"), ("shorten", "a***@x.test"), ("hide", None)])
def test_a_filter_compares_what_the_role_sees(database, mask, seen):
    """What is masked is not found by what it hides; the control sees it."""
    people = [(1, "Ann", "ann@x.test")]
    role = Role({"personal": "show", "identifier": mask})
    relations = {PEOPLE.full_name: PEOPLE}
    for text, column in (("ann@", "mail"), ("ann@", None)):
        query = masked(rows(PEOPLE, Browse(text, column)), relations, {}, role)
        assert found(database, people, query) == ([(1, "Ann", "ann@x.test")] if mask == "show" else [])
    assert found(database, people, masked(rows(PEOPLE, Browse()), relations, {}, role)) == [(1, "Ann", seen)]


def test_a_column_that_is_not_there_is_told():
    """With the nearest."""
    for browse in (Browse("x", "nam"), Browse(sort="nam")):
        with pytest.raises(UsageError, match="has no column `nam`; did you mean `name`"):
            rows(PEOPLE, browse)
