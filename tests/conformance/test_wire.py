"""The wire shapes of other SDKs, and hostile input, against the running server."""

import base64
import gzip
import json
import subprocess
import sys
import zlib

import pytest
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def server():
    with running() as started:
        yield started


def letters(server, user):
    """The open dead letters' reasons, by offset."""
    status, found = server.get("/api/v1/dead-letters?limit=100")
    assert status == 200
    rows = found["dead_letters"] if isinstance(found, dict) else found
    return {row["offset"]: row["reason"] for row in rows}


def test_rudder_node_sends_gzip_under_a_form_content_type(server):
    """RudderStack's Node SDK labels gzipped JSON as a form, and authorises with Basic only."""
    body = gzip.compress(
        json.dumps({"batch": [{"type": "track", "event": "Read", "userId": "r1", "messageId": "r-1"}]}).encode()
    )
    basic = base64.b64encode(f"{server.here.write_key}:".encode()).decode()
    status, answer, _ = server.send(
        "POST", "/v1/batch", body, Authorization=f"Basic {basic}", Content_Type="application/x-www-form-urlencoded"
    )
    assert (status, json.loads(answer)) == (200, {"success": True})
    server.account()
    assert server.profile("user_id:r1")["counters"]["events"] == 1


def test_browsers_use_single_letters_plain_text_and_a_key_in_the_body(server):
    """analytics-next posts text/plain to /v1/t and /v1/i and names its key in the body; the route gives the type."""
    key = server.here.write_key
    for route, more in (
        ("/v1/i", {"traits": {"email": "b1@mail.test"}}),
        ("/v1/t", {"event": "Read"}),
        ("/v1/p", {"name": "Front"}),
    ):
        body = json.dumps(
            {"writeKey": key, "userId": "b1", "anonymousId": "ab1", "messageId": f"b-{route}", **more}
        ).encode()
        assert server.send("POST", route, body, Content_Type="text/plain")[0] == 200
    server.account()
    assert server.profile("email:b1@mail.test")["counters"]["events"] == 3


def test_posthog_is_answered_in_its_own_words(server):
    """PostHog's batch, with its key in the body, becomes events of the same person."""
    batch = [
        {
            "event": "$identify",
            "distinct_id": "p1",
            "uuid": "p-1",
            "properties": {"$anon_distinct_id": "anon-p1", "$set": {"email": "p1@mail.test"}},
        },
        {"event": "Played", "distinct_id": "p1", "uuid": "p-2", "properties": {"n": 1}},
    ]
    body = json.dumps({"api_key": server.here.write_key, "batch": batch}).encode()
    status, answer, _ = server.send("POST", "/batch/", body)
    assert (status, json.loads(answer)["status"]) == (200, 1)
    server.account()
    assert server.profile("email:p1@mail.test")["id"] == server.profile("anonymous_id:anon-p1")["id"]


def test_browsers_may_ask_first(server):
    """A preflight is answered, and lets browsers read when to send again."""
    status, _, headers = server.send(
        "OPTIONS", "/v1/t", Origin="https://station.example", Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization",
    )  # fmt: skip
    assert status == 204
    assert headers["access-control-allow-origin"] in {"*", "https://station.example"}
    assert "authorization" in headers["access-control-allow-headers"].lower()


def test_settings_and_library_are_served_from_here(server):
    """A page that changes its CDN host gets settings that point back, and the library itself."""
    status, body, _ = server.send("GET", f"/v1/projects/{server.here.write_key}/settings")
    assert status == 200
    assert str(server.here.port) in json.loads(body)["integrations"]["Segment.io"]["apiHost"]
    status, body, _ = server.send("GET", f"/analytics.js/v1/{server.here.write_key}/analytics.min.js")
    assert status == 200
    assert len(body) > 20_000


def test_repeats_are_counted_and_change_nothing(server):
    """The same message twice is one event and one duplicate."""
    before = server.account()
    event = {"type": "track", "event": "Read", "userId": "d1", "messageId": "d-1"}
    assert server.post("/v1/track", event) == server.post("/v1/batch", {"batch": [event]}) == 200
    after = server.account()
    assert (after["stored"] - before["stored"], after["duplicate"] - before["duplicate"]) == (1, 1)
    assert server.profile("user_id:d1")["counters"]["events"] == 1


