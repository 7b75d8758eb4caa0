"""Scripts of browser SDKs, which lie compressed in the package."""

from __future__ import annotations

import functools
import gzip
from importlib import resources

from onefold.serving.answers import Answer, Headers

JAVASCRIPT = b"text/javascript; charset=utf-8"
# Ten minutes: a page must not fetch the script at each view, yet an upgrade must arrive the same day.
SCRIPT_HEADERS: Headers = ((b"cache-control", b"public, max-age=600"), (b"vary", b"Accept-Encoding"))
BUNDLE_HEADERS: Headers = ((b"cache-control", b"public, max-age=31536000, immutable"), (b"vary", b"Accept-Encoding"))
"""For files whose name changes with their content."""


def script_file(name: str, headers: Headers, *, compressed: bool) -> Answer:
    """A script of the package; `name` must be one of `file_names()`, without its `.gz`."""
    content = _content(name)
    if compressed:
        return Answer(200, content, (*headers, (b"content-encoding", b"gzip")), JAVASCRIPT)
    return Answer(200, _unpacked(name), headers, JAVASCRIPT)


@functools.cache
def file_names() -> frozenset[str]:
    """The files of the package."""
    return frozenset(entry.name for entry in resources.files("onefold.serving").joinpath("static").iterdir())


@functools.cache
def _content(name: str) -> bytes:
    return resources.files("onefold.serving").joinpath("static", f"{name}.gz").read_bytes()


@functools.cache
def _unpacked(name: str) -> bytes:
    # Kept: whoever asks for it uncompressed must not cost us a decompression each time.
    return gzip.decompress(_content(name))
