"""An OpenID Connect provider on a port of this machine, which signs what a test asks for."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import secrets
import threading
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "onefold", "s3cret"


def encoded(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    """As a JWK has it."""
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class IdentityProvider:
    """A provider; `claims` is what it says of whoever signs in, and `changed` what it says otherwise than it should.

    Attributes:
        asked: Paths that were asked, in order.
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {}
        self.changed: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.asked: list[str] = []
        self.now_s = 0
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Discovery and keys."""
                provider.answer(self, b"")

            def do_POST(self) -> None:
                """Tokens."""
                provider.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def jwk(self) -> dict[str, str]:
        """The public key."""
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": number(numbers.n), "e": number(numbers.e)}

    def authorize(self, address: str) -> dict[str, str]:
        """What a browser brings back that was led to `address`, once its user has signed in there."""
        asked = {name: one for name, (one,) in parse_qs(urlsplit(address).query).items()}
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def token(self, nonce: str) -> str:
        """A signed token."""
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1", "iat": self.now_s, "exp": self.now_s + 300, "nonce": nonce,
            **self.claims, **self.changed,
        }  # fmt: skip
        return self.signed({"alg": "RS256", "kid": "1"}, claims)

    def signed(self, head: dict[str, Any], claims: dict[str, Any]) -> str:
        """Any token, signed with the key as RS256 whatever its head says."""
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{encoded(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def answer(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer as a provider does."""
        self.asked.append(request.path)
        if request.path == "/.well-known/openid-configuration":
            at = self.issuer
            said: Any = {"issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
                         "jwks_uri": f"{at}/keys", **self.document}  # fmt: skip
        elif request.path == "/keys":
            said = {"keys": [self.jwk()]}
        elif request.path == "/elsewhere":
            request.send_response(302)
            request.send_header("Location", "/keys")
            request.end_headers()
            return
        else:
            said = self._exchanged(request, body)
        request.send_response(200 if said else 400)
        request.end_headers()
        request.wfile.write(json.dumps(said or {"error": "invalid_grant"}).encode())

    def _exchanged(self, request: http.server.BaseHTTPRequestHandler, body: bytes) -> dict[str, str] | None:
        form = {name: one for name, (one,) in parse_qs(body.decode()).items()}
        asked = self._codes.pop(form["code"], None)
        proof = encoded(hashlib.sha256(form["code_verifier"].encode()).digest())
        known = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if asked is None or proof != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        if request.headers["Authorization"] != known:
            return None
        return {"id_token": self.token(asked["nonce"]), "access_token": "unused", "token_type": "Bearer"}
