"""Experiment 1b: power cuts at random instants. Everything acknowledged before is in the remaining files.

All writes and syncs of the adapter are recorded under load, while Browsee is down, so that everything acknowledged
stays in the queue. From the record the files are rebuilt as a cut at an instant leaves them, see `power`. Many are
checked, and with some the adapter is started.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapter.errors import QueueError
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.connection import connect
from adapter.queue.sqlite.log import refuse_damaged_log
from adapter.queue.sqlite.place import FilePlace
from reliability.findings import Control, Experiment, Findings, Trial, together
from reliability.judge import judge
from reliability.oracle import ORDER, Message, Oracle
from reliability.power import RecordedDisk, RecordedStep
from reliability.processes import DidNotStart
from reliability.recorder import Recorder
from reliability.sender import load, users
from reliability.stage import Setup, Stage
from reliability.unsynced_queue import MODULE

USERS = 20
_AWAY = "http://127.0.0.1:9"
# So few attempts that no breaker opens: its pause would be in the files and outlast the run.
_RATE = "1/s"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Scale:
    """The size of one run: messages of each user, cuts checked, and cuts after which the adapter is started."""

    each: int
    looks: int
    starts: int


_SHORT = _Scale(each=80, looks=6, starts=1)
_LONG = _Scale(each=300, looks=60, starts=4)


@dataclass(frozen=True, slots=True)
class _Cut:
    """The files after a cut, by name, and the messages acknowledged before it."""

    files: Mapping[str, bytes]
    owed: Sequence[Message]


@dataclass(frozen=True, slots=True)
class _Recording:
    """Files before, the steps on them, files after, and when each message was acknowledged."""

    before: Mapping[str, bytes]
    steps: Sequence[RecordedStep]
    after: Mapping[str, bytes]
    acknowledged: Sequence[tuple[float, Message]]


class _Noting(Oracle):
    """Also records instants, by the clock of strace."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[tuple[float, Message]] = []

    def acknowledged(self, message: Message) -> None:
        super().acknowledged(message)
        self.at.append((time.time(), message))


async def run(trial: Trial) -> Findings:
    """The adapter itself."""
    scale = _SHORT if trial.is_short else _LONG
    cuts, broken = await _cuts(trial, Setup(), scale)
    found = [_looked(trial.folder, cuts, broken)]
    for number, cut in enumerate(trial.chance.sample(cuts, scale.starts)):
        found.append(await _started(trial.folder / f"start-{number}", cut))
    return replace(together(found), note=f"{len(cuts)} cuts a run, {scale.starts} of them started from")


async def run_wrong(trial: Trial) -> Findings:
    """An adapter that never syncs: the check must detect that its files lack acknowledged messages."""
    cuts, broken = await _cuts(trial, Setup(module=MODULE), _SHORT)
    return _looked(trial.folder, cuts, broken)


async def _cuts(trial: Trial, setup: Setup, scale: _Scale) -> tuple[list[_Cut], list[str]]:
    recording = await _record(trial, setup, each=scale.each)
    disk = RecordedDisk(recording.before)
    for step in recording.steps:
        disk.take(step)
    if disk.as_read() != recording.after:
        return [], ["H: what was recorded does not make the files that are there"]
    return list(_at(recording, scale.looks, trial.chance)), []


async def _record(trial: Trial, setup: Setup, *, each: int) -> _Recording:
    recorder = Recorder(trial.folder / "strace.txt")
    await recorder.try_out()
    oracle = _Noting()
    async with Stage.opened(trial.folder, replace(setup, browsee_url=_AWAY, rate=_RATE), starts=False) as stage:
        await stage.start()
        await load(stage, oracle, users(USERS, "before"), each=2, event=ORDER)
        # With a log that exists already, or one that is created during the run.
        await (stage.kill() if trial.seed % 2 else stage.stop())
        before = _files(stage.queue)
        stage.under = recorder.under
        await stage.start()
        await load(stage, oracle, users(USERS), each=each, event=ORDER)
        pid = stage.pid
        await stage.kill()
        return _Recording(before, await recorder.steps(pid), _files(stage.queue), oracle.at)


