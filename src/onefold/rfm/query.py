"""The query of a run: what each person's events amount to, and their scores. A tree; nothing that a project says is SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import sqlglot
from sqlglot import exp

from onefold.rfm.definition import Definition
from onefold.rfm.scoring import PARTS, CutPoint

DIALECT = "duckdb"
MEASURES = {"recency_days": "r", "frequency": "f", "monetary": "m"}
"""Columns of what a person's events amount to, each with that of its score."""
MONEY = "DECIMAL(38, 9)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
# What `profiles/money.py` reads as well, as far as nine decimals hold it; nobody writes an amount with an exponent.
_PLAIN = r"^[+-]?[0-9]{1,15}([.][0-9]{1,9})?$"
_CODE = "^[A-Z]{3}$"
_UNREADABLE = "X" * 3


def whole(definition: Definition, as_of_us: int) -> exp.Select:
    """Everybody who acted, scored.

    In order of people. Columns: person, recency_days, frequency, monetary, without_amount, other_currency, r, f, m.
    """
    query = scored(definition, "without_amount", "other_currency").order_by(exp.column("person", "valued"), copy=False)
    stated = query.args.pop("with_", None)
    first = [("told", _told(definition, as_of_us)), ("valued", _valued(definition, as_of_us))]
    query.set("with_", exp.With(expressions=[_cte(*each) for each in first] + (stated.expressions if stated else [])))
    return query


def scored(definition: Definition, *more: str) -> exp.Select:
    """Scores of the people of `valued`, a relation or common table expression with a row a person and all measures."""
    columns = [exp.column(name, "valued") for name in ("person", *MEASURES, *more)]
    scores = [exp.alias_(_score(definition, measure), score) for measure, score in MEASURES.items()]
    query = exp.select(*columns, *scores).from_("valued")
    if definition.method == "quantiles":
        for measure in MEASURES:
            query = query.with_(_cuts_name(measure), as_=_cuts(measure), copy=False)
            query = query.join(_cuts_name(measure), join_type="cross", copy=False)
    return query


def _cte(name: str, tree: exp.Query) -> exp.CTE:
    return exp.CTE(this=tree, alias=exp.TableAlias(this=exp.to_identifier(name)))


def _parsed(text: str) -> exp.Select:
    tree = sqlglot.parse_one(text, dialect=DIALECT)
    assert isinstance(tree, exp.Select)  # noqa: S101  our own text
    return tree


def _told(definition: Definition, as_of_us: int) -> exp.Select:
    """The events that count: person, time and, where events are worth something, amount and currency."""
    columns: list[exp.Expr] = [exp.column("person", "e"), exp.column("event_at", "e")]
    if definition.amount:
        amount = exp.Coalesce(this=_amount(definition.amount[0]), expressions=[*map(_amount, definition.amount[1:])])
        columns += [exp.alias_(amount, "amount"), exp.alias_(_currency(definition.default_currency), "code")]
    at = exp.column("event_at", "e")
    chosen: list[exp.Expr] = [
        exp.In(this=exp.column("name", "e"), expressions=[exp.Literal.string(name) for name in definition.events]),
        exp.LTE(this=at.copy(), expression=_moment(as_of_us)),
    ]
    if definition.lookback_days is not None:
        chosen.append(exp.GTE(this=at.copy(), expression=_moment(since_us(as_of_us, definition.lookback_days))))
    return exp.select(*columns).from_("golden.engagement_event AS e").where(*chosen)


