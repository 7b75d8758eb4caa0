"""An identity provider over HTTPS: its discovery document, its keys, and the exchange of a code for a token.

Requests follow no redirect, use no proxy of the environment, wait for seconds and read a bounded answer. Plain HTTP is
spoken to this machine only.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import threading
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from onefold.errors import UnavailableError
from onefold.governance.openid import Endpoints, Provider

ANSWER_BYTES_MAX = 256 * 1024
SECONDS = 10.0
KEPT_SECONDS = 600.0
ASKED_AGAIN_SECONDS = 10.0
"""Keys are not asked for again sooner, however many tokens name others."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow none: what a provider says of itself stands where it was asked."""
        return


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


class HttpsProvider(Provider):
    """A provider by its issuer. Any thread may call it."""

    def __init__(self, issuer: str, client_id: str, secret: str | None, monotonic: Callable[[], float]) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._secret = secret
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._said: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, list[dict[str, Any]]] | None = None

    def endpoints(self) -> Endpoints:
        """Where it is spoken to."""
        said = self._document()
        return Endpoints(self._address(said, "authorization_endpoint"), self._address(said, "token_endpoint"))

    def keys(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """The keys that it signs with."""
        with self._lock:
            now, known = self._monotonic(), self._keys
        if known is not None and now - known[0] < (ASKED_AGAIN_SECONDS if fresh else KEPT_SECONDS):
            return known[1]
        found = _asked(self._address(self._document(), "jwks_uri")).get("keys")
        keys = [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []
        with self._lock:
            self._keys = (now, keys)
        return keys

    def exchange(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for a code."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
            "client_id": self._client_id,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret is not None:
            pair = f"{quote(self._client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        token = _asked(self.endpoints().token, urlencode(form).encode(), headers).get("id_token")
        if not isinstance(token, str):
            raise UnavailableError("The identity provider gave no ID token.")
        return token

    def _document(self) -> dict[str, Any]:
        with self._lock:
            now, known = self._monotonic(), self._said
        if known is not None and now - known[0] < KEPT_SECONDS:
            return known[1]
        said = _asked(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if said.get("issuer") != self._issuer:
            raise UnavailableError("The identity provider calls itself otherwise than `sign_in.issuer` does.")
        with self._lock:
            self._said = (now, said)
        return said

    def _address(self, said: dict[str, Any], name: str) -> str:
        address = said.get(name)
        if not isinstance(address, str) or not allowed(address):
            raise UnavailableError(f"The identity provider's `{name}` is not an https address.")
        return address


def allowed(address: str) -> bool:
    """Whether an address may be spoken to: over TLS, or on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _here(host))


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _asked(address: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at an address."""
    if not allowed(address):
        raise UnavailableError("The identity provider is asked over https only.")
    request = urllib.request.Request(address, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310  https, or this machine
    try:
        with _OPENER.open(request, timeout=SECONDS) as answer:
            raw = answer.read(ANSWER_BYTES_MAX + 1)
        found = msgspec.json.decode(raw) if len(raw) <= ANSWER_BYTES_MAX else None
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        raise UnavailableError(f"The identity provider does not answer as it must ({type(error).__name__}).") from None
    if not isinstance(found, dict):
        raise UnavailableError("The identity provider does not answer as it must.")
    return found
