"""Queries: text read into a tree, and the relations that a tree reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from onefold.errors import UsageError, nearest

SCHEMAS = ("marts", "golden", "staging", "raw", "dimensions")
"""Where a name without a schema is looked for, in this order."""
CATALOGS = frozenset({"information_schema", "pg_catalog"})
TEXT_MAX = 50_000


def parse(text: str, dialect: str = "duckdb") -> exp.Query:
    """One query, as a tree.

    Raises:
        UsageError: It is not one; the message tells line and column.
    """
    if len(text) > TEXT_MAX:
        raise UsageError(f"The query has {len(text)} characters; {TEXT_MAX} is the most.")
    try:
        found = [tree for tree in sqlglot.parse(text, dialect=dialect) if tree is not None]
    except SqlglotError as error:
        raise UsageError(_where(error)) from None
    except RecursionError:
        raise UsageError("The query is nested too deeply.") from None
    if len(found) != 1:
        raise UsageError(f"State one query; this is {len(found) or 'none'}.")
    if not isinstance(found[0], exp.Query):
        raise UsageError("Only queries can be run: SELECT …, or WITH … SELECT.")
    return found[0]


def _where(error: SqlglotError) -> str:
    first = next(iter(getattr(error, "errors", None) or []), None)
    if not first:
        return "The query cannot be read as SQL."
    return f"{first['description']}; line {first['line']}, column {first['col']}, near `{first['highlight']}`."


def tables(query: exp.Query) -> list[exp.Table]:
    """The tables that a query reads by name: neither functions nor names of its own common table expressions.

    A name that a common table expression has anywhere in the query counts as its own unless it has a schema.
    """
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    return [
        table
        for table in query.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and (table.db or table.name.lower() not in own)
    ]


def read_by(query: exp.Query, known: Collection[str]) -> set[str]:
    """Full names of the relations that a query reads; all of `known` where it reads the catalog.

    Raises:
        UsageError: It names one that there is not; the message has the nearest.
    """
    found = tables(query)
    if any(table.db.lower() in CATALOGS for table in found):
        return set(known)
    return {relation_named(table, known) for table in found}


def relation_named(table: exp.Table, known: Collection[str]) -> str:
    """The full name of the relation that a table of a query means.

    Raises:
        UsageError: There is none; the message has the nearest.
    """
    schema, name = table.db.lower(), table.name.lower()
    tried = [f"{schema}.{name}"] if schema else [f"{each}.{name}" for each in SCHEMAS]
    match = next((full for full in tried if full in known), None)
    if match is None:
        stated = f"{table.db}.{table.name}" if schema else table.name
        near = nearest(tried[0] if schema else name, {*known, *(full.split(".", 1)[1] for full in known)})
        raise UsageError(f"There is no relation `{stated}`{near or '; `onefold tables` lists them.'}")
    return match


def closure(wanted: Collection[str], views: Mapping[str, exp.Query], known: Collection[str]) -> set[str]:
    """These relations, and those that they are made of."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            if name in views:
                waiting += read_by(views[name], known)
    return found


def counting(query: exp.Query) -> exp.Query:
    """The query with `count_if` as the count that it is, 0 of no rows: in DuckDB it is a sum, and so null. A copy, if any."""
    if query.find(exp.CountIf) is None:
        return query

    def counted(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.CountIf):
            return node
        return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))]), big_int=True)

    return cast("exp.Query", query.copy().transform(counted, copy=False))
