"""Limits for ever and in sliding windows, for a group and for a join."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.identity import constraints
from onefold.identity.constraints import absorb, obstacle, sighting, unique_obstacle, violation
from onefold.identity.settings import IdentitySettings, IdentityType
from onefold.model import Member

RULES = IdentitySettings(
    types={
        kind.name: kind
        for kind in (
            IdentityType("user_id", 100, limit=1),
            IdentityType("donor_id", 90, unique=True),
            IdentityType("email", 80, limit=2),
            IdentityType("cookie", 10, limit=2, window_us=10),
            IdentityType("crm_id", 60),
        )
    }
)


def group(**times):
    """Members by type, one for each first sighting; a number alone stands for one."""
    listed = {kind: [seen] if isinstance(seen, int) else seen for kind, seen in times.items()}
    made = [(kind, seen) for kind, all_seen in listed.items() for seen in all_seen]
    return [Member(bytes([n]) * 16, kind, seen, b"", b"") for n, (kind, seen) in enumerate(made)]


def sightings(members):
    total = {}
    for m in members:
        absorb(total, sighting(m, RULES))
    return total


@pytest.mark.parametrize(
    ("members", "broken"),
    [
        (group(), None),
        (group(user_id=1, email=[1, 2], crm_id=range(50)), None),
        (group(user_id=[1, 2]), "user_id"),
        (group(donor_id=[1, 2]), "donor_id"),
        (group(email=[1, 2, 3], user_id=[1, 2]), "user_id"),
        (group(cookie=[0, 5, 10]), None),
        (group(cookie=[0, 5, 9]), "cookie"),
        (group(cookie=[9, 30, 0, 5]), "cookie"),
        (group(cookie=range(0, 100, 5)), None),
        (group(unheard_of=range(5)), None),
        (group(unheard_of=range(6)), "unheard_of"),
    ],
)
def test_violation_names_the_strongest_broken_limit(members, broken):
    """A window is as long as stated, its end outside; several broken limits show as the strongest type."""
    assert violation(members, RULES) == broken


def test_a_join_counts_only_what_both_sides_bring():
    """Two user ids on one side, joined by a person's word, stand in nobody's way but a third one's."""
    judged = sightings(group(user_id=[1, 2]))
    assert obstacle(judged, sightings(group(email=1)), RULES) is None
    assert obstacle(judged, sightings(group(user_id=3)), RULES) == "user_id"


def test_a_window_must_hold_both_sides():
    """A crowded week on one side does not keep out a cookie of another year."""
    crowded = sightings(group(cookie=[0, 1, 2, 3]))
    assert obstacle(crowded, sightings(group(cookie=100)), RULES) is None
    assert obstacle(crowded, sightings(group(cookie=9)), RULES) == "cookie"
    assert obstacle(crowded, sightings(group(cookie=11)), RULES) == "cookie"
    assert obstacle(crowded, sightings(group(cookie=12)), RULES) is None


def test_unique_types_are_all_that_a_judgement_cannot_join():
    """Two donor ids never join; two user ids may, if a person says so."""
    assert unique_obstacle(sightings(group(donor_id=1)), sightings(group(donor_id=2)), RULES) == "donor_id"
    assert unique_obstacle(sightings(group(user_id=1)), sightings(group(user_id=2)), RULES) is None


_groups = st.dictionaries(
    st.sampled_from(["user_id", "email", "cookie", "crm_id"]), st.lists(st.integers(0, 40), min_size=1, max_size=6)
)


def disagrees(one, other):
    """Whether the quick look at a join differs from looking at the whole; both sides must be fine by themselves."""
    one, other = group(**one), group(**other)
    if violation(one, RULES) or violation(other, RULES):
        return False
    return obstacle(sightings(one), sightings(other), RULES) != violation([*one, *other], RULES)


@given(_groups, _groups)
def test_a_join_may_stand_exactly_when_the_whole_keeps_the_limits(one, other):
    """For two sides that keep the limits, the look at the join says what a look at the whole would."""
    assert not disagrees(one, other)


def test_a_look_too_near_is_found(monkeypatch):
    """The negative control: a window cut short by one lets a join through that the law refuses."""
    exact = constraints._join_exceeds
    monkeypatch.setattr(constraints, "_join_exceeds", lambda a, b, *rest: len(a) + len(b) > 3 and exact(a, b, *rest))
    assert disagrees({"cookie": [0, 5]}, {"cookie": [9]})


@given(_groups, _groups)
def test_limits_are_upper_bounds(one, other):
    """Whatever a part breaks, the whole breaks too."""
    if violation(group(**one), RULES):
        assert violation([*group(**one), *group(**other)], RULES)