NESTED = b'{"type":"track","event":"x","userId":"u","properties":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b'{"type":"track", oops', 400, "malformed_json"),
        (b'{"type":"track","event":"x","userId":"u","properties":{"a":NaN}}', 400, "not_a_number"),
        (NESTED, 200, "too_deep"),
        (b'{"type":"track","event":"\xff\xfe","userId":"u"}', 200, "bad_utf8"),
        (b'{"type":"track","event":7,"userId":"u"}', 200, "wrong_type"),
        (b'{"type":"track","event":"x","userId":{"a":1}}', 200, "wrong_type"),
        (b'{"type":"track","event":"x"}', 200, "no_identifier"),
        (b'{"type":"track","event":"x","userId":"null"}', 200, "no_identifier"),
        (b'{"type":"track","userId":"u"}', 200, "no_event_name"),
        (b'{"type":"nonsense","userId":"u"}', 200, "unknown_type"),
        (b'{"type":"track","event":"x","userId":"u","userId":"v"}', 200, "duplicate_key"),
        (b'[1, "two", null]', 200, "not_an_object"),
        (
            b'{"type":"track","event":"x","userId":"u","properties":{"a":"' + b"x" * 10_000 + b'"}}',
            200,
            "string_too_long",
        ),
        (b'{"type":"track","event":"x","userId":"u","properties":{"a":"' + b"x" * 600_000 + b'"}}', 200, "too_large"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_bad_events_are_kept_with_their_reason(server, body, status, reason):
    """What cannot be used is answered as promised and kept as a dead letter, once, with its reason."""
    server.account() if server.post("/v1/track", {"type": "track", "event": "e", "userId": "ok"}) == 200 else None
    before = letters(server, "u")
    assert server.post("/v1/track", body) == status
    server.account()
    new = {offset: r for offset, r in letters(server, "u").items() if offset not in before}
    assert set(new.values()) == {reason}


def test_too_much_is_refused_fast_and_a_bomb_is_defused(server):
    """10 MB are 413; so is a bomb of 200 MB, a strange key is 401."""
    assert server.post("/v1/track", b'{"a":"' + b"x" * 10_000_000 + b'"}') == 413
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = bomb.compress(b"0" * 200_000_000) + bomb.flush()
    assert server.post("/v1/batch", packed) == 413
    assert server.send("POST", "/v1/track", b"{}", Authorization="Bearer nobody-knows-this-key")[0] == 401
    assert server.post("/v1/track", {"type": "track", "event": "after", "userId": "after-all"}) == 200
    server.account()
    assert server.profile("user_id:after-all")["counters"]["events"] == 1


def test_a_dead_letter_is_mended_and_sent_again(server, tmp_path):
    """The command line lists, shows and replays with a mended payload; the person is there afterwards."""

    def onefold(*words):
        command = [sys.executable, "-m", "onefold", *words, "--project", str(server.here.directory), "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = letters(server, "u")
    assert server.post("/v1/track", {"type": "track", "userId": "mended-1", "messageId": "mend"}) == 200
    server.account()
    offset = next(o for o in letters(server, "u") if o not in before)
    assert json.loads(onefold("dlq", "show", str(offset)))["payload"]["userId"] == "mended-1"
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps({"type": "track", "event": "Read", "userId": "mended-1", "messageId": "mend"}))
    onefold("dlq", "replay", str(offset), "--payload", str(mended))
    server.account()
    assert server.profile("user_id:mended-1")["counters"]["events"] == 1
    assert offset not in letters(server, "u")


def test_an_emoji_of_old_posthog_js_loses_nothing(server):
    """It writes each half of a character as UTF-8, into base64, with its key inside: the whole batch is read."""
    events = [
        {
            "event": "Said",
            "properties": {"token": server.here.write_key, "distinct_id": f"e{n}", "text": "hi \U0001f600"},
        }
        for n in range(2)
    ]
    halves = json.dumps(events, ensure_ascii=False).encode("utf-16-be", "surrogatepass")
    cesu = b"".join(
        chr(int.from_bytes(halves[i : i + 2], "big")).encode("utf-8", "surrogatepass") for i in range(0, len(halves), 2)
    )
    assert b"\xed\xa0\xbd\xed\xb8\x80" in cesu
    form = b"data=" + base64.b64encode(cesu).replace(b"+", b"%2B") + b"&compression=base64"
    assert server.send("POST", "/e/?ip=1", form)[0] == 200
    server.account()
    for n in range(2):
        assert server.timeline(f"user_id:e{n}")[0]["properties"] == {"text": "hi \U0001f600"}


def test_a_body_that_cannot_be_read_belongs_to_the_key_that_stands_in_it(server):
    """Its bytes become a dead letter of that source, wherever the key stands."""
    before = letters(server, "u")
    broken = json.dumps({"event": "x", "properties": {"token": server.here.write_key, "distinct_id": "u"}}).encode()
    form = b"data=" + base64.b64encode(broken.replace(b'"x"', b'"\xff"')).replace(b"+", b"%2B")
    assert server.send("POST", "/e/", form)[0] == 200
    assert server.send("POST", "/batch/", broken[:-2])[0] == 400
    server.account()
    new = sorted(r for offset, r in letters(server, "u").items() if offset not in before)
    assert new == ["bad_utf8", "malformed_json"]
