"""Queries: the warehouse asked in SQL over HTTP, by keys that may, within limits, and ended when nobody waits any more."""

# No deferred annotations here: FastAPI reads those of its functions.
import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from onefold.errors import OnefoldError, UnavailableError
from onefold.governance.access import Key
from onefold.ports.warehouse import Cancellation, QueryLimits
from onefold.serving import schemas
from onefold.serving.access import Caller, gate
from onefold.serving.api import PROBLEMS
from onefold.serving.lookup import PREFIX
from onefold.serving.pieces import Pieces
from onefold.serving.problems import MEDIA_TYPE
from onefold.warehouse import cells
from onefold.warehouse.masking import HIDING, Role

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

ARROW = "application/vnd.apache.arrow.stream"
MEMORY_MB = 512
RESULT_MB = 64
_LOOK_SECONDS = 0.2
"""How often it is looked whether the client still waits."""

_log = logging.getLogger("onefold.queries")
_encode = msgspec.json.Encoder().encode
T = TypeVar("T")


class Desk(Protocol):
    """Takes queries to a workspace's warehouse. Any thread may call it."""

    def ask(
        self, text: str, limits: QueryLimits, *, limit: int, role: str | Role | None, cancellation: Cancellation
    ) -> "pa.Table":
        """The rows of a query, `limit` at most, as a role sees them: one of the project, by its name, or a role itself.

        Raises:
            ExpensiveError: It took more than the limits allow, and was ended.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here, or its models or roles cannot be read, or the query was cancelled.
            UsageError: It cannot be run as stated, or not by this role; or there is no such role.
        """
        ...


class Question(BaseModel):
    """A query to the warehouse."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    query: str = Field(
        min_length=1, max_length=200_000, description="One SELECT, in DuckDB's SQL.",
        examples=["SELECT stage, count(*) AS people FROM golden.profile GROUP BY stage"],
    )  # fmt: skip
    limit: int = Field(default=10_000, ge=1, le=100_000, description="Most rows.")
    seconds: float = Field(default=30.0, gt=0, le=120, description="After which the query is ended.")


queries = APIRouter(prefix=PREFIX, responses=PROBLEMS)


@queries.post(
    "/query", tags=["warehouse"], summary="Ask the warehouse in SQL",
    description="Needs the scope `query`. What holds personal data is null unless the key has the scope `personal`, too, "
    "or is as its role sees it. Decimals are texts, times ISO 8601 in UTC.",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The rows.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["columns", "rows", "more"],
                        "properties": {
                            "columns": {"type": "array", "items": {"type": "string"}},
                            "rows": {"type": "array", "items": {"type": "array", "items": {}}},
                            "more": {"type": "boolean", "description": "Whether there are more rows than `limit`."},
                        },
                    }
                },
                ARROW: {"schema": {"type": "string", "contentMediaType": ARROW}},
            },
        },
        503: {"description": "There is no warehouse here.",
              "content": {MEDIA_TYPE: {"schema": schemas.reference(schemas.Problem)}}},
    },
)  # fmt: skip
async def ask(
    request: Request, caller: Annotated[Caller, Depends(gate("query", "query"))], asked: Question
) -> Response:
    """The rows of a query, as JSON, or as Arrow IPC where `Accept` asks for that."""
    started = time.monotonic()
    outcome, rows = "failed", 0
    try:
        table = await _answered(request, caller, asked)
        more = table.num_rows > asked.limit
        table = table.slice(0, asked.limit)
        outcome, rows = "answered", table.num_rows
    except ClientDisconnect:
        outcome = "cancelled"
        raise
    except OnefoldError as error:
        outcome = type(error).__name__
        raise
    finally:
        # Who asked, and how much they got; the text may hold what belongs to somebody.
        _log.info(
            "query",
            extra={
                "workspace": caller.key.workspace,
                "key": caller.key.id,
                "personal": "personal" in caller.key.scopes,
                "role": caller.key.role,
                "outcome": outcome,
                "rows": rows,
                "milliseconds": round((time.monotonic() - started) * 1000, 1),
            },
        )
    # Personal data must not stay in a cache on the way.
    headers = {"Cache-Control": "no-store", "Onefold-More": "true" if more else "false"}
    if ARROW in request.headers.get("accept", ""):
        return StreamingResponse(_arrow(table), media_type=ARROW, headers=headers)
    return StreamingResponse(_json(table, more=more), media_type="application/json", headers=headers)


async def _answered(request: Request, caller: Caller, asked: Question) -> "pa.Table":
    """The rows, found on a thread; the query is ended when the client goes away.

    Raises:
        ClientDisconnect: It went away.
    """
    cancellation = Cancellation()
    limits = QueryLimits(seconds=asked.seconds, memory_mb=MEMORY_MB, result_mb=RESULT_MB)
    desk, role, most = _desk(request, caller), role_of(caller.key), asked.limit + 1
    return await waited(
        request,
        lambda: desk.ask(asked.query, limits, limit=most, role=role, cancellation=cancellation),
        cancellation,
    )


async def waited(request: Request, work: Callable[[], T], cancellation: Cancellation) -> T:
    """What a query gives, found on a thread; it is ended when the client goes away.

    Raises:
        ClientDisconnect: It went away.
    """
    asking = asyncio.create_task(asyncio.to_thread(work))
    try:
        while not (await asyncio.wait({asking}, timeout=_LOOK_SECONDS))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return asking.result()
    finally:
        if not asking.done():
            cancellation.cancel()
            asking.add_done_callback(_seen)


def role_of(key: Key) -> str | Role | None:
    """As whom a key asks: a role of the project, or one that sees all, or nothing personal."""
    if "personal" in key.scopes:
        return None
    return HIDING if key.role is None else key.role


def _desk(request: Request, caller: Caller) -> Desk:
    desk: Desk | None = request.app.state.desks.get(caller.key.workspace)
    if desk is None:
        raise UnavailableError("This server takes no queries.")
    return desk


def _seen(asking: "asyncio.Task[Any]") -> None:
    """Take the error of a query that was ended, which nobody waits for."""
    if not asking.cancelled():
        asking.exception()


def _json(table: "pa.Table", *, more: bool) -> Iterator[bytes]:
    yield b'{"columns":' + _encode(cells.distinct(table.column_names)) + b',"rows":['
    before = b""
    for batch in table.to_batches(max_chunksize=cells.BATCH_ROWS):
        rows = [[cells.plain(value) for value in row] for row in cells.batch_rows(batch)]
        yield before + b",".join(map(_encode, rows))
        before = b","
    yield b'],"more":' + _encode(more) + b"}"


def _arrow(table: "pa.Table") -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415  only where the extra is

    table = table.rename_columns(cells.distinct(table.column_names))
    sink = Pieces()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=cells.BATCH_ROWS):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()
