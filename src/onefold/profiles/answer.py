"""The profile as the service answers it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from onefold.model import ASSUMED_US, Identifier, format_profile_id, results
from onefold.profiles.lifecycle import sentence
from onefold.profiles.profile import IDENTIFIERS_SHOWN, Attribute, Profile, ProfileIdentifier, iso
from onefold.profiles.survivorship import Candidate
from onefold.rules import Kind


def as_result(
    profile: Profile,
    segments: Mapping[str, results.ProfileSegment] = MappingProxyType({}),
    unfilled: Collection[str] = (),
) -> results.Profile:
    """As the service answers it: times in ISO 8601, sums as text, and of very many identifiers the strongest.

    `unfilled` are the names of the traits whose past is not filled in. A household is for the service to add.
    """
    return results.Profile(
        id=format_profile_id(profile.id),
        canonical=next((Identifier(i.type, i.value) for i in profile.identifiers if i.primary), None),
        identifiers=tuple(identifier_result(i) for i in profile.identifiers[:IDENTIFIERS_SHOWN]),
        identifiers_total=profile.identifiers_total,
        attributes={name: _attribute(held) for name, held in profile.attributes.items()},
        counters=results.Counters(
            events=profile.events,
            sessions=profile.sessions,
            purchases=profile.purchases,
            purchases_without_amount=profile.unpriced,
            revenue=f"{profile.revenue:f}",
            revenue_by_currency={currency: f"{amount:f}" for currency, amount in profile.revenues.items()},
        ),
        first_seen=iso(profile.first_seen_us),
        last_seen=iso(profile.last_seen_us),
        last_active=iso(profile.last_active_us),
        lifecycle=results.Lifecycle(
            stage=profile.stage,
            rule=profile.stage_rule,
            because=sentence(profile.stage_rule) if profile.stage_rule else "",
            changes_at=iso(profile.stage_changes_us),
        ),
        consent={
            purpose: results.Consent(granted=said.granted, at=iso(said.at_us), source=said.source)
            for purpose, said in profile.consents.items()
        },
        groups=tuple(
            results.Group(
                type=g.type,
                id=g.id,
                traits=dict(g.traits),
                first_seen=iso(g.first_seen_us),
                last_seen=iso(g.last_seen_us),
            )
            for g in profile.groups
        ),
        sources=profile.sources,
        full=tuple(profile.full),
        tracked_events={
            name: results.Occurrences(count=seen.count, first=iso(seen.first_us), last=iso(seen.last_us))
            for name, seen in profile.tracked.items()
        },
        findings={
            code: results.FindingCount(count=seen.count, last=iso(seen.last_us))
            for code, seen in profile.findings.items()
        },
        traits={
            name: results.ComputedTrait(
                value=shown_value(trait.value, trait.kind),
                changes_at=iso(trait.changes_us),
                full=trait.full,
                status="backfilling" if name in unfilled else "live",
            )
            for name, trait in profile.traits.items()
        },
        segments=dict(segments),
        household=None,
    )


def shown_value(value: Any, kind: Kind) -> Any:
    """The value of a computed trait as JSON has it: times in ISO 8601, decimals as text."""
    if kind == "time":
        return iso(value)
    return f"{value:f}" if isinstance(value, Decimal) else value


def _attribute(held: Attribute) -> results.Attribute:
    by_use = held.rule == "latest_engagement"
    others = tuple(results.StatedValue(**_stated(other, by_use=by_use)) for other in held.others)
    return results.Attribute(**_stated(held.winner, by_use=by_use), rule=held.rule, others=others)


def _stated(candidate: Candidate, *, by_use: bool = False) -> dict[str, Any]:
    """A value as stated; a time that was assumed is ranked before all known ones, and shown as what it stands for."""
    known: dict[str, Any] = {"value": candidate.value, "source": candidate.source}
    if by_use and candidate.count:
        known["used"] = True
    if candidate.at_us >= 0:
        return known | {"at": iso(candidate.at_us)}
    return known | {"at": iso(candidate.at_us + ASSUMED_US), "time_assumed": True}


def identifier_result(identifier: ProfileIdentifier) -> results.ProfileIdentifier:
    """An identifier as the service answers it."""
    return results.ProfileIdentifier(
        type=identifier.type,
        value=identifier.value,
        node=identifier.node.hex(),
        first_seen=iso(identifier.first_seen_us),
        primary=identifier.primary,
        shared=identifier.shared,
    )
