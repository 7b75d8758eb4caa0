"""Segments written over HTTP: into the project's files, whole or not at all, and only over what was read; then applied."""

from __future__ import annotations

import asyncio
import errno
import json
import random

import pyarrow as pa
import pytest
from tests.isolation.asgi import House, bearer

from onefold import bootstrap
from onefold.adapters.sqlite import backup
from onefold.bootstrap.project import key_store
from onefold.config import read_project
from onefold.errors import ConfigurationError
from onefold.governance import access

PATH = "/api/v1/segments/buyers/definition"
NEW = (("if-none-match", "*"),)
FILE = """\
# Who may write here: the shop.
owner: shop
segments:
  # first
  active: events >= 1

  buyers:
    rule: purchases >= 1   # any
    tags: [money]
  # of the two above
  last: in_segment.buyers and events > 3
"""


class Server:
    """A project, served, and its keys."""

    def __init__(self, directory, house, keys, runner):
        self.directory, self.house, self.keys, self.runner = directory, house, keys, runner

    def call(self, method, target, body=None, *more, key="steward"):
        heads = (*bearer(self.keys[key]), ("content-type", "application/json"), *more)
        raw = b"" if body is None else json.dumps(body).encode()
        return self.runner.run(self.house.call(method, target, raw, heads))

    def etag(self, target=PATH):
        answer = self.call("GET", target)
        assert answer.status == 200, answer.text
        return (("if-match", dict(answer.headers)["etag"]),)

    def files(self):
        return {path.name: path.read_text() for path in sorted((self.directory / "segments").iterdir())}


@pytest.fixture
def server(tmp_path):
    directory = tmp_path / "p"
    bootstrap.init(directory, "shop")
    for file in (directory / "segments").iterdir():
        file.unlink()
    (directory / "segments" / "a.yaml").write_text(FILE)
    (directory / "privacy.yaml").write_text("attributes: {plan: none, town: personal}\n")
    bootstrap.furnish(directory)
    keys, seeded = {}, random.Random(3)
    project = read_project(directory)
    with key_store(project) as store:
        for name, kind, scopes in (
            ("steward", "secret", ("read", "admin", "personal")),
            ("reader", "secret", ("read",)),
            ("looker", "secret", ("read",)),
            ("web", "source", None),
        ):
            keys[name], _ = access.issue(
                store,
                kind=kind,
                workspace=project.workspaces[0],
                name=name,
                now_us=1,
                random=seeded.randbytes,
                scopes=scopes,
                role="read-only" if name == "looker" else None,
            )
    with asyncio.Runner() as runner:
        house = House(directory)
        runner.run(house.start())
        made = Server(directory, house, keys, runner)
        yield made
        runner.run(house.stop())


def people(server):
    """Three people; two bought."""
    items = [
        {"type": "track", "event": "Order Completed" if n < 2 else "Read", "userId": f"u{n}", "messageId": f"m{n}",
         "properties": {"revenue": 10, "kind": "book"},
         "context": {"traits": {"plan": ["pro", "pro", "free"][n], "town": "Bonn"}}}
        for n in range(3)
    ]  # fmt: skip
    assert server.call("POST", "/v1/batch", {"batch": items}, key="web").status == 200
    server.runner.run(server.house.settled())


def evaluated(server):
    """Wait until everybody is where the rules say."""
    for _ in range(3_000):
        if not server.call("GET", "/api/v1/segments").json["evaluating"]:
            return
        server.runner.run(asyncio.sleep(0.02))
    raise AssertionError("the evaluator did not follow")


def test_a_segment_is_created_changed_archived_and_deleted(server):
    """Each change needs what was read; the others of the file, and what is written around them, stay as they were."""
    said = {"rule": "purchases >= 2", "description": "Came back: # twice", "tags": ["x"]}
    made = server.call("PUT", "/api/v1/segments/again/definition", said, *NEW)
    assert made.status == 201, made.text
    assert (made.status, made.json["file"], made.json["rule"]) == (201, "segments/again.yaml", "purchases >= 2")
    assert server.call("PUT", "/api/v1/segments/again/definition", said, *NEW).status == 412

    tag = server.etag()
    changed = server.call("PUT", PATH, {"rule": "purchases >= 3", "owner": "shop"}, *tag)
    assert changed.status == 200, changed.text
    text = server.files()["a.yaml"]
    assert text == FILE.replace("    rule: purchases >= 1   # any\n    tags: [money]\n", '    rule: "purchases >= 3"\n')
    assert server.call("PUT", PATH, {"rule": "purchases >= 4"}, *tag).status == 412
    assert server.files()["a.yaml"] == text

    assert server.call("POST", "/api/v1/segments/active/archive", None, *server.etag()).json["status"] == "archived"
    refused = server.call("DELETE", PATH, None, *server.etag())
    assert (refused.status, "`last` reads `buyers`" in refused.text) == (422, True)
    last = "/api/v1/segments/last/definition"
    assert server.call("DELETE", last, None, *server.etag(last)).status == 200
    assert server.call("DELETE", PATH, None, *server.etag()).status == 200
    assert server.files()["a.yaml"].startswith("# Who may write here: the shop.\nowner: shop\nsegments:\n  # first\n")
    assert [d.slug for d in read_project(server.directory).segments] == ["active", "again"]


