"""Queries over HTTP: who may, within what, masked, ended when nobody waits, and never on the loop."""

import asyncio
import json
import logging
import threading
import time

import pyarrow as pa
import pytest
from tests.running import running
from tests.serving.edge import Edge, bearer

from onefold import bootstrap
from onefold.errors import UnavailableError, UsageError
from onefold.warehouse.masking import HIDING

pytestmark = pytest.mark.xdist_group("server")
PATH = "/api/v1/query"
ROLES = "roles:\n  fundraiser: {personal: show, identifier: shorten}\n"
LONG = "SELECT count(*) AS n FROM range(100000) AS a, range(100000) AS b, range(100) AS c"


@pytest.fixture(scope="module")
def server():
    with running() as started:
        batch = [
            {"type": "identify", "userId": "planted-ann", "messageId": "1", "traits": {"last_name": "planted-lovelace"}},
            {"type": "track", "event": "Order Completed", "userId": "planted-ann", "messageId": "2",
             "properties": {"revenue": 12.3}},
        ]  # fmt: skip
        assert started.post("/v1/batch", {"batch": batch}) == 200
        started.account()
        directory = started.here.directory
        started.query_key = bootstrap.create_key(directory, None, None, may=["query"])["key"]
        (directory / "privacy.yaml").write_text(ROLES)
        started.role_key = bootstrap.create_key(directory, None, None, may=["query"], role="fundraiser")["key"]
        started.personal_key = bootstrap.create_key(directory, None, None, may=["query", "personal"])["key"]
        time.sleep(0.6)  # how old a server's keyring may be
        yield started


def ask(server, query, key=None, accept="application/json", **more):
    status, body, headers = server.send(
        "POST", PATH, json.dumps({"query": query, **more}).encode(),
        Authorization=f"Bearer {key or server.query_key}", Content_Type="application/json", Accept=accept,
    )  # fmt: skip
    return status, body, headers


def test_rows_as_json_and_as_arrow(server):
    """Money exact, times in UTC; the same rows either way."""
    text = "SELECT kind, event_at, sequence FROM staging.event ORDER BY sequence"
    status, body, headers = ask(server, text)
    found = json.loads(body)
    assert status == 200, body
    assert found["columns"] == ["kind", "event_at", "sequence"]
    assert [row[0] for row in found["rows"]] == ["identify", "track"]
    assert found["rows"][0][1].endswith("Z")
    assert found["more"] is False
    assert headers["cache-control"] == "no-store"
    status, body, _ = ask(server, text, accept="application/vnd.apache.arrow.stream")
    assert status == 200
    assert pa.ipc.open_stream(body).read_all()["sequence"].to_pylist() == [row[2] for row in found["rows"]]
    (row,) = json.loads(ask(server, "SELECT revenue FROM golden.profile")[1])["rows"]
    assert row == ["12.3"]


def test_personal_data_are_null_unless_the_key_may_see_them(server):
    """And with the scope `personal`, as a control, they are there."""
    text = "SELECT value FROM golden.identity"
    assert json.loads(ask(server, text)[1])["rows"] == [[None]]
    assert json.loads(ask(server, text, server.personal_key)[1])["rows"] == [["planted-ann"]]
    for hidden in ("SELECT * FROM golden.profile", "SELECT * FROM staging.event"):
        assert b"planted" not in ask(server, hidden)[1]
        assert b"planted" in ask(server, hidden, server.personal_key)[1]


def test_a_key_with_a_role_sees_what_the_role_sees(server):
    """As `privacy.yaml` says it at that moment; a role that is not there any more sees nothing at all."""
    text = "SELECT i.value, p.attributes FROM golden.identity AS i JOIN golden.profile AS p USING (person)"
    assert json.loads(ask(server, text, server.role_key)[1])["rows"] == [["p***", '{"last_name":"planted-lovelace"}']]
    file = server.here.directory / "privacy.yaml"
    try:
        file.write_text("roles:\n  fundraiser: {}\n# changed\n")
        assert json.loads(ask(server, text, server.role_key)[1])["rows"] == [[None, None]]
        file.write_text("roles: {}\n")
        status, body, _ = ask(server, text, server.role_key)
        assert (status, b"no role `fundraiser`" in body, b"planted" in body) == (422, True, False)
        file.write_text("roles: {fundraiser: 5}\n")
        assert ask(server, text, server.role_key)[0] == 503
    finally:
        file.write_text(ROLES)


def test_only_keys_that_may_ask(server):
    """A key that reads and stewards may not; nor may a source's, nor nobody."""
    for key, status in ((server.here.read_key, 403), (server.here.write_key, 403), ("nonsense", 401)):
        assert ask(server, "SELECT 1", key)[0] == status
    assert server.send("GET", "/api/v1/sources", Authorization=f"Bearer {server.query_key}")[0] == 403


