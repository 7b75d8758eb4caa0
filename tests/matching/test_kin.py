"""People of one family stay apart by what is their own, given name or date of birth, where a table is full of families."""

import pytest
from tests.matching.people import kin, table

from onefold import bootstrap
from onefold.matching import learning
from onefold.matching.settings import MatchSettings


def accuracy(relation):
    """How well homes of this relation are told apart."""
    made = kin(relation)
    matched = bootstrap.match_table(table(made), MatchSettings(), ignored=("cluster",))
    return matched.accuracy([record["cluster"] for record in made])


@pytest.mark.parametrize("relation", ["twins", "namesakes", "spouses"])
def test_relatives_stay_apart(relation):
    """Twins by their given names, father and son of one name by their dates of birth, spouses of one mailbox by both."""
    found = accuracy(relation)
    assert found.precision > 0.95
    assert found.recall > 0.9
    assert found.largest <= 6


@pytest.mark.parametrize(
    ("relation", "forgotten", "otherwise"),
    [("twins", "_TWINS_MAX", learning._TWINS), ("namesakes", "_DATES_DIFFER_MAX", 1.0)],
)
def test_relatives_are_joined_by_a_model_that_does_not_expect_them(monkeypatch, relation, forgotten, otherwise):
    """Control: where relatives are never more alike than usual, or dates differ at will, families become people."""
    monkeypatch.setattr(learning, forgotten, otherwise)
    assert accuracy(relation).precision < 0.9
