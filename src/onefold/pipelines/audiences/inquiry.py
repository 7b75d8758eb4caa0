"""The inquiry: who is in audiences, asked of the warehouse in one statement, which finds whom an evaluation finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
from sqlglot import exp

from onefold.audiences.ruleset import IN_SEGMENT, STAGE, STAGE_FIELD
from onefold.errors import UnavailableError
from onefold.model import NodeId, parse_profile_id
from onefold.pipelines.audiences.rules import Held
from onefold.pipelines.audiences.survey import SAMPLES
from onefold.pipelines.context import Context
from onefold.ports import ProfileSnapshot
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.profiles.computed.trait import trait_fields
from onefold.rules import Aggregate, Expr, RuleError, literal
from onefold.rules import sql_trees as trees
from onefold.rules.tree import Compare, Field, Literal
from onefold.warehouse.derived import Derived, names_in
from onefold.warehouse.people import asked
from onefold.warehouse.views import MEMBERSHIP

Open = Callable[[], AbstractContextManager[Warehouse]]
"""Opens the warehouse for a block."""
LIMITS = QueryLimits(seconds=120.0, memory_mb=2_048, result_mb=1_024)
LISTED_MAX = 10_000
"""Identifiers on lists up to which a statement names them."""
_FOUND, _STORED = "found", "stored"


class Counted(msgspec.Struct, frozen=True):
    """Who is in an audience by its rule, and who is not by its memberships, or the opposite: how many, and the first ids."""

    members: int
    entering: int
    leaving: int
    member_samples: tuple[NodeId, ...]
    entering_samples: tuple[NodeId, ...]
    leaving_samples: tuple[NodeId, ...]


class Answer(msgspec.Struct, frozen=True):
    """What the warehouse says.

    Attributes:
        people: How many people there are.
        sequence: All that was committed up to it is in the answer.
        audiences: By name.
    """

    people: int
    sequence: int
    audiences: Mapping[str, Counted]


class _Arrow(Protocol):
    def to_pylist(self) -> list[dict[str, Any]]: ...


def ask(context: Context, warehouse: Warehouse, held: Held, audiences: Collection[str], now_us: int) -> Answer:
    """Who is in these segments and stages as of a moment.

    Raises:
        ExpensiveError: It takes too long.
        RuleError: Something that they read cannot be said in SQL.
        UnavailableError: The warehouse does not hold everybody and every membership of the store.
    """
    names = sorted(audiences)
    with context.store.snapshot() as snapshot:
        people = question(held, snapshot, names, now_us)
        before, everybody, memberships = _sizes(snapshot)
    rows: _Arrow = warehouse.run(_counts(people, names), LIMITS)
    (row,) = rows.to_pylist()
    with context.store.snapshot() as snapshot:
        moved = snapshot.fed() - before
    # What the stream does meanwhile adds a row of the feed at least for each person and each membership.
    for ours, theirs in ((everybody, row["people"]), (memberships, row["memberships"])):
        if abs(ours - theirs) > moved:
            raise UnavailableError("the warehouse does not hold all people and memberships")
    found = {}
    for n, name in enumerate(names):
        samples = (tuple(map(_id, row[f"{kind}s{n}"] or ())) for kind in ("m", "e", "l"))
        found[name] = Counted(int(row[f"m{n}"] or 0), int(row[f"e{n}"] or 0), int(row[f"l{n}"] or 0), *samples)
    return Answer(row["people"], before, found)


def question(held: Held, snapshot: ProfileSnapshot, audiences: Iterable[str], now_us: int) -> exp.Select:
    """The statement that gives each person, and for each audience a column of its name: whether they are in it, or null.

    Scheduled segments are worked out as of the moment.

    Raises:
        RuleError: Something that they read cannot be said in SQL.
    """
    rules = {name: _asks(held, name) for name in audiences}
    by_slug = {rule.definition.slug: rule for rule in held.rules.rules}
    lifecycle = held.lifecycle
    stages = () if lifecycle is None else tuple(
        (stage.name, rule.expr) for stage, rule in zip(lifecycle.stages, lifecycle.rules, strict=True)
    )  # fmt: skip
    derived = Derived(stages, {f"{IN_SEGMENT}{slug}": rule.bound.expr for slug, rule in by_slug.items()})
    named = [name for level in derived.levels(rules.values()) for name in level]
    for name in named:
        rule = by_slug.get(name.removeprefix(IN_SEGMENT))
        if rule is not None and name != STAGE_FIELD and rule.definition.top is not None:
            raise RuleError(f"`{rule.definition.slug}` is the top of others, which is worked out person by person.")
    read = names_in([*rules.values(), *derived.rules(named)])
    lists = {name: _entries(snapshot, slug) for slug in held.rules.lists if (name := f"{IN_SEGMENT}{slug}") in read}
    fields = trait_fields(held.settings.traits)
    traits = {name: field for name, field in fields.items() if isinstance(field, Aggregate)}
    return asked(rules, now_us, traits, msgspec.structs.replace(derived, lists=lists), held.filling)


def _asks(held: Held, audience: str) -> Expr:
    """The rule that says who is in an audience; nobody is in one that is not there any more."""
    if audience.startswith(STAGE):
        return Compare("=", Field(STAGE_FIELD), Literal(audience.removeprefix(STAGE)))
    return Field(f"{IN_SEGMENT}{audience}") if audience in held.rules.slugs else Literal(value=False)


def _entries(snapshot: ProfileSnapshot, slug: str) -> list[NodeId]:
    found = [entry.node for entry in snapshot.entries(slug, after=b"", limit=LISTED_MAX + 1)]
    if len(found) > LISTED_MAX:
        raise RuleError(f"The list `{slug}` has more than {LISTED_MAX:,} identifiers, too many for a statement.")
    return found


def _sizes(snapshot: ProfileSnapshot) -> tuple[int, int, int]:
    return snapshot.fed(), snapshot.counts()["people"], sum(snapshot.audience_sizes().values())


def _counts(people: exp.Select, names: list[str]) -> exp.Select:
    """How many are in each audience by its rule, and how they differ from its members; in one row."""
    found = [*people.expressions]
    for n, column in enumerate(found[1:]):
        column.set("alias", exp.to_identifier(f"r{n}"))
    count = exp.Count(this=exp.Star(), big_int=True)
    memberships = exp.select(count.copy()).from_(exp.to_table(MEMBERSHIP.full_name)).subquery()
    columns: list[exp.Expr] = [trees.alias(count, "people"), trees.alias(memberships, "memberships")]
    for n in range(len(names)):
        truth = exp.Coalesce(this=exp.column(f"r{n}", table=_FOUND), expressions=[exp.false()])
        was = exp.EQ(
            this=exp.Coalesce(this=exp.column(f"w{n}", table=_STORED), expressions=[literal(0)]), expression=literal(1)
        )
        cases = {
            "m": truth,
            "e": trees.all_of(truth.copy(), exp.Not(this=was)),
            "l": trees.all_of(exp.Not(this=truth.copy()), was.copy()),
        }
        for kind, case in cases.items():
            columns.append(trees.alias(exp.Sum(this=_if(case, literal(1), literal(0))), f"{kind}{n}"))
            person = _if(case.copy(), exp.column("person", table=_FOUND))
            columns.append(
                trees.alias(exp.Anonymous(this="min", expressions=[person, literal(SAMPLES)]), f"{kind}s{n}")
            )
    query = trees.query(columns, _FOUND)
    on = exp.EQ(this=exp.column("person", table=_STORED), expression=exp.column("person", table=_FOUND))
    query.set("joins", [exp.Join(this=exp.to_table(_STORED), side="LEFT", on=on)])
    steps = [(_FOUND, people), (_STORED, _stored(names))]
    ctes = [exp.CTE(this=step, alias=exp.TableAlias(this=exp.to_identifier(name))) for name, step in steps]
    query.set("with_", exp.With(expressions=ctes))
    return query


def _stored(names: list[str]) -> exp.Query:
    """The members of these audiences: a row for each person, and 1 in the column of an audience that they are in."""
    is_of = [exp.EQ(this=exp.column("audience"), expression=literal(name)) for name in names]
    columns = [
        trees.alias(exp.Max(this=_if(one, literal(1), literal(0))), f"w{number}") for number, one in enumerate(is_of)
    ]
    some = [exp.In(this=exp.column("audience"), expressions=[literal(name) for name in names])]
    return trees.query([exp.column("person"), *columns], MEMBERSHIP.full_name, some, ["person"])


def _if(condition: exp.Expr, then: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition, true=then)], default=otherwise)


def _id(text: object) -> NodeId:
    found = parse_profile_id(str(text))
    assert found is not None  # noqa: S101  the statement gives ids
    return found
