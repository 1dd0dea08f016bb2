"""The guide for senders and the list of clients say what the code and the tests do."""

import re
from pathlib import Path

from adapter.http.responses import Reply, respond
from tests.clients.installed import versions

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "senders.md").read_text(encoding="utf-8")
TOOLS = {"@segment/actions-core", "playwright-core"}
"""What runs clients, and is none."""


def test_every_error_is_explained() -> None:
    """Every status and code that a sender can get is in the guide, and no other."""
    explained = {(int(status), code) for status, code in re.findall(r"(?m)^\| (\d+) \| `(\w+)` \|", GUIDE)}
    answered = {(respond(reply).status, reply.value) for reply in Reply}
    assert explained == answered - {(200, "stored")}


def test_the_clients_that_are_listed_are_those_that_are_run() -> None:
    """The guide promises no version that the tests do not run, and forgets none that they do."""
    listed = {
        package: tuple(found.split(", ")) for package, found in re.findall(r"(?m)^\| `([^`]+)` \| ([\d., ]+) \|", GUIDE)
    }
    assert listed == {package: found for package, found in versions().items() if package not in TOOLS}
