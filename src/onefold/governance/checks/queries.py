"""Queries: all checks of one relation as one aggregate query, and as one query for the rows that fail.

Both are SQL trees for any engine. The aggregate reads the relation once for whatever looks at single rows, and once more
for each check about duplicates, references or ranks; it answers with one row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlglot import exp

from onefold.governance.checks import column as columns_
from onefold.governance.checks import failures
from onefold.governance.checks.column import Column, Columns
from onefold.governance.checks.definition import Check, Distribution, Freshness, Reference, Unique, Volume
from onefold.governance.checks.failures import ROW
from onefold.rules import literal

Relations = Mapping[str, Columns]
"""The columns of each relation that checks name, by relation."""

ROWS = "n"
"""Name of the aggregate's count of all rows. `n3` counts those that check 3 looks at, `f3` those of them that fail it; `o3`
is what it observed, and `m3` of how many values."""


def aggregate(checks: Sequence[Check], relations: Relations, as_of_us: int) -> exp.Query:
    """One query whose single row says how many rows fail each check, and what each observed.

    Args:
        checks: Of one relation.
        relations: Columns of that relation, and of those it refers to.
        as_of_us: The time that rules count from.

    Raises:
        ConfigurationError: A check does not fit the columns.
    """
    relation = checks[0].relation
    of = relations[relation]
    selected: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), ROWS)]
    apart: list[tuple[str, exp.Query]] = []
    for n, check in enumerate(checks):
        within = failures.scope(check, of, as_of_us)
        if within is not None:
            selected.append(exp.alias_(_count_if(within), f"n{n}"))
        condition = failures.fails(check, of, as_of_us)
        if condition is not None:
            both = condition if within is None else exp.and_(within.copy(), exp.paren(condition))
            selected.append(exp.alias_(_count_if(both), f"f{n}"))
        elif isinstance(check.kind, Unique):
            apart.append((f"c{n}", _duplicate_count(check, check.kind, of, within, n)))
        elif isinstance(check.kind, Reference):
            apart.append((f"c{n}", _orphan_count(check, relations, as_of_us, n)))
        elif isinstance(check.kind, Distribution) and check.kind.statistic == "quantile":
            apart.append((f"c{n}", _rank(check, check.kind, of, within, n)))
        else:
            selected += _observed(check, of, within, n)
    total = exp.select(*selected).from_(columns_.table_of(relation, ROW))
    whole = exp.select("*").from_("total").with_("total", as_=total)
    for name, query in apart:
        whole = whole.with_(name, as_=query).join(exp.to_table(name), join_type="cross")
    return whole


def failing_rows(checks: Sequence[Check], relations: Relations, as_of_us: int, *, limit: int) -> exp.Query:
    """The rows that fail any of these checks: the columns of their key, then `f0`, `f1` … as 1 where that check fails.

    Args:
        checks: Checks about rows, of one relation, all with the same key.
        relations: As in `aggregate`.
        as_of_us: As in `aggregate`.
        limit: Most rows, the first in order of the key.
    """
    relation, key = checks[0].relation, checks[0].key
    of = relations[relation]
    keys = [columns_.value(failures.named(checks[0], name, of), ROW) for name in key]
    rows = exp.select(*keys).from_(columns_.table_of(relation, ROW))
    for n, check in enumerate(checks):
        condition = failures.fails(check, of, as_of_us)
        if condition is None:
            condition, rows = _joined(check, relations, rows, as_of_us, n)
        within = failures.scope(check, of, as_of_us)
        if within is not None:
            condition = exp.and_(within, exp.paren(condition))
        rows = rows.select(exp.alias_(_flag(condition), f"f{n}"))
    found = exp.or_(*(exp.EQ(this=exp.column(f"f{n}"), expression=exp.Literal.number(1)) for n in range(len(checks))))
    outer = exp.select(*(exp.column(name, quoted=True) for name in key), *(f"f{n}" for n in range(len(checks))))
    return (
        outer.from_(rows.subquery("failing"))
        .where(found)
        .order_by(*(exp.column(name, quoted=True) for name in key))
        .limit(limit)
    )


def series(check: Check, of: Columns, as_of_us: int) -> exp.Query | None:
    """For a check that needs a count for each of many bins: rows of (`bin`, `rows`); None for any other.

    The bins of a `Volume` are UTC dates; of a `psi` they are numbers of bins, or values as texts, nulls apart.
    """
    kind = check.kind
    bins: exp.Expr
    if isinstance(kind, Volume):
        when = failures.instant(check, kind.column, of)
        bins = exp.cast(columns_.value(when, ROW), "DATE")
    elif isinstance(kind, Distribution) and kind.statistic == "psi":
        bins = _bins(check, kind, of)
    else:
        return None
    source = failures.named(check, kind.column, of)
    rows = exp.select(exp.alias_(bins, "bin")).from_(columns_.table_of(check.relation, ROW)).where(_known(source))
    within = failures.scope(check, of, as_of_us)
    if within is not None:
        rows = rows.where(within)
    counted = exp.select("bin", exp.alias_(exp.Count(this=exp.Star()), "rows")).from_(rows.subquery("binned"))
    return counted.group_by("bin").order_by("bin")


def _bins(check: Check, kind: Distribution, of: Columns) -> exp.Expr:
    if not kind.edges:
        return exp.cast(columns_.value(failures.named(check, kind.column, of), ROW), "VARCHAR")
    one = failures.number(check, kind.column, of)
    ifs = [
        exp.If(this=exp.LTE(this=columns_.number(one, ROW), expression=edge), true=exp.Literal.string(f"{n:04}"))
        for n, edge in enumerate(failures.numbers(check, one, kind.edges))
    ]
    return exp.Case(ifs=ifs, default=exp.Literal.string(f"{len(kind.edges):04}"))


def _observed(check: Check, of: Columns, within: exp.Expr | None, n: int) -> list[exp.Expr]:
    """What an aggregate of the whole relation tells of a measure; nothing where the count of rows does."""
    kind = check.kind
    if isinstance(kind, Freshness):
        when = failures.instant(check, kind.column, of)
        return [exp.alias_(exp.Max(this=_only_if(within, columns_.value(when, ROW))), f"o{n}")]
    if not isinstance(kind, Distribution) or kind.statistic == "psi":
        return []
    if kind.statistic == "mean":
        one = failures.number(check, kind.column, of)
        value = columns_.number(one, ROW)
        found: exp.Expr = exp.Sum(this=_only_if(within, value))
    else:
        one = failures.named(check, kind.column, of)
        value = columns_.value(one, ROW)
        among = exp.In(this=value, expressions=failures.constants(check, one, kind.values))
        found = _count_if(among if within is None else exp.and_(within.copy(), among))
    values = exp.Count(this=_only_if(within, value.copy()))
    return [exp.alias_(found, f"o{n}"), exp.alias_(values, f"m{n}")]


def _rank(check: Check, kind: Distribution, of: Columns, within: exp.Expr | None, n: int) -> exp.Query:
    one = failures.number(check, kind.column, of)
    value = columns_.number(one, ROW)
    ranked = (
        exp.select(
            exp.alias_(value, "x"),
            exp.alias_(exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[value.copy()])), "place"),
            exp.alias_(exp.Window(this=exp.Count(this=exp.Star())), "many"),
        )
        .from_(columns_.table_of(check.relation, ROW))
        .where(exp.Not(this=exp.Is(this=exp.paren(value.copy()), expression=exp.null())))
    )
    if within is not None:
        ranked = ranked.where(within.copy())
    share = literal(kind.quantile or Decimal())
    at = exp.GTE(this=exp.column("place"), expression=exp.Mul(this=share, expression=exp.column("many")))
    chosen = exp.select(
        exp.alias_(exp.Min(this=exp.column("x")), f"o{n}"), exp.alias_(exp.Max(this=exp.column("many")), f"m{n}")
    )
    return chosen.from_(ranked.subquery("ranked")).where(at)


def _duplicate_count(check: Check, kind: Unique, of: Columns, within: exp.Expr | None, n: int) -> exp.Query:
    groups = _duplicates(check, kind, of, within).select(exp.alias_(exp.Count(this=exp.Star()), "many"))
    total = exp.Coalesce(this=exp.Sum(this=exp.column("many")), expressions=[exp.Literal.number(0)])
    return exp.select(exp.alias_(total, f"f{n}")).from_(groups.subquery("groups"))


def _duplicates(check: Check, kind: Unique, of: Columns, within: exp.Expr | None) -> exp.Select:
    """One row for each combination of values that several rows share, as `k0` and so on."""
    keys = [failures.named(check, name, of) for name in kind.columns]
    query = exp.select(*(exp.alias_(columns_.value(k, ROW), f"k{i}") for i, k in enumerate(keys)))
    query = query.from_(columns_.table_of(check.relation, ROW)).where(*map(_known, keys))
    if within is not None:
        query = query.where(within.copy())
    return query.group_by(*(columns_.value(k, ROW) for k in keys)).having("COUNT(*) > 1")


def _parents(check: Check, kind: Reference, relations: Relations) -> exp.Select:
    """One row for each combination of values that may be referred to, as `k0` and so on."""
    of = relations[kind.relation]
    there = [_there(check, kind, name, of) for name in kind.found_in]
    for mine, its in zip(kind.columns, there, strict=True):
        kinds = failures.named(check, mine, relations[check.relation]).kind, its.kind
        if kinds[0] != kinds[1]:
            raise failures.problem(
                check, f"`{mine}` is of kind {kinds[0]}, and `{its.name}` of {kind.relation} of kind {kinds[1]}"
            )
    query = exp.select(*(exp.alias_(columns_.value(k, "p"), f"k{i}") for i, k in enumerate(there)))
    return query.from_(columns_.table_of(kind.relation, "p")).distinct()


def _there(check: Check, kind: Reference, name: str, of: Columns) -> Column:
    # Told of the other relation, whose columns those are.
    other = Check(relation=kind.relation, name=check.name, kind=kind, file=check.file, line=check.line)
    return failures.named(other, name, of)


def _orphan_count(check: Check, relations: Relations, as_of_us: int, n: int) -> exp.Query:
    rows = exp.select(exp.alias_(exp.Count(this=exp.Star()), f"f{n}")).from_(columns_.table_of(check.relation, ROW))
    orphan, rows = _joined(check, relations, rows, as_of_us, n)
    within = failures.scope(check, relations[check.relation], as_of_us)
    return rows.where(orphan) if within is None else rows.where(orphan, within)


def _joined(check: Check, relations: Relations, rows: exp.Select, as_of_us: int, n: int) -> tuple[exp.Expr, exp.Select]:
    """The rows joined with what tells whether each is a duplicate or an orphan, and the condition that it is."""
    kind, other = check.kind, f"j{n}"
    if isinstance(kind, Unique):
        within = failures.scope(check, relations[check.relation], as_of_us)
        apart: exp.Select = _duplicates(check, kind, relations[check.relation], within)
        names = kind.columns
    elif isinstance(kind, Reference):
        apart, names = _parents(check, kind, relations), kind.columns
    else:
        raise TypeError(f"{type(kind).__name__} is not about rows")
    of = [failures.named(check, name, relations[check.relation]) for name in names]
    equal = [
        exp.EQ(this=columns_.value(one, ROW), expression=exp.column(f"k{i}", table=other)) for i, one in enumerate(of)
    ]
    rows = rows.join(apart.subquery(other), on=exp.and_(*equal), join_type="left")
    matched = exp.Is(this=exp.column("k0", table=other), expression=exp.null())
    if isinstance(kind, Unique):
        return exp.Not(this=exp.paren(matched)), rows
    return exp.and_(matched, *map(_known, of)), rows


def _known(of: Column) -> exp.Expr:
    return exp.Not(this=exp.Is(this=columns_.value(of, ROW), expression=exp.null()))


def _only_if(within: exp.Expr | None, value: exp.Expr) -> exp.Expr:
    return value if within is None else exp.Case(ifs=[exp.If(this=within.copy(), true=value)])


def _count_if(condition: exp.Expr) -> exp.Expr:
    # CASE, not FILTER: sqlglot passes FILTER through to engines that lack it.
    return exp.Count(this=exp.Case(ifs=[exp.If(this=condition.copy(), true=exp.Literal.number(1))]))


def _flag(condition: exp.Expr) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1))], default=exp.Literal.number(0))
