"""The Segment Profile API: shapes, paging and errors as its clients expect them."""

import pytest
from tests.serving.edge import Edge, basic

BASE = "/v1/spaces/default/collections/users/profiles/user_id:ann"


@pytest.fixture
def edge():
    with Edge() as made:
        made.main.know("ann", attributes=25)
        made.token = made.key("secret")
        yield made


def get(edge, path):
    return edge.send("GET", path, Authorization=basic(edge.token))


def test_traits_come_ten_at_a_time_each_once(edge):
    """The default page is ten; following `next` gives every trait once, and `has_more` tells the truth."""
    seen, query = [], ""
    while True:
        page = get(edge, f"{BASE}/traits{query}").json
        assert len(page["traits"]) <= 10
        assert page["cursor"]["limit"] == 10
        seen += page["traits"]
        if not page["cursor"]["has_more"]:
            break
        query = f"?cursor={page['cursor']['next']}"
    assert seen == [f"trait_{n:03d}" for n in range(25)]


def test_traits_can_be_chosen_and_traced(edge):
    """`include` picks, `verbose` tells source and time, `class` asks for what are no plain traits."""
    chosen = get(edge, f"{BASE}/traits?include=trait_001,nonsense&limit=200").json
    assert chosen["traits"] == {"trait_001": "ann"}
    verbose = get(edge, f"{BASE}/traits?include=trait_001&verbose=true").json
    told = {"value": "ann", "source_id": "web", "updated_at": "2026-01-01T00:00:00.000Z"}
    assert verbose["traits"] == {"trait_001": told}
    assert get(edge, f"{BASE}/traits?class=audience").json["traits"] == {}


def test_the_other_views_have_their_shapes(edge):
    """External ids, events, metadata and links."""
    (external,) = get(edge, f"{BASE}/external_ids").json["data"]
    assert {"id", "type", "source_id", "collection", "created_at", "encoding"} == set(external)
    events = get(edge, f"{BASE}/events?limit=2").json
    assert [event["event"] for event in events["data"]] == ["Read", "Read"]
    assert (events["cursor"]["has_more"], events["cursor"]["next"]) == (True, "more")
    assert get(edge, f"{BASE}/metadata").json["metadata"]["created_at"] == "2026-01-01T00:00:00.000Z"
    assert get(edge, f"{BASE}/links").json["data"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{BASE}x/traits", 404, "not_found"),
        (f"{BASE}/nonsense", 404, "not_found"),
        (BASE.replace("users", "accounts") + "/traits", 404, "not_found"),
        (BASE.replace("default", "elsewhere") + "/traits", 404, "not_found"),
        (BASE.replace("user_id:ann", "ann") + "/traits", 400, "bad_request"),
        (f"{BASE}/traits?limit=201", 400, "bad_request"),
        (f"{BASE}/traits?limit=x", 400, "bad_request"),
        (f"{BASE}/traits?cursor=x", 400, "bad_request"),
        (f"{BASE}/events?cursor=strange", 400, "bad_request"),
    ],
)
def test_errors_have_segments_shape(edge, path, status, code):
    """`{"error": {"code", "message"}}`, and never a 500 for a strange value."""
    answer = get(edge, path)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert answer.headers["request-id"]


def test_a_phone_number_is_found_however_its_plus_is_written(edge):
    """`phone_number:%2B1…` and `phone_number:+1…` mean the same; Segment answers some of these 500."""
    person = edge.main.people["user_id", "ann"]
    edge.main.people["phone", "+15550100"] = person
    base = BASE.replace("user_id:ann", "phone_number:")
    for spelling in ("+15550100", " 15550100"):
        assert get(edge, f"{base}{spelling}/traits").status == 200
