"""Why an address does not answer, in words."""

import errno
import socket
import ssl
from typing import Final

_CAUSES: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection closed without an answer",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no network",
    errno.ETIMEDOUT: "no connection in time",
}


def unreachable_text(cause: Exception) -> str:
    """What `cause` of http.client, aiohttp or a socket means; its own text if it is none of the usual ones."""
    # aiohttp wraps the error of the socket.
    inner = getattr(cause, "os_error", None) or getattr(cause, "certificate_error", None) or cause
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {inner.verify_message}"
    if isinstance(inner, ssl.SSLError):
        return "no TLS there; is it http:// and not https://?"
    if isinstance(inner, socket.gaierror):
        return "the host is not known"
    if isinstance(inner, TimeoutError) and inner.errno is None:
        return "no answer in time"
    known = _CAUSES.get(getattr(inner, "errno", None) or 0)
    return known or getattr(inner, "strerror", None) or str(cause) or type(cause).__name__
