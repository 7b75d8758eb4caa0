"""The places to probe: every route that the application itself has, with every parameter it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from fastapi.routing import APIRoute

from onefold.serving import routes as edge_routes
from onefold.serving.app import Application
from onefold.serving.routes import Route

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
OPEN = frozenset({"/livez", "/readyz", "/api/v1/openapi.json"})
"""Routes that ask for no key, and say nothing of anybody."""
SIGNING_IN = frozenset({"/api/v1/session", "/api/v1/setup", "/api/v1/setup/check"})
"""Routes by which somebody signs in, who has no key then."""
SEGMENT_STATUSES = frozenset({200, 400, 401, 403, 404, 429})


class Place(msgspec.Struct, frozen=True):
    """A route.

    Attributes:
        template: Its path, parameters in braces.
        methods: What it takes.
        path: Names of the parameters in its path.
        query: Names of those in its query string.
        meaning: For a route of the edge, what it is for; empty for one of the API.
        steward: Whether it asks for a scope that readers have not.
        statuses: What it may answer whoever may ask; empty when that stands nowhere.
        beside: Methods that other routes of this path take.
    """

    template: str
    methods: frozenset[str]
    path: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    meaning: str = ""
    steward: bool = False
    statuses: frozenset[int] = frozenset()
    beside: frozenset[str] = frozenset()

    @property
    def main(self) -> str:
        """The method it is there for."""
        if self.methods == {"PUT"}:
            return "PUT"
        return "POST" if self.meaning == "collect" or self.methods == {"POST"} else "GET"

    @property
    def gated(self) -> bool:
        """Whether a secret key is needed."""
        return not self.meaning and self.template not in OPEN


def places(application: Application) -> list[Place]:
    """All routes of an application."""
    told = application.api.openapi()["paths"]
    return [*(_of_api(route, told) for route in _flat(application.api.routes)), *_of_edge()]


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes, those of included routers among them."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _flat(included.routes)


def _of_api(route: Any, told: dict[str, Any]) -> Place:
    template = route.path.replace(":path}", "}")
    if not isinstance(route, APIRoute):
        return Place(template, frozenset(route.methods))
    taken, query = [route.dependant], []
    while taken:
        dependant = taken.pop()
        taken += dependant.dependencies
        query += [field.alias for field in dependant.query_params]
    statuses: set[int] = set()
    for operation in told.get(template, {}).values():
        statuses |= {int(status) for status in operation["responses"] if status.isdecimal()}
    return Place(
        template,
        frozenset(route.methods),
        tuple(part.strip("{}") for part in template.split("/") if part.startswith("{")),
        tuple(sorted(query)),
        steward=bool({"stewardship", "warehouse"} & set(route.tags)) or template == "/metrics",
        statuses=SEGMENT_STATUSES if template.startswith("/v1/spaces") else frozenset(statuses),
        beside=frozenset(method.upper() for method in told.get(template, {})) - route.methods,
    )


def _of_edge() -> list[Place]:
    # Those with a parameter stand in no table, only beside it.
    beside = [route for route in vars(edge_routes).values() if isinstance(route, Route)]
    return [
        Place(
            route.name,
            frozenset({"GET", "POST"}),
            tuple(part.strip("{}") for part in route.name.split("/") if part.startswith("{")),
            meaning=route.meaning,
        )
        for route in (*edge_routes.ROUTES.values(), *beside)
    ]
