"""The rules that hold: definitions of the store, bound to what profiles have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.definition import Definition
from onefold.audiences.progress import Progress
from onefold.audiences.ruleset import RuleSet, ruleset
from onefold.ingest.events import ALIASES
from onefold.pipelines.context import Context
from onefold.pipelines.reading.basis import NOTHING, basis_of
from onefold.ports import ProfileSnapshot
from onefold.profiles.computed.plan import base_of
from onefold.profiles.computed.trait import trait_fields
from onefold.profiles.lifecycle import FIELDS, Lifecycle, Stage, compiled
from onefold.profiles.settings import Asked, Basis, ProfileSettings
from onefold.rules import Aggregate, fingerprint


@dataclass(frozen=True)
class Held:
    """What holds, ready to be asked.

    Attributes:
        progress: How far the evaluation is.
        definitions: By slug.
        rules: The active ones, bound.
        settings: How profiles are worked out, with all that the rules read of them.
        lifecycle: The stages; None where none are kept.
    """

    progress: Progress
    definitions: Mapping[str, Definition]
    rules: RuleSet
    settings: ProfileSettings
    lifecycle: Lifecycle | None = None

    @property
    def cuts(self) -> dict[str, Decimal | None]:
        """From which value on people are in the top of each segment that has one, as of its last run."""
        return {slug: None if run.cut is None else Decimal(run.cut) for slug, run in self.progress.runs.items()}

    @property
    def scheduled(self) -> frozenset[str]:
        """Slugs of the segments that are worked out at intervals."""
        return frozenset(r.definition.slug for r in self.rules.rules if r.definition.kind == "scheduled")

    @property
    def filling(self) -> frozenset[Aggregate]:
        """The aggregates that rules read and that do not hold all events yet."""
        return self.settings.basis.filling & self.settings.ruled_aggregates

    @cached_property
    def filling_keys(self) -> tuple[str, ...]:
        """The same, by fingerprint."""
        return tuple(sorted(map(fingerprint, self.filling)))

    def stage(self, row: Mapping[str, Any], as_of_us: int) -> str:
        """The lifecycle stage of a person; empty where stages are not kept, or none holds."""
        found = None if self.lifecycle is None else self.lifecycle.stage(row, as_of_us)
        return "" if found is None else found.name

    def stage_change(self, row: Mapping[str, Any], as_of_us: int) -> int | None:
        """When to look at the stage again if nothing happens."""
        return None if self.lifecycle is None else self.lifecycle.next_change(row, as_of_us)


def held(context: Context, snapshot: ProfileSnapshot, progress: Progress) -> Held:
    """What holds as of a snapshot.

    Raises:
        SegmentError: A definition that was applied cannot be bound any more: an earlier or a later version applied it.
    """
    found = states.holding(snapshot.definitions(), progress)
    basis = basis_of(context, snapshot, progress)
    return replace(bound(context, found.values(), progress.stages, basis), progress=progress)


def uncounted(held: Held, settings: ProfileSettings) -> tuple[str, ...]:
    """Names of the events of which rules ask what is not counted under these settings."""
    found = {one.event for one in held.settings.ruled_aggregates if base_of(one) not in settings.computed.by_base}
    return tuple(sorted(found))


def bound(
    context: Context, definitions: Iterable[Definition], stages: tuple[tuple[str, str], ...], basis: Basis = NOTHING
) -> Held:
    """Definitions and stages, bound; with what a store knows that they read, where people are to be evaluated.

    Raises:
        SegmentError: A segment cannot be used.
    """
    by_slug = {definition.slug: definition for definition in definitions}
    settings = context.profiles
    known = {**FIELDS, **trait_fields(settings.traits), **dict(settings.scores)}
    rules = ruleset(by_slug.values(), known, ALIASES)
    lifecycle = None
    if stages:
        lifecycle = compiled(tuple(Stage(*stage) for stage in stages), settings.traits, settings.scores)
    fields, read = rules.fields, rules.aggregates
    if lifecycle is not None:
        fields, read = fields | lifecycle.fields, read | lifecycle.aggregates
    if not (any(rule.bound.derived for rule in rules.rules) or (lifecycle is not None and lifecycle.scored)):
        basis = msgspec.structs.replace(basis, scorers=())
    asked = msgspec.structs.replace(settings, asked=Asked(fields, read), basis=basis)
    return Held(Progress(), by_slug, rules, asked, lifecycle)
