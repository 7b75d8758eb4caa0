"""Commands about the warehouse's files, and about the copies of it in engines of the customer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.bars import progress_bar
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.errors import UsageError

app = typer.Typer(help="The warehouse: its segment files, and its copies in databases of yours.", no_args_is_help=True)
_DAY_US = 86_400_000_000
Engines = Annotated[
    list[str] | None,
    typer.Option("--engine", help="An engine of `onefold.yaml`; all when left out. Can be stated several times."),
]


@app.command()
def load(
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    engine: Engines = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Empty the engines first; they have afterwards what is kept, and nothing older."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Load what waits in the feed into segment files, and from these into the engines of `onefold.yaml`.

    A server and `onefold process` load segment files by themselves; engines are loaded by this command, as often as you
    run it. It loads what is new, erases whoever was erased from the segment files, and removes what is older than it is
    kept. Killed or run again it loads no row twice.

    Example: onefold warehouse load --engine analytics
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        engines = bootstrap.engines_of(project, opened, engine or ())
        bootstrap.promote(opened, bootstrap.promoted_by(opened.project, bootstrap.project_models(project)))
        loaded = bootstrap.load_warehouse(opened)
        out.say(f"{loaded:,} rows loaded.")
        results = []
        for each in engines:
            with progress_bar(out, f"loading {each.name}") as told:
                result = bootstrap.load_engine(opened, each, told, anew=anew)
            results.append(result)
            more = f" {result.erased:,} rows of people who were erased are gone from it." if result.erased else ""
            more += f" {result.expired:,} rows older than they are kept are gone from it." if result.expired else ""
            if result.anew and not anew:
                more += " The history it had is not this one, so it was emptied before."
            out.say(f"{result.name}: {result.rows:,} rows and {result.tables:,} tables loaded.{more}")
    if as_json:
        out.result({"loaded": loaded, "engines": results})


@app.command()
def status(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """How far the segment files are behind the stream, and each engine behind the segment files; what is kept how long.

    Example: onefold warehouse status
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace, start=False) as opened:
        waiting, kept = bootstrap.waiting(opened), bootstrap.retained(opened)
        engines = [bootstrap.engine_status(opened, each) for each in bootstrap.engines_of(project, opened)]
    if as_json:
        out.result({"waiting": waiting, "engines": engines, "retention": kept})
        return
    out.say(f"{waiting:,} rows wait for a segment file; queries of the embedded warehouse see them already.")
    if engines:
        rows = [
            [each.name, each.kind, "never loaded" if each.sequence is None else each.sequence, each.behind]
            for each in engines
        ]
        out.table("Engines", ["name", "kind", "sequence", "rows behind"], rows)
    if kept:
        body = [[each.what, f"{each.kept_us / _DAY_US:g} days", _day(each.oldest_us)] for each in kept]
        out.table("Retention", ["of", "kept for", "oldest"], body)
    else:
        out.say("Everything is kept for ever.")


def _day(time_us: int | None) -> str:
    return "" if time_us is None else datetime.fromtimestamp(time_us / 1_000_000, UTC).date().isoformat()


@app.command()
def content(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """A hash of what the warehouse says: the same after a rebuild, and in another copy of the workspace. It reads everything.

    Example: onefold warehouse content
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        found = bootstrap.content(opened)
    if found is None:
        raise UsageError("There is no warehouse here: pip install 'onefold[warehouse]'.")
    out.say(f"Content {found.hash}: " + ", ".join(f"{rows:,} of {name}" for name, rows in found.rows.items()) + ".")
    if as_json:
        out.result(found)
