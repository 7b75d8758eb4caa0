"""Answers of the collect edge, and the CORS headers that let a browser's SDK read them."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, content-encoding, anonymousid, sentat, x-retry-count, request-id, x-request-id",
    ),
    (b"access-control-max-age", b"86400"),
)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer, ready to send."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: bytes = JSON


def failure(status: int, message: str) -> Answer:
    """An answer in the words of the Segment API: SDKs hand `message` to their user."""
    return Answer(status, msgspec.json.encode({"success": False, "message": message}))


def wait(status: int, message: str, seconds: float, now_us: int) -> Answer:
    """An answer that says when to come again: as an interval for most SDKs, as a time for segment-node."""
    whole = max(1, math.ceil(seconds))
    reset = math.ceil(now_us / 1_000_000 + seconds)
    headers = ((b"retry-after", str(whole).encode()), (b"x-ratelimit-reset", str(reset).encode()))
    body = msgspec.json.encode({"success": False, "message": message})
    return Answer(status, body, headers)


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
