"""Our own API: profiles by any identifier, how they came about, and a steward's word on them. Described by OpenAPI."""

# No deferred annotations here: FastAPI reads those of the functions inside `_views`, whose names are local.
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.errors import NotFoundError, UsageError
from onefold.model import Identifier, parse_profile_id, results
from onefold.pipelines.reading.tail import TailedEntry, Wanted
from onefold.pipelines.service import Service
from onefold.serving import live, schemas
from onefold.serving.access import Caller, gate
from onefold.serving.lookup import PLAIN, PREFIX, document, looked_up, named, reference
from onefold.serving.problems import MEDIA_TYPE
from onefold.telemetry import request_id

SETTLE_SECONDS = 5.0
"""How long a judgement's answer waits to show its effect."""

_skip = msgspec.json.Decoder(msgspec.Raw).decode

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Reference = Annotated[
    str, Path(description="`type:value`, for example `email:ann@example.org`.", examples=["user_id:42"])
]
ProfileId = Annotated[str, Path(description="A profile id; one retired by a merge finds the person it went into.")]
Subject = Annotated[str, Query(description="`type:value`, or `profile:id`.", examples=["user_id:42"])]


class Named(BaseModel):
    """One name that one system has for a person; the type `profile` means a profile id."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    type: str = Field(min_length=1, max_length=64, examples=["email"])
    value: str = Field(min_length=1, max_length=1024, examples=["ann@example.org"])

    def identifier(self) -> Identifier:
        """As the rest of the product knows it."""
        return Identifier(self.type, self.value)


class Statement(BaseModel):
    """A person's word about the identity graph. The latest about the same subject counts; none is ever deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    verdict: Literal["link", "split", "share", "unshare", "withdraw"] = Field(
        description="`link`: one person. `split`: two people; without `b`, `a` is separated from the person's strongest "
        "other identifier. `share`: used by several people, links nobody. `unshare`: the opposite. "
        "`withdraw`: withdraws what was stated about `a` (and `b`)."
    )
    a: Named
    b: Named | None = None
    reason: str = Field(default="", max_length=2000)


_VERDICTS = {
    "link": "same",
    "split": "different",
    "share": "shared",
    "unshare": "not_shared",
    "withdraw": "withdrawn",
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": schemas.reference(schemas.Problem)}}}
    for status, text in {
        401: "No key, or an unknown one.",
        403: "The key lacks the scope.",
        404: "No profile found for that identifier.",
        422: "The request does not fit its description.",
        429: "Over the limit; see Retry-After.",
    }.items()
}


_STREAM = {
    "type": "string",
    "description": "Each event's data is one entry.",
    "contentMediaType": "application/json",
    "contentSchema": schemas.reference(TailedEntry),
}

api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
Looking = Annotated[Caller, Depends(gate("read", "lookup"))]
Operating = Annotated[Caller, Depends(gate("read", "source"))]
Steward = Annotated[Caller, Depends(gate("admin", "judgement"))]


@api.get(
    "/profiles", tags=["profiles"], summary="A profile by type and value", responses=schemas.answer(results.Profile)
)
async def profile_by_query(
    caller: Looking,
    type: Annotated[str, Query()],
    value: Annotated[str, Query()],  # the API's word
) -> Response:
    return document(await looked_up(caller, named(type, value)))


@api.post(
    "/profiles/lookup",
    tags=["profiles"],
    summary="A profile, with the identifier kept out of the URL",
    responses=schemas.answer(results.Profile),
)
async def profile_by_body(caller: Looking, named: Named) -> Response:
    return document(await looked_up(caller, named.identifier()))


