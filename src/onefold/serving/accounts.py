"""Accounts over HTTP: signing in and out, one-time links, and who may sign in."""

# No deferred annotations here: FastAPI reads those of the functions.
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.errors import NotFoundError, UnauthorizedError, UsageError
from onefold.governance import accounts
from onefold.governance.access import Key
from onefold.governance.accounts import Account
from onefold.governance.roles import ROLES, RoleName
from onefold.model import results
from onefold.profiles.profile import iso
from onefold.serving import schemas
from onefold.serving.access import Caller, gate, known
from onefold.serving.api import PROBLEMS
from onefold.serving.lookup import PREFIX, document
from onefold.serving.sessions import Sessions, SignedIn
from onefold.serving.sight import watching
from onefold.warehouse.personal import CLASSES

SETUP_PAGE = "/setup"
"""The page of the console that uses a link; the link's token is the fragment, which browsers do not send."""

router = APIRouter(prefix=PREFIX, responses=PROBLEMS, tags=["accounts"])
Known = Annotated[Key, Depends(known)]
Manager = Annotated[Caller, Depends(gate("manage", "judgement"))]
AccountId = Annotated[str, Path(max_length=64, description="An account's id.")]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
_OPEN: dict[str, Any] = {"security": []}
assert get_args(RoleName) == tuple(ROLES)  # noqa: S101  what the description lists is what there is


class SignIn(BaseModel):
    """Who signs in; `workspace` where the server has several."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=accounts.NAME_MAX, examples=["ann@example.org"])
    password: Password
    workspace: str | None = Field(default=None, max_length=200)


class LinkToken(BaseModel):
    """A one-time link's token."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    token: str = Field(min_length=1, max_length=200)


class SetUp(LinkToken):
    """A one-time link used: the password to set, and the first owner's name."""

    name: str | None = Field(default=None, max_length=accounts.NAME_MAX)
    password: Password


class PasswordChange(BaseModel):
    """The password so far, and the one from now on."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    old: Password
    new: Password


class NewAccount(BaseModel):
    """Somebody who shall be able to sign in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=accounts.NAME_MAX, examples=["ann@example.org"])
    role: Literal["owner", "engineer", "marketer", "steward", "read-only"]


class AccountChange(BaseModel):
    """Another role, or whether an account is disabled."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    role: Literal["owner", "engineer", "marketer", "steward", "read-only"] | None = None
    disabled: bool | None = None


@router.post(
    "/session", summary="Sign in", operation_id="sign_in", openapi_extra=_OPEN, responses=schemas.answer(results.Me)
)
async def sign_in(request: Request, said: SignIn) -> Response:
    """Begins a session and sets its cookie; the session that the browser had ends. Takes requests of the same origin."""
    workspaces: frozenset[str] = request.app.state.door.workspaces
    workspace = said.workspace
    if workspace is None:
        if len(workspaces) != 1:
            raise UsageError("This server has several workspaces: state the `workspace`, too.")
        workspace = next(iter(workspaces))
    found = await _sessions(request).sign_in(request, workspace, said.name, said.password)
    return _signed_in(request, found)


@router.delete("/session", summary="Sign out", operation_id="sign_out", responses=schemas.answer(results.Ended))
async def sign_out(request: Request, _: Known) -> Response:
    """Ends the session of the cookie."""
    sessions, found = _sessions(request), _require_session(request)
    await run_in_threadpool(sessions.store.end, found.session.digest)
    return _signed_out(request, 1)


@router.delete(
    "/sessions",
    summary="Sign out everywhere",
    operation_id="sign_out_everywhere",
    responses=schemas.answer(results.Ended),
)
async def sign_out_everywhere(request: Request, _: Known) -> Response:
    """Ends all sessions of the account, this one among them."""
    sessions = _sessions(request)
    ended = await run_in_threadpool(sessions.store.end_all, _require_session(request).account.id)
    return _signed_out(request, ended)


@router.get("/me", summary="Who asks, and what they may do", operation_id="me", responses=schemas.answer(results.Me))
async def me(request: Request, key: Known) -> Response:
    """The account that is signed in, or the key."""
    return document(_me(request, key, _sessions(request).find(request.scope) if key.kind == "account" else None))


@router.post(
    "/me/password", summary="Change the password", operation_id="change_password", responses=schemas.answer(results.Me)
)
async def change_password(request: Request, _: Known, said: PasswordChange) -> Response:
    """Sets another password and begins a new session; all others of the account end."""
    sessions, found = _sessions(request), _require_session(request)
    sessions.count(request, (found.account.workspace, found.account.name))
    if not await sessions.check(said.old, found.account.password):
        raise UnauthorizedError("The password so far is wrong.")
    changed = await run_in_threadpool(accounts.set_password, sessions.store, found.account, said.new, sessions.random)
    return _signed_in(request, sessions.begin(request, changed))


@router.post(
    "/setup/check",
    summary="What a one-time link is for",
    operation_id="check_link",
    openapi_extra=_OPEN,
    responses=schemas.answer(results.LinkState),
)
async def check_link(request: Request, said: LinkToken) -> Response:
    """Whether a link can be used, and whose password it sets."""
    sessions = _sessions(request)
    sessions.count(request)
    link, account = await run_in_threadpool(accounts.linked, sessions.store, said.token, sessions.clock_us())
    return document(
        results.LinkState(
            workspace=link.workspace,
            name=None if account is None else account.name,
            role=accounts.OWNER if account is None else account.role,
            expires_at=iso(link.expires_us) or "",
        )
    )


@router.post(
    "/setup",
    summary="Use a one-time link: choose a password, and sign in",
    operation_id="set_up",
    openapi_extra=_OPEN,
    responses=schemas.answer(results.Me),
)
async def set_up(request: Request, said: SetUp) -> Response:
    """Sets the password of a link's account, or makes the first owner, and begins a session."""
    sessions = _sessions(request)
    sessions.require_ours(request.scope)
    sessions.count(request)
    account = await run_in_threadpool(
        accounts.set_up, sessions.store, said.token, name=said.name, password=said.password,
        now_us=sessions.clock_us(), random=sessions.random,
    )  # fmt: skip
    return _signed_in(request, sessions.begin(request, account))


