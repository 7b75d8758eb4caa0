"""Uses over HTTP: who is one person where a use takes more or less care than most."""

# No deferred annotations here: FastAPI reads those of its functions.
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from onefold.model import Identifier, results
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Cursor, Limit, Looking, Subject, by_id, by_reference
from onefold.serving.lookup import PLAIN, PREFIX, document, reference

uses = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["profiles"])
Use = Annotated[str | None, Query(max_length=200, description="A name under `uses` of `match` in identity.yaml.")]


@uses.get(
    "/identity/uses",
    summary="Uses that have a threshold of their own, such as 0.9 for major donors",
    responses=schemas.answer(results.Uses),
)
async def named(caller: Looking) -> Response:
    """What `use` of `/profiles/{identifier}/links` may be."""
    return document(await run_in_threadpool(caller.service.uses.named))


@uses.get(
    "/explain/uses",
    summary="Whether two identifiers are one person by the threshold of each use",
    responses=schemas.answer(results.PairUses),
)
async def pair(caller: Looking, a: Subject, b: Subject) -> Response:
    """As people are, and for each use."""
    return document(await run_in_threadpool(caller.service.uses.pair, reference(a), reference(b)))


def _links(path: str, read: Callable[..., Awaitable[Identifier]]) -> None:
    """The same view of one person, once for each way of naming them."""

    @uses.get(
        f"{path}/links",
        summary="The identifiers of the person, as they are or by the threshold of a use; nobody is joined or parted by it",
        description="A page has those that are the person's by the threshold, and those that are not then.",
        responses=schemas.answer(results.PersonLinks),
    )
    async def links(
        caller: Looking,
        who: Annotated[Identifier, Depends(read)],
        use: Use = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        return document(await run_in_threadpool(caller.service.uses.links, who, use, cursor=cursor, limit=limit))


_links("/profiles/id/{profile_id}", by_id)
_links(PLAIN, by_reference)
