"""Rules in English."""

from __future__ import annotations

import pytest

from onefold.rules import explain, from_json, parse


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("purchases >= 1 and days_since(last_active) > 90",
         "purchases is at least 1 and days since last active is more than 90"),
        ("(a or b) and not c", "(a or b) and not c"),
        ("attr.country in ('US', 'CA')", "country is one of “US”, “CA”"),
        ("attr.country not in ('US')", "country is none of “US”"),
        ("attr.email is not null", "email is known"),
        ("events('Application Submitted') between 1 and 3", "number of “Application Submitted” events is between 1 and 3"),
        ("revenue / 2 > 1.5", "(revenue divided by 2) is more than 1.5"),
        ("coalesce(a, 0) = 0", "the first known of a, 0 is 0"),
        ("a like 'x%' or a is null", "a looks like “x%” or a is not known"),
    ],
)  # fmt: skip
def test_a_rule_reads_as_a_sentence(rule, sentence):
    """Connectives inside connectives keep their brackets."""
    assert explain(parse(rule)) == sentence


def test_a_comparison_with_a_moment_speaks_of_time():
    """Before and after, not less and more."""
    condition = {"field": "signup", "operator": "before", "value": "2024-01-01"}
    assert explain(from_json({"conditions": [condition]})) == "signup is before 2024-01-01"
