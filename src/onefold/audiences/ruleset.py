"""The rule set: all active segments, bound, in an order in which each comes after those that it reads.

A rule is taken apart into its conditions, the comparisons that `and`, `or` and `not` connect. Each is evaluated once a
person, and the rule's value follows from theirs, so that it can be told which condition changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from onefold.audiences.definition import Definition
from onefold.audiences.naming import canonical
from onefold.errors import nearest
from onefold.rules import Aggregate, Bound, Derived, Expr, RuleError, bind, explain
from onefold.rules.binding import FieldKind, Fields
from onefold.rules.tree import And, Field, Not, Or, walk
from onefold.rules.values import Truth, all_of, any_of

IN_SEGMENT = "in_segment."
"""Before a segment's slug: the field that says whether somebody is in it."""
STAGE_FIELD = "lifecycle_stage"
STAGE = "stage."
"""Before a lifecycle stage's name: the audience of those who are in it."""

Combine = Callable[[Sequence[Truth]], Truth]


class CompiledRule(msgspec.Struct, frozen=True):
    """A segment, ready to be asked.

    Attributes:
        conditions: What its rule consists of, bound.
        told: The same as sentences.
        combine: The rule's value, by those of the conditions.
        bound: The whole rule; its clocks tell when it changes.
        first: Place of its first condition among all of the set.
    """

    definition: Definition
    conditions: tuple[Bound, ...]
    told: tuple[str, ...]
    combine: Combine
    bound: Bound
    first: int


class RuleSet(msgspec.Struct, frozen=True):
    """All active segments.

    Attributes:
        rules: Those with a rule, each after those that it reads.
        lists: Slugs of static segments.
        fields: What the rules read of a profile.
        aggregates: What they read of events.
        conditions: How many conditions they have together.
        consent: Whether a rule reads a consent: then what is said of an identifier concerns others near it.
    """

    rules: tuple[CompiledRule, ...] = ()
    lists: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    aggregates: frozenset[Aggregate] = frozenset()
    conditions: int = 0
    consent: bool = False

    @property
    def slugs(self) -> frozenset[str]:
        """All segments that can have members."""
        return self.lists | {rule.definition.slug for rule in self.rules}

    def rule(self, slug: str) -> CompiledRule | None:
        """The rule of a segment; None for lists and strangers."""
        return next((rule for rule in self.rules if rule.definition.slug == slug), None)


class SegmentError(RuleError):
    """A segment cannot be used.

    Attributes:
        slug: Which.
        reason: Why, without its name.
    """

    def __init__(self, slug: str, reason: str) -> None:
        self.slug, self.reason = slug, reason
        super().__init__(f"Segment `{slug}`: {reason}")


def ruleset(
    definitions: Iterable[Definition], fields: Fields, events: Mapping[str, str] = MappingProxyType({})
) -> RuleSet:
    """Bind the active ones among these segments to fields of these kinds; `events` are canonical names by alias.

    Raises:
        SegmentError: A rule cannot be read or bound, reads a segment that is not there, or reads itself by way of others.
    """
    active = {d.slug: d for d in definitions if d.status == "active"}
    known: dict[str, FieldKind] = {**fields, STAGE_FIELD: "text"}
    for slug in active:
        known[f"{IN_SEGMENT}{slug}"] = "boolean"
    suppressing = tuple(sorted(slug for slug, d in active.items() if d.suppression))
    exprs = {slug: canonical(_expr(d, suppressing, active), events) for slug, d in active.items() if d.kind != "static"}
    rules: list[CompiledRule] = []
    first = 0
    for slug in _ordered(exprs):
        definition = active[slug]
        rule = _compiled(definition, exprs[slug], known, first)
        first += len(rule.conditions)
        rules.append(rule)
    read = frozenset(name for rule in rules for name in rule.bound.fields)
    by = frozenset(d.top.by for d in active.values() if d.top is not None)
    return RuleSet(
        rules=tuple(rules),
        lists=frozenset(slug for slug, d in active.items() if d.kind == "static"),
        fields=frozenset(
            name
            for name in read | by
            if not name.startswith(IN_SEGMENT)
            and name != STAGE_FIELD
            # What is the name of an aggregate is read as such.
            and (name in by or not isinstance(fields.get(name), Aggregate))
        ),
        aggregates=frozenset(one for rule in rules for one in rule.bound.aggregates),
        conditions=first,
        consent=any(name.startswith("consent.") for name in read),
    )


