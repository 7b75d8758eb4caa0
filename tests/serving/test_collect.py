"""The collect edge: whose key, which answer, and that what is answered 200 stands in the log."""

import asyncio
import base64
import gzip
import json

import pytest
from tests.serving.edge import Edge, basic, bearer

from onefold.ingest import framing
from onefold.serving.app import ServingSettings
from onefold.serving.collect import CollectSettings
from onefold.serving.limits import Limit
from onefold.serving.visitors import VisitorSettings

EVENT = {"type": "track", "event": "Read", "userId": "u"}


@pytest.fixture
def edge():
    with Edge("main", "other") as made:
        yield made


def collected(edge, workspace="main"):
    return edge.workspaces[workspace].log.entries


@pytest.mark.parametrize(
    "path", ["track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a"]
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_call_has_a_route_that_gives_its_type(edge, path, slash):
    """All calls, spelt out or as a letter, with or without a slash: 200, and the item knows its type."""
    answer = edge.send("POST", f"/v1/{path}{slash}", {"userId": "u"}, Authorization=basic(edge.key()))
    assert (answer.status, answer.json) == (200, {"success": True})
    (entry,) = collected(edge)
    calls = {c[0]: c for c in ("track", "identify", "page", "screen", "group", "alias")}
    assert json.loads(entry.shared)["type"] == calls[path[0]]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"])
def test_a_batch_is_one_entry_an_item(edge, path):
    """Each item stands in the log by itself, byte for byte, with what the request said of all."""
    body = b'{"batch":[{"a": 1.50},{"b":2}],"sentAt":"2026-01-01T00:00:00Z","context":{"ip":"203.0.113.9"}}'
    assert edge.send("POST", path, body, Authorization=basic(edge.key())).status == 200
    first, second = collected(edge)
    assert (first.body, second.body) == (b'{"a": 1.50}', b'{"b":2}')
    assert (second.index, second.source, second.sent_at) == (1, "web", "2026-01-01T00:00:00Z")
    assert b"203.0.113.9" in second.shared
    assert edge.main.log.appends == 1


@pytest.mark.parametrize("path", ["/batch/", "/e/", "/i/v0/e/", "/capture/"])
def test_posthog_gets_its_own_answer(edge, path):
    """PostHog's routes answer `{"status":1}`, and their items are marked as PostHog's."""
    answer = edge.send("POST", path, {"api_key": edge.key(), "batch": [{"event": "x", "distinct_id": "d"}]})
    assert (answer.status, answer.json) == (200, {"status": 1} | ({"code": 200} if path == "/batch/" else {}))
    assert collected(edge)[0].shape == "posthog"


def test_the_key_is_found_wherever_sdks_put_it(edge):
    """Basic user, Bearer, body root, first item, query string."""
    token = edge.key()
    for path, body, headers in (
        ("/v1/track", EVENT, {"Authorization": basic(token)}),
        ("/v1/track", EVENT, {"Authorization": bearer(token)}),
        ("/v1/track", EVENT | {"writeKey": token}, {}),
        ("/v1/batch", {"batch": [EVENT], "writeKey": token}, {}),
        ("/v1/batch", {"batch": [EVENT | {"writeKey": token}]}, {}),
        ("/e/", {"api_key": token, "event": "x", "distinct_id": "d"}, {}),
        (f"/beacon/v1/batch?writeKey={token}", {"batch": [EVENT]}, {}),
        ("/v1/track", EVENT | {"writeKey": token}, {"Authorization": basic("unknown")}),
        ("/v1/track", EVENT | {"writeKey": token}, {"Authorization": "Basic %%%"}),
        ("/v1/track", EVENT | {"writeKey": token}, {"Authorization": "Digest x"}),
    ):
        assert edge.send("POST", path, body, **headers).status == 200, (path, headers)
    assert len(collected(edge)) == 10


def test_a_header_outranks_the_body(edge):
    """When both name a key we know, the header's source gets the events."""
    header, body = edge.key(name="server"), edge.key(name="page")
    assert edge.send("POST", "/v1/track", EVENT | {"writeKey": body}, Authorization=basic(header)).status == 200
    assert collected(edge)[0].source == "server"


def test_unknown_secret_and_revoked_keys_append_nothing(edge):
    """401 for a key we do not know, for a key that reads, and for one that was revoked; the log stays empty."""
    revoked = edge.key()
    assert edge.send("POST", "/v1/track", EVENT, Authorization=basic(revoked)).status == 200
    (stored,) = edge.keys.keys()
    edge.keys.revoke(stored.id, edge.clock_us)
    edge.clock_us += 1_000_000
    for token in ("", "of_source_unknown", edge.key("secret"), revoked):
        assert edge.send("POST", "/v1/track", EVENT, Authorization=basic(token)).status == 401
        assert edge.send("POST", "/v1/track", EVENT | {"writeKey": token}).status == 401
    assert len(collected(edge)) == 1


def test_a_key_opens_its_own_workspace_only(edge):
    """Events go to the workspace of the key, and no header or body says otherwise."""
    token = edge.key(workspace="other")
    assert edge.send("POST", "/v1/track", EVENT | {"workspace": "main"}, Authorization=basic(token)).status == 200
    assert (len(collected(edge, "main")), len(collected(edge, "other"))) == (0, 1)


@pytest.mark.parametrize("body", [b"", b"{", b"not json", b"\x1f\x8bnot gzip", b'{"batch":[1,', b"\xff\xfe"])
def test_broken_bodies_are_refused_and_kept(edge, body):
    """400, which SDKs do not repeat; so the bytes are kept as they came, for the dead letters."""
    answer = edge.send("POST", "/v1/batch", body, Authorization=basic(edge.key()))
    assert answer.status == 400
    (entry,) = collected(edge)
    assert (entry.shape, entry.body) == ("unreadable", body)


@pytest.mark.parametrize(
    "item", [{}, {"event": 5}, {"type": "nonsense"}, [], 7, None, "x", {"userId": {"a": []}}, {"type": None}]
)
def test_a_fault_in_an_item_is_no_fault_of_the_request(edge, item):
    """200 whatever an item holds: the judge decides later, and the sender's process lives on."""
    answer = edge.send("POST", "/v1/batch", {"batch": [item, EVENT]}, Authorization=basic(edge.key()))
    assert answer.status == 200
    assert len(collected(edge)) == 2


def test_an_empty_batch_is_fine(edge):
    """Nothing to append is a success."""
    assert edge.send("POST", "/v1/batch", {"batch": []}, Authorization=basic(edge.key())).status == 200


def test_what_the_log_does_not_take_is_never_answered_200(edge):
    """A store that fails gives 503 and the time to come again, for good bodies and for broken ones."""
    token = edge.key()
    edge.main.log.failing = True
    for body in (json.dumps(EVENT).encode(), b"{"):
        answer = edge.send("POST", "/v1/track", body, Authorization=basic(token))
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
    edge.main.log.failing = False
    assert edge.send("POST", "/v1/track", EVENT, Authorization=basic(token)).status == 200
    assert len(collected(edge)) == 1


def test_too_large_is_413_whether_stated_or_not():
    """A length that is too large is refused unread; a body that grows too large is refused when it has."""
    with Edge(settings=ServingSettings(collect=CollectSettings(request_bytes=1_000), limits={})) as edge:
        token = edge.key()
        stated = edge.send("POST", "/v1/track", b"", Authorization=basic(token), Content_Length="1001")
        grown = edge.send("POST", "/v1/track", chunks=[b" " * 600, b" " * 600], Authorization=basic(token))
        assert (stated.status, grown.status) == (413, 413)
        bomb = gzip.compress(b" " * 50_000_000)
        assert edge.send("POST", "/v1/track", bomb[:900], Authorization=basic(token)).status in {400, 413}


def test_a_strangers_large_body_is_taken_apart_only_when_it_states_a_key(edge, monkeypatch):
    """What costs more than a look is done for holders of keys, wherever the key stands; gzip hides nothing."""
    taken_apart = []
    peek = framing.peek
    monkeypatch.setattr(framing, "peek", lambda body: taken_apart.append(len(body)) or peek(body))
    batch = {"batch": [EVENT] * 3_000, "sentAt": None}
    token = edge.key()
    for body in (json.dumps(batch).encode(), json.dumps(batch | {"writeKey": "unknown"}).encode(), b"[" * 3_000_000):
        for sent in (body, gzip.compress(body)):
            assert edge.send("POST", "/v1/batch?writeKey=unknown", sent).status == 401
    assert taken_apart == []
    stated = json.dumps(batch | {"writeKey": token}).encode()
    assert edge.send("POST", "/v1/batch", stated).status == 200
    assert edge.send("POST", "/v1/batch", gzip.compress(stated)).status == 200
    assert edge.send("POST", f"/v1/batch?writeKey={token}", batch).status == 200
    assert edge.send("POST", "/v1/batch", batch, Authorization=basic(token)).status == 200
    assert len(collected(edge)) == 12_000
    assert len(taken_apart) == 4


def test_too_many_items_are_413():
    """A request of more items than a request may have is too large."""
    with Edge(settings=ServingSettings(collect=CollectSettings(request_items=10), limits={})) as edge:
        token = edge.key()
        assert edge.send("POST", "/v1/batch", {"batch": [EVENT] * 11}, Authorization=basic(token)).status == 413
        assert edge.send("POST", "/v1/batch", {"batch": [EVENT] * 10}, Authorization=basic(token)).status == 200
        assert len(collected(edge)) == 10


def test_a_sender_who_leaves_halfway_appends_nothing(edge):
    """Half a body is no body."""
    answer = edge.send("POST", "/v1/track", chunks=[b'{"type":', b'"track"'], Authorization=basic(edge.key()))
    assert answer.status == 408
    assert collected(edge) == []


def test_unfinished_bodies_are_bounded_together():
    """When all unfinished bodies together hold too much, the next piece is told to wait; then there is room again."""
    settings = ServingSettings(collect=CollectSettings(arriving_bytes=1_000), limits={})
    with Edge(settings=settings) as edge:
        token = edge.key()
        answer = edge.send("POST", "/v1/track", chunks=[b" " * 600, b" " * 600], Authorization=basic(token))
        assert answer.status == 429
        pieces = edge.send("POST", "/v1/track", chunks=[b" " * 600, b" " * 300], Authorization=basic(token))
        assert pieces.status == 408


def test_the_limit_counts_a_key_and_tells_both_ways_when_to_return():
    """Over the limit: 429 with whole seconds for most SDKs and a moment for segment-node; then it passes."""
    with Edge(settings=ServingSettings(limits={"ingest": Limit(60, burst=2)})) as edge:
        loud, quiet = edge.key(name="loud"), edge.key(name="quiet")
        answers = [edge.send("POST", "/v1/track", EVENT, Authorization=basic(loud)) for _ in range(3)]
        assert [a.status for a in answers] == [200, 200, 429]
        assert answers[2].headers["retry-after"] == "1"
        assert int(answers[2].headers["x-ratelimit-reset"]) >= edge.clock_us / 1e6
        assert edge.send("POST", "/v1/track", EVENT | {"writeKey": loud}).status == 429
        assert edge.send("POST", "/v1/track", EVENT, Authorization=basic(quiet)).status == 200
        edge.clock_us += 1_000_000
        assert edge.send("POST", "/v1/track", EVENT, Authorization=basic(loud)).status == 200


def test_browsers_may_ask_read_and_retry(edge):
    """A preflight needs no key; answers echo the origin and expose the waiting time."""
    asked = edge.send("OPTIONS", "/v1/t", Origin="https://shop.test", Access_Control_Request_Method="POST")
    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == "https://shop.test"
    assert "access-control-allow-headers" not in asked.headers
    assert asked.headers["access-control-max-age"] == "86400"
    for token, status in ((edge.key(), 200), ("unknown", 401)):
        answer = edge.send("POST", "/v1/t", EVENT, Authorization=basic(token), Origin="https://shop.test")
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, "https://shop.test")
        assert answer.headers["access-control-expose-headers"].startswith("Retry-After, X-RateLimit-Reset")
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "path", ["/v1/track", "/v1/batch", "/e/", "/batch/", "/flags", "/array/x/config", "/sourceConfig/"]
)
def test_a_preflight_allows_what_it_asks_for(edge, path):
    """Headers that an SDK's next version adds pass, as RudderStack's retries need; what is no header name is not echoed."""
    asked = "authorization,rsa-recovered,rsa-retry-attempt,rsa-retry-reason,rsa-since-first-attempt, x-next-year"
    answer = edge.send("OPTIONS", path, Origin="https://shop.test", Access_Control_Request_Headers=asked)
    assert (answer.status, answer.headers["access-control-allow-headers"]) == (204, asked)
    for strange in ("a\r\nset-cookie: b", "<script>", "a" * 65, ",".join(["a"] * 65), ""):
        refused = edge.send("OPTIONS", path, Origin="https://shop.test", Access_Control_Request_Headers=strange)
        assert "access-control-allow-headers" not in refused.headers, strange


