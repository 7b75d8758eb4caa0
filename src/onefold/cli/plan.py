"""The commands `plan` and `apply`: what the project's segments would change, and the change itself."""

from __future__ import annotations

from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.bars import progress_bar
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.errors import UsageError
from onefold.model import Identifier, results

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Apply without asking.")]
_NOTHING = "Segments and lifecycle stages are as the files say. Nothing to apply."


def plan(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Show who would enter and leave each segment and lifecycle stage, if the project's files were applied.

    Example: onefold plan
    """
    out = Output(as_json=as_json)
    with (
        progress_bar(out, "evaluating") as progress,
        bootstrap.project_segments(project, workspace, progress=progress) as segments,
    ):
        found = segments.plan()
    if as_json:
        out.result(found)
        return
    _show(out, found)


def apply(
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    yes: Yes = False,
    again: Annotated[
        bool, typer.Option("--again", help="Evaluate everybody anew, even where nothing changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let the project's segments and lifecycle stages hold: show what changes, ask, and apply it. A running worker follows.

    Example: onefold apply --yes
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace, start=True) as segments:
        found = segments.plan()
        if not as_json:
            _show(out, found)
        if not found.changes and not again:
            if as_json:
                out.result({"plan": found, "applied": False, "evaluated": True})
            return
        if not yes and not as_json:
            typer.confirm("Apply?", abort=True, err=True)
        if not yes and as_json:
            raise UsageError("With --json nobody is asked: say --yes to apply, or see `onefold plan --json`.")
        _, evaluated = segments.apply(again=again)
    out.say(
        "Applied; everybody is evaluated."
        if evaluated
        else "Applied. The running worker evaluates everybody; `onefold segment list` shows how it goes."
    )
    if as_json:
        out.result({"plan": found, "applied": True, "evaluated": evaluated})


def _show(out: Output, found: results.SegmentPlan) -> None:
    if not found.changes:
        out.say(_NOTHING)
        return
    out.table(
        f"What would change, of {found.people:,} people",
        ("segment", "what", "members", "then", "enter", "leave"),
        ((c.audience, c.what, c.members_before, c.members_after, c.entering, c.leaving) for c in found.changes),
    )
    for change in found.changes:
        for sign, samples in (("+", change.entering_samples), ("-", change.leaving_samples)):
            for sample in samples:
                out.say(f"  {sign} {change.audience}: {told(sample.profile_id, sample.identifier)}")
    for note in found.notes:
        out.note(note)
    if found.way is not None and found.sequence is not None:
        out.note(way(found.way, found.because, found.sequence))


def way(how: str, because: str, sequence: int) -> str:
    """How an answer was found, and as of when."""
    if how == "warehouse":
        return f"Asked of the warehouse, up to sequence {sequence:,}."
    return f"Worked out person by person, up to sequence {sequence:,}: {because}"


def told(profile_id: str, identifier: Identifier | None) -> str:
    """A person on a line."""
    return profile_id if identifier is None else f"{profile_id}  {identifier.type}:{identifier.value}"
