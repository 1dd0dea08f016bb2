"""Experiment 10: Segment, RudderStack and Jitsu send, each with its own timeouts and retries, while the adapter has a
full disk, is frozen, killed and restarted. Messages that they count as sent are delivered or dead; they give none up.

Their hours are on a clock that jumps; their timeouts are real.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from reliability.checks import Bounds
from reliability.faults import frozen, writes_refused
from reliability.faulty_service import FAULTS, MODULE
from reliability.findings import Control, Experiment, Findings, Trial, each_seen
from reliability.judge import balance_of, judge
from reliability.oracle import Message, Oracle
from reliability.places import server_full
from reliability.platforms import HOUR_S, MINUTE_S, NO_ANSWER, PLATFORMS, Platform
from reliability.sending_platforms import Senders
from reliability.stage import Setup, Stage

SENDING_S = HOUR_S
ALL_TRIED_S = 24 * HOUR_S
EACH_USER = 5
# Calls in flight or not settled at a kill: twice the limit of calls in flight, which may have doubled once.
HELD = 64
# Messages due within this time are sent at once, so that the fault meets requests.
_AMID_S = 5 * MINUTE_S
_LATER_S = 0.2
_SCRIPT = "".join(f"- {{when: {{user: {platform.name}-refused}}, status: 400}}\n" for platform in PLATFORMS)


@dataclass(slots=True)
class _Scene:
    trial: Trial
    stage: Stage
    senders: Senders
    broken: list[str]


PlatformFault: TypeAlias = Callable[[_Scene], AbstractAsyncContextManager[None]]
"""Begins a fault, and ends it with the block."""
Troubles: TypeAlias = Sequence[tuple[float, float, PlatformFault]]
"""Minutes from and to, and the fault between them."""


@asynccontextmanager
async def _no_disk(scene: _Scene) -> AsyncIterator[None]:
    """Nothing can be written."""
    stage = scene.stage
    if stage.adapter is None:
        raise RuntimeError("no adapter runs")
    with server_full(stage.address) if stage.setup.queue else writes_refused(stage.adapter):
        if await stage.is_ready():
            scene.broken.append("H: /readyz said ready while nothing could be written")
        yield
        # Hours have passed in a moment; messages that are stored a little later must meet this fault as well.
        await asyncio.sleep(_LATER_S)


@asynccontextmanager
async def _answers_lost(scene: _Scene) -> AsyncIterator[None]:
    """Stored messages are not acknowledged: all of them are sent again, in other batches."""
    scene.senders.loses_answers = True
    yield
    scene.senders.loses_answers = False


@asynccontextmanager
async def _killed(scene: _Scene) -> AsyncIterator[None]:
    """SIGKILL during requests, and no adapter for a while."""
    sending = asyncio.create_task(scene.senders.send_due(within_s=_AMID_S))
    await asyncio.sleep(scene.trial.chance.uniform(0.001, 0.02))
    await scene.stage.kill()
    await sending
    yield
    await scene.stage.start()


@asynccontextmanager
async def _stopped(scene: _Scene) -> AsyncIterator[None]:
    """SIGTERM during requests, as a deployment sends it."""
    sending = asyncio.create_task(scene.senders.send_due(within_s=_AMID_S))
    code = await scene.stage.stop()
    await sending
    if code != 0:
        scene.broken.append(f"H: it ended with {code} after SIGTERM")
    yield
    await scene.stage.start()


@asynccontextmanager
async def _frozen(scene: _Scene) -> AsyncIterator[None]:
    """It hangs for longer than some timeouts (in the long form, than all), and then stores what was sent meanwhile."""
    if scene.stage.adapter is None:
        raise RuntimeError("no adapter runs")
    patience = sorted({platform.timeout_s for platform in PLATFORMS})
    with frozen(scene.stage.adapter):
        sending = asyncio.create_task(scene.senders.send_due(within_s=_AMID_S))
        await asyncio.sleep(0.3 + (patience[0] if scene.trial.is_short else patience[-1]))
    await sending
    yield


TROUBLES: Troubles = (
    (5, 15, _no_disk),
    (20, 30, _answers_lost),
    (35, 38, _killed),
    (42, 43, _frozen),
    (46, 50, _stopped),
    (52, 80, _no_disk),
    (82, 88, _killed),
    (90, 100, _answers_lost),
)
"""All end in time for the shortest schedule: Segment's sixth attempt may come after 2 h."""


