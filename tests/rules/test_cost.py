"""What a rule takes, and what personal data it reads, is told before it is used."""

from __future__ import annotations

import pytest

from onefold.profiles.lifecycle import FIELDS
from onefold.rules import Aggregate, Derived, RuleError, Window, bind, cost, parse
from onefold.rules.time import DAY_US
from onefold.warehouse.people import reads


@pytest.mark.parametrize(
    ("text", "kind", "aggregates", "conditions"),
    [
        ("attr.country = 'US' and has_email", "stateless", 0, 0),
        ("count('Gift') > 1 or count('Gift') = 0", "incremental", 1, 0),
        ("sum('Gift'.amount where fund = 'A') > 1 and exists('Visit')", "incremental", 2, 1),
        ("count('Gift' within 30 days) > 1", "windowed", 1, 0),
        ("days_since(last_active) > 90", "windowed", 0, 0),
        ("exists('A' then not 'B' within 7 days)", "windowed", 1, 1),
        ("exists('A' then 'B' within 7 days)", "incremental", 1, 1),
        ("trait.recent > 1", "windowed", 1, 0),
        ("rfm.givers.segment = 'Champions' and count('Gift' within 30 days) > 1", "population", 1, 0),
    ],
)
def test_what_a_rule_takes(text, kind, aggregates, conditions):
    """By what its answer depends on."""
    recent = Aggregate("count", "Gift", within=Window(30, DAY_US))
    fields = {**FIELDS, "trait.recent": recent, "rfm.givers.segment": Derived("text")}
    found = cost(bind(parse(text), fields))
    assert (found.kind, found.aggregates, found.conditions) == (kind, aggregates, conditions)
    assert found.latency


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("purchases > 1", {"golden.profile.purchases": "none"}),
        ("attr.country = 'US'", {"golden.profile.attributes": "personal"}),
        ("has_user_id", {"golden.identity.type": "none"}),
        ("consent.email", {"golden.profile.consents": "none"}),
        ("count('A') > 1", dict.fromkeys(
            ["golden.engagement_event.person", "golden.engagement_event.name", "golden.engagement_event.event_at"], "none")),
        ("count('A' where event.source = 'web' and a = 1) > 1", {
            "golden.engagement_event.person": "none", "golden.engagement_event.name": "none",
            "golden.engagement_event.event_at": "none", "golden.engagement_event.source": "none",
            "golden.engagement_event.properties": "personal"}),
    ],
)  # fmt: skip
def test_the_columns_that_a_rule_reads_are_told_with_their_class(text, columns):
    """So that whoever may not see them can be told."""
    assert reads(parse(text)) == columns


def test_a_field_that_is_not_there_is_refused():
    """With the nearest that is."""
    with pytest.raises(RuleError, match="did you mean `purchases`"):
        reads(parse("purchase > 1"))
