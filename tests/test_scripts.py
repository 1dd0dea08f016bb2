"""The scripts of the Makefile: what they share with other programs of the machine, and when they have nothing to do."""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
import sys
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


LONG_AGO = (0, 0)


def stamp(*words: str | Path) -> int:
    """The status that `scripts/stamp` exits with."""
    return subprocess.run([SCRIPTS / "stamp", *words], check=False).returncode


def test_a_stamp_is_of_contents(tmp_path: Path) -> None:
    """A checkout or a copy changes times without contents, and contents without times."""
    lock, other, file = tmp_path / "a.lock", tmp_path / "b.lock", tmp_path / "stamp"
    lock.write_text("one==1\n")
    other.write_text("two==2\n")
    assert stamp("same", file, lock, other) != 0
    file.touch()
    assert stamp("same", file, lock, other) != 0
    assert stamp("write", file, lock, other) == 0
    assert stamp("same", file, lock, other) == 0
    os.utime(file, LONG_AGO)
    assert stamp("same", file, lock, other) == 0
    other.write_text("two==3\n")
    os.utime(other, LONG_AGO)
    assert stamp("same", file, lock, other) != 0
    assert stamp("same", file, lock) != 0


def test_a_stamp_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A checkout whose .venv is a copy by hard links does not write into the other's stamp."""
    lock, file, linked = tmp_path / "a.lock", tmp_path / "stamp", tmp_path / "linked"
    lock.write_text("one==1\n")
    stamp("write", file, lock)
    before = file.read_text()
    linked.hardlink_to(file)
    lock.write_text("one==2\n")
    assert stamp("write", file, lock) == 0
    assert linked.read_text() == before != file.read_text()
    assert {left.name for left in tmp_path.iterdir()} == {"a.lock", "stamp", "linked"}


def test_venv_installs_what_another_lock_names(tmp_path: Path) -> None:
    """Nothing is done twice; a lock or pyproject.toml of other contents is installed, whatever their times."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("venv", "stamp"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts" / name)
    for name in ("requirements/run.lock", "requirements/dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text("first\n")
    said = tmp_path / "installed"
    pip = tmp_path / ".venv" / "bin" / "python"
    pip.write_text(f'#!/bin/sh\necho "$*" >>{said}\n')
    pip.chmod(0o755)

    def installs(which: str) -> int:
        said.write_text("")
        command = [str(tmp_path / "scripts" / "venv"), which]
        subprocess.run(command, check=True, env={**os.environ, "PYTHON": sys.executable}, stdout=subprocess.DEVNULL)
        return len(said.read_text().splitlines())

    assert [installs("run"), installs("run"), installs("dev"), installs("dev"), installs("run")] == [2, 0, 2, 0, 0]
    for name in ("requirements/dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text("second\n")
        os.utime(tmp_path / name, LONG_AGO)
        assert [installs("dev"), installs("dev")] == [2, 0]
    # After an install of the one, the other's packages may have other versions.
    (tmp_path / "requirements/run.lock").write_text("second\n")
    assert [installs("run"), installs("dev")] == [2, 2]


@pytest.mark.parametrize("script", sorted(filter(Path.is_file, SCRIPTS.iterdir())), ids=lambda script: script.name)
def test_no_script_decides_by_the_time_of_a_file(script: Path) -> None:
    """What is installed is known by what was installed."""
    assert re.findall(r" -[no]t |^\s*touch ", re.sub("(?m)^ *#.*", "", script.read_text()), re.MULTILINE) == []
