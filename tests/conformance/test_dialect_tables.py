"""Every row of the tables of support, sent to a running server: what they say becomes of it does.

A case sends, waits, and looks at the outcome: who is one person, what their profile shows, what was told. Each row has one; a
row without one, or a case without a row, fails.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import quote, urlencode

import pytest
from tests.running import running
from tools.dialects_reference import TABLES

pytestmark = pytest.mark.xdist_group("server")
CASES: dict[tuple[str, str], Callable[[Speaker], Iterator[None]]] = {}
FIRST, SECOND = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
SECONDS = 1_767_225_600
"""`FIRST`, as Mixpanel states it."""
BOTH = ("Segment", "RudderStack")


class Speaker:
    """One vendor's way to send, with ids that no other case uses."""

    def __init__(self, server, vendor, number):
        self.server, self.vendor, self._mark = server, vendor, f"{vendor.lower()}{number}x"
        self.phone = f"+1312555{number:04}"
        self._sent = count()

    def id(self, name):
        """An id of this case."""
        return f"{self._mark}{name}"

    def send(self, path, body, *, status=200, **headers):
        """One request that must be answered with this status; the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = base64.b64encode(f"{self.server.here.write_key}:".encode()).decode()
        answered, said, _ = self.server.send("POST", path, raw, **({"Authorization": f"Basic {token}"} | headers))
        assert answered == status, (path, said)
        return said

    def items(self, *items, **root):
        """A batch of Segment or RudderStack; each with a message id of its own where it states none."""
        for item in items:
            item.setdefault("messageId", self.id(f"m{next(self._sent)}"))
        self.send("/v1/batch", {"batch": list(items), **root})

    def posthog(self, *items):
        """A batch of PostHog."""
        for item in items:
            item.setdefault("uuid", self.id(f"p{next(self._sent)}"))
            item.setdefault("timestamp", FIRST)
        self.send("/batch/", {"api_key": self.server.here.write_key, "batch": list(items)}, Authorization="")

    def mixpanel(self, *events, path="/track"):
        """Events of Mixpanel, with their token in each."""
        for event in events:
            event["properties"] = {"token": self.server.here.write_key, "time": SECONDS} | event.get("properties", {})
        self.send(f"{path}?verbose=1", list(events), Authorization="")

    def engage(self, **operation):
        """An operation on the profile of this case's user."""
        fixed = {"$token": self.server.here.write_key, "$distinct_id": self.id("u"), "$time": SECONDS}
        self.send("/engage?verbose=1", [fixed | operation], Authorization="")

    def amplitude(self, *events, path="/2/httpapi", **root):
        """Events of Amplitude."""
        for event in events:
            event.setdefault("time", SECONDS * 1000)
        self.send(path, {"api_key": self.server.here.write_key, "events": list(events), **root}, Authorization="")

    def known(self, name, type_="user_id"):
        """The profile behind an id of this case."""
        return self.server.profile(f"{type_}:{quote(self.id(name), safe='')}")

    def shows(self, field, name="u", type_="user_id"):
        """The value of an attribute, or None."""
        return self.known(name, type_)["attributes"].get(field, {}).get("value")

    def ids(self, name="u", type_="user_id"):
        """The identifiers of a person."""
        return {(i["type"], i["value"]) for i in self.known(name, type_)["identifiers"]}

    def event(self, name="u", type_="user_id"):
        """A person's newest event."""
        return self.server.timeline(f"{type_}:{quote(self.id(name), safe='')}")[0]

    def told(self, code, where, name="u", type_="user_id"):
        """Whether the newest event has this finding."""
        return {"code": code, "where": where} in self.event(name, type_)["findings"]

    def is_nobody(self, name, type_="user_id"):
        """Whether nobody answers to an id."""
        return self.server.get(f"/api/v1/profiles/{type_}:{quote(self.id(name), safe='')}")[0] == 404


def row(*names, vendors):
    """The case of these rows, for each of these vendors."""

    def taken(case):
        for vendor in vendors:
            for name in names:
                assert (vendor, name) not in CASES
                CASES[vendor, name] = case
        return case

    return taken


# ── Segment and RudderStack ──


@row("track", "properties", "userId", vendors=BOTH)
def _track(s):
    s.items({"type": "track", "event": "Order Completed", "userId": s.id("u"), "properties": {"revenue": 5}})
    yield
    assert (s.event()["name"], s.event()["properties"]["revenue"]) == ("Order Completed", 5)
    assert s.known("u")["counters"]["revenue"] == "5"