def reads(definition: Definition) -> frozenset[str]:
    """Slugs of the segments that a segment's rule or exclusions name.

    Raises:
        RuleError: The rule cannot be read.
    """
    expr = definition.expr()
    named = set() if expr is None else _segments(expr)
    return frozenset(named | set(definition.exclude))


def top_fault(by: str, fields: Fields) -> str:
    """Why people cannot be ranked by a field; empty where they can.

    Raises:
        RuleError: There is no such field.
    """
    kind = bind(Field(by), fields).kind
    if isinstance(fields.get(by), Derived):
        return f"`top.by` needs a number that everybody has; `{by}` ranks people already: ask for it in the `rule`."
    return "" if kind in {"number", "any"} else f"`top.by` needs a number: `{by}` is a {kind}, not a number"


def _segments(expr: Expr) -> set[str]:
    return {
        f.name.removeprefix(IN_SEGMENT) for f in walk(expr) if isinstance(f, Field) and f.name.startswith(IN_SEGMENT)
    }


def _expr(definition: Definition, suppressing: Sequence[str], active: Mapping[str, Definition]) -> Expr:
    """The whole rule: without whom the segment excludes, and without who is on a suppression list."""
    slug = definition.slug
    try:
        expr = definition.expr()
    except RuleError as error:
        raise SegmentError(slug, str(error)) from None
    if expr is None:
        raise SegmentError(slug, f"a {definition.kind} segment needs a `rule`.")
    for other in definition.exclude:
        if other not in active:
            raise SegmentError(
                slug, f"excludes `{other}`, which is not an active segment{nearest(other, active) or '.'}"
            )
    without = dict.fromkeys((*definition.exclude, *suppressing))
    if not without:
        return expr
    parts = expr.parts if isinstance(expr, And) else (expr,)
    return And((*parts, *(Not(Field(f"{IN_SEGMENT}{other}")) for other in without)))


def _ordered(exprs: Mapping[str, Expr]) -> list[str]:
    """Slugs, each after those that its rule reads, and otherwise in their order.

    Raises:
        SegmentError: A segment reads itself by way of others.
    """
    named = {slug: _segments(expr) & exprs.keys() for slug, expr in exprs.items()}
    done: dict[str, None] = {}
    for start in exprs:
        path: list[str] = []
        pending = [(start, False)]
        while pending:
            slug, entered = pending.pop()
            if entered:
                path.pop()
                done[slug] = None
            elif slug in path:
                circle = " reads ".join(f"`{s}`" for s in (*path[path.index(slug) :], slug))
                raise SegmentError(slug, f"reads itself: {circle}.")
            elif slug not in done:
                path.append(slug)
                pending.append((slug, True))
                pending += [(other, False) for other in sorted(named[slug], reverse=True)]
    return list(done)


def _compiled(definition: Definition, expr: Expr, fields: Fields, first: int) -> CompiledRule:
    try:
        bound = bind(expr, fields)
        if definition.top is not None and (fault := top_fault(definition.top.by, fields)):
            raise RuleError(fault)  # noqa: TRY301  one place words them all
        conditions: list[Bound] = []
        combine = _taken_apart(expr, fields, conditions)
    except RuleError as error:
        raise SegmentError(definition.slug, str(error)) from None
    if bound.kind not in {"boolean", "any"}:
        raise SegmentError(definition.slug, f"its rule gives a {bound.kind}, not true or false.")
    told = tuple(explain(one.expr) for one in conditions)
    return CompiledRule(definition, tuple(conditions), told, combine, bound, first)


def _taken_apart(expr: Expr, fields: Fields, conditions: list[Bound]) -> Combine:
    """How the value of a rule follows from those of its conditions, which are added to `conditions`."""
    match expr:
        case And(parts=parts):
            inner = [_taken_apart(part, fields, conditions) for part in parts]
            return lambda truths: all_of(one(truths) for one in inner)
        case Or(parts=parts):
            inner = [_taken_apart(part, fields, conditions) for part in parts]
            return lambda truths: any_of(one(truths) for one in inner)
        case Not(part=And() | Or() | Not() as part):
            negated = _taken_apart(part, fields, conditions)
            return lambda truths: None if (truth := negated(truths)) is None else not truth
        case _:
            place = len(conditions)
            conditions.append(bind(expr, fields))
            return lambda truths: truths[place]