async def run(trial: Trial) -> Findings:
    """The adapter itself."""
    return await _send(trial, Setup(rate="200/s", script=_SCRIPT), TROUBLES, rest_s=60.0)


async def run_wrong(trial: Trial) -> Findings:
    """Two faulty adapters that need no disk fault; each must be detected."""
    found = await asyncio.gather(*(_fault(trial, fault) for fault in FAULTS))
    return each_seen([(one, "C") for one in found])


async def _fault(trial: Trial, fault: str) -> Findings:
    folder = trial.folder / fault
    folder.mkdir()
    setup = Setup(rate="200/s", script=_SCRIPT, module=MODULE, options=("--fault", fault))
    return await _send(replace(trial, folder=folder), setup, TROUBLES[:1], rest_s=1.0)


async def _send(trial: Trial, setup: Setup, troubles: Troubles, *, rest_s: float) -> Findings:
    oracle, broken = Oracle(), list[str]()
    async with Stage.opened(trial.folder, replace(setup, queue=trial.queue)) as stage:
        senders = Senders(stage, oracle, chance=trial.chance)
        for platform in PLATFORMS:
            senders.give(platform, _messages(platform, 40 if trial.is_short else 400))
        scene = _Scene(trial, stage, senders, broken)
        for from_min, to_min, trouble in troubles:
            await senders.until(from_min * MINUTE_S)
            async with trouble(scene):
                await senders.until(to_min * MINUTE_S)
        await senders.until(ALL_TRIED_S)
        seen = senders.seen
        kills = sum(trouble is _killed for _, _, trouble in troubles)
        note = f"{seen.copies:,} stored messages came again, {seen.timeouts} requests timed out"
        broken += _given_up(senders)
        bounds = Bounds(duplicates=kills * HELD)
        found = await judge(stage, oracle, broken=broken, bounds=bounds, rest_s=rest_s, note=note)
        return replace(found, broken=(*found.broken, *await _stored_twice(stage, oracle)))


async def _stored_twice(stage: Stage, oracle: Oracle) -> list[str]:
    """D: a kill repeats calls of an event; a copy that is stored as new is one more event."""
    balance = await balance_of(stage.address)
    more = balance.counts.get("delivered", 0) + balance.dead - len(oracle)
    return [f"D: {more} messages that came again were taken for new"] if more > 0 else []


def _messages(platform: Platform, count: int) -> list[tuple[float, Message]]:
    """`count` messages over the hour. A platform that keeps no order has one for each user: no order can be
    expected.
    """
    each = EACH_USER if platform.is_ordered else 1
    sent = []
    for number in range(count):
        user = f"{platform.name}-{number // each}"
        sent.append((SENDING_S * number / count, Message(user, number % each)))
    return [*sent, (SENDING_S / 2, Message(f"{platform.name}-refused", 0))]


def _given_up(senders: Senders) -> list[str]:
    """C: a message that a platform gives up is lost, however right each answer was."""
    sentences = []
    if senders.left:
        sentences.append(f"C: {senders.left} messages were still on their way after {ALL_TRIED_S / HOUR_S:.0f} h")
    for platform in PLATFORMS:
        lost = [given for given in senders.seen.given_up if given.platform == platform.name]
        if lost:
            sentences.append(f"C: {platform.name} gave {len(lost)} messages up, such as one answered {lost[0].status}")
    strange = senders.seen.statuses - {NO_ANSWER, 200, 503}
    if strange:
        sentences.append(f"H: {sorted(strange)} were answered to good messages")
    return sentences


EXPERIMENT = Experiment(
    number="10",
    what="Segment, RudderStack and Jitsu send again, for hours",
    run=run,
    control=Control("acknowledges before the commit; answers 400 where 503 is due", "C", run_wrong),
    max_s=240.0,
)
