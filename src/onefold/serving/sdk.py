"""What SDKs fetch before they send: their settings, and the browser's script itself."""

from __future__ import annotations

import re

import msgspec

from onefold.serving.answers import Answer
from onefold.serving.scripts import BUNDLE_HEADERS, SCRIPT_HEADERS, file_names, script_file

VERSION = "1.84.3"
"""The vendored `@segment/analytics-next`."""

_BUNDLE = re.compile(r"[A-Za-z0-9-]+\.bundle\.[0-9a-f]{20}\.js")


def settings(write_key: str, host: str, protocol: str, *, shared: bool) -> Answer:
    """The settings that make analytics-next and the mobile SDKs send everything to `host`, and nothing elsewhere.

    Args:
        write_key: The source's.
        host: With its port, where it is not the protocol's own.
        protocol: `http` or `https`.
        shared: Whether a cache may give the answer to others than whoever asked.
    """
    cached = b"public, max-age=60" if shared else b"private, max-age=60"
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
    return Answer(200, msgspec.json.encode(body), ((b"cache-control", cached),))


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


def script(*, compressed: bool) -> Answer:
    """The browser SDK, unmodified."""
    return script_file("standalone.js", SCRIPT_HEADERS, compressed=compressed)


def bundle(name: str, *, compressed: bool) -> Answer | None:
    """A part of the browser SDK that it loads on demand; None when it has no such part."""
    if _BUNDLE.fullmatch(name) is None or f"{name}.gz" not in file_names():
        return None
    return script_file(name, BUNDLE_HEADERS, compressed=compressed)
