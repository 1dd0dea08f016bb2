"""The rate: how it begins, what a 429 does to it, how it comes back, and what it does not do."""

import pytest

from adapter.deliver.pace import Learned, PaceConfig, Rate

RTT_S = 0.1


def rate_at(now_s: float = 0.0, config: PaceConfig | None = None) -> Rate:
    return Rate(config or PaceConfig(), now_s=now_s)


def press(rate: Rate, *, from_s: float, to_s: float, every_s: float = 0.01) -> int:
    """Send whatever may go, and let each through; how many went."""
    sent = 0
    for step in range(1, round((to_s - from_s) / every_s) + 1):
        now_s = from_s + step * every_s
        if rate.wait_s(now_s) == 0:
            rate.take(now_s)
            rate.answered(sent_at_s=now_s, now_s=now_s, limited=False)
            sent += 1
    return sent


def limited(rate: Rate, *, sent_at_s: float, now_s: float) -> None:
    rate.answered(sent_at_s=sent_at_s, now_s=now_s, limited=True)


def learned(limit_per_s: float, *, now_s: float = 0.0) -> Rate:
    """A rate that met its limit just now."""
    rate = rate_at(now_s)
    rate.restore(Learned(limit_per_s, 0.0), now_s=now_s)
    return rate


def test_it_begins_low_and_doubles() -> None:
    """2 a second, doubling every second while it is used, and more slowly beyond 100."""
    rate = rate_at()
    assert rate.per_s(0.0) == 2.0
    assert rate.wait_s(0.0) == 0.0
    rate.take(0.0)
    assert rate.wait_s(0.0) == pytest.approx(0.5)
    press(rate, from_s=0.0, to_s=4.0)
    assert rate.per_s(4.0) == pytest.approx(32, rel=0.15)
    press(rate, from_s=4.0, to_s=13.6)
    assert rate.per_s(13.6) == pytest.approx(200, rel=0.15)
    assert rate.limit_per_s is None


def test_the_first_429s_set_the_limit_to_what_got_through() -> None:
    """Four of ten answers, for one may be noise: not to the rate that was tried; and the rate goes a tenth below."""
    rate = rate_at()
    press(rate, from_s=0.0, to_s=4.0)
    for _ in range(3):
        limited(rate, sent_at_s=3.9, now_s=4.0)
    assert rate.limit_per_s is None
    limited(rate, sent_at_s=3.9, now_s=4.0)
    assert rate.limit_per_s is not None
    assert 13 < rate.limit_per_s < 26
    assert rate.per_s(4.0) == pytest.approx(0.9 * rate.limit_per_s)


def test_one_episode_is_one_cut() -> None:
    """Answers to calls sent before the cut, or mixed with those on their way, are no news."""
    rate = learned(50.0, now_s=100.0)
    press(rate, from_s=100.0, to_s=150.0)
    limited(rate, sent_at_s=149.9, now_s=150.0)
    after = rate.limit_per_s
    for _ in range(100):
        limited(rate, sent_at_s=150.0, now_s=150.1)
        limited(rate, sent_at_s=150.05, now_s=150.15)
    assert rate.limit_per_s == after


def test_a_whole_cycle_shows_the_limit_exactly() -> None:
    """The calls delivered from one 429 to the next are what the limit allowed, whatever its bucket held before."""
    rate = learned(20.0)
    passed = press(rate, from_s=0.0, to_s=45.0)
    assert rate.per_s(45.0) > 1.1 * passed / 45
    limited(rate, sent_at_s=45.0, now_s=45.0)
    assert rate.limit_per_s == pytest.approx(passed / 45, rel=0.01)


def test_a_few_answers_cut_to_half_at_most() -> None:
    """After twenty answers, all 429, the limit is a guess; it is not guessed to be nothing."""
    rate = learned(40.0)
    for step in range(19):
        limited(rate, sent_at_s=step / 36, now_s=step / 36 + RTT_S)
    assert rate.limit_per_s == 40.0
    limited(rate, sent_at_s=19 / 36, now_s=19 / 36 + RTT_S)
    assert rate.limit_per_s == pytest.approx(18.0)


@pytest.mark.parametrize(
    ("seconds", "share"),
    [(0.001, 0.9), (10.0, 0.9875), (20.0, 1.0), (30.0, 1.0125), (40.0, 1.1), (47.14, 1.25), (52.15, 2.5)],
)
def test_it_comes_back_as_a_cubic(seconds: float, share: float) -> None:
    """Quickly back towards the limit, long near it, then faster beyond: K is 20 s. A quarter beyond it was raised."""
    rate = learned(100.0)
    press(rate, from_s=0.0, to_s=seconds, every_s=0.001)
    assert rate.per_s(seconds) == pytest.approx(share * 100, rel=0.01)


def test_a_slow_limit_takes_longer_to_come_back() -> None:
    """At a call every 10 s, 20 s would hold two calls: it is 50 calls instead."""
    rate = learned(0.1)
    press(rate, from_s=0.0, to_s=400.0, every_s=0.5)
    assert rate.per_s(400.0) == pytest.approx(0.1, rel=0.02)


def test_a_quiet_time_is_not_pressed_time() -> None:
    """An hour without calls says nothing of the limit: the rate goes on just below it, and one token has been saved."""
    rate = learned(20.0)
    press(rate, from_s=0.0, to_s=5.0)
    before = rate.per_s(5.0)
    assert rate.wait_s(3605.0) == 0.0
    assert rate.per_s(3605.0) == pytest.approx(min(before, 18.0), rel=0.02)


