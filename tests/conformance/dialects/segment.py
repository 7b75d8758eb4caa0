"""Cases of the table of Segment and RudderStack."""

from tests.conformance.dialects.speaker import FIRST, SECOND, row

BOTH = ("Segment", "RudderStack")


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
