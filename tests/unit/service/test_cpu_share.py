"""Work of operators pauses while others want the processor, and only then."""

from dataclasses import dataclass, field
from threading import Thread

import pytest

from adapter.service.cpu_share import SHARE, SLICE_S, CpuShare


@dataclass
class Clocks:
    """A thread's CPU time and the time of day, moved by hand."""

    cpu: float = 0.0
    wall: float = 0.0
    slept: list[float] = field(default_factory=list)

    def work(self, cpu_s: float, *, waited_s: float = 0.0) -> None:
        self.cpu += cpu_s
        self.wall += cpu_s + waited_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.wall += seconds

    def share(self) -> CpuShare:
        return CpuShare(cpu_s=lambda: self.cpu, wall_s=lambda: self.wall, sleep=self.sleep)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_work_alone_never_pauses(clocks: Clocks) -> None:
    share = clocks.share()
    for _ in range(1_000):
        clocks.work(SLICE_S / 3)
        share()
    assert clocks.slept == []


def test_work_beside_others_takes_its_share(clocks: Clocks) -> None:
    share = clocks.share()
    for _ in range(1_000):
        clocks.work(SLICE_S / 3, waited_s=SLICE_S / 3)
        share()
    assert clocks.cpu / (clocks.cpu + sum(clocks.slept)) == pytest.approx(SHARE, rel=0.01)


def test_a_pause_does_not_count_as_waiting(clocks: Clocks) -> None:
    """Else one wait would slow all that comes after it."""
    share = clocks.share()
    clocks.work(SLICE_S, waited_s=SLICE_S)
    share()
    for _ in range(100):
        clocks.work(SLICE_S)
        share()
    assert len(clocks.slept) == 1


def test_less_than_a_slice_is_not_interrupted(clocks: Clocks) -> None:
    share = clocks.share()
    clocks.work(SLICE_S * 0.9, waited_s=60.0)
    share()
    assert clocks.slept == []


def test_another_thread_starts_a_slice_of_its_own(clocks: Clocks) -> None:
    """A stream of lines is read in any thread that is free. An old thread's CPU time is not work of this request."""
    share = clocks.share()

    def go_on_elsewhere() -> None:
        clocks.work(3_600.0, waited_s=3_600.0)
        share()
        clocks.work(2 * SLICE_S, waited_s=SLICE_S)
        share()

    thread = Thread(target=go_on_elsewhere)
    thread.start()
    thread.join()
    assert sum(clocks.slept) == pytest.approx(2 * SLICE_S * (1 / SHARE - 1))
