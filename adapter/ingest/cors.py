"""CORS headers, which let a page of another origin read an answer. Pure."""

from collections.abc import Mapping


def cors(origin: str | None) -> Mapping[str, str]:
    """Headers that let the page at `origin` read an answer, also an error: otherwise its SDK sees a network error and
    sends again.
    """
    if origin is None:
        return {}
    return {
        # The origin and not `*`, so that a site may send with credentials.
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Reset",
        "Vary": "Origin",
    }


def preflight(origin: str | None, *, methods: str, requested_headers: str | None) -> Mapping[str, str]:
    """The headers of the answer to a preflight. Headers are allowed by name: `*` does not cover `Authorization`."""
    return {
        **cors(origin),
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": requested_headers or _HEADERS_OF_SDKS,
        "Access-Control-Max-Age": "86400",
    }


_HEADERS_OF_SDKS = (
    "authorization, content-type, x-retry-count, x-write-key, anonymousid, sentat, rsa-retry-attempt, "
    "rsa-since-last-attempt, rsa-since-first-attempt, rsa-retry-reason, rsa-recovered"
)