@row("identify", "anonymousId", "traits", vendors=BOTH)
def _identify(s):
    s.items({"type": "identify", "userId": s.id("u"), "anonymousId": s.id("a"), "traits": {"plan": "gold"}})
    yield
    assert s.ids() == {("user_id", s.id("u")), ("anonymous_id", s.id("a"))}
    assert s.shows("plan") == "gold"


@row("page", vendors=BOTH)
def _page(s):
    s.items({"type": "page", "userId": s.id("u"), "name": "Front", "category": "News"})
    yield
    assert s.event()["name"] == "Page Viewed"
    assert s.event()["properties"] == {"name": "Front", "category": "News"}


@row("screen", vendors=BOTH)
def _screen(s):
    s.items({"type": "screen", "userId": s.id("u"), "name": "Front", "category": "News"})
    yield
    assert s.event()["name"] == "Screen Viewed"
    assert s.event()["properties"] == {"name": "Front", "category": "News"}


@row("group", vendors=BOTH)
def _group(s):
    said = {
        "type": "group",
        "userId": s.id("u"),
        "groupId": s.id("g"),
        "traits": {"name": "Acme", "email": "info@acme.test"},
    }
    s.items(said, {"type": "group", "userId": s.id("u"), "groupId": s.id("g"), "traits": {"name": None, "size": 3}})
    yield
    (group,) = s.known("u")["groups"]
    assert (group["type"], group["id"], group["traits"]) == ("group", s.id("g"), {"email": "info@acme.test", "size": 3})
    assert s.known("u")["attributes"] == {}
    assert s.ids() == {("user_id", s.id("u"))}


@row("alias", vendors=BOTH)
def _alias(s):
    s.items(
        {"type": "track", "event": "x", "userId": s.id("old")},
        {"type": "track", "event": "x", "userId": s.id("new")},
        {"type": "alias", "userId": s.id("new"), "previousId": s.id("old")},
        {"type": "track", "event": "x", "anonymousId": s.id("cookie")},
        {"type": "alias", "userId": s.id("u"), "previousId": s.id("cookie")},
    )
    yield
    assert s.ids("old") == {("user_id", s.id("old")), ("user_id", s.id("new"))}
    assert s.ids("u") == {("user_id", s.id("u")), ("anonymous_id", s.id("cookie"))}
    assert s.told("merge_requested", "/previousId")


@row("messageId", vendors=BOTH)
def _message_id(s):
    for _ in range(2):
        s.items({"type": "track", "event": "x", "userId": s.id("u"), "messageId": s.id("one")})
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("without messageId", vendors=BOTH)
def _without_message_id(s):
    item = {"type": "track", "event": "x", "userId": s.id("u")}
    for _ in range(2):
        s.send("/v1/batch", {"batch": [item, item], "sentAt": FIRST})
    yield
    assert s.known("u")["counters"]["events"] == 2


@row("timestamp", vendors=BOTH)
def _timestamp(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "timestamp": FIRST})
    yield
    assert s.event()["timestamp"] == "2026-01-01T00:00:00.000Z"


@row("originalTimestamp", vendors=BOTH)
def _original(s):
    s.items(
        {
            "type": "track",
            "event": "x",
            "userId": s.id("u"),
            "timestamp": FIRST,
            "originalTimestamp": SECOND,
            "sentAt": SECOND,
        }
    )
    yield
    assert s.event()["timestamp"] == "2026-01-01T00:00:00.000Z"


@row("sentAt", vendors=BOTH)
def _sent_at(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "timestamp": FIRST}, sentAt="2026-01-01T00:01:00Z")
    yield
    assert s.event()["skew_ms"] < 0
    assert s.event()["timestamp"] > "2026-02"


@row("a null trait", vendors=BOTH)
def _null(s):
    s.items(
        {"type": "identify", "userId": s.id("u"), "timestamp": SECOND, "traits": {"title": None, "city": ""}},
        {"type": "identify", "userId": s.id("u"), "timestamp": FIRST, "traits": {"title": "Dr", "city": "Rome"}},
        {"type": "identify", "userId": s.id("v"), "timestamp": FIRST, "traits": {"title": None}},
        {"type": "identify", "userId": s.id("v"), "timestamp": SECOND, "traits": {"title": "Dr"}},
    )
    yield
    assert (s.shows("title"), s.shows("city"), s.shows("title", "v")) == (None, "Rome", "Dr")


