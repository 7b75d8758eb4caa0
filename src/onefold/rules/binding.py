"""Binding: a rule fitted to the fields it is about. Names and kinds are settled once; evaluation then cannot fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from onefold.errors import nearest
from onefold.rules import aggregate, runs, time, values
from onefold.rules.functions import FUNCTIONS, Kind
from onefold.rules.runs import Row, Run
from onefold.rules.tree import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Moment,
    Not,
    Or,
    Places,
    RuleError,
    aggregates,
    placed,
    walk,
)

FieldKind = Kind | Aggregate | aggregate.Derived
Fields = Mapping[str, FieldKind]
"""By name what a field is: its kind, the aggregate of events that it is a name for, or what is worked out of such."""

NOWHERE: Places = {}

OPEN = ".*"
"""A field name ending so stands for every name that begins with what is before the star: `attr.*`."""


class Clock(msgspec.Struct, frozen=True):
    """A comparison of elapsed time: when it can flip is known.

    Attributes:
        tile_us: Length of the tiles counted.
        then: Gives the moment since which they are counted.
        bounds: Give the numbers compared with.
    """

    tile_us: int
    then: Run
    bounds: tuple[Run, ...]


class Bound(msgspec.Struct, frozen=True):
    """A rule ready to run.

    Attributes:
        expr: What it says.
        kind: What it gives.
        fields: The fields it reads.
        aggregates: What it reads of events; a row holds their values, or something `aggregate.Timed`, under their
            fingerprints.
        run: Computes its value from a row and a time.
        clocks: Its comparisons of elapsed time.
        restless_us: Shortest tile of elapsed time used in any other way, or None.
        timed: Fingerprints of those aggregates whose values time changes.
        derived: The fields among those it reads that are worked out of aggregates.
    """

    expr: Expr
    kind: Kind
    fields: frozenset[str]
    aggregates: frozenset[Aggregate]
    run: Run
    clocks: tuple[Clock, ...]
    restless_us: int | None
    timed: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()


def bind(expr: Expr, fields: Fields, places: Places = NOWHERE) -> Bound:
    """Fit a rule to these fields; errors tell the place of what they are about, where it is known.

    Raises:
        RuleError: It names a field that does not exist (the nearest that does is named), or mixes kinds.
    """
    binder = _Binder(fields, places)
    kind, run = binder.bind(expr)
    names = frozenset(f.name for f in walk(expr) if isinstance(f, Field))
    restless = min(binder.loose.values(), default=None)
    named = {found for name in names if isinstance(found := fields.get(name), Aggregate)}
    derived = {name: found for name in names if isinstance(found := fields.get(name), aggregate.Derived)}
    read = aggregates(expr) | named.union(*(one.aggregates for one in derived.values()))
    timed = tuple(aggregate.fingerprint(one) for one in read if aggregate.is_timed(one))
    return Bound(expr, kind, names, read, run, tuple(binder.clocks), restless, timed, frozenset(derived))


def bind_condition(where: Expr, places: Places = NOWHERE) -> Bound:
    """Fit the condition of an aggregate to the events that it is about; `condition_row` makes the rows of it.

    Raises:
        RuleError: It mixes kinds, reads aggregates, or depends on the time at which it is asked.
    """
    names = {one.name for one in walk(where) if isinstance(one, Field)}
    bound = bind(where, {name: aggregate.EVENT_FIELDS.get(name, "any") for name in names}, places)
    if bound.kind not in {"boolean", "any"}:
        raise RuleError(f"A condition on events is true or false; this one gives a {bound.kind}.")
    if bound.aggregates:
        raise RuleError("A condition on events cannot ask for other events; join the two with `and`, or use `then`.")
    if bound.clocks or bound.restless_us is not None:
        raise RuleError("A condition on events does not depend on today; use `within`, such as `within 30 days`.")
    return bound


def condition_row(bound: Bound, properties: Mapping[str, Any], at_us: int, source: str) -> dict[str, Any]:
    """What the condition of an aggregate reads of an event."""
    own = {"event.at": at_us, "event.source": source}
    return {name: own[name] if name in own else aggregate.property_of(properties, name) for name in bound.fields}


class _Binder:
    """Binds one rule, gathering its clocks on the way."""

    def __init__(self, fields: Fields, places: Places) -> None:
        self._fields = fields
        self._places = places
        self.clocks: list[Clock] = []
        self.loose: dict[int, int] = {}
        """Tile of each elapsed-time call outside a comparison, by the call's identity."""

    def bind(self, expr: Expr) -> tuple[Kind, Run]:
        try:
            return self._bound(expr)
        except RuleError as error:
            raise placed(error, expr, self._places) from None

    def _bound(self, expr: Expr) -> tuple[Kind, Run]:
        match expr:
            case Literal():
                return _literal(expr)
            case Moment(at_us=at_us):
                return "time", lambda _row, _now: at_us
            case Field(name=name):
                return self._read(name)
            case Call():
                return self._call(expr)
            case Aggregate():
                return self._aggregate(expr)
            case Compare(operator=operator, left=left, right=right):
                a, b = self._alike((left, right))
                self._tell_time(left, (right,), (b,))
                self._tell_time(right, (left,), (a,))
                return "boolean", runs.comparison(operator, a, b)
            case Between(value=value, low=low, high=high):
                v, lo, hi = self._alike((value, low, high))
                self._tell_time(value, (low, high), (lo, hi))
                above, below = runs.comparison(">=", v, lo), runs.comparison("<=", v, hi)
                return "boolean", lambda row, now: values.all_of((above(row, now), below(row, now)))
            case In(value=value, options=options):
                v, *others = self._alike((value, *options))
                self._tell_time(value, options, tuple(others))
                equal = [runs.comparison("=", v, o) for o in others]
                return "boolean", lambda row, now: values.any_of(one(row, now) for one in equal)
            case Like(value=value, pattern=pattern, any_case=any_case):
                return "boolean", runs.like(self._expect(value, "text", "`like`"), pattern, any_case=any_case)
            case IsNull(value=value):
                _, run = self.bind(value)
                return "boolean", lambda row, now: run(row, now) is None
            case Arithmetic(operator=operation, left=left, right=right):
                x = self._expect(left, "number", "arithmetic")
                y = self._expect(right, "number", "arithmetic")
                return "number", lambda row, now: values.calculate(operation, x(row, now), y(row, now))
            case Not(part=part):
                run = self._truth(part)
                return "boolean", lambda row, now: None if (truth := run(row, now)) is None else not truth
            case And(parts=parts):
                truths = [self._truth(p) for p in parts]
                return "boolean", lambda row, now: values.all_of(r(row, now) for r in truths)
            case Or(parts=parts):
                truths = [self._truth(p) for p in parts]
                return "boolean", lambda row, now: values.any_of(r(row, now) for r in truths)

    def _read(self, name: str) -> tuple[Kind, Run]:
        found = self._field(name)
        if isinstance(found, Aggregate):
            return self._aggregate(found)
        if not isinstance(found, aggregate.Derived):
            return found, lambda row, _: row.get(name)
        if found.refusal:
            raise RuleError(f"`{name}` cannot be read by a rule: {found.refusal}")
        return found.kind, lambda row, now: None if (timed := row.get(name)) is None else timed.at(now)

    def _field(self, name: str) -> FieldKind:
        kind = self._fields.get(name)
        if kind is None:
            open_name = next((f for f in self._fields if f.endswith(OPEN) and name.startswith(f[:-1])), None)
            if open_name is None or name == open_name[:-1]:
                known = [f for f in self._fields if not f.endswith(OPEN)]
                raise RuleError(f"There is no field `{name}`{nearest(name, known) or _listing(self._fields)}")
            kind = self._fields[open_name]
        return kind

    def _call(self, call: Call) -> tuple[Kind, Run]:
        name, given = call.function, call.arguments
        function = FUNCTIONS.get(name)
        if function is None:
            raise RuleError(f"Rules have no function `{name}`{nearest(name, FUNCTIONS) or '.'}")
        enough = len(given) >= len(function.takes) if function.open_ended else len(given) == len(function.takes)
        if not enough:
            raise RuleError(f"`{name}` takes {len(function.takes)} arguments, not {len(given)}.")
        if name == "matches":
            return function.gives, runs.matches(self._expect(given[0], "text", "`matches`"), given[1])
        if name == "coalesce":
            kind, ways = self._kind_of(given)
            if kind != "time" and any(self.bind(one)[0] == "any" and one != Literal(None) for one in given):
                kind = "any"  # and read as such: it may be what the outside world sent
            return kind, lambda row, now: next((v for r in ways if (v := r(row, now)) is not None), None)
        takes = [*function.takes, *[function.takes[-1]] * (len(given) - len(function.takes))]
        arguments = [self._expect(a, kind, f"`{name}`") for a, kind in zip(given, takes, strict=True)]
        if name in time.CLOCKS:
            self.loose[id(call)] = time.CLOCKS[name]
        return function.gives, runs.CALLS[name](*arguments)

    def _aggregate(self, expr: Aggregate) -> tuple[Kind, Run]:
        for where in (expr.where, expr.then.where if expr.then else None):
            if where is not None:
                bind_condition(where, self._places)
        key, missing = aggregate.fingerprint(expr), aggregate.of_none(expr)
        if not aggregate.is_timed(expr):

            def plain(row: Row, _now: int) -> Any:
                found = row.get(key, missing)
                return None if found is aggregate.UNKNOWN else missing if found is None else found

            return aggregate.kind(expr), plain

        def run(row: Row, now: int) -> Any:
            found = row.get(key)
            if found is aggregate.UNKNOWN:
                return None
            value = None if found is None else found.at(now)
            return missing if value is None else value

        return aggregate.kind(expr), run

    def _tell_time(self, expr: Expr, others: Sequence[Expr], bounds: tuple[Run, ...]) -> None:
        """Note that this elapsed time is only compared, with bounds that do not depend on the time themselves."""
        if isinstance(expr, Call) and expr.function in time.CLOCKS and not any(_ticks(o) for o in others):
            tile_us = self.loose.pop(id(expr))
            self.clocks.append(Clock(tile_us, self._expect(expr.arguments[0], "time", "time"), bounds))

    def _alike(self, exprs: Sequence[Expr]) -> list[Run]:
        return self._kind_of(exprs)[1]

    def _kind_of(self, exprs: Sequence[Expr]) -> tuple[Kind, list[Run]]:
        """Bind values that must be of one kind; where one is a time, texts and attributes are read as times."""
        bound = [self.bind(e) for e in exprs]
        kinds = {kind for kind, _ in bound} - {"any"}
        if "time" in kinds:
            by = "a comparison with a time"
            return "time", [_fitted(e, b, "time", by) for e, b in zip(exprs, bound, strict=True)]
        if len(kinds) > 1:
            raise RuleError(f"A {' and a '.join(sorted(kinds))} cannot be compared; see `to_number` and `to_time`.")
        return next(iter(kinds), "any"), [run for _, run in bound]

    def _truth(self, expr: Expr) -> Run:
        run = self._expect(expr, "boolean", "and, or, not")
        return lambda row, now: truth if (truth := run(row, now)) is True or truth is False else None

    def _expect(self, expr: Expr, wanted: Kind, by: str) -> Run:
        return _fitted(expr, self.bind(expr), wanted, by)


def _fitted(expr: Expr, bound: tuple[Kind, Run], wanted: Kind, by: str) -> Run:
    kind, run = bound
    if wanted in {"any", kind}:
        return run
    if wanted == "time" and isinstance(expr, Literal) and isinstance(expr.value, str):
        at_us = time.read(expr.value)
        if at_us is None:
            raise RuleError("A time is written as a date or an ISO-8601 time, such as '2026-01-31'.")
        return lambda _row, _now: at_us
    if kind == "any":
        return (lambda row, now: runs.as_time(run(row, now))) if wanted == "time" else runs.guarded(run, wanted)
    raise RuleError(f"There is a {kind} where {by} needs a {wanted}.")


def _ticks(expr: Expr) -> bool:
    return any(isinstance(e, Call) and e.function in time.CLOCKS for e in walk(expr))


def _literal(literal: Literal) -> tuple[Kind, Run]:
    value = literal.value
    return kind_of(value), lambda _row, _now: value


def kind_of(value: str | int | Decimal | bool | None) -> Kind:
    """The kind of a stated value."""
    if value is None:
        return "any"
    return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _listing(fields: Fields) -> str:
    return f". Known are {', '.join(sorted(fields))}."
