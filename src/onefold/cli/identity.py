"""Commands about who is who as a whole: match the records of a project."""

from __future__ import annotations

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.cli.sql import waiting

app = typer.Typer(help="Who is who: match the records of a project.", no_args_is_help=True)


@app.callback()
def _identity() -> None:
    pass


@app.command()
def match(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Match a project's records by names, addresses and dates of birth, and let the scores join people.

    Scores go into the log; what a run no longer scores is taken back. `match` in identity.yaml says how.

    Example: onefold identity match
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        with waiting(out, "Matching"):
            bootstrap.catch_up(opened)
            before = opened.service.counts().people
            run = bootstrap.match_records(opened, out.note)
            reached = bootstrap.catch_up(opened)
        people = opened.service.counts().people
    if as_json:
        out.result({**msgspec.to_builtins(run), "people_before": before, "people": people})
        return
    out.say(
        f"{run.records:,} records: {run.scored:,} pairs scored, {run.changed:,} new or changed, {run.withdrawn:,} taken back"
        f" (run {run.id}, model {run.model})."
    )
    if reached:
        out.say(f"{before:,} people before, {people:,} now.", style="bold")
    else:
        out.say("The scores hold once the running server has processed them.")
