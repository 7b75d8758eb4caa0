"""Forwarded requests: a trusted proxy is believed, nobody else is, and nothing before the last stranger counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.serving.edge import Edge

from onefold.serving.app import ServingSettings
from onefold.serving.fetches import PublicAddress
from onefold.serving.forwarded import Proxies, network_of
from onefold.serving.request import read_head

PROXY, STRANGER = "10.0.0.7", "203.0.113.9"
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


def scope(peer, **headers):
    pairs = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"scheme": "http", "client": (peer, 1), "headers": pairs}


def visitor(proxies, peer, **headers):
    asked = scope(peer, **headers)
    return proxies.visitor(asked, read_head(asked))


def site(proxies, peer, **headers):
    asked = scope(peer, **headers)
    return proxies.site(asked, read_head(asked))


class Credulous(Proxies):
    """The planted bug: whatever stands first in the header is believed, whoever sent it."""

    def visitor(self, scope, head):
        return head.forwarded_for.decode().partition(",")[0].strip()


def forge(kind, claims, real):
    """Whom the edge takes a visitor at `real` for, who comes through the proxy and claims these addresses."""
    return visitor(kind([f"{PROXY}/32"]), PROXY, X_Forwarded_For=", ".join([*claims, real]))


@given(st.lists(ADDRESSES, max_size=40), ADDRESSES.filter(lambda address: address != PROXY))
def test_no_visitor_can_be_another(claims, real):
    """Whatever a visitor writes before it, what the proxy appended is their address; unproxied, the connection's is."""
    assert forge(Proxies, claims, real) == real
    assert visitor(Proxies([PROXY]), STRANGER, X_Forwarded_For=", ".join([*claims, real])) == STRANGER


def test_believing_the_first_is_found_out():
    """Control: taking the first address lets anybody be anybody."""
    assert forge(Credulous, ["192.0.2.66"], STRANGER) == "192.0.2.66"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X_Forwarded_For": "192.0.2.1, 10.0.0.8"}, "192.0.2.1"),  # two trusted proxies
        ({"X_Forwarded_For": "[2001:db8::1]:443"}, "2001:db8::1"),
        ({"X_Forwarded_For": "192.0.2.1:5000"}, "192.0.2.1"),
        ({"Forwarded": 'for=192.0.2.1;proto=https, for="10.0.0.8"'}, "192.0.2.1"),
        ({"Forwarded": 'for="[2001:db8::1]:80"'}, "2001:db8::1"),
        ({"Forwarded": "for=unknown"}, None),
        ({"X_Forwarded_For": "10.0.0.8"}, None),
        ({"X_Forwarded_For": ""}, None),
        ({}, None),
    ],
)
def test_a_trusted_proxy_says_whose_request_it_is(headers, found):
    """In both spellings, with and without ports; nobody is meant where it does not say."""
    assert visitor(Proxies(["10.0.0.0/8"]), PROXY, **headers) == found


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X_Forwarded_Proto": "https"}, ("https", "inside:1")),
        ({"X_Forwarded_Proto": "https", "X_Forwarded_Host": "cdp.test"}, ("https", "cdp.test")),
        ({"Forwarded": "for=192.0.2.1;host=cdp.test;proto=https"}, ("https", "cdp.test")),
        ({"Forwarded": 'proto=http;host="cdp.test:8443"'}, ("http", "cdp.test:8443")),
        ({"X_Forwarded_Proto": "javascript"}, ("http", "inside:1")),
        ({"X_Forwarded_Host": 'x"><script>'}, ("http", "localhost")),
    ],
)
def test_a_trusted_proxy_says_by_which_address_we_were_called(headers, found):
    """Scheme and host of the page's world, not of the hop behind the proxy; from strangers neither counts."""
    assert site(Proxies([PROXY]), PROXY, Host="inside:1", **headers) == found
    assert site(Proxies([PROXY]), STRANGER, Host="inside:1", **headers) == ("http", "inside:1")


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_one_ipv6_customer_is_one_client(address, low):
    """All addresses of a /64 count as one, for a customer has them all; mapped IPv4 counts as itself."""
    sibling = type(address)((int(address) >> 64 << 64) | low)
    if address.ipv4_mapped is None and sibling.ipv4_mapped is None:
        assert network_of(str(address)) == network_of(str(sibling))
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"


def test_settings_name_the_address_the_world_knows():
    """Behind a TLS proxy on this machine the settings say https without a word of configuration; a stated one goes first."""
    asked = {"Host": "127.0.0.1:8484", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "cdp.test"}

    def told(settings, peer):
        with Edge(settings=settings) as edge:
            answer = edge.send("GET", f"/v1/projects/{edge.key()}/settings", peer=peer, **asked)
            said = answer.json["integrations"]["Segment.io"]
            return said["protocol"], said["apiHost"], answer.headers["cache-control"].split(",")[0]

    assert told(ServingSettings(), "127.0.0.1") == ("https", "cdp.test/v1", "private")
    assert told(ServingSettings(), STRANGER) == ("http", "127.0.0.1:8484/v1", "private")
    assert told(ServingSettings(trusted_proxies=()), "127.0.0.1") == ("http", "127.0.0.1:8484/v1", "private")
    public = ServingSettings(public=PublicAddress.of("https://events.test:8443/"))
    assert told(public, STRANGER) == ("https", "events.test:8443/v1", "public")
