"""The scripts of the Makefile: what they share with other programs of the machine."""

import asyncio
import fcntl
import re
import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt-get")
async def test_apt_waits_for_another_one(tmp_path: Path) -> None:
    """A test run does not fail because the machine installs its updates at that moment."""
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    with (tmp_path / "lists" / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        nowhere = [f"Dir::State::Lists={tmp_path}/lists", "Dir::Etc::sourcelist=/dev/null"]
        nowhere += ["Dir::Etc::sourceparts=/dev/null", f"Dir::Cache={tmp_path}"]
        options = [word for option in nowhere for word in ("-o", option)]
        apt = await asyncio.create_subprocess_exec(SCRIPTS / "apt", *options, "update", "-qq")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(apt.wait()), 1)
    assert await asyncio.wait_for(apt.wait(), 10) == 0


@pytest.mark.parametrize("script", sorted(filter(Path.is_file, SCRIPTS.iterdir())), ids=lambda script: script.name)
def test_no_script_calls_apt_without_waiting(script: Path) -> None:
    """Every install goes through `scripts/apt`."""
    direct = re.findall(
        r"apt-get .*\b(?:update|install|download)\b", re.sub("(?m)^ *echo .*|.*>&2.*", "", script.read_text())
    )
    assert direct == []
