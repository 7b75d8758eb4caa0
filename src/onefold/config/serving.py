"""The HTTP edge of a project: where it listens, what it bears of strangers, and how often anybody may ask."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from onefold.config.reading import Document, Problem
from onefold.config.secret import SecretReference, parse_reference
from onefold.governance.roles import RoleName


class Server(msgspec.Struct, frozen=True):
    """Where the HTTP edge listens, and its bounds.

    Attributes:
        max_request: Bytes of the largest body.
        public_url: The address by which clients reach it; None for the one they call.
        trusted_proxies: Networks whose forwarded headers count; None for this machine alone.
        max_head: Bytes of the largest request line and headers together.
        head_timeout: Microseconds until a request's headers must have arrived.
        request_timeout: Microseconds until the whole request must have arrived.
        idle_timeout: Microseconds for which an unused connection is kept.
        connections: Most connections at once; None for as many as the process may open.
        connections_per_address: Most of one address.
    """

    host: str = "127.0.0.1"
    port: int = 8484
    allow_public: bool = False
    max_request: int = 4 * 1024 * 1024
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] | None = None
    max_head: int = 32 * 1024
    head_timeout: int = 10_000_000
    request_timeout: int = 30_000_000
    idle_timeout: int = 65_000_000
    connections: int | None = None
    connections_per_address: int = 256


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Signing in by an OpenID Connect provider.

    Attributes:
        issuer: Its name, which is its address.
        client_id: What it knows us as.
        client_secret: Where our secret is; None for a public client.
        workspace: Whose people they are.
        name: The claim that names an account.
        claim: The claim whose values give a role.
        roles: The role for each value, in order.
    """

    issuer: str
    client_id: str
    client_secret: SecretReference | None
    workspace: str
    name: str
    claim: str
    roles: dict[str, RoleName]


def sign_in(value: dict[str, Any] | None, default_workspace: str, directory: Path) -> SignIn | None:
    """The settings under `sign_in`; None where nothing is said."""
    if value is None:
        return None
    secret = value.get("client_secret")
    return SignIn(
        issuer=value["issuer"],
        client_id=value["client_id"],
        client_secret=None if secret is None else parse_reference(secret, directory),
        workspace=value.get("workspace", default_workspace),
        name=value.get("name", "email"),
        claim=value.get("claim", "groups"),
        roles=dict(value["roles"]),
    )


def sign_in_problems(main: Document, workspaces: Collection[str]) -> Iterator[Problem]:
    """What is wrong under `sign_in` beyond the form of single values."""
    said = main.value.get("sign_in") or {}
    if said.get("workspace") not in (None, *workspaces):
        yield main.problem(("sign_in", "workspace"), "`sign_in.workspace` is not a workspace of this project")
    parts = urlsplit(said.get("issuer", "https://"))
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        yield main.problem(
            ("sign_in", "issuer"), "`sign_in.issuer` must be `https://`, but for a provider on this machine"
        )
    if said and not said.get("roles"):
        yield main.problem(("sign_in", "roles"), "`sign_in.roles` gives nobody a role, so nobody could sign in")


class Limits(msgspec.Struct, frozen=True):
    """Requests a minute.

    Attributes:
        ingest_per_minute: Of a source's key, sent by servers; this and the next two are the specification's.
        lookups_per_minute: Of a key that reads profiles.
        operations_per_minute: Of a key, about sources and webhooks.
        visitor_per_minute: Of one visitor's address to one source, on the long run.
        visitor_burst: Of those, how many may come at once.
        visitors_per_minute: Of all visitors of a source together.
    """

    enabled: bool = True
    ingest_per_minute: int = 100
    lookups_per_minute: int = 300
    operations_per_minute: int = 30
    visitor_per_minute: int = 1_200
    visitor_burst: int = 6_000
    visitors_per_minute: int = 60_000


def server(value: dict[str, Any]) -> Server:
    """The settings under `server`."""
    said = dict(value)
    if "trusted_proxies" in said:
        said["trusted_proxies"] = tuple(said["trusted_proxies"])
    return Server(**said)


def server_problems(main: Document) -> Iterator[Problem]:
    """What is wrong under `server` beyond the form of single values."""
    said = main.value.get("server") or {}
    host = said.get("host")
    if host and not said.get("allow_public") and not _loopback(host):
        yield main.problem(
            ("server", "host"), "`server.host` is open to other machines; say `allow_public: true` if that is meant"
        )
    url = said.get("public_url")
    if url is not None and not _is_origin(url):
        yield main.problem(
            ("server", "public_url"),
            "`server.public_url` must be `https://` and a host, such as `https://cdp.example.org`",
        )
    for network in said.get("trusted_proxies") or ():
        if not _is_network(network):
            yield main.problem(
                ("server", "trusted_proxies"), f"`{network[:40]}` is not an address or a network such as `10.0.0.0/8`"
            )
    # 30 s where only the other is stated.
    if said.get("head_timeout", 10_000_000) > said.get("request_timeout", 30_000_000):
        yield main.problem(("server", "head_timeout"), "`server.head_timeout` is longer than `server.request_timeout`")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = bool(parts.hostname) and parts.username is None and (port is None or port > 0)
    return (
        named and parts.scheme in {"http", "https"} and parts.path in {"", "/"} and not (parts.query or parts.fragment)
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
