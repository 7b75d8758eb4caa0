"""Golden items: what the judge makes of each SDK's wire form."""

import json

import msgspec
import pytest
from tests.ingest.sdk import (
    HAPPENED_US,
    POSTHOG_BROWSER,
    POSTHOG_PYTHON,
    RECEIVED,
    RUDDER_BROWSER,
    RUDDER_NODE,
    RUDDER_PYTHON,
    SEGMENT_BROWSER,
    SEGMENT_NODE,
    SEGMENT_PYTHON,
    named,
    verdict,
    verdicts,
)

from onefold.ingest.gate import deduplication_key
from onefold.model import Accepted, Finding, Rejected, Suppressed


def events(body, **options):
    found = verdicts(body, **options)
    assert all(isinstance(v, Accepted) for v in found), found
    return [v.event for v in found]


def one(item, **options):
    said = verdict(json.dumps(item).encode(), **options)
    assert isinstance(said, Accepted), said
    return said.event


def test_segment_python():
    """Null ids are absent, nulls leave the traits, and times without milliseconds' zone are read."""
    order, ann = events(SEGMENT_PYTHON)
    assert named(order) == [("user_id", "u-1")]
    assert (order.kind, order.name, order.original_name, order.message_id) == (
        "track",
        "Order Completed",
        None,
        "9c2a3f6e-0001",
    )
    assert order.properties["revenue"] == 12.5
    assert order.timestamp_us == HAPPENED_US
    assert (order.skew_ms, order.findings) == (None, ())
    assert named(ann) == [("user_id", "u-1"), ("email", "ann@mail.example")]
    assert ann.traits == {"email": "ann@mail.example", "born": "1980-02-03T00:00:00"}
    assert (ann.kind, ann.name) == ("identify", "Identify")


def test_segment_node():
    """A page call is named Page Viewed; its own name and category are properties."""
    (page,) = events(SEGMENT_NODE)
    assert (page.kind, page.name) == ("page", "Page Viewed")
    assert page.properties == {"name": "Home", "category": "Docs", "url": "https://shop.example/"}
    assert named(page) == [("anonymous_id", "a-9")]


def test_segment_browser():
    """A single-letter route brings one object, without a batch around it."""
    (video,) = events(SEGMENT_BROWSER, default_type="track")
    assert named(video) == [("user_id", "u-1"), ("anonymous_id", "a-1")]
    assert video.context["campaign"] == {"source": "mail"}
    assert video.timestamp_us == HAPPENED_US


def test_rudder_python():
    """Traits that sit in the context only are the person's traits, and do not stay in the context."""
    (ann,) = events(RUDDER_PYTHON)
    assert ann.traits == {"email": "ann@mail.example", "plan": "pro"}
    assert "traits" not in ann.context
    assert named(ann) == [("user_id", "u-1"), ("email", "ann@mail.example")]
    assert ann.timestamp_us == HAPPENED_US


def test_rudder_node():
    """With both times stated, the supplied timestamp stands as it is."""
    (imported,) = events(RUDDER_NODE)
    assert imported.timestamp_us == 1_748_736_000_000_000
    assert imported.skew_ms is None


def test_rudder_browser():
    """A blank userId is absent, and originalTimestamp alone is the time."""
    (ann,) = events(RUDDER_BROWSER, default_type="identify")
    assert named(ann) == [("anonymous_id", "rl-anon-1"), ("email", "ann@mail.example")]
    assert ann.timestamp_us == HAPPENED_US