@pytest.mark.parametrize(
    ("query", "more", "word", "told"),
    [
        ("SELECT * FROM golden.profle", {}, "unusable", "did you mean `golden.profile`"),
        ("SELECT stge FROM golden.profile", {}, "unusable", "did you mean `stage`"),
        ("DROP TABLE golden.profile", {}, "unusable", "Only queries"),
        ("SELECT * FROM read_text('/etc/passwd')", {}, "unusable", "cannot be used by a role"),
        (LONG, {"seconds": 0.5}, "expensive", "took too long"),
        ("SELECT repeat('x', 1000000) AS x FROM range(200)", {}, "expensive", "MB"),
        ("SELECT 1", {"limit": 0}, "invalid-request", "limit"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(server, query, more, word, told):
    """With a word for programs and a sentence for people."""
    status, body, _ = ask(server, query, **more)
    assert status == 422, body
    assert json.loads(body)["type"].endswith(word)
    assert told in json.loads(body)["detail"]


def test_a_limit_of_rows_is_told(server):
    """So nobody takes a part for the whole."""
    status, body, headers = ask(server, "SELECT x FROM range(50000) AS t(x) ORDER BY x", limit=20_000)
    found = json.loads(body)
    assert (status, len(found["rows"]), found["more"]) == (200, 20_000, True)
    assert found["rows"][-1] == [19_999]
    assert headers["onefold-more"] == "true"


def test_it_is_described(server):
    """In the OpenAPI document, with both forms of the answer."""
    operation = server.get("/api/v1/openapi.json")[1]["paths"][PATH]["post"]
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "application/vnd.apache.arrow.stream"}


class Asked:
    """A desk whose queries take until they are cancelled."""

    def __init__(self):
        self.begun, self.ended = threading.Event(), threading.Event()

    def ask(self, text, limits, *, limit, role, cancellation):
        with cancellation.ending(self.ended.set):
            self.begun.set()
            assert self.ended.wait(60)
        raise UnavailableError("cancelled")


def test_a_query_ends_when_its_client_goes_away(caplog):
    """And the loop answers others while it runs; the log says who asked, not what."""
    slow = Asked()
    with Edge() as edge, caplog.at_level(logging.INFO, "onefold.queries"):
        key = bearer(edge.key("secret", scopes=["query"]))
        edge.app.api.state.desks = {"main": slow}
        body = {"query": "SELECT 'planted'"}

        async def leave():
            await edge.call("POST", PATH, body, Authorization=key, Content_Type="application/json")

        edge.runner.run(asyncio.wait_for(leave(), 60))
        assert slow.begun.is_set()
        assert slow.ended.wait(60)
    (record,) = [record for record in caplog.records if record.name == "onefold.queries"]
    assert record.outcome == "cancelled"
    assert "planted" not in str(record.__dict__)


def test_a_cancelled_query_does_not_begin():
    """Control of the race between the two threads."""
    from onefold.ports.warehouse import Cancellation

    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(UnavailableError), cancellation.ending(lambda: None):
        pytest.fail("it began")


def test_queries_beyond_those_that_run_are_told_to_come_again(tmp_path):
    """Two at once; the third waits outside. A cancelled one frees its place, and the next is not harmed."""
    from onefold.bootstrap.query_desk import AT_ONCE, QueryDesk
    from onefold.bootstrap.readers import Readers
    from onefold.errors import OverloadedError
    from onefold.ports.warehouse import Cancellation, QueryLimits

    bootstrap.init(tmp_path, "media")
    with bootstrap.opened(tmp_path, None) as workspace:
        desk = QueryDesk(workspace, Readers(tmp_path))
        cancellations = [Cancellation() for _ in range(AT_ONCE)]

        def run(text, cancellation):
            return desk.ask(text, QueryLimits(), limit=5, role=HIDING, cancellation=cancellation)

        errors = []

        def long(cancellation):
            try:
                run(LONG, cancellation)
            except UnavailableError as error:
                errors.append(str(error))

        threads = [threading.Thread(target=long, args=(each,)) for each in cancellations]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 60
        while desk._free.qsize():
            assert time.monotonic() < until
            time.sleep(0.01)
        with pytest.raises(OverloadedError):
            run("SELECT 1 AS x", Cancellation())
        for cancellation in cancellations:
            cancellation.cancel()
        for thread in threads:
            thread.join(60)
        assert errors == ["The query was cancelled."] * AT_ONCE
        assert run("SELECT 1 AS x", Cancellation())["x"].to_pylist() == [1]
        desk.close()


def test_a_key_may_what_it_was_given(tmp_path):
    """Scopes that do not fit together, or a source, are refused."""
    bootstrap.init(tmp_path, "media")
    for source, may, role in (
        (None, ["personal"], None), ("website", ["query"], None), (None, ["query"], "nobody"), (None, ["read"], "analyst"),
        (None, ["query", "personal"], "analyst"),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            bootstrap.create_key(tmp_path, None, source, may=may, role=role)
    assert bootstrap.create_key(tmp_path, None, None, may=["query"])["name"] == "query"
