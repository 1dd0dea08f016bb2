"""The lines of docs/api.md, pasted into a shell beside a running service."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from adapter.model import Dead, Delivered, Reason
from tests.operated import TOKEN, service, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_line_can_be_pasted(shown: dict[str, str]) -> None:
    """Each is answered with what it is for: JSON without an error, or a file of lines."""
    for line, said in shown.items():
        if " -o " not in line:
            assert "success" not in json.loads(said), line
    assert len(shown) == PAGE.count("\ncurl ")


def test_they_show_what_the_page_says(shown: dict[str, str]) -> None:
    """The events that are there, their end, what a message becomes."""
    found = {
        line.split("$ADAPTER")[1].split("'")[0].strip('" '): json.loads(said or "null") for line, said in shown.items()
    }
    assert found["/api/event?id=1"]["found"][0]["outcome"] == "delivered"
    assert found["/api/where?id=order-1"]["found"][0]["line"].startswith("shop/order-1: delivered")
    assert found["/api/dead/causes"]["causes"][0]["count"] == 1


@pytest.fixture
async def shown(tmp_path: Path) -> dict[str, str]:
    """What each line of the page prints."""
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    ended = [
        Ended(an_order("order-1"), Delivered()),
        Ended(an_order("order-2"), Dead(Reason.REFUSED, "total is required")),
    ]
    await fill(tmp_path / "sandbox.db", ended, [a_rejection()])
    with service(settings_in(tmp_path, sandbox=True)) as url:
        environ = {**os.environ, "ADAPTER": url, "AUTH": f"Authorization: Bearer {TOKEN}"}
        lines = re.findall(r"(?m)^curl .*$", PAGE)
        return {line: run(line, environ, tmp_path) for line in lines}


def run(line: str, environ: dict[str, str], folder: Path) -> str:
    done = subprocess.run(["sh", "-c", line], env=environ, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, line + done.stderr
    return done.stdout
