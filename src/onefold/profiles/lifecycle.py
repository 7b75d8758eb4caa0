"""The stages of a person's life with the organisation: each has a rule, and the last stage whose rule is true counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from onefold.rules import Bound, Kind, bind, evaluate, explain, parse

FIELDS: dict[str, Kind] = {
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
"""What rules may ask of a profile, beside the counts and dates of named events."""


class Stage(msgspec.Struct, frozen=True):
    """A stage and the rule that puts people there."""

    name: str
    rule: str


class Lifecycle(msgspec.Struct, frozen=True):
    """Stages, least first, with their rules bound; `event_names` are the events those rules count."""

    stages: tuple[Stage, ...]
    rules: tuple[Bound, ...]
    event_names: frozenset[str]

    def stage(self, row: Mapping[str, Any], as_of_us: int) -> Stage | None:
        """The last stage whose rule is true of this row; None when none is."""
        for stage, rule in zip(reversed(self.stages), reversed(self.rules), strict=True):
            if evaluate(rule, row, as_of_us) is True:
                return stage
        return None


@lru_cache(maxsize=64)
def compiled(stages: tuple[Stage, ...]) -> Lifecycle:
    """Read and bind the rules of the stages.

    Raises:
        RuleError: A rule cannot be read, or names a field that does not exist.
    """
    rules = tuple(bind(parse(stage.rule), FIELDS) for stage in stages)
    return Lifecycle(stages, rules, frozenset(name for rule in rules for name in rule.event_names))


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
