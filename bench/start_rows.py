"""A row about the start-up time of a command, with the wheel installed."""

import subprocess
import sys
import time
import venv
from pathlib import Path

from bench.measure import Row, Sample

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 20


async def version(folder: Path) -> Row:
    """Milliseconds of `browsee-adapter --version` against those of an idle Python, each a process."""
    python = _environment(folder)
    ours, theirs = [str(python.parent / "browsee-adapter"), "--version"], [str(python), "-c", "pass"]
    pairs = [(_ms(ours), _ms(theirs)) for _ in range(PAIRS + 1)][1:]
    what = f"`--version` of the installed wheel, {PAIRS} pairs"
    samples = [tuple(map(Sample, side)) for side in zip(*pairs, strict=True)]
    return Row("version", what, "ms", "`python -c pass`", "≤ 4", samples[0], samples[1])


START_ROWS = (version,)


def _environment(folder: Path) -> Path:
    """The Python of a fresh environment with the wheel, whose dependencies `--version` does not need."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, cwd=folder, check=True)
    return python


def _ms(command: list[str]) -> float:
    started_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - started_s)
