"""Who is found by a text: those in whose values each word is, and nobody by the names of attributes."""

import json

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.warehouse import glance

WORDS = st.text("aAb%_'\"\\é", max_size=3)


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as made:
        made.execute("CREATE SCHEMA golden")
        made.execute(
            "CREATE TABLE golden.profile (person BIGINT, attributes TEXT, identifiers TEXT, last_seen_at TIMESTAMP)"
        )
        yield made


def found(database, people, text, skip=0):
    database.execute("DELETE FROM golden.profile")
    for number, (attributes, identifiers) in enumerate(people):
        listed = None if identifiers is None else [{"type": "b", "value": one, "node": "a"} for one in identifiers]
        row = [number, *(None if one is None else json.dumps(one) for one in (attributes, listed))]
        database.execute("INSERT INTO golden.profile VALUES (?, ?, ?, TIMESTAMP '2026-01-01')", row)
    return [one for (one,) in database.execute(glance.people(text, skip).sql("duckdb")).fetchall()]


@settings(max_examples=60)
@given(
    people=st.lists(
        st.tuples(
            st.none() | st.dictionaries(st.sampled_from(["first", "bab"]), WORDS, max_size=2),
            st.none() | st.lists(WORDS, max_size=2),
        ),
        max_size=3,
    ),
    words=st.lists(WORDS, max_size=2),
)
def test_people_are_found_by_words_in_their_values(database, people, words):
    """Each word, in whichever case; the name of an attribute finds nobody, and what is hidden (null) is not found."""
    text = " ".join(words)
    wanted = [
        number
        for number, (attributes, identifiers) in enumerate(people)
        if all(
            any(word in one.lower() for one in [*(attributes or {}).values(), *(identifiers or [])])
            for word in text.lower().split()
        )
    ]
    assert found(database, people, text) == wanted
    assert found(database, people, text, skip=1) == wanted[1:]
