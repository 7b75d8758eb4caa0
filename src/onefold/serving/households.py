"""Households over HTTP: people of one family name at one address."""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from onefold.model import results
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Cursor, Limit, Looking
from onefold.serving.lookup import PREFIX, document

households = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["profiles"])


@households.get(
    "/households",
    summary="Households, as the latest run of the matcher read addresses, of the people there are now",
    description="A page may have fewer than `limit`, or none, and others follow.",
    responses=schemas.answer(results.Households),
)
async def listed(
    caller: Looking,
    q: Annotated[
        str, Query(max_length=1_100, description="`type:value` or a profile's id: only that person's household.")
    ] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A page of households."""
    return document(await run_in_threadpool(caller.service.households.page, q, cursor=cursor, limit=limit))


@households.get("/households/{household_id}", summary="One household", responses=schemas.answer(results.Household))
async def household(
    caller: Looking, household_id: Annotated[str, Path(max_length=36, description="A household's id.")]
) -> Response:
    """One household."""
    return document(await run_in_threadpool(caller.service.households.household, household_id))
