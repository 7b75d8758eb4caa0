"""Sessions: the cookie that a signed-in browser sends, where it may be sent from, and how often signing in may be tried.

The cookie is out of reach of scripts, goes to this host only, and over TLS has the prefix `__Host-`, so that no neighbouring
host can plant one. A browser sends it along with whatever a page of another site makes it send; so a request that changes
anything has to come from a page of ours, which browsers say in headers that pages cannot write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from starlette.requests import Request

from onefold.errors import OverloadedError, UnauthorizedError
from onefold.governance import accounts, passwords
from onefold.governance.access import Key
from onefold.governance.accounts import Account, AccountStore, Session
from onefold.serving.answers import Scope
from onefold.serving.forwarded import Proxies
from onefold.serving.limits import Limit, Pace
from onefold.serving.problems import ForbiddenError
from onefold.serving.request import read_head
from onefold.serving.visitors import Visitors

COOKIE = "onefold_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
ACCOUNT_LIMIT = Limit(10, burst=5)
ADDRESS_LIMIT = Limit(30, burst=15)
"""Tries to sign in: for one account from wherever, and from one address for whichever account."""
CHECKS_AT_ONCE = 2
CHECKS_WAITING_MAX = 32
_REMEMBERED = 100_000
_ELSEWHERE = (
    "This did not come from a page of this server. Programs send a secret key instead: `Authorization: Bearer ...`."
)
_WRONG = "Name or password is wrong, or the account is disabled."


class SignedIn(msgspec.Struct, frozen=True):
    """A session with its account, and the token where it has just begun."""

    session: Session
    account: Account
    token: str | None = None


class Sessions:
    """The sessions of one server."""

    def __init__(
        self,
        store: AccountStore,
        proxies: Proxies,
        visitors: Visitors,
        *,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self.store = store
        self.clock_us = clock_us
        self.random = random
        self._proxies = proxies
        self._visitors = visitors
        self._monotonic = monotonic
        self._tried: Pace[tuple[str, str]] = Pace(_REMEMBERED)
        self._addresses: Pace[bytes] = Pace(_REMEMBERED)
        self._checking = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0

    def find(self, scope: Scope) -> SignedIn | None:
        """The session of a request's cookie, if it is alive."""
        token = self._token(scope)
        found = None if token is None else accounts.alive(self.store, token, self.clock_us())
        return None if found is None else SignedIn(*found)

    def key(self, scope: Scope) -> Key | None:
        """What the session of a request may do, if there is one.

        Raises:
            ForbiddenError: It would change something, and does not come from a page of ours.
        """
        found = self.find(scope)
        if found is None:
            return None
        if scope["method"] not in SAFE:
            self.require_ours(scope)
        return accounts.key_of(found.account)

    def require_ours(self, scope: Scope) -> None:
        """Let a request pass that comes from a page of this server.

        Raises:
            ForbiddenError: It does not, or does not say.
        """
        headers = dict(scope["headers"])
        site: bytes | None = headers.get(b"sec-fetch-site")
        if site is not None:
            if site != b"same-origin":
                raise ForbiddenError(_ELSEWHERE)
            return
        # Browsers before 2023, and pages without TLS on other hosts than this one, where only the origin is said.
        scheme, host = self._proxies.site(scope, read_head(scope))
        if headers.get(b"origin") != f"{scheme}://{host}".encode():
            raise ForbiddenError(_ELSEWHERE)

    async def sign_in(self, request: Request, workspace: str, name: str, password: str) -> SignedIn:
        """Begin a session in place of the one that the browser had, if any.

        Raises:
            UnauthorizedError: Name or password is wrong, or the account is disabled; which of them is not said.
            OverloadedError: Tried too often.
            ForbiddenError: A page of another site asks.
        """
        self.require_ours(request.scope)
        named = accounts.name_of(name)
        self.count(request, (workspace, named))
        account = next((a for a in self.store.accounts() if (a.workspace, a.name) == (workspace, named)), None)
        if not await self.check(password, None if account is None else account.password):
            raise UnauthorizedError(_WRONG)
        if account is None or account.disabled_us is not None:
            raise UnauthorizedError(_WRONG)
        return self.begin(request, account)

    def begin(self, request: Request, account: Account) -> SignedIn:
        """Begin a session of an account that has shown who it is."""
        before = self._token(request.scope)
        token, session = accounts.begin(self.store, account, self.clock_us(), self.random, instead_of=before)
        return SignedIn(session, account, token)

    async def check(self, password: str, kept: str | None) -> bool:
        """Whether a password is the one kept; a few are looked at together, for each takes 19 MiB.

        Raises:
            OverloadedError: Too many wait.
        """
        if self._waiting >= CHECKS_WAITING_MAX:
            raise OverloadedError("Too many people sign in at once.", retry_after_seconds=2)
        self._waiting += 1
        try:
            async with self._checking:
                return await asyncio.to_thread(passwords.matches, password, kept)
        finally:
            self._waiting -= 1

    def count(self, request: Request, account: tuple[str, str] | None = None) -> None:
        """Count a try to sign in, or to use a link.

        Raises:
            OverloadedError: Too many for the address, or for the account.
        """
        now = self._monotonic()
        visitor = self._visitors.visitor(request.scope, read_head(request.scope)) or b""
        wait = self._addresses.wait_seconds(visitor, ADDRESS_LIMIT, now)
        if not wait and account is not None:
            wait = self._tried.wait_seconds(account, ACCOUNT_LIMIT, now)
        if wait:
            raise OverloadedError("Too many tries to sign in; wait a little.", retry_after_seconds=wait)

    def site(self, scope: Scope) -> tuple[str, str]:
        """The scheme and host by which the client called us."""
        return self._proxies.site(scope, read_head(scope))

    def cookie(self, scope: Scope, token: str | None) -> str:
        """The Set-Cookie header that gives a browser its session, or takes it away."""
        name, secure = self._name(scope), "; Secure" if self._name(scope) == SECURE_COOKIE else ""
        age = accounts.LIFETIME_US // 1_000_000 if token else 0
        return f"{name}={token or ''}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"

    def _token(self, scope: Scope) -> str | None:
        wanted = self._name(scope)
        for header, value in scope["headers"]:
            if header == b"cookie":
                for pair in value.decode("latin-1").split(";"):
                    name, _, token = pair.strip().partition("=")
                    if name == wanted and token:
                        return str(token)
        return None

    def _name(self, scope: Scope) -> str:
        scheme, _ = self._proxies.site(scope, read_head(scope))
        return SECURE_COOKIE if scheme == "https" else COOKIE
