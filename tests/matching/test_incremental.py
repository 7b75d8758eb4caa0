"""A run over what is new or changed tells what a run over all records by the same model would, whatever is new."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matching.people import rows

from onefold.matching.settings import MatchSettings
from onefold.pipelines.matching import scoring
from onefold.pipelines.matching.records import COLUMNS, Sources

KEY = b"k" * 32
SETTINGS = MatchSettings()
COUNT = 120
KINDS = {"first_name": "given_name", "last_name": "family_name", "dob": "birth_date"}


def node(number):
    return number.to_bytes(16, "big")


@pytest.fixture(scope="module")
def known():
    """All records, and a model of them."""
    read = [{KINDS.get(name, name): value for name, value in row.items()} for row in rows(people=COUNT // 3, seed=5)]
    cells = [{kind: row[kind] for kind in COLUMNS if row.get(kind)} for row in read]
    records = {node(number): each for number, each in enumerate(cells)}
    return records, scoring.learn(Sources(records, {}), SETTINGS, KEY)


def told(found):
    return {(pair.a, pair.b): pair.score for pair in found.pairs}


@settings(max_examples=5)
@given(st.sets(st.integers(0, COUNT - 1)), st.sets(st.integers(0, COUNT - 1), max_size=20))
def test_what_is_told_is_what_all_records_at_once_would_tell(known, new, changed):
    """Some records come, others said something else before; each pair has one score in the end, by whichever way."""
    records, model = known
    earlier = {
        each: {**cells, "given_name": "Nobody"} if number in changed else cells
        for number, (each, cells) in enumerate(records.items())
        if number not in new
    }
    before = scoring.score(Sources(earlier, {}), model, SETTINGS)
    whole = scoring.score(Sources(records, {}), model, SETTINGS)
    later = scoring.score(
        Sources(records, {}),
        model,
        SETTINGS,
        stored=told(before),
        changed=[each for each, cells in records.items() if earlier.get(each) != cells],
    )
    assert told(later) == told(whole)
    assert later.model == whole.model
    assert len(told(whole)) > COUNT / 3
