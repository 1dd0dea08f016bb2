"""Timestamps: every form a sender was seen to write, and which of a message's four is taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.ingest.timestamps import Chosen, choose, correct, parse, written

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T06:35:36.528Z", at(2026, 11, 23, 6, 35, 36, 528_000)),
        ("2024-01-01T00:00:00.000+05:30", at(2023, 12, 31, 18, 30)),
        ("2026-11-23T06:29:31.753968+00:00", at(2026, 11, 23, 6, 29, 31, 753_968)),
        ("2024-01-01T00:00:00", at(2024, 1, 1)),
        ("2024-01-01T00:00:00+0000", at(2024, 1, 1)),
        ("2018-09-05T23:05:25.862826965Z", at(2018, 9, 5, 23, 5, 25, 862_826)),
        ("0001-01-01T00:00:00Z", at(1, 1, 1)),
        ("2020-04-23T22:38:48.55Z", at(2020, 4, 23, 22, 38, 48, 550_000)),
        ("2015-2-02T00:30:08.276Z", at(2015, 2, 2, 0, 30, 8, 276_000)),
        ("2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264", at(2020, 5, 9, 23, 54, 49, 209_808)),
        ("2020-05-09 23:54:49 -0130 UTC", at(2020, 5, 10, 1, 24, 49)),
        ("2024-01-01t10:00:00z", at(2024, 1, 1, 10)),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1)),
        ("2024-01-01T24:00:00Z", at(2024, 1, 2)),
        ("2024-01-01", at(2024, 1, 1)),
        (" 2024-1-1 ", at(2024, 1, 1)),
        ("20240101T100000Z", None),
        ("1700000000", at(2023, 11, 14, 22, 13, 20)),
        (" 1700000000.5 ", at(2023, 11, 14, 22, 13, 20, 500_000)),
        ("1700000000500", at(2023, 11, 14, 22, 13, 20, 500_000)),
        (1700000000, at(2023, 11, 14, 22, 13, 20)),
        (1700000000500.0, at(2023, 11, 14, 22, 13, 20, 500_000)),
        (-1, at(1969, 12, 31, 23, 59, 59)),
    ],
    ids=str,
)
def test_every_form_seen_is_read(text: object, instant: datetime | None) -> None:
    """Each of these was written by an SDK, a sample of the docs, or a customer's clock."""
    assert parse(text) == instant


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z", "2024-1-01T10:61:00Z",
        "2024-1-01T10:00:61Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "9999-12-31T24:00:00Z",
        "9999-12-1T24:00:00-23:59 nonsense", "2024-01-01T00:00:00Z" + " " * 99, "٢٠٢٤-٠١-٠١", 1e300,
        float("nan"), float("inf"), 10**400, [], {},
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_no_instant_is_none(value: object) -> None:
    """Nothing a sender writes raises, or becomes a date it did not mean."""
    assert parse(value) is None


@settings(deadline=None)
@given(st.one_of(st.text(), st.integers(), st.floats(), st.from_regex(r"[0-9]{4}-[0-9:TZ .+m=-]*", fullmatch=True)))
def test_nothing_raises(value: object) -> None:
    """Whatever a timestamp is, reading it ends in an aware UTC instant or in None."""
    instant = parse(value)
    assert instant is None or instant.utcoffset() == timedelta(0)


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)))
def test_what_we_write_we_read(instant: datetime) -> None:
    """An instant written and read again is the same to the millisecond."""
    assert parse(written(instant)) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


GOOD, LATER = "2026-11-23T06:00:00Z", "2026-11-23T06:30:00Z"
THEN, SINCE = at(2026, 11, 23, 6), at(2026, 11, 23, 6, 30)


@pytest.mark.parametrize(
    ("message", "chosen"),
    [
        ({"timestamp": GOOD, "originalTimestamp": LATER}, Chosen(THEN, 0)),
        ({"timestamp": None, "originalTimestamp": GOOD}, Chosen(THEN, 0)),
        ({"timestamp": "1999-12-31T23:59:59Z", "originalTimestamp": GOOD}, Chosen(THEN, 1)),
        ({"timestamp": "0001-01-01T00:00:00Z", "originalTimestamp": "x", "sentAt": GOOD}, Chosen(THEN, 2)),
        ({"sentAt": {}, "receivedAt": LATER}, Chosen(SINCE, 1)),
        ({"timestamp": "2026-11-24T07:00:00Z"}, Chosen(at(2026, 11, 24, 7), 0)),
        ({"timestamp": "2026-11-24T07:00:00.001Z"}, Chosen(NOW, 1)),
        ({}, Chosen(NOW, 0)),
    ],
    ids=["first", "null", "before 2000", "year 1", "receivedAt", "a day ahead", "more than a day ahead", "none"],
)
def test_a_webhooks_timestamp_is_the_first_usable_one(message: dict[str, Any], chosen: Chosen) -> None:
    """The platform corrected the clock already, so a timestamp is taken as it stands; each passed over is counted."""
    assert choose(message, received_at=NOW) == chosen


@pytest.mark.parametrize(
    ("message", "sent_at", "chosen"),
    [
        ({"timestamp": GOOD}, LATER, Chosen(at(2026, 11, 23, 6, 30), 0)),
        ({"originalTimestamp": GOOD}, LATER, Chosen(at(2026, 11, 23, 6, 30), 0)),
        ({"timestamp": "1970-01-01T00:00:10Z"}, "1970-01-01T00:00:40Z", Chosen(at(2026, 11, 23, 6, 59, 30), 0)),
        ({"timestamp": "1970-01-01T00:00:10Z", "originalTimestamp": GOOD}, LATER, Chosen(SINCE, 1)),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "9999-01-01T00:00:00Z", Chosen(NOW, 1)),
        ({"timestamp": GOOD}, None, Chosen(THEN, 0)),
        ({"timestamp": GOOD}, "soon", Chosen(THEN, 1)),
        ({"sentAt": GOOD}, GOOD, Chosen(NOW, 0)),
        ({}, None, Chosen(NOW, 0)),
    ],
    ids=[
        "half an hour before sending", "original only", "clock at 1970", "falls back", "beyond all dates",
        "no sentAt", "unreadable sentAt", "no timestamp", "nothing",
    ],
)  # fmt: skip
def test_an_sdks_clock_is_corrected(message: dict[str, Any], sent_at: object, chosen: Chosen) -> None:
    """receivedAt − (sentAt − timestamp): a device whose clock is wrong still says how long ago it was."""
    assert correct(message, sent_at=sent_at, received_at=NOW) == chosen