def _views(path: str, read: Callable[..., Awaitable[Identifier]]) -> None:
    """The views of one person, once for each way of naming them."""
    name = path.strip("/{}").partition("/")[0]

    @api.get(
        path,
        tags=["profiles"],
        summary=f"A profile by {name}",
        name=f"profile_by_{name}",
        responses=schemas.answer(results.Profile),
    )
    async def profile(caller: Looking, who: Annotated[Identifier, Depends(read)]) -> Response:
        return document(await looked_up(caller, who))

    @api.get(
        f"{path}/identifiers", tags=["profiles"], summary="All identifiers, the strongest first",
        name=f"identifiers_by_{name}", responses=schemas.answer(results.Identifiers),
    )  # fmt: skip
    async def identifiers(
        caller: Looking,
        who: Annotated[Identifier, Depends(read)],
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        return document(await run_in_threadpool(caller.service.identifiers, who, cursor=cursor, limit=limit))

    @api.get(
        f"{path}/timeline",
        tags=["profiles"],
        summary="Events, newest first",
        name=f"timeline_by_{name}",
        responses=schemas.answer(results.Timeline),
    )
    async def timeline(
        caller: Looking,
        who: Annotated[Identifier, Depends(read)],
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        return document(await run_in_threadpool(caller.service.timeline, who, cursor=cursor, limit=limit))

    @api.get(
        f"{path}/history",
        tags=["profiles"],
        summary="Merges and splits",
        name=f"history_by_{name}",
        responses=schemas.answer(results.History),
    )
    async def history(caller: Looking, who: Annotated[Identifier, Depends(read)]) -> Response:
        return document(await run_in_threadpool(caller.service.history, who))

    @api.get(
        f"{path}/evidence",
        tags=["profiles"],
        summary="What holds the person together, and what speaks against it",
        name=f"evidence_by_{name}",
        responses=schemas.answer(results.PersonEvidence),
    )
    async def evidence(caller: Looking, who: Annotated[Identifier, Depends(read)]) -> Response:
        return document(await run_in_threadpool(caller.service.cohesion, who))

    @api.get(
        f"{path}/graph",
        tags=["profiles"],
        summary="What connects the identifiers of a person, and what leads from them to others",
        name=f"graph_by_{name}",
        responses=schemas.answer(results.Graph),
    )
    async def graph(caller: Looking, who: Annotated[Identifier, Depends(read)]) -> Response:
        return document(await run_in_threadpool(caller.service.graph, who))


@api.get(
    "/explain",
    tags=["profiles"],
    summary="Why two identifiers are, or are not, one person",
    responses=schemas.answer(results.Explanation),
)
async def explain(caller: Looking, a: Subject, b: Subject) -> Response:
    return document(await run_in_threadpool(caller.service.explain, reference(a), reference(b)))


@api.get(
    "/explain/evidence",
    tags=["profiles"],
    summary="What the records of two people say for and against one person, and what would change the decision",
    responses=schemas.answer(results.PairEvidence),
)
async def evidence(caller: Looking, a: Subject, b: Subject) -> Response:
    return document(await run_in_threadpool(caller.service.evidence, reference(a), reference(b)))


@api.post(
    "/judgements",
    tags=["stewardship"],
    status_code=201,
    summary="Link, split, share or withdraw",
    responses=schemas.answer(schemas.Judged, status=201),
)
async def judge(caller: Steward, said: Statement) -> Response:
    return await run_in_threadpool(_judge, caller, said)


@api.get(
    "/dead-letters",
    tags=["stewardship"],
    summary="What was rejected, and why",
    responses=schemas.answer(schemas.DeadLetters),
)
async def dead_letters(
    caller: Steward,
    status: Literal["open", "replayed", "any"] = "open",
    source: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Limit = 50,
) -> Response:
    wanted = None if status == "any" else status
    listed = await run_in_threadpool(
        caller.service.dead_letters, status=wanted, source=source, after=cursor, limit=limit + 1
    )
    page = listed[:limit]
    after = page[-1].offset if len(listed) > limit else None
    return document({"dead_letters": page, "next": after})


@api.get(
    "/dead-letters/{offset}",
    tags=["stewardship"],
    summary="A dead letter with its payload",
    responses=schemas.answer(results.DeadLetterContent),
)
async def dead_letter(caller: Steward, offset: Annotated[int, Path(ge=0, le=2**63 - 1)]) -> Response:
    return document(await run_in_threadpool(caller.service.dead_letter, offset))


@api.post(
    "/dead-letters/{offset}/replay",
    tags=["stewardship"],
    status_code=202,
    responses=schemas.answer(schemas.Replayed, status=202),
    summary="Send it again, mended or not",
    openapi_extra={
        "requestBody": {
            "description": "The mended item; without it, as it was.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
)
async def replay(
    caller: Steward,
    request: Request,
    offset: Annotated[int, Path(ge=0, le=2**63 - 1)],
) -> Response:
    body = _item(await request.body())
    await run_in_threadpool(caller.service.replay, offset, body=body)
    return document({"offset": offset, "status": "replayed"}, 202)


@api.get(
    "/events/stream", tags=["operation"], summary="The live debugger: events as they are validated and resolved",
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events; identifiers are masked.",
                     "content": {"text/event-stream": {"schema": _STREAM}}}},
)  # fmt: skip
async def stream(
    request: Request,
    caller: Operating,
    source: Annotated[str, Query(max_length=200)] = "",
    name: Annotated[str, Query(max_length=200, description="Contained in the event's name.")] = "",
    verdict: Annotated[Literal["", "stored", "duplicate", "rejected", "suppressed"], Query()] = "",
    finding: Annotated[str, Query(max_length=64, description="A finding's code.")] = "",
    q: Annotated[str, Query(max_length=200, description="Contained anywhere in what is shown.")] = "",
    after: Annotated[str, Query(max_length=4000, description="Go on from here: the id of the last event seen.")] = "",
    recent: Annotated[int, Query(ge=0, le=1_000, description="Begin so many log entries ago, without `after`.")] = 0,
) -> Response:
    last = request.headers.get("last-event-id") or after
    start = live.positions(last)
    if start is None and recent:
        start = await run_in_threadpool(caller.service.newest, recent)
    wanted = Wanted(source, name, verdict, finding, q)
    return StreamingResponse(
        live.frames(
            lambda positions: caller.service.tail(positions, wanted),
            start,
            request.app.state.stopping,
        ),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@api.get(
    "/sources",
    tags=["operation"],
    summary="Conservation, match quality and findings of each source",
    responses=schemas.answer(schemas.Accounts),
)
async def accounts(caller: Operating) -> Response:
    return document({"sources": await run_in_threadpool(caller.service.accounts)})


@api.get("/traits", tags=["traits"], summary="The computed traits", responses=schemas.answer(results.Traits))
async def traits(caller: Looking) -> Response:
    return document(await run_in_threadpool(caller.service.traits))


@api.get(
    "/traits/{name}",
    tags=["traits"],
    summary="What a computed trait means, and whether it holds all events",
    responses=schemas.answer(results.TraitDefinition),
)
async def trait(
    caller: Looking, name: Annotated[str, Path(max_length=63, description="The trait's name.", examples=["gifts_12m"])]
) -> Response:
    return document(await run_in_threadpool(caller.service.trait, name))


@api.get(
    "/stats", tags=["operation"], summary="How much there is of everything", responses=schemas.answer(results.Counts)
)
async def stats(caller: Operating) -> Response:
    return document(await run_in_threadpool(caller.service.counts))


def _judge(caller: Caller, said: Statement) -> Response:
    service, a = caller.service, said.a.identifier()
    b = None if said.b is None else said.b.identifier()
    if said.verdict == "link" and b is None:
        raise UsageError("`link` needs `b`: which two identifiers are one person?")
    if said.verdict in {"share", "unshare"} and b is not None:
        raise UsageError(f"`{said.verdict}` applies to one identifier: leave `b` out.")
    if said.verdict == "split" and b is None:
        b = service.counterpart(a)
    verdict: Any = _VERDICTS[said.verdict]
    position = service.judge(verdict, a, b, by=caller.by, reason=said.reason, request_id=request_id.get())
    settled = service.settle(position, timeout_seconds=SETTLE_SECONDS)
    people = [None if identifier is None else _id_of(service, identifier) for identifier in (a, b)]
    return document({"verdict": said.verdict, "offset": position[1], "settled": settled, "profile_ids": people}, 201)


def _id_of(service: Service, identifier: Identifier) -> str | None:
    try:
        return service.profile(identifier).id
    except NotFoundError:
        return None


def _item(body: bytes) -> bytes | None:
    """The mended item, byte for byte: what parsing and writing again would do to its numbers is not ours to do."""
    if not body.strip():
        return None
    try:
        _skip(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError("The mended item is not JSON.") from error
    return body


# Coroutines, for the framework calls a plain function on a thread, and under load a change of thread takes milliseconds.
async def by_id(profile_id: ProfileId) -> Identifier:
    """Whom a profile id in the path names."""
    if parse_profile_id(profile_id) is None:
        raise UsageError("Invalid profile id: it must be a UUID.")
    return Identifier("profile", profile_id)


async def by_reference(identifier: Reference) -> Identifier:
    """Whom `type:value` in the path names."""
    return reference(identifier)


_views("/profiles/id/{profile_id}", by_id)
_views(PLAIN, by_reference)