def test_a_key_for_some_origins_is_refused_to_pages_of_others(edge):
    """Pages of other origins get 403 and append nothing; servers, which have no origin, are not meant."""
    token = edge.key(origins=("https://shop.test",))
    for origin, status in (("https://shop.test", 200), ("https://evil.test", 403), ("null", 403)):
        assert edge.send("POST", "/v1/t", EVENT, Authorization=basic(token), Origin=origin).status == status
    assert edge.send("POST", "/v1/t", EVENT, Authorization=basic(token)).status == 200
    assert len(collected(edge)) == 2


def test_global_privacy_control_reaches_the_judge(edge):
    """`Sec-GPC: 1` travels with every item of the request; any other value says nothing."""
    token = edge.key()
    edge.send("POST", "/v1/batch", {"batch": [EVENT], "context": {"x": 1}}, Authorization=basic(token), Sec_GPC="1")
    edge.send("POST", "/v1/track", EVENT, Authorization=basic(token), Sec_GPC="0")
    with_signal, without = collected(edge)
    assert json.loads(with_signal.shared)["edge"] == {"gpc": True}
    assert json.loads(with_signal.shared)["context"] == {"x": 1}
    assert b"gpc" not in (without.shared or b"")


def test_pixels_are_images_that_append(edge):
    """A pixel of either spelling is an event; the answer is an image even when the event is broken."""
    token = edge.key()
    data = base64.b64encode(json.dumps({"event": "Opened", "userId": "u", "writeKey": token}).encode()).decode()
    for path in (
        f"/pixel/v1/track?writeKey={token}&event=Opened&userId=u&properties.subject=Hello+there",
        f"/v1/pixel/track?data={data.rstrip('=')}",
        f"/pixel/v1/page?writeKey={token}&data=%7Bbroken",
    ):
        answer = edge.send("GET", path)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
        assert answer.body.startswith(b"GIF89a")
    first, second, third = collected(edge)
    assert json.loads(first.body) == {"event": "Opened", "userId": "u", "properties": {"subject": "Hello there"}}
    assert token.encode() not in first.body
    assert json.loads(second.body)["event"] == "Opened"
    assert third.shape == "unreadable"


