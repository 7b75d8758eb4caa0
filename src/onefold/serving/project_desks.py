"""The desks of a server's project: what requests ask of a workspace's warehouse and of the project's files beside queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fastapi import Request

from onefold.errors import UnavailableError
from onefold.model import results
from onefold.model.column_change import ColumnChange
from onefold.ports.warehouse import Cancellation
from onefold.serving import schemas
from onefold.serving.access import Caller
from onefold.serving.problems import MEDIA_TYPE
from onefold.warehouse.browsing import Browse
from onefold.warehouse.masking import Role

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


MISSING: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "This server has no project files, or no warehouse.",
        "content": {MEDIA_TYPE: {"schema": schemas.reference(schemas.Problem)}},
    }
}
"""For routes that ask a desk."""


class TableDesk(Protocol):
    """The relations of a workspace's warehouse. Any thread may call it.

    All raise `OverloadedError` where too many queries run, and `UnavailableError` where there is no warehouse.
    """

    def tables(self) -> results.Tables:
        """All relations, by name."""
        ...

    def table(self, name: str, role: str | Role | None, *, count: bool = True) -> results.TableDescription:
        """One relation with its columns, and how a role sees them, its rows counted if `count`; or `NotFoundError`."""
        ...

    def rows(
        self, name: str, browse: Browse, *, limit: int, role: str | Role | None, cancellation: Cancellation
    ) -> pa.Table:
        """Rows of a relation, `limit` at most, as a role sees them; or `NotFoundError`, `UsageError`, `ExpensiveError`."""
        ...

    def lineage(self, name: str, column: str) -> results.Lineage:
        """What a column comes from, and what comes from it; or `UsageError` where there is none."""
        ...


class QualityDesk(Protocol):
    """Checks of a workspace. Any thread may call it. All raise `UnavailableError` where the project cannot be read."""

    def checks(self, runs: int) -> results.QualityChecks:
        """All checks, those first that failed, each with what its latest runs found."""
        ...

    def run(self, select: Sequence[str], relation: str | None, gate: int | None) -> results.ChecksRun:
        """Run checks and hold the rows that fail; `OverloadedError` where some run already, `UsageError` for none."""
        ...

    def held(self, relation: str | None, check: str | None, *, skip: int, limit: int) -> results.HeldRows:
        """Rows in quarantine, by relation and key."""
        ...


class GlanceDesk(Protocol):
    """Glances at a workspace's warehouse. Any thread may call it.

    All raise `ExpensiveError` where it takes too long, `OverloadedError` where too many queries run, and `UnavailableError`
    where there is no warehouse.
    """

    def day(self) -> results.Day:
        """What changed in the last 24 hours."""
        ...

    def people(self, text: str, *, skip: int, limit: int, role: str | Role | None) -> list[str]:
        """Ids of the people in whose attributes or identifiers the words are, as a role sees them."""
        ...


class UploadDesk(Protocol):
    """Files that people bring. Any thread may call it.

    All raise `UsageError` where the file or the mapping cannot be used, and `OverloadedError` where several are being read.
    """

    def preview(
        self, path: Path, *, source: str, mapping: str | None, changes: Sequence[ColumnChange]
    ) -> results.UploadPreview:
        """How a file would be read by a mapping, as YAML, or by a guess, with some columns as something else."""
        ...

    def load(self, path: Path, *, source: str, mapping: str, new: bool, request_id: str) -> results.FileLoaded:
        """Append its rows to the log; `new` says that the source is, although another's name is close to it."""
        ...


class ProjectDesks(Protocol):
    """What answers for one workspace of a project."""

    @property
    def tables(self) -> TableDesk:
        """For its warehouse's relations."""
        ...

    @property
    def quality(self) -> QualityDesk:
        """For checks of its data."""
        ...

    @property
    def uploads(self) -> UploadDesk:
        """For files that people bring."""
        ...

    @property
    def glance(self) -> GlanceDesk:
        """For what changed, and who is found."""
        ...


def desks_of(request: Request, caller: Caller) -> ProjectDesks:
    """The desks of a caller's workspace.

    Raises:
        UnavailableError: This server has none.
    """
    desks: ProjectDesks | None = request.app.state.project_desks.get(caller.key.workspace)
    if desks is None:
        raise UnavailableError("This server has no project files.")
    return desks
