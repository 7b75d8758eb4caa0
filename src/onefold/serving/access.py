"""Who asks: from a request's key to the workspace it opens, within scope and limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException

from onefold.errors import OverloadedError, UnauthorizedError
from onefold.governance.access import Key
from onefold.governance.access import Scope as KeyScope
from onefold.pipelines.service import Service
from onefold.serving.answers import Scope
from onefold.serving.keys import Keyring, tokens_of
from onefold.serving.limits import Limiter, Operation
from onefold.serving.problems import ForbiddenError

_SEND_A_KEY = "Send a secret key: `Authorization: Bearer …`, or as the user of Basic."
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
        limiter: Limiter,
        monotonic: Callable[[], float],
    ) -> None:
        """A door to these workspaces; a collector has no services, so nobody is a caller there."""
        self._names = names
        self._services = services
        self._keyring = keyring
        self._limiter = limiter
        self._monotonic = monotonic

    def body(self, scope: Scope) -> None:
        """Let the body of a request be read, which nobody's may without a secret key.

        Raises:
            HTTPException: There is no such key; the framework answers so in the middle of reading, and as `admit` does.
        """
        header = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        key = None
        for token in tokens_of(header):
            key = self._keyring.find(token)
        if key is None:
            raise HTTPException(401, _SEND_A_KEY, {"WWW-Authenticate": 'Bearer realm="onefold"'})
        if key.kind != "secret":
            raise HTTPException(403, "A write key cannot read or change anything; send a secret key.")

    def admit(self, request: Request, scope: KeyScope, operation: Operation) -> Caller:
        """The caller; see `key`."""
        key = self.key(request, scope, operation)
        return Caller(key, self._services[key.workspace])

    def key(self, request: Request, scope: KeyScope, operation: Operation) -> Key:
        """The key a request is made with; counts the request.

        Raises:
            UnauthorizedError: No key, or an unknown one.
            ForbiddenError: A key without `scope`.
            OverloadedError: The key is over its limit.
        """
        header = request.headers.get("authorization")
        key = None
        for token in tokens_of(None if header is None else header.encode("latin-1")):
            key = self._keyring.find(token)
        if key is None or key.workspace not in self._names:
            raise UnauthorizedError(_SEND_A_KEY)
        # The access log says whose request it was, by name and id.
        request.scope["onefold.key"] = key
        # Who may make judgements may also look.
        if scope not in key.scopes and not (scope == "read" and "admin" in key.scopes):
            raise ForbiddenError(f"This key lacks the scope `{scope}`.")
        wait = self._limiter.wait_seconds(key.workspace, key.id, operation, self._monotonic())
        if wait:
            raise OverloadedError("Too many requests with this key; see Retry-After.", retry_after_seconds=wait)
        return key


def gate(scope: KeyScope, operation: Operation) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that admits callers for one kind of request; the application's state holds the doorkeeper."""

    async def dependency(request: Request) -> Caller:
        fault = request.scope.get(FAULT)
        if fault is not None:
            raise fault
        door: Doorkeeper = request.app.state.door
        return door.admit(request, scope, operation)

    return dependency
