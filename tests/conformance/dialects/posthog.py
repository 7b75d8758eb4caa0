"""Cases of the table of PostHog."""

import json
from urllib.parse import quote

from tests.conformance.dialects.speaker import FIRST, SECOND, row

POSTHOG = ("PostHog",)


@row("capture", "distinct_id", "timestamp", vendors=POSTHOG)
def _capture(s):
    s.posthog({"event": "Read", "distinct_id": s.id("u"), "properties": {"n": 1}})
    yield
    assert (s.event()["name"], s.event()["properties"]["n"]) == ("Read", 1)
    assert s.event()["timestamp"] == "2026-01-01T00:00:00.000Z"


@row("$pageview, $screen", vendors=POSTHOG)
def _pageview(s):
    s.posthog({"event": "$pageview", "distinct_id": s.id("u")}, {"event": "$screen", "distinct_id": s.id("v")})
    yield
    assert (s.event()["name"], s.event("v")["name"]) == ("Page Viewed", "Screen Viewed")


@row("$identify", vendors=POSTHOG)
def _ph_identify(s):
    s.posthog({"event": "$identify", "distinct_id": s.id("u"), "properties": {"$anon_distinct_id": s.id("a")}})
    yield
    assert s.ids() == {("user_id", s.id("u")), ("anonymous_id", s.id("a"))}


@row("$set (event)", "$set", vendors=POSTHOG)
def _set(s):
    s.posthog(
        {"event": "$set", "distinct_id": s.id("u"), "properties": {"$set": {"plan": "gold", "city": "Rome"}}},
        {"event": "x", "distinct_id": s.id("u"), "timestamp": SECOND, "properties": {"$set": {"city": None}}},
    )
    yield
    assert (s.shows("plan"), s.shows("city")) == ("gold", None)


@row("$create_alias", vendors=POSTHOG)
def _create_alias(s):
    for name in ("u", "v", "w", "x"):
        s.posthog({"event": "e", "distinct_id": s.id(name)})
    # The old id second, as posthog-node says it, and first, as posthog-python does.
    s.posthog(
        {"event": "$create_alias", "distinct_id": s.id("u"), "properties": {"alias": s.id("v")}},
        {"event": "$create_alias", "distinct_id": s.id("x"), "properties": {"alias": s.id("w")}},
    )
    yield
    for one, other in (("u", "v"), ("w", "x")):
        assert s.ids(one) == {("user_id", s.id(one)), ("user_id", s.id(other))}
    assert len(s.known("u")["identifiers"]) == 2


@row("$merge_dangerously", vendors=POSTHOG)
def _merge(s):
    s.posthog(
        {"event": "e", "distinct_id": s.id("u")},
        {"event": "e", "distinct_id": s.id("v")},
        {"event": "$merge_dangerously", "distinct_id": s.id("u"), "properties": {"alias": s.id("v")}},
    )
    yield
    assert s.ids() == {("user_id", s.id("u")), ("user_id", s.id("v"))}
    assert s.known("u")["counters"]["events"] == 3


@row("$groupidentify", vendors=POSTHOG)
def _group_identify(s):
    said = {"$group_type": "company", "$group_key": s.id("g"), "$group_set": {"size": 3}}
    s.posthog({"event": "$groupidentify", "distinct_id": s.id("u"), "properties": said})
    yield
    (group,) = s.known("u")["groups"]
    assert (group["type"], group["id"], group["traits"]) == ("company", s.id("g"), {"size": 3})


@row("$groupidentify without a person", vendors=POSTHOG)
def _group_of_nobody(s):
    said = {"$group_type": "company", "$group_key": s.id("g"), "$group_set": {"size": 3}}
    company = f"$company_{s.id('g')}"
    made_up = "0b0e5c9a-4f1e-4c3d-9e4f-5a6b7c8d9e0f"
    s.posthog(
        {"event": "$groupidentify", "distinct_id": company, "properties": said},
        {"event": "$groupidentify", "distinct_id": made_up, "properties": {"$lib": "posthog-python", **said}},
        {"event": "$groupidentify", "properties": said},
    )
    yield
    assert s.server.get(f"/api/v1/profiles/user_id:{quote(company)}")[0] == 404
    assert s.server.get(f"/api/v1/profiles/user_id:{made_up}")[0] == 404
    assert s.server.get(f"/api/v1/profiles/anonymous_id:{made_up}")[0] == 404


