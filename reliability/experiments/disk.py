"""Experiment 11: the disk is full, fails with EIO, or turns read-only. The service answers 503 at once, continues to
deliver as far as the disk allows, and recovers when the disk does.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reliability import disks
from reliability.checks import ACCEPTED, Bounds
from reliability.faulty_service import MODULE
from reliability.findings import Control, Experiment, Findings, Skipped, Trial, together
from reliability.judge import judge
from reliability.oracle import Message, Oracle
from reliability.polling import until
from reliability.sender import post, send_batch, users
from reliability.stage import Setup, Stage

ANSWER_S = 1.0
RECOVERY_S = 10.0
USERS = 15
# The log has room for a few events on a disk that is full.
_TRIES = 200
_REFUSALS = 20
_CALL_S = 0.1
_SCRIPT = f"- {{delay_s: {_CALL_S}}}\n"


@dataclass(frozen=True, slots=True)
class _Form:
    """A disk, and what the service must do during its fault: deliver so many of `each` events of a user.

    On a full disk the ballast makes room for settling, and all pass. If nothing can be written, the next event of a
    user waits until the one before is settled; and if the service must be stopped then, at most `repeated` calls are
    repeated.
    """

    disk: disks.FaultyDisk
    each: int
    passing: int
    rate: str
    repeated: int = 0


# At 20 calls a second most users' first events still wait when the fault begins.
_FORMS: Mapping[str, _Form] = {
    "full": _Form(disks.full, each=10, passing=10, rate="5000/s"),
    "EIO": _Form(disks.failing, each=2, passing=1, rate="20/s"),
    "read-only": _Form(disks.read_only, each=2, passing=1, rate="20/s", repeated=USERS),
}


async def run(trial: Trial) -> Findings:
    """Each disk that this machine can provide, side by side; in the short form the two that recover by themselves."""
    forms = {name: form for name, form in _FORMS.items() if not (trial.is_short and form.repeated)}
    found = await asyncio.gather(*(_try(trial, name, form) for name, form in forms.items()))
    ran = [one for one in found if isinstance(one, Findings)]
    skipped = [f"without {name}: {one}" for name, one in zip(forms, found, strict=True) if isinstance(one, Skipped)]
    if not ran:
        raise Skipped("; ".join(skipped))
    return replace(together(ran), note="; ".join([*(one.note for one in ran), *skipped]))


async def run_wrong(trial: Trial) -> Findings:
    """An adapter that acknowledges before the commit: it answers 200 to events that cannot be stored."""
    for name in ("full", "EIO"):
        found = await _try(trial, name, _FORMS[name], module=MODULE, rest_s=2.0)
        if isinstance(found, Findings):
            return found
    raise Skipped("no disk that the experiment needs")


async def _try(
    trial: Trial, name: str, form: _Form, *, module: str = "adapter", rest_s: float = 30.0
) -> Findings | Skipped:
    folder = trial.folder / name
    folder.mkdir()
    try:
        found = await _break(folder, Setup(script=_SCRIPT, module=module, rate=form.rate), form, rest_s=rest_s)
    except Skipped as why:
        return why
    # The letter stays in front.
    return replace(found, note=name, broken=tuple(f"{line[:3]}{name}: {line[3:]}" for line in found.broken))


async def _break(folder: Path, setup: Setup, form: _Form, *, rest_s: float) -> Findings:
    oracle, broken = Oracle(), list[str]()
    disk = folder / "disk"
    disk.mkdir()
    async with form.disk(disk) as trouble, Stage.opened(folder, setup, starts=False) as stage:
        stage.queue = disk / "queue.db"
        await stage.start()
        await send_batch(stage, oracle, [Message(user, n) for n in range(form.each) for user in users(USERS)])
        async with trouble(stage):
            before = await stage.count()
            broken += await _refused(stage, oracle)
            broken += await _delivers(stage, before, passing=form.passing)
        mended_s = time.monotonic()
        if not await until(partial(_stores, stage, oracle), within_s=RECOVERY_S):
            broken.append(f"L: it did not store again within {RECOVERY_S:.0f} s")
        recovery_s = time.monotonic() - mended_s
        bounds = Bounds(duplicates=form.repeated)
        return await judge(stage, oracle, broken=broken, bounds=bounds, recovery_s=recovery_s, rest_s=rest_s)


async def _refused(stage: Stage, oracle: Oracle) -> list[str]:
    """Events that cannot be stored are refused, soon, and `/readyz` says so."""
    broken, statuses = list[str](), Counter[int]()
    while statuses[503] < _REFUSALS and statuses.total() < _TRIES:
        began_s = time.monotonic()
        statuses[await post(stage, oracle, Message("meanwhile", statuses.total()))] += 1
        took_s = time.monotonic() - began_s
        if took_s > ANSWER_S:
            broken.append(f"L: an answer took {took_s:.1f} s; {ANSWER_S:.0f} s at most")
    if not statuses.keys() <= {200, 503}:
        broken.append(f"H: {sorted(statuses)} were answered; 503 would be true")
    if 503 not in statuses:
        broken.append("H: nothing was refused")
    elif await stage.is_ready():
        broken.append("H: /readyz said ready")
    return broken


async def _delivers(stage: Stage, before: int, *, passing: int) -> list[str]:
    """Stored events are delivered: `passing` events of each user, not all of which were among the first calls."""

    async def have_passed() -> bool:
        accepted = Counter(call.user for call in await stage.calls() if call.status == ACCEPTED)
        return all(accepted[user] >= passing for user in users(USERS))

    if before >= USERS * passing:
        return ["L: all had been delivered before the trouble began"]
    passed = await until(have_passed, within_s=5.0, every_s=0.1)
    return [] if passed else ["L: what was stored was not delivered any more"]


async def _stores(stage: Stage, oracle: Oracle) -> bool:
    number = sum(message.user == "after" for message in oracle.obligations.values())
    return await post(stage, oracle, Message("after", number)) == 200


EXPERIMENT = Experiment(
    number="11",
    what="the disk is full, fails, turns read-only",
    run=run,
    control=Control("acknowledges before the commit", "CH", run_wrong),
    no_server="it damages the file of the queue or its disk: for a server that is the server's matter",
)
