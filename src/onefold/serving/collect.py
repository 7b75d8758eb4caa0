"""The collect edge: takes what SDKs send, appends it durably, and only then says so. It checks nothing else.

Written straight against ASGI, because this is where the product's speed is decided. The answers follow from how SDKs
react to them: anything but exactly 200 makes one of them send twice, drop data or end its process, so a fault in an
item is answered 200 and becomes a dead letter. Only broken JSON (400), an unknown key (401), an origin the key is not
for (403) and too large a body (413) are refused; 429 and 503 say when to come again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import msgspec

from onefold.errors import OverloadedError, TooLargeError, UnavailableError
from onefold.governance.access import Key
from onefold.ingest import framing
from onefold.model import LogEntry
from onefold.serving import pixel
from onefold.serving.answers import Answer, Receive, Scope, Send, failure, give, in_form_of, preflight, wait
from onefold.serving.appender import Appender
from onefold.serving.fetches import UNKNOWN_KEY, Fetches
from onefold.serving.keys import Keyring, tokens_of
from onefold.serving.measures import Measures
from onefold.serving.opening import SMALL_BYTES, Opener, open_small
from onefold.serving.request import Bodies, Head, read_head
from onefold.serving.routes import Route
from onefold.serving.visitors import IngestLimits
from onefold.telemetry import request_id as current_request

_log = logging.getLogger("onefold.collect")


class CollectSettings(msgspec.Struct, frozen=True):
    """How the edge takes requests.

    Attributes:
        request_bytes: Largest body as sent; RudderStack's gateway takes as much.
        unpacked_bytes: Largest body after decompression.
        request_items: Most items of one request.
        arriving_bytes: Most that all unfinished bodies together may hold; who would exceed it is told to wait. A quarter of
            it is for requests that state no key we know before their body.
        log_successes: Whether requests answered 200 get a log line; they are counted in any case.
    """

    request_bytes: int = 4 * 1024 * 1024
    unpacked_bytes: int = 8 * 1024 * 1024
    request_items: int = 20_000
    arriving_bytes: int = 128 * 1024 * 1024
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
    verbose: bool = False


_KEY_UNKNOWN = failure(401, "unknown_key", UNKNOWN_KEY)
_ORIGIN_REFUSED = failure(403, "origin_refused", "This write key does not accept requests from pages of this origin.")
_NOT_JSON = failure(400, "invalid_json", "The request body is not valid JSON.")
_TOO_LARGE = failure(413, "too_large", "The request is too large.")
_METHOD = failure(405, "method_not_allowed", "Use POST.", ((b"allow", b"POST, OPTIONS"),))
_GONE = failure(408, "timeout", "The request body did not arrive in time.")
_GIF = Answer(200, pixel.GIF, ((b"cache-control", b"no-store"),), b"image/gif")
_GPC = {"gpc": True}
"""What the header `Sec-GPC: 1` says: this person does not want their data sold or shared."""
_OVERLOADED = "Too many requests at once; see Retry-After."
_REFUSED_FOR_NOW = "Too many requests; see Retry-After."


class Collector:
    """Answers the SDK routes of all workspaces."""

    def __init__(
        self,
        appenders: Mapping[str, Appender],
        keyring: Keyring,
        limits: IngestLimits,
        fetches: Fetches,
        measures: Measures,
        settings: CollectSettings,
        *,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
        name_request: Callable[[str | None], str],
    ) -> None:
        self._appenders = appenders
        self._keyring = keyring
        self._limits = limits
        self._fetches = fetches
        self._measures = measures
        self._settings = settings
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._name_request = name_request
        self._successes: dict[bytes, Answer] = {}
        self._bodies = Bodies(settings.request_bytes, settings.arriving_bytes)
        self._opener = Opener(settings.unpacked_bytes, lambda token: keyring.find(token) is not None)
        self._strangers = Bodies(settings.request_bytes, settings.arriving_bytes // 4)

    def close(self) -> None:
        """Open no more bodies."""
        self._opener.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        """Answer one request to an SDK route."""
        started = self._monotonic()
        head = read_head(scope)
        call = _Call(route, head, scope["query_string"], self._name_request(head.request_id))
        try:
            answer = await self._answer(scope, receive, call)
        except OverloadedError as error:
            answer = wait(
                429,
                "overloaded",
                _OVERLOADED,
                error.retry_after_seconds,
                self._clock_us(),
            )
        except UnavailableError:
            answer = wait(503, "unavailable", "The event log is unavailable; try again.", 2, self._clock_us())
        except Exception:  # noqa: BLE001  the last resort
            token = current_request.set(call.id)
            _log.exception("request failed", extra={"route": route.name})
            current_request.reset(token)
            answer = wait(503, "failed", "The request failed; try again.", 2, self._clock_us())
        # An image cannot show an error, and a broken picture in a mail helps nobody: the log and the metrics tell it.
        shown = _GIF if route.meaning == "pixel" else in_form_of(answer, route.family)
        await give(send, shown, call.id.encode(), head.origin)
        seconds = self._monotonic() - started
        self._measures.answered(route.name, answer.status, seconds)
        if answer.status >= 400 or self._settings.log_successes:
            self._write_log(scope["method"], call, answer.status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, call: _Call) -> Answer:
        method = scope["method"]
        if method == "OPTIONS":
            return preflight(call.head.asked_headers)
        match call.route.meaning:
            case "collect":
                if method == "GET" and call.route.get:
                    return await self._take(scope, call, pixel.body_of(call.query))
                return await self._collect(scope, receive, call) if method == "POST" else _METHOD
            case "pixel":
                return await self._take(scope, call, pixel.body_of(call.query))
            case "discard":
                return self._success(call.route)
        answer, call.key = self._fetches.answer(scope, call.route, call.head)
        return answer

    async def _collect(self, scope: Scope, receive: Receive, call: _Call) -> Answer:
        settings = self._settings
        if call.head.length > settings.request_bytes:
            return _TOO_LARGE
        for token in tokens_of(call.head.authorization):
            call.key = self._keyring.find(token)
        bodies = self._strangers
        if call.key is not None:
            # Before the body: who is over the limit must not cost us more than the look-up.
            refusal = self._refusal(scope, call)
            if refusal is not None:
                return refusal
            bodies = self._bodies
        try:
            body = await bodies.read(receive)
        except TimeoutError:
            return _GONE
        except TooLargeError:
            return _TOO_LARGE
        return await self._take(scope, call, body)

    async def _take(self, scope: Scope, call: _Call, body: bytes) -> Answer:
        """Unpack a body, find its key, append its items, wait for the disk."""
        call.size = len(body)
        call.verbose = call.route.terse is None or b"verbose=1" in call.query or b"verbose=1" in body
        opened = open_small(body)
        if opened is None:
            # A stranger's key may stand beside the body, too.
            beside = pixel.write_key_of(call.query)
            known = call.key is not None or (beside is not None and self._keyring.find(beside) is not None)
            try:
                opened = await self._opener.open_large(body, known=known)
            except TooLargeError:
                return _TOO_LARGE
            if opened is None:
                return _KEY_UNKNOWN
        body, envelope = opened
        if call.key is None:
            stated = framing.stated_keys(body) if isinstance(envelope, framing.Malformed) else [envelope.write_key]
            refusal = self._identify(scope, call, stated)
            if refusal is not None:
                # Without a key the bytes belong to nobody; that they are broken is the more useful answer.
                unreadable = isinstance(envelope, framing.Malformed) and refusal is _KEY_UNKNOWN
                return _NOT_JSON if unreadable else refusal
        key = call.key
        appender = None if key is None else self._appenders.get(key.workspace)
        if key is None or appender is None:
            return _KEY_UNKNOWN
        now_us = self._clock_us()
        if isinstance(envelope, framing.Malformed):
            await appender.append([LogEntry("unreadable", key.name, now_us, 0, body, request_id=call.id)], len(body))
            return _NOT_JSON
        if len(envelope.items) > self._settings.request_items:
            return _TOO_LARGE
        if scope["method"] == "GET" and envelope.sent_at is None:
            # An image is fetched when it is seen, and fetched again when it is seen again: two equal ones are two.
            envelope = msgspec.structs.replace(envelope, sent_at=str(now_us // 1000))
        make = partial(
            framing.entries,
            envelope,
            shape=call.route.shape,
            source=key.name,
            received_at_us=now_us,
            request_id=call.id,
            default_type=call.route.default_type,
            context=_GPC if call.head.gpc else None,
        )
        entries = make() if len(body) <= SMALL_BYTES else await self._opener.apart(make)
        if entries:
            await appender.append(entries, len(body))
            call.items = len(entries)
            self._measures.appended(key.workspace, call.items)
        return self._success(call.route, verbose=call.verbose)

    def _identify(self, scope: Scope, call: _Call, stated: Iterable[str | None]) -> Answer | None:
        """Find the key in the body or the query string; None when found, else the refusal."""
        for token in (*stated, pixel.write_key_of(call.query)):
            if token:
                call.key = self._keyring.find(token)
                if call.key is not None:
                    return self._refusal(scope, call)
        return _KEY_UNKNOWN

    def _refusal(self, scope: Scope, call: _Call) -> Answer | None:
        """Why the holder of this key may not append now; None when they may."""
        key, head = call.key, call.head
        if key is None or key.kind != "source":
            call.key = None
            return _KEY_UNKNOWN
        origin = head.origin
        if origin is not None and "*" not in key.origins and origin.decode("latin-1") not in key.origins:
            return _ORIGIN_REFUSED
        is_pixel = call.route.meaning == "pixel"
        seconds = self._limits.wait_seconds(key, scope, head, pixel=is_pixel, now_seconds=self._monotonic())
        return None if seconds == 0 else wait(429, "rate_limited", _REFUSED_FOR_NOW, seconds, self._clock_us())

    def _success(self, route: Route, *, verbose: bool = True) -> Answer:
        body = route.success if verbose or route.terse is None else route.terse
        answer = self._successes.get(body)
        if answer is None:
            answer = self._successes[body] = Answer(200, body)
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
