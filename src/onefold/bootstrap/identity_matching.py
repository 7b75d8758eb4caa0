"""Matching inside a project: the records of a workspace, scored, and what the scores change, told to its log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from onefold.bootstrap.household_places import keep_households
from onefold.bootstrap.matching import require_matching
from onefold.bootstrap.segment_rows import SegmentRows
from onefold.bootstrap.warehousing import warehouse_of
from onefold.bootstrap.workspace import Workspace
from onefold.config.match_keys import Matching
from onefold.connectors.sources import headings
from onefold.errors import UsageError
from onefold.matching import fields
from onefold.matching.fields import Kind, Sample
from onefold.matching.settings import MatchSettings, Weights
from onefold.model import Identifier
from onefold.pipelines.matching import records, run
from onefold.pipelines.matching.households import households
from onefold.pipelines.matching.run import Run
from onefold.warehouse.matching_models import MATCHING_MODEL

_MODELS = MATCHING_MODEL.full_name
_ANY = Sample(("a", "b"), 3, 2)
"""Values of which nothing follows."""


def match_records(workspace: Workspace, tell: Callable[[str], None] = lambda _: None) -> Run:
    """Score the records of a workspace; the scores hold once its log is processed.

    Raises:
        ConfigurationError: The extra is missing.
    """
    require_matching()
    from onefold.matching.trained import encode  # noqa: PLC0415  only where the extra is
    from onefold.pipelines.matching import scoring  # noqa: PLC0415  as above

    context = workspace.context
    settings = settings_of(workspace)
    tell("Reading records")
    with context.store.snapshot() as snapshot:
        sources = records.read(context, snapshot, kinds(settings.fields))
        stored = [edge for edge in snapshot.scan_edges() if edge.kind == "scored"]
    keep_households(workspace, households(sources.records, context.hasher))
    found = scoring.score(sources, settings, tell, key=model_key(workspace))
    if found.trained is not None:
        _keep_model(workspace, found.model, encode(found.trained))
    return run.tell(
        context, stored, found.pairs, model=found.model, records=len(sources.records), compared=found.compared
    )


def model_key(workspace: Workspace) -> bytes:
    """The key under which a workspace's models hash values."""
    return workspace.context.hasher.node_id("matching", "model")


def _keep_model(workspace: Workspace, name: str, body: bytes) -> None:
    """Put a model in the place of the one before, where it is another."""
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    context = workspace.context
    if context.feed is None or any(row["model"] == name for row in SegmentRows(workspace, _MODELS).all()):
        return
    ran_at = datetime.fromtimestamp(context.clock_us() / 1e6, UTC).replace(tzinfo=None)
    warehouse = warehouse_of(workspace)
    try:
        warehouse.replace(
            MATCHING_MODEL, pa.table({"model": [name], "ran_at": [ran_at], "body": [body.decode("ascii")]})
        )
    finally:
        warehouse.close()


def read_truth(path: Path) -> Iterator[tuple[Identifier, str]]:
    """The rows of a CSV file with the columns type, value and person.

    Raises:
        UsageError: It cannot be read, or lacks one of them.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield Identifier(row["type"], row["value"]), row["person"]
    except (OSError, UnicodeDecodeError, KeyError, TypeError):
        raise UsageError(f"{path.name} is not a CSV file with the columns type, value and person.") from None


def settings_of(workspace: Workspace) -> MatchSettings:
    """How a workspace's project has its records matched."""
    return match_settings(workspace.project.matching, workspace.context.identity.default_region)


def match_settings(stated: Matching | None, region: str | None) -> MatchSettings:
    """How records are matched by what `match` of identity.yaml says."""
    said = stated or Matching()
    return MatchSettings(
        fields=dict(said.fields),
        model=said.model,
        weights=msgspec.convert(dict(said.weights), Weights),
        region=region,
    )


def kinds(stated: Mapping[str, str]) -> Callable[[str], Kind]:
    """What the trait of a name holds, as stated, else by its name alone: a date of a subscription looks like one of birth."""

    @cache
    def kind_of(name: str) -> Kind:
        heading = headings.read(name)
        concept = heading.concept if not heading.role else ""
        told = {name: stated[name]} if name in stated else {}
        return fields.guess({name: _ANY}, {name: concept}, told)[0].kind

    return kind_of
