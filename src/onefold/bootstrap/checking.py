"""Checks of a project: chosen, and run over a workspace's warehouse."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from onefold import config
from onefold.bootstrap.warehousing import require_extra, warehouse_of
from onefold.bootstrap.workspace import catch_up, choose, clock_us, open_workspace
from onefold.config.checks import replaced, shipped_checks
from onefold.errors import UsageError, nearest
from onefold.governance.checks import Check
from onefold.pipelines.batch import checks
from onefold.pipelines.batch.checks import Outcome


def run_checks(
    directory: Path,
    workspace: str | None,
    *,
    select: Sequence[str] = (),
    relation: str | None = None,
    gate: int | None = None,
    keep: bool = True,
) -> Outcome:
    """Run the checks of a project, and those that Onefold ships.

    Args:
        directory: The project.
        workspace: Which of its workspaces; None for the only one.
        select: Names of checks, or patterns with `*`; all when empty.
        relation: Only checks of this relation.
        gate: Only checks of this gate.
        keep: Whether results are kept, and failing rows put in quarantine.

    Raises:
        ConfigurationError: A check does not fit the relations, or the extra is not installed.
        UsageError: No check is chosen.
    """
    require_extra()
    project = config.read_project(directory)
    own, shipped = project.checks, replaced(project.checks, shipped_checks())
    chosen = [one for one in (*own, *shipped) if _chosen(one, select, relation, gate)]
    if not chosen:
        raise UsageError(_none_chosen((*own, *shipped), select, relation))
    opened = open_workspace(project, choose(project, workspace), start=True)
    try:
        catch_up(opened)
        warehouse = warehouse_of(opened)
        try:
            run_id = f"{clock_us():x}-{os.urandom(3).hex()}"
            return checks.check(
                opened.context, warehouse, [c for c in chosen if c in own], [c for c in chosen if c not in own],
                run_id=run_id, keep=keep,
            )  # fmt: skip
        finally:
            warehouse.close()
    finally:
        opened.close()


def _chosen(check: Check, select: Sequence[str], relation: str | None, gate: int | None) -> bool:
    names = (check.name, f"{check.relation}.{check.name}")
    return (
        (not select or any(fnmatchcase(name, pattern) for pattern in select for name in names))
        and relation in {None, check.relation}
        and gate in {None, check.gate}
    )


def _none_chosen(known: Sequence[Check], select: Sequence[str], relation: str | None) -> str:
    relations = sorted({check.relation for check in known})
    if relation is not None and relation not in relations:
        return f"No check is about `{relation}`{nearest(relation, relations) or '.'} Checks are about {', '.join(relations)}."
    names = {check.name for check in known}
    for pattern in select:
        return f"No check is called `{pattern}`{nearest(pattern, names) or '; `onefold check --list` shows them.'}"
    return "There are no such checks; `onefold check --list` shows those there are."


def list_checks(directory: Path) -> list[Check]:
    """The checks of a project, and those that Onefold ships, without running them."""
    project = config.read_project(directory)
    return [*project.checks, *replaced(project.checks, shipped_checks())]
