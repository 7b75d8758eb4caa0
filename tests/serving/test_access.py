"""Who may ask what: scopes, workspaces, limits, and requests made to break the API."""

import asyncio
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serving.edge import Edge, basic, bearer

from onefold.serving import accounts, administration
from onefold.serving.access import BODY_BYTES_MAX
from onefold.serving.api import api
from onefold.serving.app import ServingSettings
from onefold.serving.glance import glance
from onefold.serving.households import households
from onefold.serving.identity import identity
from onefold.serving.limits import Limit
from onefold.serving.quality import quality
from onefold.serving.queries import queries
from onefold.serving.review import review
from onefold.serving.rfm import rfm
from onefold.serving.rules import rules
from onefold.serving.segment_editing import editing
from onefold.serving.segment_profiles import segment
from onefold.serving.segments import segments
from onefold.serving.tables import tables
from onefold.serving.uploads import uploads
from onefold.serving.uses import uses
from onefold.telemetry import JsonFormatter

READS = (
    "/api/v1/profiles/user_id:ann",
    "/api/v1/profiles?type=user_id&value=ann",
    "/api/v1/profiles/user_id:ann/identifiers",
    "/api/v1/profiles/user_id:ann/timeline",
    "/api/v1/profiles/user_id:ann/history",
    "/api/v1/profiles/user_id:ann/graph",
    "/api/v1/profiles/id/00000000-0000-0000-0000-000000000001",
    "/api/v1/explain?a=user_id:ann&b=user_id:ann",
    "/api/v1/explain/uses?a=user_id:ann&b=user_id:ann",
    "/api/v1/profiles/user_id:ann/links",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/traits",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/external_ids",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/events",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/metadata",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/links",
)
REVIEW = ("pairs", "decisions", "stats", "labels")
OPERATIONS = (
    "/api/v1/sources",
    "/api/v1/stats",
    "/api/v1/identity/uses",
    *(f"/api/v1/review/{view}" for view in REVIEW),
)
STEWARDS = ("/api/v1/dead-letters", "/api/v1/dead-letters/3")
LINK = {"verdict": "link", "a": {"type": "user_id", "value": "ann"}, "b": {"type": "email", "value": "a@b.test"}}


@pytest.fixture
def edge():
    with Edge("main", "other") as made:
        made.main.know("ann", attributes=25)
        made.main.people["profile", "00000000-0000-0000-0000-000000000001"] = made.main.people["user_id", "ann"]
        yield made


@pytest.fixture
def admin(edge):
    return edge.key("secret", name="steward", scopes=("admin",))


def judged(edge, token, said):
    return edge.send("POST", "/api/v1/judgements", said, Authorization=bearer(token), Content_Type="application/json")


@pytest.mark.parametrize("path", READS + OPERATIONS + STEWARDS)
def test_no_route_answers_without_a_secret_key(edge, path):
    """No key, a strange key, a malformed header and a write key get nothing from any route."""
    for header, status in (("", 401), (bearer("unknown"), 401), ("Basic !", 401), (bearer(edge.key(name=path)), 403)):
        answer = edge.send("GET", path, Authorization=header)
        assert answer.status == status, (path, header)
        assert b"ann" not in answer.body


def test_scopes_are_what_they_say(edge, admin):
    """A reader reads and does not judge; a steward does both."""
    reader = edge.key("secret")
    for path in READS + OPERATIONS:
        assert edge.send("GET", path, Authorization=bearer(reader)).status == 200, path
        assert edge.send("GET", path, Authorization=basic(admin)).status == 200, path
    for path in STEWARDS:
        assert edge.send("GET", path, Authorization=bearer(reader)).status == 403, path
        assert edge.send("GET", path, Authorization=bearer(admin)).status == 200, path
    assert judged(edge, reader, LINK).status == 403
    assert edge.send("POST", "/api/v1/dead-letters/3/replay", Authorization=bearer(reader)).status == 403
    assert edge.main.said == []
    assert judged(edge, admin, LINK).status == 201
    assert edge.main.said[0][0] == "same"
    for path in ("claims", "claims/release", "decisions", "undo", "bulk/preview", "bulk"):
        sent = {"Authorization": bearer(reader), "Content_Type": "application/json"}
        assert edge.send("POST", f"/api/v1/review/{path}", b"{}", **sent).status == 403, path


