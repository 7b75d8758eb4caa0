"""What is looked at first, over HTTP: a workspace at a glance, and people by what is known of them."""

# No deferred annotations here: FastAPI reads those of its functions.
import re
from collections.abc import Container, Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from onefold.errors import ExpensiveError, OnefoldError, OverloadedError, UnavailableError, UsageError
from onefold.model import Identifier, parse_profile_id, results
from onefold.pipelines.service import Service
from onefold.serving import schemas
from onefold.serving.api import PROBLEMS, Limit, Looking, Operating
from onefold.serving.lookup import PREFIX, document, reference
from onefold.serving.project_desks import GlanceDesk, ProjectDesks, desks_of
from onefold.serving.queries import role_of
from onefold.warehouse.masking import Role

_STATED = re.compile(r"[a-z][a-z0-9_]*:\S.*")
_TELEPHONE = re.compile(r"\+?[\d\s().\-/]{5,}")
SKIP_MAX = 1_000
"""People that can be paged over; beyond them another word leads further than a page."""

glance = APIRouter(prefix=PREFIX, responses=PROBLEMS)


@glance.get(
    "/home",
    tags=["operation"],
    summary="A workspace at a glance: sizes, sources, checks, and what changed in the last day",
    responses=schemas.answer(results.Home),
)
async def home(request: Request, caller: Operating) -> Response:
    desks: ProjectDesks | None = request.app.state.project_desks.get(caller.key.workspace)
    return document(await run_in_threadpool(_home, caller.service, desks))


@glance.get(
    "/people",
    tags=["profiles"],
    summary="People by a whole identifier of any type, or by words that their attributes or identifiers contain",
    description="A role finds by what it sees. Words are looked for in the warehouse, for some seconds at most; who has a "
    "whole identifier is found without. An address with an identifier in its query can stay in logs on the way: "
    "`POST /api/v1/profiles/lookup` keeps it out of there.",
    responses=schemas.answer(results.FoundPeople),
)
async def people(
    request: Request,
    caller: Looking,
    search: Annotated[str, Query(max_length=200, description="An identifier, or words; nothing finds everybody.")] = "",
    skip: Annotated[int, Query(ge=0, le=SKIP_MAX, description="`next` of the page before.")] = 0,
    limit: Limit = 50,
) -> Response:
    desk = desks_of(request, caller).glance
    role = role_of(caller.key)
    found = await run_in_threadpool(lambda: _people(caller.service, desk, search.strip(), skip, limit, role))
    return document(found)


def _home(service: Service, desks: ProjectDesks | None) -> results.Home:
    day, because = None, "This server has no warehouse."
    if desks is not None:
        try:
            day, because = desks.glance.day(), ""
        except OnefoldError as error:  # the rest is there without it
            because = str(error)
    statuses = [one.status for one in service.quality()]
    return results.Home(
        counts=service.counts(),
        sources=tuple(service.accounts()),
        still=service.standstill(),
        checks_run=len(statuses),
        checks_failed=statuses.count("failed"),
        checks_warned=statuses.count("warned"),
        day=day,
        because=because,
    )


def _people(
    service: Service, desk: GlanceDesk, text: str, skip: int, limit: int, role: str | Role | None
) -> results.FoundPeople:
    exact: dict[str, results.Profile] = {}
    for named in _readings(service, text):
        try:
            profile = service.profile(named)
        except UsageError:  # not found, or not a value of this type
            continue
        exact.setdefault(profile.id, profile)
    try:
        ids, because = desk.people(text, skip=skip, limit=limit + 1, role=role), ""
    except (ExpensiveError, OverloadedError, UnavailableError) as error:
        if isinstance(error, OverloadedError) and not exact:
            raise
        ids, because = [], str(error)
    more = len(ids) > limit
    first = [_found(profile, exact=True) for profile in exact.values()] if skip == 0 else []
    rest = [_found(profile, exact=False) for profile in _profiles(service, ids[:limit], but=exact.keys())]
    return results.FoundPeople(
        people=(*first, *rest), next=skip + limit if more and skip + limit <= SKIP_MAX else None, because=because
    )


def _readings(service: Service, text: str) -> Iterator[Identifier]:
    """What a text may be as an identifier: what it states, else a profile's id, else a value of any type."""
    kinds = service.identifier_types
    if _STATED.fullmatch(text) and text.partition(":")[0] in {*kinds, "profile"}:
        yield reference(text)
    elif parse_profile_id(text) is not None:
        yield Identifier("profile", text)
    elif text and (len(text.split()) == 1 or _TELEPHONE.fullmatch(text)):
        yield from (Identifier(kind, text) for kind in kinds)


def _profiles(service: Service, ids: Iterable[str], *, but: Container[str]) -> Iterator[results.Profile]:
    for one in ids:
        try:
            profile = service.profile(Identifier("profile", one))
        except UsageError:  # merged or erased since the warehouse was asked
            continue
        if profile.id not in but:
            yield profile


def _found(profile: results.Profile, *, exact: bool) -> results.FoundPerson:
    return results.FoundPerson(
        profile_id=profile.id,
        identifier=profile.canonical,
        attributes={name: held.value for name, held in profile.attributes.items()},
        events=profile.counters.events,
        revenue=profile.counters.revenue,
        last_seen=profile.last_seen,
        exact=exact,
    )
