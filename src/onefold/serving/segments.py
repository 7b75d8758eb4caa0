"""Segments over HTTP: which there are, who is in them, why and until when; who would be in one; lists."""

# No deferred annotations here: FastAPI reads those of the functions.
import logging
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from onefold.audiences.definition import Definition
from onefold.errors import UsageError
from onefold.model import results
from onefold.pipelines.audiences.asking import Chosen
from onefold.rules import RuleError
from onefold.serving import schemas, segment_export
from onefold.serving.access import Caller, gate
from onefold.serving.api import PROBLEMS, Cursor, Limit, Looking
from onefold.serving.lookup import PREFIX, document, reference
from onefold.serving.queries import ARROW
from onefold.serving.segment_bodies import Compared, Trying, Upload
from onefold.serving.segment_desk import desk_of

segments = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["segments"])
Editor = Annotated[Caller, Depends(gate("segments", "judgement"))]
Slug = Annotated[str, Path(max_length=80, description="A segment's slug, or `stage.` and a lifecycle stage.")]
_UNKEPT = {"Cache-Control": "no-store"}

_log = logging.getLogger("onefold.segments")


def _members() -> dict[int | str, dict[str, Any]]:
    found = schemas.answer(results.Members)
    found[200]["content"] |= {
        segment_export.CSV: {"schema": {"type": "string"}},
        ARROW: {"schema": {"type": "string", "contentMediaType": ARROW}},
    }
    return found


@segments.get("/segments", summary="All segments", responses=schemas.answer(results.Segments))
async def listed(caller: Looking) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.segments))


@segments.post(
    "/segments/preview",
    tags=["stewardship"],
    summary="Who would be in a segment: exactly how many, and some of them",
    responses=schemas.answer(results.SegmentPreview),
)
async def preview(request: Request, caller: Editor, said: Trying) -> Response:
    return document(await run_in_threadpool(desk_of(request, caller).preview, said.definition()))


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


@segments.get(
    "/segments/{slug}/members",
    summary="Who is in it: a page; or everybody as CSV or Arrow, where `Accept` asks for that",
    responses=_members(),
)
async def members(
    request: Request,
    caller: Looking,
    slug: Slug,
    cursor: Cursor = None,
    limit: Limit = 100,
    because: Annotated[str | None, Query(max_length=20, description="Only who entered for this reason.")] = None,
    entered_since: Annotated[datetime | None, Query(description="Only who entered not before; ISO 8601.")] = None,
    entered_before: Annotated[datetime | None, Query(description="Only who entered before; ISO 8601.")] = None,
) -> Response:
    audiences = caller.service.audiences
    chosen = Chosen(because, _micros(entered_since), _micros(entered_before))
    accepted = request.headers.get("accept", "")
    for media_type, pieces in ((segment_export.CSV, segment_export.csv), (ARROW, segment_export.arrow)):
        if media_type in accepted:
            # What is wrong is found out before the answer begins.
            await run_in_threadpool(audiences.require, slug)
            extra = {"workspace": caller.key.workspace, "key": caller.key.id, "segment": slug}
            _log.info("members exported", extra=extra)
            return StreamingResponse(pieces(audiences, slug, chosen), media_type=media_type, headers=_UNKEPT)
    return document(await run_in_threadpool(audiences.members, slug, cursor=cursor, limit=limit, chosen=chosen))


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


@segments.get(
    "/segments/{slug}/versions",
    summary="The definitions that were applied, the latest first",
    responses=schemas.answer(results.SegmentVersions),
)
async def versions(caller: Looking, slug: Slug) -> Response:
    return document(await run_in_threadpool(caller.service.audiences.versions, slug))


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


def _micros(at: datetime | None) -> int | None:
    """A moment in microseconds; one without a zone is UTC."""
    if at is None:
        return None
    return (at.replace(tzinfo=at.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


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
