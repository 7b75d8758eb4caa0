"""Who may not see values of a class sees none, however the query is put: the law that masks keep."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import duckdb
import msgspec
import pytest
from tests import workbench
from tests.warehouse import hostile, test_masking
from tests.warehouse.yard import Yard

from onefold.errors import ExpensiveError, IntegrityError, UsageError
from onefold.model import LogEntry
from onefold.pipelines.reading import analysis
from onefold.pipelines.stream import process
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import masking, question
from onefold.warehouse.as_of import Moment
from onefold.warehouse.masking import HIDING, Role
from onefold.warehouse.models.binding import BoundModels
from onefold.warehouse.personal import CLASSES
from onefold.warehouse.query import parse
from onefold.warehouse.views import RELATIONS

SAID = {
    ("golden.profile", "attributes.faith"): "sensitive",
    ("golden.profile", "attributes.plan"): "none",
    ("staging.event", "properties.diagnosis"): "sensitive",
}
PLANTED = {
    "identifier": ("planted-ann", "planted-page"),
    "personal": ("planted-lovelace", "planted-story", "planted-message"),
    "sensitive": ("planted-faith", "planted-diagnosis", "planted-operation"),
    "none": ("planted-plan",),
}
"""Values of each class, the last sensitive one within an operation on an attribute."""
SECRETS = tuple(secret for personal in CLASSES[1:] for secret in PLANTED[personal])
BODIES = [
    {
        "type": "identify", "userId": "planted-ann", "anonymousId": "planted-page", "messageId": "planted-message-1",
        "traits": {"last_name": "planted-lovelace", "faith": "planted-faith", "plan": "planted-plan"},
    },
    {
        "type": "track", "event": "Order Completed", "userId": "planted-ann", "messageId": "2",
        "context": {"traits": {"faith": "planted-faith"}, "page": {"title": "planted-story"}},
        "properties": {"revenue": 5, "diagnosis": "planted-diagnosis", "story": "planted-story"},
    },
]  # fmt: skip

PUT_DIFFERENTLY = [
    "SELECT * FROM golden.profile",
    "SELECT * FROM profile",
    "SELECT * FROM GOLDEN.Profile",
    "SELECT p.* FROM golden.profile AS p",
    "SELECT a FROM golden.profile AS p(s, i, t, v, a, b)",
    "FROM golden.profile SELECT primary_value",
    "TABLE golden.profile",
    "SELECT * FROM golden.profile, golden.identity",
    "SELECT * FROM (golden.profile AS p JOIN golden.identity AS i USING (person))",
    "SELECT * FROM golden.profile AS p POSITIONAL JOIN golden.identity AS i",
    "SELECT (SELECT max(value) FROM golden.identity)",
    "SELECT * FROM staging.event WHERE (SELECT min(value) FROM identity) LIKE 'planted%'",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM golden.identity WHERE value = 'planted-ann')",
    "WITH a AS (SELECT * FROM golden.profile) SELECT * FROM a",
    "WITH profile AS (SELECT 1 AS x) SELECT g.* FROM golden.profile AS g, profile",
    "SELECT p.* FROM profile AS p, golden.profile AS g, (WITH profile AS (SELECT 1 AS x) SELECT * FROM profile) AS z",
    'WITH "golden.profile" AS (SELECT 1) SELECT * FROM "golden.profile", golden.profile',
    'SELECT z.* FROM golden.identity, main."golden.identity_change" AS z',
    'SELECT z.* FROM golden.identity, "golden.identity_change" AS z',
    'SELECT z.* FROM golden.identity, memory.main."golden.identity_change" AS z',
    "SELECT * FROM golden.identity, query_table('golden.identity')",
    "SELECT * FROM golden.identity, query('SELECT * FROM golden.identity')",
    "SELECT * FROM golden.identity, LATERAL query_table('golden.identity')",
    "SELECT * FROM golden.identity AS i, LATERAL (SELECT * FROM golden.identity AS j WHERE j.node = i.node) AS z",
    "SELECT * FROM (SUMMARIZE golden.identity)",
    "SELECT * FROM (DESCRIBE golden.identity)",
    "SELECT * FROM (PIVOT golden.identity ON value USING count(*))",
    "SELECT * FROM golden.identity TABLESAMPLE 100%",
    "SELECT * FROM golden.identity AT (VERSION => 1)",
    "SELECT COLUMNS('value|primary_value') FROM golden.identity",
    "SELECT i FROM golden.identity AS i",
    "SELECT identity FROM golden.identity",
    "SELECT struct_pack(a := i) FROM golden.identity AS i",
    "SELECT to_json(i) FROM golden.identity AS i",
    "SELECT list(value), string_agg(value, ','), histogram(value), mode(value) FROM golden.identity",
    "SELECT json_extract(traits, '$.last_name') FROM staging.event",
    "SELECT traits->>'last_name' FROM staging.event",
    "SELECT u.* FROM staging.event AS e, unnest(json_keys(e.traits)) AS u(k)",
    "SELECT * FROM golden.identity UNION ALL BY NAME SELECT * FROM golden.identity",
    "SELECT * FROM golden.identity INTERSECT SELECT * FROM golden.identity",
    "SELECT CAST(value AS INTEGER) FROM golden.identity",
    "SELECT error(value) FROM golden.identity",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_views",
    "WITH RECURSIVE r AS (SELECT value FROM golden.identity UNION ALL SELECT value FROM r WHERE FALSE) SELECT * FROM r",
    'WITH "marts.a" AS (SELECT * FROM golden.identity) SELECT * FROM "marts.a"',
    "SELECT * FROM analyst.profile",
    "SELECT value FROM golden.identity QUALIFY row_number() OVER (ORDER BY value) = 1",
    "SELECT x FROM (VALUES ((SELECT max(value) FROM golden.identity))) AS t(x)",
    "SELECT [value] FROM golden.identity GROUP BY ROLLUP (value)",
]  # fmt: skip


def sight(yard: Yard, role: Role | None) -> analysis.ReaderWarehouse:
    return analysis.ReaderWarehouse(yard.warehouse, BoundModels({}, {}), SAID, datetime(2026, 11, 26, tzinfo=UTC), role)


def answer(yard: Yard, text: str, role: Role | None, moment: Moment | None = None) -> str:
    """All that somebody gets for a query: rows, or what is said of it."""
    seen = sight(yard, role)
    try:
        query = question.asked(text, seen.relations())
        return str(seen.run(query, QueryLimits(seconds=5.0, memory_mb=256, result_mb=4), moment).to_pylist())
    except (UsageError, ExpensiveError) as error:
        return f"refused: {error}"
    except IntegrityError as error:  # DuckDB failed by itself
        return f"failed: {error}"


def shows(yard: Yard, text: str, role: Role | None, secrets=SECRETS, **more) -> list[str]:
    """The planted values that somebody gets, other than those in the query itself."""
    found = answer(yard, text, role, **more).replace("'planted-ann'", "")
    return [secret for secret in secrets if secret in found]


def everything(yard: Yard) -> str:
    """All rows of all relations, in one query."""
    some = [relation.full_name for relation in sight(yard, None).relations()]
    lists = [f"(SELECT list(to_json(t)) FROM {name} AS t) AS a{n}" for n, name in enumerate(some)]  # noqa: S608  our names
    return f"SELECT {', '.join(lists)}"


@pytest.fixture(scope="module")
def planted(tmp_path_factory, queries):
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("planted"), queries)
    yard.receive(*BODIES)
    operation = {"user_id": "planted-ann", "user_properties": {"$append": {"faith": "planted-operation"}}}
    said = msgspec.json.encode(operation | {"event_type": "$identify", "insert_id": "planted-message-3"})
    yard.context.log.append([LogEntry("amplitude", "web", workbench.NOW_US, 0, said, request_id="test")])
    process.drain(yard.context)
    yard.load()
    return yard


def test_no_way_of_asking_shows_personal_data(planted):
    """Nor that a value is there, nor in what is said of a query that fails."""
    texts = [everything(planted), *PUT_DIFFERENTLY, *test_masking.ATTEMPTS]
    for text in texts:
        assert not shows(planted, text, HIDING), text
    exists = "SELECT 1 WHERE EXISTS (SELECT 1 FROM golden.identity WHERE value = 'planted-ann')"
    assert answer(planted, exists, HIDING) == "[]"


def test_no_function_of_the_engine_goes_round_the_mask():
    """Every table function of DuckDB is refused but those that make rows, and no other reads what its text names."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE secrets AS SELECT 'planted-ann' AS value")
        found = connection.execute("SELECT DISTINCT function_name, function_type FROM duckdb_functions()").fetchall()
        tables = {name for name, kind in found if kind in {"table", "table_macro"} and name.isidentifier()}
        assert len(tables) > 50
        for name in sorted(tables - {"range", "generate_series", "unnest"}):
            for text in ("SELECT * FROM {}('a')", "SELECT z.* FROM golden.identity, LATERAL {}(value) AS z"):
                with pytest.raises(UsageError):
                    masking.masked(parse(text.format(name)), RELATIONS, {}, HIDING)
        for name in sorted({name for name, kind in found if kind in {"scalar", "macro"} and name.isidentifier()}):
            for text in ("SELECT value FROM secrets", "secrets", "main.secrets"):
                with contextlib.suppress(duckdb.Error):
                    assert "planted" not in str(connection.execute(f"SELECT {name}(?)", [text]).fetchall()), name


