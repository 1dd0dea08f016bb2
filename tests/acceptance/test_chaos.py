"""The short form of the reliability kit: each experiment on real processes, and each control with a fault put in."""

from pathlib import Path

import pytest

from adapter.chaos.findings import Experiment
from adapter.chaos.kit import EXPERIMENTS, Verdict, run

SEED = 1


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: f"{experiment.number} {experiment.what}")
async def test_what_is_promised_holds_and_a_fault_shows(tmp_path: Path, experiment: Experiment) -> None:
    """No promise breaks under the experiment, and the same with a fault put in breaks the promise it must."""
    rows = await run(experiment, seeds=[SEED], is_short=True, folder=tmp_path, ran=lambda: None)
    if rows[0].verdict is Verdict.SKIPPED:
        pytest.skip(rows[0].text)
    assert [(row.what, row.text) for row in rows if not row.is_good] == []
    assert len(rows) == 2