@row("traits.email, traits.phone", vendors=BOTH)
def _contacts(s):
    s.items(
        {
            "type": "identify",
            "userId": s.id("u"),
            "traits": {"Email": f"{s.id('u')}@mail.test", "phone": s.phone},
        }
    )
    yield
    assert ("email", f"{s.id('u')}@mail.test") in s.ids()
    assert ("phone", s.phone) in s.ids()
    assert s.told("case_differs", "/traits/Email")


@row("context", vendors=BOTH)
def _context(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "context": {"campaign": {"source": "mail"}, "own": 1}})
    yield
    assert s.event()["context"] == {"campaign": {"source": "mail"}, "own": 1}


@row("context.traits", vendors=BOTH)
def _context_traits(s):
    said = {"traits": {"plan": "gold"}, "context": {"traits": {"plan": "tin", "city": "Rome"}}}
    s.items({"type": "identify", "userId": s.id("u"), **said})
    yield
    assert (s.shows("plan"), s.shows("city")) == ("gold", "Rome")


@row("context.groupId", vendors=BOTH)
def _context_group(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "context": {"groupId": s.id("g")}})
    yield
    assert [g["id"] for g in s.known("u")["groups"]] == [s.id("g")]


@row("context.externalIds", vendors=BOTH)
def _external(s):
    external = [{"type": "donor_number", "id": s.id("d"), "collection": "users", "encoding": "none"}]
    s.items({"type": "identify", "userId": s.id("u"), "context": {"externalIds": external}})
    yield
    assert ("donor_number", s.id("d")) in s.ids()


@row("context.device, context.os", vendors=BOTH)
def _device(s):
    context = {"device": {"id": s.id("d"), "advertisingId": s.id("ad"), "type": "ios"}, "os": {"name": "iOS"}}
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "context": context})
    yield
    assert {"device_id", "ios.idfa"} <= {type_ for type_, _ in s.ids()}


@row("context.consent", vendors=BOTH)
def _consent(s):
    consent = {"categoryPreferences": {"email": True, "ads": False}}
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "context": {"consent": consent}})
    yield
    assert {p: c["granted"] for p, c in s.known("u")["consent"].items()} == {"email": True, "ads": False}


@row("integrations.All: false", vendors=BOTH)
def _integrations(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "integrations": {"All": False, "Mixpanel": True}})
    yield
    assert s.known("u")["counters"]["events"] == 1
    assert s.event()["findings"] == []


@row("integrations.Onefold: false", vendors=BOTH)
def _not_for_us(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "integrations": {"Onefold": False}})
    yield
    assert s.is_nobody("u")


@row("channel, version, _metadata, receivedAt", vendors=BOTH)
def _metadata(s):
    known = {"channel": "web", "version": "2", "_metadata": {}, "receivedAt": FIRST}
    s.items({"type": "track", "event": "x", "userId": s.id("u"), **known})
    yield
    assert s.event()["findings"] == []


@row("any other field", vendors=BOTH)
def _other(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "colour": "red"})
    yield
    assert s.told("field_ignored", "/colour")


@row("record", vendors=("Segment",))
def _record(s):
    s.items({"type": "record", "userId": s.id("u"), "traits": {"plan": "gold"}})
    yield
    assert (s.event()["kind"], s.shows("plan")) == ("record", "gold")


@row("identifiers", vendors=("Segment",))
def _identifiers(s):
    s.items({"type": "record", "identifiers": [{"type": "donor_number", "value": s.id("d")}]})
    yield
    assert s.ids("d", "donor_number") == {("donor_number", s.id("d"))}


@row("/v1/m", vendors=("Segment",))
def _counters(s):
    s.send("/v1/m", {"series": [{"userId": s.id("u"), "type": "Counter"}]})
    yield
    assert s.is_nobody("u")


@row("rudderId", vendors=("RudderStack",))
def _rudder_id(s):
    s.items({"type": "track", "event": "x", "userId": s.id("u"), "rudderId": s.id("r")})
    yield
    assert s.ids() == {("user_id", s.id("u"))}
    assert s.event()["findings"] == []


