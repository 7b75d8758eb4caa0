"""The commands `plan` and `apply`: what the project's segments would change, and the change itself."""

from __future__ import annotations

from typing import Annotated

import msgspec
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
    """Show who would enter and leave each segment and lifecycle stage, and who would be who, by the project's files.

    Example: onefold plan
    """
    out = Output(as_json=as_json)
    with (
        progress_bar(out, "evaluating") as progress,
        bootstrap.project_segments(project, workspace, progress=progress) as segments,
    ):
        found = segments.plan()
        people, _ = segments.workspace.service.identity.plan({})
    if as_json:
        out.result({**msgspec.to_builtins(found), "identity": people})
        return
    _show(out, found)
    show_identity(out, people)


def apply(
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    yes: Yes = False,
    again: Annotated[
        bool, typer.Option("--again", help="Evaluate everybody anew, even where nothing changed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let the project's segments, lifecycle stages and identity settings hold: show what changes, ask, and apply it.

    A running worker follows; one that was started before identity.yaml was changed is to be started again first.

    Example: onefold apply --yes
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace, start=True) as segments:
        found = segments.plan()
        people, tag = segments.workspace.service.identity.plan({})
        if not as_json:
            _show(out, found)
            show_identity(out, people)
        if not found.changes and not people.changes_total and people.scored is None and not again:
            if as_json:
                out.result({"plan": found, "identity": people, "applied": False, "evaluated": True})
            return
        if not yes and not as_json:
            typer.confirm("Apply?", abort=True, err=True)
        if not yes and as_json:
            raise UsageError("With --json nobody is asked: say --yes to apply, or see `onefold plan --json`.")
        if people.changes_total or people.scored is not None:
            segments.workspace.service.identity.apply(tag)
        _, evaluated = segments.apply(again=again)
    out.say(
        "Applied; everybody is evaluated."
        if evaluated
        else "Applied. The running worker evaluates everybody; `onefold segment list` shows how it goes."
    )
    if as_json:
        out.result({"plan": found, "identity": people, "applied": True, "evaluated": evaluated})


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


def show_identity(out: Output, found: results.IdentityPlan) -> None:
    """Print who would be who for a person to read."""
    if found.scored is not None:
        out.note(f"Another model would score records anew: {found.scored:,} pairs.")
    if not found.changes_total:
        out.say("People are as identity.yaml says.")
    else:
        out.say(
            f"{found.people:,} people would be {found.people_after:,}: {found.merged:,} would be one with others, "
            f"{found.split:,} would be several.",
            style="bold",
        )
    for change in found.changes:
        before, after = (
            " + ".join(f"{told(p.profile_id, p.identifier)} ({p.identifiers:,})" for p in people)
            for people in (change.before, change.after)
        )
        out.say(f"  {change.kind}: {before}  →  {after}")
    if found.changes_total > len(found.changes):
        out.say(f"  and {found.changes_total - len(found.changes):,} more.")
    if found.segments:
        out.table(
            "Segments that would follow",
            ("segment", "members", "then", "enter", "leave"),
            ((c.audience, c.members_before, c.members_after, c.entering, c.leaving) for c in found.segments),
        )
    for note in found.notes:
        out.note(note)


def way(how: str, because: str, sequence: int) -> str:
    """How an answer was found, and as of when."""
    if how == "warehouse":
        return f"Asked of the warehouse, up to sequence {sequence:,}."
    return f"Worked out person by person, up to sequence {sequence:,}: {because}"


def told(profile_id: str, identifier: Identifier | None) -> str:
    """A person on a line."""
    return profile_id if identifier is None else f"{profile_id}  {identifier.type}:{identifier.value}"
