"""The client address is the one that a trusted proxy saw; a forged header has no effect."""

import pytest

from chalicelib.platform.client_address import client_network
from chalicelib.platform.edge_mark import digest_of
from chalicelib.platform.links import edge_mark
from infra.local.launcher import forwarded

CURRENT, PREVIOUS = "c" * 48, "p" * 48
DIGESTS = [digest_of(edge_mark(key)) for key in (CURRENT, PREVIOUS)]


def network(forwarded_for, mark=None, peer="192.0.2.1"):
    headers = {"x-forwarded-for": forwarded_for} | ({"x-edge-mark": mark} if mark else {})
    return client_network(headers, peer, DIGESTS)


@pytest.mark.parametrize("key", [CURRENT, PREVIOUS])
def test_call_of_the_distribution_has_the_address_of_its_viewer(key):
    assert network("6.6.6.6, 203.0.113.9, 130.176.0.1", edge_mark(key)) == "203.0.113.9"


@pytest.mark.parametrize("mark", [None, "", "guess", "\u00fc", edge_mark("x" * 48)])
def test_direct_call_comes_from_its_peer_despite_its_headers(mark):
    assert network("6.6.6.6, 7.7.7.7, 203.0.113.9", mark) == "203.0.113.9"


def test_call_without_the_header_has_the_address_of_its_peer():
    assert client_network({}, "203.0.113.9", DIGESTS) == "203.0.113.9"


def test_addresses_of_one_ipv6_network_are_one_client():
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")


def test_emulated_gateway_appends_the_peer():
    headers = [(b"host", b"x"), (b"X-Forwarded-For", b"6.6.6.6"), (b"x-forwarded-for", b"7.7.7.7")]

    assert forwarded(headers, "127.0.0.1") == [(b"host", b"x"), (b"x-forwarded-for", b"6.6.6.6, 7.7.7.7, 127.0.0.1")]