# ── PostHog ──

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


# ── Mixpanel ──

MIXPANEL = ("Mixpanel",)


@row("track, import", "time, $time", vendors=MIXPANEL)
def _mp_track(s):
    s.mixpanel({"event": "Read", "properties": {"distinct_id": s.id("u"), "n": 1}})
    s.mixpanel({"event": "Read", "properties": {"distinct_id": s.id("v"), "time": SECONDS * 1000}}, path="/import")
    yield
    assert (s.event()["name"], s.event()["properties"]) == ("Read", {"n": 1})
    assert s.event()["timestamp"] == s.event("v")["timestamp"] == "2026-01-01T00:00:00.000Z"


@row("GET with data=", vendors=MIXPANEL)
def _mp_get(s):
    event = {"event": "Read", "properties": {"token": s.server.here.write_key, "distinct_id": s.id("u")}}
    raw = json.dumps(event)
    for data in (raw, base64.b64encode(raw.replace("Read", "Seen").encode()).decode()):
        status, said, _ = s.server.send("GET", f"/track/?{urlencode({'data': data, 'ip': 1})}")
        assert (status, said) == (200, b"1")
    yield
    assert {e["name"] for e in s.server.timeline(f"user_id:{s.id('u')}")} == {"Read", "Seen"}


@row("$mp_web_page_view", vendors=MIXPANEL)
def _mp_page(s):
    s.mixpanel({"event": "$mp_web_page_view", "properties": {"distinct_id": s.id("u")}})
    yield
    assert s.event()["name"] == "Page Viewed"


@row("$identify", vendors=MIXPANEL)
def _mp_identify(s):
    ids = {"$identified_id": s.id("u"), "$anon_id": s.id("a"), "distinct_id": s.id("u")}
    s.mixpanel({"event": "$identify", "properties": ids})
    yield
    assert s.ids() == {("user_id", s.id("u")), ("anonymous_id", s.id("a"))}


@row("$create_alias, $merge", vendors=MIXPANEL)
def _mp_alias(s):
    for name in ("u", "v", "w", "x"):
        s.mixpanel({"event": "e", "properties": {"distinct_id": s.id(name)}})
    s.mixpanel({"event": "$create_alias", "properties": {"distinct_id": s.id("u"), "alias": s.id("v")}})
    s.mixpanel({"event": "$merge", "properties": {"$distinct_ids": [s.id("w"), s.id("x")]}}, path="/import")
    yield
    assert s.ids() == {("user_id", s.id("u")), ("user_id", s.id("v"))}
    assert s.ids("w") == {("user_id", s.id("w")), ("user_id", s.id("x"))}


@row("distinct_id", "$user_id, $device_id", vendors=MIXPANEL)
def _mp_ids(s):
    s.mixpanel(
        {"event": "e", "properties": {"distinct_id": f"$device:{s.id('a')}", "$device_id": s.id("a")}},
        {"event": "f", "properties": {"distinct_id": s.id("u"), "$user_id": s.id("u"), "$device_id": s.id("a")}},
    )
    yield
    assert s.ids() == {("user_id", s.id("u")), ("anonymous_id", s.id("a"))}
    assert s.known("u")["counters"]["events"] == 2


@row("$insert_id", vendors=MIXPANEL)
def _mp_insert_id(s):
    for _ in range(2):
        s.mixpanel({"event": "e", "properties": {"distinct_id": s.id("u"), "$insert_id": s.id("one")}})
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("ip, $current_url, mp_lib, utm_*, $os …", vendors=MIXPANEL)
def _mp_context(s):
    s.mixpanel({"event": "e", "properties": {"distinct_id": s.id("u"), "ip": "203.0.113.9", "mp_lib": "python"}})
    yield
    assert s.event()["context"] == {"ip": "203.0.113.9", "library": {"name": "python"}}


@row("engage $set", vendors=MIXPANEL)
def _mp_set(s):
    s.engage(**{"$set": {"$email": f"{s.id('u')}@mail.test", "plan": "gold", "city": "Rome"}})
    s.engage(**{"$set": {"city": None}, "$time": SECONDS + 60})
    yield
    assert (s.shows("plan"), s.shows("city"), s.shows("email")) == ("gold", None, f"{s.id('u')}@mail.test")
    assert ("email", f"{s.id('u')}@mail.test") in s.ids()


