"""An e-mail or phone among an event's properties is the sender's only where the event, or the project, says so."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench
from tests.plain import profiles

from onefold.ingest.events import ALIASES, PROPERTY_IDENTIFIERS
from onefold.ingest.gate import check
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Finding, Identifier, LogEntry, Rejected
from onefold.pipelines.stream import process

EMAIL, PHONE = Identifier("email", "friend@two.example"), Identifier("phone", "+12025550143")
STATED = {"email": EMAIL.value, "phone": PHONE.value}


def segment(name, properties, **more):
    return workbench.entry({"type": "track", "event": name, "userId": "ann", "properties": properties} | more)


def posthog(name, properties, **_):
    body = {"event": name, "distinct_id": "ann", "properties": properties}
    return LogEntry("posthog", "web", workbench.NOW_US, 0, msgspec.json.encode(body))


def amplitude(name, properties, **_):
    body = {"event_type": name, "user_id": "ann", "event_properties": properties}
    return LogEntry("amplitude", "web", workbench.NOW_US, 0, msgspec.json.encode(body))


def mixpanel(name, properties, **_):
    body = {"event": name, "properties": {"$user_id": "ann"} | properties}
    return LogEntry("mixpanel", "web", workbench.NOW_US, 0, msgspec.json.encode(body))


dialects = pytest.mark.parametrize("dialect", [segment, posthog, amplitude, mixpanel])
names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12).filter(
    lambda name: name not in PROPERTY_IDENTIFIERS and ALIASES.get(name) not in PROPERTY_IDENTIFIERS
)


@dialects
@given(name=names | st.sampled_from(["Invite Sent", "Gift Card Purchased", "Email Forwarded", "Guest Added"]))
def test_it_names_nobody_elsewhere_and_is_told(dialect, name):
    """The property stays; a finding says where it stands."""
    event = check(dialect(name, STATED), IngestSettings()).event
    assert not {EMAIL, PHONE} & set(event.identifiers)
    assert event.properties["email"] == EMAIL.value
    told = {finding.where.rpartition("/")[2] for finding in event.findings if finding.code == "contact_of_event"}
    assert told == {"email", "phone"}


@dialects
@pytest.mark.parametrize("name", PROPERTY_IDENTIFIERS)
def test_it_names_the_sender_of_the_specifications_own_events(dialect, name):
    """Of the types that the event is known to state of its sender, and of no other."""
    event = check(dialect(name, STATED), IngestSettings()).event
    for identifier in (EMAIL, PHONE):
        assert (identifier in event.identifiers) == (identifier.type in PROPERTY_IDENTIFIERS[name])


def test_a_project_says_of_its_own_events():
    """By the name as sent or the canonical one; an empty list takes a built-in one back."""
    settings = IngestSettings(
        property_identifiers={"Petition Signed": ("email",), "Order Completed": (), "purchase": ("phone",)}
    )
    found = {
        name: {i.type for i in check(segment(name, STATED), settings).event.identifiers}
        for name in ("Petition Signed", "Order Completed", "purchase", "Subscribed")
    }
    assert found == {
        "Petition Signed": {"user_id", "email"},
        "Order Completed": {"user_id"},
        "purchase": {"user_id", "phone"},
        "Subscribed": {"user_id", "email", "phone"},
    }


def test_what_is_stated_of_the_person_besides_is_theirs():
    """The same address among the traits needs no rule, and gives no finding."""
    said = segment("Invite Sent", {"email": EMAIL.value}, context={"traits": {"email": EMAIL.value}})
    event = check(said, IngestSettings()).event
    assert EMAIL in event.identifiers
    assert Finding("contact_of_event", "/properties/email") not in event.findings


def test_an_event_with_nothing_else_waits_for_a_rule():
    """It is a dead letter that says what to do; under the rule the same entry is an event."""
    entry = workbench.entry({"type": "track", "event": "Petition Signed", "properties": STATED})
    verdict = check(entry, IngestSettings())
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, "property_identifiers" in verdict.detail) == ("no_identifier", True)
    assert isinstance(check(entry, IngestSettings(property_identifiers={"Petition Signed": ("email",)})), Accepted)


def test_an_invited_friend_keeps_their_own_address():
    """Case 06 of the field: the inviter does not become the friend."""
    context = workbench.context()
    context.log.append(
        [
            workbench.entry(
                {"type": "identify", "userId": "inviter", "messageId": "1", "traits": {"email": "i@one.example"}}
            ),
            workbench.entry(
                {"type": "track", "event": "Invite Sent", "userId": "inviter", "messageId": "2", "properties": STATED}
            ),
            workbench.entry(
                {"type": "identify", "userId": "friend", "messageId": "3", "traits": {"email": EMAIL.value}}
            ),
        ]
    )
    process.drain(context)
    friend = profiles.profile(context, EMAIL)
    assert [i["value"] for i in friend["identifiers"] if i["type"] == "user_id"] == ["friend"]
