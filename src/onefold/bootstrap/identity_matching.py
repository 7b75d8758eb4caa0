"""Matching inside a project: the records of a workspace, scored, and what the scores change, told to its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import msgspec

from onefold.bootstrap.matching import require_matching
from onefold.bootstrap.workspace import Workspace
from onefold.connectors.sources import headings
from onefold.matching import fields
from onefold.matching.fields import Kind, Sample
from onefold.matching.settings import MatchSettings
from onefold.pipelines.matching import records, run
from onefold.pipelines.matching.run import Run

_SAMPLED = 2_000


def match_records(workspace: Workspace, tell: Callable[[str], None] = lambda _: None) -> Run:
    """Score the records of a workspace; the scores hold once its log is processed.

    Raises:
        ConfigurationError: The extra is missing.
    """
    require_matching()
    from onefold.pipelines.matching import scoring  # noqa: PLC0415  only where the extra is

    context = workspace.context
    settings = MatchSettings()
    tell("Reading records")
    with context.store.snapshot() as snapshot:
        sources = records.read(context, snapshot, lambda columns: kinds(columns, settings.fields))
        stored = [edge for edge in snapshot.scan_edges() if edge.kind == "scored"]
    with_region = msgspec.structs.replace(settings, region=settings.region or context.identity.default_region)
    found = scoring.score(sources, with_region, tell)
    return run.tell(
        context, stored, found.pairs, model=found.model, records=len(sources.records), compared=found.compared
    )


def kinds(columns: Mapping[str, list[str]], stated: Mapping[str, str]) -> Callable[[str], Kind]:
    """What each trait holds, by its name and values; a trait that is not among them, by its name alone."""

    @cache
    def kind_of(name: str) -> Kind:
        values = columns.get(name, [])
        distinct = sorted(set(values))[:_SAMPLED]
        heading = headings.read(name)
        concept = heading.concept if not heading.role else ""
        # Two values at least: one trait is looked at here at a time, and a single person's is not "one value in all rows".
        sample = Sample(distinct or [name], max(len(values), 2), max(len(set(values)), 2))
        told = {name: stated[name]} if name in stated else {}
        return fields.guess({name: sample}, {name: concept}, told)[0].kind

    return kind_of
