"""Verdicts: what the warehouse says of each person and each audience, for whoever compares it with memberships."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlglot import exp

from onefold.audiences.ruleset import IN_SEGMENT, STAGE
from onefold.errors import ExpensiveError, UnavailableError, UsageError
from onefold.model import NodeId, parse_profile_id
from onefold.pipelines.audiences.inquiry import LIMITS, Open, question
from onefold.pipelines.audiences.rules import Held
from onefold.ports import ProfileSnapshot
from onefold.rules import RuleError, literal
from onefold.rules import sql_trees as trees

SCHEDULED = "It, or a segment that it reads, is worked out at intervals."
NO_WAREHOUSE = "There is no warehouse here."


class _Arrow(Protocol):
    num_rows: int

    def to_batches(self, *, max_chunksize: int) -> Sequence[Any]: ...


class Verdicts(msgspec.Struct, frozen=True):
    """What the warehouse says.

    Attributes:
        names: The audiences that it was asked about.
        unsaid: Why it was not asked about the others.
        letters: By person, a letter for each of `names`: `1` for a member, else `0`.
    """

    names: tuple[str, ...] = ()
    unsaid: Mapping[str, str] = {}
    letters: dict[NodeId, str] = {}

    def of(self, person: NodeId) -> frozenset[str]:
        """Audiences that a person is in; none where the warehouse does not know them."""
        letters = self.letters.get(person, "")
        return frozenset(name for name, letter in zip(self.names, letters, strict=False) if letter == "1")


def verdicts(held: Held, snapshot: ProfileSnapshot, warehouse: Open | None, now_us: int) -> Verdicts:
    """What the warehouse says as of a moment of each person, about all audiences that it can be asked about."""
    audiences = sorted({*held.rules.slugs, *(f"{STAGE}{name}" for name, _ in held.progress.stages)})
    if warehouse is None:
        return Verdicts(unsaid=dict.fromkeys(audiences, NO_WAREHOUSE))
    unsaid = dict(_unsaid(held, snapshot, audiences, now_us))
    names = tuple(name for name in audiences if name not in unsaid)
    if not names:
        return Verdicts(unsaid=unsaid)
    try:
        with warehouse() as opened:
            table: _Arrow = opened.run(_letters(question(held, snapshot, names, now_us), len(names)), LIMITS)
    except (ExpensiveError, UnavailableError, UsageError) as error:
        return Verdicts(unsaid=dict.fromkeys(audiences, str(error)))
    letters = {}
    for batch in table.to_batches(max_chunksize=10_000):
        for person, said in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            id_ = parse_profile_id(str(person))
            assert id_ is not None  # noqa: S101  the statement gives ids
            letters[id_] = said
    return Verdicts(names, unsaid, letters)


def _unsaid(
    held: Held, snapshot: ProfileSnapshot, audiences: Collection[str], now_us: int
) -> Iterator[tuple[str, str]]:
    """The audiences that the warehouse cannot be asked about, and why."""
    scheduled = set(held.scheduled)
    for rule in held.rules.rules:  # each after those that it reads
        if {name.removeprefix(IN_SEGMENT) for name in rule.bound.fields if name.startswith(IN_SEGMENT)} & scheduled:
            scheduled.add(rule.definition.slug)
    for name in audiences:
        if name in scheduled:
            yield name, SCHEDULED
            continue
        try:
            question(held, snapshot, [name], now_us)
        except RuleError as error:
            yield name, str(error)


def _letters(people: exp.Select, many: int) -> exp.Select:
    """Each person with a letter for each answer, so that a million people take little room."""
    for number, column in enumerate(people.expressions[1:]):
        column.set("alias", exp.to_identifier(f"r{number}"))
    each: list[exp.Expr] = [
        exp.Case(ifs=[exp.If(this=exp.column(f"r{number}"), true=literal("1"))], default=literal("0"))
        for number in range(many)
    ]
    letters = exp.Concat(expressions=each, safe=False, coalesce=False)
    return trees.query([exp.column("person"), trees.alias(letters, "letters")], people)