def test_values_of_labels_need_a_scope_of_their_own(edge, admin):
    """Who may read and judge gets ids; with `personal`, what was compared, too."""
    personal = edge.key("secret", name="exporter", scopes=("read", "personal"))
    for token, status in ((admin, 403), (personal, 200)):
        answer = edge.send("GET", "/api/v1/review/labels?values=true", Authorization=bearer(token))
        assert answer.status == status


@pytest.mark.parametrize("path", READS)
def test_no_workspace_sees_another(edge, path):
    """A key of another workspace does not find the person, whatever the path says."""
    stranger = edge.key("secret", workspace="other")
    for spelling in (path, path.replace("/spaces/default/", "/spaces/main/")):
        answer = edge.send("GET", spelling, Authorization=bearer(stranger))
        assert answer.status == 404, spelling
        assert b"trait_" not in answer.body


def test_look_ups_have_a_limit_of_their_own(edge):
    """Over the look-up limit: 429 as a problem, with the time to come again; stewardship goes on."""
    with Edge(settings=ServingSettings(limits={"lookup": Limit(60, burst=1)})) as limited:
        limited.main.know("ann")
        steward = limited.key("secret", scopes=("admin", "read"))
        statuses = [limited.send("GET", READS[0], Authorization=bearer(steward)).status for _ in range(2)]
        refused = limited.send("GET", READS[0], Authorization=bearer(steward))
        assert statuses == [200, 429]
        assert refused.headers["retry-after"] == "1"
        assert int(refused.headers["x-ratelimit-reset"]) > 0
        assert refused.json["type"] == "urn:onefold:problem:overloaded"
        assert limited.send("GET", STEWARDS[0], Authorization=bearer(steward)).status == 200


def test_a_judgement_is_signed_and_correlated(edge, admin):
    """It carries who said it, by name and key id and never the key, and the request's id; a split finds its other half."""
    split = {"verdict": "split", "a": {"type": "user_id", "value": "ann"}, "reason": "two people"}
    answer = judged(edge, admin, split)
    verdict, _, other, by, reason, request = edge.main.said[0]
    assert (verdict, other.value, reason) == ("different", "other", "two people")
    assert by.startswith("steward (")
    assert admin not in by
    assert request == answer.headers["request-id"]


@pytest.mark.parametrize(
    "said",
    [
        {**LINK, "b": None},
        {**LINK, "verdict": "share"},
        {**LINK, "verdict": "marry"},
        {**LINK, "a": {"type": "", "value": "x"}},
        {**LINK, "more": 1},
        {**LINK, "a": "user_id:ann"},
        [],
        "x",
    ],
)
def test_a_judgement_that_makes_no_sense_is_refused(edge, admin, said):
    """422 as a problem that names the place; nothing is put into the log."""
    answer = judged(edge, admin, said)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert edge.main.said == []


def test_a_mended_item_is_replayed_byte_for_byte(edge, admin):
    """Long numbers survive; without a body the payload is sent as it was; what is no JSON is refused."""
    path = "/api/v1/dead-letters/3/replay"
    mended = b'{"amount": 123456789012345678901234567890.10}'
    assert edge.send("POST", path, mended, Authorization=bearer(admin)).status == 202
    assert edge.send("POST", path, Authorization=bearer(admin)).status == 202
    assert [body for _, _, body in edge.main.said] == [mended, None]
    for broken in (b"{", b"nonsense", b"[" * 100_000):
        assert edge.send("POST", path, broken, Authorization=bearer(admin)).status == 422
    assert len(edge.main.said) == 2


def test_dead_letters_are_paged_to_the_end(edge, admin):
    """Following `next` gives each once."""
    seen, cursor = [], 0
    while cursor is not None:
        page = edge.send("GET", f"/api/v1/dead-letters?limit=3&cursor={cursor}", Authorization=bearer(admin)).json
        seen += [letter["offset"] for letter in page["dead_letters"]]
        cursor = page["next"]
    assert seen == list(range(1, 8))


