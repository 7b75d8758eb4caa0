"""The stages' settings, as a project's files have them: what a file does not say keeps the stage's own default."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.audiences.ruleset import ruleset
from onefold.config.project import Project
from onefold.config.segments import segment_fields
from onefold.config.stages import Stages
from onefold.errors import ConfigurationError
from onefold.identity.settings import IdentitySettings
from onefold.ingest import tracking_plan
from onefold.ingest.events import ALIASES
from onefold.ingest.settings import IngestSettings
from onefold.profiles.lifecycle import Stage
from onefold.profiles.settings import Asked, ProfileSettings, Purchase
from onefold.profiles.survivorship import Survivorship
from onefold.rfm.fields import score_fields
from onefold.rules import RuleError


class StageSettings(msgspec.Struct, frozen=True):
    """What gate 1, identity and profiles are told."""

    ingest: IngestSettings
    identity: IdentitySettings
    profiles: ProfileSettings


def settings(project: Project) -> StageSettings:
    """The settings of a project's stages.

    Raises:
        ConfigurationError: A lifecycle rule cannot be read or names a field that does not exist.
    """
    stated = project.stages
    profiles = _profiles(project)
    return StageSettings(_ingest(stated, profiles.declared_fields), identity_settings(stated), profiles)


def _ingest(stated: Stages, declared_traits: frozenset[str]) -> IngestSettings:
    return IngestSettings(
        property_identifiers=stated.property_identifiers,
        tracking_plans={source: tracking_plan.plan(source, said) for source, said in stated.tracking_plans.items()},
        **_said(
            max_event_bytes=stated.max_event_bytes,
            warn_event_bytes=stated.warn_event_bytes,
            max_depth=stated.max_depth,
            max_trait_bytes=stated.max_trait_bytes,
        ),
        declared_traits=declared_traits,
    )


def identity_settings(stated: Stages) -> IdentitySettings:
    """The settings of who is who."""
    settings = IdentitySettings(
        blocked_values=frozenset(stated.blocked_values),
        blocked_patterns=stated.blocked_patterns,
        allowed_values=frozenset(stated.allowed_values),
        uses=stated.uses,
        **_said(
            default_region=stated.default_region,
            generic_addresses=stated.generic_addresses,
            alias_beyond_limits=stated.alias_beyond_limits,
            join_from=stated.join_from,
            review_from=stated.review_from,
            contradiction_below=stated.contradiction_below,
        ),
    )
    for name, kind in stated.identity_types.items():
        said = _said(
            priority=kind.priority,
            limit=kind.limit,
            window_us=kind.window_us,
            unique=kind.unique,
            shared_after=kind.shared_after,
            normaliser=kind.like,
        )
        settings = settings.declare(name, **said)
    return settings


def _profiles(project: Project) -> ProfileSettings:
    stated = project.stages

    def rule(strategy: str) -> Survivorship:
        return msgspec.convert({"strategy": strategy, "sources": stated.source_rank}, Survivorship)

    said = _said(
        default_survivorship=rule(stated.default_strategy) if stated.default_strategy else None,
        engagement=None if stated.engagement is None else frozenset(stated.engagement),
        purchases=None
        if stated.purchase_events is None
        else {name: Purchase(amount_keys=keys) for name, keys in stated.purchase_events.items()},
        default_currency=stated.currency,
        session_gap_us=stated.session_gap_us,
        state_bytes=stated.max_state_bytes,
        churn_days=None if stated.churn_after_us is None else stated.churn_after_us // 86_400_000_000,
    )
    stages = tuple(Stage(name, text) for name, text in stated.lifecycle)
    fields = {field: rule(strategy) for field, strategy in stated.survivorship.items()}
    scores = tuple(score_fields(project.rfm).items())
    try:
        settings = ProfileSettings(survivorship=fields, stages=stages, traits=project.traits, scores=scores, **said)
    except RuleError as error:
        raise ConfigurationError(f"a lifecycle rule cannot be used: {error}", file="profile.yaml") from error
    rules = ruleset(project.segments, segment_fields(project.traits, project.rfm), ALIASES)
    return msgspec.structs.replace(settings, asked=Asked(rules.fields, rules.aggregates))


def _said(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