def test_a_pixel_is_an_image_whatever_happens():
    """Unknown key, limit, log that fails: mail readers get their image all the same; what happened is counted."""
    few = VisitorSettings(visitor=Limit(60, burst=2), total=Limit(60, burst=2))
    with Edge(settings=ServingSettings(limits={}, visitors=few)) as edge:
        token = edge.key()

        def shown(path):
            answer = edge.send("GET", path)
            return answer.status, answer.headers["content-type"], answer.body[:6]

        paths = ["/pixel/v1/track?event=x", *[f"/pixel/v1/track?writeKey={token}&event=x&n={n}" for n in range(5)]]
        assert {shown(path) for path in paths} == {(200, "image/gif", b"GIF89a")}
        edge.main.log.failing = True
        edge.clock_us += 60_000_000
        assert shown(paths[-1]) == (200, "image/gif", b"GIF89a")
        assert len(collected(edge)) == 2
        text = edge.send("GET", "/metrics").body.decode()
    for status, count in ((200, 2), (401, 1), (429, 3), (503, 1)):
        assert f'onefold_http_requests_total{{route="/pixel/v1/track",status="{status}"}} {count}.0' in text


def test_a_flood_of_parameters_is_taken_for_none(edge):
    """A query string with more parameters than anybody means costs nothing and breaks nothing."""
    flood = "&".join(f"a{n}=1" for n in range(5_000))
    edge.send("GET", f"/pixel/v1/track?{flood}&writeKey={edge.key()}")
    assert collected(edge) == []
    assert edge.send("POST", f"/v1/track?{flood}", EVENT).status == 401


