"""Browsing: rows of a relation, those that contain a text, in the order of a column, a page at a time."""

from __future__ import annotations

import msgspec
from sqlglot import exp

from onefold.errors import UsageError, nearest
from onefold.model import Column, Relation

SKIP_MAX = 100_000
"""Rows that can be paged over; beyond them a filter leads further than a page."""


class Browse(msgspec.Struct, frozen=True):
    """Which rows of a relation.

    Attributes:
        contains: What a value contains, in whichever case; empty for any row.
        column: The column whose value it is; None for that of any column.
        sort: The column to order by; None for the order of the relation's key, as far as it has one.
        descending: Whether the largest come first. Null is last in both.
        skip: Rows of the pages before.
    """

    contains: str = ""
    column: str | None = None
    sort: str | None = None
    descending: bool = False
    skip: int = 0


def rows(relation: Relation, browse: Browse) -> exp.Select:
    """A query for these rows; put under a role's mask, it compares and orders what the role sees, and nothing else.

    Raises:
        UsageError: There is no such column.
    """
    query = exp.select(*(_name(column) for column in relation.columns)).from_(
        exp.table_(relation.name, db=relation.schema, quoted=True)
    )
    if browse.contains:
        among = relation.columns if browse.column is None else (_column(relation, browse.column),)
        query = query.where(exp.or_(*(_contains(column, browse.contains) for column in among)))
    order = relation.key if browse.sort is None else (_column(relation, browse.sort).name, *relation.key)
    ordered = [
        exp.Ordered(this=exp.column(name, quoted=True), desc=browse.descending and not place, nulls_first=False)
        for place, name in enumerate(dict.fromkeys(order))
    ]
    if ordered and (browse.sort is not None or browse.skip or relation.kind != "log"):
        query = query.order_by(*ordered)
    return query.offset(browse.skip) if browse.skip else query


def _column(relation: Relation, name: str) -> Column:
    found = relation.column(name)
    if found is None:
        near = nearest(name, [column.name for column in relation.columns])
        raise UsageError(f"{relation.full_name} has no column `{name}`{near or '.'}")
    return found


def _name(column: Column) -> exp.Column:
    return exp.column(column.name, quoted=True)


def _contains(column: Column, text: str) -> exp.Expr:
    value = exp.cast(_name(column), "TEXT")
    return exp.GT(
        this=exp.StrPosition(this=exp.Lower(this=value), substr=exp.Literal.string(text.lower())),
        expression=exp.Literal.number(0),
    )