@row("$set_once", vendors=POSTHOG)
def _set_once(s):
    s.posthog(
        {"event": "x", "distinct_id": s.id("u"), "timestamp": SECOND, "properties": {"$set_once": {"site": "tv"}}},
        {"event": "x", "distinct_id": s.id("u"), "timestamp": FIRST, "properties": {"$set_once": {"site": "radio"}}},
        {"event": "x", "distinct_id": s.id("v"), "timestamp": FIRST, "$set_once": {"site": "tv"}},
        {"event": "x", "distinct_id": s.id("v"), "timestamp": SECOND, "$set": {"site": "web"}},
    )
    yield
    assert (s.shows("site"), s.shows("site", "v")) == ("radio", "web")
    assert s.known("u")["attributes"]["site"]["rule"] == "set_once"


@row("$unset", vendors=POSTHOG)
def _unset(s):
    s.posthog(
        {"event": "x", "distinct_id": s.id("u"), "timestamp": SECOND, "properties": {"$unset": ["plan"]}},
        {"event": "x", "distinct_id": s.id("u"), "timestamp": FIRST, "$set": {"plan": "gold", "city": "Rome"}},
    )
    yield
    assert (s.shows("plan"), s.shows("city")) == (None, "Rome")


@row("$groups", vendors=POSTHOG)
def _groups(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "properties": {"$groups": {"company": s.id("g")}}})
    yield
    assert [(g["type"], g["id"]) for g in s.known("u")["groups"]] == [("company", s.id("g"))]


@row("$device_id", "$user_id", vendors=POSTHOG)
def _ph_device(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "properties": {"$device_id": s.id("d"), "$user_id": s.id("u")}})
    yield
    assert s.ids() == {("user_id", s.id("u")), ("device_id", s.id("d"))}


@row("$is_identified, $process_person_profile", vendors=POSTHOG)
def _is_identified(s):
    s.posthog(
        {"event": "x", "distinct_id": s.id("a"), "properties": {"$is_identified": False}},
        {"event": "x", "distinct_id": s.id("b"), "properties": {"$process_person_profile": False}},
    )
    yield
    assert s.ids("a", "anonymous_id") == {("anonymous_id", s.id("a"))}
    assert s.ids("b", "anonymous_id") == {("anonymous_id", s.id("b"))}


@row("email, phone in $set", vendors=POSTHOG)
def _ph_contacts(s):
    s.posthog({"event": "$set", "distinct_id": s.id("u"), "$set": {"EMAIL": f"{s.id('u')}@mail.test"}})
    yield
    assert ("email", f"{s.id('u')}@mail.test") in s.ids()
    assert s.told("case_differs", "/properties/$set/EMAIL")


@row("uuid, $insert_id", vendors=POSTHOG)
def _uuid(s):
    for _ in range(2):
        s.posthog({"event": "x", "distinct_id": s.id("u"), "uuid": s.id("one")})
        s.posthog({"event": "x", "distinct_id": s.id("u"), "uuid": "", "properties": {"$insert_id": s.id("two")}})
    yield
    assert s.known("u")["counters"]["events"] == 2


@row("offset", vendors=POSTHOG)
def _offset(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "offset": 3_600_000, "timestamp": None})
    yield
    assert s.event()["timestamp"] < s.event()["received_at"]


@row("$ip, $current_url, $lib, utm_*, $os …", vendors=POSTHOG)
def _ph_context(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "properties": {"$ip": "203.0.113.9", "utm_source": "mail"}})
    yield
    assert s.event()["context"] == {"ip": "203.0.113.9", "campaign": {"source": "mail"}}


@row("$feature_flag_called, $autocapture, $pageleave and other $ events", vendors=POSTHOG)
def _dollar(s):
    s.posthog({"event": "$pageleave", "distinct_id": s.id("u")})
    yield
    assert s.event()["name"] == "$pageleave"


@row("historical_migration", vendors=POSTHOG)
def _migration(s):
    item = {"event": "x", "distinct_id": s.id("u"), "timestamp": "2020-01-01T00:00:00Z", "historical_migration": True}
    s.posthog(item)
    yield
    assert (s.event()["timestamp"], s.event()["findings"]) == ("2020-01-01T00:00:00.000Z", [])


@row("$geoip_disable, $session_id, $window_id", vendors=POSTHOG)
def _session(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "properties": {"$session_id": "s", "$geoip_disable": True}})
    yield
    assert s.event()["properties"] == {"$session_id": "s", "$geoip_disable": True}


@row("/flags, /decide", vendors=POSTHOG)
def _flags(s):
    for path in ("/flags/", "/decide/"):
        said = s.send(path, {"api_key": s.server.here.write_key, "distinct_id": s.id("u")})
        assert json.loads(said)["featureFlags"] == {}
    yield
    assert s.is_nobody("u")


@row("any other field", vendors=POSTHOG)
def _ph_other(s):
    s.posthog({"event": "x", "distinct_id": s.id("u"), "colour": "red"})
    yield
    assert s.told("field_ignored", "/colour")
