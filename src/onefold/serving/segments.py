"""Segments over HTTP: which there are, who is in them, why and until when; who would be in one; lists."""

# No deferred annotations here: FastAPI reads those of the functions.
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.audiences.definition import Definition
from onefold.errors import UsageError
from onefold.model import results
from onefold.rules import RuleError
from onefold.serving import schemas
from onefold.serving.access import Caller, gate
from onefold.serving.api import PROBLEMS, Cursor, Limit, Named
from onefold.serving.lookup import PREFIX, document, reference

segments = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["segments"])
Looking = Annotated[Caller, Depends(gate("read", "lookup"))]
Editor = Annotated[Caller, Depends(gate("segments", "judgement"))]
Slug = Annotated[str, Path(max_length=80, description="A segment's slug, or `stage.` and a lifecycle stage.")]
UPLOAD_MAX = 10_000


class Rule(BaseModel):
    """A rule to be tried, as text or in the JSON form."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rule: str | dict[str, Any] = Field(examples=["purchases >= 1 and days_since(last_active) > 30"])


class Compared(BaseModel):
    """Two versions of a segment: versions that were applied, the one that holds, or a rule in the place of the second."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    before: int | None = Field(default=None, ge=1, description="A version; null for the one that holds.")
    after: int | None = Field(default=None, ge=1, description="Another; null for the one that holds, or for `rule`.")
    rule: str | dict[str, Any] | None = Field(default=None, examples=["purchases >= 2"])
    limit: int = Field(default=100, ge=1, le=10_000, description="Most people to show.")


class Upload(BaseModel):
    """Identifiers to put on a list, or to take from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    identifiers: list[Named] = Field(min_length=1, max_length=UPLOAD_MAX)
    change: Literal["add", "remove"] = "add"


@segments.get("/segments", summary="All segments", responses=schemas.answer(results.Segments))
async def listed(caller: Looking) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.segments))


@segments.post(
    "/segments/preview",
    tags=["stewardship"],
    summary="Who would be in a segment: exactly how many, and some of them",
    responses=schemas.answer(results.SegmentPreview),
)
async def preview(caller: Editor, said: Rule) -> Response:
    return document(await run_in_threadpool(_preview, caller, said))


@segments.get(
    "/segments/overlap", summary="People in common of each two segments", responses=schemas.answer(results.Overlaps)
)
async def overlap(
    caller: Looking,
    among: Annotated[list[str] | None, Query(max_length=50, description="Segments; all when left out.")] = None,
) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.overlaps, among or ()))


@segments.post(
    "/segments/reconcile",
    tags=["stewardship"],
    summary="Compare memberships with an evaluation of everybody",
    responses=schemas.answer(results.ReconciledSegments),
)
async def reconcile(caller: Editor) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.reconcile))


@segments.get("/segments/{slug}", summary="One segment", responses=schemas.answer(results.Segment))
async def shown(caller: Looking, slug: Slug) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.segment, slug))


@segments.get("/segments/{slug}/members", summary="Who is in it", responses=schemas.answer(results.Members))
async def members(
    caller: Looking,
    slug: Slug,
    cursor: Cursor = None,
    limit: Limit = 100,
    because: Annotated[str | None, Query(max_length=20, description="Only who entered for this reason.")] = None,
) -> Response:
    read = caller.service.audiences.members
    return document(await run_in_threadpool(read, slug, cursor=cursor, limit=limit, because=because))


@segments.get(
    "/segments/{slug}/members/{identifier}",
    summary="Whether somebody is in it, why, until when, and what would end it",
    responses=schemas.answer(results.Standing),
)
async def standing(
    caller: Looking,
    slug: Slug,
    identifier: Annotated[str, Path(description="`type:value`, or `profile:id`.", examples=["user_id:42"])],
) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.standing, slug, reference(identifier)))


@segments.get(
    "/segments/{slug}/history",
    summary="Who entered it and left, the latest first",
    responses=schemas.answer(results.MembershipHistory),
)
async def history(
    caller: Looking,
    slug: Slug,
    before: Annotated[int | None, Query(ge=0, description="Go on from here: `next` of the page before.")] = None,
    limit: Limit = 100,
) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.history, slug, before=before, limit=limit))


@segments.get(
    "/segments/{slug}/growth", summary="How it grew, day by day", responses=schemas.answer(results.SegmentGrowth)
)
async def growth(caller: Looking, slug: Slug) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.growth, slug))


@segments.post(
    "/segments/{slug}/diff",
    tags=["stewardship"],
    summary="Who is in one of two versions only",
    responses=schemas.answer(results.SegmentDiff),
)
async def diff(caller: Editor, slug: Slug, said: Compared) -> Response:
    return document(await run_in_threadpool(_diff, caller, slug, said))


@segments.post(
    "/segments/{slug}/list", tags=["stewardship"], summary="Put identifiers on a list, or take them from it",
    responses=schemas.answer(results.ListChange),
)  # fmt: skip
async def upload(caller: Editor, slug: Slug, said: Upload) -> Response:
    identifiers = [named.identifier() for named in said.identifiers]
    change = caller.service.audiences.upload
    return document(await run_in_threadpool(change, slug, identifiers, remove=said.change == "remove"))


def _preview(caller: Caller, said: Rule) -> results.SegmentPreview:
    try:
        return caller.service.audiences.preview(Definition(slug="preview", rule=said.rule))
    except RuleError as error:
        raise UsageError(str(error)) from None


def _diff(caller: Caller, slug: str, said: Compared) -> results.SegmentDiff:
    audiences = caller.service.audiences
    if said.rule is not None and said.after is not None:
        raise UsageError("Give `after` or `rule`, not both.")
    before = None if said.before is None else audiences.version(slug, said.before)
    after = None if said.after is None else audiences.version(slug, said.after)
    try:
        if said.rule is not None:
            after = Definition(slug=slug, rule=said.rule)
        return audiences.diff(slug, before, after, limit=said.limit)
    except RuleError as error:
        raise UsageError(str(error)) from None
