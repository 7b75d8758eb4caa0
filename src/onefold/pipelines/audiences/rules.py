"""The rules that hold: definitions of the store, bound to what profiles have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.definition import Definition
from onefold.audiences.progress import Progress, Scores
from onefold.audiences.ruleset import RuleSet, ruleset
from onefold.ingest.events import ALIASES
from onefold.pipelines.context import Context
from onefold.ports import ProfileSnapshot
from onefold.profiles.computed.plan import base_of
from onefold.profiles.computed.trait import trait_fields
from onefold.profiles.lifecycle import FIELDS, Lifecycle, Stage, compiled
from onefold.profiles.profile import Profile
from onefold.profiles.settings import Asked, ProfileSettings
from onefold.rfm.fields import Scorer, score_fields
from onefold.rfm.outcome import read_cut_points
from onefold.rules import Row


@dataclass(frozen=True)
class Held:
    """What holds, ready to be asked.

    Attributes:
        progress: How far the evaluation is.
        definitions: By slug.
        rules: The active ones, bound.
        settings: How profiles are worked out, with all that the rules read of them.
        lifecycle: The stages; None where none are kept.
        scorers: Of the RFM definitions that ran as they are now, those that rules read.
    """

    progress: Progress
    definitions: Mapping[str, Definition]
    rules: RuleSet
    settings: ProfileSettings
    lifecycle: Lifecycle | None = None
    scorers: tuple[Scorer, ...] = ()

    @property
    def cuts(self) -> dict[str, Decimal | None]:
        """From which value on people are in the top of each segment that has one, as of its last run."""
        return {slug: None if run.cut is None else Decimal(run.cut) for slug, run in self.progress.runs.items()}

    @property
    def scheduled(self) -> frozenset[str]:
        """Slugs of the segments that are worked out at intervals."""
        return frozenset(r.definition.slug for r in self.rules.rules if r.definition.kind == "scheduled")

    def row(self, profile: Profile) -> Row:
        """What the rules read of a person, scores included."""
        row: Row = profile.row
        for scorer in self.scorers:
            row = {**row, **scorer.values(row)}
        return row

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
    return replace(bound(context, found.values(), progress.stages, progress.scores), progress=progress)


def uncounted(held: Held, settings: ProfileSettings) -> tuple[str, ...]:
    """Names of the events of which rules ask what is not counted under these settings."""
    found = {one.event for one in held.settings.ruled_aggregates if base_of(one) not in settings.computed.by_base}
    return tuple(sorted(found))


def bound(
    context: Context,
    definitions: Iterable[Definition],
    stages: tuple[tuple[str, str], ...],
    scores: Mapping[str, Scores] = MappingProxyType({}),
) -> Held:
    """Definitions and stages, bound; with what runs of RFM left, where people are to be scored.

    Raises:
        SegmentError: A segment cannot be used.
    """
    by_slug = {definition.slug: definition for definition in definitions}
    settings = context.profiles
    known = {**FIELDS, **trait_fields(settings.traits), **score_fields(context.rfm)}
    rules = ruleset(by_slug.values(), known, ALIASES)
    lifecycle = compiled(tuple(Stage(*stage) for stage in stages), settings.traits) if stages else None
    fields, read = rules.fields, rules.aggregates
    if lifecycle is not None:
        fields, read = fields | lifecycle.fields, read | lifecycle.aggregates
    asked = msgspec.structs.replace(settings, asked=Asked(fields, read))
    return Held(Progress(), by_slug, rules, asked, lifecycle, _scorers(context, rules, scores))


def _scorers(context: Context, rules: RuleSet, scores: Mapping[str, Scores]) -> tuple[Scorer, ...]:
    """What scores people by the runs that there were, of the definitions as they are now and as far as rules read them."""
    found = []
    for definition in context.rfm:
        latest = scores.get(definition.name)
        read = any(name in rules.fields for name in score_fields([definition]))
        if read and latest is not None and latest.definition == definition.fingerprint:
            cut_points = read_cut_points(latest.cut_points)
            if cut_points.recency:
                found.append(Scorer(definition, cut_points))
    return tuple(found)
