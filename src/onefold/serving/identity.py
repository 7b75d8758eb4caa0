"""Who is who over HTTP, as a whole: what changed settings would do to people and segments, and applying them."""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from onefold.model import results
from onefold.pipelines.service import Service
from onefold.serving import schemas
from onefold.serving.api import Looking, Steward
from onefold.serving.lookup import PREFIX, document
from onefold.serving.segment_editing import CHANGING, IfMatch, tag_of
from onefold.serving.segments import Editor

identity = APIRouter(prefix=PREFIX, responses=CHANGING)
_TAGGED = {"ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}}}
Changed = Annotated[
    dict[str, Any],
    Body(
        description="Keys of identity.yaml in the place of its own, as JSON; maps are merged. `{}`: the file as it is.",
        examples=[{"match": {"join_from": 0.9}}],
    ),
]


@identity.post(
    "/identity/plan",
    tags=["stewardship"],
    summary="Who would be who by a changed identity.yaml, person by person, and which segments would follow",
    responses=schemas.answer(results.IdentityPlan, headers=_TAGGED),
)
async def plan(caller: Editor, changed: Changed) -> Response:
    """What would change; nothing is applied."""
    found, tag = await run_in_threadpool(caller.service.identity.plan, changed)
    answer = document(found)
    answer.headers["ETag"] = f'"{tag}"'
    return answer


@identity.get(
    "/identity/settings",
    summary="What identity.yaml says, with every default filled in",
    responses=schemas.answer(results.IdentityStated, headers=_TAGGED),
)
async def stated(caller: Looking) -> Response:
    """What a change is made from."""
    return await run_in_threadpool(_stated, caller.service)


@identity.put(
    "/identity/settings",
    tags=["stewardship"],
    summary="Write keys into identity.yaml: `If-Match` has the `ETag` that was read",
    description="Comments and everything else in the file stay. Nobody becomes another person before it is applied, and the "
    "server works by the file that it was started with: start it again first.",
    responses=schemas.answer(results.IdentityStated, headers=_TAGGED),
)
async def save(caller: Steward, changed: Changed, if_match: IfMatch = None) -> Response:
    """Change the file, whole or not at all."""
    tag = _required(if_match)

    def write() -> Response:
        caller.service.identity.save(changed, tag)
        return _stated(caller.service)

    return await run_in_threadpool(write)


@identity.post(
    "/identity/settings/undo",
    tags=["stewardship"],
    summary="Write back what identity.yaml said before it was last changed over HTTP",
    responses=schemas.answer(results.IdentityStated, headers=_TAGGED),
)
async def undo(caller: Steward, if_match: IfMatch = None) -> Response:
    """Take the last change back."""
    tag = _required(if_match)

    def write() -> Response:
        caller.service.identity.undo(tag)
        return _stated(caller.service)

    return await run_in_threadpool(write)


def _stated(service: Service) -> Response:
    found, tag = service.identity.stated()
    answer = document(found)
    answer.headers["ETag"] = f'"{tag}"'
    return answer


def _required(if_match: str | None) -> str:
    if if_match is None:
        raise HTTPException(428, "Say `If-Match` with the ETag that was read.")
    return tag_of(if_match)


@identity.get(
    "/identity/accuracy",
    tags=["review"],
    summary="How well people are found: by what reviewers decided, and as probabilities let one expect",
    responses=schemas.answer(results.IdentityAccuracy),
)
async def accuracy(caller: Looking) -> Response:
    """Measures, sizes, and the same at other thresholds."""
    return document(await run_in_threadpool(caller.service.accuracy))


@identity.post(
    "/identity/apply",
    tags=["stewardship"],
    summary="Let identity.yaml hold for what is stored, as it was planned with `{}`: `If-Match` has the plan's `ETag`",
    description="A server works by the file that it was started with: after a change of it, start the server again first.",
    responses=schemas.answer(results.IdentityApplied),
)
async def apply(caller: Editor, if_match: IfMatch = None) -> Response:
    """Have everybody who would be another solved again."""
    if if_match is None:
        raise HTTPException(428, "Say `If-Match` with the ETag of the plan.")
    return document(await run_in_threadpool(caller.service.identity.apply, tag_of(if_match)))
