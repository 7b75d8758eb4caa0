"""Visitors' rate limits: browsers and apps share their source's key, so each address has a limit of its own.

One request an event is what browser SDKs send, and what they are refused is often lost for good. So a visitor may send
much at once, and what bounds a source is a total that its operator sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal

import msgspec

from onefold.governance.access import Key
from onefold.serving.answers import Scope
from onefold.serving.forwarded import Proxies, network_of
from onefold.serving.limits import Limit, Limiter, Pace
from onefold.serving.request import Head

Senders = Literal["servers", "visitors"]
Site = tuple[str, str]
"""A workspace and one of its sources."""

VISITORS_MAX = 100_000
"""Visitors remembered; with more, those heard of first are forgotten first."""

DEFAULT_VISITOR = Limit(1_200, burst=6_000)
"""A school or an office is one address too: so a whole class may be lively at once."""
DEFAULT_TOTAL = Limit(60_000)


class VisitorSettings(msgspec.Struct, frozen=True):
    """What visitors may send.

    Attributes:
        visitor: What one address may send to one source; None for no limit.
        total: What all visitors of a source together may send; None for no limit.
        totals: The same for single sources.
        senders: Who sends to a source, where its file says so; else a request of a page is a visitor's.
    """

    visitor: Limit | None = DEFAULT_VISITOR
    total: Limit | None = DEFAULT_TOTAL
    totals: Mapping[Site, Limit] = {}
    senders: Mapping[Site, Senders] = {}


NO_VISITOR_LIMITS = VisitorSettings(visitor=None, total=None)


class Visitors:
    """Tells visitors apart without keeping their addresses, which are personal data.

    Args:
        proxies: Who may say what a visitor's address is.
        secret: A key of this process alone, under which addresses are hashed.
    """

    def __init__(self, proxies: Proxies, secret: bytes) -> None:
        self._proxies = proxies
        self._secret = secret

    def visitor(self, scope: Scope, head: Head, of: str = "") -> bytes | None:
        """A name for whoever a request comes from, another one for each `of`; None where nobody says it."""
        address = self._proxies.visitor(scope, head)
        if address is None:
            return None
        return blake2b(f"{of}\0{network_of(address)}".encode(), digest_size=16, key=self._secret).digest()


class IngestLimits:
    """Limits what is sent: each key of a server, each visitor, and all visitors of a source together.

    Args:
        limiter: The limits of keys.
        settings: The limits of visitors.
        visitors: Tells visitors apart.
    """

    def __init__(self, limiter: Limiter, settings: VisitorSettings, visitors: Visitors) -> None:
        self._limiter = limiter
        self._settings = settings
        self._names = visitors
        self._visitors: Pace[bytes] = Pace(VISITORS_MAX)
        self._sources: Pace[Site] = Pace()

    def wait_seconds(self, key: Key, scope: Scope, head: Head, *, pixel: bool, now_seconds: float) -> float:
        """Count one request: 0.0 if it may pass, else how long to wait until the next one may.

        Args:
            key: The write key it came with.
            scope: The request.
            head: Its headers.
            pixel: Whether it is a picture's, which mail readers and browsers fetch.
            now_seconds: A clock that never goes back.
        """
        site = (key.workspace, key.name)
        senders = self._settings.senders.get(site)
        if senders == "servers" or (senders is None and not head.from_page and not pixel):
            return self._limiter.wait_seconds(key.workspace, key.id, "ingest", now_seconds)
        return self._visitor_wait(site, scope, head, now_seconds)

    def _visitor_wait(self, site: Site, scope: Scope, head: Head, now_seconds: float) -> float:
        settings = self._settings
        if settings.visitor is not None:
            visitor = self._names.visitor(scope, head, "\0".join(site))
            # Where no proxy says whose request it is, only the total counts.
            if visitor is not None:
                wait = self._visitors.wait_seconds(visitor, settings.visitor, now_seconds)
                if wait:
                    return wait
        total = settings.totals.get(site, settings.total)
        return 0.0 if total is None else self._sources.wait_seconds(site, total, now_seconds)
