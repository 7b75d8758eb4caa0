"""Who may not see personal data sees none, however the query is put."""

import pytest

from onefold.errors import ExpensiveError, UsageError
from onefold.warehouse import question, restriction

SECRETS = ("planted-ann", "planted-lovelace", "planted-page")
BODIES = [
    {
        "type": "identify", "userId": "planted-ann", "anonymousId": "planted-page", "messageId": "1",
        "traits": {"last_name": "planted-lovelace"},
    },
    {"type": "track", "event": "Order Completed", "userId": "planted-ann", "messageId": "2", "properties": {"revenue": 5}},
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
    "SELECT * FROM golden.profile_change",
    "SELECT * FROM golden.source_link",
    "SELECT * FROM golden.engagement_event",
    "SELECT * FROM staging.record",
    "WITH RECURSIVE r AS (SELECT value FROM golden.identity UNION ALL SELECT value FROM r WHERE FALSE) SELECT * FROM r",
]  # fmt: skip


def answer(yard, text, *, restrict=True):
    """All that somebody gets for a query: rows, or what is said of it."""
    relations = yard.warehouse.relations()
    try:
        query = question.asked(text, relations)
        if restrict:
            query = restriction.restricted(query, relations)
        return str(yard.warehouse.run(query).to_pylist())
    except (UsageError, ExpensiveError) as error:
        return f"refused: {error}"


@pytest.fixture
def planted(yard):
    yard.receive(*BODIES)
    yard.load()
    return yard


def test_no_way_of_asking_shows_personal_data(planted):
    """Nor that a value is there, nor in what is said of a query that fails."""
    for text in PUT_DIFFERENTLY:
        found = answer(planted, text).replace("'planted-ann'", "")  # what the query says itself
        assert not any(secret in found for secret in SECRETS), f"{text}\n{found}"
    assert answer(planted, "SELECT 1 WHERE EXISTS (SELECT 1 FROM golden.identity WHERE value = 'planted-ann')") == "[]"


def test_what_is_not_personal_is_there(planted):
    """Numbers, times and ids, and joins by them; the columns keep names and types."""
    (row,) = planted.rows("SELECT person, events, revenue FROM golden.profile")
    assert answer(planted, "SELECT person, events, revenue FROM profile") == str([row])
    joined = "SELECT count(*) AS n FROM golden.identity JOIN golden.profile USING (person), range(3)"
    assert answer(planted, joined) == "[{'n': 6}]"
    own = "WITH people AS (SELECT * FROM profile) SELECT sum(events) AS n FROM people"
    assert answer(planted, own) == "[{'n': Decimal('2')}]"
    nested = (
        "SELECT count(*) AS n FROM (staging.event AS e JOIN golden.identity AS i USING (node)), unnest(e.nodes) AS u(x)"
    )
    assert answer(planted, nested) == answer(planted, nested, restrict=False) != "[{'n': 0}]"


def test_without_restriction_it_shows(planted):
    """Control: the corpus is one that finds something."""
    shown = [text for text in PUT_DIFFERENTLY if any(s in answer(planted, text, restrict=False) for s in SECRETS)]
    assert len(shown) > len(PUT_DIFFERENTLY) // 2


@pytest.mark.parametrize("broken", ["put", "_require_harmless"])
def test_a_restriction_that_is_broken_is_noticed(planted, monkeypatch, broken):
    """Control: with either half of it gone, the corpus finds a way."""
    monkeypatch.setattr(restriction, broken, lambda *_: None)
    with pytest.raises(AssertionError):
        test_no_way_of_asking_shows_personal_data(planted)
