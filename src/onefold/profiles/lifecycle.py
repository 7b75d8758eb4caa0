"""The stages of a person's life with the organisation: each has a rule, and the last stage whose rule is true counts.

They are listed from least to most (anonymous, known, customer, churned; or inquiry, applicant, enrolled, alumnus).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from onefold.profiles.computed.trait import Trait, trait_fields
from onefold.rules import Aggregate, Bound, Derived, Kind, RuleError, bind, evaluate, explain, next_change, parse
from onefold.rules.binding import FieldKind, Fields

FIELDS: dict[str, Kind | Aggregate] = {
    "events": "number",
    "sessions": "number",
    "purchases": "number",
    "revenue": "number",
    "first_seen": "time",
    "last_seen": "time",
    "last_active": "time",
    "has_user_id": "boolean",
    "has_email": "boolean",
    "has_phone": "boolean",
    "attr.*": "any",
    "consent.*": "boolean",
}
"""What rules may ask of a profile, beside traits (`trait.NAME`) and aggregates of events; revenue in one currency."""
Scores = tuple[tuple[str, Derived], ...]
"""RFM scores that rules may read, by field (`rfm.donors.segment`)."""


class Stage(msgspec.Struct, frozen=True):
    """A stage and the rule that puts people there."""

    name: str
    rule: str


class Lifecycle(msgspec.Struct, frozen=True):
    """Stages, ready to be asked.

    Attributes:
        stages: Least first.
        rules: Their rules, bound to `FIELDS`.
        fields: The fields those rules read, without names of aggregates.
        scored: Those of them that follow from what depends on everybody.
        aggregates: What those rules read of events.
    """

    stages: tuple[Stage, ...]
    rules: tuple[Bound, ...]
    fields: frozenset[str]
    scored: frozenset[str]
    aggregates: frozenset[Aggregate]

    def stage(self, row: Mapping[str, Any], as_of_us: int) -> Stage | None:
        """The last stage whose rule is true of this row; None when none is."""
        for stage, rule in zip(reversed(self.stages), reversed(self.rules), strict=True):
            if evaluate(rule, row, as_of_us) is True:
                return stage
        return None

    def next_change(self, row: Mapping[str, Any], as_of_us: int) -> int | None:
        """When to look again if nothing happens: the stage does not change before. None when it never will."""
        first = 0
        for number, rule in enumerate(self.rules):
            if evaluate(rule, row, as_of_us) is True:
                first = number  # what stages below this one think does not matter while it, or one above, holds
        changes = [c for rule in self.rules[first:] if (c := next_change(rule, row, as_of_us)) is not None]
        return min(changes, default=None)


@lru_cache(maxsize=64)
def compiled(stages: tuple[Stage, ...], traits: tuple[Trait, ...] = (), scores: Scores = ()) -> Lifecycle:
    """Read and bind the rules of the stages, which may name these traits and scores.

    Raises:
        RuleError: A rule cannot be read, names a field that does not exist, or is not true or false; or two stages
            share a name. The stage is named.
    """
    if len({stage.name for stage in stages}) < len(stages):
        raise RuleError("Two lifecycle stages have the same name.")
    fields: dict[str, FieldKind] = {**FIELDS, **trait_fields(traits), **dict(scores)}
    rules = tuple(_bound(stage, fields) for stage in stages)
    return Lifecycle(
        stages,
        rules,
        frozenset(name for rule in rules for name in rule.fields if not isinstance(fields.get(name), Aggregate)),
        frozenset(name for rule in rules for name in rule.derived),
        frozenset(one for rule in rules for one in rule.aggregates),
    )


def _bound(stage: Stage, fields: Fields) -> Bound:
    try:
        rule = bind(parse(stage.rule), fields)
    except RuleError as error:
        raise RuleError(f"Stage `{stage.name}`: {error}") from None
    if rule.kind not in {"boolean", "any"}:
        raise RuleError(f"Stage `{stage.name}`: its rule gives a {rule.kind}, not true or false.")
    return rule


@lru_cache(maxsize=64)
def sentence(rule: str) -> str:
    """A stage's rule in English."""
    return explain(parse(rule))


@lru_cache(maxsize=8)
def default_stages(churn_days: int) -> tuple[Stage, ...]:
    """The stages used when the project declares none."""
    return (
        Stage("anonymous", "true"),
        Stage("known", "has_email or has_phone"),
        Stage("customer", "purchases >= 1"),
        Stage("churned", f"purchases >= 1 and days_since(last_active) > {churn_days}"),
    )
