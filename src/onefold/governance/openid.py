"""OpenID Connect: whom an identity provider vouches for, proven by a token that it signed for this very sign-in.

The authorization code flow with PKCE. What a provider says is believed only where its signature, issuer, audience, times
and nonce fit, and only for people whom a rule of the project gives a role: everybody else is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from onefold.errors import UnauthorizedError
from onefold.governance.accounts import Account, AccountStore, name_of
from onefold.governance.roles import RoleName

LEEWAY_S = 60
AGE_MAX_S = 600
"""A token that was issued longer ago is not of this sign-in."""
TOKEN_BYTES_MAX = 32 * 1024
RSA_BITS_MIN = 2048
_P256_BYTES = 32


class Endpoints(msgspec.Struct, frozen=True):
    """Where a provider is spoken to, as its discovery document says."""

    authorization: str
    token: str


class Provider(Protocol):
    """An identity provider. Any thread may call it.

    All raise `UnavailableError` where it does not answer as it must.
    """

    def endpoints(self) -> Endpoints:
        """Where it is."""
        ...

    def keys(self, *, fresh: bool = False) -> list[dict[str, Any]]:
        """The keys that it signs with (JWK); `fresh` asks again."""
        ...

    def exchange(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for a code."""
        ...


class OpenId(msgspec.Struct, frozen=True):
    """Sign-in by an identity provider.

    Attributes:
        provider: How to speak to it.
        issuer: Its name, as tokens state it.
        client_id: Ours.
        workspace: Which workspace its people open.
        name: The claim that an account is named by; of `email` the provider must say that it is verified.
        claim: The claim whose values give a role.
        roles: The role for each value; the first that fits counts. Whoever has none is refused.
    """

    provider: Provider
    issuer: str
    client_id: str
    workspace: str
    name: str
    claim: str
    roles: Mapping[str, RoleName]


def challenge(verifier: str) -> str:
    """What is shown of a verifier before it is (PKCE, S256)."""
    return _encoded(hashlib.sha256(verifier.encode()).digest())


def verified(openid: OpenId, token: str, nonce: str, now_s: int) -> Mapping[str, Any]:
    """The claims of an ID token.

    Raises:
        UnauthorizedError: It is not signed by the provider, or not for us, not now, or not for this sign-in.
    """
    parts = token.split(".")
    if len(token) > TOKEN_BYTES_MAX or len(parts) != 3:
        raise _refused("it is not a token")
    head, claims = _object(parts[0]), _object(parts[1])
    signed, signature = f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2])
    for fresh in (False, True):  # a provider may have changed its keys
        if any(_signs(key, head, signed, signature) for key in openid.provider.keys(fresh=fresh)):
            break
    else:
        raise _refused("no key of the provider has signed it")
    if claims.get("iss") != openid.issuer:
        raise _refused("it is of another issuer")
    audience = claims.get("aud")
    if (
        audience not in (openid.client_id, [openid.client_id])
        or claims.get("azp", openid.client_id) != openid.client_id
    ):
        raise _refused("it is for somebody else")
    expires, issued, earliest = _time(claims.get("exp")), _time(claims.get("iat")), _time(claims.get("nbf", 0))
    if expires <= now_s - LEEWAY_S or earliest > now_s + LEEWAY_S:
        raise _refused("it has expired, or is not valid yet")
    if not now_s - AGE_MAX_S <= issued <= now_s + LEEWAY_S:
        raise _refused("it was not issued just now")
    stated = claims.get("nonce")
    if not isinstance(stated, str) or not hmac.compare_digest(stated.encode(), nonce.encode()):
        raise _refused("it is of another sign-in")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _refused("it names nobody")
    return claims


def account(openid: OpenId, claims: Mapping[str, Any], store: AccountStore, now_us: int) -> Account:
    """The account of whom these claims are about, with the role that they give; made where there is none.

    An account that was added otherwise is never taken over, whatever name the provider states.

    Raises:
        UnauthorizedError: No role is theirs, the name is not verified or somebody else's, or the account was disabled.
    """
    who = hashlib.sha256(f"{openid.issuer}\n{claims['sub']}".encode()).hexdigest()
    key = f"oidc-{who[:24]}"
    there = next((a for a in store.accounts() if a.id == key and a.workspace == openid.workspace), None)
    role = role_of(openid, claims)
    if role is None:
        if there is not None:
            store.end_all(there.id)
        raise UnauthorizedError("The provider gives you no role here; ask whoever runs Onefold.")
    if there is not None:
        if there.disabled_us is not None:
            raise UnauthorizedError("This account was disabled.")
        changed = msgspec.structs.replace(there, role=role)
        store.change(changed)
        return changed
    stated = claims.get(openid.name)
    if not isinstance(stated, str) or (openid.name == "email" and claims.get("email_verified") is not True):
        raise UnauthorizedError(f"The provider states no verified `{openid.name}`.")
    made = Account(id=key, workspace=openid.workspace, name=name_of(stated), role=role, created_us=now_us)
    if not store.insert(made):
        raise UnauthorizedError("There is an account of that name which is not the provider's.")
    return made


def role_of(openid: OpenId, claims: Mapping[str, Any]) -> RoleName | None:
    """The role that a person's claims give, by the order of the project's rules; None for none."""
    stated = claims.get(openid.claim)
    held = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    return next((role for value, role in openid.roles.items() if value in held), None)


def _signs(key: Mapping[str, Any], head: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
    algorithm = head.get("alg")
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    if "kid" in head and key.get("kid") != head["kid"]:
        return False
    try:
        verify = _VERIFY.get((algorithm, key.get("kty")))
        return verify is not None and verify(key, signed, signature)
    except (InvalidSignature, ValueError, KeyError, TypeError, UnauthorizedError):
        return False


def _rs256(key: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
    public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    if public.key_size < RSA_BITS_MIN:
        return False
    public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    return True


def _es256(key: Mapping[str, Any], signed: bytes, signature: bytes) -> bool:
    if key.get("crv") != "P-256" or len(signature) != 2 * _P256_BYTES:
        return False
    public = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(half, "big") for half in (signature[:_P256_BYTES], signature[_P256_BYTES:]))
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    return True


# Those that need no shared secret; `none` and HMAC are not among them, whatever a token says of itself.
_VERIFY: Mapping[tuple[Any, Any], Callable[[Mapping[str, Any], bytes, bytes], bool]] = {
    ("RS256", "RSA"): _rs256,
    ("ES256", "EC"): _es256,
}


def _time(stated: object) -> float:
    """A time of a token, in seconds; `bool` is an `int` to Python."""
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        raise _refused("it states no times")
    return stated


def _object(part: str) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(_decoded(part))
    except msgspec.DecodeError:
        raise _refused("it is not a token") from None
    if not isinstance(found, dict):
        raise _refused("it is not a token")
    return found


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _refused("it is not a token") from None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused(why: str) -> UnauthorizedError:
    return UnauthorizedError(f"The provider's token is refused: {why}.")
