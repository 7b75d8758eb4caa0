"""A pytest plugin that sends what a vendor's suite means for its vendor to an Onefold server, with a key that it knows.

It sits below the SDK, at the transport, so the SDK's own code runs unchanged, retries and all.
"""

from __future__ import annotations

import base64
import gzip
import os
import sys
import unittest.mock
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from tests.sdks.exceptions import CANNOT_HOLD

HOSTS = frozenset({"api.segment.io", "hosted.rudderlabs.com", "example.test"})
"""Vendors' hosts, and those that their suites make up for a data plane."""
KEYS = (b"testsecret", b"test-init", b"test-key", b"test")
"""Write keys that the suites make up."""
sent = 0


def pytest_configure() -> None:
    """Put the redirection in place before any test is collected."""
    # What the suites import is in the standard library by now.
    sys.modules.setdefault("mock", unittest.mock)
    requests.adapters.HTTPAdapter.send = redirected(requests.adapters.HTTPAdapter.send)  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave out what cannot hold here."""
    left_out = [item for item in items if any(test in item.nodeid for test in CANNOT_HOLD)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many requests really went to the server."""
    terminalreporter.write_line(f"requests sent to Onefold: {sent}")


def redirected(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """`send`, for requests to a vendor to our server instead."""
    address, key = os.environ["ONEFOLD_URL"], os.environ["ONEFOLD_WRITE_KEY"].encode()

    def to_us(self: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        global sent  # noqa: PLW0603  a count over the life of the process
        if urlsplit(request.url or "").hostname in HOSTS:
            ours, theirs = urlsplit(address), urlsplit(request.url or "")
            request.url = str(urlunsplit((ours.scheme, ours.netloc, theirs.path, theirs.query, "")))
            request.headers.pop("Host", None)
            basic = request.headers.get("Authorization", "")
            if basic.startswith("Basic ") and base64.b64decode(basic[6:]).rstrip(b":") in KEYS:
                request.headers["Authorization"] = "Basic " + base64.b64encode(key + b":").decode()
            request.body = with_key(request.body, key)
            if request.body:
                request.headers["Content-Length"] = str(len(request.body))
            sent += 1
        return send(self, request, **options)

    return to_us


def with_key(body: Any, key: bytes) -> Any:
    """A body with our key where it states one of theirs."""
    raw = body.encode() if isinstance(body, str) else body
    if not isinstance(raw, bytes):
        return body
    packed = raw[:2] == b"\x1f\x8b"
    plain = gzip.decompress(raw) if packed else raw
    for theirs in KEYS:
        plain = plain.replace(b'"writeKey": "' + theirs + b'"', b'"writeKey": "' + key + b'"')
    return gzip.compress(plain) if packed else plain