def test_posthog_python():
    """`$set` and `$set_once` are kept apart; an alias names both; a group of nobody is left out."""
    signed, alias, group = verdicts(POSTHOG_PYTHON, shape="posthog")
    assert named(signed.event) == [("user_id", "u-1"), ("email", "ann@mail.example")]
    assert signed.event.traits == {"email": "ann@mail.example"}
    assert signed.event.traits_once == {"email": "first@mail.example", "joined": "2026"}
    assert signed.event.properties == {"plan": "pro"}
    assert signed.event.context == {"library": {"name": "posthog-python", "version": "7.91.1"}, "ip": "203.0.113.9"}
    assert (signed.event.message_id, signed.event.timestamp_us) == ("0b0e5c9a-1", HAPPENED_US)
    assert (alias.event.kind, alias.event.findings) == ("alias", (Finding("merge_requested", "/properties/alias"),))
    assert set(named(alias.event)) == {(t, i) for t in ("user_id", "anonymous_id") for i in ("u-1", "anon-1")}
    assert group == Suppressed("group_without_person")


def test_posthog_browser():
    """An unidentified distinct id is anonymous, `$identify` joins it to the user, and `offset` tells the time."""
    view, identify = events(POSTHOG_BROWSER, shape="posthog")
    anonymous = ("anonymous_id", "01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f")
    assert (view.kind, view.name, named(view)) == ("page", "Page Viewed", [anonymous])
    assert view.context["page"] == {"url": "https://shop.example/"}
    assert view.context["campaign"] == {"source": "mail"}
    assert view.timestamp_us == HAPPENED_US
    assert (identify.kind, named(identify)) == (
        "identify",
        [("user_id", "u-1"), anonymous, ("email", "ann@mail.example")],
    )


@pytest.mark.parametrize(
    ("properties", "type_"),
    [
        ({"$lib": "posthog-node"}, "user_id"),
        ({"$lib": "web"}, "anonymous_id"),
        ({"$lib": "web", "$is_identified": True}, "user_id"),
        ({"$process_person_profile": False}, "anonymous_id"),
        ({"$device_id": "01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f"}, "anonymous_id"),
    ],
)
def test_posthog_distinct_ids(properties, type_):
    """Whether a distinct id is a person or a browser follows what the SDK says of it."""
    item = {"event": "x", "distinct_id": "01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f", "properties": properties}
    assert named(one(item, shape="posthog"))[0][0] == type_


def test_posthog_device_beside_a_person():
    """A device id that is not the anonymous id itself is a device."""
    item = {"event": "x", "distinct_id": "u", "properties": {"$device_id": "d"}}
    assert named(one(item, shape="posthog")) == [("user_id", "u"), ("device_id", "d")]


@pytest.mark.parametrize(
    ("field", "value"), [("event", 5), ("properties", [1]), ("distinct_id", [1]), ("$set", "x"), ("uuid", [])]
)
def test_posthog_wrong_types(field, value):
    """A PostHog field of the wrong type rejects, and absent fields do not."""
    item = {"event": "x", "distinct_id": "u", "uuid": "1"}
    said = verdict(json.dumps(item | {field: value}).encode(), shape="posthog")
    absent = value == []
    assert isinstance(said, Accepted if absent else Rejected)
    assert absent or said.reason == "wrong_type"


def test_record():
    """A row of a file states identifiers of any type, and is a record with a name of its own."""
    row = one(
        {
            "type": "record",
            "event": "Donation Completed",
            "messageId": "row-1",
            "timestamp": "1998-03-04",
            "identifiers": [{"type": "crm_id", "value": "0042"}, {"type": "external_id", "value": 7}],
            "traits": {"first_name": "Ann"},
            "properties": {"amount": 25},
            "context": {"file": "gifts.csv", "line": 3, "consent": {"categoryPreferences": {"email": False}}},
        },
        shape="record",
    )
    assert (row.kind, row.name) == ("record", "Donation Completed")
    assert named(row) == [("crm_id", "0042"), ("user_id", "7")]
    assert [(c.purpose, c.granted) for c in row.consents] == [("email", False)]
    assert row.timestamp_us == 888_969_600_000_000


def test_record_without_type_or_name():
    """The shape implies the type."""
    row = one({"identifiers": [{"type": "email", "value": "a@b.example"}]}, shape="record")
    assert (row.kind, row.name, row.timestamp_us) == ("record", "Record", RECEIVED)


