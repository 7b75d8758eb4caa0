"""Commands about the history of segments: who entered and left, and how segments grew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onefold import bootstrap, charts
from onefold.charts import SizeAt
from onefold.cli.options import Json, ProjectDir, WorkspaceName, identifier
from onefold.cli.output import Output
from onefold.warehouse import cells


def history(
    audience: Annotated[
        str | None, typer.Argument(help="A segment's slug; all when left out.", metavar="SEGMENT")
    ] = None,
    who: Annotated[str | None, typer.Option("--who", help="Of one person: type:value, or a profile id.")] = None,
    limit: Annotated[int, typer.Option(help="Most changes to show.", min=1, max=100_000)] = 100,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show who entered and left segments and lifecycle stages, the latest first, with the reason.

    Example: onefold segment history lapsed_buyers --limit 20
    """
    out = Output(as_json=as_json)
    person = None if who is None else identifier(who)
    table = bootstrap.membership_history(project, workspace, audience, person, limit=limit)
    rows = list(cells.rows(table))
    if as_json:
        for row in rows:
            out.result({name: cells.plain(value) for name, value in zip(table.column_names, row, strict=True)})
        return
    out.table(
        "Changes",
        ("profile", "segment", "", "at", "version", "because"),
        (
            (str(person), name, "entered" if entered else "left", cells.text(at), version, because)
            for person, name, entered, at, version, because, _ in rows
        ),
    )


def growth(
    audience: Annotated[str, typer.Argument(help="The segment's slug, or `stage.` and a stage.", metavar="SEGMENT")],
    chart: Annotated[
        Path | None, typer.Option(help="Draw it to this file: .html, .svg, .png or .json.", dir_okay=False)
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show by day how many people entered and left a segment, and how many were in it.

    Example: onefold segment growth lapsed_buyers
    """
    out = Output(as_json=as_json)
    table = bootstrap.membership_growth(project, workspace, audience)
    rows = [(cells.text(day), entered, exited, members) for day, entered, exited, members in cells.rows(table)]
    if chart is not None:
        sizes = [SizeAt(day, audience, members) for day, _, _, members in rows]
        charts.write(charts.segment_sizes(f"People in {audience}", sizes), chart)
        out.say(f"Drawn: {chart}")
    if as_json:
        for row in rows:
            out.result(dict(zip(("day", "entered", "exited", "members"), row, strict=True)))
        return
    out.table(f"Growth of {audience}", ("day", "entered", "left", "members"), rows)
