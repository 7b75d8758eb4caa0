"""Restriction: a query of somebody who may not see personal data, so rewritten that none of it can be in its rows.

Every relation it names is replaced by one whose personal columns are null. What could reach the rows in another way is
refused: functions that read files, or relations by name; the catalog, which names files; and names that two things have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlglot import exp

from onefold.errors import UsageError
from onefold.model import Relation
from onefold.warehouse.mention import mentions, put, require_own_names
from onefold.warehouse.models import types
from onefold.warehouse.query import CATALOGS

_READING = re.compile(
    r"(read|parquet|duckdb|pragma|sniff|seq|arrow|pandas|python|sqlite|postgres|iceberg|delta)_.*|query|query_table|glob"
    r"|.*_scan|which_secret|summary|sql_auto_complete|checkpoint|force_checkpoint"
)


def restricted(query: exp.Query, relations: Iterable[Relation]) -> exp.Query:
    """The query as it may be asked; the one that is given stays as it is.

    Args:
        query: A query over known relations (`question.asked`).
        relations: All that it may read.

    Raises:
        UsageError: It says something that could reach personal data.
    """
    known = {relation.full_name: relation for relation in relations}
    require_own_names(query, known.values())
    tree = query.copy()
    for node in tree.walk():
        _require_harmless(node)
    for table, relation in mentions(tree, known):
        put(table, _shown(relation))
    return tree


def _shown(relation: Relation) -> exp.Select:
    """All columns of a relation, in their order and types; those that hold personal data are null."""
    columns = [
        exp.alias_(
            exp.column(column.name, quoted=True)
            if column.personal == "none"
            else exp.cast(exp.Null(), "TEXT" if column.type == "json" else types.SQL[column.type]),
            column.name,
            quoted=True,
        )
        for column in relation.columns
    ]
    return exp.select(*columns).from_(exp.table_(relation.name, db=relation.schema, quoted=True))


def _require_harmless(node: exp.Expr) -> None:
    if isinstance(node, exp.Describe | exp.Summarize | exp.Command | exp.Pivot):
        raise UsageError(f"{type(node).__name__.upper()} cannot be asked with this key.")
    if isinstance(node, exp.Lateral) and not isinstance(node.this, exp.Subquery | exp.Unnest):
        raise UsageError("LATERAL takes a query with this key, not a function.")
    if isinstance(node, exp.Table) and node.db.lower() in CATALOGS:
        raise UsageError("The catalog cannot be read with this key; `onefold tables` lists the relations.")
    if isinstance(node, exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if _READING.fullmatch(name):
            raise UsageError(f"The function `{name}` cannot be used with this key.")
