"""What SDKs fetch before they send: settings, remote configurations, scripts. No request of these appends anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

import msgspec

from onefold.governance.access import Key
from onefold.serving import pixel, posthog, sdk
from onefold.serving.answers import Answer, Scope, failure, wait
from onefold.serving.forwarded import Proxies
from onefold.serving.keys import Keyring, tokens_of
from onefold.serving.limits import Limit, Pace
from onefold.serving.request import Head
from onefold.serving.routes import Route
from onefold.serving.visitors import VISITORS_MAX, Visitors

NOT_FOUND = failure(404, "not_found", "Not found.")
UNKNOWN_KEY = "Unknown or revoked write key."
_KEY_REFUSED = failure(401, "unknown_key", UNKNOWN_KEY)
_KEY_NOT_FOUND = failure(404, "unknown_key", UNKNOWN_KEY)
_LARGE_BYTES = 8 * 1024
SCRIPT_KILOBYTES = Limit(60_000, burst=20_000)
"""What one visitor may fetch of scripts: sending them costs us far more than asking costs anybody. A browser fetches 125 KB,
and keeps them."""


class PublicAddress(msgspec.Struct, frozen=True):
    """The address by which clients reach this server, as its operator states it: `https` and `events.example.org`."""

    scheme: str
    host: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Read `https://events.example.org`."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.netloc)


class Fetches:
    """Answers the routes that SDKs fetch from.

    Args:
        keyring: Whose keys are known.
        proxies: Who may say by which address a client called us.
        visitors: Tells visitors apart.
        public: That address, where the operator states it.
        clock_us: The time now, microseconds UTC.
        monotonic: Seconds, never going back.
    """

    def __init__(
        self,
        keyring: Keyring,
        proxies: Proxies,
        visitors: Visitors,
        public: PublicAddress | None,
        *,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._keyring = keyring
        self._proxies = proxies
        self._visitors = visitors
        self._public = public
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._sent: Pace[bytes] = Pace(VISITORS_MAX)

    def answer(self, scope: Scope, route: Route, head: Head) -> tuple[Answer, Key | None]:
        """The answer, and the key that was asked with, if it is one."""
        found, key = self._find(scope, route, head)
        if len(found.body) >= _LARGE_BYTES:
            visitor = self._visitors.visitor(scope, head)
            if visitor is not None:
                kilobytes = len(found.body) // 1024
                wait_seconds = self._sent.wait_seconds(visitor, SCRIPT_KILOBYTES, self._monotonic(), cost=kilobytes)
                if wait_seconds:
                    refused = wait(429, "rate_limited", "Too many scripts fetched.", wait_seconds, self._clock_us())
                    return refused, key
        return found, key

    def _find(self, scope: Scope, route: Route, head: Head) -> tuple[Answer, Key | None]:
        parts = scope["path"].strip("/").split("/")
        match route.meaning:
            case "flags":
                return posthog.FLAGS, None
            case "script":
                return sdk.script(compressed=head.gzip), None
            case "posthog_script":
                return posthog.script(compressed=head.gzip), None
            case "bundle":
                return sdk.bundle(parts[-1], compressed=head.gzip) or NOT_FOUND, None
            case "source_config":
                return self._source_config(scope, head)
        token = parts[2] if route.meaning == "settings" else parts[1]
        key = self._source_key(token)
        if key is None:
            return _KEY_NOT_FOUND, None
        match route.meaning:
            case "posthog_config":
                return posthog.config(token), key
            case "posthog_config_script":
                return posthog.config_script(token), key
        return self._settings(scope, head, token), key

    def _settings(self, scope: Scope, head: Head, token: str) -> Answer:
        public = self._public
        if public is not None:
            return sdk.settings(token, public.host, public.scheme, shared=True)
        scheme, host = self._proxies.site(scope, head)
        # A cache that pages share must not keep what one client said our address is.
        return sdk.settings(token, host, scheme, shared=False)

    def _source_config(self, scope: Scope, head: Head) -> tuple[Answer, Key | None]:
        for token in (*tokens_of(head.authorization), pixel.write_key_of(scope["query_string"])):
            key = self._source_key(token) if token else None
            if token and key is not None:
                return sdk.source_config(token, key.name, key.workspace), key
        return _KEY_REFUSED, None

    def _source_key(self, token: str) -> Key | None:
        key = self._keyring.find(token)
        return key if key is not None and key.kind == "source" else None
