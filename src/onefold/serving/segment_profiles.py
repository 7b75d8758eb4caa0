"""Segment's Profile API over our profiles: tools written for it work by changing the host.

Shapes, errors and paging are Segment's; the space in the path is the workspace's name, or `default`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from onefold.errors import NotFoundError, OnefoldError, UsageError
from onefold.model import Identifier, results
from onefold.serving import schemas
from onefold.serving.access import Caller, Doorkeeper
from onefold.serving.lookup import looked_up
from onefold.serving.problems import describe
from onefold.serving.sight import shown

LIMIT_DEFAULT = 10
LIMIT_MAX = 200

_TYPES = {"phone_number": "phone", "segment_id": "profile"}
"""Segment's names of identifier types, where ours differ."""

segment = APIRouter(prefix="/v1/spaces", tags=["segment profile api"])


@segment.get(
    "/{space}/collections/{collection}/profiles/{reference:path}/{view}",
    summary="One view of a profile",
    responses=schemas.answer(schemas.SegmentTraits, schemas.SegmentMetadata, schemas.SegmentList),
)
async def view(request: Request, space: str, collection: str, reference: str, view: str) -> Response:
    """Traits, external ids, events, metadata or links of the profile that `type:value` names."""
    try:
        door: Doorkeeper = request.app.state.door
        caller = door.admit(request, "read", "lookup")
        if space not in {caller.service.name, "default"}:
            raise NotFoundError("There is no such space for this key.")
        found = await _read(request, caller, collection, reference, view)
        return _json(found)
    except OnefoldError as error:
        status, word, headers = describe(error, request.app.state.clock_us() / 1_000_000)
        # Segment answers a malformed request 400; it does not know 422.
        code = {"not-found": "not_found", "unusable": "bad_request"}.get(word, word)
        status = 400 if status == 422 else status
        return _json({"error": {"code": code, "message": str(error)}}, status, headers)


async def _read(request: Request, caller: Caller, collection: str, reference: str, view: str) -> dict[str, Any]:
    if collection != "users":
        raise NotFoundError("Profiles of this collection are not kept.")
    who = _identifier(reference)
    limit = _limit(request)
    cursor = request.query_params.get("cursor") or request.query_params.get("next")
    if view == "events":
        page = shown(await run_in_threadpool(caller.service.timeline, who, cursor=cursor, limit=limit))
        return {"data": [_event(e) for e in page.events], "cursor": _cursor(request, page.next, limit)}
    profile = shown(await looked_up(caller, who))
    match view:
        case "traits":
            return _traits(request, profile, cursor, limit)
        case "external_ids":
            data, after = _page(
                [_external_id(i.type, i.value, i.first_seen) for i in profile.identifiers], cursor, limit
            )
            return {"data": data, "cursor": _cursor(request, after, limit)}
        case "metadata":
            times = {"created_at": profile.first_seen, "updated_at": profile.last_seen}
            return {"metadata": {**times, "expires_at": None}, "cursor": _cursor(request, None, 1)}
        case "links":
            return {"data": [], "cursor": _cursor(request, None, limit)}
    raise NotFoundError("There is no such view of a profile.")


def _traits(request: Request, profile: results.Profile, cursor: str | None, limit: int) -> dict[str, Any]:
    attributes = profile.attributes
    include = request.query_params.get("include")
    wanted = set(include.split(",")) if include else attributes.keys()
    # Audiences and computed traits are classes of their own at Segment; ours are attributes stated by events.
    names = [] if request.query_params.get("class") else sorted(wanted & attributes.keys())
    page, after = _page(names, cursor, limit)
    verbose = request.query_params.get("verbose", "").lower() == "true"
    traits: dict[str, Any] = {}
    for name in page:
        held = attributes[name]
        if verbose:
            traits[name] = {"value": held.value, "source_id": held.source, "updated_at": held.at}
        else:
            traits[name] = held.value
    return {"traits": traits, "cursor": _cursor(request, after, limit)}


def _external_id(kind: str, value: str, created_at: str | None) -> dict[str, Any]:
    return {
        "id": value,
        "type": kind,
        "source_id": None,
        "collection": "users",
        "created_at": created_at,
        "encoding": "none",
    }


def _event(event: results.TimelineEvent) -> dict[str, Any]:
    if isinstance(event, results.RefusedEvent):
        nothing = dict.fromkeys(("type", "source_id", "message_id", "timestamp"))
        return {"external_ids": [], "context": {}, **nothing, "source_id": event.source, "properties": {}}
    shown = {
        "external_ids": [_external_id(i.type, i.value, None) for i in event.identifiers],
        "context": event.context,
        "type": event.kind,
        "source_id": event.source,
        "message_id": event.message_id,
        "timestamp": event.timestamp,
        "properties": event.properties,
    }
    return shown | {"event": event.name} if event.kind == "track" else shown


def _identifier(reference: str) -> Identifier:
    kind, colon, value = reference.partition(":")
    if not colon or not kind or not value:
        raise UsageError("Name a profile as `type:value`.")
    kind = _TYPES.get(kind, kind)
    # A `+` that was not percent-encoded arrives as a space; Segment answers 500 to some of these.
    if kind == "phone" and value.startswith(" "):
        value = "+" + value[1:]
    return Identifier(kind, value)


def _limit(request: Request) -> int:
    stated = request.query_params.get("limit", str(LIMIT_DEFAULT))
    if not stated.isdecimal() or not 1 <= int(stated[:9]) <= LIMIT_MAX:
        raise UsageError(f"`limit` is a number from 1 to {LIMIT_MAX}.")
    return int(stated)


def _page(items: list[Any], cursor: str | None, limit: int) -> tuple[list[Any], str | None]:
    """A page of items that are all in memory; their cursor is the number of those before it."""
    if cursor is not None and not cursor.isdecimal():
        raise UsageError("Invalid cursor.")
    start = int(cursor[:9]) if cursor else 0
    end = start + limit
    return items[start:end], str(end) if end < len(items) else None


def _cursor(request: Request, after: str | None, limit: int) -> dict[str, Any]:
    return {"url": request.url.path, "has_more": after is not None, "next": after or "", "limit": limit}


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body), status, {"Cache-Control": "no-store"} | (headers or {}), "application/json"
    )
