"""The bar for the pace, over virtual hours: how much of a limit that nobody states is used, and how much is refused.

`make test-long TESTS=tests/unit/deliver/test_pace_over_hours.py` has two more limits, which
test_bars.py holds for ten minutes.
"""

import pytest

from adapter.sandbox.limit import CallLimit
from tests.unit.deliver.simulation import Load, Phase, simulate

STEADY = [
    pytest.param(CallLimit(5, 1.0), 3600.0, id="5-a-second"),
    pytest.param(CallLimit(20, 1.0), 1800.0, id="20-a-second", marks=pytest.mark.long),
    pytest.param(CallLimit(100, 1.0), 600.0, id="100-a-second", marks=pytest.mark.long),
    pytest.param(CallLimit(1200, 60.0), 1800.0, id="1200-a-minute"),
]
MOVING = (Phase(0.0, CallLimit(40, 1.0)), Phase(600.0, CallLimit(10, 1.0)), Phase(1200.0, CallLimit(60, 1.0)))


@pytest.mark.parametrize(("limit", "seconds"), STEADY)
def test_a_steady_limit_is_used_and_respected(limit: CallLimit, seconds: float) -> None:
    """At least 95 % of it, at most 2 % of calls answered 429, 80 % of it within 60 s of the start."""
    run = simulate([Phase(0.0, limit)], seconds=seconds)
    assert run.used >= 0.95
    assert run.refused <= 0.02
    assert run.reached(0.8 * limit.rate) <= 60


def test_a_moving_limit_is_followed() -> None:
    """40, 10, then 60 a second: at least 90 % of it used, at most 2 % answered 429; down within 10 s, up within 120."""
    run = simulate(MOVING, seconds=1800.0)
    assert run.used >= 0.90
    assert run.refused <= 0.02
    assert run.reached(0.8 * 40) <= 60
    assert run.refused_between(610.0, 1200.0) <= 0.02
    assert run.reached(0.8 * 60, from_s=1200.0) <= 120


@pytest.mark.parametrize("users", [4, 5000])
def test_the_number_of_users_changes_nothing(users: int) -> None:
    """A few users, each waiting for an answer before the next call, or thousands."""
    run = simulate([Phase(0.0, CallLimit(20, 1.0))], seconds=900.0, load=Load(users=users))
    assert run.used >= 0.95
    assert run.refused <= 0.02


@pytest.mark.parametrize("latency_s", [0.01, 0.5, 2.0])
def test_far_and_near_are_both_served(latency_s: float) -> None:
    """However long an answer takes, the limit is found and kept."""
    run = simulate([Phase(0.0, CallLimit(20, 1.0))], seconds=900.0, load=Load(latency_s=latency_s))
    assert run.used >= 0.95
    assert run.refused <= 0.02


def test_a_ban_costs_a_probe_at_a_time() -> None:
    """Ten minutes of nothing but 429: a probe every 30 s at most, and back within two minutes."""
    phases = (Phase(0.0, CallLimit(20, 1.0)), Phase(300.0, None), Phase(900.0, CallLimit(20, 1.0)))
    run = simulate(phases, seconds=1200.0)
    assert sum(300 <= at_s < 900 for at_s in run.limited_at) <= 50
    assert run.reached(0.8 * 20, from_s=900.0) <= 120
