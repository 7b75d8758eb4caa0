"""Lineage against an independent oracle: change one source column, run the statement on DuckDB, see what changed."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, timedelta

import duckdb
import pytest
from sqlglot import exp
from tests.warehouse.statements import RELATIONS, STATEMENTS, model

from onefold.warehouse.models import lineage, origins
from onefold.warehouse.models.binding import bind

ROWS = 60
CHANGES = 5
"""How often a column is drawn anew: a change that does not show once must show another time."""


def _value(draw: random.Random, column: str):
    if draw.random() < 0.1 and column != "attributes":
        return None
    match column:
        case "profile_id" | "event_id":
            return draw.randrange(40)
        case "day":
            return date(2026, 1, 1) + timedelta(days=draw.randrange(90))
        case "amount" | "revenue":
            return draw.randrange(25)
        case "name" | "campaign":
            return draw.choice("aaax" + "bcdefghijklmnopqrstuvw")
        case "attributes":
            return {"plan": draw.choice(["free", "pro", "team"]), "seats": draw.randrange(50)}
        case _:
            return draw.choice(["Rome", "Oslo", "Lima", "Bonn", "Cork", "Graz"]) + str(draw.randrange(9))


def _rows(seed: int) -> dict[str, list[dict]]:
    draw = random.Random(seed)
    return {r.full_name: [{c.name: _value(draw, c.name) for c in r.columns} for _ in range(ROWS)] for r in RELATIONS}


def _columns() -> list[tuple[str, str]]:
    plain = [(r.full_name, c.name) for r in RELATIONS for c in r.columns if c.type != "json"]
    return [*plain, ("golden.profile", "attributes.plan"), ("golden.profile", "attributes.seats")]


def _changed(rows: dict[str, list[dict]], source: tuple[str, str], seed: int) -> dict[str, list[dict]]:
    draw, (relation, column) = random.Random(seed), source
    first, _, member = column.partition(".")
    changed = []
    for row in rows[relation]:
        fresh = _value(draw, first)
        changed.append(row | {first: row[first] | {member: fresh[member]} if member else fresh})
    return rows | {relation: changed}


class Engine:
    """DuckDB with the relations, filled anew for each question."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for schema in {r.schema for r in RELATIONS}:
            self.connection.execute(f"CREATE SCHEMA {schema}")
        types = {"bigint": "BIGINT", "integer": "INT", "text": "VARCHAR", "date": "DATE", "json": "JSON"}
        for r in RELATIONS:
            self.connection.execute(
                f"CREATE TABLE {r.full_name} ({', '.join(f'{c.name} {types[c.type]}' for c in r.columns)})"
            )
        self.filled: dict[str, list[dict]] = {}

    def answer(self, tree: exp.Query, rows: dict[str, list[dict]]) -> dict[str, Counter]:
        """What each column holds, as a multiset."""
        for r in RELATIONS:
            if self.filled.get(r.full_name) is not rows[r.full_name]:
                self.connection.execute(f"DELETE FROM {r.full_name}")  # noqa: S608  our names
                marks = ", ".join("(" + ", ".join("?" for _ in r.columns) + ")" for _ in rows[r.full_name])
                values = [_stored(row[c.name]) for row in rows[r.full_name] for c in r.columns]
                self.connection.execute(f"INSERT INTO {r.full_name} VALUES {marks}", values)  # noqa: S608
                self.filled[r.full_name] = rows[r.full_name]
        found = self.connection.sql(tree.sql(dialect="duckdb"))
        names, answer = found.columns, found.fetchall()
        return {name: Counter(row[n] for row in answer) for n, name in enumerate(names)}


def _stored(value):
    return json.dumps(value) if isinstance(value, dict) else value


@pytest.fixture(scope="module")
def engine():
    made = Engine()
    yield made
    made.connection.close()


@pytest.fixture(scope="module")
def shown(engine):
    """For each statement and source column the columns that really changed."""
    found: dict[str, dict[tuple[str, str], set[str]]] = {}
    start = _rows(1)
    bound = {name: bind([model("m", sql)], RELATIONS).models["marts.m"].tree for name, sql in STATEMENTS.items()}
    before = {name: engine.answer(tree, start) for name, tree in bound.items()}
    for source in _columns():
        for n in range(CHANGES):
            rows = _changed(start, source, n)
            for name, tree in bound.items():
                after = engine.answer(tree, rows)
                seen = found.setdefault(name, {}).setdefault(source, set())
                seen.update(column for column, values in after.items() if values != before[name][column])
    return found


def _told(sql: str) -> dict[tuple[str, str], set[str]]:
    """For each source column the columns that lineage says come from it."""
    bound = bind([model("m", sql)], RELATIONS)
    every = {("marts.m", column.name) for column in bound.models["marts.m"].relation.columns}
    known = list(lineage.links(bound.models.values()))
    told = {}
    for source in _columns():
        tree = lineage.trace(source, known, "downstream")
        hit = {(node.relation, node.column) for node in lineage.flat(tree)}
        told[source] = {name for _, name in (every if ("marts.m", "*") in hit else every & hit)}
    return told


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_changed_column_changes_exactly_the_columns_that_lineage_says(shown, name):
    """Lineage neither misses an influence nor claims one that is not there."""
    assert _told(STATEMENTS[name]) == shown[name]


@pytest.mark.parametrize(
    "planted",
    ["where", "joins", "group", "window order", "subquery rows", "set operation", "order", "members"],
)
def test_a_reader_that_overlooks_a_part_is_caught(monkeypatch, shown, planted):
    """Each part of a statement that the reader could forget shows in some statement of the suite."""
    reader = origins._Reader
    rows, subquery = reader._rows, reader._subquery
    set_operation = reader._set_operation
    if planted in {"where", "joins", "group"}:

        def without(self, scope, tree):
            kept = tree.args.pop(planted, None)
            try:
                return rows(self, scope, tree)
            finally:
                tree.set(planted, kept)

        monkeypatch.setattr(reader, "_rows", without)
    elif planted == "window order":
        monkeypatch.setattr(reader, "_window", lambda self, scope, node: self.expression(scope, node.this))
    elif planted == "subquery rows":

        def shallow(self, scope, node):
            found = subquery(self, scope, node)
            return origins.Origins(found.value)

        monkeypatch.setattr(reader, "_subquery", shallow)
    elif planted == "set operation":

        def careless(self, scope, tree):
            found = set_operation(self, scope, tree)
            return origins.Derivation(found.columns, frozenset())

        monkeypatch.setattr(reader, "_set_operation", careless)
    elif planted == "order":
        monkeypatch.setattr(reader, "_ordering", lambda *_: frozenset())
    else:
        monkeypatch.setattr(origins, "_json_path", lambda _node: "")
    assert any(_told(sql) != shown[name] for name, sql in STATEMENTS.items())
