"""The service of audiences: all that may be asked or said of a workspace's segments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from onefold.audiences.definition import Definition
from onefold.audiences.progress import Compared
from onefold.errors import ConflictError
from onefold.model import Identifier, results
from onefold.pipelines.audiences import applying, asking, changes, lists, overlaps, planning, reconcile, scoring
from onefold.pipelines.audiences.applying import Difference, Stages
from onefold.pipelines.audiences.asking import EVERYBODY, Chosen
from onefold.pipelines.audiences.counting import Progress, quiet
from onefold.pipelines.audiences.inquiry import Open
from onefold.pipelines.context import Context
from onefold.rfm import Definition as RfmDefinition
from onefold.rfm.outcome import Run

T = TypeVar("T")
_TRIES = 50


class Audiences:
    """One workspace's segments, as its users see them. May be called from any thread."""

    def __init__(
        self,
        context: Context,
        wanted: Callable[[], Sequence[Definition] | None] = lambda: None,
        *,
        warehouse: Open | None = None,
        progress: Progress = quiet,
    ) -> None:
        """Of an open workspace.

        Args:
            context: The workspace.
            wanted: Reads what its project's files say; gives None where they are not read.
            warehouse: Opens its warehouse; None where there is none, so that everybody is evaluated.
            progress: Told how many are evaluated.
        """
        self._context = context
        self._wanted = wanted
        self._warehouse = warehouse
        self._progress = progress

    def segments(self) -> results.Segments:
        """All segments, by slug."""
        return asking.segments(self._context, self._wanted())

    def segment(self, slug: str) -> results.Segment:
        """One segment.

        Raises:
            NotFoundError: There is none of that name.
        """
        return asking.segment(self._context, slug, self._wanted())

    def members(
        self, audience: str, *, cursor: str | None = None, limit: int = 100, chosen: Chosen = EVERYBODY
    ) -> results.Members:
        """A page of a segment's or a stage's members (`stage.customer`), in order of their ids.

        Where not everybody is wanted, a page may have fewer than `limit`, or none, and others follow.

        Raises:
            NotFoundError: There is no such segment or stage.
            UsageError: Invalid cursor.
        """
        return asking.members(self._context, audience, cursor=cursor, limit=limit, chosen=chosen)

    def require(self, audience: str) -> None:
        """See that there is such a segment or stage.

        Raises:
            NotFoundError: There is none.
        """
        asking.require_one(self._context, audience)

    def standing(self, slug: str, who: Identifier) -> results.Standing:
        """Whether somebody is in a segment, why, until when, and what would end it.

        Raises:
            NotFoundError: There is no such segment, or nobody of that identifier.
        """
        return asking.standing(self._context, slug, who)

    def preview(self, definition: Definition) -> results.SegmentPreview:
        """Who would be in a segment, saved or not.

        Raises:
            SegmentError: It cannot be used.
        """
        return planning.preview(self._context, definition, warehouse=self._warehouse, progress=self._progress)

    def diff(
        self, slug: str, before: Definition | None, after: Definition | None, *, limit: int = planning.MOVED_SHOWN
    ) -> results.SegmentDiff:
        """Who is in one of two versions of a segment only; None is the version that holds.

        Raises:
            NotFoundError: There is no such segment.
            SegmentError: One of them cannot be used.
        """
        return planning.diff(self._context, slug, before, after, limit=limit)

    def history(self, audience: str, *, before: int | None = None, limit: int = 100) -> results.MembershipHistory:
        """A page of who entered and left a segment or a stage, the latest first; `before` is the sequence to go on from.

        Raises:
            NotFoundError: There is no such segment or stage.
            UnavailableError: There is no warehouse.
        """
        asking.require_one(self._context, audience)
        return changes.history(self._warehouse, audience, before=before, limit=limit)

    def growth(self, audience: str) -> results.SegmentGrowth:
        """By day, how many entered and left a segment or a stage, and how many were in it.

        Raises:
            NotFoundError: There is no such segment or stage.
            UnavailableError: There is no warehouse.
        """
        asking.require_one(self._context, audience)
        return changes.growth(self._warehouse, audience)

    def version(self, slug: str, version: int) -> Definition:
        """A version of a segment's definition that was applied once.

        Raises:
            NotFoundError: There is none.
        """
        return asking.version(self._context, slug, version)

    def versions(self, slug: str) -> results.SegmentVersions:
        """The definitions of a segment that were applied, the latest first.

        Raises:
            NotFoundError: None was.
        """
        return asking.versions(self._context, slug)

    def overlaps(self, among: Collection[str] = ()) -> results.Overlaps:
        """How many people each two of these segments, or of all, have in common.

        Raises:
            NotFoundError: There is no segment of one of these names.
        """
        return overlaps.overlaps(self._context, among)

    def reconcile(self) -> results.ReconciledSegments:
        """Compare memberships with an evaluation of everybody and with the warehouse; the metrics show what was found."""
        at_us = self._context.clock_us()
        found = reconcile.reconcile(self._context, self._warehouse)
        _patiently(lambda: reconcile.note(self._context, at_us, found))
        return found

    def compared(self) -> Compared | None:
        """What the latest reconciliation found; None where there was none."""
        return reconcile.latest(self._context)

    def plan(self, wanted: Sequence[Definition], stages: Stages) -> results.SegmentPlan:
        """Who would enter and leave what, if these were applied.

        Raises:
            SegmentError: One of them cannot be used.
        """
        return planning.plan(self._context, wanted, stages, warehouse=self._warehouse, progress=self._progress)

    def apply(self, wanted: Sequence[Definition], stages: Stages, *, again: bool = False) -> Difference:
        """Let these hold; the evaluator follows. With `again`, everybody is evaluated even where nothing changed.

        Raises:
            ConflictError: Others settle all the time. Nothing was changed.
            SegmentError: One of them cannot be used. Nothing was changed.
        """
        return _patiently(lambda: applying.apply(self._context, wanted, stages, again=again))

    def applied(self) -> dict[str, Definition]:
        """The segments that hold, by slug."""
        with self._context.store.snapshot() as snapshot:
            _, found = applying.current(snapshot)
        return found

    def holding(self) -> tuple[int, int, tuple[tuple[str, int], ...]]:
        """What holds, as numbers that are others once something else does: generation, time applied, version of each."""
        with self._context.store.snapshot() as snapshot:
            progress, _ = applying.current(snapshot)
        return progress.generation, progress.applied_us, tuple(sorted(progress.versions.items()))

    def scores_due(self) -> list[RfmDefinition]:
        """The RFM definitions that it is time to run."""
        return scoring.due(self._context, self._context.clock_us())

    def score(self, run: Run) -> bool:
        """Let rules score people by the cut points of a run of RFM; whether anybody is evaluated for it.

        Raises:
            ConflictError: Others settle all the time. Nothing was changed.
        """
        return _patiently(lambda: scoring.publish(self._context, run))

    def upload(self, slug: str, identifiers: Sequence[Identifier], *, remove: bool = False) -> results.ListChange:
        """Put identifiers on a list, or take them from it. All of them or none.

        Raises:
            ConflictError: Others settle all the time. Nothing was changed.
            NotFoundError: There is no such segment.
            UsageError: It is not a list, or identifiers cannot name anybody. Nothing was changed.
        """
        done = _patiently(lambda: lists.change(self._context, slug, identifiers, remove=remove))
        return results.ListChange(segment=slug, read=done.read, changed=done.changed)


def _patiently(change: Callable[[], T]) -> T:
    """Do it again where the evaluator came between."""
    for _ in range(_TRIES - 1):
        try:
            return change()
        except ConflictError:
            continue
    return change()
