"""Problems: errors as RFC 9457 has them, for our own API."""

from __future__ import annotations

import http
import math
from collections.abc import Mapping

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from onefold.errors import (
    ExpensiveError,
    NotFoundError,
    OnefoldError,
    OverloadedError,
    ReadOnlyError,
    StaleError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)
from onefold.telemetry import request_id

MEDIA_TYPE = "application/problem+json"


class ForbiddenError(UnauthorizedError):
    """The key is known, but does not allow this."""


_STATUS: tuple[tuple[type[OnefoldError], int, str], ...] = (
    (NotFoundError, 404, "not-found"),
    (ReadOnlyError, 403, "read-only"),
    (StaleError, 412, "changed"),
    (ForbiddenError, 403, "forbidden"),
    (UnauthorizedError, 401, "unauthorized"),
    (TooLargeError, 413, "too-large"),
    (UsageError, 422, "unusable"),
    (ExpensiveError, 422, "expensive"),
    (OverloadedError, 429, "overloaded"),
    (UnavailableError, 503, "unavailable"),
    (OnefoldError, 500, "internal"),
)


def problem(status: int, word: str, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error answer. `word` names the kind of problem for programs, `detail` says to a person what to do."""
    body = {
        "type": f"urn:onefold:problem:{word}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id.get(),
    }
    return Response(msgspec.json.encode(body), status, dict(headers or {}), MEDIA_TYPE)


def describe(error: OnefoldError, now_seconds: float) -> tuple[int, str, dict[str, str]]:
    """Status, word and headers of one of our errors; `now_seconds` since 1970 dates the moment to come again."""
    status, word = next((status, word) for kind, status, word in _STATUS if isinstance(error, kind))
    headers = {}
    if isinstance(error, OverloadedError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
        headers["X-RateLimit-Reset"] = str(math.ceil(now_seconds + error.retry_after_seconds))
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = "2"
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="onefold"'
    return status, word, headers


async def from_onefold(request: Request, error: Exception) -> Response:
    """Answer one of our own errors."""
    if not isinstance(error, OnefoldError):
        raise error
    status, word, headers = describe(error, request.app.state.clock_us() / 1_000_000)
    return problem(status, word, str(error), headers)


async def from_http(_: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    word = http.HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, word, str(error.detail), error.headers)


async def from_validation(_: Request, error: Exception) -> Response:
    """Answer a request that does not fit the description: which places, never which values."""
    if not isinstance(error, RequestValidationError):
        raise error
    places = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
    return problem(422, "invalid-request", places)


async def from_fault(_: Request, __: Exception) -> Response:
    """Answer when we failed."""
    return fault()


def fault() -> Response:
    """The answer when we failed: nothing of the error itself, whose words may hold values."""
    return problem(500, "internal", "The request failed; the log tells where, by its id.")
