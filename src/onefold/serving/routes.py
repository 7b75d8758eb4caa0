"""The routes that SDKs call: one table from path to what is meant by it."""

from __future__ import annotations

from typing import Literal

import msgspec

from onefold.model import Shape

Meaning = Literal[
    "collect", "discard", "pixel", "settings", "source_config", "script", "bundle", "flags", "posthog_config",
    "posthog_config_script", "posthog_script",
]  # fmt: skip

Family = Literal["common", "mixpanel", "amplitude"]
"""SDKs that read errors in the same form: those of Segment, RudderStack and PostHog, Mixpanel's, Amplitude's."""


class Route(msgspec.Struct, frozen=True):
    """What a path means.

    Attributes:
        name: The path as a template, fit for logs and metrics.
        meaning: Which handler answers.
        shape: How to read the items of the body.
        default_type: The type of an item that does not state its own, from the path.
        success: The body of the 200 answer.
        terse: The same for requests that do not say `verbose=1`; None where that makes no difference.
        family: Whose SDKs call it, for the form of errors.
        get: Whether a GET with the item in its query is taken, too.
    """

    name: str
    meaning: Meaning = "collect"
    shape: Shape = "segment"
    default_type: str | None = None
    success: bytes = b'{"success":true}'
    terse: bytes | None = None
    family: Family = "common"
    get: bool = False


_CALLS = {"track": "t", "identify": "i", "page": "p", "screen": "s", "group": "g", "alias": "a"}
_POSTHOG_SUCCESS = b'{"status":1}'
# Amplitude's batches come by the same path as PostHog's, so its answer says both.
_AMPLITUDE_SUCCESS = b'{"code":200,"status":1}'
_MIXPANEL_SUCCESS = b'{"code":200,"error":null,"status":1}'


def _table() -> dict[str, Route]:
    routes = [Route(f"/v1/{path}", default_type=call) for call, letter in _CALLS.items() for path in (call, letter)]
    routes += [Route(path) for path in ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")]
    # Pixels as RudderStack (/pixel/v1/track) and as Segment (/v1/pixel/track) spell them.
    for call in _CALLS:
        routes += [Route(f"/{path}/{call}", "pixel", default_type=call) for path in ("pixel/v1", "v1/pixel")]
    routes += [Route(path, shape="posthog", success=_POSTHOG_SUCCESS) for path in ("/e", "/i/v0/e", "/capture")]
    routes.append(Route("/batch", shape="posthog", success=_AMPLITUDE_SUCCESS))
    routes += [
        Route(
            path, shape="mixpanel", success=_MIXPANEL_SUCCESS, terse=b"1", family="mixpanel", get=True,
        )
        for path in ("/track", "/engage", "/groups")
    ]  # fmt: skip
    routes.append(Route("/import", shape="mixpanel", success=_MIXPANEL_SUCCESS, family="mixpanel"))
    routes.append(Route("/2/httpapi", shape="amplitude", success=_AMPLITUDE_SUCCESS, family="amplitude"))
    routes.append(
        Route("/identify", shape="amplitude", default_type="$identify", success=b"success", family="amplitude")
    )
    routes += [Route(path, "flags") for path in ("/decide", "/flags")]
    # The SDK's own counters about itself: answered, not kept.
    routes += [Route("/v1/m", "discard"), Route("/sourceConfig", "source_config")]
    return {route.name: route for route in routes}


ROUTES = _table()
_SETTINGS = Route("/v1/projects/{key}/settings", "settings")
_SCRIPT = Route("/analytics.js/v1/{key}/analytics.min.js", "script")
_BUNDLE = Route("/analytics-next/bundles/{name}", "bundle")
_POSTHOG_CONFIG = Route("/array/{key}/config", "posthog_config")
_POSTHOG_CONFIG_SCRIPT = Route("/array/{key}/config.js", "posthog_config_script")
_POSTHOG_SCRIPT = Route("/static/array.js", "posthog_script")


def match(path: str) -> Route | None:
    """The route a path means, with or without a trailing slash; None when it is not an SDK's."""
    route = ROUTES.get(path)
    if route is not None:
        return route
    route = ROUTES.get(path.rstrip("/"))
    if route is not None:
        return route
    match path.strip("/").split("/"):
        case ["v1", "projects", _, "settings"]:
            return _SETTINGS
        case ["analytics.js", "v1", _, "analytics.min.js"]:
            return _SCRIPT
        case ["analytics-next", "bundles", _]:
            return _BUNDLE
        case ["array", _, "config"]:
            return _POSTHOG_CONFIG
        case ["array", _, "config.js"]:
            return _POSTHOG_CONFIG_SCRIPT
        case ["static", "array.js"] | ["static", _, "array.js"]:
            return _POSTHOG_SCRIPT
    return None
