"""Rules over HTTP, for whoever builds one: what one says and takes, what there is to read, and values to compare it with."""

# No deferred annotations here: FastAPI reads those of its functions.
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.model import results
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Looking
from onefold.serving.lookup import PREFIX, document
from onefold.serving.problems import MEDIA_TYPE
from onefold.serving.queries import role_of
from onefold.serving.segment_desk import desk_of

_MISSING: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "This server has no project files, or no warehouse.",
        "content": {MEDIA_TYPE: {"schema": schemas.reference(schemas.Problem)}},
    }
}
rules = APIRouter(prefix=PREFIX, responses=PROBLEMS | _MISSING, tags=["rules"])


class Checked(BaseModel):
    """A rule to be read, as text or in the JSON form."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rule: str | dict[str, Any] = Field(examples=["purchases >= 1 and days_since(last_active) > 30"])
    text: str | None = Field(
        default=None, description="The text form beside the JSON form: refused where they disagree."
    )


@rules.post(
    "/rules/check",
    summary="What a rule says, in both forms and in English, and what it takes; nobody is counted",
    responses=schemas.answer(results.RuleCheck),
)
async def check(request: Request, caller: Looking, said: Checked) -> Response:
    return document(await run_in_threadpool(desk_of(request, caller).check, said.rule, said.text))


@rules.get(
    "/rules/fields",
    summary="What rules can read: fields of people, and events with their properties",
    responses=schemas.answer(results.RuleFields),
)
async def fields(request: Request, caller: Looking) -> Response:
    return document(await run_in_threadpool(desk_of(request, caller).fields))


@rules.get(
    "/rules/values",
    summary="Values of a field, or of a property of an event, the commonest first, with how many have them",
    description="What holds personal data is told to keys of the scope `personal`, or as the key's role of `privacy.yaml` "
    "sees it.",
    responses=schemas.answer(results.RuleValues),
)
async def values(
    request: Request,
    caller: Looking,
    field: Annotated[
        str, Query(min_length=1, max_length=200, description="A field; with `event`, one of its properties.")
    ],
    event: Annotated[str, Query(max_length=200, description="An event, for values of its property.")] = "",
    q: Annotated[str, Query(max_length=200, description="What the values contain, in whichever case.")] = "",
    limit: Annotated[int, Query(ge=1, le=200, description="Most values.")] = 20,
) -> Response:
    ask = desk_of(request, caller).values
    return document(await run_in_threadpool(ask, field, event, q, role_of(caller.key), limit))
