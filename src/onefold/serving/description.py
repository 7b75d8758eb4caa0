"""The API as the framework describes and serves it: its routes, its problems, its OpenAPI document."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from onefold import __version__
from onefold.errors import OnefoldError
from onefold.serving import accounts, administration, problems, schemas
from onefold.serving.api import api
from onefold.serving.glance import glance
from onefold.serving.health import health
from onefold.serving.households import households
from onefold.serving.identity import identity
from onefold.serving.quality import quality
from onefold.serving.queries import queries
from onefold.serving.review import review
from onefold.serving.rfm import rfm
from onefold.serving.rules import rules
from onefold.serving.segment_editing import editing
from onefold.serving.segment_profiles import segment
from onefold.serving.segments import segments
from onefold.serving.sessions import COOKIE
from onefold.serving.tables import tables
from onefold.serving.uploads import uploads
from onefold.serving.uses import uses


def describe(*, answers: bool) -> FastAPI:
    """The API with its description, at /api/v1/openapi.json; no page about it, for those load scripts from elsewhere."""
    described = FastAPI(
        title="Onefold",
        version=__version__,
        summary="Many records, one person.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    if answers:
        described.include_router(accounts.router)
        described.include_router(administration.router)
        described.include_router(api)
        described.include_router(households)
        described.include_router(identity)
        described.include_router(glance)
        described.include_router(quality)
        described.include_router(queries)
        described.include_router(review)
        described.include_router(rfm)
        described.include_router(rules)
        described.include_router(segment)
        described.include_router(editing)
        described.include_router(segments)
        described.include_router(tables)
        described.include_router(uploads)
        described.include_router(uses)
    described.include_router(health)
    described.add_exception_handler(OnefoldError, problems.from_onefold)
    described.add_exception_handler(HTTPException, problems.from_http)
    described.add_exception_handler(RequestValidationError, problems.from_validation)
    described.add_exception_handler(Exception, problems.from_fault)
    generate = described.openapi

    @cache  # schemas of answers take a fifth of a second
    def openapi() -> dict[str, Any]:
        schema = generate()
        schema.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "The secret key as the user, no password."},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The console's sign-in."},
        }
        if answers:
            schema["components"].setdefault("schemas", {}).update(schemas.components())
        schema["security"] = [{"bearer": []}, {"basic": []}, {"session": []}]
        return schema

    described.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the description
    return described
