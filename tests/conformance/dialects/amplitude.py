"""Cases of the table of Amplitude."""

import json
from urllib.parse import urlencode

from tests.conformance.dialects.speaker import SECONDS, row

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
