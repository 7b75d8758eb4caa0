"""The commands `serve`, which collects, answers, and has a worker process beside it, and `collect`, which only collects."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from typing import Annotated

import typer

from onefold import bootstrap, config, telemetry
from onefold.cli.options import ProjectDir, Store
from onefold.errors import UnavailableError
from onefold.serving import server
from onefold.serving.app import Application, ServingSettings, build, build_collector
from onefold.serving.collect import CollectSettings
from onefold.serving.connections import Bounds
from onefold.serving.fetches import PublicAddress
from onefold.serving.forwarded import LOOPBACK
from onefold.serving.limits import DEFAULT_LIMITS, Limit, Operation
from onefold.serving.visitors import NO_VISITOR_LIMITS, VisitorSettings


def serve(
    project: ProjectDir = bootstrap.HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: as in onefold.yaml.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: as in onefold.yaml.")] = None,
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Listen on an address that other machines reach.")
    ] = False,
    store: Store = None,
    processing: Annotated[
        bool, typer.Option(help="Process what is collected, in a worker process of its own; without it, others do.")
    ] = True,
    log_requests: Annotated[bool, typer.Option(help="A log line for each API request.")] = True,
) -> None:
    """Serve: SDKs send to it, profiles are read from it. Stops gracefully on Ctrl-C or SIGTERM.

    Example: onefold serve --port 8484
    """
    read = bootstrap.with_store(config.read_project(project), store)
    telemetry.configure()
    # Before anything is open or runs: it is a fork of this process.
    worker = bootstrap.WorkerProcess(read) if processing else None
    with contextlib.ExitStack() as leaving:
        if worker is not None:
            leaving.callback(worker.close)
        opened = bootstrap.Opened(read, lambda w: None if worker is None else worker.share(w.context.name))
        leaving.callback(opened.close)
        application = build(
            opened.backends,
            opened.keys,
            _settings(read, log_requests=log_requests),
            clock_us=bootstrap.clock_us,
            monotonic=time.monotonic,
            random=os.urandom,
        )
        _run(application, read.server, host=host, port=port, allow_public=allow_public)
    if worker is not None and worker.died:
        raise UnavailableError("The worker and its keeper ended, so the server did. Nothing is lost: start it again.")


def collect(
    project: ProjectDir = bootstrap.HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: as in onefold.yaml.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: as in onefold.yaml.")] = None,
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Listen on an address that other machines reach.")
    ] = False,
    log_requests: Annotated[bool, typer.Option(help="A log line for each request to the probes' server.")] = True,
) -> None:
    """Collect only: SDKs send to it, it appends to the log. Other processes process and answer.

    It needs the project's keys and its log, and no profile store. Any number may run, on other ports or machines.

    Example: onefold collect --port 8485
    """
    read = config.read_project(project)
    telemetry.configure()
    opened = bootstrap.CollectingOnly(read)
    try:
        application = build_collector(
            opened.backends,
            opened.keys,
            _settings(read, log_requests=log_requests),
            clock_us=bootstrap.clock_us,
            monotonic=time.monotonic,
            random=os.urandom,
        )
        _run(application, read.server, host=host, port=port, allow_public=allow_public)
    finally:
        opened.close()


def _run(
    application: Application, stated: config.Server, *, host: str | None, port: int | None, allow_public: bool
) -> None:
    # uvicorn's own lines are about connections; ours say what happened to requests.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server.run(
        application,
        host=host or stated.host,
        port=port or stated.port,
        allow_public=allow_public or stated.allow_public,
    )


def _settings(read: config.Project, *, log_requests: bool) -> ServingSettings:
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
