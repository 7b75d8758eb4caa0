"""What somebody said of a project's records teaches the model of its next run."""

import msgspec
import pytest
from tests.matching.people import rows

from onefold.matching.settings import MatchSettings
from onefold.pipelines.matching import scoring
from onefold.pipelines.matching.records import COLUMNS, Sources

KEY = b"k" * 32
KINDS = {"first_name": "given_name", "last_name": "family_name", "dob": "birth_date"}


@pytest.fixture(scope="module")
def sources():
    read = [{KINDS.get(name, name): value for name, value in row.items()} for row in rows(people=60, seed=3)]
    cells = [{kind: row[kind] for kind in COLUMNS if row.get(kind)} for row in read]
    return Sources({number.to_bytes(16, "big"): each for number, each in enumerate(cells)}, {})


def test_decisions_teach_the_next_run(sources):
    """Pairs whose family names are nearly equal: said to be one person, others like them score more; two people, less."""
    records = list(sources.records.items())
    slipped = [
        (a, b)
        for n, (a, one) in enumerate(records)
        for b, other in records[n + 1 : n + 3]
        if one["birth_date"] == other["birth_date"] and one["family_name"] != other["family_name"]
    ]
    assert len(slipped) > 16
    said, others = slipped[:12], set(slipped[12:])

    def score(**decided):
        known = scoring.learn(msgspec.structs.replace(sources, **decided), MatchSettings(), KEY)
        found = scoring.score(sources, known, MatchSettings())
        return sum(pair.score for pair in found.pairs if (pair.a, pair.b) in others), known.trained.version()

    nothing, same, different = score(), score(same=tuple(said)), score(different=tuple(said))
    assert same[0] > nothing[0] > different[0]
    assert len({version for _, version in (nothing, same, different)}) == 3, "each is a model of its own"
