"""Administration over HTTP: keys of sources and programs, and the audit trail."""

# No deferred annotations here: FastAPI reads those of the functions.
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.errors import NotFoundError, UsageError, nearest
from onefold.governance import access
from onefold.governance.access import Key, KeyStore
from onefold.governance.accounts import AccountStore
from onefold.governance.roles import ROLES
from onefold.model import results
from onefold.profiles.profile import iso
from onefold.serving import schemas
from onefold.serving.access import Caller, Doorkeeper, gate
from onefold.serving.api import PROBLEMS, Limit
from onefold.serving.lookup import PREFIX, document
from onefold.serving.problems import ForbiddenError

router = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["administration"])
Manager = Annotated[Caller, Depends(gate("manage", "judgement"))]
Engineer = Annotated[Caller, Depends(gate("sources", "judgement"))]
KeyId = Annotated[str, Path(max_length=64, description="A key's id.")]


class NewKey(BaseModel):
    """A key for a source, or for a program that asks as a role; one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: str | None = Field(default=None, max_length=200, examples=["website"])
    role: Literal["owner", "engineer", "marketer", "steward", "read-only"] | None = None


@router.get(
    "/keys", summary="Keys, without the keys themselves", operation_id="keys", responses=schemas.answer(results.Keys)
)
async def listed(request: Request, caller: Engineer) -> Response:
    """The keys of the workspace, revoked ones too."""
    door: Doorkeeper = request.app.state.door
    found = await run_in_threadpool(door.keys.keys)
    workspace = caller.key.workspace
    return document(
        results.Keys(
            keys=tuple(_info(key) for key in found if key.workspace == workspace),
            sources=tuple(sorted(source for where, source in door.sources if where == workspace)),
        )
    )


@router.post(
    "/keys",
    summary="Make a key",
    operation_id="make_key",
    status_code=201,
    responses=schemas.answer(results.IssuedKey, status=201),
)
async def make(request: Request, caller: Engineer, said: NewKey) -> Response:
    """Makes a key and shows it this once. One that asks as a role takes the scope `manage`."""
    door: Doorkeeper = request.app.state.door
    if (said.source is None) == (said.role is None):
        raise UsageError("State either the `source` that will send with it, or the `role` as which it asks.")
    if said.role is not None and not access.allows(caller.key, "manage"):
        raise ForbiddenError(f"The role `{caller.key.role}` makes keys for sources only.")
    token, key = await run_in_threadpool(_issued, door, caller.key.workspace, said)
    scheme, host = door.sessions.site(request.scope)
    snippets = _snippets(f"{scheme}://{host}", token) if said.source else _asking(f"{scheme}://{host}", token)
    return document(results.IssuedKey(key=token, info=_info(key), snippets=snippets), 201)


@router.delete(
    "/keys/{key_id}", summary="Revoke a key", operation_id="revoke_key", responses=schemas.answer(results.KeyInfo)
)
async def revoke(request: Request, caller: Engineer, key_id: KeyId) -> Response:
    """Ends a key; all servers refuse it within a second."""
    door: Doorkeeper = request.app.state.door
    key = await run_in_threadpool(_of, door.keys, caller, key_id)
    if key.kind != "source" and not access.allows(caller.key, "manage"):
        raise ForbiddenError(f"The role `{caller.key.role}` revokes keys of sources only.")
    await run_in_threadpool(access.revoke, door.keys, key.id, door.sessions.clock_us())
    return document(_info(await run_in_threadpool(_of, door.keys, caller, key_id)))


@router.get(
    "/audit",
    summary="What people did and looked at",
    operation_id="audit",
    responses=schemas.answer(results.AuditEntries),
)
async def audit(
    request: Request,
    caller: Manager,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="`next` of the page before.")] = None,
    limit: Limit = 50,
) -> Response:
    """The audit trail of the workspace, the latest first."""
    store: AccountStore = request.app.state.door.sessions.store
    found = await run_in_threadpool(store.entries, caller.key.workspace, before=before, limit=limit + 1)
    entries = tuple(
        results.AuditEntry(
            seq=one.seq, at=iso(one.at_us), kind=one.kind, by=one.by, name=one.name, role=one.role, action=one.action,
            route=one.route, subjects=one.subjects, request_id=one.request_id,
        )
        for one in found[:limit]
    )  # fmt: skip
    return document(results.AuditEntries(entries=entries, next=entries[-1].seq if len(found) > limit else None))


def _issued(door: Doorkeeper, workspace: str, said: NewKey) -> tuple[str, Key]:
    now_us, random = door.sessions.clock_us(), door.sessions.random
    if said.role is not None:
        return access.issue(
            door.keys, kind="secret", workspace=workspace, name=said.role, now_us=now_us, random=random,
            scopes=ROLES[said.role].scopes, role=said.role,
        )  # fmt: skip
    source = said.source or ""
    origins = door.sources.get((workspace, source))
    if origins is None:
        known = [name for where, name in door.sources if where == workspace]
        raise UsageError(f"There is no such source{nearest(source, known) or '.'}")
    return access.issue(
        door.keys, kind="source", workspace=workspace, name=source, now_us=now_us, random=random, origins=origins
    )


def _of(keys: KeyStore, caller: Caller, key_id: str) -> Key:
    """A key of the caller's workspace; one of another is not found."""
    for key in keys.keys():
        if key.workspace == caller.key.workspace and key.id == key_id:
            return key
    raise NotFoundError("There is no such key.")


def _info(key: Key) -> results.KeyInfo:
    return results.KeyInfo(
        id=key.id, kind=key.kind, name=key.name, hint=f"{key.hint}…", role=key.role, scopes=key.scopes,
        origins=key.origins, created_at=iso(key.created_us), last_used_at=iso(key.last_used_us),
        revoked_at=iso(key.revoked_us),
    )  # fmt: skip


def _snippets(address: str, token: str) -> dict[str, str]:
    """How to send with a source's key. `address` has been looked at: it holds no quotes."""
    return {
        "curl": f"curl -u {token}: -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"userId": "42", "event": "Test Event"}}\' {address}/v1/track',
        "html": f'<script src="{address}/analytics.js/v1/{token}/analytics.min.js" async></script>',
        "python": f'import segment.analytics as analytics\n\nanalytics.write_key = "{token}"\n'
        f'analytics.host = "{address}"\nanalytics.track("42", "Test Event")\nanalytics.flush()',
    }


def _asking(address: str, token: str) -> dict[str, str]:
    return {"curl": f"curl -H 'Authorization: Bearer {token}' {address}/api/v1/me"}
