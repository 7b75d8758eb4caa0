"""The console's files: the built single-page application, from the package, under a strict content security policy.

Any path that a browser navigates to and that nothing else answers gets the page, which looks at the path itself. Without
a build the page says how to make one.
"""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from onefold.serving.answers import Answer, Headers, Scope

NONCE = b"__CSP_NONCE__"
"""What stands in the page where an answer's nonce goes; styles that the page makes itself carry it."""
WAYS = b"__SIGN_IN__"
"""Where a page says how one signs in."""
PAGE = "index.html"
_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".webmanifest": "application/manifest+json"}
_COMPRESSED = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
_IMMUTABLE: Headers = ((b"cache-control", b"public, max-age=31536000, immutable"),)
_FRESH: Headers = ((b"cache-control", b"no-cache"),)
API_POLICY: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Headers of every answer that is no page: were a browser to show one, it would run and load nothing."""
_UNBUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Onefold</title>
<h1>The console is not built</h1>
<p>This installation runs from its source. With Node 20 or newer, <code>make console</code> builds the console; load this page
again then. An installed wheel has it already.</p>
<p>The API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>"""


class File(msgspec.Struct, frozen=True):
    """A file of the build, as it is and compressed; `compressed` is empty where that saves nothing."""

    content: bytes
    compressed: bytes
    content_type: bytes


class Place(msgspec.Struct, frozen=True):
    """What stands for a route where the framework has none."""

    path: str


PLACE = Place("/{console}")


class Console:
    """Answers for the console's pages and files.

    Args:
        random: Gives that many random bytes, for nonces.
        folder: The build; by default the package's.
        openid: Whether people may sign in by an identity provider, too.
    """

    def __init__(
        self, random: Callable[[int], bytes], folder: Traversable | None = None, *, openid: bool = False
    ) -> None:
        self._random = random
        self._ways = b"password openid" if openid else b"password"
        self._files = _files(folder or resources.files("onefold").joinpath("console", "dist"))

    def answer(self, scope: Scope) -> Answer | None:
        """The answer to a request for a page or a file; None where it is not for us."""
        path: str = scope["path"]
        if scope["method"] not in {"GET", "HEAD"} or path.startswith("/api/"):
            return None
        headers = dict(scope["headers"])
        name = path.lstrip("/")
        file = self._files.get(name)
        if file is not None and name != PAGE:
            return _of(file, headers, _IMMUTABLE if name.startswith("assets/") else _FRESH)
        # A missing script must not be answered by a page.
        navigates = b"text/html" in headers.get(b"accept", b"") and "." not in name.rpartition("/")[2]
        return self._page() if path == "/" or navigates else None

    def _page(self) -> Answer:
        page = self._files.get(PAGE)
        content = _UNBUILT if page is None else page.content
        nonce = self._random(16).hex().encode()
        # Without a nonce in the page, styles of its scripts would be refused.
        styles = b"'nonce-" + nonce + b"'" if page is None or NONCE in content else b"'unsafe-inline'"
        headers = ((b"cache-control", b"no-store"), *policy(styles))
        return Answer(
            200, content.replace(NONCE, nonce).replace(WAYS, self._ways), headers, b"text/html; charset=utf-8"
        )


def policy(styles: bytes) -> Headers:
    """The headers of a page; `styles` is what else than our files may style it."""
    csp = (
        b"default-src 'none'; script-src 'self'; style-src 'self' " + styles + b"; img-src 'self' data: blob:; "
        b"font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'"
    )
    return (
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", csp),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"x-frame-options", b"DENY"),
    )


def _of(file: File, headers: Mapping[bytes, bytes], caching: Headers) -> Answer:
    more = (*caching, *API_POLICY)
    if file.compressed and b"gzip" in headers.get(b"accept-encoding", b""):
        more = (*more, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))
        return Answer(200, file.compressed, more, file.content_type)
    return Answer(200, file.content, more, file.content_type)


def _files(folder: Traversable) -> Mapping[str, File]:
    """All files of a build, by path."""
    found: dict[str, File] = {}
    waiting = [("", folder)] if folder.is_dir() else []
    while waiting:
        prefix, one = waiting.pop()
        for entry in one.iterdir():
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                waiting.append((f"{name}/", entry))
            elif not name.endswith(".map"):
                found[name] = _file(name, entry.read_bytes())
    return found


def _file(name: str, content: bytes) -> File:
    kind = _TYPES.get(f".{name.rpartition('.')[2]}") or mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = gzip.compress(content, 9, mtime=0) if kind.startswith(_COMPRESSED) else b""
    text = kind.startswith("text/")
    return File(content, packed if len(packed) < len(content) else b"", f"{kind}{'; charset=utf-8' * text}".encode())
