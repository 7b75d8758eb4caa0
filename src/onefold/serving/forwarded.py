"""Forwarded requests: what a trusted proxy says of the client before it.

Anybody can write these headers, so they count only when the connection comes from a proxy that the project trusts; and
of the addresses in them only the last that is not itself a trusted proxy's, for a client may write what comes before.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Sequence

from onefold.serving.answers import Scope
from onefold.serving.request import Head

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""Trusted when a project says nothing: a TLS proxy on the same machine."""

_HOST = re.compile(rb"[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:]{2,45}\](:[0-9]{1,5})?")
_PAIR = re.compile(r"""\s*(for|proto|host)\s*=\s*(?:"([^"\\]*)"|([^\s;,"]+))\s*(?:;|$)""", re.IGNORECASE)
_ADDRESSES_MAX = 32


class Proxies:
    """The proxies that are trusted.

    Args:
        networks: Their addresses or networks (`10.0.0.0/8`).
    """

    def __init__(self, networks: Sequence[str] = LOOPBACK) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        # Few proxies make all the connections; strangers' addresses come and go.
        self.trust = functools.lru_cache(maxsize=1024)(self._trust)

    def visitor(self, scope: Scope, head: Head) -> str | None:
        """The address of whoever the request comes from; None when a trusted proxy does not say."""
        client = scope.get("client")
        if client is not None and not self.trust(client[0]):
            return str(client[0])
        if head.forwarded_for is not None:
            stated = [part.strip() for part in _text(head.forwarded_for).split(",")]
        elif head.forwarded is not None:
            stated = [_pairs(element).get("for", "") for element in _text(head.forwarded).split(",")]
        else:
            return None
        for text in reversed(stated[-_ADDRESSES_MAX:]):
            address = _address(text)
            if address is None:
                return None
            if not self.trust(address):
                return address
        return None

    def site(self, scope: Scope, head: Head) -> tuple[str, str]:
        """The scheme and the host (with its port, if stated) by which the client called us; `localhost` for nonsense."""
        scheme, host = str(scope["scheme"]), head.host
        client = scope.get("client")
        if client is None or self.trust(client[0]):
            stated: dict[str, str] = {}
            if head.forwarded is not None:
                stated = _pairs(_text(head.forwarded).partition(",")[0])
            # The de-facto headers go first: most proxies set these, and pass the standard's on as they came.
            proto = _first(head.forwarded_proto) or stated.get("proto", "")
            if proto.lower() in {"http", "https"}:
                scheme = proto.lower()
            host = (_first(head.forwarded_host) or stated.get("host", "")).encode() or host
        if host is None or _HOST.fullmatch(host) is None:
            return scheme, "localhost"
        return scheme, host.decode("ascii")

    def _trust(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network that one IPv6 customer has at least."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _address(text: str) -> str | None:
    """`192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80` as a bare address; None for anything else (`unknown`, `_hidden`)."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def _pairs(element: str) -> dict[str, str]:
    return {m[1].lower(): m[2] or m[3] or "" for m in _PAIR.finditer(element)}


def _first(header: bytes | None) -> str:
    return "" if header is None else _text(header).partition(",")[0].strip()


def _text(header: bytes) -> str:
    return header.decode("latin-1")
