"""Authenticates the operator at the API, by token alone, and limits rates. Reads no cookie, so no page can borrow
it.
"""

import hmac
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from aiohttp import hdrs, web

from adapter.http.client_address import Network, client
from adapter.http.json_api import error_response
from adapter.http.token_bucket import TokenBucket
from adapter.model import Secret

_ADDRESSES: Final = 1_000
"""Addresses whose failed tries are remembered; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How often the API answers: requests a second of all clients together, and failed tries of one address.

    Each may come `burst` at once. A dozen failed tries in a row are an operator looking for the right token.
    """

    per_s: float = 20.0
    burst: float = 100.0
    failed_per_s: float = 1 / 6
    failed_burst: float = 12.0


class ApiAuth:
    """Checks every request against `token`; without a token every request is refused.

    Failed tries are counted by the client's address, as `trusted_proxies` report it, so that one client cannot lock out
    an operator behind the same proxy.
    """

    def __init__(
        self,
        token: Secret | None,
        *,
        often: RateLimits,
        monotonic_s: Callable[[], float],
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        self._expected = None if token is None else _digest(token.reveal())
        self._often = often
        self._trusted_proxies = trusted_proxies
        self._monotonic_s = monotonic_s
        self._all = TokenBucket(often.per_s, burst=often.burst)
        self._failed: dict[str, TokenBucket] = {}

    async def refusal(self, request: web.Request) -> web.Response | None:
        """Why `request` is refused; None if it is allowed."""
        if not self._is_right(request):
            return self._refuse_wrong(client(request, self._trusted_proxies) or "")
        wait_s = self._all.wait_s(self._monotonic_s())
        if wait_s:
            return too_often("asked too often", wait_s)
        self._all.spend(1)
        return None

    def refuse_token(self, token: str, request: web.Request) -> web.Response | None:
        """Why `token`, from the body of `request`, is not accepted; None if it is right. Counts a failed try."""
        if self._expected is not None and hmac.compare_digest(_digest(token.strip()), self._expected):
            return None
        return self._refuse_wrong(client(request, self._trusted_proxies) or "")

    def _refuse_wrong(self, address: str) -> web.Response:
        """Only wrong tokens are counted and slowed, so that no client locks out an operator at the same address."""
        failed = self._failed.get(address)
        wait_s = 0.0 if failed is None else failed.wait_s(self._monotonic_s())
        if wait_s:
            return too_often("too many tries without the right token", wait_s)
        self._count_failure(address)
        return error_response(
            401,
            "unauthorized",
            "this needs the admin token: Authorization: Bearer …",
            headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
        )

    def _is_right(self, request: web.Request) -> bool:
        given = request.headers.getall(hdrs.AUTHORIZATION, ())
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        if self._expected is None or scheme.lower() != "bearer":
            return False
        # By digest, so that not even the length is visible in the duration.
        return hmac.compare_digest(_digest(token.strip()), self._expected)

    def _count_failure(self, address: str) -> None:
        failed = self._failed.pop(address, None)
        if failed is None:
            failed = TokenBucket(self._often.failed_per_s, burst=self._often.failed_burst)
            failed.wait_s(self._monotonic_s())
        failed.spend(1)
        self._failed[address] = failed
        if len(self._failed) > _ADDRESSES:
            del self._failed[next(iter(self._failed))]


def too_often(message: str, wait_s: float) -> web.Response:
    """429, with the whole seconds to wait."""
    return error_response(429, "rate_limited", message, headers={hdrs.RETRY_AFTER: str(math.ceil(wait_s))})


def _digest(token: str) -> bytes:
    return blake2b(token.encode(errors="surrogatepass"), digest_size=32).digest()