def test_what_harms_shows_nothing_either(planted, tmp_path):
    """The hostile statements, asked by a role."""
    texts = hostile.statements(file=tmp_path / "f", folder=tmp_path, name="x", port=9)
    texts = [text for text in texts if text not in hostile.EXHAUSTING and len(text) < 10_000]
    for text in texts:
        assert not shows(planted, text, HIDING), text


ROLES = [
    Role(dict(zip(CLASSES[1:], masks, strict=True)))
    for masks in (
        ("show", "show", "show"),
        ("show", "show", "hide"),
        ("show", "shorten", "hide"),
        ("shorten", "hide", "hide"),
        ("show", "hide", "show"),
        ("hide", "show", "show"),
        ("show", "shorten", "shorten"),
    )
]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: "-".join(role.masks.values()))
def test_each_role_sees_the_classes_it_may_and_no_other(planted, role):
    """Of every relation, for every way in which a role can be stated; also as of a moment."""
    hidden = [secret for personal in CLASSES[1:] if role.mask(personal) != "show" for secret in PLANTED[personal]]
    assert not shows(planted, everything(planted), role, hidden)
    with planted.context.store.snapshot() as snapshot:
        past = Moment(sequence=snapshot.fed())
    assert not shows(planted, everything(planted), role, hidden, moment=past)
    assert shows(planted, "SELECT attributes FROM golden.profile", role, PLANTED["none"])
    if role.mask("identifier") == "show":  # and so the masks do not just hide all
        assert shows(planted, "SELECT * FROM golden.identity", role, PLANTED["identifier"])