@row("engage $set_once", vendors=MIXPANEL)
def _mp_set_once(s):
    s.engage(**{"$set_once": {"site": "tv"}, "$time": SECONDS + 60})
    s.engage(**{"$set_once": {"site": "radio"}})
    yield
    assert s.shows("site") == "radio"


@row("engage $unset", vendors=MIXPANEL)
def _mp_unset(s):
    s.engage(**{"$unset": ["plan"], "$time": SECONDS + 60})
    s.engage(**{"$set": {"plan": "gold", "city": "Rome"}})
    yield
    assert (s.shows("plan"), s.shows("city")) == (None, "Rome")


@row("engage $add", vendors=MIXPANEL)
def _mp_add(s):
    s.engage(**{"$add": {"n": 2}, "$time": SECONDS + 60})
    s.engage(**{"$add": {"n": -0.5}, "$time": SECONDS + 30})
    s.engage(**{"$set": {"n": 10}})
    # To the byte what was sent already.
    s.engage(**{"$add": {"n": 2}, "$time": SECONDS + 60})
    s.engage(**{"$add": {"n": "many", "m": 1}, "$time": SECONDS + 90})
    yield
    assert (s.shows("n"), s.shows("m")) == (11.5, 1)
    assert s.told("operation_ignored", "/$add")


@row("engage $append, $union, $remove", vendors=MIXPANEL)
def _mp_lists(s):
    s.engage(**{"$remove": {"tags": "b"}, "$time": SECONDS + 90})
    s.engage(**{"$union": {"tags": ["a", "c"]}, "$time": SECONDS + 60})
    s.engage(**{"$append": {"tags": "a"}, "$time": SECONDS + 30})
    s.engage(**{"$append": {"tags": "b"}, "$time": SECONDS})
    yield
    assert s.shows("tags") == ["a", "c"]


@row("engage $delete", vendors=MIXPANEL)
def _mp_delete(s):
    s.engage(**{"$delete": "", "$set": {"plan": "gold"}})
    yield
    assert s.told("operation_ignored", "/$delete")
    assert s.shows("plan") == "gold"


@row("groups", vendors=MIXPANEL)
def _mp_groups(s):
    said = {"$token": s.server.here.write_key, "$group_key": "company", "$group_id": s.id("g"), "$set": {"size": 3}}
    s.send("/groups", said, Authorization="")
    yield
    assert s.is_nobody("g")


@row("token, $token", vendors=MIXPANEL)
def _mp_token(s):
    s.send(
        "/track", {"event": "e", "properties": {"token": "unknown", "distinct_id": "x"}}, status=401, Authorization=""
    )
    s.send("/track", {"event": "e", "properties": {"distinct_id": s.id("u"), "$insert_id": s.id("i")}})
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("verbose", vendors=MIXPANEL)
def _mp_verbose(s):
    event = {
        "event": "e",
        "properties": {"token": s.server.here.write_key, "distinct_id": s.id("u"), "$insert_id": s.id("i")},
    }
    assert s.send("/track", event) == b"1"
    assert json.loads(s.send("/track?verbose=1", event))["status"] == 1
    form = urlencode({"data": json.dumps(event), "verbose": 1}).encode()
    assert json.loads(s.send("/track", form))["status"] == 1
    refused = json.loads(s.send("/track?verbose=1", b"{", status=400))
    assert (refused["status"], bool(refused["error"])) == (0, True)
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("img, callback, redirect, test", vendors=MIXPANEL)
def _mp_img(s):
    event = {"event": "e", "properties": {"token": s.server.here.write_key, "distinct_id": s.id("u")}}
    query = urlencode({"data": json.dumps(event), "img": 1, "callback": "f", "redirect": "https://x.test/", "test": 1})
    assert s.server.send("GET", f"/track?{query}")[:2] == (200, b"1")
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("any other field", vendors=MIXPANEL)
def _mp_other(s):
    s.mixpanel({"event": "e", "colour": "red", "properties": {"distinct_id": s.id("u")}})
    s.engage(**{"$distinct_id": s.id("v"), "$set": {"a": 1}, "colour": "red"})
    yield
    assert s.told("field_ignored", "/colour")
    assert s.told("field_ignored", "/colour", "v")


# ── Amplitude ──

AMPLITUDE = ("Amplitude",)


