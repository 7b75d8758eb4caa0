"""Roles: what each may do on every route, what it sees of people in every answer, and what is written down of that."""

import msgspec
import pytest
from tests.serving.edge import LETTER, UNLIMITED, Edge, bearer

from onefold.errors import UnavailableError
from onefold.governance import access
from onefold.governance.roles import ROLES
from onefold.model import Identifier, results
from onefold.model.results.result import Result
from onefold.serving import sight
from onefold.serving.description import describe
from onefold.warehouse.masking import Role
from onefold.warehouse.sight import Sight, seen

JSON = {"Content_Type": "application/json"}
ADDRESS, NAME, WAGE = "ann@mail.test", "Lovelace", "seventy thousand"
CLASSES = {
    ("golden.profile", "attributes.email"): "identifier",
    ("golden.profile", "attributes.wage"): "sensitive",
    ("golden.profile", "attributes.plan"): "none",
    ("staging.event", "properties.amount"): "none",
    ("staging.event", "properties.wage"): "sensitive",
}


def stated(value):
    lost = results.StatedValue(value=value, source="crm", at=None)
    return results.Attribute(value=value, source="web", at=None, rule="latest", others=(lost,))


def person(edge):
    """Ann, with a value of each class."""
    edge.main.know("ann")
    ann = edge.main.people["user_id", "ann"]
    identifiers = (
        *ann.identifiers,
        msgspec.structs.replace(ann.identifiers[0], type="email", value=ADDRESS, primary=False),
    )
    held = {"email": stated(ADDRESS), "last_name": stated(NAME), "wage": stated(WAGE), "plan": stated("gold plan")}
    score = results.ComputedTrait(value=NAME, changes_at=None, full=False, status="live")
    group = results.Group(type="company", id=ADDRESS, traits={"boss": NAME}, first_seen=None, last_seen=None)
    edge.main.people["user_id", "ann"] = msgspec.structs.replace(
        ann, identifiers=identifiers, attributes=held, traits={"nickname": score}, groups=(group,)
    )


def event():
    texts = dict.fromkeys(("timestamp", "original_timestamp", "sent_at", "received_at", "skew_ms", "original_name"))
    return results.Event(
        message_id="m", kind="track", name="Read", source="web", offset=1, request_id="r", emq=1.0, **texts,
        findings=(), violations=(), cleared=(), consents={}, identifiers=(Identifier("email", ADDRESS),),
        traits={"email": ADDRESS, "last_name": NAME}, traits_once={"wage": WAGE},
        operations=(results.EventOperation(field="last_name", verb="add", value=NAME),),
        groups=(results.EventGroup(type="company", id=ADDRESS, traits={"boss": NAME}),),
        properties={"amount": "12 pounds", "note": {"to": [NAME]}, "wage": WAGE}, context={"page": {"url": ADDRESS}},
    )  # fmt: skip


def explanation():
    judged = results.JudgementReference(
        id="1", verdict="different", by="steward", reason=f"{NAME} said so", at="", offset=1
    )
    step = results.Step(
        start=results.End(type="email", label=f"email:{ADDRESS}"), end=results.End(type="user_id", label="user_id:ann"),
        kind="judgement", id="1", verdict="same", by="steward", reason=f"like {NAME}", at="", offset=1,
        refusal=results.Refusal(reason="judged", type="email", judgement=judged, why=""),
    )  # fmt: skip
    return results.Explanation(
        verdict="different", a=f"email:{ADDRESS}", b="user_id:ann", profile_a="1", profile_b="2", path=(step,),
        refused=(step,), refused_total=1, searched=True, judged_apart=judged, profile_ids=(),
        sentences=(f"email:{ADDRESS} was seen with user_id:ann.", f'A person said: "{NAME} said so".'),
    )  # fmt: skip


