"""The short form of the reliability kit: each experiment on real processes, and each control with a fault put in."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from reliability.kit import EXPERIMENTS, ExperimentVerdict, run_all
from reliability.polling import until

pytestmark = pytest.mark.alone

TOGETHER_S = 300
LONGEST = ("17", "4")
"""They mostly wait, and begin first, so that the others pass meanwhile."""


@pytest.mark.timeout(TOGETHER_S)
async def test_what_is_promised_holds_and_a_fault_shows(tmp_path: Path) -> None:
    """No promise breaks under an experiment, and the same with a fault put in breaks the promise it must."""
    longest_first = sorted(EXPERIMENTS, key=lambda experiment: experiment.number not in LONGEST)
    rows = await run_all(longest_first, folder=tmp_path, is_short=True, at_once=2 + (os.cpu_count() or 2))
    assert [(row.number, row.what, row.verdict, row.text) for row in rows if not row.is_good] == []
    ran = {row.number for row in rows if row.verdict is not ExperimentVerdict.SKIPPED}
    assert ran >= {"1", "3", "5", "6", "7", "10", "13", "14", "15", "16", "17"}, (
        "these need nothing that a machine could lack"
    )


async def test_it_leaves_nothing_behind_when_it_is_stopped(tmp_path: Path) -> None:
    """SIGTERM ends the command, and with it every process it has started."""
    command = ("-m", "adapter", "chaos", "3", "--folder", str(tmp_path))
    kit = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.DEVNULL)

    async def has_started() -> bool:
        return _count_of(tmp_path) > 1

    assert await until(has_started, within_s=60)
    kit.terminate()
    assert await asyncio.wait_for(kit.wait(), 60) == 1
    assert _count_of(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def _count_of(folder: Path) -> int:
    """Processes that were started with something in `folder`."""
    count = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += str(folder).encode() in file.read_bytes()
        except OSError:
            continue
    return count
