"""Levels of a single pair in plain Python are those that DuckDB finds; so are the distances."""

import itertools

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.matching.people import rows, table

from onefold import bootstrap
from onefold.matching import comparisons, distances, pairs, records, single

NAMES = ("damerau_levenshtein", "jaro_similarity", "jaro_winkler_similarity")
TEXTS = st.lists(st.text("abcé", min_size=1, max_size=9), min_size=2, max_size=12)


@pytest.fixture(scope="module")
def db():
    """A database in memory."""
    with duckdb.connect(":memory:") as connection:
        yield connection


@given(texts=TEXTS)
def test_distances_are_those_of_the_database(db, texts):
    """To the last bit: a level begins at a number."""
    for name in NAMES:
        ours = [getattr(distances, name)(one, other) for one, other in itertools.pairwise(texts)]
        theirs = db.execute(f"SELECT {name}(unnest(?), unnest(?))", [texts[:-1], texts[1:]]).fetchall()
        assert ours == [number for (number,) in theirs]


def levels(data, count=3_000):
    """Levels of pairs, by the database and one by one."""
    fields = bootstrap.matching.guess_fields(data, {}, ("cluster",))
    read = records.read(data, fields, None)
    compared = comparisons.of_fields(read.fields)
    chosen = pairs.random_pairs(read.count, count, np.empty(0, np.int64))
    with pairs.engine(read, compared, memory_mb=256) as engine:
        found = engine.compare(chosen)
    loaded = pairs.as_table(read, compared).to_pylist()
    function = single.function(compared)
    ours = [function(loaded[pair // read.count], loaded[pair % read.count]) for pair in chosen.tolist()]
    return found.patterns[found.pattern].tolist(), ours


def test_levels_are_those_of_the_database():
    """Of people with slips and gaps, whichever way the levels are found."""
    by_database, ours = levels(table(rows(people=70)))
    assert ours == by_database
    assert len({tuple(each) for each in ours}) > 60


def test_another_distance_is_noticed(monkeypatch):
    """Control: were edits counted without exchanges, levels would differ."""
    monkeypatch.setitem(single._FUNCTIONS, "damerau_levenshtein", lambda one, other: float(one != other) * 2)
    by_database, ours = levels(table(rows(people=70)))
    assert ours != by_database


def test_each_kind_of_field_can_be_compared_one_by_one():
    """No comparison uses SQL that has no Python."""
    kinds = [kind for kind in records.parts_of if kind not in ("source", "record_id", "ignored", "full_name")]
    made = comparisons.of_fields([comparisons.Field(kind, kind) for kind in kinds])
    assert len(made) == len(kinds)
    single.function(made)