WRONG = (
    ({"rule": "purchase >= 1"}, "did you mean `purchases`"),
    ({"rule": {"conditions": [{"field": "purchases", "operator": "biggest", "value": 1}]}}, "no such operator"),
    ({"rule": "in_segment.last"}, "reads itself"),
    ({"kind": "static", "rule": "purchases >= 1"}, "is a list, so it has no `rule`"),
    ({"rule": "events > 1", "exclude": ["nobody"]}, "no active segment `nobody`"),
    ({"rule": "events > 1", "colour": 1}, "colour"),
    ({"rule": "events > 1", "owner": ""}, "by hand"),
)


def test_what_is_wrong_is_refused_and_nothing_is_half_saved(server):
    """The message tells file, line and the nearest word; the files are byte for byte what they were."""
    before, tag = server.files(), server.etag()
    for said, told in WRONG:
        answer = server.call("PUT", PATH, said, *tag)
        assert (answer.status, told in answer.text) == (422, True), answer.text
        assert server.files() == before


def test_a_change_without_what_was_read_is_refused(server, monkeypatch):
    """428; and where files are read-only, or the key may only read, 403. Nothing is changed."""
    before, tag = server.files(), server.etag()
    said = {"rule": "events > 1", "owner": "shop"}
    assert [server.call(method, PATH, said).status for method in ("PUT", "DELETE")] == [428, 428]
    assert server.call("POST", "/api/v1/segments/apply").status == 428
    for method, path in (("PUT", PATH), ("DELETE", PATH), ("POST", "/api/v1/segments/buyers/archive"),
                         ("POST", "/api/v1/segments/plan"), ("POST", "/api/v1/segments/apply")):  # fmt: skip
        assert server.call(method, path, said, *tag, key="reader").status == 403

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(backup, "write_durably", refuse)
    answer = server.call("PUT", PATH, said, *tag)
    assert (answer.status, answer.json["type"]) == (403, "urn:onefold:problem:read-only")
    assert server.files() == before


def test_what_is_planned_is_what_is_applied(server):
    """The plan counts; applying it needs its tag, and another edit makes that stale; then members are read and exported."""
    people(server)
    planned = server.call("POST", "/api/v1/segments/plan")
    by_name = {one["audience"]: one["members_after"] for one in planned.json["changes"]}
    assert (by_name["buyers"], by_name["active"]) == (2, 3)
    assert {s["pending"] for s in server.call("GET", "/api/v1/segments").json["segments"]} == {"new"}
    stale = (("if-match", dict(planned.headers)["etag"]),)
    said = {"rule": "purchases >= 1 or events < 0", "owner": "shop"}
    assert server.call("PUT", PATH, said, *server.etag()).status == 200
    assert server.call("POST", "/api/v1/segments/apply", None, *stale).status == 412

    planned = server.call("POST", "/api/v1/segments/plan")
    done = server.call("POST", "/api/v1/segments/apply", None, ("if-match", dict(planned.headers)["etag"]))
    assert (done.status, done.json["added"]) == (200, ["active", "buyers", "last"])
    evaluated(server)
    assert server.call("GET", "/api/v1/segments/buyers").json["members"] == 2
    page = server.call("GET", "/api/v1/segments/buyers/members?limit=1")
    rest = server.call("GET", f"/api/v1/segments/buyers/members?cursor={page.json['next']}")
    ids = [m["profile_id"] for m in (*page.json["members"], *rest.json["members"])]
    assert (len(ids), rest.json["next"]) == (2, None)
    csv = server.call("GET", "/api/v1/segments/buyers/members", None, ("accept", "text/csv"))
    lines = csv.body.decode().splitlines()
    assert lines[0] == "profile_id,identifier_type,identifier,since,because"
    assert [line.split(",")[0] for line in lines[1:]] == ids
    stream = server.call(
        "GET", "/api/v1/segments/buyers/members", None, ("accept", "application/vnd.apache.arrow.stream")
    )
    table = pa.ipc.open_stream(stream.body).read_all()
    assert table.column("profile_id").to_pylist() == ids
    for query, many in (
        ("entered_since=2999-01-01T00:00:00Z", 0),
        ("entered_before=2999-01-01", 2),
        ("because=time", 0),
    ):
        found = server.call("GET", f"/api/v1/segments/buyers/members?{query}")
        assert (len(found.json["members"]), found.json["next"]) == (many, None), query
    assert server.call("GET", "/api/v1/segments/nobody/members", None, ("accept", "text/csv")).status == 404


