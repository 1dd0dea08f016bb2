"""Experiment 12: the machine's clock jumps by an hour, back, by three days and by ten years, with the service running
and across restarts. Needs libfaketime.
"""

from pathlib import Path

from reliability.believing import MODULE
from reliability.findings import Control, Experiment, Findings, Skipped, Trial
from reliability.judge import fresh, judge
from reliability.oracle import Message, Oracle
from reliability.sender import load, send, users
from reliability.stage import Setup, Stage

JUMPS = ("+1h", "-1h", "-3d", "+10y", "+0")
USERS = 5
EACH = 10
_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")


async def run(trial: Trial) -> Findings:
    """Each jump during the run, then a kill and a start at that time."""
    oracle, broken = Oracle(), list[str]()
    async with Stage.opened(trial.folder, Setup(queue=trial.queue), starts=False) as stage:
        _jump(stage, "+0")
        await stage.start()
        for number, jump in enumerate(JUMPS):
            await load(stage, oracle, users(USERS, f"before-{number}"), each=EACH)
            _jump(stage, jump)
            await load(stage, oracle, users(USERS, f"after-{number}"), each=EACH)
            broken += await fresh(stage, oracle, stage.calls, user=f"fresh-{number}")
            await stage.stop()
            await stage.start()
            # Copies of earlier messages: the jump must not make them new events.
            await send(stage, oracle, [Message(f"before-{number}-{user}", 0) for user in range(USERS)])
        return await judge(stage, oracle, broken=broken)


async def run_wrong(trial: Trial) -> Findings:
    """A service that trusts a clock ten days ahead, beyond the dedup window: the check must detect the copies."""
    oracle = Oracle()
    async with Stage.opened(trial.folder, Setup(module=MODULE, queue=trial.queue), starts=False) as stage:
        _jump(stage, "+0")
        await stage.start()
        await load(stage, oracle, users(USERS), each=1)
        await fresh(stage, oracle, stage.calls)
        await stage.stop()
        _jump(stage, "+10d")
        await stage.start()
        await load(stage, oracle, users(USERS), each=1)
        return await judge(stage, oracle)


def _jump(stage: Stage, offset: str) -> None:
    """Set the clock of the adapter, now and for its next start."""
    library = next((file for pattern in _LIBRARIES for file in Path("/").glob(pattern[1:])), None)
    if library is None:
        raise Skipped("needs libfaketime (Debian: apt install libfaketime)")
    offset_file = stage.folder / "faketime"
    offset_file.write_text(offset, encoding="ascii")
    stage.environ = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset_file),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        # Its correction of monotonic waits makes Python's threads wait as long as the clock was changed.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


EXPERIMENT = Experiment(
    number="12",
    what="the clock jumps +1 h, -1 h, -3 d, +10 y",
    run=run,
    control=Control("a clock ten days ahead is believed at once", "D", run_wrong),
)
