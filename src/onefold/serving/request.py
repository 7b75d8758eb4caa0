"""A request as it arrives: the headers that matter to the collect edge, and the body, within bounds."""

from __future__ import annotations

import msgspec

from onefold.errors import OverloadedError, TooLargeError
from onefold.serving.answers import Receive, Scope

_WANTED = frozenset(
    {
        b"authorization", b"origin", b"content-length", b"host", b"request-id", b"x-request-id", b"accept-encoding",
        b"sec-gpc", b"sec-fetch-site", b"access-control-request-headers", b"forwarded", b"x-forwarded-for",
        b"x-forwarded-host", b"x-forwarded-proto",
    }
)  # fmt: skip


class Head(msgspec.Struct, gc=False):
    """The headers that matter.

    Attributes:
        authorization: As sent; a key.
        origin: The page's origin, when a browser asks.
        length: Stated length of the body, 0 when none is stated.
        host: What the client called us.
        request_id: The id the client gave the request.
        gzip: Whether it reads compressed answers.
        gpc: Whether the browser says Global Privacy Control.
        from_page: Whether a browser sends it, for a page.
        asked_headers: The headers that a preflight asks for.
        forwarded: What a proxy says of the client, as RFC 7239 has it.
        forwarded_for: The same as `X-Forwarded-For`: addresses, the nearest last.
        forwarded_host: The same as `X-Forwarded-Host`.
        forwarded_proto: The same as `X-Forwarded-Proto`.
    """

    authorization: bytes | None = None
    origin: bytes | None = None
    length: int = 0
    host: bytes | None = None
    request_id: str | None = None
    gzip: bool = False
    gpc: bool = False
    from_page: bool = False
    asked_headers: bytes | None = None
    forwarded: bytes | None = None
    forwarded_for: bytes | None = None
    forwarded_host: bytes | None = None
    forwarded_proto: bytes | None = None


def read_head(scope: Scope) -> Head:
    """Pick the headers that matter, in one pass; servers hand names over in lower case, and the last of a name counts."""
    head = Head()
    for name, value in scope["headers"]:
        # Most headers of a browser are none of ours.
        if name not in _WANTED:
            continue
        if name == b"authorization":
            head.authorization = value
        elif name == b"content-length":
            head.length = int(value) if value.isdigit() and len(value) < 20 else 0
        elif name == b"host":
            head.host = value
        elif name == b"origin":
            head.origin = value
            head.from_page = True
        elif name == b"sec-fetch-site":
            head.from_page = True
        elif name in (b"request-id", b"x-request-id"):
            head.request_id = value.decode("latin-1")
        elif name == b"accept-encoding":
            head.gzip = b"gzip" in value
        elif name == b"sec-gpc":
            head.gpc = value.strip() == b"1"
        else:
            setattr(head, _RARE[name], value)
    return head


_RARE = {
    b"access-control-request-headers": "asked_headers",
    b"forwarded": "forwarded",
    b"x-forwarded-for": "forwarded_for",
    b"x-forwarded-host": "forwarded_host",
    b"x-forwarded-proto": "forwarded_proto",
}


class Bodies:
    """Reads bodies, and knows how much of unfinished ones it holds.

    Args:
        largest_bytes: Largest body.
        together_bytes: Most that all unfinished bodies together may hold.
    """

    def __init__(self, largest_bytes: int, together_bytes: int) -> None:
        self._largest_bytes = largest_bytes
        self._together_bytes = together_bytes
        self._held_bytes = 0

    async def read(self, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            TooLargeError: It is larger than allowed; the rest was not read.
            TimeoutError: It did not arrive in time, which the connection's deadline decides, or the sender left.
            OverloadedError: Too many large bodies arrive at once.
        """
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if message["type"] == "http.disconnect":
                raise TimeoutError
            return body
        chunks, size = [body], len(body)
        self._held_bytes += size
        try:
            while message.get("more_body", False):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise TimeoutError
                chunk: bytes = message.get("body", b"")
                chunks.append(chunk)
                size += len(chunk)
                self._held_bytes += len(chunk)
                if size > self._largest_bytes:
                    raise TooLargeError("The body is larger than allowed.")
                if self._held_bytes > self._together_bytes:
                    raise OverloadedError("Too many large bodies at once.", retry_after_seconds=1)
        finally:
            self._held_bytes -= size
        return b"".join(chunks)
