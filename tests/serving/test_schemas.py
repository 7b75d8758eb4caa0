"""Each answer of the API has a schema in its description, and the answers of a running server fit theirs."""

import json
import time
from urllib.parse import quote

import jsonschema
import pytest
from tests.running import Server, project

from onefold import bootstrap, config

pytestmark = pytest.mark.xdist_group("server")

EVENTS = [
    {"type": "identify", "userId": "ann", "anonymousId": "c1", "messageId": "1", "timestamp": "unreadable",
     "traits": {"email": "ann@mail.test", "last_name": "Lovelace"}, "context": {"groupId": "acme"}},
    {"type": "track", "event": "Order Completed", "userId": "ann", "messageId": "2", "properties": {"revenue": 12.3}},
    {"type": "group", "userId": "ann", "groupId": "acme", "messageId": "3", "traits": {"size": 3}},
    {"type": "identify", "userId": "bob", "messageId": "4", "traits": {"email": "ann@mail.test"}},
    {"type": "track", "event": "Subscribed", "userId": "bob", "messageId": "5"},
    {"type": "track", "event": "Nobody", "messageId": "6"},
]  # fmt: skip
SEGMENTS = """
segments:
  buyers: {rule: purchases >= 1, description: They bought, owner: shop, tags: [a]}
  quiet: {rule: {logic: and, conditions: [{field: computed_traits.total_purchases, operator: greater_than, value: 0}]}}
  vip: {kind: static}
"""
SEGMENT = "/v1/spaces/{space}/collections/{collection}/profiles/{reference}/{view}"


@pytest.fixture(scope="module")
def server():
    """A server with two people who share an address, a judgement about them, and a dead letter."""
    with project() as here:
        (here.directory / "identity.yaml").write_text("match: {uses: {calls: 0.95}}\n")
        (here.directory / "traits").mkdir()
        (here.directory / "traits" / "all.yaml").write_text("traits: {orders: {count: Order Completed}}")
        with here.server():
            yield _filled(Server(here))


def _filled(started):
    assert started.post("/v1/batch", {"batch": EVENTS}) == 200
    started.account()
    folder = started.here.directory / "rfm"
    folder.mkdir()
    (folder / "buyers.yaml").write_text("events: [Order Completed]\namount: [revenue]\nmethod: ntile\n")
    assert [run.people for run in bootstrap.run_rfm(started.here.directory, None)] == [1]
    folder = started.here.directory / "segments"
    folder.mkdir(exist_ok=True)
    (folder / "s.yaml").write_text(SEGMENTS)
    with bootstrap.project_segments(started.here.directory, None, start=True) as segments:
        segments.apply()
    until = time.monotonic() + 60
    while started.get("/api/v1/segments")[1]["evaluating"] and time.monotonic() < until:
        time.sleep(0.05)
    return started


@pytest.fixture(scope="module")
def description(server):
    """The published description, with every schema closed: what it does not name must not be in an answer."""
    _, found = server.get("/api/v1/openapi.json")
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return found