def since_us(as_of_us: int, lookback_days: int) -> int:
    """When the lookback begins: days are those of UTC, and that of the moment is the last."""
    day = _DAY // timedelta(microseconds=1)
    return (as_of_us // day - lookback_days + 1) * day


def _valued(definition: Definition, as_of_us: int) -> exp.Select:
    """What each person's events amount to."""
    latest = exp.Max(this=exp.column("event_at"))
    days = exp.DateDiff(this=_moment(as_of_us), expression=latest, unit=exp.Var(this="DAY"), date_part_boundary=True)
    query = exp.select("person", exp.alias_(days, "recency_days"), "count(*) AS frequency").from_("told")
    if not definition.amount:
        one = f"CAST(count(*) AS {MONEY}) AS monetary"
        return query.select(one, "CAST(0 AS BIGINT) AS without_amount", "CAST(0 AS BIGINT) AS other_currency").group_by(
            "person"
        )
    ours = exp.EQ(this=exp.column("code"), expression=exp.Literal.string(definition.currency))
    there = exp.Not(this=exp.Is(this=exp.column("amount"), expression=exp.null()))
    total = exp.Sum(this=exp.Case(ifs=[exp.If(this=ours.copy(), true=exp.column("amount"))]))
    other = exp.and_(there.copy(), exp.Not(this=exp.paren(ours.copy())))
    return query.select(
        exp.alias_(exp.Coalesce(this=total, expressions=[exp.cast(exp.Literal.number(0), MONEY)]), "monetary"),
        exp.alias_(exp.CountIf(this=exp.Not(this=exp.paren(there))), "without_amount"),
        exp.alias_(exp.CountIf(this=other), "other_currency"),
    ).group_by("person")


def _property(name: str) -> exp.Expr:
    path = exp.JSONPath(expressions=[exp.JSONPathRoot(), exp.JSONPathKey(this=name)])
    return exp.JSONExtractScalar(this=exp.column("properties", "e"), expression=path, only_json_types=False)


def _amount(name: str) -> exp.Expr:
    """A property as money; null where it does not read as a plain number."""
    stated = exp.Trim(this=_property(name))
    plain = exp.RegexpLike(this=stated, expression=exp.Literal.string(_PLAIN))
    return exp.Case(ifs=[exp.If(this=plain, true=exp.cast(stated.copy(), MONEY))])


def _currency(default: str) -> exp.Expr:
    """The code that an event states, the default where it states none, that of no currency where it cannot be read."""
    stated = exp.Coalesce(this=_property("currency"), expressions=[exp.Literal.string("")])
    code = exp.Upper(this=exp.Trim(this=_property("currency")))
    return exp.Case(
        ifs=[
            exp.If(this=exp.EQ(this=stated, expression=exp.Literal.string("")), true=exp.Literal.string(default)),
            exp.If(this=exp.RegexpLike(this=code, expression=exp.Literal.string(_CODE)), true=code.copy()),
        ],
        default=exp.Literal.string(_UNREADABLE),
    )


def _score(definition: Definition, measure: str) -> exp.Expr:
    """From 1 to 5, 5 the best: for recency that is the fewest days."""
    value = exp.column(measure, "valued")
    if definition.method == "ntile":
        order = exp.Order(expressions=[_ordered(value), _ordered(exp.column("person", "valued"))])
        found: exp.Expr = exp.Window(this=exp.Ntile(this=exp.Literal.number(PARTS)), order=order)
    elif definition.method == "quantiles":
        found = _above(value, [exp.column(f"cut_{n}", _cuts_name(measure)) for n in range(1, PARTS)])
    else:
        assert definition.bins is not None  # noqa: S101  whoever read the definition saw to it
        stated: Sequence[CutPoint] = getattr(definition.bins, measure.removesuffix("_days"))
        found = _above(value, [exp.cast(exp.Literal.string(f"{Decimal(cut.value):f}"), MONEY) for cut in stated])
    if measure == "recency_days":
        found = exp.Sub(this=exp.Literal.number(PARTS + 1), expression=exp.paren(found))
    return exp.cast(found, "INT")


def _above(value: exp.Expr, cuts: Sequence[exp.Expr]) -> exp.Expr:
    """One, and one for each cut point strictly below the value."""
    one, none = exp.Literal.number(1), exp.Literal.number(0)
    found: exp.Expr = one
    for cut in cuts:
        above = exp.GT(this=value.copy(), expression=cut)
        found = exp.Add(this=found, expression=exp.Case(ifs=[exp.If(this=above, true=one.copy())], default=none.copy()))
    return exp.paren(found)


def _cuts_name(measure: str) -> str:
    return f"cuts_{measure}"


def _cuts(measure: str) -> exp.Select:
    """Values up to which a fifth, two fifths and so on of the people go.

    By counting, which is exact, and the same in every engine, whatever it makes of a quantile's fraction.
    """
    cuts = ", ".join(
        f"min(CASE WHEN upto * {PARTS} >= {n} * everybody THEN {measure} END) AS cut_{n}" for n in range(1, PARTS)
    )
    return _parsed(
        f"SELECT {cuts} FROM (SELECT {measure}, sum(people) OVER (ORDER BY {measure}) AS upto, "  # noqa: S608  our own names
        f"sum(people) OVER () AS everybody FROM (SELECT {measure}, count(*) AS people FROM valued GROUP BY {measure}) "
        "AS counted) AS running"
    )


def _ordered(column: exp.Expr) -> exp.Ordered:
    return exp.Ordered(this=column.copy(), nulls_first=False)


def _moment(at_us: int) -> exp.Expr:
    text = (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%d %H:%M:%S.%f")
    return exp.cast(exp.Literal.string(text), "TIMESTAMP")
