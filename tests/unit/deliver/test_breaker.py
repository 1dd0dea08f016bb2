"""The breaker trips when most of what Browsee answers are failures, and only then."""

import pytest

from adapter.deliver.breaker import Breaker, BreakerConfig


def tripped(*answers: tuple[float, bool]) -> bool:
    breaker = Breaker(BreakerConfig())
    for now_s, failed in answers:
        breaker.answered(now_s, failed=failed)
    return breaker.is_tripped


@pytest.mark.parametrize(
    ("good", "failed", "expected"),
    [
        pytest.param(0, 9, False, id="too-few-answers"),
        pytest.param(0, 10, True, id="ten-failures"),
        pytest.param(3, 7, True, id="seventy-percent"),
        pytest.param(4, 6, False, id="sixty-percent"),
        pytest.param(30_000, 139, False, id="after-good-minutes-not-yet"),
        pytest.param(30_000, 140, True, id="after-good-minutes-seventy-percent-of-the-last-200"),
    ],
)
def test_it_trips_at_ten_answers_and_seventy_percent(good: int, failed: int, expected: bool) -> None:
    """Of the last 200 answers within five minutes."""
    answers = [(0.0, False)] * good + [(1.0, True)] * failed
    assert tripped(*answers) is expected


def test_what_is_older_than_five_minutes_does_not_count() -> None:
    """Nine failures a while ago and one now are no outage."""
    assert tripped(*[(0.0, True)] * 9, (299.0, True))
    assert not tripped(*[(0.0, True)] * 9, (301.0, True))


def test_a_reset_forgets() -> None:
    """What was before an outage says nothing of after."""
    breaker = Breaker(BreakerConfig())
    for _ in range(50):
        breaker.answered(0.0, failed=True)
    breaker.reset()
    assert not breaker.is_tripped
    for _ in range(9):
        breaker.answered(1.0, failed=True)
    assert not breaker.is_tripped
