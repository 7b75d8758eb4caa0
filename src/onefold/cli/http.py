"""The HTTP application that `serve` and `collect` run, with the settings that the project states."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping

from onefold import bootstrap, config
from onefold.bootstrap import CollectingOnly, Opened
from onefold.serving import server
from onefold.serving.app import Application, ServingSettings, build
from onefold.serving.collect import CollectSettings
from onefold.serving.connections import Bounds
from onefold.serving.fetches import PublicAddress
from onefold.serving.forwarded import LOOPBACK
from onefold.serving.limits import DEFAULT_LIMITS, Limit, Operation
from onefold.serving.visitors import NO_VISITOR_LIMITS, VisitorSettings


def application(opened: Opened | CollectingOnly, read: config.Project, *, log_requests: bool) -> Application:
    """The application over these workspaces; where no service answers for them, it only collects."""
    return build(
        opened.edges,
        opened.services,
        opened.keys,
        opened.accounts,
        _settings(read, opened, log_requests=log_requests),
        clock_us=bootstrap.clock_us,
        monotonic=time.monotonic,
        random=os.urandom,
        desks=opened.desks,
        sights=opened.sights,
        segment_desks=opened.segment_desks,
        project_desks=opened.project_desks,
    )


def run(
    application: Application, stated: config.Server, *, host: str | None, port: int | None, allow_public: bool
) -> None:
    """Serve until the process is told to stop; what is None is as the project says.

    Raises:
        UsageError: Other machines reach the address, and nobody has said that they may.
    """
    # uvicorn's own lines are about connections; ours say what happened to requests.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server.run(
        application,
        host=host or stated.host,
        port=port or stated.port,
        allow_public=allow_public or stated.allow_public,
    )


def _settings(read: config.Project, opened: Opened | CollectingOnly, *, log_requests: bool) -> ServingSettings:
    stated = read.server
    return ServingSettings(
        collect=CollectSettings(request_bytes=stated.max_request, unpacked_bytes=2 * stated.max_request),
        limits=_limits(read.limits),
        visitors=_visitors(read),
        trusted_proxies=LOOPBACK if stated.trusted_proxies is None else stated.trusted_proxies,
        bounds=Bounds(
            head_bytes=stated.max_head,
            head_seconds=stated.head_timeout / 1_000_000,
            request_seconds=stated.request_timeout / 1_000_000,
            idle_seconds=stated.idle_timeout / 1_000_000,
            connections=stated.connections,
            per_address=stated.connections_per_address,
        ),
        public=None if stated.public_url is None else PublicAddress.of(stated.public_url),
        sources={(s.workspace, s.name): s.allowed_origins for s in read.sources.values() if s.kind == "http"},
        openid=opened.openid if isinstance(opened, Opened) else None,
        log_requests=log_requests,
    )


def _limits(limits: config.Limits) -> Mapping[Operation, Limit | None]:
    if not limits.enabled:
        return {}
    operations = Limit(limits.operations_per_minute)
    return {
        "ingest": Limit(limits.ingest_per_minute),
        "lookup": Limit(limits.lookups_per_minute),
        "source": operations,
        "webhook": operations,
        "judgement": DEFAULT_LIMITS["judgement"],
        "query": DEFAULT_LIMITS["query"],
    }


def _visitors(read: config.Project) -> VisitorSettings:
    limits, sources = read.limits, read.sources.values()
    if not limits.enabled:
        return NO_VISITOR_LIMITS
    return VisitorSettings(
        visitor=Limit(limits.visitor_per_minute, limits.visitor_burst),
        total=Limit(limits.visitors_per_minute),
        totals={(s.workspace, s.name): Limit(s.visitors_per_minute) for s in sources if s.visitors_per_minute},
        senders={(s.workspace, s.name): s.sent_by for s in sources if s.sent_by},
    )
