"""Households of a workspace: written by a run of the matcher, and read from the warehouse's own files, without a query."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from onefold.bootstrap.warehousing import segment_files, warehouse_of
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ExpensiveError
from onefold.model import NodeId
from onefold.pipelines.reading.households import NONE, Places
from onefold.ports.warehouse import Segment
from onefold.warehouse.households import HOUSEHOLD

LOOK_SECONDS = 2.0
"""How long what was read is taken for current: looking whether there is more costs as much as a look-up."""


class HouseholdPlaces:
    """Which record states which household, kept in memory until a run of the matcher finds others. Safe for threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: tuple[tuple[str, ...], Places] = ((), NONE)
        self._looked = -LOOK_SECONDS

    def current(self, *, wait: bool = True) -> Places:
        """The places; none where there is no warehouse, or the matcher never ran.

        Raises:
            ExpensiveError: They would have to be looked for, and the caller does not wait.
        """
        context = self._workspace.context
        if context.feed is None or time.monotonic() - self._looked < LOOK_SECONDS:
            return self._known[1]
        if not wait:
            raise ExpensiveError("Households may have to be read.")
        with context.store.snapshot() as snapshot:
            segments = [segment for segment in snapshot.segments() if segment.relation == HOUSEHOLD.full_name]
        names = tuple(segment.name for segment in segments)
        if names != self._known[0]:
            self._known = (names, Places(_rows(self._workspace, segments)))
        self._looked = time.monotonic()
        return self._known[1]


def _rows(workspace: Workspace, segments: Sequence[Segment]) -> Iterator[tuple[NodeId, NodeId]]:
    files = segment_files(workspace) if segments else None
    for segment in segments if files is not None else ():
        table = files.read(segment, ["household", "node"])  # type: ignore[union-attr]  # there are segments
        yield from zip(*(_ids(table[name]) for name in ("household", "node")), strict=True)


def _ids(column: Any) -> Iterator[NodeId]:
    for chunk in column.chunks:
        yield from (value.as_py() for value in chunk.storage)


def keep_households(workspace: Workspace, rows: Sequence[tuple[NodeId, NodeId]]) -> None:
    """Put the households that a run of the matcher read in the place of those before, where they are others."""
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    context = workspace.context
    if context.feed is None:
        return
    with context.store.snapshot() as snapshot:
        segments = [segment for segment in snapshot.segments() if segment.relation == HOUSEHOLD.full_name]
    # The first run makes the table, also an empty one: nobody there is an answer, and no table is an error.
    if segments and sorted(_rows(workspace, segments)) == list(rows):
        return
    columns = {name: pa.array([row[n] for row in rows], pa.binary(16)) for n, name in enumerate(("household", "node"))}
    warehouse = warehouse_of(workspace)
    try:
        warehouse.replace(HOUSEHOLD, pa.table(columns))
    finally:
        warehouse.close()
