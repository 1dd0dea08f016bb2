"""Instants: every form that a sender was seen to write, and none that could mean another instant."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapter.mapping.run.scalars import date_of
from adapter.wire.instants import is_buddhist, parse_instant

EVENING = datetime(2026, 11, 25, 22, 14, 40, tzinfo=UTC)
EXACT = EVENING.replace(microsecond=814_000)

DIGITS = {
    "Arabic": "٠١٢٣٤٥٦٧٨٩", "Persian": "۰۱۲۳۴۵۶۷۸۹", "Devanagari": "०१२३४५६७८९", "Bengali": "০১২৩৪৫৬৭৮৯",
    "Thai": "๐๑๒๓๔๕๖๗๘๙", "Burmese": "၀၁၂၃၄၅၆၇၈၉", "full-width": "０１２３４５６７８９", "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
}  # fmt: skip


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23T06:35:36.528Z", at(2026, 11, 23, 6, 35, 36, 528_000)),
        ("2024-01-01T00:00:00.000+05:30", at(2023, 12, 31, 18, 30)),
        ("2024-01-01T00:00:00\u22125:30", at(2024, 1, 1, 5, 30)),
        ("2026-11-23T06:29:31.753968+00:00", at(2026, 11, 23, 6, 29, 31, 753_968)),
        ("2024-01-01T00:00:00", at(2024, 1, 1)),
        ("2024-01-01T00:00:00+0000", at(2024, 1, 1)),
        ("2018-09-05T23:05:25.862826965Z", at(2018, 9, 5, 23, 5, 25, 862_826)),
        ("2026-11-20T11:26:09.8002130Z", at(2026, 11, 20, 11, 26, 9, 800_213)),
        ("0001-01-01T00:00:00Z", at(1, 1, 1)),
        ("2020-04-23T22:38:48.55Z", at(2020, 4, 23, 22, 38, 48, 550_000)),
        ("2015-2-02T00:30:08.276Z", at(2015, 2, 2, 0, 30, 8, 276_000)),
        ("2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264", at(2020, 5, 9, 23, 54, 49, 209_808)),
        ("2020-05-09 23:54:49 -0130 UTC", at(2020, 5, 10, 1, 24, 49)),
        ("2020-05-09 23:54:49 +0200 CEST m=+1.5", at(2020, 5, 9, 21, 54, 49)),
        ("2020-05-09 23:54:49 -0300 -03", at(2020, 5, 10, 2, 54, 49)),
        ("2024-01-01t10:00:00z", at(2024, 1, 1, 10)),
        ("2016-12-31T23:59:60Z", at(2017, 1, 1)),
        ("2016-12-31T23:59:60.5Z", at(2017, 1, 1, 0, 0, 0, 500_000)),
        ("2024-01-01T24:00:00Z", at(2024, 1, 2)),
        ("2024-01-01", at(2024, 1, 1)),
        (" 2024-1-1 ", at(2024, 1, 1)),
        ("2026/11/25 22:14:40", EVENING),
        ("20261125T221440Z", EVENING),
        ("20261125T221440,814+0000", EXACT),
        ("20261125T234440.814+01:30", EXACT),
        ("20261125T2214Z", EVENING.replace(second=0)),
        ("2026-11-26T00:14:40 UTC+2", EVENING),
        ("2026-11-25 12:14:40 GMT-10", EVENING),
        ("2026-11-26T03:44:40 UTC+5:30", EVENING),
        ("2026-11-25T22:14:40.814:Z", EXACT),
        ("2026-11-25T22:14:40:+00:00", EVENING),
        ("2026-11-25T23:14:40.814+01:00[Europe/Berlin]", EXACT),
        ("2026-11-25T22:14:40Z[UTC]", EVENING),
        ("2026-11-25T22:14:40,814Z", EXACT),
        ("2026-11-25T22:14:40+00:00Z", EVENING),
        ("2026-11-25T22:14:40.814+0000Z", EXACT),
        ("Wed, 25 Nov 2026 22:14:40 GMT", EVENING),
        ("Wednesday, November 25, 2026 10:14:40 PM", EVENING),
        ("Wednesday, 25 November 2026 22:14:40", EVENING),
        ("25 Nov 2026 22:14:40 +0000", EVENING),
        ("Wed Nov 25 2026 23:14:40 GMT+0100 (Central European Standard Time)", EVENING),
        ("Wed Nov 25 22:14:40 UTC 2026", EVENING),
        ("Wed Nov 25 23:14:40 +0100 2026", EVENING),
        ("Wed Nov 25 22:14:40 2026", EVENING),
        ("Wed Nov  4 22:14:40 GMT+01:00 2026", at(2026, 11, 4, 21, 14, 40)),
        ("Nov 25, 2026, 10:14:40 PM", EVENING),
        ("November 25, 2026 at 10:14:40\u202fPM", EVENING),
        ("25 November 2026 22:14:40 UTC", EVENING),
        ("/Date(1795644880814)/", EXACT),
        ("2569-11-25T22:14:40.814Z", EXACT),
        ("2567-02-29", at(2024, 2, 29)),
    ],
    ids=str,
)  # fmt: skip
def test_every_form_seen_is_read(text: str, instant: datetime) -> None:
    """Each of these was written by an SDK, a sample of the docs, or a customer's clock."""
    assert parse_instant(text) == instant


