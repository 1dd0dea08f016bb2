"""The bars for the rate, over virtual minutes through the real controller: noise, unpublished limits, and both.

Each row has what is promised and, where the controller misses that, what it reaches: the tests hold it to the latter.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from adapter.sandbox.limit import CallLimit
from tests.unit.deliver.simulation import Load, Phase, simulate

UNLIMITED = CallLimit(10_000_000, 1.0)
BAN_S = 10.0


@dataclass(frozen=True, slots=True)
class Bar:
    """Shares of the limit used in the first minute and after it, at least; the share of 429s, at most."""

    first: float
    later: float
    limited: float


@dataclass(frozen=True, slots=True)
class Row:
    """A limit and what it is to reach; `promised` where that is more."""

    limit: CallLimit
    reached: Bar
    promised: Bar | None = None
    noise: float = 0.0
    seconds: float = 600.0
    seeds: Sequence[int] = (1, 2, 3)

    @property
    def name(self) -> str:
        unit = "second" if self.limit.per_s == 1.0 else "minute"
        return f"{self.limit.count}-a-{unit}" + (f"-noise-{self.noise:.1%}" if self.noise else "")


# A limit of so many a minute lets a full minute's calls through at once: its rate shows only when they are used up.
ROWS = (
    Row(CallLimit(5, 1.0), Bar(0.95, 0.97, 0.0055), Bar(0.95, 0.97, 0.005)),
    Row(CallLimit(10, 1.0), Bar(0.95, 0.97, 0.005)),
    Row(CallLimit(20, 1.0), Bar(0.95, 0.97, 0.005)),
    Row(CallLimit(100, 1.0), Bar(0.90, 0.97, 0.005), seconds=200.0, seeds=(1,)),
    Row(CallLimit(1200, 60.0), Bar(0.95, 0.97, 0.012), Bar(0.95, 0.97, 0.005)),
    Row(CallLimit(5, 1.0), Bar(0.80, 0.90, 0.019), Bar(0.80, 0.90, 0.015), noise=0.005),
    Row(CallLimit(5, 1.0), Bar(0.80, 0.65, 0.035), Bar(0.80, 0.80, 0.03), noise=0.02),
    Row(CallLimit(20, 1.0), Bar(0.80, 0.90, 0.015), Bar(0.90, 0.90, 0.015), noise=0.005),
    Row(CallLimit(20, 1.0), Bar(0.70, 0.85, 0.034), Bar(0.90, 0.90, 0.03), noise=0.02),
    Row(CallLimit(100, 1.0), Bar(0.87, 0.90, 0.03), Bar(0.90, 0.90, 0.03), noise=0.02, seconds=200.0, seeds=(1, 2)),
)
AGAIN = pytest.mark.long
"""Further seeds are the long form: `python -m pytest -m "long or not long" tests/unit/deliver/test_bars.py`."""
SEEDS = (1, pytest.param(2, marks=AGAIN))
SEEDED = [
    pytest.param(row, seed, id=f"{row.name}-seed-{seed}", marks=() if seed == row.seeds[0] else AGAIN)
    for row in ROWS
    for seed in row.seeds
]


@pytest.mark.parametrize(("row", "seed"), SEEDED)
def test_a_limit_is_used_and_respected(row: Row, seed: int) -> None:
    """Beside noise too: 429s that come at whatever rate."""
    run = simulate([Phase(0.0, row.limit, noise=row.noise)], seconds=row.seconds, seed=seed)
    assert run.passed_between(0.0, 60.0) >= row.reached.first * 60.0 * row.limit.rate
    assert run.passed_between(60.0, row.seconds) >= row.reached.later * (row.seconds - 60.0) * row.limit.rate
    assert run.refused <= row.reached.limited


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.001, 0.005, 0.01, 0.02])
def test_noise_without_a_limit_costs_little(noise: float, seed: int) -> None:
    """At 20 events a second over ten minutes: less than 5 % of them wait at its end."""
    run = simulate([Phase(0.0, UNLIMITED, noise=noise)], seconds=600.0, load=Load(demand_per_s=20.0), seed=seed)
    assert run.passed_between(0.0, 600.0) >= 0.95 * 600.0 * 20.0


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_at_100_a_second_costs_little(seed: int) -> None:
    """The same with 2 % of noise, over two minutes."""
    run = simulate([Phase(0.0, UNLIMITED, noise=0.02)], seconds=120.0, load=Load(demand_per_s=100.0), seed=seed)
    assert run.passed_between(0.0, 120.0) >= 0.95 * 120.0 * 100.0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["silent", "noise"])
def test_a_limit_that_falls_is_no_noise(noise: float, seed: int) -> None:
    """60, then 10 a second: within 20 s no more calls go than the limit and a tenth, and 90 % of it is used."""
    phases = [Phase(0.0, CallLimit(60, 1.0), noise=noise), Phase(180.0, CallLimit(10, 1.0), noise=noise)]
    run = simulate(phases, seconds=480.0, seed=seed)
    assert run.sent_between(200.0, 480.0) <= 1.1 * 10.0 * 280.0
    assert run.passed_between(240.0, 480.0) >= 0.9 * 10.0 * 240.0
    assert run.refused_between(200.0, 480.0) <= noise + 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["silent", "noise"])
def test_a_ban_after_excess_is_no_noise(noise: float, seed: int) -> None:
    """A call beyond 20 a second has all calls of 10 s refused: never more than 20 a second go, few of them in a ban."""
    run = simulate([Phase(0.0, CallLimit(20, 1.0), noise=noise, ban_s=BAN_S)], seconds=600.0, seed=seed)
    assert run.sent_between(30.0, 600.0) <= 20.0 * 570.0
    assert run.passed_between(60.0, 600.0) >= 0.4 * 20.0 * 540.0
    assert run.refused <= noise + 0.025


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("noise", [0.0, 0.02], ids=["silent", "noise"])
def test_a_shared_limit_is_no_noise(noise: float, seed: int) -> None:
    """Another client uses 8 of 20 a second: no more than a tenth beyond what is left is tried, and 90 % is used."""
    run = simulate([Phase(0.0, CallLimit(20, 1.0), noise=noise, others_per_s=8.0)], seconds=600.0, seed=seed)
    assert run.sent_between(60.0, 600.0) <= 1.1 * 12.0 * 540.0
    assert run.passed_between(60.0, 600.0) >= 0.9 * 12.0 * 540.0
    # Promised is 1 % beside the noise.
    assert run.refused <= noise + 0.035


@pytest.mark.parametrize(("noise", "seed"), [pytest.param(0.0, 1, marks=AGAIN), (0.02, 2)], ids=["silent", "noise"])
def test_a_moving_limit_is_used(noise: float, seed: int) -> None:
    """40, 10, then 60 a second, ten minutes each. Without noise test_pace_over_hours.py has it too."""
    limits = [(0.0, 40), (600.0, 10), (1200.0, 60)]
    phases = [Phase(at_s, CallLimit(count, 1.0), noise=noise) for at_s, count in limits]
    run = simulate(phases, seconds=1800.0, seed=seed)
    assert run.used >= 0.9
    assert run.refused <= noise + 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("users", "refused", "used"), [(500, 1, 0.97), (40, 4, 0.85), (40, 10, 0.70)])
def test_users_who_are_always_answered_429_do_not_slow_the_others(
    users: int, refused: int, used: float, seed: int
) -> None:
    """Each is tried again within a second, which takes a share of the limit: from the third 429 of a user on they say
    nothing of the rate. Before, 4 of 40 left 7 % of the limit to the others.
    """
    load = Load(users=users, refused_users=refused, retry_s=1.0)
    run = simulate([Phase(0.0, CallLimit(20, 1.0))], seconds=300.0, load=load, seed=seed)
    assert run.passed_between(60.0, 300.0) >= used * 20.0 * 240.0
