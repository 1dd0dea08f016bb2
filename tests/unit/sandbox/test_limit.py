"""The sandbox's limit is a token bucket, full at first."""

import pytest

from adapter.errors import ConfigError
from adapter.sandbox.limit import CallBucket, CallLimit


@pytest.mark.parametrize(
    ("text", "limit"),
    [("20/s", CallLimit(20, 1.0)), (" 1200/m ", CallLimit(1200, 60.0)), ("50000/h", CallLimit(50_000, 3600.0))],
)
def test_a_limit_is_read(text: str, limit: CallLimit) -> None:
    """Calls per second, minute or hour."""
    assert CallLimit.parse(text) == limit


@pytest.mark.parametrize("text", ["", "20", "0/s", "-5/s", "20/d", "1.5/s", "20 per second", "20/s/m"])
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    """The error shows how to write one."""
    with pytest.raises(ConfigError, match="20/s, 1200/m"):
        CallLimit.parse(text)


def test_the_bucket_passes_its_count_at_once_and_its_rate_for_ever() -> None:
    """A full bucket of 20, then one every 50 ms; what is refused takes no token."""
    bucket = CallBucket(CallLimit(20, 1.0), now_s=100.0)
    assert [bucket.take(100.0) for _ in range(20)] == [0.0] * 20
    assert bucket.take(100.0) == pytest.approx(0.05)
    assert bucket.take(100.0) == pytest.approx(0.05)
    passed = sum(bucket.take(100.0 + step / 100) == 0.0 for step in range(1, 1001))
    assert passed == pytest.approx(200, abs=1)


def test_a_quiet_time_fills_the_bucket_and_no_more() -> None:
    """However long it was, only `count` come at once afterwards."""
    bucket = CallBucket(CallLimit(60, 60.0), now_s=0.0)
    assert sum(bucket.take(0.0) == 0.0 for _ in range(100)) == 60
    assert sum(bucket.take(7200.0) == 0.0 for _ in range(100)) == 60


def test_a_clock_that_goes_back_does_no_harm() -> None:
    """It neither fills nor empties the bucket."""
    bucket = CallBucket(CallLimit(2, 1.0), now_s=50.0)
    assert [bucket.take(10.0) for _ in range(3)] == [0.0, 0.0, 0.5]
