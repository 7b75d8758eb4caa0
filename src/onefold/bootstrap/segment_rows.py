"""Rows of a small relation of a workspace's warehouse, read from its files: no query is run for a metric."""

from __future__ import annotations

from typing import Any

from onefold.bootstrap.warehousing import segment_files
from onefold.bootstrap.workspace import Workspace


class SegmentRows:
    """Reads them again only when there are others."""

    def __init__(self, workspace: Workspace, relation: str) -> None:
        self._workspace = workspace
        self._relation = relation
        self._names: tuple[str, ...] = ()
        self._known: list[dict[str, Any]] = []

    def all(self) -> list[dict[str, Any]]:
        """The rows; none where there is no warehouse, or no such relation. The same list as long as they are the same."""
        context = self._workspace.context
        if context.feed is None:
            return []
        with context.store.snapshot() as snapshot:
            segments = [segment for segment in snapshot.segments() if segment.relation == self._relation]
        names = tuple(segment.name for segment in segments)
        if names != self._names:
            files = segment_files(self._workspace)
            self._known = [row for segment in segments for row in files.read(segment).to_pylist()]
            self._names = names
        return self._known
