"""The JSON API, the Segment Profile API, health and limits of the running server."""

import json
import subprocess
import sys

import pytest
from bench.ground import wait_until
from tests.running import Server, project, running

pytestmark = pytest.mark.xdist_group("server")
SECRET_WORDS = ("ann@mail.test", "Lovelace")


@pytest.fixture(scope="module")
def server():
    with running() as started:
        batch = [
            {
                "type": "identify",
                "userId": "ann",
                "anonymousId": "c1",
                "messageId": "1",
                "traits": {"email": "ann@mail.test", "last_name": "Lovelace"},
            },
            {
                "type": "track",
                "event": "Order Completed",
                "userId": "ann",
                "messageId": "2",
                "properties": {"revenue": 12.3, "order_id": "o1"},
            },
            {"type": "page", "anonymousId": "c1", "messageId": "3"},
            {"type": "identify", "userId": "bob", "messageId": "4", "traits": {"email": "family@mail.test"}},
            {"type": "identify", "anonymousId": "c2", "messageId": "5", "traits": {"email": "family@mail.test"}},
        ]
        assert started.post("/v1/batch", {"batch": batch}) == 200
        started.account()
        yield started


def test_a_profile_answers_to_every_identifier_and_to_its_id(server):
    """User id, e-mail, cookie and profile id lead to one profile."""
    one = server.profile("user_id:ann")
    for name in ("email:ann@mail.test", "email:%20ANN%40mail.test", "anonymous_id:c1", f"profile:{one['id']}"):
        assert server.profile(name)["id"] == one["id"]
    counters = one["counters"]
    assert (counters["events"], counters["purchases"], counters["purchases_without_amount"]) == (3, 1, 0)
    assert (counters["revenue"], counters["revenue_by_currency"]) == ("12.3", {"USD": "12.3"})
    assert one["lifecycle"]["stage"] == "customer"


def test_nobody_and_nothing_are_problems_with_a_type(server):
    """Errors are problem+json: 404 for nobody, 401 without a key, 403 for a write key, 422 for nonsense."""
    for path, key, status in (
        ("/api/v1/profiles/user_id:nobody", server.here.read_key, 404),
        ("/api/v1/profiles/user_id:ann", "", 401),
        ("/api/v1/profiles/user_id:ann", server.here.write_key, 403),
        ("/api/v1/profiles/user_id:ann/timeline?cursor=!!", server.here.read_key, 422),
    ):
        got, body, headers = server.send("GET", path, Authorization=f"Bearer {key}")
        assert got == status, path
        assert headers["content-type"].startswith("application/problem+json")
        assert json.loads(body)["status"] == status
        assert headers["request-id"]


def test_a_split_and_its_withdrawal_restore_the_profile(server):
    """Split, look, withdraw: the profile is what it was, and history tells both."""
    before = server.profile("user_id:bob")

    def judge(verdict):
        body = {
            "verdict": verdict,
            "a": {"type": "email", "value": "family@mail.test"},
            "b": {"type": "user_id", "value": "bob"},
        }
        status, answer, _ = server.send(
            "POST", "/api/v1/judgements", json.dumps(body).encode(),
            Authorization=f"Bearer {server.here.read_key}", Content_Type="application/json",
        )  # fmt: skip
        assert status in {200, 201, 202}, answer
        server.account()

    judge("split")
    assert server.profile("email:family@mail.test")["id"] != server.profile("user_id:bob")["id"]
    judge("withdraw")
    assert server.profile("user_id:bob") == before
    _, told = server.get("/api/v1/profiles/user_id:bob/history")
    assert [j["verdict"] for j in told["judgements"]] == ["different", "withdrawn"]
    _, why = server.get("/api/v1/explain?a=user_id:bob&b=anonymous_id:c2")
    assert why["verdict"] == "same"
    assert len(why["path"]) == 2


def test_the_segment_profile_api_speaks_segments_shapes(server):
    """Traits, external ids and events have the shapes of Segment's Profile API; so has its error."""
    base = "/v1/spaces/default/collections/users/profiles"
    status, traits = server.get(f"{base}/email:ann@mail.test/traits")
    assert status == 200
    assert traits["traits"]["last_name"] == "Lovelace"
    assert set(traits["cursor"]) >= {"url", "has_more", "next", "limit"}
    _, ids = server.get(f"{base}/user_id:ann/external_ids")
    assert {i["type"] for i in ids["data"]} == {"user_id", "email", "anonymous_id"}
    status, missing = server.get(f"{base}/user_id:nobody/traits")
    assert (status, missing["error"]["code"]) == (404, "not_found")


def test_it_says_how_it_is(server):
    """Live, ready, measured; the description is OpenAPI 3.1; no label or line holds anybody's data."""
    assert server.send("GET", "/livez")[0] == server.send("GET", "/readyz")[0] == 200
    _, metrics, _ = server.send("GET", "/metrics")
    assert b"onefold_" in metrics
    assert not any(word.encode() in metrics for word in SECRET_WORDS)
    _, described = server.get("/api/v1/openapi.json")
    assert described["openapi"].startswith("3.1")


def test_who_sends_too_much_is_told_when_to_come_back_and_logs_tell_nothing():
    """With limits on, 429 carries Retry-After and X-RateLimit-Reset; the log names no person, key or address."""
    with project() as here:
        file = here.directory / "onefold.yaml"
        file.write_text(file.read_text().replace("limits: {enabled: false}", "limits: {ingest_per_minute: 10}"))
        command = [sys.executable, "-m", "onefold", "serve", "--project", str(here.directory)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            server = Server(here)
            event = {"type": "identify", "userId": "ann", "traits": {"email": "ann@mail.test", "last_name": "Lovelace"}}
            answers = [
                server.send(
                    "POST", "/v1/identify", json.dumps(event).encode(), Authorization=f"Bearer {here.write_key}"
                )
                for _ in range(5)
            ]
            server.get("/api/v1/profiles/email:ann@mail.test")
        finally:
            process.terminate()
            _, log = process.communicate(timeout=30)
    refused = [headers for status, _, headers in answers if status == 429]
    assert answers[0][0] == 200
    assert refused
    assert all(h["retry-after"].isdigit() and h["x-ratelimit-reset"].isdigit() for h in refused)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert any(line.get("route") == "/api/v1/profiles/{identifier}" for line in lines)
    assert not any(word in log for word in (*SECRET_WORDS, here.write_key, here.read_key, "127.0.0.1"))
