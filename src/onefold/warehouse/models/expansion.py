"""Expansion: a query that names views of the project becomes one that names only what is stored.

Views become WITH clauses, each once however often it is named, so a query grows with the number of views and not with
the number of ways to reach them.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.warehouse.models import graph


def expand(query: exp.Query, views: Mapping[str, exp.Query]) -> exp.Query:
    """The query with every view it reads, directly or through others, written into it.

    Args:
        query: Any query; it is left as it is.
        views: Trees by full name, each after those it reads.
    """
    needed = graph.reachable({name: graph.reads(tree) for name, tree in views.items()}, direct := graph.reads(query))
    needed = (needed | direct) & views.keys()
    if not needed:
        return query
    whole = _renamed(query, needed)
    own = whole.args.get("with_")
    clauses = [
        exp.CTE(this=_renamed(tree, needed), alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        for name, tree in views.items()
        if name in needed
    ]
    stated = list(own.expressions) if own is not None else []
    recursive = own is not None and bool(own.args.get("recursive"))
    whole.set("with_", exp.With(expressions=[*clauses, *stated], recursive=recursive))
    return whole


def _renamed(query: exp.Query, names: set[str]) -> exp.Query:
    """A copy in which these relations are named as the WITH clauses are: one identifier with a dot in it."""
    tree = query.copy()
    for table in list(graph.tables(tree)):
        name = graph.relation_name(table)
        if name in names:
            alias = table.alias or table.name
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
            table.set("db", None)
            table.set("this", exp.to_identifier(name, quoted=True))
    return tree
