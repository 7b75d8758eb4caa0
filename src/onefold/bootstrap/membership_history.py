"""The history of memberships, as the warehouse keeps it: who entered and left when and why, and how segments grew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onefold.bootstrap.asking import asking
from onefold.bootstrap.workspace import reader
from onefold.model import Identifier
from onefold.pipelines.audiences import changes

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


def membership_history(
    directory: Path, workspace: str | None, audience: str | None, who: Identifier | None, *, limit: int
) -> pa.Table:
    """Who entered and left, the latest first: of one segment or stage, of one person, or of all.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed.
        NotFoundError: Nobody has that identifier.
    """
    person = None
    if who is not None:
        with reader(directory, workspace) as service:
            person = service.profile(who).id
    query = changes.history_query(audience, person)
    with asking(directory, workspace) as asker:
        return asker.run(query, limit=limit).drop_columns(["sequence"])


def membership_growth(directory: Path, workspace: str | None, audience: str) -> pa.Table:
    """By day (UTC), how many entered and left a segment or stage, and how many were in it at its end.

    Raises:
        ConfigurationError: The extra `warehouse` is not installed.
    """
    with asking(directory, workspace) as asker:
        return asker.run(changes.growth_query(audience))