def test_it_never_runs_ahead_of_what_was_achieved() -> None:
    """With 5 calls a second wanted, a rate of more than 10 would be untried."""
    rate = rate_at()
    for call in range(600):
        now_s = call / 5
        rate.wait_s(now_s)
        rate.take(now_s)
        rate.answered(sent_at_s=now_s, now_s=now_s, limited=False)
    assert rate.per_s(120.0) == pytest.approx(10.0, rel=0.25)


def test_a_late_sleeper_loses_nothing() -> None:
    """Timers ring a little late; what a call was late is made up for, up to a tenth of a second."""
    rate = learned(20.0)
    sent, now_s = 0, 0.0
    while now_s < 10.0:
        wait_s = rate.wait_s(now_s)
        if wait_s > 0:
            now_s += wait_s + 0.02
            continue
        rate.take(now_s)
        rate.answered(sent_at_s=now_s, now_s=now_s, limited=False)
        sent += 1
    # 18 rising to 20 a second; without making up, each call would take 20 ms longer: 140 of them.
    assert sent >= 185


def test_a_pinned_rate_learns_nothing() -> None:
    """`rate: 50/s` is 50 a second, whatever Browsee says."""
    rate = rate_at(config=PaceConfig(pinned_per_s=50.0))
    press(rate, from_s=0.0, to_s=10.0)
    limited(rate, sent_at_s=10.0, now_s=10.0)
    rate.unblocked(11.0, blocked_s=1.0)
    rate.restore(Learned(3.0, 1.0), now_s=11.0)
    assert (rate.per_s(11.0), rate.limit_per_s, rate.snapshot(11.0)) == (50.0, None, None)


@pytest.mark.parametrize(
    ("met_ago_s", "per_s"), [pytest.param(3600.0, 18.0, id="within-an-hour"), pytest.param(3601.0, 2.0, id="older")]
)
def test_a_restart_begins_where_it_was(met_ago_s: float, per_s: float) -> None:
    """Just below a limit met within the hour, else in slow start; and the time of the limit is kept."""
    rate = rate_at(1000.0)
    rate.restore(Learned(20.0, met_ago_s), now_s=1000.0)
    assert rate.per_s(1000.0) == pytest.approx(per_s)
    if per_s == 18.0:
        assert rate.snapshot(1010.0) == Learned(20.0, 3610.0)


def test_after_a_block_the_limit_is_spread_over_it() -> None:
    """1200 calls let through in 48 s and then 12 s of nothing but 429 are 20 a second."""
    rate = learned(25.0)
    passed = press(rate, from_s=0.0, to_s=48.0)
    limited(rate, sent_at_s=48.0, now_s=48.0)
    rate.unblocked(60.0, blocked_s=12.0)
    assert rate.limit_per_s == pytest.approx(passed / 60, rel=0.01)


def test_after_a_long_block_the_limit_is_halved_at_most() -> None:
    """Ten minutes of 429 may be a ban, which says nothing of the limit."""
    rate = learned(25.0)
    press(rate, from_s=0.0, to_s=48.0)
    limited(rate, sent_at_s=48.0, now_s=48.0)
    before = rate.limit_per_s
    assert before is not None
    rate.unblocked(648.0, blocked_s=600.0)
    assert rate.limit_per_s == pytest.approx(before / 2)


def test_a_clock_that_goes_back_does_no_harm() -> None:
    """No token is made or lost by it."""
    rate = learned(20.0, now_s=100.0)
    rate.wait_s(100.0)
    rate.take(100.0)
    assert 0 < rate.wait_s(50.0) <= 1 / 18 + 0.001


def test_a_lone_429_before_the_limit_changes_no_limit() -> None:
    """It may be noise: the rate goes a tenth below, and the second such one in a row is believed."""
    rate = learned(20.0)
    press(rate, from_s=0.0, to_s=15.0)
    limited(rate, sent_at_s=15.0, now_s=15.0)
    assert (rate.limit_per_s, rate.per_s(15.0)) == (20.0, 18.0)
    passed = press(rate, from_s=15.0, to_s=30.0)
    limited(rate, sent_at_s=30.0, now_s=30.0)
    assert rate.limit_per_s == pytest.approx(passed / 15, rel=0.01)


def test_far_below_the_limit_a_lone_429_is_no_cut() -> None:
    """Three of twenty answers are."""
    rate = learned(20.0)
    press(rate, from_s=0.0, to_s=3.0)
    for _ in range(2):
        limited(rate, sent_at_s=3.0, now_s=3.0)
    assert rate.limit_per_s == 20.0
    limited(rate, sent_at_s=3.0, now_s=3.0)
    assert rate.limit_per_s < 19.0


def test_after_a_pause_it_goes_on_where_it_was() -> None:
    """A rate that succeeded before any limit was met is known to be allowed: an outage does not restart it."""
    rate = rate_at()
    for call in range(200):
        now_s = call / 20
        rate.wait_s(now_s)
        rate.take(now_s)
        rate.answered(sent_at_s=now_s, now_s=now_s, limited=False)
    assert rate.per_s(600.0) == pytest.approx(20.0, rel=0.15)