def test_stratum_names():
    """Stratum's field and event names are read, and the name as sent is kept."""
    event = one(
        {
            "type": "track",
            "event_name": "Purchase",
            "event_time": "2026-01-01T00:00:01.250Z",
            "idempotency_key": "k-1",
            "identifiers": [{"type": "email", "value": "a@b.example"}],
        }
    )
    assert (event.name, event.original_name, event.message_id) == ("Order Completed", "Purchase", "k-1")
    assert event.timestamp_us == HAPPENED_US


def test_mobile_identifiers():
    """Device, advertising, push, analytics and external ids are found where mobile SDKs put them."""
    context = {
        "device": {"id": "D1", "type": "ios", "advertisingId": "IDFA", "adTrackingEnabled": True, "token": "T"},
        "integrations": {"Google Analytics": {"clientId": "GA1"}},
        "externalIds": [
            {"id": "x1", "type": "loyalty_id", "collection": "users", "encoding": "none"},
            {"id": "x2", "type": "account_id", "collection": "accounts", "encoding": "none"},
        ],
    }
    event = one({"type": "screen", "name": "Home", "anonymousId": "a", "context": context})
    assert named(event) == [
        ("anonymous_id", "a"),
        ("device_id", "D1"),
        ("ios.idfa", "IDFA"),
        ("ios.push_token", "T"),
        ("ga_client_id", "GA1"),
        ("loyalty_id", "x1"),
    ]
    assert event.findings == (Finding("identifier_ignored"),)


def test_advertising_id_without_permission():
    """Who switched tracking off has no advertising id for us."""
    device = {"type": "android", "advertisingId": "AAID", "adTrackingEnabled": False}
    event = one({"type": "track", "event": "x", "userId": "u", "context": {"device": device}})
    assert named(event) == [("user_id", "u")]


def test_group_traits_are_not_the_persons():
    """The e-mail of a company is not the e-mail of whoever belongs to it."""
    item = {"type": "group", "userId": "u", "groupId": "acme", "traits": {"email": "office@acme.example"}}
    event = one(item)
    assert named(event) == [("user_id", "u")]
    assert event.traits == {}
    assert event.properties == {"groupId": "acme", "traits": {"email": "office@acme.example"}}


def test_alias():
    """An alias names the user and what they were before."""
    assert named(one({"type": "alias", "userId": "u", "previousId": "anon"})) == [
        ("user_id", "u"),
        ("user_id", "anon"),
        ("anonymous_id", "anon"),
    ]
    browser = {"type": "alias", "userId": "u", "previousId": "b", "anonymousId": "b"}
    assert named(one(browser)) == [("user_id", "u"), ("anonymous_id", "b")]


def test_identifiers_from_properties_phone_and_numbers():
    """E-mail and phone in properties of a known event identify; numbers are text; repeats and blanks are left out."""
    item = {
        "type": "track",
        "event": "Signed Up",
        "userId": 12.0,
        "anonymousId": " ",
        "properties": {"email": "a@b.example", "phone": 15551234567},
        "traits": {"email": "a@b.example", "phone": ["no"]},
    }
    event = one(item)
    assert named(event) == [("user_id", "12"), ("email", "a@b.example"), ("phone", "15551234567")]
    assert event.findings == (Finding("identifier_ignored"),)


def test_request_context_applies_to_each_item():
    """The batch's context lies under each item's, and what the edge saw under both."""
    body = b"""{"context":{"ip":"root","app":{"name":"A"}},"integrations":{"All":true},"batch":[
     {"type":"track","event":"x","userId":"u","context":{"ip":"item"}},{"event":"y","userId":"u"}]}"""
    first, second = events(body, default_type="track", context={"gpc": True, "ip": "edge"})
    assert first.context == {"gpc": True, "ip": "item", "app": {"name": "A"}}
    assert second.context == {"gpc": True, "ip": "root", "app": {"name": "A"}}
    assert second.kind == "track"
    assert [(c.purpose, c.granted) for c in second.consents] == [("ads", False)]