def test_sdk_settings_point_back_here(edge):
    """Settings name the host that was called and nothing of Segment's; unknown keys get none, nor do strange hosts."""
    token = edge.key()
    answer = edge.send("GET", f"/v1/projects/{token}/settings", Host="cdp.test:8484", Origin="https://shop.test")
    told = answer.json["integrations"]["Segment.io"]
    assert (told["apiHost"], told["protocol"], told["apiKey"]) == ("cdp.test:8484/v1", "http", token)
    assert answer.headers["access-control-allow-origin"] == "https://shop.test"
    assert answer.json["metrics"]["sampleRate"] == 0
    assert b"segment.com" not in answer.body
    strange = edge.send("GET", f"/v1/projects/{token}/settings", Host='x"><script>')
    assert strange.json["integrations"]["Segment.io"]["apiHost"] == "localhost/v1"
    assert edge.send("GET", "/v1/projects/unknown/settings").status == 404
    assert edge.send("GET", f"/v1/projects/{edge.key('secret')}/settings").status == 404


def test_posthog_js_finds_its_configuration_and_its_script(edge):
    """As JSON and as a script, for keys we know; both spellings of compression; no part of PostHog's other products."""
    token = edge.key()
    told = edge.send("GET", f"/array/{token}/config", Origin="https://shop.test")
    assert told.headers["access-control-allow-origin"] == "https://shop.test"
    assert told.json["supportedCompression"] == ["gzip", "gzip-js"]
    assert told.json["sessionRecording"] is told.json["surveys"] is told.json["hasFeatureFlags"] is False
    as_script = edge.send("GET", f"/array/{token}/config.js")
    assert as_script.headers["content-type"].startswith("text/javascript")
    text = as_script.body.decode()
    stated = json.loads(text[text.index(",") + 1 : text.rindex(")")])
    assert stated[token]["config"] == told.json
    plain = edge.send("GET", "/static/array.js")
    assert b"posthog" in plain.body
    assert gzip.decompress(edge.send("GET", "/static/array.js", Accept_Encoding="gzip").body) == plain.body
    for path in ("/array/unknown/config", "/array/unknown/config.js", f"/array/{edge.key('secret')}/config.js"):
        assert edge.send("GET", path).status == 404
    assert edge.send("GET", f"/array/{'<script>'}/config.js").body.find(b"<script>") < 0
    assert edge.send("POST", "/decide/?v=3", {"token": token}).json["supportedCompression"] == ["gzip", "gzip-js"]


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/e/", "/batch/"])
def test_errors_carry_what_each_family_reads(edge, path):
    """Segment and rudder read `code` and `message`, posthog reads `detail`; without one of them SDKs raise KeyError."""
    edge.main.log.failing = True
    token = edge.key()
    for answer in (
        edge.send("POST", path, EVENT, Authorization=basic("unknown")),
        edge.send("POST", path, b"{", Authorization=basic(token)),
        edge.send("POST", path, EVENT, Authorization=basic(token)),
        edge.send("POST", path, b"", Authorization=basic(token), Content_Length="99999999"),
    ):
        assert answer.status >= 400
        assert {"code", "message", "detail"} <= answer.json.keys()