@row("an event", "event_properties", "api_key", vendors=AMPLITUDE)
def _amp_event(s):
    s.amplitude({"event_type": "Read", "user_id": s.id("u"), "event_properties": {"n": 1}})
    s.amplitude({"event_type": "Read", "user_id": s.id("v"), "event_properties": {"n": 1}}, path="/batch")
    said = json.loads(s.send("/2/httpapi", {"api_key": "unknown", "events": []}, status=401, Authorization=""))
    assert (said["code"], bool(said["error"])) == (401, True)
    yield
    for name in ("u", "v"):
        assert (s.event(name)["name"], s.event(name)["properties"]) == ("Read", {"n": 1})


@row("[Amplitude] Page Viewed", vendors=AMPLITUDE)
def _amp_page(s):
    s.amplitude({"event_type": "[Amplitude] Page Viewed", "user_id": s.id("u")})
    yield
    assert s.event()["name"] == "Page Viewed"


@row("$identify", "user_properties", "user_properties.$set", vendors=AMPLITUDE)
def _amp_identify(s):
    s.amplitude(
        {
            "event_type": "$identify",
            "user_id": s.id("u"),
            "user_properties": {"$set": {"plan": "gold", "city": "Rome"}},
        },
        {
            "event_type": "x",
            "user_id": s.id("u"),
            "time": SECONDS * 1000 + 1,
            "user_properties": {"city": None, "a": 1},
        },
    )
    yield
    assert (s.shows("plan"), s.shows("city"), s.shows("a")) == ("gold", None, 1)


@row("/identify", vendors=AMPLITUDE)
def _amp_identify_api(s):
    said = [{"user_id": s.id("u"), "user_properties": {"plan": "gold"}}]
    form = urlencode({"api_key": s.server.here.write_key, "identification": json.dumps(said)}).encode()
    assert s.send("/identify", form, Authorization="") == b"success"
    yield
    assert (s.shows("plan"), s.event()["kind"]) == ("gold", "identify")


@row("$groupidentify", "groups", vendors=AMPLITUDE)
def _amp_group(s):
    said = {"groups": {"company": s.id("g")}, "group_properties": {"$set": {"size": 3}}}
    s.amplitude(
        {"event_type": "$groupidentify", "user_id": s.id("u"), **said},
        {"event_type": "x", "user_id": s.id("u"), "groups": {"team": [s.id("t1"), s.id("t2")]}},
    )
    yield
    groups = {(g["type"], g["id"]): g["traits"] for g in s.known("u")["groups"]}
    assert groups == {("company", s.id("g")): {"size": 3}, ("team", s.id("t1")): {}, ("team", s.id("t2")): {}}


@row("$groupidentify without a person", vendors=AMPLITUDE)
def _amp_group_of_nobody(s):
    s.amplitude(
        {"event_type": "$groupidentify", "groups": {"company": s.id("g")}, "group_properties": {"$set": {"a": 1}}}
    )
    yield
    assert s.is_nobody("g")


