"""Models are read through an allow-list, bound to what there is, put in order; what is wrong is told with its line."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.warehouse.statements import RELATIONS, STATEMENTS, model

from onefold.errors import UsageError
from onefold.warehouse.models import graph, statement
from onefold.warehouse.models.binding import bind
from onefold.warehouse.models.model import Documented, ModelError

HOSTILE = [
    "DROP TABLE golden.profile",
    "CREATE TABLE x AS SELECT 1 AS a",
    "INSERT INTO golden.profile SELECT * FROM golden.profile",
    "UPDATE golden.profile SET city = 'x'",
    "DELETE FROM golden.profile",
    "COPY golden.profile TO 'out.csv'",
    "COPY (SELECT city FROM golden.profile) TO 'out.csv'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "ATTACH 'other.db' AS other",
    "DETACH other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET enable_external_access = true",
    "RESET memory_limit",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "EXPLAIN SELECT city FROM golden.profile",
    "DESCRIBE golden.profile",
    "SHOW TABLES",
    "USE golden",
    "PREPARE a AS SELECT 1",
    "EXECUTE a",
    "GRANT SELECT ON golden.profile TO x",
    "SELECT city FROM golden.profile; DROP TABLE golden.profile",
    "SELECT city FROM golden.profile; SELECT city FROM golden.profile",
    "SELECT city INTO x FROM golden.profile",
    "SELECT city FROM golden.profile FOR UPDATE",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    "SELECT * FROM read_json('s3://bucket/x')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM sniff_csv('x')",
    "SELECT * FROM sqlite_scan('x', 'y')",
    "SELECT * FROM postgres_scan('host=db', 'a', 'b')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_table_info('golden.profile')",
    "SELECT * FROM range(1000000000)",
    "SELECT * FROM generate_series(1, 1000000000)",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.org/x.csv'",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM other.golden.profile",
    "SELECT getenv('HOME') AS home FROM golden.profile",
    "SELECT current_setting('memory_limit') AS x FROM golden.profile",
    "SELECT query('SELECT 1') AS x FROM golden.profile",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('golden.profile')",
    "SELECT nextval('s') AS n FROM golden.profile",
    "SELECT random() AS x FROM golden.profile",
    "SELECT uuid() AS x FROM golden.profile",
    "SELECT gen_random_uuid() AS x FROM golden.profile",
    "SELECT now() AS at FROM golden.profile",
    "SELECT current_date AS at FROM golden.profile",
    "SELECT current_timestamp AS at FROM golden.profile",
    "SELECT today() AS at FROM golden.profile",
    "SELECT city FROM golden.profile USING SAMPLE 10%",
    "SELECT city FROM golden.profile TABLESAMPLE reservoir(10)",
    "SELECT repeat('x', 1000000000) AS x FROM golden.profile",
    "SELECT unnest(range(1000000000)) AS x FROM golden.profile",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
    "SELECT ? AS x FROM golden.profile",
    "SELECT $1 AS x FROM golden.profile",
    "SELECT {{ var('x') }} AS x FROM golden.profile",
    "SELECT columns('.*') FROM golden.profile",
    "PIVOT golden.profile ON city USING count(*)",
    "SELECT * FROM golden.profile PIVOT (count(*) FOR city IN ('a'))",
    "VALUES (1)",
    "SELECT",
    "",
    ";",
    "-- nothing",
    "(" * 500 + "SELECT 1" + ")" * 500,
    "SELECT 'unfinished AS x FROM golden.profile",
    "\x00",
    "SELECT list_transform([1], x -> x + 1) AS x FROM golden.profile",
    "SELECT system('ls') AS x FROM golden.profile",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_what_is_not_on_the_list_is_refused_with_its_file_and_line(sql):
    """No statement but a SELECT of listed functions over known relations becomes a model."""
    with pytest.raises(ModelError) as refused:
        bind([model("m", sql)], RELATIONS)
    assert all(fault.file == "models/m.sql" and fault.line >= 1 for fault in refused.value.faults)


def test_the_list_is_what_refuses(monkeypatch):
    """Without the list a good part of them would be models."""
    monkeypatch.setattr(statement, "refusal", lambda _node: "")
    harmful = [sql for sql in HOSTILE if not isinstance(statement.read(model("m", sql)), list)]
    assert len(harmful) > 25


@pytest.mark.parametrize("name", STATEMENTS)
def test_ordinary_statements_are_models(name):
    """The list is wide enough for what analysts write."""
    assert bind([model("m", STATEMENTS[name])], RELATIONS).models["marts.m"].relation.columns


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(" ".join(STATEMENTS.values()).split()), max_size=25).map(" ".join)
)
def test_any_text_is_a_model_or_a_fault(text):
    """Nothing but faults is ever raised, whatever stands in the file."""
    with suppress(ModelError):
        bind([model("m", text)], RELATIONS)


@pytest.mark.parametrize(
    ("sql", "line", "says"),
    [
        ("SELECT\n  cty\nFROM golden.profile", 2, "no column `cty`; did you mean `city`?"),
        ("SELECT p.city,\n p.emial FROM golden.profile p", 2, "no column `p.emial`; did you mean `email`?"),
        ("SELECT city\nFROM golden.profil", 2, "no relation `golden.profil`; did you mean `golden.profile`?"),
        ("SELECT x.city\nFROM golden.profile AS p", 1, "nothing here is called `x`"),
        ("SELECT city\nFROM golden.profile p\nWHERE\n p.revnue > 3", 4, "did you mean `revenue`?"),
        ("SELECT upper(city)\nFROM golden.profile", 1, "column 1 has no name; write `AS name` after it"),
        ("SELECT city,\n email AS city\nFROM golden.profile", 2, "makes two columns `city`"),
        ("SELECT profile_id\nFROM golden.profile p, staging.event e", 1, "`profile_id` is in p and e; say which"),
        ("SELECT city\nFROM golden.profile\nWHERE revenue >", 3, "is not SQL"),
        ("SELECT uper(city) AS c\nFROM golden.profile", 1, "`uper`, which models do not know; did you mean `upper`?"),
        ("SELECT p.city FROM (SELECT\n p.cty FROM golden.profile p) AS p", 2, "did you mean `city`?"),
        ("SELECT max(day) AS last,\n list(day) AS days FROM staging.event", 2, "cast it"),
    ],
)
def test_a_fault_names_its_line_and_the_nearest_word(sql, line, says):
    """Whoever wrote the model finds the place and, where one is near, the word that was meant."""
    with pytest.raises(ModelError) as refused:
        bind([model("m", sql)], RELATIONS)
    (fault,) = refused.value.faults
    assert (fault.line, says in fault.message) == (line, True), str(fault)


def test_all_faults_of_all_models_come_at_once():
    """Nobody mends one model to learn of the next."""
    with pytest.raises(ModelError) as refused:
        bind([model("a", "SELECT 1 AS x FROM nowhere"), model("b", "DROP TABLE a")], RELATIONS)
    assert [fault.file for fault in refused.value.faults] == ["models/a.sql", "models/b.sql"]


def test_a_cycle_is_refused_with_its_path():
    """Models that read each other in a ring are named in order."""
    ring = [model("a", "SELECT x FROM c"), model("b", "SELECT x FROM marts.a"), model("c", "SELECT x FROM b")]
    with pytest.raises(ModelError, match=r"marts\.a → marts\.c → marts\.b → marts\.a"):
        bind([*ring, model("d", "SELECT city AS x FROM golden.profile")], RELATIONS)


def test_a_description_names_columns_that_are_made():
    """A typing error in the YAML is a fault of the YAML."""
    described = model(
        "m", STATEMENTS["copy"], columns={"citi": Documented()}, key=("id",), described_in="models/m.yaml",
        lines={("columns", "citi"): 7, ("key",): 4},
    )  # fmt: skip
    with pytest.raises(ModelError) as refused:
        bind([described], RELATIONS)
    assert [str(fault) for fault in refused.value.faults] == [
        "models/m.yaml:4: `marts.m` makes no column `id`",
        "models/m.yaml:7: `marts.m` makes no column `citi`; did you mean `city`?",
    ]


def test_a_name_is_made_once():
    """Two models of one name, or one with the name of a relation, are refused."""
    with pytest.raises(ModelError, match="already made"):
        bind([model("m", STATEMENTS["copy"]), model("m", STATEMENTS["star"])], RELATIONS)


CHAIN = [
    model("a", "SELECT city FROM golden.profile", tags=("gifts",)),
    model("b", "SELECT city FROM marts.a", owner="ann"),
    model("c", "SELECT b.city FROM marts.b, golden.profile AS p", tags=("gifts",)),
    model("z", "SELECT name FROM staging.event"),
]


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ([], "abcz"),
        (["b"], "b"),
        (["marts.b"], "b"),
        (["b+"], "bc"),
        (["+b"], "ab"),
        (["+b+"], "abc"),
        (["tag:gifts"], "ac"),
        (["owner:ann", "z"], "bz"),
        (["tag:gifts+"], "abc"),
    ],
)
def test_selections(selection, chosen):
    """A plus before a name adds what it reads, one after it what reads it; the order of building stays."""
    found = bind(CHAIN, RELATIONS).select(selection)
    assert [bound.model.name for bound in found] == [f"marts.{name}" for name in chosen]


@pytest.mark.parametrize("selection", ["bb", "tag:gift", "owner:an"])
def test_a_selection_of_nothing_is_refused(selection):
    """A word that means no model is a mistake, not an empty run."""
    with pytest.raises(UsageError, match="did you mean"):
        bind(CHAIN, RELATIONS).select([selection])


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("abcdefgh")), max_size=8))
def test_the_order_of_building_follows_the_graph(edges):
    """Each model comes once and after those it reads, or there is a cycle and it is told."""
    models = {name: model(name, "") for name in edges}
    order = graph.build_order(models, {name: frozenset(read) for name, read in edges.items()})
    below = {name: read & edges.keys() for name, read in edges.items()}
    cyclic = any(name in graph.reachable(below, [name]) for name in edges)
    if cyclic:
        assert order
        assert not any(isinstance(step, str) for step in order)
    else:
        assert sorted(order) == sorted(edges)
        assert all(order.index(read) < order.index(name) for name in edges for read in below[name])


def test_classes_of_personal_data_are_inherited():
    """A column has the highest class of what its values come from; a count tells of nobody; the YAML goes before."""
    sql = """SELECT city || email AS both, city, count(email) AS n, city IS NULL AS unknown, revenue,
        attributes ->> '$.faith' AS faith, attributes ->> '$.plan' AS plan FROM golden.profile GROUP BY ALL"""
    said = {"city": Documented(personal="none")}
    classes = {("golden.profile", "attributes.faith"): "sensitive", ("golden.profile", "attributes.plan"): "none"}
    found = bind([model("m", sql, columns=said), model("n", "SELECT * FROM m")], RELATIONS, classes)
    wanted = {
        "both": "identifier", "city": "none", "n": "none", "unknown": "none", "revenue": "none", "faith": "sensitive",
        "plan": "none",
    }  # fmt: skip
    for name in ("marts.m", "marts.n"):
        assert {c.name: c.personal for c in found.relations[name].columns} == wanted


def test_the_time_is_an_argument():
    """`as_of()` is the moment of the run, and nothing else asks for the time."""
    tree = bind([model("m", "SELECT date_diff('day', day, as_of()) AS age FROM staging.event")], RELATIONS).models
    fixed = statement.as_of(tree["marts.m"].tree, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert "2026-03-01 12:00:00" in fixed.sql("duckdb")
    assert statement.uses_clock(tree["marts.m"].tree)
    assert not statement.uses_clock(fixed)
