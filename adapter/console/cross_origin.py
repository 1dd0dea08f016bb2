"""Refuses requests that a page of another origin makes a browser send to the console. Pure but for reading a request.

The rule is that of Go 1.25's `http.CrossOriginProtection`: `Sec-Fetch-Site` decides if the browser sends it; otherwise
`Origin` is compared with the requested host. A request with neither passes only if it changes nothing.
"""

from collections.abc import Sequence

from aiohttp import hdrs, web
from yarl import URL

from adapter.http.client_address import Network, is_within

_SITE = "Sec-Fetch-Site"
_SAFE = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_PROXY_HINT = (
    "behind a proxy, set `trusted_proxies` to the proxy's address and have the proxy send X-Forwarded-Host and "
    "X-Forwarded-Proto"
)


def cross_origin_refusal(request: web.BaseRequest, trusted_proxies: Sequence[Network]) -> str | None:
    """Why `request` is refused; None if it is the console's own."""
    is_safe = request.method in _SAFE
    site = request.headers.get(_SITE)
    if site is not None:
        if site == "same-origin" or (site == "none" and is_safe):
            return None
        return f"the browser reports that a page of another origin sent the request ({_SITE}: {_shown(site)})"
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return None if is_safe else f"the request changes something and has neither {_SITE} nor Origin"
    host = asked_host(request, trusted_proxies)
    if _authority(origin) == _authority(f"{request_scheme(request, trusted_proxies)}://{host}") is not None:
        return None
    return f"Origin is {_shown(origin)}, and the host that was asked is {_shown(host)}; {_PROXY_HINT}"


def asked_host(request: web.BaseRequest, trusted_proxies: Sequence[Network]) -> str:
    """The host and port that the browser requested, through the proxies that the settings trust."""
    if is_within(request.remote, trusted_proxies):
        forwarded = request.headers.get(hdrs.X_FORWARDED_HOST, "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return request.headers.get(hdrs.HOST, "")


def request_scheme(request: web.BaseRequest, trusted_proxies: Sequence[Network]) -> str:
    """`https` or `http`, as the browser used it."""
    if is_within(request.remote, trusted_proxies):
        forwarded = request.headers.get(hdrs.X_FORWARDED_PROTO, "").rpartition(",")[2].strip().lower()
        if forwarded in ("http", "https"):
            return forwarded
    return "https" if request.secure else "http"


def _authority(origin: str) -> tuple[str, int | None] | None:
    """Host and port, in lower case and without the scheme's default port; None for `null` and malformed values."""
    try:
        url = URL(origin)
        return None if url.host is None else (url.host.lower(), url.port)
    except ValueError:
        return None


def _shown(text: str) -> str:
    return text[:200] if text.isascii() and text.isprintable() and text else "not readable"
