"""Timestamps: which of a message's four is taken, and when a sender's clock is corrected."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.ingest.timestamps import ChosenTimestamp, SentBy, choose, correct
from adapter.model import EventWarning, JsonObject, WarningKind
from adapter.wire.instants import instant_text, parse_instant

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
GOOD, LATER = "2026-11-23T06:00:00Z", "2026-11-23T06:30:00Z"
PAGE, SERVER = SentBy(has_origin=True, envelope={}), SentBy(has_origin=False, envelope={})


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


THEN, SINCE = at(2026, 11, 23, 6), at(2026, 11, 23, 6, 30)


def passed_over(chosen: ChosenTimestamp) -> list[str]:
    return [warning.field for warning in chosen.warnings if warning.kind is WarningKind.TIME]


def corrections(chosen: ChosenTimestamp) -> list[str]:
    return [warning.cause for warning in chosen.warnings if warning.kind is WarningKind.CLOCK]


def sent(timestamp: object, sent_at: object, **more: object) -> JsonObject:
    return {"timestamp": timestamp, "sentAt": sent_at, **more}


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)).filter(lambda instant: instant.year < 2543))
def test_what_we_write_we_read(instant: datetime) -> None:
    """An instant written and read again is the same to the millisecond."""
    assert parse_instant(instant_text(instant)) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    ("message", "timestamp", "unused"),
    [
        ({"timestamp": GOOD, "originalTimestamp": LATER}, THEN, []),
        ({"timestamp": None, "originalTimestamp": GOOD}, THEN, []),
        ({"timestamp": "1999-12-31T23:59:59Z", "originalTimestamp": GOOD}, THEN, ["timestamp"]),
        (
            {"timestamp": "0001-01-01T00:00:00Z", "originalTimestamp": "x", "sentAt": GOOD},
            THEN,
            ["timestamp", "originalTimestamp"],
        ),
        ({"sentAt": {}, "receivedAt": LATER}, SINCE, ["sentAt"]),
        ({"timestamp": "2026-11-24T07:00:00Z"}, at(2026, 11, 24, 7), []),
        ({"timestamp": "2026-11-24T07:00:00.001Z"}, NOW, ["timestamp"]),
        ({}, NOW, []),
        ({"timestamp": "2000-01-01T00:00:00+02:00", "originalTimestamp": GOOD}, THEN, ["timestamp"]),
        ({"timestamp": "1999-12-31T23:00:00-01:00", "originalTimestamp": GOOD}, at(2000, 1, 1), []),
    ],
    ids=[
        "first", "null", "before 2000", "year 1", "receivedAt", "a day ahead", "more than a day ahead", "none",
        "2000 by its zone alone", "1999 by its zone alone",
    ],
)  # fmt: skip
def test_a_webhooks_timestamp_is_the_first_usable_one(
    message: dict[str, Any], timestamp: datetime, unused: list[str]
) -> None:
    """The platform corrected the clock already, so a timestamp is taken as it stands; each passed over is a warning."""
    chosen = choose(message, received_at=NOW)
    assert chosen.timestamp == timestamp
    assert passed_over(chosen) == unused
    assert len(chosen.warnings) == len(unused)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("9/3/2026 10:15:00 AM", "not a time: text of the form 9/9/9999 99:99:99 aa"),
        ("Ада\n\u202e" + "9" * 90, "not a time: text of the form aaa??" + "9" * 35 + "…"),
        ({"date": 1}, "not a time: an object"),
        (True, "not a time: a boolean"),
        (5, "not a time: a number"),
        ("1970-01-01", "before the year 2000"),
        ("2076-01-01", "more than 24 h after its receipt"),
    ],
    ids=str,
)
def test_a_warning_says_what_was_found_without_quoting_it(value: object, cause: str) -> None:
    """The form of a text is enough to find the library that writes it."""
    assert choose({"timestamp": value}, received_at=NOW).warnings == (
        EventWarning(WarningKind.TIME, "timestamp", cause),
    )


@pytest.mark.parametrize(
    ("message", "timestamp", "unused"),
    [
        (sent(GOOD, LATER), at(2026, 11, 23, 6, 30), []),
        ({"originalTimestamp": GOOD, "sentAt": LATER}, at(2026, 11, 23, 6, 30), []),
        (sent("1970-01-01T00:00:10Z", "1970-01-01T00:00:40Z"), at(2026, 11, 23, 6, 59, 30), []),
        (sent("1970-01-01T00:00:10Z", LATER, originalTimestamp=GOOD), SINCE, ["timestamp"]),
        (sent("0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"), NOW, ["timestamp"]),
        (sent("9999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"), NOW, ["timestamp"]),
        (sent(GOOD, None), THEN, []),
        (sent(GOOD, "soon"), THEN, ["sentAt"]),
        ({"sentAt": GOOD}, NOW, []),
        ({}, NOW, []),
    ],
    ids=[
        "half an hour before sending", "original only", "clock at 1970", "falls back", "before all dates",
        "beyond all dates", "no sentAt", "unreadable sentAt", "no timestamp", "nothing",
    ],
)  # fmt: skip
def test_a_pages_clock_is_corrected(message: JsonObject, timestamp: datetime, unused: list[str]) -> None:
    """receivedAt − (sentAt − timestamp): a device whose clock is wrong still says how long ago it was."""
    chosen = correct(message, PAGE, received_at=NOW)
    assert (chosen.timestamp, passed_over(chosen)) == (timestamp, unused)


@pytest.mark.parametrize(
    ("behind_s", "moved_s"),
    [(0, 0), (21, 0), (3600, 0), (86_400, 0), (86_401, 86_401), (31_536_000, 31_536_000), (-5, 0), (-6, -6)],
)
def test_a_servers_old_bytes_are_not_moved_by_an_outage(behind_s: int, moved_s: int) -> None:
    """Bytes sent again keep the `sentAt` of the first try; a clock that is ahead, or a day behind, is wrong."""
    sent_at = NOW - timedelta(seconds=behind_s)
    happened = sent_at - timedelta(minutes=10)
    chosen = correct(sent(instant_text(happened), instant_text(sent_at)), SERVER, received_at=NOW)
    assert chosen.timestamp == happened + timedelta(seconds=moved_s)


@pytest.mark.parametrize(
    ("context", "is_corrected"),
    [
        ({"device": {"type": "ios", "id": "x"}}, True),
        ({"device": {"type": "Android", "manufacturer": "Google"}}, True),
        ({"device": {"model": "iPhone12,1", "manufacturer": "Apple"}}, True),
        ({"os": {"name": "iPadOS", "version": "17"}}, True),
        ({"os": {"name": "iPhone OS"}}, True),
        ({"os": {"name": "Android"}, "device": {}}, True),
        ({"os": {"name": "Linux"}}, False),
        ({"os": {"name": "macOS"}, "device": {"type": "desktop", "model": "x"}}, False),
        ({"library": {"name": "analytics-kotlin"}}, False),
        ({"library": {"name": "analytics-node"}}, False),
        ({"device": "ios", "os": ["ios"]}, False),
        ({"device": {"type": 5}, "os": {"name": 5}}, False),
        (None, False),
        ("ios", False),
    ],
    ids=str,
)
def test_a_phones_clock_is_corrected_and_a_servers_is_not(context: object, is_corrected: bool) -> None:
    """The device tells: the same library runs on phones and on servers."""
    chosen = correct(sent(GOOD, LATER, context=context), SERVER, received_at=NOW)
    assert chosen.timestamp == (SINCE if is_corrected else THEN)
    assert len(corrections(chosen)) == is_corrected


@pytest.mark.parametrize(
    ("behind_s", "cause"),
    [
        (60, []),
        (61, ["corrected by +61 s, the difference between `sentAt` and the time of receipt"]),
        (-7200, ["corrected by -7200 s, the difference between `sentAt` and the time of receipt"]),
    ],
)
def test_a_correction_of_more_than_a_minute_is_a_warning(behind_s: int, cause: list[str]) -> None:
    """With its size; less is the time that a request takes."""
    sent_at = NOW - timedelta(seconds=behind_s)
    assert corrections(correct(sent(GOOD, instant_text(sent_at)), PAGE, received_at=NOW)) == cause


def test_nothing_is_corrected_where_the_time_of_receipt_is_taken() -> None:
    """A time that is not there or cannot be read has no clock to correct."""
    for message in ({"sentAt": "2020-01-01"}, sent("yesterday", "2020-01-01")):
        chosen = correct(message, PAGE, received_at=NOW)
        assert (chosen.timestamp, corrections(chosen)) == (NOW, [])


@pytest.mark.parametrize(
    ("own", "envelope", "moved"),
    [(LATER, None, True), (None, LATER, True), ("soon", LATER, True), (LATER, GOOD, True), (None, None, False)],
)
def test_the_envelopes_sent_at_stands_in(own: object, envelope: object, moved: bool) -> None:
    """`sentAt` counts in the message as on the envelope; one that cannot be read leaves it to the other."""
    sent_by = SentBy(has_origin=True, envelope={"sentAt": envelope})
    chosen = correct(sent(GOOD, own), sent_by, received_at=NOW)
    assert chosen.timestamp == (SINCE if moved else THEN)
    assert passed_over(chosen) == (["sentAt"] if own == "soon" else [])


@pytest.mark.parametrize("timestamp", ["2569-11-23T06:00:00Z", "๒๕๖๙-๑๑-๒๓T๐๖:๐๐:๐๐Z"])
def test_a_year_of_the_buddhist_calendar_is_corrected_with_a_warning(timestamp: str) -> None:
    """From a library with a `sentAt` in that calendar too, and from a platform."""
    for chosen in (
        correct(sent(timestamp, "2569-11-23T07:00:00Z"), SERVER, received_at=NOW),
        choose({"timestamp": timestamp}, received_at=NOW),
    ):
        assert chosen.timestamp == THEN
        assert corrections(chosen) == ["corrected by 543 years: its year is of the Buddhist calendar"]
