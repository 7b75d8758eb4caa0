"""The command `sql`: a query to the warehouse, and its rows as a table, JSON or CSV."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from onefold import bootstrap
from onefold.cli import rows
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.cli.printable import printable, tell
from onefold.errors import UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import cells, question

SHOWN_ROWS = 200
"""Rows of a table for a person, unless another number is asked for."""
INTERRUPTED = 130


class Clock(Enum):
    """By which time the past is meant."""

    EVENT = "event"
    KNOWLEDGE = "knowledge"


Timeout = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds after which the query is ended.", metavar="SECONDS")
]
Memory = Annotated[int, typer.Option("--memory", min=64, help="MB of memory that the query may take.", metavar="MB")]


def sql(  # noqa: PLR0913, PLR0917  each is an option
    query: Annotated[str | None, typer.Argument(help="The query; `-` reads it from standard input.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file.", exists=True, dir_okay=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, help=f"Most rows; {SHOWN_ROWS} for a table, else all.")
    ] = None,
    timeout: Timeout = 60.0,
    memory: Memory = 1024,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As it was then: 2026-11-26, 2026-11-26T18:30:00Z.", metavar="TIME")
    ] = None,
    by: Annotated[
        Clock, typer.Option("--by", help="With --as-of: what was known here by then, or what had happened.")
    ] = Clock.KNOWLEDGE,
    role: Annotated[
        str | None, typer.Option("--role", help="See what this role of privacy.yaml sees; the rest is masked.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with a line of column names.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Ask the warehouse in SQL (DuckDB's). It reads only: relations of the warehouse, and nothing else.

    `onefold tables` lists the relations, `onefold describe` their columns. Ctrl-C cancels. With --json, a line is a row.

    Example: onefold sql "SELECT source, count(*) AS events FROM staging.event GROUP BY source"
    """
    if as_json and as_csv:
        raise UsageError("Choose one of --json and --csv.")
    out = Output(as_json=as_json)
    moment = None if as_of is None else question.moment(as_of, by_event=by is Clock.EVENT)
    text = _text(query, file)
    as_table = not (as_json or as_csv)
    most = limit or (SHOWN_ROWS if as_table else None)
    started = time.monotonic()
    with waiting(out, "Asking the warehouse"), bootstrap.asking(project, workspace, role=role) as asker:
        # One more than is shown tells whether there are more.
        found = asker.ask(
            text,
            QueryLimits(timeout, memory),
            limit=most + 1 if most is not None and as_table else most,
            moment=moment,
        )
    seconds = time.monotonic() - started
    if as_json:
        for document in cells.documents(found):
            out.result(document)
        return
    if as_csv:
        _print_csv(found)
        return
    more = most is not None and found.num_rows > most
    body = list(cells.rows(found.slice(0, most)))
    rows.show(out.console, found.column_names, body)
    told = f"{len(body):,} row{'' if len(body) == 1 else 's'} in {seconds:.2f} s"
    out.note(f"{told}; there are more: --limit, --csv or `onefold export`." if more else f"{told}.")


@contextmanager
def waiting(out: Output, what: str) -> Iterator[None]:
    """Show that something is under way, on a terminal only; Ctrl-C ends it with a word and exit code 130."""
    try:
        if out.aside.is_terminal:
            with out.aside.status(f"{what} … (Ctrl-C cancels)"):
                yield
        else:
            yield
    except KeyboardInterrupt:
        tell("Cancelled.")
        raise typer.Exit(INTERRUPTED) from None


def _text(query: str | None, file: Path | None) -> str:
    if file is not None:
        if query is not None:
            raise UsageError("Give the query or --file, not both.")
        return _decoded(file.read_bytes(), str(file))
    if query is not None and query != "-":
        return query
    if query is None and sys.stdin.isatty():
        raise UsageError('State a query: onefold sql "SELECT …", --file query.sql, or - for standard input.')
    return _decoded(sys.stdin.buffer.read(), "standard input")


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is not UTF-8 (byte {error.start}).") from None


def _print_csv(found: Any) -> None:
    sys.stdout.write(printable(cells.csv_line(cells.distinct(found.column_names))))
    for row in cells.rows(found):
        sys.stdout.write(printable(cells.csv_line(row)))
