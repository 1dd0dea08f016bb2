"""The monitor says and keeps what is new of a project, and a restart begins with it."""

import pytest

from adapter.deliver.misconfigured import Subject
from adapter.deliver.pace import PaceConfig
from adapter.deliver.permits import Go
from adapter.deliver.policy import Accepted, Misconfigured, TryAgain, Verdict
from adapter.deliver.project import Project, ProjectConfig
from adapter.model import Reason, Secret
from adapter.observe.delivery_telemetry import (
    DeliveryLost,
    DeliveryPaused,
    DeliveryResumed,
    DeliveryTaken,
    LimitLearned,
)
from adapter.observe.telemetry import Telemetry
from adapter.queue.contract import Limit
from adapter.service.monitor import Monitor, Watched, project_id
from reliability.simulated_queue.queue import SimulatedQueue
from tests.fakes import FakeClock

CONFIG = ProjectConfig(PaceConfig())


class Scene:
    """A project under a monitor, and what was said."""

    def __init__(self, clock: FakeClock, queue: SimulatedQueue) -> None:
        self.clock = clock
        self.project = Project(CONFIG, now_s=clock())
        self.said: list[Telemetry] = []
        self.tenure = 1
        watched = Watched(id="p", sources="shop, app", project=self.project, tenure=lambda: self.tenure, number=1)
        self.monitor = Monitor([watched], archive=queue, emit=self.said.append, now=clock)

    def call(self, verdict: Verdict) -> None:
        """One call that is allowed and answered so."""
        admitted = self.project.admit("track", self.clock())
        while not isinstance(admitted, Go):
            self.clock.advance(admitted.seconds)
            admitted = self.project.admit("track", self.clock())
        self.clock.advance(0.1)
        self.project.answered(admitted.permit, verdict, of=Subject(1, 1, "u"), now_s=self.clock())

    def learn(self) -> None:
        """Meet a limit."""
        for _ in range(200):
            self.call(Accepted())
        for _ in range(4):
            self.call(TryAgain(Reason.RATE_LIMITED, counted=False))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> SimulatedQueue:
    return SimulatedQueue(now=clock)


async def test_a_pause_and_its_end_are_said_once(clock: FakeClock, queue: SimulatedQueue) -> None:
    """However often one looks."""
    scene = Scene(clock, queue)
    scene.call(Misconfigured("Browsee answered 401: check browsee_api_key"))
    detail = "Browsee answered 401: check browsee_api_key; next try in 1 s"
    await scene.monitor.look()
    await scene.monitor.look()
    assert scene.said == [DeliveryPaused(sources="shop, app", why="misconfigured", detail=detail)]
    scene.call(Accepted())
    await scene.monitor.look()
    await scene.monitor.look()
    assert scene.said[1:] == [DeliveryResumed(sources="shop, app")]


async def test_a_restart_begins_just_below_the_learned_limit(clock: FakeClock, queue: SimulatedQueue) -> None:
    """Within an hour at nine tenths of it, and not with the slow start."""
    scene = Scene(clock, queue)
    scene.learn()
    await scene.monitor.look()
    [learned] = scene.said
    assert isinstance(learned, LimitLearned)
    clock.advance(600)
    again = Scene(clock, queue)
    await again.monitor.restore()
    state = again.project.state(clock())
    assert state.limit_per_s == pytest.approx(learned.per_s, rel=0.01)
    assert state.per_s == pytest.approx(0.9 * learned.per_s, rel=0.01)


async def test_an_old_limit_is_forgotten(clock: FakeClock, queue: SimulatedQueue) -> None:
    """After more than an hour it says nothing of now."""
    scene = Scene(clock, queue)
    scene.learn()
    await scene.monitor.look()
    clock.advance(4000)
    again = Scene(clock, queue)
    await again.monitor.restore()
    assert again.project.state(clock()).limit_per_s is None


def test_a_project_is_its_address_and_key() -> None:
    """And its id tells neither."""
    one = project_id(url="https://a.test", key=Secret("key-1"))
    assert one != project_id(url="https://a.test", key=Secret("key-2"))
    assert one != project_id(url="https://b.test", key=Secret("key-1"))
    assert "key-1" not in one


async def test_a_pause_whose_cause_changes_is_said_again(clock: FakeClock, queue: SimulatedQueue) -> None:
    """But not because the time to its next try does."""
    scene = Scene(clock, queue)
    scene.call(Misconfigured("Browsee answered 401: check browsee_api_key"))
    await scene.monitor.look()
    scene.call(Misconfigured("Browsee answered 401: check browsee_api_key"))
    await scene.monitor.look()
    scene.call(Misconfigured("Browsee answered 404: check browsee.url"))
    await scene.monitor.look()
    assert [str(getattr(said, "detail", said)) for said in scene.said] == [
        "Browsee answered 401: check browsee_api_key; next try in 1 s",
        "Browsee answered 404: check browsee.url; next try in 4 s",
    ]


async def test_who_takes_a_project_over_begins_with_its_limit(clock: FakeClock, queue: SimulatedQueue) -> None:
    """As the replica kept it that delivered meanwhile; until then this one says and keeps nothing of it."""
    scene = Scene(clock, queue)
    scene.tenure = 0
    await scene.monitor.restore()
    scene.call(Misconfigured("Browsee answered 401: check browsee_api_key"))
    await scene.monitor.look()
    assert scene.said == []
    await queue.keep_limit("p", Limit(per_s=17.0, met_at_s=clock()))
    scene.tenure = 2
    await scene.monitor.look()
    learned = scene.project.snapshot(clock())
    assert learned is not None
    assert learned.limit_per_s == pytest.approx(17.0)
    assert scene.said[0] == DeliveryTaken(sources="shop, app")
    scene.tenure = 0
    await scene.monitor.look()
    assert scene.said[-1] == DeliveryLost(sources="shop, app")
