"""Signing in by an identity provider: whom it vouches for, by a token of this very sign-in, and nobody else."""

import hashlib
import hmac
import json

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from tests.serving.edge import UNLIMITED, Edge
from tests.serving.identity_provider import CLIENT, SECRET, IdentityProvider, encoded, number

from onefold.adapters.openid import HttpsProvider, allowed
from onefold.errors import UnauthorizedError, UnavailableError
from onefold.governance import accounts
from onefold.governance.openid import OpenId, role_of, verified

ANN = {"sub": "7", "email": "Ann@example.org", "email_verified": True, "groups": ["staff", "crm-stewards"]}
ROLES = {"crm-owners": "owner", "crm-stewards": "steward", "crm-readers": "read-only"}
CALLBACK = "/api/v1/openid/callback"


@pytest.fixture(scope="module")
def running():
    with IdentityProvider() as made:
        yield made


@pytest.fixture
def provider(running):
    running.claims, running.changed, running.document, running.asked[:] = dict(ANN), {}, {}, []
    return running


@pytest.fixture
def openid(provider):
    spoken = HttpsProvider(provider.issuer, CLIENT, SECRET, lambda: 0.0)
    return OpenId(spoken, provider.issuer, CLIENT, "main", "email", "groups", ROLES)


@pytest.fixture
def edge(provider, openid):
    with Edge(settings=msgspec.structs.replace(UNLIMITED, openid=openid)) as made:
        made.main.know("ann")
        provider.now_s = made.clock_us // 1_000_000
        yield made


def left(edge):
    """Where a browser is led, and the cookie that it got."""
    answer = edge.send("GET", "/api/v1/openid/start")
    assert answer.status == 303
    return answer.headers["location"], answer.headers["set-cookie"].partition(";")[0]


def back(edge, brought, cookie):
    """The answer to a browser that comes back."""
    return edge.send("GET", f"{CALLBACK}?code={brought['code']}&state={brought['state']}", Cookie=cookie)


def sign_in(edge, provider):
    address, cookie = left(edge)
    return back(edge, provider.authorize(address), cookie)


def refused(answer):
    """Whether nobody was signed in."""
    return answer.headers["location"] == "/sign-in?refused=provider" and "onefold_session" not in str(answer.headers)


def session(edge):
    """The roles of those who have a session."""
    return [one.role for one in edge.accounts.accounts() if one.seen_us is not None]


def test_whom_the_provider_vouches_for_is_signed_in(edge, provider):
    """With the role of the first rule that fits; with the next sign-in the role is what the provider says then."""
    assert sign_in(edge, provider).headers["location"] == "/"
    (there,) = edge.accounts.accounts()
    assert (there.name, there.role, there.password, there.id[:5]) == ("ann@example.org", "steward", None, "oidc-")
    provider.claims["groups"] = "crm-readers"
    assert sign_in(edge, provider).headers["location"] == "/"
    assert [(one.id, one.role) for one in edge.accounts.accounts()] == [(there.id, "read-only")]


def test_the_session_is_one_like_any(edge, provider):
    """Its cookie is out of scripts' reach and does what the role may."""
    address, cookie = left(edge)
    answer = back(edge, provider.authorize(address), cookie)
    given = [value for name, value in answer.all if name == b"set-cookie" and value.startswith(b"onefold_session=of_")]
    assert b"HttpOnly; SameSite=Lax" in given[0]
    token = given[0].partition(b";")[0].decode()
    assert edge.send("GET", "/api/v1/me", Cookie=token).json["role"] == "steward"
    assert edge.send("GET", "/api/v1/dead-letters", Cookie=token).status == 200
    assert edge.send("GET", "/api/v1/accounts", Cookie=token).status == 403


