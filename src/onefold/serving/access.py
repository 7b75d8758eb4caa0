"""Who asks: from a request's key to the workspace it opens, within scope and limit."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException

from onefold.errors import OverloadedError, UnauthorizedError
from onefold.governance.access import Key, allows
from onefold.governance.access import Scope as KeyScope
from onefold.pipelines.service import Service
from onefold.serving.answers import Scope
from onefold.serving.keys import Keyring, tokens_of
from onefold.serving.limits import Limiter, Operation
from onefold.serving.problems import ForbiddenError
from onefold.serving.sessions import Sessions
from onefold.serving.sight import watching
from onefold.serving.visitors import Site
from onefold.warehouse.sight import Sight, Sights

_SEND_A_KEY = "Send a secret key: `Authorization: Bearer …`, or as the user of Basic; people sign in to the console."
OPEN = frozenset(
    {"/api/v1/session", "/api/v1/setup", "/api/v1/setup/check", "/api/v1/openid/start", "/api/v1/openid/callback"}
)
"""Paths that ask for no key: by them one signs in."""
OPEN_BYTES_MAX = 8 * 1024
BODY_BYTES_MAX = 1024 * 1024
"""Largest body of an API request: twice the largest item, which is what a mended dead letter can be."""
UPLOAD_BYTES_MAX = 32 * 1024 * 1024
"""Largest body of a request that brings a file; `onefold load` takes larger ones."""
_UPLOADS = re.compile(r"/api/v1/sources/(preview|[^/]+/load)")
FAULT = "onefold.fault"
"""In a request's scope: why it is refused, when that was found out before the framework got it."""


class Caller(msgspec.Struct, frozen=True):
    """Somebody whose key was found good: the key, and the service of the one workspace it opens."""

    key: Key
    service: Service

    @property
    def by(self) -> str:
        """How this caller signs a judgement."""
        return f"{self.key.name} ({self.key.id})"


class Doorkeeper:
    """Lets requests in, or raises why not."""

    def __init__(
        self,
        names: Collection[str],
        services: Mapping[str, Service],
        keyring: Keyring,
        sessions: Sessions,
        sights: Sights,
        limiter: Limiter,
        monotonic: Callable[[], float],
        *,
        sources: Mapping[Site, Sequence[str]],
    ) -> None:
        """A door to these workspaces; a collector has no services, so nobody is a caller there."""
        self.workspaces = frozenset(names)
        self.sessions = sessions
        self._sights = sights
        self._services = services
        self.keys = keyring.store
        self.sources = sources
        self._keyring = keyring
        self._limiter = limiter
        self._monotonic = monotonic

    def body(self, scope: Scope) -> int:
        """Let the body of a request be read, which without a secret key or a session few may be; how large it may be.

        Raises:
            HTTPException: There is no such key; the framework answers so in the middle of reading, and as `admit` does.
        """
        if scope["path"] in OPEN:
            return OPEN_BYTES_MAX
        try:
            key = self._found(scope)
        except ForbiddenError as error:
            raise HTTPException(403, str(error)) from None
        if key is None:
            raise HTTPException(401, _SEND_A_KEY, {"WWW-Authenticate": 'Bearer realm="onefold"'})
        if key.kind == "source":
            raise HTTPException(403, "A write key cannot read or change anything; send a secret key.")
        if allows(key, "sources") and scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"]):
            return UPLOAD_BYTES_MAX
        return BODY_BYTES_MAX

    def admit(self, request: Request, scope: KeyScope, operation: Operation) -> Caller:
        """The caller; see `key`."""
        key = self.key(request, scope, operation)
        return Caller(key, self._services[key.workspace])

    def key(self, request: Request, scope: KeyScope | None, operation: Operation) -> Key:
        """The key a request is made with, or what its session may do; counts the request.

        Args:
            request: The request.
            scope: What it needs; None for any but `collect`.
            operation: As what it counts.

        Raises:
            UnauthorizedError: No key, or an unknown one.
            ForbiddenError: A key without `scope`; or a session's request that a page of another site made.
            OverloadedError: The key is over its limit.
        """
        key = self._found(request.scope)
        if key is None or key.workspace not in self.workspaces:
            raise UnauthorizedError(_SEND_A_KEY)
        # The access log says whose request it was, by name and id.
        request.scope["onefold.key"] = key
        watch = watching.get()
        if watch is not None:
            watch.key = key
            watch.sight = self.sight(key)
        if scope is None and key.kind == "source":
            raise ForbiddenError("A write key cannot read or change anything.")
        if scope is not None and not allows(key, scope):
            lacking = f"This key lacks the scope `{scope}`."
            raise ForbiddenError(lacking if key.role is None else f"The role `{key.role}` does not allow this.")
        wait = self._limiter.wait_seconds(key.workspace, key.id, operation, self._monotonic())
        if wait:
            raise OverloadedError("Too many requests with this key; see Retry-After.", retry_after_seconds=wait)
        return key

    def sight(self, key: Key) -> Sight | None:
        """What a key sees of people; None for everything, as a key without a role, which is a program's.

        Raises:
            UnavailableError: What the project says of personal data cannot be read.
        """
        return None if key.role is None else self._sights(key.role)

    def _found(self, scope: Scope) -> Key | None:
        """The key in a request's header; without that header, what the session of its cookie may do."""
        header = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if header is None:
            return self.sessions.key(scope) if self._services else None
        key = None
        for token in tokens_of(header):
            key = self._keyring.find(token)
        return key


async def known(request: Request) -> Key:
    """A dependency that admits everybody who has a secret key or is signed in."""
    door: Doorkeeper = request.app.state.door
    return door.key(request, None, "lookup")


def gate(scope: KeyScope, operation: Operation) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that admits callers for one kind of request; the application's state holds the doorkeeper."""

    async def dependency(request: Request) -> Caller:
        fault = request.scope.get(FAULT)
        if fault is not None:
            raise fault
        door: Doorkeeper = request.app.state.door
        return door.admit(request, scope, operation)

    return dependency