def history():
    change = results.Change(
        kind="merged", profile_id="1", before="2", identifiers=(f"email:{ADDRESS}",), at=None, offset=1, request_id=""
    )
    said = results.StatedJudgement(
        id="1", verdict="same", subjects=(f"email:{ADDRESS}",), at=None, by="steward", reason=f"it is {NAME}"
    )
    return results.History(profile_id="1", changes=(change,), judgements=(said,))


@pytest.fixture
def edge(monkeypatch):
    def sights(role):
        return Sight(Role(ROLES[role].masks), CLASSES)

    with Edge(sights=sights) as made:
        person(made)
        main = made.main
        main.timeline = lambda who, cursor, limit: results.Timeline(profile_id="1", events=(event(),), next=None)
        main.history = lambda who: history()
        main.explain = lambda a, b: explanation()
        main.uses.links = lambda who, use, cursor, limit: results.PersonLinks(
            use=use, join_from=0.9, profile_id="1", identifiers=("user_id:ann",), without=(f"email:{ADDRESS}",),
            besides=("user_id:ann",), identifiers_total=1, next=None,
        )  # fmt: skip
        main.dead_letter = lambda offset: results.DeadLetterContent(
            offset=offset, **LETTER, shape="segment", sent_at=None, request_id="",
            payload={"traits": {"email": ADDRESS, "wage": WAGE, "last_name": NAME}, "batch": [NAME]},
        )  # fmt: skip
        yield made


def key(edge, role):
    return bearer(edge.key("secret", name=role, scopes=ROLES[role].scopes, role=role))


