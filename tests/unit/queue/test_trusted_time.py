"""Retention goes by a time that a wrong clock of the machine does not move."""

import pytest

from adapter.queue.sqlite.trusted_time import Kept, TrustedTime

START_S = 1_795_435_200.0
HOUR_S = 3600.0
DAY_S = 86_400.0


class Machine:
    """A steady clock, and a wall clock that is `wrong_by_s`."""

    def __init__(self, *, at_s: float = START_S, wrong_by_s: float = 0.0) -> None:
        self.at_s = at_s
        self.wrong_by_s = wrong_by_s

    def start(self, kept: Kept | None) -> TrustedTime:
        """A process starts: its steady clock begins with what the wall clock says."""
        self.ahead_s = self.wrong_by_s
        return TrustedTime(kept, wall=lambda: self.at_s + self.wrong_by_s, steady=lambda: self.at_s + self.ahead_s)

    def run(self, time: TrustedTime, seconds: float) -> None:
        """Time passes, with a look every 5 s."""
        for _ in range(round(seconds / 5)):
            self.at_s += 5
            time.look()


def test_a_right_clock_is_followed() -> None:
    """From the first start on, over restarts and an hour off."""
    machine = Machine()
    time = machine.start(None)
    machine.run(time, HOUR_S / 2)
    assert time() == machine.at_s
    machine.at_s += HOUR_S - 1
    assert machine.start(time.kept)() == machine.at_s


@pytest.mark.parametrize("wrong_by_s", [31 * DAY_S, 3650 * DAY_S, -31 * DAY_S, -1.7e9])
def test_a_wrong_start_moves_time_by_an_hour_at_most(wrong_by_s: float) -> None:
    """Once or a thousand times, and never back."""
    machine = Machine()
    time = machine.start(Kept(START_S))
    for _ in range(1000):
        machine.wrong_by_s = wrong_by_s
        time = machine.start(time.kept)
        machine.run(time, 10)
    assert machine.at_s <= time() <= machine.at_s + HOUR_S
    machine.wrong_by_s = 0.0
    machine.run(time, 10)
    assert machine.at_s <= time() <= machine.at_s + HOUR_S


def test_time_switched_off_is_caught_up() -> None:
    """After an hour in which the clocks ran evenly; an hour of it at once."""
    machine = Machine()
    kept = machine.start(None).kept
    machine.at_s += 30 * DAY_S
    time = machine.start(kept)
    assert time() == START_S + HOUR_S
    machine.run(time, HOUR_S - 5)
    assert time() == START_S + 2 * HOUR_S - 5
    machine.run(time, 10)
    assert time() == machine.at_s
    assert time.kept == Kept(machine.at_s, HOUR_S)


@pytest.mark.parametrize("step_s", [31 * DAY_S, -31 * DAY_S, 3 * HOUR_S])
def test_a_step_while_running_is_not_followed(step_s: float) -> None:
    """Also not of a clock that was believed before; a suspend is such a step, and is believed after its hour."""
    machine = Machine()
    time = machine.start(None)
    machine.run(time, 2 * HOUR_S)
    machine.wrong_by_s = step_s
    machine.run(time, HOUR_S / 2)
    assert time() == machine.at_s
    machine.run(time, HOUR_S)
    assert time() == machine.at_s + step_s


def test_a_clock_that_is_slewed_runs_evenly() -> None:
    """500 ppm, as NTP does it, for days."""
    machine = Machine()
    time = machine.start(None)
    for _ in range(100):
        machine.wrong_by_s += 500e-6 * 300
        machine.run(time, 300)
    assert time() == pytest.approx(machine.at_s + machine.wrong_by_s, abs=1)
