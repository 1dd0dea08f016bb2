"""Where nothing can be recorded the experiment is skipped, and says why."""

from pathlib import Path

import pytest

from reliability.findings import Skipped
from reliability.recorder import Recorder


def test_a_machine_without_strace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is reported, and where it can be had."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Skipped, match="needs strace"):
        Recorder(tmp_path / "strace.txt")


async def test_a_machine_that_forbids_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is there and may not look at a process is no fault of the adapter."""
    tool = tmp_path / "strace"
    tool.write_text("#!/bin/sh\necho 'ptrace: Operation not permitted' >&2\nexit 1\n", encoding="ascii")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    recorder = Recorder(tmp_path / "strace.txt")
    with pytest.raises(Skipped, match="does not allow tracing a process"):
        await recorder.try_out()