@row("user_id, device_id", vendors=AMPLITUDE)
def _amp_ids(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u"), "device_id": s.id("a")})
    yield
    assert s.ids() == {("user_id", s.id("u")), ("anonymous_id", s.id("a"))}


@row("user_properties.$setOnce", vendors=AMPLITUDE)
def _amp_set_once(s):
    for time, site in ((SECONDS + 60, "tv"), (SECONDS, "radio")):
        said = {"user_properties": {"$setOnce": {"site": site}}, "time": time * 1000}
        s.amplitude({"event_type": "$identify", "user_id": s.id("u"), **said})
    yield
    assert s.shows("site") == "radio"


@row("user_properties.$unset", vendors=AMPLITUDE)
def _amp_unset(s):
    later = {"user_properties": {"$unset": {"plan": "-"}}, "time": SECONDS * 1000 + 1}
    s.amplitude(
        {"event_type": "$identify", "user_id": s.id("u"), **later},
        {"event_type": "$identify", "user_id": s.id("u"), "user_properties": {"plan": "gold", "city": "Rome"}},
    )
    yield
    assert (s.shows("plan"), s.shows("city")) == (None, "Rome")


def _operate(s, *steps):
    """Identify calls, the last step first."""
    for number, said in reversed(list(enumerate(steps))):
        time = (SECONDS + number) * 1000
        s.amplitude({"event_type": "$identify", "user_id": s.id("u"), "user_properties": said, "time": time})


@row("user_properties.$add", vendors=AMPLITUDE)
def _amp_add(s):
    _operate(s, {"$add": {"n": 4}}, {"$set": {"n": 1}}, {"$add": {"n": 2}}, {"$add": {"n": 0.5}})
    yield
    assert s.shows("n") == 3.5


@row("user_properties.$append, $prepend, $preInsert, $postInsert, $remove", vendors=AMPLITUDE)
def _amp_lists(s):
    _operate(
        s, {"$append": {"l": ["b", "c"]}}, {"$prepend": {"l": ["a", "x"]}}, {"$preInsert": {"l": "b"}},
        {"$preInsert": {"l": "first"}}, {"$postInsert": {"l": ["c", "last"]}}, {"$remove": {"l": ["x"]}},
    )  # fmt: skip
    yield
    assert s.shows("l") == ["first", "a", "b", "c", "last"]


@row("user_properties.$clearAll", vendors=AMPLITUDE)
def _amp_clear_all(s):
    _operate(s, {"$clearAll": "-", "$set": {"plan": "gold"}})
    yield
    assert s.told("operation_ignored", "/user_properties/$clearAll")
    assert s.shows("plan") == "gold"


@row("insert_id", vendors=AMPLITUDE)
def _amp_insert_id(s):
    for _ in range(2):
        s.amplitude({"event_type": "x", "user_id": s.id("u"), "insert_id": s.id("one")})
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("time", vendors=AMPLITUDE)
def _amp_time(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u")})
    s.amplitude({"event_type": "x", "user_id": s.id("v")}, client_upload_time="2026-01-01T00:01:00.000Z")
    yield
    assert s.event()["timestamp"] == "2026-01-01T00:00:00.000Z"
    assert s.event("v")["skew_ms"] < 0


@row("price, quantity, revenue, productId", vendors=AMPLITUDE)
def _amp_revenue(s):
    s.amplitude({"event_type": "Order Completed", "user_id": s.id("u"), "revenue": 5, "productId": "p"})
    yield
    assert s.known("u")["counters"]["revenue"] == "5"
    assert s.event()["properties"] == {"revenue": 5, "productId": "p"}


@row("ip, platform, os_name, device_model, city, library …", vendors=AMPLITUDE)
def _amp_context(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u"), "ip": "203.0.113.9", "os_name": "iOS"})
    yield
    assert s.event()["context"] == {"ip": "203.0.113.9", "os": {"name": "iOS"}}


@row("idfa, adid", vendors=AMPLITUDE)
def _amp_device(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u"), "idfa": s.id("i"), "adid": s.id("a")})
    yield
    assert {"ios.idfa", "android.idfa"} <= {type_ for type_, _ in s.ids()}


@row("idfv, android_id, plan, ingestion_metadata, partner_id", vendors=AMPLITUDE)
def _amp_kept(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u"), "idfv": "x", "plan": {"branch": "main"}})
    yield
    assert s.event()["findings"] == []
    assert s.ids() == {("user_id", s.id("u"))}


@row("options.min_id_length", vendors=AMPLITUDE)
def _amp_options(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u")}, options={"min_id_length": 500})
    yield
    assert s.known("u")["counters"]["events"] == 1


@row("any other field", vendors=AMPLITUDE)
def _amp_other(s):
    s.amplitude({"event_type": "x", "user_id": s.id("u"), "colour": "red"})
    yield
    assert s.told("field_ignored", "/colour")


ROWS = [(table.vendor, row.name) for table in TABLES for row in table.rows]


def test_every_row_has_a_case_and_every_case_a_row():
    """A table that says more or less than what is sent here fails."""
    assert set(CASES) == set(ROWS)


@pytest.fixture(scope="module")
def sent():
    """A server to which every case has sent what it sends, and which has caught up."""
    with running() as server:
        cases = {}
        for number, (vendor, name) in enumerate(ROWS):
            case = cases[vendor, name] = CASES[vendor, name](Speaker(server, vendor, number))
            next(case)
        server.account()
        yield cases


@pytest.mark.parametrize(("vendor", "name"), ROWS)
def test_what_the_table_says_becomes_of_it(sent, vendor, name):
    """The case's own assertions hold once the server has caught up."""
    with pytest.raises(StopIteration):
        next(sent[vendor, name])
