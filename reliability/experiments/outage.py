"""Experiment 7: Browsee is down for six hours, on a virtual clock: the worker itself, without processes or sockets."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from adapter.deliver.browsee import Browsee
from adapter.deliver.delivery import Delivery, RetryFor
from adapter.deliver.pace import PaceConfig
from adapter.deliver.policy import Answer
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.worker import Worker
from adapter.mapping.load import load
from adapter.model import Call, Reason, Secret
from adapter.observe.delivery_telemetry import EventDied
from adapter.observe.telemetry import Telemetry
from adapter.service.mappings import read_message
from reliability import checks
from reliability.checks import Bounds, Evidence, Seen
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.oracle import MAPPING, Message, Oracle
from reliability.simulated_queue.queue import SimulatedQueue
from reliability.virtual import virtually

HOUR_S = 3600.0
AWAY_FROM_S, AWAY_TO_S, END_S = 1 * HOUR_S, 7 * HOUR_S, 8 * HOUR_S
USERS = 50
EVERY_S = 10.0
RATE = 50.0
CALL_S = 0.1
# The longest time between two rounds, and 2,160 events at 50 a second.
RECOVERED_S = 90.0
# During the outage: a round of three probes every 24 to 30 s, sooner at first, and calls in flight.
MOST_TRIES = 3 * round((AWAY_TO_S - AWAY_FROM_S) / 24) + 400
_SOURCE = "test"  # the source of which `read_message` makes events


async def run(trial: Trial) -> Findings:
    """With the default retries."""
    return await virtually(lambda now: _World(trial, now, RetryFor(for_s=72 * HOUR_S, max_s=300.0)).run())


async def run_wrong(trial: Trial) -> Findings:
    """With retries that give up during the outage."""
    return await virtually(lambda now: _World(trial, now, RetryFor(for_s=0.5, max_s=300.0)).run())


class _Away(Browsee):
    """Browsee as a value: down for some time, and recording calls."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("http://127.0.0.1/api/v1")
        self.calls: list[Seen] = []
        self._now = now

    async def send(self, call: Call, key: Secret) -> Answer:  # noqa: ARG002 - the simulation checks no key
        await asyncio.sleep(CALL_S)
        is_away = AWAY_FROM_S <= self._now() < AWAY_TO_S
        body = dict(call.body)
        self.calls.append(Seen(body["event"], body["userId"], 0 if is_away else 200, body, self._now()))
        if is_away:
            return Answer(status=None, failure=Reason.UNREACHABLE, seconds=CALL_S)
        return Answer(status=200, body=b'{"status":"success"}', seconds=CALL_S)


class _World:
    """A queue, a worker and a steady stream of events."""

    def __init__(self, trial: Trial, now: Callable[[], float], retry: RetryFor) -> None:
        # The queue's clock is a date; the loop's begins at 0.
        began_s = time.time()
        self._oracle = Oracle()
        self._chance = trial.chance
        self._now = now
        self._browsee = _Away(now)
        self._queue = SimulatedQueue(now=lambda: began_s + now())
        self._happened: list[Telemetry] = []
        self._ruleset = load(MAPPING, file="mapping.yaml", read=read_message, hash_key=None)
        project = Project(ProjectConfig(PaceConfig(pinned_per_s=RATE)), now_s=now())
        delivery = Delivery(
            backlog=self._queue,
            browsee=self._browsee,
            project=project,
            keys={_SOURCE: Secret("chaos")},
            retry=retry,
            emit=self._happened.append,
            now=now,
            jitter=self._chance.random,
        )
        self._worker = Worker(
            backlog=self._queue,
            delivery=delivery,
            project=project,
            sources=[_SOURCE],
            ruleset_of=lambda _: self._ruleset,
            emit=self._happened.append,
            now=now,
        )

    async def run(self) -> Findings:
        """Eight hours."""
        working = asyncio.create_task(self._worker.run())
        for number in range(round(END_S / EVERY_S)):
            message = Message(f"user-{self._chance.randrange(USERS)}", number)
            await self._queue.put([read_message(message.body)])
            self._oracle.acknowledged(message)
            await asyncio.sleep(EVERY_S)
        await self._worker.stop(30.0)
        await working
        return self._judged(await self._evidence())

    async def _evidence(self) -> Evidence:
        dead = {died.message_id: died.reason.value for died in self._happened if isinstance(died, EventDied)}
        return Evidence(self._oracle.obligations, self._browsee.calls, dead, await self._queue.balance(), 0, 0)

    def _judged(self, evidence: Evidence) -> Findings:
        tries = sum(call.status == 0 for call in evidence.calls)
        waited = [call.at_s for call in evidence.calls if call.status and call.at_s >= AWAY_TO_S]
        backlog = round((AWAY_TO_S - AWAY_FROM_S) / EVERY_S)
        recovery_s = waited[min(backlog, len(waited)) - 1] - AWAY_TO_S
        violations = list(checks.broken(evidence, Bounds()))
        if evidence.dead:
            violations.append(f"C: {len(evidence.dead)} events were given up in an outage shorter than retry.for")
        if tries > MOST_TRIES:
            violations.append(f"P: {tries} calls while it was away; {MOST_TRIES} at most")
        if recovery_s > RECOVERED_S:
            violations.append(f"L: the backlog took {recovery_s:.0f} s after the outage; {RECOVERED_S:.0f} s at most")
        found = Findings(
            acked=len(evidence.obligations),
            dead=len(evidence.dead),
            duplicates=checks.repeats(evidence.calls),
            lost=len(checks.lost(evidence)),
            recovery_s=recovery_s,
            broken=tuple(violations),
            note=f"{tries} calls in the 6 h; {backlog} waited",
        )
        return replace(found, delivered=found.acked - found.dead - found.lost)


EXPERIMENT = Experiment(
    number="7",
    what="an outage of 6 h, on a virtual clock",
    run=run,
    control=Control("retry.for of half a second", "C", run_wrong),
    no_server="it runs on a virtual clock, with a simulated queue",
)
