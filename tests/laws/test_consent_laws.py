"""A denial stays with everybody it ever applied to: whatever is learned about others, only a yes turns a no into a yes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.plain import profiles

from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.reading import profiles as reading
from onefold.pipelines.stream import process

USERS = ("u1", "u2", "u3", "u4")
EMAILS = tuple(f"p{n}@mail.example" for n in range(2))
_NAMES = st.fixed_dictionaries(
    {},
    optional={
        "userId": st.sampled_from(USERS),
        "anonymousId": st.sampled_from([f"cookie-{n}" for n in range(3)]),
        "email": st.sampled_from(EMAILS),
    },
).filter(bool)
_EVENTS = st.tuples(
    _NAMES, st.sampled_from(["Story Read", "Story Read", "Subscribed", "Unsubscribed"]), st.integers(0, 30)
)
_SPLITS = st.tuples(
    st.sampled_from(["different", "withdrawn", "same", "shared", "not_shared"]),
    st.sampled_from(USERS),
    st.sampled_from(EMAILS),
)
_STEPS = st.lists(_EVENTS | _EVENTS | _EVENTS | _SPLITS, min_size=3, max_size=14)


def consent_of(context: Context, user: str) -> bool | None:
    """Whether the person of a user id allows e-mail; None when nobody spoke of it or the id was never seen."""
    found = profiles.profile(context, Identifier("user_id", user))
    said = (found or {}).get("consent", {}).get("email")
    return None if said is None else bool(said["granted"])


def no_yes_out_of_nothing(steps: list[Any]) -> None:
    """Take the steps one by one; whoever turns from no to yes must have said so, or the address that had said no."""
    context = workbench.context()
    before: dict[str, bool | None] = dict.fromkeys(USERS)
    for number, step in enumerate(steps):
        names: dict[str, str] = {}
        grants = False
        if isinstance(step[0], dict):
            names, event, at = step
            grants = event == "Subscribed"
            body = {"type": "track", "event": event, "messageId": f"m{number}", "timestamp": workbench.iso(at * 60_000)}
            traits = {"email": names["email"]} if "email" in names else {}
            stated = {key: names[key] for key in ("userId", "anonymousId") if key in names}
            context.log.append([workbench.entry(body | stated | {"context": {"traits": traits}}, index=number)])
        else:
            verdict, user, email = step
            pair = None if verdict in {"shared", "not_shared"} else Identifier("user_id", user)
            judgements.say(context, verdict, Identifier("email", email), pair, by="test")
        process.drain(context)
        for user in USERS:
            after = consent_of(context, user)
            if before[user] is False and after is True:
                assert grants, f"step {number} grants nothing, and {user} turned from no to yes"
                # Another's yes may speak of the very address that had said no; it then names it.
                mine = names.get("userId", user) == user or "email" in names
                assert mine, f"step {number} is another's yes, and {user} turned"
            before[user] = after


@settings(max_examples=200, deadline=None)
@given(_STEPS)
def test_only_a_yes_turns_a_no_into_a_yes(steps: list[Any]) -> None:
    """Random statements, sharing, merges, splits, withdrawals and late arrivals."""
    no_yes_out_of_nothing(steps)


def said(event: str, at: int, **names: str) -> tuple[dict[str, str], str, int]:
    return names, event, at


SHARED_LATER = [
    said("Subscribed", 1, userId="u1", email=EMAILS[0]),
    said("Unsubscribed", 2, email=EMAILS[0]),
    said("Story Read", 3, userId="u2", email=EMAILS[0]),
    said("Story Read", 4, userId="u3", email=EMAILS[0]),
]
TAKEN_BY_AN_EARLIER_EVENT = [*SHARED_LATER[:2], said("Story Read", 0, userId="u2", email=EMAILS[0])]
THROUGH_ONE_BETWEEN = [
    said("Unsubscribed", 1, anonymousId="cookie-0"),
    said("Story Read", 2, anonymousId="cookie-0", email=EMAILS[0]),
    said("Subscribed", 3, userId="u1", email=EMAILS[0]),
    *SHARED_LATER[2:],
]
SPLIT_BY_A_STEWARD = [*SHARED_LATER[:2], ("different", "u1", EMAILS[0])]

GIVEN_TO_ANOTHER = [
    said("Subscribed", 0, userId="u1"),
    said("Unsubscribed", 1, userId="u3", email=EMAILS[0]),
    ("same", "u1", EMAILS[0]),
    said("Subscribed", 3, userId="u3"),
]


def test_anothers_yes_does_not_take_back_what_they_said_of_an_address_that_is_not_theirs_any_more():
    """A steward gives the address to somebody else; who unsubscribed it then subscribes without naming it."""
    no_yes_out_of_nothing(GIVEN_TO_ANOTHER)


@pytest.mark.parametrize("steps", [SHARED_LATER, TAKEN_BY_AN_EARLIER_EVENT, THROUGH_ONE_BETWEEN, SPLIT_BY_A_STEWARD])
def test_the_ways_in_which_it_was_lost(steps, monkeypatch):
    """Each keeps the no; and with the person's own nodes alone, as a naive reader would have it, each loses it."""
    no_yes_out_of_nothing(steps)
    monkeypatch.setattr(reading, "spoken_beside", lambda *_: [])
    with pytest.raises(AssertionError, match="grants nothing"):
        no_yes_out_of_nothing(steps)


def test_subscribing_again_with_the_address_lifts_its_no():
    """The later statement about the same address counts; one about another address does not."""
    for email, granted in ((EMAILS[0], True), (EMAILS[1], False)):
        context = workbench.context()
        for number, (names, event, at) in enumerate(
            [*SHARED_LATER[:2], said("Subscribed", 9, userId="u1", email=email)]
        ):
            body = {"type": "track", "event": event, "messageId": f"m{number}", "timestamp": workbench.iso(at * 60_000)}
            traits = {"context": {"traits": {"email": names["email"]}}}
            user = {"userId": names["userId"]} if "userId" in names else {}
            context.log.append([workbench.entry(body | traits | user, index=number)])
        process.drain(context)
        assert consent_of(context, "u1") is granted
