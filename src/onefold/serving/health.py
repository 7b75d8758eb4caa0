"""Health: whether the process lives, whether it can do its work, and what it counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from onefold.serving.access import Doorkeeper
from onefold.serving.backend import Edge
from onefold.serving.measures import Measures

CHECK_SECONDS = 2.0
"""A check that has not answered by then has failed."""

_log = logging.getLogger("onefold.health")

health = APIRouter(include_in_schema=False)


class Health(msgspec.Struct):
    """What the probes look at; `draining` is set when the server is about to stop."""

    workspaces: Mapping[str, Edge]
    measures: Measures
    metrics_open: bool
    draining: bool = False


@health.get("/livez")
async def livez() -> Response:
    """The process answers: no more is said."""
    return _json({"live": True})


@health.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether every workspace can take and process events; 503 otherwise, and while draining.

    Says which checks failed, not how they went: details stand in the log, for this route asks for no key.
    """
    state: Health = request.app.state.health
    checks: dict[str, bool] = {}
    for name, workspace in state.workspaces.items():
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                found = await run_in_threadpool(workspace.ready)
        except Exception as error:  # noqa: BLE001 # whatever a check dies of, the answer is: not ready
            found = {"answers": type(error).__name__}
        for check, wrong in found.items():
            checks[f"{name}.{check}"] = wrong is None
            if wrong is not None:
                _log.warning("check failed", extra={"workspace": name, "check": check, "reason": wrong})
    ready = all(checks.values()) and not state.draining
    return _json({"ready": ready, "draining": state.draining, "checks": checks}, 200 if ready else 503)


@health.get("/metrics")
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus; with a key of scope `admin`, unless the server only listens to its own machine."""
    state: Health = request.app.state.health
    if not state.metrics_open:
        door: Doorkeeper = request.app.state.door
        door.admit(request, "admin", "source")
    body = await run_in_threadpool(generate_latest, state.measures.registry)
    return Response(body, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_LATEST)


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, "application/json")
