"""The unit for systemd: taken by systemd, hardened, and in step with the service."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from adapter.cli.ending import BROKEN_INPUT
from adapter.service.app import GRACE_S
from adapter.settings.environment import VARIABLES
from adapter.wire.durations import duration_s

UNIT = Path(__file__).parents[1] / "deploy/systemd/browsee-adapter.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
MOST_EXPOSED = 20
"""Of 100, as systemd weighs it; it says that up to 20 is OK."""


def service() -> dict[str, str]:
    """The keys of [Service]; of a key that stands twice, the last."""
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # keys keep their capitals; the way that ConfigParser documents
    parser.read(UNIT, encoding="utf-8")
    return dict(parser["Service"])


def analyzed(folder: Path, *words: str) -> str:
    """What systemd-analyze says of the unit, whose program is not installed here."""
    unit = folder / UNIT.name
    program = service()["ExecStart"].split()[0]
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(program, "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", *words, unit], capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


@needs_systemd
def test_systemd_takes_it(tmp_path: Path) -> None:
    """Without a warning: an unknown key would be ignored at the machine."""
    assert analyzed(tmp_path, "verify", "--man=no") == ""


@needs_systemd
def test_it_is_hardened(tmp_path: Path) -> None:
    """By systemd's own measure."""
    analyzed(tmp_path, "security", "--offline=true", f"--threshold={MOST_EXPOSED}")


def test_it_waits_for_calls_under_way() -> None:
    """A kill before the end of the grace would repeat calls."""
    assert duration_s(service()["TimeoutStopSec"]) > GRACE_S


def test_a_mistake_in_the_settings_is_not_tried_again() -> None:
    """Starting again does not repair a file."""
    assert service()["RestartPreventExitStatus"] == str(BROKEN_INPUT)


def test_the_queue_is_in_the_folder_that_systemd_keeps() -> None:
    """All else is read-only for the service."""
    variables = dict(pair.split("=", 1) for pair in service()["Environment"].split())
    assert variables["ADAPTER_QUEUE"].startswith(f"sqlite:////var/lib/{service()['StateDirectory']}/")
    assert "ADAPTER_QUEUE" in VARIABLES
