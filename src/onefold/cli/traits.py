"""The commands `traits`: what the project computes of each person's events, and what that comes to."""

from __future__ import annotations

from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output, data
from onefold.cli.sql import waiting
from onefold.errors import UnavailableError, UsageError
from onefold.model import results
from onefold.warehouse import question
from onefold.warehouse.as_of import Moment

app = typer.Typer(no_args_is_help=False, help="Computed traits: list, show, preview, fill in.")
Name = Annotated[str, typer.Argument(help="As `onefold traits` lists it.", metavar="NAME")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", help="As of this time, such as 2026-03-01; now when left out.", metavar="TIME")
]
By = Annotated[
    str, typer.Option("--by", help="`event`: what had happened by then. `knowledge`: what was known by then.")
]


@app.callback(invoke_without_command=True)
def traits(
    context: typer.Context,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List the computed traits, what each means, and whether it holds all events yet.

    Example: onefold traits
    """
    if context.invoked_subcommand is not None:
        return
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.traits()
    if as_json:
        out.result(found)
        return
    if not found.traits:
        out.say("The project has no computed traits; `traits/*.yaml` states them.")
        return
    out.table(
        "Computed traits",
        ("trait", "means", "kind", "status", "read by"),
        ((t.name, t.means, t.kind, t.status, ", ".join(t.read_by)) for t in found.traits),
    )


@app.command()
def show(
    name: Name, project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False
) -> None:
    """Show one trait: what it means, where it is stated, and which rules read it.

    Example: onefold traits show gifts_12m
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.trait(name)
    if as_json:
        out.result(found)
        return
    out.say(f"{found.name}: {found.means}", style="bold")
    if found.description or found.owner:
        out.say(" · ".join(part for part in (found.description, found.owner) if part))
    out.say(f"{found.kind} · {found.status} · {found.file}:{found.line} · fingerprint {found.fingerprint[:16]}")
    if found.read_by:
        out.say(f"Read by {', '.join(found.read_by)}.")


@app.command()
def preview(
    name: Name,
    as_of: AsOf = None,
    by: By = "event",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Work out a trait for everybody from the warehouse: how many people have it, and how its values are distributed.

    It reads the files as they are now, so that a trait can be looked at before the stream keeps it.

    Example: onefold traits preview lifetime_giving --as-of 2026-01-01
    """
    out = Output(as_json=as_json)
    moment = moment_of(as_of, by)
    with waiting(out, "Working out"), bootstrap.trait_desk(project, workspace) as desk:
        found = desk.preview(name, moment=moment)
    if as_json:
        out.result(found)
        return
    _show_preview(out, found)


@app.command()
def backfill(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Fill in the past of traits that are new, from the warehouse. A running server does it by itself.

    Example: onefold traits backfill
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        bootstrap.catch_up(opened)
        done = bootstrap.backfill_traits(opened)
        left = [trait.name for trait in opened.service.traits().traits if trait.status != "live"]
    if left:
        raise UnavailableError(
            f"{', '.join(left)}: the process that has this workspace began before they were stated; start it again."
        )
    if as_json:
        out.result({"aggregates": done.aggregates, "events": done.events, "nodes": done.nodes})
        return
    out.say(f"{done.aggregates:,} filled in from {done.events:,} events at {done.nodes:,} identifiers.")


def moment_of(as_of: str | None, by: str) -> Moment | None:
    """The moment that the options state.

    Raises:
        UsageError: They do not.
    """
    if by not in {"event", "knowledge"}:
        raise UsageError("--by is `event` or `knowledge`.")
    return None if as_of is None else question.moment(as_of, by_event=by == "event")


def _show_preview(out: Output, found: results.TraitPreview) -> None:
    out.say(f"{found.name} as of {found.as_of}: {found.people:,} people", style="bold")
    if found.because is not None:
        out.say(f"Worked out event by event, which takes longer than a query: {found.because}")
    if found.least is not None:
        out.say(f"least {found.least} · median {found.median} · greatest {found.greatest}")
    out.table("Commonest values", ("value", "people"), ((data(s.value), s.people) for s in found.commonest))
    out.table("Some people", ("profile", "value"), ((s.id, data(s.value)) for s in found.sample))