def _files(queue: Path) -> dict[str, bytes]:
    """The database and its log, by their paths in the output of strace."""
    own = queue.resolve()
    files = (own, own.with_name(f"{own.name}-wal"))
    return {str(file): file.read_bytes() if file.is_file() else b"" for file in files}


def _at(recording: _Recording, count: int, chance: random.Random) -> list[_Cut]:
    """Cuts between two steps, a third of them while a checkpoint writes to the database."""
    database = next(iter(recording.before))
    disk, checkpointing = RecordedDisk(recording.before), list[int]()
    for number, step in enumerate(recording.steps):
        if not disk.is_synced(database):
            checkpointing.append(number)
        disk.take(step)
    chosen = chance.choices(range(len(recording.steps)), k=count)
    if checkpointing:
        chosen[: count // 3] = chance.choices(checkpointing, k=count // 3)
    return _made(recording, sorted(chosen), chance)


def _made(recording: _Recording, chosen: Sequence[int], chance: random.Random) -> list[_Cut]:
    disk, made, cuts = RecordedDisk(recording.before), 0, list[_Cut]()
    for number in chosen:
        for step in recording.steps[made:number]:
            disk.take(step)
        made = number
        at_s = recording.steps[number].at_s
        owed = [message for acknowledged_s, message in recording.acknowledged if acknowledged_s < at_s]
        cuts.append(_Cut(disk.after_power_cut(chance), owed))
    return cuts


def _written(folder: Path, cut: _Cut) -> Path:
    """The files of a cut in a folder of their own; returns the queue's path."""
    folder.mkdir()
    for name, content in cut.files.items():
        (folder / Path(name).name).write_bytes(content)
    return folder / Path(next(iter(cut.files))).name


def _looked(folder: Path, cuts: Sequence[_Cut], broken: Sequence[str]) -> Findings:
    """Whether the files of each cut can be used, and have everything acknowledged in them, pending."""
    unusable, missing = 0, list[int]()
    for number, cut in enumerate(cuts):
        try:
            there = _pending(_written(folder / f"cut-{number}", cut))
        except QueueError:
            unusable += 1
        else:
            missing.append(sum(message.message_id not in there for message in cut.owed))
    violations = list(broken)
    if unusable:
        violations.append(f"C: after {unusable} of {len(cuts)} cuts the queue cannot be used")
    if any(missing):
        violations.append(
            f"C: after {sum(map(bool, missing))} of {len(cuts)} cuts acknowledged events are not in the queue"
        )
    return Findings(acked=sum(len(cut.owed) for cut in cuts), lost=sum(missing), broken=tuple(violations))


def _pending(file: Path) -> set[str]:
    found, after = set[str](), 0
    refuse_damaged_log(file)
    # As the next owner opens it: the cut may have been before there was a table.
    connect(FilePlace(file)).close()
    with SqliteQueueAdmin.open(file) as admin:
        while records := admin.since(after, limit=_PAGE):
            found |= {record.event.message_id for record in records if record.outcome == "pending"}
            after = records[-1].seq
    return found


async def _started(folder: Path, cut: _Cut) -> Findings:
    """The adapter with the files after a cut, and Browsee up again."""
    oracle = Oracle()
    for message in cut.owed:
        oracle.acknowledged(message)
    queue = _written(folder, cut)
    async with Stage.opened(folder, starts=False) as stage:
        stage.queue = queue
        try:
            recovery_s = await stage.start()
        except DidNotStart as refused:
            violations = f"C: after a cut it ended with {refused.code} instead of starting"
            return Findings(acked=len(oracle), lost=len(oracle), broken=(violations,))
        return await judge(stage, oracle, recovery_s=recovery_s)


EXPERIMENT = Experiment(
    number="1b",
    what="the power goes",
    run=run,
    control=Control("synchronous = OFF", "C", run_wrong),
    max_s=300.0,
    no_server="it damages the file of the queue or its disk: for a server that is the server's matter",
)
