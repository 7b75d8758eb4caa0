"""A role sees of each column what its class allows, whatever the query says."""

from __future__ import annotations

import json

import duckdb
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from tests.warehouse.statements import EVENT, PROFILE, RELATIONS, STATEMENTS

from onefold.warehouse import views
from onefold.warehouse.classes import completed
from onefold.warehouse.masking import HIDING, Role, analyst_views, masked, shown
from onefold.warehouse.personal import CLASSES, class_of, highest
from onefold.warehouse.promoted import Promoted, extended

BY_NAME = {relation.full_name: relation for relation in RELATIONS}
CLASSES_SAID = {("golden.profile", "attributes.plan"): "none", ("golden.profile", "attributes.faith"): "sensitive"}
SECRETS = ["Zanzibar", "zoe@zanzibar.example", "Zoroastrian", "unknown-secret"]


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA golden; CREATE SCHEMA staging")
        connection.execute(
            "CREATE TABLE golden.profile (profile_id BIGINT, city VARCHAR, email VARCHAR, revenue INT, attributes VARCHAR)"
        )
        connection.execute(
            "CREATE TABLE staging.event "
            "(event_id BIGINT, profile_id BIGINT, name VARCHAR, amount INT, day DATE, campaign VARCHAR)"
        )
        document = json.dumps({"plan": "pro", "faith": SECRETS[2], "free text": SECRETS[3]})
        connection.execute("INSERT INTO golden.profile VALUES (1, ?, ?, 5, ?)", [SECRETS[0], SECRETS[1], document])
        connection.execute("INSERT INTO golden.profile VALUES (2, NULL, NULL, 5, NULL)")
        connection.execute("INSERT INTO staging.event VALUES (1, 1, 'a', 20, DATE '2026-01-01', 'x')")
        yield connection


def _answer(engine, query):
    return engine.sql(query.sql("duckdb")).fetchall()


ATTEMPTS = [
    *STATEMENTS.values(),
    "SELECT * FROM golden.profile",
    "SELECT email || '' AS e FROM golden.profile",
    "SELECT attributes ->> '$.faith' AS f, attributes ->> '$.\"free text\"' AS t FROM golden.profile",
    "SELECT p FROM golden.profile AS p",
    "SELECT profile FROM golden.profile",
    "WITH golden AS (SELECT 1 AS x), people AS (SELECT * FROM golden.profile) SELECT * FROM people",
    "SELECT (SELECT max(email) FROM golden.profile) AS e",
    "SELECT * FROM (SELECT * FROM golden.profile) AS a UNION ALL SELECT * FROM golden.profile",
    'SELECT * FROM "golden"."profile" AS "staging"',
    "SELECT * FROM GOLDEN.PROFILE",
    "SELECT list(email) AS l, string_agg(city, ',') AS c FROM golden.profile",
    "SELECT * FROM golden.profile WHERE email LIKE 'zoe%'",
]


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_who_may_see_nothing_personal_sees_nothing_personal(engine, sql):
    """No query, however it names the relation, gives a value of a personal class."""
    found = _answer(engine, masked(sqlglot.parse_one(sql, dialect="duckdb"), BY_NAME, CLASSES_SAID, HIDING))
    assert not [secret for secret in SECRETS if secret in str(found)]


def test_without_the_mask_they_are_seen(engine):
    """The control: the same queries, unmasked, do give them."""
    seen = str([_answer(engine, sqlglot.parse_one(sql, dialect="duckdb")) for sql in ATTEMPTS])
    assert all(secret in seen for secret in SECRETS)


def test_filters_on_hidden_values_find_nobody(engine):
    """A mask goes before the filter: nobody can ask whether an address is there."""
    query = sqlglot.parse_one("SELECT count(*) AS n FROM golden.profile WHERE email = 'zoe@zanzibar.example'")
    assert _answer(engine, masked(query, BY_NAME, CLASSES_SAID, HIDING)) == [(0,)]


def test_masks_of_a_role(engine):
    """Each class has the mask that the role gives it; what nobody declared inside JSON goes with the rest of it."""
    role = Role({"identifier": "shorten", "personal": "show"})
    rows = _answer(engine, shown(PROFILE, CLASSES_SAID, role).order_by("profile_id"))
    assert rows[0][:4] == (1, SECRETS[0], "z***@zanzibar.example", 5)
    assert json.loads(rows[0][4]) == {"plan": "pro"}
    assert rows[1] == (2, None, None, 5, None)
    everything = Role({"identifier": "show", "personal": "show", "sensitive": "show"})
    assert SECRETS[2] in _answer(engine, shown(PROFILE, CLASSES_SAID, everything).order_by("profile_id"))[0][4]


def test_views_for_analysts(engine):
    """They have the columns that tell of nobody, and of JSON the members that are declared harmless."""
    views = analyst_views(RELATIONS, CLASSES_SAID)
    profile, tree = views["analyst.profile"]
    assert [column.name for column in profile.columns] == ["profile_id", "revenue", "attributes"]
    assert _answer(engine, tree.order_by("profile_id"))[0] == (1, 5, '{"plan":"pro"}')
    event, _ = views["analyst.event"]
    assert len(event.columns) == len(EVENT.columns)


@given(st.lists(st.sampled_from(CLASSES)), st.lists(st.sampled_from(CLASSES)))
def test_the_highest_class_wins(some, others):
    """Order and grouping do not matter, and more values never lower a class."""
    assert highest([*some, *others]) == highest([highest(some), highest(others)])
    assert CLASSES.index(highest([*some, *others])) >= CLASSES.index(highest(some))


def test_a_member_has_the_class_of_its_json_unless_it_has_one_of_its_own():
    """What is said of a member counts first, then what is said of what is around it, then what the relation states."""
    said = {("golden.profile", "attributes.a"): "sensitive", ("golden.profile", "attributes.a.b"): "none"}
    found = [class_of(PROFILE, name, said) for name in ("attributes.a.b", "attributes.a.c", "attributes.z", "revenue")]
    assert found == ["none", "sensitive", "personal", "none"]


def test_what_is_said_is_carried_to_all_that_has_the_values():
    """Views, logs, and columns of promoted properties; what is said of a column itself stays."""
    event = extended(
        views.RELATIONS["staging.event"], [Promoted("diagnosis"), Promoted("amount", "decimal"), Promoted("z")]
    )
    known = dict(views.RELATIONS) | {event.full_name: event}
    said = {
        ("golden.profile", "attributes.faith"): "sensitive", ("golden.profile", "stage"): "personal",
        ("staging.event", "properties.diagnosis"): "sensitive", ("staging.event", "properties.amount"): "none",
        ("staging.record", "properties.diagnosis"): "personal",
    }  # fmt: skip
    found = completed(known, said)
    assert {key: found[key] for key in said} == said
    expected = {
        ("golden.profile_change", "attributes.faith"): "sensitive", ("staging.event", "traits.faith"): "sensitive",
        ("profiles.profile_traits_updates", "traits.faith"): "sensitive",
        ("profiles.user_traits", "value"): "sensitive",
        ("golden.profile_change", "stage"): "personal", ("staging.event", "operations"): "sensitive",
        ("golden.engagement_event", "properties.diagnosis"): "sensitive",
        ("staging.event", "property_diagnosis"): "sensitive",
        ("staging.event", "property_amount"): "none", ("staging.event", "property_z"): "personal",
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected
