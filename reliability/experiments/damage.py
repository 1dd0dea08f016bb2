"""Experiment 2: synced bytes are damaged while the service is down. It refuses to start and names the file.

The promise is never to start silently with less data; damage to unused bytes may go unnoticed.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from reliability.checks import Bounds
from reliability.findings import Control, Experiment, Findings, Trial, together
from reliability.judge import judge
from reliability.oracle import CALLS, ORDER, Oracle
from reliability.processes import DidNotStart
from reliability.sender import load, users
from reliability.stage import Stage

USERS = 10
EACH = 20
REFUSED_CODE = 2
_PAGE = 4096
# Browsee is down, so that everything acknowledged is still in the queue when the file is damaged.
_AWAY = "http://127.0.0.1:9"

Damage: TypeAlias = Callable[[Path, random.Random], None]


def _overwrite(file: Path, place: int, text: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(text)


def header(file: Path, _: random.Random) -> None:
    """The first bytes of the database."""
    _overwrite(file, 0, b"\xff" * 100)


def cut_short(file: Path, _: random.Random) -> None:
    """The database without its second half."""
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2 // _PAGE * _PAGE)


def pages(file: Path, chance: random.Random) -> None:
    """Random bytes in some pages, but not in the schema's."""
    count = file.stat().st_size // _PAGE
    for page in chance.sample(range(2, count), max(1, count // 4)):
        _overwrite(file, page * _PAGE, chance.randbytes(_PAGE))


def log(file: Path, chance: random.Random) -> None:
    """A frame in the middle of the write-ahead log."""
    wal = file.with_name(f"{file.name}-wal")
    _overwrite(wal, wal.stat().st_size // 2, chance.randbytes(64))


def log_header(file: Path, chance: random.Random) -> None:
    """The first bytes of the write-ahead log."""
    _overwrite(file.with_name(f"{file.name}-wal"), 0, chance.randbytes(32))


DAMAGES: Mapping[str, tuple[Damage, bool]] = {
    "the header": (header, False),
    "cut short": (cut_short, False),
    "pages": (pages, False),
    "the log": (log, True),
    "the log's header": (log_header, True),
}
"""Each damage, and whether the service was killed, which leaves a log, or stopped, which does not."""


async def run(trial: Trial) -> Findings:
    """Each damage to a queue of its own; in the short form the two that a file system is most likely to cause."""
    found = []
    chosen = ("the header", "the log") if trial.is_short else tuple(DAMAGES)
    for name in chosen:
        damage, killed = DAMAGES[name]
        one = await _damage(replace(trial, folder=_folder(trial, name)), damage, killed=killed)
        # The letter stays in front.
        found.append(replace(one, broken=tuple(f"{line[:3]}{name}: {line[3:]}" for line in one.broken)))
    return together(found)


async def run_wrong(trial: Trial) -> Findings:
    """The file is replaced by an empty one, a valid queue with less data: the check must detect the loss."""
    return await _damage(trial, lambda file, _: file.unlink(), killed=False)


def _folder(trial: Trial, name: str) -> Path:
    folder = trial.folder / name.replace(" ", "-").replace("'", "")
    folder.mkdir()
    return folder


async def _damage(trial: Trial, damage: Damage, *, killed: bool) -> Findings:
    oracle = Oracle()
    async with Stage.opened(trial.folder, starts=False) as stage:
        stage.browsee_url = _AWAY
        await stage.start()
        await load(stage, oracle, users(USERS), each=EACH, event=ORDER)
        await (stage.kill() if killed else stage.stop())
        damage(stage.queue, trial.chance)
        stage.browsee_url = ""
        try:
            await stage.start()
        except DidNotStart as refused:
            return Findings(acked=len(oracle), broken=tuple(_unclear(stage, refused)))
        bounds = Bounds(duplicates=USERS * len(CALLS[ORDER]))
        return await judge(stage, oracle, bounds=bounds, rest_s=3.0)


def _unclear(stage: Stage, refused: DidNotStart) -> list[str]:
    if refused.code == REFUSED_CODE and stage.queue.name in refused.said:
        return []
    return [f"H: it ended with {refused.code} and did not name the file"]


EXPERIMENT = Experiment(
    number="2",
    what="damage to the queue file while it is down",
    run=run,
    control=Control("the file is removed", "C", run_wrong),
    # SQLite has no checksum of a page.
    gaps=tuple(f"{letter}: pages" for letter in "LHBC"),
    no_server="it damages the file of the queue or its disk: for a server that is the server's matter",
)
