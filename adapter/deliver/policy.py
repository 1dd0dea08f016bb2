"""What an answer of Browsee means, and how long to wait before the next attempt. Pure: knows no network and no clock.

Browsee documents two answers: 200 `{"status": "success"}` and 400 `{"status": "failure", "message": …}` (the pages of
its Track and Identify HTTP API). All other answers come from servers, proxies and networks, and the tables here
interpret them. A refusal ends an event, so it is assumed only where another attempt could not help. A fault of the
whole project (key, plan, address) must cost no event, so it is a pause.

Never looks at the call that was answered, and never passes on more than 300 characters of an answer.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

import orjson
from msgspec import Struct

from adapter.model import JsonObject, Reason

Failure: TypeAlias = Literal[Reason.TIMEOUT, Reason.UNREACHABLE, Reason.GARBAGE]
"""Ends of an exchange without an HTTP answer: too late, no or a broken connection, bytes that are not HTTP."""

MAX_MESSAGE_CHARS = 300
MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 15 * 60.0
# A longer time is an epoch in the wrong header or a mistake, so it is ignored.
ABSURD_RETRY_AFTER_S = 24 * 3600.0


class Answer(Struct, frozen=True):
    """What came back for one call, as far as it arrived.

    `headers` has the few that matter, names in lower case. `body` is bounded by its reader. `failure` is set if the
    exchange did not end as HTTP requires; `status` may be known even then, if only the body is incomplete. `seconds` is
    the time since the call. `cause` says in words why no HTTP answer came.
    """

    status: int | None
    headers: Mapping[str, str] = {}
    body: bytes = b""
    failure: Failure | None = None
    seconds: float = 0.0
    cause: str = ""


class Accepted(Struct, frozen=True):
    """Browsee accepted the call. `unexpected`: the answer that said so is not documented."""

    unexpected: bool = False


class RefusedByBrowsee(Struct, frozen=True):
    """Browsee will never accept this call. `message` is Browsee's, bounded; it may quote values: store it, never log
    it.
    """

    message: str


class TryAgain(Struct, frozen=True):
    """Not now. `retry_after_s`: Browsee named a time, 1 s … 15 min. `counted`: it uses up an attempt of the event."""

    reason: Reason
    retry_after_s: float | None = None
    counted: bool = True


class Misconfigured(Struct, frozen=True):
    """No event is to blame, and none may be lost. `detail` says what was answered and what a person can do.

    `least_s`: the next probe waits at least so long, because Browsee may have accepted the call. The event then goes
    last.
    """

    detail: str
    least_s: float = 0.0


Verdict: TypeAlias = Accepted | RefusedByBrowsee | TryAgain | Misconfigured

# The 4xx that are not refusals. 400 is the documented refusal; 413 and 422 say the same of size and content. Any other
# 4xx counts as a refusal too: a pause for one odd event would hold up all others.
TRIED_AGAIN: Mapping[int, Reason] = {
    408: Reason.TIMEOUT,
    421: Reason.SERVER_ERROR,
    425: Reason.SERVER_ERROR,
    429: Reason.RATE_LIMITED,
}

MISCONFIGURED: Mapping[int, str] = {
    401: "check browsee_api_key",
    402: "the project's Browsee plan may not include this call; `browsee.identify: false` turns identify off",
    403: "check browsee_api_key, and that the project's Browsee plan includes this call",
    404: "check browsee.url",
    405: "check browsee.url",
    407: "a proxy in front of Browsee requires a login; check the network and browsee.url",
    410: "check browsee.url",
    426: "check browsee.url; the server requires another protocol",
}
REDIRECTED = "redirects are never followed; set browsee.url to the final address"

UNDOCUMENTED = (
    "this is not the documented answer, so it is unknown whether Browsee has the call; check browsee.url, or set "
    "`browsee.accept: any_2xx` if it has"
)
# Browsee may have accepted the call, and calls have no idempotency key: a probe may be a duplicate.
UNDOCUMENTED_S = 60.0
FAILURES = frozenset({"failure", "failed", "fail", "error"})
NO_JSON = object()

_WITHOUT_BODY = frozenset({204, 205})
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def classify(answer: Answer, *, now: datetime, any_2xx: bool = False) -> Verdict:
    """What `answer` means for its call. `now` is aware; it is used only for a `Retry-After` date without a `Date`.

    With `any_2xx` every 2xx is a success, unless it reports a failure outright.
    """
    if answer.status is None:
        return TryAgain(answer.failure or Reason.GARBAGE)
    match answer.status // 100:
        case 2:
            return _read_success(answer, any_2xx=any_2xx)
        case 3:
            return Misconfigured(f"Browsee's address answered {answer.status}: {REDIRECTED}")
        case 4:
            return _read_4xx(answer, now)
        case 5:
            return _try_again(Reason.SERVER_ERROR, answer, now)
        case _:
            return TryAgain(Reason.GARBAGE)


def describe(answer: Answer) -> str:
    """Why a call failed, in words for people; contains no value of an answer."""
    if answer.cause:
        return answer.cause
    if answer.failure is Reason.TIMEOUT:
        return "no answer in time"
    if answer.failure is Reason.UNREACHABLE:
        return "no connection"
    if answer.failure is not None or answer.status is None or answer.status < 300:
        return "the answer is not from Browsee's API; check browsee.url"
    return f"Browsee answered {answer.status}"


def _read_success(answer: Answer, *, any_2xx: bool) -> Verdict:
    if answer.status not in _WITHOUT_BODY and answer.failure is not None:
        return TryAgain(answer.failure)
    body = read_json(answer.body)
    if _word(body, "status") == "success":
        return Accepted()
    refused = _refusal(body, answer.status)
    if refused is not None:
        return refused
    if answer.status not in _WITHOUT_BODY and body is NO_JSON:
        # A page of a proxy or a captive portal: the call may never have reached Browsee.
        return TryAgain(Reason.GARBAGE)
    if any_2xx:
        return Accepted(unexpected=True)
    return Misconfigured(f"Browsee answered {answer.status}: {UNDOCUMENTED}", least_s=UNDOCUMENTED_S)


def _refusal(body: Any, status: int | None) -> RefusedByBrowsee | None:
    """The failure that a 2xx reports outright; None if it reports none."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if _word(body, "status") not in FAILURES and body.get("success") is not False and not error:
        return None
    return RefusedByBrowsee(_message(_with_message(body, error), status))


