"""Every row of the table "What Browsee's answer means", and the arithmetic of waiting."""

from datetime import UTC, datetime

import pytest

from adapter.deliver.policy import (
    UNDOCUMENTED,
    Accepted,
    Answer,
    Misconfigured,
    RefusedByBrowsee,
    TryAgain,
    Verdict,
    classify,
    delay_s,
    describe,
    is_exhausted,
    retry_after_s,
)
from adapter.model import Reason

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def undocumented(status: int) -> Misconfigured:
    return Misconfigured(f"Browsee answered {status}: {UNDOCUMENTED}", least_s=60.0)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(Answer(200, body=b'{"status":"success"}'), Accepted(), id="success"),
        pytest.param(
            Answer(200, body=b'{"status":"failure","message":"no"}'), RefusedByBrowsee("no"), id="200-failure"
        ),
        pytest.param(Answer(200, body=b'{"ok":true}'), undocumented(200), id="200-other-object"),
        pytest.param(Answer(200, body=b"[]"), undocumented(200), id="200-array"),
        pytest.param(Answer(202, body=b'{"status":"success"}'), Accepted(), id="202-success"),
        pytest.param(Answer(204), undocumented(204), id="204-has-no-body"),
        pytest.param(Answer(200, body=b"<html>hello</html>"), TryAgain(Reason.GARBAGE), id="200-page"),
        pytest.param(Answer(200), TryAgain(Reason.GARBAGE), id="200-empty"),
        pytest.param(
            Answer(200, body=b"1111", failure=Reason.GARBAGE), TryAgain(Reason.GARBAGE), id="200-cut-though-still-json"
        ),
        pytest.param(Answer(200, failure=Reason.TIMEOUT), TryAgain(Reason.TIMEOUT), id="200-body-never-came"),
        pytest.param(
            Answer(400, body=b'{"status":"failure","message":"event is required"}'),
            RefusedByBrowsee("event is required"),
            id="400-documented",
        ),
        pytest.param(
            Answer(400, body=b"<html>", failure=Reason.TIMEOUT),
            RefusedByBrowsee("Browsee answered 400 without a message"),
            id="400-with-half-a-page",
        ),
        pytest.param(Answer(None, failure=Reason.TIMEOUT), TryAgain(Reason.TIMEOUT), id="timeout"),
        pytest.param(Answer(None, failure=Reason.UNREACHABLE), TryAgain(Reason.UNREACHABLE), id="unreachable"),
        pytest.param(Answer(None, failure=Reason.GARBAGE), TryAgain(Reason.GARBAGE), id="not-http"),
        pytest.param(Answer(600), TryAgain(Reason.GARBAGE), id="status-that-does-not-exist"),
        pytest.param(Answer(429), TryAgain(Reason.RATE_LIMITED, counted=False), id="429-is-not-the-events-fault"),
        pytest.param(
            Answer(429, {"retry-after": "7"}),
            TryAgain(Reason.RATE_LIMITED, retry_after_s=7.0, counted=False),
            id="429-with-retry-after",
        ),
        pytest.param(Answer(503), TryAgain(Reason.SERVER_ERROR), id="503-counts"),
        pytest.param(
            Answer(503, {"retry-after": "30"}),
            TryAgain(Reason.SERVER_ERROR, retry_after_s=30.0, counted=False),
            id="503-with-retry-after-does-not-count",
        ),
        pytest.param(Answer(408), TryAgain(Reason.TIMEOUT), id="408"),
        pytest.param(Answer(425), TryAgain(Reason.SERVER_ERROR), id="425"),
    ],
)
def test_an_answer_means_one_thing(answer: Answer, verdict: Verdict) -> None:
    """Each row of the specification's table has exactly one verdict."""
    assert classify(answer, now=NOW) == verdict


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520, 599])
def test_every_5xx_is_tried_again(status: int) -> None:
    """A server's fault ends no event."""
    assert classify(Answer(status), now=NOW) == TryAgain(Reason.SERVER_ERROR)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 401, 402, 403, 404, 405])
def test_a_fault_of_the_project_is_no_events_fault(status: int) -> None:
    """A wrong key, plan or address pauses; the detail names the status, so that a person can act on it."""
    verdict = classify(Answer(status, body=b'{"message":"private"}'), now=NOW)
    assert isinstance(verdict, Misconfigured)
    assert str(status) in verdict.detail
    assert "private" not in verdict.detail


@pytest.mark.parametrize("status", [400, 409, 413, 415, 418, 422, 431])
def test_a_refusal_is_final(status: int) -> None:
    """A call that Browsee will never take is not sent again."""
    body = b'{"status":"failure","message":"bad"}'
    assert classify(Answer(status, body=body), now=NOW) == RefusedByBrowsee("bad")


def test_a_refusals_message_is_bounded_and_one_line() -> None:
    """However long or odd Browsee's message is, a dead letter keeps one line of at most 300 characters of it."""
    body = b'{"status":"failure","message":"two\\nlines ' + b"x" * 5000 + b'"}'
    verdict = classify(Answer(400, body=body), now=NOW)
    assert isinstance(verdict, RefusedByBrowsee)
    assert len(verdict.message) == 300
    assert verdict.message.startswith("two lines xxx")
    assert verdict.message.endswith("…")


