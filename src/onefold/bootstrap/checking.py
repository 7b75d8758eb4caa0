"""Checks of a project: chosen, and run over a workspace's warehouse."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from onefold import config
from onefold.bootstrap.check_results import CheckResults
from onefold.bootstrap.modelling import project_models, project_traits
from onefold.bootstrap.warehousing import require_extra, warehouse_of
from onefold.bootstrap.workspace import Workspace, catch_up, choose, clock_us, open_workspace
from onefold.bootstrap.workspace import opened as opened_workspace
from onefold.config.check_text import check_text
from onefold.config.checks import model_checks, replaced, shipped_checks
from onefold.config.dimensions import read_privacy
from onefold.config.models import read_models
from onefold.errors import UsageError, nearest
from onefold.governance.checks import Check, CheckResult
from onefold.governance.checks.expectations import Unsupported, read_suite, suite
from onefold.governance.checks.proposing import propose
from onefold.pipelines.batch import checks
from onefold.pipelines.batch.checks import Outcome
from onefold.pipelines.reading.analysis import ReaderWarehouse
from onefold.ports.warehouse import Warehouse


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
    own, shipped = chosen_checks(directory, select, relation, gate)
    run_id = f"{clock_us():x}-{os.urandom(3).hex()}"
    with _opened(directory, workspace) as (opened, warehouse):
        return checks.check(opened.context, warehouse, own, shipped, run_id=run_id, keep=keep)


def chosen_checks(
    directory: Path, select: Sequence[str], relation: str | None, gate: int | None
) -> tuple[list[Check], list[Check]]:
    """Checks of a project, and those that Onefold ships, as `run_checks` chooses them.

    Raises:
        ConfigurationError: The project's files are wrong.
        UsageError: No check is chosen.
    """
    project = config.read_project(directory)
    own, shipped = project.checks, _given(project.checks, directory)
    chosen = [[one for one in of if _chosen(one, select, relation, gate)] for of in (own, shipped)]
    if not any(chosen):
        raise UsageError(_none_chosen((*own, *shipped), select, relation))
    return chosen[0], chosen[1]


@contextmanager
def _opened(directory: Path, workspace: str | None) -> Iterator[tuple[Workspace, Warehouse]]:
    """A workspace that has caught up, and its warehouse."""
    require_extra()
    project = config.read_project(directory)
    opened = open_workspace(project, choose(project, workspace), start=True)
    try:
        catch_up(opened)
        models, classes = project_models(directory), read_privacy(directory).classes
        warehouse = ReaderWarehouse(
            warehouse_of(opened), models, classes, datetime.now(UTC), traits=project_traits(directory)
        )
        try:
            yield opened, warehouse
        finally:
            warehouse.close()
    finally:
        opened.close()


def _chosen(check: Check, select: Sequence[str], relation: str | None, gate: int | None) -> bool:
    return _names_chosen(check.relation, check.name, select, relation) and gate in {None, check.gate}


def _names_chosen(of: str, name: str, select: Sequence[str], relation: str | None) -> bool:
    patterned = any(fnmatchcase(one, pattern) for pattern in select for one in (name, f"{of}.{name}"))
    return (patterned or not select) and relation in {None, of}


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
    return [*project.checks, *_given(project.checks, directory)]


def _given(own: Sequence[Check], directory: Path) -> tuple[Check, ...]:
    """Checks beside the project's files of checks: those that Onefold ships, and what models say of their columns."""
    return (*replaced(own, shipped_checks()), *replaced(own, model_checks(read_models(directory))))


def check_history(
    directory: Path, workspace: str | None, *, select: Sequence[str] = (), relation: str | None = None, runs: int = 10
) -> list[CheckResult]:
    """The latest results of each check, check by check, the latest of each first.

    Raises:
        NotFoundError: Nothing was processed yet.
    """
    with opened_workspace(directory, workspace, start=False) as found:
        kept = CheckResults(found).runs()
    return [one for of in kept if _names_chosen(of[0].relation, of[0].check, select, relation) for one in of[:runs]]


def propose_checks(directory: Path, workspace: str | None, relation: str) -> str:
    """A check file for a relation: what holds of all its rows now.

    Raises:
        UsageError: There is no such relation, or it has no rows.
    """
    with _opened(directory, workspace) as (_, warehouse):
        known = {one.full_name: one for one in warehouse.relations()}
        if relation not in known:
            raise UsageError(
                f"There is no relation `{relation}`{nearest(relation, known) or '.'} There are: {', '.join(known)}."
            )
        found = propose(lambda tree: warehouse.run(tree, checks.LIMITS), known[relation], clock_us())
    if not found:
        raise UsageError(f"{relation} has no rows, so nothing can be proposed.")
    return check_text(relation, found)


def export_suite(directory: Path, relation: str) -> tuple[dict[str, Any], list[Unsupported]]:
    """The checks of a relation as a Great Expectations suite, and those that it cannot say.

    Raises:
        UsageError: No check is about the relation.
    """
    known = list_checks(directory)
    found = [check for check in known if check.relation == relation]
    if not found:
        raise UsageError(_none_chosen(known, (), relation))
    return suite(relation, found)


def import_suite(path: Path, relation: str) -> tuple[str, list[Unsupported]]:
    """A check file out of a Great Expectations suite, and the expectations that no check says.

    Raises:
        UsageError: The file is not a suite, or nothing of it can be said as a check.
    """
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(f"{path} is not JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("expectations"), list):
        raise UsageError(f"{path} is not a Great Expectations suite: it has no list of expectations.")
    found, left_out = read_suite(document, relation)
    if not found:
        raise UsageError(f"No expectation of {path} can be said as a check.")
    return check_text(relation, found), left_out
