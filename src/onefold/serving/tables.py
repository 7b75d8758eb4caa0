"""Tables over HTTP: the relations of the warehouse, their columns, rows as the caller may see them, and lineage."""

# No deferred annotations here: FastAPI reads those of its functions.
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from onefold.model import results
from onefold.ports.warehouse import Cancellation
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Looking
from onefold.serving.lookup import PREFIX, document
from onefold.serving.project_desks import MISSING, desks_of
from onefold.serving.queries import role_of, waited
from onefold.serving.sight import noting
from onefold.warehouse import cells
from onefold.warehouse.browsing import SKIP_MAX, Browse

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

CSV = "text/csv"
CSV_ROWS = 100_000
"""Rows of a download; `onefold export` writes more."""
_UNKEPT = {"Cache-Control": "no-store"}
Name = Annotated[str, Path(max_length=200, description="With its schema.", examples=["golden.profile"])]

tables = APIRouter(prefix=PREFIX, responses=PROBLEMS | MISSING, tags=["tables"])


@tables.get(
    "/tables",
    summary="The relations of the warehouse: rows, freshness, classes of personal data",
    responses=schemas.answer(results.Tables),
)
async def listed(request: Request, caller: Looking) -> Response:
    return document(await run_in_threadpool(desks_of(request, caller).tables.tables))


@tables.get(
    "/tables/{table}",
    summary="One relation: its columns, and how the caller sees each",
    responses=schemas.answer(results.TableDescription),
)
async def described(request: Request, caller: Looking, table: Name) -> Response:
    return document(await run_in_threadpool(desks_of(request, caller).tables.table, table, role_of(caller.key)))


def _rows_answer() -> dict[int | str, dict[str, Any]]:
    found = schemas.answer(results.TableRows)
    found[200]["content"][CSV] = {"schema": {"type": "string"}}
    return found


@tables.get(
    "/tables/{table}/rows",
    summary="Rows of a relation, as the caller may see them: a page, or as CSV",
    description="What a role does not see is null or shortened, and it is that which `q` and `sort` compare. CSV has the "
    f"first {CSV_ROWS:,} rows.",
    responses=_rows_answer(),
)
async def rows(
    request: Request,
    caller: Looking,
    table: Name,
    q: Annotated[str, Query(max_length=200, description="What a value contains, in whichever case.")] = "",
    column: Annotated[str | None, Query(max_length=200, description="The column whose value contains it.")] = None,
    sort: Annotated[str | None, Query(max_length=200, description="Order by this column; `-` before it: down.")] = None,
    skip: Annotated[int, Query(ge=0, le=SKIP_MAX, description="Rows of the pages before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="Most rows of a page.")] = 50,
    format: Annotated[  # noqa: A002  the API's word
        Literal["json", "csv"], Query(description="As `Accept` does.")
    ] = "json",
) -> Response:
    desk = desks_of(request, caller).tables
    as_csv = format == "csv" or CSV in request.headers.get("accept", "")
    descending = sort is not None and sort.startswith("-")
    browse = Browse(q, column, sort.removeprefix("-") if sort else None, descending, skip)
    most = CSV_ROWS if as_csv else limit
    role, cancellation = role_of(caller.key), Cancellation()

    def read() -> "pa.Table":
        if any(one.seen == "show" and one.personal != "none" for one in desk.table(table, role, count=False).columns):
            noting()
        return desk.rows(table, browse, limit=most + 1, role=role, cancellation=cancellation)

    found = await waited(request, read, cancellation)
    more = found.num_rows > most
    found = found.slice(0, most)
    if as_csv:
        name = table.replace('"', "")
        headers = _UNKEPT | {"Content-Disposition": f'attachment; filename="{name}.csv"', "Onefold-More": str(more)}
        return StreamingResponse(_csv(found), media_type=CSV, headers=headers)
    return document(
        results.TableRows(
            columns=tuple(cells.distinct(found.column_names)),
            rows=tuple(tuple(map(cells.plain, row)) for row in cells.rows(found)),
            more=more,
        )
    )


@tables.get(
    "/tables/{table}/lineage",
    summary="What a column comes from, back to fields of sources, and what comes from it",
    responses=schemas.answer(results.Lineage),
)
async def lineage(
    request: Request,
    caller: Looking,
    table: Name,
    column: Annotated[str, Query(min_length=1, max_length=200, description="A column, or a member of JSON.")],
) -> Response:
    return document(await run_in_threadpool(desks_of(request, caller).tables.lineage, table, column))


def _csv(table: "pa.Table") -> Iterator[bytes]:
    yield cells.csv_line(cells.distinct(table.column_names)).encode()
    for batch in table.to_batches(max_chunksize=cells.BATCH_ROWS):
        yield "".join(cells.csv_line(row, spreadsheet=True) for row in cells.batch_rows(batch)).encode()
