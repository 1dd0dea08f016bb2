"""The bundles of the console are byte by byte what their inputs produce."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from adapter.console.web import FOLDER

TOOLS = Path(__file__).parents[2] / "scripts" / "console-vendor"


@pytest.mark.skipif(shutil.which("npm") is None, reason="without npm the sums alone say that the bundles are the built")
def test_building_them_again_makes_the_same(tmp_path: Path) -> None:
    """From the lock, in another folder."""
    shutil.copytree(TOOLS, tmp_path / "tools", ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    installed = subprocess.run(
        install, cwd=tmp_path / "tools", capture_output=True, text=True, timeout=100, check=False
    )
    if installed.returncode:
        assert not os.environ.get("CI"), installed.stderr
        pytest.skip("npm could not install the packages: the sums alone say that the bundles are the built ones")
    subprocess.run(["node", "build.mjs", tmp_path / "vendor"], cwd=tmp_path / "tools", capture_output=True, check=True)
    built = {file.name: file.read_bytes() for file in (tmp_path / "vendor").iterdir()}
    assert built == {file.name: file.read_bytes() for file in (FOLDER / "vendor").iterdir()}