@router.get(
    "/accounts", summary="Who may sign in", operation_id="accounts", responses=schemas.answer(results.UserAccounts)
)
async def listed(request: Request, caller: Manager) -> Response:
    """The accounts of the workspace."""
    found = await run_in_threadpool(_sessions(request).store.accounts)
    return document(
        results.UserAccounts(accounts=tuple(described(a) for a in found if a.workspace == caller.key.workspace))
    )


@router.post(
    "/accounts",
    summary="Add an account",
    operation_id="add_account",
    status_code=201,
    responses=schemas.answer(results.SetupLink, status=201),
)
async def add(request: Request, caller: Manager, said: NewAccount) -> Response:
    """Adds an account without a password, and makes the one-time link by which its holder chooses one."""
    sessions, now_us = _sessions(request), _sessions(request).clock_us()
    account, token = await run_in_threadpool(
        accounts.add, sessions.store, workspace=caller.key.workspace, name=said.name, role=said.role, now_us=now_us,
        random=sessions.random,
    )  # fmt: skip
    return document(_offered(account, token, now_us), 201)


@router.patch(
    "/accounts/{account_id}",
    summary="Another role, disable or enable",
    operation_id="change_account",
    responses=schemas.answer(results.UserAccount),
)
async def change(request: Request, caller: Manager, account_id: AccountId, said: AccountChange) -> Response:
    """Changes an account; a disabled one's sessions end."""
    sessions = _sessions(request)
    account = await run_in_threadpool(_of, sessions, caller, account_id)
    changed = await run_in_threadpool(
        accounts.change, sessions.store, account, now_us=sessions.clock_us(), role=said.role, disabled=said.disabled
    )
    return document(described(changed))


@router.post(
    "/accounts/{account_id}/reset",
    summary="A one-time link for a new password",
    operation_id="reset_account",
    responses=schemas.answer(results.SetupLink),
)
async def reset(request: Request, caller: Manager, account_id: AccountId) -> Response:
    """Ends the sessions of an account, and makes a link by which its holder chooses another password."""
    sessions, now_us = _sessions(request), _sessions(request).clock_us()
    account = await run_in_threadpool(_of, sessions, caller, account_id)
    token = await run_in_threadpool(accounts.reset, sessions.store, account, now_us, sessions.random)
    return document(_offered(account, token, now_us))


def described(account: Account) -> results.UserAccount:
    """An account as it is shown: everything but its password's hash."""
    status: Literal["active", "invited", "disabled"] = "active" if account.password is not None else "invited"
    return results.UserAccount(
        id=account.id,
        workspace=account.workspace,
        name=account.name,
        role=account.role,
        status="disabled" if account.disabled_us is not None else status,
        created_at=iso(account.created_us),
        signed_in_at=iso(account.seen_us),
    )


def _offered(account: Account, token: str, now_us: int) -> results.SetupLink:
    expires = iso(now_us + accounts.LINK_US) or ""
    return results.SetupLink(account=described(account), path=f"{SETUP_PAGE}#{token}", expires_at=expires)


def _of(sessions: Sessions, caller: Caller, account_id: str) -> Account:
    """An account of the caller's workspace; one of another is not found."""
    for account in sessions.store.accounts():
        if account.workspace == caller.key.workspace and account.id == account_id:
            return account
    raise NotFoundError("There is no such account.")


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.door.sessions
    return sessions


def _require_session(request: Request) -> SignedIn:
    found = _sessions(request).find(request.scope)
    if found is None or request.scope["onefold.key"].kind != "account":
        raise UsageError("A key has no session; `onefold keys revoke` ends a key.")
    return found


def _signed_in(request: Request, found: SignedIn) -> Response:
    key = accounts.key_of(found.account)
    if (watch := watching.get()) is not None:
        watch.key = key  # the audit trail has who signed in
    answer = document(_me(request, key, found))
    answer.headers["Set-Cookie"] = _sessions(request).cookie(request.scope, found.token)
    return answer


def _signed_out(request: Request, ended: int) -> Response:
    answer = document(results.Ended(ended=ended))
    answer.headers["Set-Cookie"] = _sessions(request).cookie(request.scope, None)
    return answer


def _me(request: Request, key: Key, found: SignedIn | None) -> results.Me:
    sight = request.app.state.door.sight(key)
    return results.Me(
        id=key.id,
        kind="account" if key.kind == "account" else "key",
        name=key.name,
        workspace=key.workspace,
        role=key.role,
        scopes=key.scopes,
        masks={of: "show" if sight is None else sight.role.mask(of) for of in CLASSES[1:]},
        expires_at=None if found is None else iso(found.session.ends_us()),
    )