@pytest.mark.parametrize(
    "body",
    [
        b'{"api_key": "KEY", "batch": [{"event": "a"', b'[{"token":"KEY","event":', b'{"a":\xff"writeKey" : "KEY"',
        b"data=%7B%22event%22&api_key=KEY",
    ],
)  # fmt: skip
def test_a_broken_body_that_states_its_key_is_kept(edge, body):
    """400 all the same, and its bytes become a dead letter of the source; with a key we do not know they are nobody's."""
    token = edge.key()
    for path in ("/batch/", "/e/", "/v1/batch"):
        assert edge.send("POST", path, body.replace(b"KEY", token.encode())).status == 400
    assert [(entry.shape, entry.source) for entry in collected(edge)] == [("unreadable", "web")] * 3
    assert edge.send("POST", "/batch/", body).status == 400
    assert len(collected(edge)) == 3


@pytest.mark.parametrize("wrap", [bytes, lambda raw: b"data=" + base64.b64encode(raw)])
def test_half_emoji_lose_no_batch(edge, wrap):
    """Old posthog-js encodes an emoji as two halves, which is not UTF-8: the items reach the log as they came."""
    item = b'{"event":"a","distinct_id":"d","x":"\xed\xa0\xbd\xed\xb8\x80"}'
    body = b'{"api_key":"' + edge.key().encode() + b'","batch":[' + item + b',{"event":"b"}]}'
    assert edge.send("POST", "/e/", wrap(body)).status == 200
    assert [entry.body for entry in collected(edge)] == [item, b'{"event":"b"}']


