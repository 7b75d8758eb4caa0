"""The rules that hold: definitions of the store, bound to what profiles have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.definition import Definition
from onefold.audiences.progress import Progress
from onefold.audiences.ruleset import RuleSet, ruleset
from onefold.ingest.events import ALIASES
from onefold.ports import ProfileSnapshot
from onefold.profiles.computed.plan import base_of
from onefold.profiles.computed.trait import trait_fields
from onefold.profiles.lifecycle import FIELDS, Lifecycle, Stage, compiled
from onefold.profiles.settings import Asked, ProfileSettings


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

    def stage(self, row: Mapping[str, Any], as_of_us: int) -> str:
        """The lifecycle stage of a person; empty where stages are not kept, or none holds."""
        found = None if self.lifecycle is None else self.lifecycle.stage(row, as_of_us)
        return "" if found is None else found.name

    def stage_change(self, row: Mapping[str, Any], as_of_us: int) -> int | None:
        """When to look at the stage again if nothing happens."""
        return None if self.lifecycle is None else self.lifecycle.next_change(row, as_of_us)


def held(snapshot: ProfileSnapshot, progress: Progress, settings: ProfileSettings) -> Held:
    """What holds as of a snapshot.

    Raises:
        SegmentError: A definition that was applied cannot be bound any more: an earlier or a later version applied it.
    """
    found = states.holding(snapshot.definitions(), progress)
    return bound(found.values(), progress.stages, settings, progress)


def uncounted(held: Held, settings: ProfileSettings) -> tuple[str, ...]:
    """Names of the events of which rules ask what is not counted under these settings."""
    found = {one.event for one in held.settings.ruled_aggregates if base_of(one) not in settings.computed.by_base}
    return tuple(sorted(found))


def bound(
    definitions: Iterable[Definition],
    stages: tuple[tuple[str, str], ...],
    settings: ProfileSettings,
    progress: Progress | None = None,
) -> Held:
    """Definitions and stages, bound.

    Raises:
        SegmentError: A segment cannot be used.
    """
    by_slug = {definition.slug: definition for definition in definitions}
    rules = ruleset(by_slug.values(), FIELDS | trait_fields(settings.traits), ALIASES)
    lifecycle = compiled(tuple(Stage(*stage) for stage in stages), settings.traits) if stages else None
    fields, read = rules.fields, rules.aggregates
    if lifecycle is not None:
        fields, read = fields | lifecycle.fields, read | lifecycle.aggregates
    asked = msgspec.structs.replace(settings, asked=Asked(fields, read))
    return Held(progress or Progress(), by_slug, rules, asked, lifecycle)
