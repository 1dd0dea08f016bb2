"""The address that a request came from, through the proxies that the settings trust."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from aiohttp import hdrs, web

Network: TypeAlias = IPv4Network | IPv6Network
IPAddress: TypeAlias = IPv4Address | IPv6Address


def client(request: web.Request, trusted: Sequence[Network]) -> str | None:
    """The address the request came from, through the proxies that are `trusted`."""
    return client_address(request.remote, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), trusted)


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """The address of the client: `peer`, or, if that is a trusted proxy, the address that the proxies report.

    `forwarded` are the values of all `X-Forwarded-For` headers. They are read from the end, because any client can
    write the beginning: the first address that is not a trusted proxy is the client. None if that is unknown.
    `Forwarded` (RFC 7239) is not read: few proxies write it, and a proxy that writes the other header passes the
    client's own through.
    """
    if not is_within(peer, trusted):
        address = _address(peer)
        # A proxy on this machine that is not configured: its own address cannot be the client's.
        return None if forwarded and address is not None and address.is_loopback else peer
    for hop in reversed([hop for value in forwarded for hop in value.split(",")]):
        address = _address(_without_port(hop.strip()))
        if address is None:
            return None
        if not is_within(str(address), trusted):
            return str(address)
    return None


def network_of(peer: str | None) -> str:
    """The unit by which senders share a limit: an IPv4 address, or the /64 of an IPv6 address, because one home or
    machine has all of it. "" if the address is unknown.
    """
    address = _address(peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return "" if address is None else str(address)


def is_within(peer: str | None, networks: Sequence[Network]) -> bool:
    """Whether `peer`, the text of a socket's address, is in one of `networks`; False if it is not an address."""
    address = _address(peer) if networks else None
    return address is not None and any(address in network for network in networks)


def _without_port(hop: str) -> str:
    """Azure's gateways write 192.0.2.1:4711 and [2001:db8::1]:4711."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    host, colon, rest = hop.partition(":")
    return host if colon and ":" not in rest else hop


def _address(text: str | None) -> IPAddress | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    # A dual-stack socket shows 192.0.2.1 as ::ffff:192.0.2.1.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
