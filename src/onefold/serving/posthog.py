"""What PostHog's SDKs fetch: their remote configuration, feature flags (there are none), and the browser's script."""

from __future__ import annotations

import msgspec

from onefold.serving.answers import Answer, Headers
from onefold.serving.scripts import JAVASCRIPT, SCRIPT_HEADERS, script_file

VERSION = "1.449.2"
"""The vendored `posthog-js`."""

_COMPRESSION = ["gzip", "gzip-js"]
"""Old versions of posthog-js know the one name, newer ones the other."""
_CONFIG_HEADERS: Headers = ((b"cache-control", b"public, max-age=60"),)

FLAGS = Answer(
    200,
    msgspec.json.encode(
        {
            "featureFlags": {},
            "featureFlagPayloads": {},
            "flags": {},
            "errorsWhileComputingFlags": False,
            "sessionRecording": False,
            "supportedCompression": _COMPRESSION,
            "config": {"enable_collect_everything": False},
            "toolbarParams": {},
            "isAuthenticated": False,
            "siteApps": [],
        }
    ),
)
"""What PostHog's SDKs are told of feature flags and recordings: there are none."""


def config(write_key: str) -> Answer:
    """The remote configuration of posthog-js: events in, compressed if it likes, and none of PostHog's other products."""
    return Answer(200, msgspec.json.encode(_remote(write_key)), _CONFIG_HEADERS)


def config_script(write_key: str) -> Answer:
    """The same as a script that leaves it where posthog-js looks for it first."""
    told = {write_key: {"config": _remote(write_key), "siteApps": []}}
    # `<` cannot end a script that somebody copies into a page.
    text = msgspec.json.encode(told).replace(b"<", b"\\u003c")
    body = b"window._POSTHOG_REMOTE_CONFIG=Object.assign(window._POSTHOG_REMOTE_CONFIG||{}," + text + b");"
    return Answer(200, body, _CONFIG_HEADERS, JAVASCRIPT)


def script(*, compressed: bool) -> Answer:
    """posthog-js, unmodified."""
    return script_file("posthog-array.js", SCRIPT_HEADERS, compressed=compressed)


def _remote(write_key: str) -> dict[str, object]:
    return {
        "token": write_key,
        "supportedCompression": _COMPRESSION,
        "hasFeatureFlags": False,
        "captureDeadClicks": False,
        "capturePerformance": False,
        "autocapture_opt_out": False,
        "autocaptureExceptions": False,
        "analytics": {"endpoint": "/i/v0/e/"},
        "elementsChainAsString": True,
        "sessionRecording": False,
        "heatmaps": False,
        "surveys": False,
        "productTours": False,
        "conversations": False,
        "logs": {"captureConsoleLogs": False},
        "toolbarParams": {},
        "isAuthenticated": False,
        # Visitors who are not known yet are people here, too.
        "defaultIdentifiedOnly": False,
        "siteApps": [],
    }
