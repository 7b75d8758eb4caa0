"""Health: whether the process lives, whether it can do its work, and what it counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from onefold.serving.access import Doorkeeper
from onefold.serving.edge import Edge
from onefold.serving.figures import Figures, Look, in_thread
from onefold.serving.measures import Measures

CHECK_SECONDS = 2.0
"""A check that has not answered by then has failed."""
FRESH_SECONDS = 1.0
"""How long the checks' results are given again: this route asks for no key, and must not be a way to load the store."""

_log = logging.getLogger("onefold.health")

health = APIRouter(include_in_schema=False)


class Health:
    """What the probes look at; `draining` is set when the server is about to stop."""

    def __init__(
        self,
        edges: Mapping[str, Edge],
        measures: Measures,
        figures: Figures,
        *,
        metrics_open: bool,
        monotonic: Callable[[], float],
    ) -> None:
        self.measures = measures
        self.figures = figures
        self.metrics_open = metrics_open
        self.draining = False
        self._looks = {name: Look(partial(_ready, edge)) for name, edge in edges.items()}
        self._monotonic = monotonic
        self._found: Mapping[str, bool] = {}
        self._found_at = -FRESH_SECONDS
        self._one_at_a_time = asyncio.Lock()

    async def checks(self) -> Mapping[str, bool]:
        """Which checks of which workspace pass, as of at most `FRESH_SECONDS` ago."""
        async with self._one_at_a_time:
            if not 0 <= self._monotonic() - self._found_at < FRESH_SECONDS:
                self._found = await self._look()
                self._found_at = self._monotonic()
            return self._found

    async def _look(self) -> Mapping[str, bool]:
        checks: dict[str, bool] = {}
        for name, look in self._looks.items():
            try:
                found = await look.again(CHECK_SECONDS)
            except Exception as error:  # noqa: BLE001 # whatever a check dies of, the answer is: not ready
                found = {"answers": type(error).__name__}
            for check, wrong in found.items():
                checks[f"{name}.{check}"] = wrong is None
                if wrong is not None:
                    _log.warning("check failed", extra={"workspace": name, "check": check, "reason": wrong})
        return checks


def _ready(edge: Edge) -> Mapping[str, str | None]:
    return edge.ready()


@health.get("/livez")
async def livez() -> Response:
    """The process answers: no more is said."""
    return _json({"live": True})


@health.get("/readyz")
async def readyz(request: Request) -> Response:
    """Whether every workspace can take and process events; 503 otherwise, and while draining.

    Says which checks failed, not how they went: details stand in the log, for this route asks for no key. To other
    machines it does not say either in which workspace: their names are customers' names.
    """
    state: Health = request.app.state.health
    checks = await state.checks()
    if not state.metrics_open:
        checks = _together(checks)
    ready = all(checks.values()) and not state.draining
    return _json({"ready": ready, "draining": state.draining, "checks": checks}, 200 if ready else 503)


@health.get("/metrics")
async def metrics(request: Request) -> Response:
    """Metrics for Prometheus: all of them to this machine, where the server listens to no other.

    What a store does not say now is shown as it was last known, and how old it is.
    Elsewhere with a key of scope `admin`, which is shown its own workspace and what counts the whole process.
    """
    state: Health = request.app.state.health
    workspace = None
    if not state.metrics_open:
        door: Doorkeeper = request.app.state.door
        workspace = door.key(request, "admin", "source").workspace
    await state.figures.refresh()
    body = await in_thread(lambda: state.measures.text(workspace))
    return Response(body, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_LATEST)


def _together(checks: Mapping[str, bool]) -> Mapping[str, bool]:
    """Each check of all workspaces as one."""
    passed: dict[str, bool] = {}
    for name, good in checks.items():
        check = name.partition(".")[2]
        passed[check] = passed.get(check, True) and good
    return passed


def _json(body: dict[str, object], status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, "application/json")