READS = (
    "/api/v1/profiles/user_id:ann",
    "/api/v1/profiles?type=user_id&value=ann",
    "/api/v1/profiles/user_id:ann/identifiers",
    "/api/v1/profiles/user_id:ann/timeline",
    "/api/v1/profiles/user_id:ann/history",
    "/api/v1/explain?a=user_id:ann&b=user_id:ann",
    "/api/v1/profiles/user_id:ann/links?use=calls",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/traits",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/external_ids",
    "/v1/spaces/default/collections/users/profiles/user_id:ann/events",
)
REASON = results.MembershipReason(because="event", conditions=(), partition=None, offset=None, profile_id=None)
HIDDEN = {
    "owner": (),
    "steward": (),
    "engineer": (WAGE,),
    "marketer": (WAGE, ADDRESS),
    "read-only": (WAGE, ADDRESS, NAME),
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_not_see_is_in_no_answer(edge, role):
    """Each place of a value of each class, in every view of a person: masked for whom it should be, there for the others."""
    token, texts = key(edge, role), ""
    for path in READS:
        answer = edge.send("GET", path, Authorization=token)
        assert answer.status == 200, path
        texts += answer.body.decode()
    for value in (ADDRESS, NAME, WAGE):
        assert (value not in texts) == (value in HIDDEN[role]), value
    assert "gold plan" in texts
    assert "12 pounds" in texts


def test_without_the_masking_a_role_would_see_everything(edge, monkeypatch):
    """Control: it is that one place which masks."""
    monkeypatch.setattr("onefold.serving.lookup.shown", lambda body: body)
    token = key(edge, "read-only")
    assert ADDRESS in edge.send("GET", READS[0], Authorization=token).body.decode()


@pytest.mark.parametrize("role", ROLES)
def test_names_in_lists_are_seen_as_last_names_are(edge, role):
    """Members, samples and who would move: by name for whom names are shown, else as the role sees a last name."""
    names = [
        results.Member(profile_id="1", identifier=None, name=NAME, since=None, reason=REASON),
        results.Sample(profile_id="1", identifier=None, name=NAME),
        results.Moved(profile_id="1", identifier=None, name=NAME, change="entering"),
    ]
    token = key(edge, role)
    for one in names:
        edge.main.history = lambda who, one=one: one
        told = edge.send("GET", READS[4], Authorization=token).json
        assert told["name"] == ("L***" if NAME in HIDDEN[role] else NAME)


def test_values_keep_their_shape(edge):
    """Shortened texts keep their first letter and domain; what cannot be shortened is null, and names of things stay."""
    profile = edge.send("GET", READS[0], Authorization=key(edge, "read-only")).json
    assert {i["type"]: i["value"] for i in profile["identifiers"]} == {"user_id": "a***", "email": "a***@mail.test"}
    assert profile["attributes"]["last_name"]["value"] == "L***"
    assert profile["attributes"]["wage"]["value"] is None
    assert profile["attributes"]["last_name"]["others"][0] == {"value": "L***", "source": "crm", "at": None}
    told = edge.send("GET", READS[5], Authorization=key(edge, "marketer")).json
    assert told["sentences"][0] == "email:a***@mail.test was seen with user_id:a***."
    (shown,) = edge.send("GET", READS[3], Authorization=key(edge, "marketer")).json["events"]
    assert shown["properties"] == {"amount": "12 pounds", "note": {"to": [NAME]}, "wage": None}
    assert [seen(v, "shorten") for v in ("ann", "ann@x.test", "", 3, None)] == [
        "a***",
        "a***@x.test",
        "***",
        None,
        None,
    ]


def test_a_dead_letter_shows_its_payload_to_whoever_sees_everything(edge):
    """It may hold anything under any name; an engineer is shown its shape."""
    path = "/api/v1/dead-letters/3"
    whole = edge.send("GET", path, Authorization=key(edge, "steward")).json["payload"]
    masked = edge.send("GET", path, Authorization=key(edge, "engineer")).json["payload"]
    assert whole["traits"]["wage"] == WAGE
    assert masked == {"traits": {"email": None, "wage": None, "last_name": None}, "batch": [None]}


def test_a_result_of_an_unknown_kind_is_not_shown_to_who_does_not_see_everything(edge):
    """What nobody has said it of may be personal."""

    class Novel(Result, frozen=True, kw_only=True):
        value: str

    edge.main.history = lambda who: Novel(value=NAME)
    answer = edge.send("GET", READS[4], Authorization=key(edge, "engineer"))
    assert answer.status == 403
    assert edge.send("GET", READS[4], Authorization=key(edge, "owner")).json == {"value": NAME}


def test_each_kind_that_is_listed_has_the_fields_that_are_masked():
    """No entry outlives its field, and no kind is in both lists."""
    for kind, fields in sight.PERSONAL.items():
        assert fields.keys() <= set(kind.__struct_fields__), kind
        assert kind not in sight.PLAIN


CHANGES = (
    ("POST", "/api/v1/judgements", {"verdict": "share", "a": {"type": "email", "value": ADDRESS}}, "admin"),
    ("GET", "/api/v1/dead-letters", None, "admin"),
    ("GET", "/api/v1/dead-letters/3", None, "admin"),
    ("POST", "/api/v1/dead-letters/3/replay", {}, "admin"),
    ("POST", "/api/v1/segments/vip/list", {"identifiers": [{"type": "email", "value": ADDRESS}]}, "segments"),
    ("POST", "/api/v1/query", {"query": "SELECT 1"}, "query"),
    ("GET", "/api/v1/accounts", None, "manage"),
    ("POST", "/api/v1/accounts", {"name": "mallory", "role": "owner"}, "manage"),
    ("PATCH", "/api/v1/accounts/1", {"role": "owner"}, "manage"),
    ("POST", "/api/v1/accounts/1/reset", None, "manage"),
    ("GET", "/api/v1/audit", None, "manage"),
    ("GET", "/api/v1/keys", None, "sources"),
    ("POST", "/api/v1/keys", {"source": "web"}, "sources"),
    ("POST", "/api/v1/keys", {"role": "owner"}, "manage"),
    ("DELETE", "/api/v1/keys/1", None, "sources"),
    ("POST", "/api/v1/sources/preview", {"file": "people.csv"}, "sources"),
    ("POST", "/api/v1/sources/crm/load", {"file": "people.csv", "mapping": "{}"}, "sources"),
)
UNGUARDED = {
    "/api/v1/session", "/api/v1/sessions", "/api/v1/me", "/api/v1/me/password", "/api/v1/setup", "/api/v1/setup/check",
    "/livez", "/readyz", "/metrics",
}  # fmt: skip
"""Routes that ask for no scope: of one's own account; probes; and metrics, which `test_health` asks."""
LOOKING = {
    "/api/v1/profiles/lookup",
    "/api/v1/segments/preview",
    "/api/v1/segments/reconcile",
    "/api/v1/segments/{slug}/diff",
}
"""Routes that change nothing though they take a body."""


def test_a_read_only_role_changes_nothing_on_any_route(edge):
    """Every route of the application, by every method it takes: 403, unless it only looks."""
    token, tried = key(edge, "read-only"), 0
    for path, methods in describe(answers=True).openapi()["paths"].items():
        for method in methods:
            if path in UNGUARDED | LOOKING or (method == "get" and path not in {p for m, p, _, _ in CHANGES}):
                continue
            concrete = path.replace("{offset}", "3").replace("{slug}", "vip").replace("{", "").replace("}", "")
            body = next((said for m, p, said, _ in CHANGES if (m.lower(), p) == (method, concrete)), None)
            answer = edge.send(method.upper(), concrete, b"" if body is None else body, Authorization=token, **JSON)
            assert answer.status in {403, 422}, (method, path, answer.status)
            # A body that does not fit is refused before or after: with one that fits, it is the role.
            assert answer.status == 403 or body is None, (method, path)
            tried += 1
    assert tried >= 8
    assert edge.main.said == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_what_its_scopes_say(edge, role):
    """Each guarded route, with a body that fits: 403 for whom the scope is not, something else for the others."""
    token = key(edge, role)
    held = access.Key(
        id="", kind="secret", workspace="main", name="", digest=b"", hint="", scopes=ROLES[role].scopes
    )  # fmt: skip
    for method, path, said, scope in CHANGES:
        if scope == "segments" and "segments" in ROLES[role].scopes:
            continue  # the edge's workspace keeps no segments
        answer = edge.send(method, path, b"" if said is None else said, Authorization=token, **JSON)
        assert (answer.status == 403) != access.allows(held, scope), (path, answer.status)


def test_whoever_looks_at_an_unmasked_profile_is_written_down(edge, caplog):
    """Who, when and whose, without any value; who sees it masked is not; nor does the log have any of it."""
    caplog.set_level("INFO")
    steward, reader, program = key(edge, "steward"), key(edge, "read-only"), bearer(edge.key("secret"))
    for token in (reader, program, steward):
        answer = edge.send("GET", READS[0], Authorization=token)
    (entry,) = edge.accounts.entries("main", before=None, limit=10)
    assert (entry.name, entry.role, entry.kind, entry.action) == ("steward", "steward", "key", "looked")
    assert entry.route == "GET /api/v1/profiles/{identifier}"
    assert entry.subjects == (answer.json["id"],)
    assert entry.request_id == answer.headers["request-id"]
    assert edge.accounts.entries("other", before=None, limit=10) == []
    said = edge.send("POST", CHANGES[0][1], CHANGES[0][2], Authorization=steward, **JSON)
    assert said.status == 201
    assert edge.accounts.entries("main", before=None, limit=10)[0].route == "POST /api/v1/judgements"
    for value in (ADDRESS, NAME, WAGE):
        assert value not in repr(edge.accounts.entries("main", before=None, limit=10))
        assert value not in caplog.text
    owner = key(edge, "owner")
    told = edge.send("GET", "/api/v1/audit?limit=1", Authorization=owner).json
    assert [one["route"] for one in told["entries"]] == ["POST /api/v1/judgements"]
    older = edge.send("GET", f"/api/v1/audit?before={told['next']}", Authorization=owner).json
    assert [one["subjects"] for one in older["entries"]] == [[answer.json["id"]]]


def test_nothing_is_shown_that_cannot_be_written_down(edge):
    """The entry is kept before the answer goes out."""

    def broken(entry):
        raise UnavailableError("The disk is full.")

    edge.accounts.record = broken
    refused = edge.send("GET", READS[0], Authorization=key(edge, "steward"))
    assert refused.status == 500
    assert ADDRESS not in refused.body.decode()
    assert edge.send("GET", READS[0], Authorization=key(edge, "read-only")).status == 200


def test_keys_are_made_shown_once_and_revoked():
    """Of sources by engineers, of roles by owners; what is made works, and nobody else's is touched."""
    settings = msgspec.structs.replace(UNLIMITED, sources={("main", "web"): ("*",), ("other", "theirs"): ("*",)})
    with Edge("main", "other", settings=settings) as edge:
        engineer, owner = key(edge, "engineer"), key(edge, "owner")
        made = edge.send(
            "POST", "/api/v1/keys", {"source": "web"}, Authorization=engineer, **JSON, Host="cdp.test"
        ).json
        assert made["key"] in made["snippets"]["html"]
        assert "http://cdp.test/" in made["snippets"]["curl"]
        edge.clock_us += 1_000_000
        event = {"userId": "ann", "event": "Read", "messageId": "1"}
        assert edge.send("POST", "/v1/track", event, Authorization=bearer(made["key"])).status == 200
        strange = edge.send("POST", "/api/v1/keys", {"source": "theirs"}, Authorization=owner, **JSON)
        assert strange.status == 422
        reader = edge.send("POST", "/api/v1/keys", {"role": "read-only"}, Authorization=owner, **JSON).json
        edge.clock_us += 1_000_000
        assert edge.send("GET", "/api/v1/me", Authorization=bearer(reader["key"])).json["role"] == "read-only"
        listed = edge.send("GET", "/api/v1/keys", Authorization=engineer)
        assert made["key"].encode() not in listed.body
        assert listed.json["sources"] == ["web"]
        path = f"/api/v1/keys/{reader['info']['id']}"
        assert edge.send("DELETE", path, Authorization=engineer).status == 403
        assert edge.send("DELETE", path, Authorization=owner).json["revoked_at"] is not None
        edge.clock_us += 1_000_000
        assert edge.send("GET", "/api/v1/me", Authorization=bearer(reader["key"])).status == 401
        _, theirs = access.issue(
            edge.keys, kind="secret", workspace="other", name="x", now_us=1, random=edge.random.randbytes
        )
        assert edge.send("DELETE", f"/api/v1/keys/{theirs.id}", Authorization=owner).status == 404


def test_what_a_reviewer_compares_is_masked_by_what_it_is():
    """Values of identifiers and attributes by their classes, and where they differ with them; who sees all sees all."""
    one = results.ReviewField(
        field="email", a=ADDRESS, b="bob@mail.test", agreement="different", marks_a=((0, 3),), marks_b=()
    )
    two = msgspec.structs.replace(one, field="plan", a="gold", b="lead")
    label = results.ReviewLabel(
        a="1", b="2", verdict="same", by="ann", at=None, reviewers=1, disputed=False, fields=(one, two)
    )
    hiding = Sight(Role({"none": "show", "identifier": "hide", "personal": "hide", "sensitive": "hide"}), CLASSES)
    watch = sight.Watch()
    email, plan = sight._walk(label, watch, hiding).fields
    assert (email.a, email.b, email.marks_a, email.agreement) == (None, None, (), "different")
    assert (plan.a, plan.marks_a) == (("gold", ((0, 3),)) if hiding.attribute("plan") == "none" else (None, ()))
    assert sight._walk(label, watch, Sight(ROLES_WHOLE)).fields == (one, two)


ROLES_WHOLE = Role(dict.fromkeys(("none", "identifier", "personal", "sensitive"), "show"))
