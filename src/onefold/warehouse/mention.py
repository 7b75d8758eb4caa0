"""Mentions: where a query names relations, and how something else is put in the place of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlglot import exp

from onefold.errors import UsageError
from onefold.model import Relation
from onefold.warehouse.query import relation_named

_PLAIN = frozenset({"this", "db", "alias", "joins", "laterals"})
"""What a mention of a relation may consist of."""
_MAKING_ROWS = (exp.GenerateSeries, exp.Unnest)
"""Functions that may stand in the place of a relation."""


def require_own_names(query: exp.Query, relations: Iterable[Relation]) -> None:
    """See that no common table expression is named as a relation is: which of the two is meant would depend on the place.

    Raises:
        UsageError: One is.
    """
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    for name in sorted(own & {relation.name.lower() for relation in relations}):
        raise UsageError(f"WITH names `{name}`, as a relation is named; give it another name.")


def mentions(tree: exp.Query, known: Mapping[str, Relation]) -> Iterator[tuple[exp.Table, Relation]]:
    """Every mention of a relation in a query whose own names are none of theirs. It may be replaced while this runs.

    Raises:
        UsageError: One is not a name and nothing else, or names what there is not.
    """
    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, _MAKING_ROWS):
            continue
        if not table.db and table.name.lower() in own and "." not in table.name:
            continue
        yield table, _relation(table, known)


def put(table: exp.Table, query: exp.Query) -> None:
    """Put a query in the place of a mention."""
    table.replace(in_place_of(table, query))


def in_place_of(table: exp.Table, query: exp.Query) -> exp.Subquery:
    """A query under a mention's alias, with all that is joined to the mention."""
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
    kept = {part: table.args[part] for part in ("joins", "laterals") if table.args.get(part)}
    return exp.Subquery(this=query, alias=alias, **kept)


def _relation(table: exp.Table, known: Mapping[str, Relation]) -> Relation:
    extra = {part for part, value in table.args.items() if value} - _PLAIN
    if extra or not isinstance(table.this, exp.Identifier):
        raise UsageError(
            f"`{table.sql(dialect='duckdb')[:80]}` cannot be read here: name a relation, and nothing else."
        )
    return known[relation_named(table, known)]
