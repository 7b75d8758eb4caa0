"""RFM over HTTP: what the runs of a workspace found. Numbers of people only; nobody is named."""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Operating
from onefold.serving.lookup import PREFIX, document

rfm = APIRouter(prefix=PREFIX, responses=PROBLEMS)


@rfm.get(
    "/rfm",
    tags=["audiences"],
    summary="The latest run of each RFM definition: segments, grid and cut points",
    responses=schemas.answer(schemas.RfmRuns),
)
async def latest(caller: Operating) -> Response:
    """The latest run of each RFM definition."""
    return document({"runs": await run_in_threadpool(caller.service.rfm)})


@rfm.get(
    "/rfm/{name}",
    tags=["audiences"],
    summary="The runs of an RFM definition, the latest moment first",
    responses=schemas.answer(schemas.RfmRuns),
)
async def runs(
    caller: Operating,
    name: Annotated[str, Path(max_length=64, description="The definition's name.")],
    limit: Annotated[int, Query(ge=1, le=200, description="Most runs.")] = 50,
) -> Response:
    """The runs of one RFM definition."""
    return document({"runs": await run_in_threadpool(caller.service.rfm_runs, name, limit)})