@pytest.mark.parametrize(
    "changed",
    [
        {"groups": []}, {"groups": None}, {"groups": ["CRM-OWNERS"]}, {"groups": {"crm-owners": 1}},
        {"email_verified": False}, {"email_verified": "true"}, {"email": None}, {"email": "a\nb"},
        {"iss": "http://127.0.0.1:1"}, {"aud": "other"}, {"aud": [CLIENT, "other"]}, {"azp": "other"}, {"nonce": "other"},
        {"nonce": None}, {"exp": 1}, {"exp": "9999999999"}, {"iat": 1}, {"iat": None}, {"nbf": 9_999_999_999},
        {"sub": ""}, {"sub": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_does_not_fit_signs_nobody_in(edge, provider, changed):
    """Each of its claims counts."""
    provider.changed = changed
    assert refused(sign_in(edge, provider))
    assert session(edge) == []


def test_a_sign_in_ends_in_the_browser_where_it_began_and_once(edge, provider):
    """Nobody is signed in by a link of somebody else's, with another's cookie, or twice with one code."""
    address, cookie = left(edge)
    _, other = left(edge)
    brought = provider.authorize(address)
    for wrong in ("", other, "onefold_openid="):
        assert refused(back(edge, brought, wrong))
    assert refused(back(edge, {**brought, "code": ""}, cookie))
    assert back(edge, brought, cookie).headers["location"] == "/"
    assert refused(back(edge, brought, cookie))


def test_an_account_with_a_password_is_not_taken_over(edge, provider):
    """Neither by its name, nor does a disabled account come back."""
    accounts.add(
        edge.accounts, workspace="main", name="ann@example.org", role="owner", now_us=1, random=edge.random.randbytes
    )
    assert refused(sign_in(edge, provider))
    provider.claims["email"] = "ann2@example.org"
    assert not refused(sign_in(edge, provider))
    made = next(one for one in edge.accounts.accounts() if one.id.startswith("oidc-"))
    edge.accounts.change(msgspec.structs.replace(made, disabled_us=2))
    assert refused(sign_in(edge, provider))


def test_who_loses_the_role_loses_the_sessions(edge, provider):
    """At the next sign-in that the provider vouches for without a role."""
    address, cookie = left(edge)
    answer = back(edge, provider.authorize(address), cookie)
    token = next(v for n, v in answer.all if n == b"set-cookie" and v.startswith(b"onefold_session")).partition(b";")[0]
    assert edge.send("GET", "/api/v1/me", Cookie=token.decode()).status == 200
    provider.claims["groups"] = []
    assert refused(sign_in(edge, provider))
    assert edge.send("GET", "/api/v1/me", Cookie=token.decode()).status == 401


def test_without_a_provider_there_is_no_such_way():
    """The routes are not there, and the page does not offer it."""
    with Edge() as made:
        assert made.send("GET", "/api/v1/openid/start").status == 404
        assert made.send("GET", f"{CALLBACK}?code=1&state=1").status == 404


NOW = 1_700_000_000


@pytest.fixture
def good(provider):
    provider.now_s = NOW
    return {"iss": provider.issuer, "aud": CLIENT, "sub": "1", "iat": NOW, "exp": NOW + 9, "nonce": "n"}


def test_only_the_providers_keys_sign(openid, provider, good):
    """Not the algorithm `none`, not HMAC with the public key, not another key, not a changed text."""
    right = provider.signed({"alg": "RS256", "kid": "1"}, good)
    assert verified(openid, right, "n", NOW)["sub"] == "1"
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "1"}, good))
    mac = hmac.new(provider.jwk()["n"].encode(), text.encode(), hashlib.sha256).digest()
    bare = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "none"}, good))
    head, claims, signature = right.split(".")
    other = encoded(json.dumps({**good, "sub": "2"}).encode())
    wrong = [
        f"{text}.{encoded(mac)}", f"{bare}.", f"{head}.{other}.{signature}", f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:-4]}AAAA", f"{head}.{claims}", "", "a.b.c", f"{right}.x",
        provider.signed({"alg": "RS256", "kid": "2"}, good), provider.signed({"alg": "RS384", "kid": "1"}, good),
        provider.signed({"kid": "1"}, good), provider.signed({"alg": [], "kid": "1"}, good),
    ]  # fmt: skip
    for token in wrong:
        with pytest.raises(UnauthorizedError):
            verified(openid, token, "n", NOW)


class Keys:
    """A provider that has these keys."""

    def __init__(self, *keys):
        self._keys = list(keys)

    def keys(self, *, fresh=False):
        del fresh
        return self._keys


def test_elliptic_keys_sign_too(openid, good):
    """ES256, by the curve that it names."""
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "kid": "1", "x": number(numbers.x), "y": number(numbers.y)}
    text = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "ES256", "kid": "1"}, good))
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    assert verified(msgspec.structs.replace(openid, provider=Keys(jwk)), token, "n", NOW)["sub"] == "1"
    for unfit in ({**jwk, "crv": "P-384"}, {**jwk, "use": "enc"}, {**jwk, "y": jwk["x"]}, {**jwk, "x": 5}):
        with pytest.raises(UnauthorizedError):
            verified(msgspec.structs.replace(openid, provider=Keys(unfit)), token, "n", NOW)


def test_rules_are_tried_in_their_order(openid):
    """The first of the project's that fits, not the first of the person's."""
    assert role_of(openid, {"groups": ["crm-readers", "crm-owners"]}) == "owner"
    assert role_of(openid, {}) is None


@pytest.mark.parametrize(
    "document",
    [{"issuer": "http://127.0.0.1:1"}, {"jwks_uri": "http://keys.example/"}, {"jwks_uri": "file:///etc/passwd"},
     {"jwks_uri": None}],
    ids=str,
)  # fmt: skip
def test_a_provider_that_says_something_else_of_itself_is_not_asked(openid, provider, document):
    """Another issuer, or an address that is neither https nor on this machine."""
    provider.document = document
    with pytest.raises(UnavailableError):
        openid.provider.keys()


def test_no_redirect_is_followed(openid, provider):
    """Keys stand where they were said to stand."""
    provider.document = {"jwks_uri": f"{provider.issuer}/elsewhere"}
    with pytest.raises(UnavailableError):
        openid.provider.keys()
    assert "/keys" not in provider.asked


def test_addresses_are_https_or_here():
    """Plain HTTP leaves no machine."""
    assert all(
        map(allowed, ("https://login.example.org/a", "http://127.0.0.1:9/a", "http://[::1]/", "http://localhost/"))
    )
    unfit = (
        "http://login.example.org",
        "http://10.0.0.1/",
        "https://u@x.example/",
        "ftp://x.example/",
        "",
        "https://",
        "//x",
    )
    assert not any(map(allowed, unfit))
