"""The application: SDK routes go straight to the collector, everything else to the described API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from onefold.errors import OnefoldError
from onefold.governance.access import KeyStore
from onefold.governance.accounts import AccountStore
from onefold.governance.audit import AuditEntry
from onefold.governance.openid import OpenId
from onefold.pipelines.service import Service
from onefold.serving import lookup, openid, problems
from onefold.serving.access import Doorkeeper
from onefold.serving.answers import Message, Receive, Scope, Send, give
from onefold.serving.api import api
from onefold.serving.appender import Appender, AppenderLimits
from onefold.serving.collect import Collector, CollectSettings
from onefold.serving.connections import Bounds, Guard
from onefold.serving.console import API_POLICY, PLACE, Console
from onefold.serving.description import describe
from onefold.serving.edge import Edge
from onefold.serving.fetches import Fetches, PublicAddress
from onefold.serving.figures import Figures
from onefold.serving.forwarded import LOOPBACK, Proxies
from onefold.serving.health import Health
from onefold.serving.keys import Keyring
from onefold.serving.limits import DEFAULT_LIMITS, Limit, Limiter, Operation
from onefold.serving.measures import Measures
from onefold.serving.project_desks import ProjectDesks
from onefold.serving.queries import Desk
from onefold.serving.routes import match
from onefold.serving.segment_desk import SegmentDesk
from onefold.serving.sessions import SAFE, Sessions
from onefold.serving.sight import Watch, watching
from onefold.serving.visitors import IngestLimits, Site, Visitors, VisitorSettings
from onefold.telemetry import request_id, request_ids
from onefold.warehouse.sight import Sights, builtin

_log = logging.getLogger("onefold.http")


class ServingSettings(msgspec.Struct, frozen=True):
    """How the server serves.

    Attributes:
        collect: How SDK requests are taken.
        appender: How much may wait for the disk.
        limits: Requests a minute by operation; None turns one off.
        visitors: What pages and apps may send.
        trusted_proxies: Addresses or networks whose forwarded headers count.
        bounds: What connections may hold.
        public: The address that SDKs are told to send to; None for the one they called.
        metrics_open: Whether /metrics answers without a key; the server closes it when it listens to other machines.
        sources: Sources that send over HTTP, with the web origins that may use their keys.
        openid: The identity provider by which people sign in, too; None for accounts with passwords alone.
        log_requests: Whether each API request gets a log line; failed ones always do.
    """

    collect: CollectSettings = CollectSettings()
    appender: AppenderLimits = AppenderLimits()
    limits: Mapping[Operation, Limit | None] = msgspec.field(default_factory=lambda: dict(DEFAULT_LIMITS))
    visitors: VisitorSettings = VisitorSettings()
    trusted_proxies: Sequence[str] = LOOPBACK
    bounds: Bounds = Bounds()
    public: PublicAddress | None = None
    metrics_open: bool = True
    sources: Mapping[Site, Sequence[str]] = {}
    log_requests: bool = True
    openid: OpenId | None = None


class Application:
    """The ASGI application of one server. Build it with `build`."""

    def __init__(  # noqa: PLR0913  every part of a server is given by its name
        self,
        edges: Mapping[str, Edge],
        services: Mapping[str, Service],
        keyring: Keyring,
        accounts: AccountStore,
        settings: ServingSettings,
        *,
        clock_us: Callable[[], int],
        monotonic: Callable[[], float],
        random: Callable[[int], bytes],
        desks: Mapping[str, Desk] | None = None,
        sights: Sights = builtin,
        segment_desks: Mapping[str, SegmentDesk] | None = None,
        project_desks: Mapping[str, ProjectDesks] | None = None,
    ) -> None:
        self._edges = edges
        self._keyring = keyring
        self._trail = accounts
        self._settings = settings
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._name_request = request_ids(random(6).hex())
        self._limiter = Limiter(settings.limits)
        self._measures = Measures()
        proxies = Proxies(settings.trusted_proxies)
        visitors = Visitors(proxies, random(32))
        sessions = Sessions(accounts, proxies, visitors, clock_us=clock_us, monotonic=monotonic, random=random)
        self._ingest_limits = IngestLimits(self._limiter, settings.visitors, visitors)
        self._fetches = Fetches(keyring, proxies, visitors, settings.public, clock_us=clock_us, monotonic=monotonic)
        figures = Figures(services, monotonic)
        self._measures.watch(figures)
        self.guard = Guard(settings.bounds, proxies.trust)
        self._measures.watch_connections(self.guard)
        self._appenders: dict[str, Appender] = {}
        self._collector: Collector | None = None
        self.health = Health(edges, self._measures, figures, metrics_open=settings.metrics_open, monotonic=monotonic)
        self.api = describe(answers=bool(services))
        self._door = Doorkeeper(
            edges.keys(), services, keyring, sessions, sights, self._limiter, monotonic, sources=settings.sources
        )
        self.api.state.door = self._door
        plain = lookup.PREFIX + lookup.PLAIN
        self._plain = next(route for route in api.routes if getattr(route, "path", "") == plain) if services else None
        self._console = Console(random, openid=settings.openid is not None) if services else None
        if services and settings.openid is not None:
            self.api.include_router(openid.router)
            self.api.state.openid, self.api.state.waiting = settings.openid, openid.Waiting()
        self.api.state.health = self.health
        self.api.state.stopping = lambda: False
        self.api.state.clock_us = clock_us
        self.api.state.desks = desks or {}
        self.api.state.segment_desks = segment_desks or {}
        self.api.state.project_desks = project_desks or {}
        self.failed: OnefoldError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through start and stop."""
        if scope["type"] == "http":
            route = match(scope["path"])
            if route is not None and self._collector is not None:
                await self._collector(scope, receive, send, route)
            else:
                await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def start(self) -> None:
        """Open the way to the logs and begin processing; the event loop runs."""
        for name, edge in self._edges.items():
            self._appenders[name] = Appender(edge.log, limits=self._settings.appender, name=f"appender-{name}")
            edge.start()
        self._collector = Collector(
            self._appenders,
            self._keyring,
            self._ingest_limits,
            self._fetches,
            self._measures,
            self._settings.collect,
            clock_us=self._clock_us,
            monotonic=self._monotonic,
            name_request=self._name_request,
        )

    async def stop(self) -> None:
        """Put on the disk what was taken, finish the batch under way, write down what is left."""
        self.health.draining = True
        for appender in self._appenders.values():
            await appender.close()
        for edge in self._edges.values():
            await asyncio.to_thread(edge.stop)
        if self._collector is not None:
            self._collector.close()
        self._keyring.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.start()
        except OnefoldError as error:
            self.failed = error
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self._monotonic()
        given = next((v for n, v in scope["headers"] if n in (b"request-id", b"x-request-id")), None)
        name = self._name_request(None if given is None else given.decode("latin-1"))
        token = request_id.set(name)
        watch = Watch()
        watched = watching.set(watch)
        status, begun = 0, False
        page = None if self._console is None else self._console.answer(scope)

        async def passing(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status = message["status"]
                await self._record(scope, status, watch)
                begun = True
                if page is None:
                    message["headers"] = [*message["headers"], (b"request-id", name.encode()), *API_POLICY]
            await send(message)

        size = 0

        async def bounded() -> Message:
            nonlocal size
            # The framework reads a body before it asks who sends it.
            largest = self._door.body(scope)
            message = await receive()
            size += len(message.get("body", b""))
            if size > largest:
                raise HTTPException(413, f"This request may have {largest // 1024} KiB.")
            return message

        try:
            who = lookup.asked(scope) if self._plain is not None else None
            if page is not None:
                scope["route"] = PLACE
                await give(passing, page, name.encode(), None)
            elif who is None:
                await self.api(scope, bounded, passing)
            else:
                scope["route"] = self._plain
                await lookup.answer(self._door, who, scope, bounded, passing, self.api)
        except ClientDisconnect:
            status = 408
        except Exception:  # noqa: BLE001  the last resort
            # The framework has answered by now (`problems.from_fault`), unless it was not asked; the log gets the place.
            _log.exception("request failed", extra={"route": _template(scope)})
            status = 500
            if not begun:
                await problems.fault()(scope, receive, passing)
        finally:
            seconds = self._monotonic() - started
            self._note(scope, status, seconds)
            request_id.reset(token)
            watching.reset(watched)

    async def _record(self, scope: Scope, status: int, watch: Watch) -> None:
        """Write down what somebody with a role did, or saw unmasked, before they are answered."""
        key, does = watch.key, scope["method"] not in SAFE
        if key is None or key.role is None or status >= 400 or not (does or watch.plain):
            return
        entry = AuditEntry(
            at_us=self._clock_us(),
            workspace=key.workspace,
            kind="account" if key.kind == "account" else "key",
            by=key.id,
            name=key.name,
            role=key.role,
            action="looked" if watch.plain else "did",
            route=f"{scope['method']} {_template(scope)}",
            subjects=tuple(watch.subjects),
            request_id=request_id.get(),
        )
        await asyncio.to_thread(self._trail.record, entry)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        template = _template(scope)
        self._measures.answered(template, status, seconds)
        if status < 400 and (not self._settings.log_requests or template in _PROBES):
            return
        key: Any = scope.get("onefold.key")
        _log.info(
            "request",
            extra={
                "method": scope["method"],
                "route": template,
                "status": status,
                "milliseconds": round(seconds * 1000, 2),
                "workspace": key.workspace if key else "",
                "key": key.id if key else "",
            },
        )


_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


def build(  # noqa: PLR0913  every part of a server is given by its name
    edges: Mapping[str, Edge],
    services: Mapping[str, Service],
    keys: KeyStore,
    accounts: AccountStore,
    settings: ServingSettings,
    *,
    clock_us: Callable[[], int],
    monotonic: Callable[[], float],
    random: Callable[[int], bytes],
    desks: Mapping[str, Desk] | None = None,
    sights: Sights = builtin,
    segment_desks: Mapping[str, SegmentDesk] | None = None,
    project_desks: Mapping[str, ProjectDesks] | None = None,
) -> Application:
    """Build the application of a server.

    Args:
        edges: By workspace; started and stopped with the application, not closed.
        services: What answers for each. Without any the server only collects: SDK routes, probes and metrics, no API.
        keys: Where keys are kept.
        accounts: Where accounts and their sessions are kept, and what was done.
        settings: How to serve.
        clock_us: The time now, microseconds UTC.
        monotonic: Seconds, never going back.
        random: Gives that many random bytes: for tokens of sessions, and to name this start of the server.
        desks: Where queries to the warehouse are taken, by workspace.
        sights: What each role sees; by default what roles see in a project that says nothing of personal data.
        segment_desks: Where changes of segments are taken, by workspace.
        project_desks: What else is asked of the project and its warehouse, by workspace.
    """
    return Application(
        edges,
        services,
        Keyring(keys, clock_us),
        accounts,
        settings,
        clock_us=clock_us,
        monotonic=monotonic,
        random=random,
        desks=desks,
        sights=sights,
        segment_desks=segment_desks,
        project_desks=project_desks,
    )


def _template(scope: Scope) -> str:
    """The path as our table spells it: the path itself may hold an address."""
    return getattr(scope.get("route"), "path", "(none)")
