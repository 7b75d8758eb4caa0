"""Promoting: which properties of events have columns in a workspace's warehouse, as its project and its definitions say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from onefold.bootstrap.workspace import Workspace
from onefold.config import Project
from onefold.errors import ConflictError
from onefold.ports.warehouse import ManifestChange
from onefold.warehouse.models.binding import BoundModels
from onefold.warehouse.promoted import Promoted, chosen, used_by

_TRIES = 20


def promoted_by(project: Project, models: BoundModels, used: Iterable[str] = ()) -> list[Promoted]:
    """What a project names, and what its models and other definitions (`used`) take from properties as text."""
    of_models = (name for model in models.models.values() for name in used_by(model.tree))
    return chosen(project.promoted, {*used, *of_models})


def promote(workspace: Workspace, promoted: Sequence[Promoted]) -> None:
    """Record which properties have columns, for queries from now on, and for files as they are compacted.

    The warehouse's extra must be installed.

    Raises:
        ConflictError: The warehouse is being changed by others all the time.
    """
    from onefold.adapters.duckdb import catalog  # noqa: PLC0415  only where the extra is

    store = workspace.context.store
    for _ in range(_TRIES):
        with store.snapshot() as snapshot:
            loaded, before = snapshot.loaded(), catalog.promoted(snapshot)
        if before == list(promoted):
            return
        try:
            with store.transaction() as transaction:
                transaction.revise(ManifestChange(loaded_before=loaded, relations=catalog.record(promoted)))
        except ConflictError:  # a load came between
            continue
        return
    raise ConflictError("the warehouse is being changed by others all the time; try again")
