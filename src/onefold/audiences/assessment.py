"""Assessment: of which segments one person is a member as of a moment, when to look again, and what has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from onefold.audiences.ruleset import IN_SEGMENT, STAGE, STAGE_FIELD, CompiledRule, RuleSet
from onefold.rules import evaluate, next_change
from onefold.rules.values import Truth, number

_LETTERS: dict[Truth, str] = {True: "t", False: "f", None: "u"}
WORDS = {"t": "true", "f": "false", "u": "unknown"}
CONDITIONS_TOLD = 20
"""Conditions that a reason names at most."""


class Assessment(msgspec.Struct, frozen=True):
    """What was found of one person.

    Attributes:
        truths: The value of each condition of the rule set, a letter each: true, false, unknown.
        members: The audiences that they are in, stages included.
        due_us: When to look again if nothing happens; None for never.
    """

    truths: str
    members: frozenset[str]
    due_us: int | None


def assess(
    rules: RuleSet,
    row: Mapping[str, Any],
    as_of_us: int,
    *,
    stage: str = "",
    kept: Collection[str] = (),
    standing: Collection[str] = (),
    cuts: Mapping[str, Decimal | None] = MappingProxyType({}),
) -> Assessment:
    """Assess a person.

    Args:
        rules: All segments.
        row: What the rules read of the person's profile.
        as_of_us: The moment.
        stage: Their lifecycle stage then; empty where there is none.
        kept: The segments that are not to be worked out now; of those among `standing` the person stays a member.
        standing: The audiences that they are in whatever rules say: those before for `kept` ones, and lists.
        cuts: From which value on people are in the top of a segment.
    """
    row = {**row, STAGE_FIELD: stage or None}
    members = {slug for slug in rules.lists if slug in standing}
    row.update((f"{IN_SEGMENT}{slug}", slug in members) for slug in rules.lists)
    letters: list[str] = []
    due: list[int] = []
    for rule in rules.rules:
        slug = rule.definition.slug
        truths = [evaluate(condition, row, as_of_us) for condition in rule.conditions]
        letters += [_LETTERS[truth] for truth in truths]
        if slug in kept:
            inside = slug in standing
        else:
            inside = rule.combine(truths) is True and _in_top(rule, row, cuts)
            if (at := next_change(rule.bound, row, as_of_us)) is not None:
                due.append(at)
        row[f"{IN_SEGMENT}{slug}"] = inside
        if inside:
            members.add(slug)
    if stage:
        members.add(f"{STAGE}{stage}")
    return Assessment("".join(letters), frozenset(members), min(due, default=None))


def _in_top(rule: CompiledRule, row: Mapping[str, Any], cuts: Mapping[str, Decimal | None]) -> bool:
    top = rule.definition.top
    if top is None:
        return True
    cut, value = cuts.get(rule.definition.slug), number(row.get(top.by))
    return cut is not None and value is not None and value >= cut


class ChangedCondition(msgspec.Struct, frozen=True):
    """A condition of a rule: what it says, and its value before and now; `before` is null where it was not known."""

    condition: str
    before: str | None
    now: str


def changed(rule: CompiledRule, now: str, before: str | None) -> tuple[ChangedCondition, ...]:
    """The conditions of a rule whose value changed; where the values before are not known, all of them.

    `now` and `before` are the letters of all conditions of the rule set.
    """
    return tuple(_changed(rule, now, before))[:CONDITIONS_TOLD]


def _changed(rule: CompiledRule, now: str, before: str | None) -> Iterator[ChangedCondition]:
    for place, sentence in enumerate(rule.told, start=rule.first):
        was = None if before is None else before[place]
        if was != now[place]:
            yield ChangedCondition(sentence, None if was is None else WORDS[was], WORDS[now[place]])
