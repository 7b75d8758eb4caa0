"""Proposing: a relation is profiled, and what holds of all its rows now is proposed as checks, for a person to review.

No value of a column that holds something of people is shown: such a column gets no bounds and no set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sqlglot import exp

from onefold.governance.checks import column as columns_
from onefold.governance.checks import measuring
from onefold.governance.checks.column import Columns, Query
from onefold.governance.checks.definition import (
    VALUE_TYPES,
    Check,
    Freshness,
    Kind,
    NotNull,
    OneOf,
    Range,
    RowCount,
    TypeIs,
    Unique,
    Value,
)
from onefold.governance.checks.forms import FORMS
from onefold.model import Relation

VALUES_MAX = 20
"""A text column with more distinct values than these is not a set."""
ROWS_PER_VALUE = 10
"""Fewer rows than these for each distinct value say nothing of a set."""
UNIQUE_ROWS_MIN = 20
HOUR_US = 3_600_000_000
AGE_TIMES = 3
CHANGE_MAX = Decimal("0.2")


def propose(query: Query, relation: Relation, at_us: int) -> list[Check]:
    """Checks that hold now, all with the severity `warn`; none for a relation without rows."""
    of = columns_.columns(relation)
    row = query(_profile(relation, of)).to_pylist()[0]
    if not row["n"]:
        return []
    key = relation.key if all(one in of for one in relation.key) else ()
    return [
        Check(relation=relation.full_name, name=name, kind=kind, severity="warn", key=key)
        for name, kind in _proposed(query, relation, of, row, at_us)
    ]


def _profile(relation: Relation, of: Columns) -> exp.Query:
    """One row: how many rows, and of each column how many values, distinct ones, the least and the greatest."""
    selected: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "n")]
    for number, one in enumerate(of.values()):
        value = columns_.value(one)
        selected.append(exp.alias_(exp.Count(this=value.copy()), f"v{number}"))
        if one.kind in {"number", "text", "time", "date"} or one.of_type == "uuid":
            selected.append(exp.alias_(exp.Count(this=exp.Distinct(expressions=[value.copy()])), f"d{number}"))
        if one.kind in {"number", "time", "date"}:
            selected.append(exp.alias_(exp.Min(this=value.copy()), f"l{number}"))
            selected.append(exp.alias_(exp.Max(this=value.copy()), f"h{number}"))
        if one.kind == "text":
            selected += [exp.alias_(_count_form(value.copy(), FORMS[form]), f"{form}{number}") for form in VALUE_TYPES]
    return exp.select(*selected).from_(columns_.table_of(relation.full_name))


def _count_form(value: exp.Expr, form: str) -> exp.Expr:
    matches = exp.RegexpLike(this=value, expression=exp.Literal.string(form))
    return exp.Count(this=exp.Case(ifs=[exp.If(this=matches, true=exp.Literal.number(1))]))


def _proposed(
    query: Query, relation: Relation, of: Columns, row: Mapping[str, Any], at_us: int
) -> Iterator[tuple[str, Kind]]:
    rows = row["n"]
    filled = tuple(name for number, name in enumerate(of) if row[f"v{number}"] == rows)
    if filled:
        yield "always_there", NotNull(filled)
    if relation.key:
        yield "key_unique", Unique(relation.key)
    yield "steady", RowCount(1, None, CHANGE_MAX)
    latest: tuple[int, str] | None = None
    for number, (name, one) in enumerate(of.items()):
        values, word = row[f"v{number}"], name.lower()
        if not values:
            continue
        own = relation.column(name)
        plain = own is not None and own.personal == "none"
        distinct = row.get(f"d{number}", 0)
        if distinct == rows >= UNIQUE_ROWS_MIN and one.kind != "time" and (name,) != relation.key:
            yield f"{word}_unique", Unique((name,))
        if one.kind == "number" and plain:
            yield f"{word}_bounds", Range(name, *_bounds(row[f"l{number}"], row[f"h{number}"]))
        if one.kind == "text":
            form = next((form for form in VALUE_TYPES if row[f"{form}{number}"] == values), None)
            if form is not None:
                yield f"{word}_type", TypeIs(name, form)
            elif plain and distinct <= VALUES_MAX and distinct * ROWS_PER_VALUE <= values:
                yield f"{word}_set", OneOf(name, _values(query, relation, one))
        if one.kind == "time":
            age_us = at_us - measuring.microseconds(row[f"h{number}"])
            if age_us >= 0 and (latest is None or age_us < latest[0]):
                latest = age_us, name
    if latest is not None:
        hours = max(1, -(-AGE_TIMES * latest[0] // HOUR_US))
        yield f"{latest[1].lower()}_fresh", Freshness(latest[1], hours * HOUR_US)


def _bounds(low: Any, high: Any) -> tuple[Value, Value | None]:
    """What is never negative stays so; other numbers stay where they are."""
    if low >= 0:
        return Decimal(0), None
    return Decimal(str(low)), Decimal(str(high))


def _values(query: Query, relation: Relation, of: columns_.Column) -> tuple[str, ...]:
    value = columns_.value(of)
    known = exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))
    tree = exp.select(exp.alias_(value, "value")).distinct().from_(columns_.table_of(relation.full_name)).where(known)
    return tuple(sorted(str(row["value"]) for row in query(tree).to_pylist()))
