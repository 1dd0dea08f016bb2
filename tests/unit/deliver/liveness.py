"""Virtual minutes of the worker, the delivery and the controller together, against a Browsee that treats users
differently: without a network, on a clock that jumps.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapter.deliver.browsee import Browsee
from adapter.deliver.delivery import Delivery, RetryFor
from adapter.deliver.pace import Learned
from adapter.deliver.policy import Answer
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.worker import Worker
from adapter.mapping.load import load
from adapter.model import Call, Reason, Secret
from adapter.observe.delivery_telemetry import EventDied
from adapter.observe.telemetry import Telemetry
from adapter.service.mappings import read_message
from reliability.oracle import MAPPING
from reliability.simulated_queue.queue import SimulatedQueue
from reliability.virtual import virtually
from tests.fakes import make_event

OK = Answer(200, body=b'{"status":"success"}')
ERROR = Answer(500)
LATE = Answer(None, failure=Reason.TIMEOUT)
REFUSED = Answer(None, failure=Reason.UNREACHABLE, cause="connection refused")

Treat = Callable[[str, float], tuple[Answer, float]]
"""The answer to a call of a user now, and the seconds that it takes."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """At `at_s` comes an event of `user`."""

    at_s: float
    user: str


@dataclass(slots=True)
class Seen:
    """What happened: every call with its end, and how many events were given up."""

    arrivals: Sequence[Arrival]
    calls: list[tuple[float, str, bool]] = field(default_factory=list)
    dead: int = 0
    pending: int = 0

    def delays(self, user: str, *, from_s: float = 0.0) -> list[float]:
        """How long each event of `user` waited that came from `from_s` on; inf if it was never delivered."""
        came = [one.at_s for one in self.arrivals if one.user == user]
        passed = [at_s for at_s, who, good in self.calls if who == user and good]
        passed += [float("inf")] * (len(came) - len(passed))
        return [end_s - at_s for at_s, end_s in zip(came, passed, strict=True) if at_s >= from_s]

    def first_pass(self, *, from_s: float) -> float:
        """Seconds from `from_s` until a call was delivered."""
        return min((at_s for at_s, _, good in self.calls if good and at_s >= from_s), default=float("inf")) - from_s

    def caught_up(self, *, from_s: float) -> float:
        """Seconds from `from_s` until no event that came more than a second ago waits; inf if never."""
        passed = sorted(at_s for at_s, _, good in self.calls if good)
        came = sorted(one.at_s for one in self.arrivals)
        for number, at_s in enumerate(passed, start=1):
            if at_s >= from_s and (number == len(came) or came[number] > at_s - 1.0):
                return at_s - from_s
        return float("inf")


class _Api(Browsee):
    """Answers as `treat` says."""

    def __init__(self, treat: Treat, now: Callable[[], float], calls: list[tuple[float, str, bool]]) -> None:
        super().__init__("http://127.0.0.1/api/v1")
        self._treat, self._now, self._calls = treat, now, calls

    async def send(self, call: Call, key: Secret) -> Answer:
        user = str(call.body["userId"])
        answer, seconds = self._treat(user, self._now())
        await asyncio.sleep(seconds)
        self._calls.append((self._now(), user, answer.status == 200))
        return answer


async def live(
    arrivals: Sequence[Arrival],
    treat: Treat,
    *,
    seconds: float,
    restart_at_s: float | None = None,
    limit_per_s: float | None = None,
) -> Seen:
    """Deliver for so long; with `restart_at_s` the process is stopped there, and another goes on with the queue. With
    `limit_per_s` that limit has been met just before.
    """
    learned = None if limit_per_s is None else Learned(limit_per_s, 0.0)
    return await virtually(lambda now: _live(arrivals, treat, now, seconds, restart_at_s, learned))


async def _live(
    arrivals: Sequence[Arrival],
    treat: Treat,
    now: Callable[[], float],
    seconds: float,
    restart_at_s: float | None,
    learned: Learned | None,
) -> Seen:
    seen = Seen(arrivals)
    happened: list[Telemetry] = []
    queue = SimulatedQueue(now=now)
    ruleset = load(MAPPING, file="mapping.yaml", read=read_message, hash_key=None)
    chance = random.Random(1)  # noqa: S311 - a reproducible world

    def worker() -> Worker:
        project = Project(ProjectConfig(), now_s=now())
        if learned is not None:
            project.restore(learned, now_s=now())
        delivery = Delivery(
            backlog=queue,
            browsee=_Api(treat, now, seen.calls),
            project=project,
            keys={"shop": Secret("key")},
            retry=RetryFor(for_s=72 * 3600.0, max_s=300.0),
            emit=happened.append,
            now=now,
            jitter=chance.random,
        )
        return Worker(
            backlog=queue,
            delivery=delivery,
            project=project,
            sources=["shop"],
            ruleset_of=lambda _: ruleset,
            emit=happened.append,
            now=now,
        )

    feeding = asyncio.create_task(_feed(queue, arrivals, now))
    ends_s = [seconds] if restart_at_s is None else [restart_at_s, seconds]
    for end_s in ends_s:
        working = worker()
        running = asyncio.create_task(working.run())
        await asyncio.sleep(end_s - now())
        await working.stop(0.0)
        await running
    feeding.cancel()
    seen.dead = sum(isinstance(one, EventDied) for one in happened)
    seen.pending = (await queue.balance()).pending
    return seen


async def _feed(queue: SimulatedQueue, arrivals: Sequence[Arrival], now: Callable[[], float]) -> None:
    for number, arrival in enumerate(arrivals):
        if arrival.at_s > now():
            await asyncio.sleep(arrival.at_s - now())
        await queue.put([make_event(f"m-{number}", user=arrival.user)])