@pytest.mark.parametrize("message", ["7", "null", '"  "', "{}"])
def test_a_refusal_without_words_still_says_the_status(message: str) -> None:
    """A message that is no text is as good as none."""
    body = f'{{"status":"failure","message":{message}}}'.encode()
    assert classify(Answer(422, body=body), now=NOW) == RefusedByBrowsee("Browsee answered 422 without a message")


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        pytest.param({}, None, id="absent"),
        pytest.param({"retry-after": "120"}, 120.0, id="seconds"),
        pytest.param({"retry-after": " 2.5 "}, 2.5, id="seconds-with-a-fraction"),
        pytest.param({"retry-after": "0"}, 1.0, id="zero-is-a-second"),
        pytest.param({"retry-after": "3600"}, 900.0, id="an-hour-is-15-minutes"),
        pytest.param({"retry-after": "1772366400"}, None, id="an-epoch-is-absurd"),
        pytest.param({"retry-after": "9" * 400}, None, id="400-digits"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "soon"}, None, id="text"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": "٣"}, None, id="digits-that-are-not-ascii"),
        pytest.param({"retry-after": "Sun, 01 Mar 2026 12:00:40 GMT"}, 40.0, id="date"),
        pytest.param({"retry-after": "Sun, 01 Mar 2026 12:00:40 -0000"}, 40.0, id="date-without-a-zone"),
        pytest.param({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, None, id="date-gone-by"),
        pytest.param({"retry-after": "Sun, 01 Mar 2126 11:00:00 GMT"}, None, id="date-in-a-century"),
        pytest.param({"retry-after": "Sun, 99 Mar 2026 99:00:00 GMT"}, None, id="date-that-is-none"),
        pytest.param({"retry-after": "Sun, 01 Mar 2026 " * 9}, None, id="date-that-does-not-end"),
        pytest.param(
            {"retry-after": "Sun, 01 Mar 2026 09:00:10 GMT", "date": "Sun, 01 Mar 2026 09:00:00 GMT"},
            10.0,
            id="date-of-a-server-three-hours-behind",
        ),
    ],
)
def test_retry_after_is_believed_within_reason(headers: dict[str, str], wait_s: float | None) -> None:
    """Seconds and dates count, clamped to 1 s … 15 min; absurd values count as absent."""
    assert retry_after_s(headers, now=NOW) == wait_s


@pytest.mark.parametrize(
    ("attempt", "jitter", "expected_s"),
    [(0, 0.5, 0.5), (3, 0.5, 4.0), (3, 0.0, 0.0), (8, 0.5, 128.0), (9, 0.5, 150.0), (100_000, 0.5, 150.0)],
)
def test_the_delay_doubles_to_its_maximum(attempt: int, jitter: float, expected_s: float) -> None:
    """Full jitter of 1 s doubling to `max_s`, however often it failed."""
    assert delay_s(attempt=attempt, jitter=jitter, max_s=300) == expected_s


@pytest.mark.parametrize(("retried_s", "exhausted"), [(0.0, False), (259_199.0, False), (259_200.0, True)])
def test_an_event_is_given_up_after_its_time(retried_s: float, exhausted: bool) -> None:
    """Not before `retry.for` has gone by, and then."""
    assert is_exhausted(retried_s=retried_s, retry_for_s=259_200.0) is exhausted


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"status":"error","message":"no"}', "no"),
        (b'{"status":"Failed"}', "Browsee answered 200 without a message"),
        (b'{"status":" FAIL ","message":"no"}', "no"),
        (b'{"success":false,"message":"no"}', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"error":{"message":"no","code":7}}', "no"),
        (b'{"status":"ok","error":["no"]}', "Browsee answered 200 without a message"),
    ],
)
@pytest.mark.parametrize("any_2xx", [False, True])
def test_a_failure_in_a_200_is_a_refusal(body: bytes, message: str, any_2xx: bool) -> None:
    """However it is put, and whatever else is taken for a success."""
    assert classify(Answer(200, body=body), now=NOW, any_2xx=any_2xx) == RefusedByBrowsee(message)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success"}',
        b'\xef\xbb\xbf{"status":"success"}',
        b'{"status":"success","message":"caf\xe9"}',
        b'{"status":"Success"}',
        b'{"status":"success","error":"","success":true}',
    ],
    ids=["documented", "byte-order-mark", "a-bad-byte", "capital", "empty-error"],
)
def test_a_success_is_a_success(body: bytes) -> None:
    """With a byte order mark, or a byte that is no UTF-8, in it."""
    assert classify(Answer(200, body=body), now=NOW) == Accepted()


@pytest.mark.parametrize(
    "answer",
    [Answer(200, body=b"[]"), Answer(200, body=b'{"ok":true}'), Answer(204), Answer(205), Answer(201, body=b"null")],
)
def test_any_2xx_can_be_a_success(answer: Answer) -> None:
    """If the settings say so; what is no JSON is tried again even then."""
    assert classify(answer, now=NOW) == undocumented(answer.status or 0)
    assert classify(answer, now=NOW, any_2xx=True) == Accepted(unexpected=True)
    assert classify(Answer(200, body=b"<html>"), now=NOW, any_2xx=True) == TryAgain(Reason.GARBAGE)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(None, failure=Reason.UNREACHABLE, cause="connection refused"), "connection refused"),
        (Answer(None, failure=Reason.UNREACHABLE), "no connection"),
        (Answer(None, failure=Reason.TIMEOUT), "no answer in time"),
        (Answer(503), "Browsee answered 503"),
        (Answer(200, body=b"<html>"), "the answer is not from Browsee's API; check browsee.url"),
    ],
)
def test_a_failure_is_named(answer: Answer, text: str) -> None:
    """As what it is."""
    assert describe(answer) == text