def _with_message(body: JsonObject, error: object) -> object:
    """The object whose `message` says why: `body`, or else its `error`, which may be the text itself."""
    if isinstance(body.get("message"), str):
        return body
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else body


def _word(body: Any, name: str) -> str:
    word = body.get(name) if isinstance(body, dict) else None
    return word.strip().lower() if isinstance(word, str) else ""


def _read_4xx(answer: Answer, now: datetime) -> Verdict:
    status = answer.status or 0
    if status in TRIED_AGAIN:
        return _try_again(TRIED_AGAIN[status], answer, now)
    if status in MISCONFIGURED:
        return Misconfigured(f"Browsee answered {status}: {MISCONFIGURED[status]}")
    return RefusedByBrowsee(_message(read_json(answer.body), status))


def read_json(body: bytes) -> Any:
    """The JSON value of `body`, tolerating a byte order mark and bytes that are not UTF-8; NO_JSON if it is not
    JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(body.decode("utf-8-sig", "replace"))
    except orjson.JSONDecodeError:
        return NO_JSON


def _try_again(reason: Reason, answer: Answer, now: datetime) -> TryAgain:
    """An answer that asks to wait, or says that calls come too fast, is not a failure: it costs the event no
    attempt.
    """
    wait_s = retry_after_s(answer.headers, now=now)
    return TryAgain(reason, wait_s, counted=wait_s is None and reason is not Reason.RATE_LIMITED)


def _message(holder: object, status: int | None) -> str:
    message = holder.get("message") if isinstance(holder, dict) else None
    if not isinstance(message, str) or not message.strip():
        return f"Browsee answered {status} without a message"
    line = _CONTROL.sub(" ", message[: 4 * MAX_MESSAGE_CHARS]).strip()
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 1] + "…"


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, within 1 s … 15 min; None if it is absent, in the past, absurd or neither
    seconds nor an HTTP date (RFC 9110, 10.2.3).

    A date is compared with the answer's own `Date`, so that a wrong clock on either side has no effect.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        wait_s = float(text)
    else:
        until = _http_date(text)
        if until is None:
            return None
        wait_s = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    if wait_s < 0 or wait_s > ABSURD_RETRY_AFTER_S:
        return None
    return min(max(wait_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)


def _http_date(text: str) -> datetime | None:
    if not text or len(text) > 64:
        return None
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def delay_s(*, attempt: int, jitter: float, max_s: float) -> float:
    """Seconds before the next attempt of an event that failed `attempt` times before this one; full jitter, `jitter` in
    [0, 1).

    1 s doubling to `max_s`. Full jitter spreads a crowd of retries best (AWS Architecture Blog, "Exponential Backoff
    And Jitter").
    """
    return jitter * min(max_s, 2.0 ** min(attempt, 32))


def is_exhausted(*, retried_s: float, retry_for_s: float) -> bool:
    """Whether the event has been retried for as long as the settings say."""
    return retried_s >= retry_for_s
