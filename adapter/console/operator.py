"""Who may see details: the operator, by token or by sitting at this machine. Pure but for reading a request."""

import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import TypeAlias

from aiohttp import web

from adapter.model import Secret

IsOperator: TypeAlias = Callable[[web.BaseRequest], bool]

# A proxy on this machine also comes from loopback, and speaks for anybody.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def operator_check(token: Secret | None) -> IsOperator:
    """True for a request with `Authorization: Bearer <token>`, or from loopback without a proxy between."""
    expected = None if token is None else token.reveal().encode()

    def is_operator(request: web.BaseRequest) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if expected is not None and scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(errors="surrogatepass"), expected)
        return _is_loopback(request.remote) and not any(name in request.headers for name in _FORWARDED)

    return is_operator


def _is_loopback(remote: str | None) -> bool:
    try:
        return ip_address(remote or "").is_loopback
    except ValueError:
        return False
