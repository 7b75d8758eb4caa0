"""The segment desk of a server: where requests change a project's segments, and ask what rules of them could say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from fastapi import Request

from onefold.audiences.definition import Definition, Stated
from onefold.errors import UnavailableError
from onefold.model import results
from onefold.pipelines.audiences.applying import Difference
from onefold.serving.access import Caller
from onefold.warehouse.masking import Role


class SegmentDesk(Protocol):
    """Takes changes of a project's segments, for one workspace. Any thread may call it.

    All raise `UsageError` where the project's files are wrong; nothing is changed then.
    """

    def stated(self, slug: str) -> Stated:
        """A segment of the files, or `NotFoundError`."""
        ...

    def save(self, definition: Definition, tag: str | None) -> Stated:
        """Write a segment into its file: a new one, or where its file still has this tag; else `StaleError`.

        Raises `ReadOnlyError` where files cannot be changed from here.
        """
        ...

    def delete(self, slug: str, tag: str) -> None:
        """Take a segment out of its file; as `save`."""
        ...

    def plan(self) -> tuple[results.SegmentPlan, str]:
        """Who would enter and leave what, if the files were applied; and a tag of the files and of what holds."""
        ...

    def apply(self, tag: str) -> Difference:
        """Let the files hold, as they were planned; else `StaleError`."""
        ...

    def check(self, written: str | Mapping[str, Any], text: str | None) -> results.RuleCheck:
        """What a rule says, in each form, and what it takes; with `text`, a rule that is stated both ways."""
        ...

    def preview(self, definition: Definition) -> results.SegmentPreview:
        """Who would be in a segment, saved or not."""
        ...

    def fields(self) -> results.RuleFields:
        """What rules can read."""
        ...

    def values(self, field: str, event: str, q: str, role: str | Role | None, limit: int) -> results.RuleValues:
        """Values of a field, or of a property of an event, that contain `q`, as a role sees them.

        Raises `OverloadedError` where too many queries run, and `UnavailableError` where there is no warehouse.
        """
        ...


def desk_of(request: Request, caller: Caller) -> SegmentDesk:
    """The desk of a caller's workspace.

    Raises:
        UnavailableError: This server has none.
    """
    desk: SegmentDesk | None = request.app.state.segment_desks.get(caller.key.workspace)
    if desk is None:
        raise UnavailableError("This server has no project files.")
    return desk