def test_a_body_is_bounded_and_read_only_from_who_may_send_one(edge):
    """Too large is 413 for who has a secret key; without one nothing of the body is read, so nothing of it is held."""
    large = b" " * (BODY_BYTES_MAX + 1)
    admin = edge.key("secret", scopes=("admin",))
    assert edge.send("POST", "/api/v1/judgements", large, Authorization=bearer(admin)).status == 413
    for header, status in (("", 401), (bearer("unknown"), 401), (bearer(edge.key()), 403)):
        unread = [large]
        answer = edge.send("POST", "/api/v1/judgements", chunks=unread, Authorization=header)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
        assert unread == [large]


def test_answers_with_personal_data_are_not_kept_on_the_way(edge):
    """No cache may keep a profile, and no browser may guess its type."""
    answer = edge.send("GET", READS[0], Authorization=bearer(edge.key("secret")))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_is_a_problem_that_tells_nothing(edge, caplog):
    """An unforeseen error is 500 with an id; neither answer nor log repeats its words."""

    def broken(identifier):
        raise ValueError("ann@mail.test")

    edge.main.profile = broken
    answer = edge.send("GET", READS[0], Authorization=bearer(edge.key("secret")))
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json["request_id"] == answer.headers["request-id"]
    assert b"mail.test" not in answer.body
    written = [JsonFormatter().format(record) for record in caplog.records]
    assert any("ValueError" in line for line in written)
    assert not any("mail.test" in line for line in written)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PATHS = ("/api/v1/judgements", "/api/v1/dead-letters/3/replay", "/api/v1/profiles/lookup")


def test_no_request_makes_the_api_fail(edge, admin):
    """Whatever stands in body, path and query: an answer below 500, in the API's words."""

    @settings(max_examples=150)
    @given(st.sampled_from(PATHS), anything, st.text(max_size=30), st.text(max_size=30), st.booleans())
    def fuzz(path, body, reference, cursor, raw):
        data = json.dumps(body).encode() if not raw else str(body).encode("utf-8", "surrogatepass")
        shown = reference.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        for method, where, sent in (
            ("POST", path, data),
            ("GET", f"/api/v1/profiles/{shown.replace('?', '')}", b""),
            ("GET", f"/v1/spaces/default/collections/users/profiles/{shown.replace('?', '')}/traits", b""),
        ):
            query = {"cursor": cursor}
            answer = edge.send(
                method, where + "?" + encoded(query), sent,
                Authorization=bearer(admin), Content_Type="application/json",
            )  # fmt: skip
            assert answer.status < 500, (method, where, sent)
            assert answer.status < 400 or "json" in answer.headers["content-type"]

    fuzz()


def encoded(query):
    return urlencode(query, errors="replace")


def test_the_description_covers_every_route(edge):
    """OpenAPI 3.1 with the security schemes, and every route of the API in it."""
    told = edge.send("GET", "/api/v1/openapi.json").json
    assert told["openapi"].startswith("3.1")
    assert set(told["components"]["securitySchemes"]) == {"bearer", "basic", "session"}
    routers = (
        accounts.router, administration.router, api, editing, glance, households, identity, quality, queries, review, rfm,
        rules, segment, segments, tables, uploads, uses,
    )  # fmt: skip
    routes = {route.path.replace(":path", "") for router in routers for route in router.routes}
    assert "/api/v1/profiles/{identifier}/timeline" in routes
    assert routes == set(told["paths"])
    ids = [operation["operationId"] for path in told["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_there_is_no_page_that_loads_scripts_from_elsewhere(edge):
    """The framework's documentation pages, which load from a CDN, are not served."""
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert edge.send("GET", path).status == 404


def test_requests_do_not_see_each_others_ids(edge):
    """Concurrent requests keep their own id."""
    token = bearer(edge.key("secret"))

    async def both():
        calls = [edge.call("GET", "/api/v1/profiles/user_id:nobody", Authorization=token) for _ in range(50)]
        return await asyncio.gather(*calls)

    answers = edge.runner.run(both())
    assert all(answer.json["request_id"] == answer.headers["request-id"] for answer in answers)
    assert len({answer.headers["request-id"] for answer in answers}) == 50
