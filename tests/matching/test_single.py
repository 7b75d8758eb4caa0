"""Levels of a single pair in plain Python are those that DuckDB finds; so are the distances."""

import collections
import itertools
import random

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
    """But for the last bit, which machines round differently."""
    for name in NAMES:
        ours = [getattr(distances, name)(one, other) for one, other in itertools.pairwise(texts)]
        theirs = db.execute(f"SELECT {name}(unnest(?), unnest(?))", [texts[:-1], texts[1:]]).fetchall()
        assert ours == pytest.approx([number for (number,) in theirs], rel=1e-12, abs=0)


def levels(data, count=3_000):
    """Levels of pairs, by the database and one by one."""
    fields = bootstrap.matching.guess_fields(data, {}, ("cluster",))
    read = records.read(data, fields, None)
    compared = comparisons.of_fields(read.fields)
    chosen = pairs.random_pairs(read.count, count, np.empty(0, np.int64))
    with pairs.engine(read, compared, memory_mb=256) as engine:
        found = engine.compare(chosen)
    table_ = pairs.as_table(read, compared)
    loaded = [tuple(row.values()) for row in table_.to_pylist()]
    function = single.function(compared, {name: place for place, name in enumerate(table_.column_names)})
    ours = [list(function(loaded[pair // read.count], loaded[pair % read.count])) for pair in chosen.tolist()]
    return found.patterns[found.pattern].tolist(), ours


def test_levels_are_those_of_the_database():
    """Of people with slips and gaps, whichever way the levels are found."""
    by_database, ours = levels(table(rows(people=70)))
    assert ours == by_database
    assert len({tuple(each) for each in ours}) > 60


def test_another_distance_is_noticed(monkeypatch):
    """Control: were edits counted without exchanges, levels would differ."""
    monkeypatch.setitem(single._FUNCTIONS, "damerau_levenshtein", lambda one, other: (one != other) * 2)
    by_database, ours = levels(table(rows(people=70)))
    assert ours != by_database


def test_each_kind_of_field_can_be_compared_one_by_one():
    """No comparison uses SQL that has no Python."""
    kinds = [kind for kind in records.parts_of if kind not in ("source", "record_id", "ignored", "full_name")]
    made = comparisons.of_fields([comparisons.Field(kind, kind) for kind in kinds])
    assert len(made) == len(kinds)
    names = itertools.count()
    places = collections.defaultdict(lambda: next(names))
    nobody = (None,) * 200
    assert single.function(made, places)(nobody, nobody) == (0,) * len(made)
    assert len(places) < len(nobody)


def at_the_bounds():
    """Records of which some are as similar in a name as the number says from which a level holds."""
    draw, names = random.Random(5), []
    while len(names) < 80:
        one = "".join(draw.choice("abcdefg") for _ in range(draw.randint(4, 10)))
        other = "".join(sign for sign in one if draw.random() < 0.8) or one
        similarity = distances.jaro_winkler_similarity(one, other)
        if one != other and min(abs(similarity - bound) for bound in (0.82, 0.93)) < 1e-12:
            names += [one, other]
    return table(
        [{"id": str(n), "cluster": str(n), "first_name": name, "last_name": f"x{n}"} for n, name in enumerate(names)]
    )


def test_a_similarity_at_a_bound_is_the_same_level(monkeypatch):
    """However the last bit is rounded; control: a number less by the trillionth part would be another level."""
    by_database, ours = levels(at_the_bounds())
    assert ours == by_database
    whole = distances.jaro_winkler_similarity
    monkeypatch.setitem(
        single._FUNCTIONS, "jaro_winkler_similarity", lambda one, other: whole(one, other) * (1 - 1e-12)
    )
    by_database, ours = levels(at_the_bounds())
    assert ours != by_database
