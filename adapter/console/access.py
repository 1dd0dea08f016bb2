"""Decides who may see details: the operator, by token, or from this machine at an address for operators only. Pure but
for reading a request.
"""

import hmac
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from aiohttp import hdrs, web
from yarl import URL

from adapter.http.client_address import Network, is_within
from adapter.model import Secret

IsOperator: TypeAlias = Callable[[web.BaseRequest], bool]

_FORWARDED = (
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP",
    "True-Client-IP",
)  # fmt: skip
"""Headers that proxies add. A proxy on this machine also connects from loopback, for any client."""


def operator_check(
    token: Secret | None, *, is_local_trusted: bool, trusted_proxies: Sequence[Network] = ()
) -> IsOperator:
    """True for a request with `Authorization: Bearer <token>`; if `is_local_trusted`, also for one made on this
    machine.

    At the address for senders, loopback proves nothing: a proxy or a TCP forwarder on this machine need not say for
    whom it connects. No proxy for senders leads to an address for operators only.

    A local request is not trusted if one of `trusted_proxies` sent it, or if a page of another origin made a browser on
    this machine send it: such a request names its own host, by DNS rebinding, or its own origin.
    """
    expected = None if token is None else token.reveal().encode()

    def is_operator(request: web.BaseRequest) -> bool:
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if expected is not None and scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(errors="surrogatepass"), expected)
        return (
            is_local_trusted
            and _is_loopback(request.remote)
            and not is_within(request.remote, trusted_proxies)
            and not any(name in request.headers for name in _FORWARDED)
            and _names_loopback(request.host)
            and request.headers.get(hdrs.ORIGIN, f"http://{request.host}") == f"http://{request.host}"
        )

    return is_operator


def _names_loopback(host: str) -> bool:
    try:
        name = URL(f"http://{host}").host
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