def test_rudders_source_config_names_no_destination(edge):
    """RudderStack's browser SDK learns that the source is on and that nothing else is to be loaded."""
    token = edge.key()
    answer = edge.send("GET", f"/sourceConfig/?p=npm&writeKey={token}", Authorization=basic(token))
    assert answer.json["source"]["enabled"] is True
    assert answer.json["source"]["destinations"] == []
    assert edge.send("GET", "/sourceConfig/?writeKey=unknown").status == 401


def test_the_browser_sdk_comes_from_here(edge):
    """Script and parts are served compressed or not; names that are no parts are not looked for on the disk."""
    path = f"/analytics.js/v1/{edge.key()}/analytics.min.js"
    plain, packed = edge.send("GET", path), edge.send("GET", path, Accept_Encoding="gzip, br")
    assert len(plain.body) == 114_551
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    part = "schemaFilter.bundle.a6a77355d52c20e3a83d.js"
    assert edge.send("GET", f"/analytics-next/bundles/{part}").status == 200
    for name in ("../sdk.py", "..%2fsdk.py", "x.bundle.00000000000000000000.js", "NOTICE.md"):
        assert edge.send("GET", f"/analytics-next/bundles/{name}").status == 404


def test_what_sdks_ask_besides_is_answered(edge):
    """The SDK's own counters and feature flags have an answer, so that no SDK retries for ever."""
    assert edge.send("POST", "/v1/m", {"series": []}).json == {"success": True}
    assert edge.send("POST", "/flags/?v=2", {"token": "x"}).json["featureFlags"] == {}
    assert edge.send("GET", "/v1/batch").status == 405
    assert collected(edge) == []


def test_a_request_has_an_id_from_answer_to_log(edge):
    """The id in the answer is the id in the log; a caller's own is kept if it is one, else replaced."""
    token = edge.key()
    own = edge.send("POST", "/v1/track", EVENT, Authorization=basic(token))
    given = edge.send("POST", "/v1/track", EVENT, Authorization=basic(token), X_Request_Id="trace-7")
    forged = edge.send("POST", "/v1/track", EVENT, Authorization=basic(token), X_Request_Id='a"\n{}')
    ids = [a.headers["request-id"] for a in (own, given, forged)]
    assert ids == [entry.request_id for entry in collected(edge)]
    assert ids[1] == "trace-7"
    assert len(set(ids)) == 3
    assert "{" not in ids[2]


def test_concurrent_requests_are_each_answered_for_their_own(edge):
    """A hundred at once: each 200, each entry there once."""
    token = edge.key()

    async def flood():
        calls = [edge.call("POST", "/v1/track", EVENT | {"n": n}, Authorization=basic(token)) for n in range(100)]
        return await asyncio.gather(*calls)

    assert {answer.status for answer in edge.runner.run(flood())} == {200}
    assert sorted(json.loads(entry.body)["n"] for entry in collected(edge)) == list(range(100))
    assert edge.main.log.appends < 100
