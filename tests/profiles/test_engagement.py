"""The strategy `latest_engagement`: the address that somebody used last, not the one that was stated last."""

from __future__ import annotations

import msgspec
import pytest
from tests import workbench
from tests.profiles.events import event

from onefold import bootstrap, config
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier, Member
from onefold.profiles import answer, state
from onefold.profiles.profile import Described, view
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import Survivorship

SETTINGS = ProfileSettings(survivorship={"email": Survivorship("latest_engagement")})
HOME, WORK, OLD = "ann@home.test", "ann@work.test", "old@home.test"


def carrying(number, at_us, address, name="Email Opened"):
    return event(number, at_us, name=name, source="mailer", identifiers=(Identifier("email", address),))


STATED = [
    event(1, 1, kind="record", source="crm", traits={"email": HOME}),
    event(2, 9, kind="record", source="shop", traits={"email": OLD}),
]


def shown(*nodes, settings=SETTINGS):
    """The attribute as the profile of a person of these nodes answers it."""
    states = []
    for events in nodes:
        total = state.empty()
        for one in events:
            state.fold(total, one, settings)
        states.append(state.decode(state.encode(total)))
    named = [
        Described(Member(b"%016d" % n, "crm_id", 1, b"p" * 16, b"c" * 16), str(n), one) for n, one in enumerate(states)
    ]
    return answer.as_result(view(b"p" * 16, named, settings, 100, {})).attributes["email"]


def values(attribute):
    return [attribute.value, *(other.value for other in attribute.others)]


def test_the_address_that_was_used_last_is_shown_and_the_others_are_kept():
    """An address in use goes before one that was stated later; without any use the latest statement stands."""
    found = shown([*STATED, carrying(3, 4, WORK), carrying(4, 5, HOME)])
    assert values(found) == [HOME, WORK, OLD, HOME]
    assert (found.rule, found.used, found.source) == ("latest_engagement", True, "mailer")
    assert [other.used for other in found.others] == [True, msgspec.UNSET, msgspec.UNSET]
    assert values(shown(STATED)) == [OLD, HOME]
    assert shown(STATED).used is msgspec.UNSET
    # Control: by the latest statement it is another.
    assert values(shown([*STATED, carrying(3, 4, WORK)], settings=ProfileSettings())) == [OLD, HOME]


@pytest.mark.parametrize(
    "name", ["Email Opened", "Email Link Clicked", "Subscribed", "Order Completed", "Donation Completed"]
)
def test_what_people_answer_with_and_buy_with_is_in_use(name):
    """By the built-in list, and by whatever is a purchase."""
    assert values(shown([*STATED, carrying(3, 4, WORK, name)]))[0] == WORK


def test_what_is_only_sent_to_somebody_is_not_a_use():
    """A delivery, or a bounce, does not say that anybody reads there."""
    for name in ("Email Delivered", "Email Bounced", "Email Marked as Spam", "Email Unsubscribed"):
        assert values(shown([*STATED, carrying(3, 4, WORK, name)])) == [OLD, HOME]


def test_an_address_that_identity_refuses_is_not_in_use():
    """`none@none.com` in an opened e-mail is nobody's address."""
    odd = Identifier("email", "none@none.com")
    _, findings = workbench.context().hasher.name((odd,), IdentitySettings())
    assert findings
    refused = msgspec.structs.replace(carrying(3, 4, odd.value), findings=findings)
    assert values(shown([*STATED, refused])) == [OLD, HOME]


def test_a_merge_shows_the_use_of_another_identifier_and_a_split_takes_it_back():
    """The use is at the address's own identifier, the statements are at the contact of the CRM."""
    used = [carrying(3, 4, HOME)]
    assert values(shown(STATED, used))[0] == values(shown(used, STATED))[0] == HOME
    assert values(shown(STATED)) == [OLD, HOME]


def test_a_clear_leaves_what_was_stated_after_it():
    """The use before it goes, and the statement after it stands although the same source used the value."""
    stated = event(3, 6, source="mailer", traits={"email": WORK})
    cleared = event(4, 5, source="mailer", cleared=("email",))
    found = shown([carrying(1, 2, WORK), stated, cleared])
    assert (values(found), found.used) == ([WORK], msgspec.UNSET)


def test_a_statement_does_not_end_a_use():
    """Stated by the same source before or after, the value is in use since it was used, in any order of arrival."""
    for at_us in (1, 9):
        stated = event(2, at_us, source="mailer", traits={"email": WORK})
        for some in ([carrying(1, 5, WORK), stated], [stated, carrying(1, 5, WORK)]):
            found = shown([STATED[1], *some])
            assert (values(found), found.used) == ([WORK, OLD], True)


def test_which_events_count_is_configured(tmp_path):
    """`engagement` takes the place of the built-in list; the preset asks for uses of the e-mail address."""
    bootstrap.init(tmp_path, "shop")
    said = "survivorship: {preset: contact, engagement: [Newsletter Read]}\n"
    (tmp_path / "profile.yaml").write_text(said)
    settings = config.settings(config.read_project(tmp_path)).profiles
    assert settings.rule_for("email").strategy == "latest_engagement"
    assert values(shown([*STATED, carrying(3, 4, WORK, "Newsletter Read")], settings=settings))[0] == WORK
    assert values(shown([*STATED, carrying(3, 4, WORK)], settings=settings))[0] == OLD
    assert values(shown([*STATED, carrying(3, 4, WORK, "Order Completed")], settings=settings))[0] == WORK
