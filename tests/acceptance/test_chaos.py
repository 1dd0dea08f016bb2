"""The short form of the reliability kit: each experiment on real processes, and each control with a fault put in."""

import os
from pathlib import Path

import pytest

from adapter.chaos.kit import EXPERIMENTS, Verdict, run_all

TOGETHER_S = 300


@pytest.mark.timeout(TOGETHER_S)
async def test_what_is_promised_holds_and_a_fault_shows(tmp_path: Path) -> None:
    """No promise breaks under an experiment, and the same with a fault put in breaks the promise it must."""
    rows = await run_all(EXPERIMENTS, folder=tmp_path, is_short=True, at_once=2 + (os.cpu_count() or 2))
    assert [(row.number, row.what, row.verdict, row.text) for row in rows if not row.is_good] == []
    ran = {row.number for row in rows if row.verdict is not Verdict.SKIPPED}
    assert ran >= {"1", "3", "5", "6", "7", "13", "15"}, "these need nothing that a machine could lack"
