"""Translation: a query's tree, part by part, for another engine. What the engine's table does not have is refused by name.

sqlglot alone writes statements that an engine refuses, or that mean something else there. So nothing is passed on that
was not tried: syntax from a common list, functions from the table of each dialect, whose entries tests run on the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from onefold.errors import UsageError
from onefold.warehouse import query as queries

Rewrite = Callable[[exp.Expr], exp.Expr]
"""What stands for a part; its children are already the engine's."""

SYNTAX: frozenset[type[exp.Expr]] = frozenset(
    {
        exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
        exp.With, exp.CTE, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.Distinct, exp.Table, exp.TableAlias,
        exp.Column, exp.Identifier, exp.Star, exp.Alias, exp.Tuple, exp.Values, exp.Paren, exp.Literal, exp.Boolean,
        exp.Null, exp.Interval, exp.Var, exp.DataType, exp.DataTypeParam, exp.Window, exp.WindowSpec,
        exp.And, exp.Or, exp.Not, exp.Neg, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is, exp.In,
        exp.Between, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Add, exp.Sub, exp.Mul, exp.Case, exp.If, exp.Exists,
    }
)  # fmt: skip
"""What every engine has, and means alike."""


MAPPED = "mapped"
"""In the meta of a column `said.value`: the type of the map's values, as DuckDB calls it."""


class Dialect(msgspec.Struct, frozen=True):
    """How one engine is spoken to.

    Attributes:
        name: What people call it.
        sqlglot: What sqlglot calls its SQL.
        parts: Rewrites of functions and of syntax that engines mean differently; None where the part stays as it is.
        entry: Rewrite of `said.key` and `said.value`, where `said` are entries of an unnested map.
    """

    name: str
    sqlglot: str
    parts: Mapping[type[exp.Expr], Rewrite | None]
    entry: Rewrite


def translate(query: exp.Query, dialect: Dialect, known: Collection[str], prefix: str = "") -> exp.Query:
    """The query as the engine has to be told it. The query is left as it is.

    Args:
        query: The query.
        dialect: The engine's.
        known: Full names of all relations.
        prefix: What stands before our schemas' names there.

    Raises:
        UsageError: It has a part that the engine has no tried equivalent of, or reads a relation that there is not.
    """
    tree = queries.counting(query.copy())
    for table in queries.tables(tree):
        (full,) = queries.read_by(exp.select("*").from_(table.copy()), known)
        schema, _, name = full.partition(".")
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
        table.set("this", exp.to_identifier(name))
        table.set("db", exp.to_identifier(prefix + schema))
    # DuckDB tells no case apart, in whatever quotes; the engines do, so everything is lower case, and quoted.
    normalize_identifiers(tree, dialect="duckdb")
    entries = {alias.alias for alias in tree.find_all(exp.Alias) if _is_entries(alias.this)}
    for column in tree.find_all(exp.Column):
        if column.table in entries and column.name == "value":
            column.meta[MAPPED] = _mapped_type(column)
    # Deepest first, so that a rewrite finds children that are the engine's already and need no second look.
    for part in reversed(list(tree.walk(bfs=True))):
        kind = type(part)
        if isinstance(part, exp.Column) and part.table in entries and part.name in {"key", "value"}:
            part.replace(dialect.entry(part))
            continue
        if kind in dialect.parts:
            rewrite = dialect.parts[kind]
            if rewrite is not None:
                made = rewrite(part)
                if made is not part:
                    part.replace(made)
        elif kind not in SYNTAX:
            raise UsageError(
                f"{dialect.name}: `{_named(part)}` has no tried equivalent there; ask it of the embedded warehouse."
            )
    return tree


def sql(tree: exp.Query, dialect: Dialect) -> str:
    """A translated query as text.

    Raises:
        UsageError: It is nested too deeply, or has what the engine does not know.
    """
    try:
        return tree.sql(dialect=dialect.sqlglot, identify=True, unsupported_level=ErrorLevel.RAISE)
    except RecursionError:
        raise UsageError("The query is nested too deeply.") from None
    except UnsupportedError as error:
        raise UsageError(f"{dialect.name}: {str(error).splitlines()[0]}") from None


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A function of the engine by its own name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def double(value: exp.Expr) -> exp.Expr:
    """The value as a double."""
    return exp.cast(value.copy(), exp.DataType.Type.DOUBLE)


def like(part: exp.Expr, value: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    """A LIKE of other operands in the place of one, or of an ILIKE; negated where that is."""
    return exp.Like(this=value, expression=pattern, negate=part.args.get("negate"))


def _is_entries(part: exp.Expr) -> bool:
    inner = part.this if isinstance(part, exp.Explode) else None
    return isinstance(inner, exp.Anonymous) and inner.name.lower() == "map_entries"


def _mapped_type(column: exp.Column) -> str:
    """What a map's values are, by what stands where it is made, within the SELECT that the column is in."""
    select = column.find_ancestor(exp.Select)
    for made in select.find_all(exp.FromJson) if select is not None else ():
        named = made.find_ancestor(exp.Alias)
        if named is not None and named.alias == column.table:
            return str(made.expression.name).rpartition(",")[2].strip(' )"').upper()
    return ""


def _named(part: exp.Expr) -> str:
    return part.name.lower() if isinstance(part, exp.Anonymous) else part.key