def successes(description):
    """Each operation: method, path, and the content that its success is described to have."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    yield method, path, response.get("content", {})


def wrong(description, schema, answer):
    """What an answer has that its schema does not allow; None when it fits."""
    whole = {**schema, "components": description["components"]}
    found = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(whole).iter_errors(answer))
    return found and [f"{list(one.path)} {one.message[:200]}" for one in (found, *(found.context or ()))]


def answers(server):
    """Answers of every operation that returns JSON: method, path as described, the answer."""
    key = {"Authorization": f"Bearer {server.here.read_key}", "Content_Type": "application/json"}

    def ask(method, path, body=b"", **named):
        concrete = path
        for name, value in named.items():
            concrete = concrete.replace("{" + name + "}", quote(str(value), safe=":"))
        query = named.get("query", "")
        status, raw, _ = server.send(method.upper(), concrete + query, body, **key)
        assert status < 300, (concrete, raw)
        return method, path, json.loads(raw)

    said = {
        "verdict": "split",
        "a": {"type": "user_id", "value": "ann"},
        "b": {"type": "email", "value": "ann@mail.test"},
    }
    yield ask("post", "/api/v1/judgements", json.dumps(said).encode())
    server.account()
    one = ask("get", "/api/v1/profiles", query="?type=user_id&value=ann")
    assert one[2]["segments"].keys() >= {"buyers", "quiet"}
    yield one
    yield ask("post", "/api/v1/profiles/lookup", json.dumps({"type": "user_id", "value": "bob"}).encode())
    for path, named in (
        ("{identifier}", {"identifier": "user_id:ann"}),
        ("id/{profile_id}", {"profile_id": one[2]["id"]}),
    ):
        for view in ("", "/identifiers", "/timeline", "/history", "/evidence", "/links", "/graph"):
            yield ask("get", f"/api/v1/profiles/{path}{view}", **named)
    yield ask("get", "/api/v1/explain", query="?a=user_id:ann&b=user_id:bob")
    yield from by_use(ask)
    letters = ask("get", "/api/v1/dead-letters")
    yield letters
    offset = letters[2]["dead_letters"][0]["offset"]
    yield ask("get", "/api/v1/dead-letters/{offset}", offset=offset)
    yield ask("post", "/api/v1/dead-letters/{offset}/replay", offset=offset)
    yield ask("get", "/api/v1/sources")
    yield ask("get", "/api/v1/stats")
    yield ask("get", "/api/v1/rfm")
    yield ask("get", "/api/v1/rfm/{name}", name="buyers")
    yield ask("get", "/api/v1/segments")
    yield ask("get", "/api/v1/segments/{slug}", slug="buyers")
    listed = ask("get", "/api/v1/segments/{slug}/members", slug="buyers")
    assert [m["identifier"]["value"] for m in listed[2]["members"]] == ["ann"]
    yield listed
    yield ask("get", "/api/v1/segments/{slug}/members/{identifier}", slug="buyers", identifier="user_id:ann")
    yield ask("get", "/api/v1/segments/overlap", query="?among=buyers&among=quiet")
    previewed = ask("post", "/api/v1/segments/preview", json.dumps({"rule": "events >= 1"}).encode())
    assert (previewed[2]["way"], previewed[2]["because"]) == ("warehouse", "")
    yield previewed
    yield ask("post", "/api/v1/segments/reconcile")
    entered = ask("get", "/api/v1/segments/{slug}/history", slug="buyers")
    assert [change["entered"] for change in entered[2]["changes"]] == [True]
    yield entered
    grown = ask("get", "/api/v1/segments/{slug}/growth", slug="buyers")
    assert [(day["entered"], day["exited"], day["members"]) for day in grown[2]["days"]] == [(1, 0, 1)]
    yield grown
    yield ask("get", "/api/v1/segments/{slug}/versions", slug="buyers")
    compared = json.dumps({"rule": "events >= 1"}).encode()
    different = ask("post", "/api/v1/segments/{slug}/diff", compared, slug="buyers")
    assert (different[2]["both"], different[2]["leaving"]) == (1, 0)
    assert different[2]["entering"] >= 1
    yield different
    who = json.dumps({"identifiers": [{"type": "user_id", "value": "bob"}]}).encode()
    yield ask("post", "/api/v1/segments/{slug}/list", who, slug="vip")
    yield from reviewed(ask)
    yield ask("get", "/api/v1/households")
    yield ask("get", "/api/v1/explain/evidence", query="?a=user_id:ann&b=user_id:bob")
    yield from looked_after(ask)
    yield from as_builder(server)
    yield from as_owner(server)
    for view in ("traits", "external_ids", "events", "metadata", "links"):
        yield ask("get", SEGMENT, space="default", collection="users", reference="user_id:ann", view=view)


def by_use(ask):
    """Answers about the use that has a threshold of its own."""
    yield ask("get", "/api/v1/identity/uses")
    found = ask("get", "/api/v1/explain/uses", query="?a=user_id:ann&b=user_id:bob")
    assert [(one["use"], one["one_person"]) for one in found[2]["uses"]] == [("calls", False)]
    yield found


def looked_after(ask):
    """Answers about the data itself: at a glance, table by table, and what checks find."""
    yield ask("get", "/api/v1/traits")
    yield ask("get", "/api/v1/traits/{name}", name="orders")
    yield ask("get", "/api/v1/home")
    found = ask("get", "/api/v1/people", query="?search=ann")
    assert [one["exact"] for one in found[2]["people"]][:1] == [True]
    yield found
    yield ask("get", "/api/v1/tables")
    table = {"table": "golden.profile"}
    yield ask("get", "/api/v1/tables/{table}", **table)
    rows = ask("get", "/api/v1/tables/{table}/rows", query="?limit=1", **table)
    assert (len(rows[2]["rows"]), rows[2]["more"]) == (1, True)
    yield rows
    yield ask("get", "/api/v1/tables/{table}/lineage", query="?column=attributes.email", **table)
    ran = ask("post", "/api/v1/checks/run", b'{"relation": "golden.profile"}')
    assert ran[2]["ran"] > 0
    yield ran
    checks = ask("get", "/api/v1/checks")
    assert any(one["runs"] for one in checks[2]["checks"])
    yield checks
    yield ask("get", "/api/v1/quarantine")


def uploaded(ask):
    """Answers about a file of two people."""
    file = b"\nemail,town\nzoe@mail.test,Bonn\nzac@mail.test,Ulm\n"
    shown = ask("post", "/api/v1/sources/preview", b'{"file": "people.csv"}' + file)
    yield shown
    said = {"file": "people.csv", "mapping": shown[2]["mapping"]}
    yield ask("post", "/api/v1/sources/{source}/load", json.dumps(said).encode() + file, source="crm")


def as_builder(server):
    """Answers of what whoever builds segments asks: each change says what it was made from."""
    key = {"Authorization": f"Bearer {server.here.read_key}", "Content_Type": "application/json"}

    def ask(method, path, said=None, query="", slug="quiet", **more):
        body = b"" if said is None else json.dumps(said).encode()
        status, raw, heads = server.send(method.upper(), path.replace("{slug}", slug) + query, body, **key, **more)
        assert status < 300, (path, raw)
        return (method, path, json.loads(raw)), {"If_Match": heads.get("etag", "")}

    one = "/api/v1/segments/{slug}/definition"
    yield ask("get", "/api/v1/identity/accuracy")[0]
    planned, tag = ask("post", "/api/v1/identity/plan", {})
    yield planned
    yield ask("post", "/api/v1/identity/apply", **tag)[0]
    yield ask("get", "/api/v1/rules/fields")[0]
    at, found = "/api/v1/identity/settings", ask("get", "/api/v1/identity/settings")
    yield found[0]
    found = ask("put", at, {"types": {"email": {"limit": 4}}}, **found[1])
    yield found[0]
    yield ask("post", f"{at}/undo", **found[1])[0]
    yield ask("get", "/api/v1/rules/values", query="?field=purchases")[0]
    yield ask("post", "/api/v1/rules/check", {"rule": "purchases >= 1"})[0]
    found, tag = ask("get", one)
    yield found
    found, tag = ask("put", one, {"rule": "purchases >= 2"}, **tag)
    yield found
    found, tag = ask("post", "/api/v1/segments/{slug}/archive", **tag)
    yield found
    yield ask("delete", one, **tag)[0]
    found, tag = ask("post", "/api/v1/segments/plan")
    assert [(change["audience"], change["what"]) for change in found[2]["changes"]] == [("quiet", "removed")]
    yield found
    yield ask("post", "/api/v1/segments/apply", **tag)[0]


def as_owner(server):
    """Answers of what only somebody who signed in may ask."""
    (link,) = bootstrap.owner_links(config.read_project(server.here.directory)).values()
    used, cookies = {"token": link.partition("#")[2]}, dict[str, str]()

    def ask(method, path, said=None, **named):
        concrete = path
        for name, value in named.items():
            concrete = concrete.replace("{" + name + "}", value)
        body = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        status, raw, heads = server.send(method.upper(), concrete, body, **OURS, **cookies)
        assert status < 300, (concrete, raw)
        if "set-cookie" in heads:
            cookies["Cookie"] = heads["set-cookie"].partition(";")[0]
        return method, path, json.loads(raw)

    yield ask("post", "/api/v1/setup/check", used)
    secret = {"password": "correct horse battery"}
    yield ask("post", "/api/v1/setup", {**used, **secret, "name": "ann"})
    yield ask("get", "/api/v1/me")
    yield ask("post", "/api/v1/me/password", {"old": secret["password"], "new": "another good passphrase"})
    made = ask("post", "/api/v1/accounts", {"name": "bob", "role": "steward"})
    yield made
    one = {"account_id": made[2]["account"]["id"]}
    yield ask("get", "/api/v1/accounts")
    yield ask("patch", "/api/v1/accounts/{account_id}", {"role": "marketer"}, **one)
    yield ask("post", "/api/v1/accounts/{account_id}/reset", **one)
    yield from uploaded(ask)
    yield ask("get", "/api/v1/keys")
    issued = ask("post", "/api/v1/keys", {"role": "marketer"})
    yield issued
    yield ask("delete", "/api/v1/keys/{key_id}", key_id=issued[2]["info"]["id"])
    yield ask("get", "/api/v1/audit")
    yield ask("delete", "/api/v1/session")
    yield ask("post", "/api/v1/session", {"name": "ann", "password": "another good passphrase"})
    yield ask("delete", "/api/v1/sessions")


def reviewed(ask):
    """Answers of the review queue about the one pair that was judged."""
    decided = ask("get", "/api/v1/review/pairs", query="?status=decided")
    pair = decided[2]["pairs"][0]["pair"]
    assert {f["field"] for f in decided[2]["pairs"][0]["fields"]} >= {"email", "user_id"}
    yield decided
    yield ask("get", "/api/v1/review/pairs/{pair}", pair=pair)
    yield ask("post", "/api/v1/review/claims", b'{"status": "second"}')
    yield ask("post", "/api/v1/review/claims/release", json.dumps({"pairs": [pair]}).encode())
    said = json.dumps({"pairs": [pair], "verdict": "unsure", "reason": "seen nothing"}).encode()
    yield ask("post", "/api/v1/review/decisions", said)
    yield ask("get", "/api/v1/review/decisions")
    yield ask("get", "/api/v1/review/stats")
    labels = ask("get", "/api/v1/review/labels")
    assert [label["verdict"] for label in labels[2]["labels"]] == ["different"]
    yield labels
    yield ask("post", "/api/v1/review/bulk/preview", b'{"equal": ["email"]}')
    yield ask("post", "/api/v1/review/undo", json.dumps({"pair": pair}).encode())


def test_each_answer_has_a_schema(description):
    """Of every success and of every problem: not one is described as just anything."""
    found = list(successes(description))
    assert len(found) >= 19
    for method, path, content in found:
        assert content, f"{method} {path}"
        assert all(kind["schema"] for kind in content.values()), f"{method} {path}"
    for methods in description["paths"].values():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                kinds = response.get("content", {}).values()
                assert status.startswith("2") or all(kind["schema"] for kind in kinds), operation["summary"]


def test_what_a_server_answers_fits_its_schema(server, description):
    """Every operation that returns JSON is asked; and each schema says enough to be broken."""
    described = {(method, path): content.get("application/json") for method, path, content in successes(description)}
    asked = set()
    for method, path, answer in answers(server):
        schema = described[method, path]["schema"]
        asked.add((method, path))
        assert wrong(description, schema, answer) is None, f"{method} {path}"
        # Control: with a field more, with one less, or of another type, it does not fit.
        assert wrong(description, schema, answer | {"unheard_of": 1}) is not None, path
        for name in answer:
            assert wrong(description, schema, {n: v for n, v in answer.items() if n != name}) or name in OPTIONAL, path
    assert asked | ELSEWHERE == {operation for operation, content in described.items() if content is not None}


OURS = {"Content_Type": "application/json", "Sec_Fetch_Site": "same-origin"}
ELSEWHERE = {
    ("post", "/api/v1/query"), ("post", "/api/v1/review/bulk"), ("get", "/api/v1/households/{household_id}"),
}  # fmt: skip
"""The first needs a warehouse, and `test_queries` asks it; the others need the matcher, and `test_review` and
`test_households` ask it."""
OPTIONAL = {"payload"}
"""A dead letter has its payload either as JSON or in base64."""


def test_a_problem_fits_its_schema(server, description):
    """404 and 422 alike."""
    for path in ("/api/v1/profiles/user_id:zoe", "/api/v1/profiles/id/x"):
        _, raw, _ = server.send("GET", path, Authorization=f"Bearer {server.here.read_key}")
        problem = json.loads(raw)
        assert wrong(description, {"$ref": "#/components/schemas/Problem"}, problem) is None
        assert wrong(description, {"$ref": "#/components/schemas/Problem"}, problem | {"status": "404"}) is not None
