"""Aggregates of events in SQL: the value of each for each person, worked out of a relation of events in one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlglot import exp

from onefold.rules import aggregate, sql_any, time
from onefold.rules import sql_trees as trees
from onefold.rules.sql import SqlField, literal, moment, to_sql
from onefold.rules.tree import Aggregate, Expr, Period, Then

_HAPPENED = "happened"
_ADDED = "added"
# Days, so that weeks, which engines count differently, can be counted as steps of seven.
_STEPS: dict[Period, tuple[str, int]] = {
    "day": ("DAY", 1),
    "week": ("DAY", 7),
    "month": ("MONTH", 1),
    "year": ("YEAR", 1),
}


class Events(msgspec.Struct, frozen=True):
    """A relation with the events of people: columns `person`, `event_id`, `event_at`, `name`, `source`, `properties`."""

    relation: str


class Added(msgspec.Struct, frozen=True):
    """Aggregates of all people.

    Attributes:
        steps: Common table expressions, each with its name, in an order in which each comes after those it reads.
        relations: Those of them that have a row for a person, at most one; who has none of the events is not there.
        values: The value of each aggregate, over the relations.
    """

    steps: tuple[tuple[str, exp.Query], ...]
    relations: tuple[str, ...]
    values: dict[Aggregate, SqlField]


def added(wanted: Iterable[Aggregate], events: Events, as_of_us: int) -> Added:
    """The aggregates of all people as of a moment.

    Raises:
        RuleError: A condition uses what SQL cannot say alike everywhere.
    """
    return _Adder(sorted(set(wanted), key=aggregate.fingerprint), events, as_of_us).added()


class _Adder:
    """Writes the steps for some aggregates."""

    def __init__(self, wanted: Sequence[Aggregate], events: Events, as_of_us: int) -> None:
        self._wanted, self._events, self._as_of_us = wanted, events, as_of_us
        names = {name for one in wanted for name in _properties(one)}
        self._columns = {name: f"p{number}" for number, name in enumerate(sorted(names))}
        self._sums: list[exp.Expr] = []
        self._steps: list[tuple[str, exp.Query]] = []

    def added(self) -> Added:
        if not self._wanted:
            return Added((), (), {})
        values = {one: self._value(number, one) for number, one in enumerate(self._wanted)}
        relations = [name for name, _ in self._steps]
        steps = [(_HAPPENED, self._happened()), *self._steps]
        if self._sums:
            sums = trees.query([_column("person"), *self._sums], _HAPPENED, group=["person"])
            steps.append((_ADDED, sums))
            relations.append(_ADDED)
        return Added(tuple(steps), tuple(relations), values)

    def _happened(self) -> exp.Query:
        """The events that any aggregate is about, with their properties read once."""
        names = sorted(
            {name for one in self._wanted for name in (one.event, one.then.event if one.then else one.event)}
        )
        properties = [
            trees.alias(sql_any.member(_column("properties"), name), column) for name, column in self._columns.items()
        ]
        kept = ("person", "event_id", "event_at", "name", "source")
        named = exp.In(this=_column("name"), expressions=[literal(name) for name in names])
        return trees.query([*map(_column, kept), *properties], self._events.relation, [named])

    def _value(self, number: int, one: Aggregate) -> SqlField:
        kind, function, name = aggregate.kind(one), one.function, f"a{number}"
        counts = self._counts(one.event, one.where, one)
        if one.then is not None:
            self._steps.append((name, self._followed(name, counts, one.then)))
            return SqlField("boolean", _is_one(_column(name, name)))
        if function == "streak":
            self._steps.append((name, self._streak(name, counts, one.per or "year")))
            return SqlField("number", _or_none(_column(name, name)))
        if function == "most_frequent" or (function in {"first", "last"} and one.property is not None):
            found = (
                self._commonest(name, counts, one) if function == "most_frequent" else self._ranked(name, counts, one)
            )
            self._steps.append((name, found))
            return SqlField("any", _column(name, name))
        value = self._summed(one, counts, name)
        return SqlField(kind, value)

    def _summed(self, one: Aggregate, counts: exp.Expr, name: str) -> exp.Expr:
        """The value as one column of the common sums."""
        function = one.function
        if function in {"count", "exists"}:
            self._sum(exp.Sum(this=_if(counts, literal(1), literal(0))), name)
            count = _or_none(_column(name, _ADDED))
            return count if function == "count" else trees.paren(exp.GT(this=count, expression=literal(0)))
        if function in {"first", "last"}:
            make = exp.Min if function == "first" else exp.Max
            self._sum(make(this=_if(counts, _column("event_at"))), name)
            return _column(name, _ADDED)
        if function == "unique_count":
            each = self._counted(one) if one.per is None else self._period(one.per)
            self._sum(exp.Count(this=exp.Distinct(expressions=[_if(counts, each)])), name)
            return _or_none(_column(name, _ADDED))
        number = _if(counts, sql_any.plain_number(self._property(one)))
        if function in {"min", "max"}:
            self._sum((exp.Min if function == "min" else exp.Max)(this=number), name)
            return _column(name, _ADDED)
        self._sum(exp.Sum(this=number), name)
        total = trees.cast(_column(name, _ADDED), "DECIMAL(38, 12)")
        if function == "sum":
            return _or_none(total)
        self._sum(exp.Count(this=number.copy()), name + "n")
        return sql_any.quotient(total, _column(name + "n", _ADDED))

    def _sum(self, value: exp.Expr, name: str) -> None:
        self._sums.append(trees.alias(value, name))

    def _property(self, one: Aggregate) -> exp.Expr:
        return _column(self._columns[one.property or ""])

    def _counted(self, one: Aggregate) -> exp.Expr:
        return sql_any.counted(self._property(one))

    def _period(self, per: Period) -> exp.Expr:
        return exp.TimestampTrunc(this=_column("event_at"), unit=exp.var(per.upper()))

    def _counts(self, event: str, where: Expr | None, one: Aggregate | None = None) -> exp.Expr:
        """Whether an event counts."""
        conditions: list[exp.Expr] = [exp.EQ(this=_column("name"), expression=literal(event))]
        if where is not None:
            fields = {name: SqlField("any", _column(column)) for name, column in self._columns.items()}
            fields["event.at"] = SqlField("time", _column("event_at"))
            fields["event.source"] = SqlField("text", _column("source"))
            conditions.append(to_sql(where, fields, self._as_of_us))
        if one is not None and one.within is not None:
            start, stop = aggregate.bounds(one.within, self._as_of_us)
            conditions.append(exp.GTE(this=_column("event_at"), expression=moment(start)))
            conditions.append(exp.LT(this=_column("event_at"), expression=moment(stop)))
        return trees.paren(trees.all_of(*conditions))

    def _ranked(self, name: str, counts: exp.Expr, one: Aggregate) -> exp.Query:
        descending = one.function == "last"
        order = exp.Order(
            expressions=[
                exp.Ordered(this=_column(c), desc=descending, nulls_first=False) for c in ("event_at", "event_id")
            ]
        )
        return _first(self._stating(counts, one), name, order)

    def _commonest(self, name: str, counts: exp.Expr, one: Aggregate) -> exp.Query:
        times = trees.alias(exp.Count(this=exp.Star()), "times")
        each = trees.query(
            [_column("person"), _column("value"), times], self._stating(counts, one), group=["person", "value"]
        )
        order = exp.Order(
            expressions=[
                exp.Ordered(this=_column("times"), desc=True, nulls_first=False),
                exp.Ordered(this=_column("value"), nulls_first=False),
            ]
        )
        return _first(each, name, order)

    def _stating(self, counts: exp.Expr, one: Aggregate) -> exp.Select:
        """The events that count and state the property."""
        value = self._counted(one)
        columns = [*map(_column, ("person", "event_at", "event_id")), trees.alias(value, "value")]
        return trees.query(columns, _HAPPENED, [counts, trees.is_known(value.copy())])

    def _streak(self, name: str, counts: exp.Expr, per: Period) -> exp.Query:
        """Numbered from the latest backwards, periods in a row and their numbers add up to the same."""
        unit, step = _STEPS[per]
        since = trees.cast(exp.Literal.string("1969-12-29"), "DATE")  # a Monday
        at = trees.cast(self._period(per), "DATE")
        place = exp.DateDiff(this=at, expression=since, unit=exp.var(unit))
        periods = trees.query([_column("person"), trees.alias(place, "place")], _HAPPENED, [counts])
        periods.set("distinct", exp.Distinct())
        backwards = exp.Order(expressions=[exp.Ordered(this=_column("place"), desc=True, nulls_first=False)])
        back = exp.Window(this=exp.RowNumber(), partition_by=[_column("person")], order=backwards)
        latest = exp.Window(this=exp.Max(this=_column("place")), partition_by=[_column("person")])
        numbered = trees.query(
            [_column("person"), _column("place"), trees.alias(back, "back"), trees.alias(latest, "latest")], periods
        )
        walked = exp.Add(this=_column("place"), expression=exp.Mul(this=_column("back"), expression=literal(step)))
        unbroken = exp.EQ(this=walked, expression=exp.Add(this=_column("latest"), expression=literal(step)))
        total = trees.alias(exp.Sum(this=_if(unbroken, literal(1), literal(0))), name)
        return trees.query([_column("person"), total], numbered, group=["person"])

    def _followed(self, name: str, counts: exp.Expr, then: Then) -> exp.Query:
        """Of each tile, the first and last of the one event and the last of the other tell all that matters."""
        then_counts = self._counts(then.event, then.where)
        tile, now = self._tile(then, _column("event_at")), self._as_of_us // then.within.tile_us
        columns = [
            trees.alias(exp.Min(this=_if(counts, _column("event_at"))), "opened"),
            trees.alias(exp.Max(this=_if(counts.copy(), _column("event_at"))), "reopened"),
            trees.alias(exp.Max(this=_if(then_counts, _column("event_at"))), "closed"),
        ]
        either = trees.any_of(counts.copy(), then_counts.copy())
        placed = [
            *map(_column, ("person", "event_at", *self._columns.values(), "name", "source")),
            trees.alias(tile, "tile"),
        ]
        tiles = trees.query(placed, _HAPPENED, [either])
        tiles = trees.query([_column("person"), _column("tile"), *columns], tiles, group=["person", "tile"])
        later = exp.WindowSpec(kind="ROWS", start="1", start_side="FOLLOWING", end="UNBOUNDED", end_side="FOLLOWING")
        closing = _if(trees.is_known(_column("closed")), _column("tile"))
        order = exp.Order(expressions=[exp.Ordered(this=_column("tile"), nulls_first=False)])
        window = exp.Window(this=exp.Min(this=closing), partition_by=[_column("person")], order=order, spec=later)
        kept = map(_column, ("person", "tile", "opened", "reopened", "closed"))
        each = trees.query([*kept, trees.alias(window, "next_closed")], tiles)
        limit = exp.Add(this=_column("tile"), expression=literal(then.within.tiles))
        soon = _truly(exp.LTE(this=_column("next_closed"), expression=limit))
        started = _column("reopened" if then.absent else "opened")
        same_tile = _truly(exp.GT(this=_column("closed"), expression=started))
        found: exp.Expr = trees.paren(trees.any_of(same_tile, soon))
        if then.absent:
            over = exp.LT(this=limit.copy(), expression=literal(now))
            found = trees.all_of(exp.Not(this=found), over)
        known = trees.is_known(started.copy())
        value = trees.alias(exp.Max(this=_if(trees.all_of(known, found), literal(1), literal(0))), name)
        return trees.query([_column("person"), value], each, group=["person"])

    @staticmethod
    def _tile(then: Then, at: exp.Expr) -> exp.Expr:
        """The number of the tile that a time lies in."""
        epoch = moment(0)
        if then.within.tile_us == time.DAY_US:
            return exp.DateDiff(this=trees.cast(at, "DATE"), expression=trees.cast(epoch, "DATE"), unit=exp.var("DAY"))
        start, end = (exp.TimestampTrunc(this=each, unit=exp.var("HOUR")) for each in (epoch, at))
        return exp.DateDiff(this=end, expression=start, unit=exp.var("HOUR"))


def _properties(one: Aggregate) -> frozenset[str]:
    """The properties that an aggregate reads."""
    stated = () if one.property is None else (one.property,)
    return aggregate.condition_fields(one).difference(aggregate.EVENT_FIELDS).union(stated)


def _first(rows: exp.Select, name: str, order: exp.Order) -> exp.Query:
    """The `value` of each person's first row in an order."""
    number = exp.Window(this=exp.RowNumber(), partition_by=[_column("person")], order=order)
    ranked = trees.query([_column("person"), _column("value"), trees.alias(number, "place")], rows)
    best = exp.EQ(this=_column("place"), expression=literal(1))
    return trees.query([_column("person"), trees.alias(_column("value"), name)], ranked, [best])


def _column(name: str, table: str | None = None) -> exp.Column:
    return exp.column(name, table=table)


def _if(condition: exp.Expr, then: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise)


def _or_none(value: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=value, expressions=[literal(0)])


def _truly(condition: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def _is_one(value: exp.Expr) -> exp.Expr:
    return trees.paren(exp.EQ(this=_or_none(value), expression=literal(1)))