@pytest.mark.parametrize("digits", DIGITS.values(), ids=DIGITS)
@pytest.mark.parametrize("text", ["2026-11-25T22:14:40.814Z", "1795644880814", "2026-11-25 10:14:40.814 PM"])
def test_digits_of_every_script_are_read(text: str, digits: str) -> None:
    """Phones write numbers as their language does; a text may mix them, and have marks of direction."""
    assert parse_instant(text.translate({ord(str(n)): digit for n, digit in enumerate(digits)})) == EXACT
    mixed = "".join(digits[int(sign)] if sign.isdigit() and n % 2 else sign for n, sign in enumerate(text))
    assert parse_instant(f"\u200f{mixed}\u200e") == EXACT


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T10:14:40 PMZ", "2026-11-25T10:14:40 pm", "2026-11-25T10:14:40\u202fPMZ", "2026-11-25T10:14:40PM",
        "2026-11-25 10:14:40\u00a0pm +00:00", "2026-11-25T10:14:40 p.m.", "2026-11-25T10:14:40 p. m.Z",
        "2026-11-25T22:14:40 PMZ", "2026-11-25T下午10:14:40Z", "2026-11-25T10:14:40 午後", "2026-11-25T10:14:40 오후Z",
        "٢٠٢٦-١١-٢٥T١٠:١٤:٤٠ مZ", "2026-11-25T10:14:40 ÖSZ",
        "2026-11-25T10:14:40 CH", "2026-11-25T10:14:40 หลังเที่ยง", "2026-11-25T10:14:40 अपराह्नZ",
        "2026-11-25T10:14:40 сл. об.",
        "2026-11-25T10:14:40 μ.μ.", "２０２６－１１－２５Ｔ１０：１４：４０ＰＭ",
    ],
)  # fmt: skip
def test_a_clock_of_12_hours_is_read(text: str) -> None:
    """iOS puts the phone's own AM and PM into a format of 24 hours."""
    assert parse_instant(text) == EVENING


@pytest.mark.parametrize(("hour", "read"), [("12:00 AM", 0), ("12:00 PM", 12), ("1:00 am", 1), ("0:30 AM", 0)])
def test_noon_and_midnight(hour: str, read: int) -> None:
    """12 AM is midnight and 12 PM noon."""
    found = parse_instant(f"2026-11-25T{hour}")
    assert found is not None
    assert found.hour == read


