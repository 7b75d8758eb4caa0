"""The same trees on PostgreSQL: what checks compile to is SQL that engines share."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from hypothesis import Phase, given, settings
from psycopg.rows import dict_row
from tests.governance.checks.tables import RELATIONS, database, query
from tests.governance.checks.test_differential import AS_OF_US, CHECKS, OTHERS, ROWS

from bench import postgres
from onefold.governance import checks

CREATE = """
CREATE TEMPORARY TABLE thing (id int, text text COLLATE "C", plan text COLLATE "C", amount numeric(12, 2), n bigint,
                              flag boolean, day date, at timestamp);
CREATE TEMPORARY TABLE other (a bigint, b text COLLATE "C");
"""


class Rows(list):
    """Rows as a query answers with them."""

    def to_pylist(self):
        return list(self)


@pytest.fixture(scope="module")
def connection():
    with psycopg.connect(postgres.server(), autocommit=True, row_factory=dict_row) as connection:
        connection.execute(CREATE)
        yield connection


def test_postgres_finds_what_duckdb_finds(connection):
    """Counts, verdicts, samples and failing rows."""

    def run(tree):
        # Temporary tables are in a schema whose name is the session's own.
        return Rows(connection.execute(tree.sql("postgres").replace('"temp".', "pg_temp.")).fetchall())

    @settings(max_examples=40, deadline=None, phases=[Phase.generate])
    @given(ROWS, OTHERS, CHECKS)
    def compare(rows, others, some):
        connection.execute("TRUNCATE thing, other")
        with connection.cursor() as cursor:
            for table, some_rows in (("thing", rows), ("other", others)):
                for row in some_rows:
                    plain = {k: v.replace(tzinfo=None) if isinstance(v, dt.datetime) else v for k, v in row.items()}
                    marks = ", ".join(f"%({name})s" for name in plain)
                    statement = f"INSERT INTO {table} ({', '.join(plain)}) VALUES ({marks})"  # noqa: S608  our own names
                    cursor.execute(statement, plain)
        with database(rows, others) as duckdb:
            ours = checks.run(some, query(duckdb), run_id="r", at_us=AS_OF_US, relations=RELATIONS)
        theirs = checks.run(some, run, run_id="r", at_us=AS_OF_US, relations=RELATIONS)
        assert theirs == ours

    compare()
