"""Experiment 14: the mapping is edited a thousand times under load, with and without errors, and as Kubernetes does it;
and it is broken at a start. No event sees half a mapping, and a broken one changes nothing.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from adapter.model import JsonObject
from reliability.checks import Seen
from reliability.edits import EDIT, KINDS, ConfigMap, misspelt
from reliability.fast_reload import MODULE
from reliability.findings import Control, Experiment, Findings, Trial, each_seen, together
from reliability.judge import judge
from reliability.oracle import ORDER, Message, Oracle
from reliability.polling import until
from reliability.processes import DidNotStart
from reliability.sender import load, send, users
from reliability.stage import SOURCE, Setup, Stage

USERS = 5
EACH = 10
EDITS = 1000
FEW_EDITS = 40
LIVE_S = 10.0
_SEND_EVERY_S = 0.02
_LOOK_EVERY_S = 0.005
_BROKEN = (
    "version: 1\nrules: [",
    "version: 1\nrules:\n  - when: {type: track}\n    trak: {from: event}\n",
    "",
    "version: 1\nrules:\n  - track: A\ntests:\n  - given: {type: track}\n    expect: {drop: its own test fails}\n",
)


async def run(trial: Trial) -> Findings:
    """Broken at a start, and edited while events are processed."""
    edits = FEW_EDITS if trial.is_short else EDITS
    started, edited = await asyncio.gather(_break(trial, is_strict=False), _edit(trial, edits=edits))
    return together([started, edited])


async def run_wrong(trial: Trial) -> Findings:
    """With --strict the service does not fall back; and an adapter that mixes two mappings in one event."""
    strict, torn = await asyncio.gather(
        _break(trial, is_strict=True), _edit(trial, edits=FEW_EDITS, options=("--fault", "torn"), rest_s=1.0)
    )
    return each_seen([(strict, "L"), (torn, "I")])


async def _break(trial: Trial, *, is_strict: bool) -> Findings:
    """A kill, a broken file of each kind, a start: delivery continues as before, and `/readyz` reports the problem."""
    oracle, broken = Oracle(), list[str]()
    chosen = trial.chance.sample(_BROKEN, 2 if trial.is_short else len(_BROKEN))
    folder = trial.folder / "start"
    folder.mkdir()
    async with Stage.opened(folder, Setup(is_strict=is_strict, queue=trial.queue)) as stage:
        for number, text in enumerate(chosen):
            await load(stage, oracle, users(USERS, f"round-{number}"), each=EACH, event=ORDER)
            await stage.stop()
            stage.mapping.write_text(text, encoding="utf-8")
            try:
                await stage.start()
            except DidNotStart as refused:
                return Findings(acked=len(oracle), broken=(f"L: it did not start and ended with {refused.code}",))
            _, ready = await stage.readyz()
            if str(stage.mapping) not in ready.get("mappings_failed", {}):
                broken.append("H: /readyz did not say that the mapping is broken")
        return await judge(stage, oracle, broken=broken)


async def _edit(trial: Trial, *, edits: int, options: Sequence[str] = (), rest_s: float = 60.0) -> Findings:
    oracle, broken, chance = Oracle(), list[str](), trial.chance
    made = {number: chance.choice(list(KINDS)) for number in range(1, edits + 1)}
    folder = trial.folder / "edits"
    folder.mkdir()
    async with Stage.opened(folder, Setup(module=MODULE, options=options, queue=trial.queue), starts=False) as stage:
        mounted = ConfigMap(folder / "config")
        stage.mapping = mounted.file
        await stage.start()
        over = asyncio.Event()
        sending = [asyncio.create_task(_send_until(over, stage, oracle, user)) for user in users(USERS)]
        for number, kind in made.items():
            text, put = KINDS[kind]
            before = await _version(stage)
            put(mounted, text(number))
            if not await until(partial(_is_shown, stage, number, kind, before), within_s=LIVE_S, every_s=_LOOK_EVERY_S):
                broken.append(f"H: a {kind} edit was not taken up within {LIVE_S:.0f} s")
        over.set()
        await asyncio.gather(*sending)
        names = _Names()
        found = await judge(stage, oracle, broken=broken, rest_s=rest_s, calls=partial(names.read, stage))
    good = {0, *(number for number, kind in made.items() if kind != "broken")}
    note = f"{edits:,} edits, {edits + 1 - len(good)} of them broken; events were made by {len(names)} of them"
    return replace(found, broken=(*found.broken, *names.wrong(good)), note=note)


async def _send_until(over: asyncio.Event, stage: Stage, oracle: Oracle, user: str) -> None:
    number = 0
    while not over.is_set():
        await send(stage, oracle, [Message(user, number, ORDER)])
        number += 1
        await asyncio.sleep(_SEND_EVERY_S)


async def _version(stage: Stage) -> str:
    _, ready = await stage.readyz()
    return str(ready["mappings"][SOURCE])


async def _is_shown(stage: Stage, number: int, kind: str, before: str) -> bool:
    """Whether `/readyz` says that edit `number` is active, or what is wrong with it."""
    _, ready = await stage.readyz()
    failed = ready.get("mappings_failed", {}).get(str(stage.mapping), "")
    if kind == "broken":
        return misspelt(number) in failed
    return not failed and ready["mappings"][SOURCE] != before


class _Names:
    """Reads calls for the judge, and records which edit's mapping made each."""

    def __init__(self) -> None:
        self._edits: dict[str, set[object]] = {}

    async def read(self, stage: Stage) -> Sequence[Seen]:
        return [self._without_edit(call) for call in await stage.calls()]

    def _without_edit(self, call: Seen) -> Seen:
        properties: JsonObject = dict(call.body["properties"])
        edits = self._edits.setdefault(call.message_id, set())
        edits.add(properties.pop(EDIT, None))
        return replace(call, body={**call.body, "properties": properties})

    def wrong(self, good: Collection[object]) -> list[str]:
        """I: the calls of one event are of one edit, and of one without errors."""
        torn = sum(len(edits) > 1 for edits in self._edits.values())
        bad = sum(not edits <= set(good) for edits in self._edits.values())
        return [
            *([f"I: the calls of {torn} events are of several edits each"] if torn else []),
            *([f"I: the calls of {bad} events are of a broken edit"] if bad else []),
        ]

    def __len__(self) -> int:
        return len({edit for edits in self._edits.values() for edit in edits})


EXPERIMENT = Experiment(
    number="14",
    what="mappings edited under load, and broken at start",
    run=run,
    control=Control("--strict, which does not fall back; an event by two mappings", "LI", run_wrong),
    max_s=600.0,
)
