"""A bucket of an S3-compatible store: objects put, read, listed and removed, each request signed (Signature Version 4).

Tested against SeaweedFS, which checks signatures. Objects are addressed by path (`endpoint/bucket/key`), and put whole, so
that an object is there as it was written or not at all. Credentials are those that are given; none are looked for.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

from onefold.errors import ConfigurationError, NotFoundError, UnavailableError

_TIMEOUT_SECONDS = 60.0
_TRIES = 3
_BLOCK = 1 << 20
_EMPTY = hashlib.sha256(b"").hexdigest()


class Stored(NamedTuple):
    """An object: its key after the prefix, its size in bytes, and when it was written, in seconds since 1970."""

    name: str
    size: int
    at: float


class Bucket:
    """The objects under a prefix of a bucket. Safe for threads; each request has a connection of its own."""

    def __init__(
        self, endpoint: str, bucket: str, prefix: str, *, region: str, access_key: str, secret_key: str
    ) -> None:
        """Nothing is connected yet. The endpoint is `https://host[:port]`; `prefix` ends with `/`.

        Raises:
            ConfigurationError: The endpoint is no such address.
        """
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ConfigurationError("the endpoint of an object store is an address like https://s3.example.org")
        self._parts = parts
        self._bucket, self._prefix, self._region = bucket, prefix, region
        self._access_key, self._secret_key = access_key, secret_key
        self._context = ssl.create_default_context() if parts.scheme == "https" else None

    def __repr__(self) -> str:
        return f"<Bucket(s3://{self._bucket}/{self._prefix})>"

    def put(self, name: str, file: Path) -> None:
        """Write an object from a file.

        Raises:
            UnavailableError: The store is away or full; there is no such object then, or there is all of it.
        """
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            self._ask("PUT", name, body=stream, size=file.stat().st_size, digest=digest)

    def get(self, name: str, into: IO[bytes]) -> None:
        """Read an object into a file.

        Raises:
            NotFoundError: There is none of that name.
            UnavailableError: The store is away.
        """
        self._ask("GET", name, into=into)

    def remove(self, name: str) -> None:
        """Remove an object; no error where there is none."""
        self._ask("DELETE", name)

    def names(self) -> Iterator[Stored]:
        """All objects under the prefix."""
        token: str | None = None
        while True:
            query = {"list-type": "2", "prefix": self._prefix} | ({"continuation-token": token} if token else {})
            found = ET.fromstring(self._ask("GET", None, query=query))  # noqa: S314  the operator's own store
            space = found.tag.partition("}")[0] + "}" if found.tag.startswith("{") else ""
            for each in found.iter(f"{space}Contents"):
                moment = datetime.fromisoformat(each.findtext(f"{space}LastModified") or "")
                key, size = each.findtext(f"{space}Key") or "", int(each.findtext(f"{space}Size") or 0)
                yield Stored(key.removeprefix(self._prefix), size, moment.timestamp())
            token = found.findtext(f"{space}NextContinuationToken")
            if found.findtext(f"{space}IsTruncated") != "true" or not token:
                return

    def _ask(
        self,
        method: str,
        name: str | None,
        *,
        query: Mapping[str, str] | None = None,
        body: IO[bytes] | None = None,
        size: int = 0,
        digest: str = _EMPTY,
        into: IO[bytes] | None = None,
    ) -> bytes:
        path = "/" + quote(f"{self._bucket}/{self._prefix}{name}" if name is not None else self._bucket, safe="/-_.~")
        text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted((query or {}).items()))
        for attempt in range(_TRIES):
            for stream in (body, into):
                if stream is not None:
                    stream.seek(0)
            try:
                status, data = self._once(method, path, text, digest, body, size, into)
            except (OSError, http.client.HTTPException) as error:
                if attempt == _TRIES - 1:
                    raise UnavailableError(f"the object store does not answer ({type(error).__name__})") from error
                continue
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                break
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ConfigurationError("the object store refuses these credentials; see `warehouse.storage`")
        if status == HTTPStatus.NOT_FOUND and method == "GET" and name is not None:
            raise NotFoundError(f"the object store has no {name}")
        if status >= HTTPStatus.BAD_REQUEST and not (status == HTTPStatus.NOT_FOUND and method == "DELETE"):
            raise UnavailableError(f"the object store does not do what it is asked (status {status})")
        return data

    def _once(
        self, method: str, path: str, query: str, digest: str, body: IO[bytes] | None, size: int, into: IO[bytes] | None
    ) -> tuple[int, bytes]:
        host, port = self._parts.hostname or "", self._parts.port
        if self._context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=_TIMEOUT_SECONDS, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
        headers = self._signed(method, path, query, digest)
        if method == "PUT":
            headers["Content-Length"] = str(size)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, headers)
            answer = connection.getresponse()
            if into is None or answer.status != HTTPStatus.OK:
                return answer.status, answer.read()
            into.truncate()
            wanted, got = int(answer.getheader("Content-Length") or -1), 0
            while block := answer.read(_BLOCK):
                got += into.write(block)
            if wanted not in {-1, got}:
                raise ConnectionError("an object ended early")
            return answer.status, b""
        finally:
            connection.close()

    def _signed(self, method: str, path: str, query: str, digest: str) -> dict[str, str]:
        """The headers of a request, signed with the secret key."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        host = self._parts.netloc
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
        names = ";".join(headers)
        canonical = "\n".join(
            [method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "", names, digest]
        )
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        wanted = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + self._secret_key.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, wanted.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers
