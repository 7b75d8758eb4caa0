"""Trees of SQL, put together without copying their parts: whoever uses a part twice copies it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp


def paren(inner: exp.Expr) -> exp.Paren:
    """The expression in brackets."""
    return exp.Paren(this=inner)


def all_of(*parts: exp.Expr) -> exp.Expr:
    """That all of these hold."""
    return exp.and_(*parts, copy=False)


def any_of(*parts: exp.Expr) -> exp.Expr:
    """That any of these holds."""
    return exp.or_(*parts, copy=False)


def cast(value: exp.Expr, to: str) -> exp.Cast:
    """The value as another type."""
    return exp.cast(value, to, copy=False)


def alias(value: exp.Expr, name: str, *, quoted: bool = False) -> exp.Alias:
    """The value under a name."""
    return exp.Alias(this=value, alias=exp.to_identifier(name, quoted=quoted))


def query(
    columns: Sequence[exp.Expr], source: exp.Query | str, where: Sequence[exp.Expr] = (), group: Sequence[str] = ()
) -> exp.Select:
    """A query for these columns of a relation, or of another query."""
    table = exp.to_table(source) if isinstance(source, str) else subquery(source)
    found = exp.Select(expressions=list(columns))
    found.set("from_", exp.From(this=table))
    if where:
        found.set("where", exp.Where(this=all_of(*where)))
    if group:
        found.set("group", exp.Group(expressions=[exp.column(name) for name in group]))
    return found


def subquery(inner: exp.Query) -> exp.Subquery:
    """A query as a relation of another one."""
    return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("inner_")))


def is_known(value: exp.Expr) -> exp.Expr:
    """That a value is not null."""
    return exp.Not(this=exp.Is(this=value, expression=exp.null()))
