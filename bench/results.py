"""Results as a table for a reader, and as JSON so that two commits can be compared."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct
from rich import box
from rich.table import Table

from bench.measure import ROUNDS, Row, Sample, Spread


class Results(Struct, frozen=True):
    """One run: on which machine, of which commit, when (ISO 8601), and its rows."""

    commit: str
    machine: str
    at: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """One line about the run."""
        return f"Medians of {ROUNDS} pairs, {self.machine}, commit {self.commit}"


def results(rows: list[Row]) -> Results:
    """The rows with the machine and the commit of this run."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}"
    return Results(_commit(), machine, datetime.now(UTC).isoformat(timespec="seconds"), tuple(rows))


def write(found: Results, file: Path) -> None:
    """As JSON, indented."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


def read(file: Path) -> Results:
    """The results that `write` wrote. Raises OSError, and msgspec.DecodeError or msgspec.ValidationError otherwise."""
    return msgspec.json.decode(file.read_bytes(), type=Results)


def table(found: Results) -> Table:
    """Each row's figures, its ratio to the peer by wall clock and by CPU, with the quartiles, and its target."""
    made = Table(title=found.title, box=box.SIMPLE)
    for heading in ("row", "adapter", "peer", "ratio", "CPU ratio", "target"):
        made.add_column(heading, justify="left" if heading == "row" else "right", no_wrap=True)
    for row in found.rows:
        name = f"[bold]{row.name}[/bold]\n{row.unit}"
        made.add_row(name, _side(row.ours), _side(row.theirs), _spread(row.ratio), _spread(row.cpu_ratio), row.target)
    return made


def legend(found: Results) -> Table:
    """What each row measures, and against what."""
    made = Table(box=None, show_header=False)
    for row in found.rows:
        made.add_row(f"[bold]{row.name}[/bold]", f"{row.what}; peer: {row.peer}")
    return made


def comparison(before: Results, after: Results) -> Table:
    """Ratios to the peer of both runs: the peer cancels the differences between two hours on one machine."""
    made = Table(title=f"{before.commit} ({before.machine})\n→ {after.commit} ({after.machine})", box=box.SIMPLE)
    for heading in ("row", "", "before", "after", "change"):
        made.add_column(heading, justify="left" if heading in ("row", "") else "right", no_wrap=True)
    earlier = {row.name: row for row in before.rows}
    for row in after.rows:
        if (old := earlier.get(row.name)) is not None:
            made.add_row(row.name, "ratio", *_change(old.ratio, row.ratio))
            made.add_row("", "CPU ratio", *_change(old.cpu_ratio, row.cpu_ratio))
    return made


def _change(before: Spread | None, after: Spread | None) -> tuple[str, str, str]:
    change = f"× {after.middle / before.middle:.2f}" if before and after else "–"
    return _spread(before), _spread(after), change


def side_figures(samples: tuple[Sample, ...]) -> tuple[str, str]:
    """The median figure of one side, and its CPU for each event with the unit; empty if there is none."""
    if not samples:
        return "", ""
    figure = median(sample.figure for sample in samples)
    cpu = [sample.cpu_us for sample in samples if sample.cpu_us is not None]
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}", f"{median(cpu):,.0f} µs" if cpu else ""


def _side(samples: tuple[Sample, ...]) -> str:
    figure, cpu = side_figures(samples)
    return f"{figure}\n{cpu} CPU" if cpu else figure or "–"


def _spread(found: Spread | None) -> str:
    return "–" if found is None else f"{found.middle:.2f}\n{found.low:.2f}–{found.high:.2f}"


def _commit() -> str:
    """The short name of the commit, with `+` where files differ from it; `unknown` outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return f"{name}+" if _git("status", "--porcelain", "--untracked-files=no") else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return found.stdout.strip()
