"""Signing in by an identity provider: to it with a state, a nonce and a challenge, and back with a code."""

# No deferred annotations here: FastAPI reads those of the functions.
import logging
import time
from collections import OrderedDict
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from onefold.errors import OnefoldError, UnauthorizedError
from onefold.governance.access import digest, mint
from onefold.governance.accounts import key_of
from onefold.governance.openid import OpenId, account, challenge, verified
from onefold.serving.lookup import PREFIX
from onefold.serving.sessions import Sessions
from onefold.serving.sight import watching

START = f"{PREFIX}/openid/start"
BACK = f"{PREFIX}/openid/callback"
COOKIE = "onefold_openid"
WAITING_MAX = 1_000
WAIT_SECONDS = 600
REFUSED = "/sign-in?refused=provider"
_log = logging.getLogger("onefold.openid")

# In no description: a browser is led here and back, and no program asks for it.
router = APIRouter(include_in_schema=False)


class Leaving(msgspec.Struct, frozen=True):
    """Somebody on the way to the provider."""

    nonce: str
    verifier: str
    redirect: str
    until: float


class Waiting:
    """Those who are on the way, by the hash of the state that their browser keeps; each comes back once."""

    def __init__(self) -> None:
        self._by_state: OrderedDict[bytes, Leaving] = OrderedDict()

    def put(self, state: str, leaving: Leaving) -> None:
        """Remember somebody; the oldest are forgotten where there are too many."""
        self._by_state[digest(state)] = leaving
        while len(self._by_state) > WAITING_MAX:
            self._by_state.popitem(last=False)

    def take(self, state: str, now: float) -> Leaving | None:
        """Who left with this state, unless that is too long ago."""
        found = self._by_state.pop(digest(state), None)
        return None if found is None or found.until < now else found


@router.get(START)
async def start(request: Request) -> Response:
    """Lead the browser to the provider."""
    openid, sessions = _openid(request), _sessions(request)
    sessions.count(request)
    try:
        endpoints = await run_in_threadpool(openid.provider.endpoints)
    except OnefoldError as error:
        return _refuse(error)
    state, nonce, verifier = (mint("state", sessions.random) for _ in range(3))
    redirect = _here(request) + BACK
    leaving = Leaving(nonce, verifier, redirect, time.monotonic() + WAIT_SECONDS)
    request.app.state.waiting.put(state, leaving)
    asked = {
        "response_type": "code", "client_id": openid.client_id, "redirect_uri": redirect, "scope": "openid email profile",
        "state": state, "nonce": nonce, "code_challenge": challenge(verifier), "code_challenge_method": "S256",
    }  # fmt: skip
    answer = _to(endpoints.authorization + ("&" if "?" in endpoints.authorization else "?") + urlencode(asked))
    secure = "; Secure" if redirect.startswith("https:") else ""
    # Lax, so that it comes along when the provider leads the browser back.
    answer.headers["Set-Cookie"] = (
        f"{COOKIE}={state}; Path={BACK}; Max-Age={WAIT_SECONDS}; HttpOnly; SameSite=Lax{secure}"
    )
    return answer


@router.get(BACK)
async def callback(
    request: Request,
    code: Annotated[str, Query(max_length=4096)] = "",
    state: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Take whom the provider sends back, where their browser is the one that left."""
    openid, sessions = _openid(request), _sessions(request)
    try:
        sessions.count(request)
        # Another browser's state is not ours: so nobody is signed in as somebody who lured them.
        if not state or not code or request.cookies.get(COOKIE) != state:
            raise UnauthorizedError("The sign-in did not begin in this browser, or the provider gave no code.")
        leaving = request.app.state.waiting.take(state, time.monotonic())
        if leaving is None:
            raise UnauthorizedError("The sign-in was used already, or took too long.")
        token = await run_in_threadpool(openid.provider.exchange, code, leaving.verifier, leaving.redirect)
        claims = await run_in_threadpool(verified, openid, token, leaving.nonce, sessions.clock_us() // 1_000_000)
        known = await run_in_threadpool(account, openid, claims, sessions.store, sessions.clock_us())
    except OnefoldError as error:
        return _refuse(error)
    found = sessions.begin(request, known)
    if (watch := watching.get()) is not None:
        watch.key = key_of(known)  # the audit trail has who signed in
    answer = _to("/")
    answer.headers.append("Set-Cookie", sessions.cookie(request.scope, found.token))
    answer.headers.append("Set-Cookie", f"{COOKIE}=; Path={BACK}; Max-Age=0; HttpOnly; SameSite=Lax")
    return answer


def _here(request: Request) -> str:
    """The address by which browsers reach us; the provider has a list of those that it leads back to."""
    scheme, host = _sessions(request).site(request.scope)
    return f"{scheme}://{host}"


def _to(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _refuse(error: OnefoldError) -> Response:
    # What was wrong is for whoever runs the server; whoever tries learns that it was refused.
    _log.warning("sign-in refused", extra={"reason": str(error)})
    return _to(REFUSED)


def _openid(request: Request) -> OpenId:
    openid: OpenId = request.app.state.openid
    return openid


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.door.sessions
    return sessions
