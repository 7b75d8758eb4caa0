"""The people of `people` as tables of engines, and what rules say of them there."""

from __future__ import annotations

import contextlib
import itertools
from functools import cache

import duckdb
import psycopg
from bench.postgres import OWNER, address
from tests.rules.people import AS_OF_US, TABLES, rows

from onefold.rules import to_text
from onefold.warehouse import people as compiled
from onefold.warehouse.dialects import postgres, translation
from onefold.warehouse.views import RELATIONS

_numbers = itertools.count()


class Duck:
    """DuckDB."""

    _people = None

    def __init__(self):
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 1")
        self._connection.execute("CREATE SCHEMA golden")

    def load(self, people):
        """Make these the people, unless they are."""
        if people is not self._people:
            self._people = people
            self._load(people)

    def _load(self, people):
        for table, columns in TABLES.items():
            self._connection.execute(f"CREATE OR REPLACE TABLE {table} ({', '.join(columns)})")
            self._fill(self._connection, table, rows(people)[table], "?")

    @staticmethod
    def _fill(cursor, table, found, mark):
        for start in range(0, len(found), 100):
            some = found[start : start + 100]
            row = "(" + ", ".join([mark] * len(some[0])) + ")"
            values = [value for one in some for value in one]
            cursor.execute(f"INSERT INTO {table} VALUES {', '.join([row] * len(some))}", values)  # noqa: S608  names of ours

    def answers(self, rules, tree=None):
        """By person, what each rule says; `tree` is the query of these rules, where it is at hand."""
        return self.run(compiled.asked(rules, AS_OF_US) if tree is None else tree.copy(), rules)

    def run(self, tree, rules):
        found = self._connection.execute(tree.sql("duckdb")).fetchall()
        return {row[0]: dict(zip(rules, row[1:], strict=True)) for row in found}


class Postgres(Duck):
    """PostgreSQL, on the tests' server, with schemas of its own."""

    def __init__(self):
        self._prefix = f"rules{next(_numbers)}_"
        self._connection = psycopg.connect(address(OWNER), autocommit=True)
        self._connection.execute(f"DROP SCHEMA IF EXISTS {self._prefix}golden CASCADE")
        self._connection.execute(f"CREATE SCHEMA {self._prefix}golden")
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            self._connection.execute(
                f"CREATE COLLATION {self._prefix}golden.{postgres.LETTERS} (provider = builtin, locale = 'C.UTF-8')"
            )
        self._connection.execute(f"SET search_path = {self._prefix}golden; SET timezone = 'UTC'")

    def _load(self, people):
        for table, columns in TABLES.items():
            there = self._prefix + table
            typed = ", ".join(columns).replace("VARCHAR", 'text COLLATE "C"')
            self._connection.execute(f"DROP TABLE IF EXISTS {there}")
            self._connection.execute(f"CREATE TABLE {there} ({typed})")
            self._fill(self._connection, there, rows(people)[table], "%s")

    def run(self, tree, rules):
        there = translation.translate(tree, postgres.DIALECT, RELATIONS, self._prefix)
        found = self._connection.execute(translation.sql(there, postgres.DIALECT)).fetchall()
        return {row[0]: dict(zip(rules, row[1:], strict=True)) for row in found}


ENGINES = {"duckdb": Duck, "postgres": Postgres}
engine = cache(lambda name: ENGINES[name]())


def assert_alike(rules, people, *names):
    """The answers of the stream, and of each engine, are those by definition; for an engine, all rules are one statement."""
    expected = {name: people.answers(rule) for name, rule in rules.items()}
    tree = compiled.asked(rules, AS_OF_US) if names else None
    for name in names if people.ahead else ("stream", *names):
        if name == "stream":
            found = people.streamed(rules)
        else:
            engine(name).load(people)
            found = engine(name).answers(rules, tree)
        assert found.keys() == people.profiles.keys()
        different = [
            to_text(rules[rule])
            for rule in rules
            if any(found[person][rule] is not expected[rule][person] for person in people.profiles)
        ]
        assert different == [], name
