"""Lifecycle rules that cannot be used are refused when they are read, and the stage is named."""

from __future__ import annotations

import pytest
from tests.profiles.events import DAY_US, event

from onefold.model import Member
from onefold.profiles import state
from onefold.profiles.computed.trait import Trait
from onefold.profiles.lifecycle import Stage, compiled
from onefold.profiles.profile import view
from onefold.profiles.settings import ProfileSettings
from onefold.rules import Aggregate, RuleError, Window


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


def test_stages_follow_windows_and_traits():
    """A rule about a window, by a trait's name or written out, holds until its day is over, and says until when."""
    recent = Aggregate("count", "Order Completed", within=Window(30, DAY_US))
    stages = (
        Stage("known", "true"),
        Stage("active", "trait.orders_30d >= 2"),
        Stage("loyal", "count('Order Completed' within 30 days) >= 3"),
    )
    settings = ProfileSettings(stages=stages, traits=(Trait("orders_30d", recent),))
    nodes = []
    for number, day in enumerate((100, 110, 120)):
        held = state.lift(event(number, day * DAY_US + 5, name="Order Completed"), settings)
        member = Member(bytes([number] * 16), "user_id", 0, bytes(16), bytes(16))
        nodes.append((member, f"u{number}", held))

    def stage(day):
        found = view(bytes(16), nodes, settings, day * DAY_US + 7, {})
        return found.stage, found.stage_changes_us, found.traits["orders_30d"].value

    assert stage(130) == ("loyal", 131 * DAY_US, 3)
    assert stage(131) == ("active", 141 * DAY_US, 2)
    assert stage(141) == ("known", None, 1)


def test_a_trait_that_is_not_there_is_refused():
    """With the nearest that is."""
    trait = Trait("gifts", Aggregate("count", "Gift"))
    with pytest.raises(RuleError, match=r"no field `trait.gift`; did you mean `trait.gifts`"):
        ProfileSettings(stages=(Stage("donor", "trait.gift >= 1"),), traits=(trait,))
