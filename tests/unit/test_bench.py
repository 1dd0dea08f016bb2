"""`make bench` computes ratios by pairs and can compare the results of two runs."""

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.__main__ import MEASURES, main
from bench.measure import ROUNDS, Row, Sample, in_turn
from bench.processes import cpu_us
from bench.results import comparison, legend, read, results, table, write


def _row(*pairs: tuple[Sample, Sample], name: str = "fast") -> Row:
    ours, theirs = zip(*pairs, strict=True) if pairs else ((), ())
    return Row(name=name, what="what", unit="acks/s", peer="peer", target="≥ 1", ours=tuple(ours), theirs=tuple(theirs))


def _shown(*tables: object) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(*tables)
    return captured.get()


def test_a_ratio_is_taken_within_each_pair() -> None:
    """A slow hour of the machine slows both sides of its pairs: the ratio does not show it."""
    row = _row((Sample(50), Sample(100)), (Sample(5), Sample(10)), (Sample(60), Sample(100)))
    assert row.ratio is not None
    assert (row.ratio.middle, row.ratio.high) == pytest.approx((0.5, 0.55))


def test_a_ratio_of_cpu_is_worse_when_ours_is_higher() -> None:
    """It reads as a ratio of rates does. A side without a figure of CPU gives none."""
    row = _row((Sample(1, cpu_us=200), Sample(1, cpu_us=50)))
    assert row.cpu_ratio is not None
    assert row.cpu_ratio.middle == 0.25
    assert _row((Sample(1, cpu_us=200), Sample(1))).cpu_ratio is None
    assert _row().ratio is None


async def test_both_sides_are_measured_in_turn_and_the_first_round_does_not_count() -> None:
    """A B A B …"""
    calls: list[str] = []

    async def ours(number: int) -> Sample:
        calls.append(f"ours {number}")
        return Sample(number)

    async def theirs(number: int) -> Sample:
        calls.append(f"theirs {number}")
        return Sample(-number)

    found = await in_turn(ours, theirs)
    assert calls[:4] == ["ours 0", "theirs 0", "ours 1", "theirs 1"]
    assert [sample.figure for sample in found[0]] == list(range(1, ROUNDS + 1))
    assert [sample.figure for sample in found[1]] == [-number for number in range(1, ROUNDS + 1)]


def test_the_cpu_of_a_process_grows_with_its_work() -> None:
    """By as much as Python's own clock of this process says, in steps of 10 ms."""
    before, started_s = cpu_us(os.getpid()), time.process_time()
    while time.process_time() - started_s < 0.3:
        pass
    after = cpu_us(os.getpid())
    if before is None or after is None:
        pytest.skip("this system has no /proc")
    assert after - before == pytest.approx((time.process_time() - started_s) * 1e6, abs=40_000)


def test_the_cpu_of_no_process_is_none() -> None:
    """A process that ended has no figures any more."""
    assert cpu_us(2**22 + 1) is None


def test_results_are_written_read_and_compared(tmp_path: Path) -> None:
    """By the name of the row; a row that only one run has is left out."""
    before = results([_row((Sample(1, 30), Sample(2, 10))), _row((Sample(1), Sample(1)), name="gone")])
    write(before, tmp_path / "before.json")
    assert read(tmp_path / "before.json") == before
    after = results([_row((Sample(3, 20), Sample(4, 10))), _row((Sample(1), Sample(1)), name="new")])
    text = _shown(comparison(before, after))
    assert "× 1.50" in text
    assert [name for name in ("fast", "gone", "new") if name in text] == ["fast"]


def test_a_row_without_a_peer_is_shown() -> None:
    """Where there is no node, there is no mapping-kit."""
    found = results([Row("alone", "what", "µs", "peer", "≤ 1", (Sample(3.25),), ())])
    assert "3.2" in _shown(table(found))
    assert "what; peer: peer" in _shown(legend(found))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["fast"], "'fast' is not one of"), (["--against", "README.md"], "README.md is not a file that `--out` wrote")],
)
def test_what_is_asked_for_wrongly_is_said_before_anything_is_measured(arguments: list[str], said: str) -> None:
    """With the names that are allowed."""
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 2
    assert said in found.output


def test_one_row_can_be_measured(tmp_path: Path) -> None:
    """The name of a row is the name of the function that measures it, and its results go to a file too."""
    out = tmp_path / "one.json"
    found = CliRunner().invoke(main, ["likes", "--out", str(out)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert [row.name for row in read(out).rows] == ["likes"]
    assert "likes" in MEASURES
