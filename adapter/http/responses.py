"""The replies to senders, limited to those that all senders understand. Pure.

Segment, RudderStack, Jitsu and their SDKs disagree on most status codes, so only these are used: 200, 400, 401, 413,
429, 503 (and 404, 405, which a sender that is set up correctly never gets). Success is 200 with JSON, because SDKs send
again on 201, 202, 204, on an empty body, and on an error without both `code` and `message`. Never a redirect: most
senders follow one without their body.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from http import HTTPStatus

import orjson
from msgspec import Struct

from adapter.model import Problem

SERVER = "browsee-adapter"
"""The header `Server`. A version would tell attackers which vulnerabilities to try."""

NOTHING_HERE = "there is nothing at this path"

LONGEST_RETRY_AFTER_S = 300
"""SDKs wait no longer than this, whatever they are asked (analytics-next, analytics-python)."""


class Reply(StrEnum):
    """The result of a request; the value is its `code`."""

    STORED = "stored"
    UNPARSEABLE = "unparseable_body"
    INVALID = "invalid_event"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN_PATH = "not_found"
    WRONG_METHOD = "method_not_allowed"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many_messages"
    LIMITED = "rate_limited"
    INCOMPLETE = "incomplete_body"
    SLOW = "slow_body"
    MALFORMED = "malformed_request"
    EXPECTATION = "unknown_expectation"
    LARGE_HEADER = "header_too_large"
    SLOW_HEADER = "slow_header"
    CROWDED = "too_many_connections"
    BUSY = "too_much_at_once"
    FULL = "queue_full"
    SHARE_FULL = "source_share_full"
    FAILED = "storage_failed"
    STOPPING = "stopping"
    DELIVERS = "only_delivers"
    FAULT = "fault"


class Response(Struct, frozen=True):
    """An answer; `headers` are without those of CORS.

    `cause` tells the operator more than the sender may know: a word of a small set, "" if there is no more. `source` is
    the one whose key came with a refused request, as far as it is known.
    """

    reply: Reply
    status: int
    body: bytes
    headers: Mapping[str, str]
    cause: str = ""
    source: str = ""


_TABLE: Mapping[Reply, tuple[int, str, int | None]] = {
    # Reply: status, message, seconds after which to try again.
    Reply.STORED: (200, "", None),
    Reply.UNPARSEABLE: (400, "no event could be read from the body", None),
    Reply.INVALID: (400, "the event does not fit its schema", None),
    Reply.UNAUTHORIZED: (401, "the key, or the signature, is missing, wrong or contradictory", None),
    Reply.UNKNOWN_PATH: (404, NOTHING_HERE, None),
    Reply.WRONG_METHOD: (405, "this path takes other methods: see Allow", None),
    Reply.TOO_LARGE: (413, "the body is too large", None),
    Reply.TOO_MANY: (413, "the body contains too many messages", None),
    Reply.LIMITED: (429, "this source sends more than it may", 1),
    Reply.INCOMPLETE: (400, "the body did not arrive whole", None),
    Reply.SLOW: (503, "the body took too long to arrive", 5),
    Reply.MALFORMED: (400, "the request is not valid HTTP", None),
    Reply.EXPECTATION: (417, "the header Expect takes 100-continue only", None),
    Reply.LARGE_HEADER: (400, "the header of the request is too large", None),
    Reply.SLOW_HEADER: (503, "the header of the request took too long to arrive", 5),
    Reply.CROWDED: (503, "too many connections are open, all of them busy", 5),
    Reply.BUSY: (503, "too many large bodies are arriving at once", 5),
    Reply.FULL: (503, "the queue is full", 30),
    Reply.SHARE_FULL: (429, "this source has used its whole share of the queue", 30),
    Reply.FAILED: (503, "the event could not be stored", 5),
    Reply.STOPPING: (503, "the service is stopping", 5),
    Reply.DELIVERS: (503, "this replica only delivers (--role deliver); send to one that takes messages", 5),
    Reply.FAULT: (503, "an internal error of the adapter; see its log", 5),
}

_JSON = {"Content-Type": "application/json"}


def status_of(reply: Reply) -> int:
    """The HTTP status of the answer in `reply`."""
    return _TABLE[reply][0]


def respond(
    reply: Reply,
    *,
    problems: Sequence[Problem] = (),
    retry_after_s: float | None = None,
    allow: str = "",
    hint: str = "",
    cause: str = "",
    source: str = "",
) -> Response:
    """The answer for `reply`; `retry_after_s` for one that waits, `allow` for a wrong method, `hint` for what the
    sender may have meant. `cause` and `source` are not sent: see `Response`.
    """
    status, message, usual_s = _TABLE[reply]
    if status == 200:
        return Response(reply, status, b'{"success":true}', _JSON)
    said = f"{message}; {hint}" if hint else message
    body: dict[str, object] = {"success": False, "code": reply.value, "message": said}
    if problems:
        body["problems"] = [{"pointer": p.pointer, "keyword": p.keyword, "message": p.message} for p in problems]
    headers = dict(_JSON)
    if allow:
        headers["Allow"] = allow
    if usual_s is not None:
        # Whole seconds, because browsers parse nothing else.
        seconds = str(
            max(1, min(LONGEST_RETRY_AFTER_S, math.ceil(usual_s if retry_after_s is None else retry_after_s)))
        )
        headers["Retry-After"] = seconds
        # analytics.js up to 1.83 reads this one instead.
        headers["X-RateLimit-Reset"] = seconds
    return Response(reply, status, orjson.dumps(body), headers, cause, source)


@cache
def closing_response(reply: Reply) -> bytes:
    """The bytes of an answer after which the connection is closed."""
    return b"\r\n".join((*_head(reply), b"", respond(reply).body))


def _head(reply: Reply) -> Iterator[bytes]:
    response = respond(reply)
    yield f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}".encode()
    for name, value in (
        *response.headers.items(),
        ("Content-Length", str(len(response.body))),
        ("Connection", "close"),
    ):
        yield f"{name}: {value}".encode()