def test_a_rule_is_told_before_it_is_saved(server):
    """Both forms, the sentence, the cost; a preview counts exactly; what is wrong has its place."""
    people(server)
    found = server.call(
        "POST", "/api/v1/rules/check", {"rule": "attr.town = 'Bonn' and days_since(last_seen) > 3"}
    ).json
    assert (found["cost"], found["personal"]) == ("windowed", ["personal"])
    assert found["reads"] == ["attr.town", "last_seen"]
    again = server.call("POST", "/api/v1/rules/check", {"rule": found["json"]}).json
    assert again == found
    wrong = server.call(
        "POST", "/api/v1/rules/check", {"rule": {"conditions": [{"field": "event", "operator": "equals", "value": 1}]}}
    )
    assert wrong.status == 422
    assert "/conditions/0" in wrong.text
    shown = server.call("POST", "/api/v1/segments/preview", {"rule": "purchases >= 1"})
    assert (shown.status, shown.json["members"], shown.json["cost"]) == (200, 2, "stateless"), shown.text
    assert len(shown.json["samples"]) == 2


def test_values_are_suggested_as_the_key_may_see_them(server):
    """With counts; what is personal only to keys that may, and what a query asks for is a value, whatever it holds."""
    people(server)
    fields = server.call("GET", "/api/v1/rules/fields").json
    by_name = {one["name"]: one for one in fields["fields"]}
    assert (by_name["attr.plan"]["people"], by_name["attr.town"]["personal"]) == (3, "personal")
    assert by_name["in_segment.buyers"]["group"] == "segment"
    assert [e["events"] for e in fields["events"] if e["name"] == "Order Completed"] == [2]

    def values(query, key="steward"):
        answer = server.call("GET", f"/api/v1/rules/values?{query}", key=key)
        assert answer.status == 200, answer.text
        return [(one["value"], one["count"]) for one in answer.json["values"]], answer.json["masked"]

    assert values("field=attr.plan") == ([("pro", 2), ("free", 1)], False)
    assert values("field=attr.plan&q=FR") == ([("free", 1)], False)
    assert values("field=attr.plan", key="reader") == ([("pro", 2), ("free", 1)], False)
    assert values("field=attr.town") == ([("Bonn", 3)], False)
    assert values("field=attr.town", key="reader") == ([], True)
    assert values("field=kind&event=Order%20Completed") == ([("book", 2)], False)
    assert values("field=kind&event=Order%20Completed", key="reader") == ([], True)
    assert values("field=purchases") == ([(1, 2), (0, 1)], False)
    assert values("field=attr.x'%20OR%20true--&q=';DROP") == ([], False)
    assert server.call("GET", "/api/v1/rules/values?field=last_seen").status == 422


def test_an_export_is_masked_as_every_answer_is(server):
    """Of the same members, somebody whose role sees addresses shortened gets them so, in CSV too."""
    people(server)
    planned = server.call("POST", "/api/v1/segments/plan")
    assert (
        server.call("POST", "/api/v1/segments/apply", None, ("if-match", dict(planned.headers)["etag"])).status == 200
    )
    evaluated(server)
    path, accept = "/api/v1/segments/buyers/members", ("accept", "text/csv")
    whole, masked = (server.call("GET", path, None, accept, key=key).body.decode() for key in ("steward", "looker"))
    assert ",u0," in whole
    assert ",u0," not in masked
    assert len(masked.splitlines()) == len(whole.splitlines()) == 3


def check(server, rule, **more):
    return server.call("POST", "/api/v1/rules/check", {"rule": rule, **more})


def preview(server, rule):
    return server.call("POST", "/api/v1/segments/preview", {"rule": rule})


