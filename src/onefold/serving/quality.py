"""Data quality over HTTP: checks with their trend, rows in quarantine, and runs of checks."""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.model import results
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Looking, Steward
from onefold.serving.lookup import PREFIX, document
from onefold.serving.project_desks import MISSING, desks_of

quality = APIRouter(prefix=PREFIX, responses=PROBLEMS | MISSING, tags=["quality"])
Relation = Annotated[str | None, Query(max_length=200, description="Only of this relation.")]


class Chosen(BaseModel):
    """Which checks to run; all when nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    select: list[str] = Field(default=[], max_length=100, description="Names, or patterns with `*`.", examples=[[]])
    relation: str | None = Field(default=None, max_length=200)
    gate: int | None = Field(default=None, ge=2, le=3)


@quality.get(
    "/checks",
    summary="Data-quality checks, those first that fail, with what their latest runs found",
    responses=schemas.answer(results.QualityChecks),
)
async def listed(
    request: Request,
    caller: Looking,
    runs: Annotated[int, Query(ge=1, le=100, description="Most runs of each check.")] = 20,
) -> Response:
    return document(await run_in_threadpool(desks_of(request, caller).quality.checks, runs))


@quality.post(
    "/checks/run",
    tags=["stewardship"],
    summary="Run checks, keep what they find, and hold the rows that fail",
    responses=schemas.answer(results.ChecksRun),
)
async def run(request: Request, caller: Steward, said: Chosen) -> Response:
    desk = desks_of(request, caller).quality
    return document(await run_in_threadpool(desk.run, said.select, said.relation, said.gate))


@quality.get(
    "/quarantine",
    summary="Rows that checks hold, with the checks that they fail",
    responses=schemas.answer(results.HeldRows),
)
async def held(
    request: Request,
    caller: Looking,
    relation: Relation = None,
    check: Annotated[str | None, Query(max_length=200, description="Only what fails this check.")] = None,
    skip: Annotated[int, Query(ge=0, le=2**31, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200, description="Most items of a page.")] = 50,
) -> Response:
    desk = desks_of(request, caller).quality
    return document(await run_in_threadpool(lambda: desk.held(relation, check, skip=skip, limit=limit)))
