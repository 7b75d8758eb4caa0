"""Answers of the collect edge, and the CORS headers that let a browser's SDK read them."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from onefold.serving.routes import Family

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
_PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-max-age", b"86400"),
    # A cache between must not give one page the answer to what another asked for.
    (b"vary", b"Access-Control-Request-Headers"),
)
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9-]{1,64}( *, *[A-Za-z0-9-]{1,64}){0,63}")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer, ready to send."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = JSON


def preflight(asked: bytes | None) -> Answer:
    """The answer to a preflight: yes to all headers it asks for.

    SDKs add headers of their own from one version to the next (RudderStack's `Rsa-Retry-Attempt`), and a page learns
    nothing by sending one: who may send is decided by the key and the origin.
    """
    headers = list(_PREFLIGHT)
    if asked is not None and _HEADER_NAMES.fullmatch(asked):
        headers.append((b"access-control-allow-headers", asked))
    return Answer(204, b"", headers)


def failure(status: int, code: str, message: str, headers: Headers = ()) -> Answer:
    """An error in the words of all SDKs at once: Segment's and RudderStack's read `code` and `message`, PostHog's `detail`.

    An SDK that misses a field it reads takes the answer for a broken connection, and tries for minutes what it should drop.
    """
    body = {"success": False, "code": code, "message": message, "detail": message}
    return Answer(status, msgspec.json.encode(body), headers)


def in_form_of(answer: Answer, family: Family) -> Answer:
    """An error in the form that a vendor's SDKs parse; other answers as they are."""
    if family == "common" or answer.status < 400:
        return answer
    message = msgspec.json.decode(answer.body).get("message", "")
    told = {"code": answer.status, "error": message}
    if family == "mixpanel":
        told["status"] = 0
    return Answer(answer.status, msgspec.json.encode(told), answer.headers)


def wait(status: int, code: str, message: str, seconds: float, now_us: int) -> Answer:
    """An answer that says when to come again: as an interval for most SDKs, as a time for segment-node."""
    whole = max(1, math.ceil(seconds))
    reset = math.ceil(now_us / 1_000_000 + seconds)
    headers = ((b"retry-after", str(whole).encode()), (b"x-ratelimit-reset", str(reset).encode()))
    return failure(status, code, message, headers)


def cors(origin: bytes) -> Headers:
    """What makes an answer readable to a page of `origin`. No cookie is ever used, so credentials carry nothing."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"Retry-After, X-RateLimit-Reset, Request-Id"),
        (b"vary", b"Origin"),
    )


async def give(send: Send, answer: Answer, request_id: bytes, origin: bytes | None) -> None:
    """Send an answer. A 204 has no body and therefore no type and length."""
    headers: list[tuple[bytes, bytes]] = [(b"request-id", request_id)]
    if answer.status != 204:
        headers += (
            (b"content-type", answer.content_type),
            (b"content-length", str(len(answer.body)).encode()),
        )
    if answer.headers:
        headers += answer.headers
    if origin is not None:
        headers += cors(origin)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