def test_rules_bind_to_what_is_applied_and_files_that_differ_are_told(server):
    """A check and a preview alike: of traits the server's, of segments those that hold; the files' are not applied yet."""
    people(server)
    rule = "trait.books >= 1"
    refused = [check(server, rule), preview(server, rule)]
    assert [one.status for one in refused] == [422, 422]
    assert all("applied" not in one.text for one in refused)
    (server.directory / "traits" / "more.yaml").write_text("traits: {books: {count: Book Read}}\n")
    (server.directory / "segments" / "b.yaml").write_text(f"segments: {{readers: {rule}}}\n")
    refused = [
        check(server, rule),
        preview(server, rule),
        server.call("POST", "/api/v1/segments/plan"),
    ]
    for one in refused:
        assert one.status == 422
        assert "`trait.books` is not applied yet" in one.text, one.json
        assert "start it again" in one.text
    for one in (
        check(server, "in_segment.buyers"),
        preview(server, "in_segment.buyers"),
    ):
        assert one.status == 422
        assert "`in_segment.buyers` is not applied yet" in one.text
    fields = {one["name"]: one for one in server.call("GET", "/api/v1/rules/fields").json["fields"]}
    assert "not applied yet" in fields["trait.books"]["because"]
    assert not fields["purchases"]["because"]

    (server.directory / "traits" / "more.yaml").unlink()
    (server.directory / "segments" / "b.yaml").unlink()
    planned = server.call("POST", "/api/v1/segments/plan")
    tag = ("if-match", dict(planned.headers)["etag"])
    assert server.call("POST", "/api/v1/segments/apply", None, tag).status == 200
    assert check(server, "in_segment.buyers").json["not_applied"] == []
    changed = FILE.replace("purchases >= 1", "purchases >= 2")
    (server.directory / "segments" / "a.yaml").write_text(changed)
    for one in (
        check(server, "in_segment.buyers"),
        preview(server, "in_segment.buyers"),
    ):
        assert one.status == 200, one.text
        assert "`in_segment.buyers`" in one.json["not_applied"][0]
        assert "plan and apply" in one.json["not_applied"][0]


def test_forms_that_disagree_are_refused(server):
    """With the place, and without the values; forms that agree are one rule."""
    form = {"conditions": [{"field": "attr.town", "operator": "equals", "value": "Bonn"}]}
    assert check(server, form, text="attr.town = 'Bonn'").status == 200
    wrong = check(server, form, text="attr.town = 'Ulm'")
    assert (wrong.status, "/conditions/0" in wrong.text, "Ulm" in wrong.text) == (422, True, False)


HOSTILE = {
    "deep text": "(" * 20_000 + "1" + ")" * 20_000,
    "deep not": "not " * 10_000 + "has_email",
    "wide": " or ".join(f"attr.a = {n}" for n in range(200_000)),
    "a bomb": "matches(attr.a, '" + "(a+)+" * 5_000 + "$')",
    "a larger bomb": "matches(attr.a, '((a{1,1000}){1,1000}){1,1000}')",
    "long": "attr.a = '" + "x" * 10_000_000 + "'",
    "a statement": "1; DROP TABLE golden.profile",
    "a subquery": "purchases > (SELECT 1)",
    "a far number": "purchases > 1e999999999",
    "a window": "count('A' within 99999999999999999999 days) > 1",
}


def deep_form(depth):
    """A rule in the JSON form, so deep."""
    form = {"conditions": [{"field": "purchases", "operator": "equals", "value": 1}]}
    for _ in range(depth):
        form = {"logic": "and", "groups": [form]}
    return form


def test_hostile_rules_are_refused_by_every_route(server):
    """Refused as what they are, with nothing saved; and the server goes on."""
    before = server.files()
    for kind, rule in {**HOSTILE, "deep form": deep_form(400)}.items():
        answers = [
            check(server, rule),
            preview(server, rule),
            server.call("PUT", "/api/v1/segments/worse/definition", {"rule": rule}, *NEW),
        ]
        assert {one.status for one in answers} <= {400, 413, 422}, (kind, [one.status for one in answers])
        assert all(len(one.text) < 5_000 for one in answers), kind
        assert server.files() == before, kind
        assert check(server, "purchases >= 1").status == 200, kind


def test_a_trait_that_a_segment_reads_cannot_go(server):
    """Over HTTP the plan is refused with the reader's name, and nothing changes."""
    trait = server.directory / "traits" / "more.yaml"
    trait.write_text("traits: {books: {count: Book Read}}\n")
    (server.directory / "segments" / "b.yaml").write_text("segments: {readers: trait.books >= 1}\n")
    read_project(server.directory)
    trait.unlink()
    answer = server.call("POST", "/api/v1/segments/plan")
    assert answer.status == 422
    assert "`readers`" in answer.text
    assert "trait.books" in answer.text
    with pytest.raises(ConfigurationError, match="`readers`"):
        read_project(server.directory)
