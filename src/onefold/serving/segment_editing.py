"""Segments written over HTTP: their definitions in the project's files, and what those say applied.

A change names what it was made from (`If-Match`, with the `ETag` of what was read), and is refused when that has changed.
"""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from onefold.audiences.definition import Definition, Stated
from onefold.errors import UsageError
from onefold.model import results
from onefold.rules import RuleError
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Looking
from onefold.serving.lookup import PREFIX, document
from onefold.serving.problems import MEDIA_TYPE
from onefold.serving.segment_bodies import SECOND_US, Stating
from onefold.serving.segment_desk import SegmentDesk, desk_of
from onefold.serving.segments import Editor, Slug

_PROBLEM = {MEDIA_TYPE: {"schema": schemas.reference(schemas.Problem)}}
CHANGING: dict[int | str, dict[str, Any]] = PROBLEMS | {
    403: {
        "description": "The key lacks the scope, or the project's files cannot be changed from here.",
        "content": _PROBLEM,
    },
    412: {"description": "It has changed since it was read.", "content": _PROBLEM},
    428: {"description": "The request does not say what it was made from.", "content": _PROBLEM},
    503: {"description": "This server has no project files.", "content": _PROBLEM},
}
_TAGGED = {"ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}}}


IfMatch = Annotated[str | None, Header(max_length=200, description="The `ETag` that was read with it.")]
IfNoneMatch = Annotated[str | None, Header(max_length=200, description="`*` for a segment that is to be new.")]

editing = APIRouter(prefix=PREFIX, responses=CHANGING, tags=["segments"])


@editing.get(
    "/segments/{slug}/definition",
    summary="What the project's files say of a segment",
    responses=schemas.answer(results.SegmentDefinition, headers=_TAGGED),
)
async def stated(request: Request, caller: Looking, slug: Slug) -> Response:
    return _answer(await run_in_threadpool(desk_of(request, caller).stated, slug))


@editing.put(
    "/segments/{slug}/definition",
    tags=["stewardship"],
    summary="Create a segment, or put this in its place; holds once it is applied",
    description="Create with `If-None-Match: *`; change with `If-Match` and the `ETag` that was read. The whole project is "
    "checked with it; where anything is wrong nothing is changed.",
    responses=schemas.answer(results.SegmentDefinition, headers=_TAGGED)
    | schemas.answer(results.SegmentDefinition, status=201, headers=_TAGGED),
)
async def save(
    request: Request,
    caller: Editor,
    slug: Slug,
    said: Stating,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    desk = desk_of(request, caller)
    if if_match is None and if_none_match != "*":
        raise HTTPException(428, "Say `If-Match` with the ETag that was read, or `If-None-Match: *` for a new segment.")
    tag = None if if_match is None else tag_of(if_match)
    found = await run_in_threadpool(desk.save, said.definition(slug), tag)
    return _answer(found, 201 if tag is None else 200)


@editing.delete(
    "/segments/{slug}/definition",
    tags=["stewardship"],
    summary="Take a segment out of the project's files, and answer what it was; members leave once that is applied",
    responses=schemas.answer(results.SegmentDefinition),
)
async def delete(request: Request, caller: Editor, slug: Slug, if_match: IfMatch = None) -> Response:
    return document(await run_in_threadpool(_deleted, desk_of(request, caller), slug, _required(if_match)))


@editing.post(
    "/segments/{slug}/archive",
    tags=["stewardship"],
    summary="Archive a segment: it stays in the files, and has no members once that is applied",
    responses=schemas.answer(results.SegmentDefinition, headers=_TAGGED),
)
async def archive(request: Request, caller: Editor, slug: Slug, if_match: IfMatch = None) -> Response:
    return _answer(await run_in_threadpool(_archived, desk_of(request, caller), slug, _required(if_match)))


@editing.post(
    "/segments/plan",
    tags=["stewardship"],
    summary="Who would enter and leave what, if the project's files were applied",
    responses=schemas.answer(results.SegmentPlan, headers=_TAGGED),
)
async def plan(request: Request, caller: Editor) -> Response:
    found, tag = await run_in_threadpool(desk_of(request, caller).plan)
    return _tagged(document(found), tag)


@editing.post(
    "/segments/apply",
    tags=["stewardship"],
    summary="Let the project's files hold, as they were planned: `If-Match` has the `ETag` of the plan",
    responses=schemas.answer(results.SegmentsApplied),
)
async def apply(request: Request, caller: Editor, if_match: IfMatch = None) -> Response:
    desk = desk_of(request, caller)
    done = await run_in_threadpool(desk.apply, _required(if_match))
    return document(
        results.SegmentsApplied(
            added=done.added, changed=done.changed, described=done.described, removed=done.removed, stages=done.stages
        )
    )


def _archived(desk: SegmentDesk, slug: str, tag: str) -> Stated:
    there = desk.stated(slug).definition
    kept = {name: getattr(there, name) for name in there.__struct_fields__}
    return desk.save(Definition(**kept | {"status": "archived", "file": "", "line": 1}), tag)


def _deleted(desk: SegmentDesk, slug: str, tag: str) -> results.SegmentDefinition:
    there = _told(desk.stated(slug).definition)
    desk.delete(slug, tag)
    return there


def _required(if_match: str | None) -> str:
    if if_match is None:
        raise HTTPException(428, "Say `If-Match` with the ETag that was read.")
    return tag_of(if_match)


def tag_of(if_match: str) -> str:
    """The tag that a header states; one that is not of our form fits nothing."""
    return if_match.strip().removeprefix("W/").strip('"')


def _answer(found: Stated, status: int = 200) -> Response:
    return _tagged(document(_told(found.definition), status), found.tag)


def _told(d: Definition) -> results.SegmentDefinition:
    try:
        fingerprint = d.fingerprint()
    except RuleError as error:
        raise UsageError(str(error)) from None
    return results.SegmentDefinition(
        slug=d.slug,
        kind=d.kind,
        status=d.status,
        description=d.description,
        owner=d.owner,
        tags=d.tags,
        rule=d.rule if d.rule is None or isinstance(d.rule, str) else dict(d.rule),
        every_seconds=d.every_us // SECOND_US,
        top=None if d.top is None else results.SegmentTop(percent=d.top.percent, by=d.top.by),
        exclude=d.exclude,
        suppression=d.suppression,
        fingerprint=fingerprint,
        file=d.file,
        line=d.line,
    )


def _tagged(response: Response, tag: str) -> Response:
    response.headers["ETag"] = f'"{tag}"'
    return response