def test_what_is_not_personal_is_there(planted):
    """Numbers, times and ids, and joins by them; the columns keep names and types."""
    (row,) = planted.rows("SELECT person, events, revenue FROM golden.profile")
    assert answer(planted, "SELECT person, events, revenue FROM profile", HIDING) == str([row])
    joined = "SELECT count(*) AS n FROM golden.identity JOIN golden.profile USING (person), range(3)"
    assert answer(planted, joined, HIDING) == "[{'n': 6}]"
    own = "WITH people AS (SELECT * FROM profile) SELECT sum(events) AS n FROM people"
    assert answer(planted, own, HIDING) == "[{'n': Decimal('3')}]"
    nested = (
        "SELECT count(*) AS n FROM (staging.event AS e JOIN golden.identity AS i USING (node)), unnest(e.nodes) AS u(x)"
    )
    assert answer(planted, nested, HIDING) == answer(planted, nested, None) != "[{'n': 0}]"


def test_without_a_role_it_shows(planted):
    """Control: the corpus is one that finds something, and every planted value is somewhere."""
    some = PUT_DIFFERENTLY[:12]
    assert len([text for text in some if shows(planted, text, None)]) > len(some) // 2
    assert set(shows(planted, everything(planted), None)) == set(SECRETS)


@pytest.mark.parametrize("broken", ["put", "_require_harmless"])
def test_a_mask_that_is_broken_is_noticed(planted, monkeypatch, broken):
    """Control: with either half of it gone, the corpus finds a way."""
    monkeypatch.setattr(masking, broken, lambda *_: None)
    with pytest.raises(AssertionError):
        test_no_way_of_asking_shows_personal_data(planted)


def test_classes_that_are_not_carried_to_other_columns_are_noticed(planted, monkeypatch):
    """Control: with what is said of a profile's attributes said of them alone, other relations show them."""
    monkeypatch.setattr(analysis, "completed", lambda _, said: said)
    with pytest.raises(AssertionError):
        test_each_role_sees_the_classes_it_may_and_no_other(planted, Role({"personal": "show", "identifier": "show"}))
