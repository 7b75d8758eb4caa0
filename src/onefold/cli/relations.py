"""The commands `tables`, `describe` and `export`: what the warehouse holds, and its rows as files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli import rows
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.cli.sql import waiting
from onefold.errors import UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import cells
from onefold.warehouse.masking import HIDING

SAMPLE_ROWS = 5
_ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".delta": "delta"}


def tables(
    schema: Annotated[str | None, typer.Argument(help="Only those of this schema, such as golden.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Count the rows of views, too; that reads them.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List the relations of the warehouse: rows, bytes of their files, and when the latest row was committed.

    Example: onefold tables golden
    """
    out = Output(as_json=as_json)
    with waiting(out, "Counting"), bootstrap.asking(project, workspace) as asker:
        found = asker.tables(schema, count=count)
    if as_json:
        for facts in found:
            relation = facts.relation
            out.result(
                {
                    "relation": relation.full_name,
                    "kind": relation.kind,
                    "rows": facts.rows,
                    "bytes": facts.bytes,
                    "fresh_at": _iso(facts.fresh_us),
                    "key": list(relation.key),
                    "description": relation.description,
                }
            )
        return
    out.table(
        "Relations",
        ("relation", "kind", "rows", "bytes", "latest row", "description"),
        (
            (
                facts.relation.full_name,
                facts.relation.kind,
                facts.rows,
                facts.bytes,
                (_iso(facts.fresh_us) or "")[:19].replace("T", " "),
                facts.relation.description,
            )
            for facts in found
        ),
    )


def describe(
    name: Annotated[str, typer.Argument(help="As `onefold tables` lists it.", metavar="RELATION")],
    show: Annotated[bool, typer.Option("--show", help="Show personal data in the sample.")] = False,
    sample: Annotated[int, typer.Option("--sample", min=0, max=100, help="Rows of the sample.")] = SAMPLE_ROWS,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Describe a relation: its columns with type, class of personal data and meaning, and some rows, masked.

    Example: onefold describe golden.profile
    """
    out = Output(as_json=as_json)
    role = None if show else HIDING
    with waiting(out, "Reading"), bootstrap.asking(project, workspace, role=role) as asker:
        relation = asker.relation(name)
        found = asker.sample(relation, sample) if sample else None
    body = list(cells.rows(found)) if found is not None else []
    names = [column.name for column in relation.columns]
    if as_json:
        out.result(
            {
                "relation": relation.full_name,
                "kind": relation.kind,
                "key": list(relation.key),
                "description": relation.description,
                "columns": [
                    {
                        "name": column.name,
                        "type": column.type,
                        "required": column.required,
                        "personal": column.personal,
                        "description": column.description,
                    }
                    for column in relation.columns
                ],
                "sample": [dict(zip(names, map(cells.plain, row), strict=True)) for row in body],
            }
        )
        return
    out.say(f"{relation.full_name} ({relation.kind})", style="bold")
    out.say(relation.description)
    if relation.key:
        out.say(f"Key: {', '.join(relation.key)}")
    out.table(
        "Columns",
        ("column", "type", "null", "personal", "description"),
        (
            (
                column.name,
                column.type,
                "no" if column.required else "yes",
                "" if column.personal == "none" else column.personal,
                column.description,
            )
            for column in relation.columns
        ),
    )
    if found is not None:
        out.say("Sample", style="bold")
        rows.show(out.console, names, body)
        if body and not show and any(column.personal != "none" for column in relation.columns):
            out.note("Personal data are left out; --show shows them.")


def export(  # noqa: PLR0913, PLR0917  each is an option
    name: Annotated[str | None, typer.Argument(help="The relation.", metavar="[RELATION]")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", help="FILE.parquet, FILE.csv, FILE.jsonl or FOLDER.delta.", show_default=False),
    ] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="A query in place of a relation.")] = None,
    dbt: Annotated[
        Path | None,
        typer.Option(
            "--dbt", help="Write a dbt project over the golden relations into this folder.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet", help="In CSV, begin texts that a spreadsheet would calculate with an apostrophe."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds after which the query is ended.", metavar="SECONDS")
    ] = 3600.0,
    memory: Annotated[
        int, typer.Option("--memory", min=64, help="MB of memory that the query may take.", metavar="MB")
    ] = 2048,
    role: Annotated[
        str | None, typer.Option("--role", help="Write what this role of privacy.yaml sees; nothing is masked without.")
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Write a relation or the rows of a query to a file, which is there whole or not at all.

    Example: onefold export golden.profile --to profiles.parquet
    """
    out = Output(as_json=as_json)
    limits = QueryLimits(seconds=timeout, memory_mb=memory, result_mb=bootstrap.EXPORT_MB)
    if dbt is not None:
        if (to, name, query) != (None, None, None):
            raise UsageError("--dbt exports the golden relations; state no relation, query or --to beside it.")
        with waiting(out, "Exporting"), bootstrap.asking(project, workspace, role=role) as asker:
            written = asker.dbt(dbt, limits=limits, force=force)
        out.say(
            f"A dbt project over {len(written)} relations written to {dbt}. Build it there: dbt build --profiles-dir ."
        )
        if as_json:
            out.result({"path": str(dbt), "relations": written})
        return
    if to is None:
        raise UsageError("Say where to: --to FILE.parquet, FILE.csv, FILE.jsonl or FOLDER.delta, or --dbt FOLDER.")
    if (name is None) == (query is None):
        raise UsageError("Name a relation, or give a query with --query.")
    kind = _ENDINGS.get(to.suffix.lower())
    if kind is None:
        raise UsageError(f"The ending of {to.name} tells no format; use {', '.join(_ENDINGS)}.")
    with waiting(out, "Exporting"), bootstrap.asking(project, workspace, role=role) as asker:
        what = asker.relation(name) if name is not None else str(query)
        done = asker.export(what, to, kind, limits=limits, force=force, spreadsheet=spreadsheet)
    out.say(f"{done.rows:,} rows written to {to} ({done.bytes:,} bytes).")
    if as_json:
        out.result(done)


def _iso(time_us: int | None) -> str | None:
    return None if time_us is None else datetime.fromtimestamp(time_us / 1_000_000, UTC).isoformat(timespec="seconds")
