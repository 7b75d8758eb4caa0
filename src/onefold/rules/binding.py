"""Binding: a rule fitted to the fields it is about. Names and kinds are settled once; evaluation then cannot fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from onefold.errors import nearest
from onefold.rules import aggregate, patterns, time, values
from onefold.rules.functions import FUNCTIONS, Kind
from onefold.rules.tree import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Comparison,
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

Row = Mapping[str, Any]
"""Values by field name; a field that is missing is null. Times are integers (microseconds UTC), as everywhere."""

FieldKind = Kind | Aggregate | aggregate.Derived
Fields = Mapping[str, FieldKind]
"""By name what a field is: its kind, the aggregate of events that it is a name for, or what is worked out of such."""

Run = Callable[[Row, int], Any]

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
                return "boolean", _comparison(operator, a, b)
            case Between(value=value, low=low, high=high):
                v, lo, hi = self._alike((value, low, high))
                self._tell_time(value, (low, high), (lo, hi))
                above, below = _comparison(">=", v, lo), _comparison("<=", v, hi)
                return "boolean", lambda row, now: values.all_of((above(row, now), below(row, now)))
            case In(value=value, options=options):
                v, *others = self._alike((value, *options))
                self._tell_time(value, options, tuple(others))
                equal = [_comparison("=", v, o) for o in others]
                return "boolean", lambda row, now: values.any_of(one(row, now) for one in equal)
            case Like(value=value, pattern=pattern, any_case=any_case):
                return "boolean", _like(self._expect(value, "text", "`like`"), pattern, any_case=any_case)
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
                runs = [self._truth(p) for p in parts]
                return "boolean", lambda row, now: values.all_of(r(row, now) for r in runs)
            case Or(parts=parts):
                runs = [self._truth(p) for p in parts]
                return "boolean", lambda row, now: values.any_of(r(row, now) for r in runs)

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
            return function.gives, _matches(self._expect(given[0], "text", "`matches`"), given[1])
        if name == "coalesce":
            kind, runs = self._kind_of(given)
            if kind != "time" and any(self.bind(one)[0] == "any" and one != Literal(None) for one in given):
                kind = "any"  # and read as such: it may be what the outside world sent
            return kind, lambda row, now: next((v for r in runs if (v := r(row, now)) is not None), None)
        takes = [*function.takes, *[function.takes[-1]] * (len(given) - len(function.takes))]
        arguments = [self._expect(a, kind, f"`{name}`") for a, kind in zip(given, takes, strict=True)]
        if name in time.CLOCKS:
            self.loose[id(call)] = time.CLOCKS[name]
        return function.gives, _CALLS[name](*arguments)

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
        return (lambda row, now: _as_time(run(row, now))) if wanted == "time" else _guarded(run, wanted)
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


def _comparison(operator: Comparison, a: Run, b: Run) -> Run:
    test, compare = values.COMPARISONS[operator], values.compare
    return lambda row, now: compare(test, a(row, now), b(row, now))


def _like(run: Run, pattern: str, *, any_case: bool) -> Run:
    wanted = pattern.lower() if any_case else pattern

    def matches(row: Row, now: int) -> values.Truth:
        text = run(row, now)
        if type(text) is not str:
            return None
        return values.like(text.lower() if any_case else text, wanted)

    return matches


def _matches(run: Run, pattern: Expr) -> Run:
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise RuleError("`matches` takes a pattern in quotes, such as matches(attr.sku, '^A[0-9]+$').")
    try:
        found = patterns.search(pattern.value)
    except patterns.PatternError as error:
        raise RuleError(f"The pattern cannot be matched in linear time, or not read (RE2): {error}") from None
    return lambda row, now: found(text) if type(text := run(row, now)) is str else None


def _contains_any(whole: Run, *parts: Run) -> Run:
    return lambda row, now: values.any_of(values.contains(whole(row, now), part(row, now)) for part in parts)


def _guarded(run: Run, wanted: Kind) -> Run:
    """Null where the outside world sent another kind than the rule is about."""
    kinds: dict[str, set[type]] = {"text": {str}, "boolean": {bool}, "number": set(values.NUMBERS)}
    accepted = kinds[wanted]
    return lambda row, now: value if type(value := run(row, now)) in accepted else None


def _as_time(value: Any) -> int | None:
    return time.plain(value) if type(value) is str else None


def _since(tile_us: int) -> Callable[[Run], Run]:
    def call(then: Run) -> Run:
        return lambda row, now: None if (at := then(row, now)) is None else time.elapsed(tile_us, at, now)

    return call


def _on_text(change: Callable[[str], Any]) -> Callable[[Run], Run]:
    def call(argument: Run) -> Run:
        return lambda row, now: None if (text := argument(row, now)) is None else change(text)

    return call


def _on_two_texts(test: Callable[[str, str], bool]) -> Callable[[Run, Run], Run]:
    def call(first: Run, second: Run) -> Run:
        def both(row: Row, now: int) -> values.Truth:
            a, b = first(row, now), second(row, now)
            return None if a is None or b is None else test(a, b)

        return both

    return call


_CALLS: dict[str, Callable[..., Run]] = {
    "contains": lambda whole, part: lambda row, now: values.contains(whole(row, now), part(row, now)),
    "contains_any": _contains_any,
    "days_since": _since(time.DAY_US),
    "ends_with": _on_two_texts(str.endswith),
    "hours_since": _since(time.HOUR_US),
    "length": _on_text(len),
    "lower": _on_text(str.lower),
    "starts_with": _on_two_texts(str.startswith),
    "to_number": lambda argument: lambda row, now: values.number(argument(row, now)),
    "to_time": lambda argument: argument,
    "upper": _on_text(str.upper),
}


def _listing(fields: Fields) -> str:
    return f". Known are {', '.join(sorted(fields))}."
