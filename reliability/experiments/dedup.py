"""Experiment 13: one id a hundred times at once, later, after restarts and after hours. It is delivered once."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp

from adapter.model import Delivered, Event
from adapter.queue.address import QueueAddress
from adapter.queue.contract import Queue
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import judge
from reliability.oracle import Message, Oracle
from reliability.places import forget, open_by, queue_address
from reliability.stage import SOURCE, Setup, Stage

AT_ONCE = 100
LATER = 10
_MESSAGE = Message("user-0", 0)
_HOUR_S = 3600.0
# The window is 72 h, and ids may stay two sevenths of it longer.
_KNOWN_FOR_H = (23, 71)
_FORGOTTEN_AFTER_H = 97


async def run(trial: Trial) -> Findings:
    """Copies with one message id."""
    found = await _copies(trial, lambda _: _MESSAGE.message_id)
    return replace(
        found, broken=(*found.broken, *await _over_hours(queue_address(trial.folder / "hours.db", server=trial.queue)))
    )


async def run_wrong(trial: Trial) -> Findings:
    """Copies whose ids were replaced on the way: they cannot be recognised as copies."""
    return await _copies(trial, lambda number: f"copy-{number}")


async def _copies(trial: Trial, id_of: Callable[[int], str]) -> Findings:
    oracle, broken = Oracle(), list[str]()
    async with Stage.opened(trial.folder, Setup(queue=trial.queue)) as stage:
        oracle.acknowledged(_MESSAGE)
        for first, count in ((0, AT_ONCE), (AT_ONCE, LATER), (AT_ONCE + LATER, LATER)):
            copies = range(first, first + count)
            statuses = await asyncio.gather(*(_post(stage, id_of(number)) for number in copies))
            if set(statuses) != {200}:
                broken.append(f"L: copies were answered {sorted(set(statuses))}; each must be thanked for")
            await asyncio.sleep(trial.chance.uniform(0, 0.2))
            await stage.kill()
            await stage.start()
        return await judge(stage, oracle, broken=broken)


async def _post(stage: Stage, message_id: str) -> int:
    try:
        async with stage.http.post(stage.webhook, json={**_MESSAGE.body, "messageId": message_id}) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


async def _over_hours(address: QueueAddress) -> list[str]:
    """The same on a clock that is set forward: the window holds, and ends."""
    began_s = time.time()
    event = Event(
        source=SOURCE,
        message_id=_MESSAGE.message_id,
        type="track",
        user_id=_MESSAGE.user,
        anonymous_id=None,
        timestamp=datetime.fromtimestamp(began_s, UTC),
        received_at=datetime.fromtimestamp(began_s, UTC),
        body=_MESSAGE.body,
    )
    clock_s = began_s
    queue = await open_by(address, lambda: clock_s)
    try:
        known = dict[int, bool]()
        for hours in (0, *_KNOWN_FOR_H, _FORGOTTEN_AFTER_H):
            clock_s = began_s + hours * _HOUR_S
            known[hours] = await _is_known(queue, event)
    finally:
        await queue.close()
        await asyncio.to_thread(forget, address)
    broken = [f"D: the id was not known after {hours} h" for hours in _KNOWN_FOR_H if not known[hours]]
    if known[_FORGOTTEN_AFTER_H]:
        broken.append(f"D: the id was still known after {_FORGOTTEN_AFTER_H} h: copies prolonged the window")
    return broken


async def _is_known(queue: Queue, event: Event) -> bool:
    """Put `event` into the queue, deliver it if it is new, and return whether it was a duplicate."""
    stored = await queue.put([event])
    for lease in await queue.take(sources=[SOURCE], limit=1, lease_s=60, wait_s=0):
        await queue.settle(lease, Delivered())
    return stored.duplicates == 1


EXPERIMENT = Experiment(
    number="13",
    what="one id, 120 times",
    run=run,
    control=Control("copies with ids of their own", "D", run_wrong),
)
