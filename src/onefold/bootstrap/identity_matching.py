"""Matching inside a project: the records of a workspace, scored, and what the scores change, told to its log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

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
from onefold.warehouse.matching_models import MATCHED_RECORD, MATCHING_MODEL

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.matching.trained import Known
    from onefold.pipelines.matching.kept import Kept

_ANY = Sample(("a", "b"), 3, 2)
"""Values of which nothing follows."""


def match_records(
    workspace: Workspace, tell: Callable[[str], None] = lambda _: None, *, incremental: bool = False
) -> Run:
    """Score the records of a workspace; the scores hold once its log is processed.

    An incremental run compares only records that are new or changed since the latest run, by the model that the latest full
    run learned. Where that is not at hand, where a record is gone, and by the weighted model, every run is a full one.

    Raises:
        ConfigurationError: The extra is missing.
    """
    require_matching()
    from onefold.pipelines.matching import kept, scoring  # noqa: PLC0415  only where the extra is

    context, settings = workspace.context, settings_of(workspace)
    tell("Reading records")
    with context.store.snapshot() as snapshot:
        sources = records.read(context, snapshot, kinds(settings.fields))
        stored = [edge for edge in snapshot.scan_edges() if edge.kind == "scored"]
        offsets = snapshot.offsets()
    keep_households(workspace, households(sources.records, context.hasher))
    key = model_key(workspace)
    now = kept.fingerprints(sources, key)
    before = kept_of(workspace) if incremental and settings.model == "learned" else None
    if before is not None and before.goes_on(settings.region, offsets, now):
        known: Known | None = before.known
        scored = {(edge.a, edge.b): edge.score for edge in stored if edge.score is not None}
        found = scoring.score(sources, before.known, settings, stored=scored, changed=before.changed(now), tell=tell)
    else:
        before = None
        found, known = scoring.anew(sources, settings, key, tell)
    made = run.tell(context, stored, found, records=len(sources.records), full=before is None)
    if known is None:
        _forget(workspace)
    else:
        # After the log has the scores: a run that is cut short before is made again.
        _keep(workspace, kept.Kept(known, now, context.log.ends()))
    return made


def model_key(workspace: Workspace) -> bytes:
    """The key under which a workspace's models hash values."""
    return workspace.context.hasher.node_id("matching", "model")


def kept_of(workspace: Workspace) -> Kept | None:
    """What the latest run by a learned model left; None where there was none, or some of it is gone."""
    from onefold.matching.trained import Known, decode  # noqa: PLC0415  only where the extra is
    from onefold.pipelines.matching.kept import Kept  # noqa: PLC0415  as above

    row = next(iter(SegmentRows(workspace, MATCHING_MODEL.full_name).all()), None)
    read = {each["node"]: each["fingerprint"] for each in SegmentRows(workspace, MATCHED_RECORD.full_name).all()}
    # An erasure takes the records of whom it erases.
    if row is None or row.get("records") != len(read):
        return None
    try:
        trained = decode(row["body"].encode(), "the model of the latest run")
    except UsageError:  # another version's
        return None
    ends = msgspec.json.decode(row["read_to"], type=dict[int, int], strict=False)
    return Kept(Known(trained, model_key(workspace)), {_bytes(node): told for node, told in read.items()}, ends)


def _keep(workspace: Workspace, state: Kept) -> None:
    """Put what a run leaves in the place of what the one before left."""
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    from onefold.matching.trained import encode  # noqa: PLC0415  as above
    from onefold.pipelines.matching.scoring import model_name  # noqa: PLC0415  as above

    context = workspace.context
    if context.feed is None:
        return
    row = {
        "model": model_name(state.known),
        "ran_at": datetime.fromtimestamp(context.clock_us() / 1e6, UTC).replace(tzinfo=None),
        "body": encode(state.known.trained).decode("ascii"),
        "records": len(state.fingerprints),
        "read_to": msgspec.json.encode(state.read_to).decode("ascii"),
    }
    nodes = pa.array(state.fingerprints.keys(), pa.binary(16))
    warehouse = warehouse_of(workspace)
    try:
        # The model first: with the records of the run before, it makes the next run a full one.
        warehouse.replace(MATCHING_MODEL, pa.Table.from_pylist([row]))
        fingerprints = pa.array(state.fingerprints.values(), pa.int64())
        warehouse.replace(MATCHED_RECORD, pa.table({"node": nodes, "fingerprint": fingerprints}))
    finally:
        warehouse.close()


def _forget(workspace: Workspace) -> None:
    """Let no incremental run go on from scores that another model has replaced; the model stays, to explain by."""
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    if (
        workspace.context.feed is None
        or next(iter(SegmentRows(workspace, MATCHED_RECORD.full_name).all()), None) is None
    ):
        return
    warehouse = warehouse_of(workspace)
    try:
        none = pa.table({"node": pa.array([], pa.binary(16)), "fingerprint": pa.array([], pa.int64())})
        warehouse.replace(MATCHED_RECORD, none)
    finally:
        warehouse.close()


def _bytes(node: object) -> bytes:
    return node.bytes if isinstance(node, UUID) else bytes(node)  # type: ignore[call-overload]  # a UUID is one of Arrow's


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
