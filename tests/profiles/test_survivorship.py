"""Survivorship: which value a profile shows."""

from __future__ import annotations

from onefold import bootstrap
from onefold.profiles.survivorship import Candidate, Survivorship, filled, identity, ranked, storable, united


def best(candidates, rule):
    return ranked(candidates, rule)[0].value


OLD_CRM = Candidate("Anna-Maria", "crm", 1, b"a")
MID_SHOP = Candidate("Ann", "shop", 5, b"b")
NEW_WEB = Candidate("A", "web", 9, b"c")
ALL = [OLD_CRM, MID_SHOP, NEW_WEB]


def test_most_recent():
    """The latest event time wins, not the latest arrival."""
    assert best(ALL, Survivorship()) == best(ALL[::-1], Survivorship()) == "A"


def test_source_rank():
    """The best source wins however old; sources that are not listed come last, by time."""
    rule = Survivorship("source_rank", ("crm", "shop"))
    assert [c.source for c in ranked(ALL, rule)] == ["crm", "shop", "web"]
    assert best([MID_SHOP, NEW_WEB], Survivorship("source_rank", ("crm",))) == "A"


def test_longest():
    """The most characters win."""
    assert best(ALL, Survivorship("longest")) == "Anna-Maria"


def test_most_frequent_counts_over_all_sources():
    """Two sources that agree outvote one that repeats itself less often."""
    rule = Survivorship("most_frequent")
    votes = [Candidate("x", "crm", 1, b"a", 2), Candidate("x", "web", 2, b"b", 2), Candidate("y", "shop", 9, b"c", 3)]
    assert best(votes, rule) == "x"


def test_most_complete():
    """The value with the most filled parts wins."""
    full, part = {"street": "Elm", "city": "Oslo"}, {"street": "", "city": "Oslo", "zip": None}
    assert (filled(full), filled(storable(part)), filled("text")) == (2, 1, 1)
    assert (
        best(
            [Candidate(full, "crm", 1, b"a"), Candidate(storable(part), "web", 9, b"b")], Survivorship("most_complete")
        )
        == full
    )


def test_ties_go_to_the_later_event_then_the_greater_id():
    """The order is total."""
    one, other = Candidate("x", "crm", 5, b"a"), Candidate("y", "crm", 5, b"b")
    assert best([one, other], Survivorship()) == best([other, one], Survivorship()) == "y"


def test_values_of_different_types_are_different_values():
    """1, 1.0, true and "1" do not become one candidate."""
    stated = [Candidate(v, "web", n, bytes([n])) for n, v in enumerate([1, 1.0, True, "1"])]
    assert len(united([], stated, Survivorship(), 9, "name")) == len({identity(c.value) for c in stated}) == 4


def test_the_order_of_keys_does_not_make_another_value():
    """Objects are the same whatever the order of their members."""
    assert identity({"a": 1, "b": 2}) == identity({"b": 2, "a": 1})


def test_a_value_stated_again_keeps_its_latest_statement():
    """And is one candidate."""
    again = united([OLD_CRM], [Candidate("Anna-Maria", "crm", 7, b"z")], Survivorship(), 4, "name")
    assert [(c.at_us, c.event) for c in again] == [(7, b"z")]


def test_mobile_first():
    """A mobile number before one that may be one, and that before a landline, however late they were stated."""
    mobile, either, landline = "+447911123456", "+13125550142", "+442079460000"
    stated = [
        Candidate(mobile, "crm", 1, b"a"),
        Candidate(either, "web", 5, b"b"),
        Candidate(landline, "web", 9, b"c"),
        Candidate("5550142", "web", 3, b"d"),
    ]
    for order in (stated, stated[::-1]):
        assert [c.value for c in ranked(order, Survivorship("mobile_first"))] == [mobile, either, "5550142", landline]


def test_a_preset_is_a_strategy_a_field(tmp_path):
    """What a field states itself goes before it."""
    bootstrap.init(tmp_path, "shop")
    (tmp_path / "profile.yaml").write_text("survivorship: {preset: contact, fields: {email: source_rank}}\n")
    with bootstrap.opened(tmp_path, None) as workspace:
        rules = workspace.context.profiles
        found = {name: rules.rule_for(name).strategy for name in ("last_name", "phone", "email", "postal_code", "plan")}
    assert found == {
        "last_name": "longest",
        "phone": "mobile_first",
        "email": "source_rank",
        "postal_code": "most_recent",
        "plan": "most_recent",
    }
