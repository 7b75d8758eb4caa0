"""Commands about RFM: run definitions, and show what the runs found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from onefold import bootstrap, charts
from onefold.cli import rows
from onefold.cli.options import Chart, Dark, Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.cli.sql import waiting
from onefold.errors import UsageError
from onefold.model import results
from onefold.rfm.segments import SCORES
from onefold.rules.time import read as read_time
from onefold.warehouse import cells

app = typer.Typer(
    help="RFM: people scored by how recently, how often and for how much they acted.", no_args_is_help=True
)
Name = Annotated[str | None, typer.Argument(help="The definition; the only one that ran when left out.")]


@app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Which definitions of rfm/*.yaml; all when left out.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="The moment, such as 2026-06-30; as the definition says, or now.", metavar="TIME"),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Whether the outcome is kept in the warehouse.")
    ] = True,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Score everybody who acted, and keep the scores in `golden.rfm` and the run in `golden.rfm_run`.

    A run of an earlier moment is kept for the history of segments; scores stay those of the latest moment.

    Example: onefold rfm run donors --as-of 2026-06-30
    """
    out = Output(as_json=as_json)
    many = 0
    for made in bootstrap.run_rfm(project, workspace, names or (), as_of_us=_moment(as_of), keep=keep):
        many += 1
        if as_json:
            out.result(made)
            continue
        out.table(f"{made.rfm}, {_told(made)}", ("segment", "people", "share"), _sizes(made))
        _tell_findings(made, out)
    if not many and not as_json:
        out.say("There are no RFM definitions; they stand in rfm/*.yaml.")


@app.command("list")
def list_(project: ProjectDir = bootstrap.HERE, as_json: Json = False) -> None:
    """List the RFM definitions of the project.

    Example: onefold rfm list
    """
    out = Output(as_json=as_json)
    found = bootstrap.rfm_definitions(project)
    if as_json:
        for one in found:
            out.result(one)
        return
    told = (
        (one.name, ", ".join(one.events), ", ".join(one.amount), one.method, _days(one.lookback_days), one.owner)
        for one in found
    )
    out.table("RFM definitions", ("name", "events", "amount", "method", "lookback", "owner"), told)


@app.command()
def show(
    name: Name = None,
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="So many runs, the latest.")] = 12,
    chart: Chart = None,
    dark: Dark = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show the size of each segment run by run, and the cut points of the latest. The chart shows sizes over time.

    Example: onefold rfm show donors --chart sizes.html
    """
    out = Output(as_json=as_json)
    found = bootstrap.rfm_runs_of(project, workspace, name)[:runs]
    if chart is not None:
        sizes = [charts.SizeAt(run.as_of, part.name, part.people) for run in found for part in run.segments]
        title = f"{found[0].rfm}: people by segment"
        charts.write(charts.segment_sizes(title, sizes, _order(project, found[0].rfm), dark=dark), chart)
        out.note(f"Chart: {chart}")
    if as_json:
        for one in found:
            out.result(one)
        return
    latest = found[0]
    names = dict.fromkeys(part.name for run in found for part in run.segments)
    people = [{part.name: part.people for part in run.segments} for run in found]
    body = ((segment, *(sizes.get(segment, 0) for sizes in people)) for segment in names)
    out.table(f"{latest.rfm}: people by segment", ("segment", *(run.as_of[:10] for run in found)), body)
    if not latest.people:
        out.say("Nobody acted within the lookback.")
        return
    cuts = latest.cut_points
    parts = ((label, *(point.value for point in points)) for label, points in
             (("recency, days", cuts.recency), ("frequency", cuts.frequency), ("monetary", cuts.monetary)))  # fmt: skip
    out.table("Cut points: up to the first, second …", ("measure", "1st", "2nd", "3rd", "4th"), parts)
    _tell_findings(latest, out)


@app.command()
def grid(
    name: Name = None,
    chart: Chart = None,
    dark: Dark = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show the latest run as a grid: recency upwards, the mean of frequency and money to the right.

    Example: onefold rfm grid donors --chart grid.svg
    """
    out = Output(as_json=as_json)
    latest = bootstrap.rfm_runs_of(project, workspace, name)[0]
    squares = bootstrap.rfm_grid(latest)
    if chart is not None:
        charts.write(charts.rfm_grid(f"{latest.rfm}, {_told(latest)}", squares, dark=dark), chart)
        out.note(f"Chart: {chart}")
    if as_json:
        for cell in squares:
            out.result({"r": cell.r, "fm": cell.fm, "people": cell.people, "segments": list(cell.segments)})
        return
    at = {(cell.r, cell.fm): cell for cell in squares}
    body = (
        (f"R {r}", *(f"{at[r, fm].people:,}\n{', '.join(at[r, fm].segments[:2])}" for fm in SCORES))
        for r in reversed(SCORES)
    )
    out.table(f"{latest.rfm}, {_told(latest)}", ("", *(f"FM {fm}" for fm in SCORES)), body)


@app.command()
def people(
    name: Name = None,
    segment: Annotated[str | None, typer.Option("--segment", "-s", help="Only people of this segment.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Most people.")] = 50,
    chart: Chart = None,
    dark: Dark = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List people with scores, the most valuable first. The chart shows what all of them, not only those listed, are worth.

    Example: onefold rfm people donors --segment "At Risk"
    """
    out = Output(as_json=as_json)
    latest = bootstrap.rfm_runs_of(project, workspace, name)[0]
    with waiting(out, "Asking the warehouse"), bootstrap.asking(project, workspace) as asker:
        found = bootstrap.rfm_people(asker, latest, segment, limit=limit)
        if chart is not None:
            values = map(float, bootstrap.rfm_people(asker, latest, segment)["monetary"].to_pylist())
            title = f"{latest.rfm}: {segment or 'everybody'}, {latest.as_of[:10]}"
            charts.write(charts.histogram(title, latest.currency or "events", charts.binned(values), dark=dark), chart)
            out.note(f"Chart: {chart}")
    if as_json:
        for document in cells.documents(found):
            out.result(document)
        return
    rows.show(out.console, found.column_names, list(cells.rows(found)))


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        raise UsageError(f"`{text}` is not a date or a time such as 2026-06-30 or 2026-06-30T12:00:00Z.")
    return found


def _order(project: Path, name: str) -> Sequence[str]:
    known = {one.name: one for one in bootstrap.rfm_definitions(project)}
    return tuple(dict.fromkeys(rule.name for rule in known[name].segments)) if name in known else ()


def _sizes(run: results.RfmRun) -> Iterable[tuple[object, ...]]:
    return ((part.name, part.people, f"{part.people / run.people:.1%}") for part in run.segments)


def _told(run: results.RfmRun) -> str:
    return f"as of {run.as_of[:10]}: {run.people:,} people, {run.events:,} events"


def _days(days: int | None) -> str:
    return "lifetime" if days is None else f"{days:,} days"


def _tell_findings(run: results.RfmRun, out: Output) -> None:
    if run.without_amount:
        out.note(f"{run.without_amount:,} events have no readable amount; they count, and are worth nothing.")
    if run.other_currency:
        out.note(
            f"{run.other_currency:,} events are in another currency than {run.currency}; their amounts are not added."
        )
