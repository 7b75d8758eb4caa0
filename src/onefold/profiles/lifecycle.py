"""The stages of a person's life with the organisation."""

from __future__ import annotations

import msgspec


class Stage(msgspec.Struct, frozen=True):
    """A stage and the rule that puts people there."""

    name: str
    rule: str


class Lifecycle(msgspec.Struct, frozen=True):
    """Stages, least first."""

    stages: tuple[Stage, ...]
    event_names: frozenset[str] = frozenset()


def compiled(stages: tuple[Stage, ...]) -> Lifecycle:
    """Read the rules of the stages."""
    return Lifecycle(stages)


def default_stages(churn_days: int) -> tuple[Stage, ...]:
    """The stages used when the project declares none."""
    return (
        Stage("anonymous", "true"),
        Stage("known", "has_email or has_phone"),
        Stage("customer", "purchases >= 1"),
        Stage("churned", f"purchases >= 1 and days_since(last_active) > {churn_days}"),
    )
