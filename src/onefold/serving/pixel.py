"""Pixels: an event in the query string of an image, for mail and pages without scripts."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl

import msgspec

GIF = base64.b64decode(b"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""One transparent point."""

FIELDS_MAX = 200
"""Parameters of a query string; one with more is taken for empty."""
DEPTH_MAX = 8
"""Dots in a parameter's name that are read as steps into objects; a name with more is kept whole."""


def body_of(query: bytes) -> bytes:
    """The event in a query string: base64 JSON in `data`, as Segment has it, or one parameter a field, as RudderStack.

    Dots lead into objects: `properties.subject=Hello`. The key (`writeKey`) is left out; all values are text.
    """
    pairs = _pairs(query)
    for name, value in pairs:
        if name == "data":
            return _decoded(value)
    event: dict[str, Any] = {}
    for name, value in pairs:
        if name != "writeKey":
            _put(event, name, value)
    return msgspec.json.encode(event)


def write_key_of(query: bytes) -> str | None:
    """The `writeKey` parameter of a query string, or `api_key` or `token`, as PostHog has it."""
    if not query:
        return None
    found = dict(_pairs(query))
    return found.get("writeKey") or found.get("api_key") or found.get("token")


def _pairs(query: bytes) -> list[tuple[str, str]]:
    """The parameters; none when there are more than anybody means."""
    if query.count(b"&") >= FIELDS_MAX:
        return []
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def _decoded(data: str) -> bytes:
    if data.lstrip()[:1] in ("{", "["):
        return data.encode()
    # A `+` of base64 arrives as a space, url-safe alphabets are common, and padding gets lost.
    text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return data.encode()


def _put(event: dict[str, Any], name: str, value: str) -> None:
    steps = name.split(".")
    if len(steps) > DEPTH_MAX or not all(steps):
        steps = [name]
    place = event
    for step in steps[:-1]:
        inner = place.get(step)
        if not isinstance(inner, dict):
            inner = place[step] = {}
        place = inner
    place[steps[-1]] = value
