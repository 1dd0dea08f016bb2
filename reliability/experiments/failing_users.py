"""Experiment 17: users whose calls fail, a trickle of 429s, and an outage of 3 s. The events of others are
delivered.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from reliability.checks import Seen
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.oracle import Message, Oracle
from reliability.polling import until
from reliability.sender import post, send_batch
from reliability.stage import Setup, Stage

FAILING = 100
GOOD = 50
PER_S = 20.0
NOISE_EACH = 50  # one call in so many is answered 429
AWAY_S = 3.0
FIRST_S = 1.0
SLOWEST_S = 5.0
# A user whose event meets a 429 waits up to a second for the next try.
SLOWEST_AFTER_S = 10.0


@dataclass(slots=True)
class _Browsee:
    """Users named `bad-…` are answered 500, one call in `NOISE_EACH` 429, and all calls 503 between two instants."""

    away_from_s: float = float("inf")
    away_to_s: float = float("inf")
    calls: list[Seen] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        body, now_s = await request.json(), time.monotonic()
        user = str(body.get("userId", ""))
        status = 200
        if self.away_from_s <= now_s < self.away_to_s:
            status = 503
        elif user.startswith("bad-"):
            status = 500
        elif len(self.calls) % NOISE_EACH == NOISE_EACH - 1:
            status = 429
        self.calls.append(Seen(str(body.get("event", "")), user, status, body, now_s))
        return web.json_response({"status": "success" if status == 200 else "failure"}, status=status)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Yields its address."""
        app = web.Application()
        app.router.add_post("/api/v1/{kind}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def run(trial: Trial) -> Findings:
    """Learned, the default of the settings."""
    return await _watch(trial, rate="auto")


async def run_wrong(trial: Trial) -> Findings:
    """A rate pinned far below the load: all users wait, as if noise had lowered the rate."""
    return await _watch(trial, rate="5/s")


async def _watch(trial: Trial, *, rate: str) -> Findings:
    browsee, oracle = _Browsee(), Oracle()
    steady_s = 15.0 if trial.is_short else 60.0
    async with (
        browsee.served() as url,
        Stage.opened(trial.folder, Setup(browsee_url=url, rate=rate, queue=trial.queue)) as stage,
    ):
        await send_batch(stage, oracle, [Message(f"bad-{number}", 0) for number in range(FAILING)])
        began_s = time.monotonic()
        sent = await _send_good(stage, oracle, seconds=steady_s, numbered_from=0)
        browsee.away_from_s = time.monotonic()
        browsee.away_to_s = browsee.away_from_s + AWAY_S
        sent |= await _send_good(stage, oracle, seconds=AWAY_S + steady_s, numbered_from=len(sent))
        await until(lambda: _have_passed(browsee, sent), within_s=SLOWEST_AFTER_S)
    return _judged(browsee, sent, acked=len(oracle), learned_s=began_s + steady_s / 2)


async def _send_good(stage: Stage, oracle: Oracle, *, seconds: float, numbered_from: int) -> dict[str, float]:
    """Events of good users in turn for so long; returns when each was sent, by message id."""
    sent, began_s = dict[str, float](), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for step in range(round(seconds * PER_S)):
            await asyncio.sleep(began_s + step / PER_S - time.monotonic())
            number = numbered_from + step
            message = Message(f"good-{number % GOOD}", number // GOOD)
            sent[message.message_id] = time.monotonic()
            group.create_task(post(stage, oracle, message))
    return sent


async def _have_passed(browsee: _Browsee, sent: dict[str, float]) -> bool:
    return not sent.keys() - {call.message_id for call in browsee.calls if call.status == 200}


def _judged(browsee: _Browsee, sent: dict[str, float], *, acked: int, learned_s: float) -> Findings:
    passed = {call.message_id: call.at_s for call in browsee.calls if call.status == 200}
    missing = len(sent.keys() - passed.keys())
    delays = [
        passed[ident] - at_s
        for ident, at_s in sent.items()
        if ident in passed and learned_s <= at_s and not browsee.away_from_s - 1 <= at_s < browsee.away_to_s + SLOWEST_S
    ]
    slowest_s = max(delays, default=float("inf"))
    first_s = min((at_s for at_s in passed.values() if at_s >= browsee.away_to_s), default=float("inf"))
    first_s -= browsee.away_to_s
    broken = []
    if missing:
        broken.append(f"L: {missing} events of users whose calls succeed did not pass within {SLOWEST_AFTER_S:.0f} s")
    if slowest_s > SLOWEST_S:
        broken.append(f"L: an event of a user whose calls succeed took {slowest_s:.1f} s; {SLOWEST_S:.0f} s at most")
    if first_s > FIRST_S:
        broken.append(f"L: the first call passed {first_s:.1f} s after the outage; {FIRST_S:.0f} s at most")
    note = (
        f"the slowest of {len(delays)} events took {slowest_s:.1f} s; "
        f"the first call passed {first_s:.2f} s after the outage"
    )
    return Findings(acked=acked, delivered=len(passed), recovery_s=first_s, broken=tuple(broken), note=note)


EXPERIMENT = Experiment(
    number="17",
    what=f"{FAILING} failing users, stray 429s, an outage of {AWAY_S:.0f} s",
    run=run,
    control=Control("pinned below what comes", "L", run_wrong),
    max_s=240.0,
)