@pytest.mark.parametrize("per_s", [1, 10**3, 10**6, 10**9], ids=["s", "ms", "us", "ns"])
@pytest.mark.parametrize("second", [1_700_000_000, 100_000_000, 4_102_444_799, -315_619_200])
def test_epochs_are_read_by_their_size(second: int, per_s: int) -> None:
    """Seconds, milliseconds, microseconds and nanoseconds, as numbers and as texts; the fraction as far as µs go."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    epoch = second * per_s
    assert parse_instant(epoch) == parse_instant(str(epoch)) == parse_instant(f" {epoch} ") == instant
    assert parse_instant(float(epoch)) == instant


@pytest.mark.parametrize("epoch", ["1795644880.814", 1795644880.814, "1795644880814.0", "1.795644880814E12"], ids=str)
def test_an_epoch_may_have_a_fraction(epoch: Any) -> None:
    """JavaScript divides by 1000, and Java writes large numbers with an exponent."""
    assert parse_instant(epoch) == EXACT


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", " ", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z",
        "2024-01-01T24:00:01Z", "2024-01-01T24:00:00.5Z",
        "Wed Nov 25 22:14:40 CET 2026", "Novem 25, 2026 10:14:40", "2026-11-25T10:14:40+5",
        "2026-11-25T10:14:40 UTC+530",
        "2026-11-25T10:14:40 ÖSX", "2024-1-01T10:61:00Z",
        "2024-1-01T10:00:61Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "9999-12-31T24:00:00Z",
        "9999-12-1T24:00:00-23:59 nonsense", "2024-01-01T00:00:00Z" + " " * 999 + "x", 1e300,
        float("nan"), float("inf"), 10**400, [], {},
        # Forms that mean one thing here and another there, and numbers that are something else.
        "9/3/2026", "9/3/2026 10:15:00 AM", "09-03-2026", "25.11.2026", "03/09/26 10:15", "9 3 2026", "2026/11-25",
        5, -1, 20261125, "20261125", "202611", "20261125221440", "2026", "12:30", "1e400", "-1e99",
        # Many zones have one abbreviation; 13 AM and 0 PM are contradictions.
        "2026-11-25 22:14:40 EST", "2026-11-25T22:14:40[Europe/Berlin]", "2026-11-25T13:00 AM", "2026-11-25T0:00 PM",
        "2026-11-25T22:14:40+01:00Z",
        "2026-11-25TPM10:14:40 PM", "2026-11-25T10:14:40+24:00", "2568-02-29", "Wed, 25 Foo 2026 22:14:40 GMT",
        "²⁰²⁶-11-25",
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_no_one_instant_is_none(value: object) -> None:
    """Nothing a sender writes raises, or becomes a time it did not mean."""
    assert parse_instant(value) is None


@pytest.mark.parametrize("value", ["2569-11-25", "๒๕๖๙-11-25", " 2543-1-1", "2642-12-31"])
def test_a_buddhist_year_is_known(value: str) -> None:
    """Its correction can be reported."""
    assert is_buddhist(value)


@pytest.mark.parametrize("value", ["2026-11-25", "1999-01-01", "2542-01-01", "2643-01-01", "256", "", 2569, None])
def test_other_years_are_not_buddhist(value: object) -> None:
    """2543 is the year 2000."""
    assert not is_buddhist(value)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NEARLY = st.from_regex(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]?[0-9:., APMZapmzTUC+\[\]()/-]{0,24}", fullmatch=True)


@settings(deadline=None)
@given(JSON | NEARLY | st.from_regex(r"[+-]?[0-9]{1,25}(\.[0-9]+)?([eE][+-]?[0-9]+)?", fullmatch=True))
@example("9" * 25)
@example("9999-12-31T23:59:60-23:59")
@example("\ud800-11-25")
def test_nothing_raises(value: object) -> None:
    """Whatever a timestamp is, reading it ends in an aware UTC instant or in None; the step `date` reads the same."""
    instant = parse_instant(value)
    assert instant is None or instant.utcoffset() == timedelta(0)
    assert isinstance(date_of(value), str) == (instant is not None)


ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(deadline=None)
@given(
    st.datetimes(timezones=st.just(UTC) | ZONES).filter(lambda instant: 1 < instant.year < 2542),
    st.sampled_from(["T", " ", "t"]),
    st.sampled_from(["auto", "milliseconds", "seconds", "minutes"]),
)
def test_iso_texts_are_read_as_datetime_does(instant: datetime, separator: str, timespec: str) -> None:
    """Any instant in ISO 8601, in the digits of any script, is the one that Python reads."""
    text = instant.isoformat(sep=separator, timespec=timespec)
    assert parse_instant(text) == datetime.fromisoformat(text)
    thai = text.translate({ord(str(n)): digit for n, digit in enumerate(DIGITS["Thai"])})
    assert parse_instant(thai) == datetime.fromisoformat(text)
