"""Signing in to the console and out of it, and the guard of `/console/api`, which accepts the session alone.

Only a wrong token counts as a failed try. A missing, forged or expired cookie is answered 401 and counts as nothing: a
page that was left open must not lock its operator out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import hdrs, web

from adapter.console.api_auth import ApiAuth, RateLimits, too_often
from adapter.console.cross_origin import cross_origin_refusal, request_scheme
from adapter.console.params import BadRequest
from adapter.console.requests import Requests, answered
from adapter.console.session import LazySessionKey, Session, new_session, renewed
from adapter.http.client_address import Network, client
from adapter.http.json_api import DATA_HEADERS, Handler, error_response, json_response, resource_routes
from adapter.http.token_bucket import TokenBucket
from adapter.model import JsonObject
from adapter.observe.console_telemetry import OperatorSignedIn, OperatorSignedOut
from adapter.observe.observer import Emit
from adapter.wire.instants import instant_text

SESSION_LIMITS: Final = RateLimits(per_s=50.0, burst=200.0)
"""The rate of answers for all sessions together. Requests without a session do not count, so that a client without a
token cannot keep others from the console.
"""
_PATH: Final = "/console/session"
_TYPES: Final = ("application/json", "text/yaml")
"""Content types of bodies; a form can send neither of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDeps:
    """`public` is what the page shows before the sign-in, `facts` what it shows afterwards."""

    key: LazySessionKey
    auth: ApiAuth
    requests: Requests
    limits: RateLimits
    trusted_proxies: Sequence[Network]
    now_s: Callable[[], float]
    monotonic_s: Callable[[], float]
    emit: Emit
    public: JsonObject
    facts: Callable[[web.Request], JsonObject]


class Sessions:
    """The three operations on `/console/session`, and the guard."""

    def __init__(self, deps: SessionDeps) -> None:
        self._deps = deps
        self._bucket = TokenBucket(deps.limits.per_s, burst=deps.limits.burst)

    def routes(self) -> list[web.RouteDef]:
        """The path of the session."""
        handlers = {"GET": self.show, "POST": self.sign_in, "DELETE": self.sign_out}
        return resource_routes(_PATH, {method: self._guarded(handler) for method, handler in handlers.items()})

    async def refusal(self, request: web.Request) -> web.Response | None:
        """Why an operation of `/console/api` is refused; None if it is allowed."""
        return self._foreign(request) or _form(request) or await self._signed_out(request) or self._too_often()

    # -- the operations --------------------------------------------------------------------------------------------

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Whether this browser is signed in. Renews the session if it is."""
        session = await self._session(request)
        if session is None:
            return json_response({"signedIn": False, **self._deps.public})
        session = renewed(session, self._deps.now_s())
        response = json_response(
            {
                "signedIn": True,
                "expires": instant_text(datetime.fromtimestamp(session.expires_s, UTC)),
                **self._deps.public,
                **self._deps.facts(request),
            }
        )
        await self._set_cookie(request, response, session)
        return response

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Sign in: a session for the admin token."""
        body = await self._deps.requests.change(request)
        token = body.get("token")
        if not isinstance(token, str) or body.keys() != {"token"}:
            raise BadRequest("the body takes token, a text, and no other name")
        refusal = self._deps.auth.refuse_token(token, request)
        if refusal is not None:
            return refusal
        response = web.Response(status=204, headers=DATA_HEADERS)
        await self._set_cookie(request, response, new_session(self._deps.now_s()))
        self._deps.emit(OperatorSignedIn(address=client(request, self._deps.trusted_proxies) or ""))
        return response

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """Sign out: clears the cookie of this browser."""
        response = web.Response(status=204, headers=DATA_HEADERS)
        if await self._session(request) is not None:
            self._deps.emit(OperatorSignedOut(address=client(request, self._deps.trusted_proxies) or ""))
        await self._set_cookie(request, response, None)
        return response

    # -- what they share -------------------------------------------------------------------------------------------

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            refusal = self._foreign(request) or _form(request)
            if refusal is None and await self._session(request) is not None:
                refusal = self._too_often()
            if refusal is not None:
                return refusal
            return await answered(handler, request)

        return guarded

    def _foreign(self, request: web.Request) -> web.Response | None:
        why = cross_origin_refusal(request, self._deps.trusted_proxies)
        return None if why is None else error_response(403, "cross_origin", why)

    async def _signed_out(self, request: web.Request) -> web.Response | None:
        if await self._session(request) is not None:
            return None
        return error_response(401, "signed_out", "the session is over, or there was none: sign in")

    def _too_often(self) -> web.Response | None:
        wait_s = self._bucket.wait_s(self._deps.monotonic_s())
        if wait_s:
            return too_often("asked too often", wait_s)
        self._bucket.spend(1)
        return None

    async def _session(self, request: web.Request) -> Session | None:
        key = await self._deps.key.get()
        return key.verify(request.cookies.get(key.cookie, ""), now_s=self._deps.now_s())

    async def _set_cookie(self, request: web.Request, response: web.Response, session: Session | None) -> None:
        """Without a `Path`, because a proxy may strip a prefix that the adapter does not know."""
        key = await self._deps.key.get()
        value, age_s = ("", 0) if session is None else (key.sign(session), session.expires_s - self._deps.now_s())
        secure = "; Secure" if request_scheme(request, self._deps.trusted_proxies) == "https" else ""
        response.headers[hdrs.SET_COOKIE] = (
            f"{key.cookie}={value}; Max-Age={max(0, int(age_s))}; HttpOnly; SameSite=Strict{secure}"
        )


def _form(request: web.Request) -> web.Response | None:
    """Why a body is refused: a page elsewhere can post a form, or text, without a preflight. `/api` needs a token,
    which no form has, and accepts any type, as `curl -d` sends it.
    """
    if not request.body_exists or request.content_type in _TYPES:
        return None
    return error_response(415, "unsupported_media_type", f"Content-Type: {' or '.join(_TYPES)}")
