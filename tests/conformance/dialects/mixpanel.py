"""Cases of the table of Mixpanel."""

import base64
import json
from urllib.parse import urlencode

from tests.conformance.dialects.speaker import SECONDS, row

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
