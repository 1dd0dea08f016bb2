"""Reads quantities as people write them: `5MB`, `50/s`, `0.0.0.0:8080`. Pure.

Every function raises ValueError with what is allowed, and never quotes the text: the caller knows the place, and
whether the value may be shown.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}

_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(B|KB|MB|GB|TB)", re.ASCII)
# Powers of 1000, as the SI prefixes say; a limit a few percent below a power of 1024 is harmless.
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)/(s|m|h)", re.ASCII)

_VOLUME = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(B|KB|MB|GB|TB)/(s|m|h)", re.ASCII)

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(\d{1,5})", re.ASCII)

_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """The address to listen on. `port` 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def size_bytes(text: str) -> int:
    """Bytes of a size such as `512KB`, `5MB`, `10GB`; a KB is 1000 bytes; at least 1."""
    found = _SIZE.fullmatch(text)
    size = int(float(found[1]) * _BYTES[found[2]]) if found else 0
    if size < 1:
        raise ValueError("a size is a number above 0 and B, KB, MB, GB or TB, such as 512KB, 5MB or 10GB")
    return size


def rate_per_s(text: str) -> float:
    """Events a second of a rate such as `50/s`, `1200/m`, `10000/h`; more than 0."""
    found = _RATE.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise ValueError("a rate is a number above 0 and /s, /m or /h, such as 50/s or 1200/m")
    return float(found[1]) / _SECONDS[found[2]]


def volume_per_s(text: str) -> float:
    """Bytes a second of a rate such as `500KB/s`, `5MB/s`, `1GB/h`; more than 0."""
    found = _VOLUME.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise ValueError("a rate in bytes is a size and /s, /m or /h, such as 5MB/s or 1GB/h")
    return float(found[1]) * _BYTES[found[2]] / _SECONDS[found[3]]


def address(text: str) -> ListenAddress:
    """Host and port of `0.0.0.0:8080`, `localhost:8080` or `[::1]:8080`."""
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > _MAX_PORT:
        raise ValueError(
            f"an address is a host, a colon and a port up to {_MAX_PORT}, such as 0.0.0.0:8080 or [::1]:8080"
        )
    return ListenAddress(host=found[1].strip("[]"), port=int(found[2]))


def network(text: str) -> IPv4Network | IPv6Network:
    """The network of `10.0.0.0/8` or `fd00::/8`, or that of one address alone."""
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(
            "an IP address or a network in CIDR form without bits beyond its prefix, "
            "such as 127.0.0.1, 10.0.0.0/8 or fd00::/8"
        ) from None
