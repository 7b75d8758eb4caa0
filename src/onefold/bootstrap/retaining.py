"""Retaining: what a workspace's warehouse keeps for how long, as its project says, and how far that is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from onefold.bootstrap.workspace import Workspace
from onefold.config.dimensions import read_privacy
from onefold.warehouse.retention import TIMES, Retention

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.adapters.duckdb.segments import SegmentFiles
    from onefold.adapters.duckdb.trimming import Trimmer


class RetentionStatus(msgspec.Struct, frozen=True):
    """What is kept for how long, and the oldest there is.

    Attributes:
        what: A relation, or a class of personal data.
        kept_us: For how long, in microseconds.
        oldest_us: Time of the oldest row in a file, microseconds UTC; None where there is none, or rows do not tell.
    """

    what: str
    kept_us: int
    oldest_us: int | None


def retention_of(workspace: Workspace) -> Retention:
    """What the project says.

    Raises:
        ProjectError: `privacy.yaml` cannot be read.
    """
    privacy = read_privacy(workspace.project.directory)
    return Retention(workspace.project.retention_us, privacy.retention_us, privacy.classes)


def trimmer_of(workspace: Workspace, files: SegmentFiles) -> Trimmer:
    """What trims the segment files of an open workspace."""
    from onefold.adapters.duckdb.trimming import Trimmer  # noqa: PLC0415  only where the extra is

    return Trimmer(workspace.context.store, files, retention_of(workspace), workspace.context.clock_us)


def retention_status(workspace: Workspace, files: SegmentFiles) -> list[RetentionStatus]:
    """What is kept for how long: relations, then classes, by name."""
    retention = retention_of(workspace)
    oldest: dict[str, int] = {}
    with workspace.context.store.snapshot() as snapshot:
        for segment in snapshot.segments():
            time = TIMES.get(segment.relation)
            ends = files.summary(segment).ranges.get(time) if time is not None else None
            if ends is not None:
                oldest[segment.relation] = min(ends[0], oldest.get(segment.relation, ends[0]))
    stated = [*sorted(retention.relations_us.items()), *sorted(retention.classes_us.items())]
    return [RetentionStatus(what, kept_us, oldest.get(what)) for what, kept_us in stated]