def test_php_empty_maps():
    """PHP writes an empty map as an empty list."""
    assert (
        one({"type": "track", "event": "x", "userId": "u", "properties": [], "traits": [], "context": []}).name == "x"
    )


def test_ids_are_stable_and_apart():
    """Equal source and message id are one event; another source or message id is another; without one it is derived."""
    item = b'{"type":"track","event":"x","userId":"u","messageId":"m"}'
    bare = b'{"type":"track","event":"x","userId":"u"}'
    first = verdict(item).event
    assert verdict(item + b" ", index=3).event.id == first.id
    assert verdict(item, source="app").event.id != first.id
    assert deduplication_key("web", "1m") != deduplication_key("web1", "m")
    assert len(first.id) == 16
    assert verdict(bare).event == verdict(bare).event
    assert verdict(bare).event.id != verdict(bare, index=1).event.id
    assert verdict(bare).event.message_id.startswith("derived-")


def test_request_part_is_decoded_once_and_never_changed():
    """Items of one request share its context; judging one does not change what the next one sees."""
    shared = msgspec.json.encode({"context": {"traits": {"email": "a@b.example"}}, "type": "identify"})
    first = verdict(b'{"userId":"u","traits":{"consent":{"email":true}}}', shared=shared)
    second = verdict(b'{"userId":"v"}', shared=shared)
    assert first.event.traits == second.event.traits == {"email": "a@b.example"}


def test_events_are_written_as_messagepack_and_json():
    """What is accepted can be stored: no value is beyond what encoders take."""
    (event, _) = events(SEGMENT_PYTHON)
    assert msgspec.msgpack.encode(event)
    assert msgspec.json.encode(event)


def test_nothing_personal_in_representations():
    """A verdict can be logged."""
    said = verdict(b'{"type":"identify","userId":"ann-secret","traits":{"email":"ann@mail.example"}}')
    assert "ann" not in repr(said)


@pytest.mark.parametrize(
    ("shape", "item", "code"),
    [
        ("segment", {"type": "track", "event": "x", "userId": "u", **{f"f{n}": 1 for n in range(6)}}, "more_findings"),
        ("posthog", {"event": "x", "distinct_id": "u", **{f"f{n}": 1 for n in range(6)}}, "more_findings"),
        ("mixpanel", {"$distinct_id": "u", "$set": {}, **{f"f{n}": 1 for n in range(6)}}, "more_findings"),
        ("amplitude", {"event_type": "x", "user_id": "u", **{f"f{n}": 1 for n in range(6)}}, "more_findings"),
        ("segment", {"type": "track", "event": "x", "userId": "u", "properties": {"n": [2**70] * 11}}, "more_findings"),
        ("mixpanel", {"event": "$merge", "properties": {"$distinct_ids": [f"i{n}" for n in range(21)]}}, "list_cut"),
        ("amplitude", {"event_type": "x", "user_id": "u", "groups": {"t": [f"g{n}" for n in range(21)]}}, "list_cut"),
    ],
)  # fmt: skip
def test_what_is_beyond_a_limit_of_one_event_is_told(shape, item, code):
    """Once, however much there is of it; one fewer is not told."""
    assert [f.code for f in one(item, shape=shape).findings].count(code) == 1
    shorter = json.loads(json.dumps(item).replace('"f5": 1', '"event_name": "x"').replace(f"{2**70}, ", "", 1))
    for listed in (shorter.get("properties", {}).get("$distinct_ids"), shorter.get("groups", {}).get("t")):
        if listed:
            listed.pop()
    if "event_name" not in shorter or shape == "segment":
        assert code not in [f.code for f in one(shorter, shape=shape).findings]
