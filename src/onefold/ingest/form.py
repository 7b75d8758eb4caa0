"""A form: JSON, or base64 of it, in the field `data`, as PostHog's older SDKs, beacons and Mixpanel's SDKs send it.

Amplitude's Identify API has it in `identification`.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple
from urllib.parse import parse_qsl

FIELDS_MAX = 100
_LOOKED_AT = 1024
_FIELDS = ("data", "identification")
_KEYS = ("api_key", "token", "writeKey")


class Form(NamedTuple):
    """A form's content: JSON by its first character, and the write key beside it, if any."""

    data: bytes
    key: str | None


def read_form(body: bytes) -> Form | None:
    """Read a URL-encoded form; None when it is none, or when its `data` is no JSON object or array."""
    head = body[:_LOOKED_AT]
    if b"data=" not in head and b"identification=" not in head:
        return None
    try:
        # Escaped bytes that are not UTF-8 stay what they were: what they mean is for the decoder to say.
        fields = dict(parse_qsl(body.decode("ascii"), errors="surrogateescape", max_num_fields=FIELDS_MAX))
    except ValueError:
        return None
    text = next((fields[name] for name in _FIELDS if name in fields), "").strip()
    data = text.encode("utf-8", "surrogateescape") if text[:1] in ("{", "[") else _of_base64(text)
    key = next((fields[name] for name in _KEYS if fields.get(name) and fields[name].isascii()), None)
    return Form(data, key) if data[:1] in (b"{", b"[") else None


def _of_base64(text: str) -> bytes:
    # A `+` of base64 arrives as a blank; padding and the url-safe alphabet vary.
    text = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).lstrip()
    except (binascii.Error, ValueError):
        return b""
