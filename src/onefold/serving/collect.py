"""The collect edge: takes what SDKs send, appends it durably, and only then says so. It judges nothing.

Written straight against ASGI, because this is where the product's speed is decided. The answers follow from how SDKs
react to them: anything but exactly 200 makes one of them send twice, drop data or end its process, so a fault in an
item is answered 200 and becomes a dead letter. Only broken JSON (400), an unknown key (401), an origin the key is not
for (403) and too large a body (413) are refused; 429 and 503 say when to come again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import msgspec

from onefold.errors import OverloadedError, TooLargeError, UnavailableError, UsageError
from onefold.governance.access import Key
from onefold.ingest import framing
from onefold.model import LogEntry
from onefold.serving import pixel, sdk
from onefold.serving.answers import PREFLIGHT, Answer, Receive, Scope, Send, failure, give, wait
from onefold.serving.appender import Appender
from onefold.serving.keys import Keyring, tokens_of
from onefold.serving.limits import Limiter
from onefold.serving.measures import Measures
from onefold.serving.request import Bodies, Head, read_head
from onefold.serving.routes import Route
from onefold.telemetry import request_id as current_request

_log = logging.getLogger("onefold.collect")


class CollectSettings(msgspec.Struct, frozen=True):
    """How the edge takes requests.

    Attributes:
        request_bytes: Largest body as sent; RudderStack's gateway takes as much.
        unpacked_bytes: Largest body after decompression.
        request_items: Most items of one request.
        body_seconds: How long a body may take to arrive.
        arriving_bytes: Most that all unfinished bodies together may hold; who would exceed it is told to wait.
        public_host: Host (and port) that SDKs are told to send to; None for the one they called.
        public_protocol: `http` or `https` for them; None for the one they called.
        log_successes: Whether requests answered 200 get a log line; they are counted in any case.
    """

    request_bytes: int = 4 * 1024 * 1024
    unpacked_bytes: int = 8 * 1024 * 1024
    request_items: int = 20_000
    body_seconds: float = 30.0
    arriving_bytes: int = 128 * 1024 * 1024
    public_host: str | None = None
    public_protocol: str | None = None
    log_successes: bool = False


class _Call(msgspec.Struct, gc=False):
    """One request on its way: what is known of it by the time it is answered."""

    route: Route
    head: Head
    query: bytes
    id: str
    key: Key | None = None
    size: int = 0
    items: int = 0


_KEY_UNKNOWN = failure(401, "The write key is unknown or was revoked.")
_ORIGIN_REFUSED = failure(403, "This write key is not for pages of this origin.")
_NOT_JSON = failure(400, "The body is not JSON.")
_TOO_LARGE = failure(413, "The request is too large.")
_METHOD = failure(405, "This route takes POST.")
_NOT_FOUND = failure(404, "There is nothing here.")
_GONE = failure(408, "The body did not arrive in time.")
_PREFLIGHT = Answer(204, b"", PREFLIGHT)
_GIF = Answer(200, pixel.GIF, ((b"cache-control", b"no-store"),), b"image/gif")
_GPC = {"gpc": True}
"""What the header `Sec-GPC: 1` says: this person does not want their data sold or shared."""
_REFUSED_FOR_NOW = "Too many requests with this key."


class Collector:
    """Answers the SDK routes of all workspaces."""

    def __init__(
        self,
        appenders: Mapping[str, Appender],
        keyring: Keyring,
        limiter: Limiter,
        measures: Measures,
        settings: CollectSettings,
        *,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
        name_request: Callable[[str | None], str],
    ) -> None:
        self._appenders = appenders
        self._keyring = keyring
        self._limiter = limiter
        self._measures = measures
        self._settings = settings
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._name_request = name_request
        self._successes: dict[bytes, Answer] = {}
        self._bodies = Bodies(settings.request_bytes, settings.arriving_bytes, settings.body_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        """Answer one request to an SDK route."""
        started = self._monotonic()
        head = read_head(scope)
        call = _Call(route, head, scope["query_string"], self._name_request(head.request_id))
        try:
            answer = await self._answer(scope, receive, call)
        except OverloadedError as error:
            answer = wait(429, "Too much at once.", error.retry_after_seconds, self._clock_us())
        except UnavailableError:
            answer = wait(503, "The log cannot be written now.", 2, self._clock_us())
        except Exception:  # noqa: BLE001  the last resort
            token = current_request.set(call.id)
            _log.exception("request failed", extra={"route": route.name})
            current_request.reset(token)
            answer = wait(503, "The request failed.", 2, self._clock_us())
        await give(send, answer, call.id.encode(), head.origin)
        seconds = self._monotonic() - started
        self._measures.answered(route.name, answer.status, seconds)
        if answer.status >= 400 or self._settings.log_successes:
            self._write_log(scope["method"], call, answer.status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, call: _Call) -> Answer:
        method = scope["method"]
        if method == "OPTIONS":
            return _PREFLIGHT
        match call.route.meaning:
            case "collect":
                return await self._collect(receive, call) if method == "POST" else _METHOD
            case "pixel":
                return await self._pixel(call)
            case "discard":
                return self._success(call.route)
            case "flags":
                return sdk.FLAGS
            case "script":
                return sdk.script(compressed=call.head.gzip)
            case "bundle":
                name = scope["path"].rstrip("/").rpartition("/")[2]
                return sdk.bundle(name, compressed=call.head.gzip) or _NOT_FOUND
            case "settings":
                token = scope["path"].strip("/").split("/")[2]
                return self._sdk_settings(scope, call, token)
            case "source_config":
                return self._source_config(call)

    async def _collect(self, receive: Receive, call: _Call) -> Answer:
        settings = self._settings
        if call.head.length > settings.request_bytes:
            return _TOO_LARGE
        try:
            body = await self._bodies.read(receive)
        except TimeoutError:
            return _GONE
        except TooLargeError:
            return _TOO_LARGE
        call.size = len(body)
        for token in tokens_of(call.head.authorization):
            call.key = self._keyring.find(token)
        if call.key is not None:
            # Before unpacking: who is over the limit must not cost us more than the look-up.
            refusal = self._refusal(call)
            if refusal is not None:
                return refusal
        return await self._take(call, body)

    async def _pixel(self, call: _Call) -> Answer:
        body = pixel.body_of(call.query)
        call.size = len(body)
        answer = await self._take(call, body)
        # An image cannot show an error, and a broken picture in a mail helps nobody.
        return _GIF if answer.status in {200, 400} else answer

    async def _take(self, call: _Call, body: bytes) -> Answer:
        """Unpack a body, find its key, append its items, wait for the disk."""
        settings = self._settings
        envelope: framing.Envelope | framing.Malformed
        try:
            body = framing.unpack(body, max_bytes=settings.unpacked_bytes)
            envelope = framing.peek(body)
        except TooLargeError:
            return _TOO_LARGE
        except UsageError:
            envelope = framing.Malformed("bad_compression")
        if call.key is None:
            refusal = self._identify(call, None if isinstance(envelope, framing.Malformed) else envelope.write_key)
            if refusal is not None:
                # Without a key the bytes belong to nobody; that they are broken is the more useful answer.
                return _NOT_JSON if isinstance(envelope, framing.Malformed) else refusal
        key = call.key
        appender = None if key is None else self._appenders.get(key.workspace)
        if key is None or appender is None:
            return _KEY_UNKNOWN
        now_us = self._clock_us()
        if isinstance(envelope, framing.Malformed):
            await appender.append([LogEntry("unreadable", key.name, now_us, 0, body, request_id=call.id)], len(body))
            return _NOT_JSON
        if len(envelope.items) > settings.request_items:
            return _TOO_LARGE
        entries = framing.entries(
            envelope,
            shape=call.route.shape,
            source=key.name,
            received_at_us=now_us,
            request_id=call.id,
            default_type=call.route.default_type,
            context=_GPC if call.head.gpc else None,
        )
        if entries:
            await appender.append(entries, len(body))
            call.items = len(entries)
            self._measures.appended(key.workspace, call.items)
        return self._success(call.route)

    def _identify(self, call: _Call, stated: str | None) -> Answer | None:
        """Find the key in the body or the query string; None when found, else the refusal."""
        for token in (stated, pixel.write_key_of(call.query)):
            if token:
                call.key = self._keyring.find(token)
                if call.key is not None:
                    return self._refusal(call)
        return _KEY_UNKNOWN

    def _refusal(self, call: _Call) -> Answer | None:
        """Why the holder of this key may not append now; None when they may."""
        key = call.key
        if key is None or key.kind != "source":
            call.key = None
            return _KEY_UNKNOWN
        origin = call.head.origin
        if origin is not None and "*" not in key.origins and origin.decode("latin-1") not in key.origins:
            return _ORIGIN_REFUSED
        seconds = self._limiter.wait_seconds(key.workspace, key.id, "ingest", self._monotonic())
        return None if seconds == 0 else wait(429, _REFUSED_FOR_NOW, seconds, self._clock_us())

    def _sdk_settings(self, scope: Scope, call: _Call, token: str) -> Answer:
        key = self._keyring.find(token)
        if key is None or key.kind != "source":
            return failure(404, "The write key is unknown or was revoked.")
        call.key = key
        host = self._settings.public_host or sdk.host_of(call.head.host, "localhost")
        return sdk.settings(token, host, self._settings.public_protocol or scope["scheme"])

    def _source_config(self, call: _Call) -> Answer:
        for token in (*tokens_of(call.head.authorization), pixel.write_key_of(call.query)):
            key = self._keyring.find(token) if token else None
            if token and key is not None and key.kind == "source":
                call.key = key
                return sdk.source_config(token, key.name, key.workspace)
        return _KEY_UNKNOWN

    def _success(self, route: Route) -> Answer:
        answer = self._successes.get(route.success)
        if answer is None:
            answer = self._successes[route.success] = Answer(200, route.success)
        return answer

    def _write_log(self, method: str, call: _Call, status: int, seconds: float) -> None:
        key = call.key
        _log.info(
            "request",
            extra={
                "request": call.id,
                "method": method,
                "route": call.route.name,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "bytes": call.size,
                "entries": call.items,
                "workspace": key.workspace if key else "",
                "source": key.name if key else "",
                "key": key.id if key else "",
            },
        )
