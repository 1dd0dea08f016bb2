"""What the path, the envelope and the peer say of a message."""

from ipaddress import ip_network

import pytest

from adapter.http.client_address import client_address, network_of
from adapter.ingest.dialect import SDK_PATHS, merged, speaks_for_its_user

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_the_paths_of_sdks_say_the_type() -> None:
    """Each type by name and by its first letter, as analytics.js has it; batches say none. All are direct."""
    assert {path: dialect.type for path, dialect in SDK_PATHS.items()} == {
        "track": "track", "t": "track", "identify": "identify", "i": "identify", "page": "page", "p": "page",
        "screen": "screen", "s": "screen", "group": "group", "g": "group", "alias": "alias", "a": "alias",
        "batch": None, "b": None, "import": None, "merge": "alias",
    }  # fmt: skip
    assert all(dialect.is_direct for dialect in SDK_PATHS.values())


@pytest.mark.parametrize(
    ("under", "over", "result"),
    [
        ({"a": 1, "b": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, [], {"a": 1}),
        ({"a": 1}, "text", "text"),
        ({"a": 1}, [1], [1]),
        ({}, {"a": 1}, {"a": 1}),
        ({}, [], {}),
    ],
    ids=["over wins", "first level", "null wins", "null", "empty array", "text", "array", "nothing under", "nothing"],
)
def test_what_is_laid_over_wins(under: dict[str, object], over: object, result: object) -> None:
    """A message's own values come before its envelope's; what cannot be merged is left for the schema to judge."""
    before = dict(under)
    assert merged(under, over) == result
    assert under == before


@pytest.mark.parametrize(
    ("context", "has_origin", "speaks"),
    [
        ({}, True, True),
        ({"library": {"name": "analytics-kotlin"}}, False, True),
        ({"library": {"name": "RudderLabs iOS SDK"}}, False, True),
        ({"library": {"name": "analytics-react-native"}}, False, True),
        ({"library": {"name": "analytics-python"}}, False, False),
        ({"library": {"name": 5}}, False, False),
        ({"library": "android"}, False, False),
        (None, False, False),
    ],
    ids=["browser", "kotlin", "ios", "react native", "server", "number", "text", "no context"],
)
def test_whose_address_the_peers_is(context: object, has_origin: bool, speaks: bool) -> None:
    """Only a browser or a phone is where its user is; a server's address would be a wrong one."""
    assert speaks_for_its_user(context, has_origin=has_origin) is speaks


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], None),
        ("10.0.0.1", ["10.0.0.3"], None),
        ("10.0.0.1", [], None),
        (None, ["198.51.100.1"], None),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("127.0.0.1", ["198.51.100.1"], None),
        ("127.0.0.1", [], "127.0.0.1"),
    ],
    ids=[
        "no proxy of ours", "proxy", "chain, beginning forged", "two headers", "IPv6", "mapped", "not an address",
        "proxies only", "proxy says nothing", "no peer", "with a port", "IPv6 with a port", "an unnamed proxy here",
        "nobody between",
    ],
)  # fmt: skip
def test_whom_a_proxy_is_believed_to_speak_for(peer: str | None, forwarded: list[str], address: str | None) -> None:
    """X-Forwarded-For counts from trusted proxies alone and from its end, for senders write its beginning."""
    assert client_address(peer, forwarded, PROXIES) == address


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    """By default no X-Forwarded-For is trusted."""
    assert client_address("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", ""),
        (None, ""),
    ],
)
def test_an_address_stands_for_one_sender(peer: str | None, network: str) -> None:
    """A sender with a whole IPv6 network counts once."""
    assert network_of(peer) == network
