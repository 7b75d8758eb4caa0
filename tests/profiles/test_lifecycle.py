"""Lifecycle rules that cannot be used are refused when they are read, and the stage is named."""

from __future__ import annotations

import pytest

from onefold.profiles.lifecycle import Stage, compiled
from onefold.profiles.settings import ProfileSettings
from onefold.rules import RuleError


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("purchase >= 1", "Stage `donor`: There is no field `purchase`; did you mean `purchases`?"),
        ("purchases", "Stage `donor`: its rule gives a number"),
        ("purchases >=", "Stage `donor`: The rule cannot be read"),
        ("purchases > 'many'", "Stage `donor`: A number and a text cannot be compared"),
    ],
)
def test_a_rule_that_cannot_be_used_names_its_stage(rule, says):
    """And says what to write instead."""
    with pytest.raises(RuleError) as caught:
        ProfileSettings(stages=(Stage("donor", rule),))
    assert says in str(caught.value)


def test_two_stages_of_one_name_are_refused():
    """Nobody could tell who is in which."""
    with pytest.raises(RuleError, match="same name"):
        compiled((Stage("a", "true"), Stage("a", "true")))


def test_a_rule_about_what_nobody_keeps_is_refused():
    """Rather than to read as if it had never happened."""
    with pytest.raises(RuleError, match="can ask only for"):
        ProfileSettings(stages=(Stage("active", "count('Order Completed' within 30 days) > 1"),))
