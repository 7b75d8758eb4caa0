"""What SDKs fetch before they send: their settings, and the browser's script itself."""

from __future__ import annotations

import functools
import gzip
import re
from importlib import resources

import msgspec

from onefold.serving.answers import Answer, Headers

VERSION = "1.84.3"
"""The vendored `@segment/analytics-next`."""

_BUNDLE = re.compile(r"[A-Za-z0-9-]+\.bundle\.[0-9a-f]{20}\.js")
_HOST = re.compile(rb"[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:]{2,45}\](:[0-9]{1,5})?")
# Ten minutes: a page must not fetch the script at each view, yet an upgrade must arrive the same day.
_SCRIPT_HEADERS: Headers = ((b"cache-control", b"public, max-age=600"), (b"vary", b"Accept-Encoding"))
_BUNDLE_HEADERS: Headers = ((b"cache-control", b"public, max-age=31536000, immutable"), (b"vary", b"Accept-Encoding"))


def settings(write_key: str, host: str, protocol: str) -> Answer:
    """The settings that make analytics-next and the mobile SDKs send everything to `host`, and nothing elsewhere."""
    allowed = {"__default": {"enabled": True, "integrations": {}}}
    body = {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": protocol,
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
                "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
            }
        },
        "plan": {"track": allowed, "identify": allowed, "group": allowed},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        # The SDK's telemetry about itself would otherwise go to Segment.
        "metrics": {"sampleRate": 0, "host": f"{host}/v1"},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
    return Answer(200, msgspec.json.encode(body), ((b"cache-control", b"public, max-age=60"),))


def source_config(write_key: str, source: str, workspace: str) -> Answer:
    """The configuration that makes RudderStack's browser SDK send everything to its data plane: no destinations."""
    off = {"enabled": False}
    body = {
        "source": {
            "id": source,
            "name": source,
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": workspace,
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "dataplanes": {},
        },
        "consentManagementMetadata": {"providers": []},
    }
    return Answer(200, msgspec.json.encode(body), ((b"cache-control", b"private, max-age=60"),))


FLAGS = Answer(
    200,
    msgspec.json.encode(
        {
            "featureFlags": {},
            "featureFlagPayloads": {},
            "flags": {},
            "errorsWhileComputingFlags": False,
            "sessionRecording": False,
            "supportedCompression": ["gzip"],
            "config": {"enable_collect_everything": False},
            "toolbarParams": {},
            "isAuthenticated": False,
            "siteApps": [],
        }
    ),
)
"""What PostHog's SDKs are told of feature flags and recordings: there are none."""


def script(*, compressed: bool) -> Answer:
    """The browser SDK, unmodified."""
    return _file("standalone.js", compressed, _SCRIPT_HEADERS)


def bundle(name: str, *, compressed: bool) -> Answer | None:
    """A part of the browser SDK that it loads on demand; None when it has no such part."""
    if _BUNDLE.fullmatch(name) is None or f"{name}.gz" not in _names():
        return None
    return _file(name, compressed, _BUNDLE_HEADERS)


def host_of(header: bytes | None, otherwise: str) -> str:
    """The host a client called us by, if it is one: it comes back in the settings."""
    if header is None or _HOST.fullmatch(header) is None:
        return otherwise
    return header.decode("ascii")


def _file(name: str, compressed: bool, headers: Headers) -> Answer:  # private, and both callers name it
    content = _content(name)
    if compressed:
        return Answer(200, content, (*headers, (b"content-encoding", b"gzip")), b"text/javascript; charset=utf-8")
    return Answer(200, gzip.decompress(content), headers, b"text/javascript; charset=utf-8")


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(entry.name for entry in resources.files("onefold.serving").joinpath("static").iterdir())


@functools.cache
def _content(name: str) -> bytes:
    return resources.files("onefold.serving").joinpath("static", f"{name}.gz").read_bytes()
